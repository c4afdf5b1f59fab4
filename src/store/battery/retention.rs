//! What is over goes in whole days, and nothing else goes; a kill in the middle leaves a folder that opens.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fjall::{Database, KeyspaceCreateOptions, PersistMode};

use super::bench::*;
use crate::{
    domain::{
        Event, MessageId, MessageState, Payload, ReportedState, RequestKey, SegmentState, SubmitOutcome,
        TrunkMoved,
    },
    store::{
        Accepted, Cursor, MessageKey, NewMessage, NextStep, ReportFate, Retained, Subscription, retain,
        retain::Lives,
        rows::{RequestRow, Space, carrier_key, encode, id_key, request_key},
    },
};

const DAY: Duration = Duration::from_secs(86_400);

fn days(days: u32) -> Duration {
    DAY * days
}

/// A message that was accepted so many days ago.
fn aged(request: &str, age: u32) -> NewMessage {
    let mut new = new(request);
    let time = now() - days(age);
    let message = Arc::make_mut(&mut new.message);
    message.id = MessageId::numbered(time, u64::from(request.bytes().map(u32::from).sum::<u32>()));
    message.accept_time = time;
    new
}

/// One that has ended.
async fn ended(bench: &Bench, request: &str, age: u32) -> MessageId {
    let id = bench.accept(aged(request, age)).await;
    let attempt = attempt(id, 1);
    bench.begin(&attempt).await;
    bench.settle(settlement(attempt, refusal(), NextStep::End(SegmentState::Rejected))).await;
    id
}

async fn is_kept(bench: &Bench, id: MessageId) -> bool {
    bench.store().message(MessageKey::Id(id)).await.unwrap().is_some()
}

/// Writes what is in memory into tables, as time does.
async fn flush(bench: &Bench) {
    let flushed = bench.store().read(|spaces| {
        for space in Space::ALL {
            spaces[space].rotate_memtable_and_wait().unwrap();
        }
        Ok(())
    });
    flushed.await.unwrap();
}

#[tokio::test]
async fn a_day_goes_as_a_whole_when_its_messages_have_ended() {
    let mut bench = Bench::new();
    let old = [ended(&bench, "a", 190).await, ended(&bench, "b", 190).await, ended(&bench, "c", 300).await];
    let (young, ended_beside_open) = (ended(&bench, "d", 170).await, ended(&bench, "e", 200).await);
    let open = bench.accept(aged("f", 200)).await;
    let told = bench.store().retain(now()).await.unwrap();
    assert_eq!(told, Retained { days: 2, kept_open: 1, ..Retained::default() });
    for _ in 0..2 {
        for id in old {
            assert!(!is_kept(&bench, id).await);
            let of_it = bench.store().read(move |spaces| {
                let spaces_of_it = [Space::Message, Space::Closed, Space::History];
                Ok(spaces_of_it.map(|space| spaces[space].get(id_key(id)).unwrap().is_some()))
            });
            assert_eq!(of_it.await.unwrap(), [false; 3]);
        }
        for id in [young, ended_beside_open, open] {
            assert!(is_kept(&bench, id).await);
        }
        bench.restart();
    }
    // Its day is free once it has ended.
    bench.store().withdraw(open).await.unwrap();
    assert_eq!(bench.store().retain(now()).await.unwrap().days, 1);
    assert!(!is_kept(&bench, ended_beside_open).await && is_kept(&bench, young).await);
    assert_eq!(bench.store().retain(now()).await.unwrap(), Retained::default());
}

#[tokio::test]
async fn the_tables_of_a_day_go_without_a_row_being_written() {
    let bench = Bench::new();
    for number in 0..50 {
        ended(&bench, &format!("r{number}"), 190).await;
    }
    flush(&bench).await;
    let young = ended(&bench, "young", 3).await;
    flush(&bench).await;
    let rows = bench.store().usage().rows;
    bench.store().retain(now()).await.unwrap();
    assert_eq!(bench.store().usage().rows, rows);
    assert!(is_kept(&bench, young).await);
    let left = bench.store().read(|spaces| Ok(spaces[Space::Message].len().unwrap())).await.unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_kill_between_any_two_steps_of_a_drop_leaves_a_folder_that_opens() {
    for steps in 0..6 {
        let mut bench = Bench::new();
        let old = ended(&bench, "a", 190).await;
        let young = ended(&bench, "b", 10).await;
        if steps % 2 == 0 {
            flush(&bench).await;
        }
        let lives = Lives::new(&bench.config, &bench.messages);
        let over = bench.store().read(move |spaces| retain::over(spaces, lives, now())).await.unwrap();
        for stretch in over.stretches.into_iter().take(steps / 2) {
            let whole = stretch.clone();
            bench.store().read(move |spaces| retain::drop_tables(spaces, &whole)).await.unwrap();
            bench.store().remove_left(stretch).await.unwrap();
        }
        bench.restart();
        assert_eq!(is_kept(&bench, old).await, steps < 2);
        assert_eq!(bench.state(young).await, MessageState::Rejected);
        // A report for a message that is half gone finds nothing and holds nobody back.
        if steps >= 2 {
            let index = bench.store().call(move |verbs| {
                verbs.write_index(&trunk(), &"c1".into(), Vec::new(), (old, 1))?;
                Ok(())
            });
            index.await.unwrap();
            assert_eq!(bench.report(report("c1", ReportedState::Delivered)).await, ReportFate::Parked);
        }
        bench.store().retain(now()).await.unwrap();
        assert!(!is_kept(&bench, old).await && is_kept(&bench, young).await);
        assert_eq!(bench.store().retain(now()).await.unwrap(), Retained::default());
    }
}

/// Runs verbs as if it were a later day.
async fn on_a_later_day(bench: &Bench, age: u32) {
    bench
        .store()
        .call(move |verbs| {
            verbs.now = now() + days(age);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_key_is_known_for_its_life_and_goes_after_it() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    for day in [1, 4, 6] {
        on_a_later_day(&bench, day).await;
        let again = bench.store().accept(vec![new("r1")]).await.unwrap();
        assert!(matches!(&again[..], [Accepted::Replayed { message_id, .. }] if *message_id == id), "{day}");
    }
    // A span of its own begins here; the one before lives on.
    on_a_later_day(&bench, 8).await;
    bench.accept(new("r2")).await;
    assert_eq!(bench.store().retain(now() + days(14)).await.unwrap().spans, 0);
    let key = RequestKey { tenant_id: "acme".into(), request_id: "r1".into() };
    assert!(bench.store().message(MessageKey::Request(key.clone())).await.unwrap().is_some());
    on_a_later_day(&bench, 16).await;
    assert_eq!(bench.store().accept(vec![new("r1")]).await.unwrap(), [Accepted::New]);
    assert_eq!(bench.store().retain(now() + days(16)).await.unwrap().spans, 1);
    bench.restart();
    on_a_later_day(&bench, 16).await;
    assert!(matches!(bench.store().accept(vec![new("r1")]).await.unwrap()[..], [Accepted::Replayed { .. }]));
    assert!(matches!(bench.store().accept(vec![new("r2")]).await.unwrap()[..], [Accepted::Replayed { .. }]));
}

#[tokio::test]
async fn a_report_finds_a_message_of_an_earlier_day_in_either_span() {
    for day in [1, 3, 5] {
        let mut bench = Bench::new();
        let id = bench.accept(new("r1")).await;
        bench.submit(id, "c1").await;
        on_a_later_day(&bench, day).await;
        // From the fourth day on it begins a span.
        let other = bench.accept(new("r2")).await;
        bench.submit(other, "c2").await;
        bench.restart();
        on_a_later_day(&bench, day).await;
        let fate = bench.report(report("c1", ReportedState::Delivered)).await;
        assert_eq!(fate, ReportFate::Applied { state: MessageState::Delivered, ended: true });
        bench.report(report("c2", ReportedState::Delivered)).await;
        assert_eq!(bench.store().usage().open, 0);
    }
}

#[tokio::test]
async fn a_folder_of_the_first_form_is_read_until_its_rows_have_lived() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let attempt = attempt(id, 1);
    bench.begin(&attempt).await;
    let outcome = SubmitOutcome::Accepted { carrier_id: None };
    bench.settle(settlement(attempt, outcome, NextStep::Submitted)).await;
    bench.crash();
    {
        let db = Database::builder(&bench.config.path).open().unwrap();
        let keyspace = |name: &str| db.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        let key = RequestKey { tenant_id: "acme".into(), request_id: "former".into() };
        let row = RequestRow { message_id: id, digest: [1; 16], accept_time: now(), plan: plan(1) };
        let row = encode(Space::Request, &mut Vec::new(), &row).unwrap();
        keyspace("request").insert(request_key(&key), row).unwrap();
        let row = encode(Space::Carrier, &mut Vec::new(), &vec![(id, 1u8)]).unwrap();
        keyspace("carrier").insert(carrier_key(&trunk(), &"former".into()), row).unwrap();
        let row = encode(Space::Meta, &mut Vec::new(), &1u32).unwrap();
        keyspace("meta").insert("format", row).unwrap();
        keyspace("meta").remove("formed").unwrap();
        db.persist(PersistMode::SyncAll).unwrap();
    }
    bench.restart();
    assert!(matches!(
        bench.store().accept(vec![new("former")]).await.unwrap()[..],
        [Accepted::Replayed { .. }]
    ));
    let key = MessageKey::Request(RequestKey { tenant_id: "acme".into(), request_id: "former".into() });
    assert_eq!(bench.store().message(key.clone()).await.unwrap().unwrap().message.id, id);
    let fate = bench.report(report("former", ReportedState::Delivered)).await;
    assert_eq!(fate, ReportFate::Applied { state: MessageState::Delivered, ended: true });
    // As if it had been brought to this form a year ago.
    bench.crash();
    {
        let db = Database::builder(&bench.config.path).open().unwrap();
        let meta = db.keyspace("meta", KeyspaceCreateOptions::default).unwrap();
        let row = encode(Space::Meta, &mut Vec::new(), &10_000u32).unwrap();
        meta.insert("formed", row).unwrap();
        db.persist(PersistMode::SyncAll).unwrap();
    }
    for _ in 0..2 {
        bench.restart();
        assert!(bench.store().message(key.clone()).await.unwrap().is_none());
        assert!(is_kept(&bench, id).await);
    }
    assert_eq!(bench.store().accept(vec![new("former")]).await.unwrap(), [Accepted::New]);
}

fn told() -> Event {
    let moved = TrunkMoved { trunk_id: trunk(), bound_links: 1, wanted_links: 1, status: None };
    Event::of(Payload::Trunk(moved), now())
}

#[tokio::test]
async fn an_event_goes_when_every_group_has_confirmed_it_and_the_last_one_stays() {
    let mut bench = Bench::new();
    let group = |id: &str, retention_seconds: u64| Subscription {
        id: id.into(),
        tenant_ids: Vec::new(),
        kinds: Vec::new(),
        ack_deadline_ms: 30_000,
        retention_seconds,
        max_delivery_attempts: 0,
    };
    bench.store().append_events(vec![told(); 10]).await.unwrap();
    bench.store().put_subscription(group("slow", 0)).await.unwrap();
    bench.store().put_subscription(group("forgetful", 3600)).await.unwrap();
    let confirmed = Cursor { acked: 4, ahead: Vec::new() };
    bench.store().save_cursors(vec![("slow".into(), confirmed)]).await.unwrap();
    let first = async |bench: &Bench| bench.store().events(0, 1).await.unwrap().upto;
    assert_eq!(bench.store().retain(now() + days(29)).await.unwrap().events, 0);
    assert_eq!(bench.store().retain(now() + days(32)).await.unwrap().events, 4);
    assert_eq!(first(&bench).await, 5);
    // What nobody confirms goes with the records of its time.
    assert_eq!(bench.store().retain(now() + days(182)).await.unwrap().events, 5);
    assert_eq!(first(&bench).await, 10);
    bench.restart();
    bench.store().append_events(vec![told()]).await.unwrap();
    let page = bench.store().events(0, 10).await.unwrap();
    let sequences: BTreeSet<u64> = page.events.iter().map(|event| event.id.sequence).collect();
    assert_eq!(sequences, [10, 11].into());
    assert_eq!(bench.store().sequence_at(now() + days(1)).await.unwrap(), 11);
}
