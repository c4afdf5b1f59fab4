//! Reliable provisional responses (RFC 3262): in which order they go, when again, and which PRACK belongs to which.
//!
//! [`Receiver`] is the caller's side of one early dialog, [`Sender`] the callee's. Neither writes messages.

use std::time::{Duration, Instant};

/// The caller's side: tells new responses from repeated ones.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    last: Option<u32>,
}

/// What a reliable provisional response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Next in order: use it and send a PRACK.
    New,
    /// There already: drop it. Its PRACK repeats itself.
    Repeated,
    /// One before it is missing, or its number is none: drop it. It comes again.
    OutOfOrder,
}

impl Receiver {
    /// A reliable provisional response with this RSeq came.
    pub fn receive(&mut self, rseq: u32) -> Received {
        match self.last {
            _ if rseq == 0 => Received::OutOfOrder,
            None => {
                self.last = Some(rseq);
                Received::New
            }
            Some(last) if rseq == last => Received::Repeated,
            Some(last) if last.checked_add(1) == Some(rseq) => {
                self.last = Some(rseq);
                Received::New
            }
            Some(_) => Received::OutOfOrder,
        }
    }
}

/// The callee's side: one response at a time, repeated until its PRACK comes.
#[derive(Debug, Clone)]
pub struct Sender<M> {
    next: u32,
    waiting: Option<Waiting<M>>,
}

#[derive(Debug, Clone)]
struct Waiting<M> {
    rseq: u32,
    message: M,
    has_sdp: bool,
    /// `None`: it is not sent again.
    repetition: Option<Repetition>,
}

#[derive(Debug, Clone, Copy)]
struct Repetition {
    interval: Duration,
    again: Instant,
    until: Instant,
}

/// What to do with the response that waits for its PRACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick<M> {
    /// Nothing.
    Nothing,
    /// Send it again.
    Again(M),
    /// No PRACK came in 64·T1: reject the INVITE.
    GiveUp,
}

/// A PRACK that belongs to the response that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Whether that response carried a session description.
    pub had_sdp: bool,
}

impl<M: Clone> Sender<M> {
    /// Begins at a random number; only its lower 30 bits count, so that no wrap is near.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self { next: (random & 0x3FFF_FFFF) as u32 + 1, waiting: None }
    }

    /// The RSeq of the next response; `None` while one waits for its PRACK.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        self.waiting.is_none().then_some(self.next)
    }

    /// The response with the number of [`Sender::next`] went out. It repeats itself from now on, at `t1`, then doubling
    /// without a cap.
    pub fn sent(&mut self, now: Instant, message: M, has_sdp: bool, t1: Duration) {
        let rseq = self.next;
        self.next += 1;
        let repetition = Some(Repetition { interval: t1, again: now + t1, until: now + t1 * 64 });
        self.waiting = Some(Waiting { rseq, message, has_sdp, repetition });
    }

    /// Whether a response that carried a session description waits for its PRACK: a 2xx has to wait too.
    #[must_use]
    pub fn holds_answer(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.has_sdp)
    }

    /// A PRACK for this RSeq came. `None`: it belongs to nothing that waits, and gets 481.
    pub fn acknowledge(&mut self, rseq: u32) -> Option<Acknowledged> {
        let waiting = self.waiting.take_if(|waiting| waiting.rseq == rseq)?;
        Some(Acknowledged { had_sdp: waiting.has_sdp })
    }

    /// Sends nothing again: the INVITE has its final response. A PRACK is still taken.
    pub fn finish(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.repetition = None;
        }
    }

    /// When to call [`Sender::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let repetition = self.waiting.as_ref()?.repetition?;
        Some(repetition.again.min(repetition.until))
    }

    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, now: Instant) -> Tick<M> {
        let Some(Waiting { message, repetition: Some(repetition), .. }) = &mut self.waiting else {
            return Tick::Nothing;
        };
        if now >= repetition.until {
            self.waiting = None;
            return Tick::GiveUp;
        }
        if now < repetition.again {
            return Tick::Nothing;
        }
        repetition.interval *= 2;
        repetition.again = (repetition.again + repetition.interval).max(now);
        Tick::Again(message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T1: Duration = Duration::from_millis(500);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    #[test]
    fn the_receiver_takes_responses_in_order_and_once() {
        let mut receiver = Receiver::default();
        for (rseq, received) in [
            (0, Received::OutOfOrder),
            (8001, Received::New),
            (8001, Received::Repeated),
            (8003, Received::OutOfOrder),
            (8002, Received::New),
            (8001, Received::OutOfOrder),
            (8003, Received::New),
        ] {
            assert_eq!(receiver.receive(rseq), received, "{rseq}");
        }
        let mut receiver = Receiver { last: Some(u32::MAX) };
        assert_eq!(receiver.receive(0), Received::OutOfOrder);
        assert_eq!(receiver.receive(1), Received::OutOfOrder);
    }

    #[test]
    fn a_response_repeats_without_a_cap_until_it_is_given_up() {
        let t0 = start();
        let mut sender = Sender::new(7);
        assert_eq!(sender.next(), Some(8));
        sender.sent(t0, 'm', true, T1);
        let mut instants = Vec::new();
        while let Some(at) = sender.poll_timeout() {
            match sender.handle_timeout(at) {
                Tick::Again('m') => instants.push((at - t0).as_millis()),
                Tick::GiveUp => instants.push((at - t0).as_millis() + 1),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(instants, [500, 1500, 3500, 7500, 15_500, 31_500, 32_001]);
    }

    #[test]
    fn one_response_at_a_time_and_each_number_one_higher() {
        let mut sender = Sender::new(u64::MAX);
        let first = sender.next().unwrap();
        assert!(first < 1 << 31);
        sender.sent(start(), 'a', true, T1);
        assert_eq!(sender.next(), None);
        assert!(sender.holds_answer());
        assert_eq!(sender.acknowledge(first + 1), None);
        assert_eq!(sender.acknowledge(first), Some(Acknowledged { had_sdp: true }));
        assert_eq!(sender.acknowledge(first), None, "once");
        assert_eq!(sender.next(), Some(first + 1));
        sender.sent(start(), 'b', false, T1);
        assert!(!sender.holds_answer());
        assert_eq!(sender.acknowledge(first + 1), Some(Acknowledged { had_sdp: false }));
    }

    #[test]
    fn after_the_final_response_nothing_is_repeated_but_a_prack_is_taken() {
        let t0 = start();
        let mut sender = Sender::new(1);
        sender.sent(t0, 'a', false, T1);
        sender.finish();
        assert_eq!(sender.handle_timeout(t0 + T1 * 100), Tick::Nothing);
        assert!(sender.acknowledge(2).is_some());
    }
}
