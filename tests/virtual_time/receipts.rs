//! Receipts that come late, or never.

use carrierd::domain::MessageState;
use jiff::SignedDuration;

use crate::bed::{Bed, carrier, message, seconds, trunk, virtually};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From the acceptance to the end of the report window: its default.
const REPORT_WINDOW: SignedDuration = SignedDuration::from_hours(72);
/// How late what time alone brings may be told.
const SWEEP: SignedDuration = SignedDuration::from_secs(5);

#[test]
fn receipts_a_day_late_find_their_messages() {
    for protocol in ["smpp34", "cmpp30"] {
        virtually(async {
            let habits = "answer = { delay = \"20ms\" }\nreceipts = { delay = \"24h\", duplicate = 1.0 }";
            let bed = Bed::new(1, &carrier(protocol, habits), &trunk(protocol, "")).await;
            bed.pass(seconds(1)).await;
            let mut ids = Vec::new();
            for number in 0..20 {
                ids.push(bed.submit(message(&format!("parcel {number}"))).await);
                bed.pass(seconds(MINUTE)).await;
            }
            bed.pass(seconds(DAY)).await;
            let seen = bed.end().await;
            let submits = seen.submits();
            for (number, id) in ids.into_iter().enumerate() {
                let (time, end) = seen.end_of(id);
                let (times, submitted) = submits[&format!("parcel {number}")];
                let late = time.duration_since(submitted);
                assert_eq!((end.state, times), (MessageState::Delivered, 1));
                assert_eq!(late, SignedDuration::from_hours(24) + SignedDuration::from_millis(20));
            }
            assert_eq!((submits.len(), seen.orphans()), (20, 0));
            assert_eq!(seen.lines("receipt").len(), 40, "each comes twice");
            let answers = seen.lines("receipt_answered");
            assert!(answers.len() == 40 && answers.iter().all(|(_, line)| line["status"] == 0));
        });
    }
}

#[test]
fn without_a_receipt_a_message_is_unknown_when_its_report_window_closes() {
    virtually(async {
        let habits = "receipts = { ratio = 0.0 }";
        let bed = Bed::new(2, &carrier("smpp34", habits), &trunk("smpp34", "")).await;
        bed.pass(seconds(1)).await;
        let first = bed.submit(message("first")).await;
        let accepted = carrierd::clock::wall();
        bed.pass(seconds(HOUR)).await;
        let second = bed.submit(message("second")).await;
        bed.pass(seconds(80 * HOUR)).await;
        let seen = bed.end().await;
        for (id, after) in [(first, SignedDuration::ZERO), (second, SignedDuration::from_hours(1))] {
            let (time, end) = seen.end_of(id);
            let late = time.duration_since(accepted + after + REPORT_WINDOW);
            assert_eq!(end.state, MessageState::Unknown);
            assert!((SignedDuration::ZERO..=SWEEP).contains(&late), "{late:?}");
        }
        assert!(seen.lines("receipt").is_empty());
        assert!(seen.submits().values().all(|(times, _)| *times == 1) && seen.submits().len() == 2);
    });
}

#[test]
fn a_lost_answer_is_awaited_to_the_end_of_the_report_window_and_never_sent_again() {
    virtually(async {
        let habits = "answer = { silence = 1.0 }\nreceipts = { ratio = 0.0 }";
        let bed = Bed::new(3, &carrier("cmpp30", habits), &trunk("cmpp30", "")).await;
        bed.pass(seconds(1)).await;
        let id = bed.submit(message("lost")).await;
        let accepted = carrierd::clock::wall();
        bed.pass(seconds(73 * HOUR)).await;
        let seen = bed.end().await;
        let (time, end) = seen.end_of(id);
        let late = time.duration_since(accepted + REPORT_WINDOW);
        assert_eq!((end.state, end.possible_duplicate), (MessageState::Unknown, false));
        assert!((SignedDuration::ZERO..=SWEEP).contains(&late), "{late:?}");
        assert_eq!(seen.submits()["lost"].0, 1);
    });
}

#[test]
fn receipts_that_come_after_a_restart_find_their_messages() {
    for protocol in ["smpp34", "cmpp30"] {
        for is_killed in [false, true] {
            virtually(async {
                let habits = "receipts = { delay = \"1h\" }";
                let mut bed = Bed::new(4, &carrier(protocol, habits), &trunk(protocol, "")).await;
                bed.pass(seconds(1)).await;
                let mut ids = Vec::new();
                for number in 0..20 {
                    ids.push(bed.submit(message(&format!("parcel {number}"))).await);
                }
                bed.pass(seconds(10 * MINUTE)).await;
                if is_killed {
                    bed.kill_daemon().await
                } else {
                    bed.stop_daemon().await
                }
                // The receipts are due meanwhile.
                bed.pass(seconds(2 * HOUR)).await;
                bed.start_daemon();
                bed.pass(seconds(MINUTE)).await;
                let seen = bed.end().await;
                for id in ids {
                    let (_, end) = seen.end_of(id);
                    assert_eq!((end.state, end.possible_duplicate), (MessageState::Delivered, false));
                }
                assert!(seen.submits().values().all(|(times, _)| *times == 1));
                assert_eq!((seen.submits().len(), seen.orphans()), (20, 0));
            });
        }
    }
}
