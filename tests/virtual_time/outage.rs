//! A carrier that is away for an hour.

use std::time::Duration;

use carrierd::domain::{FailureClass, MessageState};
use jiff::SignedDuration;

use crate::bed::{
    Bed, carrier, carrier_named, message, most_in_a_second, seconds, trunk, trunk_to, virtually,
};

const HOUR: u64 = 3600;
const RATE: usize = 50;

#[test]
fn a_carrier_that_was_down_for_an_hour_is_neither_hammered_nor_flooded() {
    virtually(async {
        let keys = format!("links = 2\nwindow = 50\nsubmits_per_second = {RATE}");
        let habits = "answer = { delay = \"30ms\" }\nreceipts = { delay = \"5s\" }";
        let bed = Bed::new(5, &carrier("smpp34", habits), &trunk("smpp34", &keys)).await;
        bed.pass(seconds(10)).await;
        let before = bed.submit(message("before")).await;
        bed.pass(seconds(10)).await;
        bed.network().take_down("north");
        let went = bed.network().dials("north").len();
        let mut ids = vec![before];
        for number in 0..HOUR {
            ids.push(bed.submit(message(&format!("parcel {number}"))).await);
            bed.pass(seconds(1)).await;
        }
        let dials = bed.network().dials("north").split_off(went);
        bed.network().bring_up("north");
        bed.pass(seconds(5 * 60)).await;
        let seen = bed.end().await;

        for id in &ids {
            let (_, end) = seen.end_of(*id);
            assert_eq!((end.state, end.possible_duplicate), (MessageState::Delivered, false));
        }
        assert_eq!(seen.submits().len(), ids.len());
        assert!(seen.submits().values().all(|(times, _)| *times == 1));

        // Two links, each at most every half minute once its delay has grown to a minute, shortened by chance.
        assert!(dials.iter().all(|dial| !dial.taken));
        let grown: Vec<_> = dials.iter().map(|dial| dial.at).filter(|at| *at > seconds(20 + 120)).collect();
        let each = grown.windows(3).map(|three| three[2] - three[0]).min();
        assert!(each >= Some(seconds(30)), "{each:?}");
        assert!((2 * 58..2 * 130).contains(&dials.len()), "{} attempts in an hour", dials.len());

        let times: Vec<_> = seen.lines("submit").into_iter().map(|(time, _)| time).collect();
        let most = most_in_a_second(&times);
        assert!(most <= RATE, "{most} submits in a second");
        let took = times[times.len() - 1].duration_since(times[1]);
        assert!(took.as_secs() < 2 * HOUR as i64 / RATE as i64, "{took:?} for what had waited");
    });
}

#[test]
fn what_expires_while_its_carrier_is_down_is_told_in_time_and_never_sent() {
    virtually(async {
        let bed = Bed::new(6, &carrier("cmpp30", ""), &trunk("cmpp30", "")).await;
        bed.pass(seconds(10)).await;
        bed.network().take_down("north");
        bed.pass(seconds(10)).await;
        let mut ids = Vec::new();
        for minutes in [1, 10, 59] {
            let mut short = message(&format!("{minutes} minutes"));
            short.expire_time = short.accept_time + seconds(60 * minutes);
            let expire_time = short.expire_time;
            ids.push((bed.submit(short).await, expire_time));
        }
        let long = bed.submit(message("a day")).await;
        bed.pass(seconds(HOUR)).await;
        bed.network().bring_up("north");
        bed.pass(seconds(2 * 60)).await;
        let seen = bed.end().await;
        for (id, expire_time) in ids {
            let (time, end) = seen.end_of(id);
            let late = time.duration_since(expire_time);
            assert_eq!(end.state, MessageState::Expired);
            assert_eq!(end.status.as_ref().map(|status| status.class), Some(FailureClass::Expired));
            let soon = SignedDuration::try_from(Duration::from_secs(1)).expect("a second");
            assert!((SignedDuration::ZERO..=soon).contains(&late), "{late:?}");
        }
        assert_eq!(seen.end_of(long).1.state, MessageState::Delivered);
        assert_eq!(seen.submits().into_keys().collect::<Vec<_>>(), ["a day"]);
    });
}

#[test]
fn what_a_restart_finds_is_cut_for_the_trunk_that_it_takes_now() {
    virtually(async {
        // CMPP takes 140 octets of Chinese a part less its header, SMPP 160 letters: the same text is four parts or three.
        let carriers = [carrier_named("north", "smpp34", ""), carrier_named("south", "cmpp30", "")].concat();
        let trunks = [trunk_to("north", "smpp34", ""), trunk_to("south", "cmpp30", "")].concat();
        let mut bed = Bed::new(7, &carriers, &trunks).await;
        bed.pass(seconds(10)).await;
        bed.network().take_down("north");
        bed.pass(seconds(30)).await;
        // Accepted for the one that is up.
        let mut scheduled = message(&"parcel 110 ".repeat(40));
        scheduled.send_time = Some(scheduled.accept_time + seconds(60));
        let id = bed.submit(scheduled).await;
        bed.kill_daemon().await;
        bed.network().bring_up("north");
        bed.start_daemon();
        bed.pass(seconds(120)).await;
        let seen = bed.end().await;
        let (_, end) = seen.end_of(id);
        assert_eq!((end.state, end.possible_duplicate), (MessageState::Delivered, false));
        let parts: Vec<_> = seen.lines("submit").into_iter().map(|(_, line)| line["part"].as_u64()).collect();
        assert_eq!(parts, [Some(1), Some(2), Some(3)], "as SMPP cuts it");
        assert_eq!(end.segments, 3);
    });
}
