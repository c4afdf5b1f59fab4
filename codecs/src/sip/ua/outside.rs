//! Requests of ours outside dialogs: REGISTER and OPTIONS, with their challenges answered.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Event, PeerId, Refusal,
    core::{ALLOW, Core, Owner},
    registration::Register,
};
use crate::{
    Now,
    sip::{Message, Method, Name, Target, Writer, auth::Attempt},
};

/// A request of ours outside dialogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutsideId(pub(super) u64);

/// What came of a request outside dialogs.
#[derive(Debug, Clone)]
pub enum OutsideOutcome {
    /// Its final response.
    Response(Message),
    /// It was challenged and the credentials were taken: it goes out again, with the next CSeq number.
    Challenged,
    /// A challenge that cannot be answered.
    Unauthorized(Message),
    /// Nothing came, or it could not be sent.
    Nothing,
}

/// A request that asks whether a target lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// On whose account.
    pub peer: PeerId,
    /// Where to.
    pub target: Target,
    /// The Request-URI and the value of To without brackets: the target's URI.
    pub uri: Bytes,
    /// The value of From, without a tag.
    pub from: Bytes,
    /// The user part of our Contact.
    pub contact_user: Bytes,
}

/// A request that is out.
#[derive(Debug)]
struct Out {
    peer: PeerId,
    target: Target,
    draft: Draft,
    auth: Attempt,
}

/// All that a request is written from.
#[derive(Debug, Clone)]
struct Draft {
    method: Method,
    request_uri: Bytes,
    from: Bytes,
    to: Bytes,
    call_id: Bytes,
    sequence: u32,
    contact: Bytes,
    expires: Option<u32>,
    routes: Vec<Bytes>,
}

/// All requests that are out.
#[derive(Debug, Default)]
pub(super) struct Outside {
    made: u64,
    out: HashMap<u64, Out>,
    /// The Call-ID and From tag of each peer's registration: one for the life of the process.
    registrations: HashMap<PeerId, (Bytes, Bytes)>,
}

impl Outside {
    /// Whether nothing is out.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Sends a REGISTER.
    pub fn register(
        &mut self,
        core: &mut Core,
        now: Now,
        (peer, target): (PeerId, Target),
        register: &Register,
        routes: Vec<Bytes>,
    ) -> Result<OutsideId, Refusal> {
        let (call_id, tag) = self
            .registrations
            .entry(peer)
            .or_insert_with(|| (core.tokens.token(), core.tokens.token()))
            .clone();
        let address = bracketed(&register.address_of_record);
        let draft = Draft {
            method: Method::Register,
            request_uri: register.request_uri.clone(),
            from: tagged(&address, &tag),
            to: address,
            call_id,
            sequence: register.sequence,
            contact: bracketed(&register.contact),
            expires: Some(register.expires),
            routes,
        };
        self.send(core, now, Out { peer, target, draft, auth: Attempt::default() })
    }

    /// Sends an OPTIONS.
    pub fn options(&mut self, core: &mut Core, now: Now, options: Options) -> Result<OutsideId, Refusal> {
        let Options { peer, target, uri, from, contact_user } = options;
        let contact = core.contact(&target, &contact_user, false).ok_or(Refusal::NoTarget)?;
        let draft = Draft {
            method: Method::Options,
            from: tagged(&from, &core.tokens.token()),
            to: bracketed(&uri),
            request_uri: uri,
            call_id: core.tokens.token(),
            sequence: 1,
            contact,
            expires: None,
            routes: Vec::new(),
        };
        self.send(core, now, Out { peer, target, draft, auth: Attempt::default() })
    }

    fn send(&mut self, core: &mut Core, now: Now, out: Out) -> Result<OutsideId, Refusal> {
        let id = OutsideId(self.made);
        self.made += 1;
        self.send_as(core, now, id, out)?;
        Ok(id)
    }

    fn send_as(&mut self, core: &mut Core, now: Now, id: OutsideId, mut out: Out) -> Result<(), Refusal> {
        let mut target = out.target.clone();
        let via = core.via(&mut target).ok_or(Refusal::NoTarget)?;
        let draft = &out.draft;
        let mut writer = Writer::request(draft.method.name(), &draft.request_uri);
        writer.field(Name::Via, via);
        for route in &draft.routes {
            writer.field(Name::Route, route);
        }
        writer.field(Name::From, &draft.from).field(Name::To, &draft.to);
        writer.field(Name::CallId, &draft.call_id).cseq(draft.sequence, draft.method.name());
        core.hops(&mut writer);
        writer.field(Name::Contact, &draft.contact);
        if let Some(expires) = draft.expires {
            writer.number(Name::Expires, expires);
        }
        if draft.method == Method::Options {
            writer.field(Name::Accept, "application/sdp");
        }
        writer.field(Name::Allow, ALLOW);
        let asked = (draft.method, &draft.request_uri[..], &b""[..]);
        core.authorize(out.peer, &mut out.auth, asked, &mut writer);
        core.request(now, Owner::Outside(id), &writer.finish(), target)?;
        self.out.insert(id.0, out);
        Ok(())
    }

    /// A response to a request that is out.
    pub fn handle_response(&mut self, core: &mut Core, now: Now, id: OutsideId, response: Message) {
        let Some(status) = response.status().filter(|status| *status >= 200) else { return };
        let Some(mut out) = self.out.remove(&id.0) else { return };
        let outcome = match status {
            401 | 407 if core.challenged(out.peer, &mut out.auth, &response) => {
                out.draft.sequence += 1;
                match self.send_as(core, now, id, out) {
                    Ok(()) => OutsideOutcome::Challenged,
                    Err(_) => OutsideOutcome::Nothing,
                }
            }
            401 | 407 => OutsideOutcome::Unauthorized(response),
            _ => {
                if status < 300 {
                    core.authenticated(out.peer, &out.auth, &response);
                }
                OutsideOutcome::Response(response)
            }
        };
        core.events.push_back(Event::Outside { id, at: now, outcome });
    }

    /// Nothing came for a request that is out.
    pub fn handle_nothing(&mut self, core: &mut Core, now: Now, id: OutsideId) {
        if self.out.remove(&id.0).is_some() {
            core.events.push_back(Event::Outside { id, at: now, outcome: OutsideOutcome::Nothing });
        }
    }
}

fn bracketed(uri: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(uri.len() + 2);
    out.put_u8(b'<');
    out.put_slice(uri);
    out.put_u8(b'>');
    out.freeze()
}

fn tagged(address: &[u8], tag: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(address.len() + tag.len() + 5);
    out.put_slice(address);
    out.put_slice(b";tag=");
    out.put_slice(tag);
    out.freeze()
}
