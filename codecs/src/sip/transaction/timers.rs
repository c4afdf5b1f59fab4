//! How long transactions wait (RFC 3261, RFC 6026).

use std::time::Duration;

/// The 64 of "64·T1".
const ROUND_TRIPS: u32 = 64;

/// What T1, T2 and T4 are unless configured.
const ESTIMATES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(4), Duration::from_secs(5)];

/// All timers of the transaction layer. The letters are RFC 3261's and RFC 6026's; A, E and G begin at T1. What waits for
/// repeated messages (D, I, J, K) is not used over reliable transports, where nothing is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// The estimate of the round-trip time: the first interval of every retransmission.
    pub t1: Duration,
    /// The longest interval between requests that are no INVITE, and between final responses to an INVITE.
    pub t2: Duration,
    /// How long a message may live in the network.
    pub t4: Duration,
    /// INVITE client: how long to wait for the first response.
    pub b: Duration,
    /// INVITE client: how long to acknowledge repeated responses of 300 to 699.
    pub d: Duration,
    /// Other clients: how long to wait for the final response. Also how long a server's user may take to give it: after
    /// that nobody listens.
    pub f: Duration,
    /// INVITE server: how long to wait for the ACK to a response of 300 to 699.
    pub h: Duration,
    /// INVITE server: how long to absorb repeated ACKs.
    pub i: Duration,
    /// Other servers: how long to answer repeated requests.
    pub j: Duration,
    /// Other clients: how long to absorb repeated responses.
    pub k: Duration,
    /// INVITE server: how long to absorb a repeated INVITE after a 2xx.
    pub l: Duration,
    /// INVITE client: how long to collect repeated and further 2xx.
    pub m: Duration,
    /// INVITE server: how long its user may take before the server sends a 100 itself.
    pub trying: Duration,
    /// INVITE client: how long after its CANCEL the final response may take.
    pub cancelled: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        let [t1, t2, t4] = ESTIMATES;
        Self::from_estimates(t1, t2, t4)
    }
}

impl Timers {
    /// The longest value of any timer: 64 times the longest T1.
    const LONGEST: Duration = Duration::from_secs(640);

    /// The timers that the specifications derive from these three.
    #[must_use]
    pub fn from_estimates(t1: Duration, t2: Duration, t4: Duration) -> Self {
        let long = t1.saturating_mul(ROUND_TRIPS);
        Self {
            t1,
            t2,
            t4,
            b: long,
            d: long.max(Duration::from_secs(32)),
            f: long,
            h: long,
            i: t4,
            j: long,
            k: t4,
            l: long,
            m: long,
            trying: Duration::from_millis(200).min(t1),
            cancelled: long,
        }
    }

    /// How long after its request a client that is no INVITE client repeats it every T2: with the defaults 3.5 s.
    ///
    /// RFC 4320: before that no 100 may answer such a request over an unreliable transport, and from then on one must.
    #[must_use]
    pub fn until_t2(&self) -> Duration {
        let (mut elapsed, mut interval) = (Duration::ZERO, self.t1);
        while interval < self.t2 && !interval.is_zero() {
            elapsed = elapsed.saturating_add(interval);
            interval = interval.saturating_mul(2);
        }
        elapsed
    }

    /// Says whether all values are usable, alone and together.
    ///
    /// # Errors
    /// The first value that is not, with its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let millis = Duration::from_millis;
        let longest = Self::LONGEST;
        for (name, value, least, most) in [
            ("t1", self.t1, millis(1), millis(10_000)),
            ("t2", self.t2, self.t1, millis(60_000)),
            ("t4", self.t4, millis(1), millis(60_000)),
            ("b", self.b, self.t1, longest),
            ("f", self.f, self.t1, longest),
            // A server that forgets while its client still repeats would take the repetition for a new request.
            ("d", self.d, self.t1, longest),
            ("h", self.h, self.b, longest),
            ("j", self.j, self.f, longest),
            ("l", self.l, self.b, longest),
            ("m", self.m, self.b, longest),
            ("i", self.i, millis(1), longest),
            ("k", self.k, millis(1), longest),
            // Later than T1 the INVITE has already come again.
            ("trying", self.trying, Duration::ZERO, self.t1),
            ("cancelled", self.cancelled, self.t1, longest),
        ] {
            if value < least || value > most {
                return Err(OutOfRange { name, value, least, most });
            }
        }
        Ok(())
    }
}

/// A timer that cannot have this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value:?}, but may be {least:?} to {most:?} here")]
pub struct OutOfRange {
    /// The field of [`Timers`].
    pub name: &'static str,
    /// What it was.
    pub value: Duration,
    /// The least that it may be, the other timers being what they are.
    pub least: Duration,
    /// The most that it may be.
    pub most: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_specifications() {
        let timers = Timers::default();
        let seconds = Duration::from_secs;
        assert_eq!((timers.t1, timers.t2, timers.t4), (seconds(1) / 2, seconds(4), seconds(5)));
        let Timers { b, d, f, h, j, l, m, cancelled, .. } = timers;
        assert_eq!([b, d, f, h, j, l, m, cancelled], [seconds(32); 8]);
        assert_eq!([timers.i, timers.k], [seconds(5); 2]);
        assert_eq!(timers.until_t2(), Duration::from_millis(3500));
        assert_eq!(timers.check(), Ok(()));
    }

    #[test]
    fn d_does_not_become_shorter_with_t1() {
        let short = Timers::from_estimates(
            Duration::from_millis(100),
            Duration::from_millis(800),
            Duration::from_secs(1),
        );
        assert_eq!((short.b, short.d), (Duration::from_millis(6400), Duration::from_secs(32)));
        assert_eq!(short.until_t2(), Duration::from_millis(700));
        assert_eq!(short.check(), Ok(()));
    }

    #[test]
    fn what_is_derived_from_estimates_in_range_is_in_range() {
        let millis = Duration::from_millis;
        for [t1, t2, t4] in [[1, 1, 1], [1, 60_000, 60_000], [10_000, 10_000, 1], [10_000, 60_000, 60_000]] {
            let timers = Timers::from_estimates(millis(t1), millis(t2), millis(t4));
            assert_eq!(timers.check(), Ok(()));
        }
    }

    #[test]
    fn values_out_of_range_are_named_with_their_range() {
        let good = Timers::default();
        let seconds = Duration::from_secs;
        for (bad, name) in [
            (Timers { t1: Duration::ZERO, ..good }, "t1"),
            (Timers { t2: seconds(0), ..good }, "t2"),
            (Timers { t4: seconds(61), ..good }, "t4"),
            (Timers { b: seconds(641), ..good }, "b"),
            (Timers { f: seconds(33), ..good }, "j"),
            (Timers { l: seconds(31), ..good }, "l"),
            (Timers { trying: seconds(1), ..good }, "trying"),
        ] {
            let error = bad.check().unwrap_err();
            assert_eq!(error.name, name);
        }
        let error = Timers { trying: seconds(1), ..good }.check().unwrap_err();
        assert_eq!(error.to_string(), "trying is 1s, but may be 0ns to 500ms here");
    }
}
