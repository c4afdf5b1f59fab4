//! Whether the promises about calls were kept: a function from what was asked, told, seen and heard to a list of
//! violations.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    super::{Verdict, consumer::Heard, told::Told},
    record::Seen,
    traffic::{number_of, request_id},
};
use crate::api::{self, CallState, event::Payload};

/// The estimated end of a lost call is no further from the crash.
const ESTIMATED_WITHIN: Duration = Duration::from_secs(5);

/// What is known at the end.
pub struct Evidence {
    /// What was asked and answered.
    pub told: Told,
    /// What the events said.
    pub heard: Heard,
    /// What the carriers saw.
    pub seen: Seen,
    /// What the daemon says of each call at the end, by call id; calls without an entry are unknown to it.
    pub calls: HashMap<String, api::Call>,
    /// When the daemon was killed, first to last.
    pub kills: Vec<Timestamp>,
}

/// What the events said of one call.
#[derive(Debug, Default)]
struct Story<'a> {
    request: &'a str,
    sequences: Vec<u32>,
    finals: Vec<&'a api::CallStateEvent>,
    records: Vec<&'a api::CallRecord>,
}

impl Evidence {
    /// Judges.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        verdict.violations.extend(self.told.faults.iter().cloned());
        for line in &self.seen.strange {
            verdict.broken(format!("a carrier saw a call that nobody asked for: {line}"));
        }
        let stories = self.stories();
        self.every_accepted_call_is_one_call(&stories, &mut verdict);
        self.every_call_ended_once(&stories, &mut verdict);
        self.lost_calls_say_when(&stories, &mut verdict);
        self.nothing_was_placed_in_silence(&mut verdict);
        self.carriers_and_records_agree(&mut verdict);
        verdict.look_at_log(&self.heard);
        verdict
    }

    /// The ids of all calls that anybody was told of.
    pub fn ids(told: &Told, heard: &Heard) -> HashSet<String> {
        let events = heard.events.values().filter_map(|event| id_of(event)).map(str::to_owned);
        told.accepted.values().cloned().chain(events).collect()
    }

    fn stories(&self) -> BTreeMap<&str, Story<'_>> {
        let mut stories: BTreeMap<&str, Story<'_>> = BTreeMap::new();
        for event in self.heard.events.values() {
            let Some(id) = id_of(event) else { continue };
            let story = stories.entry(id).or_default();
            match &event.payload {
                Some(Payload::InboundCall(call)) => story.sequences.push(call.call_sequence),
                Some(Payload::CallState(moved)) => {
                    story.request = &moved.request_id;
                    story.sequences.push(moved.call_sequence);
                    if moved.r#final {
                        story.finals.push(moved);
                    }
                }
                Some(Payload::CallRecord(record)) => story.records.push(record),
                _ => {}
            }
        }
        stories
    }

    /// A request is one call, and no call is told of that was neither asked for nor came in.
    fn every_accepted_call_is_one_call(&self, stories: &BTreeMap<&str, Story<'_>>, verdict: &mut Verdict) {
        for (number, id) in &self.told.accepted {
            if !stories.contains_key(id.as_str()) {
                verdict
                    .broken(format!("{} was accepted as {id} and no event tells of it", request_id(*number)));
            }
        }
        for (id, story) in stories.iter().filter(|(_, story)| !story.request.is_empty()) {
            let accepted = number_of(story.request).and_then(|number| self.told.accepted.get(&number));
            if accepted.map(String::as_str) != Some(id) {
                verdict.broken(format!(
                    "{id} is told under {}, which was answered as {accepted:?}",
                    story.request
                ));
            }
        }
        verdict.rows.extend([
            ("calls asked for", self.told.made as u64),
            ("requests asked again", self.told.asked_again),
            ("of these answered as replayed", self.told.replayed),
            ("accepted", self.told.accepted.len() as u64),
        ]);
    }

    /// One final event and one record for each, all of its events, and the same in the store.
    fn every_call_ended_once(&self, stories: &BTreeMap<&str, Story<'_>>, verdict: &mut Verdict) {
        let (mut ended, mut incoming) = (0, 0);
        let mut states: BTreeMap<CallState, u64> = BTreeMap::new();
        for (id, story) in stories {
            incoming += u64::from(story.request.is_empty());
            let ([last], [record]) = (&story.finals[..], &story.records[..]) else {
                let (finals, records) = (story.finals.len(), story.records.len());
                verdict.broken(format!("{id} has {finals} final events and {records} records"));
                continue;
            };
            ended += 1;
            *states.entry(last.state()).or_default() += 1;
            let numbers = story.sequences.iter().copied();
            if !numbers.eq(1..=record.last_sequence) {
                let (told, last) = (&story.sequences, record.last_sequence);
                verdict
                    .broken(format!("{id} has events {told:?} and its record says that {last} is the last"));
            }
            if record.final_state != last.state {
                let (told, kept) = (last.state().as_str_name(), record.final_state().as_str_name());
                verdict.broken(format!("{id} was told as {told} and its record says {kept}"));
            }
            match self.calls.get(*id) {
                Some(call) if call.record.as_ref() == Some(record) && call.state == last.state => {}
                Some(call) => verdict.broken(format!(
                    "{id} was told as {} with a record that is not the one in the store, which says {}",
                    last.state().as_str_name(),
                    call.state().as_str_name()
                )),
                None => verdict.broken(format!("{id} was told and is unknown to the daemon")),
            }
        }
        let of = |state| states.get(&state).copied().unwrap_or(0);
        let others = [CallState::Completed, CallState::Lost].map(of).iter().sum::<u64>();
        verdict.rows.extend([
            ("calls that came in", incoming),
            ("with exactly one final event and one record", ended),
            ("of these completed", of(CallState::Completed)),
            ("of these lost", of(CallState::Lost)),
            ("of these without an answer", ended - others),
        ]);
    }

    /// A lost call was open at a kill, and its estimated end is near it; no other end is an estimate.
    fn lost_calls_say_when(&self, stories: &BTreeMap<&str, Story<'_>>, verdict: &mut Verdict) {
        let (mut worst, mut talked) = (Duration::ZERO, 0);
        for (id, record) in
            stories.iter().flat_map(|(id, story)| story.records.iter().map(move |one| (id, one)))
        {
            if record.estimated != (record.final_state() == CallState::Lost) {
                let state = record.final_state().as_str_name();
                verdict.broken(format!("{id} is {state} and says estimated = {}", record.estimated));
            }
            if !record.estimated {
                continue;
            }
            talked += u64::from(record.answer_time.is_some());
            let (Some(end), Some(found)) = (time(record.end_time), time(record.latest_end_time)) else {
                verdict.broken(format!("{id} is lost and does not say when"));
                continue;
            };
            let Some(killed) = self.kills.iter().rev().find(|kill| **kill <= found) else {
                verdict.broken(format!("{id} was found lost at {found}, and nobody had killed the daemon"));
                continue;
            };
            match Duration::try_from(killed.duration_since(end)) {
                Ok(off) if off <= ESTIMATED_WITHIN => worst = worst.max(off),
                Ok(off) => {
                    verdict.broken(format!("{id} ended, it says, {off:?} before the kill that ended it"))
                }
                Err(_) => {
                    verdict.broken(format!("{id} ended, it says, at {end}, after the kill at {killed}"))
                }
            }
        }
        verdict.rows.extend([
            ("lost after their answer", talked),
            ("furthest estimate from the kill, ms", worst.as_millis() as u64),
        ]);
    }

    /// Every INVITE that a carrier saw is an attempt in the record of its call. Only one that left in the moment of a kill
    /// may be missing, and then the call is lost.
    fn nothing_was_placed_in_silence(&self, verdict: &mut Verdict) {
        let mut placed: HashMap<usize, Vec<&str>> = HashMap::new();
        for (wire_id, call) in &self.seen.calls {
            if let Some(number) = call.request {
                placed.entry(number).or_default().push(wire_id);
            }
        }
        let mut cut = 0;
        for (number, wire_ids) in &placed {
            let request = request_id(*number);
            let Some(id) = self.told.accepted.get(number) else {
                verdict.broken(format!("{request} was placed as {wire_ids:?} and never accepted"));
                continue;
            };
            let Some(record) = self.record(id) else { continue };
            let known: HashSet<&str> = record.attempts.iter().map(|one| one.sip_call_id.as_str()).collect();
            let unknown: Vec<_> = wire_ids.iter().filter(|wire_id| !known.contains(**wire_id)).collect();
            let may_miss = usize::from(record.final_state() == CallState::Lost);
            if unknown.len() > may_miss {
                verdict.broken(format!(
                    "{request}, {id}, was placed as {unknown:?}, and its record does not say so"
                ));
            }
            cut += unknown.len() as u64;
        }
        let more = placed.values().filter(|wire_ids| wire_ids.len() > 1).count() as u64;
        verdict.rows.extend([
            ("calls that carriers were called for", placed.len() as u64),
            ("of these on several trunks, each in the record", more),
            ("INVITEs cut off before they were durable", cut),
        ]);
    }

    /// What carriers and records say of an answer is the same, and no carrier holds what the daemon could have ended.
    fn carriers_and_records_agree(&self, verdict: &mut Verdict) {
        let mut known: HashMap<&str, Vec<(&api::CallRecord, bool)>> = HashMap::new();
        for record in self.calls.values().filter_map(|call| call.record.as_ref()) {
            let last = record.attempts.len().saturating_sub(1);
            for (index, attempt) in record.attempts.iter().enumerate() {
                known.entry(&attempt.sip_call_id).or_default().push((record, index == last));
            }
        }
        let mut left_open = 0;
        for (wire_id, call) in &self.seen.calls {
            let records = known.get(wire_id.as_str()).map_or(&[][..], Vec::as_slice);
            let is_told = |(record, _): &(&api::CallRecord, bool)| {
                record.answer_time.is_some() || record.final_state() == CallState::Lost
            };
            if call.answered && !records.is_empty() && !records.iter().any(is_told) {
                let (id, state) = records.first().map_or(("", ""), |(record, _)| {
                    (record.call_id.as_str(), record.final_state().as_str_name())
                });
                verdict.broken(format!(
                    "{id}, {wire_id}, was answered at {}, and is told as {state}",
                    call.carrier
                ));
            }
            // The last attempt is the one that was answered.
            let answered = records.iter().find(|(record, is_last)| *is_last && record.answer_time.is_some());
            if let Some((record, _)) = answered
                && call.request.is_some()
                && !call.answered
            {
                let (id, carrier) = (&record.call_id, &call.carrier);
                verdict.broken(format!("{id}, {wire_id}, is told as answered, and was not at {carrier}"));
            }
            if !call.ended {
                left_open += 1;
                // An INVITE of ours can be cancelled, an answered call hung up.
                let sufficed = records.iter().find(|(record, _)| {
                    record.answer_time.is_some() || (call.request.is_some() && !call.answered)
                });
                if let Some((record, _)) = sufficed {
                    let what =
                        if call.ended_by_daemon { "although the daemon ended it" } else { "and never ended" };
                    let (id, carrier) = (&record.call_id, &call.carrier);
                    verdict.broken(format!("{id}, {wire_id}, is still open at {carrier}, {what}"));
                }
            }
        }
        let ended = self.seen.calls.values().filter(|call| call.ended_by_daemon).count() as u64;
        verdict.rows.extend([
            ("calls at carriers", self.seen.calls.len() as u64),
            ("of these answered", self.seen.calls.values().filter(|call| call.answered).count() as u64),
            ("of these ended by CANCEL or BYE of the daemon", ended),
            ("of these open for want of anything durable", left_open),
        ]);
    }

    fn record(&self, id: &str) -> Option<&api::CallRecord> {
        self.calls.get(id)?.record.as_ref()
    }
}

fn id_of(event: &api::Event) -> Option<&str> {
    match &event.payload {
        Some(Payload::InboundCall(call)) => Some(&call.call_id),
        Some(Payload::CallState(moved)) => Some(&moved.call_id),
        Some(Payload::CallRecord(record)) => Some(&record.call_id),
        _ => None,
    }
}

fn time(given: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let given = given?;
    Timestamp::new(given.seconds, given.nanos).ok()
}

#[cfg(test)]
mod tests;
