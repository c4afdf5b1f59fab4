//! What one connection does wrong: writes split and glued, a cut, a stall.
//!
//! A value per connection that is asked before each read and write; the link obeys.

use std::time::{Duration, Instant};

use crate::config::Faults;

/// What a link may write now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// At most so many octets.
    AtMost(usize),
    /// Nothing before then; `None`: for good.
    NotBefore(Option<Instant>),
}

/// The faults of one connection, and how far they have come.
#[derive(Debug)]
pub struct LinkFaults {
    settings: Faults,
    submits: u64,
    /// What is to be written is held back until then.
    held: Option<Instant>,
    stall: Stall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stall {
    Never,
    Until(Option<Instant>),
    Over,
}

impl LinkFaults {
    /// A fresh connection, the one with this number.
    #[must_use]
    pub fn new(settings: Faults, link: u64) -> Self {
        let is_meant = settings.link.is_none_or(|meant| meant == link);
        let settings = if is_meant { settings } else { Faults::default() };
        Self { settings, submits: 0, held: None, stall: Stall::Never }
    }

    /// A submit came in. True: cut the connection now.
    pub fn note_submit(&mut self, now: Instant) -> bool {
        self.submits += 1;
        if self.stall == Stall::Never
            && self.settings.stall_after_submits.is_some_and(|at| self.submits >= at)
        {
            self.stall = Stall::Until(self.settings.stall_for.map(|length| now + length));
        }
        self.settings.cut_after_submits.is_some_and(|at| self.submits >= at)
    }

    /// What its answers take beyond what was decided.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.settings.lag
    }

    /// Says whether the connection may be read.
    pub fn may_read(&mut self, now: Instant) -> bool {
        self.stalled(now).is_none()
    }

    /// Says what may be written of `waiting` octets.
    pub fn may_write(&mut self, now: Instant, waiting: usize) -> Writing {
        if let Some(until) = self.stalled(now) {
            return Writing::NotBefore(until);
        }
        if waiting == 0 {
            return Writing::AtMost(0);
        }
        if let Some(glue) = self.settings.glue {
            let held = *self.held.get_or_insert(now + glue);
            if now < held {
                return Writing::NotBefore(Some(held));
            }
        }
        Writing::AtMost(self.settings.split_octets.unwrap_or(waiting).min(waiting))
    }

    /// Everything that waited is written: what comes next is held back anew.
    pub fn note_drained(&mut self) {
        self.held = None;
    }

    /// When reading may go on, if it may not now.
    pub fn resume_at(&self) -> Option<Instant> {
        match self.stall {
            Stall::Until(until) => until,
            Stall::Never | Stall::Over => None,
        }
    }

    fn stalled(&mut self, now: Instant) -> Option<Option<Instant>> {
        let Stall::Until(until) = self.stall else {
            return None;
        };
        if until.is_some_and(|until| until <= now) {
            self.stall = Stall::Over;
            return None;
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_sound_connection_writes_everything() {
        let mut faults = LinkFaults::new(Faults::default(), 1);
        let now = Instant::now();
        assert!(!faults.note_submit(now) && faults.may_read(now));
        assert_eq!(faults.may_write(now, 5000), Writing::AtMost(5000));
    }

    #[test]
    fn glued_writes_wait_and_then_go_at_once() {
        let mut faults = LinkFaults::new(Faults { glue: Some(10 * MS), ..Faults::default() }, 1);
        let now = Instant::now();
        assert_eq!(faults.may_write(now, 5), Writing::NotBefore(Some(now + 10 * MS)));
        assert_eq!(faults.may_write(now + 9 * MS, 50), Writing::NotBefore(Some(now + 10 * MS)));
        assert_eq!(faults.may_write(now + 10 * MS, 90), Writing::AtMost(90));
        faults.note_drained();
        assert_eq!(faults.may_write(now + 11 * MS, 5), Writing::NotBefore(Some(now + 21 * MS)));
    }

    #[test]
    fn stalls_once_and_for_its_time() {
        let settings = Faults { stall_after_submits: Some(2), stall_for: Some(10 * MS), ..Faults::default() };
        let mut faults = LinkFaults::new(settings, 1);
        let now = Instant::now();
        faults.note_submit(now);
        assert!(faults.may_read(now));
        faults.note_submit(now);
        assert!(!faults.may_read(now));
        assert_eq!(faults.may_write(now, 1), Writing::NotBefore(Some(now + 10 * MS)));
        assert!(faults.may_read(now + 10 * MS));
        faults.note_submit(now + 11 * MS);
        assert!(faults.may_read(now + 11 * MS));
    }

    #[test]
    fn cuts_after_the_nth_submit() {
        let mut faults = LinkFaults::new(Faults { cut_after_submits: Some(3), ..Faults::default() }, 1);
        let now = Instant::now();
        assert_eq!([0; 3].map(|_| faults.note_submit(now)), [false, false, true]);
    }

    #[test]
    fn only_the_connection_that_is_meant_does_wrong() {
        let settings = Faults { link: Some(2), lag: MS, cut_after_submits: Some(1), ..Faults::default() };
        let [mut sound, mut faulty] = [1, 2].map(|link| LinkFaults::new(settings, link));
        let now = Instant::now();
        assert_eq!((sound.lag(), sound.note_submit(now)), (Duration::ZERO, false));
        assert_eq!((faulty.lag(), faulty.note_submit(now)), (MS, true));
    }
}
