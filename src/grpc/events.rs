//! `EventService`: subscriptions, the event stream, pull and ack.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    Phase, api,
    decode::is_printable,
    encode, reached,
    status::{Reason, Refusal},
};
use crate::{
    domain::{EventId, EventKind, SubscriptionId},
    events::{Acks, BATCH, Consumer, Delivered, Frame, MAX_CREDIT, SubscriptionError, Subscriptions},
    store::Subscription,
};

const MAX_NAME: usize = 128;
const MAX_TENANTS: usize = 1000;
/// Most ids in one batch of acks.
const MAX_ACKS: usize = 10_000;
const DEFAULT_ACK_DEADLINE: Duration = Duration::from_secs(30);
const MIN_ACK_DEADLINE: Duration = Duration::from_secs(1);
const MAX_ACK_DEADLINE: Duration = Duration::from_secs(600);
const DEFAULT_PULL: u32 = 100;
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How long a stream may take to say what it wants.
const OPENING: Duration = Duration::from_secs(30);
/// Frames on their way into the connection.
const OUTGOING: usize = 4;
const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: i32 = 1000;

/// The service.
#[derive(Clone)]
pub struct Events {
    subscriptions: Subscriptions,
    phase: watch::Receiver<Phase>,
}

type Outgoing = mpsc::Sender<Result<api::StreamEventsResponse, Status>>;

impl Events {
    /// The service over the subscriptions.
    #[must_use]
    pub fn new(subscriptions: Subscriptions, phase: watch::Receiver<Phase>) -> Self {
        Self { subscriptions, phase }
    }

    async fn run_stream(self, mut frames: Streaming<api::StreamEventsRequest>, outgoing: Outgoing) {
        let opened = tokio::select! {
            opened = self.open(&mut frames) => opened,
            () = reached(self.phase.clone(), Phase::Closing) => Err(SubscriptionError::Draining.into()),
        };
        match opened {
            Ok(consumer) => serve_consumer(consumer, &mut frames, &outgoing).await,
            Err(refusal) => drop(outgoing.send(Err(refusal.into())).await),
        }
    }

    async fn open(&self, frames: &mut Streaming<api::StreamEventsRequest>) -> Result<Consumer, Refusal> {
        let missing = || Refusal::field(Reason::InvalidField, "open", "must be the first frame of a stream");
        let first = tokio::time::timeout(OPENING, frames.message()).await.map_err(|_| missing())?;
        let Ok(Some(api::StreamEventsRequest { frame: Some(api::stream_events_request::Frame::Open(open)) })) =
            first
        else {
            return Err(missing());
        };
        let ack_deadline = ack_deadline("open.ack_deadline", open.ack_deadline)?;
        tracing::debug!(
            subscription = open.subscription_id,
            consumer = open.consumer_id,
            "an event stream opens"
        );
        let credit = usize::try_from(open.initial_credit).unwrap_or(MAX_CREDIT);
        Ok(self.subscriptions.attach(open.subscription_id.into(), credit, ack_deadline).await?)
    }
}

/// Carries frames both ways until either side has ended. Acks are read even while the client reads nothing.
async fn serve_consumer(
    mut consumer: Consumer,
    frames: &mut Streaming<api::StreamEventsRequest>,
    outgoing: &Outgoing,
) {
    use api::stream_events_request::Frame as Given;
    let mut ready: Option<Result<api::StreamEventsResponse, Status>> = None;
    loop {
        tokio::select! {
            place = outgoing.reserve(), if ready.is_some() => {
                let (Ok(place), Some(frame)) = (place, ready.take()) else { return };
                let ends = frame.is_err();
                place.send(frame);
                if ends {
                    return;
                }
            }
            frame = consumer.next_frame(), if ready.is_none() => match frame {
                Some(frame) => ready = Some(outgoing_frame(frame)),
                None => return,
            },
            given = frames.message() => match given.ok().flatten().map(|given| given.frame) {
                Some(Some(Given::Credit(grant))) => {
                    consumer.grant(usize::try_from(grant.credit).unwrap_or(MAX_CREDIT)).await;
                }
                Some(Some(Given::Ack(batch))) => match acks(batch) {
                    Ok((acks, unknown)) => {
                        consumer.acknowledge(acks).await;
                        if !unknown.is_empty() {
                            // Rare enough to wait for the client here.
                            let told = api::AckConfirmation { event_ids: vec![], expired_event_ids: unknown };
                            let frame = response(api::stream_events_response::Frame::AckConfirmation(told));
                            if outgoing.send(Ok(frame)).await.is_err() {
                                return;
                            }
                        }
                    }
                    Err(refusal) => return drop(outgoing.send(Err(refusal.into())).await),
                },
                Some(Some(Given::Open(_))) => {
                    let refusal = Refusal::field(Reason::InvalidField, "open", "must come only once");
                    return drop(outgoing.send(Err(refusal.into())).await);
                }
                // A frame that a later version knows.
                Some(None) => {}
                None => return,
            },
        }
    }
}

fn outgoing_frame(frame: Frame) -> Result<api::StreamEventsResponse, Status> {
    use api::stream_events_response::Frame as Told;
    Ok(response(match frame {
        Frame::Events(events) => Told::Batch(api::EventBatch { events: encoded(&events) }),
        Frame::Confirmed(confirmation) => Told::AckConfirmation(encode::confirmation(&confirmation)),
        Frame::Closing { reason, grace } => Told::Closing(api::StreamClosing {
            reason: reason.to_owned(),
            grace: Some(encode::duration(grace)),
        }),
        Frame::Failed(error) => return Err(Refusal::from(error).into()),
    }))
}

fn response(frame: api::stream_events_response::Frame) -> api::StreamEventsResponse {
    api::StreamEventsResponse { frame: Some(frame) }
}

fn encoded(events: &[Delivered]) -> Vec<api::Event> {
    events.iter().map(encode::event).collect()
}

/// Reads a batch of acks; what is no id of an event comes back beside it.
fn acks(batch: api::AckBatch) -> Result<(Acks, Vec<String>), Refusal> {
    let count = batch.ack_event_ids.len() + batch.nack_event_ids.len() + batch.extend_event_ids.len();
    if count > MAX_ACKS {
        let wrong = format!("must be at most {MAX_ACKS} ids at once");
        return Err(Refusal::field(Reason::InvalidField, "ack", wrong));
    }
    let mut unknown = Vec::new();
    let mut read = |ids: Vec<String>| -> Vec<EventId> {
        let mut known = Vec::with_capacity(ids.len());
        for id in ids {
            match id.parse() {
                Ok(id) => known.push(id),
                Err(_) => unknown.push(id),
            }
        }
        known
    };
    let acks = Acks {
        ack: read(batch.ack_event_ids),
        nack: read(batch.nack_event_ids),
        extend: read(batch.extend_event_ids),
    };
    Ok((acks, unknown))
}

fn subscription(given: Option<api::Subscription>) -> Result<Subscription, Refusal> {
    let wrong = |field: &str, description: &str| {
        Refusal::field(Reason::InvalidField, format!("subscription.{field}"), description)
    };
    let given = given.ok_or_else(|| Refusal::field(Reason::InvalidField, "subscription", "is required"))?;
    if !is_printable(&given.subscription_id, MAX_NAME) {
        return Err(wrong("subscription_id", "must be 1 to 128 printable characters"));
    }
    if given.tenant_ids.len() > MAX_TENANTS || !given.tenant_ids.iter().all(|id| is_printable(id, MAX_NAME)) {
        return Err(wrong("tenant_ids", "must be at most 1000 ids of tenants"));
    }
    let kinds: Option<Vec<EventKind>> = given.kinds.iter().map(|kind| event_kind(*kind)).collect();
    let kinds = kinds.ok_or_else(|| {
        wrong("kinds", "must be among MESSAGE_STATE, INBOUND_MESSAGE, TRUNK_STATE, ORPHAN_REPORT")
    })?;
    let deadline = ack_deadline("subscription.ack_deadline", given.ack_deadline)?;
    let retention = match given.retention.map(Duration::try_from) {
        None => 0,
        Some(Ok(retention)) if retention.as_secs() > 0 => retention.as_secs(),
        Some(_) => return Err(wrong("retention", "must be at least a second")),
    };
    Ok(Subscription {
        id: given.subscription_id.into(),
        tenant_ids: given.tenant_ids.into_iter().map(Into::into).collect(),
        kinds,
        ack_deadline_ms: u64::try_from(deadline.unwrap_or(DEFAULT_ACK_DEADLINE).as_millis())
            .unwrap_or(u64::MAX),
        retention_seconds: retention,
        max_delivery_attempts: given.max_delivery_attempts,
    })
}

/// The kinds that this daemon tells.
fn event_kind(kind: i32) -> Option<EventKind> {
    match api::EventKind::try_from(kind) {
        Ok(api::EventKind::MessageState) => Some(EventKind::MessageState),
        Ok(api::EventKind::InboundMessage) => Some(EventKind::InboundMessage),
        Ok(api::EventKind::TrunkState) => Some(EventKind::TrunkState),
        Ok(api::EventKind::OrphanReport) => Some(EventKind::OrphanReport),
        Ok(api::EventKind::CallState) => Some(EventKind::CallState),
        Ok(api::EventKind::CallRecord) => Some(EventKind::CallRecord),
        Ok(api::EventKind::InboundCall) => Some(EventKind::InboundCall),
        _ => None,
    }
}

fn ack_deadline(field: &str, given: Option<prost_types::Duration>) -> Result<Option<Duration>, Refusal> {
    match given.map(Duration::try_from) {
        None => Ok(None),
        Some(Ok(deadline)) if (MIN_ACK_DEADLINE..=MAX_ACK_DEADLINE).contains(&deadline) => Ok(Some(deadline)),
        Some(_) => Err(Refusal::field(Reason::InvalidField, field, "must be 1 to 600 seconds")),
    }
}

fn seek_time(given: Option<prost_types::Timestamp>) -> Result<Timestamp, Refusal> {
    given
        .and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
        .ok_or_else(|| Refusal::field(Reason::InvalidField, "time", "is required, from the year 1 to 9999"))
}

/// The size of a page that was asked for.
///
/// # Errors
/// `INVALID_FIELD` for a negative size.
pub fn page_size(given: i32) -> Result<usize, Refusal> {
    match usize::try_from(given.min(MAX_PAGE)) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) => Ok(size),
        Err(_) => Err(Refusal::field(Reason::InvalidField, "page_size", "must not be negative")),
    }
}

#[tonic::async_trait]
impl api::event_service_server::EventService for Events {
    async fn create_subscription(
        &self,
        request: Request<api::CreateSubscriptionRequest>,
    ) -> Result<Response<api::CreateSubscriptionResponse>, Status> {
        let subscription = subscription(request.into_inner().subscription)?;
        let described = self.subscriptions.create(subscription).await.map_err(Refusal::from)?;
        let subscription = Some(encode::subscription(&described));
        Ok(Response::new(api::CreateSubscriptionResponse { subscription }))
    }

    async fn get_subscription(
        &self,
        request: Request<api::GetSubscriptionRequest>,
    ) -> Result<Response<api::GetSubscriptionResponse>, Status> {
        let id = SubscriptionId::from(request.into_inner().subscription_id);
        let described = self.subscriptions.get(id).await.map_err(Refusal::from)?;
        let subscription = Some(encode::subscription(&described));
        Ok(Response::new(api::GetSubscriptionResponse { subscription }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<api::ListSubscriptionsRequest>,
    ) -> Result<Response<api::ListSubscriptionsResponse>, Status> {
        let api::ListSubscriptionsRequest { page_size: size, page_token } = request.into_inner();
        let size = page_size(size)?;
        let mut page = self.subscriptions.list(page_token, size + 1).await.map_err(Refusal::from)?;
        let more = page.len() > size;
        page.truncate(size);
        let last = page.last().filter(|_| more);
        Ok(Response::new(api::ListSubscriptionsResponse {
            next_page_token: last.map_or_else(String::new, |last| last.subscription.id.to_string()),
            subscriptions: page.iter().map(encode::subscription).collect(),
        }))
    }

    async fn delete_subscription(
        &self,
        request: Request<api::DeleteSubscriptionRequest>,
    ) -> Result<Response<api::DeleteSubscriptionResponse>, Status> {
        let id = SubscriptionId::from(request.into_inner().subscription_id);
        self.subscriptions.delete(id).await.map_err(Refusal::from)?;
        Ok(Response::new(api::DeleteSubscriptionResponse {}))
    }

    async fn seek_subscription(
        &self,
        request: Request<api::SeekSubscriptionRequest>,
    ) -> Result<Response<api::SeekSubscriptionResponse>, Status> {
        let api::SeekSubscriptionRequest { subscription_id, time } = request.into_inner();
        let time = seek_time(time)?;
        self.subscriptions.seek(subscription_id.into(), time).await.map_err(Refusal::from)?;
        Ok(Response::new(api::SeekSubscriptionResponse {}))
    }

    type StreamEventsStream = ReceiverStream<Result<api::StreamEventsResponse, Status>>;

    async fn stream_events(
        &self,
        request: Request<Streaming<api::StreamEventsRequest>>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let (outgoing, stream) = mpsc::channel(OUTGOING);
        tokio::spawn(self.clone().run_stream(request.into_inner(), outgoing));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn pull_events(
        &self,
        request: Request<api::PullEventsRequest>,
    ) -> Result<Response<api::PullEventsResponse>, Status> {
        let api::PullEventsRequest { subscription_id, max_events, wait } = request.into_inner();
        let max = if max_events == 0 { DEFAULT_PULL } else { max_events };
        let wait = match wait.map(Duration::try_from) {
            None => Duration::ZERO,
            Some(Ok(wait)) => wait.min(MAX_WAIT),
            Some(Err(_)) => {
                return Err(Refusal::field(Reason::InvalidField, "wait", "must not be negative").into());
            }
        };
        let max = usize::try_from(max).unwrap_or(BATCH).min(BATCH);
        let pulled =
            self.subscriptions.pull(subscription_id.into(), max, wait).await.map_err(Refusal::from)?;
        Ok(Response::new(api::PullEventsResponse { events: encoded(&pulled) }))
    }

    async fn ack_events(
        &self,
        request: Request<api::AckEventsRequest>,
    ) -> Result<Response<api::AckEventsResponse>, Status> {
        let api::AckEventsRequest { subscription_id, batch } = request.into_inner();
        let (acks, unknown) = acks(batch.unwrap_or_default())?;
        let confirmed =
            self.subscriptions.acknowledge(subscription_id.into(), acks).await.map_err(Refusal::from)?;
        let mut confirmation = encode::confirmation(&confirmed);
        confirmation.expired_event_ids.extend(unknown);
        Ok(Response::new(api::AckEventsResponse { confirmation: Some(confirmation) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> api::Subscription {
        api::Subscription { subscription_id: id.into(), ..Default::default() }
    }

    #[test]
    fn reads_a_subscription_with_its_defaults() {
        let read = subscription(Some(named("billing"))).unwrap();
        assert_eq!((read.id.as_str(), read.ack_deadline_ms, read.retention_seconds), ("billing", 30_000, 0));
        assert!(read.kinds.is_empty() && read.tenant_ids.is_empty());
    }

    #[test]
    fn refuses_a_subscription_that_can_not_be() {
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let table = [
            None,
            Some(named("")),
            Some(named(&"x".repeat(129))),
            Some(api::Subscription { kinds: vec![0], ..named("a") }),
            Some(api::Subscription { kinds: vec![api::EventKind::Usage as i32], ..named("a") }),
            Some(api::Subscription { tenant_ids: vec![String::new()], ..named("a") }),
            Some(api::Subscription { ack_deadline: seconds(0), ..named("a") }),
            Some(api::Subscription { ack_deadline: seconds(601), ..named("a") }),
            Some(api::Subscription { retention: seconds(-1), ..named("a") }),
        ];
        for given in table {
            assert_eq!(subscription(given.clone()).unwrap_err().reason(), Reason::InvalidField, "{given:?}");
        }
    }

    #[test]
    fn acks_that_name_no_event_come_back() {
        let batch = api::AckBatch {
            ack_event_ids: vec!["0-7".into(), "1-7".into(), "x".into()],
            nack_event_ids: vec!["0-8".into()],
            extend_event_ids: vec!["".into()],
        };
        let (acks, unknown) = super::acks(batch).unwrap();
        assert_eq!((acks.ack, acks.nack), (vec![EventId { sequence: 7 }], vec![EventId { sequence: 8 }]));
        assert_eq!(unknown, ["1-7", "x", ""]);
        let many = api::AckBatch { ack_event_ids: vec!["0-1".into(); MAX_ACKS + 1], ..Default::default() };
        assert!(super::acks(many).is_err());
    }

    #[test]
    fn pages_have_a_size_by_default_and_at_most() {
        assert_eq!(
            (page_size(0).unwrap(), page_size(7).unwrap(), page_size(i32::MAX).unwrap()),
            (100, 7, 1000)
        );
        assert!(page_size(-1).is_err());
    }
}
