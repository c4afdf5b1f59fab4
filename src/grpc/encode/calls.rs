//! Calls, their events and records, as the API has them.

use super::{api, carrier_status, duration, message_category, time};
use crate::domain::{
    Call, CallAttempt, CallDirection, CallMoved, CallProgress, CallRecord, CallState, CarrierStatus, Cause,
    HangupParty, InboundCall, Ladder, LadderLine, Rung, Sdp, SdpRole,
};

/// The state of a call.
#[must_use]
pub fn call_state(state: CallState) -> api::CallState {
    match state {
        CallState::Queued => api::CallState::Queued,
        CallState::Initiated => api::CallState::Initiated,
        CallState::Ringing => api::CallState::Ringing,
        CallState::EarlyMedia => api::CallState::EarlyMedia,
        CallState::InProgress => api::CallState::InProgress,
        CallState::Completed => api::CallState::Completed,
        CallState::Busy => api::CallState::Busy,
        CallState::NoAnswer => api::CallState::NoAnswer,
        CallState::Rejected => api::CallState::Rejected,
        CallState::Canceled => api::CallState::Canceled,
        CallState::Failed => api::CallState::Failed,
        CallState::Lost => api::CallState::Lost,
    }
}

/// Why a call ended.
#[must_use]
pub fn cause(cause: Cause) -> api::CallCause {
    match cause {
        Cause::Normal => api::CallCause::Normal,
        Cause::Cancelled => api::CallCause::Cancelled,
        Cause::NoAnswer => api::CallCause::NoAnswer,
        Cause::Busy => api::CallCause::Busy,
        Cause::Rejected => api::CallCause::Rejected,
        Cause::Unallocated => api::CallCause::Unallocated,
        Cause::Unreachable => api::CallCause::Unreachable,
        Cause::Suspended => api::CallCause::Suspended,
        Cause::InvalidNumber => api::CallCause::InvalidNumber,
        Cause::Barred => api::CallCause::Barred,
        Cause::AuthFailed => api::CallCause::AuthFailed,
        Cause::NoRoute => api::CallCause::NoRoute,
        Cause::Congestion => api::CallCause::Congestion,
        Cause::NetworkFailure => api::CallCause::NetworkFailure,
        Cause::Timeout => api::CallCause::Timeout,
        Cause::Transport => api::CallCause::Transport,
        Cause::Media => api::CallCause::Media,
        Cause::Protocol => api::CallCause::Protocol,
        Cause::Redirected => api::CallCause::Redirected,
        Cause::Elsewhere => api::CallCause::Elsewhere,
        Cause::SessionExpired => api::CallCause::SessionExpired,
        Cause::MediaTimeout => api::CallCause::MediaTimeout,
        Cause::MaxDuration => api::CallCause::MaxDuration,
        Cause::Lost => api::CallCause::Lost,
        Cause::Unknown => api::CallCause::Unknown,
    }
}

fn direction(direction: CallDirection) -> api::CallDirection {
    match direction {
        CallDirection::Outbound => api::CallDirection::Outbound,
        CallDirection::Inbound => api::CallDirection::Inbound,
    }
}

fn hangup_party(party: HangupParty) -> api::HangupParty {
    match party {
        HangupParty::Caller => api::HangupParty::Caller,
        HangupParty::Callee => api::HangupParty::Callee,
        HangupParty::Platform => api::HangupParty::Platform,
        HangupParty::Carrier => api::HangupParty::Carrier,
        HangupParty::Lost => api::HangupParty::Lost,
    }
}

/// A call that moved.
#[must_use]
pub fn call_moved(moved: &CallMoved) -> api::CallStateEvent {
    let (kind, sdp) = match &moved.sdp {
        None => (api::SdpKind::Unspecified, None),
        Some((role, sdp)) => (sdp_kind(*role), sdp.as_ref()),
    };
    let evidence = &moved.evidence;
    api::CallStateEvent {
        call_id: moved.call_id.to_string(),
        previous_state: call_state(moved.previous).into(),
        state: call_state(moved.state).into(),
        r#final: moved.state.is_final(),
        status: moved.status().as_ref().map(carrier_status),
        sdp_remote: sdp.map(Sdp::text).unwrap_or_default(),
        dtmf_digits: moved.dtmf.clone(),
        call_sequence: moved.sequence,
        sdp_kind: kind.into(),
        cause: moved.cause.map_or(api::CallCause::Unspecified, cause).into(),
        sip_status: evidence.sip_status.unwrap_or(0).into(),
        q850_cause: evidence.q850.unwrap_or(0).into(),
        raw_reasons: evidence.reasons.clone(),
        trunk_id: moved.trunk_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        request_id: moved.request_id.clone(),
    }
}

fn sdp_kind(role: SdpRole) -> api::SdpKind {
    match role {
        SdpRole::Early => api::SdpKind::Early,
        SdpRole::Answer => api::SdpKind::Answer,
        SdpRole::Offer => api::SdpKind::Offer,
        SdpRole::Changed => api::SdpKind::Changed,
        SdpRole::Refused => api::SdpKind::Refused,
        SdpRole::Withdrawn => api::SdpKind::Withdrawn,
    }
}

/// Somebody who calls.
#[must_use]
pub fn inbound_call(call: &InboundCall) -> api::InboundCall {
    api::InboundCall {
        call_id: call.call_id.to_string(),
        trunk_id: call.trunk_id.to_string(),
        caller: call.caller.as_str().to_owned(),
        callee: call.callee.as_str().to_owned(),
        sdp_offer: call.sdp.as_ref().map(Sdp::text).unwrap_or_default(),
        answer_deadline_time: Some(time(call.answer_by)),
        sip_headers: call.headers.iter().cloned().collect(),
        call_sequence: call.sequence,
    }
}

/// What is kept of a call.
#[must_use]
pub fn call_record(record: &CallRecord) -> api::CallRecord {
    let evidence = &record.evidence;
    api::CallRecord {
        ring_duration: record.ring_duration.map(duration),
        talk_duration: Some(duration(record.talk_duration)),
        billable_seconds: record.billable_seconds(),
        end_time: Some(time(record.end_time)),
        final_state: call_state(record.state).into(),
        status: Some(carrier_status(&record.status())),
        hangup_party: hangup_party(record.hangup_party).into(),
        sip_status: evidence.sip_status.unwrap_or(0).into(),
        q850_cause: evidence.q850.unwrap_or(0).into(),
        estimated: record.latest_end.is_some(),
        latest_end_time: record.latest_end.map(time),
        post_dial_delay: record.post_dial_delay.map(duration),
        raw_reasons: evidence.reasons.clone(),
        warning: evidence.warning.clone(),
        cause: cause(record.cause).into(),
        ..begun(record)
    }
}

/// What is known of a call before its end: the fields of its record that are filled so far.
fn begun(record: &CallRecord) -> api::CallRecord {
    let times = &record.times;
    api::CallRecord {
        call_id: record.call_id.to_string(),
        tenant_id: record.tenant_id.to_string(),
        trunk_id: record.trunk_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        direction: direction(record.direction).into(),
        caller: record.caller.as_str().to_owned(),
        callee: record.callee.as_str().to_owned(),
        display_caller: record
            .display_caller
            .as_ref()
            .map(|shown| shown.as_str().to_owned())
            .unwrap_or_default(),
        originate_time: Some(time(record.originate_time)),
        ring_time: times.ring.map(time),
        answer_time: times.answer.map(time),
        early_media_time: times.early_media.map(time),
        sip_call_id: record.sip_call_id.clone(),
        client_reference: record.client_reference.clone(),
        labels: record.labels.iter().cloned().collect(),
        attempts: record.attempts.iter().map(attempt).collect(),
        request_id: record.request_id.clone(),
        last_sequence: record.sequence,
        category: message_category(record.category).into(),
        ..Default::default()
    }
}

fn attempt(attempt: &CallAttempt) -> api::CallAttempt {
    let end = attempt.end.as_ref();
    let status = end.map(|(cause, evidence)| carrier_status(&CarrierStatus::of_call(*cause, evidence)));
    api::CallAttempt {
        trunk_id: attempt.trunk_id.to_string(),
        gateway: attempt.gateway.clone(),
        start_time: Some(time(attempt.start_time)),
        sip_status: end.and_then(|(_, evidence)| evidence.sip_status).unwrap_or(0).into(),
        status,
        cause: end.map_or(api::CallCause::Unspecified, |(why, _)| cause(*why)).into(),
        q850_cause: end.and_then(|(_, evidence)| evidence.q850).unwrap_or(0).into(),
        raw_reasons: end.map(|(_, evidence)| evidence.reasons.clone()).unwrap_or_default(),
        sip_call_id: attempt.sip_call_id.clone(),
        placement_number: attempt.placement.into(),
    }
}

/// A call that has ended.
#[must_use]
pub fn ended_call(record: &CallRecord) -> api::Call {
    api::Call {
        call_id: record.call_id.to_string(),
        request_id: record.request_id.clone(),
        direction: direction(record.direction).into(),
        state: call_state(record.state).into(),
        status: Some(carrier_status(&record.status())),
        record: Some(call_record(record)),
        sdp_remote: String::new(),
    }
}

/// A call that has not ended.
#[must_use]
pub fn open_call(call: &Call, progress: &CallProgress, remote: Option<&Sdp>) -> api::Call {
    let record = CallRecord {
        trunk_id: progress.trunk_id().cloned(),
        times: progress.times,
        sip_call_id: progress.attempts.last().map(|one| one.sip_call_id.clone()).unwrap_or_default(),
        attempts: progress.attempts.clone(),
        sequence: progress.sequence,
        ..CallRecord::of(call, call.accept_time)
    };
    api::Call {
        call_id: call.id.to_string(),
        request_id: call.request_id.clone(),
        direction: direction(call.direction).into(),
        state: call_state(progress.state).into(),
        status: None,
        record: Some(begun(&record)),
        sdp_remote: remote.map(Sdp::text).unwrap_or_default(),
    }
}

/// The messages of a call.
#[must_use]
pub fn ladder(ladder: &Ladder) -> Vec<api::CallMessage> {
    ladder.rungs.iter().map(rung).collect()
}

fn rung(rung: &Rung) -> api::CallMessage {
    let (method, sip_status, reason_phrase) = match &rung.line {
        LadderLine::Request(method) => (method, 0, String::new()),
        LadderLine::Response(status, phrase, method) => (method, (*status).into(), phrase.to_string()),
    };
    api::CallMessage {
        time: Some(time(rung.time)),
        sent: rung.sent,
        remote: rung.remote.to_string(),
        method: method.to_string(),
        sip_status,
        reason_phrase,
        sequence_number: rung.cseq,
        has_sdp: rung.has_sdp,
        note: rung.note.to_string(),
        repeated: rung.again,
    }
}
