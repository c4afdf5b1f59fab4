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
    /// After a write nothing more is written until then.
    rests: Option<Instant>,
    stall: Stall,
}

/// What a submit makes a connection do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is cut, without an unbind.
    Cut,
    /// It is unbound, whatever is unanswered.
    Unbind,
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
        Self { settings, submits: 0, held: None, rests: None, stall: Stall::Never }
    }

    /// A submit came in.
    pub fn note_submit(&mut self, now: Instant) -> Option<Fault> {
        self.submits += 1;
        if self.stall == Stall::Never
            && self.settings.stall_after_submits.is_some_and(|at| self.submits >= at)
        {
            self.stall = Stall::Until(self.settings.stall_for.map(|length| now + length));
        }
        let Faults { cut_after_submits, unbind_after_submits, .. } = self.settings;
        if cut_after_submits.is_some_and(|at| self.submits >= at) {
            return Some(Fault::Cut);
        }
        (unbind_after_submits == Some(self.submits)).then_some(Fault::Unbind)
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
        if self.rests.is_some_and(|until| now < until) {
            return Writing::NotBefore(self.rests);
        }
        Writing::AtMost(self.settings.split_octets.unwrap_or(waiting).min(waiting))
    }

    /// Something was written; `drained`: all that waited, so what comes next is held back anew.
    pub fn note_written(&mut self, now: Instant, drained: bool) {
        self.rests = self.settings.drip.map(|rest| now + rest);
        if drained {
            self.held = None;
        }
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
        assert!(faults.note_submit(now).is_none() && faults.may_read(now));
        assert_eq!(faults.may_write(now, 5000), Writing::AtMost(5000));
    }

    #[test]
    fn glued_writes_wait_and_then_go_at_once() {
        let mut faults = LinkFaults::new(Faults { glue: Some(10 * MS), ..Faults::default() }, 1);
        let now = Instant::now();
        assert_eq!(faults.may_write(now, 5), Writing::NotBefore(Some(now + 10 * MS)));
        assert_eq!(faults.may_write(now + 9 * MS, 50), Writing::NotBefore(Some(now + 10 * MS)));
        assert_eq!(faults.may_write(now + 10 * MS, 90), Writing::AtMost(90));
        faults.note_written(now + 10 * MS, true);
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
        assert_eq!([0; 3].map(|_| faults.note_submit(now)), [None, None, Some(Fault::Cut)]);
    }

    #[test]
    fn unbinds_once_at_the_nth_submit() {
        let mut faults = LinkFaults::new(Faults { unbind_after_submits: Some(2), ..Faults::default() }, 1);
        let now = Instant::now();
        assert_eq!([0; 3].map(|_| faults.note_submit(now)), [None, Some(Fault::Unbind), None]);
    }

    #[test]
    fn rests_after_each_write() {
        let settings = Faults { split_octets: Some(1), drip: Some(3 * MS), ..Faults::default() };
        let mut faults = LinkFaults::new(settings, 1);
        let now = Instant::now();
        assert_eq!(faults.may_write(now, 9), Writing::AtMost(1));
        faults.note_written(now, false);
        assert_eq!(faults.may_write(now + 2 * MS, 8), Writing::NotBefore(Some(now + 3 * MS)));
        assert_eq!(faults.may_write(now + 3 * MS, 8), Writing::AtMost(1));
    }

    #[test]
    fn only_the_connection_that_is_meant_does_wrong() {
        let settings = Faults { link: Some(2), lag: MS, cut_after_submits: Some(1), ..Faults::default() };
        let [mut sound, mut faulty] = [1, 2].map(|link| LinkFaults::new(settings, link));
        let now = Instant::now();
        assert_eq!((sound.lag(), sound.note_submit(now)), (Duration::ZERO, None));
        assert_eq!((faulty.lag(), faulty.note_submit(now)), (MS, Some(Fault::Cut)));
    }
}
