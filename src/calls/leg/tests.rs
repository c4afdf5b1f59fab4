//! Every rule of a call's states: the bench here, the rules by state.

mod failover;
mod giving_up;
mod incoming;
mod session;
mod setup;

use codecs::Now;
use jiff::Timestamp;

use super::*;
use crate::{
    domain::{CallId, HangupParty, LadderLine, Rung, testing},
    trunk::calls::{CallSlots, Incoming},
};

const SECOND: Duration = Duration::from_secs(1);

/// A leg with a clock, and what it has told.
struct Bench {
    leg: Leg,
    now: Now,
    told: Vec<CallMoved>,
    orders: Vec<CallOrder>,
    ended: Vec<CallRecord>,
    ladder: Ladder,
    seeks: bool,
}

impl Bench {
    fn new() -> Self {
        Self::asking(|_| {})
    }

    fn asking(change: impl FnOnce(&mut Call)) -> Self {
        let call = testing::call(change);
        let now = Now { mono: Instant::now(), wall: call.accept_time };
        let leg = Leg::outgoing(Arc::new(call), Sdp::new(b"v=0"), now);
        Self::of(leg, now)
    }

    fn of(leg: Leg, now: Now) -> Self {
        let (told, orders, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { leg, now, told, orders, ended, ladder: Ladder::default(), seeks: false }
    }

    /// A call that a trunk has been told to place.
    fn placed() -> Self {
        let mut bench = Self::new();
        bench.place("a", Failover::default());
        bench
    }

    fn answered() -> Self {
        let mut bench = Self::placed();
        bench.news(sent());
        bench.news(CallFact::Answered { sdp: Some(Sdp::new(b"answer")), snapshot: snapshot(2) });
        bench
    }

    fn incoming() -> (Self, CallId) {
        let now = Now { mono: Instant::now(), wall: Timestamp::from_second(1_772_366_400).unwrap() };
        let incoming = Incoming {
            trunk: "a".into(),
            gateway: "UDP 192.0.2.1:5060".into(),
            caller: testing::number("13800138000"),
            callee: testing::number("4001234567"),
            sdp: Some(Sdp::new(b"offer")),
            sip_call_id: "in@192.0.2.1".into(),
            headers: Vec::new(),
            slot: CallSlots::new(None).take().unwrap(),
            snapshot: snapshot(1),
        };
        let id = CallId::fresh();
        let rules = IncomingRules { answer_deadline: 20 * SECOND, max_duration: 3600 * SECOND };
        let mut effects = Effects::default();
        let leg = Leg::incoming(id, &incoming, Some("acme".into()), rules, now, &mut effects);
        assert!(matches!(&effects.told[..], [(Told::Inbound(call), _)] if call.sequence == 1));
        let mut bench = Self::of(leg, now);
        bench.orders.extend(effects.orders);
        (bench, id)
    }

    fn place(&mut self, trunk: &str, failover: Failover) {
        let now = self.now;
        self.step(|leg, effects| leg.place(trunk.into(), Arc::new(failover), now, effects));
        self.seeks = false;
    }

    fn news(&mut self, fact: CallFact) {
        let number = self.leg.placed;
        self.news_of(number, fact);
    }

    fn news_of(&mut self, number: u16, fact: CallFact) {
        let news = CallNews { placement: self.leg.placement(number), at: self.now, fact };
        self.step(|leg, effects| leg.apply(news, effects));
    }

    fn hang_up(&mut self) {
        let now = self.now;
        self.step(|leg, effects| leg.hang_up(HangupWhy::Platform("done".into()), now, effects));
    }

    /// Lets time pass; `true`: it had to be given up.
    fn pass(&mut self, time: Duration) -> bool {
        self.now = self.now.after(time);
        let now = self.now;
        let mut gave_up = false;
        self.step(|leg, effects| gave_up = leg.handle_timeout(now, effects));
        gave_up
    }

    fn step<T>(&mut self, change: impl FnOnce(&mut Leg, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let result = change(&mut self.leg, &mut effects);
        assert!(effects.told.is_empty() || effects.changed, "what is told is durable");
        for (told, time) in effects.told {
            let Told::Moved(moved) = told else { panic!("another call") };
            assert_eq!(time, self.now.wall);
            self.told.push(*moved);
        }
        self.orders.extend(effects.orders);
        self.seeks |= effects.seeks;
        if let Some(ended) = effects.ended {
            self.ladder = ended.1;
            self.ended.push(ended.0);
        }
        result
    }

    fn states(&self) -> Vec<CallState> {
        self.told.iter().map(|moved| moved.state).collect()
    }

    fn hangups(&self) -> Vec<HangupWhy> {
        let hangup = |order: &CallOrder| match order {
            CallOrder::Hangup { why, .. } => Some(why.clone()),
            _ => None,
        };
        self.orders.iter().filter_map(hangup).collect()
    }

    /// The one record, after checking what holds of every call that ended.
    #[track_caller]
    fn record(&self) -> &CallRecord {
        let [record] = &self.ended[..] else { panic!("{} records", self.ended.len()) };
        let last = self.told.last().unwrap();
        let first = if self.leg.call.direction == CallDirection::Inbound { 2 } else { 1 };
        for (place, moved) in self.told.iter().enumerate() {
            assert_eq!(moved.sequence as usize, place + first, "no gaps");
            assert_eq!(moved.state.is_final(), place + 1 == self.told.len(), "one final event, the last");
        }
        assert_eq!(
            (last.state, last.cause, last.sequence),
            (record.state, Some(record.cause), record.sequence)
        );
        record
    }
}

fn snapshot(octet: u8) -> Bytes {
    Bytes::copy_from_slice(&[octet])
}

fn sent() -> CallFact {
    sent_to("UDP 192.0.2.1:5060")
}

fn sent_to(gateway: &str) -> CallFact {
    CallFact::Sent { gateway: gateway.into(), sip_call_id: "x@here".into(), snapshot: snapshot(1) }
}

fn ended(cause: Cause) -> CallFact {
    CallFact::Ended { cause, evidence: Evidence::default(), retry_after: None }
}

fn ended_by(cause: Cause, status: u16, party: HangupParty) -> CallFact {
    let evidence = Evidence { sip_status: Some(status), released_by: Some(party), ..Evidence::default() };
    CallFact::Ended { cause, evidence, retry_after: None }
}

fn early(sdp: &[u8]) -> CallFact {
    CallFact::EarlyMedia { sdp: Some(Sdp::new(sdp)) }
}
