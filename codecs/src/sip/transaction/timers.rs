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
    }
}
