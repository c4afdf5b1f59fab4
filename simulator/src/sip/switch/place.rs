//! The carrier's own calls.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Target, Transport,
        ua::{Body, Invite, Policy},
    },
};

use super::{ANYONE, Switch};
use crate::{
    config::{
        Delay,
        sip::{Act, CallTarget, Calls, Offer, Script, SipCarrier, SipTransport, Step},
    },
    sip::{
        caller::{Number, uri},
        media::Media,
    },
    stats::count,
};

impl Switch {
    /// Places every call that is due.
    pub(super) fn place_due(&mut self, now: Now) {
        let Some(caller) = &mut self.caller else { return };
        if matches!(caller.calls().target, CallTarget::Address(_)) {
            caller.start(now.mono);
        }
        caller.catch_up(now.mono);
        while let Some(number) = self.caller.as_mut().and_then(|caller| caller.next(now.mono)) {
            self.place(now, number);
        }
    }

    /// Places one call; says whether it could be.
    pub(super) fn place(&mut self, now: Now, number: Number) -> bool {
        let Some(calls) = self.carrier.calls.clone() else { return false };
        let Some((target, request_uri, host)) = self.target(now, &calls, &number) else { return false };
        let answer_time =
            self.caller.as_mut().map_or(Duration::from_secs(60), |caller| calls.give_up.draw(caller.rng()));
        let policy = Policy { answer_time: Some(answer_time), ..(*self.policy).clone() };
        let charset = self.carrier.charset;
        let from = format!("<{}>", uri(calls.form, &number.from, &self.carrier.domain, ""));
        let from = match &calls.display {
            Some(display) => [&b"\""[..], &charset.encode(display), b"\" ", from.as_bytes()].concat(),
            None => from.into_bytes(),
        };
        self.numbers += 1;
        let mut media = Media::new(self.media_address, self.numbers);
        let invite = Invite {
            peer: ANYONE,
            targets: vec![target],
            request_uri: Bytes::from(request_uri),
            from: Bytes::from(from),
            to: Bytes::from(format!("<{}>", uri(calls.form, &number.to, &host, &calls.parameters))),
            contact_user: Bytes::new(),
            routes: Vec::new(),
            fields: self.fields(&calls.headers),
            body: calls.offer.then(|| Body::sdp(media.offer(Offer::Same))),
            policy: Arc::new(policy),
        };
        match self.endpoint.invite(now, invite) {
            Ok(leg) => {
                count(&self.counters.calls_out);
                self.placed.insert(leg, (number, media));
                true
            }
            Err(refusal) => {
                tracing::warn!(carrier = self.carrier.name, %refusal, "a call could not be placed");
                false
            }
        }
    }

    /// Where a call goes: the target, its Request-URI and the host in To.
    fn target(&self, now: Now, calls: &Calls, number: &Number) -> Option<(Target, String, String)> {
        match &calls.target {
            CallTarget::Account(name) => {
                let binding = self.accounts.binding(now.mono, name)?;
                let contact = String::from_utf8_lossy(&binding.contact).into_owned();
                Some((Target::from(binding.flow), contact, self.carrier.domain.clone()))
            }
            CallTarget::Address(address) => {
                let transport = match calls.transport {
                    SipTransport::Udp => Transport::Udp,
                    SipTransport::Tcp => Transport::Tcp,
                    SipTransport::Tls => Transport::Tls,
                };
                let host = address.to_string();
                let request_uri = uri(calls.form, &number.to, &host, &calls.parameters);
                Some((Target::new(transport, *address), request_uri, host))
            }
        }
    }
}

/// What a call of the carrier does once it is answered: the scenario's script, or it hangs up after a while.
pub(super) fn script(carrier: &SipCarrier) -> Arc<Script> {
    let calls = carrier.calls.as_ref();
    let named = calls.and_then(|calls| carrier.script(calls.script.as_deref()?));
    if let Some(script) = named {
        return Arc::clone(script);
    }
    let hold = calls.map_or(Delay::default(), |calls| calls.hold);
    let step = Step { after: hold, act: Act::Hangup(Vec::new()) };
    Arc::new(Script { name: "hold".to_owned(), steps: vec![step], rules: Vec::new() })
}
