//! The body of a receipt: what became of a submitted message.

use bytes::BytesMut;
use jiff::civil::DateTime;

use super::{
    MsgId, Version,
    field::{self, Id, Number, Reserved, Text, TextBefore, by_layout, every},
};
use crate::{
    error::{DecodeError, EncodeError},
    octets,
};

field::fields! {
    /// The content of a CMPP_DELIVER with Registered_Delivery 1, or of a CMPP_FWD of type 2.
    ///
    /// Of 60 octets, or of 71 with a wider number. The two are told apart by their length: connections of 3.0 carry the
    /// short one too. In other lengths the number is what stands between the times and the last four octets.
    Report<'a> {
        /// The id that the submit was answered with; in a group send, of this recipient.
        msg_id: MsgId = "Msg_Id", Id;
        /// The final state as it was sent, at most 7 octets; see [`Report::state`].
        stat: &'a [u8] = "Stat", Text(every(7));
        /// When it was submitted, YYMMDDHHMM; see [`Report::submitted`].
        submit_time: &'a [u8] = "Submit_time", Text(every(10));
        /// When it ended, YYMMDDHHMM; see [`Report::done`].
        done_time: &'a [u8] = "Done_time", Text(every(10));
        /// The recipient, at most 21 octets (3.0: 32).
        dest_terminal_id: &'a [u8] = "Dest_terminal_Id", TextBefore { size: by_layout(21, 32), octets_after: 4 };
        /// The number of the message at the SMSC.
        smsc_sequence: u32 = "SMSC_sequence", Number(every(4));
    }
}

impl<'a> Report<'a> {
    /// Reads the content of a receipt.
    ///
    /// # Errors
    /// When it is shorter than its fields without the number; offsets count from its start.
    pub fn decode(content: &'a [u8]) -> Result<Self, DecodeError> {
        // The version decides nothing here: every size that differs follows from the length.
        octets::finish(content, Self::read(content, Version::V30))
    }

    /// Appends the body: 60 octets in the versions 2, 71 in 3.0.
    ///
    /// # Errors
    /// A value that its field can't hold; `out` is then unchanged.
    pub fn encode(&self, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        whole(out, |out| self.put(version, out))
    }

    /// What `stat` says.
    #[must_use]
    pub fn state(&self) -> State {
        State::of(self.stat)
    }

    /// `submit_time`, read; Chinese local time.
    #[must_use]
    pub fn submitted(&self) -> Option<DateTime> {
        time(self.submit_time)
    }

    /// `done_time`, read; Chinese local time.
    #[must_use]
    pub fn done(&self) -> Option<DateTime> {
        time(self.done_time)
    }
}

field::fields! {
    /// The content of a CMPP_FWD of type 3: whether an SP took a message from a phone.
    MoReport<'a> {
        /// The id of the CMPP_DELIVER to the SP.
        msg_id: MsgId = "Msg_Id", Id;
        /// `DELIVRD` when the SP took it; else `REJECTD` in 2.0, `SA:xxxx` or `SB:xxxx` in 3.0.
        stat: &'a [u8] = "Stat", Text(every(7));
        /// When the CMPP_DELIVER was sent, YYMMDDHHMM.
        deliver_time: &'a [u8] = "CMPP_DELIVER_time", Text(every(10));
        /// When it was answered, YYMMDDHHMM.
        deliver_resp_time: &'a [u8] = "CMPP_DELIVER_RESP_time", Text(every(10));
        /// The SP's number, at most 21 octets.
        dest_id: &'a [u8] = "Dest_Id", Text(every(21));
        /// Zero.
        reserved: [u8; 4] = "Reserved", Reserved(every(4));
    }
}

impl<'a> MoReport<'a> {
    /// Reads the content.
    ///
    /// # Errors
    /// When it ends before its last number does; offsets count from its start.
    pub fn decode(content: &'a [u8]) -> Result<Self, DecodeError> {
        octets::finish(content, Self::read(content, Version::V30))
    }

    /// Appends the body of 60 octets, the same in every version.
    ///
    /// # Errors
    /// A value that its field can't hold; `out` is then unchanged.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        whole(out, |out| self.put(Version::V30, out))
    }

    /// What `stat` says.
    #[must_use]
    pub fn state(&self) -> State {
        State::of(self.stat)
    }

    /// `deliver_time`, read; Chinese local time.
    #[must_use]
    pub fn delivered(&self) -> Option<DateTime> {
        time(self.deliver_time)
    }

    /// `deliver_resp_time`, read; Chinese local time.
    #[must_use]
    pub fn answered(&self) -> Option<DateTime> {
        time(self.deliver_resp_time)
    }
}

/// What a Stat says. The text itself stays with the receipt: it has the vendor's error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// `DELIVRD`: at the phone. The only success.
    Delivered,
    /// `EXPIRED`: its validity ran out.
    Expired,
    /// `DELETED`.
    Deleted,
    /// `UNDELIV`: can't be delivered.
    Undeliverable,
    /// `ACCEPTD`: taken on behalf of the subscriber; not final.
    Accepted,
    /// `UNKNOWN`: the message is in an invalid state.
    Unknown,
    /// `REJECTD`.
    Rejected,
    /// `MA:xxxx` and its kin: what a hop on the way did.
    Hop(Hop, Fault),
    /// Not in the specification: a failure for a vendor's reason.
    Unmapped,
}

/// A hop on a message's way: the first letter of a Stat with a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hop {
    /// `M`: the short message centre.
    Smsc,
    /// `C`: the control point of prepaid accounts.
    Scp,
    /// `D`: the service management platform.
    Dsmp,
    /// `S`: the SP, for messages from phones.
    Sp,
    /// `I`: the next gateway.
    Ismg,
}

/// What a hop did: the second letter of a Stat with a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `A`: gave no answer.
    NoResponse,
    /// `B`: answered with an error.
    Error,
    /// `C`: sent no receipt, so that the outcome is not known.
    NoReport,
}

/// What a Stat means for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// At the phone.
    Delivered,
    /// Not delivered in time.
    Expired,
    /// Not delivered.
    Failed,
    /// Still on its way.
    Pending,
    /// Final, and nobody can tell.
    Unknown,
}

impl State {
    /// Reads a Stat. Upper and lower case are the same: gateways send both.
    #[must_use]
    pub fn of(stat: &[u8]) -> Self {
        const WORDS: [(&[u8], State); 7] = [
            (b"DELIVRD", State::Delivered),
            (b"EXPIRED", State::Expired),
            (b"DELETED", State::Deleted),
            (b"UNDELIV", State::Undeliverable),
            (b"ACCEPTD", State::Accepted),
            (b"UNKNOWN", State::Unknown),
            (b"REJECTD", State::Rejected),
        ];
        let word = WORDS.iter().find(|(word, _)| stat.eq_ignore_ascii_case(word)).map(|&(_, state)| state);
        word.or_else(|| match stat {
            [hop, fault, b':', ..] => Self::of_hop(hop.to_ascii_uppercase(), fault.to_ascii_uppercase()),
            _ => None,
        })
        .unwrap_or(Self::Unmapped)
    }

    fn of_hop(hop: u8, fault: u8) -> Option<Self> {
        let hop = match hop {
            b'M' => Hop::Smsc,
            b'C' => Hop::Scp,
            b'D' => Hop::Dsmp,
            b'S' => Hop::Sp,
            b'I' => Hop::Ismg,
            _ => return None,
        };
        let fault = match (fault, hop) {
            (b'A', _) => Fault::NoResponse,
            (b'B', _) => Fault::Error,
            (b'C', Hop::Smsc | Hop::Ismg) => Fault::NoReport,
            _ => return None,
        };
        Some(Self::Hop(hop, fault))
    }

    /// What it means for the message.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Delivered => Outcome::Delivered,
            Self::Expired => Outcome::Expired,
            Self::Accepted => Outcome::Pending,
            Self::Hop(_, Fault::NoReport) => Outcome::Unknown,
            Self::Deleted
            | Self::Undeliverable
            | Self::Unknown
            | Self::Rejected
            | Self::Hop(..)
            | Self::Unmapped => Outcome::Failed,
        }
    }
}

/// Appends all of a body or nothing.
fn whole(
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    body(out).inspect_err(|_| out.truncate(start))
}

/// Reads YYMMDDHHMM. `None` when it is no time, or the filler that some gateways write: before CMPP was.
fn time(digits: &[u8]) -> Option<DateTime> {
    if digits.len() != 10 || digits == b"0001010000" {
        return None;
    }
    let pair = |at: usize| match digits[at..at + 2] {
        [tens @ b'0'..=b'9', units @ b'0'..=b'9'] => i8::try_from((tens - b'0') * 10 + units - b'0').ok(),
        _ => None,
    };
    DateTime::new(2000 + i16::from(pair(0)?), pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_stat_of_the_table() {
        let table: [(&[u8], State, Outcome); 19] = [
            (b"DELIVRD", State::Delivered, Outcome::Delivered),
            (b"EXPIRED", State::Expired, Outcome::Expired),
            (b"DELETED", State::Deleted, Outcome::Failed),
            (b"UNDELIV", State::Undeliverable, Outcome::Failed),
            (b"ACCEPTD", State::Accepted, Outcome::Pending),
            (b"UNKNOWN", State::Unknown, Outcome::Failed),
            (b"REJECTD", State::Rejected, Outcome::Failed),
            (b"MA:0022", State::Hop(Hop::Smsc, Fault::NoResponse), Outcome::Failed),
            (b"MB:0001", State::Hop(Hop::Smsc, Fault::Error), Outcome::Failed),
            (b"MC:0001", State::Hop(Hop::Smsc, Fault::NoReport), Outcome::Unknown),
            (b"CA:0001", State::Hop(Hop::Scp, Fault::NoResponse), Outcome::Failed),
            (b"CB:0001", State::Hop(Hop::Scp, Fault::Error), Outcome::Failed),
            (b"DA:0001", State::Hop(Hop::Dsmp, Fault::NoResponse), Outcome::Failed),
            (b"DB:0001", State::Hop(Hop::Dsmp, Fault::Error), Outcome::Failed),
            (b"SA:0001", State::Hop(Hop::Sp, Fault::NoResponse), Outcome::Failed),
            (b"SB:0001", State::Hop(Hop::Sp, Fault::Error), Outcome::Failed),
            (b"IA:0001", State::Hop(Hop::Ismg, Fault::NoResponse), Outcome::Failed),
            (b"IB:0001", State::Hop(Hop::Ismg, Fault::Error), Outcome::Failed),
            (b"IC:0001", State::Hop(Hop::Ismg, Fault::NoReport), Outcome::Unknown),
        ];
        for (stat, state, outcome) in table {
            assert_eq!(State::of(stat), state, "{}", stat.escape_ascii());
            assert_eq!(state.outcome(), outcome, "{}", stat.escape_ascii());
        }
        assert_eq!(State::of(b"delivrd"), State::Delivered);
    }

    #[test]
    fn takes_what_vendors_invent_for_a_failure() {
        let invented: [&[u8]; 8] =
            [b"MK:0001", b"AF:4", b"ID:0013", b"CC:0001", b"DELIVERD", b"0", b"MA", b""];
        for stat in invented {
            assert_eq!(State::of(stat), State::Unmapped, "{}", stat.escape_ascii());
        }
        assert_eq!(State::Unmapped.outcome(), Outcome::Failed);
    }

    #[test]
    fn reads_times_and_refuses_what_is_none() {
        assert_eq!(time(b"2603011205"), DateTime::new(2026, 3, 1, 12, 5, 0, 0).ok());
        let bad: [&[u8]; 6] = [b"", b"260301120", b"2613011205", b"2603011260", b"26030112 5", b"0001010000"];
        for digits in bad {
            assert_eq!(time(digits), None, "{}", digits.escape_ascii());
        }
    }
}
