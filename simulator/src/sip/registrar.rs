//! Who has registered where, and who has proved to be who.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Name,
        auth::{Algorithm, Qop, Request, Server, ServerConfig, Verdict},
        ua::{Field, Response},
        uri::Uri,
    },
};
use rand::{SeedableRng, rngs::SmallRng};

use crate::{
    behaviour::{hits, mix},
    config::sip::{Challenge, Registrar as Rules, SipCarrier},
};

/// A nonce that never gets old.
const FOR_GOOD: Duration = Duration::from_secs(1 << 30);

/// Call-IDs that are remembered to have been called stale.
const CALLED_STALE: usize = 10_000;

/// The accounts of a carrier: their proofs and their registrations.
#[derive(Debug)]
pub struct Accounts {
    passwords: HashMap<String, String>,
    challenge: Option<(Challenge, Server)>,
    /// Call-IDs whose credentials were called stale and have not come again.
    called_stale: HashSet<Bytes>,
    rng: SmallRng,
    rules: Option<Rules>,
    bindings: HashMap<String, Vec<Binding>>,
}

/// Where an account can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The URI of its Contact.
    pub contact: Bytes,
    /// The way back to where its REGISTER came from.
    pub flow: Flow,
    /// When it ends.
    pub ends: Instant,
    call_id: Bytes,
    number: u32,
}

/// What a request proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It needs none.
    Needless,
    /// It comes from this account.
    Account(String),
    /// It gets this response.
    Refused(Response),
}

impl Accounts {
    /// The accounts of a carrier.
    #[must_use]
    pub fn new(carrier: &SipCarrier, seed: u64, now: Now) -> Self {
        let seed = mix(seed, [carrier.name.as_str(), "accounts"]);
        let server = |challenge: &Challenge| {
            let config = ServerConfig {
                algorithms: challenge
                    .algorithms
                    .iter()
                    .filter_map(|name| Algorithm::of(name.as_bytes()))
                    .collect(),
                qop: challenge.qop.split(',').filter_map(|name| Qop::of(name.as_bytes())).collect(),
                nonce_life: challenge.nonce_for.unwrap_or(FOR_GOOD),
                ..ServerConfig::new(carrier.domain.clone())
            };
            (challenge.clone(), Server::new(config, seed, now))
        };
        Self {
            passwords: carrier
                .accounts
                .iter()
                .map(|account| (account.username.clone(), account.password.clone()))
                .collect(),
            challenge: carrier.challenge.as_ref().map(server),
            called_stale: HashSet::new(),
            rng: SmallRng::seed_from_u64(seed),
            rules: carrier.registrar.clone(),
            bindings: HashMap::new(),
        }
    }

    /// Checks who sent a request.
    pub fn prove(&mut self, now: Now, request: &Message) -> Proof {
        let Self { passwords, challenge: Some((rules, server)), called_stale, rng, .. } = self else {
            return Proof::Needless;
        };
        if !rules.on.iter().any(|method| method.as_bytes() == request.method_octets()) {
            return Proof::Needless;
        }
        let status = if request.method_octets() == b"REGISTER" { 401 } else { rules.status };
        let (answer, question) = match status {
            401 => (Name::Authorization, Name::WwwAuthenticate),
            _ => (Name::ProxyAuthorization, Name::ProxyAuthenticate),
        };
        let of =
            Request { method: request.method_octets(), uri: request.request_uri(), body: request.body() };
        let verdict = server.verify(now, request.values(answer), of, |name| passwords.get(name).cloned());
        let is_stale = match verdict {
            Verdict::Good(name) => {
                let call_id = request.call_id().unwrap_or_default();
                let is_called = !called_stale.remove(call_id) && hits(rules.stale, rng);
                if !is_called || called_stale.len() >= CALLED_STALE {
                    return Proof::Account(name);
                }
                called_stale.insert(Bytes::copy_from_slice(call_id));
                true
            }
            Verdict::Stale => true,
            Verdict::Bad | Verdict::Absent => false,
        };
        let mut response = Response::new(status);
        for value in server.challenge(now, is_stale) {
            // The empty list is how no list at all is said here.
            let value = value.replace(", qop=\"\"", "");
            response.fields.push(Field::new(question.text(), value));
        }
        Proof::Refused(response)
    }

    /// Takes a REGISTER: the response, and the account whose bindings changed.
    pub fn register(&mut self, now: Now, flow: Flow, request: &Message) -> (Response, Option<String>) {
        let Some(rules) = self.rules.clone() else {
            return (Response::new(405).with_field("Allow", "INVITE,ACK,CANCEL,BYE,OPTIONS"), None);
        };
        let account = match self.prove(now, request) {
            Proof::Refused(response) => return (response, None),
            Proof::Account(name) => name,
            Proof::Needless => match user_of(request, Name::To) {
                Some(name) if self.passwords.contains_key(&name) => name,
                _ => return (Response::new(404), None),
            },
        };
        if user_of(request, Name::To).as_deref() != Some(account.as_str()) {
            return (Response::new(403), None);
        }
        let response = self.bind(now, flow, request, &account, &rules);
        let is_taken = response.status == 200;
        (response, is_taken.then_some(account))
    }

    /// Where an account can be reached.
    #[must_use]
    pub fn binding(&self, now: Instant, account: &str) -> Option<&Binding> {
        self.bindings.get(account)?.iter().rev().find(|binding| binding.ends > now)
    }

    fn bind(&mut self, now: Now, flow: Flow, request: &Message, account: &str, rules: &Rules) -> Response {
        let (Ok(call_id), Ok(sequence)) = (request.call_id(), request.cseq()) else {
            return Response::new(400);
        };
        let (call_id, number) = (Bytes::copy_from_slice(call_id), sequence.number);
        let bindings = self.bindings.entry(account.to_owned()).or_default();
        bindings.retain(|binding| binding.ends > now.mono);
        let usual = request.expires();
        let mut wanted = Vec::new();
        for contact in request.addresses(Name::Contact) {
            let Ok(contact) = contact else { return Response::new(400) };
            if contact.is_wildcard() {
                bindings.clear();
                continue;
            }
            let own = contact.param("expires").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
            let seconds: u32 = own.or(usual).unwrap_or(u32::MAX);
            wanted.push((Bytes::copy_from_slice(contact.uri), Duration::from_secs(seconds.into())));
        }
        let is_brief = |(_, length): &(Bytes, Duration)| !length.is_zero() && *length < rules.min_expires;
        if wanted.iter().any(is_brief) {
            return Response::new(423).with_field("Min-Expires", rules.min_expires.as_secs().to_string());
        }
        for (contact, length) in wanted {
            let is_older =
                |old: &Binding| old.contact == contact && old.call_id == call_id && old.number >= number;
            if bindings.iter().any(is_older) {
                return Response::new(500).with_field("Retry-After", "1");
            }
            bindings.retain(|old| old.contact != contact);
            if !length.is_zero() {
                if bindings.len() >= rules.bindings {
                    return Response::new(503).with_field("Retry-After", "1");
                }
                let ends = now.mono + length.min(rules.expires);
                bindings.push(Binding { contact, flow, ends, call_id: call_id.clone(), number });
            }
        }
        bindings.iter().fold(Response::new(200), |response, binding| {
            let left = binding.ends.saturating_duration_since(now.mono).as_secs_f64().ceil() as u64;
            let contact = String::from_utf8_lossy(&binding.contact);
            response.with_field("Contact", format!("<{contact}>;expires={left}"))
        })
    }
}

/// The user of an address header's URI.
fn user_of(request: &Message, name: Name) -> Option<String> {
    let address = request.addresses(name).next()?.ok()?;
    let Ok(Uri::Sip(uri)) = address.uri() else { return None };
    String::from_utf8(uri.user?.to_vec()).ok()
}
