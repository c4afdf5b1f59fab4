//! The Reason of our own BYE and CANCEL.

use super::{Own, Reason};

/// What a BYE or CANCEL says when this made us send it.
#[must_use]
pub fn reasons(own: Own) -> Vec<Reason> {
    match own {
        Own::HungUp => vec![Reason::q850(16)],
        Own::RingTimeOver => vec![Reason::q850(19), Reason::sip(408)],
        Own::OtherLeg { status: None, q850: None, .. } => vec![Reason::q850(16)],
        Own::OtherLeg { status, q850, .. } => {
            status.map(Reason::sip).into_iter().chain(q850.map(Reason::q850)).collect()
        }
        Own::Elsewhere => vec![Reason::sip(200).with_text("Call completed elsewhere")],
        Own::MaxDuration => vec![Reason::q850(16).with_text("Limit of talk time")],
        Own::SessionExpired => vec![Reason::sip(408).with_text("Session expired")],
        Own::MediaTimeout => vec![Reason::q850(41).with_text("No media")],
        Own::Drained => vec![Reason::sip(503)],
        Own::Media => vec![Reason::sip(488)],
        Own::NoResponse => vec![Reason::q850(102).with_text("No response")],
        Own::Transport => vec![Reason::q850(41).with_text("No connection")],
        Own::Lost => vec![Reason::q850(41).with_text("Restarted")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::cause::Cause;

    #[test]
    fn says_why_in_the_customary_words() {
        let other = |status, q850| Own::OtherLeg { cause: Cause::Busy, status, q850 };
        for (own, wanted) in [
            (Own::HungUp, "Q.850;cause=16"),
            (Own::RingTimeOver, "Q.850;cause=19, SIP;cause=408"),
            (other(Some(486), Some(17)), "SIP;cause=486, Q.850;cause=17"),
            (other(Some(486), None), "SIP;cause=486"),
            (other(None, Some(17)), "Q.850;cause=17"),
            (other(None, None), "Q.850;cause=16"),
            (Own::SessionExpired, "SIP;cause=408;text=\"Session expired\""),
            (Own::MediaTimeout, "Q.850;cause=41;text=\"No media\""),
            (Own::MaxDuration, "Q.850;cause=16;text=\"Limit of talk time\""),
            (Own::Drained, "SIP;cause=503"),
            (Own::Media, "SIP;cause=488"),
            (Own::Elsewhere, "SIP;cause=200;text=\"Call completed elsewhere\""),
        ] {
            let values: Vec<_> = reasons(own).iter().map(|reason| reason.to_value().unwrap()).collect();
            assert_eq!(values.join(", "), wanted, "{own:?}");
        }
    }
}
