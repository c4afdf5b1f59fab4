//! One `[[window]]`: when some messages may leave.

use jiff::{civil::Time, tz::TimeZone};

use super::{
    Outside, WindowConfig,
    route::{categories, tenants},
    section::Section,
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const OPEN: &str = "times of a day such as \"08:00-21:00\" or \"08:00-12:00, 14:00-21:00\"";
const ON: &str = "days such as \"mon-fri\" or \"mon-thu, sat\"";
const ZONE: &str = "the name of a time zone, such as \"Asia/Shanghai\" or \"UTC\"";

/// Reads a window.
pub(super) fn read(mut section: Section<'_>) -> WindowConfig {
    let outside = [("refuse", Outside::Refuse), ("hold", Outside::Hold)];
    let window = WindowConfig {
        categories: categories(&mut section),
        tenants: tenants(&mut section),
        open: section.parsed("open", OPEN, open).required().unwrap_or_default(),
        days: section.parsed("days", ON, days).or([true; 7]),
        // China has one time zone.
        zone: section
            .parsed("zone", ZONE, |name| TimeZone::get(name).ok())
            .optional()
            .or_else(|| TimeZone::get("Asia/Shanghai").ok())
            .unwrap_or(TimeZone::UTC),
        // Told at once, a caller can plan; what is held may surprise people in the morning.
        outside: section.choice("outside", &outside).or(Outside::Refuse),
    };
    section.finish();
    window
}

fn open(text: &str) -> Option<Vec<(Time, Time)>> {
    let span = |part: &str| {
        let (from, to) = part.trim().split_once('-')?;
        let (from, to) = (time(from)?, end(to)?);
        (from != to || from == Time::midnight()).then_some((from, to))
    };
    text.split(',').map(span).collect()
}

/// `24:00` is the midnight that ends the day.
fn end(text: &str) -> Option<Time> {
    if text == "24:00" { Some(Time::midnight()) } else { time(text) }
}

/// `HH:MM`, or `HH:MM:SS`.
fn time(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| {
        let is_sound = part.len() == 2 && part.bytes().all(|octet| octet.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| is_sound)
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if parts.next().is_some() { None } else { Time::new(hour, minute, second, 0).ok() }
}

fn days(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut days = [false; 7];
    for part in text.split(',').map(str::trim) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (day(from)?, day(to)?);
        // "sat-mon" goes over the end of the week.
        let length = (to + 7 - from) % 7;
        (from..=from + length).for_each(|day| days[day % 7] = true);
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_a_day_and_nothing_else() {
        let shown = |text| open(text).map(|spans| format!("{spans:?}"));
        for (text, spans) in [
            ("08:00-21:00", "[(08:00:00, 21:00:00)]"),
            ("08:00-12:00, 14:00:30-24:00", "[(08:00:00, 12:00:00), (14:00:30, 00:00:00)]"),
            ("22:00-06:00", "[(22:00:00, 06:00:00)]"),
            ("00:00-24:00", "[(00:00:00, 00:00:00)]"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(spans), "{text}");
        }
        for bad in [
            "",
            "08:00",
            "8:00-21:00",
            "08:00-25:00",
            "24:00-08:00",
            "08:00-08:00",
            "08:00-21:00,",
            "08:60-21:00",
            "08:00:00:00-21:00",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_days_of_the_week_even_over_its_end() {
        let shown = |text| days(text).map(|days| days.map(u8::from).map(|day| day.to_string()).concat());
        for (text, on) in
            [("mon-sun", "1111111"), ("mon-fri", "1111100"), ("sat-mon", "1000011"), ("wed, sun", "0010001")]
        {
            assert_eq!(shown(text).as_deref(), Some(on), "{text}");
        }
        for bad in ["", "monday", "mon-", "Mon", "mon,,tue"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn knows_its_zones_without_the_machines_own_files() {
        let bundled = jiff::tz::TimeZoneDatabase::bundled();
        assert!(bundled.get("Asia/Shanghai").is_ok() && TimeZone::get("Nowhere/Land").is_err());
    }
}
