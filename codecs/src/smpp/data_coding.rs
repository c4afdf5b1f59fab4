//! `data_coding`: which alphabet the user data is in.

use super::address::octet_values;

octet_values! {
    /// The `data_coding` octet, kept as it is on the wire.
    DataCoding {
        /// The message centre's default alphabet, a property of the account.
        DEFAULT = 0x00,
        /// IA5, ASCII.
        ASCII = 0x01,
        /// 8-bit binary.
        BINARY_02 = 0x02,
        /// Latin-1 (ISO 8859-1).
        LATIN_1 = 0x03,
        /// 8-bit binary.
        BINARY = 0x04,
        /// JIS X 0208-1990.
        JIS = 0x05,
        /// Cyrillic (ISO 8859-5).
        CYRILLIC = 0x06,
        /// Latin and Hebrew (ISO 8859-8).
        HEBREW = 0x07,
        /// UCS-2, big-endian, in practice UTF-16.
        UCS_2 = 0x08,
        /// Pictogram.
        PICTOGRAM = 0x09,
        /// ISO-2022-JP, music codes.
        MUSIC = 0x0A,
        /// Extended Kanji JIS X 0212-1990.
        EXTENDED_KANJI = 0x0D,
        /// KS C 5601.
        KOREAN = 0x0E,
    }
}

/// What a `data_coding` says about the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// The account's default alphabet.
    Default,
    /// IA5, ASCII.
    Ascii,
    /// Octets without a charset.
    Binary,
    /// ISO 8859-1.
    Latin1,
    /// JIS X 0208.
    Jis,
    /// ISO 8859-5.
    Cyrillic,
    /// ISO 8859-8.
    Hebrew,
    /// UTF-16, big-endian.
    Ucs2,
    /// Pictogram.
    Pictogram,
    /// ISO-2022-JP.
    Music,
    /// JIS X 0212.
    ExtendedKanji,
    /// KS C 5601.
    Korean,
    /// The GSM 7-bit default alphabet, said by a GSM coding group.
    Gsm7,
    /// A reserved value.
    Reserved,
}

/// A GSM message class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageClass {
    /// Shown at once, not stored ("flash").
    Immediate,
    /// Phone memory.
    MobileEquipment,
    /// SIM.
    Sim,
    /// Terminal equipment.
    TerminalEquipment,
}

impl DataCoding {
    /// The alphabet. Values from 0x10 on are read as GSM TP-DCS (3GPP TS 23.038), which is the rule from 0xC0 on
    /// and the practice below.
    #[must_use]
    pub fn alphabet(self) -> Alphabet {
        match self.0 {
            0x00 => Alphabet::Default,
            0x01 => Alphabet::Ascii,
            0x02 | 0x04 => Alphabet::Binary,
            0x03 => Alphabet::Latin1,
            0x05 => Alphabet::Jis,
            0x06 => Alphabet::Cyrillic,
            0x07 => Alphabet::Hebrew,
            0x08 => Alphabet::Ucs2,
            0x09 => Alphabet::Pictogram,
            0x0A => Alphabet::Music,
            0x0D => Alphabet::ExtendedKanji,
            0x0E => Alphabet::Korean,
            // Bit 5 is compression, which nothing here can undo.
            0x10..=0x7F if self.0 & 0x20 == 0 => match self.0 & 0x0C {
                0x00 => Alphabet::Gsm7,
                0x04 => Alphabet::Binary,
                0x08 => Alphabet::Ucs2,
                _ => Alphabet::Reserved,
            },
            0xC0..=0xDF => Alphabet::Gsm7,
            0xE0..=0xEF => Alphabet::Ucs2,
            0xF0..=0xFF if self.0 & 0x04 == 0 => Alphabet::Gsm7,
            0xF0..=0xFF => Alphabet::Binary,
            _ => Alphabet::Reserved,
        }
    }

    /// The message class, where a GSM coding group carries one.
    #[must_use]
    pub fn message_class(self) -> Option<MessageClass> {
        let carried = match self.0 {
            0x10..=0x7F => self.0 & 0x10 != 0,
            other => other >= 0xF0,
        };
        carried.then_some(match self.0 & 0x03 {
            0 => MessageClass::Immediate,
            1 => MessageClass::MobileEquipment,
            2 => MessageClass::Sim,
            _ => MessageClass::TerminalEquipment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_smpp_values_and_gsm_groups() {
        for (octet, alphabet, class) in [
            (0x00, Alphabet::Default, None),
            (0x04, Alphabet::Binary, None),
            (0x08, Alphabet::Ucs2, None),
            (0x0F, Alphabet::Reserved, None),
            (0x10, Alphabet::Gsm7, Some(MessageClass::Immediate)),
            (0x18, Alphabet::Ucs2, Some(MessageClass::Immediate)),
            (0x20, Alphabet::Reserved, None),
            (0x80, Alphabet::Reserved, None),
            (0xC8, Alphabet::Gsm7, None),
            (0xE0, Alphabet::Ucs2, None),
            (0xF0, Alphabet::Gsm7, Some(MessageClass::Immediate)),
            (0xF5, Alphabet::Binary, Some(MessageClass::MobileEquipment)),
            (0xF6, Alphabet::Binary, Some(MessageClass::Sim)),
        ] {
            assert_eq!(DataCoding(octet).alphabet(), alphabet, "{octet:#04x}");
            assert_eq!(DataCoding(octet).message_class(), class, "{octet:#04x}");
        }
    }
}
