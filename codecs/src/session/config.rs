//! Windows and timers of one session.

use std::time::Duration;

/// Windows and timers of one session. Defaults are the usual values of the SMPP and CMPP references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Requests of ours that may wait for an answer, 1 or more. Probes and unbinds do not count.
    pub window: usize,
    /// Requests of the peer that may wait for our answer before [`super::Session::wants_input`] says no.
    pub inbound_window: usize,
    /// How long the bind may take, from the connection on.
    pub bind_timeout: Duration,
    /// How long a request waits for its answer.
    pub response_timeout: Duration,
    /// Silence from the peer after which we probe.
    pub probe_after: Duration,
    /// How long a probe waits for its answer, each time.
    pub probe_timeout: Duration,
    /// Transmissions of one probe before the peer counts as dead, 1 or more (CMPP's N).
    pub probe_attempts: u32,
    /// How long an unbind waits: for the window to empty, then for its answer.
    pub unbind_timeout: Duration,
    /// How long a started unit may stay incomplete.
    pub partial_timeout: Duration,
    /// How long an unanswered request is remembered, so that a late answer finds it.
    pub late_memory: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: 16,
            inbound_window: 1024,
            bind_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(60),
            probe_after: Duration::from_secs(30),
            probe_timeout: Duration::from_secs(10),
            probe_attempts: 3,
            unbind_timeout: Duration::from_secs(5),
            partial_timeout: Duration::from_secs(60),
            late_memory: Duration::from_secs(600),
        }
    }
}
