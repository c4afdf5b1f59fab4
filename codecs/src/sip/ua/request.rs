//! Requests of ours inside a dialog: how they are written, and what their outcomes do.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Body,
    Direction::Sent,
    Field, LegEvent, Refusal, Response,
    cancel::with_reason,
    core::{ALLOW, Core, Owner, credentials_name, put_fields},
    leg::{Call, Ending, Leg},
    session::{Carrier, SentAck, SessionId, TheirOffer},
};
use crate::{
    Now,
    sip::{
        Message, Method, Name,
        auth::{Asker, Attempt},
        cause::{End, Own},
        message::SessionExpires,
        transaction::TransactionId,
    },
};

/// A request of ours inside a dialog.
#[derive(Debug)]
pub(super) struct Request {
    pub transaction: TransactionId,
    pub draft: Draft,
    pub sequence: u32,
    pub message: Message,
    /// It was sent before the session was answered.
    pub is_early: bool,
    /// When a re-INVITE is cancelled that has no final response: it rings nobody, so it is answered at once or never.
    pub give_up: Option<Instant>,
}

/// What a request is made of, so that it can be made again.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub session: SessionId,
    pub method: Method,
    pub purpose: Purpose,
    pub fields: Vec<Field>,
    pub body: Option<Body>,
    pub auth: Attempt,
    /// Times that it was sent changed.
    pub changes: u8,
    /// Whether it says anything of session timers.
    pub asks_timer: bool,
}

/// INFO requests of a session that may wait for the one before them; four words of keys.
const MOST_INFOS: usize = 256;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Ends the dialog.
    End,
    /// Confirms a reliable provisional response.
    Confirm,
    /// Carries an offer of ours.
    Offer,
    /// Keeps the session alive.
    Refresh,
    /// Carries something of the caller's.
    Info,
}

impl Draft {
    pub fn new(session: SessionId, method: Method, purpose: Purpose) -> Self {
        Self {
            session,
            method,
            purpose,
            fields: Vec::new(),
            body: None,
            auth: Attempt::default(),
            changes: 0,
            asks_timer: false,
        }
    }
}

/// How a request of ours ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Response(&'a Message, u16),
    /// Nothing came, or it did not leave.
    Nothing,
}

impl Leg {
    /// Sends a request inside a dialog.
    pub fn send_request(&mut self, core: &mut Core, now: Now, mut draft: Draft) -> Result<(), Refusal> {
        let (routing, supported) = (self.policy.dialog_routing, self.policy.supported());
        let (peer, contact) = (self.peer, self.contact.clone());
        let session = self.session(draft.session).ok_or(Refusal::WrongState)?;
        let addressed = session.dialog.address();
        let mut target = core.next_hop(&addressed.next_hop, &session.pin, routing);
        let via = core.via(&mut target).ok_or(Refusal::NoTarget)?;
        let sequence = session.dialog.next_sequence();
        let mut writer = session.dialog.request(draft.method, sequence, &via, &addressed);
        let refreshes_target = matches!(draft.method, Method::Invite | Method::Update);
        if refreshes_target {
            writer.field(Name::Contact, &contact);
        }
        if draft.method == Method::Invite {
            writer.field(Name::Allow, ALLOW);
        }
        if refreshes_target {
            writer.field(Name::Supported, supported);
            let (expires, min_se) = session.timer.ask_again();
            draft.asks_timer = expires.is_some();
            if let Some(SessionExpires { seconds, refresher }) = expires {
                let refresher = refresher.map_or("", |refresher| refresher.parameter());
                writer.field(Name::SessionExpires, format!("{seconds};refresher={refresher}"));
            }
            if let Some(min_se) = min_se {
                writer.number(Name::MinSe, min_se);
            }
        }
        put_fields(&mut writer, &draft.fields);
        core.hops(&mut writer);
        let octets = draft.body.as_ref().map(|body| body.octets.clone()).unwrap_or_default();
        core.authorize(peer, &mut draft.auth, (draft.method, &addressed.request_uri, &octets), &mut writer);
        let message = match &draft.body {
            Some(body) => writer.body(&body.content_type, &body.octets),
            None => writer.finish(),
        };
        let is_early = !session.dialog.is_confirmed();
        let transaction = core.request(now, Owner::Leg(self.id), &message, target)?;
        self.open.push(transaction);
        self.last_sequence = self.last_sequence.max(sequence);
        let is_invite = draft.method == Method::Invite;
        let give_up = is_invite.then(|| now.mono + core.config.transactions.timers.b);
        self.requests.push(Request { transaction, draft, sequence, message, is_early, give_up });
        Ok(())
    }

    /// Cancels re-INVITEs that have waited for their final response long enough.
    pub fn give_requests_up(&mut self, core: &mut Core, now: Now) {
        let is_due = |request: &&mut Request| request.give_up.is_some_and(|at| at <= now.mono);
        let due = self.requests.iter_mut().filter(is_due).map(|request| {
            request.give_up = None;
            request.transaction
        });
        for id in due.collect::<Vec<_>>() {
            self.cancel(core, now, id, None);
        }
    }

    /// A request of ours inside a dialog ended, but for challenges, which are answered here.
    pub fn handle_outcome(&mut self, core: &mut Core, now: Now, id: TransactionId, outcome: Outcome<'_>) {
        let Some(at) = self.requests.iter().position(|request| request.transaction == id) else { return };
        let mut request = self.requests.swap_remove(at);
        if let Outcome::Response(response, 401 | 407) = outcome
            && core.challenged(self.peer, &mut request.draft.auth, response)
        {
            if matches!(request.draft.purpose, Purpose::End | Purpose::Confirm) {
                return self.send_surely(core, now, request.draft);
            }
            if self.send_request(core, now, request.draft.clone()).is_ok() {
                return;
            }
        }
        if let Outcome::Response(response, 200..=299) = outcome {
            core.authenticated(self.peer, &request.draft.auth, response);
        }
        match request.draft.purpose {
            Purpose::End => {}
            Purpose::Confirm => self.handle_prack_outcome(core, now, &request, outcome),
            Purpose::Offer | Purpose::Refresh => self.handle_change_outcome(core, now, request, outcome),
            Purpose::Info => {
                let status = match outcome {
                    Outcome::Response(_, status) => status,
                    Outcome::Nothing => 408,
                };
                if !self.has_ended {
                    self.tell(core, now, LegEvent::InfoAnswered { status });
                }
                // RFC 5057: what is gone is the dialog; an INFO that is not understood harms nothing.
                if status == 481 || matches!(outcome, Outcome::Nothing) {
                    self.lose_dialog(core, now, request.draft.session, outcome);
                }
                // One that can't be sent is as one that was lost; those behind it are asked for with the next.
                _ = self.send_waiting_info(core, now, request.draft.session);
            }
        }
    }

    /// The peer does not know the dialog any more, or is gone: the session is ended with BYE, whoever hears it.
    pub fn lose_dialog(&mut self, core: &mut Core, now: Now, id: SessionId, outcome: Outcome<'_>) {
        let Some(session) = self.session(id).filter(|session| !session.is_over) else { return };
        if !session.dialog.is_confirmed() {
            return self.lose_early_dialog(core, now, id);
        }
        if self.answered == Some(id) && self.awaits_ack(now, id) {
            return self.hang_up_talk(core, now, Own::NoResponse, &[]);
        }
        self.send_bye(core, now, id, Own::NoResponse, &[]);
        if self.answered != Some(id) {
            return;
        }
        let ending = match outcome {
            Outcome::Response(response, _) => Ending::of(End::FinalReceived).message(response),
            Outcome::Nothing => Ending::of(End::ByeSent).own(Own::NoResponse).status(408),
        };
        self.end(core, now, ending);
    }

    /// The peer has lost an early dialog, and with it the call, unless we are its caller and another callee still rings.
    fn lose_early_dialog(&mut self, core: &mut Core, now: Now, id: SessionId) {
        match &self.call {
            Call::Outgoing(call) if call.giving_up.is_none() && call.transaction.is_some() => {
                self.sessions.retain(|session| session.id != id);
                if self.sessions.is_empty() {
                    _ = self.hang_up(core, now, super::Hangup::new(Own::NoResponse));
                }
            }
            // No BYE of a callee before its 2xx.
            Call::Incoming(_) => self.reject(core, now, &Response::new(500), Some(Own::NoResponse)),
            Call::Outgoing(_) | Call::Restored(_) => {}
        }
    }

    /// Ends a dialog with BYE. Everything else that is open in it is forgotten.
    pub fn send_bye(&mut self, core: &mut Core, now: Now, id: SessionId, own: Own, fields: &[Field]) {
        self.refuse_open_request(core, now, id);
        let Some(session) = self.session(id).filter(|session| !session.is_over) else { return };
        session.is_over = true;
        session.unacknowledged = None;
        session.our_offer = None;
        if let Some(TheirOffer { carrier: Carrier::Success { sequence, invite }, .. }) =
            session.their_offer.take()
        {
            // Its answer will not come any more, but the 2xx is owed its ACK.
            self.send_ack(core, now, id, sequence, &invite, None);
        }
        let mut draft = Draft::new(id, Method::Bye, Purpose::End);
        draft.fields = with_reason(&super::Hangup { own, fields: fields.to_vec() });
        self.send_surely(core, now, draft);
    }

    /// Sends the ACK to a 2xx, with the INVITE's credentials.
    pub fn send_ack(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        sequence: u32,
        invite: &Message,
        body: Option<&Body>,
    ) {
        let routing = self.policy.dialog_routing;
        let Some(session) = self.session(id) else { return };
        let addressed = session.dialog.address();
        let mut target = core.next_hop(&addressed.next_hop, &session.pin, routing);
        let Some(via) = core.via(&mut target) else { return };
        let mut writer = session.dialog.request(Method::Ack, sequence, &via, &addressed);
        core.hops(&mut writer);
        for asker in [Asker::Server, Asker::Proxy] {
            writer.copy(invite, credentials_name(asker));
        }
        let message = match body {
            Some(body) => writer.body(&body.content_type, &body.octets),
            None => writer.finish(),
        };
        core.transactions.send(target.clone(), &message);
        let octets = message.octets().clone();
        session.ack = Some(SentAck { sequence, message, target });
        core.note(now, self.id, Sent, &octets);
    }

    /// A 2xx came again: so does its ACK. `false`: none was sent for it.
    pub fn repeat_ack(&mut self, core: &mut Core, now: Now, id: SessionId, sequence: u32) -> bool {
        let leg = self.id;
        let Some(session) = self.session(id) else { return false };
        let Some(ack) = session.ack.as_ref().filter(|ack| ack.sequence == sequence) else { return false };
        core.transactions.send(ack.target.clone(), &ack.message);
        core.note(now, leg, Sent, ack.message.octets());
        core.counters.repeated_acks += 1;
        true
    }

    /// Sends an INFO.
    pub fn send_info(&mut self, core: &mut Core, now: Now, body: Body) -> Result<(), Refusal> {
        let session = self.talk().ok_or(Refusal::WrongState)?;
        if session.infos.len() >= MOST_INFOS {
            return Err(Refusal::Full);
        }
        session.infos.push_back(body);
        let id = session.id;
        self.send_waiting_info(core, now, id)
    }

    /// Sends the next INFO, unless one is out: two at once may arrive in any order, and digits have one.
    fn send_waiting_info(&mut self, core: &mut Core, now: Now, id: SessionId) -> Result<(), Refusal> {
        let is_out =
            |request: &Request| request.draft.session == id && request.draft.purpose == Purpose::Info;
        if self.requests.iter().any(is_out) {
            return Ok(());
        }
        let Some(session) = self.session(id).filter(|session| !session.is_over) else { return Ok(()) };
        let Some(body) = session.infos.pop_front() else { return Ok(()) };
        let mut draft = Draft::new(id, Method::Info, Purpose::Info);
        draft.body = Some(body);
        self.send_request(core, now, draft)
    }

    /// Confirms a reliable provisional response; `answer`: to the offer in it.
    pub fn send_prack(
        &mut self,
        core: &mut Core,
        now: Now,
        id: SessionId,
        (rseq, sequence): (u32, u32),
        answer: Option<Body>,
    ) {
        let mut draft = Draft::new(id, Method::Prack, Purpose::Confirm);
        draft.fields.push(Field::new(Bytes::from_static(b"RAck"), format!("{rseq} {sequence} INVITE")));
        draft.body = answer;
        self.send_surely(core, now, draft);
    }

    /// A PRACK ended. When it was refused or nothing came, its early dialog is gone, and with it the call.
    fn handle_prack_outcome(&mut self, core: &mut Core, now: Now, request: &Request, outcome: Outcome<'_>) {
        let is_gone = matches!(outcome, Outcome::Nothing | Outcome::Response(_, 408 | 481));
        if is_gone && self.answered.is_none() && self.session(request.draft.session).is_some() {
            self.lose_early_dialog(core, now, request.draft.session);
        }
    }
}
