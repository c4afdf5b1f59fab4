//! Sender numbers that keep their order, or have limits of their own.

use carrierd::domain::{MessageId, MessageState, Sender};

use crate::bed::{Bed, Seen, carrier, message, most_in_a_second, seconds, trunk, virtually};

const MESSAGES: usize = 40;
const LIMIT: usize = 3;

/// A carrier of two links that refuses a fifth of all for a while, and answers in no order.
async fn run(rule: &str) -> (Seen, Vec<MessageId>) {
    let habits = "answer = { delay = { mean = \"300ms\" } }\n\
                  refuse = [{ on = \"submit\", ratio = 0.2, status = 100 }]";
    let keys = format!("links = 2\nwindow = 10\n[[trunk.sender]]\nprefix = \"1069\"\n{rule}");
    let bed = Bed::new(11, &carrier("smpp34", habits), &trunk("smpp34", &keys)).await;
    bed.pass(seconds(10)).await;
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        for sender in ["10690001", "10690002", "555"] {
            let mut message = message(&format!("{sender} {number:03}"));
            message.sender = Sender::parse(sender).expect("a sender");
            ids.push(bed.submit(message).await);
        }
    }
    bed.pass(seconds(600)).await;
    (bed.end().await, ids)
}

/// The texts that the carrier took from a number, in its order.
fn taken(seen: &Seen, sender: &str) -> Vec<String> {
    let lines = seen.lines("submit").into_iter();
    let taken = lines.filter(|(_, line)| line["sender"] == sender && line["status"] == 0);
    taken.map(|(_, line)| line["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn messages_of_a_number_keep_their_order_where_that_is_asked() {
    virtually(async {
        let (seen, ids) = run("in_order = true").await;
        for id in ids {
            assert_eq!(seen.end_of(id).1.state, MessageState::Delivered);
        }
        for sender in ["10690001", "10690002"] {
            let texts = taken(&seen, sender);
            assert!(texts.is_sorted() && texts.len() == MESSAGES, "{texts:?}");
        }
        assert!(!taken(&seen, "555").is_sorted(), "the carrier refuses enough to mix up what keeps no order");
    });
}

#[test]
fn a_number_keeps_to_its_limit_while_others_go_on() {
    virtually(async {
        let (seen, ids) = run(&format!("submits_per_second = {LIMIT}")).await;
        for id in ids {
            assert_eq!(seen.end_of(id).1.state, MessageState::Delivered);
        }
        let times = |sender: &str| {
            let lines = seen.lines("submit").into_iter();
            lines.filter(|(_, line)| line["sender"] == sender).map(|(time, _)| time).collect::<Vec<_>>()
        };
        for sender in ["10690001", "10690002"] {
            assert!(most_in_a_second(&times(sender)) <= LIMIT);
        }
        assert!(most_in_a_second(&times("555")) > LIMIT);
    });
}
