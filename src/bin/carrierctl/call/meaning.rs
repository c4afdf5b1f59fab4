//! What the end of a call means, and what to do about it, for a support engineer.

use carrierd::grpc::api::{self, CallCause, CallState, HangupParty};

use crate::show;

/// What happened and what to do, a sentence or two each; the second is empty where nothing is to be done.
pub struct Meaning {
    pub happened: String,
    pub todo: &'static str,
}

/// What is to be said of a call that has ended.
pub fn meaning(call: &api::Call, record: &api::CallRecord, heard: bool) -> Meaning {
    let (happened, todo) = match record.cause() {
        CallCause::Lost => (
            "the daemon ended while the call was open; when it really ended is not known".to_owned(),
            "compare with the carrier's records before this call is billed",
        ),
        CallCause::Normal => {
            (format!("it was answered, and {} hung up", party(call, record.hangup_party())), "")
        }
        CallCause::Timeout if !heard => (
            "nothing at all came back from the gateway".to_owned(),
            "check its address, the firewall between, and whether the carrier knows this address of ours",
        ),
        cause => {
            let (happened, todo) = usual(cause, record);
            (happened.to_owned(), todo)
        }
    };
    Meaning { happened, todo }
}

fn party(call: &api::Call, party: HangupParty) -> String {
    let inbound = call.direction() == api::CallDirection::Inbound;
    match party {
        HangupParty::Caller if inbound => "the caller, at the carrier,".to_owned(),
        HangupParty::Callee if !inbound => "the called party".to_owned(),
        HangupParty::Platform => "the platform, or a limit of ours,".to_owned(),
        HangupParty::Carrier => "the carrier's network".to_owned(),
        party => show::bare(party.as_str_name(), "HANGUP_PARTY_"),
    }
}

fn usual(cause: CallCause, record: &api::CallRecord) -> (&'static str, &'static str) {
    let by_us = record.hangup_party() == HangupParty::Platform;
    match cause {
        CallCause::Cancelled if by_us => ("the platform gave it up before an answer", ""),
        CallCause::Cancelled => ("the caller gave it up before an answer", ""),
        CallCause::NoAnswer if record.ring_time.is_none() && record.early_media_time.is_none() => {
            ("it was reached, and nobody answered in time", "")
        }
        CallCause::NoAnswer => ("it rang, and nobody answered in time", ""),
        CallCause::Busy => ("the called party is in another call", "try later"),
        CallCause::Rejected if by_us => ("the platform refused it", ""),
        CallCause::Rejected => ("the called party declined, or its phone does", "don't try again at once"),
        CallCause::Unallocated => ("nobody has this number", "take the number off the list"),
        CallCause::Unreachable => ("the phone is off or out of reach", "try later"),
        CallCause::Suspended => ("the number is suspended by its operator", "take the number off the list"),
        CallCause::InvalidNumber => (
            "the carrier does not take the number as it was written",
            "compare it with the carrier's number form: [[trunk.number]] rewrites it",
        ),
        CallCause::Barred => (
            "the caller's number, or this call, is not allowed",
            "check that the carrier assigned the number and lets it call there",
        ),
        CallCause::AuthFailed => (
            "our credentials were refused",
            "check username, password and realm of [trunk.account] with the carrier",
        ),
        CallCause::NoRoute if record.attempts.is_empty() => {
            ("no trunk may take such a call", "see `carrierctl route explain` and the routes for calls")
        }
        CallCause::NoRoute => {
            ("the carrier has no way to this number", "ask the carrier whether the contract covers it")
        }
        CallCause::Congestion if record.attempts.is_empty() => (
            "no trunk had a free place for it in time",
            "see max_calls and calls_per_second of the trunks, and `carrierctl calls`",
        ),
        CallCause::Congestion => (
            "the carrier is full or throttles us",
            "compare the rate with the contract; a second trunk in the route takes such calls",
        ),
        CallCause::NetworkFailure => {
            ("a fault in the carrier's network", "if it lasts, give the carrier the Call-ID and the time")
        }
        CallCause::Timeout => (
            "the gateway took the call and then said nothing more in time",
            "give the carrier the Call-ID and the time; timers.no_progress tries another trunk sooner",
        ),
        CallCause::Transport => (
            "no gateway could be reached",
            "see `carrierctl trunks`; check the addresses, DNS and the network between",
        ),
        CallCause::Media => (
            "the two sides have no codec in common, or a session description was refused",
            "compare the offer with what the carrier takes, and with codecs of the trunk",
        ),
        CallCause::Protocol => (
            "one side did not understand the other's messages",
            "keep the messages below and ask the carrier; a profile may hold the habit that is missing",
        ),
        CallCause::Redirected => (
            "the carrier sends the call elsewhere, and we don't follow",
            "ask the carrier to route it itself",
        ),
        CallCause::Elsewhere => ("another phone of the called party answered", ""),
        CallCause::SessionExpired => (
            "the other side's refresh did not come: its end is gone, and so was the call",
            "if it happens often, compare [trunk.session_timer] with the carrier",
        ),
        CallCause::MediaTimeout => ("media stopped", "ask the platform's media server"),
        CallCause::MaxDuration => {
            ("it has lasted as long as it may", "max_duration of the request says how long")
        }
        CallCause::Unknown | CallCause::Unspecified | CallCause::Normal | CallCause::Lost => (
            "what the carrier said fits no known cause; its own words stand here",
            "ask the carrier what it means by them",
        ),
    }
}

/// What is to be said of a call that is open.
pub fn open(state: CallState) -> &'static str {
    match state {
        CallState::Queued => "it waits for a free place on a trunk",
        CallState::Initiated => "the INVITE has left or come in; nothing beyond 100 was said",
        CallState::Ringing => "it rings",
        CallState::EarlyMedia => "not answered; the caller hears the other side already",
        CallState::InProgress => "answered; the two sides talk",
        _ => "the call has not ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cause: CallCause, party: HangupParty, heard: bool) -> Meaning {
        let record =
            api::CallRecord { cause: cause.into(), hangup_party: party.into(), ..Default::default() };
        let call = api::Call { direction: api::CallDirection::Outbound.into(), ..Default::default() };
        meaning(&call, &record, heard)
    }

    #[test]
    fn every_cause_says_what_happened() {
        for number in 1..=25 {
            let cause = CallCause::try_from(number).expect("a cause");
            let Meaning { happened, .. } = told(cause, HangupParty::Callee, true);
            let is_unknown = happened.contains("fits no known cause");
            assert_eq!(is_unknown, cause == CallCause::Unknown, "{cause:?}: {happened}");
        }
    }

    #[test]
    fn silence_is_told_from_a_gateway_that_stops_talking() {
        assert!(told(CallCause::Timeout, HangupParty::Lost, false).todo.contains("firewall"));
        assert!(told(CallCause::Timeout, HangupParty::Lost, true).happened.contains("took the call"));
    }

    #[test]
    fn who_hung_up_is_said_in_words() {
        let by = |party| told(CallCause::Normal, party, true).happened;
        assert_eq!(by(HangupParty::Callee), "it was answered, and the called party hung up");
        assert!(by(HangupParty::Platform).contains("the platform"));
    }
}
