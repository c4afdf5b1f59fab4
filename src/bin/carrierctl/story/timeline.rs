//! What happened, part by part, each moment counted from the acceptance.

use carrierd::grpc::api::{self, AttemptOutcome, ReportMatch, ReportUse};
use jiff::Timestamp;

use super::words::{from_to, moment, raw, status};
use crate::show;

/// Something that happened to a part.
struct Happening {
    time: Option<Timestamp>,
    words: String,
}

/// Every try and every report of every part.
pub fn timeline(message: &api::Message, now: Timestamp) -> String {
    let accepted = moment(message.accept_time.as_ref());
    let count = message.segments.len();
    let mut text = String::new();
    for segment in &message.segments {
        if !text.is_empty() {
            text.push('\n');
        }
        let state = show::message_state(segment.state());
        text.push_str(&format!("part {} of {count}: {state}\n", segment.segment_number));
        let mut happened = happened(segment, now);
        if happened.is_empty() {
            let why = segment.status.as_ref().map(raw).filter(|why| !why.is_empty());
            text.push_str(&format!("  {}\n", why.unwrap_or_else(|| "not sent yet".into())));
        }
        happened.sort_by_key(|happening| happening.time);
        let rows: Vec<Vec<String>> = happened
            .into_iter()
            .map(|Happening { time, words }| {
                let after =
                    from_to(accepted, time).map_or_else(|| "at once".into(), |span| format!("+{span}"));
                vec![String::new(), after, words]
            })
            .collect();
        text.push_str(&show::table(&rows));
    }
    if message.left_out_count > 0 {
        text.push_str(&format!("({} older moments were not kept)\n", message.left_out_count));
    }
    text
}

fn happened(segment: &api::SegmentStatus, now: Timestamp) -> Vec<Happening> {
    let mut happened = Vec::new();
    for attempt in &segment.attempts {
        handed(attempt, &mut happened);
        answered(attempt, now, &mut happened);
    }
    // When the segment was taken: reports are counted from there.
    let taken = moment(segment.response_time.as_ref()).filter(|_| !segment.carrier_message_id.is_empty());
    for report in &segment.reports {
        let time = moment(report.receive_time.as_ref());
        happened.push(Happening { time, words: reported(report, taken) });
    }
    happened
}

fn handed(attempt: &api::SubmitAttempt, happened: &mut Vec<Happening>) {
    let number = attempt.attempt_number;
    let tries = match attempt.repeat_count {
        0 => format!("try {number}"),
        // A try that never left is not counted, so all of them have one number.
        more if attempt.outcome() == AttemptOutcome::NeverSent => format!("try {number}, {} times", more + 1),
        more => format!("tries {number} to {}", number + more),
    };
    let time = moment(attempt.submit_time.as_ref());
    let words = format!("{tries} on {}", show::line(&attempt.trunk_id));
    let words = match from_to(time, moment(attempt.last_submit_time.as_ref())) {
        Some(span) => format!("{words}, the last {span} later"),
        None => words,
    };
    happened.push(Happening { time, words });
}

fn answered(attempt: &api::SubmitAttempt, now: Timestamp, happened: &mut Vec<Happening>) {
    let handed = moment(attempt.submit_time.as_ref());
    let time = moment(attempt.response_time.as_ref());
    let said = attempt.status.as_ref();
    let words = match attempt.outcome() {
        AttemptOutcome::Unspecified => None,
        AttemptOutcome::OnWire => {
            let waited = from_to(handed, Some(now)).unwrap_or_else(|| "a moment".into());
            happened
                .push(Happening { time: handed, words: format!("on the wire for {waited}, no answer yet") });
            None
        }
        AttemptOutcome::NeverSent => Some("never left: the link ended first".into()),
        AttemptOutcome::Unknown => {
            Some(format!("given up as unknown: {}", said.map(raw).unwrap_or_default()))
        }
        outcome => Some(answer(outcome, &attempt.carrier_message_id, said)),
    };
    if let Some(words) = words {
        let took = from_to(handed, time).map_or_else(String::new, |span| format!(", after {span}"));
        let each = if attempt.repeat_count > 0 { "each " } else { "" };
        happened.push(Happening { time, words: format!("{each}{words}{took}") });
    }
    if let Some(late) = &attempt.late_answer {
        let time = moment(late.response_time.as_ref());
        let said = answer(late.outcome(), &late.carrier_message_id, late.status.as_ref());
        let took = from_to(handed, time).map_or_else(String::new, |span| format!(", after {span}"));
        let words = format!("late answer to try {}: {said}{took}", attempt.attempt_number);
        happened.push(Happening { time, words });
    }
}

fn answer(outcome: AttemptOutcome, carrier_id: &str, said: Option<&api::CarrierStatus>) -> String {
    match outcome {
        AttemptOutcome::Accepted if carrier_id.is_empty() => "taken without an id".into(),
        AttemptOutcome::Accepted => format!("taken as {}", show::line(carrier_id)),
        _ => format!("refused: {}", status(said)),
    }
}

fn reported(report: &api::ReportRecord, taken: Option<Timestamp>) -> String {
    let said = report.status.clone().unwrap_or_default();
    let err =
        if said.raw_code.is_empty() { String::new() } else { format!(" err {}", show::line(&said.raw_code)) };
    let state = show::bare(report.state().as_str_name(), "REPORT_STATE_");
    let mut words = format!("report {}{err}: {state}", show::line(&said.raw_text));
    let time = moment(report.receive_time.as_ref());
    match from_to(taken, time) {
        Some(span) => words.push_str(&format!(", {span} after the answer")),
        None if taken.is_some() => words.push_str(", before the answer"),
        None => {}
    }
    let found = match report.r#match() {
        ReportMatch::Unspecified | ReportMatch::Id => "",
        ReportMatch::OtherId => "found by the second id that it names",
        ReportMatch::Recipient => "several messages have its id, found by the recipient",
        ReportMatch::LoneId => "found by its id, it names the recipient in another way",
        ReportMatch::Circumstances => "found by sender, recipient and time alone",
    };
    let used = match report.r#use() {
        ReportUse::Repeated => "said again, nothing changed",
        ReportUse::Contradicts => "contradicts what is final, not applied",
        ReportUse::Intermediate => "nothing final",
        _ => "",
    };
    for more in [found, used].into_iter().filter(|more| !more.is_empty()) {
        words.push_str(&format!("; {more}"));
    }
    if report.repeat_count > 0 {
        let last = from_to(time, moment(report.last_receive_time.as_ref()));
        let last = last.map_or_else(String::new, |span| format!(", the last {span} later"));
        words.push_str(&format!("; {} more of these{last}", report.repeat_count));
    }
    words
}
