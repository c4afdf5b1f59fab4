//! The two string types of SMPP as borrowed values. Their `Debug` tells sizes only: they hold numbers, texts and
//! passwords.

use std::{fmt, ops::Deref};

macro_rules! octets_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'a>(pub &'a [u8]);

        impl Deref for $name<'_> {
            type Target = [u8];
            fn deref(&self) -> &[u8] {
                self.0
            }
        }

        impl<'a> From<&'a [u8]> for $name<'a> {
            fn from(octets: &'a [u8]) -> Self {
                Self(octets)
            }
        }

        impl<'a, const N: usize> From<&'a [u8; N]> for $name<'a> {
            fn from(octets: &'a [u8; N]) -> Self {
                Self(octets)
            }
        }

        impl<'a> From<&'a str> for $name<'a> {
            fn from(text: &'a str) -> Self {
                Self(text.as_bytes())
            }
        }

        impl PartialEq<[u8]> for $name<'_> {
            fn eq(&self, other: &[u8]) -> bool {
                self.0 == other
            }
        }

        impl<const N: usize> PartialEq<&[u8; N]> for $name<'_> {
            fn eq(&self, other: &&[u8; N]) -> bool {
                self.0 == other.as_slice()
            }
        }

        impl PartialEq<&str> for $name<'_> {
            fn eq(&self, other: &&str) -> bool {
                self.0 == other.as_bytes()
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "<{} octets>", self.0.len())
            }
        }
    };
}

octets_newtype!(
    /// A C-Octet String without its NUL. Serializes as text, replacing what is no UTF-8.
    COctetString
);
octets_newtype!(
    /// An Octet String: any octets, NUL included. Serializes as lower-case hexadecimal.
    OctetString
);

impl<'a> COctetString<'a> {
    /// The text, if it is UTF-8 (ASCII is).
    #[must_use]
    pub fn to_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for COctetString<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(self.0))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for OctetString<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hex(self.0))
    }
}

/// Octets shown as lower-case hexadecimal.
#[cfg(feature = "serde")]
struct Hex<'a>(&'a [u8]);

#[cfg(feature = "serde")]
impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
