//! What a request asks for.

use std::fmt;

/// A request's method. Compared with case: RFC 3261's methods are tokens in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Sets a session up or changes it.
    Invite,
    /// Confirms a final response to an INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Gives an INVITE up that has no final response.
    Cancel,
    /// Binds an address of record to contacts.
    Register,
    /// Asks what the other side can do, or whether it lives.
    Options,
    /// Confirms a reliable provisional response (RFC 3262).
    Prack,
    /// Changes a session without INVITE (RFC 3311).
    Update,
    /// Carries something within a dialog (RFC 6086).
    Info,
    /// Asks for a transfer (RFC 3515).
    Refer,
    /// An instant message (RFC 3428).
    Message,
    /// Tells of an event (RFC 6665).
    Notify,
    /// Asks to be told (RFC 6665).
    Subscribe,
    /// Publishes state (RFC 3903).
    Publish,
    /// Any other token; the message has its octets.
    Unknown,
}

/// All methods with a name, and the names, in the order of the enumeration.
const NAMES: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Cancel, "CANCEL"),
    (Method::Register, "REGISTER"),
    (Method::Options, "OPTIONS"),
    (Method::Prack, "PRACK"),
    (Method::Update, "UPDATE"),
    (Method::Info, "INFO"),
    (Method::Refer, "REFER"),
    (Method::Message, "MESSAGE"),
    (Method::Notify, "NOTIFY"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Publish, "PUBLISH"),
];

impl Method {
    /// The method that these octets name.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        match octets {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"REGISTER" => Self::Register,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            b"INFO" => Self::Info,
            b"REFER" => Self::Refer,
            b"MESSAGE" => Self::Message,
            b"NOTIFY" => Self::Notify,
            b"SUBSCRIBE" => Self::Subscribe,
            b"PUBLISH" => Self::Publish,
            _ => Self::Unknown,
        }
    }

    /// The name on the wire; empty for [`Method::Unknown`], whose octets only its message knows.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, name)| name)
    }
}

impl AsRef<[u8]> for Method {
    fn as_ref(&self) -> &[u8] {
        self.name().as_bytes()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Unknown { "unknown" } else { self.name() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_case_counts() {
        for (index, (method, name)) in NAMES.into_iter().enumerate() {
            assert_eq!(method as usize, index);
            assert_eq!((Method::of(name.as_bytes()), method.name()), (method, name));
            assert_eq!(Method::of(name.to_ascii_lowercase().as_bytes()), Method::Unknown);
        }
        assert_eq!(Method::of(b""), Method::Unknown);
    }
}
