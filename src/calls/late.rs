//! Messages of calls that have ended: those that led to the end, and those that still come. Pure.
//!
//! The ACK of a refusal, the answer to a BYE and whatever is repeated come after the end that a call is told; they belong
//! into its ladder all the same.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    domain::{Call, CallId, Ladder, Rung},
    store::{CallChange, CallNow},
};

/// How long messages may still come: a transaction lasts 32 s by the usual timers.
const LATE: Duration = Duration::from_secs(33);
/// Calls that are waited for; beyond that the oldest are not.
const MOST: usize = 4096;

/// The calls that ended lately.
#[derive(Debug, Default)]
pub(super) struct Late {
    said: HashMap<CallId, (Arc<Call>, Arc<Ladder>)>,
    /// The oldest first, each with when it is waited for no more.
    order: VecDeque<(Instant, CallId)>,
    /// Those whose messages are not written, or not all of them.
    unwritten: BTreeSet<CallId>,
}

impl Late {
    /// A call has ended, with these messages.
    pub fn ended(&mut self, call: Arc<Call>, ladder: Ladder, now: Instant) {
        let id = call.id;
        self.order.push_back((now + LATE, id));
        if !ladder.rungs.is_empty() {
            self.unwritten.insert(id);
        }
        self.said.insert(id, (call, Arc::new(ladder)));
    }

    /// One more message, if the call is still waited for.
    pub fn note(&mut self, id: CallId, rung: Rung) {
        if let Some((_, ladder)) = self.said.get_mut(&id) {
            Arc::make_mut(ladder).push(rung);
            self.unwritten.insert(id);
        }
    }

    /// How many calls have messages that are not written.
    pub fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// What is to be written. Lets go of calls that are waited for no more.
    pub fn take_changes(&mut self, now: Instant) -> Vec<CallChange> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let change = |id| {
            let (call, ladder) = self.said.get(&id)?;
            Some(CallChange { call: call.clone(), to: CallNow::Said(ladder.clone()), told: Vec::new() })
        };
        let changes = unwritten.into_iter().filter_map(change).collect();
        while let Some((until, id)) = self.order.front().copied()
            && (until <= now || self.order.len() > MOST)
        {
            self.order.pop_front();
            self.said.remove(&id);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{LadderLine, testing};

    fn rung(cseq: u32) -> Rung {
        Rung {
            time: Timestamp::UNIX_EPOCH,
            sent: true,
            remote: "UDP 192.0.2.1:5060".into(),
            line: LadderLine::Request("ACK".into()),
            cseq,
            has_sdp: false,
            note: "".into(),
            again: false,
        }
    }

    fn written(late: &mut Late, now: Instant) -> Vec<(CallId, usize)> {
        let rungs = |change: CallChange| match change.to {
            CallNow::Said(ladder) => (change.call.id, ladder.rungs.len()),
            other => panic!("{other:?}"),
        };
        late.take_changes(now).into_iter().map(rungs).collect()
    }

    #[test]
    fn messages_are_written_with_the_end_and_again_when_more_came() {
        let (mut late, now) = (Late::default(), Instant::now());
        let call = Arc::new(testing::call(|_| {}));
        late.ended(call.clone(), Ladder { rungs: vec![rung(1)], left_out: 0 }, now);
        late.note(call.id, rung(2));
        assert_eq!(written(&mut late, now), [(call.id, 2)]);
        assert_eq!((late.unwritten(), written(&mut late, now)), (0, Vec::new()));
        late.note(call.id, rung(3));
        assert_eq!((late.unwritten(), written(&mut late, now)), (1, vec![(call.id, 3)]));
    }

    #[test]
    fn a_call_is_waited_for_half_a_minute_and_only_so_many_are() {
        let (mut late, now) = (Late::default(), Instant::now());
        let calls: Vec<_> = (0..MOST + 2).map(|_| Arc::new(testing::call(|_| {}))).collect();
        for call in &calls {
            late.ended(call.clone(), Ladder { rungs: vec![rung(1)], left_out: 0 }, now);
        }
        assert_eq!(written(&mut late, now).len(), MOST + 2, "none is lost");
        late.note(calls[1].id, rung(1));
        late.note(calls[2].id, rung(1));
        assert_eq!(written(&mut late, now), [(calls[2].id, 2)]);
        assert_eq!((written(&mut late, now + LATE), late.said.len()), (Vec::new(), 0));
    }
}
