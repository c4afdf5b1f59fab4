//! Report windows that close, and how little is looked at for it.

use std::{sync::Arc, time::Duration};

use super::bench::*;
use crate::{
    domain::{MessageState, ReportedState, SegmentState},
    store::{ReportFate, sweep::LOOK_AGAIN},
};

#[tokio::test]
async fn a_message_without_a_report_ends_unknown_when_its_window_closes() {
    with_a_restart_anywhere(async |bench| {
        let waiting = bench.accept(new("r1")).await;
        let sent = bench.accept(new("r2")).await;
        bench.submit(sent, "c1").await;
        bench.step();
        let window = bench.messages.report_window;
        assert_eq!(bench.store().sweep(now(), 100).await.unwrap().unknown, 0);
        let later = now() + window + Duration::from_secs(1);
        let swept = bench.store().sweep(later, 100).await.unwrap();
        bench.step();
        assert_eq!((swept.unknown, swept.more), (1, false));
        assert_eq!(bench.store().sweep(later, 100).await.unwrap().unknown, 0);
        assert_eq!(bench.moves().await, [(sent, MessageState::Unknown)]);
        assert_eq!(bench.state(waiting).await, MessageState::Accepted);
        // The segment may still be told of; the message has ended.
        let fate = bench.report(report("c1", ReportedState::Delivered)).await;
        bench.step();
        assert_eq!(fate, ReportFate::Applied { state: MessageState::Unknown, ended: false });
        assert_eq!(bench.segment(sent, 1).await, SegmentState::Delivered);
        assert_eq!(bench.log().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_report_of_a_scheduled_message_is_awaited_from_its_time_on() {
    with_a_restart_anywhere(async |bench| {
        let window = bench.messages.report_window;
        let mut scheduled = new("r1");
        Arc::make_mut(&mut scheduled.message).send_time = Some(now() + window);
        let id = bench.accept(scheduled).await;
        bench.submit(id, "c1").await;
        bench.step();
        let later = now() + window + Duration::from_secs(1);
        assert_eq!(bench.store().sweep(later, 100).await.unwrap().unknown, 0);
        bench.step();
        assert_eq!(bench.state(id).await, MessageState::Submitted);
        assert_eq!(bench.store().sweep(later + window, 100).await.unwrap().unknown, 1);
        assert_eq!(bench.state(id).await, MessageState::Unknown);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_does_a_bounded_amount_of_work_and_goes_on_where_it_stopped() {
    let bench = Bench::new();
    let blocked = bench.accept(new("blocked")).await;
    for number in 0..7 {
        let id = bench.accept(new(&format!("r{number}"))).await;
        bench.submit(id, &format!("c{number}")).await;
    }
    let later = now() + bench.messages.report_window + Duration::from_secs(1);
    let mut ended = Vec::new();
    loop {
        let swept = bench.store().sweep(later, 3).await.unwrap();
        ended.push(swept.unknown);
        if !swept.more {
            break;
        }
    }
    assert_eq!(ended, [2, 3, 2]);
    let accepted_later = bench.accept(new("later")).await;
    for id in [blocked, accepted_later] {
        bench.submit(id, &id.to_string()).await;
    }
    // The one that waited to be sent was passed over, and is looked at again after a while.
    assert_eq!(bench.store().sweep(later, 3).await.unwrap().unknown, 1);
    assert_eq!(bench.store().sweep(later + LOOK_AGAIN, 3).await.unwrap().unknown, 1);
}

#[tokio::test]
async fn a_sweep_looks_once_at_what_is_not_due() {
    let mut bench = Bench::new();
    let window = bench.messages.report_window;
    let send_time = now() + window;
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut scheduled = new(&format!("s{number}"));
        Arc::make_mut(&mut scheduled.message).send_time = Some(send_time);
        ids.push(bench.accept(scheduled).await);
        bench.submit(ids[number], &format!("c{number}")).await;
    }
    let closed = now() + window + Duration::from_secs(1);
    let rows = |bench: &Bench| bench.store().usage().rows;
    let before = rows(&bench);
    bench.store().sweep(closed, 100).await.unwrap();
    // One row for each, and the place where the search stands.
    assert_eq!(rows(&bench) - before, 6);
    bench.store().sweep(closed, 100).await.unwrap();
    assert_eq!(rows(&bench) - before, 6);
    bench.restart();
    bench.store().sweep(closed + Duration::from_secs(60), 100).await.unwrap();
    assert_eq!(rows(&bench), 0);
    bench.report(report("c1", ReportedState::Delivered)).await;
    let swept = bench.store().sweep(send_time + window + Duration::from_secs(1), 100).await.unwrap();
    assert_eq!(swept.unknown, 4);
    assert_eq!(bench.store().usage().open, 0);
}

#[tokio::test]
async fn a_message_accepted_where_the_search_has_been_is_found_all_the_same() {
    let mut bench = Bench::new();
    let window = bench.messages.report_window;
    let mut scheduled = new("r1");
    Arc::make_mut(&mut scheduled.message).send_time = Some(now() + window);
    bench.accept(scheduled).await;
    // The clock is set forward and back again.
    bench.store().sweep(now() + 2 * window, 100).await.unwrap();
    let id = bench.accept(new("r2")).await;
    bench.submit(id, "c2").await;
    bench.restart();
    assert_eq!(bench.store().sweep(now() + window + Duration::from_secs(1), 100).await.unwrap().unknown, 1);
    assert_eq!(bench.state(id).await, MessageState::Unknown);
}
