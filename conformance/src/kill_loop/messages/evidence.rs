//! Whether the promises were kept: a function from what was asked, told, seen and heard to a list of violations.

use std::collections::{HashMap, HashSet};

use super::{
    super::{Verdict, consumer::Heard, told::Told},
    record::Seen,
    traffic::Traffic,
};
use crate::api::{self, MessageState, event::Payload};

/// What is known at the end.
pub struct Evidence {
    /// What was asked.
    pub traffic: Traffic,
    /// What the generator was told.
    pub told: Told,
    /// What the events said.
    pub heard: Heard,
    /// What the carriers saw.
    pub seen: Seen,
    /// What the daemon says of each request at the end; requests without an entry are unknown to it.
    pub messages: HashMap<usize, api::Message>,
}

impl Evidence {
    /// Judges.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        verdict.violations.extend(self.told.faults.iter().cloned());
        verdict
            .violations
            .extend(self.seen.strange.iter().map(|line| format!("a carrier saw what was not sent: {line}")));
        let finals = self.finals(&mut verdict);
        self.every_accepted_message_ended_once_or_is_honestly_open(&finals, &mut verdict);
        self.no_acknowledged_report_is_missing(&mut verdict);
        self.no_segment_has_the_id_of_another(&mut verdict);
        self.what_went_twice_says_so(&finals, &mut verdict);
        verdict.look_at_log(&self.heard);
        verdict
    }

    /// The final events of each request.
    fn finals(&self, verdict: &mut Verdict) -> HashMap<usize, Vec<&api::MessageStateEvent>> {
        let mut finals: HashMap<usize, Vec<&api::MessageStateEvent>> = HashMap::new();
        let mut ids: HashMap<usize, &str> = HashMap::new();
        for event in self.heard.events.values() {
            let Some(Payload::MessageState(moved)) = &event.payload else { continue };
            let Some(number) = super::traffic::number_of(&moved.request_id) else {
                verdict.violations.push(format!("event {} is about {}", event.event_id, moved.request_id));
                continue;
            };
            let first = *ids.entry(number).or_insert(&moved.message_id);
            if first != moved.message_id {
                let what = format!("r{number} became two messages, {first} and {}", moved.message_id);
                verdict.violations.push(what);
            }
            if moved.r#final {
                finals.entry(number).or_default().push(moved);
            }
        }
        finals
    }

    fn every_accepted_message_ended_once_or_is_honestly_open(
        &self,
        finals: &HashMap<usize, Vec<&api::MessageStateEvent>>,
        verdict: &mut Verdict,
    ) {
        let (mut ended, mut open) = (0, 0);
        let mut states: HashMap<MessageState, u64> = HashMap::new();
        for (number, message_id) in &self.told.accepted {
            let Some(message) = self.messages.get(number) else {
                verdict.violations.push(format!("r{number} was accepted as {message_id} and is lost"));
                continue;
            };
            if message.message_id != *message_id {
                let what = format!("r{number} was accepted as {message_id} and is {}", message.message_id);
                verdict.violations.push(what);
            }
            let told = finals.get(number).map_or(&[][..], Vec::as_slice);
            match (told, message.final_time.is_some()) {
                ([one], true) => {
                    ended += 1;
                    *states.entry(one.state()).or_default() += 1;
                    if one.state() != message.state() {
                        let (event, now) = (one.state().as_str_name(), message.state().as_str_name());
                        verdict.violations.push(format!("r{number} was told as {event} and is {now}"));
                    }
                }
                ([], true) => verdict.violations.push(format!("r{number} has ended and no event says so")),
                ([], false) if is_honestly_open(message) => open += 1,
                ([], false) => {
                    verdict.violations.push(format!("r{number} is open for no reason: {}", shown(message)))
                }
                (_, false) => verdict.violations.push(format!("r{number} has a final event and is open")),
                (more, true) => verdict.violations.push(format!("r{number} has {} final events", more.len())),
            }
        }
        for number in finals.keys().filter(|number| !self.told.accepted.contains_key(number)) {
            verdict.violations.push(format!("r{number} has an event and was never answered"));
        }
        verdict.rows.extend([
            ("requests made", self.told.made as u64),
            ("requests asked again", self.told.asked_again),
            ("of these answered as replayed", self.told.replayed),
            ("accepted", self.told.accepted.len() as u64),
            ("with exactly one final event", ended),
            ("of these delivered", states.get(&MessageState::Delivered).copied().unwrap_or(0)),
            ("of these undelivered", states.get(&MessageState::Undelivered).copied().unwrap_or(0)),
            ("of these rejected", states.get(&MessageState::Rejected).copied().unwrap_or(0)),
            (
                "of these submitted, without a report wanted",
                states.get(&MessageState::Submitted).copied().unwrap_or(0),
            ),
            ("honestly open", open),
        ]);
    }

    /// A receipt that was answered is in its segment, or was told as an orphan.
    fn no_acknowledged_report_is_missing(&self, verdict: &mut Verdict) {
        let orphans = self.orphans();
        let mut told_as_orphans = 0;
        for given in &self.seen.acknowledged {
            let Some((number, part)) = self.seen.ids.get(given) else {
                verdict.violations.push(format!("a receipt for {given:?}, which was never given"));
                continue;
            };
            if orphans.contains(&(given.0.as_str(), given.1.as_str())) {
                told_as_orphans += 1;
                continue;
            }
            let segment = self.messages.get(number).and_then(|message| {
                message.segments.iter().find(|segment| segment.segment_number == u32::from(*part))
            });
            match segment {
                Some(segment) if segment.report_time.is_some() || is_final(segment.state()) => {}
                Some(segment) => verdict.violations.push(format!(
                    "the report of r{number} part {part} ({given:?}) was answered and is lost: the segment is {}",
                    segment.state().as_str_name()
                )),
                None => verdict.violations.push(format!("a report of r{number} part {part}, which is unknown")),
            }
        }
        verdict.rows.extend([
            ("submits taken by carriers", self.seen.taken.values().map(|count| u64::from(*count)).sum()),
            ("of these never answered", self.seen.silent),
            ("submits refused by carriers", self.seen.refused),
            ("receipts sent, repeats included", self.seen.receipts),
            ("receipts acknowledged", self.seen.acknowledged.len() as u64),
            ("of these told as orphans", told_as_orphans),
        ]);
    }

    /// A report that was given to the wrong message shows here: its id stands at a segment that never had it.
    fn no_segment_has_the_id_of_another(&self, verdict: &mut Verdict) {
        for (number, message) in &self.messages {
            for segment in message.segments.iter().filter(|segment| !segment.carrier_message_id.is_empty()) {
                let given = (segment.trunk_id.clone(), segment.carrier_message_id.clone());
                let part = segment.segment_number;
                match self.seen.ids.get(&given) {
                    Some(owner) if (owner.0, u32::from(owner.1)) == (*number, part) => {}
                    Some((other, other_part)) => verdict.violations.push(format!(
                        "r{number} part {part} has the id {given:?}, which is that of r{other} part {other_part}"
                    )),
                    None => verdict
                        .violations
                        .push(format!("r{number} part {part} has the id {given:?}, which was never given")),
                }
            }
        }
    }

    fn orphans(&self) -> HashSet<(&str, &str)> {
        let told = self.heard.events.values().filter_map(|event| match &event.payload {
            Some(Payload::OrphanReport(orphan)) => {
                Some((orphan.trunk_id.as_str(), orphan.carrier_message_id.as_str()))
            }
            _ => None,
        });
        told.collect()
    }

    fn what_went_twice_says_so(
        &self,
        finals: &HashMap<usize, Vec<&api::MessageStateEvent>>,
        verdict: &mut Verdict,
    ) {
        let mut twice: Vec<usize> = Vec::new();
        for ((number, part), count) in &self.seen.taken {
            if *count < 2 {
                continue;
            }
            if self.traffic.is_at_most_once(*number) {
                let what = format!("r{number} part {part} reached a carrier {count} times and may only once");
                verdict.violations.push(what);
            }
            twice.push(*number);
        }
        twice.sort_unstable();
        twice.dedup();
        for number in &twice {
            let marked = self.messages.get(number).is_some_and(|message| message.possible_duplicate);
            let events = finals.get(number).map_or(&[][..], Vec::as_slice);
            if !marked || !events.iter().all(|event| event.possible_duplicate) {
                verdict.violations.push(format!("r{number} reached a carrier twice and is not marked"));
            }
        }
        let marked = self.messages.values().filter(|message| message.possible_duplicate).count();
        verdict.rows.extend([
            ("messages that reached a carrier twice", twice.len() as u64),
            ("messages marked possible_duplicate", marked as u64),
        ]);
    }
}

/// It waits for a report about a segment of which nobody knows whether the carrier has it.
fn is_honestly_open(message: &api::Message) -> bool {
    let waits = |state| matches!(state, MessageState::Submitting | MessageState::Submitted);
    let unknown = |segment: &api::SegmentStatus| {
        segment.state() == MessageState::Submitting && segment.submit_attempt_count > 0
    };
    waits(message.state())
        && message.segments.iter().any(unknown)
        && message
            .segments
            .iter()
            .all(|segment| unknown(segment) || segment.state() != MessageState::Accepted)
}

fn is_final(state: MessageState) -> bool {
    use MessageState::{Accepted, Submitted, Submitting, Unspecified};
    !matches!(state, Unspecified | Accepted | Submitting | Submitted)
}

fn shown(message: &api::Message) -> String {
    let segments: Vec<&str> = message.segments.iter().map(|segment| segment.state().as_str_name()).collect();
    format!("{} with segments {}", message.state().as_str_name(), segments.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One delivered message that reached its carrier once, told by one event.
    fn sound() -> Evidence {
        let id = "m-0".to_owned();
        let moved = api::MessageStateEvent {
            message_id: id.clone(),
            request_id: "r0".to_owned(),
            state: MessageState::Delivered as i32,
            r#final: true,
            ..Default::default()
        };
        let event = api::Event {
            event_id: "0-1".to_owned(),
            sequence: 1,
            payload: Some(Payload::MessageState(moved)),
            ..Default::default()
        };
        let segment = api::SegmentStatus {
            segment_number: 1,
            state: MessageState::Delivered as i32,
            report_time: Some(prost_types::Timestamp::default()),
            submit_attempt_count: 1,
            ..Default::default()
        };
        let message = api::Message {
            message_id: id.clone(),
            state: MessageState::Delivered as i32,
            segments: vec![segment],
            final_time: Some(prost_types::Timestamp::default()),
            ..Default::default()
        };
        let given = ("smpp".to_owned(), "9".to_owned());
        Evidence {
            traffic: Traffic::new(1),
            told: Told { accepted: [(0, id)].into(), made: 1, ..Default::default() },
            heard: Heard { events: [(1, event)].into(), ..Default::default() },
            seen: Seen {
                taken: [((0, 1), 1)].into(),
                ids: [(given.clone(), (0, 1))].into(),
                acknowledged: [given].into(),
                ..Default::default()
            },
            messages: [(0, message)].into(),
        }
    }

    fn violations(change: impl FnOnce(&mut Evidence)) -> Vec<String> {
        let mut evidence = sound();
        change(&mut evidence);
        evidence.judge().violations
    }

    fn moved(evidence: &mut Evidence) -> &mut api::MessageStateEvent {
        match &mut evidence.heard.events.get_mut(&1).unwrap().payload {
            Some(Payload::MessageState(moved)) => moved,
            _ => panic!("no message event"),
        }
    }

    #[test]
    fn kept_promises_are_no_violations() {
        assert_eq!(violations(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn a_lost_message_is_told() {
        assert!(violations(|evidence| evidence.messages.clear())[0].contains("lost"));
    }

    #[test]
    fn a_missing_and_a_second_final_event_are_told() {
        assert!(violations(|evidence| moved(evidence).r#final = false)[0].contains("no event says so"));
        let twice = violations(|evidence| {
            let again =
                api::Event { event_id: "0-2".into(), sequence: 2, ..evidence.heard.events[&1].clone() };
            evidence.heard.events.insert(2, again);
        });
        assert!(twice[0].contains("2 final events"), "{twice:?}");
    }

    #[test]
    fn only_a_segment_that_nobody_knows_of_may_keep_a_message_open() {
        let open = |segment: MessageState| {
            violations(|evidence| {
                moved(evidence).r#final = false;
                evidence.seen.acknowledged.clear();
                let message = evidence.messages.get_mut(&0).unwrap();
                message.final_time = None;
                message.state = MessageState::Submitting as i32;
                message.segments[0].state = segment as i32;
            })
        };
        assert_eq!(open(MessageState::Submitting), Vec::<String>::new());
        assert!(open(MessageState::Accepted)[0].contains("open for no reason"));
    }

    #[test]
    fn a_report_that_was_answered_must_be_seen_or_told_as_an_orphan() {
        let forget = |evidence: &mut Evidence| {
            moved(evidence).r#final = false;
            let message = evidence.messages.get_mut(&0).unwrap();
            message.final_time = None;
            message.state = MessageState::Submitting as i32;
            message.segments[0].state = MessageState::Submitting as i32;
            message.segments[0].report_time = None;
        };
        assert!(violations(forget)[0].contains("answered and is lost"));
        let orphaned = violations(|evidence| {
            forget(evidence);
            let orphan = api::OrphanReport {
                trunk_id: "smpp".into(),
                carrier_message_id: "9".into(),
                ..Default::default()
            };
            let payload = Some(Payload::OrphanReport(orphan));
            let event = api::Event { event_id: "0-2".into(), sequence: 2, payload, ..Default::default() };
            evidence.heard.events.insert(2, event);
        });
        assert_eq!(orphaned, Vec::<String>::new());
    }

    #[test]
    fn a_segment_with_the_id_of_another_is_told() {
        let with = |id: &str| {
            violations(|evidence| {
                evidence.seen.ids.insert(("smpp".to_owned(), "10".to_owned()), (1, 1));
                let segment = &mut evidence.messages.get_mut(&0).unwrap().segments[0];
                segment.trunk_id = "smpp".to_owned();
                segment.carrier_message_id = id.to_owned();
            })
        };
        assert_eq!(with("9"), Vec::<String>::new());
        assert!(with("10")[0].contains("that of r1 part 1"));
        assert!(with("11")[0].contains("never given"));
    }

    #[test]
    fn what_went_twice_must_be_marked_and_allowed() {
        let traffic = Traffic::new(1);
        let number = (0..).find(|number| !traffic.is_at_most_once(*number)).unwrap();
        let marked = |mark: bool| {
            violations(|evidence| {
                evidence.told.accepted = [(number, "m-0".to_owned())].into();
                let mut message = evidence.messages.remove(&0).unwrap();
                message.possible_duplicate = mark;
                evidence.messages.insert(number, message);
                moved(evidence).request_id = format!("r{number}");
                moved(evidence).possible_duplicate = mark;
                evidence.seen.taken = [((number, 1), 2)].into();
                evidence.seen.acknowledged.clear();
            })
        };
        assert_eq!(marked(true), Vec::<String>::new());
        assert!(marked(false)[0].contains("not marked"));
    }
}
