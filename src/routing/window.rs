//! When messages may leave.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};

use super::subject::Subject;
use crate::{
    config::{Outside, WindowConfig},
    domain::{Call, Message},
};

/// The windows of a configuration, in order: the first that concerns a message decides.
#[derive(Debug, Clone, Default)]
pub struct Windows(Vec<WindowConfig>);

/// A window that is closed when a message would leave.
#[derive(Debug, Clone, Copy)]
pub struct Closed<'a> {
    /// The window.
    pub window: &'a WindowConfig,
    /// When it opens next.
    pub opens: Timestamp,
}

impl Windows {
    /// The windows, in order.
    #[must_use]
    pub fn new(windows: Vec<WindowConfig>) -> Self {
        Self(windows)
    }

    /// Judges a message that would leave at `time`.
    ///
    /// # Errors
    /// Its window is closed then.
    pub fn check(&self, message: &Message, time: Timestamp) -> Result<(), Closed<'_>> {
        let Some(window) = self.of(message) else { return Ok(()) };
        match opens(window, time) {
            None => Ok(()),
            Some(opens) => Err(Closed { window, opens }),
        }
    }

    /// Judges a call that would be placed at `time`.
    ///
    /// # Errors
    /// Its window is closed then.
    pub fn check_call(&self, call: &Call, time: Timestamp) -> Result<(), Closed<'_>> {
        let Some(window) = self.of_subject(call.into()) else { return Ok(()) };
        opens(window, time).map_or(Ok(()), |opens| Err(Closed { window, opens }))
    }

    /// When a message that was accepted may leave, seen from `now`; `None`: at once. A window that refuses holds what it
    /// did not refuse in time.
    #[must_use]
    pub fn release(&self, message: &Message, now: Timestamp) -> Option<Timestamp> {
        let due = message.begin_time().max(now);
        match self.check(message, due) {
            Ok(()) => (due > now).then_some(due),
            Err(closed) => Some(closed.opens),
        }
    }

    /// The window that concerns a message.
    #[must_use]
    pub fn of(&self, message: &Message) -> Option<&WindowConfig> {
        self.of_subject(message.into())
    }

    fn of_subject(&self, subject: Subject<'_>) -> Option<&WindowConfig> {
        self.0.iter().find(|window| {
            let category = window.categories.is_empty() || window.categories.contains(&subject.category);
            category && (window.tenants.is_empty() || window.tenants.contains(subject.tenant_id))
        })
    }
}

impl Closed<'_> {
    /// The window and when it opens: `08:00-21:00 Asia/Shanghai, which opens at 2026-03-02 08:00:00 +08:00`.
    #[must_use]
    pub fn words(&self) -> String {
        let opens = self.opens.to_zoned(self.window.zone.clone());
        format!("{}, which opens at {}", window_words(self.window), opens.strftime("%F %T %:z"))
    }

    /// What becomes of the message.
    #[must_use]
    pub fn outside(&self) -> Outside {
        self.window.outside
    }
}

/// A window as people write it: `08:00-21:00 mon-fri Asia/Shanghai`.
#[must_use]
pub fn window_words(window: &WindowConfig) -> String {
    let time =
        |time: &Time| if time.second() == 0 { time.strftime("%H:%M").to_string() } else { time.to_string() };
    let spans: Vec<_> = window.open.iter().map(|(from, to)| format!("{}-{}", time(from), time(to))).collect();
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days: Vec<_> = names.iter().zip(window.days).filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let days = if days.len() == 7 { String::new() } else { format!(" {}", days.join(",")) };
    let zone = window.zone.iana_name().unwrap_or("UTC");
    format!("{}{days} {zone}", spans.join(", "))
}

/// When a window opens that is closed at `time`; `None`: it is open.
fn opens(window: &WindowConfig, time: Timestamp) -> Option<Timestamp> {
    let today = time.to_zoned(window.zone.clone()).date();
    let mut next: Option<Timestamp> = None;
    // From yesterday, whose night may not have ended, to the same day of next week.
    for offset in -1..=8 {
        let Ok(day) = today.checked_add(offset.days()) else { continue };
        if !window.days[day.weekday().to_monday_zero_offset().unsigned_abs() as usize] {
            continue;
        }
        for (from, to) in &window.open {
            let last_day = if to > from { Some(day) } else { day.tomorrow().ok() };
            let begin = moment(day, *from, &window.zone);
            let end = last_day.and_then(|day| moment(day, *to, &window.zone));
            let (Some(begin), Some(end)) = (begin, end) else { continue };
            if begin <= time && time < end {
                return None;
            }
            if begin > time {
                next = Some(next.map_or(begin, |next| next.min(begin)));
            }
        }
    }
    next
}

/// A time of day that a change of clocks leaves out is taken as that much later.
fn moment(day: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    day.to_datetime(time).to_zoned(zone.clone()).ok().map(|moment| moment.timestamp())
}
