//! What happens in a session, what is kept for a crash, and the messages.

use super::*;

#[test]
fn an_offer_that_is_taken_back_makes_room_for_ours() {
    let mut bench = Bench::answered();
    bench.news(CallFact::SessionOffer { sdp: Some(Sdp::new(b"hold")) });
    bench.news(CallFact::OfferWithdrawn);
    let told = bench.told.last().unwrap();
    assert_eq!((told.sdp.clone(), told.state), (Some((SdpRole::Withdrawn, None)), CallState::InProgress));
    let late = bench.step(|leg, effects| leg.reply(Ok(Sdp::new(b"held")), effects));
    assert_eq!(late, Err(WrongState::NotOffered));
    bench.step(|leg, effects| leg.offer(Sdp::new(b"x"), effects)).unwrap();
}

#[test]
fn what_happens_in_a_session_is_told_and_leaves_the_state() {
    let mut bench = Bench::answered();
    bench.news(CallFact::SessionOffer { sdp: Some(Sdp::new(b"hold")) });
    let refused = bench.step(|leg, effects| leg.offer(Sdp::new(b"x"), effects));
    assert_eq!(refused, Err(WrongState::OfferWaits));
    bench.step(|leg, effects| leg.reply(Ok(Sdp::new(b"held")), effects)).unwrap();
    let again = bench.step(|leg, effects| leg.reply(Err(488), effects));
    assert_eq!(again, Err(WrongState::NotOffered));
    bench.step(|leg, effects| leg.offer(Sdp::new(b"x"), effects)).unwrap();
    bench.news(CallFact::OfferFailed { status: 488 });
    bench.news(CallFact::SessionChanged { sdp: Sdp::new(b"new") });
    bench.news(CallFact::Dtmf { digits: "5".into(), duration: None });
    bench.step(|leg, effects| leg.press("1#".into(), effects)).unwrap();
    let told = &bench.told[2..];
    assert!(told.iter().all(|moved| moved.state == CallState::InProgress && moved.previous == moved.state));
    let roles: Vec<_> = told.iter().map(|moved| moved.sdp.as_ref().map(|(role, _)| *role)).collect();
    assert_eq!(roles, [Some(SdpRole::Offer), Some(SdpRole::Refused), Some(SdpRole::Changed), None]);
    assert_eq!((told[1].evidence.sip_status, told[3].dtmf.as_str()), (Some(488), "5"));
    let orders: Vec<_> = bench.orders[1..].iter().map(std::mem::discriminant).collect();
    assert_eq!(orders.len(), 3);
    assert!(matches!(&bench.orders[1], CallOrder::AcceptOffer { sdp, .. } if sdp.octets() == b"held"));
    assert!(matches!(&bench.orders[3], CallOrder::Dtmf { digits, .. } if digits == "1#"));
}

#[test]
fn words_about_a_session_need_one() {
    let mut bench = Bench::placed();
    bench.news(sent());
    let word = |bench: &mut Bench| bench.step(|leg, effects| leg.press("1".into(), effects));
    assert_eq!(word(&mut bench), Err(WrongState::NotAnswered));
    let answer = bench.step(|leg, effects| leg.answer(Sdp::new(b"x"), effects));
    assert_eq!(answer, Err(WrongState::NotIncoming));
}

#[test]
fn the_newest_snapshot_of_each_placement_is_kept_and_goes_with_its_end() {
    let mut bench = Bench::placed();
    bench.news(sent());
    bench.news(CallFact::Snapshot(snapshot(5)));
    bench.news(CallFact::Answered { sdp: None, snapshot: snapshot(6) });
    let dialogs = &bench.leg.progress().dialogs;
    assert_eq!(dialogs.len(), 1);
    assert_eq!((dialogs[0].octets.as_slice(), dialogs[0].trunk_id.as_str()), (&[6][..], "a"));
    bench.news(ended(Cause::Normal));
    assert!(bench.leg.progress().dialogs.is_empty());
}

#[test]
fn the_ladder_goes_with_the_record_and_moves_nothing() {
    let mut bench = Bench::placed();
    let rung = || Rung {
        time: Timestamp::UNIX_EPOCH,
        sent: true,
        remote: "UDP 192.0.2.1:5060".into(),
        line: LadderLine::Request("INVITE".into()),
        cseq: 1,
        has_sdp: true,
        note: "".into(),
        again: false,
    };
    bench.leg.note_message(rung());
    assert!(bench.told.is_empty() && bench.leg.ladder().rungs.len() == 1);
    bench.news(ended(Cause::Busy));
    assert_eq!(bench.ladder.rungs, [rung()]);
}
