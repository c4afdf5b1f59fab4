//! Calls.

use carrierd::grpc::api;
use serde_json::{Value, json};

use super::{seconds, status, time};

/// The answer to a request for a call.
pub fn call_created(request_id: &str, response: &api::CreateCallResponse) -> Value {
    json!({
        "request_id": request_id,
        "call_id": response.call_id,
        "accept_time": time(response.accept_time.as_ref()),
        "replayed": response.replayed,
    })
}

/// A call.
pub fn call(call: &api::Call) -> Value {
    json!({
        "call_id": call.call_id,
        "request_id": call.request_id,
        "direction": call.direction().as_str_name(),
        "state": call.state().as_str_name(),
        "status": status(call.status.as_ref()),
        "record": call.record.as_ref().map(record),
        "sdp_remote": call.sdp_remote,
    })
}

/// A call with its messages.
pub fn call_with_messages(response: &api::GetCallResponse) -> Value {
    let mut shown = response.call.as_ref().map_or(Value::Null, call);
    if shown.is_object() {
        shown["messages"] = response.messages.iter().map(message).collect();
        shown["left_out_message_count"] = response.left_out_message_count.into();
        shown["messages_before_gap"] = response.messages_before_gap.into();
    }
    shown
}

fn message(message: &api::CallMessage) -> Value {
    json!({
        "time": time(message.time.as_ref()),
        "sent": message.sent,
        "remote": message.remote,
        "method": message.method,
        "sip_status": message.sip_status,
        "reason_phrase": message.reason_phrase,
        "sequence_number": message.sequence_number,
        "has_sdp": message.has_sdp,
        "note": message.note,
        "repeated": message.repeated,
    })
}

/// What is kept of a call.
pub fn record(record: &api::CallRecord) -> Value {
    json!({
        "call_id": record.call_id,
        "request_id": record.request_id,
        "tenant_id": record.tenant_id,
        "trunk_id": record.trunk_id,
        "direction": record.direction().as_str_name(),
        "category": record.category().as_str_name(),
        "caller": record.caller,
        "callee": record.callee,
        "display_caller": record.display_caller,
        "originate_time": time(record.originate_time.as_ref()),
        "ring_time": time(record.ring_time.as_ref()),
        "early_media_time": time(record.early_media_time.as_ref()),
        "answer_time": time(record.answer_time.as_ref()),
        "end_time": time(record.end_time.as_ref()),
        "post_dial_delay": seconds(record.post_dial_delay.as_ref()),
        "ring_duration": seconds(record.ring_duration.as_ref()),
        "talk_duration": seconds(record.talk_duration.as_ref()),
        "billable_seconds": record.billable_seconds,
        "final_state": record.final_state().as_str_name(),
        "cause": record.cause().as_str_name(),
        "status": status(record.status.as_ref()),
        "hangup_party": record.hangup_party().as_str_name(),
        "sip_status": record.sip_status,
        "q850_cause": record.q850_cause,
        "raw_reasons": record.raw_reasons,
        "warning": record.warning,
        "sip_call_id": record.sip_call_id,
        "attempts": record.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "client_reference": record.client_reference,
        "labels": record.labels,
        "estimated": record.estimated,
        "latest_end_time": time(record.latest_end_time.as_ref()),
        "last_sequence": record.last_sequence,
    })
}

fn attempt(attempt: &api::CallAttempt) -> Value {
    json!({
        "placement_number": attempt.placement_number,
        "trunk_id": attempt.trunk_id,
        "gateway": attempt.gateway,
        "sip_call_id": attempt.sip_call_id,
        "start_time": time(attempt.start_time.as_ref()),
        "cause": attempt.cause().as_str_name(),
        "status": status(attempt.status.as_ref()),
        "sip_status": attempt.sip_status,
        "q850_cause": attempt.q850_cause,
        "raw_reasons": attempt.raw_reasons,
    })
}

/// A call that moved.
pub(super) fn moved(moved: &api::CallStateEvent) -> Value {
    json!({
        "call_id": moved.call_id,
        "request_id": moved.request_id,
        "call_sequence": moved.call_sequence,
        "previous_state": moved.previous_state().as_str_name(),
        "state": moved.state().as_str_name(),
        "final": moved.r#final,
        "trunk_id": moved.trunk_id,
        "sdp_kind": moved.sdp_kind().as_str_name(),
        "sdp_remote": moved.sdp_remote,
        "dtmf_digits": moved.dtmf_digits,
        "cause": moved.cause().as_str_name(),
        "status": status(moved.status.as_ref()),
        "sip_status": moved.sip_status,
        "q850_cause": moved.q850_cause,
        "raw_reasons": moved.raw_reasons,
    })
}

/// Somebody who calls.
pub(super) fn inbound(call: &api::InboundCall) -> Value {
    json!({
        "call_id": call.call_id,
        "trunk_id": call.trunk_id,
        "caller": call.caller,
        "callee": call.callee,
        "sdp_offer": call.sdp_offer,
        "answer_deadline_time": time(call.answer_deadline_time.as_ref()),
        "sip_headers": call.sip_headers,
        "call_sequence": call.call_sequence,
    })
}

/// What a trunk shows of its calls.
pub fn of_trunk(calls: &api::TrunkCalls) -> Value {
    let refusal = |refusal: &api::CallRefusal| {
        json!({
            "time": time(refusal.time.as_ref()),
            "gateway": refusal.gateway,
            "cause": refusal.cause().as_str_name(),
            "sip_status": refusal.sip_status,
        })
    };
    json!({
        "outbound_call_count": calls.outbound_call_count,
        "inbound_call_count": calls.inbound_call_count,
        "placed_per_second": calls.placed_per_second,
        "last_refusals": calls.last_refusals.iter().map(refusal).collect::<Vec<_>>(),
        "trouble": calls.trouble,
    })
}
