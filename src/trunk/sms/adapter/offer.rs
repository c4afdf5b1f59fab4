//! What the binds of one account offer: what is configured, until the carrier refuses that and takes something else.
//! What it took is remembered while the process lives.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// What follows a refused bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: there is no other way to bind.
    None,
    /// The next bind is another one. The text says what changed, to the first link that learns of it.
    Retry(Option<String>),
    /// There is another way, but only a person can open it: what to change.
    Advice(String),
}

/// The version that an account's binds ask for. Shared by its links; each field changes by itself.
#[derive(Debug)]
pub struct Offer {
    configured: u8,
    may_fall_back: bool,
    version: AtomicU8,
    /// The carrier took a bind of a lower version.
    proven: AtomicBool,
}

impl Offer {
    /// Offers `configured`, and less where that `may_fall_back`.
    pub fn new(configured: u8, may_fall_back: bool) -> Self {
        Self { configured, may_fall_back, version: AtomicU8::new(configured), proven: AtomicBool::new(false) }
    }

    /// What the next bind asks for, as the protocol writes it.
    pub fn version(&self) -> u8 {
        self.version.load(Relaxed)
    }

    /// A bind of the version `offered` was refused for that version; `lower` is what the carrier may take.
    pub fn refused(&self, offered: u8, lower: u8) -> Fallback {
        if offered <= lower {
            return self.refused_anyhow(offered);
        }
        if !self.may_fall_back {
            let advice = format!(
                "set version_fallback = true to try {}, or name the version in protocol",
                shown(lower)
            );
            return Fallback::Advice(advice);
        }
        let is_first = self.version.swap(lower, Relaxed) != lower;
        let text = format!("the carrier refuses version {}: trying {}", shown(offered), shown(lower));
        Fallback::Retry(is_first.then_some(text))
    }

    /// A bind of the version `offered` was refused for another reason. If a lower version never worked, the version
    /// was not the reason, so the next bind asks for what is configured.
    pub fn refused_anyhow(&self, offered: u8) -> Fallback {
        if offered < self.configured && !self.proven.load(Relaxed) {
            self.version.store(self.configured, Relaxed);
        }
        Fallback::None
    }

    /// A bind was accepted. Says so once if it was of a lower version than configured.
    pub fn accepted(&self) -> Option<String> {
        let version = self.version();
        let is_news = version < self.configured && !self.proven.swap(true, Relaxed);
        is_news.then(|| {
            let (shown, configured) = (shown(version), shown(self.configured));
            format!("the carrier takes version {shown}, not {configured}: remembered until the daemon ends")
        })
    }
}

/// 0x34 → 3.4
fn shown(version: u8) -> String {
    format!("{}.{}", version >> 4, version & 0x0f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_back_once_and_remembers_what_worked() {
        let offer = Offer::new(0x50, true);
        assert!(matches!(offer.refused(0x50, 0x34), Fallback::Retry(Some(_))));
        assert_eq!(offer.refused(0x50, 0x34), Fallback::Retry(None), "another link's bind, under way before");
        assert_eq!(offer.version(), 0x34);
        assert!(offer.accepted().is_some_and(|text| text.contains("3.4")));
        assert_eq!(offer.accepted(), None);
        assert_eq!(offer.refused_anyhow(0x34), Fallback::None);
        assert_eq!(offer.version(), 0x34);
    }

    #[test]
    fn asks_for_what_is_configured_again_when_the_version_was_not_the_reason() {
        let offer = Offer::new(0x50, true);
        offer.refused(0x50, 0x34);
        assert_eq!(offer.refused(0x34, 0x34), Fallback::None);
        assert_eq!((offer.version(), offer.accepted()), (0x50, None));
    }

    #[test]
    fn says_what_to_configure_where_it_may_not_fall_back() {
        let offer = Offer::new(0x30, false);
        let Fallback::Advice(advice) = offer.refused(0x30, 0x20) else { panic!("no advice") };
        assert!(advice.contains("version_fallback = true") && advice.contains("2.0"), "{advice}");
        assert_eq!(offer.version(), 0x30);
    }
}
