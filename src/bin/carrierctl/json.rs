//! The API's messages as JSON, field names and enum names as in `proto/`; times as RFC 3339, spans in seconds, octets as
//! hexadecimal, counts as numbers.

mod calls;

pub use calls::{call, call_created, call_with_messages};
use carrierd::grpc::api;
use jiff::Timestamp;
use serde_json::{Value, json};

fn time(time: Option<&prost_types::Timestamp>) -> Value {
    let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    time.map_or(Value::Null, |time| Value::String(time.to_string()))
}

fn seconds(span: Option<&prost_types::Duration>) -> Value {
    let span = span.and_then(|span| std::time::Duration::try_from(*span).ok());
    span.map_or(Value::Null, |span| json!(span.as_secs_f64()))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A status in its three layers.
pub fn status(status: Option<&api::CarrierStatus>) -> Value {
    let Some(status) = status else { return Value::Null };
    json!({
        "source": status.source().as_str_name(),
        "failure_class": status.failure_class().as_str_name(),
        "permanent": status.permanent,
        "protocol": status.protocol,
        "raw_code": status.raw_code,
        "raw_text": status.raw_text,
    })
}

fn plan(plan: Option<&api::SegmentPlan>) -> Value {
    let Some(plan) = plan else { return Value::Null };
    json!({
        "encoding": plan.encoding().as_str_name(),
        "segment_count": plan.segment_count,
        "unit_count": plan.unit_count,
    })
}

/// The answer to a submit.
pub fn submitted(request_id: &str, response: &api::SubmitMessageResponse) -> Value {
    json!({
        "request_id": request_id,
        "message_id": response.message_id,
        "accept_time": time(response.accept_time.as_ref()),
        "plan": plan(response.plan.as_ref()),
        "replayed": response.replayed,
    })
}

/// An estimate.
pub fn estimate(response: &api::EstimateMessageResponse) -> Value {
    json!({ "plan": plan(response.plan.as_ref()), "trunk_ids": response.trunk_ids })
}

/// An explanation of a route.
pub fn route(response: &api::ExplainRouteResponse) -> Value {
    let rule = |rule: &api::RouteRule| {
        json!({
            "name": rule.name,
            "verdict": rule.verdict().as_str_name(),
            "mismatches": rule.mismatches,
        })
    };
    let alternative = |one: &api::RouteAlternative| {
        json!({
            "trunk_id": one.trunk_id,
            "health": one.health().as_str_name(),
            "weight": one.weight,
            "cost": one.cost,
            "listed_place": one.listed_place,
        })
    };
    json!({
        "operator": response.operator,
        "operator_source": response.operator_source().as_str_name(),
        "rules": response.rules.iter().map(rule).collect::<Vec<_>>(),
        "alternatives": response.alternatives.iter().map(alternative).collect::<Vec<_>>(),
        "trunk_id": response.trunk_id,
        "reason": response.reason,
        "leave_time": time(response.leave_time.as_ref()),
        "window": response.window,
    })
}

fn segment(segment: &api::SegmentStatus) -> Value {
    json!({
        "segment_number": segment.segment_number,
        "trunk_id": segment.trunk_id,
        "carrier_message_id": segment.carrier_message_id,
        "state": segment.state().as_str_name(),
        "status": status(segment.status.as_ref()),
        "submit_attempt_count": segment.submit_attempt_count,
        "submit_time": time(segment.submit_time.as_ref()),
        "response_time": time(segment.response_time.as_ref()),
        "done_time": time(segment.done_time.as_ref()),
        "report_time": time(segment.report_time.as_ref()),
        "attempts": segment.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "reports": segment.reports.iter().map(report).collect::<Vec<_>>(),
    })
}

fn attempt(attempt: &api::SubmitAttempt) -> Value {
    let late_answer = attempt.late_answer.as_ref().map(|late| {
        json!({
            "outcome": late.outcome().as_str_name(),
            "carrier_message_id": late.carrier_message_id,
            "status": status(late.status.as_ref()),
            "response_time": time(late.response_time.as_ref()),
        })
    });
    json!({
        "attempt_number": attempt.attempt_number,
        "trunk_id": attempt.trunk_id,
        "submit_time": time(attempt.submit_time.as_ref()),
        "outcome": attempt.outcome().as_str_name(),
        "carrier_message_id": attempt.carrier_message_id,
        "status": status(attempt.status.as_ref()),
        "response_time": time(attempt.response_time.as_ref()),
        "late_answer": late_answer,
        "repeat_count": attempt.repeat_count,
        "last_submit_time": time(attempt.last_submit_time.as_ref()),
        "last_response_time": time(attempt.last_response_time.as_ref()),
    })
}

fn report(report: &api::ReportRecord) -> Value {
    json!({
        "carrier_message_id": report.carrier_message_id,
        "state": report.state().as_str_name(),
        "status": status(report.status.as_ref()),
        "done_time": time(report.done_time.as_ref()),
        "receive_time": time(report.receive_time.as_ref()),
        "match": report.r#match().as_str_name(),
        "use": report.r#use().as_str_name(),
        "repeat_count": report.repeat_count,
        "last_receive_time": time(report.last_receive_time.as_ref()),
    })
}

/// A message with its state.
pub fn message(message: &api::Message) -> Value {
    let outbound = message.outbound.as_ref().map(|outbound| {
        json!({
            "tenant_id": outbound.tenant_id,
            "to": outbound.to,
            "sender": outbound.sender,
            "category": outbound.category().as_str_name(),
            "validity": seconds(outbound.validity.as_ref()),
            "report_requested": outbound.report_requested,
            "trunk_ids": outbound.trunk_ids,
            "client_reference": outbound.client_reference,
            "labels": outbound.labels,
            "ambiguity_policy": outbound.ambiguity_policy().as_str_name(),
            "priority": outbound.priority,
            "send_time": time(outbound.send_time.as_ref()),
        })
    });
    json!({
        "message_id": message.message_id,
        "request_id": message.request_id,
        "outbound": outbound,
        "state": message.state().as_str_name(),
        "status": status(message.status.as_ref()),
        "plan": plan(message.plan.as_ref()),
        "segments": message.segments.iter().map(segment).collect::<Vec<_>>(),
        "accept_time": time(message.accept_time.as_ref()),
        "final_time": time(message.final_time.as_ref()),
        "possible_duplicate": message.possible_duplicate,
        "report_deadline": time(message.report_deadline.as_ref()),
        "left_out_count": message.left_out_count,
    })
}

/// An event.
pub fn event(event: &api::Event) -> Value {
    use api::event::Payload;
    let (name, payload) = match &event.payload {
        Some(Payload::MessageState(moved)) => ("message_state", message_moved(moved)),
        Some(Payload::InboundMessage(inbound)) => ("inbound_message", inbound_message(inbound)),
        Some(Payload::TrunkState(moved)) => ("trunk_state", trunk_moved(moved)),
        Some(Payload::OrphanReport(orphan)) => ("orphan_report", orphan_report(orphan)),
        Some(Payload::CallState(moved)) => ("call_state", calls::moved(moved)),
        Some(Payload::CallRecord(record)) => ("call_record", calls::record(record)),
        Some(Payload::InboundCall(call)) => ("inbound_call", calls::inbound(call)),
        // Kinds of services that this client does not know how to show.
        Some(_) | None => ("payload", Value::Null),
    };
    let mut shown = json!({
        "event_id": event.event_id,
        "sequence": event.sequence,
        "kind": event.kind().as_str_name(),
        "occur_time": time(event.occur_time.as_ref()),
        "record_time": time(event.record_time.as_ref()),
        "tenant_id": event.tenant_id,
        "client_reference": event.client_reference,
        "labels": event.labels,
        "delivery_attempt": event.delivery_attempt,
        "trace_parent": event.trace_parent,
    });
    shown[name] = payload;
    shown
}

fn message_moved(moved: &api::MessageStateEvent) -> Value {
    json!({
        "message_id": moved.message_id,
        "request_id": moved.request_id,
        "previous_state": moved.previous_state().as_str_name(),
        "state": moved.state().as_str_name(),
        "final": moved.r#final,
        "status": status(moved.status.as_ref()),
        "segment": moved.segment.as_ref().map(segment),
        "segment_count": moved.segment_count,
        "delivered_segment_count": moved.delivered_segment_count,
        "possible_duplicate": moved.possible_duplicate,
    })
}

fn inbound_message(inbound: &api::InboundMessage) -> Value {
    json!({
        "inbound_id": inbound.inbound_id,
        "trunk_id": inbound.trunk_id,
        "from": inbound.from,
        "to": inbound.to,
        "text": inbound.text,
        "raw": hex(&inbound.raw),
        "encoding": inbound.encoding().as_str_name(),
        "segment_count": inbound.segment_count,
        "complete": inbound.complete,
        "receive_time": time(inbound.receive_time.as_ref()),
    })
}

fn trunk_moved(moved: &api::TrunkStateEvent) -> Value {
    json!({
        "trunk_id": moved.trunk_id,
        "state": moved.state().as_str_name(),
        "bound_link_count": moved.bound_link_count,
        "wanted_link_count": moved.wanted_link_count,
        "status": status(moved.status.as_ref()),
    })
}

fn orphan_report(orphan: &api::OrphanReport) -> Value {
    json!({
        "trunk_id": orphan.trunk_id,
        "raw": hex(&orphan.raw),
        "carrier_message_id": orphan.carrier_message_id,
        "state": orphan.state().as_str_name(),
        "status": status(orphan.status.as_ref()),
        "recipient": orphan.recipient,
        "sender": orphan.sender,
        "submit_time": time(orphan.submit_time.as_ref()),
        "done_time": time(orphan.done_time.as_ref()),
        "receive_time": time(orphan.receive_time.as_ref()),
    })
}

/// A trunk.
pub fn trunk(trunk: &api::Trunk) -> Value {
    let submits = trunk.submits.unwrap_or_default();
    let reports = trunk.reports.unwrap_or_default();
    json!({
        "trunk_id": trunk.trunk_id,
        "protocol": trunk.protocol,
        "operator": trunk.operator,
        "wanted_state": trunk.wanted_state().as_str_name(),
        "wanted_reason": trunk.wanted_reason,
        "wanted_time": time(trunk.wanted_time.as_ref()),
        "state": trunk.state().as_str_name(),
        "limits": limits(trunk.limits),
        "configured_limits": limits(trunk.configured_limits),
        "unanswered_count": trunk.unanswered_count,
        "bound_link_count": trunk.bound_link_count,
        "wanted_link_count": trunk.wanted_link_count,
        "queue_depth": trunk.queue_depth,
        "oldest_queued_age": seconds(trunk.oldest_queued_age.as_ref()),
        "submits": {
            "accepted_count": submits.accepted_count,
            "refused_count": submits.refused_count,
            "unknown_count": submits.unknown_count,
        },
        "reports": {
            "delivered_count": reports.delivered_count,
            "failed_count": reports.failed_count,
            "unmatched_count": reports.unmatched_count,
        },
        "links": trunk.links.iter().map(link).collect::<Vec<_>>(),
        "calls": trunk.calls.as_ref().map(calls::of_trunk),
    })
}

fn limits(limits: Option<api::TrunkLimits>) -> Value {
    let limits = limits.unwrap_or_default();
    json!({
        "max_links": limits.max_links,
        "window_size": limits.window_size,
        "max_submits_per_second": limits.max_submits_per_second,
        "max_calls_per_second": limits.max_calls_per_second,
        "max_concurrent_calls": limits.max_concurrent_calls,
    })
}

fn link(link: &api::Link) -> Value {
    json!({
        "link_id": link.link_id,
        "slot": link.slot,
        "remote": link.remote,
        "bind_mode": link.bind_mode,
        "in_flight": link.in_flight,
        "window_size": link.window_size,
        "bind_time": time(link.bind_time.as_ref()),
        "round_trip": seconds(link.round_trip.as_ref()),
        "last_error": status(link.last_error.as_ref()),
    })
}

/// What is found about a trunk's reports.
pub fn diagnosis(of: &api::ReportDiagnosis) -> Value {
    json!({
        "trunk_id": of.trunk_id,
        "carrier_ids": of.carrier_ids,
        "verdict": of.verdict().as_str_name(),
        "words": of.words,
        "config_line": of.config_line,
        "report_count": of.report_count,
        "matched_count": of.matched_count,
        "stranger_count": of.stranger_count,
        "cut_count": of.cut_count,
        "others": of.others.iter()
            .map(|other| json!({ "carrier_ids": other.carrier_ids, "report_count": other.report_count }))
            .collect::<Vec<_>>(),
        "samples": of.samples.iter()
            .map(|pair| json!({ "answered": pair.answered, "reported": pair.reported }))
            .collect::<Vec<_>>(),
    })
}

/// A subscription.
pub fn server_info(info: &api::GetServerInfoResponse) -> Value {
    json!({
        "instance_id": info.instance_id,
        "version": info.version,
        "git_revision": info.git_revision,
        "config_path": info.config_path,
        "config_digest": info.config_digest,
        "start_time": time(info.start_time.as_ref()),
        "store_kind": info.store_kind,
        "draining": info.draining,
    })
}

pub fn config_change(change: &api::ConfigChange) -> Value {
    json!({
        "path": change.path,
        "needs_restart": change.needs_restart,
        "needs_rebind": change.needs_rebind,
        "words": change.words,
    })
}

pub fn drain(told: &api::DrainInstanceResponse) -> Value {
    let trunk = |trunk: &api::TrunkDrain| {
        json!({
            "trunk_id": trunk.trunk_id,
            "open_window_count": trunk.open_window_count,
            "queued_count": trunk.queued_count,
            "bound_link_count": trunk.bound_link_count,
            "done": trunk.done,
            "abandoned_count": trunk.abandoned_count,
            "active_call_count": trunk.active_call_count,
            "hung_up_call_count": trunk.hung_up_call_count,
            "words": trunk.words,
        })
    };
    json!({
        "open_window_count": told.open_window_count,
        "active_call_count": told.active_call_count,
        "held_slot_count": told.held_slot_count,
        "unacked_event_count": told.unacked_event_count,
        "done": told.done,
        "queued_count": told.queued_count,
        "ended_by_limit": told.ended_by_limit,
        "trunks": told.trunks.iter().map(trunk).collect::<Vec<_>>(),
        "words": told.words,
        "remaining": seconds(told.remaining.as_ref()),
    })
}

pub fn subscription(subscription: &api::Subscription) -> Value {
    json!({
        "subscription_id": subscription.subscription_id,
        "tenant_ids": subscription.tenant_ids,
        "kinds": subscription.kinds().map(|kind| kind.as_str_name()).collect::<Vec<_>>(),
        "ack_deadline": seconds(subscription.ack_deadline.as_ref()),
        "retention": seconds(subscription.retention.as_ref()),
        "max_delivery_attempts": subscription.max_delivery_attempts,
        "backlog_count": subscription.backlog_count,
        "oldest_unacked_time": time(subscription.oldest_unacked_time.as_ref()),
        "dead_letter_count": subscription.dead_letter_count,
    })
}
