//! What became of a message and why; what is still awaited; what to do.

use carrierd::{
    domain,
    grpc::api::{self, FailureClass, MessageState, ReportUse},
};
use jiff::{SignedDuration, Timestamp};

use super::words::{from_to, moment, part, parts, raw, status};
use crate::show;

/// How long a report may be missing before the carrier is asked: most come within minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// The state, how long it took, and why, in a few lines.
pub fn verdict(message: &api::Message, now: Timestamp) -> String {
    let accepted = moment(message.accept_time.as_ref());
    let ended = moment(message.final_time.as_ref());
    let state = show::message_state(message.state());
    let mut lines = vec![match (ended, from_to(accepted, ended.or(Some(now)))) {
        (Some(_), Some(span)) => format!("{state} {span} after it was accepted"),
        (None, Some(span)) => format!("{state}, still open after {span}"),
        (_, None) => state,
    }];
    lines.extend(why(message).map(|why| format!("  {why}")));
    if message.possible_duplicate {
        lines
            .push("  it was sent again although it may have left before: the phone may have it twice".into());
    }
    let contradicting = reports(message, ReportUse::Contradicts);
    if contradicting > 0 {
        let says = if contradicting == 1 { "1 report says" } else { &format!("{contradicting} reports say") };
        lines.push(format!("  {says} something else than the end: noted, not applied"));
    }
    lines.join("\n") + "\n"
}

fn why(message: &api::Message) -> Option<String> {
    let count = message.segments.len();
    let all = match count {
        1 => "it",
        2 => "both parts",
        count => &format!("all {count} parts"),
    };
    match message.state() {
        MessageState::Delivered => Some(format!("{all} arrived")),
        MessageState::Undelivered | MessageState::Rejected => Some(failed(message)),
        MessageState::Submitted if message.final_time.is_some() => {
            Some(format!("the carrier took {all}; no report was asked for"))
        }
        MessageState::Submitted => Some(match in_state(message, MessageState::Submitted) {
            missing if missing == count => format!("the carrier took {all}; no report has come yet"),
            missing => format!("the carrier took {all}; {missing} of {count} not reported on yet"),
        }),
        MessageState::Submitting => {
            let unknown = in_state(message, MessageState::Submitting);
            let unsent = in_state(message, MessageState::Accepted);
            let mut said = Vec::new();
            if unknown > 0 {
                said.push(format!("nobody knows whether the carrier has {}", parts(unknown)));
            }
            if unsent > 0 {
                said.push(format!("{} not taken by the carrier yet", parts(unsent)));
            }
            Some(said.join(", "))
        }
        MessageState::Accepted => {
            let tried = message.segments.iter().any(|segment| !segment.attempts.is_empty());
            let last = message.segments.iter().find_map(|segment| segment.status.as_ref());
            Some(match last {
                _ if !tried => "it waits to be sent for the first time".into(),
                Some(last) => {
                    format!("it waits to be sent again; the last answer was {}", status(Some(last)))
                }
                None => "it waits to be sent again".into(),
            })
        }
        // Ended here: the status has our own words.
        _ => message.status.as_ref().map(raw).filter(|why| !why.is_empty()),
    }
}

/// Which part failed how, and what became of the others.
fn failed(message: &api::Message) -> String {
    let state = message.state();
    let Some(segment) = message.segments.iter().find(|segment| segment.state() == state) else {
        return status(message.status.as_ref());
    };
    let part = part(message, segment.segment_number);
    let said = status(segment.status.as_ref().or(message.status.as_ref()));
    let mut words = match state {
        MessageState::Undelivered => format!("{part} did not arrive: the carrier reports {said}"),
        _ => format!("{part} was refused: {said}"),
    };
    let others = [
        (MessageState::Delivered, "arrived"),
        (MessageState::Submitted, "taken by the carrier"),
        (MessageState::Submitting, "of unknown fate"),
        (MessageState::Canceled, "not sent"),
    ];
    for (state, fate) in others {
        match in_state(message, state) {
            0 => {}
            count => words.push_str(&format!("; {} {fate}", parts(count))),
        }
    }
    words
}

/// What can still come, and until when.
pub fn awaited(message: &api::Message, now: Timestamp) -> String {
    let deadline = until(message.report_deadline.as_ref(), now);
    let expiry = expiry(message).map_or_else(String::new, |time| until(Some(&time), now));
    let mut lines = Vec::new();
    for segment in &message.segments {
        let part = part(message, segment.segment_number);
        let awaited = match segment.state() {
            MessageState::Accepted if is_on_wire(segment) => format!("an answer on {part}"),
            MessageState::Accepted if message.final_time.is_none() => format!("a try of {part}{expiry}"),
            MessageState::Submitted if message.report_deadline.is_some() => {
                format!("a report on {part}{deadline}")
            }
            MessageState::Submitting => format!("a report or a late answer on {part}{deadline}"),
            _ => continue,
        };
        lines.push(awaited);
    }
    if lines.is_empty() {
        return "awaited: nothing\n".into();
    }
    let after = if message.final_time.is_some() { ", which will not change the end" } else { "" };
    let listed: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("awaited{after}:\n{listed}")
}

fn is_on_wire(segment: &api::SegmentStatus) -> bool {
    segment.attempts.last().is_some_and(|last| last.outcome() == api::AttemptOutcome::OnWire)
}

/// `, until T (5 h 3 min more)`.
fn until(time: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    let Some(until) = moment(time) else { return String::new() };
    match from_to(Some(now), Some(until)) {
        Some(left) => format!(", until {until:.0} ({left} more)"),
        None => format!(", until {until:.0} (over: it is about to end)"),
    }
}

fn expiry(message: &api::Message) -> Option<prost_types::Timestamp> {
    let outbound = message.outbound.as_ref()?;
    let begin = outbound.send_time.or(message.accept_time)?;
    Some(prost_types::Timestamp { seconds: begin.seconds + outbound.validity?.seconds, nanos: begin.nanos })
}

/// What a person can do at `now`, where there is anything.
pub fn advice(message: &api::Message, now: Timestamp) -> String {
    let mut steps = Vec::new();
    let class = message.status.as_ref().map_or(FailureClass::Unspecified, api::CarrierStatus::failure_class);
    match message.state() {
        MessageState::Undelivered | MessageState::Rejected => steps.push(by_class(class).to_owned()),
        MessageState::Expired => steps.push(
            "`carrierctl trunks` shows how long its trunk's queue is; give such messages more validity or another trunk".into(),
        ),
        MessageState::Unknown => steps.push("send it again only if the phone may have it twice".into()),
        _ => {}
    }
    let contradicted = |segment: &&api::SegmentStatus| {
        segment.reports.iter().any(|report| report.r#use() == ReportUse::Contradicts)
    };
    let is_overdue = |segment: &api::SegmentStatus| {
        let since = moment(segment.response_time.as_ref().or(segment.submit_time.as_ref()));
        let waited = since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
        let open = [MessageState::Submitted, MessageState::Submitting].contains(&segment.state());
        segment.state() == MessageState::Unknown || (open && waited >= PATIENCE)
    };
    for segment in &message.segments {
        if contradicted(&segment) || (message.report_deadline.is_some() && is_overdue(segment)) {
            steps.extend(ask(message, segment));
        }
    }
    steps.retain(|step| !step.is_empty());
    if steps.is_empty() {
        return String::new();
    }
    let listed: String = steps.iter().map(|step| format!("  {step}\n")).collect();
    format!("to do:\n{listed}")
}

/// What the carrier can be asked about a part: by its id, or by what else it must know.
fn ask(message: &api::Message, segment: &api::SegmentStatus) -> Option<String> {
    let part = part(message, segment.segment_number);
    let trunk = show::line(&segment.trunk_id);
    if !segment.carrier_message_id.is_empty() {
        let id = show::line(&segment.carrier_message_id);
        return Some(format!("ask the carrier of {trunk} what became of {part}, id {id}"));
    }
    let time = segment.submit_time.as_ref()?;
    let to = message
        .outbound
        .as_ref()
        .map_or_else(String::new, |outbound| domain::mask(&show::line(&outbound.to)));
    Some(format!(
        "ask the carrier of {trunk} whether it took {part}, to {to} at {}; it has given no id",
        show::time(Some(time))
    ))
}

fn by_class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::InvalidNumber => "correct the number",
        FailureClass::AbsentSubscriber | FailureClass::Handset => "send it again later, as a new request",
        FailureClass::SuspendedSubscriber => "the recipient must settle that with the operator",
        FailureClass::RecipientBlocked => "do not send to this recipient; the carrier can say why",
        FailureClass::ContentRejected => "change the text; the carrier can say which words it stops",
        FailureClass::SignatureUnregistered => "register the signature with the carrier",
        FailureClass::SourceNotAllowed => "check the sender and what the account may send",
        FailureClass::FrequencyLimited | FailureClass::TimeWindow => "send it later, as a new request",
        FailureClass::Throttled | FailureClass::CarrierTemporary | FailureClass::Congestion => {
            "the tries were used up: send it again later, or raise the trunk's max_attempts"
        }
        FailureClass::RouteUnavailable => "`carrierctl trunks` shows which links are down",
        FailureClass::Protocol => {
            "a fault between us and the carrier: look at the log and compare with its specification"
        }
        FailureClass::Unmapped | FailureClass::CarrierPermanent => "ask the carrier what its code means",
        _ => "",
    }
}

fn in_state(message: &api::Message, state: MessageState) -> usize {
    message.segments.iter().filter(|segment| segment.state() == state).count()
}

fn reports(message: &api::Message, used: ReportUse) -> u32 {
    let all = message.segments.iter().flat_map(|segment| &segment.reports);
    all.filter(|report| report.r#use() == used).map(|report| report.repeat_count + 1).sum()
}
