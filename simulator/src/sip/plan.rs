//! Which script a call gets: a function from the scenario's rules, a seeded generator and the number called.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::SmallRng};

use crate::{
    behaviour::{hits, mix},
    config::sip::{Act, AnswerBy, Response, Script, SipCarrier, Step},
};

/// The rules about calls that come in, and how far they have come.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<(AnswerBy, Rate, Arc<Script>)>,
    usual: Arc<Script>,
    rng: SmallRng,
}

/// Calls of the second that began at `since`.
#[derive(Debug, Default)]
struct Rate {
    since: Option<Instant>,
    calls: u32,
}

impl Plan {
    /// The rules of a carrier.
    #[must_use]
    pub fn new(carrier: &SipCarrier, seed: u64) -> Self {
        let with_script = |rule: &AnswerBy| {
            let script = carrier.script(&rule.script)?;
            Some((rule.clone(), Rate::default(), Arc::clone(script)))
        };
        Self {
            rules: carrier.answers.iter().filter_map(with_script).collect(),
            usual: Arc::new(usual()),
            rng: SmallRng::seed_from_u64(mix(seed, [carrier.name.as_str(), "answers"])),
        }
    }

    /// Decides on a call to this number.
    pub fn decide(&mut self, now: Instant, number: &str) -> Arc<Script> {
        let Self { rules, rng, usual } = self;
        for (rule, rate, script) in rules {
            let is_meant = rule.times != Some(0)
                && rule.number.as_deref().is_none_or(|meant| meant == number)
                && number.starts_with(&rule.prefix)
                && number.ends_with(&rule.suffix);
            if !is_meant || rule.above_per_second.is_some_and(|most| !rate.is_above(now, most)) {
                continue;
            }
            if hits(rule.ratio, rng) {
                if let Some(times) = &mut rule.times {
                    *times -= 1;
                }
                return Arc::clone(script);
            }
        }
        Arc::clone(usual)
    }

    /// The generator, for the delays of steps.
    pub fn rng(&mut self) -> &mut SmallRng {
        &mut self.rng
    }
}

impl Rate {
    fn is_above(&mut self, now: Instant, most: u32) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= Duration::from_secs(1);
        if self.since.is_none_or(is_over) {
            *self = Self { since: Some(now), calls: 0 };
        }
        self.calls += 1;
        self.calls > most
    }
}

/// What is done with a call that no rule fits: it rings and is answered.
fn usual() -> Script {
    let respond = |status, media| Step {
        after: crate::config::Delay::default(),
        act: Act::Respond(Response {
            status,
            reason: None,
            headers: Vec::new(),
            media,
            reliable: false,
            fork: 0,
        }),
    };
    Script {
        name: "usual".to_owned(),
        steps: vec![respond(180, None), respond(200, Some(1))],
        rules: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scenario;

    fn plan(answers: &str, seed: u64) -> Plan {
        let text = format!(
            "[[carrier]]\nname = \"a\"\nprotocol = \"sip\"\n\
             script = [{{ name = \"busy\", steps = [{{ respond = 486 }}] }}, {{ name = \"full\", steps = [{{ respond = 503 }}] }}]\n\
             answer = [{answers}]\n"
        );
        Plan::new(&Scenario::parse(&text).expect("a scenario").sip_carriers[0], seed)
    }

    #[test]
    fn decides_by_number_prefix_suffix_and_times() {
        let now = Instant::now();
        let mut plan = plan(
            r#"{ number = "100", script = "busy" }, { prefix = "86", suffix = "9", script = "full", times = 2 }"#,
            1,
        );
        let mut decide = |number| plan.decide(now, number).name.clone();
        assert_eq!(["100", "1001", "8619", "8610"].map(&mut decide), ["busy", "usual", "full", "usual"]);
        assert_eq!(["8619", "8619"].map(&mut decide), ["full", "usual"]);
    }

    #[test]
    fn decides_by_ratio_and_the_same_from_the_same_seed() {
        let now = Instant::now();
        let run = |seed| {
            let mut plan = plan(r#"{ ratio = 0.25, script = "busy" }"#, seed);
            (0..2000).map(|_| plan.decide(now, "1").name == "busy").collect::<Vec<_>>()
        };
        let busy = run(5).into_iter().filter(|is_busy| *is_busy).count();
        assert!((420..580).contains(&busy), "{busy}");
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn a_storm_hits_only_what_is_beyond_the_rate() {
        let now = Instant::now();
        let mut plan = plan(r#"{ above_per_second = 2, script = "full" }"#, 1);
        let mut second = |at| (0..4).map(|_| plan.decide(at, "1").name.clone()).collect::<Vec<_>>();
        let expected = ["usual", "usual", "full", "full"];
        assert_eq!(second(now), expected);
        assert_eq!(second(now + Duration::from_secs(1)), expected);
    }
}
