//! Which links of an SMPP account submit and which receive.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use codecs::smpp::BindMode as WireBind;

use super::Fallback;
use crate::config::BindMode;

/// How the links of one account bind: as configured, or as a pair once the carrier refused transceivers. Shared by
/// the links.
#[derive(Debug)]
pub struct Roles {
    links: u32,
    is_pair: AtomicBool,
}

impl Roles {
    /// The roles of so many links.
    pub fn new(links: u32, bind: BindMode) -> Self {
        Self { links, is_pair: AtomicBool::new(bind == BindMode::Pair) }
    }

    /// How the link at this place binds next.
    pub fn of(&self, link: u32) -> WireBind {
        match self.is_pair.load(Relaxed) {
            false => WireBind::Transceiver,
            true if link < self.links.div_ceil(2) => WireBind::Transmitter,
            true => WireBind::Receiver,
        }
    }

    /// The carrier has no transceivers: a pair it is, if there may be as many connections.
    pub fn without_transceivers(&self) -> Fallback {
        if self.links < 2 {
            let advice = "it has no transceivers, and a transmitter and a receiver are two connections: set \
                          links = 2 and bind = \"pair\"";
            return Fallback::Advice(advice.to_owned());
        }
        let is_first = !self.is_pair.swap(true, Relaxed);
        let text = "the carrier has no transceivers: half of the links bind as transmitters, half as receivers, \
                    until the daemon ends; bind = \"pair\" says so from the start";
        Fallback::Retry(is_first.then(|| text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_links_submit_once_there_are_no_transceivers() {
        let roles = Roles::new(3, BindMode::Transceiver);
        assert_eq!(roles.of(2), WireBind::Transceiver);
        assert!(matches!(roles.without_transceivers(), Fallback::Retry(Some(_))));
        assert_eq!(roles.without_transceivers(), Fallback::Retry(None));
        let seen = [0, 1, 2].map(|link| roles.of(link));
        assert_eq!(seen, [WireBind::Transmitter, WireBind::Transmitter, WireBind::Receiver]);
    }

    #[test]
    fn one_connection_is_no_pair() {
        let roles = Roles::new(1, BindMode::Transceiver);
        assert!(matches!(roles.without_transceivers(), Fallback::Advice(_)));
        assert_eq!(roles.of(0), WireBind::Transceiver);
    }
}
