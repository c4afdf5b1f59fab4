//! Answers that come after they were given up.

use carrierd::domain::{AmbiguityPolicy, MessageState};

use crate::bed::{Bed, carrier, message, seconds, trunk, virtually};

#[test]
fn a_late_answer_takes_no_message_out_of_the_queue_that_waits_for_its_next_try() {
    for seed in 0..5 {
        virtually(async {
            let habits = "answer = { delay = \"6500ms\" }\nreceipts = { delay = \"30s\" }\n\
                          refuse = [{ on = \"submit\", ratio = 0.2, status = 0x0D }]";
            let timers = "[trunk.timers]\nresponse = \"5s\"\n";
            let configuration =
                format!("[messages]\nreport_window = \"10m\"\n{}{timers}", trunk("smpp34", "window = 1"));
            let bed = Bed::new(seed, &carrier("smpp34", habits), &configuration).await;
            let mut ids = Vec::new();
            for number in 0..8 {
                let mut message = message(&format!("parcel {number}"));
                message.expire_time = message.accept_time + seconds(120);
                message.ambiguity = AmbiguityPolicy::Resubmit;
                ids.push(bed.submit(message).await);
            }
            bed.pass(seconds(15 * 60)).await;
            let seen = bed.end().await;
            let submits = seen.submits();
            for (number, id) in ids.into_iter().enumerate() {
                let (_, end) = seen.end_of(id);
                let times = submits.get(&format!("parcel {number}")).map_or(0, |(times, _)| *times);
                assert!(times <= 1 || end.possible_duplicate, "{number} was sent {times} times in silence");
            }
        });
    }
}

#[test]
fn an_acceptance_that_comes_before_the_next_try_makes_it_needless() {
    for protocol in ["smpp34", "cmpp30"] {
        virtually(async {
            // Given up after five seconds, to be sent again at six, accepted in between.
            let habits = "answer = { delay = \"5500ms\" }\nreceipts = { delay = \"30s\" }";
            let configuration = format!("{}[trunk.timers]\nresponse = \"5s\"\n", trunk(protocol, ""));
            let bed = Bed::new(1, &carrier(protocol, habits), &configuration).await;
            let mut ids = Vec::new();
            for text in ["parcel ".to_owned(), "parcel ".repeat(40)] {
                let mut message = message(&text);
                message.ambiguity = AmbiguityPolicy::Resubmit;
                ids.push(bed.submit(message).await);
            }
            bed.pass(seconds(120)).await;
            let seen = bed.end().await;
            for id in ids {
                assert_eq!(seen.end_of(id).1.state, MessageState::Delivered);
            }
            let parts = seen.lines("submit").len();
            assert_eq!(parts, 1 + if protocol == "smpp34" { 2 } else { 3 }, "each part once");
        });
    }
}
