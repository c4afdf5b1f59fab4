//! What became of every message: each one that was accepted is in exactly one place, ended or still open.
//!
//! Pure: it is told what was offered, answered and moved. Asking the daemon and keeping a journal are left to others.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::grpc::api::MessageState;

/// A message by its tenant and the key it was submitted under: known before it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose it is.
    pub tenant_id: String,
    /// The idempotency key.
    pub request_id: String,
}

/// A message whose end is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The recipient, masked.
    pub to: String,
    /// When it was offered; of a message of an earlier run, when it was accepted.
    pub since: Timestamp,
    /// Its last known state; `None`: offered, and not answered yet.
    pub state: Option<MessageState>,
    /// The last reason that was told.
    pub reason: String,
    /// Segments that it has; 0: not known.
    pub segments: u32,
    /// An earlier run left it open, and it has not moved since.
    pub left: bool,
}

/// How a message can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It arrived.
    Delivered,
    /// The carrier says that it did not arrive.
    Undelivered,
    /// It was refused by the answer to the submit.
    Rejected,
    /// Its validity ended first.
    Expired,
    /// The platform withdrew it.
    Canceled,
    /// Nobody can tell.
    Unknown,
    /// It was taken by the carrier, and no report was wanted.
    Sent,
}

impl Ending {
    /// The ending that a state says. `None`: it is not final.
    #[must_use]
    pub fn of(state: MessageState) -> Option<Self> {
        match state {
            MessageState::Delivered => Some(Self::Delivered),
            MessageState::Undelivered => Some(Self::Undelivered),
            MessageState::Rejected => Some(Self::Rejected),
            MessageState::Expired => Some(Self::Expired),
            MessageState::Canceled => Some(Self::Canceled),
            MessageState::Unknown => Some(Self::Unknown),
            MessageState::Unspecified
            | MessageState::Accepted
            | MessageState::Submitting
            | MessageState::Submitted => None,
        }
    }
}

/// How many messages are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Open since an earlier run.
    pub carried: u64,
    /// Accepted in this run.
    pub accepted: u64,
    /// Not accepted: they count nowhere else.
    pub refused: u64,
    /// Ended so.
    pub delivered: u64,
    /// Ended so.
    pub undelivered: u64,
    /// Ended so.
    pub rejected: u64,
    /// Ended so.
    pub expired: u64,
    /// Ended so.
    pub canceled: u64,
    /// Ended so.
    pub unknown: u64,
    /// Ended so: taken by the carrier, no report wanted.
    pub sent: u64,
    /// Accepted and not ended.
    pub open: u64,
}

impl Totals {
    /// All that ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.delivered + self.sent + self.failed() + self.unknown
    }

    /// All that ended and certainly did not arrive.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.undelivered + self.rejected + self.expired + self.canceled
    }

    /// Every message that was ever accepted is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.carried + self.accepted == self.ended() + self.open
    }
}

/// All messages of this run and those that an earlier one left open.
#[derive(Debug, Default)]
pub struct Ledger {
    open: HashMap<Key, Open>,
    totals: Totals,
    own_tenant: String,
}

impl Ledger {
    /// An empty ledger. What events tell of other tenants' messages was accepted too, from somebody else.
    #[must_use]
    pub fn new(own_tenant: &str) -> Self {
        Self { own_tenant: own_tenant.to_owned(), ..Self::default() }
    }

    /// A message that an earlier run left open.
    pub fn carry(&mut self, key: Key, open: Open) {
        self.totals.carried += 1;
        self.totals.open += 1;
        let state = Some(open.state.unwrap_or(MessageState::Accepted));
        self.open.insert(key, Open { state, left: true, ..open });
    }

    /// A message is about to be submitted.
    pub fn offered(&mut self, key: Key, to: String, at: Timestamp) {
        let open = Open { to, since: at, state: None, reason: String::new(), segments: 0, left: false };
        self.open.entry(key).or_insert(open);
    }

    /// It was accepted. The event of its end may have come before.
    pub fn accepted(&mut self, key: &Key, segments: u32) {
        if let Some(open) = self.open.get_mut(key) {
            open.segments = segments;
            note_accepted(&mut self.totals, open);
        }
    }

    /// It was not accepted, so nothing is owed for it.
    pub fn refused(&mut self, key: &Key) {
        if self.open.get(key).is_some_and(|open| open.state.is_none()) {
            self.open.remove(key);
            self.totals.refused += 1;
        }
    }

    /// Whether it is among those whose end is not known.
    #[must_use]
    pub fn knows(&self, key: &Key) -> bool {
        self.open.contains_key(key)
    }

    /// It moved. Gives back what was known of it until now; `None`: nothing, and nothing was counted.
    pub fn moved(&mut self, key: &Key, state: MessageState, reason: &str, at: Timestamp) -> Option<Open> {
        if !self.open.contains_key(key) {
            // Our own were all offered, so this one has ended before: the log tells it once more.
            if key.tenant_id == self.own_tenant {
                return None;
            }
            self.offered(key.clone(), String::new(), at);
        }
        if let Some(ending) = Ending::of(state) {
            return self.end(key, ending);
        }
        let open = self.open.get_mut(key)?;
        note_accepted(&mut self.totals, open);
        let before = open.clone();
        open.state = Some(state);
        open.left = false;
        if !reason.is_empty() {
            reason.clone_into(&mut open.reason);
        }
        Some(before)
    }

    /// It ended. Gives back what was known of it; `None`: it is not open.
    pub fn end(&mut self, key: &Key, ending: Ending) -> Option<Open> {
        let mut open = self.open.remove(key)?;
        let totals = &mut self.totals;
        note_accepted(totals, &mut open);
        totals.open -= 1;
        let counter = match ending {
            Ending::Delivered => &mut totals.delivered,
            Ending::Undelivered => &mut totals.undelivered,
            Ending::Rejected => &mut totals.rejected,
            Ending::Expired => &mut totals.expired,
            Ending::Canceled => &mut totals.canceled,
            Ending::Unknown => &mut totals.unknown,
            Ending::Sent => &mut totals.sent,
        };
        *counter += 1;
        Some(open)
    }

    /// How many messages are where.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether nothing is worth waiting for. The carriers of an earlier run are gone, and what they took ends with the
    /// report window.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.values().all(|open| open.left && open.state != Some(MessageState::Accepted))
    }

    /// What is not known to have ended, the oldest first; those without an answer to their submit included.
    #[must_use]
    pub fn open(&self) -> Vec<(&Key, &Open)> {
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by(|one, other| {
            (one.1.since, &one.0.request_id).cmp(&(other.1.since, &other.0.request_id))
        });
        open
    }
}

/// Whatever is told of a message says that it was accepted.
fn note_accepted(totals: &mut Totals, open: &mut Open) {
    if open.state.is_none() {
        open.state = Some(MessageState::Accepted);
        totals.accepted += 1;
        totals.open += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> Key {
        Key { tenant_id: "demo".into(), request_id: number.to_string() }
    }

    fn ledger() -> Ledger {
        Ledger::new("demo")
    }

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_message_is_open_until_it_ends() {
        let mut ledger = ledger();
        ledger.offered(key(1), "138****8000".into(), AT);
        assert_eq!(ledger.totals(), Totals::default());
        ledger.accepted(&key(1), 2);
        ledger.moved(&key(1), MessageState::Submitted, "", AT);
        assert_eq!(ledger.totals(), Totals { accepted: 1, open: 1, ..Totals::default() });
        let known = ledger.moved(&key(1), MessageState::Delivered, "DELIVRD", AT).expect("it is ours");
        assert_eq!((known.to.as_str(), known.segments), ("138****8000", 2));
        assert_eq!(ledger.totals(), Totals { accepted: 1, delivered: 1, ..Totals::default() });
        assert!(ledger.is_settled());
    }

    #[test]
    fn an_event_that_outruns_the_answer_counts_once() {
        let mut ledger = ledger();
        ledger.offered(key(1), String::new(), AT);
        ledger.moved(&key(1), MessageState::Rejected, "13", AT);
        ledger.accepted(&key(1), 1);
        ledger.refused(&key(1));
        assert_eq!(ledger.totals(), Totals { accepted: 1, rejected: 1, ..Totals::default() });
    }

    #[test]
    fn an_event_told_again_after_the_end_counts_nothing() {
        let mut ledger = ledger();
        ledger.carry(
            key(1),
            Open {
                to: String::new(),
                since: AT,
                state: None,
                reason: String::new(),
                segments: 1,
                left: false,
            },
        );
        assert!(ledger.moved(&key(1), MessageState::Unknown, "", AT).is_some());
        assert!(ledger.moved(&key(1), MessageState::Unknown, "", AT).is_none());
        assert_eq!(ledger.totals(), Totals { carried: 1, unknown: 1, ..Totals::default() });
    }

    #[test]
    fn what_the_carriers_of_an_earlier_run_took_is_not_waited_for() {
        let mut ledger = ledger();
        assert!(ledger.is_settled());
        let open = |state| Open {
            to: String::new(),
            since: AT,
            state: Some(state),
            reason: String::new(),
            segments: 1,
            left: false,
        };
        ledger.carry(key(1), open(MessageState::Submitted));
        assert!(ledger.is_settled());
        ledger.carry(key(2), open(MessageState::Accepted));
        assert!(!ledger.is_settled());
        ledger.moved(&key(2), MessageState::Submitted, "", AT);
        assert!(!ledger.is_settled(), "it was submitted in this run");
        ledger.moved(&key(2), MessageState::Delivered, "", AT);
        assert!(ledger.is_settled());
        ledger.offered(key(3), String::new(), AT);
        assert!(!ledger.is_settled());
    }

    #[test]
    fn messages_of_others_count_from_their_first_event() {
        let mut ledger = ledger();
        let other = Key { tenant_id: "default".into(), request_id: "x".into() };
        ledger.moved(&other, MessageState::Submitted, "", AT);
        assert_eq!(ledger.totals(), Totals { accepted: 1, open: 1, ..Totals::default() });
        ledger.moved(&other, MessageState::Delivered, "", AT);
        assert_eq!(ledger.totals(), Totals { accepted: 1, delivered: 1, ..Totals::default() });
    }

    #[derive(Debug, Clone)]
    enum Step {
        Offered,
        Accepted,
        Refused,
        Moved(i32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Offered),
            Just(Step::Accepted),
            Just(Step::Refused),
            (0..10).prop_map(Step::Moved)
        ]
    }

    proptest! {
        #[test]
        fn every_accepted_message_is_in_exactly_one_place(steps in prop::collection::vec((0..8u8, step()), 0..200)) {
            let mut ledger = ledger();
            for (number, step) in steps {
                match step {
                    Step::Offered => ledger.offered(key(number), String::new(), AT),
                    Step::Accepted => ledger.accepted(&key(number), 1),
                    Step::Refused => ledger.refused(&key(number)),
                    Step::Moved(state) => {
                        let state = MessageState::try_from(state).expect("a state");
                        ledger.moved(&key(number), state, "", AT);
                    }
                }
                let totals = ledger.totals();
                prop_assert!(totals.is_balanced(), "{totals:?}");
                let answered = ledger.open().iter().filter(|(_, open)| open.state.is_some()).count();
                prop_assert_eq!(totals.open, answered as u64);
            }
        }
    }
}
