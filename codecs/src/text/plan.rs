//! Which charset carries a text best.
//!
//! Best is: fewest messages, then fewest octets, then the earlier in the caller's list.

use super::{
    charset::{Charset, Unencodable},
    segment::{self, Capacity, Count, SplitError},
    udh::Width,
};

/// A text ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The chosen charset.
    pub charset: Charset,
    /// The pieces, encoded, without headers; a single one goes out without a concatenation header.
    pub parts: Vec<Vec<u8>>,
    /// The charset's units in all of them together.
    pub units: usize,
}

/// The charset of `allowed` that is best on a phone's limits with 8-bit references; `None` when none has every
/// character. Allocates nothing.
#[must_use]
pub fn cheapest(text: &str, allowed: &[Charset]) -> Option<Charset> {
    let capacity_of = |charset| Capacity::gsm(charset, Width::Eight.header_octets());
    best(text, allowed, capacity_of).ok().map(|(charset, _)| charset)
}

/// Chooses the best charset, encodes and splits.
///
/// # Errors
/// No allowed charset has every character (told is the one that got furthest), or even the best takes more than
/// `max_parts`.
pub fn plan(
    text: &str,
    allowed: &[Charset],
    capacity_of: impl Fn(Charset) -> Capacity,
    max_parts: u8,
) -> Result<Plan, SplitError> {
    let (charset, Count { units, .. }) = best(text, allowed, &capacity_of)?;
    let parts = segment::split(text, charset, capacity_of(charset), max_parts)?;
    Ok(Plan { charset, parts, units })
}

fn best(
    text: &str,
    allowed: &[Charset],
    capacity_of: impl Fn(Charset) -> Capacity,
) -> Result<(Charset, Count), SplitError> {
    let cost = |(charset, count): (Charset, Count)| (count.parts, count.units * charset.unit_octets());
    let mut best = Err(SplitError::NoCharset);
    for &charset in allowed {
        let counted = segment::count(text, charset, capacity_of(charset)).map(|count| (charset, count));
        let better = match (best, counted) {
            (Ok(best), Ok(counted)) => cost(counted) < cost(best),
            (Err(_), Ok(_)) => true,
            (Err(best), Err(refused)) => reach(refused) > reach(best),
            (Ok(_), Err(_)) => false,
        };
        if better {
            best = counted;
        }
    }
    best
}

/// How far into the text a refusal came, to tell the most useful one.
fn reach(refused: SplitError) -> Option<usize> {
    match refused {
        SplitError::NoCharset => None,
        SplitError::Unencodable(Unencodable { index, .. }) => Some(index),
        SplitError::TooManyParts { .. } | SplitError::NoRoom => Some(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GSM: [Charset; 3] = [Charset::Gsm7, Charset::Latin1, Charset::Ucs2];

    #[test]
    fn chooses_what_takes_the_fewest_messages_then_octets_then_the_first() {
        assert_eq!(cheapest("hello", &GSM), Some(Charset::Gsm7));
        assert_eq!(
            cheapest("hello", &[Charset::Ucs2, Charset::Latin1, Charset::Gsm7]),
            Some(Charset::Latin1)
        );
        assert_eq!(cheapest("naïve ç", &GSM), Some(Charset::Latin1));
        assert_eq!(cheapest("Привет", &GSM), Some(Charset::Ucs2));
        // As octets this is shorter in Latin-1, but it takes two messages there.
        let long = format!("{}€", "a".repeat(150));
        assert_eq!(cheapest(&long, &GSM), Some(Charset::Gsm7));
        let long = format!("{}[]", "a".repeat(140));
        assert_eq!(cheapest(&long, &GSM), Some(Charset::Gsm7));
        assert_eq!(cheapest("你a", &[Charset::Ucs2, Charset::Gbk]), Some(Charset::Gbk));
        assert_eq!(cheapest("你", &[Charset::Ucs2, Charset::Gbk]), Some(Charset::Ucs2));
        assert_eq!(cheapest("你", &[Charset::Ascii, Charset::Gsm7]), None);
    }

    #[test]
    fn plans_the_parts_of_the_best_charset() {
        let capacity_of = |charset| Capacity::cmpp(charset, Width::Eight);
        let planned =
            plan(&"【测试】".repeat(20), &[Charset::Ascii, Charset::Gbk, Charset::Ucs2], capacity_of, 9)
                .unwrap();
        assert_eq!((planned.charset, planned.units), (Charset::Gbk, 160));
        assert_eq!(planned.parts.iter().map(Vec::len).collect::<Vec<_>>(), [134, 26]);
    }

    #[test]
    fn tells_why_there_is_no_plan() {
        let capacity_of = |charset| Capacity::gsm(charset, 6);
        assert_eq!(plan("a", &[], capacity_of, 9), Err(SplitError::NoCharset));
        assert_eq!(
            plan("aé你", &[Charset::Latin1, Charset::Ascii], capacity_of, 9),
            Err(SplitError::Unencodable(Unencodable { character: '你', index: 3 }))
        );
        assert_eq!(
            plan(&"你".repeat(200), &GSM, capacity_of, 2),
            Err(SplitError::TooManyParts { needed: 3 })
        );
    }
}
