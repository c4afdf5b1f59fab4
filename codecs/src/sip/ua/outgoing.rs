//! A call that we place: its INVITE, sent to one target after the other, changed where a response says so.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Hangup, Invite, LegEvent, LegId, Refusal, Reliable, Snapshot,
    core::{ALLOW, Core, Owner, put_fields},
    leg::{Call, Leg},
    snapshot::Open,
};
use crate::{
    Now,
    sip::{
        Message, Method, Name, Target, Writer, auth::Attempt, dialog::session_timer::SessionTimer,
        transaction::TransactionId,
    },
};

/// A call that we place.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub order: Invite,
    pub call_id: Bytes,
    /// From with our tag.
    pub from: Bytes,
    pub sequence: u32,
    /// Which target is being tried.
    pub attempt: usize,
    pub target: Target,
    /// The INVITE that is open, as it was sent.
    pub transaction: Option<TransactionId>,
    pub invite: Option<Message>,
    /// The peer has the INVITE: some response came from this target.
    pub was_heard: bool,
    /// Something beyond 100 came, from any target: no other one is tried.
    pub has_progressed: bool,
    /// We are giving the call up: its CANCEL is sent, or is to be as soon as that may be.
    pub giving_up: Option<Hangup>,
    /// What the first INVITE says of session timers; learns from 422.
    pub timer: SessionTimer,
    pub auth: Attempt,
    /// Extensions that a 420 told us to leave out.
    pub left_out: Vec<&'static str>,
    /// Whether a 421 made us demand 100rel.
    pub demands_reliable: bool,
    /// Times that the INVITE was sent changed, but for credentials.
    pub changes: u8,
    /// When to try the next target, or give this one up.
    pub patience: Option<Instant>,
    /// When the call has rung for long enough.
    pub ring_until: Option<Instant>,
    /// When the call has waited for long enough.
    pub answer_until: Option<Instant>,
    /// Provisional statuses told already.
    pub told: Vec<u16>,
    /// The SDP of a provisional response told last.
    pub told_sdp: Option<Bytes>,
}

impl Outgoing {
    pub fn new(core: &mut Core, leg: LegId, order: Invite, now: Now) -> Result<(Self, Bytes), Refusal> {
        let target = order.targets.first().ok_or(Refusal::NoTarget)?.clone();
        let host = core.listener(&target).ok_or(Refusal::NoTarget)?.advertised.clone();
        let mut call_id = BytesMut::from(&core.tokens.token()[..]);
        call_id.put_u8(b'@');
        // Without the port, which an IPv6 address in brackets has colons before.
        let end = host.iter().rposition(|&octet| octet == b':').unwrap_or(host.len());
        call_id.put_slice(&host[..end]);
        let tag = core.tag(leg);
        let mut from = BytesMut::from(&order.from[..]);
        from.put_slice(b";tag=");
        from.put_slice(&tag);
        let policy = &order.policy;
        let call = Self {
            call_id: call_id.freeze(),
            from: from.freeze(),
            sequence: 0,
            attempt: 0,
            target,
            transaction: None,
            invite: None,
            was_heard: false,
            has_progressed: false,
            giving_up: None,
            timer: SessionTimer::new(policy.timer_settings()),
            auth: Attempt::default(),
            left_out: Vec::new(),
            demands_reliable: policy.reliable == Reliable::Required,
            changes: 0,
            patience: None,
            ring_until: None,
            answer_until: policy.answer_time.map(|time| now.mono + time),
            told: Vec::new(),
            told_sdp: None,
            order,
        };
        Ok((call, tag))
    }

    pub fn has_next_target(&self) -> bool {
        self.attempt + 1 < self.order.targets.len()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.giving_up.is_some() {
            return None;
        }
        [self.patience, self.ring_until, self.answer_until].into_iter().flatten().min()
    }

    fn takes(&self, extension: &str) -> bool {
        !self.left_out.contains(&extension)
    }

    /// The extensions that we say we have.
    fn supported(&self) -> &'static str {
        let reliable = self.order.policy.reliable != Reliable::Off && self.takes("100rel");
        match (reliable, self.takes("timer")) {
            (true, true) => "100rel,timer",
            (true, false) => "100rel",
            (false, true) => "timer",
            (false, false) => "",
        }
    }

    /// Writes the INVITE for the target that is being tried.
    fn write(&mut self, core: &mut Core, contact: &Bytes, via: &Bytes) -> Message {
        let order = &self.order;
        let mut writer = Writer::request(Method::Invite.name(), &order.request_uri);
        writer.field(Name::Via, via);
        for route in &order.routes {
            writer.field(Name::Route, route);
        }
        writer.field(Name::From, &self.from).field(Name::To, &order.to);
        writer.field(Name::CallId, &self.call_id).cseq(self.sequence, Method::Invite.name());
        core.hops(&mut writer);
        writer.field(Name::Contact, contact);
        put_fields(&mut writer, &order.fields);
        writer.field(Name::Allow, ALLOW);
        let supported = self.supported();
        if !supported.is_empty() {
            writer.field(Name::Supported, supported);
        }
        if self.demands_reliable && self.takes("100rel") {
            writer.field(Name::Require, "100rel");
        }
        if self.takes("timer") {
            let (expires, min_se) = self.timer.ask();
            if let Some(expires) = expires {
                writer.number(Name::SessionExpires, expires.seconds);
            }
            if let Some(min_se) = min_se {
                writer.number(Name::MinSe, min_se);
            }
        }
        let body = order.body.clone();
        let octets = body.as_ref().map(|body| body.octets.clone()).unwrap_or_default();
        let uri = order.request_uri.clone();
        core.authorize(order.peer, &mut self.auth, (Method::Invite, &uri, &octets), &mut writer);
        match body {
            Some(body) => writer.body(body.content_type, body.octets),
            None => writer.finish(),
        }
    }

    /// What it takes to cancel the INVITE that is open.
    fn snapshot(&self, via: &Bytes) -> Snapshot {
        Snapshot {
            peer: self.order.peer,
            call_id: self.call_id.clone(),
            local: self.from.clone(),
            remote: self.order.to.clone(),
            sequence: self.sequence,
            target: self.target.clone(),
            routes: self.order.routes.clone(),
            open: Open::Invite { request_uri: self.order.request_uri.clone(), via: via.clone() },
        }
    }
}

impl Leg {
    /// Sends the INVITE: with the next number if it has changed, with the same one to another target.
    pub fn send_invite(&mut self, core: &mut Core, now: Now, takes_number: bool) -> Result<(), Refusal> {
        let Call::Outgoing(call) = &mut self.call else { return Err(Refusal::WrongState) };
        if takes_number {
            call.sequence += 1;
        }
        let mut target = call.order.targets[call.attempt].clone();
        let via = core.via(&mut target).ok_or(Refusal::NoTarget)?;
        let is_secure =
            call.order.request_uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"));
        let contact = core.contact(&target, &call.order.contact_user, is_secure).ok_or(Refusal::NoTarget)?;
        call.target = target.clone();
        let invite = call.write(core, &contact, &via);
        let id = core.request(now, Owner::Leg(self.id), &invite, target.clone())?;
        self.open.push(id);
        self.contact = contact;
        call.transaction = Some(id);
        call.invite = Some(invite);
        call.was_heard = false;
        let failover = &call.order.policy.failover;
        let waits = call.has_next_target() && !call.has_progressed;
        call.patience = failover.first_response.filter(|_| waits).map(|patience| now.mono + patience);
        let (call_id, snapshot) = (call.call_id.clone(), call.snapshot(&via));
        self.tell(core, now, LegEvent::Sent { call_id, target, snapshot });
        Ok(())
    }
}
