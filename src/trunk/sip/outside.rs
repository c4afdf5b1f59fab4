//! What trunks ask carriers of themselves: registrations and probes, through the task of SIP.

use codecs::{
    Now,
    sip::ua::{
        Options, OutsideId, OutsideOutcome,
        probe::Outcome,
        registration::{self, Outcome as Registered},
    },
};
use tracing::{info, warn};

use super::{endpoint::Driver, trunk::SipTrunk};

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// Whether a gateway lives: the places of its trunk and its own.
    Probe(usize, usize),
    /// To be found: the place of the trunk.
    Registration(usize),
}

impl Driver {
    /// Sends what is due.
    pub(super) fn ask(&mut self, now: Now) {
        for index in 0..self.trunks.len() {
            self.probe(now, index);
            self.register(now, index);
        }
    }

    fn probe(&mut self, now: Now, index: usize) {
        let trunk = &mut self.trunks[index];
        while let Some((gateway, target)) = trunk.pool.poll_probe(now) {
            let options = Options {
                peer: trunk.peer,
                uri: format!("sip:{}", target.remote).into(),
                target,
                from: trunk.address_of_record().into(),
                contact_user: trunk.contact_user().to_owned().into(),
            };
            match self.endpoint.probe(now, options) {
                Ok(id) => _ = self.asked.insert(id, Asked::Probe(index, gateway)),
                Err(_) => trunk.pool.probed(now, gateway, Outcome::Nothing),
            }
        }
    }

    fn register(&mut self, now: Now, index: usize) {
        let trunk = &mut self.trunks[index];
        let Some(registration) = &mut trunk.registration else { return };
        if let Some(register) = registration.poll_request(now) {
            let target = trunk.pool.targets(now).into_iter().next();
            let sent = target.and_then(|target| {
                self.endpoint.register(now, trunk.peer, target, &register, Vec::new()).ok()
            });
            match sent {
                Some(id) => _ = self.asked.insert(id, Asked::Registration(index)),
                None => registration.handle_outcome(now, Registered::Nothing),
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
            Some(Asked::Probe(index, gateway)) => {
                let seen = match outcome {
                    OutsideOutcome::Challenged => return,
                    OutsideOutcome::Response(message) | OutsideOutcome::Unauthorized(message) => {
                        message.status().map_or(Outcome::Nothing, Outcome::Status)
                    }
                    OutsideOutcome::Nothing => Outcome::Nothing,
                };
                let trunk = &mut self.trunks[index];
                trunk.pool.probed(now, gateway, seen);
                trunk.show();
            }
            Some(Asked::Registration(index)) => {
                let trunk = &mut self.trunks[index];
                let Some(registration) = &mut trunk.registration else { return };
                registration.handle_outcome(
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
        while let Some(event) = registration.poll_event() {
            changed = true;
            match event {
                registration::Event::Registered { granted, is_listed, .. } => {
                    info!(trunk = %id, ?granted, is_listed, "registered");
                }
                registration::Event::Failed { status, retry_in, is_refusal: false } => {
                    warn!(trunk = %id, ?status, ?retry_in, "the registration failed; it is tried again");
                }
                registration::Event::Failed { status, retry_in, is_refusal: true } => {
                    warn!(trunk = %id, ?status, ?retry_in, "the carrier refuses the registration: look at the account");
                }
                registration::Event::Lapsed => {
                    warn!(trunk = %id, "the registration ran out: no calls come in")
                }
                registration::Event::Removed { confirmed } => {
                    info!(trunk = %id, confirmed, "registration removed")
                }
            }
        }
        let stands = registration.state() == registration::State::Registered;
        if changed {
            self.registered_since = match (stands, self.registered_since) {
                (true, since) => since.or(Some(now.wall)),
                (false, _) => None,
            };
            self.show();
        }
    }
}
