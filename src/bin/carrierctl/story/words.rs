//! Short words for what a story is made of.

use carrierd::grpc::api::{self, FailureClass};
use jiff::Timestamp;

use crate::show;

/// A moment of the API.
pub fn moment(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// From one moment to a later one; nothing if a clock went back.
pub fn from_to(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<String> {
    let span = to?.duration_since(from?);
    (!span.is_negative()).then(|| length(span.unsigned_abs()))
}

/// How long something took, in at most two units.
pub fn length(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    let two = |(whole, unit): (u64, &str), (rest, smaller): (u64, &str)| match rest {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {rest} {smaller}"),
    };
    match seconds {
        0 => format!("{} ms", span.subsec_millis()),
        1..60 => format!("{}.{} s", seconds, span.subsec_millis() / 100),
        60..3600 => two((seconds / 60, "min"), (seconds % 60, "s")),
        3600..172_800 => two((seconds / 3600, "h"), (seconds % 3600 / 60, "min")),
        _ => two((seconds / 86_400, "d"), (seconds % 86_400 / 3600, "h")),
    }
}

/// A carrier's own words: its protocol, code and text, as they came.
pub fn raw(status: &api::CarrierStatus) -> String {
    let words = [&status.protocol, &status.raw_code, &status.raw_text];
    let words: Vec<String> =
        words.into_iter().filter(|word| !word.is_empty()).map(|word| show::line(word)).collect();
    words.join(" ")
}

/// What a status says, in the carrier's words and in ours.
pub fn status(status: Option<&api::CarrierStatus>) -> String {
    let Some(status) = status else { return "without a word".into() };
    match (raw(status), meaning(status.failure_class())) {
        (raw, "") => raw,
        (raw, meaning) if raw.is_empty() => meaning.into(),
        (raw, meaning) => format!("{raw} ({meaning})"),
    }
}

/// What a class of failures means; empty where the code itself is all there is to say.
pub fn meaning(class: FailureClass) -> &'static str {
    match class {
        FailureClass::InvalidNumber => "no such number",
        FailureClass::AbsentSubscriber => "the phone is off or out of reach",
        FailureClass::SuspendedSubscriber => "the subscriber is suspended",
        FailureClass::Handset => "the phone itself could not take it",
        FailureClass::RecipientBlocked => "the recipient is blocked or has opted out",
        FailureClass::ContentRejected => "the carrier does not pass this text",
        FailureClass::SignatureUnregistered => "the signature is not registered",
        FailureClass::SourceNotAllowed => "the account may not send from this number",
        FailureClass::FrequencyLimited => "too many messages to this recipient",
        FailureClass::TimeWindow => "not allowed at this time of day",
        FailureClass::Throttled => "more than the carrier takes at once",
        FailureClass::RouteUnavailable => "no link or route could take it",
        FailureClass::CarrierTemporary => "the carrier can't take it now",
        FailureClass::CarrierPermanent => "the carrier refuses it for good",
        FailureClass::Expired => "it came too late",
        FailureClass::Protocol => "a fault between us and the carrier",
        FailureClass::Unmapped => "no table explains this code",
        FailureClass::Congestion => "the carrier's network is full",
        FailureClass::Network => "the network failed",
        FailureClass::NoResponse => "no answer",
        _ => "",
    }
}

/// The part of a number, as people say it; nothing for a message that is one part.
pub fn part(message: &api::Message, number: u32) -> String {
    match message.segments.len() {
        0 | 1 => "it".into(),
        count => format!("part {number} of {count}"),
    }
}

/// `1 part`, `3 parts`.
pub fn parts(count: usize) -> String {
    if count == 1 { "1 part".into() } else { format!("{count} parts") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lengths_are_short_and_have_two_units_at_most() {
        let rows = [
            (Duration::from_millis(22), "22 ms"),
            (Duration::from_millis(2_150), "2.1 s"),
            (Duration::from_secs(185), "3 min 5 s"),
            (Duration::from_secs(61 * 3600 + 120), "2 d 13 h"),
            (Duration::from_secs(26 * 3600 + 120), "26 h 2 min"),
            (Duration::from_secs(86_400), "24 h"),
        ];
        for (span, words) in rows {
            assert_eq!(length(span), words);
        }
        let time = |second| Timestamp::from_second(second).ok();
        assert_eq!(from_to(time(9), time(8)), None);
        assert_eq!(from_to(time(8), time(9)), Some("1.0 s".into()));
    }

    #[test]
    fn a_carriers_words_come_before_ours() {
        let mut said = api::CarrierStatus {
            protocol: "smpp34".into(),
            raw_code: "88".into(),
            raw_text: "ESME_RTHROTTLED".into(),
            ..Default::default()
        };
        assert_eq!(status(Some(&said)), "smpp34 88 ESME_RTHROTTLED");
        said.set_failure_class(FailureClass::Throttled);
        assert_eq!(status(Some(&said)), "smpp34 88 ESME_RTHROTTLED (more than the carrier takes at once)");
    }
}
