//! Values for tests.

use std::time::Duration;

use jiff::Timestamp;

use super::{AmbiguityPolicy, Category, Content, Message, MessageId, Number, Sender};

/// A sound message, changed by `change`.
pub fn message(change: impl FnOnce(&mut Message)) -> Message {
    let accept_time = Timestamp::from_second(1_772_366_400).unwrap();
    let mut message = Message {
        id: MessageId::fresh(),
        request_id: "r-1".into(),
        tenant_id: "tenant".into(),
        to: Number::parse("13800138000").unwrap(),
        sender: Sender::parse("1069012345").unwrap(),
        content: Content::Text("hello".into()),
        encoding: None,
        category: Category::Notification,
        expire_time: accept_time + Duration::from_secs(86_400),
        report_requested: true,
        trunk_ids: Vec::new(),
        client_reference: String::new(),
        labels: Vec::new(),
        ambiguity: AmbiguityPolicy::AwaitReport,
        priority: 0,
        consent_reference: String::new(),
        template_id: String::new(),
        protocol_options: Vec::new(),
        trace_parent: String::new(),
        accept_time,
        send_time: None,
    };
    change(&mut message);
    message
}
