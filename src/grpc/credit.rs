//! How many requests a submit stream may still send: a fixed number, less what is being accepted, less what has to wait
//! because there is no room.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The credit of a request that was refused for want of room is held no longer than this.
const LONGEST: Duration = Duration::from_secs(5);

/// The credit of one stream.
#[derive(Debug)]
pub(super) struct Credit {
    left: usize,
    /// Given back then, the first first.
    held: VecDeque<(Instant, usize)>,
}

impl Credit {
    /// A stream that may send so many requests.
    pub(super) fn new(requests: usize) -> Self {
        Self { left: requests, held: VecDeque::new() }
    }

    /// Uses credit for `requests` of a client. Gives how many of them it covers: the rest were sent without.
    pub(super) fn take(&mut self, requests: usize) -> usize {
        let covered = requests.min(self.left);
        self.left -= covered;
        covered
    }

    /// The credit of `requests` that are answered now, and may be used again at once.
    pub(super) fn give_back(&mut self, requests: usize) -> u32 {
        self.left += requests;
        u32::try_from(requests).unwrap_or(u32::MAX)
    }

    /// Holds back the credit of `requests` that are answered now with a refusal for want of room: the client would only be
    /// refused again before there is some.
    pub(super) fn hold(&mut self, requests: usize, room_in: Duration, now: Instant) {
        if requests > 0 {
            let until = now + room_in.min(LONGEST);
            let until = self.held.back().map_or(until, |(last, _)| until.max(*last));
            self.held.push_back((until, requests));
        }
    }

    /// When held credit is given back next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.front().map(|(at, _)| *at)
    }

    /// Held credit whose time has come.
    pub(super) fn release(&mut self, now: Instant) -> u32 {
        let mut requests = 0;
        while let Some((_, held)) = self.held.pop_front_if(|(at, _)| *at <= now) {
            requests += held;
        }
        self.give_back(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn credit_comes_back_with_answers_and_later_where_there_is_no_room() {
        let (now, mut credit) = (clock::now().mono, Credit::new(10));
        assert_eq!([credit.take(8), credit.take(8), credit.take(1)], [8, 2, 0]);
        assert_eq!(credit.give_back(4), 4);
        credit.hold(3, SECOND, now);
        credit.hold(0, SECOND, now);
        credit.hold(2, SECOND / 2, now);
        assert_eq!((credit.take(9), credit.due()), (4, Some(now + SECOND)));
        assert_eq!(credit.release(now + SECOND / 2), 0);
        // In the order in which it was held.
        assert_eq!((credit.release(now + SECOND), credit.due()), (5, None));
        assert_eq!(credit.take(9), 5);
    }

    #[test]
    fn no_credit_is_held_for_long() {
        let (now, mut credit) = (clock::now().mono, Credit::new(1));
        credit.take(1);
        credit.hold(1, Duration::from_secs(3600), now);
        assert_eq!(credit.due(), Some(now + LONGEST));
    }
}
