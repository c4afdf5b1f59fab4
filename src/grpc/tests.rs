//! The services as clients see them: over a loopback connection, with a real store and an acceptor that takes all.

use std::{net::SocketAddr, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Streaming, transport::Channel};
use tonic_types::{RpcStatusExt, StatusExt};

use super::*;
use crate::{
    config::{RetentionConfig, StoreConfig},
    dispatch::Full,
    domain::{Event, Message, Payload, SegmentPlan, TrunkId, TrunkMoved},
    sms::{Explained, SubmitAnswer, SubmitRefused, SubmitRequest},
};
use api::{
    event_service_client::EventServiceClient, sms_service_client::SmsServiceClient,
    stream_events_request as told, stream_events_response as given, submit_result::Outcome,
};

const PATIENCE: Duration = Duration::from_secs(30);
const PLAN: SegmentPlan = SegmentPlan { encoding: None, segments: 1, units: 7 };

#[derive(Clone)]
struct TakesAll;

impl sms::Accept for TakesAll {
    async fn submit(&self, requests: Vec<SubmitRequest>) -> Vec<Result<SubmitAnswer, SubmitRefused>> {
        let full = |retry_after| {
            Err(SubmitRefused::QueueFull { trunk_id: "t".into(), full: Full::Trunk(1), retry_after })
        };
        let answer = |request: SubmitRequest| match request.message.request_id.as_str() {
            "full" => full(PATIENCE),
            "crowded" => full(Duration::from_millis(50)),
            _ => Ok(SubmitAnswer {
                message_id: request.message.id,
                accept_time: request.message.accept_time,
                plan: PLAN,
                replayed: false,
            }),
        };
        requests.into_iter().map(answer).collect()
    }

    fn estimate(&self, _message: &Message) -> Result<(SegmentPlan, Vec<TrunkId>), SubmitRefused> {
        Ok((PLAN, vec!["t".into()]))
    }

    fn explain(&self, _message: &Message) -> Explained {
        let route = crate::routing::Explanation {
            operator: None,
            rules: Vec::new(),
            alternatives: Vec::new(),
            choice: Some("t".into()),
            reason: "there is only this one".into(),
        };
        Explained { route, leave_time: None, window: String::new() }
    }
}

struct Daemon {
    _folder: TempDir,
    store: Store,
    subscriptions: Subscriptions,
    phase: watch::Sender<Phase>,
    address: SocketAddr,
}

impl Daemon {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            path: folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 4 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let messages = message_config();
        let (store, _) = Store::open(&config, &messages).unwrap();
        let (phase, seen) = watch::channel(Phase::Serving);
        let subscriptions = Subscriptions::spawn(store.clone());
        let sms = sms::Sms::new(TakesAll, store.clone(), &messages, seen.clone());
        let events = events::Events::new(subscriptions.clone(), seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(
            Server::builder()
                .add_service(SmsServiceServer::new(sms))
                .add_service(EventServiceServer::new(events))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self { _folder: folder, store, subscriptions, phase, address }
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn tell(&self, count: usize) {
        let moved = TrunkMoved { trunk_id: "t".into(), bound_links: 1, wanted_links: 2, status: None };
        let event = Event::of(Payload::Trunk(moved), Timestamp::now());
        self.store.append_events(vec![event; count]).await.unwrap();
    }
}

fn submit(request_id: &str, to: &str) -> api::SubmitMessageRequest {
    api::SubmitMessageRequest {
        request_id: request_id.into(),
        message: Some(api::OutboundMessage {
            tenant_id: "shop".into(),
            to: to.into(),
            content: Some(api::outbound_message::Content::Text("hi".into())),
            category: api::MessageCategory::Notification as i32,
            ..Default::default()
        }),
        validate_only: false,
    }
}

fn reason(result: &api::SubmitResult) -> String {
    match &result.outcome {
        Some(Outcome::Error(error)) => error.get_details_error_info().unwrap().reason,
        Some(Outcome::Response(_)) => String::new(),
        None => panic!("no outcome"),
    }
}

async fn next<T>(stream: &mut Streaming<T>) -> T {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("a frame in time");
    message.unwrap().expect("the stream goes on")
}

#[tokio::test]
async fn one_bad_item_never_fails_the_others() {
    let daemon = Daemon::start().await;
    let mut client = SmsServiceClient::new(daemon.channel().await);
    let requests = vec![submit("a", "1"), submit("b", "x"), submit("full", "1"), submit("c", "2")];
    let results = client.batch_submit_messages(api::BatchSubmitMessagesRequest { requests }).await.unwrap();
    let results = results.into_inner().results;
    assert_eq!(results.iter().map(|r| r.request_id.as_str()).collect::<Vec<_>>(), ["a", "b", "full", "c"]);
    assert_eq!(results.iter().map(reason).collect::<Vec<_>>(), ["", "INVALID_NUMBER", "QUEUE_FULL", ""]);

    let status = client.submit_message(submit("a", "x")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "message.to");
    let many = api::BatchSubmitMessagesRequest { requests: vec![submit("a", "1"); 501] };
    assert_eq!(client.batch_submit_messages(many).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_submit_stream_answers_every_request_and_gives_credit_back() {
    let daemon = Daemon::start().await;
    let mut client = SmsServiceClient::new(daemon.channel().await);
    let (frames, outgoing) = mpsc::channel(8);
    let mut stream = client.stream_submit_messages(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    let opening = next(&mut stream).await;
    assert!(opening.results.is_empty() && opening.credit > 0);

    // More than the credit allows, in one frame: the rest is refused, item by item.
    let count = opening.credit as usize + 3;
    let requests = (0..count).map(|number| submit(&number.to_string(), "1")).collect();
    frames.send(api::StreamSubmitMessagesRequest { requests }).await.unwrap();
    let (mut accepted, mut refused, mut credit) = (0, 0, 0);
    while accepted + refused < count {
        let frame = next(&mut stream).await;
        credit += frame.credit;
        for result in &frame.results {
            match reason(result).as_str() {
                "" => accepted += 1,
                "CREDIT_EXCEEDED" => refused += 1,
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!((accepted, refused, credit), (opening.credit as usize, 3, opening.credit));

    // Where there is no room the credit comes later, by itself.
    let requests = vec![submit("crowded", "1"), submit("other", "1")];
    frames.send(api::StreamSubmitMessagesRequest { requests }).await.unwrap();
    let answer = next(&mut stream).await;
    assert_eq!(
        (answer.results.len(), answer.credit, reason(&answer.results[0])),
        (2, 1, "QUEUE_FULL".into())
    );
    let later = next(&mut stream).await;
    assert!(later.results.is_empty() && later.credit == 1);

    // What is sent before the client's end is answered before the server's.
    frames.send(api::StreamSubmitMessagesRequest { requests: vec![submit("last", "1")] }).await.unwrap();
    drop(frames);
    assert_eq!(next(&mut stream).await.results[0].request_id, "last");
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_draining_daemon_takes_no_messages_and_says_so_per_item() {
    let daemon = Daemon::start().await;
    let mut client = SmsServiceClient::new(daemon.channel().await);
    daemon.phase.send(Phase::Draining).unwrap();
    let status = client.submit_message(submit("a", "1")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_details_error_info().unwrap().reason, "DRAINING");
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn asks_for_a_message_that_is_not_there() {
    let daemon = Daemon::start().await;
    let mut client = SmsServiceClient::new(daemon.channel().await);
    let key = Some(api::get_message_request::Key::RequestKey(api::RequestKey {
        tenant_id: "shop".into(),
        request_id: "none".into(),
    }));
    let status = client.get_message(api::GetMessageRequest { key }).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "MESSAGE_NOT_FOUND");
    let message_id = crate::domain::MessageId::fresh().to_string();
    let status = client.cancel_message(api::CancelMessageRequest { message_id }).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "MESSAGE_NOT_FOUND");
}

fn frame(frame: told::Frame) -> api::StreamEventsRequest {
    api::StreamEventsRequest { frame: Some(frame) }
}

fn open(subscription_id: &str, initial_credit: u32) -> api::StreamEventsRequest {
    frame(told::Frame::Open(api::OpenStream {
        subscription_id: subscription_id.into(),
        consumer_id: "test".into(),
        initial_credit,
        ack_deadline: None,
    }))
}

async fn create(client: &mut EventServiceClient<Channel>, id: &str) {
    let subscription = Some(api::Subscription { subscription_id: id.into(), ..Default::default() });
    client.create_subscription(api::CreateSubscriptionRequest { subscription }).await.unwrap();
}

async fn batch(stream: &mut Streaming<api::StreamEventsResponse>) -> Vec<api::Event> {
    match next(stream).await.frame {
        Some(given::Frame::Batch(batch)) => batch.events,
        other => panic!("no batch: {other:?}"),
    }
}

#[tokio::test]
async fn the_event_stream_respects_credit_and_confirms_acks() {
    let daemon = Daemon::start().await;
    let mut client = EventServiceClient::new(daemon.channel().await);
    create(&mut client, "s").await;
    daemon.tell(5).await;
    let (frames, outgoing) = mpsc::channel(8);
    frames.send(open("s", 2)).await.unwrap();
    let mut stream = client.stream_events(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    let first = batch(&mut stream).await;
    assert_eq!(first.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(first[0].payload, Some(api::event::Payload::TrunkState(_))));

    let acks = api::AckBatch {
        ack_event_ids: vec![first[0].event_id.clone(), "nonsense".into()],
        ..Default::default()
    };
    frames.send(frame(told::Frame::Ack(acks))).await.unwrap();
    let (mut confirmed, mut expired, mut more) = (Vec::new(), Vec::new(), Vec::new());
    while confirmed.is_empty() || expired.is_empty() || more.is_empty() {
        match next(&mut stream).await.frame {
            Some(given::Frame::AckConfirmation(confirmation)) => {
                confirmed.extend(confirmation.event_ids);
                expired.extend(confirmation.expired_event_ids);
            }
            Some(given::Frame::Batch(batch)) => more.extend(batch.events),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((confirmed, expired), (vec![first[0].event_id.clone()], vec!["nonsense".to_owned()]));
    assert_eq!(more.iter().map(|event| event.sequence).collect::<Vec<_>>(), [3]);

    frames.send(frame(told::Frame::Credit(api::CreditGrant { credit: 10 }))).await.unwrap();
    let rest = batch(&mut stream).await;
    assert_eq!(rest.iter().map(|event| event.sequence).collect::<Vec<_>>(), [4, 5]);
}

#[tokio::test]
async fn a_stream_of_a_subscription_that_is_not_there_fails_with_its_reason() {
    let daemon = Daemon::start().await;
    let mut client = EventServiceClient::new(daemon.channel().await);
    for (first, reason) in [
        (open("none", 1), "SUBSCRIPTION_NOT_FOUND"),
        (frame(told::Frame::Credit(api::CreditGrant { credit: 1 })), "INVALID_FIELD"),
    ] {
        let (frames, outgoing) = mpsc::channel(1);
        frames.send(first).await.unwrap();
        let mut stream = client.stream_events(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
        let status = stream.message().await.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
    }
}

#[tokio::test]
async fn the_end_is_announced_before_the_stream_is_closed() {
    let daemon = Daemon::start().await;
    let mut client = EventServiceClient::new(daemon.channel().await);
    create(&mut client, "s").await;
    daemon.tell(1).await;
    let (frames, outgoing) = mpsc::channel(8);
    frames.send(open("s", 10)).await.unwrap();
    let mut stream = client.stream_events(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    let events = batch(&mut stream).await;
    daemon.phase.send(Phase::Closing).unwrap();
    let client_side = async {
        assert!(matches!(next(&mut stream).await.frame, Some(given::Frame::Closing(_))));
        let acks = api::AckBatch { ack_event_ids: vec![events[0].event_id.clone()], ..Default::default() };
        frames.send(frame(told::Frame::Ack(acks))).await.unwrap();
        assert!(matches!(next(&mut stream).await.frame, Some(given::Frame::AckConfirmation(_))));
        drop(frames);
        assert!(stream.message().await.unwrap().is_none());
    };
    tokio::join!(daemon.subscriptions.drain(PATIENCE), client_side);
    assert_eq!(daemon.store.cursor("s".into()).await.unwrap().unwrap().acked, 1);
}

/// Limits that no test here meets.
pub(super) fn message_config() -> MessageConfig {
    MessageConfig {
        default_validity: PATIENCE,
        max_validity: PATIENCE,
        max_schedule: Duration::from_secs(7 * 86_400),
        report_window: PATIENCE,
        orphan_hold: PATIENCE,
        reassembly_timeout: PATIENCE,
        max_segments: 10,
        intermediate_events: false,
    }
}
