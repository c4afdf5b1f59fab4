//! What calls order, and what the endpoint tells, through the task of SIP.

use codecs::{
    Now,
    sip::ua::{self, Body, Event, LegEvent, LegId, Response, Snapshot, probe::Outcome},
};
use tracing::{debug, info, warn};

use super::{
    adapter::{self, Unfit},
    endpoint::Driver,
    facts,
    legs::Leg,
    outcome,
};
use crate::{
    clock,
    domain::{CallDirection, CallId, Cause, Evidence, Sdp, TrunkId},
    trunk::{
        CallRefusal,
        calls::{CallFact, CallOrder, HangupWhy, Incoming, Place, Placement},
    },
};

/// How long a key that we press seems to be held, milliseconds.
const KEY_MS: u16 = 160;

impl Driver {
    /// Does what calls want. An order for a leg that is gone, or in no state for it, is overtaken: its end is told, or was.
    pub(super) fn order(&mut self, now: Now, order: CallOrder) {
        let (placement, done) = match order {
            CallOrder::Place(place) => return self.place(now, *place),
            CallOrder::End { call, trunk, snapshot } => return self.end(now, call, &trunk, &snapshot),
            CallOrder::Ring { placement, sdp } => {
                let (response, fact) = match sdp {
                    Some(sdp) => {
                        let response = Response::new(183).with_sdp(octets(&sdp));
                        (response, CallFact::EarlyMedia { sdp: None })
                    }
                    None => (Response::new(180), CallFact::Ringing),
                };
                let done = self.respond(now, placement, response);
                if done.is_ok() {
                    self.tell(placement, now, fact);
                }
                (placement, done)
            }
            CallOrder::Answer { placement, sdp } => {
                (placement, self.respond(now, placement, Response::new(200).with_sdp(octets(&sdp))))
            }
            CallOrder::Reject { placement, status } => {
                (placement, self.respond(now, placement, Response::new(status)))
            }
            CallOrder::Hangup { placement, why } => {
                self.note_hangup(placement, &why);
                (
                    placement,
                    self.on(placement, |endpoint, leg| endpoint.hangup(now, leg, facts::hangup(&why))),
                )
            }
            CallOrder::Offer { placement, sdp } => (
                placement,
                self.on(placement, |endpoint, leg| endpoint.offer(now, leg, Body::sdp(octets(&sdp)))),
            ),
            CallOrder::AcceptOffer { placement, sdp } => (
                placement,
                self.on(placement, |endpoint, leg| endpoint.accept_offer(now, leg, Body::sdp(octets(&sdp)))),
            ),
            CallOrder::RefuseOffer { placement, status } => {
                (placement, self.on(placement, |endpoint, leg| endpoint.refuse_offer(now, leg, status)))
            }
            CallOrder::Dtmf { placement, digits } => (
                placement,
                self.on(placement, |endpoint, leg| {
                    digits.chars().try_for_each(|digit| endpoint.info(now, leg, key(digit)))
                }),
            ),
        };
        if let Err(refusal) = done {
            debug!(call = %placement.call, %refusal, "an order was overtaken");
        }
    }

    fn respond(&mut self, now: Now, placement: Placement, response: Response) -> Result<(), ua::Refusal> {
        self.on(placement, |endpoint, leg| endpoint.respond(now, leg, response))
    }

    fn on(
        &mut self,
        placement: Placement,
        act: impl FnOnce(&mut ua::Endpoint, LegId) -> Result<(), ua::Refusal>,
    ) -> Result<(), ua::Refusal> {
        let leg = self.legs.find(placement).ok_or(ua::Refusal::NoLeg)?;
        act(&mut self.endpoint, leg)
    }

    /// Counts a call that the daemon ends because its trunk shall rest.
    fn note_hangup(&mut self, placement: Placement, why: &HangupWhy) {
        let leg = self.legs.find(placement).and_then(|id| self.legs.get_mut(id));
        if let (Some(leg), HangupWhy::Drain) = (leg, why)
            && let Some(trunk) = self.trunks.get_mut(&leg.trunk)
        {
            trunk.shows.hung_up += 1;
        }
    }

    fn place(&mut self, now: Now, place: Place) {
        let found = self.trunks.values_mut().find(|trunk| *trunk.id() == place.trunk);
        let Some(trunk) = found else { return self.refuse(now, place.placement, Cause::NoRoute) };
        let targets = trunk.pool.targets(now);
        let (peer, policy) = (trunk.peer, trunk.policy.clone());
        let registration = trunk.registration.as_ref();
        let routes = registration.map(|one| one.machine.service_route().to_vec()).unwrap_or_default();
        let invite = match adapter::invite(&trunk.config, peer, &place.call, &place.sdp, targets, policy) {
            Ok(invite) => ua::Invite { routes, ..invite },
            Err(unfit) => {
                warn!(trunk = %place.trunk, call = %place.placement.call, %unfit, "a call can't be placed");
                let cause = match unfit {
                    Unfit::Caller => Cause::Barred,
                    Unfit::Media => Cause::Media,
                };
                return self.refuse(now, place.placement, cause);
            }
        };
        match self.endpoint.invite(now, invite) {
            Ok(id) => {
                trunk.began(CallDirection::Outbound, now);
                let leg = Leg::new(place.placement, peer, CallDirection::Outbound, String::new());
                self.legs.add(id, leg);
            }
            Err(refusal) => {
                warn!(trunk = %place.trunk, call = %place.placement.call, %refusal, "a call can't be placed");
                let cause = match refusal {
                    ua::Refusal::Full => Cause::Congestion,
                    ua::Refusal::NoTarget => Cause::Transport,
                    _ => Cause::Protocol,
                };
                self.refuse(now, place.placement, cause);
            }
        }
    }

    /// A placement that never was one ends all the same.
    fn refuse(&mut self, now: Now, placement: Placement, cause: Cause) {
        let ended = CallFact::Ended { cause, evidence: Evidence::default(), retry_after: None };
        self.tell(placement, now, ended);
    }

    fn end(&mut self, now: Now, call: CallId, trunk: &TrunkId, snapshot: &[u8]) {
        // A call of the carrier's that nobody had answered ends by itself.
        if snapshot.is_empty() {
            return;
        }
        match Snapshot::from_octets(snapshot) {
            Ok(snapshot) => {
                info!(%call, %trunk, "ends on the wire what the last run left open");
                if let Err(refusal) = self.endpoint.restore(now, snapshot) {
                    warn!(%call, %trunk, %refusal, "what the last run left open can't be ended");
                }
            }
            Err(error) => warn!(%call, %trunk, %error, "what the last run left open can't be ended"),
        }
    }

    /// Takes what the endpoint tells.
    pub(super) fn event(&mut self, now: Now, event: Event) {
        match event {
            Event::Leg { leg, at, what } => self.leg_event(leg, at, what),
            Event::Incoming(incoming) => self.incoming(now, &incoming),
            Event::Stranger { flow, method } => {
                self.note_bad(&flow, now);
                debug!(remote = %flow.remote, transport = %flow.transport, %method, "a request of a stranger");
            }
            Event::Malformed { flow, status } => {
                self.note_bad(&flow, now);
                debug!(remote = %flow.remote, transport = %flow.transport, ?status, "a malformed message");
            }
            Event::Outside { id, at, outcome } => self.answered(at, id, &outcome),
            // No method is served here but what the endpoint answers itself.
            Event::Request(_) => {}
        }
    }

    fn leg_event(&mut self, id: LegId, at: Now, what: LegEvent) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        let (placement, direction) = (leg.placement, leg.direction);
        let Some(trunk) = self.trunks.get_mut(&leg.trunk) else { return };
        match &what {
            LegEvent::Sent { target, .. } => {
                leg.remote = facts::gateway(target);
                leg.target = Some(target.clone());
            }
            LegEvent::Progress(_)
            | LegEvent::Ringing(_)
            | LegEvent::EarlyMedia { .. }
            | LegEvent::Answered { .. } => {
                if let Some(target) = leg.target.take() {
                    trunk.pool.handle_traffic(at, &target, Outcome::Status(200), None);
                }
            }
            LegEvent::Attempt { target, failure } => {
                let (cause, evidence) = outcome::failed(failure);
                let (seen, retry_after) = match failure {
                    ua::AttemptFailure::Status { status, retry_after } => {
                        (Outcome::Status(*status), *retry_after)
                    }
                    ua::AttemptFailure::Silence | ua::AttemptFailure::Unreachable => (Outcome::Nothing, None),
                };
                leg.target = None;
                trunk.pool.handle_traffic(at, target, seen, retry_after);
                trunk.metrics.gateway_failed(cause.name());
                let (time, sip_status) = (at.wall, evidence.sip_status);
                let gateway = facts::gateway(target);
                trunk.shows.refused(CallRefusal { time, gateway, cause, sip_status });
                trunk.shows.is_due = true;
            }
            LegEvent::Ended(_) => {
                trunk.over(direction);
            }
            _ => {}
        }
        let ends = matches!(what, LegEvent::Ended(_));
        if let Some(fact) = facts::fact(what, at, leg, trunk.early_media()) {
            self.tell(placement, at, fact);
        }
        if ends {
            self.legs.end(id, at.mono);
        }
    }

    fn incoming(&mut self, now: Now, incoming: &ua::Incoming) {
        let Some(trunk) = self.trunks.get_mut(&incoming.peer) else { return };
        let Some(slot) = trunk.slots.take() else {
            self.metrics.overloaded.increment(1);
            let full = Response::new(503).with_field("Retry-After", "5");
            // It ended meanwhile, or it is told.
            let _ = self.endpoint.respond(now, incoming.leg, full);
            return;
        };
        let parties = adapter::parties(&trunk.config, incoming);
        let placement = Placement { call: clock::fresh_call_id(), number: 1 };
        let remote = facts::gateway(&incoming.flow.into());
        trunk.began(CallDirection::Inbound, now);
        let told = Incoming {
            trunk: trunk.id().clone(),
            gateway: remote.clone(),
            caller: parties.caller,
            callee: parties.callee,
            sdp: incoming.sdp.as_deref().map(Sdp::new),
            sip_call_id: String::from_utf8_lossy(&incoming.call_id).into_owned(),
            headers: parties.headers,
            slot,
            snapshot: bytes::Bytes::new(),
        };
        let leg = Leg::new(placement, incoming.peer, CallDirection::Inbound, remote);
        self.legs.add(incoming.leg, leg);
        self.tell(placement, incoming.at, CallFact::Incoming(Box::new(told)));
    }
}

fn octets(sdp: &Sdp) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(sdp.octets())
}

/// A key as INFO carries it.
fn key(digit: char) -> Body {
    Body {
        content_type: bytes::Bytes::from_static(b"application/dtmf-relay"),
        octets: format!("Signal={digit}\r\nDuration={KEY_MS}\r\n").into(),
    }
}
