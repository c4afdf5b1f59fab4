//! Numbers in international form, and whose they are: ranges of operators, and numbers that were carried to another.

use std::{collections::BTreeMap, fmt};

use super::{Number, TenantId, mask};

/// Most digits of an international number (E.164).
const MAX_E164: usize = 15;
/// China's calling code goes before a number of national form.
const CHINA: &[u8] = b"86";
/// Bits of a row that hold its operator.
const OPERATOR_BITS: u32 = 8;

/// A number's digits with their calling code in front, without `+` and `00`.
///
/// What has neither and is formed like a Chinese mobile number (eleven digits from 13 to 19) is one; any other is taken
/// to begin with its calling code. A number of North America is formed alike, so it needs its `+`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct International {
    octets: [u8; Number::MAX_DIGITS + CHINA.len()],
    length: usize,
}

impl International {
    /// The international form of a number.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        let digits = number.digits().as_bytes();
        let digits = &digits[..digits.len().min(Number::MAX_DIGITS)];
        let has_plus = number.as_str().starts_with('+');
        match digits {
            [b'0', b'0', rest @ ..] => Self::joined(&[], rest),
            [b'1', b'3'..=b'9', ..] if digits.len() == 11 && !has_plus => Self::joined(CHINA, digits),
            _ => Self::joined(&[], digits),
        }
    }

    fn joined(code: &[u8], rest: &[u8]) -> Self {
        let mut octets = [0; Number::MAX_DIGITS + CHINA.len()];
        octets[..code.len()].copy_from_slice(code);
        octets[code.len()..code.len() + rest.len()].copy_from_slice(rest);
        Self { octets, length: code.len() + rest.len() }
    }

    /// Its digits.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl fmt::Debug for International {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&String::from_utf8_lossy(self.digits())))
    }
}

/// Digits of a data file as a number, 1 to 15 of them, the first no zero. `None` for anything else.
#[must_use]
pub fn e164(digits: &[u8]) -> Option<u64> {
    let sound =
        (1..=MAX_E164).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
    sound.then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// An index into the names of a plan's operators.
pub type OperatorIndex = u8;

/// How an operator was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperatorSource {
    /// By the range that the number lies in.
    Range,
    /// The number was carried there.
    Portability,
}

/// Which operator serves a number. Immutable.
///
/// # Memory
/// Eight octets for each range and each ported number: ten million of them take 80 MB, and some 350 MB while their file
/// is being read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberPlan {
    operators: Vec<String>,
    ranges: Table,
    ported: Table,
    /// The tenants that numbers of ours belong to, by what a number begins with.
    owners: BTreeMap<Box<[u8]>, TenantId>,
}

impl NumberPlan {
    /// A plan over rows in any order: a prefix, or a whole number, as [`e164`] reads them, each with its operator's index
    /// in `operators`. Of several rows with one key the last holds.
    #[must_use]
    pub fn new(
        operators: Vec<String>,
        ranges: impl IntoIterator<Item = (u64, OperatorIndex)>,
        ported: impl IntoIterator<Item = (u64, OperatorIndex)>,
    ) -> Self {
        Self { operators, ranges: Table::new(ranges), ported: Table::new(ported), owners: BTreeMap::new() }
    }

    /// The same plan, knowing which tenants numbers of ours belong to: what a number begins with, in international form
    /// without `+`, or as it is dialled where it has none.
    #[must_use]
    pub fn owned(self, owners: impl IntoIterator<Item = (String, TenantId)>) -> Self {
        let owners = owners.into_iter().map(|(prefix, tenant)| (prefix.into_bytes().into(), tenant));
        Self { owners: owners.collect(), ..self }
    }

    /// The tenant that a number of ours belongs to, by the longest beginning that is known.
    #[must_use]
    pub fn owner(&self, number: &Number) -> Option<&TenantId> {
        let international = International::of(number);
        let digits = international.digits();
        (1..=digits.len()).rev().find_map(|length| self.owners.get(&digits[..length]))
    }

    /// Nothing is known of any number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.rows.is_empty() && self.ported.rows.is_empty()
    }

    /// The operators that it knows.
    #[must_use]
    pub fn operators(&self) -> &[String] {
        &self.operators
    }

    /// The operator of a number: where it was carried to, else that of the longest prefix among the ranges.
    #[must_use]
    pub fn operator(&self, number: &International) -> Option<(&str, OperatorSource)> {
        let digits = number.digits();
        let ported = e164(digits).and_then(|whole| self.ported.get(whole));
        let found = ported.map(|index| (index, OperatorSource::Portability));
        let (index, source) =
            found.or_else(|| self.ranges.longest(digits).map(|index| (index, OperatorSource::Range)))?;
        self.operators.get(usize::from(index)).map(|name| (name.as_str(), source))
    }
}

/// Sorted rows: a number above, its operator in the lowest octet. Fifteen digits need fifty bits.
#[derive(Clone, Default, PartialEq, Eq)]
struct Table {
    rows: Vec<u64>,
    /// Bit n: some key has n digits.
    lengths: u16,
}

impl Table {
    fn new(rows: impl IntoIterator<Item = (u64, OperatorIndex)>) -> Self {
        let mut lengths = 0;
        let pack = |(key, operator): (u64, OperatorIndex)| {
            lengths |= 1 << (key.max(1).ilog10() + 1).min(15);
            key << OPERATOR_BITS | u64::from(operator)
        };
        let mut rows: Vec<u64> = rows.into_iter().map(pack).collect();
        rows.sort_by_key(|row| row >> OPERATOR_BITS);
        // The sort is stable, so the last of equal keys was given last.
        rows.dedup_by(|later, kept| {
            let same = *later >> OPERATOR_BITS == *kept >> OPERATOR_BITS;
            if same {
                *kept = *later;
            }
            same
        });
        rows.shrink_to_fit();
        Self { rows, lengths }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lowest octet is what is wanted")]
    fn get(&self, key: u64) -> Option<OperatorIndex> {
        let at = self.rows.binary_search_by_key(&key, |row| row >> OPERATOR_BITS).ok()?;
        Some(self.rows[at] as OperatorIndex)
    }

    /// The operator of the longest key that `digits` begin with.
    fn longest(&self, digits: &[u8]) -> Option<OperatorIndex> {
        let longest = digits.len().min(MAX_E164);
        let mut key = e164(&digits[..longest])?;
        for length in (1..=longest).rev() {
            if self.lengths & 1 << length != 0
                && let Some(operator) = self.get(key)
            {
                return Some(operator);
            }
            key /= 10;
        }
        None
    }
}

impl fmt::Debug for Table {
    /// Numbers of people do not enter a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn international(text: &str) -> String {
        let form = International::of(&Number::parse(text).unwrap());
        String::from_utf8(form.digits().to_vec()).unwrap()
    }

    #[test]
    fn puts_the_calling_code_before_a_national_mobile_number() {
        for (given, form) in [
            ("13800138000", "8613800138000"),
            ("8613800138000", "8613800138000"),
            ("+8613800138000", "8613800138000"),
            ("008613800138000", "8613800138000"),
            ("+13105551234", "13105551234"),
            ("12125551234", "12125551234"),
            ("4915112345678", "4915112345678"),
            ("10086", "10086"),
            ("123456789012345678901", "123456789012345678901"),
            ("00", ""),
        ] {
            assert_eq!(international(given), form, "{given}");
        }
        let shown = format!("{:?}", International::of(&Number::parse("13800138000").unwrap()));
        assert_eq!(shown, "861******8000");
    }

    #[test]
    fn a_ported_number_counts_more_than_its_range() {
        let names = vec!["cmcc".to_owned(), "cucc".to_owned()];
        let plan = NumberPlan::new(names, [(86138, 0), (86, 1)], [(8_613_800_138_000, 1)]);
        let operator = |text: &str| plan.operator(&International::of(&Number::parse(text).unwrap()));
        assert_eq!(operator("13800138000"), Some(("cucc", OperatorSource::Portability)));
        assert_eq!(operator("+8613800138001"), Some(("cmcc", OperatorSource::Range)));
        assert_eq!(operator("15000138001"), Some(("cucc", OperatorSource::Range)));
        assert_eq!(operator("4915112345678"), None);
        // Longer than any international number: known by its range, never as a ported one.
        assert_eq!(operator("861381234567890123456"), Some(("cmcc", OperatorSource::Range)));
    }

    #[test]
    fn reads_digits_that_can_be_a_key_and_no_others() {
        assert_eq!((e164(b"86138"), e164(b"999999999999999")), (Some(86138), Some(999_999_999_999_999)));
        for bad in [&b""[..], b"0138", b"1234567890123456", b"+86", b"86 1"] {
            assert_eq!(e164(bad), None);
        }
    }

    proptest! {
        #[test]
        fn the_longest_prefix_is_the_one_that_a_scan_finds(
            rows in prop::collection::vec(("[1-3][0-3]{0,5}", 0_u8..4), 0..60),
            number in "[1-3][0-3]{0,20}",
        ) {
            let names: Vec<String> = (0..4).map(|index| index.to_string()).collect();
            let keyed = rows.iter().map(|(prefix, operator)| (e164(prefix.as_bytes()).unwrap(), *operator));
            let plan = NumberPlan::new(names.clone(), keyed, []);
            let mut scanned: Option<&(String, u8)> = None;
            for row in rows.iter().filter(|(prefix, _)| number.starts_with(prefix.as_str())) {
                if scanned.is_none_or(|best| row.0.len() >= best.0.len()) {
                    scanned = Some(row);
                }
            }
            let form = International::of(&Number::parse(&format!("+{}", &number[..number.len().min(21)])).unwrap());
            let expected = scanned.map(|(_, operator)| (names[usize::from(*operator)].as_str(), OperatorSource::Range));
            prop_assert_eq!(plan.operator(&form), expected);
        }
    }
}
