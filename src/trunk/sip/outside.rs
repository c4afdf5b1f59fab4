//! What trunks ask carriers of themselves: registrations and probes, through the task of SIP.

use codecs::{
    Now,
    sip::ua::{
        Options, OutsideId, OutsideOutcome, PeerId,
        probe::Outcome,
        registration::{self, Outcome as Registered},
    },
};
use tracing::{info, warn};

use super::{endpoint::Driver, pool::GatewayId, trunk::SipTrunk};

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// Whether a gateway of a trunk lives.
    Probe(PeerId, GatewayId),
    /// That a trunk may be found.
    Registration(PeerId),
}

impl Driver {
    /// Sends what is due.
    pub(super) fn ask(&mut self, now: Now) {
        // Seldom is anything due, and the endpoint is needed for what is.
        let mut trunks = std::mem::take(&mut self.trunks);
        for trunk in trunks.values_mut() {
            trunk.retire(now);
            self.probe(now, trunk);
            self.register(now, trunk);
        }
        self.trunks = trunks;
    }

    fn probe(&mut self, now: Now, trunk: &mut SipTrunk) {
        if !trunk.probes() {
            return;
        }
        while let Some((gateway, target)) = trunk.pool.poll_probe(now) {
            let options = Options {
                peer: trunk.peer,
                uri: format!("sip:{}", target.remote).into(),
                target,
                from: trunk.address_of_record().into(),
                contact_user: trunk.contact_user().to_owned().into(),
            };
            match self.endpoint.probe(now, options) {
                Ok(id) => _ = self.asked.insert(id, Asked::Probe(trunk.peer, gateway)),
                Err(_) => trunk.pool.probed(now, gateway, Outcome::Nothing),
            }
        }
    }

    fn register(&mut self, now: Now, trunk: &mut SipTrunk) {
        let Some(registration) = &mut trunk.registration else { return };
        if let Some(register) = registration.machine.poll_request(now) {
            let target = trunk.pool.targets(now).into_iter().next();
            let sent = target.and_then(|target| {
                self.endpoint.register(now, trunk.peer, target, &register, Vec::new()).ok()
            });
            match sent {
                Some(id) => _ = self.asked.insert(id, Asked::Registration(trunk.peer)),
                None => registration.machine.handle_outcome(now, Registered::Nothing),
            }
        }
        trunk.note_registration(now);
    }

    /// Takes what came of it.
    pub(super) fn answered(&mut self, now: Now, id: OutsideId, outcome: &OutsideOutcome) {
        let asked = match outcome {
            OutsideOutcome::Challenged => self.asked.get(&id).copied(),
            _ => self.asked.remove(&id),
        };
        match asked {
            None => {}
            Some(Asked::Probe(peer, gateway)) => {
                let seen = match outcome {
                    OutsideOutcome::Challenged => return,
                    OutsideOutcome::Response(message) | OutsideOutcome::Unauthorized(message) => {
                        message.status().map_or(Outcome::Nothing, Outcome::Status)
                    }
                    OutsideOutcome::Nothing => Outcome::Nothing,
                };
                let Some(trunk) = self.trunks.get_mut(&peer) else { return };
                trunk.pool.probed(now, gateway, seen);
                trunk.show(now);
            }
            Some(Asked::Registration(peer)) => {
                let Some(trunk) = self.trunks.get_mut(&peer) else { return };
                let Some(registration) = &mut trunk.registration else { return };
                registration.machine.handle_outcome(
                    now,
                    match outcome {
                        OutsideOutcome::Response(message) => Registered::Response(message),
                        OutsideOutcome::Challenged => Registered::Challenged,
                        OutsideOutcome::Unauthorized(_) => Registered::Unauthorized,
                        OutsideOutcome::Nothing => Registered::Nothing,
                    },
                );
                trunk.note_registration(now);
            }
        }
    }
}

impl SipTrunk {
    /// Tells what has become of the registration.
    fn note_registration(&mut self, now: Now) {
        let id = self.config.id.clone();
        let Some(registration) = &mut self.registration else { return };
        let mut changed = false;
        while let Some(event) = registration.machine.poll_event() {
            changed = true;
            registration.note(&event, now);
            match event {
                registration::Event::Registered { granted, is_listed, .. } => {
                    info!(trunk = %id, ?granted, is_listed, "registered");
                }
                registration::Event::Failed { status, retry_in, is_refusal } => {
                    self.metrics.registration_failed(status);
                    if is_refusal {
                        warn!(trunk = %id, ?status, ?retry_in, "the carrier refuses the registration: look at the account");
                    } else {
                        warn!(trunk = %id, ?status, ?retry_in, "the registration failed; it is tried again");
                    }
                }
                registration::Event::Lapsed => {
                    warn!(trunk = %id, "the registration ran out: no calls come in");
                }
                registration::Event::Removed { confirmed } => {
                    info!(trunk = %id, confirmed, "the registration is removed");
                }
            }
        }
        if changed {
            self.show(now);
        }
    }
}
