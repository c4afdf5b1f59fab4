//! Values for tests.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    AmbiguityPolicy, Call, CallDirection, CallId, Category, Content, Message, MessageId, Number, Sender,
};

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

/// A sound call of 60 s ring time and an hour at most, changed by `change`.
pub fn call(change: impl FnOnce(&mut Call)) -> Call {
    let mut call = Call {
        id: CallId::fresh(),
        direction: CallDirection::Outbound,
        request_id: "r-1".into(),
        tenant_id: "tenant".into(),
        caller: number("02112345678"),
        display_caller: None,
        callee: number("13800138000"),
        category: Category::Notification,
        trunk_ids: Vec::new(),
        ring_timeout: Duration::from_secs(60),
        max_duration: Duration::from_secs(3600),
        client_reference: String::new(),
        labels: Vec::new(),
        headers: Vec::new(),
        trace_parent: String::new(),
        accept_time: Timestamp::from_second(1_772_366_400).unwrap(),
    };
    change(&mut call);
    call
}

/// A number of digits.
pub fn number(digits: &str) -> Number {
    Number::parse(digits).unwrap()
}
