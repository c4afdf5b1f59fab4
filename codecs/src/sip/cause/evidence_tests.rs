//! Evidence as trunks send it, and the cause that it must give.

use super::*;

const PROGRESS: Option<Duration> = Some(Duration::from_secs(30));
const SHORT: Option<Duration> = Some(Duration::from_secs(5));

fn with(evidence: Evidence, reasons: &str) -> Evidence {
    Evidence { reasons: Reason::parse_list(reasons.as_bytes()), ..evidence }
}

fn cause(evidence: &Evidence) -> Cause {
    decide(evidence, &Policy::default())
}

fn answered(end: End) -> Evidence {
    Evidence {
        answered: true,
        progress: PROGRESS,
        ringing: PROGRESS,
        ..Evidence::new(Direction::Outgoing, end)
    }
}

fn rang(status: u16) -> Evidence {
    Evidence { progress: PROGRESS, ringing: PROGRESS, ..Evidence::refused(status) }
}

#[test]
fn what_our_side_did_comes_before_everything_that_was_received() {
    for (own, wanted) in [
        (Own::MaxDuration, Cause::MaxDuration),
        (Own::SessionExpired, Cause::SessionExpired),
        (Own::MediaTimeout, Cause::MediaTimeout),
        (Own::Lost, Cause::Lost),
        (Own::HungUp, Cause::Normal),
        (Own::Drained, Cause::Normal),
        (Own::Media, Cause::Media),
        (Own::Transport, Cause::Transport),
        (Own::NoResponse, Cause::Timeout),
        (Own::OtherLeg { cause: Cause::Busy, status: Some(486), q850: None }, Cause::Normal),
    ] {
        let evidence = with(Evidence { own: Some(own), ..answered(End::ByeSent) }, "Q.850;cause=17");
        assert_eq!(cause(&evidence), wanted, "{own:?}");
    }
}

#[test]
fn a_call_given_up_before_its_answer_is_cancelled_even_if_the_answer_crossed() {
    let given_up = Evidence { own: Some(Own::HungUp), end: End::CancelSent, ..rang(487) };
    assert_eq!(cause(&given_up), Cause::Cancelled);
    for own in [
        Own::HungUp,
        Own::RingTimeOver,
        Own::Drained,
        Own::OtherLeg { cause: Cause::Busy, status: Some(486), q850: None },
    ] {
        let crossed = Evidence { answered: true, own: Some(own), ..given_up.clone() };
        assert_eq!(cause(&crossed), Cause::Cancelled, "{own:?}");
    }
    let other = Own::OtherLeg { cause: Cause::Busy, status: Some(486), q850: Some(17) };
    assert_eq!(cause(&Evidence { own: Some(other), end: End::CancelSent, ..rang(487) }), Cause::Cancelled);
    let elsewhere = Evidence { own: Some(Own::Elsewhere), end: End::CancelSent, ..rang(487) };
    assert_eq!(cause(&elsewhere), Cause::Elsewhere);
}

#[test]
fn an_incoming_leg_ends_for_what_ended_the_outgoing_one() {
    let own = Own::OtherLeg { cause: Cause::Busy, status: Some(486), q850: Some(17) };
    let evidence =
        Evidence { own: Some(own), status: Some(486), ..Evidence::new(Direction::Incoming, End::FinalSent) };
    assert_eq!(cause(&evidence), Cause::Busy);
}

#[test]
fn the_ring_time_means_no_answer_only_if_something_rang() {
    let over = |evidence| Evidence { own: Some(Own::RingTimeOver), end: End::CancelSent, ..evidence };
    assert_eq!(cause(&over(rang(487))), Cause::NoAnswer);
    assert_eq!(cause(&over(Evidence::refused(487))), Cause::Timeout);
}

#[test]
fn a_specific_q850_cause_says_more_than_the_status_of_a_gateway() {
    for (status, reason, wanted) in [
        (486, "Q.850;cause=16", Cause::Busy),
        (480, "Q.850;cause=17", Cause::Busy),
        (503, "Q.850;cause=34", Cause::Congestion),
        (503, "Q.850;cause=38", Cause::NetworkFailure),
        (500, "Q.850;cause=41", Cause::NetworkFailure),
        (487, "Q.850;cause=16", Cause::NoAnswer),
        (487, "Q.850;cause=19", Cause::NoAnswer),
        (480, "Q.850;cause=1", Cause::Unallocated),
        (404, "Q.850;cause=127", Cause::Unallocated),
        (603, "Q.850;cause=31", Cause::Rejected),
        (480, "Q.850;cause=20", Cause::Unreachable),
    ] {
        assert_eq!(cause(&with(Evidence::refused(status), reason)), wanted, "{status} {reason}");
    }
}

#[test]
fn a_trunk_whose_causes_are_noise_is_read_by_its_status() {
    let policy = Policy { q850_first: false };
    assert_eq!(decide(&with(Evidence::refused(480), "Q.850;cause=17"), &policy), Cause::Unreachable);
    // Where the status has no word, what is there still counts.
    let bare = with(Evidence { status: None, ..Evidence::refused(0) }, "Q.850;cause=17");
    assert_eq!(decide(&bare, &policy), Cause::Busy);
}

#[test]
fn ringing_tells_who_did_not_answer_from_who_could_not() {
    assert_eq!(cause(&rang(480)), Cause::NoAnswer);
    assert_eq!(cause(&Evidence::refused(480)), Cause::Unreachable);
    // An announcement for 30 s, and the 180 only at its end.
    assert_eq!(cause(&Evidence { progress: PROGRESS, ringing: SHORT, ..rang(480) }), Cause::Unreachable);
    assert_eq!(cause(&Evidence { progress: PROGRESS, ringing: None, ..rang(480) }), Cause::Unreachable);
    assert_eq!(cause(&rang(408)), Cause::NoAnswer);
    assert_eq!(cause(&Evidence { ringing: None, ..rang(408) }), Cause::NoAnswer);
    assert_eq!(cause(&Evidence::refused(408)), Cause::NetworkFailure);
    assert_eq!(cause(&with(rang(480), "Q.850;cause=18")), Cause::NoAnswer);
    assert_eq!(cause(&with(rang(504), "Q.850;cause=102")), Cause::NoAnswer);
    assert_eq!(cause(&with(Evidence::refused(504), "Q.850;cause=102")), Cause::NetworkFailure);
}

#[test]
fn a_rejection_is_the_users_or_the_networks() {
    assert_eq!(cause(&with(Evidence::refused(403), "Q.850;cause=21;location=U")), Cause::Rejected);
    assert_eq!(cause(&with(Evidence::refused(603), "Q.850;cause=21")), Cause::Rejected);
    assert_eq!(cause(&with(Evidence::refused(603), "Q.850;cause=21;location=TN")), Cause::Barred);
    assert_eq!(cause(&with(Evidence::refused(480), "Q.850;cause=21")), Cause::Barred);
}

#[test]
fn a_peers_cancel_gives_the_call_up_unless_it_says_otherwise() {
    let cancel = Evidence { status: Some(487), ..Evidence::new(Direction::Incoming, End::CancelReceived) };
    for (reason, wanted) in [
        ("", Cause::Cancelled),
        ("SIP;cause=200;text=\"Call completed elsewhere\"", Cause::Elsewhere),
        ("Q.850;cause=26, SIP;cause=200", Cause::Elsewhere),
        ("Q.850;cause=16", Cause::Cancelled),
        ("Q.850;cause=31", Cause::Cancelled),
        ("SIP;cause=487", Cause::Cancelled),
        ("Q.850;cause=19", Cause::NoAnswer),
        ("SIP;cause=600;text=\"Busy Everywhere\"", Cause::Busy),
    ] {
        assert_eq!(cause(&with(cancel.clone(), reason)), wanted, "{reason}");
    }
}

#[test]
fn a_peers_bye_is_normal_unless_it_says_otherwise() {
    for (reason, wanted) in [
        ("", Cause::Normal),
        ("Q.850;cause=16", Cause::Normal),
        ("Q.850;cause=31", Cause::Normal),
        ("SIP;cause=200", Cause::Normal),
        ("Q.850;cause=41", Cause::NetworkFailure),
        ("Q.850;cause=102", Cause::NetworkFailure),
        ("Q.850;cause=127", Cause::NetworkFailure),
        ("SIP;cause=408;text=\"Session expired\"", Cause::SessionExpired),
        ("SIP;cause=503", Cause::Congestion),
        ("Q.850;cause=300", Cause::Normal),
        ("X.1;cause=7", Cause::Normal),
    ] {
        assert_eq!(cause(&with(answered(End::ByeReceived), reason)), wanted, "{reason}");
    }
    let early = Evidence { answered: false, ..answered(End::ByeReceived) };
    assert_eq!(cause(&early), Cause::Cancelled);
}

#[test]
fn a_reason_of_sip_speaks_only_where_nothing_else_does() {
    assert_eq!(cause(&with(Evidence::refused(404), "SIP;cause=486")), Cause::Unallocated);
    let bare = Evidence { status: None, ..Evidence::refused(0) };
    assert_eq!(cause(&with(bare.clone(), "SIP;cause=486")), Cause::Busy);
    assert_eq!(cause(&with(bare.clone(), "Q.850;cause=31")), Cause::Unknown);
    assert_eq!(cause(&with(bare.clone(), "Q.850;cause=127")), Cause::NetworkFailure);
    assert_eq!(cause(&bare), Cause::Unknown);
}

#[test]
fn a_status_of_ours_is_read_as_one_of_theirs() {
    let rejected = Evidence { status: Some(486), ..Evidence::new(Direction::Incoming, End::FinalSent) };
    assert_eq!(cause(&rejected), Cause::Busy);
}
