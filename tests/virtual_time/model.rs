//! Random schedules: messages of every policy, carriers that refuse, are silent, late or away, links cut, the daemon ended
//! and killed. Whatever happens, a few things hold.

use std::{collections::BTreeMap, time::Duration};

use carrierd::domain::{AmbiguityPolicy, MessageId, MessageState};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

use crate::bed::{Bed, Seen, carrier, message, most_in_a_second, seconds, trunk, virtually};

const LINKS: usize = 2;
const RATE: usize = 10;
/// Beyond this nothing is awaited any more.
const REPORT_WINDOW: u64 = 20 * 60;
const RESPONSE: Duration = seconds(5);
/// Schedules of an ordinary run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 32;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Submit { messages: usize, is_long: bool, resubmit: bool, validity: u64 },
    Pass { millis: u64 },
    Cut,
    Down,
    Up,
    Drain,
    Kill,
}

/// A run: the seed of all that is drawn, the carrier's habits, and what happens.
#[derive(Debug, Clone)]
struct Schedule {
    seed: u64,
    protocol: &'static str,
    window: usize,
    answer_millis: u64,
    silence: f64,
    receipt_seconds: u64,
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..20usize, prop::bool::weighted(0.2), any::<bool>(), 30..600u64).prop_map(
            |(messages, is_long, resubmit, validity)| Step::Submit { messages, is_long, resubmit, validity }
        ),
        6 => (1..5_000u64).prop_map(|millis| Step::Pass { millis }),
        1 => (5_000..120_000u64).prop_map(|millis| Step::Pass { millis }),
        2 => Just(Step::Cut),
        1 => Just(Step::Down),
        2 => Just(Step::Up),
        1 => Just(Step::Drain),
        1 => Just(Step::Kill),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let habits = (any::<u64>(), any::<bool>(), 1..8usize, 1..7_000u64, 0.0..0.3f64, 1..300u64);
    (habits, prop::collection::vec(step(), 1..40)).prop_map(|(habits, steps)| {
        let (seed, is_cmpp, window, answer_millis, silence, receipt_seconds) = habits;
        let protocol = if is_cmpp { "cmpp30" } else { "smpp34" };
        Schedule { seed, protocol, window, answer_millis, silence, receipt_seconds, steps }
    })
}

/// A message that was accepted.
struct Accepted {
    id: MessageId,
    number: usize,
    resubmit: bool,
}

async fn run(schedule: &Schedule) -> (Seen, Vec<Accepted>) {
    let Schedule { seed, protocol, window, answer_millis, silence, receipt_seconds, steps } = schedule;
    let throttled = if protocol.starts_with("cmpp") { 8 } else { 0x58 };
    let habits = format!(
        "max_links = {LINKS}\nanswer = {{ delay = \"{answer_millis}ms\", silence = {silence} }}\n\
         receipts = {{ delay = {{ mean = \"{receipt_seconds}s\" }}, ratio = 0.9, duplicate = 0.1, on_any_link = true }}\n\
         refuse = [{{ on = \"submit\", ratio = 0.05, status = {throttled} }},\n\
         {{ on = \"submit\", ratio = 0.05, status = 13 }}]"
    );
    let keys = format!("links = {LINKS}\nwindow = {window}\nsubmits_per_second = {RATE}");
    let configuration = format!(
        "[messages]\nreport_window = \"{REPORT_WINDOW}s\"\norphan_hold = \"60s\"\n{}\
         [trunk.timers]\nresponse = \"{}s\"\n",
        trunk(protocol, &keys),
        RESPONSE.as_secs()
    );
    let mut bed = Bed::new(*seed, &carrier(protocol, &habits), &configuration).await;
    let mut accepted = Vec::new();
    for step in steps {
        match *step {
            Step::Submit { messages, is_long, resubmit, validity } => {
                for _ in 0..messages {
                    let number = accepted.len();
                    let mut message =
                        message(&format!("parcel {number} ").repeat(if is_long { 40 } else { 1 }));
                    message.expire_time = message.accept_time + seconds(validity);
                    if resubmit {
                        message.ambiguity = AmbiguityPolicy::Resubmit;
                    }
                    accepted.push(Accepted { id: bed.submit(message).await, number, resubmit });
                }
            }
            Step::Pass { millis } => bed.pass(Duration::from_millis(millis)).await,
            Step::Cut => bed.network().cut("north"),
            Step::Down => bed.network().take_down("north"),
            Step::Up => bed.network().bring_up("north"),
            Step::Drain => {
                bed.stop_daemon().await;
                // A process takes a moment to start.
                bed.pass(seconds(1)).await;
                bed.start_daemon();
            }
            Step::Kill => {
                bed.kill_daemon().await;
                bed.pass(seconds(1)).await;
                bed.start_daemon();
            }
        }
    }
    bed.network().bring_up("north");
    bed.pass(seconds(REPORT_WINDOW + 120)).await;
    (bed.end().await, accepted)
}

/// What holds of every run.
fn check(schedule: &Schedule, seen: &Seen, accepted: &[Accepted]) {
    let submits = seen.lines("submit");
    // By message and part: how often the carrier took it, whether or not it said so.
    let mut taken: BTreeMap<usize, BTreeMap<u64, usize>> = BTreeMap::new();
    for (_, line) in submits.iter().filter(|(_, line)| line["status"].is_null() || line["status"] == 0) {
        let part = line["part"].as_u64().unwrap_or(1);
        *taken.entry(number_of(line)).or_default().entry(part).or_default() += 1;
    }
    assert!(taken.keys().all(|number| *number < accepted.len()));
    for Accepted { id, number, resubmit } in accepted {
        let (_, end) = seen.end_of(*id);
        let parts = taken.remove(number).unwrap_or_default();
        let most = parts.values().copied().max().unwrap_or(0);
        assert!(most <= 1 || end.possible_duplicate, "a part of {number} was sent {most} times in silence");
        assert!(most <= 1 || *resubmit, "a part of {number} was sent {most} times against its policy");
        let whole = parts.len() == usize::from(end.segments);
        assert!(whole || end.state != MessageState::Delivered, "{number} was never sent as a whole");
    }
    let times: Vec<Timestamp> = submits.iter().map(|(time, _)| *time).collect();
    let most = most_in_a_second(&times);
    assert!(most <= RATE, "{most} submits in a second");
    check_windows(schedule, &submits);
    check_links(seen);
}

/// The message that a submit is a part of: its text says so over and over, and may begin and end in the middle.
fn number_of(line: &Value) -> usize {
    let text = line["text"].as_str().expect("a text");
    let number = text.split("parcel ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

/// A submit waits until its answer goes, one without an answer until the daemon gives it up.
fn check_windows(schedule: &Schedule, submits: &[(Timestamp, Value)]) {
    let mut waiting: BTreeMap<u64, Vec<Timestamp>> = BTreeMap::new();
    for (time, line) in submits {
        let answer = Duration::from_millis(schedule.answer_millis);
        let waits = if line["status"].is_null() { RESPONSE } else { answer.min(RESPONSE) };
        let of_link = waiting.entry(line["link"].as_u64().expect("a link")).or_default();
        of_link.retain(|until| until > time);
        of_link.push(*time + SignedDuration::try_from(waits).expect("a duration"));
        assert!(of_link.len() <= schedule.window, "{} outstanding at {time}", of_link.len());
    }
}

fn check_links(seen: &Seen) {
    let mut bound = 0_usize;
    let lines = seen.record.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    for line in lines {
        match line["kind"].as_str() {
            Some("bind") => {
                assert_eq!(line["status"], 0, "no bind is one too many");
                bound += 1;
            }
            Some("end") => bound -= 1,
            _ => {}
        }
        assert!(bound <= LINKS, "{bound} links at {}", line["at"]);
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_each_message_has_one_end_and_no_limit_is_passed(schedule in schedule()) {
        virtually(async {
            let (seen, accepted) = run(&schedule).await;
            check(&schedule, &seen, &accepted);
        });
    }
}
