//! The task that owns all open calls: facts, words and time go into the registry; its orders go to the trunks and its
//! changes to the store, all that gathered while one commit was on its way in the next.
//!
//! What the platform is told is durable first: events are written with the state that they tell. What a trunk is told
//! need not be, but for one thing: a call leaves only after its acceptance is durable.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use ::metrics::Gauge;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout_at},
};
use tracing::{error, info, warn};

use super::{
    CallWays, IncomingRules, Lanes,
    accept::CallAcceptor,
    handle::Calls,
    refused::WordRefused,
    registry::{CallFilter, LiveCall, Registry, Word},
};
use crate::{
    clock,
    domain::{Call, CallId, CallState, Sdp},
    store::{Store, StoreError},
    telemetry::metrics,
    trunk::calls::{CallNews, CallOrder, CallSide},
};

/// Words and accepted calls that may wait for the task.
const MESSAGES: usize = 1024;
/// Facts taken in at once.
const FACTS: usize = 1024;
/// Calls whose changes may wait for the commit on its way; beyond that nothing is taken in.
const MAX_CHANGES: usize = 16_384;
/// How often it is taken down that calls are held: one small row for all of them. With what a commit takes, the end of a
/// call that a crash cuts is known to a second or two; the API promises 5 s.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// How long calls may take to end when the daemon has hung them up.
const LAST_ENDS: Duration = Duration::from_secs(5);

/// What the task needs.
pub struct CallParts {
    /// Where calls may go.
    pub ways: CallWays,
    /// Where everything is durable.
    pub store: Store,
    /// What the trunks are told, and tell.
    pub side: CallSide,
    /// What decides of incoming calls.
    pub incoming: IncomingRules,
    /// Most calls that are open at once.
    pub max_open: usize,
    /// The daemon takes nothing new.
    pub refusing: watch::Receiver<bool>,
}

/// What the task is told.
pub(super) enum Message {
    /// A call that is durable.
    Accepted { call: Arc<Call>, offer: Sdp, room: OwnedSemaphorePermit },
    /// A word about a call.
    Say { id: CallId, word: Word, reply: oneshot::Sender<Result<CallState, WordRefused>> },
    /// A question about an open call.
    Look(CallId, oneshot::Sender<Option<Box<LiveCall>>>),
    /// A question about open calls.
    List(CallFilter, oneshot::Sender<Vec<LiveCall>>),
    /// Calls may end by themselves until then; the rest is hung up, and the task ends.
    End(Instant),
}

type Commit = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The task.
pub struct CallControl {
    registry: Registry,
    store: Store,
    side: CallSide,
    messages: mpsc::Receiver<Message>,
    /// What the trunks are told; the registry looks for itself, and is woken by this.
    lanes: watch::Receiver<Arc<Lanes>>,
    refusing: watch::Receiver<bool>,
    commit: Option<Commit>,
    alive_at: Instant,
    end_at: Option<Instant>,
    hung_up: bool,
    /// The store failed: nothing is kept any more, and the next start resolves what is open.
    failed: bool,
    /// How many calls are open, for whoever looks.
    open: Gauge,
}

impl CallControl {
    /// Starts the task; ends what the last run left.
    ///
    /// # Errors
    /// What the last run left can't be read.
    pub fn spawn(parts: CallParts) -> Result<(Calls, JoinHandle<()>), StoreError> {
        let CallParts { ways, store, side, incoming, max_open, refusing } = parts;
        let left = store.left_calls()?;
        let room = Arc::new(Semaphore::new(max_open.min(Semaphore::MAX_PERMITS)));
        let (tell, messages) = mpsc::channel(MESSAGES);
        let acceptor = CallAcceptor::new(
            ways.clone(),
            store.clone(),
            tell.clone(),
            room.clone(),
            max_open,
            refusing.clone(),
        );
        let now = clock::now();
        let lanes = ways.lanes();
        let mut registry = Registry::new(ways, incoming, room, now.mono);
        if !left.open.is_empty() || left.damaged > 0 {
            info!(
                open = left.open.len(),
                damaged = left.damaged,
                "calls that were open when the last run ended are ended as lost"
            );
        }
        registry.end_left(left, now.wall);
        let control = Self {
            registry,
            store: store.clone(),
            side,
            messages,
            lanes,
            refusing,
            commit: None,
            alive_at: Instant::now(),
            end_at: None,
            hung_up: false,
            failed: false,
            open: metrics::calls_open(),
        };
        Ok((Calls::new(acceptor, store, tell), tokio::spawn(control.run())))
    }

    async fn run(mut self) {
        let (mut facts, mut refusing_seen) = (Vec::new(), true);
        loop {
            self.refuse_if_told(&mut refusing_seen);
            self.begin_commit();
            if self.is_done() {
                return;
            }
            let takes = !self.is_behind();
            let deadline = self.deadline();
            tokio::select! {
                committed = until_some(&mut self.commit) => {
                    self.commit = None;
                    if let Err(failed) = committed {
                        error!(error = %failed, "calls can't be kept any more: those that are open are told as lost at the next start");
                        self.failed = true;
                    }
                }
                open = has_room(&self.side.orders), if self.registry.has_orders() => {
                    if !open {
                        error!("the trunks that carry calls have ended: calls can't go on");
                        return self.settle().await;
                    }
                    self.hand_over();
                }
                count = self.side.news.recv_many(&mut facts, FACTS), if takes => {
                    if count == 0 {
                        error!("the trunks that carry calls have ended: calls can't go on");
                        return self.settle().await;
                    }
                    facts.drain(..).for_each(|news: CallNews| self.registry.news(news));
                    self.hand_over();
                }
                Some(message) = self.messages.recv(), if takes => {
                    self.message(message);
                    self.hand_over();
                }
                changed = self.refusing.changed(), if refusing_seen => refusing_seen = changed.is_ok(),
                Ok(()) = self.lanes.changed() => self.registry.heed(clock::now().mono),
                () = at(deadline) => {
                    self.registry.handle_timeout(clock::now());
                    self.hang_up_when_over();
                    self.hand_over();
                }
            }
            self.count();
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    fn count(&self) {
        self.open.set(self.registry.len() as f64);
    }

    fn message(&mut self, message: Message) {
        let now = clock::now();
        match message {
            Message::Accepted { call, offer, room } => self.registry.accepted(call, offer, room, now),
            Message::Say { id, word, reply } => {
                let heeded = match self.registry.word(id, word, now) {
                    Some(heeded) => heeded.map_err(WordRefused::from),
                    None => Err(WordRefused::NotFound(id)),
                };
                // Who asked may have gone; what was said is done all the same.
                let _ = reply.send(heeded);
            }
            Message::Look(id, reply) => drop(reply.send(self.registry.look(id).map(Box::new))),
            Message::List(filter, reply) => drop(reply.send(self.registry.list(&filter))),
            Message::End(at) => {
                self.end_at = Some(at);
                self.registry.refuse(true);
                self.hang_up_when_over();
            }
        }
    }

    /// Hands orders over, as many as find room at once.
    fn hand_over(&mut self) {
        while let Some(order) = self.registry.poll_order() {
            if let Err(refused) = self.side.orders.try_send(order) {
                self.registry.unpoll_order(refused.into_inner());
                return;
            }
        }
    }

    fn refuse_if_told(&mut self, seen: &mut bool) {
        if *seen && self.end_at.is_none() {
            let refusing = *self.refusing.borrow_and_update();
            self.registry.refuse(refusing);
        }
    }

    fn hang_up_when_over(&mut self) {
        let over = self.end_at.is_some_and(|at| at <= Instant::now());
        if over && !self.hung_up {
            self.hung_up = true;
            if !self.registry.is_empty() {
                info!(calls = self.registry.len(), "the daemon ends: calls that are open are hung up");
            }
            self.registry.hang_up_all(clock::now());
        }
    }

    fn begin_commit(&mut self) {
        if self.commit.is_some() {
            return;
        }
        let now = Instant::now();
        let tells_life = !self.registry.is_empty() && self.alive_at <= now;
        if !self.registry.has_changes() && !tells_life {
            return;
        }
        let changes = self.registry.take_changes(now.into_std());
        if self.failed {
            return;
        }
        if tells_life {
            self.alive_at = now + ALIVE_EVERY;
        }
        let store = self.store.clone();
        self.commit = Some(Box::pin(async move {
            // Side by side they share a commit.
            let life =
                async { if tells_life { store.note_calls_alive(clock::wall()).await } else { Ok(()) } };
            let told = async { if changes.is_empty() { Ok(()) } else { store.record_calls(changes).await } };
            tokio::try_join!(life, told).map(|_| ())
        }));
    }

    fn is_behind(&self) -> bool {
        self.commit.is_some() && self.registry.waiting_changes() >= MAX_CHANGES
    }

    /// Every call has ended and is kept, or no more time is left for it.
    fn is_done(&self) -> bool {
        let Some(end_at) = self.end_at else { return false };
        let settled = self.registry.is_empty() && !self.registry.has_orders() && self.commit.is_none();
        if !settled && end_at + LAST_ENDS <= Instant::now() {
            warn!(
                calls = self.registry.len(),
                "not every call has ended: the next start ends the rest as lost"
            );
            return true;
        }
        settled
    }

    fn deadline(&self) -> Option<Instant> {
        let registry = self.registry.poll_timeout().map(Instant::from_std);
        let alive = (!self.registry.is_empty() && self.commit.is_none()).then_some(self.alive_at);
        let end = self.end_at.map(|at| if self.hung_up { at + LAST_ENDS } else { at });
        registry.into_iter().chain(alive).chain(end).min()
    }

    /// Keeps what is left to be kept.
    async fn settle(mut self) {
        let by = Instant::now() + LAST_ENDS;
        loop {
            self.begin_commit();
            let Some(commit) = self.commit.take() else { return };
            match timeout_at(by, commit).await {
                Ok(Ok(())) => {}
                Ok(Err(failed)) => {
                    return error!(error = %failed, "the last changes of calls could not be kept");
                }
                Err(_) => return error!("the last changes of calls could not be kept in time"),
            }
        }
    }
}

/// Waits until an order finds room. `false`: nobody takes any.
async fn has_room(orders: &mpsc::Sender<CallOrder>) -> bool {
    orders.reserve().await.is_ok()
}

async fn until_some(commit: &mut Option<Commit>) -> Result<(), StoreError> {
    match commit {
        Some(commit) => commit.await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
