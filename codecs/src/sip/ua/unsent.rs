//! Requests that found no room among the transactions: those that end something are tried again until they do.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    Refusal,
    core::Core,
    leg::Leg,
    request::{Draft, Purpose},
};
use crate::{
    Now,
    sip::transaction::{NoCancel, TransactionId},
};

/// When a request that found no room is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a leg has still to send.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    cancels: Vec<(TransactionId, Option<Bytes>)>,
    drafts: Vec<Draft>,
    again: Option<Instant>,
}

impl Unsent {
    pub fn is_empty(&self) -> bool {
        self.cancels.is_empty() && self.drafts.is_empty()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }
}

impl Leg {
    /// Cancels an INVITE of ours, now or as soon as there is room. `reason`: what Reason shall say.
    pub fn cancel(&mut self, core: &mut Core, now: Now, id: TransactionId, reason: Option<Bytes>) {
        match core.transactions.cancel(now, id, reason.as_deref()) {
            Ok(cancel) => self.adopt(core, cancel),
            Err(NoCancel::Full) => {
                self.unsent.cancels.retain(|(other, _)| *other != id);
                self.unsent.cancels.push((id, reason));
                self.unsent.again.get_or_insert(now.mono + AGAIN);
            }
            // It has its final response, or none at all yet: then its own time ends it.
            Err(NoCancel::NoInvite | NoCancel::TooEarly | NoCancel::TooLate) => {}
        }
    }

    /// Sends a request in a dialog, now or as soon as there is room.
    pub fn send_surely(&mut self, core: &mut Core, now: Now, draft: Draft) {
        if self.send_request(core, now, draft.clone()) == Err(Refusal::Full) {
            self.unsent.drafts.push(draft);
            self.unsent.again.get_or_insert(now.mono + AGAIN);
        }
    }

    /// Tries again what found no room.
    pub fn send_unsent(&mut self, core: &mut Core, now: Now) {
        if self.unsent.again.is_none_or(|again| again > now.mono) {
            return;
        }
        let Unsent { cancels, drafts, .. } = std::mem::take(&mut self.unsent);
        for (id, reason) in cancels {
            self.cancel(core, now, id, reason);
        }
        for draft in drafts {
            let is_over = self.session(draft.session).is_none_or(|session| session.is_over);
            if draft.purpose == Purpose::End || !is_over {
                self.send_surely(core, now, draft);
            }
        }
    }
}
