//! What is done to single messages of one call, in place of what would be done: they are lost, or answered otherwise.

use std::sync::Arc;

use crate::config::sip::{Header, Rule, Script, Way};

/// The rules of one call, and how often each has fitted.
#[derive(Debug, Clone)]
pub struct Rules {
    script: Arc<Script>,
    fitted: Vec<u32>,
    is_silent: bool,
    /// Requests that a rule answered: when they come again, they are answered the same.
    answered: Vec<(u32, usize)>,
}

/// A message as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Which way it goes.
    pub way: Way,
    /// The method of the request, or of the one that a response belongs to.
    pub method: &'a [u8],
    /// The status of a response.
    pub status: Option<u16>,
    /// Its CSeq number.
    pub number: u32,
}

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment<'a> {
    /// What is usual.
    Pass,
    /// It is lost.
    Lose,
    /// It gets this answer and goes no further.
    Answer(u16, &'a [Header]),
}

impl Rules {
    /// The rules of a script.
    #[must_use]
    pub fn new(script: Arc<Script>) -> Self {
        let fitted = vec![0; script.rules.len()];
        Self { script, fitted, is_silent: false, answered: Vec::new() }
    }

    /// From now on every message of the call is lost, both ways.
    pub fn silence(&mut self) {
        self.is_silent = true;
    }

    /// Says what is done to a message.
    pub fn treat(&mut self, seen: Seen<'_>) -> Treatment<'_> {
        if self.is_silent {
            return Treatment::Lose;
        }
        let Self { script, fitted, answered, .. } = self;
        let is_meant = |rule: &Rule| {
            rule.way == seen.way && rule.method.as_bytes() == seen.method && rule.status == seen.status
        };
        for (index, rule) in script.rules.iter().enumerate().filter(|(_, rule)| is_meant(rule)) {
            if let Some(status) = rule.answer
                && answered.contains(&(seen.number, index))
            {
                return Treatment::Answer(status, &rule.headers);
            }
            let fitted = &mut fitted[index];
            *fitted = fitted.saturating_add(1);
            let last = rule.times.map_or(u32::MAX, |times| rule.skip.saturating_add(times));
            if !(rule.skip + 1..=last).contains(fitted) {
                continue;
            }
            let Some(status) = rule.answer else { return Treatment::Lose };
            answered.push((seen.number, index));
            return Treatment::Answer(status, &rule.headers);
        }
        Treatment::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &str) -> Rules {
        let script = format!("name = \"a\"\nrules = [{rules}]");
        Rules::new(Arc::new(toml::from_str(&script).expect("a script")))
    }

    fn request(method: &'static str, number: u32) -> Seen<'static> {
        Seen { way: Way::In, method: method.as_bytes(), status: None, number }
    }

    #[test]
    fn loses_so_many_and_lets_the_others_through() {
        let mut rules = rules(r#"{ method = "ACK", skip = 1, times = 2 }"#);
        let treated = [0; 4].map(|_| rules.treat(request("ACK", 1)) == Treatment::Lose);
        assert_eq!(treated, [false, true, true, false]);
        assert_eq!(rules.treat(request("BYE", 2)), Treatment::Pass);
    }

    #[test]
    fn loses_responses_on_their_way_out() {
        let mut rules = rules(r#"{ way = "out", method = "INVITE", status = 200, times = 1 }"#);
        let ok = Seen { way: Way::Out, status: Some(200), ..request("INVITE", 1) };
        assert_eq!(rules.treat(Seen { status: Some(180), ..ok }), Treatment::Pass);
        assert_eq!([rules.treat(ok) == Treatment::Lose, rules.treat(ok) == Treatment::Lose], [true, false]);
    }

    #[test]
    fn answers_a_request_that_comes_again_the_same() {
        let mut rules = rules(r#"{ method = "UPDATE", times = 1, answer = 491 }"#);
        let mut is_refused =
            |number| matches!(rules.treat(request("UPDATE", number)), Treatment::Answer(491, _));
        assert_eq!([is_refused(7), is_refused(7), is_refused(8)], [true, true, false]);
    }

    #[test]
    fn silence_swallows_everything() {
        let mut rules = rules("");
        rules.silence();
        assert_eq!(rules.treat(request("BYE", 1)), Treatment::Lose);
    }
}
