//! From the domain's words to the API's. Nothing is decided here.

mod calls;

use std::time::Duration;

pub use calls::{call_state, ended_call, ladder, open_call};
use jiff::Timestamp;

use super::api;
use crate::{
    domain::{
        AmbiguityPolicy, CarrierStatus, Category, Event, EventId, EventKind, FailureClass, InboundMessage,
        Message, MessageMoved, MessageState, OrphanReport, Payload, ReportedState, Segment, SegmentPlan,
        StatusSource, TextEncoding, TrunkMoved, WantedState,
    },
    events::{Confirmation, Delivered, Described},
    sms::SubmitAnswer,
    store::StoredMessage,
    trunk::{CallRefusal, CallTraffic, Limits, LinkStatus, TrunkState, TrunkStatus},
};

/// A moment.
#[must_use]
pub fn time(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.subsec_nanosecond();
    // Before 1970 jiff counts the fraction down; protobuf always counts it up.
    if nanos < 0 {
        prost_types::Timestamp { seconds: time.as_second() - 1, nanos: nanos + 1_000_000_000 }
    } else {
        prost_types::Timestamp { seconds: time.as_second(), nanos }
    }
}

/// A span.
#[must_use]
pub fn duration(duration: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    // Below 1,000,000,000, so it fits.
    prost_types::Duration { seconds, nanos: duration.subsec_nanos() as i32 }
}

/// A status in its three layers.
#[must_use]
pub fn carrier_status(status: &CarrierStatus) -> api::CarrierStatus {
    let source = match status.source {
        StatusSource::Daemon => api::StatusSource::Daemon,
        StatusSource::CarrierResponse => api::StatusSource::CarrierResponse,
        StatusSource::CarrierReport => api::StatusSource::CarrierReport,
        StatusSource::Operator => api::StatusSource::Operator,
    };
    api::CarrierStatus {
        source: source.into(),
        failure_class: failure_class(status.class).into(),
        permanent: status.permanent,
        protocol: status.protocol.clone(),
        raw_code: status.raw_code.clone(),
        raw_text: status.raw_text.clone(),
        mapping_rule: String::new(),
        description: String::new(),
    }
}

fn failure_class(class: FailureClass) -> api::FailureClass {
    match class {
        FailureClass::None => api::FailureClass::None,
        FailureClass::InvalidNumber => api::FailureClass::InvalidNumber,
        FailureClass::AbsentSubscriber => api::FailureClass::AbsentSubscriber,
        FailureClass::SuspendedSubscriber => api::FailureClass::SuspendedSubscriber,
        FailureClass::Handset => api::FailureClass::Handset,
        FailureClass::RecipientBlocked => api::FailureClass::RecipientBlocked,
        FailureClass::ContentRejected => api::FailureClass::ContentRejected,
        FailureClass::SignatureUnregistered => api::FailureClass::SignatureUnregistered,
        FailureClass::SourceNotAllowed => api::FailureClass::SourceNotAllowed,
        FailureClass::FrequencyLimited => api::FailureClass::FrequencyLimited,
        FailureClass::TimeWindow => api::FailureClass::TimeWindow,
        FailureClass::Throttled => api::FailureClass::Throttled,
        FailureClass::RouteUnavailable => api::FailureClass::RouteUnavailable,
        FailureClass::CarrierTemporary => api::FailureClass::CarrierTemporary,
        FailureClass::CarrierPermanent => api::FailureClass::CarrierPermanent,
        FailureClass::Expired => api::FailureClass::Expired,
        FailureClass::Protocol => api::FailureClass::Protocol,
        FailureClass::Unmapped => api::FailureClass::Unmapped,
        FailureClass::Congestion => api::FailureClass::Congestion,
        FailureClass::Network => api::FailureClass::Network,
        FailureClass::NoResponse => api::FailureClass::NoResponse,
        FailureClass::Busy => api::FailureClass::Busy,
        FailureClass::NoAnswer => api::FailureClass::NoAnswer,
        FailureClass::Declined => api::FailureClass::Declined,
        FailureClass::Media => api::FailureClass::Media,
    }
}

/// The state of a message or segment.
#[must_use]
pub fn message_state(state: MessageState) -> api::MessageState {
    match state {
        MessageState::Accepted => api::MessageState::Accepted,
        MessageState::Submitting => api::MessageState::Submitting,
        MessageState::Submitted => api::MessageState::Submitted,
        MessageState::Delivered => api::MessageState::Delivered,
        MessageState::Undelivered => api::MessageState::Undelivered,
        MessageState::Rejected => api::MessageState::Rejected,
        MessageState::Expired => api::MessageState::Expired,
        MessageState::Canceled => api::MessageState::Canceled,
        MessageState::Unknown => api::MessageState::Unknown,
    }
}

fn text_encoding(encoding: Option<TextEncoding>) -> i32 {
    let encoding = match encoding {
        None => api::TextEncoding::Unspecified,
        Some(TextEncoding::Gsm7) => api::TextEncoding::Gsm7,
        Some(TextEncoding::Ucs2) => api::TextEncoding::Ucs2,
        Some(TextEncoding::Gbk) => api::TextEncoding::Gbk,
        Some(TextEncoding::Ascii) => api::TextEncoding::Ascii,
        Some(TextEncoding::Latin1) => api::TextEncoding::Latin1,
    };
    encoding.into()
}

/// How a message is cut.
#[must_use]
pub fn plan(plan: SegmentPlan) -> api::SegmentPlan {
    api::SegmentPlan {
        encoding: text_encoding(plan.encoding),
        segment_count: plan.segments.into(),
        unit_count: plan.units,
    }
}

/// The answer to a submit; one that was only validated has neither id nor time.
#[must_use]
pub fn submit_answer(answer: &SubmitAnswer, validate_only: bool) -> api::SubmitMessageResponse {
    let kept = !validate_only || answer.replayed;
    api::SubmitMessageResponse {
        message_id: if kept { answer.message_id.to_string() } else { String::new() },
        accept_time: kept.then(|| time(answer.accept_time)),
        plan: Some(plan(answer.plan)),
        replayed: answer.replayed,
    }
}

fn segment(number: u8, segment: &Segment) -> api::SegmentStatus {
    api::SegmentStatus {
        segment_number: number.into(),
        trunk_id: segment.trunk_id.as_ref().map_or_else(String::new, ToString::to_string),
        carrier_message_id: segment.carrier_id.as_ref().map_or_else(String::new, ToString::to_string),
        state: message_state(segment.state.into()).into(),
        status: segment.status.as_ref().map(carrier_status),
        submit_attempt_count: segment.attempts.into(),
        submit_time: segment.submit_time.map(time),
        response_time: segment.response_time.map(time),
        done_time: segment.done_time.map(time),
        report_time: segment.report_time.map(time),
        // Told by a message's story alone.
        attempts: Vec::new(),
        reports: Vec::new(),
    }
}

/// A message with its state, without its content.
#[must_use]
pub fn message(stored: &StoredMessage) -> api::Message {
    let StoredMessage { message, delivery } = stored;
    api::Message {
        message_id: message.id.to_string(),
        request_id: message.request_id.clone(),
        outbound: Some(outbound(message)),
        state: message_state(delivery.state()).into(),
        status: delivery.status.as_ref().map(carrier_status),
        plan: Some(plan(delivery.plan)),
        segments: (1..).zip(&delivery.segments).map(|(number, of)| segment(number, of)).collect(),
        accept_time: Some(time(message.accept_time)),
        final_time: delivery.ended.map(|end| time(end.time)),
        possible_duplicate: delivery.possible_duplicate,
        report_deadline: None,
        left_out_count: 0,
    }
}

fn message_category(category: Category) -> api::MessageCategory {
    match category {
        Category::Otp => api::MessageCategory::Otp,
        Category::Notification => api::MessageCategory::Notification,
        Category::Interactive => api::MessageCategory::Interactive,
        Category::Marketing => api::MessageCategory::Marketing,
    }
}

fn outbound(message: &Message) -> api::OutboundMessage {
    let ambiguity = match message.ambiguity {
        AmbiguityPolicy::Resubmit => api::AmbiguityPolicy::Resubmit,
        AmbiguityPolicy::AwaitReport => api::AmbiguityPolicy::AwaitReport,
    };
    api::OutboundMessage {
        tenant_id: message.tenant_id.to_string(),
        to: message.to.as_str().to_owned(),
        sender: message.sender.as_str().to_owned(),
        signature: String::new(),
        content: None,
        encoding: text_encoding(message.encoding),
        category: message_category(message.category).into(),
        validity: message.validity_left(message.begin_time()).map(duration),
        report_requested: message.report_requested,
        trunk_ids: message.trunk_ids.iter().map(ToString::to_string).collect(),
        client_reference: message.client_reference.clone(),
        labels: message.labels.iter().cloned().collect(),
        ambiguity_policy: ambiguity.into(),
        priority: message.priority.into(),
        consent_reference: message.consent_reference.clone(),
        template_id: message.template_id.clone(),
        protocol_options: message.protocol_options.iter().cloned().collect(),
        send_time: message.send_time.map(time),
    }
}

/// The kind of an event.
#[must_use]
pub fn event_kind(kind: EventKind) -> api::EventKind {
    match kind {
        EventKind::MessageState => api::EventKind::MessageState,
        EventKind::InboundMessage => api::EventKind::InboundMessage,
        EventKind::TrunkState => api::EventKind::TrunkState,
        EventKind::OrphanReport => api::EventKind::OrphanReport,
        EventKind::CallState => api::EventKind::CallState,
        EventKind::CallRecord => api::EventKind::CallRecord,
        EventKind::InboundCall => api::EventKind::InboundCall,
    }
}

/// An event on its way to a consumer.
#[must_use]
pub fn event(delivered: &Delivered) -> api::Event {
    let Event { id, occur_time, record_time, tenant_id, client_reference, labels, trace_parent, payload } =
        &*delivered.event;
    api::Event {
        event_id: id.to_string(),
        shard_id: EventId::SHARD.to_owned(),
        sequence: id.sequence,
        kind: event_kind(payload.kind()).into(),
        occur_time: Some(time(*occur_time)),
        record_time: Some(time(*record_time)),
        tenant_id: tenant_id.as_str().to_owned(),
        client_reference: client_reference.clone(),
        labels: labels.iter().cloned().collect(),
        delivery_attempt: delivered.attempt,
        trace_parent: trace_parent.clone(),
        payload: Some(self::payload(payload)),
    }
}

fn payload(payload: &Payload) -> api::event::Payload {
    match payload {
        Payload::Message(moved) => api::event::Payload::MessageState(message_moved(moved)),
        Payload::Inbound(inbound) => api::event::Payload::InboundMessage(inbound_message(inbound)),
        Payload::Trunk(moved) => api::event::Payload::TrunkState(trunk_moved(moved)),
        Payload::Orphan(orphan) => api::event::Payload::OrphanReport(orphan_report(orphan)),
        Payload::Call(moved) => api::event::Payload::CallState(calls::call_moved(moved)),
        Payload::CallRecord(record) => api::event::Payload::CallRecord(calls::call_record(record)),
        Payload::InboundCall(call) => api::event::Payload::InboundCall(calls::inbound_call(call)),
    }
}

fn message_moved(moved: &MessageMoved) -> api::MessageStateEvent {
    api::MessageStateEvent {
        message_id: moved.message_id.to_string(),
        request_id: moved.request_id.clone(),
        previous_state: message_state(moved.previous).into(),
        state: message_state(moved.state).into(),
        r#final: moved.ended,
        status: moved.status.as_ref().map(carrier_status),
        segment: moved.segment.as_ref().map(|(number, of)| segment(*number, of)),
        segment_count: moved.segments.into(),
        delivered_segment_count: moved.delivered.into(),
        possible_duplicate: moved.possible_duplicate,
    }
}

fn inbound_message(inbound: &InboundMessage) -> api::InboundMessage {
    api::InboundMessage {
        inbound_id: inbound.id.to_string(),
        trunk_id: inbound.trunk_id.to_string(),
        from: inbound.from.as_str().to_owned(),
        to: inbound.to.clone(),
        text: inbound.text.clone(),
        raw: inbound.raw.clone().into(),
        encoding: text_encoding(inbound.encoding),
        segment_count: inbound.segments.into(),
        complete: inbound.complete,
        matched_message_id: String::new(),
        receive_time: Some(time(inbound.receive_time)),
    }
}

fn trunk_moved(moved: &TrunkMoved) -> api::TrunkStateEvent {
    let state = match moved.bound_links {
        0 => api::TrunkState::Down,
        bound if bound < moved.wanted_links => api::TrunkState::Degraded,
        _ => api::TrunkState::Enabled,
    };
    api::TrunkStateEvent {
        trunk_id: moved.trunk_id.to_string(),
        state: state.into(),
        bound_link_count: moved.bound_links,
        status: moved.status.as_ref().map(carrier_status),
        wanted_link_count: moved.wanted_links,
    }
}

/// What a report says; unspecified if it could not be read.
#[must_use]
pub fn report_state(state: Option<ReportedState>) -> api::ReportState {
    match state {
        None => api::ReportState::Unspecified,
        Some(ReportedState::Intermediate) => api::ReportState::Intermediate,
        Some(ReportedState::Delivered) => api::ReportState::Delivered,
        Some(ReportedState::Undelivered) => api::ReportState::Undelivered,
        Some(ReportedState::Unknown) => api::ReportState::Unknown,
    }
}

fn orphan_report(orphan: &OrphanReport) -> api::OrphanReport {
    let report = &orphan.report;
    api::OrphanReport {
        trunk_id: orphan.trunk_id.to_string(),
        raw: report.raw.clone().into(),
        carrier_message_id: report.carrier_ids.first().map_or_else(String::new, ToString::to_string),
        state: report_state(report.state).into(),
        status: Some(carrier_status(&report.status)),
        recipient: report.recipient.as_str().to_owned(),
        sender: report.sender.clone(),
        submit_time: report.submit_time.map(time),
        done_time: report.done_time.map(time),
        receive_time: Some(time(report.receive_time)),
    }
}

/// A durable confirmation.
#[must_use]
pub fn confirmation(confirmation: &Confirmation) -> api::AckConfirmation {
    let ids = |ids: &[EventId]| ids.iter().map(ToString::to_string).collect();
    api::AckConfirmation {
        event_ids: ids(&confirmation.confirmed),
        expired_event_ids: ids(&confirmation.expired),
    }
}

/// A subscription and how far it is.
#[must_use]
pub fn subscription(described: &Described) -> api::Subscription {
    let settings = &described.subscription;
    let retention = settings.retention_seconds;
    api::Subscription {
        subscription_id: settings.id.to_string(),
        tenant_ids: settings.tenant_ids.iter().map(ToString::to_string).collect(),
        kinds: settings.kinds.iter().map(|kind| event_kind(*kind).into()).collect(),
        ack_deadline: Some(duration(Duration::from_millis(settings.ack_deadline_ms))),
        retention: (retention > 0).then(|| duration(Duration::from_secs(retention))),
        max_delivery_attempts: settings.max_delivery_attempts,
        backlog_count: described.backlog,
        oldest_unacked_time: described.oldest_unacked_time.map(time),
        dead_letter_count: described.dead_letters,
    }
}

/// A trunk at one moment.
#[must_use]
pub fn trunk(status: &TrunkStatus) -> api::Trunk {
    let wanted = match status.wanted.state {
        WantedState::Enabled => api::TrunkState::Enabled,
        WantedState::Draining => api::TrunkState::Draining,
        WantedState::Disabled => api::TrunkState::Disabled,
    };
    let count = |links: usize| u32::try_from(links).unwrap_or(u32::MAX);
    api::Trunk {
        trunk_id: status.id.to_string(),
        protocol: status.protocol.to_owned(),
        operator: status.operator.clone(),
        wanted_state: wanted.into(),
        state: trunk_state(status.state).into(),
        limits: Some(limits(status.limits)),
        links: status.links.iter().map(|of| link(status, of)).collect(),
        queue_depth: status.queue_depth,
        oldest_queued_age: status.oldest_queued.map(duration),
        // A SIP trunk wants all its gateways, and its registration.
        wanted_link_count: if status.calls.is_some() {
            count(status.links.len())
        } else {
            status.limits.links
        },
        bound_link_count: count(status.links.iter().filter(|link| link.bound_since.is_some()).count()),
        submits: Some(api::SubmitCounts {
            accepted_count: status.answered.accepted,
            refused_count: status.answered.refused,
            unknown_count: status.answered.unknown,
        }),
        reports: Some(api::ReportCounts {
            delivered_count: status.reported.delivered,
            failed_count: status.reported.failed,
            unmatched_count: status.reported.unmatched,
        }),
        wanted_reason: status.wanted.reason.clone(),
        wanted_time: status.wanted.since.map(time),
        configured_limits: Some(limits(status.configured)),
        unanswered_count: status.unanswered,
        calls: status.calls.as_ref().map(trunk_calls),
    }
}

fn trunk_calls(traffic: &CallTraffic) -> api::TrunkCalls {
    let count = |calls: u64| u32::try_from(calls).unwrap_or(u32::MAX);
    let refusal = |refusal: &CallRefusal| api::CallRefusal {
        time: Some(time(refusal.time)),
        gateway: refusal.gateway.clone(),
        cause: calls::cause(refusal.cause).into(),
        sip_status: refusal.sip_status.map_or(0, Into::into),
    };
    api::TrunkCalls {
        outbound_call_count: count(traffic.outbound),
        inbound_call_count: count(traffic.inbound),
        placed_per_second: count(traffic.placed_per_second),
        last_refusals: traffic.refusals.iter().map(refusal).collect(),
        trouble: traffic.trouble.clone(),
    }
}

fn limits(limits: Limits) -> api::TrunkLimits {
    api::TrunkLimits {
        max_links: limits.links,
        window_size: u32::try_from(limits.window).unwrap_or(u32::MAX),
        max_submits_per_second: limits.submits_per_second.unwrap_or(0),
        max_calls_per_second: limits.calls_per_second.unwrap_or(0),
        max_concurrent_calls: limits.max_calls,
    }
}

fn trunk_state(state: TrunkState) -> api::TrunkState {
    match state {
        TrunkState::Up => api::TrunkState::Enabled,
        TrunkState::Degraded => api::TrunkState::Degraded,
        TrunkState::Down => api::TrunkState::Down,
        TrunkState::Draining => api::TrunkState::Draining,
        TrunkState::Disabled => api::TrunkState::Disabled,
    }
}

fn link(trunk: &TrunkStatus, link: &LinkStatus) -> api::Link {
    api::Link {
        link_id: format!("{}/{}", trunk.id, link.index),
        instance_id: String::new(),
        slot: link.index,
        lease_epoch: 0,
        remote: link.remote.clone(),
        bind_mode: link.bind_mode.to_owned(),
        in_flight: link.in_flight,
        window_size: link.window,
        bind_time: link.bound_since.map(time),
        round_trip: link.round_trip.map(duration),
        last_error: link.last_error.as_ref().map(carrier_status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_count_their_fraction_up_even_before_1970() {
        let moment = |text: &str| time(text.parse().unwrap());
        assert_eq!(
            moment("1970-01-01T00:00:01.5Z"),
            prost_types::Timestamp { seconds: 1, nanos: 500_000_000 }
        );
        assert_eq!(
            moment("1969-12-31T23:59:58.5Z"),
            prost_types::Timestamp { seconds: -2, nanos: 500_000_000 }
        );
    }

    #[test]
    fn an_answer_that_was_only_validated_has_no_id() {
        let answer = SubmitAnswer {
            message_id: crate::domain::MessageId::fresh(),
            accept_time: Timestamp::UNIX_EPOCH,
            plan: SegmentPlan { encoding: None, segments: 1, units: 3 },
            replayed: false,
        };
        assert_eq!(submit_answer(&answer, true).message_id, "");
        assert_eq!(submit_answer(&answer, false).message_id, answer.message_id.to_string());
    }
}
