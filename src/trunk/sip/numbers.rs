//! Numbers between our form and a carrier's own, by the rules of the trunk.
//!
//! Ours is international with `+`, and service numbers as they are dialled.

use std::borrow::Cow;

use crate::{
    config::{CallHeader, Direction, NumberRule},
    domain::{International, Number},
};

/// Visual separators of telephone numbers (RFC 3966 §5.1.1).
const SEPARATORS: [char; 4] = ['-', '.', '(', ')'];

/// A number as this header of a message to the carrier says it.
#[must_use]
pub(super) fn written(rules: &[NumberRule], header: CallHeader, number: &Number) -> String {
    rewritten(rules, Direction::Out, header, &international(number))
}

/// A number that this header of the carrier's message says, in our form.
#[must_use]
pub(super) fn read(rules: &[NumberRule], header: CallHeader, octets: &[u8]) -> Number {
    let text: String =
        String::from_utf8_lossy(octets).chars().filter(|one| !SEPARATORS.contains(one)).collect();
    Number::from_carrier(rewritten(rules, Direction::In, header, &text).as_bytes())
}

/// A mobile number of China gets its country code; what else has none is a service number, or the rules know it.
fn international(number: &Number) -> Cow<'_, str> {
    let text = number.as_str();
    if let Some(rest) = text.strip_prefix("00") {
        return Cow::Owned(format!("+{rest}"));
    }
    let international = International::of(number);
    if text.starts_with('+') || international.digits() == text.as_bytes() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("+{}", String::from_utf8_lossy(international.digits())))
}

fn rewritten(rules: &[NumberRule], direction: Direction, header: CallHeader, number: &str) -> String {
    let fits = |rule: &&NumberRule| {
        rule.direction == direction
            && (rule.headers.is_empty() || rule.headers.contains(&header))
            && number.starts_with(&rule.prefix)
    };
    match rules.iter().find(fits) {
        Some(rule) => format!("{}{}", rule.prepend, number.get(rule.strip..).unwrap_or_default()),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(
        direction: Direction,
        headers: &[CallHeader],
        prefix: &str,
        strip: usize,
        prepend: &str,
    ) -> NumberRule {
        let (prefix, prepend) = (prefix.to_owned(), prepend.to_owned());
        NumberRule { direction, headers: headers.to_vec(), prefix, strip, prepend }
    }

    #[test]
    fn numbers_are_international_unless_a_rule_says_otherwise() {
        let (to, from) = (CallHeader::To, CallHeader::From);
        let rules = [
            rule(Direction::Out, &[to], "+86", 3, "0"),
            rule(Direction::Out, &[], "+", 1, "00"),
            rule(Direction::In, &[], "0", 1, "+86"),
        ];
        for (header, number, out) in [
            (to, "+8613800138000", "013800138000"),
            (to, "13800138000", "013800138000"),
            (to, "008613800138000", "013800138000"),
            (from, "13800138000", "008613800138000"),
            (to, "+491700000000", "00491700000000"),
            (to, "95001", "95001"),
            (from, "4008001234", "4008001234"),
        ] {
            assert_eq!(written(&rules, header, &Number::parse(number).unwrap()), out, "{number}");
        }
        assert_eq!(written(&[], to, &Number::parse("13800138000").unwrap()), "+8613800138000");
        for (octets, number) in
            [("01088880000", "+861088880000"), ("+86-10-8888(0000)", "+861088880000"), ("95001", "95001")]
        {
            assert_eq!(read(&rules, from, octets.as_bytes()).as_str(), number, "{octets}");
        }
    }
}
