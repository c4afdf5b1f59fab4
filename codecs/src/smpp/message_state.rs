//! `message_state`: how far a message has come.

use super::address::octet_values;

octet_values! {
    /// A `message_state`, kept as it is on the wire.
    MessageState {
        /// Waits for its time (5.0).
        SCHEDULED = 0,
        /// Being worked on.
        ENROUTE = 1,
        /// Delivered.
        DELIVERED = 2,
        /// The validity ran out.
        EXPIRED = 3,
        /// Cancelled.
        DELETED = 4,
        /// Permanent failure.
        UNDELIVERABLE = 5,
        /// Taken on behalf of the subscriber; many carriers mean "taken by the network".
        ACCEPTED = 6,
        /// The message centre can't tell.
        UNKNOWN = 7,
        /// Refused by a delivery interface.
        REJECTED = 8,
        /// Accepted but deliberately not sent (5.0).
        SKIPPED = 9,
    }
}

impl MessageState {
    /// The name in the specification; `None` for a reserved value.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let name = match self {
            Self::SCHEDULED => "SCHEDULED",
            Self::ENROUTE => "ENROUTE",
            Self::DELIVERED => "DELIVERED",
            Self::EXPIRED => "EXPIRED",
            Self::DELETED => "DELETED",
            Self::UNDELIVERABLE => "UNDELIVERABLE",
            Self::ACCEPTED => "ACCEPTED",
            Self::UNKNOWN => "UNKNOWN",
            Self::REJECTED => "REJECTED",
            Self::SKIPPED => "SKIPPED",
            _ => return None,
        };
        Some(name)
    }

    /// Final by the specification: nothing may follow. It counts ACCEPTED as final, which many carriers do not.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::DELIVERED
                | Self::EXPIRED
                | Self::DELETED
                | Self::UNDELIVERABLE
                | Self::ACCEPTED
                | Self::REJECTED
                | Self::SKIPPED
        )
    }

    /// The word in a receipt's text; `None` for a reserved value.
    #[must_use]
    pub fn stat(self) -> Option<&'static str> {
        let word = match self {
            Self::SCHEDULED => "SCHEDLD",
            Self::ENROUTE => "ENROUTE",
            Self::DELIVERED => "DELIVRD",
            Self::EXPIRED => "EXPIRED",
            Self::DELETED => "DELETED",
            Self::UNDELIVERABLE => "UNDELIV",
            Self::ACCEPTED => "ACCEPTD",
            Self::UNKNOWN => "UNKNOWN",
            Self::REJECTED => "REJECTD",
            Self::SKIPPED => "SKIPPED",
            _ => return None,
        };
        Some(word)
    }

    /// The state that a receipt's `stat` means, in any case, short or spelled out. `None`: a carrier's own word.
    #[must_use]
    pub fn of_stat(word: &[u8]) -> Option<Self> {
        const WORDS: [(&str, MessageState); 16] = [
            ("DELIVRD", MessageState::DELIVERED),
            ("DELIVERED", MessageState::DELIVERED),
            ("UNDELIV", MessageState::UNDELIVERABLE),
            ("UNDELIVERABLE", MessageState::UNDELIVERABLE),
            ("UNDELIVERED", MessageState::UNDELIVERABLE),
            ("EXPIRED", MessageState::EXPIRED),
            ("REJECTD", MessageState::REJECTED),
            ("REJECTED", MessageState::REJECTED),
            ("ACCEPTD", MessageState::ACCEPTED),
            ("ACCEPTED", MessageState::ACCEPTED),
            ("ENROUTE", MessageState::ENROUTE),
            ("UNKNOWN", MessageState::UNKNOWN),
            ("DELETED", MessageState::DELETED),
            ("SCHEDLD", MessageState::SCHEDULED),
            ("SCHEDULED", MessageState::SCHEDULED),
            ("SKIPPED", MessageState::SKIPPED),
        ];
        WORDS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(word)).map(|&(_, state)| state)
    }
}
