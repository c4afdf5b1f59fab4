//! The messages of a call, for people: who said what when, without bodies and without numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most messages kept of one call. What comes later is counted.
pub const LADDER_RUNGS: usize = 64;

/// The first messages of a call, in the order in which they left or came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// The messages.
    pub rungs: Vec<Rung>,
    /// Messages that were too many to be kept.
    pub left_out: u32,
}

impl Ladder {
    /// Adds a message, if there is room.
    pub fn push(&mut self, rung: Rung) {
        if self.rungs.len() < LADDER_RUNGS {
            self.rungs.push(rung);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
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
    fn keeps_the_first_messages_and_counts_the_others() {
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
            });
        }
        assert_eq!((ladder.rungs.len(), ladder.left_out), (LADDER_RUNGS, 36));
        assert_eq!(ladder.rungs.last().map(|rung| rung.cseq), Some(63));
    }
}
