//! What becomes of a call whose INVITE failed: sent again changed, sent to the next target, or ended.

use bytes::Bytes;

use super::{
    AttemptFailure, LegEvent,
    core::Core,
    leg::{Call, Ending, Leg},
};
use crate::{
    Now,
    sip::{
        Message, Name,
        auth::Attempt,
        cause::{End, Own},
        message::Address,
        transaction::TransactionId,
        uri::Uri,
    },
};

/// Times that an INVITE is sent changed for another reason than credentials.
const MOST_CHANGES: u8 = 3;
/// Extensions that we can do without.
const OPTIONAL: [&str; 2] = ["100rel", "timer"];

impl Leg {
    /// The INVITE that is open was refused.
    pub fn handle_failure(&mut self, core: &mut Core, now: Now, response: &Message, status: u16) {
        self.sessions.retain(|session| session.is_over);
        let Call::Outgoing(call) = &mut self.call else { return };
        call.transaction = None;
        if self.has_ended {
            return;
        }
        if let Some(hangup) = call.giving_up.clone() {
            let ending = Ending::of(End::CancelSent).own(hangup.own).message(response);
            return self.end(core, now, ending);
        }
        if self.change_invite(core, response, status) && self.send_invite(core, now, true).is_ok() {
            return;
        }
        let retry_after = response.retry_after();
        self.tell_attempt(core, now, AttemptFailure::Status { status, retry_after });
        let tries_next = self.policy.failover.statuses.contains(&status) || status == 503;
        if tries_next && self.try_next_target(core, now) {
            return;
        }
        self.end(core, now, Ending::of(End::FinalReceived).message(response));
    }

    /// The INVITE had no outcome on the wire: nothing came, or it did not leave.
    pub fn handle_no_response(&mut self, core: &mut Core, now: Now, id: TransactionId, is_unreachable: bool) {
        let Call::Outgoing(call) = &mut self.call else { return };
        if call.transaction != Some(id) {
            return;
        }
        call.transaction = None;
        self.sessions.retain(|session| session.is_over);
        if self.has_ended {
            return;
        }
        if let Some(hangup) = call.giving_up.clone() {
            return self.end(core, now, Ending::of(End::CancelSent).own(hangup.own));
        }
        let (failure, own, status) = match is_unreachable {
            true => (AttemptFailure::Unreachable, Own::Transport, 503),
            false => (AttemptFailure::Silence, Own::NoResponse, 408),
        };
        self.tell_attempt(core, now, failure);
        if !self.try_next_target(core, now) {
            self.end(core, now, Ending::of(End::Nothing).own(own).status(status));
        }
    }

    /// The target that is being tried has had its time, and there is another one.
    pub fn lose_patience(&mut self, core: &mut Core, now: Now) {
        let Call::Outgoing(call) = &mut self.call else { return };
        call.patience = None;
        let Some(id) = call.transaction.take() else { return };
        // What it says from now on is answered with CANCEL, or with ACK and BYE.
        if call.was_heard {
            self.cancel(core, now, id, None);
        } else {
            core.transactions.abandon(id);
        }
        self.tell_attempt(core, now, AttemptFailure::Silence);
        if !self.try_next_target(core, now) {
            self.end(core, now, Ending::of(End::Nothing).own(Own::NoResponse).status(408));
        }
    }

    /// Sends the INVITE to the next target, if one may be tried.
    fn try_next_target(&mut self, core: &mut Core, now: Now) -> bool {
        loop {
            let Call::Outgoing(call) = &mut self.call else { return false };
            if call.has_progressed || !call.has_next_target() {
                return false;
            }
            call.attempt += 1;
            let (tried, left) = call.order.targets.split_at(call.attempt);
            call.target = left[0].clone();
            // One host that is tried at two places may still have what went to the first: with the same number the second
            // would be refused as a copy that went astray (482).
            let is_known = tried.iter().any(|one| one.remote.ip() == call.target.remote.ip());
            // Its nonces are its own: a challenge of this one says nothing about what another one was answered.
            call.auth = Attempt::default();
            core.counters.failovers += 1;
            if self.send_invite(core, now, is_known).is_ok() {
                return true;
            }
            self.tell_attempt(core, now, AttemptFailure::Unreachable);
        }
    }

    fn tell_attempt(&mut self, core: &mut Core, now: Now, failure: AttemptFailure) {
        let Call::Outgoing(call) = &self.call else { return };
        let target = call.target.clone();
        self.tell(core, now, LegEvent::Attempt { target, failure });
    }

    /// Changes the INVITE as the response wants it. `false`: nothing can be done, or it was done already.
    fn change_invite(&mut self, core: &mut Core, response: &Message, status: u16) -> bool {
        let peer = self.peer;
        let Call::Outgoing(call) = &mut self.call else { return false };
        if matches!(status, 401 | 407) {
            return core.challenged(peer, &mut call.auth, response);
        }
        if call.changes >= MOST_CHANGES {
            return false;
        }
        call.changes += 1;
        match status {
            416 => match sip_uri(&call.order.request_uri, &call.order.from) {
                Some(uri) => {
                    call.order.request_uri = uri;
                    true
                }
                None => false,
            },
            420 => {
                let before = call.left_out.len();
                for extension in OPTIONAL {
                    if response.has_option(Name::Unsupported, extension)
                        && !call.left_out.contains(&extension)
                    {
                        call.left_out.push(extension);
                    }
                }
                call.left_out.len() > before
            }
            421 => {
                let wants = response.has_option(Name::Require, "100rel") && !call.demands_reliable;
                call.demands_reliable |= wants;
                wants && !call.left_out.contains(&"100rel")
            }
            422 => call.timer.too_small(response.min_se()).is_some(),
            _ => false,
        }
    }
}

/// A tel URI as the sip URI of the same number (RFC 3261 §19.1.6), at the host of who calls.
fn sip_uri(uri: &[u8], from: &[u8]) -> Option<Bytes> {
    let Ok(Uri::Tel(_)) = Uri::parse(uri) else { return None };
    let Ok(Uri::Sip(caller)) = Address::parse(from)?.uri() else { return None };
    let (_, number) = uri.split_at("tel:".len());
    let text = [b"sip:", number, b"@", caller.host.to_string().as_bytes(), b";user=phone"].concat();
    Some(Bytes::from(text))
}
