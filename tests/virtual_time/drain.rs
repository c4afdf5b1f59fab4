//! A daemon that ends while carriers are slow, or say nothing.

use std::time::Duration;

use carrierd::domain::{AmbiguityPolicy, Message, MessageId, MessageState, Number};
use tokio::time::Instant;

use crate::bed::{Bed, carrier, message, seconds, trunk, virtually};

/// Ends the daemon after `habits` were met by two messages on the wire and one behind them; how long that took.
async fn ended(habits: &str) -> (Bed, [MessageId; 3], Duration) {
    let configuration = format!("[drain]\nlimit = \"30s\"\n{}", trunk("cmpp30", "window = 2"));
    let mut bed = Bed::new(3, &carrier("cmpp30", habits), &configuration).await;
    bed.pass(seconds(5)).await;
    // Each to its own phone, which is all that tells the reports of unanswered ones apart.
    let to =
        |text: &str, number: &str| Message { to: Number::parse(number).expect("a number"), ..message(text) };
    let again = Message { ambiguity: AmbiguityPolicy::Resubmit, ..to("again", "13800138002") };
    let ids = [
        bed.submit(to("awaits", "13800138001")).await,
        bed.submit(again).await,
        bed.submit(to("waits", "13800138003")).await,
    ];
    bed.pass(seconds(1)).await;
    let began = Instant::now();
    bed.stop_daemon().await;
    let took = began.elapsed();
    (bed, ids, took)
}

#[test]
fn answers_that_come_within_the_limit_are_waited_for() {
    virtually(async {
        let habits = "answer = { delay = \"25s\" }\nreceipts = { delay = \"1m\" }";
        let (mut bed, ids, took) = ended(habits).await;
        assert!((seconds(24)..seconds(26)).contains(&took), "{took:?}");
        bed.start_daemon();
        bed.pass(seconds(300)).await;
        let seen = bed.end().await;
        for id in ids {
            let (_, end) = seen.end_of(id);
            assert_eq!((end.state, end.possible_duplicate), (MessageState::Delivered, false));
        }
        assert!(seen.submits().values().all(|(times, _)| *times == 1), "{:?}", seen.submits());
    });
}

#[test]
fn a_silent_carrier_holds_the_end_up_until_the_limit_and_no_longer() {
    virtually(async {
        // The answers would come, and the first of them after the end.
        let habits = "answer = { delay = \"50s\" }\nreceipts = { delay = \"10m\" }";
        let (mut bed, [awaits, again, waits], took) = ended(habits).await;
        assert!((seconds(30)..seconds(36)).contains(&took), "{took:?}");
        bed.start_daemon();
        bed.pass(seconds(3600)).await;
        let seen = bed.end().await;
        for (id, is_duplicate) in [(awaits, false), (again, true), (waits, false)] {
            let (_, end) = seen.end_of(id);
            assert_eq!((end.state, end.possible_duplicate), (MessageState::Delivered, is_duplicate));
        }
        let sent: Vec<_> = seen.submits().into_iter().map(|(text, (times, _))| (text, times)).collect();
        assert_eq!(sent, [("again".to_owned(), 2), ("awaits".to_owned(), 1), ("waits".to_owned(), 1)]);
    });
}
