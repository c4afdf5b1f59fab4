//! From a request to a durable message: routed, planned, idempotent, refused when there is no room.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{SubmitRefused, references::References};
use crate::{
    clock,
    config::Outside,
    dispatch::{Job, Lane, Room, Ways},
    domain::{Message, MessageId, SegmentPlan, TrunkId},
    routing::{Candidate, Explanation, RouteTable, window_words},
    store::{Accepted, MessageKey, NewMessage, Store, StoreError},
    telemetry::metrics,
    trunk::sms::adapter::Prepared,
};

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

/// Where a message would go and when, with the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Where, and why there.
    pub route: Explanation,
    /// When it would leave; `None`: at once, or not at all.
    pub leave_time: Option<Timestamp>,
    /// What its window says, in words; empty: none concerns it.
    pub window: String,
}

/// Takes requests in. Cheap to clone; one per connection if need be.
#[derive(Clone)]
pub struct Acceptor {
    shared: Arc<Shared>,
}

struct Shared {
    ways: Ways,
    store: Store,
    references: References,
    draining: watch::Receiver<bool>,
}

/// A request that may be accepted: where it goes and how it is cut, with its room reserved.
struct Admitted {
    trunk_id: TrunkId,
    prepared: Prepared,
    new: NewMessage,
    room: Room,
    not_before: Option<Timestamp>,
}

/// When a message may leave; `None`: at once.
type Release = Option<Timestamp>;

type Answer = Result<SubmitAnswer, SubmitRefused>;

impl Acceptor {
    /// An acceptor; `first_reference` is where references of concatenation headers start, best at random.
    #[must_use]
    pub fn new(ways: Ways, store: Store, first_reference: u16, draining: watch::Receiver<bool>) -> Self {
        let references = References::new(first_reference);
        Self { shared: Arc::new(Shared { ways, store, references, draining }) }
    }

    /// Accepts requests: each is durable, or refused, when this returns. One commit for all of them. A caller that gives up
    /// meanwhile does not undo it: what has become durable is sent all the same.
    pub async fn submit(&self, requests: Vec<SubmitRequest>) -> Vec<Result<SubmitAnswer, SubmitRefused>> {
        let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
        let mut admitted = Vec::with_capacity(requests.len());
        for request in requests {
            let validate_only = request.validate_only;
            match self.admit(request).await {
                Ok(one) if validate_only => answers.push(Ok(answer(&one.new, false))),
                Ok(one) => {
                    answers.push(Ok(answer(&one.new, false)));
                    admitted.push((answers.len() - 1, one));
                }
                Err(refused) => answers.push(Err(refused)),
            }
        }
        if !admitted.is_empty() {
            let places: Vec<usize> = admitted.iter().map(|(place, _)| *place).collect();
            // In a task of its own: dropped half way, a message would be durable and wait in no queue until a restart.
            let committed = tokio::spawn(self.clone().commit(admitted)).await;
            match committed {
                Ok(committed) => committed.into_iter().for_each(|(place, answer)| answers[place] = answer),
                // It panicked, or the process ends.
                Err(_) => {
                    for place in places {
                        answers[place] = Err(SubmitRefused::Store(StoreError::Closed));
                    }
                }
            }
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
        let table = self.shared.ways.router().table();
        let trunks = self.route(&table, message)?;
        let (trunk_id, lane) = self.lane(&trunks)?;
        let prepared =
            lane.planner.prepare(message, 0).map_err(|error| SubmitRefused::of(error, trunk_id))?;
        Ok((prepared.plan, trunks.iter().map(|one| one.trunk.clone()).collect()))
    }

    /// Says why a message would take the trunk that it would take now, and when it would leave.
    #[must_use]
    pub fn explain(&self, message: &Message) -> Explained {
        let table = self.shared.ways.router().table();
        let route = table.explain(message, |id| self.shared.ways.health(id));
        let Some(window) = table.windows().of(message) else {
            return Explained { route, leave_time: message.send_time, window: String::new() };
        };
        let (leave_time, said) = match release(&table, message, message.accept_time) {
            Ok(time) if time == message.send_time => (time, "is open then"),
            Ok(time) => (time, "is closed then: the message would be held until it opens"),
            Err(SubmitRefused::ExpiresBeforeWindow { .. }) => (
                None,
                "is closed then: the message would be refused, because its validity ends before it opens",
            ),
            Err(_) => (None, "is closed then: the message would be refused"),
        };
        let window = format!("the window {} {said}", window_words(window));
        Explained { route, leave_time, window }
    }

    /// Makes requests durable and queues them; gives back each one's place and answer.
    async fn commit(self, admitted: Vec<(usize, Admitted)>) -> Vec<(usize, Answer)> {
        let new = admitted.iter().map(|(_, one)| one.new.clone()).collect();
        let accepted = match self.shared.store.accept(new).await {
            Ok(accepted) => accepted,
            Err(failed) => {
                let refuse = |(place, _)| (place, Err(SubmitRefused::Store(failed.clone())));
                return admitted.into_iter().map(refuse).collect();
            }
        };
        let now = clock::now().mono;
        let mut answers = Vec::with_capacity(admitted.len());
        let mut jobs: BTreeMap<TrunkId, Vec<Job>> = BTreeMap::new();
        for ((place, one), accepted) in admitted.into_iter().zip(accepted) {
            match accepted {
                Accepted::New => {
                    metrics::accepted(one.new.message.category, 1);
                    answers.push((place, Ok(answer(&one.new, false))));
                    let job = Job::fresh(one.new.message, one.prepared, one.room, now);
                    jobs.entry(one.trunk_id).or_default().push(job.not_before(one.not_before));
                }
                Accepted::Replayed { message_id, accept_time, plan } => {
                    answers.push((place, Ok(SubmitAnswer { message_id, accept_time, plan, replayed: true })));
                }
                Accepted::Mismatch => answers.push((place, Err(SubmitRefused::KeyReused))),
            }
        }
        for (trunk_id, jobs) in jobs {
            if let Some(lane) = self.shared.ways.lane(&trunk_id) {
                // A worker that is gone has drained; what it leaves is durable and found at the next start.
                let _ = lane.jobs.send(jobs).await;
            }
        }
        answers
    }

    async fn admit(&self, request: SubmitRequest) -> Result<Admitted, SubmitRefused> {
        if *self.shared.draining.borrow() {
            return Err(SubmitRefused::Draining);
        }
        let message = Arc::new(request.message);
        let table = self.shared.ways.router().table();
        let not_before = match release(&table, &message, message.accept_time) {
            Ok(time) => time,
            // Accepted while the window was open, and asked for again: the answer is the one of then.
            Err(_) if self.was_accepted(&message).await? => None,
            Err(closed) => return Err(closed),
        };
        let trunks = self.route(&table, &message)?;
        let (trunk_id, lane) = self.lane(&trunks)?;
        let trunk_id = trunk_id.clone();
        let reference = self.shared.references.next(&message, clock::now().mono);
        let prepared =
            lane.planner.prepare(&message, reference).map_err(|error| SubmitRefused::of(error, &trunk_id))?;
        let reserved = lane.backlog.reserve(&message.tenant_id, message.category);
        let room = reserved.map_err(|full| SubmitRefused::QueueFull {
            trunk_id: trunk_id.clone(),
            full,
            retry_after: lane.retry_after,
        })?;
        let new = NewMessage { message, plan: prepared.plan, reference, digest: request.digest };
        Ok(Admitted { trunk_id, prepared, new, room, not_before })
    }

    async fn was_accepted(&self, message: &Message) -> Result<bool, SubmitRefused> {
        Ok(self.shared.store.message(MessageKey::Request(message.request_key())).await?.is_some())
    }

    fn route<'a>(
        &self,
        table: &'a RouteTable,
        message: &'a Message,
    ) -> Result<Vec<Candidate<'a>>, SubmitRefused> {
        Ok(table.route(message, |id| self.shared.ways.health(id))?)
    }

    /// The way to the best of the allowed trunks; if none can carry now, the message waits there.
    fn lane<'a>(&'a self, trunks: &[Candidate<'a>]) -> Result<(&'a TrunkId, &'a Lane), SubmitRefused> {
        let chosen = trunks.first().ok_or(SubmitRefused::NoRoute)?.trunk;
        let lane = self.shared.ways.lane(chosen);
        lane.map(|lane| (chosen, lane)).ok_or_else(|| SubmitRefused::UnknownTrunk(chosen.clone()))
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

/// When a new message may leave, seen from `now`.
fn release(table: &RouteTable, message: &Message, now: Timestamp) -> Result<Release, SubmitRefused> {
    match table.windows().check(message, message.begin_time()) {
        Ok(()) => Ok(message.send_time),
        Err(closed) if closed.outside() == Outside::Hold && closed.opens < message.expire_time => {
            Ok(Some(closed.opens))
        }
        Err(closed) => Err(SubmitRefused::closed(&closed, message, now)),
    }
}
