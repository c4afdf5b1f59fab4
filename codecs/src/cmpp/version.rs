//! The versions of CMPP and the layouts that follow from them.

/// A version of CMPP, fixed for a connection by its CMPP_CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 2.0, April 2002.
    V20,
    /// 2.1, May 2003: the units of 2.0 between SP and ISMG, more codes, other route messages.
    V21,
    /// 3.0, June 2003.
    V30,
}

/// The shape of the units between SP and ISMG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// Of 2.0 and 2.1: results of one octet, numbers of 21.
    V2,
    /// Of 3.0: results of four octets, phone numbers of 32.
    V3,
}

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V20, Self::V21, Self::V30];

    /// Reads the octet of CMPP_CONNECT: major version in the high nibble, minor in the low one.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            0x20 => Some(Self::V20),
            0x21 => Some(Self::V21),
            0x30 => Some(Self::V30),
            _ => None,
        }
    }

    /// The octet of CMPP_CONNECT.
    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Self::V20 => 0x20,
            Self::V21 => 0x21,
            Self::V30 => 0x30,
        }
    }

    /// The shape of this version's units.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Self::V20 | Self::V21 => Layout::V2,
            Self::V30 => Layout::V3,
        }
    }
}
