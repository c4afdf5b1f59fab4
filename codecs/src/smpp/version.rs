//! Protocol versions and how two peers agree on one.

/// A version of SMPP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.3 or earlier: no TLVs, no transceiver.
    V33,
    /// 3.4.
    V34,
    /// 5.0.
    V50,
}

impl Version {
    /// Reads an `interface_version` or `sc_interface_version`. Reserved values count as the version below them.
    #[must_use]
    pub fn of_octet(octet: u8) -> Self {
        match octet {
            0x00..=0x33 => Self::V33,
            0x34..=0x4F => Self::V34,
            0x50.. => Self::V50,
        }
    }

    /// The value of `interface_version`.
    #[must_use]
    pub fn octet(self) -> u8 {
        match self {
            Self::V33 => 0x33,
            Self::V34 => 0x34,
            Self::V50 => 0x50,
        }
    }

    /// Says whether TLVs may be sent to a peer of this version.
    #[must_use]
    pub fn has_tlvs(self) -> bool {
        self >= Self::V34
    }

    /// The version that a session runs with: what we asked for and what the peer's `sc_interface_version` says.
    ///
    /// Many 3.4 message centres send none, so its absence means 3.4, not 3.3 as the rule has it; an account that
    /// really is 3.3 is configured so and asks for 3.3.
    #[must_use]
    pub fn agreed(asked: Self, sc_interface_version: Option<u8>) -> Self {
        asked.min(sc_interface_version.map_or(Self::V34, Self::of_octet))
    }
}
