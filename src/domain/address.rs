//! Phone numbers and senders, masked wherever they could be logged.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A recipient or the writer of an incoming message: 1 to 21 digits, with or without a leading `+` as it was given.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Number(Box<str>);

impl Number {
    /// Most digits a number may have: the size of the CMPP field. Never an integer: 700 numbers have 15 digits.
    pub const MAX_DIGITS: usize = 21;

    /// Reads a number that a gateway gave us. `None` for anything but digits after an optional `+`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let sound =
            (1..=Self::MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| Self(text.into()))
    }

    /// Takes whatever a carrier wrote into a number field.
    #[must_use]
    pub fn from_carrier(octets: &[u8]) -> Self {
        Self(String::from_utf8_lossy(octets).into())
    }

    /// The number as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }

    /// The digits by which reports and requests are compared: `+`, `00` and China's `86` before a number of national
    /// length (11 digits and more) are left out.
    #[must_use]
    pub fn comparable(&self) -> &str {
        let digits = self.digits();
        let digits = digits.strip_prefix("00").unwrap_or(digits);
        match digits.strip_prefix("86") {
            Some(national) if national.len() >= 11 => national,
            _ => digits,
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

/// What a message shows as its origin: an access code with extension, or a name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sender(Box<str>);

impl Sender {
    /// Longest sender, the size of the SMPP and CMPP fields without a NUL.
    pub const MAX_OCTETS: usize = 20;

    /// Reads a sender that a gateway gave us; empty means the account's own. `None` if it fits no carrier's field.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= Self::MAX_OCTETS && text.bytes().all(|b| (0x20..0x7f).contains(&b)))
            .then(|| Self(text.into()))
    }

    /// The sender as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

/// A number as logs show it: the first three and the last four characters, at least four hidden between.
#[must_use]
pub fn mask(number: &str) -> String {
    let shown: Vec<char> = number.chars().collect();
    if shown.len() < 11 {
        return "*".repeat(shown.len());
    }
    let head: String = shown[..3].iter().collect();
    let tail: String = shown[shown.len() - 4..].iter().collect();
    format!("{head}{}{tail}", "*".repeat(shown.len() - 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_digits_with_an_optional_plus_and_nothing_else() {
        for good in ["1", "+8613800138000", "13800138000", "123456789012345678901"] {
            assert!(Number::parse(good).is_some(), "{good}");
        }
        for bad in ["", "+", "138 0013", "1234567890123456789012", "１３８", "138\0"] {
            assert!(Number::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn compares_numbers_without_their_prefixes() {
        let same = ["13800138000", "8613800138000", "+8613800138000", "008613800138000"];
        for number in same {
            assert_eq!(Number::from_carrier(number.as_bytes()).comparable(), "13800138000");
        }
        assert_eq!(Number::from_carrier(b"8610086").comparable(), "8610086");
    }

    #[test]
    fn hides_at_least_four_characters() {
        assert_eq!(mask("13800138000"), "138****8000");
        assert_eq!(mask("1234567890"), "**********");
        assert_eq!(format!("{:?}", Number::from_carrier(b"8613800138000")), "861******8000");
    }
}
