//! The patterns of RFC 6337, and what breaks them.

use super::*;
use Carrier::{
    Ack, Invite as Inv, Prack, PrackSuccess, Provisional, Reliable, Success, Update, UpdateSuccess,
};
use Meaning::{Answer, Ignored, Nothing, Offer, Preview, PreviewStands};
use Side::{Peer, Us};

type Step = (Side, Carrier, bool, Result<Meaning, Violation>);

/// Runs the steps, and once more with the sides changed: no rule prefers one of them.
fn run(steps: &[Step]) -> OfferAnswer {
    let mut mirrored = OfferAnswer::new();
    for (from, carrier, has_sdp, wanted) in steps {
        assert_eq!(mirrored.note(from.other(), *carrier, *has_sdp), *wanted, "mirrored {from:?} {carrier:?}");
    }
    let mut exchange = OfferAnswer::new();
    for (from, carrier, has_sdp, wanted) in steps {
        assert_eq!(exchange.note(*from, *carrier, *has_sdp), *wanted, "{from:?} {carrier:?}");
    }
    exchange
}

fn assert_done(steps: &[Step]) {
    let exchange = run(steps);
    assert!(exchange.is_complete() && exchange.open_offer().is_none(), "{steps:?}");
}

#[test]
fn pattern_1_offer_in_the_invite_and_answer_in_the_2xx() {
    assert_done(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Success, true, Ok(Answer)),
        (Us, Ack, false, Ok(Nothing)),
    ]);
}

#[test]
fn pattern_2_offer_in_the_2xx_and_answer_in_the_ack() {
    assert_done(&[
        (Us, Inv, false, Ok(Nothing)),
        (Peer, Success, true, Ok(Offer)),
        (Us, Ack, true, Ok(Answer)),
    ]);
}

#[test]
fn pattern_3_answer_in_a_reliable_provisional_response() {
    assert_done(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Reliable, true, Ok(Answer)),
        (Us, Prack, false, Ok(Nothing)),
        (Peer, PrackSuccess, false, Ok(Nothing)),
        (Peer, Reliable, true, Ok(Ignored)),
        (Peer, Success, true, Ok(Ignored)),
        (Us, Ack, false, Ok(Nothing)),
    ]);
}

#[test]
fn pattern_4_offer_in_a_reliable_provisional_response() {
    assert_done(&[
        (Us, Inv, false, Ok(Nothing)),
        (Peer, Reliable, true, Ok(Offer)),
        (Us, Prack, true, Ok(Answer)),
        (Peer, PrackSuccess, false, Ok(Nothing)),
        (Peer, Success, false, Ok(Nothing)),
    ]);
}

#[test]
fn patterns_5_and_6_come_after_the_first_exchange() {
    assert_done(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Reliable, true, Ok(Answer)),
        (Us, Prack, true, Ok(Offer)),
        (Peer, PrackSuccess, true, Ok(Answer)),
        (Peer, Update, true, Ok(Offer)),
        (Us, UpdateSuccess, true, Ok(Answer)),
        (Us, Update, false, Ok(Nothing)),
        (Peer, UpdateSuccess, false, Ok(Nothing)),
        (Peer, Success, false, Ok(Nothing)),
    ]);
}

#[test]
fn a_description_that_may_be_lost_is_a_preview() {
    assert_done(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Provisional, false, Ok(Nothing)),
        (Peer, Provisional, true, Ok(Preview)),
        (Us, Update, true, Err(Violation::OfferOpen)),
        (Peer, Provisional, true, Ok(Preview)),
        // The gateway changed between 183 and 200: what the 2xx says is final.
        (Peer, Success, true, Ok(Answer)),
    ]);
    assert_done(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Provisional, true, Ok(Preview)),
        (Peer, Success, false, Ok(PreviewStands)),
    ]);
}

#[test]
fn what_is_due_and_does_not_come_ends_the_call() {
    run(&[(Us, Inv, true, Ok(Offer)), (Peer, Success, false, Err(Violation::NoAnswer))]);
    run(&[(Us, Inv, false, Ok(Nothing)), (Peer, Success, false, Err(Violation::NoOffer))]);
    let exchange = run(&[
        (Us, Inv, false, Ok(Nothing)),
        (Peer, Success, true, Ok(Offer)),
        (Us, Ack, false, Err(Violation::NoAnswer)),
    ]);
    assert!(!exchange.is_complete() && exchange.open_offer().is_none());
    run(&[
        (Us, Inv, false, Ok(Nothing)),
        (Peer, Reliable, true, Ok(Offer)),
        (Us, Prack, false, Err(Violation::NoAnswer)),
    ]);
}

#[test]
fn a_delayed_offer_stands_in_no_message_that_may_be_lost() {
    assert_done(&[
        (Us, Inv, false, Ok(Nothing)),
        (Peer, Provisional, true, Ok(Ignored)),
        (Peer, Success, true, Ok(Offer)),
        (Us, Ack, true, Ok(Answer)),
    ]);
}

#[test]
fn one_exchange_at_a_time_and_none_before_the_first() {
    run(&[(Us, Inv, false, Ok(Nothing)), (Us, Update, true, Err(Violation::TooEarly))]);
    run(&[(Us, Inv, false, Ok(Nothing)), (Us, Prack, true, Err(Violation::TooEarly))]);
    run(&[
        (Us, Inv, true, Ok(Offer)),
        (Peer, Success, true, Ok(Answer)),
        (Us, Update, true, Ok(Offer)),
        (Peer, Inv, true, Err(Violation::OfferOpen)),
        (Peer, Update, true, Err(Violation::OfferOpen)),
        (Peer, Prack, true, Err(Violation::OfferOpen)),
    ]);
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    for (request, carrier) in [(Inv, Inv), (Update, Update), (Prack, Prack)] {
        let mut exchange = OfferAnswer::established();
        assert_eq!(exchange.note(Us, carrier, true), Ok(Offer));
        assert_eq!(exchange.open_offer(), Some(Us));
        exchange.refused(request);
        assert_eq!(exchange, OfferAnswer::established());
    }
    // A refused UPDATE says nothing about an INVITE's offer.
    let mut exchange = OfferAnswer::new();
    exchange.note(Us, Inv, true).unwrap();
    exchange.refused(Update);
    assert_eq!(exchange.open_offer(), Some(Us));
    exchange.refused(Inv);
    assert_eq!(exchange, OfferAnswer::new());
}

#[test]
fn every_fork_has_its_own_answer() {
    let mut first = OfferAnswer::new();
    first.note(Us, Inv, true).unwrap();
    let mut second = first;
    assert_eq!(first.note(Peer, Reliable, true), Ok(Answer));
    assert_eq!(second.note(Peer, Provisional, true), Ok(Preview));
    assert_eq!((first.is_complete(), second.is_complete()), (true, false));
}
