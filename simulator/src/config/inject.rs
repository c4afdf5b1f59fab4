//! `[[carrier.inject]]`: octets that a carrier says out of turn, such as a malformed answer or an unknown request.

use std::time::Duration;

use serde::Deserialize;

use super::some_duration;

/// Octets that a carrier says out of turn, once. Exactly one of `before_bind`, `after` and `after_submits` says when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// Only the connection with this number says it, counted from 1; by default the first to get there.
    pub link: Option<u64>,
    /// When a bind has come in, before it is answered.
    #[serde(default)]
    pub before_bind: bool,
    /// So long after a bind was accepted.
    #[serde(default, deserialize_with = "some_duration")]
    pub after: Option<Duration>,
    /// With this submit, counted from 1 over all links that are meant: right behind its answer.
    pub after_submits: Option<u64>,
    /// What is said: units, parts of units, or anything else.
    pub octets: Octets,
    /// The sequence number of the first unit of `octets`.
    #[serde(default)]
    pub sequence: Sequence,
    /// With `after_submits`: the submit is taken, its receipt comes, but this is all the answer that it gets.
    #[serde(default)]
    pub instead: bool,
}

/// Octets, in the scenario as hexadecimal digits; blanks between octets mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Octets(pub Vec<u8>);

/// Which sequence number injected octets have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sequence {
    /// The one that is written in them.
    #[default]
    AsWritten,
    /// The submit's: they are an answer to it.
    OfSubmit,
}

impl Inject {
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let moments = [self.before_bind, self.after.is_some(), self.after_submits.is_some()];
        if moments.into_iter().filter(|is_said| *is_said).count() != 1 {
            return Err(("inject", "exactly one of before_bind, after and after_submits"));
        }
        if self.after_submits == Some(0) {
            return Err(("inject.after_submits", "1 or more"));
        }
        if self.after_submits.is_none() && self.instead {
            return Err(("inject.instead", "only with after_submits"));
        }
        if self.after_submits.is_none() && self.sequence == Sequence::OfSubmit {
            return Err(("inject.sequence", "\"of-submit\" only with after_submits"));
        }
        Ok(())
    }
}

impl TryFrom<String> for Octets {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const PROBLEM: &str = "octets are pairs of hexadecimal digits, at least one pair";
        let digits: Option<Vec<_>> = text
            .chars()
            .filter(|character| !character.is_ascii_whitespace())
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.ok_or(PROBLEM)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err(PROBLEM);
        }
        Ok(Self(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_octets_with_blanks_between_them() {
        assert_eq!(Octets::try_from("00 0f\nA5".to_owned()), Ok(Octets(vec![0x00, 0x0F, 0xA5])));
        for wrong in ["", "0", "000", "0x00", "gg"] {
            assert!(Octets::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
