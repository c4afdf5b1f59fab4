//! A message's whole story in the API's words.

use jiff::Timestamp;

use super::{
    api,
    encode::{carrier_status, message, report_state, time},
};
use crate::{
    domain::{LateAnswer, Matched, ReportRecord, ReportUse, SubmitOutcome, Try},
    store::Story,
};

/// A message with every try and every report, without its content. `report_deadline`: when it ends as unknown.
#[must_use]
pub fn story(story: &Story, report_deadline: Option<Timestamp>) -> api::Message {
    let mut told = message(&story.stored);
    for (number, segment) in (1..=u8::MAX).zip(&mut told.segments) {
        segment.attempts = story.tries(number).iter().map(attempt).collect();
        segment.reports = story.reports(number).iter().map(report).collect();
    }
    told.report_deadline = report_deadline.map(time);
    told.left_out_count = story.history.left_out();
    told
}

fn attempt(one: &Try) -> api::SubmitAttempt {
    let told = match (&one.outcome, &one.late) {
        (Some(outcome), _) => answer(outcome),
        (None, Some(_)) => Answer::of(api::AttemptOutcome::Unspecified),
        (None, None) => Answer::of(api::AttemptOutcome::OnWire),
    };
    api::SubmitAttempt {
        attempt_number: one.number.into(),
        trunk_id: one.trunk_id.to_string(),
        submit_time: Some(time(one.submit_time)),
        outcome: told.outcome.into(),
        carrier_message_id: told.carrier_id,
        status: told.status,
        response_time: one.response_time.map(time),
        late_answer: one.late.as_ref().map(late_answer),
        repeat_count: one.again.map_or(0, |again| again.times),
        last_submit_time: one.again.map(|again| time(again.submit_time)),
        last_response_time: one.again.and_then(|again| again.response_time).map(time),
    }
}

fn late_answer(late: &LateAnswer) -> api::LateAnswer {
    let told = answer(&late.outcome);
    api::LateAnswer {
        outcome: told.outcome.into(),
        carrier_message_id: told.carrier_id,
        status: told.status,
        response_time: Some(time(late.time)),
    }
}

/// An outcome, taken apart.
struct Answer {
    outcome: api::AttemptOutcome,
    carrier_id: String,
    status: Option<api::CarrierStatus>,
}

impl Answer {
    fn of(outcome: api::AttemptOutcome) -> Self {
        Self { outcome, carrier_id: String::new(), status: None }
    }
}

fn answer(outcome: &SubmitOutcome) -> Answer {
    match outcome {
        SubmitOutcome::Accepted { carrier_id } => Answer {
            carrier_id: carrier_id.as_ref().map_or_else(String::new, ToString::to_string),
            ..Answer::of(api::AttemptOutcome::Accepted)
        },
        SubmitOutcome::Refused { status, .. } => {
            Answer { status: Some(carrier_status(status)), ..Answer::of(api::AttemptOutcome::Refused) }
        }
        SubmitOutcome::NeverSent => Answer::of(api::AttemptOutcome::NeverSent),
        SubmitOutcome::Unknown { cause } => Answer {
            status: Some(carrier_status(&cause.status(false))),
            ..Answer::of(api::AttemptOutcome::Unknown)
        },
    }
}

fn report(record: &ReportRecord) -> api::ReportRecord {
    let found = match record.matched {
        Matched::Id => api::ReportMatch::Id,
        Matched::OtherId => api::ReportMatch::OtherId,
        Matched::Recipient => api::ReportMatch::Recipient,
        Matched::LoneId => api::ReportMatch::LoneId,
        Matched::Circumstances => api::ReportMatch::Circumstances,
    };
    let used = match record.used {
        ReportUse::Applied => api::ReportUse::Applied,
        ReportUse::Intermediate => api::ReportUse::Intermediate,
        ReportUse::Repeated => api::ReportUse::Repeated,
        ReportUse::Contradicts => api::ReportUse::Contradicts,
    };
    api::ReportRecord {
        carrier_message_id: record.carrier_id.as_ref().map_or_else(String::new, ToString::to_string),
        state: report_state(record.state).into(),
        status: record.status.as_ref().map(carrier_status),
        done_time: record.done_time.map(time),
        receive_time: Some(time(record.receive_time)),
        r#match: found.into(),
        r#use: used.into(),
        repeat_count: record.repeats,
        last_receive_time: record.last_receive_time.map(time),
    }
}
