//! Requests of peers: screened, found a leg for, or answered at once.

use super::{
    Direction, Endpoint, Event, Intake, LegId, Peer, Request, RequestId, Response, Strangers,
    core::{ALLOW, Owner, put_fields},
    leg::Leg,
    their_offer::Received,
};
use crate::{
    Now,
    sip::{
        Flow, Message, Method, Name, Writer,
        message::Via,
        transaction::{TransactionId, way_back},
        uri::Uri,
        validate::{Scope, Verdict, admit, form},
    },
};

impl Endpoint {
    /// Looks at a message before anything else is done with it. `false`: it is done with.
    pub(super) fn screen(&mut self, flow: &Flow, message: &Message) -> bool {
        if message.is_request() && self.is_strange(flow, message) {
            self.refuse_stranger(flow, message);
            return false;
        }
        match form(message, &self.core.config.abilities) {
            Verdict::Pass if self.is_a_call_too_many(flow, message) => {
                self.refuse_overflow(flow, message);
                false
            }
            Verdict::Pass => true,
            Verdict::Answer(refusal) => {
                let tag = self.core.tokens.tag_of(message);
                let response = refusal.response(message, flow, &String::from_utf8_lossy(&tag));
                self.core.transactions.send(way_back(message, flow), &response);
                self.malformed(*flow, Some(refusal.status));
                false
            }
            Verdict::Drop(_) => {
                self.malformed(*flow, None);
                false
            }
        }
    }

    /// Whether a message begins a call that there is no room for. It is refused before any state is made for it, so that a
    /// flood takes nothing but the time to read it.
    fn is_a_call_too_many(&self, flow: &Flow, message: &Message) -> bool {
        if message.method() != Some(Method::Invite) || message.to().is_ok_and(|to| to.tag().is_some()) {
            return false;
        }
        let is_peer_full = |peer: &Peer| self.incoming.get(&peer.id).is_some_and(|count| *count >= peer.legs);
        // Whose call it is costs more to find out than whether that matters.
        let is_too_many = self.is_full()
            || self.core.peers.iter().any(is_peer_full)
                && self.peer_of(flow, message).is_some_and(is_peer_full);
        is_too_many && !self.core.transactions.knows(message)
    }

    /// Whether a request belongs to no peer and to no dialog.
    fn is_strange(&self, flow: &Flow, request: &Message) -> bool {
        let is_of_dialog = || {
            let tag = request.to().ok().and_then(|to| to.tag());
            tag.is_some_and(|tag| self.core.tags.contains_key(tag))
        };
        let is_served = matches!(self.core.config.strangers, Strangers::Serve(_));
        !is_served && self.peer_of(flow, request).is_none() && !is_of_dialog()
    }

    fn refuse_stranger(&mut self, flow: &Flow, request: &Message) {
        let method = request.method().unwrap_or(Method::Unknown);
        self.core.counters.strangers += 1;
        self.core.events.push_back(Event::Stranger { flow: *flow, method });
        let is_answered = self.core.config.strangers == Strangers::Refuse && method != Method::Ack;
        if is_answered && request.via().is_ok() {
            self.answer_stateless(flow, request, &Response::new(403));
        }
    }

    /// Whose a request is by where it comes from, and among several by the user that it is for.
    pub(super) fn peer_of(&self, flow: &Flow, request: &Message) -> Option<&Peer> {
        let served = match self.core.config.strangers {
            Strangers::Serve(id) => Some(id),
            Strangers::Refuse | Strangers::Ignore => None,
        };
        let comes_from = |peer: &&Peer| peer.sources.iter().any(|source| source.holds(flow));
        let user = match Uri::parse(request.request_uri()) {
            Ok(Uri::Sip(uri)) => uri.user.unwrap_or_default(),
            _ => &[],
        };
        let mut found = self.core.peers.iter().filter(comes_from);
        let first = found.next();
        let named = first.into_iter().chain(found).find(|peer| !user.is_empty() && peer.contact_user == user);
        named.or(first).or_else(|| self.core.peers.iter().find(|peer| Some(peer.id) == served))
    }

    /// A request that is no repetition.
    pub(super) fn handle_request(
        &mut self,
        now: Now,
        id: TransactionId,
        flow: Flow,
        request: Message,
        cancels: Option<TransactionId>,
    ) {
        if request.method() == Some(Method::Cancel) {
            return self.handle_cancel(now, id, &flow, &request, cancels);
        }
        let received = Received { transaction: id, flow: &flow, request: &request };
        if let Some(tag) = request.to().ok().and_then(|to| to.tag()) {
            let leg = self.core.tags.get(tag).copied();
            let is_known = leg.is_some_and(|leg| self.handle_inside(now, leg, received));
            if !is_known {
                self.core.counters.unknown_dialogs += 1;
                self.answer(now, id, &flow, &request, &Response::new(481));
            }
            return;
        }
        let served = self.core.config.serves.contains(&request.method().unwrap_or(Method::Unknown));
        if !served && let Verdict::Answer(refusal) = admit(&request, &self.core.config.abilities, Scope::Ours)
        {
            let tag = self.core.tokens.tag_of(&request);
            let response = refusal.response(&request, &flow, &String::from_utf8_lossy(&tag));
            return self.core.respond(now, id, &response);
        }
        let Some(peer) = self.peer_of(&flow, &request).cloned() else {
            return self.answer(now, id, &flow, &request, &Response::new(403));
        };
        match request.method() {
            _ if served => {
                self.asked.insert(id, (flow, request.clone()));
                let (id, peer) = (RequestId(id), peer.id);
                self.core.events.push_back(Event::Request(Request { id, peer, at: now, flow, request }));
            }
            Some(Method::Invite) => self.handle_invite(now, id, flow, request, &peer),
            Some(Method::Options) => {
                let mut response = Response::new(200)
                    .with_field("Allow", ALLOW)
                    .with_field("Accept", "application/sdp")
                    .with_field("Supported", peer.policy.supported());
                if peer.intake == Intake::Draining {
                    response = self.overloaded();
                }
                self.answer(now, id, &flow, &request, &response);
            }
            // PRACK, BYE, UPDATE, INFO without a dialog.
            _ => self.answer(now, id, &flow, &request, &Response::new(481)),
        }
    }

    fn handle_inside(&mut self, now: Now, leg: LegId, received: Received<'_>) -> bool {
        let mut is_known = false;
        _ = self.with(leg, |leg, core| {
            if let Some(session) = leg.session_of(received.request) {
                is_known = true;
                core.owners.insert(received.transaction, Owner::Leg(leg.id));
                core.note(now, leg.id, Direction::Received, received.request.octets());
                leg.handle_request(core, now, session, received);
            }
            Ok(())
        });
        is_known
    }

    fn handle_invite(&mut self, now: Now, id: TransactionId, flow: Flow, request: Message, peer: &Peer) {
        if peer.intake == Intake::Draining {
            self.core.counters.overloaded += 1;
            let response = self.overloaded();
            return self.answer(now, id, &flow, &request, &response);
        }
        if let Some(response) = Leg::inspect_invite(&request, peer) {
            return self.answer(now, id, &flow, &request, &response);
        }
        let leg_id = self.next_leg();
        let octets = request.octets().clone();
        let Some(leg) = Leg::of_invite(&mut self.core, now, leg_id, peer, (id, flow, request.clone())) else {
            return self.answer(now, id, &flow, &request, &Response::new(500));
        };
        self.core.owners.insert(id, Owner::Leg(leg_id));
        self.core.counters.calls_in += 1;
        self.live += 1;
        *self.incoming.entry(peer.id).or_default() += 1;
        self.core.note(now, leg_id, Direction::Received, &octets);
        self.keep(leg);
    }

    fn handle_cancel(
        &mut self,
        now: Now,
        id: TransactionId,
        flow: &Flow,
        request: &Message,
        cancels: Option<TransactionId>,
    ) {
        let leg = cancels.and_then(|invite| self.core.owners.get(&invite).copied());
        let status = if cancels.is_some() { 200 } else { 481 };
        let Some(Owner::Leg(leg)) = leg else {
            return self.answer(now, id, flow, request, &Response::new(status));
        };
        self.core.owners.insert(id, Owner::Leg(leg));
        let tag = self.legs.get(&leg).and_then(|leg| leg.tags.first().cloned()).unwrap_or_default();
        let tag = String::from_utf8_lossy(&tag).into_owned();
        let response = Writer::response_to(request, flow, 200, None, Some(&tag)).finish();
        self.core.respond(now, id, &response);
        _ = self.with(leg, |leg, core| {
            core.note(now, leg.id, Direction::Received, request.octets());
            if !cancels.is_some_and(|invite| leg.cancel_reinvite(core, now, invite)) {
                leg.handle_cancel(core, now, request);
            }
            Ok(())
        });
    }

    fn overloaded(&self) -> Response {
        let seconds = self.core.config.limits.retry_after.as_secs().max(1);
        Response::new(503).with_field("Retry-After", seconds.to_string())
    }

    /// A request beyond the limits.
    pub(super) fn refuse_overflow(&mut self, flow: &Flow, request: &Message) {
        self.core.counters.overloaded += 1;
        let response = self.overloaded();
        self.answer_stateless(flow, request, &response);
    }

    /// Answers a message of which only the head could be read, if anything is owed to it.
    pub(super) fn answer_broken(&mut self, flow: &Flow, head: &Message, status: u16) -> Option<u16> {
        let has_way_back = head.values(Name::Via).next().is_some_and(Via::is_usable);
        let is_answered = head.is_request() && has_way_back && head.method() != Some(Method::Ack);
        if !is_answered || self.is_strange(flow, head) {
            return None;
        }
        self.answer_stateless(flow, head, &Response::new(status));
        Some(status)
    }

    fn answer_stateless(&mut self, flow: &Flow, request: &Message, response: &Response) {
        let message = self.write(flow, request, response);
        self.core.transactions.send(way_back(request, flow), &message);
    }

    fn answer(&mut self, now: Now, id: TransactionId, flow: &Flow, request: &Message, response: &Response) {
        let message = self.write(flow, request, response);
        self.core.respond(now, id, &message);
    }

    /// Answers a request that the caller was asked about.
    pub(super) fn answer_asked(&mut self, now: Now, id: RequestId, response: &Response) {
        let Some((flow, request)) = self.asked.get(&id.0).cloned() else { return };
        self.answer(now, id.0, &flow, &request, response);
        if response.status >= 200 {
            self.asked.remove(&id.0);
        }
    }

    fn write(&self, flow: &Flow, request: &Message, response: &Response) -> Message {
        let tag = self.core.tokens.tag_of(request);
        let tag = String::from_utf8_lossy(&tag);
        let phrase = response.reason_phrase.as_ref().map(|phrase| String::from_utf8_lossy(phrase));
        let mut writer = Writer::response_to(request, flow, response.status, phrase.as_deref(), Some(&tag));
        put_fields(&mut writer, &response.fields);
        self.core.put_server(&mut writer);
        match &response.body {
            Some(body) => writer.body(&body.content_type, &body.octets),
            None => writer.finish(),
        }
    }
}
