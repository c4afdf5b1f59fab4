//! What the wire says of a call's end, and of its messages, in the platform's words. Pure.

use codecs::sip::{
    Message, Method, Name,
    cause::{self, ReleasedBy},
    ua,
};
use jiff::Timestamp;

use crate::domain::{Cause, Evidence, HangupParty, LadderLine, Rung};

/// How a leg ended.
#[must_use]
pub fn ended(evidence: &cause::Evidence) -> (Cause, Evidence) {
    // Silence counts as a status inside; the carrier has sent none.
    let was_silent = matches!(evidence.own, Some(cause::Own::NoResponse | cause::Own::Transport));
    let told = Evidence {
        sip_status: evidence.status.filter(|_| !was_silent),
        phrase: evidence.phrase.clone(),
        q850: evidence.q850(),
        reasons: evidence.reasons.iter().map(raw).collect(),
        warning: evidence.warnings.first().map(warning).unwrap_or_default(),
        released_by: Some(released_by(evidence)),
    };
    (cause_of(cause::decide(evidence, &cause::Policy::default())), told)
}

/// How one gateway failed.
#[must_use]
pub fn failed(failure: &ua::AttemptFailure) -> (Cause, Evidence) {
    let (cause, sip_status) = match failure {
        ua::AttemptFailure::Status { status, .. } => {
            let evidence = cause::Evidence::refused(*status);
            (cause_of(cause::decide(&evidence, &cause::Policy::default())), Some(*status))
        }
        ua::AttemptFailure::Silence => (Cause::Timeout, None),
        ua::AttemptFailure::Unreachable => (Cause::Transport, None),
    };
    (cause, Evidence { sip_status, ..Evidence::default() })
}

fn raw(reason: &cause::Reason) -> String {
    if reason.raw.is_empty() { reason.to_value().unwrap_or_default() } else { reason.raw.clone() }
}

fn warning(warning: &cause::Warning) -> String {
    format!("{} {} \"{}\"", warning.code, warning.agent, warning.text)
}

fn released_by(evidence: &cause::Evidence) -> HangupParty {
    match cause::released_by(evidence) {
        ReleasedBy::Caller => HangupParty::Caller,
        ReleasedBy::Callee => HangupParty::Callee,
        ReleasedBy::Network => HangupParty::Carrier,
        ReleasedBy::Us | ReleasedBy::OtherLeg => HangupParty::Platform,
        ReleasedBy::Lost => HangupParty::Lost,
    }
}

fn cause_of(cause: cause::Cause) -> Cause {
    match cause {
        cause::Cause::Normal => Cause::Normal,
        cause::Cause::Cancelled => Cause::Cancelled,
        cause::Cause::NoAnswer => Cause::NoAnswer,
        cause::Cause::Busy => Cause::Busy,
        cause::Cause::Rejected => Cause::Rejected,
        cause::Cause::Unallocated => Cause::Unallocated,
        cause::Cause::Unreachable => Cause::Unreachable,
        cause::Cause::Suspended => Cause::Suspended,
        cause::Cause::InvalidNumber => Cause::InvalidNumber,
        cause::Cause::Barred => Cause::Barred,
        cause::Cause::AuthFailed => Cause::AuthFailed,
        cause::Cause::NoRoute => Cause::NoRoute,
        cause::Cause::Congestion => Cause::Congestion,
        cause::Cause::NetworkFailure => Cause::NetworkFailure,
        cause::Cause::Timeout => Cause::Timeout,
        cause::Cause::Transport => Cause::Transport,
        cause::Cause::Media => Cause::Media,
        cause::Cause::Protocol => Cause::Protocol,
        cause::Cause::Redirected => Cause::Redirected,
        cause::Cause::Elsewhere => Cause::Elsewhere,
        cause::Cause::SessionExpired => Cause::SessionExpired,
        cause::Cause::MediaTimeout => Cause::MediaTimeout,
        cause::Cause::MaxDuration => Cause::MaxDuration,
        cause::Cause::Lost => Cause::Lost,
        cause::Cause::Unknown => Cause::Unknown,
    }
}

/// A message of a call for its ladder, without bodies and without numbers: whether we sent it, whether it passed before.
/// `None`: nothing of it can be shown.
#[must_use]
pub fn rung(
    time: Timestamp,
    (sent, again): (bool, bool),
    remote: &str,
    octets: &bytes::Bytes,
) -> Option<Rung> {
    let message = Message::parse(octets.clone()).ok()?;
    let cseq = message.cseq().ok()?;
    let text = |octets: &[u8]| -> Box<str> { String::from_utf8_lossy(octets).into() };
    let method = |octets: &[u8], method: Method| match method {
        Method::Unknown => text(octets),
        known => known.name().into(),
    };
    let line = match message.status() {
        Some(status) => {
            let answered = method(cseq.method_octets, cseq.method);
            LadderLine::Response(status, text(message.reason_phrase()), answered)
        }
        None => LadderLine::Request(method(message.method_octets(), message.method()?)),
    };
    let notes = [("Reason", Name::Reason), ("Warning", Name::Warning), ("Retry-After", Name::RetryAfter)];
    let note = notes.into_iter().find_map(|(label, name)| {
        let value = message.field(name)?;
        Some(format!("{label}: {}", String::from_utf8_lossy(value)))
    });
    Some(Rung {
        time,
        sent,
        remote: remote.into(),
        line,
        cseq: cseq.number,
        has_sdp: !message.body().is_empty(),
        note: note.unwrap_or_default().into(),
        again,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_end_keeps_what_was_said_of_it() {
        let mut evidence = cause::Evidence::refused(486);
        evidence.phrase = "Busy Here".to_owned();
        evidence.reasons = cause::Reason::parse_list(b"Q.850;cause=17;text=\"User busy\"");
        let (cause, told) = ended(&evidence);
        assert_eq!((cause, told.sip_status, told.q850), (Cause::Busy, Some(486), Some(17)));
        assert_eq!(told.reasons, ["Q.850;cause=17;text=\"User busy\""]);
        assert_eq!(told.released_by, Some(HangupParty::Callee));
        let evidence = cause::Evidence {
            own: Some(cause::Own::MaxDuration),
            answered: true,
            ..cause::Evidence::new(cause::Direction::Outgoing, cause::End::ByeSent)
        };
        assert_eq!(ended(&evidence).0, Cause::MaxDuration);
        assert_eq!(ended(&evidence).1.released_by, Some(HangupParty::Platform));
        let silent = cause::Evidence {
            own: Some(cause::Own::NoResponse),
            status: Some(408),
            ..cause::Evidence::new(cause::Direction::Outgoing, cause::End::Nothing)
        };
        assert_eq!((ended(&silent).0, ended(&silent).1.sip_status), (Cause::Timeout, None));
        assert_eq!(failed(&ua::AttemptFailure::Silence).0, Cause::Timeout);
        let busy = ua::AttemptFailure::Status { status: 503, retry_after: None };
        assert_eq!(failed(&busy).0, Cause::Congestion);
    }

    #[test]
    fn a_rung_shows_no_number() {
        let response = "SIP/2.0 503 Full\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:+8613800138000@h>;tag=1\r\nTo: <sip:b@h>\r\n\
                        Call-ID: 1\r\nCSeq: 7 INVITE\r\nRetry-After: 5\r\nl: 0\r\n\r\n";
        let shown = rung(Timestamp::UNIX_EPOCH, (false, false), "UDP 192.0.2.1:5060", &Bytes::from(response))
            .unwrap();
        assert_eq!(shown.line, LadderLine::Response(503, "Full".into(), "INVITE".into()));
        assert_eq!((shown.cseq, &*shown.note, shown.has_sdp), (7, "Retry-After: 5", false));
        let request = "INVITE sip:+8613800138000@h SIP/2.0\r\nCSeq: 1 INVITE\r\nl: 3\r\n\r\nv=0";
        let shown =
            rung(Timestamp::UNIX_EPOCH, (true, true), "UDP 192.0.2.1:5060", &Bytes::from(request)).unwrap();
        assert_eq!((shown.line.clone(), shown.has_sdp), (LadderLine::Request("INVITE".into()), true));
        assert!(shown.sent && shown.again);
        assert!(!format!("{shown:?}").contains("138"), "{shown:?}");
    }
}
