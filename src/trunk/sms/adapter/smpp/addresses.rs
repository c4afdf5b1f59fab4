//! What is said of senders and recipients: type of number, numbering plan, digits.

use codecs::smpp::{Npi, Ton};

use crate::config::NumberKind;

/// TON, NPI and source_addr of a sender: a name, a short code or a number. An international number is written without
/// its `+`, which the TON stands for. `kind` is what the carrier wants of numbers without country code.
pub(super) fn source(sender: &str, kind: NumberKind) -> (Ton, Npi, &str) {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    match sender.strip_prefix('+') {
        _ if sender.is_empty() => (Ton::UNKNOWN, Npi::UNKNOWN, sender),
        Some(number) if is_digits(number) => (Ton::INTERNATIONAL, Npi::ISDN, number),
        None if is_digits(sender) => {
            let (ton, npi) = kinds(kind, Ton::UNKNOWN);
            (ton, npi, sender)
        }
        _ => (Ton::ALPHANUMERIC, Npi::UNKNOWN, sender),
    }
}

/// TON and NPI of a recipient; `kind` is what the carrier wants of all of them.
pub(super) fn recipient(number: &str, kind: NumberKind) -> (Ton, Npi) {
    kinds(kind, if number.starts_with('+') { Ton::INTERNATIONAL } else { Ton::UNKNOWN })
}

fn kinds(kind: NumberKind, usual: Ton) -> (Ton, Npi) {
    (kind.ton.map_or(usual, Ton), kind.npi.map_or(Npi::ISDN, Npi))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: NumberKind = NumberKind { ton: None, npi: None };

    #[test]
    fn an_international_sender_loses_its_plus_and_every_other_stays_as_it_is() {
        let table = [
            ("", (Ton::UNKNOWN, Npi::UNKNOWN, "")),
            ("60777", (Ton::UNKNOWN, Npi::ISDN, "60777")),
            ("+447700900123", (Ton::INTERNATIONAL, Npi::ISDN, "447700900123")),
            ("Carrierd", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "Carrierd")),
            ("+", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "+")),
            ("A+ Shop", (Ton::ALPHANUMERIC, Npi::UNKNOWN, "A+ Shop")),
        ];
        for (sender, expected) in table {
            assert_eq!(source(sender, USUAL), expected, "{sender}");
        }
    }

    #[test]
    fn a_carrier_may_want_other_kinds_of_short_codes_and_recipients() {
        let network = NumberKind { ton: Some(3), npi: Some(0) };
        assert_eq!(source("60777", network), (Ton(3), Npi::UNKNOWN, "60777"));
        let international = (Ton::INTERNATIONAL, Npi::ISDN, "447700900123");
        assert_eq!(source("+447700900123", network), international, "the + says what it is");
        assert_eq!(source("Carrierd", network), (Ton::ALPHANUMERIC, Npi::UNKNOWN, "Carrierd"));
        assert_eq!(recipient("13800138000", USUAL), (Ton::UNKNOWN, Npi::ISDN));
        assert_eq!(recipient("+8613800138000", USUAL), (Ton::INTERNATIONAL, Npi::ISDN));
        let national = NumberKind { ton: Some(2), npi: None };
        assert_eq!(recipient("13800138000", national), (Ton::NATIONAL, Npi::ISDN));
    }
}
