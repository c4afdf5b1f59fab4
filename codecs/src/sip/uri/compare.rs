//! When two URIs are the same.

use super::{
    SipUri, TelUri, Uri, UriParams,
    escape::{Unit, same, same_folded, units},
    tel::is_separator,
};

/// Parameters that must match if either URI has them (RFC 3261 §19.1.4).
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri<'_> {
    /// Says whether both name the same resource. Different schemes never do.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(other)) => sip(one, other),
            (Self::Tel(one), Self::Tel(other)) => tel(one, other),
            (Self::Other { scheme, rest }, Self::Other { scheme: other_scheme, rest: other_rest }) => {
                scheme.eq_ignore_ascii_case(other_scheme) && rest == other_rest
            }
            _ => false,
        }
    }
}

pub(super) fn sip(one: &SipUri<'_>, other: &SipUri<'_>) -> bool {
    let users = match (one.user, other.user) {
        (Some(own), Some(theirs)) if one.is_phone() && other.is_phone() => numbers(own).eq(numbers(theirs)),
        (Some(own), Some(theirs)) => same(own, theirs),
        (own, theirs) => own == theirs,
    };
    let passwords = match (one.password, other.password) {
        (Some(own), Some(theirs)) => same(own, theirs),
        (own, theirs) => own == theirs,
    };
    users
        && passwords
        && one.secure == other.secure
        && one.host == other.host
        && one.port == other.port
        && DECISIVE.iter().all(|name| one.params.has(name) == other.params.has(name))
        && common_params_match(one.params, other.params)
        && headers_match(one, other)
        && headers_match(other, one)
}

pub(super) fn tel(one: &TelUri<'_>, other: &TelUri<'_>) -> bool {
    let every = |one: &TelUri<'_>, other: &TelUri<'_>| {
        one.params.iter().all(|(name, value)| {
            let theirs = other.params.iter().find(|(theirs, _)| same_folded(name, theirs));
            theirs.is_some_and(|(_, theirs)| {
                numbers(value.unwrap_or_default())
                    .map(Unit::folded)
                    .eq(numbers(theirs.unwrap_or_default()).map(Unit::folded))
            })
        })
    };
    one.digits()
        .map(|digit| digit.to_ascii_lowercase())
        .eq(other.digits().map(|digit| digit.to_ascii_lowercase()))
        && every(one, other)
        && every(other, one)
}

/// Octets without visual separators.
fn numbers(text: &[u8]) -> impl Iterator<Item = Unit> {
    units(text).filter(|unit| !is_separator(unit.octet))
}

/// Values of the parameters that both have are equal.
fn common_params_match(one: UriParams<'_>, other: UriParams<'_>) -> bool {
    one.iter().all(|(name, value)| {
        other
            .iter()
            .find(|(theirs, _)| same_folded(name, theirs))
            .is_none_or(|(_, theirs)| same_folded(value.unwrap_or_default(), theirs.unwrap_or_default()))
    })
}

/// Each header of `one` stands in `other` as often as in `one`.
fn headers_match(one: &SipUri<'_>, other: &SipUri<'_>) -> bool {
    let count = |uri: &SipUri<'_>, name: &[u8], value: &[u8]| {
        uri.headers.iter().filter(|(own, theirs)| same_folded(own, name) && same(theirs, value)).count()
    };
    one.headers.iter().all(|(name, value)| count(one, name, value) == count(other, name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(one: &'static str, other: &'static str) -> bool {
        let (one, other) = (Uri::parse(one.as_bytes()).unwrap(), Uri::parse(other.as_bytes()).unwrap());
        assert_eq!(one.equivalent(&other), other.equivalent(&one));
        one.equivalent(&other)
    }

    // RFC 3261 §19.1.4: its own examples.
    #[test]
    fn rfc3261_19_1_4_equivalent() {
        for (one, other) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:+86-138.0013@h;user=phone", "sip:+861380013@h;user=phone"),
        ] {
            assert!(equivalent(one, other), "{one} {other}");
        }
    }

    #[test]
    fn rfc3261_19_1_4_not_equivalent() {
        for (one, other) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@h", "sips:a@h"),
            ("sip:a@h", "sip:a:p@h"),
            ("sip:h", "sip:a@h"),
            ("sip:1-2@h", "sip:12@h"),
            ("sip:a@h?x=1&x=1", "sip:a@h?x=1&x=2"),
        ] {
            assert!(!equivalent(one, other), "{one} {other}");
        }
    }

    #[test]
    fn telephone_numbers_compare_by_digits() {
        assert!(equivalent("tel:+86-10-8888-8888;ext=12", "tel:+861088888888;EXT=1-2"));
        assert!(equivalent("tel:10086;phone-context=+86;a=b", "TEL:10086;a=B;phone-context=+8-6"));
        assert!(!equivalent("tel:10086;phone-context=+86", "tel:10086"));
        assert!(!equivalent("tel:+8610", "tel:8610"));
        assert!(equivalent("urn:a:b", "URN:a:b"));
        assert!(!equivalent("urn:a:b", "urn:a:B"));
    }
}
