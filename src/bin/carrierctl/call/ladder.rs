//! A call's whole story in the order in which a support engineer asks: how it ended and why, who called whom, when what
//! happened, where it was tried, and which messages were exchanged.

use carrierd::grpc::api;
use codecs::sip::cause::q850_name;
use jiff::Timestamp;

use super::{is_final, meaning};
use crate::show;

/// The whole story as text.
pub fn tell(response: &api::GetCallResponse) -> String {
    let Some(call) = &response.call else { return String::new() };
    let record = call.record.clone().unwrap_or_default();
    let sections = [
        verdict(response, call, &record),
        facts(call, &record),
        times(&record),
        tries(&record),
        messages(response, &record),
    ];
    let told: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    told.join("\n")
}

fn verdict(response: &api::GetCallResponse, call: &api::Call, record: &api::CallRecord) -> String {
    let state = show::call_state(call.state());
    if !is_final(call.state()) {
        return format!("{state}: {}\n", meaning::open(call.state()));
    }
    let cause = show::bare(record.cause().as_str_name(), "CALL_CAUSE_");
    let party = show::bare(record.hangup_party().as_str_name(), "HANGUP_PARTY_");
    let mut text = format!("{state}: {cause}, ended by {party}");
    if record.answer_time.is_some() {
        let talk = show::span(record.talk_duration.as_ref());
        text.push_str(&format!(", talked {talk} ({} s to be billed)", record.billable_seconds));
    }
    if record.estimated {
        text.push_str("; the daemon ended while the call was open, so its end is an estimate");
    }
    text.push('\n');
    let said = show::status(call.status.as_ref());
    let heard = response.messages.iter().any(|message| !message.sent);
    let meaning::Meaning { happened, todo } = meaning::meaning(call, record, heard);
    let mut rows = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![String::new(), name.to_owned(), show::line(&value)]);
        }
    };
    add("means", happened);
    add("to do", todo.to_owned());
    add("said", said);
    if record.q850_cause > 0 {
        let name = u8::try_from(record.q850_cause).ok().and_then(q850_name).unwrap_or_default();
        add("Q.850", format!("{} {name}", record.q850_cause).trim_end().to_owned());
    }
    for reason in &record.raw_reasons {
        add("Reason", reason.clone());
    }
    add("Warning", record.warning.clone());
    text + &show::table(&rows)
}

fn facts(call: &api::Call, record: &api::CallRecord) -> String {
    let mut rows = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            rows.push(vec![name.to_owned(), show::line(value)]);
        }
    };
    add("call", &call.call_id);
    add("direction", &show::bare(call.direction().as_str_name(), "CALL_DIRECTION_"));
    add("from", &record.caller);
    add("shown", &record.display_caller);
    add("to", &record.callee);
    add("tenant", &record.tenant_id);
    add("request", &call.request_id);
    add("reference", &record.client_reference);
    add("trunk", &record.trunk_id);
    add("Call-ID", &record.sip_call_id);
    show::table(&rows)
}

fn times(record: &api::CallRecord) -> String {
    let begin = moment(record.originate_time.as_ref());
    let invited = record.attempts.iter().find(|attempt| !attempt.gateway.is_empty());
    let happened = [
        ("accepted", record.originate_time.as_ref()),
        ("INVITE", invited.and_then(|attempt| attempt.start_time.as_ref())),
        ("early media", record.early_media_time.as_ref()),
        ("ringing", record.ring_time.as_ref()),
        ("answered", record.answer_time.as_ref()),
        ("ended", record.end_time.as_ref()),
    ];
    let mut rows: Vec<(Option<Timestamp>, Vec<String>)> = happened
        .into_iter()
        .filter_map(|(what, time)| {
            let at = moment(time)?;
            let row = vec![String::new(), after(begin, Some(at)), what.to_owned(), show::time(time)];
            Some((Some(at), row))
        })
        .collect();
    rows.sort_by_key(|(at, _)| *at);
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    format!("times\n{}", show::table(&rows))
}

fn tries(record: &api::CallRecord) -> String {
    if record.attempts.is_empty() {
        return String::new();
    }
    let begin = moment(record.originate_time.as_ref());
    let row = |attempt: &api::CallAttempt| {
        let gateway = if attempt.gateway.is_empty() { "nothing left" } else { attempt.gateway.as_str() };
        let end = match attempt.cause() {
            api::CallCause::Unspecified => "-".to_owned(),
            cause => {
                let cause = show::bare(cause.as_str_name(), "CALL_CAUSE_");
                let said = show::status(attempt.status.as_ref());
                [vec![cause, said], attempt.raw_reasons.clone()].concat().join("  ")
            }
        };
        vec![
            String::new(),
            after(begin, moment(attempt.start_time.as_ref())),
            show::line(&attempt.trunk_id),
            show::line(gateway),
            show::line(&end),
        ]
    };
    let rows: Vec<_> = record.attempts.iter().map(row).collect();
    format!("tries\n{}", show::table(&rows))
}

/// The messages, those that we sent pointing away from us, with a line where the call ended.
fn messages(response: &api::GetCallResponse, record: &api::CallRecord) -> String {
    if response.messages.is_empty() {
        return String::new();
    }
    let begin = moment(record.originate_time.as_ref());
    let end = moment(record.end_time.as_ref());
    let before_gap = usize::try_from(response.messages_before_gap).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    let mut has_ended = false;
    for (index, message) in response.messages.iter().enumerate() {
        let time = moment(message.time.as_ref());
        if !has_ended && end.is_some_and(|end| time > Some(end)) {
            has_ended = true;
            rows.push(vec![
                String::new(),
                after(begin, end),
                "───".to_owned(),
                "the call has ended".to_owned(),
            ]);
        }
        if response.left_out_message_count > 0 && index == before_gap {
            let left_out = format!("{} messages were not kept", response.left_out_message_count);
            rows.push(vec![String::new(), String::new(), "...".to_owned(), left_out]);
        }
        rows.push(message_row(message, begin));
    }
    format!("messages, those that we sent to the right\n{}", show::table(&rows))
}

fn message_row(message: &api::CallMessage, begin: Option<Timestamp>) -> Vec<String> {
    let what = match message.sip_status {
        0 => message.method.clone(),
        status => format!("{status} {}", message.reason_phrase),
    };
    let of = match message.sip_status {
        0 => message.sequence_number.to_string(),
        _ => format!("{} {}", message.sequence_number, message.method),
    };
    let mut marks = Vec::new();
    if message.repeated {
        marks.push("again".to_owned());
    }
    if message.has_sdp {
        marks.push("SDP".to_owned());
    }
    vec![
        String::new(),
        after(begin, moment(message.time.as_ref())),
        if message.sent { "──▶" } else { "◀──" }.to_owned(),
        show::line(&what),
        show::line(&of),
        marks.join(" "),
        show::line(&message.remote),
        show::line(&message.note),
    ]
}

fn moment(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

fn after(begin: Option<Timestamp>, time: Option<Timestamp>) -> String {
    match (begin, time) {
        (Some(begin), Some(time)) => format!("+{:.3}s", time.duration_since(begin).as_secs_f64()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Option<prost_types::Timestamp> {
        let nanos = i32::try_from(millis % 1000).unwrap() * 1_000_000;
        Some(prost_types::Timestamp { seconds: 1_772_323_200 + millis / 1000, nanos })
    }

    fn status(class: api::FailureClass, code: &str, text: &str) -> Option<api::CarrierStatus> {
        Some(api::CarrierStatus {
            failure_class: class.into(),
            protocol: "sip".into(),
            raw_code: code.into(),
            raw_text: text.into(),
            ..Default::default()
        })
    }

    fn message(millis: i64, sent: bool, status: u32, phrase: &str, method: &str) -> api::CallMessage {
        api::CallMessage {
            time: at(millis),
            sent,
            remote: "UDP 198.51.100.1:5060".into(),
            method: method.into(),
            sip_status: status,
            reason_phrase: phrase.into(),
            sequence_number: 1,
            has_sdp: method == "INVITE" && status == 0,
            note: if status == 486 { "Reason: Q.850;cause=16".into() } else { String::new() },
            repeated: millis > 4500,
        }
    }

    #[test]
    fn a_call_that_was_busy_on_the_second_trunk() {
        let attempts = vec![
            api::CallAttempt {
                trunk_id: "north".into(),
                gateway: "UDP 192.0.2.1:5060".into(),
                start_time: at(10),
                status: status(api::FailureClass::Congestion, "503", "Service Unavailable"),
                cause: api::CallCause::Congestion.into(),
                ..Default::default()
            },
            api::CallAttempt {
                trunk_id: "south".into(),
                gateway: "UDP 198.51.100.1:5060".into(),
                start_time: at(90),
                status: status(api::FailureClass::Busy, "486", "Busy Here"),
                cause: api::CallCause::Busy.into(),
                raw_reasons: vec!["Q.850;cause=16".into()],
                ..Default::default()
            },
        ];
        let record = api::CallRecord {
            caller: "02112345678".into(),
            callee: "13800138000".into(),
            tenant_id: "shop".into(),
            trunk_id: "south".into(),
            sip_call_id: "x@here".into(),
            originate_time: at(0),
            ring_time: at(1500),
            end_time: at(4200),
            cause: api::CallCause::Busy.into(),
            hangup_party: api::HangupParty::Callee.into(),
            q850_cause: 16,
            raw_reasons: vec!["Q.850;cause=16".into()],
            attempts,
            ..Default::default()
        };
        let call = api::Call {
            call_id: "c1".into(),
            request_id: "r1".into(),
            direction: api::CallDirection::Outbound.into(),
            state: api::CallState::Busy.into(),
            status: status(api::FailureClass::Busy, "486", "Busy Here"),
            record: Some(record),
            ..Default::default()
        };
        let response = api::GetCallResponse {
            call: Some(call),
            messages: vec![
                message(90, true, 0, "", "INVITE"),
                message(120, false, 100, "Trying", "INVITE"),
                message(1500, false, 180, "Ringing", "INVITE"),
                message(4200, false, 486, "Busy Here", "INVITE"),
                message(4201, true, 0, "", "ACK"),
                message(4701, false, 486, "Busy Here", "INVITE"),
                message(4702, true, 0, "", "ACK"),
            ],
            messages_before_gap: 7,
            left_out_message_count: 0,
        };
        let expected = "\
busy: busy, ended by callee
  means   the called party is in another call
  to do   try later
  said    busy (sip 486 Busy Here)
  Q.850   16 normal call clearing
  Reason  Q.850;cause=16

call       c1
direction  outbound
from       02112345678
to         13800138000
tenant     shop
request    r1
trunk      south
Call-ID    x@here

times
  +0.000s  accepted  2026-03-01T00:00:00.000Z
  +0.010s  INVITE    2026-03-01T00:00:00.010Z
  +1.500s  ringing   2026-03-01T00:00:01.500Z
  +4.200s  ended     2026-03-01T00:00:04.200Z

tries
  +0.010s  north  UDP 192.0.2.1:5060     congestion  congestion (sip 503 Service Unavailable)
  +0.090s  south  UDP 198.51.100.1:5060  busy  busy (sip 486 Busy Here)  Q.850;cause=16

messages, those that we sent to the right
  +0.090s  ──▶  INVITE              1         SDP    UDP 198.51.100.1:5060
  +0.120s  ◀──  100 Trying          1 INVITE         UDP 198.51.100.1:5060
  +1.500s  ◀──  180 Ringing         1 INVITE         UDP 198.51.100.1:5060
  +4.200s  ◀──  486 Busy Here       1 INVITE         UDP 198.51.100.1:5060  Reason: Q.850;cause=16
  +4.200s  ───  the call has ended
  +4.201s  ──▶  ACK                 1                UDP 198.51.100.1:5060
  +4.701s  ◀──  486 Busy Here       1 INVITE  again  UDP 198.51.100.1:5060  Reason: Q.850;cause=16
  +4.702s  ──▶  ACK                 1         again  UDP 198.51.100.1:5060
";
        assert_eq!(tell(&response), expected);
    }

    #[test]
    fn an_open_call_says_so_and_a_lost_one_that_it_is_an_estimate() {
        let open = api::Call { state: api::CallState::Ringing.into(), ..Default::default() };
        let told = tell(&api::GetCallResponse { call: Some(open), ..Default::default() });
        assert!(told.starts_with("ringing: it rings\n"), "{told}");
        let record = api::CallRecord { estimated: true, ..Default::default() };
        let lost =
            api::Call { state: api::CallState::Lost.into(), record: Some(record), ..Default::default() };
        let told = tell(&api::GetCallResponse { call: Some(lost), ..Default::default() });
        assert!(told.lines().next().unwrap().ends_with("its end is an estimate"), "{told}");
    }

    #[test]
    fn messages_that_were_not_kept_leave_a_gap() {
        let call = api::Call { state: api::CallState::InProgress.into(), ..Default::default() };
        let response = api::GetCallResponse {
            call: Some(call),
            messages: vec![message(90, true, 0, "", "INVITE"), message(4000, true, 0, "", "BYE")],
            messages_before_gap: 1,
            left_out_message_count: 17,
        };
        let told = tell(&response);
        let lines: Vec<_> = told.lines().skip_while(|line| !line.contains("──▶")).collect();
        assert!(lines[1].contains("17 messages were not kept") && lines[2].contains("BYE"), "{told}");
    }
}
