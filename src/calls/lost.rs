//! What becomes of calls that a crash left open. Pure.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    domain::{
        Call, CallMoved, CallProgress, CallRecord, CallState, Cause, Event, Evidence, HangupParty, Payload,
    },
    store::{CallChange, CallNow, OpenCall},
    trunk::calls::CallOrder,
};

/// The end of a call that a crash left open. It is taken to have ended when the daemon was last known to live, which is
/// an estimate; `alive` says when that was, and `now` is when it can have ended at the latest.
#[must_use]
pub fn lost(open: OpenCall, alive: Option<Timestamp>, now: Timestamp) -> CallChange {
    let OpenCall { call, progress } = open;
    let known = alive.into_iter().chain(progress.last_time()).chain([call.accept_time]).max();
    let end_time = known.unwrap_or(now).min(now);
    let moved = CallMoved {
        call_id: call.id,
        request_id: call.request_id.clone(),
        sequence: progress.sequence + 1,
        previous: progress.state,
        state: CallState::Lost,
        trunk_id: progress.trunk_id().cloned(),
        sdp: None,
        dtmf: String::new(),
        cause: Some(Cause::Lost),
        evidence: Evidence::default(),
    };
    let told = vec![Event::about_call(&call, Payload::Call(Box::new(moved)), end_time)];
    let record = record(&call, progress, end_time, now);
    CallChange { call, to: CallNow::Ended(Box::new(record)), told }
}

/// What ends on the wire what the crash left there.
pub fn endings(open: &OpenCall) -> impl Iterator<Item = CallOrder> {
    open.progress.dialogs.iter().map(|dialog| CallOrder::End {
        call: open.call.id,
        trunk: dialog.trunk_id.clone(),
        snapshot: Bytes::copy_from_slice(&dialog.octets),
    })
}

fn record(call: &Call, progress: CallProgress, end_time: Timestamp, now: Timestamp) -> CallRecord {
    let times = progress.times;
    let between = |from: Option<Timestamp>, to: Timestamp| {
        from.map(|from| Duration::try_from(to.duration_since(from)).unwrap_or_default())
    };
    let rang = times.ring.into_iter().chain(times.early_media).min();
    CallRecord {
        trunk_id: progress.trunk_id().cloned(),
        times,
        post_dial_delay: times.first_response.and_then(|heard| between(times.invite, heard)),
        ring_duration: between(rang, times.answer.unwrap_or(end_time)),
        talk_duration: between(times.answer, end_time).unwrap_or_default(),
        state: CallState::Lost,
        cause: Cause::Lost,
        hangup_party: HangupParty::Lost,
        sip_call_id: progress.attempts.last().map(|one| one.sip_call_id.clone()).unwrap_or_default(),
        attempts: progress.attempts,
        latest_end: Some(now),
        sequence: progress.sequence + 1,
        ..CallRecord::of(call, end_time)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{CallDirection, CallTimes, DialogSnapshot, testing};

    fn open(answer_after: Option<u64>) -> OpenCall {
        let call = Arc::new(testing::call(|_| {}));
        let after = |seconds| call.accept_time + Duration::from_secs(seconds);
        let times = CallTimes {
            invite: Some(after(0)),
            ring: Some(after(2)),
            answer: answer_after.map(after),
            ..CallTimes::default()
        };
        let dialogs = vec![DialogSnapshot { placement: 1, trunk_id: "a".into(), octets: vec![1, 2] }];
        let state = if answer_after.is_some() { CallState::InProgress } else { CallState::Ringing };
        let progress =
            CallProgress { state, sequence: 4, times, dialogs, ..CallProgress::new(CallDirection::Outbound) };
        OpenCall { call, progress }
    }

    #[test]
    fn a_lost_call_ended_when_the_daemon_was_last_known_to_live() {
        let open = open(Some(10));
        let begin = open.call.accept_time;
        let after = |seconds| begin + Duration::from_secs(seconds);
        let change = lost(open, Some(after(100)), after(500));
        let CallNow::Ended(ended) = &change.to else { panic!("not ended") };
        let record = ended;
        assert_eq!((record.state, record.cause), (CallState::Lost, Cause::Lost));
        assert_eq!(record.latest_end, Some(after(500)));
        assert_eq!((record.end_time, record.talk_duration), (after(100), Duration::from_secs(90)));
        assert_eq!((record.ring_duration, record.sequence), (Some(Duration::from_secs(8)), 5));
        assert_eq!(change.told.len(), 1);
    }

    #[test]
    fn what_happened_after_the_last_sign_of_life_counts_as_one() {
        for (alive, expected) in [(None, 10), (Some(5), 10), (Some(900), 60)] {
            let open = open(Some(10));
            let begin = open.call.accept_time;
            let after = |seconds| begin + Duration::from_secs(seconds);
            let change = lost(open, alive.map(after), after(60));
            let CallNow::Ended(ended) = &change.to else { panic!("not ended") };
            assert_eq!(ended.end_time, after(expected), "{alive:?}");
        }
    }

    #[test]
    fn its_dialogs_are_ended_on_the_wire() {
        let open = open(None);
        let orders: Vec<_> = endings(&open).collect();
        assert!(matches!(&orders[..], [CallOrder::End { call, snapshot, .. }]
            if *call == open.call.id && snapshot[..] == [1, 2]));
    }
}
