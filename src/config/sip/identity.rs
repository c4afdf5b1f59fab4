//! Reads `[trunk.identity]` and `[trunk.session_timer]`: which header says which number, how sessions are watched.

use std::time::Duration;

use super::{IdentityConfig, NumberScheme, SessionTimerConfig, SessionTimerUse, WhoseNumber};
use crate::config::{quantity, section::Section};

/// Reads the first. `has_account`: numbers may be the account's.
pub(super) fn read(mut section: Section<'_>, has_account: bool) -> IdentityConfig {
    let words = WhoseNumber::ALL.map(|whose| (whose.name(), whose));
    // From is always there.
    let numbers =
        [("shown", WhoseNumber::Shown), ("caller", WhoseNumber::Caller), ("account", WhoseNumber::Account)];
    let schemes = NumberScheme::ALL.map(|scheme| (scheme.name(), scheme));
    let contact = if has_account { WhoseNumber::Account } else { WhoseNumber::Caller };
    let identity = IdentityConfig {
        from: section.choice("from", &numbers).or(WhoseNumber::Shown),
        // IMS asserts the assigned number and shows the other.
        asserted: section.choice("asserted", &words).or(WhoseNumber::Caller),
        preferred: section.choice("preferred", &words).or(WhoseNumber::None),
        diversion: section.choice("diversion", &words).or(WhoseNumber::None),
        // Some carriers hold it against the registered number.
        contact: section.choice("contact", &numbers).or(contact),
        scheme: section.choice("scheme", &schemes).or(NumberScheme::Sip),
        user_phone: section.flag("user_phone").or(true),
    };
    if section.is_sound() && !has_account {
        let fields = [
            ("from", identity.from),
            ("asserted", identity.asserted),
            ("preferred", identity.preferred),
            ("diversion", identity.diversion),
            ("contact", identity.contact),
        ];
        for (key, _) in fields.into_iter().filter(|(_, whose)| *whose == WhoseNumber::Account) {
            section.note(key, "\"account\" is not allowed: the trunk has no [trunk.account]");
        }
    }
    section.finish();
    identity
}

/// Reads the second.
pub(super) fn session_timer(mut section: Section<'_>) -> SessionTimerConfig {
    let (least, most) = (Duration::from_secs(90), Duration::from_secs(24 * 3600));
    let timer = SessionTimerConfig {
        usage: section
            .choice("use", &SessionTimerUse::ALL.map(|usage| (usage.name(), usage)))
            .or(SessionTimerUse::Offer),
        // RFC 4028 §4 recommends half an hour.
        expires: section.duration("expires", least, most).or(Duration::from_secs(1800)),
        // RFC 4028 §5: the shortest that may be asked for.
        least: section.duration("least", least, most).or(least),
    };
    if section.is_sound() && timer.expires < timer.least {
        let (expires, least) = (quantity::written(timer.expires), quantity::written(timer.least));
        section.note("expires", format!("{expires} is not allowed: no less than least, {least}"));
    }
    section.finish();
    timer
}
