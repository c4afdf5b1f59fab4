//! What a carrier does with what it gets: a function from its rules, a seeded generator and a few facts.
//!
//! No IO and no clock: the same seed and the same calls in the same order give the same decisions. Carrying them out
//! is left to the links.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::config::{Answer, Carrier, Ratio, Receipts, Refuse, RefuseOn, Throttle};

/// What is done with a submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken and answered so.
    Accept,
    /// It is answered with this status.
    Refuse(u32),
    /// It is taken, and never answered.
    Silence,
}

/// The decision about one submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is done with it.
    pub verdict: Verdict,
    /// How long the answer takes.
    pub delay: Duration,
}

/// What a bind or a submit asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Of a bind: the version, as the protocol writes it.
    pub version: u8,
    /// Of a bind: its command id.
    pub command: u32,
    /// Of a submit: which part of a long message it is, if it is one.
    pub part: Option<u8>,
}

/// Which receipts the sender of a message wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// None.
    Never,
    /// Whatever becomes of it.
    Always,
    /// Only if it is not delivered.
    OnFailure,
    /// Only if it is delivered.
    OnSuccess,
}

/// The decision about the receipt of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// What became of the message: an index into [`Receipts::states`].
    pub state: usize,
    /// From the answer to the receipt.
    pub delay: Duration,
    /// How often the receipt is sent, 1 or 2.
    pub copies: u8,
}

/// The rules of one carrier for one account, and the state that they need.
#[derive(Debug)]
pub struct Behaviour {
    refusals: Vec<Refuse>,
    answer: Answer,
    receipts: Receipts,
    weights: u64,
    bucket: Option<Bucket>,
    rng: SmallRng,
}

impl Behaviour {
    /// The rules of `carrier` for its account `account`. `throttled` is the status for what is too much.
    #[must_use]
    pub fn new(carrier: &Carrier, account: &str, seed: u64, throttled: u32) -> Self {
        Self {
            refusals: carrier.refusals.clone(),
            answer: carrier.answer.clone(),
            receipts: carrier.receipts.clone(),
            weights: carrier.receipts.states.iter().map(|state| u64::from(state.weight)).sum(),
            bucket: carrier.throttle.map(|throttle| Bucket::new(throttle, throttled)),
            rng: SmallRng::seed_from_u64(mix(seed, [carrier.name.as_str(), account])),
        }
    }

    /// Decides a bind: the status that it is refused with, if it is.
    pub fn decide_bind(&mut self, account: &str, asked: Asked) -> Option<u32> {
        self.refused(RefuseOn::Bind, account.as_bytes(), asked)
    }

    /// Decides a submit to `recipient`, which is this part of a long message if it is one.
    pub fn decide_submit(&mut self, now: Instant, recipient: &[u8], part: Option<u8>) -> Decision {
        let throttled = self.bucket.as_mut().and_then(|bucket| bucket.take(now).err());
        let refused = throttled
            .or_else(|| self.refused(RefuseOn::Submit, recipient, Asked { part, ..Asked::default() }));
        let verdict = match refused {
            Some(status) => Verdict::Refuse(status),
            None if self.hits(self.answer.silence) => Verdict::Silence,
            None => Verdict::Accept,
        };
        Decision { verdict, delay: self.answer.delay.draw(&mut self.rng) }
    }

    /// Decides what becomes of a message that was taken, and whether that is told: `None` when it is not.
    pub fn decide_receipt(&mut self, wanted: Wanted) -> Option<Fate> {
        let state = self.draw_state();
        let is_success = self.receipts.states[state].stat == "DELIVRD";
        let is_wanted = match wanted {
            Wanted::Never => false,
            Wanted::Always => true,
            Wanted::OnFailure => !is_success,
            Wanted::OnSuccess => is_success,
        };
        if !is_wanted || !self.hits(self.receipts.ratio) {
            return None;
        }
        let copies = if self.hits(self.receipts.duplicate) { 2 } else { 1 };
        Some(Fate { state, delay: self.receipts.delay.draw(&mut self.rng), copies })
    }

    /// The rules about receipts.
    #[must_use]
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// The generator, for whatever else has to be drawn for this account.
    pub fn rng(&mut self) -> &mut impl Rng {
        &mut self.rng
    }

    fn refused(&mut self, on: RefuseOn, subject: &[u8], asked: Asked) -> Option<u32> {
        let Self { refusals, rng, .. } = self;
        let fits = |rule: &&mut Refuse| {
            rule.on == on
                && rule.times != Some(0)
                && subject.starts_with(rule.prefix.as_bytes())
                && subject.ends_with(rule.suffix.as_bytes())
                && rule.above_version.is_none_or(|version| asked.version > version)
                && (rule.part.is_none() || rule.part == asked.part)
                && rule.command.is_none_or(|command| asked.command == command)
                && hits(rule.ratio, rng)
        };
        let rule = refusals.iter_mut().find(fits)?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.status)
    }

    fn draw_state(&mut self) -> usize {
        let states = &self.receipts.states;
        if states.len() == 1 {
            return 0;
        }
        let mut drawn = self.rng.random_range(0..self.weights.max(1));
        let hit = states.iter().position(|state| match drawn.checked_sub(u64::from(state.weight)) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        hit.unwrap_or(0)
    }

    fn hits(&mut self, ratio: Ratio) -> bool {
        hits(ratio, &mut self.rng)
    }
}

/// Draws whether a share hits. Nothing is drawn for none and for all, so that a rule that is off changes nothing.
pub(crate) fn hits(ratio: Ratio, rng: &mut impl Rng) -> bool {
    if ratio == Ratio::NEVER {
        false
    } else if ratio == Ratio::ALWAYS {
        true
    } else {
        rng.random_bool(ratio.get())
    }
}

/// One seed out of the scenario's and some names (FNV-1a), so that carriers and accounts don't repeat each other.
pub(crate) fn mix<'a>(seed: u64, names: impl IntoIterator<Item = &'a str>) -> u64 {
    let octets = names.into_iter().flat_map(|name| name.bytes().chain([0]));
    octets.fold(0xCBF2_9CE4_8422_2325 ^ seed, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A token bucket that holds one second's worth.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    status: u32,
    tokens: f64,
    filled: Option<Instant>,
}

impl Bucket {
    fn new(throttle: Throttle, status: u32) -> Self {
        let per_second = f64::from(throttle.submits_per_second);
        Self { per_second, status: throttle.status.unwrap_or(status), tokens: per_second, filled: None }
    }

    /// Takes one token, or tells the status that is owed.
    fn take(&mut self, now: Instant) -> Result<(), u32> {
        let passed = self.filled.map_or(Duration::ZERO, |filled| now.saturating_duration_since(filled));
        self.filled = Some(now);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.per_second);
        if self.tokens < 1.0 {
            return Err(self.status);
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Scenario;

    fn behaviour(rules: &str, seed: u64) -> Behaviour {
        let text = format!(
            "[[carrier]]\nname = \"a\"\nprotocol = \"smpp34\"\n{rules}\n\
             [[carrier.account]]\nsystem_id = \"esme\"\npassword = \"p\"\n"
        );
        let scenario = Scenario::parse(&text).expect("a scenario");
        Behaviour::new(&scenario.carriers[0], "esme", seed, 0x58)
    }

    const MIXED: &str = r#"
        answer = { delay = { from = "1ms", to = "9ms" }, silence = 0.1 }
        receipts = { ratio = 0.8, duplicate = 0.2, delay = { mean = "1s" }, states = [
            { stat = "DELIVRD", weight = 7 }, { stat = "UNDELIV", weight = 2 }, { stat = "MK:0001" }] }
        refuse = [{ on = "submit", ratio = 0.2, status = 0x45 }]
    "#;

    type Pair = (Decision, Option<Fate>);

    fn run(rules: &str, seed: u64, count: usize) -> Vec<Pair> {
        let mut behaviour = behaviour(rules, seed);
        let now = Instant::now();
        (0..count)
            .map(|_| (behaviour.decide_submit(now, b"4179", None), behaviour.decide_receipt(Wanted::Always)))
            .collect()
    }

    proptest! {
        #[test]
        fn decides_the_same_from_the_same_seed(seed: u64) {
            prop_assert_eq!(run(MIXED, seed, 100), run(MIXED, seed, 100));
        }
    }

    #[test]
    fn decides_otherwise_from_another_seed() {
        assert_ne!(run(MIXED, 1, 100), run(MIXED, 2, 100));
    }

    #[test]
    fn keeps_to_its_ratios() {
        let run = run(MIXED, 7, 20_000);
        let share =
            |hit: fn(&Pair) -> bool| run.iter().filter(|one| hit(one)).count() as f64 / run.len() as f64;
        let near = |share: f64, expected: f64| (share - expected).abs() < 0.02;
        assert!(near(share(|(decision, _)| decision.verdict == Verdict::Refuse(0x45)), 0.2));
        assert!(near(share(|(decision, _)| decision.verdict == Verdict::Silence), 0.08));
        assert!(near(share(|(_, fate)| fate.is_some()), 0.8));
        assert!(near(share(|(_, fate)| fate.is_some_and(|fate| fate.copies == 2)), 0.16));
        assert!(near(share(|(_, fate)| fate.is_some_and(|fate| fate.state == 0)), 0.56));
        assert!(near(share(|(_, fate)| fate.is_some_and(|fate| fate.state == 2)), 0.08));
    }

    #[test]
    fn refuses_by_prefix_and_suffix() {
        let mut behaviour = behaviour(
            r#"refuse = [{ on = "submit", prefix = "999", status = 0x0B }, { on = "submit", suffix = "00", status = 0x14 },
               { on = "bind", prefix = "bad", status = 0x0D }]"#,
            1,
        );
        let now = Instant::now();
        let mut verdict = |number: &[u8]| behaviour.decide_submit(now, number, None).verdict;
        assert_eq!(verdict(b"99912"), Verdict::Refuse(0x0B));
        assert_eq!(verdict(b"12300"), Verdict::Refuse(0x14));
        assert_eq!(verdict(b"12399"), Verdict::Accept);
        assert_eq!(behaviour.decide_bind("badger", Asked::default()), Some(0x0D));
        assert_eq!(behaviour.decide_bind("esme", Asked::default()), None);
    }

    #[test]
    fn refuses_binds_by_version_and_command() {
        let mut behaviour = behaviour(
            r#"refuse = [{ on = "bind", above_version = 0x34, status = 0x0D }, { on = "bind", command = 9, status = 3 }]"#,
            1,
        );
        let mut verdict =
            |version, command| behaviour.decide_bind("esme", Asked { version, command, part: None });
        assert_eq!(verdict(0x50, 2), Some(0x0D));
        assert_eq!(verdict(0x34, 9), Some(3));
        assert_eq!(verdict(0x34, 2), None);
    }

    #[test]
    fn throttles_what_is_beyond_the_rate_and_forgives_with_time() {
        let mut behaviour = behaviour("throttle = { submits_per_second = 10 }", 1);
        let now = Instant::now();
        let accepted =
            (0..15).filter(|_| behaviour.decide_submit(now, b"1", None).verdict == Verdict::Accept).count();
        assert_eq!(accepted, 10);
        assert_eq!(behaviour.decide_submit(now, b"1", None).verdict, Verdict::Refuse(0x58));
        let later = now + Duration::from_millis(250);
        let accepted =
            (0..15).filter(|_| behaviour.decide_submit(later, b"1", None).verdict == Verdict::Accept).count();
        assert_eq!(accepted, 2);
    }

    #[test]
    fn sends_only_the_receipts_that_are_wanted() {
        let mut delivered = behaviour("", 1);
        let mut fates = [Wanted::Never, Wanted::Always, Wanted::OnFailure, Wanted::OnSuccess]
            .map(|wanted| delivered.decide_receipt(wanted).is_some());
        assert_eq!(fates, [false, true, false, true]);
        let mut failed = behaviour(r#"receipts = { states = [{ stat = "EXPIRED" }] }"#, 1);
        fates = [Wanted::Never, Wanted::Always, Wanted::OnFailure, Wanted::OnSuccess]
            .map(|wanted| failed.decide_receipt(wanted).is_some());
        assert_eq!(fates, [false, true, true, false]);
    }
}
