//! Carriers with ugly habits, one row each: what the platform is told, and what the carrier saw.
//!
//! | habit | shown by |
//! |---|---|
//! | throttles; one recipient is full | `pressure.rs` |
//! | receipts before the answers | `unknown.rs`, `orphan.rs` |
//! | receipts on another link; twice | here |
//! | a receipt's id in another number base | `receipts_doctor.rs` |
//! | receipts a day late; answers late; away for an hour | `virtual_time/` |
//! | answers never come, both policies | `unknown.rs`, `virtual_time/model.rs` |
//! | a link cut in mid-window; half open; one octet at a time; units glued together | here |
//! | keeps a dead session bound | `binds.rs` |
//! | refuses part 3 of 5 | here |
//! | unbinds while submits wait for their answers | here |
//! | all links of an account down, another route there | `failover.rs` |

mod support;

use std::collections::{BTreeMap, BTreeSet};

use carrierd::grpc::api::{AmbiguityPolicy, MessageState, MessageStateEvent, event::Payload};
use serde_json::Value;
use support::{Bed, Carrier, Platform, lines_of, over, request_with};

const PROTOCOLS: [&str; 2] = ["smpp34", "cmpp30"];
const LINKS: usize = 2;

/// How long is waited, as further keys of the configuration.
#[derive(Clone, Copy)]
struct Patience {
    timers: &'static str,
    messages: &'static str,
}

/// As long as it takes.
const LONG: Patience = Patience { timers: "", messages: "" };
/// Nothing is worth more than a few seconds.
const SHORT: Patience = Patience {
    timers: "response = \"900ms\"\nprobe_after = \"300ms\"\nprobe = \"200ms\"\nprobe_attempts = 2",
    messages: "report_window = \"6s\"\norphan_hold = \"1s\"",
};

/// A message, what was asked for it, and how it ended.
struct Sent {
    recipient: String,
    resubmit: bool,
    end: MessageStateEvent,
}

/// What both sides saw of a run.
struct Seen {
    sent: Vec<Sent>,
    record: Vec<Value>,
}

/// Sends messages of both policies in turn, each to a phone of its own, over two links of a carrier with this habit.
async fn run(protocol: &'static str, behaviour: &'static str, patience: Patience, messages: usize) -> Seen {
    let trunk = "links = 2\nwindow = 8";
    let carrier = Carrier { protocol, behaviour, trunk, timers: patience.timers, ..Carrier::smpp("carrier") };
    let bed = Bed::with(&[carrier], patience.messages).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut ids = Vec::new();
    for number in 0..messages {
        let recipient = format!("1380000{number:04}");
        // Both on each link.
        let resubmit = (number / LINKS).is_multiple_of(2);
        let request = request_with(&recipient, |message| {
            message.to = recipient.clone();
            let policy = if resubmit { AmbiguityPolicy::Resubmit } else { AmbiguityPolicy::AwaitReport };
            message.ambiguity_policy = policy as i32;
        });
        ids.push((platform.accepted(request).await, recipient, resubmit));
    }
    let mut ends = ends(&mut platform, ids.iter().map(|(id, ..)| id.clone()).collect()).await;
    let sent = ids.into_iter().map(|(id, recipient, resubmit)| {
        let end = ends.remove(&id).expect("its end");
        Sent { recipient, resubmit, end }
    });
    let sent = sent.collect();
    Seen { sent, record: bed.end().await }
}

/// The final event of each message. One that came twice fails the test, also if it came before a later message's.
async fn ends(platform: &mut Platform, ids: BTreeSet<String>) -> BTreeMap<String, MessageStateEvent> {
    let is_end = |payload| match payload {
        Payload::MessageState(moved) if moved.r#final => Some(moved),
        _ => None,
    };
    let mut ends = BTreeMap::new();
    let last = platform.accepted(request_with("last", |message| message.to = "13900000000".into())).await;
    while ids.iter().any(|id| !ends.contains_key(id)) || !ends.contains_key(&last) {
        let end = platform.event("a final event", is_end).await;
        let again = ends.insert(end.message_id.clone(), end);
        assert_eq!(again, None, "it ended twice");
    }
    ends
}

impl Seen {
    /// The lines of a message's submits.
    fn submits(&self, sent: &Sent) -> Vec<&Value> {
        let submits = lines_of(&self.record, "submit");
        submits.into_iter().filter(|line| line["recipient"] == sent.recipient).collect()
    }

    /// We acknowledged a report of one of these submits.
    fn is_told(&self, submits: &[&Value]) -> bool {
        let answered = lines_of(&self.record, "receipt_answered");
        answered.iter().any(|line| submits.iter().any(|submit| submit["id"] == line["id"]))
    }

    fn count(&self, kind: &str) -> usize {
        lines_of(&self.record, kind).len()
    }

    /// Everything arrived, was sent once, and no link was lost for it.
    fn is_undisturbed(&self) {
        for sent in &self.sent {
            assert_eq!((sent.end.state(), sent.end.possible_duplicate), (MessageState::Delivered, false));
            assert_eq!(self.submits(sent).len(), 1, "{}", sent.recipient);
        }
        assert_eq!(self.count("bind"), LINKS);
    }

    /// What was on the first link when it went is sent again by one policy, said so, and awaited by the other: told as
    /// the carrier reported it, and as unknown if it did not. The other link went on, and a new one came.
    fn outlives_its_first_link(&self) {
        let mut hit = [0; 2];
        for sent in &self.sent {
            let submits = self.submits(sent);
            let on_first = submits.iter().filter(|line| line["link"] == 1).count();
            hit[usize::from(sent.resubmit)] += on_first;
            let outcome = (sent.end.state(), sent.end.possible_duplicate);
            match (sent.resubmit, submits.len()) {
                // It was answered in time, or never left.
                (_, 1) if on_first == 0 && !sent.end.possible_duplicate => {
                    assert_eq!(outcome, (MessageState::Delivered, false));
                }
                // The first time the carrier did not read it, or its report came before the second time.
                (true, 1) => assert_eq!(outcome, (MessageState::Delivered, true)),
                (true, 2) => assert_eq!(outcome, (MessageState::Delivered, true)),
                (false, 0 | 1) => {
                    let told =
                        if self.is_told(&submits) { MessageState::Delivered } else { MessageState::Unknown };
                    assert_eq!(outcome, (told, false), "{}", sent.recipient);
                }
                (_, times) => panic!("{} was sent {times} times: {outcome:?}", sent.recipient),
            }
        }
        assert!(hit.iter().all(|hit| *hit > 0), "messages of both policies were on it: {hit:?}");
        assert!(self.count("bind") > LINKS, "a new link took its place");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_on_another_link_find_their_message() {
    for protocol in PROTOCOLS {
        let seen = run(protocol, "receipts = { on_any_link = true, delay = \"50ms\" }", LONG, 20).await;
        seen.is_undisturbed();
        let link_of = |line: &&Value| (line["id"].to_string(), line["link"].as_u64());
        let submitted: BTreeMap<_, _> = lines_of(&seen.record, "submit").iter().map(link_of).collect();
        let receipts: BTreeMap<_, _> = lines_of(&seen.record, "receipt").iter().map(link_of).collect();
        let elsewhere = receipts.iter().filter(|(id, link)| submitted[*id] != **link).count();
        assert!(elsewhere > 0, "{protocol}: some came on the other link");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_comes_twice_is_answered_twice_and_told_once() {
    for protocol in PROTOCOLS {
        let seen = run(protocol, "receipts = { duplicate = 1.0, on_any_link = true }", LONG, 20).await;
        seen.is_undisturbed();
        let answered = lines_of(&seen.record, "receipt_answered");
        assert!(answered.iter().all(|line| line["status"] == 0), "{protocol}");
        assert!(answered.len() > seen.sent.len(), "{protocol}: {} receipts", answered.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_cut_in_mid_window_leaves_nothing_in_doubt_that_can_be_known() {
    for protocol in PROTOCOLS {
        let cut = "answer = { delay = \"300ms\" }\nreceipts = { on_any_link = true }\n\
                   faults = { link = 1, cut_after_submits = 6 }";
        run(protocol, cut, SHORT, 20).await.outlives_its_first_link();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_half_open_is_found_out_and_replaced() {
    for protocol in PROTOCOLS {
        // From its sixth submit on the carrier neither reads nor writes there, and does not close. It takes longer than we
        // to find out itself, and then reports over its other links.
        let stalled = "answer = { delay = \"300ms\" }\nreceipts = { on_any_link = true }\n\
                       faults = { link = 1, stall_after_submits = 6, stall_for = \"1500ms\" }";
        run(protocol, stalled, SHORT, 20).await.outlives_its_first_link();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn octets_that_drip_and_units_that_stick_together_are_read_all_the_same() {
    for protocol in PROTOCOLS {
        for fault in ["faults = { split_octets = 1, drip = \"1ms\" }", "faults = { glue = \"30ms\" }"] {
            run(protocol, fault, LONG, 12).await.is_undisturbed();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_unbinds_with_submits_unanswered_is_left_and_bound_again() {
    for protocol in PROTOCOLS {
        let unbinds = "answer = { delay = \"300ms\" }\nreceipts = { on_any_link = true }\n\
                       faults = { link = 1, unbind_after_submits = 6 }";
        let seen = run(protocol, unbinds, SHORT, 20).await;
        seen.outlives_its_first_link();
        let first = lines_of(&seen.record, "end").into_iter().find(|line| line["link"] == 1);
        assert_eq!(first.expect("its end")["reason"], "Unbound", "{protocol}: the unbind was answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_of_five_parts_refused_stops_what_has_not_left_and_nothing_else() {
    let states = |message: &carrierd::grpc::api::Message| -> Vec<_> {
        message.segments.iter().map(|segment| segment.state()).collect()
    };
    use MessageState::{Canceled, Delivered, Rejected};
    // One after the other: the fourth and fifth have not left. All at once: they have, and go on by themselves.
    let rows = [
        (1, 3, [Delivered, Delivered, Rejected, Canceled, Canceled]),
        (8, 5, [Delivered, Delivered, Rejected, Delivered, Delivered]),
    ];
    for (protocol, status) in [("smpp34", 11), ("cmpp30", 5)] {
        for (window, submits, wanted) in rows {
            let refuse = format!("refuse = [{{ on = \"submit\", part = 3, status = {status} }}]");
            let carrier = Carrier {
                protocol,
                behaviour: Box::leak(refuse.into_boxed_str()),
                trunk: Box::leak(format!("window = {window}").into_boxed_str()),
                ..Carrier::smpp("carrier")
            };
            let bed = Bed::new(&[carrier]).await;
            let mut platform = bed.platform();
            platform.subscribe().await;
            let id = platform.accepted(over("carrier", "a", &"\u{5305}".repeat(67 * 4 + 5))).await;
            let end = platform.end_of(&id).await;
            assert_eq!((end.state(), end.segment.map(|part| part.segment_number)), (Rejected, Some(3)));
            let told = platform.message_when(&id, |message| states(message) == wanted).await;
            assert_eq!(told.state(), Rejected, "{protocol}, window {window}");
            assert!(told.segments[2].status.as_ref().is_some_and(|status| status.permanent));
            let record = bed.end().await;
            let mut parts: Vec<_> =
                lines_of(&record, "submit").iter().map(|line| line["part"].as_u64()).collect();
            parts.sort_unstable();
            let once: Vec<_> = (1..=submits).map(Some).collect();
            assert_eq!(parts, once, "{protocol}, window {window}: each once, in all {submits}");
        }
    }
}
