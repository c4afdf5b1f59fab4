//! What payload types mean: by `rtpmap`, and by the table of static ones (RFC 3551).

/// A codec as a description names it.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Codec<'a> {
    /// The payload type, 0 to 127.
    pub payload: u8,
    /// The name, which has no case.
    pub name: &'a [u8],
    /// The clock, hertz.
    pub clock: u32,
    /// The channels; 1 if none are named.
    pub channels: u8,
}

/// The static audio types that a trunk may use without an `rtpmap`.
const STATIC: [(u8, &str, u32); 12] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (5, "DVI4", 8000),
    (6, "DVI4", 16000),
    (7, "LPC", 8000),
    (8, "PCMA", 8000),
    // RFC 3551 §4.5.2: the clock is half of its sampling rate, by an old mistake that stays.
    (9, "G722", 8000),
    (12, "QCELP", 8000),
    (13, "CN", 8000),
    (15, "G728", 8000),
    (18, "G729", 8000),
];

/// The codec of a static payload type.
pub(super) fn of_static(payload: u8) -> Option<Codec<'static>> {
    let (payload, name, clock) = *STATIC.iter().find(|(known, ..)| *known == payload)?;
    Some(Codec { payload, name: name.as_bytes(), clock, channels: 1 })
}

impl<'a> Codec<'a> {
    /// Reads the value of an `rtpmap` if it is this payload type's.
    pub(super) fn parse(value: &'a [u8], payload: u8) -> Option<Self> {
        let (format, encoding) = split_word(value);
        if super::parse::payload_type(format) != Some(payload) {
            return None;
        }
        let mut parts = encoding.trim_ascii().split(|octet| *octet == b'/');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let clock = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let channels =
            parts.next().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(1);
        Some(Self { payload, name, clock, channels })
    }

    /// Says whether this is the codec of that name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Says whether it carries telephone events, not sound.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.is("telephone-event")
    }
}

/// The payload type is a number of the moment; the rest is what it means.
impl PartialEq for Codec<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(other.name)
            && self.clock == other.clock
            && self.channels == other.channels
    }
}

/// The first word, and what follows the space behind it.
pub(super) fn split_word(value: &[u8]) -> (&[u8], &[u8]) {
    let value = value.trim_ascii_start();
    match value.iter().position(u8::is_ascii_whitespace) {
        Some(end) => (&value[..end], value[end..].trim_ascii_start()),
        None => (value, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rtpmap_names_one_payload_type() {
        let codec = Codec::parse(b"111 opus/48000/2", 111).unwrap();
        assert_eq!((codec.name, codec.clock, codec.channels), (&b"opus"[..], 48000, 2));
        assert_eq!(Codec::parse(b"111 opus/48000/2", 110), None);
        for faulty in [&b"111"[..], b"111 opus", b"111 opus/x", b"111 /8000", b"", b"x PCMU/8000"] {
            assert_eq!(Codec::parse(faulty, 111), None);
        }
        assert_eq!(Codec::parse(b" 8  pcma/8000 ", 8).unwrap(), of_static(8).unwrap());
    }

    #[test]
    fn the_static_types_are_those_of_the_profile() {
        for (payload, name, clock) in
            [(0, "pcmu", 8000), (8, "PCMA", 8000), (9, "G722", 8000), (18, "G729", 8000)]
        {
            let codec = of_static(payload).unwrap();
            assert!(codec.is(name) && codec.clock == clock && codec.payload == payload);
        }
        assert!(of_static(96).is_none() && of_static(1).is_none());
    }
}
