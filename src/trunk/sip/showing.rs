//! What a SIP trunk shows of itself: whether it can carry, what it carries, and what is wrong with it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use codecs::{
    Now,
    sip::ua::{probe::Outcome, registration},
};
use jiff::Timestamp;

use super::{
    pool,
    trunk::{Registered, SipTrunk},
    wish::Duty,
};
use crate::{
    config::SipTrunkConfig,
    domain::{CallDirection, CarrierStatus, Cause, FailureClass, StatusSource, WantedState},
    trunk::{CallRefusal, CallTraffic, GATEWAY, LinkStatus, REGISTRATION, TrunkState},
};

/// How often calls are shown, at most.
const PUBLISH: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);
/// Refusals that are kept.
const REFUSALS: usize = 5;

/// What a trunk counts of its calls in order to show it.
#[derive(Debug, Default)]
pub(super) struct Shows {
    /// Calls now, outgoing and incoming.
    active: [usize; 2],
    /// When calls were placed, within the last second.
    placed: VecDeque<Instant>,
    refusals: VecDeque<CallRefusal>,
    /// Calls that we hung up because the trunk shall rest.
    pub hung_up: u64,
    /// Something changed that is shown at once.
    pub is_due: bool,
    /// Something changed that can wait for [`PUBLISH`].
    is_stale: bool,
    shown: Option<Instant>,
}

impl Shows {
    /// A call of this direction began.
    pub fn began(&mut self, direction: CallDirection, now: Now) {
        self.active[direction as usize] += 1;
        if direction == CallDirection::Outbound {
            self.placed.push_back(now.mono);
            self.forget(now.mono);
        }
        self.note();
    }

    /// A call of this direction ended.
    pub fn over(&mut self, direction: CallDirection) {
        let active = &mut self.active[direction as usize];
        *active = active.saturating_sub(1);
        self.note();
    }

    /// Whether there is a call at all is told at once, how many there are a little later.
    fn note(&mut self) {
        self.is_due |= self.calls() <= 1;
        self.is_stale = true;
    }

    /// A gateway failed a call.
    pub fn refused(&mut self, refusal: CallRefusal) {
        if is_of_carrier(refusal.cause) {
            self.refusals.truncate(REFUSALS - 1);
            self.refusals.push_front(refusal);
            self.is_stale = true;
        }
    }

    /// Calls now.
    pub fn calls(&self) -> usize {
        self.active.iter().sum()
    }

    /// Calls now in one direction.
    pub fn active(&self, direction: CallDirection) -> usize {
        self.active[direction as usize]
    }

    /// When it wants to be shown next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let shown = self.shown?;
        let rate_ends = self.placed.back().map(|last| *last + SECOND);
        if self.is_stale { Some(shown + PUBLISH) } else { rate_ends.map(|at| at.max(shown + PUBLISH)) }
    }

    fn forget(&mut self, now: Instant) {
        while self.placed.front().is_some_and(|at| now.saturating_duration_since(*at) >= SECOND) {
            self.placed.pop_front();
        }
    }
}

impl SipTrunk {
    /// Shows itself if it is time.
    pub fn publish(&mut self, now: Now) {
        let is_time = self.shows.shown.is_none_or(|shown| now.mono >= shown + PUBLISH);
        let waits = self.shows.is_stale || !self.shows.placed.is_empty();
        if self.shows.is_due || (waits && is_time) {
            self.show(now);
        }
    }

    /// Tells whoever looks how it is now.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    pub fn show(&mut self, now: Now) {
        self.shows.forget(now.mono);
        (self.shows.is_due, self.shows.is_stale, self.shows.shown) = (false, false, Some(now.mono));
        let gateways = self.pool.shown(now);
        let up = gateways.iter().filter(|gateway| gateway.up_since.is_some()).count();
        self.metrics.gateways.set(gateways.len() as f64);
        self.metrics.gateways_up.set(up as f64);
        if let Some(registered) = &self.registration {
            self.metrics.registered(registered.since.is_some());
        }
        let rests = self.rests(now);
        let count = |calls: usize| u64::try_from(calls).unwrap_or(u64::MAX);
        let traffic = CallTraffic {
            outbound: count(self.shows.active(CallDirection::Outbound)),
            inbound: count(self.shows.active(CallDirection::Inbound)),
            placed_per_second: count(self.shows.placed.len()),
            refusals: self.shows.refusals.iter().cloned().collect(),
            trouble: self.trouble(&gateways),
        };
        let (state, links) =
            (self.state(&gateways, rests), links(&self.config, &gateways, self.registration.as_ref()));
        let (orders, hung_up, operator) = (&self.orders, self.shows.hung_up, &self.config.operator);
        let gone = self.leaves && rests;
        self.status.send_if_modified(|status| {
            let before = status.clone();
            (status.state, status.rests, status.links) = (state, rests, links);
            status.calls = Some(traffic);
            status.abandoned = hung_up;
            status.operator.clone_from(operator);
            status.wanted.clone_from(&orders.wanted);
            (status.limits, status.configured) = (orders.limits, orders.configured);
            status.obeys = orders.number;
            status.gone = gone;
            before != *status
        });
    }

    fn state(&self, gateways: &[pool::Shown], rests: bool) -> TrunkState {
        let carry = gateways.iter().filter(|gateway| gateway.can_carry()).count();
        let registered = self.registration.as_ref().is_none_or(|registered| registered.since.is_some());
        match self.duty {
            Duty::Rest if rests && self.orders.wanted.state != WantedState::Enabled => TrunkState::Disabled,
            Duty::Hold | Duty::Rest => TrunkState::Draining,
            Duty::Carry if carry == 0 || !registered => TrunkState::Down,
            Duty::Carry if carry < gateways.len() => TrunkState::Degraded,
            Duty::Carry => TrunkState::Up,
        }
    }

    /// Why it can't carry, or not all that it should, and what to do.
    fn trouble(&self, gateways: &[pool::Shown]) -> Vec<String> {
        let mut said = Vec::new();
        if self.leaves {
            said.push(
                "it is not in the configuration any more, and goes when its calls have ended".to_owned(),
            );
        }
        if self.duty != Duty::Carry {
            return said;
        }
        if let Some((status, is_refusal)) = self.registration.as_ref().and_then(|one| one.failed) {
            let answer = status.map_or_else(|| "no answer".to_owned(), |status| format!("a {status}"));
            said.push(if is_refusal {
                format!(
                    "the registrar refuses the registration with {answer}: correct username, password, realm or domain in the configuration, and reload it"
                )
            } else {
                format!(
                    "the registration got {answer}, and is tried again: see that the first gateway is the registrar, and that it can be reached"
                )
            });
        }
        for gateway in gateways {
            let name = &gateway.name;
            if gateway.is_nowhere {
                said.push(format!("gateway {name} has no address: DNS does not know its name, or knows it for no transport that is listened for"));
            } else if gateway.is_down {
                said.push(format!(
                    "gateway {name} is down, {}: see that it can be reached from here, and that it takes requests from our address",
                    failure_words(gateway.failed)
                ));
            } else if let Some(pause) = gateway.alone_for {
                let seconds = pause.as_secs().max(1);
                said.push(format!(
                    "gateway {name} is left alone for {seconds} s, {}: ask the carrier",
                    failure_words(gateway.failed)
                ));
            }
        }
        let most = self.orders.limits.max_calls;
        if u32::try_from(self.slots.taken()).is_ok_and(|taken| taken >= most) {
            said.push(format!("all {most} places for calls are taken: others wait, or take another trunk"));
        }
        said
    }
}

/// The fault lies with the carrier, or with us, and not with the callee.
fn is_of_carrier(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::NoRoute
            | Cause::Congestion
            | Cause::NetworkFailure
            | Cause::Timeout
            | Cause::Transport
            | Cause::Barred
            | Cause::AuthFailed
            | Cause::Media
            | Cause::Protocol
    )
}

fn failure_words(failed: Option<(Outcome, Timestamp)>) -> String {
    match failed {
        Some((Outcome::Status(status), _)) => format!("it answered {status}"),
        Some((Outcome::Nothing, _)) => "it gave no answer".to_owned(),
        None => "it failed too often".to_owned(),
    }
}

fn links(
    config: &SipTrunkConfig,
    gateways: &[pool::Shown],
    registered: Option<&Registered>,
) -> Vec<LinkStatus> {
    let of_gateway = |gateway: &pool::Shown| {
        let error = gateway.failed.map(|(outcome, _)| match outcome {
            Outcome::Status(status) => said(status, FailureClass::CarrierTemporary, false),
            Outcome::Nothing => CarrierStatus::ours(FailureClass::NoResponse, false, "no answer"),
        });
        (gateway.name.clone(), GATEWAY, gateway.up_since, error)
    };
    let of_registration = |registered: &Registered| {
        let error = registered.failed.map(|(status, is_refusal)| match status {
            Some(status) => said(status, FailureClass::CarrierPermanent, is_refusal),
            None => CarrierStatus::ours(FailureClass::NoResponse, false, "no answer"),
        });
        (config.domain.clone(), REGISTRATION, registered.since, error)
    };
    let all = gateways.iter().map(of_gateway).chain(registered.map(of_registration));
    (0..)
        .zip(all)
        .map(|(index, (remote, bind_mode, bound_since, last_error))| LinkStatus {
            index,
            remote,
            bind_mode,
            bound_since,
            in_flight: 0,
            window: 0,
            round_trip: None,
            last_error,
        })
        .collect()
}

/// A status that a carrier answered.
fn said(status: u16, class: FailureClass, permanent: bool) -> CarrierStatus {
    CarrierStatus {
        source: StatusSource::CarrierResponse,
        class,
        permanent,
        protocol: "sip".to_owned(),
        raw_code: status.to_string(),
        raw_text: codecs::sip::message::reason_phrase(status).to_owned(),
    }
}

impl Registered {
    /// Takes what the machine tells; says whether anything has changed.
    pub fn note(&mut self, event: &registration::Event, now: Now) {
        match event {
            registration::Event::Registered { .. } => self.failed = None,
            registration::Event::Failed { status, is_refusal, .. } => {
                self.failed = Some((*status, *is_refusal))
            }
            registration::Event::Lapsed | registration::Event::Removed { .. } => {}
        }
        self.since = match (self.machine.state(), self.since) {
            (registration::State::Registered, since) => since.or(Some(now.wall)),
            _ => None,
        };
    }
}
