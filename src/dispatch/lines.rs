//! Lines of sender numbers: what one number may send, and in which order.
//!
//! A number with a limit of its own, or whose messages keep their order, stands in line: one message at its head is where
//! all others are, the rest are behind it. With a limit the head changes whenever one is taken, and each waits for its
//! time. In order, a message stays at the head, wherever it is, until all of it is answered.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use super::Job;
use crate::{
    config::SenderRule,
    domain::{Category, Message, MessageId},
};

/// Numbers remembered before those that are idle are forgotten.
const NUMBERS: usize = 10_000;

/// Where a job stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// At the head, or in none.
    First,
    /// At the head, but its number may send only then.
    Until(Instant),
    /// Behind another one.
    Behind,
}

/// Place in a line: codes first, then priority (higher first), then arrival; in order, arrival alone.
type Place = (bool, Reverse<u8>, u64, MessageId);

/// The lines of one trunk.
#[derive(Debug)]
pub(super) struct Lines {
    rules: Vec<SenderRule>,
    lines: HashMap<Box<str>, Line>,
    /// So many lines are enough to look for idle ones.
    many: usize,
}

#[derive(Debug, Default)]
struct Line {
    head: Option<MessageId>,
    /// Segments of the head that are not answered yet.
    out: usize,
    behind: BTreeSet<Place>,
    /// When the number may send again.
    next: Option<Instant>,
}

impl Lines {
    pub(super) fn new(rules: Vec<SenderRule>) -> Self {
        Self { rules, lines: HashMap::new(), many: NUMBERS }
    }

    /// A job is ready as far as it is concerned: it goes to the head of its line, or behind.
    pub(super) fn enter(&mut self, job: &Job, now: Instant) -> Standing {
        let Some(in_order) = self.rule(&job.message).map(|rule| rule.in_order) else {
            return Standing::First;
        };
        self.forget_idle(now);
        let id = job.message.id;
        let line = self.lines.entry(job.message.sender.as_str().into()).or_default();
        if line.head.is_none() && line.behind.is_empty() {
            line.head = Some(id);
        }
        if line.head == Some(id) {
            return line.next.filter(|next| now < *next).map_or(Standing::First, Standing::Until);
        }
        line.behind.insert(place(job, in_order));
        Standing::Behind
    }

    /// A message stands in a line.
    pub(super) fn concern(&self, message: &Message) -> bool {
        self.rule(message).is_some()
    }

    /// Segments of a job have left the queue; `whole`: none of it is there any more.
    pub(super) fn taken(&mut self, job: &Job, whole: bool, now: Instant) {
        let Some(rule) = self.rule(&job.message) else { return };
        let (in_order, limit) = (rule.in_order, rule.submits_per_second);
        let segments = job.pending.len();
        let Some(line) = self.lines.get_mut(job.message.sender.as_str()) else { return };
        if let Some(limit) = limit {
            let each = Duration::from_secs(1) / limit;
            let taken = u32::try_from(segments).unwrap_or(u32::MAX);
            line.next = Some(line.next.map_or(now, |next| next.max(now)) + each.saturating_mul(taken));
        }
        if in_order {
            line.out += segments;
        } else if whole {
            line.head = None;
        }
    }

    /// A message that was put off for a while gives up the head. In order it keeps the others waiting, unless it does not
    /// count as begun.
    pub(super) fn put_off(&mut self, message: &Message, begun: bool) {
        let in_order = self.rule(message).is_some_and(|rule| rule.in_order);
        if !(in_order && begun)
            && let Some(line) = self.line(message).filter(|line| line.head == Some(message.id))
        {
            line.head = None;
        }
    }

    /// A segment that had left is answered, or came back. `waits`: some of its message is in the queue.
    pub(super) fn answered(&mut self, message: &Message, waits: bool) {
        let Some(line) = self.line(message).filter(|line| line.head == Some(message.id)) else { return };
        line.out = line.out.saturating_sub(1);
        if line.out == 0 && !waits {
            line.head = None;
        }
    }

    /// A job is gone for good.
    pub(super) fn leave(&mut self, job: &Job) {
        let in_order = self.rule(&job.message).is_some_and(|rule| rule.in_order);
        let Some(line) = self.line(&job.message) else { return };
        if line.head == Some(job.message.id) {
            (line.head, line.out) = (None, 0);
        }
        line.behind.remove(&place(job, in_order));
    }

    /// Who follows where the head of a line is free, and when its number may send.
    pub(super) fn follow(&mut self, message: &Message) -> Option<(MessageId, Option<Instant>)> {
        let line = self.line(message).filter(|line| line.head.is_none())?;
        let (.., id) = line.behind.pop_first()?;
        line.head = Some(id);
        Some((id, line.next))
    }

    fn rule(&self, message: &Message) -> Option<&SenderRule> {
        self.rules.iter().find(|rule| message.sender.as_str().starts_with(&rule.prefix))
    }

    fn line(&mut self, message: &Message) -> Option<&mut Line> {
        self.lines.get_mut(message.sender.as_str())
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.lines.len() < self.many {
            return;
        }
        self.lines.retain(|_, line| {
            line.head.is_some() || !line.behind.is_empty() || line.next.is_some_and(|next| now < next)
        });
        self.many = NUMBERS.max(2 * self.lines.len());
    }
}

fn place(job: &Job, in_order: bool) -> Place {
    let (later, priority) = match in_order {
        true => (false, 0),
        false => (job.message.category != Category::Otp, job.message.priority),
    };
    (later, Reverse(priority), job.arrival, job.message.id)
}

#[cfg(test)]
mod tests;
