//! Between the network and the endpoint: every message is seen here, and may be lost or answered by a script's rules.

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Name, Writer,
        transaction::{Transmit, way_back},
        uri::Uri,
    },
};

use super::{Call, REMEMBERED, Switch};
use crate::{
    config::sip::{Act, Header, Way},
    sip::{
        media::Media,
        note::{CallSeen, written},
        rules::{Seen, Treatment},
    },
    stats::count,
};

/// What comes in.
#[derive(Debug, Clone)]
pub enum Came {
    /// A datagram, which ought to be a message.
    Datagram(Bytes),
    /// A message of a stream.
    Message(Message),
}

/// What of a message is looked at here.
#[derive(Debug)]
pub struct Peek {
    call_id: Bytes,
    method: Vec<u8>,
    status: Option<u16>,
    number: u32,
}

impl Peek {
    /// `None` for what has no Call-ID or CSeq: that is the endpoint's alone.
    pub fn of(message: &Message) -> Option<Self> {
        let sequence = message.cseq().ok()?;
        Some(Self {
            call_id: Bytes::copy_from_slice(message.call_id().ok()?),
            method: sequence.method_octets.to_vec(),
            status: message.status(),
            number: sequence.number,
        })
    }

    fn seen(&self, way: Way) -> Seen<'_> {
        Seen { way, method: &self.method, status: self.status, number: self.number }
    }
}

/// What becomes of a message that came in.
enum Passage {
    Pass,
    Lose,
    Answer(u16, Vec<Header>),
}

impl Switch {
    /// Something came in.
    pub(super) fn take(&mut self, now: Now, flow: Flow, came: Came) {
        let message = match &came {
            Came::Datagram(octets) => Message::parse(octets.clone()).ok(),
            Came::Message(message) => Some(message.clone()),
        };
        let seen = message.and_then(|message| Peek::of(&message).map(|peek| (message, peek)));
        let Some((message, peek)) = seen else {
            count(&self.counters.unreadable);
            self.hand_on(now, &flow, came);
            return;
        };
        count(&self.counters.messages_in);
        if is_new_call(&message, &peek) {
            self.plan_call(now, &message, &peek);
        }
        let passage = match self.calls.get_mut(&peek.call_id).map(|call| call.rules.treat(peek.seen(Way::In)))
        {
            None | Some(Treatment::Pass) => Passage::Pass,
            Some(Treatment::Lose) => Passage::Lose,
            Some(Treatment::Answer(status, headers)) => Passage::Answer(status, headers.to_vec()),
        };
        let is_lost = matches!(passage, Passage::Lose);
        self.note_message(now, Way::In, &flow, &peek, message.octets(), is_lost);
        match passage {
            Passage::Pass => self.hand_on(now, &flow, came),
            Passage::Lose => count(&self.counters.swallowed),
            Passage::Answer(status, headers) => self.answer(now, &flow, &message, status, &headers),
        }
    }

    fn hand_on(&mut self, now: Now, flow: &Flow, came: Came) {
        match came {
            Came::Datagram(octets) => self.endpoint.handle_datagram(now, *flow, octets),
            Came::Message(message) => self.endpoint.handle_message(now, *flow, message),
        }
    }

    /// Says whether a message of the endpoint is sent.
    pub(super) fn passes_out(&mut self, now: Now, transmit: &Transmit) -> bool {
        if !self.has_rules && self.recorder.is_none() {
            return true;
        }
        let Some(peek) = Message::parse(transmit.octets.clone()).ok().as_ref().and_then(Peek::of) else {
            return true;
        };
        let treatment = self.calls.get_mut(&peek.call_id).map(|call| call.rules.treat(peek.seen(Way::Out)));
        let is_lost = treatment == Some(Treatment::Lose);
        if is_lost {
            count(&self.counters.swallowed);
        }
        let target = &transmit.target;
        let flow = Flow {
            transport: target.transport,
            local: target.local.unwrap_or(target.remote),
            remote: target.remote,
            connection: target.connection,
        };
        self.note_message(now, Way::Out, &flow, &peek, &transmit.octets, is_lost);
        !is_lost
    }

    /// Decides what a call gets that was not there before.
    fn plan_call(&mut self, now: Now, message: &Message, peek: &Peek) {
        // What is beyond the capacity is refused by the endpoint, without a script.
        if self.calls.contains_key(&peek.call_id) || self.legs.len() >= self.carrier.capacity {
            return;
        }
        let number = number_of(message.request_uri());
        let script = self.plan.decide(now.mono, &number);
        self.numbers += 1;
        let mut call = Call::new(script, Media::new(self.media_address, self.numbers));
        // A carrier that says nothing at all does not even say 100.
        if call.script.steps.first().is_some_and(|step| step.act == Act::Silence && step.after.is_none()) {
            call.rules.silence();
        }
        self.forget.push_back((now.mono + REMEMBERED, peek.call_id.clone()));
        self.calls.insert(peek.call_id.clone(), call);
    }

    /// Answers a request by rule. No transaction is made of it: when it comes again, it is answered again.
    fn answer(&mut self, now: Now, flow: &Flow, request: &Message, status: u16, headers: &[Header]) {
        let mut writer = Writer::response_to(request, flow, status, None, Some("rule"));
        for Header { name, value } in headers {
            writer.other(name, self.carrier.charset.encode(value));
        }
        let transmit = Transmit {
            target: way_back(request, flow),
            octets: writer.finish().octets().clone(),
            transaction: None,
        };
        self.send(now, transmit);
    }

    fn note_message(&self, now: Now, way: Way, flow: &Flow, peek: &Peek, octets: &[u8], lost: bool) {
        if self.recorder.is_none() || !self.carrier.record_messages {
            return;
        }
        let (text, hex) = written(octets);
        let seen = CallSeen::SipMessage {
            way,
            transport: flow.transport,
            peer: flow.remote,
            method: String::from_utf8_lossy(&peek.method),
            status: peek.status,
            number: Some(peek.number),
            lost,
            text,
            hex,
        };
        self.note(now, &peek.call_id, seen);
    }
}

/// An INVITE outside dialogs.
fn is_new_call(message: &Message, peek: &Peek) -> bool {
    message.is_request() && peek.method == b"INVITE" && message.to().is_ok_and(|to| to.tag().is_none())
}

/// The number that a URI is for, parameters inside the user part left out; empty if there is none.
pub(super) fn number_of(uri: &[u8]) -> String {
    let number = Uri::parse(uri).ok().and_then(|uri| uri.number()).unwrap_or_default();
    let number = number.split(|octet| *octet == b';').next().unwrap_or_default();
    String::from_utf8_lossy(number).into_owned()
}

/// The number in an address header.
pub(super) fn number_in(message: &Message, name: Name) -> String {
    let address = message.addresses(name).next().and_then(Result::ok);
    address.map_or_else(String::new, |address| number_of(address.uri))
}
