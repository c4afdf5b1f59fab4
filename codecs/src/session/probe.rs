//! The link test: when it is sent and repeated, and when the peer counts as dead.
//!
//! Any unit of the peer proves that it lives, so any unit settles the probe that is out. Probes pass the window.

use bytes::Bytes;

use super::{Session, dialect::Dialect, event::CloseReason};
use crate::time::Now;

/// The last probe, with its octets: a repeat sends them again unchanged.
#[derive(Debug)]
pub(super) struct Probe<S> {
    pub sequence: S,
    unit: Bytes,
    transmissions: u32,
    responses: u32,
}

impl<D: Dialect> Session<D> {
    /// The peer was silent for `probe_after`.
    pub(super) fn handle_silence(&mut self, now: Now) {
        self.timers.silence = None;
        let Some(pdu) = self.dialect.probe() else {
            return self.watch_idleness(now);
        };
        let sent = self.free_sequence(now).and_then(|sequence| {
            let span = self.outbox.append(&self.dialect, &pdu, sequence).ok()?;
            let unit = Bytes::copy_from_slice(self.outbox.unit(span));
            Some(Probe { sequence, unit, transmissions: 1, responses: 0 })
        });
        if sent.is_some() {
            self.probe = sent;
            self.counters.probes_sent += 1;
            self.timers.probe = Some(now.mono + self.config.probe_timeout);
        } else {
            self.timers.silence = Some(now.mono + self.config.probe_after);
        }
    }

    /// A protocol without a link test ends a connection that nobody uses.
    fn watch_idleness(&mut self, now: Now) {
        if self.window.in_flight() == 0 && self.inbound.is_empty() {
            return self.unbind(now);
        }
        self.timers.silence = Some(now.mono + self.config.probe_after);
    }

    /// Nothing came back for `probe_timeout`.
    pub(super) fn handle_probe_missed(&mut self, now: Now) {
        self.timers.probe = None;
        self.counters.probes_missed += 1;
        match &mut self.probe {
            Some(probe) if probe.transmissions < self.config.probe_attempts => {
                probe.transmissions += 1;
                self.outbox.append_again(&probe.unit);
                self.counters.probes_sent += 1;
                self.timers.probe = Some(now.mono + self.config.probe_timeout);
            }
            _ => self.close_dead(CloseReason::ProbeTimeout),
        }
    }

    /// Says whether a response of this sequence answers our probe; every transmission may be answered once.
    pub(super) fn answers_probe(&mut self, sequence: D::Sequence) -> bool {
        match &mut self.probe {
            Some(probe) if probe.sequence == sequence && probe.responses < probe.transmissions => {
                probe.responses += 1;
                true
            }
            _ => false,
        }
    }
}
