//! Msg_Fmt: which alphabet the content of a message is in.
//!
//! CMPP names five values of its own and leaves the others to the data coding scheme of GSM 03.38.

/// What a Msg_Fmt says about the content, the user data header aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// One octet for each character.
    Ascii,
    /// The GSM 7-bit default alphabet.
    Gsm7,
    /// Octets without an alphabet; 3, commands for the SIM card, among them.
    Binary,
    /// UTF-16, big-endian.
    Ucs2,
    /// GBK in practice, GB 18030 on newer gateways.
    Gb,
    /// No value that the specifications define.
    Reserved,
}

impl Alphabet {
    /// The alphabet of a Msg_Fmt.
    #[must_use]
    pub fn of(msg_fmt: u8) -> Self {
        match msg_fmt {
            0 => Self::Ascii,
            3 => Self::Binary,
            15 => Self::Gb,
            // GSM 03.38: general coding, bits 3 and 2.
            _ if msg_fmt < 0x40 => match msg_fmt >> 2 & 0b11 {
                0b00 => Self::Gsm7,
                0b01 => Self::Binary,
                0b10 => Self::Ucs2,
                _ => Self::Reserved,
            },
            // GSM 03.38: message waiting.
            0xC0..=0xDF => Self::Gsm7,
            0xE0..=0xEF => Self::Ucs2,
            // GSM 03.38: class data, bit 2.
            0xF0..=0xF3 | 0xF8..=0xFB => Self::Gsm7,
            0xF4..=0xF7 | 0xFC..=0xFF => Self::Binary,
            _ => Self::Reserved,
        }
    }
}

/// The message class of a Msg_Fmt, 0 (shown at once, "flash") to 3, if it has one.
#[must_use]
pub fn message_class(msg_fmt: u8) -> Option<u8> {
    matches!(msg_fmt, 0x10..=0x1F | 0x30..=0x3F | 0xF0..).then_some(msg_fmt & 0b11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_values_that_are_seen() {
        for (msg_fmt, alphabet, class) in [
            (0, Alphabet::Ascii, None),
            (3, Alphabet::Binary, None),
            (4, Alphabet::Binary, None),
            (8, Alphabet::Ucs2, None),
            (9, Alphabet::Ucs2, None),
            (11, Alphabet::Ucs2, None),
            (15, Alphabet::Gb, None),
            (0x10, Alphabet::Gsm7, Some(0)),
            (24, Alphabet::Ucs2, Some(0)),
            (25, Alphabet::Ucs2, Some(1)),
            (0x1F, Alphabet::Reserved, Some(3)),
            (0x40, Alphabet::Reserved, None),
            (0xF1, Alphabet::Gsm7, Some(1)),
            (0xF4, Alphabet::Binary, Some(0)),
            (0xF5, Alphabet::Binary, Some(1)),
            (0xF6, Alphabet::Binary, Some(2)),
        ] {
            assert_eq!(Alphabet::of(msg_fmt), alphabet, "{msg_fmt:#x}");
            assert_eq!(message_class(msg_fmt), class, "{msg_fmt:#x}");
        }
    }
}
