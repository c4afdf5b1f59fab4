//! What happens to a leg, in the words that calls hear. Pure.

use std::time::Duration;

use codecs::{
    Now,
    sip::{
        Target,
        cause::{Own, Reason},
        ua::{Direction, Field, Hangup, LegEvent},
    },
};

use super::{legs::Leg, outcome};
use crate::{
    config::EarlyMedia,
    domain::Sdp,
    trunk::calls::{CallFact, HangupWhy},
};

/// Q.850 cause 16: what a party means who hangs up.
const NORMAL_CLEARING: u8 = 16;

/// Transport and address of a peer, as records name it.
#[must_use]
pub(super) fn gateway(target: &Target) -> String {
    format!("{} {}", target.transport, target.remote)
}

/// What calls hear of an event of a leg. `None`: nothing.
#[must_use]
pub(super) fn fact(event: LegEvent, at: Now, leg: &mut Leg, early_media: EarlyMedia) -> Option<CallFact> {
    Some(match event {
        LegEvent::Sent { call_id, target, snapshot } => CallFact::Sent {
            gateway: gateway(&target),
            sip_call_id: String::from_utf8_lossy(&call_id).into_owned(),
            snapshot: snapshot.to_octets().into(),
        },
        LegEvent::Attempt { failure, .. } => {
            let (cause, evidence) = outcome::failed(&failure);
            CallFact::AttemptFailed { cause, evidence }
        }
        LegEvent::Progress(progress) if progress.status == 100 => return None,
        LegEvent::Progress(_) => CallFact::Progress,
        LegEvent::Ringing(_) => CallFact::Ringing,
        LegEvent::EarlyMedia { sdp, .. } => match early_media {
            EarlyMedia::Tell => CallFact::EarlyMedia { sdp: Some(Sdp::new(&sdp)) },
            EarlyMedia::Ringing => CallFact::Ringing,
        },
        LegEvent::Answered { sdp, snapshot } => {
            CallFact::Answered { sdp: sdp.as_deref().map(Sdp::new), snapshot: snapshot.to_octets().into() }
        }
        LegEvent::Snapshot(snapshot) => CallFact::Snapshot(snapshot.to_octets().into()),
        LegEvent::SessionOffer { sdp } => CallFact::SessionOffer { sdp: Some(Sdp::new(&sdp)) },
        LegEvent::SessionChanged { sdp } => CallFact::SessionChanged { sdp: Sdp::new(&sdp) },
        LegEvent::OfferFailed { status } => CallFact::OfferFailed { status },
        LegEvent::OfferWithdrawn => CallFact::OfferWithdrawn,
        LegEvent::Dtmf { digit, duration_ms } => CallFact::Dtmf {
            digits: char::from(digit).to_string(),
            duration: duration_ms.map(|length| Duration::from_millis(length.into())),
        },
        LegEvent::Message { direction, octets } => {
            let sent = direction == Direction::Sent;
            let again = leg.passes_again(sent, &octets);
            let rung = outcome::rung(at.wall, (sent, again), &leg.remote, &octets)?;
            CallFact::Message(Box::new(rung))
        }
        LegEvent::Ended(ended) => {
            let (cause, evidence) = outcome::ended(&ended.evidence);
            let retry_after = ended.retry_after.map(|seconds| Duration::from_secs(seconds.into()));
            CallFact::Ended { cause, evidence, retry_after }
        }
        // The trunk's own affairs.
        LegEvent::Confirmed
        | LegEvent::Info { .. }
        | LegEvent::InfoAnswered { .. }
        | LegEvent::TransferAsked { .. } => return None,
    })
}

/// What made us hang up, as the carrier hears it: the platform's words stand in its Reason.
#[must_use]
pub(super) fn hangup(why: &HangupWhy) -> Hangup {
    let own = match why {
        HangupWhy::Platform(_) => Own::HungUp,
        // Nobody was reached, as with a ring time: the carrier hears the same.
        HangupWhy::RingTimeout | HangupWhy::PostDialDelay => Own::RingTimeOver,
        HangupWhy::MaxDuration => Own::MaxDuration,
        HangupWhy::Drain => Own::Drained,
    };
    let words = match why {
        HangupWhy::Platform(words) if !words.is_empty() => {
            Reason::q850(NORMAL_CLEARING).with_text(words.as_str()).to_value()
        }
        _ => None,
    };
    let fields = words.map(|words| Field::new("Reason", words));
    Hangup { own, fields: fields.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_words_stand_in_the_reason() {
        let said = hangup(&HangupWhy::Platform("the \"shop\" is closed".to_owned()));
        let reason = Field::new("Reason", r#"Q.850;cause=16;text="the \"shop\" is closed""#);
        assert_eq!((said.own, said.fields), (Own::HungUp, vec![reason]));
        assert!(hangup(&HangupWhy::Platform(String::new())).fields.is_empty());
        assert_eq!(hangup(&HangupWhy::Drain), Hangup::new(Own::Drained));
    }
}
