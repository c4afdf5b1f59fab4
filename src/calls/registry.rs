//! All calls that are open: their legs, their slots, their timers, and those that wait for a trunk. Pure: words and facts
//! go in; orders, changes to be made durable and the next deadline come out.
//!
//! Leaves to others: the channels and the store (`control`), whether a call is accepted (`accept`).

mod placing;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};

use codecs::Now;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::placing::Gate;
use super::{
    Effects, IncomingRules, Leg, Told, WrongState,
    late::Late,
    lost,
    waiting::Waiting,
    ways::{CallWays, Lanes},
};
use crate::{
    domain::{
        Call, CallId, CallProgress, CallRecord, CallState, Event, Ladder, Payload, Rung, Sdp, TenantId,
        TrunkId,
    },
    store::{CallChange, CallNow, LeftCalls},
    telemetry::metrics,
    trunk::calls::{CallFact, CallNews, CallOrder, CallSlot, HangupWhy, Incoming, Placement},
};

/// How long the slot of a placement that its call has left is kept, if the trunk never says that it ended.
const LINGER: Duration = Duration::from_secs(90);

/// The calls that are open.
pub struct Registry {
    ways: CallWays,
    /// What the trunks are told; the gates follow it.
    lanes: watch::Receiver<Arc<Lanes>>,
    rules: IncomingRules,
    /// How many more may be opened.
    room: Arc<Semaphore>,
    live: BTreeMap<CallId, Live>,
    /// Slots of placements that their calls have left, or that outlived them.
    lingering: HashMap<Placement, (TrunkId, CallSlot, Instant)>,
    /// When the first of these is given up.
    release_at: Option<Instant>,
    timers: BTreeSet<(Instant, CallId)>,
    waiting: Waiting,
    /// When those that wait are looked at again.
    serve_at: Option<Instant>,
    gates: HashMap<TrunkId, Gate>,
    orders: VecDeque<CallOrder>,
    /// Calls whose durable state has changed.
    dirty: BTreeSet<CallId>,
    changes: Vec<CallChange>,
    /// Messages of calls that have ended.
    late: Late,
    /// Incoming calls are refused.
    refusing: bool,
}

/// A call that is open.
struct Live {
    leg: Leg,
    /// Its places among the concurrent calls of trunks, by placement.
    slots: Vec<(u16, TrunkId, CallSlot)>,
    timer: Option<Instant>,
    told: Vec<Event>,
    /// Its first row is not written yet.
    is_new: bool,
    /// Its room among all calls.
    _room: OwnedSemaphorePermit,
}

/// A word of the platform about a call.
#[derive(Debug, Clone)]
pub enum Word {
    /// It rings; with a description, the caller hears something.
    Ring(Option<Sdp>),
    /// Answer it.
    Answer(Sdp),
    /// Refuse it.
    Reject(u16),
    /// End it; the words are for the carrier.
    HangUp(String),
    /// Press keys.
    Press(String),
    /// Offer the peer another session.
    Offer(Sdp),
    /// Answer the peer's offer, or refuse it with a status.
    Reply(Result<Sdp, u16>),
}

/// An open call as it is in memory.
#[derive(Debug, Clone)]
pub struct LiveCall {
    /// What was asked.
    pub call: Arc<Call>,
    /// What became of it so far.
    pub progress: CallProgress,
    /// The peer's newest description.
    pub remote: Option<Sdp>,
    /// Its messages so far.
    pub ladder: Ladder,
}

/// Which open calls are wanted.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// On this trunk.
    pub trunk: Option<TrunkId>,
    /// Later than this one.
    pub after: Option<CallId>,
    /// At most so many.
    pub limit: usize,
}

impl Registry {
    /// No call is open; `room` is what all of them share.
    #[must_use]
    pub fn new(ways: CallWays, rules: IncomingRules, room: Arc<Semaphore>, now: Instant) -> Self {
        let mut lanes = ways.lanes();
        let present = lanes.borrow_and_update().clone();
        let gates = present.iter().map(|(id, lane)| (id.clone(), Gate::new(lane, now))).collect();
        Self {
            ways,
            lanes,
            rules,
            room,
            live: BTreeMap::new(),
            lingering: HashMap::new(),
            release_at: None,
            timers: BTreeSet::new(),
            waiting: Waiting::default(),
            serve_at: None,
            gates,
            orders: VecDeque::new(),
            dirty: BTreeSet::new(),
            changes: Vec::new(),
            late: Late::default(),
            refusing: false,
        }
    }

    /// Ends what a crash left: on the wire, where a dialog is known, and for the platform.
    pub fn end_left(&mut self, left: LeftCalls, now: Timestamp) {
        for open in left.open {
            self.orders.extend(lost::endings(&open));
            let trunk = open.progress.trunk_id().cloned();
            metrics::call_ended(
                trunk.as_ref(),
                open.call.direction,
                CallState::Lost,
                crate::domain::Cause::Lost,
            );
            self.changes.push(lost::lost(open, left.alive, now));
        }
    }

    /// A call that was accepted and is durable.
    pub fn accepted(&mut self, call: Arc<Call>, offer: Sdp, room: OwnedSemaphorePermit, now: Now) {
        let id = call.id;
        self.insert(id, Leg::outgoing(call, offer, now), room, false);
        self.line_up(id, now);
        self.set_timer(id);
    }

    fn insert(&mut self, id: CallId, leg: Leg, room: OwnedSemaphorePermit, is_new: bool) {
        let live = Live { leg, slots: Vec::new(), timer: None, told: Vec::new(), is_new, _room: room };
        self.live.insert(id, live);
    }

    /// Takes in what happened.
    pub fn news(&mut self, news: CallNews) {
        let CallNews { placement, at, fact } = news;
        let fact = match fact {
            CallFact::Incoming(incoming) => return self.came_in(placement, *incoming, at),
            CallFact::Message(rung) => return self.note_message(placement.call, *rung),
            fact => fact,
        };
        let ended = matches!(fact, CallFact::Ended { .. });
        if ended {
            self.note_end(placement, &fact, at.mono);
        }
        self.with(placement.call, at, |leg, effects| leg.apply(CallNews { placement, at, fact }, effects));
        if ended && !self.waiting.is_empty() {
            self.serve(at);
        }
    }

    fn note_message(&mut self, id: CallId, rung: Rung) {
        match self.live.get_mut(&id) {
            Some(live) => live.leg.note_message(rung),
            None => self.late.note(id, rung),
        }
    }

    fn came_in(&mut self, placement: Placement, incoming: Incoming, at: Now) {
        let room = if self.refusing { None } else { self.room.clone().try_acquire_owned().ok() };
        let Some(room) = room else {
            metrics::call_refused("QUEUE_FULL");
            self.orders.push_back(CallOrder::Reject { placement, status: 503 });
            return;
        };
        let id = placement.call;
        let mut effects = Effects::default();
        let owner = self.ways.router().table().owner(&incoming.callee);
        let leg = Leg::incoming(id, &incoming, owner, self.rules, at, &mut effects);
        self.insert(id, leg, room, true);
        if let Some(live) = self.live.get_mut(&id) {
            live.slots.push((placement.number, incoming.trunk, incoming.slot));
        }
        self.absorb(id, effects, at);
    }

    /// Heeds a word of the platform; gives the call's state then. `None`: no such call is open.
    pub fn word(&mut self, id: CallId, word: Word, now: Now) -> Option<Result<CallState, WrongState>> {
        self.live.contains_key(&id).then(|| {
            let mut heeded = Ok(());
            self.with(id, now, |leg, effects| {
                heeded = match word {
                    Word::Ring(sdp) => leg.ring_back(sdp, effects),
                    Word::Answer(sdp) => leg.answer(sdp, effects),
                    Word::Reject(status) => leg.reject(status, now, effects),
                    Word::HangUp(why) => {
                        leg.hang_up(HangupWhy::Platform(why), now, effects);
                        Ok(())
                    }
                    Word::Press(digits) => leg.press(digits, effects),
                    Word::Offer(sdp) => leg.offer(sdp, effects),
                    Word::Reply(answer) => leg.reply(answer, effects),
                };
            });
            let state = self.live.get(&id).map(|live| live.leg.progress().state);
            // One that ended with this had not been placed anywhere.
            heeded.map(|()| state.unwrap_or(CallState::Canceled))
        })
    }

    /// Refuses incoming calls from now on, or takes them again.
    pub fn refuse(&mut self, refusing: bool) {
        self.refusing = refusing;
    }

    /// Hangs all calls up, because the daemon ends.
    pub fn hang_up_all(&mut self, now: Now) {
        let ids: Vec<_> = self.live.keys().copied().collect();
        for id in ids {
            self.with(id, now, |leg, effects| leg.hang_up(HangupWhy::Drain, now, effects));
        }
    }

    /// Calls that are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// No call is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// An open call.
    #[must_use]
    pub fn look(&self, id: CallId) -> Option<LiveCall> {
        self.live.get(&id).map(|live| LiveCall::of(&live.leg))
    }

    /// The open calls that are wanted, the oldest first.
    #[must_use]
    pub fn list(&self, filter: &CallFilter) -> Vec<LiveCall> {
        let from = filter.after.map_or(Bound::Unbounded, Bound::Excluded);
        let wanted = |leg: &&Leg| {
            filter.tenant.as_ref().is_none_or(|tenant| leg.call().tenant_id == *tenant)
                && filter.trunk.as_ref().is_none_or(|trunk| leg.progress().trunk_id() == Some(trunk))
        };
        let legs = self.live.range((from, Bound::Unbounded)).map(|(_, live)| &live.leg);
        legs.filter(wanted).take(filter.limit).map(LiveCall::of).collect()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let others = [self.serve_at, self.release_at, self.hang_up_at()];
        timer.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Lets time have its effect.
    pub fn handle_timeout(&mut self, now: Now) {
        self.heed(now.mono);
        self.hang_up_resting(now);
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now.mono) {
            let mut over = false;
            self.with(id, now, |leg, effects| over = leg.handle_timeout(now, effects));
            if over {
                self.give_up(id, now);
            } else if self.live.get_mut(&id).is_some_and(|live| live.leg.may_leave(now.mono)) {
                self.move_on(id, now);
                self.set_timer(id);
            } else {
                self.set_timer(id);
            }
        }
        if self.serve_at.is_some_and(|at| at <= now.mono) {
            self.serve(now);
        }
        if self.release_at.is_some_and(|at| at <= now.mono) {
            self.lingering.retain(|_, (_, _, until)| *until > now.mono);
            self.release_at = self.lingering.values().map(|(_, _, until)| *until).min();
            self.serve(now);
        }
    }

    /// The next order for the trunks.
    pub fn poll_order(&mut self) -> Option<CallOrder> {
        self.orders.pop_front()
    }

    /// Gives an order back that found no room.
    pub fn unpoll_order(&mut self, order: CallOrder) {
        self.orders.push_front(order);
    }

    /// There are orders for the trunks.
    #[must_use]
    pub fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Something is to be made durable.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.waiting_changes() > 0
    }

    /// How much is to be made durable.
    #[must_use]
    pub fn waiting_changes(&self) -> usize {
        self.changes.len() + self.dirty.len() + self.late.unwritten()
    }

    /// What is to be made durable, in one commit. Each call's changes since the last time are one.
    pub fn take_changes(&mut self, now: Instant) -> Vec<CallChange> {
        let mut changes = std::mem::take(&mut self.changes);
        for id in std::mem::take(&mut self.dirty) {
            changes.extend(self.live.get_mut(&id).map(Live::change));
        }
        changes.extend(self.late.take_changes(now));
        changes
    }

    /// Has a call do something, and takes in what came of it.
    fn with(&mut self, id: CallId, now: Now, change: impl FnOnce(&mut Leg, &mut Effects)) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let mut effects = Effects::default();
        change(&mut live.leg, &mut effects);
        self.absorb(id, effects, now);
    }

    fn absorb(&mut self, id: CallId, effects: Effects, now: Now) {
        let Effects { orders, told, changed, seeks, ended } = effects;
        self.orders.extend(orders);
        let Some(live) = self.live.get_mut(&id) else { return };
        live.tell(told);
        if changed {
            self.dirty.insert(id);
        }
        if let Some(ended) = ended {
            let (record, ladder) = *ended;
            return self.end(id, record, ladder, now);
        }
        if seeks {
            self.line_up(id, now);
        }
        self.set_timer(id);
    }

    fn end(&mut self, id: CallId, record: CallRecord, ladder: Ladder, now: Now) {
        let Some(mut live) = self.live.remove(&id) else { return };
        self.dirty.remove(&id);
        if let Some(at) = live.timer {
            self.timers.remove(&(at, id));
        }
        if live.is_new {
            self.changes.push(live.change());
        }
        metrics::call_ended(record.trunk_id.as_ref(), record.direction, record.state, record.cause);
        if let Some(delay) = record.post_dial_delay {
            metrics::post_dial_delay(delay);
        }
        for (number, trunk, slot) in live.slots.drain(..) {
            let until = now.mono + LINGER;
            self.lingering.insert(Placement { call: id, number }, (trunk, slot, until));
            self.release_at.get_or_insert(until);
        }
        let told = std::mem::take(&mut live.told);
        let call = live.leg.call().clone();
        self.late.ended(call.clone(), ladder, now.mono);
        self.changes.push(CallChange { call, to: CallNow::Ended(Box::new(record)), told });
    }

    fn set_timer(&mut self, id: CallId) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let at = live.leg.poll_timeout();
        if at != live.timer {
            if let Some(before) = std::mem::replace(&mut live.timer, at) {
                self.timers.remove(&(before, id));
            }
            self.timers.extend(at.map(|at| (at, id)));
        }
    }
}

impl Live {
    fn tell(&mut self, told: Vec<(Told, Timestamp)>) {
        let call = self.leg.call();
        self.told.extend(told.into_iter().map(|(told, time)| {
            let payload = match told {
                Told::Inbound(inbound) => Payload::InboundCall(inbound),
                Told::Moved(moved) => Payload::Call(moved),
            };
            Event::about_call(call, payload, time)
        }));
    }

    /// Its state for the store, with what was told since the last time.
    fn change(&mut self) -> CallChange {
        let progress = self.leg.progress().clone();
        let to = if std::mem::take(&mut self.is_new) {
            CallNow::CameIn(progress)
        } else {
            CallNow::Open(progress)
        };
        CallChange { call: self.leg.call().clone(), to, told: std::mem::take(&mut self.told) }
    }
}

impl LiveCall {
    fn of(leg: &Leg) -> Self {
        Self {
            call: leg.call().clone(),
            progress: leg.progress().clone(),
            remote: leg.remote().cloned(),
            ladder: leg.ladder().clone(),
        }
    }
}
