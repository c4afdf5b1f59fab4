//! Events and records in words, so that a row can say the whole of them.

use std::fmt::Write as _;

use conformance::api::{CallRecord, CallStateEvent, SdpKind};

/// The new state if there is one, then what a description is and its first media port, keys, and the status of a refused
/// offer.
pub fn event(event: &CallStateEvent) -> String {
    let mut words = Vec::new();
    if event.state != event.previous_state {
        words.push(bare(event.state().as_str_name(), "CALL_STATE_"));
    }
    if event.sdp_kind() != SdpKind::Unspecified {
        words.push(bare(event.sdp_kind().as_str_name(), "SDP_KIND_"));
    }
    if event.sdp_kind() == SdpKind::Refused {
        words.push(event.sip_status.to_string());
    }
    words.extend(port(&event.sdp_remote));
    words.extend((!event.dtmf_digits.is_empty()).then(|| format!("keys {}", event.dtmf_digits)));
    words.join(" ")
}

/// Cause and who released, then what the carrier said, then how each attempt ended.
pub fn record(record: &CallRecord) -> String {
    let mut text = bare(record.cause().as_str_name(), "CALL_CAUSE_");
    let _ = write!(text, " by {}", bare(record.hangup_party().as_str_name(), "HANGUP_PARTY_"));
    if record.sip_status > 0 {
        let phrase = record.status.as_ref().map_or("", |status| &status.raw_text);
        let _ = write!(text, ", {} {phrase}", record.sip_status);
    }
    if record.q850_cause > 0 {
        let _ = write!(text, ", Q.850 {}", record.q850_cause);
    }
    if !record.warning.is_empty() {
        let _ = write!(text, ", warning {}", record.warning);
    }
    let attempt = |attempt: &conformance::api::CallAttempt| match attempt.sip_status {
        0 => bare(attempt.cause().as_str_name(), "CALL_CAUSE_"),
        status => status.to_string(),
    };
    let attempts: Vec<_> = record.attempts.iter().map(attempt).collect();
    let _ = write!(text, "; tried: {}", attempts.join(", "));
    text
}

/// A name of the API without its beginning.
fn bare(name: &str, beginning: &str) -> String {
    name.trim_start_matches(beginning).to_lowercase().replace('_', "-")
}

fn port(sdp: &str) -> Option<String> {
    let media = sdp.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    media.split(' ').next().map(str::to_owned)
}
