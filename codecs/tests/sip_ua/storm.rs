//! Many calls over a wire that loses, doubles, delays and reorders, from a seed.

use std::{collections::HashMap, time::Duration};

use codecs::sip::{
    cause::Own,
    ua::{Event, Hangup, LegEvent, LegId, Policy, Response},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::wire::{ANSWER, Fate, Side, Wire, policy};

/// What the wire does, in percent of messages, and how late one may be, milliseconds.
#[derive(Debug, Clone, Copy)]
struct Faults {
    lost: u32,
    doubled: u32,
    latest: u64,
}

/// Something that a user will do.
struct Plan {
    at: u64,
    side: Side,
    leg: LegId,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Respond(u16),
    HangUp,
}

fn fate(random: &mut SmallRng, faults: Faults) -> Fate {
    if random.random_range(0..100) < faults.lost {
        Fate::Lost
    } else if random.random_range(0..100) < faults.doubled {
        Fate::Twice(random.random_range(0..=faults.latest))
    } else {
        Fate::Late(random.random_range(0..=faults.latest))
    }
}

/// A run of 120 calls, and all that was told and sent in it.
fn storm(seed: u64, faults: Faults) -> (Vec<String>, Vec<String>) {
    let hasty = || Policy { answer_time: Some(Duration::from_secs(60)), ..policy() };
    let mut wire = Wire::with(hasty(), hasty());
    let (mut random, mut wires) = (SmallRng::seed_from_u64(seed), SmallRng::seed_from_u64(!seed));
    wire.rule = Box::new(move |_| fate(&mut wires, faults));
    let (mut plans, mut placed, mut read) = (Vec::<Plan>::new(), 0, 0);
    for at in (0..120_000).step_by(100) {
        wire.run_to(at);
        if at < 60_000 && at % 500 == 0 {
            let invite = wire.invitation(hasty());
            let leg = wire.place(invite);
            placed += 1;
            let at = at + random.random_range(1_000..30_000);
            plans.push(Plan { at, side: Side::Caller, leg, what: What::HangUp });
        }
        for (_, side, event) in &wire.told[read..] {
            let Event::Incoming(call) = event else { continue };
            let mut plan = |at, what| plans.push(Plan { at, side: *side, leg: call.leg, what });
            let rings = at + random.random_range(0..1_000);
            let decides = rings + random.random_range(0..10_000);
            let decision = [200, 200, 200, 200, 486, 603][random.random_range(0..6)];
            plan(rings, What::Respond(180));
            plan(decides, What::Respond(decision));
            plan(decides + random.random_range(0..40_000), What::HangUp);
        }
        read = wire.told.len();
        let (due, later): (Vec<_>, Vec<_>) = plans.into_iter().partition(|plan| plan.at <= at);
        plans = later;
        for Plan { side, leg, what, .. } in due {
            let now = wire.now();
            // What has ended or was answered meanwhile refuses, as it should.
            _ = match what {
                What::HangUp => wire.endpoint(side).hangup(now, leg, Hangup::new(Own::HungUp)),
                What::Respond(200) => {
                    wire.endpoint(side).respond(now, leg, Response::new(200).with_sdp(ANSWER))
                }
                What::Respond(status) => wire.endpoint(side).respond(now, leg, Response::new(status)),
            };
            wire.settle();
        }
    }
    // What nobody could tell the other side of is ended by the session timer at the latest.
    wire.rule = Box::new(|_| Fate::Arrives);
    wire.run(2_000_000);
    assert!(wire.is_clean(), "{seed}: something is left");
    check(&wire, placed);
    let told = wire.told.iter().map(|(at, side, event)| format!("{at} {side:?} {}", in_short(event)));
    (told.collect(), wire.ladder())
}

fn in_short(event: &Event) -> String {
    match event {
        Event::Leg { leg, what, .. } => format!("{leg:?} {}", super::wire::name(what)),
        Event::Incoming(call) => format!("{:?} incoming", call.leg),
        other => panic!("{other:?}"),
    }
}

/// Each leg began once, ended once, and said nothing after that.
fn check(wire: &Wire, placed: usize) {
    let mut answered = Vec::new();
    for of in [Side::Caller, Side::Carrier] {
        let (mut legs, mut answers) = (HashMap::new(), 0);
        for (_, _, event) in wire.told.iter().filter(|(_, side, _)| *side == of) {
            match event {
                Event::Incoming(call) => assert!(legs.insert(call.leg, false).is_none()),
                Event::Leg { leg, what, .. } => {
                    let ended = legs.entry(*leg).or_insert(false);
                    assert!(!*ended, "{what:?} after the end of {leg:?}");
                    if let LegEvent::Ended(end) = what {
                        *ended = true;
                        answers += usize::from(end.evidence.answered);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(legs.values().all(|ended| *ended), "a leg of {of:?} never ended");
        assert!(legs.len() <= placed, "no call comes in twice");
        answered.push(answers);
    }
    // Who calls can't have more answers than were given.
    assert!(answered[0] > placed / 4 && answered[0] <= answered[1], "{answered:?} of {placed}");
}

#[test]
fn every_call_ends_once_on_each_side_whatever_the_wire_does() {
    for (seed, faults) in [
        (1, Faults { lost: 0, doubled: 0, latest: 0 }),
        (2, Faults { lost: 10, doubled: 0, latest: 20 }),
        (3, Faults { lost: 10, doubled: 10, latest: 400 }),
        (4, Faults { lost: 30, doubled: 20, latest: 1_500 }),
        (5, Faults { lost: 0, doubled: 50, latest: 4_000 }),
    ] {
        storm(seed, faults);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let faults = Faults { lost: 10, doubled: 10, latest: 400 };
    assert_eq!(storm(6, faults), storm(6, faults));
}
