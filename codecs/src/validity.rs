//! Times as SMPP and CMPP write them: sixteen characters, `YYMMDDhhmmsstnnp`, absolute or relative.
//!
//! Requests are read strictly with [`Validity::parse`]; what peers report is read liberally with [`parse_reported`].

use std::time::Duration;

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use thiserror::Error;

/// A time that is none of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no time of the form YYMMDDhhmmsstnnp")]
pub struct BadTime;

/// When, as schedule_delivery_time, validity_period and ValId_Time say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// A point in time.
    Absolute(Absolute),
    /// From now on.
    Relative(Relative),
}

/// A local time and how far it is from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absolute {
    /// The local time, to the tenth of a second. Years 1938 to 2037: two digits are all there is.
    pub local: DateTime,
    /// How far local time is ahead of UTC, in quarter hours, -48 to 48.
    pub quarter_hours: i8,
}

/// A period, each unit as it is on the wire, 0 to 99.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all there is")]
pub struct Relative {
    pub years: u8,
    pub months: u8,
    pub days: u8,
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
}

/// A time that a peer reports, e.g. final_date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// The full form.
    At(Absolute),
    /// Twelve digits: the peer's local time, without a zone.
    Local(DateTime),
}

impl Validity {
    /// Octets of the form on the wire, without a NUL.
    pub const SIZE: usize = 16;

    /// Reads a field of a request, its NUL already gone; `None` when it is empty.
    ///
    /// # Errors
    /// Any other length, a character that is no digit, a date that the calendar does not have, more than 48 quarter
    /// hours, an unknown sign.
    pub fn parse(field: &[u8]) -> Result<Option<Self>, BadTime> {
        if field.is_empty() {
            return Ok(None);
        }
        let field: &[u8; Self::SIZE] = field.try_into().map_err(|_| BadTime)?;
        match field[15] {
            b'R' => relative(field).map(Self::Relative),
            b'+' => absolute(field, 1).map(Self::Absolute),
            b'-' => absolute(field, -1).map(Self::Absolute),
            _ => Err(BadTime),
        }
        .map(Some)
    }

    /// The form on the wire.
    #[must_use]
    pub fn to_octets(self) -> [u8; Self::SIZE] {
        match self {
            Self::Absolute(absolute) => absolute.to_octets(),
            Self::Relative(relative) => relative.to_octets(),
        }
    }

    /// The point in time that is meant, seen from `now`; `None` when the calendar can't hold it.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Absolute(absolute) => absolute.timestamp(),
            Self::Relative(relative) => relative.after(now),
        }
    }
}

impl Absolute {
    /// A point in time in the zone that is `quarter_hours` (-48 to 48) ahead of UTC, cut to the tenth of a second;
    /// `None` when two digits can't hold the year.
    #[must_use]
    pub fn new(at: Timestamp, quarter_hours: i8) -> Option<Self> {
        if !(-48..=48).contains(&quarter_hours) {
            return None;
        }
        let shifted = at.checked_add(Span::new().minutes(i64::from(quarter_hours) * 15)).ok()?;
        let exact = shifted.to_zoned(TimeZone::UTC).datetime();
        let tenths = exact.subsec_nanosecond() / 100_000_000;
        let local = exact.with().subsec_nanosecond(tenths * 100_000_000).build().ok()?;
        (1938..=2037).contains(&local.year()).then_some(Self { local, quarter_hours })
    }

    /// The point in time.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        let as_utc = self.local.to_zoned(TimeZone::UTC).ok()?.timestamp();
        as_utc.checked_sub(Span::new().minutes(i64::from(self.quarter_hours) * 15)).ok()
    }

    fn to_octets(self) -> [u8; Validity::SIZE] {
        let local = self.local;
        let mut out = [b'0'; Validity::SIZE];
        let parts = [
            local.year().rem_euclid(100).unsigned_abs(),
            local.month().unsigned_abs().into(),
            local.day().unsigned_abs().into(),
            local.hour().unsigned_abs().into(),
            local.minute().unsigned_abs().into(),
            local.second().unsigned_abs().into(),
        ];
        put_pairs(&mut out, parts);
        let tenths = local.subsec_nanosecond() / 100_000_000;
        out[12] = digit(tenths.unsigned_abs());
        let quarters = u32::from(self.quarter_hours.unsigned_abs());
        out[13] = digit(quarters / 10);
        out[14] = digit(quarters);
        out[15] = if self.quarter_hours < 0 { b'-' } else { b'+' };
        out
    }
}

impl Relative {
    /// A period in days, hours, minutes and seconds, each below the next unit, part of a second rounded up. `None`
    /// beyond 31 days: months have no fixed length, and message centres refuse more days than a month has.
    #[must_use]
    pub fn new(period: Duration) -> Option<Self> {
        let seconds = period.as_secs() + u64::from(period.subsec_nanos() > 0);
        let part = |value: u64| u8::try_from(value).ok();
        let days = part(seconds / 86_400).filter(|&days| days < 31 || seconds == 31 * 86_400)?;
        Some(Self {
            days,
            hours: part(seconds / 3600 % 24)?,
            minutes: part(seconds / 60 % 60)?,
            seconds: part(seconds % 60)?,
            ..Self::default()
        })
    }

    /// The end of the period that starts `now`, by the calendar in UTC.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        let span = Span::new()
            .years(self.years)
            .months(self.months)
            .days(self.days)
            .hours(self.hours)
            .minutes(self.minutes)
            .seconds(self.seconds);
        Some(now.to_zoned(TimeZone::UTC).checked_add(span).ok()?.timestamp())
    }

    fn to_octets(self) -> [u8; Validity::SIZE] {
        let mut out = *b"000000000000000R";
        let parts = [self.years, self.months, self.days, self.hours, self.minutes, self.seconds];
        put_pairs(&mut out, parts.map(u16::from));
        out
    }
}

/// Reads a time that a peer reports: empty, twelve digits or the full absolute form.
///
/// # Errors
/// Anything else.
pub fn parse_reported(field: &[u8]) -> Result<Option<Reported>, BadTime> {
    match field.len() {
        12 => parse_local(field).map(|local| Some(Reported::Local(local))),
        _ => match Validity::parse(field)? {
            None => Ok(None),
            Some(Validity::Absolute(absolute)) => Ok(Some(Reported::At(absolute))),
            Some(Validity::Relative(_)) => Err(BadTime),
        },
    }
}

/// Reads a local time of digits: `YYMMDDhhmm`, `YYMMDDhhmmss` or `YYYYMMDDhhmmss`.
///
/// # Errors
/// Another length, a character that is no digit, a date that the calendar does not have.
pub fn parse_local(digits: &[u8]) -> Result<DateTime, BadTime> {
    match digits.len() {
        10 => civil(century(pair(digits, 0)?), digits, 2, 0, 0),
        12 => civil(century(pair(digits, 0)?), digits, 2, pair(digits, 10)?, 0),
        14 => civil(pair(digits, 0)? * 100 + pair(digits, 2)?, digits, 4, pair(digits, 12)?, 0),
        _ => Err(BadTime),
    }
}

fn absolute(field: &[u8; Validity::SIZE], sign: i8) -> Result<Absolute, BadTime> {
    let quarter_hours = i8::try_from(pair(field, 13)?).map_err(|_| BadTime)?;
    if quarter_hours > 48 {
        return Err(BadTime);
    }
    let tenths = i32::from(decimal(field[12])?) * 100_000_000;
    let local = civil(century(pair(field, 0)?), field, 2, pair(field, 10)?, tenths)?;
    Ok(Absolute { local, quarter_hours: sign * quarter_hours })
}

fn relative(field: &[u8; Validity::SIZE]) -> Result<Relative, BadTime> {
    if field[12..15] != *b"000" {
        return Err(BadTime);
    }
    let part = |at| pair(field, at).and_then(|value| u8::try_from(value).map_err(|_| BadTime));
    Ok(Relative {
        years: part(0)?,
        months: part(2)?,
        days: part(4)?,
        hours: part(6)?,
        minutes: part(8)?,
        seconds: part(10)?,
    })
}

/// The date and time whose month starts at `at` in `digits`, minutes included.
fn civil(year: i16, digits: &[u8], at: usize, second: i16, nanosecond: i32) -> Result<DateTime, BadTime> {
    let part = |at| pair(digits, at).and_then(|value| i8::try_from(value).map_err(|_| BadTime));
    let second = i8::try_from(second).map_err(|_| BadTime)?;
    DateTime::new(year, part(at)?, part(at + 2)?, part(at + 4)?, part(at + 6)?, second, nanosecond)
        .map_err(|_| BadTime)
}

fn century(year: i16) -> i16 {
    if year < 38 { 2000 + year } else { 1900 + year }
}

fn pair(digits: &[u8], at: usize) -> Result<i16, BadTime> {
    Ok(decimal(digits[at])? * 10 + decimal(digits[at + 1])?)
}

fn decimal(character: u8) -> Result<i16, BadTime> {
    character.is_ascii_digit().then(|| i16::from(character - b'0')).ok_or(BadTime)
}

fn put_pairs(out: &mut [u8; Validity::SIZE], parts: [u16; 6]) {
    for (slot, part) in out.chunks_exact_mut(2).zip(parts) {
        slot[0] = digit(u32::from(part) / 10);
        slot[1] = digit(u32::from(part));
    }
}

fn digit(value: u32) -> u8 {
    b'0' + (value % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(field: &str) -> String {
        let Ok(Some(Validity::Absolute(absolute))) = Validity::parse(field.as_bytes()) else {
            panic!("{field} is not absolute");
        };
        assert_eq!(absolute.to_octets(), field.as_bytes(), "{field} is written as it was read");
        absolute.timestamp().unwrap().to_string()
    }

    #[test]
    fn reads_absolute_times_in_their_zone() {
        for (field, expected) in [
            ("251122103107004+", "2025-11-22T09:31:07Z"),
            ("251122103107000+", "2025-11-22T10:31:07Z"),
            ("070927233429848+", "2007-09-27T11:34:29.8Z"),
            ("070927233429848-", "2007-09-28T11:34:29.8Z"),
            ("071226113703845+", "2007-12-26T00:22:03.8Z"),
            ("130101010000024+", "2012-12-31T19:00:00Z"),
            ("371231235959900+", "2037-12-31T23:59:59.9Z"),
            ("380101000000000+", "1938-01-01T00:00:00Z"),
            ("240229000000000+", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(utc(field), expected, "{field}");
        }
    }

    #[test]
    fn reads_and_writes_every_part_of_a_relative_time() {
        let field = b"020610233429000R";
        let expected = Relative { years: 2, months: 6, days: 10, hours: 23, minutes: 34, seconds: 29 };
        let validity = Validity::Relative(expected);
        assert_eq!(Validity::parse(field), Ok(Some(validity)));
        assert_eq!(&validity.to_octets(), field);
        let now: Timestamp = "2024-01-31T00:00:00Z".parse().unwrap();
        assert_eq!(validity.after(now).unwrap().to_string(), "2026-08-10T23:34:29Z");
    }

    #[test]
    fn refuses_what_a_request_may_not_say() {
        for field in [
            "070927233429800",   // no sign
            "070927233429849+",  // 49 quarter hours
            "251322103107000+",  // month 13
            "250229000000000+",  // no leap year
            "251122243107000+",  // hour 24
            "251122103107000*",  // bad sign
            "2511221031",        // short
            "251122103107",      // only in reports
            "0000000 1000000R",  // no digit
            "000000001000001R",  // a zone on a period
            "2511221031070000+", // long
        ] {
            assert_eq!(Validity::parse(field.as_bytes()), Err(BadTime), "{field}");
        }
        assert_eq!(Validity::parse(b""), Ok(None));
    }

    #[test]
    fn reads_reports_of_twelve_digits_as_local_time() {
        let local = "2025-11-22T10:31:07".parse().unwrap();
        assert_eq!(parse_reported(b"251122103107"), Ok(Some(Reported::Local(local))));
        assert_eq!(parse_reported(b""), Ok(None));
        assert!(matches!(parse_reported(b"251122103107004+"), Ok(Some(Reported::At(_)))));
        assert_eq!(parse_reported(b"000000001500000R"), Err(BadTime));
        assert_eq!(parse_local(b"20110314181534"), "2011-03-14T18:15:34".parse().map_err(|_| BadTime));
        assert_eq!(parse_local(b"0000000000"), Err(BadTime));
    }

    #[test]
    fn carries_seconds_into_days() {
        let written = |seconds| Relative::new(Duration::from_secs(seconds)).map(Relative::to_octets);
        assert_eq!(written(900), Some(*b"000000001500000R"));
        assert_eq!(written(72 * 3600), Some(*b"000003000000000R"));
        assert_eq!(written(31 * 86_400), Some(*b"000031000000000R"));
        assert_eq!(written(31 * 86_400 + 1), None);
        assert_eq!(
            Relative::new(Duration::from_millis(1)),
            Some(Relative { seconds: 1, ..Relative::default() })
        );
    }

    proptest! {
        #[test]
        fn a_time_survives_the_wire(seconds in -1_009_843_200_i64..2_145_916_799, quarter_hours in -48_i8..=48) {
            let at = Timestamp::from_second(seconds).unwrap();
            if let Some(absolute) = Absolute::new(at, quarter_hours) {
                let octets = absolute.to_octets();
                prop_assert_eq!(Validity::parse(&octets), Ok(Some(Validity::Absolute(absolute))));
                prop_assert_eq!(absolute.timestamp(), Some(at));
            }
        }

        #[test]
        fn a_period_ends_when_its_seconds_have_passed(seconds in 0_u64..=31 * 86_400) {
            let now = Timestamp::UNIX_EPOCH;
            let relative = Relative::new(Duration::from_secs(seconds)).unwrap();
            let end = relative.after(now).unwrap();
            prop_assert_eq!(end.duration_since(now).as_secs().unsigned_abs(), seconds);
        }

        #[test]
        fn any_octets_are_a_time_or_an_error(field in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = Validity::parse(&field);
            let _ = parse_reported(&field);
        }
    }
}
