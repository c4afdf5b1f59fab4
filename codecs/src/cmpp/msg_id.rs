//! Msg_Id: the 64 bits that name a message, and the forms they are shown in.

use std::fmt;

/// Identity of a message at a gateway. Opaque to an SP: resellers make ids of their own, so nothing is refused on it.
///
/// Shown as an unsigned decimal; `{:x}` and `{:X}` give hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MsgId(pub u64);

/// What a Msg_Id of the specified layout is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsgIdParts {
    /// 1 to 12; 4 bits.
    pub month: u8,
    /// 1 to 31; 5 bits.
    pub day: u8,
    /// 0 to 23; 5 bits.
    pub hour: u8,
    /// 0 to 59; 6 bits.
    pub minute: u8,
    /// 0 to 59; 6 bits.
    pub second: u8,
    /// The gateway code as a number, `079101` being 79101; 22 bits.
    pub gateway: u32,
    /// Goes up by one and wraps.
    pub sequence: u16,
}

impl MsgId {
    /// Packs the parts. `None` when one is wider than its bits.
    #[must_use]
    pub fn pack(parts: MsgIdParts) -> Option<Self> {
        let fits = parts.month < 1 << 4
            && parts.day < 1 << 5
            && parts.hour < 1 << 5
            && parts.minute < 1 << 6
            && parts.second < 1 << 6
            && parts.gateway < 1 << 22;
        fits.then(|| {
            Self(
                u64::from(parts.month) << 60
                    | u64::from(parts.day) << 55
                    | u64::from(parts.hour) << 50
                    | u64::from(parts.minute) << 44
                    | u64::from(parts.second) << 38
                    | u64::from(parts.gateway) << 16
                    | u64::from(parts.sequence),
            )
        })
    }

    /// The parts, for display. Ids that a gateway made otherwise give parts that are no time.
    #[must_use]
    pub fn unpack(self) -> MsgIdParts {
        let [.., high, low] = self.0.to_be_bytes();
        MsgIdParts {
            month: self.bits(60, 4),
            day: self.bits(55, 5),
            hour: self.bits(50, 5),
            minute: self.bits(44, 6),
            second: self.bits(38, 6),
            gateway: (self.0 >> 16) as u32 & 0x3F_FFFF,
            sequence: u16::from_be_bytes([high, low]),
        }
    }

    fn bits(self, shift: u32, width: u32) -> u8 {
        (self.0 >> shift) as u8 & ((1 << width) - 1)
    }

    /// The id of a recipient of a group send, counted from 0, when this one answered the submit.
    ///
    /// Only the low 16 bits move, and they wrap.
    #[must_use]
    pub fn of_recipient(self, index: u16) -> Self {
        let sequence = self.unpack().sequence.wrapping_add(index);
        Self(self.0 & !0xFFFF | u64::from(sequence))
    }

    /// The eight octets in the other order, for a second look-up at gateways that write reports so.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self(self.0.swap_bytes())
    }

    /// The 22 digits common in logs: MMDDHHMMSS, seven of the gateway, five of the sequence.
    #[must_use]
    pub fn digits(self) -> String {
        let MsgIdParts { month, day, hour, minute, second, gateway, sequence } = self.unpack();
        format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}{gateway:07}{sequence:05}")
    }

    /// Reads the form of [`MsgId::digits`]. `None` when it is no such form.
    #[must_use]
    pub fn from_digits(digits: &str) -> Option<Self> {
        if digits.len() != 22 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        Self::pack(MsgIdParts {
            month: digits[..2].parse().ok()?,
            day: digits[2..4].parse().ok()?,
            hour: digits[4..6].parse().ok()?,
            minute: digits[6..8].parse().ok()?,
            second: digits[8..10].parse().ok()?,
            gateway: digits[10..17].parse().ok()?,
            sequence: digits[17..].parse().ok()?,
        })
    }
}

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::LowerHex for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl fmt::UpperHex for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::UpperHex::fmt(&self.0, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for MsgId {
    /// As a decimal string: half of all ids don't fit a signed number, and no double holds them.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: MsgIdParts =
        MsgIdParts { month: 3, day: 1, hour: 12, minute: 5, second: 31, gateway: 1001, sequence: 7 };

    #[test]
    fn packs_and_unpacks_the_worked_example() {
        let id = MsgId::pack(EXAMPLE).unwrap();
        assert_eq!(id, MsgId(0x30B0_57C0_03E9_0007));
        assert_eq!(id.to_string(), "3508400591932555271");
        assert_eq!(id.unpack(), EXAMPLE);
        assert_eq!(id.digits(), "0301120531000100100007");
        assert_eq!(MsgId::from_digits(&id.digits()), Some(id));
    }

    #[test]
    fn stays_unsigned_at_the_top_of_the_range() {
        let parts = MsgIdParts {
            month: 12,
            day: 31,
            hour: 23,
            minute: 59,
            second: 59,
            gateway: 10085,
            sequence: 65535,
        };
        let id = MsgId::pack(parts).unwrap();
        assert_eq!(format!("{id:X}"), "CFDFBEC02765FFFF");
        assert_eq!(id.to_string(), "14978900618161553407");
        assert_eq!(id.unpack(), parts);
    }

    #[test]
    fn reads_a_live_id() {
        let parts = MsgId(0x7FD9_13C1_2D34_B9C9).unpack();
        assert_eq!((parts.month, parts.day, parts.hour, parts.minute, parts.second), (7, 31, 22, 17, 15));
        assert_eq!((parts.gateway, parts.sequence), (77108, 47561));
    }

    #[test]
    fn refuses_parts_wider_than_their_bits() {
        assert_eq!(MsgId::pack(MsgIdParts { month: 16, ..EXAMPLE }), None);
        assert_eq!(MsgId::pack(MsgIdParts { second: 64, ..EXAMPLE }), None);
        assert_eq!(MsgId::pack(MsgIdParts { gateway: 1 << 22, ..EXAMPLE }), None);
        assert_eq!(MsgId::from_digits("030112053100010010000"), None);
        assert_eq!(MsgId::from_digits("+301120531000100100007"), None);
    }

    #[test]
    fn moves_only_the_low_bits_within_a_group_send() {
        let first = MsgId(0x30B0_83C0_03E9_FFFE);
        let ids = [0, 1, 2].map(|index| first.of_recipient(index).0);
        assert_eq!(ids, [0x30B0_83C0_03E9_FFFE, 0x30B0_83C0_03E9_FFFF, 0x30B0_83C0_03E9_0000]);
        assert_eq!(MsgId(0x0102_0304_0506_0708).reversed(), MsgId(0x0807_0605_0403_0201));
    }
}
