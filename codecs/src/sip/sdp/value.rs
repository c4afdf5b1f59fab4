//! Values of single lines: `o=`, `c=`, and the direction.

/// Who made a description, and which version of it this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user; some senders put spaces in it.
    pub user: &'a [u8],
    /// The session's number, decimal, as it stands.
    pub id: &'a [u8],
    /// The version, decimal, as it stands.
    pub version: &'a [u8],
    /// `IN`.
    pub network: &'a [u8],
    /// `IP4` or `IP6`.
    pub family: &'a [u8],
    /// The address or name.
    pub address: &'a [u8],
}

/// Where media are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IN`.
    pub network: &'a [u8],
    /// `IP4` or `IP6`.
    pub family: &'a [u8],
    /// The address or name, without what multicast puts behind it.
    pub address: &'a [u8],
}

/// Which way media flow, seen from who writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It only sends.
    SendOnly,
    /// It only takes.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl<'a> Origin<'a> {
    /// Reads the value of an `o=` line; `None` if it has fewer than six words.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (rest, address) = last_word(value)?;
        let (rest, family) = last_word(rest)?;
        let (rest, network) = last_word(rest)?;
        let (rest, version) = last_word(rest)?;
        let (rest, id) = last_word(rest)?;
        let user = rest.trim_ascii();
        if user.is_empty() {
            return None;
        }
        Some(Self { user, id, version, network, family, address })
    }

    /// The version as a number.
    #[must_use]
    pub fn version_number(&self) -> Option<u64> {
        std::str::from_utf8(self.version).ok()?.parse().ok()
    }
}

impl<'a> Connection<'a> {
    /// Reads the value of a `c=` line; `None` if it has fewer than three words.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (network, family, address) = (words.next()?, words.next()?, words.next()?);
        let address = address.split(|octet| *octet == b'/').next().unwrap_or_default();
        Some(Self { network, family, address })
    }

    /// Says whether it is no address at all: 0.0.0.0, or its like in IPv6.
    #[must_use]
    pub fn is_unspecified(&self) -> bool {
        let text = std::str::from_utf8(self.address).ok();
        text.and_then(|text| text.parse::<std::net::IpAddr>().ok())
            .is_some_and(|address| address.is_unspecified())
    }
}

impl Direction {
    /// The direction of this name, without case.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction with these two ways.
    #[must_use]
    pub fn with(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Says whether who writes it sends.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Says whether who writes it takes.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The answer to an offer of this direction by someone who would like `wish`: never more than the offer allows.
    #[must_use]
    pub fn answer(self, wish: Self) -> Self {
        Self::with(wish.sends() && self.receives(), wish.receives() && self.sends())
    }
}

/// The last word, and what stands before it.
fn last_word(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = value.trim_ascii();
    let start = value.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
    let (rest, word) = value.split_at(start);
    (!word.is_empty()).then_some((rest, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_six_words_and_its_user_may_have_more() {
        let origin = Origin::parse(b"John Doe 2890844526 2890842807 IN IP4 192.0.2.1").unwrap();
        assert_eq!((origin.user, origin.id), (&b"John Doe"[..], &b"2890844526"[..]));
        assert_eq!((origin.version_number(), origin.address), (Some(2_890_842_807), &b"192.0.2.1"[..]));
        assert_eq!(Origin::parse(b"- 1 2 IN IP6 ::1 ").unwrap().family, b"IP6");
        assert_eq!(Origin::parse(b"1 2 IN IP4 192.0.2.1"), None);
        assert_eq!(Origin::parse(b""), None);
        let large = Origin::parse(b"- 1 9223372036854775807 IN IP4 a").unwrap();
        assert_eq!(large.version_number(), Some(i64::MAX as u64));
    }

    #[test]
    fn a_connection_leaves_out_what_multicast_adds() {
        let connection = Connection::parse(b"IN IP4 224.2.17.12/127/2").unwrap();
        assert_eq!((connection.family, connection.address), (&b"IP4"[..], &b"224.2.17.12"[..]));
        assert!(!connection.is_unspecified());
        for held in [&b"IN IP4 0.0.0.0"[..], b"IN IP6 ::"] {
            assert!(Connection::parse(held).unwrap().is_unspecified());
        }
        assert_eq!(Connection::parse(b"IN IP4"), None);
    }

    #[test]
    fn an_answer_never_gives_more_than_the_offer_takes() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        for (offer, wish, answer) in [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, RecvOnly, RecvOnly),
            (SendRecv, SendOnly, SendOnly),
            (SendRecv, Inactive, Inactive),
            (SendOnly, SendRecv, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (RecvOnly, SendRecv, SendOnly),
            (RecvOnly, RecvOnly, Inactive),
            (Inactive, SendRecv, Inactive),
        ] {
            assert_eq!(offer.answer(wish), answer, "{offer:?} {wish:?}");
        }
    }

    #[test]
    fn directions_are_read_without_case() {
        assert_eq!(Direction::of(b"SendOnly"), Some(Direction::SendOnly));
        assert_eq!(Direction::of(b"sendonly:"), None);
    }
}
