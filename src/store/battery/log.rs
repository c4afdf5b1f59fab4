//! The log of events, incoming messages, consumer groups, and the life of the handle.

use std::time::Duration;

use jiff::Timestamp;

use super::bench::*;
use crate::{
    domain::{
        Event, EventKind, InboundMessage, MessageId, MessageState, Number, Payload, ReportedState, TrunkMoved,
    },
    store::{Cursor, InboundChange, InboundPart, StoreError, Subscription},
};

fn trunk_event(bound_links: u32) -> Event {
    let moved = TrunkMoved { trunk_id: trunk(), bound_links, wanted_links: 2, status: None };
    Event::of(Payload::Trunk(moved), now())
}

#[tokio::test]
async fn events_are_read_in_pages_and_wake_who_waits() {
    with_a_restart_anywhere(async |bench| {
        let events = (0..5).map(trunk_event).collect();
        bench.store().append_events(events).await.unwrap();
        bench.step();
        let mut waits = bench.store().last_event();
        assert_eq!(*waits.borrow_and_update(), 5);
        bench.store().append_events(vec![trunk_event(5)]).await.unwrap();
        waits.changed().await.unwrap();
        assert_eq!(*waits.borrow(), 6);
        bench.step();
        let page = bench.store().events(1, 3).await.unwrap();
        let sequences: Vec<u64> = page.events.iter().map(|event| event.id.sequence).collect();
        assert_eq!((sequences, page.upto), (vec![2, 3, 4], 4));
        let end = bench.store().events(6, 3).await.unwrap();
        assert_eq!((end.events.len(), end.upto), (0, 6));
        assert_eq!(bench.log().await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn a_time_leads_to_its_place_in_the_log() {
    let mut bench = Bench::new();
    assert_eq!(bench.store().sequence_at(now()).await.unwrap(), 0);
    for number in 0..9 {
        bench.store().append_events(vec![trunk_event(number)]).await.unwrap();
        if number == 4 {
            bench.restart();
        }
    }
    let log = bench.log().await;
    assert!(log.is_sorted_by_key(|event| event.record_time));
    for event in &log {
        let before = log.iter().filter(|other| other.record_time < event.record_time).count() as u64;
        assert_eq!(bench.store().sequence_at(event.record_time).await.unwrap(), before);
    }
    assert_eq!(bench.store().sequence_at(Timestamp::UNIX_EPOCH).await.unwrap(), 0);
    assert_eq!(bench.store().sequence_at(now() + Duration::from_secs(60)).await.unwrap(), 9);
}

#[tokio::test]
async fn parts_of_an_incoming_message_go_with_the_event_of_the_whole() {
    with_a_restart_anywhere(async |bench| {
        let part = |number| InboundPart {
            id: MessageId::fresh(),
            trunk_id: trunk(),
            from: "13800138000".into(),
            to: "1069001".into(),
            data_coding: 8,
            concat: (1, 1, 2, number),
            octets: vec![number; 3],
            receive_time: now(),
        };
        let (one, two) = (part(1), part(2));
        let other = part(1);
        for part in [&one, &two, &other] {
            bench.store().record_inbound(vec![InboundChange::Keep(part.clone())]).await.unwrap();
            bench.step();
        }
        let kept = bench.store().inbound_parts().await.unwrap();
        assert_eq!(kept.len(), 3);
        assert_eq!((kept[1].octets.clone(), kept[1].concat), (vec![2; 3], (1, 1, 2, 2)));
        let whole = InboundMessage {
            id: MessageId::fresh(),
            trunk_id: trunk(),
            from: Number::from_carrier(b"13800138000"),
            to: "1069001".into(),
            text: "hi".into(),
            raw: vec![1, 2],
            encoding: None,
            segments: 2,
            complete: true,
            receive_time: now(),
        };
        let complete = InboundChange::Complete {
            owner: Some("acme".into()),
            message: whole.clone(),
            parts: vec![one.id, two.id],
        };
        bench.store().record_inbound(vec![complete]).await.unwrap();
        bench.step();
        let kept = bench.store().inbound_parts().await.unwrap();
        assert_eq!(kept.iter().map(|part| part.id).collect::<Vec<_>>(), [other.id]);
        let log = bench.log().await;
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].payload, Payload::Inbound(Box::new(whole)));
    })
    .await;
}

#[tokio::test]
async fn consumer_groups_and_their_cursors_are_kept() {
    with_a_restart_anywhere(async |bench| {
        let group = |name: &str| Subscription {
            id: name.into(),
            tenant_ids: vec!["acme".into()],
            kinds: vec![EventKind::MessageState, EventKind::OrphanReport],
            ack_deadline_ms: 30_000,
            retention_seconds: 0,
            max_delivery_attempts: 5,
        };
        for name in ["b", "a"] {
            bench.store().put_subscription(group(name)).await.unwrap();
            bench.step();
        }
        let changed = Subscription { ack_deadline_ms: 1, ..group("a") };
        bench.store().put_subscription(changed.clone()).await.unwrap();
        bench.step();
        assert_eq!(bench.store().subscriptions().await.unwrap(), [changed, group("b")]);
        assert_eq!(bench.store().cursor("a".into()).await.unwrap(), None);
        let cursor = Cursor { acked: 7, ahead: vec![9, 12] };
        let cursors = vec![("a".into(), cursor.clone()), ("gone".into(), cursor.clone())];
        bench.store().save_cursors(cursors).await.unwrap();
        bench.step();
        assert_eq!(bench.store().cursor("a".into()).await.unwrap(), Some(cursor));
        assert_eq!(bench.store().cursor("gone".into()).await.unwrap(), None);
        assert!(bench.store().delete_subscription("a".into()).await.unwrap());
        bench.step();
        assert!(!bench.store().delete_subscription("a".into()).await.unwrap());
        assert_eq!(bench.store().cursor("a".into()).await.unwrap(), None);
        assert_eq!(bench.store().subscriptions().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn queued_messages_are_read_on_from_any_of_them() {
    let bench = Bench::new();
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(bench.accept(new(&format!("r{number}"))).await);
    }
    bench.submit(ids[2], "c2").await;
    bench.submit(ids[5], "c5").await;
    bench.report(report("c5", ReportedState::Delivered)).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = bench.store().queued(after, 2).await.unwrap();
        assert!(page.messages.len() <= 2);
        found.extend(page.messages.iter().map(|stored| stored.message.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [ids[0], ids[1], ids[3], ids[4], ids[6]]);
}

#[tokio::test]
async fn many_callers_at_once_share_commits() {
    let bench = Bench::new();
    let calls = (0..200).map(|number| {
        let store = bench.store().clone();
        tokio::spawn(async move { store.accept(vec![new(&format!("r{number}"))]).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let usage = bench.store().usage();
    assert_eq!((usage.open, usage.rows), (200, 600));
    assert!(usage.commits < 200, "{} commits", usage.commits);
    assert!(usage.free_octets > 0 && usage.commit_max >= usage.commit_p50);
}

#[tokio::test]
async fn a_closed_store_refuses_and_frees_its_folder() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let clone = bench.store().clone();
    bench.store().close().await;
    bench.store().close().await;
    assert!(matches!(clone.accept(vec![new("r2")]).await, Err(StoreError::Closed)));
    assert!(matches!(clone.queued(None, 1).await, Err(StoreError::Closed)));
    drop(clone);
    bench.restart();
    assert_eq!(bench.state(id).await, MessageState::Accepted);
}
