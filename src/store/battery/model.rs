//! Random verbs against a small reference, with restarts at random.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::bench::*;
use crate::{
    domain::{
        AmbiguityPolicy, CarrierStatus, FailureClass, MessageId, MessageState, ReportRecord, ReportUse,
        ReportedState, SegmentState, SubmitOutcome, UnknownCause,
    },
    store::{Accepted, Attempt, Ending, NextStep, ReportFate, Settlement, Story, Withdrawn},
};

/// One thing that happens. The numbers choose a message among those that there are.
#[derive(Debug, Clone)]
enum Happening {
    Accept { request: u8, resubmit: bool },
    Begin { message: u8 },
    Taken { message: u8 },
    Refused { message: u8, again: bool },
    NeverSent { message: u8 },
    TimedOut { message: u8 },
    Report { message: u8, state: ReportedState },
    Stray { id: u8 },
    Withdraw { message: u8 },
    Expire { message: u8 },
    Crash,
}

fn happening() -> impl Strategy<Value = Happening> {
    let message = || 0..6u8;
    prop_oneof![
        3 => (0..6u8, any::<bool>()).prop_map(|(request, resubmit)| Happening::Accept { request, resubmit }),
        5 => message().prop_map(|message| Happening::Begin { message }),
        4 => message().prop_map(|message| Happening::Taken { message }),
        1 => (message(), any::<bool>()).prop_map(|(message, again)| Happening::Refused { message, again }),
        1 => message().prop_map(|message| Happening::NeverSent { message }),
        1 => message().prop_map(|message| Happening::TimedOut { message }),
        3 => (message(), prop_oneof![
            Just(ReportedState::Delivered),
            Just(ReportedState::Undelivered),
            Just(ReportedState::Intermediate),
        ]).prop_map(|(message, state)| Happening::Report { message, state }),
        1 => (0..4u8).prop_map(|id| Happening::Stray { id }),
        1 => message().prop_map(|message| Happening::Withdraw { message }),
        1 => message().prop_map(|message| Happening::Expire { message }),
        1 => Just(Happening::Crash),
    ]
}

/// What the reference knows of a message of one segment.
struct Known {
    id: MessageId,
    segment: SegmentState,
    ended: Option<MessageState>,
    attempts: u16,
    duplicate: bool,
    on_wire: Option<Attempt>,
    /// The last try that was on the wire.
    last: Option<Attempt>,
    policy: AmbiguityPolicy,
    /// The id it has at the carrier, once it was taken.
    carrier_id: Option<String>,
    /// Reports that said something else than what was final.
    contradicted: u32,
}

impl Known {
    fn end(&mut self, segment: SegmentState) {
        self.segment = segment;
        self.ended = Some(segment.into());
    }
}

#[derive(Default)]
struct Reference {
    messages: Vec<Known>,
    requests: HashMap<u8, MessageId>,
    /// Ends in the order they came.
    ends: Vec<(MessageId, MessageState)>,
    clock: i64,
}

impl Reference {
    fn choose(&mut self, message: u8) -> Option<&mut Known> {
        let count = self.messages.len();
        self.messages.get_mut(usize::from(message) % count.max(1))
    }

    /// Every try has a time of its own.
    fn tick(&mut self) -> jiff::Timestamp {
        self.clock += 1;
        now() + jiff::SignedDuration::from_millis(self.clock)
    }
}

async fn happen(bench: &mut Bench, reference: &mut Reference, happening: &Happening) {
    let time = reference.tick();
    match *happening {
        Happening::Accept { request, resubmit } => {
            let name = format!("r{request}");
            let new = if resubmit { resubmitted(&name) } else { new(&name) };
            let (id, policy) = (new.message.id, new.message.ambiguity);
            let answer = bench.store().accept(vec![new]).await.unwrap().remove(0);
            match reference.requests.get(&request) {
                Some(first) => {
                    assert!(matches!(answer, Accepted::Replayed { message_id, .. } if message_id == *first));
                }
                None => {
                    assert_eq!(answer, Accepted::New);
                    reference.requests.insert(request, id);
                    reference.messages.push(Known {
                        id,
                        segment: SegmentState::Queued,
                        ended: None,
                        attempts: 0,
                        duplicate: false,
                        on_wire: None,
                        last: None,
                        policy,
                        carrier_id: None,
                        contradicted: 0,
                    });
                }
            }
        }
        Happening::Begin { message } => {
            let Some(known) = reference.choose(message) else { return };
            if known.on_wire.is_some() {
                return;
            }
            let attempt = Attempt { attempts: known.attempts, submit_time: time, ..attempt(known.id, 1) };
            let over = bench.store().begin_attempts(trunk(), vec![attempt.clone()]).await.unwrap();
            if known.segment == SegmentState::Queued {
                assert_eq!(over, []);
                known.last = Some(attempt.clone());
                known.on_wire = Some(attempt);
            } else {
                assert_eq!(over, [attempt]);
            }
        }
        Happening::Taken { message } => settle(bench, reference, message, Answer::Taken).await,
        Happening::Refused { message, again: true } => {
            settle(bench, reference, message, Answer::RefusedForNow).await;
        }
        Happening::Refused { message, again: false } => {
            settle(bench, reference, message, Answer::Refused).await
        }
        Happening::NeverSent { message } => settle(bench, reference, message, Answer::NeverSent).await,
        Happening::TimedOut { message } => settle(bench, reference, message, Answer::TimedOut).await,
        Happening::Report { message, state } => {
            let Some(known) = reference.choose(message) else { return };
            let Some(carrier_id) = known.carrier_id.clone() else { return };
            let fate = bench.report(report(&carrier_id, state)).await;
            let told = match state {
                ReportedState::Delivered => SegmentState::Delivered,
                ReportedState::Undelivered => SegmentState::Undelivered,
                _ => {
                    assert_eq!(fate, ReportFate::Intermediate);
                    return;
                }
            };
            if known.segment == told {
                assert_eq!(fate, ReportFate::Repeated);
            } else if known.segment.is_final() {
                assert_eq!(fate, ReportFate::Contradicts);
                known.contradicted += 1;
            } else {
                known.end(told);
                let end = (known.id, told.into());
                assert_eq!(fate, ReportFate::Applied { state: end.1, ended: true });
                reference.ends.push(end);
            }
        }
        Happening::Stray { id } => {
            let fate = bench.report(report(&format!("stray{id}"), ReportedState::Delivered)).await;
            assert_eq!(fate, ReportFate::Parked);
        }
        Happening::Withdraw { message } => {
            let Some(known) = reference.choose(message) else { return };
            let withdrawn = bench.store().withdraw(known.id).await.unwrap();
            let free = known.segment == SegmentState::Queued && known.on_wire.is_none() && !known.duplicate;
            assert_eq!(withdrawn == Withdrawn::Canceled, free, "{withdrawn:?}");
            if free {
                known.end(SegmentState::Canceled);
                let end = (known.id, MessageState::Canceled);
                reference.ends.push(end);
            }
        }
        Happening::Expire { message } => {
            let Some(known) = reference.choose(message) else { return };
            let status = CarrierStatus::ours(FailureClass::Expired, true, "expired");
            let ending = Ending { message_id: known.id, state: SegmentState::Expired, status };
            let settled = bench.store().end(vec![ending]).await.unwrap()[0];
            let unsent = known.segment == SegmentState::Queued && known.on_wire.is_none();
            assert_eq!(settled.ended_now, unsent);
            assert_eq!(settled.ended, unsent || known.ended.is_some());
            if unsent {
                known.end(SegmentState::Expired);
                let end = (known.id, MessageState::Expired);
                reference.ends.push(end);
            }
        }
        Happening::Crash => {
            bench.restart();
            let (mut ambiguous, mut again) = (0, 0);
            for known in &mut reference.messages {
                if known.on_wire.take().is_none() || known.segment != SegmentState::Queued {
                    continue;
                }
                ambiguous += 1;
                known.attempts += 1;
                match known.policy {
                    AmbiguityPolicy::AwaitReport => known.segment = SegmentState::Ambiguous,
                    AmbiguityPolicy::Resubmit => {
                        known.duplicate = true;
                        again += 1;
                    }
                }
            }
            assert_eq!((bench.recovered.ambiguous, bench.recovered.resubmitted), (ambiguous, again));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Taken,
    Refused,
    RefusedForNow,
    NeverSent,
    TimedOut,
}

/// The try on the wire is settled; or, if there is none and the segment is unknown, a late answer comes.
async fn settle(bench: &Bench, reference: &mut Reference, message: u8, answer: Answer) {
    let serial = reference.clock;
    let Some(known) = reference.choose(message) else { return };
    let late = known.on_wire.is_none();
    let answered = matches!(answer, Answer::Taken | Answer::Refused);
    if late && !(known.segment == SegmentState::Ambiguous && answered) {
        return;
    }
    let awaited = if late { SegmentState::Ambiguous } else { SegmentState::Queued };
    let attempt = known.on_wire.take().or_else(|| known.last.clone()).unwrap();
    let carrier_id = format!("c{serial}");
    let (outcome, next) = match answer {
        Answer::Taken => {
            (SubmitOutcome::Accepted { carrier_id: Some(carrier_id.as_str().into()) }, NextStep::Submitted)
        }
        Answer::Refused => (refusal(), NextStep::End(SegmentState::Rejected)),
        Answer::RefusedForNow => (refusal(), NextStep::Again { duplicate: false }),
        Answer::NeverSent => (SubmitOutcome::NeverSent, NextStep::Again { duplicate: false }),
        Answer::TimedOut => {
            let unknown = SubmitOutcome::Unknown { cause: UnknownCause::TimedOut };
            match known.policy {
                AmbiguityPolicy::AwaitReport => (unknown, NextStep::Await),
                AmbiguityPolicy::Resubmit => (unknown, NextStep::Again { duplicate: true }),
            }
        }
    };
    let settled = bench.settle(Settlement { late, ..settlement(attempt, outcome, next) }).await;
    if !late && answer != Answer::NeverSent {
        known.attempts += 1;
    }
    if answer == Answer::Taken {
        known.carrier_id = Some(carrier_id);
    }
    if known.segment == awaited {
        match next {
            NextStep::Submitted => known.segment = SegmentState::Submitted,
            NextStep::Await => known.segment = SegmentState::Ambiguous,
            NextStep::Again { duplicate } => known.duplicate |= duplicate,
            NextStep::End(state) => known.end(state),
        }
    }
    let ended = known.ended;
    let end = (known.id, MessageState::Rejected);
    assert_eq!(settled.ended, ended.is_some());
    if ended == Some(MessageState::Rejected) && !reference.ends.contains(&end) {
        reference.ends.push(end);
    }
}

async fn check(bench: &Bench, reference: &Reference) {
    assert_eq!(bench.moves().await, reference.ends);
    let mut told = BTreeMap::new();
    for (id, _) in &reference.ends {
        *told.entry(*id).or_insert(0) += 1;
    }
    assert!(told.values().all(|times| *times == 1), "an end was told twice");
    for known in &reference.messages {
        let delivery = bench.message(known.id).await.delivery;
        let segment = &delivery.segments[0];
        assert_eq!(segment.state, known.segment);
        assert_eq!(delivery.ended.map(|end| end.state), known.ended);
        assert_eq!((segment.attempts, delivery.possible_duplicate), (known.attempts, known.duplicate));
        check_story(&bench.story(known.id).await, known);
    }
    let queued = bench.queued().await.len();
    let expected = reference.messages.iter().filter(|known| known.segment == SegmentState::Queued).count();
    assert_eq!(queued, expected);
    let open = reference.messages.iter().filter(|known| known.ended.is_none()).count();
    assert_eq!(bench.store().usage().open, open as u64);
}

/// Every try and every final report is in the story, whatever happened between.
fn check_story(story: &Story, known: &Known) {
    assert_eq!(story.history.left_out(), 0, "a history is never that long here");
    let (mut left, mut on_wire) = (0, 0);
    for one in story.tries(1) {
        match one.outcome {
            None => on_wire += 1,
            Some(SubmitOutcome::NeverSent) => {}
            Some(_) => left += 1 + one.again.map_or(0, |again| again.times),
        }
    }
    assert_eq!(left, u32::from(known.attempts));
    // A mark stays until it is settled, even if a report has ended the segment meanwhile.
    let is_queued = known.segment == SegmentState::Queued;
    assert_eq!(on_wire, usize::from(known.on_wire.is_some() && is_queued));
    let reported = [SegmentState::Delivered, SegmentState::Undelivered].contains(&known.segment);
    let applied = story.reports(1).iter().filter(|record| record.used == ReportUse::Applied).count();
    assert_eq!(applied, usize::from(reported));
    let said_otherwise = |record: &&ReportRecord| record.used == ReportUse::Contradicts;
    let contradicting: u32 =
        story.reports(1).iter().filter(said_otherwise).map(|record| record.repeats + 1).sum();
    assert_eq!(contradicting, known.contradicted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_reference(history in prop::collection::vec(happening(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            let mut reference = Reference::default();
            for happening in &history {
                happen(&mut bench, &mut reference, happening).await;
            }
            check(&bench, &reference).await;
            happen(&mut bench, &mut reference, &Happening::Crash).await;
            check(&bench, &reference).await;
        });
    }
}
