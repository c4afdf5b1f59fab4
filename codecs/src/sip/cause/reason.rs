//! `Reason`: why a request or a response says that something ended (RFC 3326, RFC 6432, RFC 8606).

use std::borrow::Cow;

use crate::sip::message::unquote;

/// The values of one Reason that are kept; a peer that sends more says nothing new.
const MOST_VALUES: usize = 8;

/// The octets of a raw value that are kept.
const MOST_OCTETS: usize = 256;

/// Whose causes a Reason speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// ISDN's causes.
    Q850,
    /// SIP's statuses.
    Sip,
    /// Any other; the raw value has its name.
    Other,
}

/// Where in the network a Q.850 cause was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// The user.
    User,
    /// A private network that serves the local user.
    LocalPrivate,
    /// The public network that serves the local user.
    LocalPublic,
    /// A transit network.
    Transit,
    /// The public network that serves the remote user.
    RemotePublic,
    /// A private network that serves the remote user.
    RemotePrivate,
    /// An international network.
    International,
    /// A network beyond an interworking point.
    BeyondInterworking,
    /// One of the codes without a meaning, by its number.
    Spare(u8),
}

/// RFC 8606 §4: the codes with a meaning.
const LOCATIONS: [(Location, &str); 8] = [
    (Location::User, "U"),
    (Location::LocalPrivate, "LPN"),
    (Location::LocalPublic, "LN"),
    (Location::Transit, "TN"),
    (Location::RemotePublic, "RLN"),
    (Location::RemotePrivate, "RPN"),
    (Location::International, "INTL"),
    (Location::BeyondInterworking, "BI"),
];

/// The numbers that a code without a meaning may have.
const SPARE: [u8; 8] = [6, 8, 9, 11, 12, 13, 14, 15];

impl Location {
    /// The location of this code, without case.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        if let Some((location, _)) = LOCATIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(code)) {
            return Some(*location);
        }
        let (prefix, number) = code.split_at_checked(4)?;
        let number = number.parse().ok().filter(|number| SPARE.contains(number))?;
        prefix.eq_ignore_ascii_case("LOC-").then_some(Self::Spare(number))
    }

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> Cow<'static, str> {
        match self {
            Self::Spare(number) => Cow::Owned(format!("LOC-{number}")),
            known => {
                Cow::Borrowed(LOCATIONS.iter().find(|(one, _)| *one == known).map_or("", |(_, code)| code))
            }
        }
    }
}

/// One value of a Reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Whose causes it speaks of.
    pub protocol: Protocol,
    /// The cause: 0 to 127 of Q.850, a status of SIP. `None` if there is none that can be, which the raw value shows.
    pub cause: Option<u16>,
    /// The text.
    pub text: Option<String>,
    /// Where a Q.850 cause was made.
    pub location: Option<Location>,
    /// The value as it came, at most 256 octets of it; what is not UTF-8 is replaced. Empty for one of ours.
    pub raw: String,
}

impl Reason {
    /// A Q.850 cause to be written.
    #[must_use]
    pub fn q850(cause: u8) -> Self {
        Self::new(Protocol::Q850, cause.into())
    }

    /// A SIP status to be written.
    #[must_use]
    pub fn sip(status: u16) -> Self {
        Self::new(Protocol::Sip, status)
    }

    /// The same with a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    fn new(protocol: Protocol, cause: u16) -> Self {
        Self { protocol, cause: Some(cause), text: None, location: None, raw: String::new() }
    }

    /// The values of one Reason header, in order, at most eight. What cannot be read is kept raw.
    #[must_use]
    pub fn parse_list(value: &[u8]) -> Vec<Self> {
        let members = split(value, b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
        members.take(MOST_VALUES).map(Self::parse).collect()
    }

    /// One value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let mut parts = split(value, b';').map(<[u8]>::trim_ascii);
        let protocol = match parts.next().unwrap_or_default() {
            name if name.eq_ignore_ascii_case(b"Q.850") || name.eq_ignore_ascii_case(b"Q850") => {
                Protocol::Q850
            }
            name if name.eq_ignore_ascii_case(b"SIP") => Protocol::Sip,
            _ => Protocol::Other,
        };
        let raw = String::from_utf8_lossy(&value[..value.len().min(MOST_OCTETS)]).into_owned();
        let mut reason = Self { protocol, cause: None, text: None, location: None, raw };
        for part in parts {
            let Some(equals) = part.iter().position(|octet| *octet == b'=') else { continue };
            let (name, value) = (part[..equals].trim_ascii(), part[equals + 1..].trim_ascii());
            let value = String::from_utf8_lossy(&unquote(value)).into_owned();
            if name.eq_ignore_ascii_case(b"cause") && reason.cause.is_none() {
                reason.cause = value.parse().ok().filter(|cause| protocol.has(*cause));
            } else if name.eq_ignore_ascii_case(b"text") && reason.text.is_none() {
                reason.text = Some(value);
            } else if name.eq_ignore_ascii_case(b"location") && reason.location.is_none() {
                reason.location = Location::of(&value);
            }
        }
        reason
    }

    /// The value in its canonical form; `None` of a protocol that we have no causes of.
    #[must_use]
    pub fn to_value(&self) -> Option<String> {
        let mut value = String::from(match self.protocol {
            Protocol::Q850 => "Q.850",
            Protocol::Sip => "SIP",
            Protocol::Other => return None,
        });
        if let Some(cause) = self.cause {
            value.push_str(&format!(";cause={cause}"));
        }
        if let Some(text) = &self.text {
            value.push_str(";text=\"");
            for character in text.chars().filter(|character| !character.is_control()) {
                if matches!(character, '"' | '\\') {
                    value.push('\\');
                }
                value.push(character);
            }
            value.push('"');
        }
        if let Some(location) = self.location {
            value.push_str(";location=");
            value.push_str(&location.code());
        }
        Some(value)
    }
}

impl Protocol {
    fn has(self, cause: u16) -> bool {
        match self {
            Self::Q850 => cause <= 127,
            Self::Sip => (100..700).contains(&cause),
            Self::Other => true,
        }
    }
}

/// The parts between separators that stand outside quotes. A quote that never closes quotes the rest.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |octet| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match octet {
            _ if was_escaped => false,
            b'\\' => {
                is_escaped = is_quoted;
                false
            }
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            _ => !is_quoted && *octet == separator,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_that_trunks_send() {
        for form in [
            "Q.850;cause=17;text=\"User busy\"",
            "q.850 ;cause = 17;text=User busy",
            "Q850; cause=17 ;text=\"User busy\"",
            "q850;CAUSE=17;Text = \"User busy\"",
            "Q.850;text=\"User busy\";cause=17",
        ] {
            let reason = Reason::parse(form.as_bytes());
            assert_eq!((reason.protocol, reason.cause), (Protocol::Q850, Some(17)), "{form}");
            assert_eq!(reason.text.as_deref(), Some("User busy"), "{form}");
            assert_eq!(reason.raw, form);
        }
    }

    #[test]
    fn one_header_may_speak_of_several_protocols() {
        let reasons = Reason::parse_list(
            b"Q.850;cause=16;text=\"a, b; c=\\\"d\\\"\";location=U, SIP ;cause=200;text=\"Call completed elsewhere\",, X.1;a",
        );
        assert_eq!(reasons.len(), 3);
        assert_eq!(reasons[0].text.as_deref(), Some("a, b; c=\"d\""));
        assert_eq!(reasons[0].location, Some(Location::User));
        assert_eq!((reasons[1].protocol, reasons[1].cause), (Protocol::Sip, Some(200)));
        assert_eq!((reasons[2].protocol, reasons[2].cause), (Protocol::Other, None));
        assert_eq!(reasons[2].raw, "X.1;a");
    }

    #[test]
    fn a_cause_that_cannot_be_is_none_and_stays_in_the_raw_value() {
        for form in [
            "Q.850;cause=128",
            "Q.850;cause=busy",
            "Q.850;cause=",
            "Q.850;cause=99999",
            "Q.850",
            "SIP;cause=17",
        ] {
            let reason = Reason::parse(form.as_bytes());
            assert_eq!((reason.cause, reason.raw.as_str()), (None, form));
        }
    }

    #[test]
    fn locations_are_read_without_case_and_come_back() {
        for (location, code) in LOCATIONS {
            assert_eq!(Location::of(&code.to_lowercase()), Some(location));
            assert_eq!(location.code(), code);
        }
        for number in SPARE {
            let code = format!("LOC-{number}");
            assert_eq!(Location::of(&code), Some(Location::Spare(number)));
            assert_eq!(Location::Spare(number).code(), code);
        }
        for none in ["", "X", "LOC-7", "LOC-10", "LOC-16", "LOC-", "电话"] {
            assert_eq!(Location::of(none), None, "{none}");
        }
    }

    #[test]
    fn writes_canonically_and_never_breaks_out_of_its_line() {
        assert_eq!(Reason::q850(16).to_value().unwrap(), "Q.850;cause=16");
        let text = Reason::sip(408).with_text("Session \"expired\"\r\nX: y");
        assert_eq!(text.to_value().unwrap(), "SIP;cause=408;text=\"Session \\\"expired\\\"X: y\"");
        let theirs = Reason::parse(b"q.850 ; cause = 21 ;text=go away; location = u");
        assert_eq!(theirs.to_value().unwrap(), "Q.850;cause=21;text=\"go away\";location=U");
        assert_eq!(Reason::parse(b"X.1;cause=1").to_value(), None);
    }

    #[test]
    fn a_peer_cannot_make_it_keep_much() {
        let flood = "Q.850;cause=1,".repeat(1000);
        assert_eq!(Reason::parse_list(flood.as_bytes()).len(), MOST_VALUES);
        let long = format!("Q.850;cause=16;text=\"{}", "x".repeat(5000));
        assert_eq!(Reason::parse(long.as_bytes()).raw.len(), MOST_OCTETS);
    }
}
