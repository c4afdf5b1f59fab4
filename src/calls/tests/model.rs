//! Random requests, facts, words, pauses and crashes: whatever happens, each accepted call ends once and has one record.

use std::collections::BTreeSet;

use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::sleep;

use super::bench::*;
use crate::{
    calls::*,
    domain::{CallId, Cause, Evidence, Sdp},
    trunk::calls::{CallFact, CallOrder, Placement},
};

const SEEDS: u64 = 12;
const STEPS: usize = 200;

/// What a run has done.
struct Run {
    bench: Bench,
    random: StdRng,
    accepted: BTreeSet<CallId>,
    came_in: BTreeSet<CallId>,
    /// Every placement there ever was: trunks also speak of those that are over.
    placements: Vec<Placement>,
    requests: u32,
}

impl Run {
    fn new(seed: u64) -> Self {
        let failover = Failover {
            post_dial_delay: seed.is_multiple_of(2).then_some(5 * SECOND),
            after_ringing: seed.is_multiple_of(3),
            ..Failover::default()
        };
        let setup = Setup {
            trunks: vec!["a", "b"],
            max_calls: seed.is_multiple_of(4).then_some(3),
            calls_per_second: seed.is_multiple_of(5).then_some(2),
            failover,
            max_open: 40,
            room: 8,
        };
        Self {
            bench: Bench::new(setup),
            random: StdRng::seed_from_u64(seed),
            accepted: BTreeSet::new(),
            came_in: BTreeSet::new(),
            placements: Vec::new(),
            requests: 0,
        }
    }

    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..20 => self.create().await,
            20..25 => {
                if let Some(placement) = self.bench.ring_in().await {
                    self.came_in.insert(placement.call);
                    self.placements.push(placement);
                }
            }
            25..70 => self.fact().await,
            70..82 => self.word().await,
            82..96 => {
                let millis = self.random.random_range(0..20_000);
                sleep(std::time::Duration::from_millis(millis)).await;
            }
            96..98 => {
                let down: &[&str] = [&["a"][..], &[], &["a", "b"]].choose(&mut self.random).unwrap();
                self.bench.set_down(down);
            }
            _ => {
                // At any point, also while something is on its way.
                self.bench.crash().await;
                self.bench.start();
            }
        }
        while let Some(order) = self.bench.any_order().await {
            self.obey(order).await;
        }
    }

    async fn create(&mut self) {
        // Now and then a key that was used before.
        let repeats = self.requests > 0 && self.random.random_ratio(1, 4);
        let key = if repeats { self.random.random_range(0..self.requests) } else { self.requests };
        self.requests = self.requests.max(key + 1);
        let request = asked_as(&format!("r{key}"), |call| call.max_duration = 600 * SECOND);
        if let Ok(answer) = self.bench.create(request).await {
            assert_eq!(answer.replayed, !self.accepted.insert(answer.call_id));
        }
    }

    /// A trunk heeds most orders, and some never.
    async fn obey(&mut self, order: CallOrder) {
        match order {
            CallOrder::Place(place) => self.placements.push(place.placement),
            CallOrder::Hangup { placement, .. } | CallOrder::Reject { placement, .. }
                if self.random.random_ratio(3, 4) =>
            {
                if self.random.random_ratio(1, 5) {
                    self.bench.tell(placement, answered()).await;
                }
                self.bench.tell(placement, ended(Cause::Cancelled)).await;
            }
            _ => {}
        }
    }

    async fn fact(&mut self) {
        let recent = self.placements.len().saturating_sub(12);
        let Some(placement) = self.placements[recent..].choose(&mut self.random).copied() else { return };
        let cause = *Cause::ALL.choose(&mut self.random).unwrap();
        let octet = Bytes::copy_from_slice(&[self.random.random()]);
        let sdp = Sdp::new(&octet);
        let fact = match self.random.random_range(0..14) {
            0..3 => sent(),
            3 => CallFact::Progress,
            4 => CallFact::Ringing,
            5 => CallFact::EarlyMedia { sdp: Some(sdp) },
            6..8 => answered(),
            8 => CallFact::Snapshot(octet),
            9 => CallFact::SessionOffer { sdp: Some(sdp) },
            10 => CallFact::Dtmf { digits: "7".into(), duration: None },
            11 => CallFact::AttemptFailed { cause, evidence: Evidence::default() },
            _ => ended(cause),
        };
        self.bench.tell(placement, fact).await;
    }

    async fn word(&mut self) {
        let ids: Vec<CallId> = self.accepted.iter().chain(&self.came_in).copied().collect();
        let Some(id) = ids.choose(&mut self.random).copied() else { return };
        let word = match self.random.random_range(0..7) {
            0 => Word::Ring(None),
            1 | 2 => Word::Answer(Sdp::new(b"a")),
            3 => Word::Reject(486),
            4 => Word::Offer(Sdp::new(b"o")),
            5 => Word::Reply(Err(488)),
            _ => Word::HangUp("x".into()),
        };
        // Most words do not fit: that they change nothing then is what is tested.
        let _ = self.bench.say(id, word).await;
    }

    /// Time alone ends every call.
    async fn finish(&mut self) {
        self.bench.set_down(&[]);
        for _ in 0..16 {
            sleep(60 * SECOND).await;
            while let Some(order) = self.bench.any_order().await {
                if let CallOrder::Place(place) = order {
                    self.placements.push(place.placement);
                }
            }
        }
    }
}

#[test]
fn whatever_happens_each_call_ends_once_and_has_one_record() {
    for seed in 0..SEEDS {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed))));
        assert!(told.is_ok(), "seed {seed}");
    }
}

async fn run(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step().await;
    }
    run.finish().await;
    let stories = run.bench.stories().await;
    for id in &run.accepted {
        assert_eq!(stories.get(id).map_or(0, |story| story.records.len()), 1, "{id} has no one record");
    }
    for (id, story) in &stories {
        story.record();
        let told = usize::from(run.came_in.contains(id));
        assert_eq!(story.inbound.len(), told);
        assert!(run.accepted.contains(id) || told == 1, "nobody asked for {id}");
    }
    assert_eq!(run.bench.open_on_disk(), 0);
    assert_eq!(run.bench.slots_taken(), 0);
}
