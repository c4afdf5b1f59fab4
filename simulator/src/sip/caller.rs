//! When the carrier calls, whom, and from which number: a function of the time and a seeded generator.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    behaviour::mix,
    config::sip::{CallTarget, Calls, NumberForm},
};

/// The most calls that are made up for at once when time was lost.
const AT_ONCE: u64 = 1_000;

/// Makes up the carrier's own calls.
#[derive(Debug)]
pub struct Caller {
    calls: Calls,
    rng: SmallRng,
    /// When the first call was due.
    started: Option<Instant>,
    made: u64,
}

/// One call to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
}

impl Caller {
    /// No call was made yet.
    #[must_use]
    pub fn new(calls: Calls, seed: u64, carrier: &str) -> Self {
        let rng = SmallRng::seed_from_u64(mix(seed, [carrier, "calls"]));
        Self { calls, rng, started: None, made: 0 }
    }

    /// What the scenario says of them.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The next call that is due by now.
    pub fn next(&mut self, now: Instant) -> Option<Number> {
        let due = self.poll_timeout()?;
        self.started.get_or_insert(now);
        if due > now {
            return None;
        }
        self.made += 1;
        Some(self.draw())
    }

    /// When the next call is due; at once before the first; `None` when all were made.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_done() {
            return None;
        }
        let started = self.started?;
        Some(started + Duration::from_secs_f64(self.made as f64 / self.calls.per_second))
    }

    /// Says whether all calls were made.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.calls.per_second <= 0.0 || self.calls.count.is_some_and(|count| self.made >= count)
    }

    /// This account has registered: if calls go there, they are due from now on.
    pub fn registered(&mut self, now: Instant, account: &str) {
        if matches!(&self.calls.target, CallTarget::Account(name) if name == account) {
            self.start(now);
        }
    }

    /// The target is there: calls are due from now on.
    pub fn start(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    /// Forgets calls that were due long ago, so that a pause is not made up for at once.
    pub fn catch_up(&mut self, now: Instant) {
        let Some(started) = self.started else { return };
        let owed = (now.saturating_duration_since(started).as_secs_f64() * self.calls.per_second) as u64;
        if owed > self.made + AT_ONCE {
            let lost = Duration::from_secs_f64((owed - self.made - AT_ONCE) as f64 / self.calls.per_second);
            self.started = Some(started + lost);
        }
    }

    /// The generator, for what else is drawn for a call.
    pub fn rng(&mut self) -> &mut SmallRng {
        &mut self.rng
    }

    fn draw(&mut self) -> Number {
        let Self { calls, rng, .. } = self;
        let mut pick = |list: &[String]| match list {
            [one] => one.clone(),
            _ => list[rng.random_range(0..list.len())].clone(),
        };
        Number { from: pick(&calls.from), to: pick(&calls.to) }
    }
}

/// A number as a URI. `parameters` begin with a semicolon, or are empty.
#[must_use]
pub fn uri(form: NumberForm, number: &str, host: &str, parameters: &str) -> String {
    match form {
        NumberForm::Sip if parameters.is_empty() => format!("sip:{number}@{host}"),
        // They are the number's, so they stay in the user part.
        NumberForm::Sip => format!("sip:{number}{parameters}@{host}"),
        NumberForm::SipPhone => format!("sip:{number}{parameters}@{host};user=phone"),
        NumberForm::Tel => format!("tel:{number}{parameters}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scenario;

    fn caller(keys: &str) -> Caller {
        let text = format!(
            "[[carrier]]\nname = \"a\"\nprotocol = \"sip\"\n[carrier.calls]\ntarget = {{ address = \"127.0.0.1:5060\" }}\n{keys}\n"
        );
        let scenario = Scenario::parse(&text).expect("a scenario");
        Caller::new(scenario.sip_carriers[0].calls.clone().expect("calls"), 1, "a")
    }

    #[test]
    fn calls_at_its_rate_until_all_are_made() {
        let mut caller = caller("per_second = 10\ncount = 3\nfrom = [\"1\"]\nto = [\"2\"]");
        let now = Instant::now();
        assert_eq!((caller.poll_timeout(), caller.next(now)), (None, None));
        caller.start(now);
        let number = Number { from: "1".to_owned(), to: "2".to_owned() };
        assert_eq!((caller.next(now), caller.next(now)), (Some(number.clone()), None));
        let ms = Duration::from_millis;
        assert_eq!(caller.poll_timeout(), Some(now + ms(100)));
        assert_eq!((caller.next(now + ms(99)), caller.next(now + ms(100))), (None, Some(number.clone())));
        assert_eq!(caller.next(now + ms(999)), Some(number));
        assert_eq!((caller.next(now + ms(999)), caller.poll_timeout()), (None, None));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let mut caller = caller("per_second = 100\nfrom = [\"1\"]\nto = [\"2\"]");
        let now = Instant::now();
        caller.start(now);
        let later = now + Duration::from_secs(3600);
        caller.catch_up(later);
        let due = std::iter::from_fn(|| caller.next(later)).count() as u64;
        assert!((AT_ONCE - 1..=AT_ONCE + 1).contains(&due), "{due}");
    }

    #[test]
    fn draws_from_its_lists() {
        let mut caller = caller("per_second = 1000\nfrom = [\"1\", \"3\"]\nto = [\"2\"]");
        let now = Instant::now();
        caller.start(now);
        let drawn: Vec<_> =
            std::iter::from_fn(|| caller.next(now + Duration::from_millis(50))).map(|one| one.from).collect();
        assert!(drawn.contains(&"1".to_owned()) && drawn.contains(&"3".to_owned()), "{drawn:?}");
    }

    #[test]
    fn a_number_has_three_forms() {
        let write = |form| uri(form, "+8613800138000", "ims.example", ";npdi;rn=+8613440000");
        assert_eq!(write(NumberForm::Tel), "tel:+8613800138000;npdi;rn=+8613440000");
        assert_eq!(write(NumberForm::Sip), "sip:+8613800138000;npdi;rn=+8613440000@ims.example");
        assert_eq!(uri(NumberForm::SipPhone, "100", "ims.example", ""), "sip:100@ims.example;user=phone");
    }
}
