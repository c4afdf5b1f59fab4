//! Subscriptions over a real store: sharing, confirming, moving, ending.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::{
    config::{MessageConfig, RetentionConfig, StoreConfig},
    domain::{Event, Payload, TrunkMoved},
    store::{Store, Subscription},
};

/// Far more than any of these tests takes, so that a failure is one and not a hang.
const PATIENCE: Duration = Duration::from_secs(30);

struct Log {
    _folder: TempDir,
    store: Store,
}

impl Log {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            path: folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 4 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let messages = MessageConfig {
            default_validity: PATIENCE,
            max_validity: PATIENCE,
            max_schedule: Duration::from_secs(7 * 86_400),
            report_window: PATIENCE,
            orphan_hold: PATIENCE,
            reassembly_timeout: PATIENCE,
            max_segments: 10,
            intermediate_events: false,
        };
        let (store, _) = Store::open(&config, &messages).unwrap();
        Self { _folder: folder, store }
    }

    async fn tell(&self, count: usize) {
        let moved = TrunkMoved { trunk_id: "t".into(), bound_links: 1, wanted_links: 1, status: None };
        let event = Event::of(Payload::Trunk(moved), Timestamp::now());
        self.store.append_events(vec![event; count]).await.unwrap();
    }
}

fn named(id: &str) -> Subscription {
    Subscription {
        id: id.into(),
        tenant_ids: vec![],
        kinds: vec![],
        ack_deadline_ms: 60_000,
        retention_seconds: 0,
        max_delivery_attempts: 0,
    }
}

async fn frame(consumer: &mut Consumer) -> Option<Frame> {
    tokio::time::timeout(PATIENCE, consumer.next_frame()).await.expect("a frame in time")
}

/// Reads until `count` events came.
async fn events(consumer: &mut Consumer, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    while ids.len() < count {
        match frame(consumer).await {
            Some(Frame::Events(events)) => ids.extend(events.iter().map(|delivered| delivered.event.id)),
            other => panic!("no events: {other:?}"),
        }
    }
    ids
}

async fn confirmed(consumer: &mut Consumer) -> Vec<EventId> {
    match frame(consumer).await {
        Some(Frame::Confirmed(confirmation)) => confirmation.confirmed,
        other => panic!("no confirmation: {other:?}"),
    }
}

fn ack(ids: Vec<EventId>) -> Acks {
    Acks { ack: ids, ..Acks::default() }
}

fn sequences(ids: &[EventId]) -> Vec<u64> {
    ids.iter().map(|id| id.sequence).collect()
}

#[tokio::test]
async fn a_subscription_begins_at_the_end_of_the_log_and_can_be_created_again() {
    let log = Log::new();
    log.tell(3).await;
    let subscriptions = Subscriptions::spawn(log.store.clone());
    let first = subscriptions.create(named("a")).await.unwrap();
    assert_eq!((first.backlog, first.oldest_unacked_time), (0, None));
    log.tell(2).await;
    let again = subscriptions.create(named("a")).await.unwrap();
    assert!(again.backlog == 2 && again.oldest_unacked_time.is_some());
    let other = Subscription { ack_deadline_ms: 1000, ..named("a") };
    assert!(matches!(subscriptions.create(other).await, Err(SubscriptionError::Exists(_))));
    let pulled = subscriptions.pull("a".into(), 100, Duration::ZERO).await.unwrap();
    assert_eq!(pulled.iter().map(|delivered| delivered.event.id.sequence).collect::<Vec<_>>(), [4, 5]);
}

#[tokio::test]
async fn consumers_share_the_events_and_hold_no_more_than_their_credit() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    let mut first = subscriptions.attach("a".into(), 10, None).await.unwrap();
    let mut second = subscriptions.attach("a".into(), 5, None).await.unwrap();
    log.tell(20).await;
    let mut seen: BTreeSet<u64> = sequences(&events(&mut first, 10).await).into_iter().collect();
    seen.extend(sequences(&events(&mut second, 5).await));
    assert_eq!(seen.len(), 15, "no event went to both");
    second.grant(5).await;
    seen.extend(sequences(&events(&mut second, 5).await));
    assert_eq!(seen, (1..=20).collect());
}

#[tokio::test]
async fn what_was_confirmed_does_not_come_again_and_the_rest_does() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    log.tell(5).await;
    let mut consumer = subscriptions.attach("a".into(), 100, None).await.unwrap();
    let ids = events(&mut consumer, 5).await;
    consumer.acknowledge(ack(vec![ids[0], ids[3]])).await;
    assert_eq!(sequences(&confirmed(&mut consumer).await), [1, 4]);
    // Another registry knows only what the store knows, as after a restart.
    let restarted = Subscriptions::spawn(log.store.clone());
    let mut consumer = restarted.attach("a".into(), 100, None).await.unwrap();
    assert_eq!(sequences(&events(&mut consumer, 3).await), [2, 3, 5]);
}

#[tokio::test]
async fn what_a_leaving_consumer_held_goes_to_the_next() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    log.tell(2).await;
    let mut consumer = subscriptions.attach("a".into(), 100, None).await.unwrap();
    events(&mut consumer, 2).await;
    drop(consumer);
    let mut next = subscriptions.attach("a".into(), 100, None).await.unwrap();
    assert_eq!(sequences(&events(&mut next, 2).await), [1, 2]);
}

#[tokio::test]
async fn a_pull_waits_for_news_and_its_confirmation_is_durable() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    assert!(subscriptions.pull("a".into(), 10, Duration::ZERO).await.unwrap().is_empty());
    let (pulled, ()) = tokio::join!(subscriptions.pull("a".into(), 10, PATIENCE), log.tell(1));
    let ids: Vec<EventId> = pulled.unwrap().iter().map(|delivered| delivered.event.id).collect();
    assert_eq!(sequences(&ids), [1]);
    let stranger = EventId { sequence: 99 };
    let confirmation = subscriptions.acknowledge("a".into(), ack(vec![ids[0], stranger])).await.unwrap();
    assert_eq!((confirmation.confirmed, confirmation.expired), (ids, vec![stranger]));
    assert_eq!(log.store.cursor("a".into()).await.unwrap().unwrap().acked, 1);
}

#[tokio::test]
async fn a_move_to_an_earlier_time_replays() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    log.tell(3).await;
    let mut consumer = subscriptions.attach("a".into(), 100, None).await.unwrap();
    let ids = events(&mut consumer, 3).await;
    consumer.acknowledge(ack(ids)).await;
    confirmed(&mut consumer).await;
    subscriptions.seek("a".into(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(sequences(&events(&mut consumer, 3).await), [1, 2, 3]);
    assert_eq!(log.store.cursor("a".into()).await.unwrap().unwrap().acked, 0);
}

#[tokio::test]
async fn a_deleted_subscription_closes_its_consumers_and_is_gone() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    subscriptions.create(named("b")).await.unwrap();
    let mut consumer = subscriptions.attach("a".into(), 1, None).await.unwrap();
    subscriptions.delete("a".into()).await.unwrap();
    assert!(matches!(frame(&mut consumer).await, Some(Frame::Closing { .. })));
    assert!(frame(&mut consumer).await.is_none());
    let gone = subscriptions.attach("a".into(), 1, None).await;
    assert!(matches!(gone, Err(SubscriptionError::NotFound(_))));
    assert!(matches!(subscriptions.delete("a".into()).await, Err(SubscriptionError::NotFound(_))));
    let left = subscriptions.list(String::new(), 10).await.unwrap();
    assert_eq!(left.iter().map(|left| left.subscription.id.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn draining_tells_consumers_and_still_takes_their_confirmations() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    log.tell(2).await;
    let mut consumer = subscriptions.attach("a".into(), 100, None).await.unwrap();
    let ids = events(&mut consumer, 2).await;
    let work = async {
        assert!(matches!(frame(&mut consumer).await, Some(Frame::Closing { .. })));
        consumer.acknowledge(ack(ids)).await;
        assert_eq!(sequences(&confirmed(&mut consumer).await), [1, 2]);
        drop(consumer);
    };
    let drained = tokio::time::timeout(PATIENCE, subscriptions.drain(2 * PATIENCE));
    let (drained, ()) = tokio::join!(drained, work);
    drained.expect("drained as soon as the last consumer had left");
    assert!(matches!(subscriptions.attach("a".into(), 1, None).await, Err(SubscriptionError::Draining)));
}

#[tokio::test]
async fn a_closed_store_ends_the_streams_with_its_error() {
    let log = Log::new();
    let subscriptions = Subscriptions::spawn(log.store.clone());
    subscriptions.create(named("a")).await.unwrap();
    log.tell(1).await;
    let mut consumer = subscriptions.attach("a".into(), 100, None).await.unwrap();
    let ids = events(&mut consumer, 1).await;
    log.store.close().await;
    consumer.acknowledge(ack(ids)).await;
    let told = frame(&mut consumer).await;
    assert!(matches!(told, Some(Frame::Failed(SubscriptionError::Store(_)))), "{told:?}");
}
