//! What was asked for.

use carrierd::{domain, grpc::api};

use super::words::{length, moment};
use crate::show;

/// The message as it was accepted, its recipient masked.
pub fn facts(message: &api::Message) -> String {
    let outbound = message.outbound.clone().unwrap_or_default();
    let plan = message.plan.unwrap_or_default();
    let mut facts = vec![
        ["message", &message.message_id].map(str::to_owned),
        [
            "request".into(),
            format!("{} of {}", show::line(&message.request_id), show::line(&outbound.tenant_id)),
        ],
        ["category".into(), show::bare(outbound.category().as_str_name(), "MESSAGE_CATEGORY_")],
        ["to".into(), domain::mask(&show::line(&outbound.to))],
        ["from".into(), sender(&outbound)],
        ["parts".into(), format!("{}, {}", plan.segment_count, show::encoding(plan.encoding()))],
        ["trunks".into(), trunks(message)],
        ["accepted".into(), show::time(message.accept_time.as_ref())],
        ["scheduled".into(), show::time(outbound.send_time.as_ref())],
        ["validity".into(), validity(message, &outbound)],
        ["ended".into(), show::time(message.final_time.as_ref())],
    ];
    facts.retain(|[_, value]| !value.is_empty());
    let rows: Vec<Vec<String>> = facts.into_iter().map(Vec::from).collect();
    show::table(&rows)
}

fn sender(outbound: &api::OutboundMessage) -> String {
    if outbound.sender.is_empty() { "the account's own".into() } else { show::line(&outbound.sender) }
}

/// The trunks that it was tried on, in the order of its first tries.
fn trunks(message: &api::Message) -> String {
    let mut trunks: Vec<&str> = Vec::new();
    for attempt in message.segments.iter().flat_map(|segment| &segment.attempts) {
        if !trunks.contains(&attempt.trunk_id.as_str()) {
            trunks.push(&attempt.trunk_id);
        }
    }
    trunks.join(", ")
}

fn validity(message: &api::Message, outbound: &api::OutboundMessage) -> String {
    let Some(validity) = outbound.validity.and_then(|span| std::time::Duration::try_from(span).ok()) else {
        return String::new();
    };
    // It counts from the time that the message was scheduled for.
    let begin = outbound.send_time.as_ref().or(message.accept_time.as_ref());
    let until = moment(begin).and_then(|time| time.checked_add(validity).ok());
    until.map_or_else(String::new, |until| format!("{}, until {until:.3}", length(validity)))
}
