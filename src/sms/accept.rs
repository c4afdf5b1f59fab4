//! From a request to a durable message: routed, planned, idempotent, refused when there is no room.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::{
    clock,
    dispatch::{Backlog, Job},
    domain::{Message, MessageId, SegmentPlan, TrunkId},
    routing::{RouteTable, Unroutable},
    store::{Accepted, NewMessage, Store, StoreError},
    telemetry::metrics,
    trunk::{
        TrunkBoard, TrunkState,
        sms::adapter::{Planner, PrepareError, Prepared},
    },
};

/// When a caller should try again after a full backlog.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request that has been read and is sound in itself.
#[derive(Debug, Clone)]
pub struct SubmitRequest {
    /// The message, with a fresh id and the time of now.
    pub message: Message,
    /// Digest of everything that the request says, its key left out.
    pub digest: [u8; 16],
    /// Say what would happen and do nothing.
    pub validate_only: bool,
}

/// The answer to an accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitAnswer {
    /// Ours.
    pub message_id: MessageId,
    /// When it was accepted.
    pub accept_time: Timestamp,
    /// How it is cut.
    pub plan: SegmentPlan,
    /// The key was seen before; nothing new was queued.
    pub replayed: bool,
}

/// Why a request was not accepted. Nothing of it is kept.
#[derive(Debug, Clone, Error)]
pub enum SubmitRefused {
    /// The text can't be written in the encoding asked for, or in any that the trunk has.
    #[error(
        "the text can't be written as {encoding}: the first character that does not fit is at position {position}"
    )]
    EncodingNotPossible {
        /// What was tried.
        encoding: String,
        /// Characters before the one that does not fit.
        position: usize,
    },
    /// The text is too long.
    #[error("the text needs {needed} segments, at most {max} are allowed")]
    TooManySegments {
        /// Segments it would need.
        needed: usize,
        /// Segments allowed.
        max: u8,
    },
    /// A trunk was named that is not configured.
    #[error("trunk {0} is not configured; `carrierctl trunks` lists those that are")]
    UnknownTrunk(TrunkId),
    /// No rule of the route table matches.
    #[error("no route leads to this recipient")]
    NoRoute,
    /// The sender is not one that the trunk may use.
    #[error("trunk {trunk_id} can't send with this sender: {reason}")]
    SenderNotAllowed {
        /// The trunk.
        trunk_id: TrunkId,
        /// Why.
        reason: String,
    },
    /// The same key came with another request.
    #[error("request_id was used before with another payload")]
    KeyReused,
    /// The trunk's backlog is full.
    #[error("trunk {trunk_id} has {max} messages waiting: try again in {retry_after:?}")]
    QueueFull {
        /// The trunk.
        trunk_id: TrunkId,
        /// The most that may wait.
        max: usize,
        /// When there may be room again.
        retry_after: Duration,
    },
    /// We are ending.
    #[error("the daemon is draining: send elsewhere")]
    Draining,
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The way to one trunk.
#[derive(Clone)]
pub struct Lane {
    /// How it cuts messages.
    pub planner: Arc<dyn Planner>,
    /// Its worker's queue.
    pub jobs: mpsc::Sender<Vec<Job>>,
    /// What waits there.
    pub backlog: Arc<Backlog>,
    /// The most that may wait.
    pub max_queue: usize,
}

/// Takes requests in. Cheap to clone; one per connection if need be.
#[derive(Clone)]
pub struct Acceptor {
    shared: Arc<Shared>,
}

struct Shared {
    routes: RouteTable,
    lanes: HashMap<TrunkId, Lane>,
    board: TrunkBoard,
    store: Store,
    references: AtomicU32,
    draining: watch::Receiver<bool>,
}

/// A request that may be accepted: where it goes and how it is cut, with its room reserved.
struct Admitted {
    trunk_id: TrunkId,
    prepared: Prepared,
    new: NewMessage,
}

impl Acceptor {
    /// An acceptor; `first_reference` is where references of concatenation headers start, best at random.
    #[must_use]
    pub fn new(
        routes: RouteTable,
        lanes: HashMap<TrunkId, Lane>,
        board: TrunkBoard,
        store: Store,
        first_reference: u16,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let references = AtomicU32::new(u32::from(first_reference));
        Self { shared: Arc::new(Shared { routes, lanes, board, store, references, draining }) }
    }

    /// Accepts requests: each is durable, or refused, when this returns. One commit for all of them.
    pub async fn submit(&self, requests: Vec<SubmitRequest>) -> Vec<Result<SubmitAnswer, SubmitRefused>> {
        let mut answers: Vec<Result<SubmitAnswer, SubmitRefused>> = Vec::with_capacity(requests.len());
        let mut admitted = Vec::with_capacity(requests.len());
        for request in requests {
            let validate_only = request.validate_only;
            match self.admit(request) {
                Ok(one) if validate_only => {
                    self.release(&one);
                    answers.push(Ok(answer(&one.new, false)));
                }
                Ok(one) => {
                    answers.push(Ok(answer(&one.new, false)));
                    admitted.push((answers.len() - 1, one));
                }
                Err(refused) => answers.push(Err(refused)),
            }
        }
        if !admitted.is_empty() {
            self.commit(admitted, &mut answers).await;
        }
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            metrics::refused(refused.reason());
        }
        answers
    }

    /// Says how a message would be cut and which trunks it may take.
    ///
    /// # Errors
    /// As [`Self::submit`], but for room.
    pub fn estimate(&self, message: &Message) -> Result<(SegmentPlan, Vec<TrunkId>), SubmitRefused> {
        let (trunk_id, lane) = self.lane(message)?;
        let prepared =
            lane.planner.prepare(message, 0).map_err(|error| SubmitRefused::of(error, trunk_id))?;
        let trunks = self.shared.routes.route(message).map_err(SubmitRefused::from)?;
        Ok((prepared.plan, trunks.to_vec()))
    }

    async fn commit(
        &self,
        admitted: Vec<(usize, Admitted)>,
        answers: &mut [Result<SubmitAnswer, SubmitRefused>],
    ) {
        let new = admitted.iter().map(|(_, one)| one.new.clone()).collect();
        let accepted = match self.shared.store.accept(new).await {
            Ok(accepted) => accepted,
            Err(failed) => {
                for (index, one) in &admitted {
                    self.release(one);
                    answers[*index] = Err(SubmitRefused::Store(failed.clone()));
                }
                return;
            }
        };
        let now = clock::now().mono;
        let mut jobs: BTreeMap<TrunkId, Vec<Job>> = BTreeMap::new();
        for ((index, one), accepted) in admitted.into_iter().zip(accepted) {
            match accepted {
                Accepted::New => {
                    metrics::accepted(one.new.message.category, 1);
                    let job = Job::fresh(one.new.message, one.prepared, now);
                    jobs.entry(one.trunk_id).or_default().push(job);
                }
                Accepted::Replayed { message_id, accept_time, plan } => {
                    self.release(&one);
                    answers[index] = Ok(SubmitAnswer { message_id, accept_time, plan, replayed: true });
                }
                Accepted::Mismatch => {
                    self.release(&one);
                    answers[index] = Err(SubmitRefused::KeyReused);
                }
            }
        }
        for (trunk_id, jobs) in jobs {
            if let Some(lane) = self.shared.lanes.get(&trunk_id) {
                // A worker that is gone has drained; what it leaves is durable and found at the next start.
                let _ = lane.jobs.send(jobs).await;
            }
        }
    }

    fn admit(&self, request: SubmitRequest) -> Result<Admitted, SubmitRefused> {
        if *self.shared.draining.borrow() {
            return Err(SubmitRefused::Draining);
        }
        let message = Arc::new(request.message);
        let (trunk_id, lane) = self.lane(&message)?;
        let trunk_id = trunk_id.clone();
        let reference = self.next_reference();
        let prepared =
            lane.planner.prepare(&message, reference).map_err(|error| SubmitRefused::of(error, &trunk_id))?;
        if !lane.backlog.reserve(lane.max_queue) {
            return Err(SubmitRefused::QueueFull { trunk_id, max: lane.max_queue, retry_after: RETRY_AFTER });
        }
        let new = NewMessage { message, plan: prepared.plan, reference, digest: request.digest };
        Ok(Admitted { trunk_id, prepared, new })
    }

    /// The best of the allowed trunks: the first that is not down, else the first, where the message waits.
    fn lane<'a>(&'a self, message: &'a Message) -> Result<(&'a TrunkId, &'a Lane), SubmitRefused> {
        let trunks = self.shared.routes.route(message).map_err(SubmitRefused::from)?;
        let up = |id: &&TrunkId| self.shared.board.state(id.as_str()) != Some(TrunkState::Down);
        let chosen = trunks.iter().find(up).or(trunks.first()).ok_or(SubmitRefused::NoRoute)?;
        let lane = self.shared.lanes.get(chosen);
        lane.map(|lane| (chosen, lane)).ok_or_else(|| SubmitRefused::UnknownTrunk(chosen.clone()))
    }

    fn release(&self, one: &Admitted) {
        if let Some(lane) = self.shared.lanes.get(&one.trunk_id) {
            lane.backlog.release();
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "references wrap")]
    fn next_reference(&self) -> u16 {
        self.shared.references.fetch_add(1, Ordering::Relaxed) as u16
    }
}

fn answer(new: &NewMessage, replayed: bool) -> SubmitAnswer {
    SubmitAnswer {
        message_id: new.message.id,
        accept_time: new.message.accept_time,
        plan: new.plan,
        replayed,
    }
}

impl SubmitRefused {
    /// The reason, as the API names it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EncodingNotPossible { .. } => "ENCODING_NOT_POSSIBLE",
            Self::TooManySegments { .. } => "TOO_MANY_SEGMENTS",
            Self::UnknownTrunk(_) => "UNKNOWN_TRUNK",
            Self::NoRoute => "NO_ROUTE",
            Self::SenderNotAllowed { .. } => "CALLER_NOT_ALLOWED",
            Self::KeyReused => "REQUEST_ID_PAYLOAD_MISMATCH",
            Self::QueueFull { .. } => "QUEUE_FULL",
            Self::Draining => "DRAINING",
            Self::Store(_) => "STORE_UNAVAILABLE",
        }
    }

    fn of(error: PrepareError, trunk_id: &TrunkId) -> Self {
        match error {
            PrepareError::EncodingNotPossible { encoding, position } => {
                Self::EncodingNotPossible { encoding, position }
            }
            PrepareError::TooManySegments { needed, max } => Self::TooManySegments { needed, max },
            PrepareError::SenderNotAllowed(reason) => {
                Self::SenderNotAllowed { trunk_id: trunk_id.clone(), reason }
            }
        }
    }
}

impl From<Unroutable> for SubmitRefused {
    fn from(unroutable: Unroutable) -> Self {
        match unroutable {
            Unroutable::UnknownTrunk(id) => Self::UnknownTrunk(id),
            Unroutable::NoRule => Self::NoRoute,
        }
    }
}
