//! The messages of a call, for people: who said what when, without bodies and without numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Messages kept of the beginning of a call.
const FIRST: usize = 40;
/// Messages kept of its end.
const LAST: usize = 24;

/// The first and the last messages of a call, in the order in which they left or came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// The messages.
    pub rungs: Vec<Rung>,
    /// Messages in between that were too many to be kept.
    pub left_out: u32,
}

impl Ladder {
    /// Adds a message; the oldest of the last ones gives way to it.
    pub fn push(&mut self, rung: Rung) {
        if self.rungs.len() == FIRST + LAST {
            self.rungs.remove(FIRST);
            self.left_out = self.left_out.saturating_add(1);
        }
        self.rungs.push(rung);
    }

    /// How many messages stand before those that were left out; all, if none were.
    #[must_use]
    pub fn before_gap(&self) -> usize {
        if self.left_out > 0 { FIRST } else { self.rungs.len() }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// When it left or came.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub time: Timestamp,
    /// We sent it.
    pub sent: bool,
    /// Transport and address of the other side, `UDP 192.0.2.1:5060`.
    pub remote: Box<str>,
    /// Its first line, without the request's address.
    pub line: LadderLine,
    /// The number of its CSeq.
    pub cseq: u32,
    /// It has a session description.
    pub has_sdp: bool,
    /// Its Reason, Warning or Retry-After as it stands; empty: none.
    pub note: Box<str>,
    /// The same octets went the same way before: a retransmission.
    pub again: bool,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LadderLine {
    /// A request of this method.
    Request(Box<str>),
    /// A response: status and phrase, and the method that it answers.
    Response(u16, Box<str>, Box<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_and_the_last_messages_and_counts_those_between() {
        let mut ladder = Ladder::default();
        for cseq in 0..100 {
            ladder.push(Rung {
                time: Timestamp::UNIX_EPOCH,
                sent: true,
                remote: "UDP 192.0.2.1:5060".into(),
                line: LadderLine::Request("INFO".into()),
                cseq,
                has_sdp: false,
                note: "".into(),
                again: false,
            });
            if cseq == 50 {
                assert_eq!((ladder.rungs.len(), ladder.before_gap()), (51, 51));
            }
        }
        let kept: Vec<_> = ladder.rungs.iter().map(|rung| rung.cseq).collect();
        let expected: Vec<_> = (0..40).chain(76..100).collect();
        assert_eq!((kept, ladder.left_out, ladder.before_gap()), (expected, 36, 40));
    }
}
