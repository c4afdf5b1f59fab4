//! One registration: which REGISTER to send when, and what its answers mean (RFC 3261 §10, RFC 3608).
//!
//! It sends nothing itself. [`Registration::poll_request`] says what to send now; whoever owns the transactions sends it,
//! answers its challenges by sending it again, and tells what came of it with [`Registration::handle_outcome`]. At most one
//! request is out.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{
    Now,
    sip::{Message, Name, message::Address, random::Random, uri::Uri},
};

/// Bindings of one answer that are told.
const MOST_BINDINGS: usize = 64;

/// Routes of one answer that are kept.
const MOST_ROUTES: usize = 8;

/// Times in a row that a registrar may find our time too short.
const MOST_RAISES: u8 = 3;

/// The end of a binding before which its refresh goes out at the latest.
const MARGIN: Duration = Duration::from_secs(5);

/// What to register, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The registrar's URI, which has no user: `sip:example.com`.
    pub registrar: Bytes,
    /// The address of record: the URI in From and To.
    pub address_of_record: Bytes,
    /// The URI where its calls shall go.
    pub contact: Bytes,
    /// How long a binding shall last; whole seconds count.
    pub expires: Duration,
    /// The first wait after a failure; it doubles with each further one.
    pub retry: Duration,
    /// The longest wait after a failure.
    pub longest_retry: Duration,
    /// The wait after a refusal that will not mend itself.
    pub refused_retry: Duration,
}

impl Settings {
    /// A registration for an hour that is retried after 1, 2, 4 to 60 s, and half-hourly once it is refused.
    #[must_use]
    pub fn new(
        registrar: impl Into<Bytes>,
        address_of_record: impl Into<Bytes>,
        contact: impl Into<Bytes>,
    ) -> Self {
        Self {
            registrar: registrar.into(),
            address_of_record: address_of_record.into(),
            contact: contact.into(),
            expires: Duration::from_secs(3600),
            retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(60),
            refused_retry: Duration::from_secs(1800),
        }
    }
}

/// A REGISTER to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The Request-URI.
    pub request_uri: Bytes,
    /// The URI of From and To. From needs a tag; To has none.
    pub address_of_record: Bytes,
    /// The URI of Contact.
    pub contact: Bytes,
    /// The value of Expires, seconds; 0 removes the binding.
    pub expires: u32,
    /// The number of CSeq, one more than the last one's.
    pub sequence: u32,
}

/// What came of a REGISTER.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// Its final response, which is no challenge that can be answered.
    Response(&'a Message),
    /// It was challenged and went out again with the next CSeq number; another outcome will come.
    Challenged,
    /// A challenge that cannot be answered.
    Unauthorized,
    /// Nothing came, or it could not be sent.
    Nothing,
}

/// Where the registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// There is no binding yet, or not any more.
    Unregistered,
    /// The binding stands.
    Registered,
    /// The registrar refuses it, and waiting will not change that.
    Refused,
    /// It was removed on request; nothing more is sent.
    Removed,
}

/// One binding as the registrar lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its URI.
    pub contact: Bytes,
    /// Seconds that are left of it, if they were told.
    pub expires: Option<u32>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The binding stands, for the first time or again.
    Registered {
        /// How long.
        granted: Duration,
        /// Every binding of the address, ours and those of other instances.
        bindings: Vec<Binding>,
        /// Whether ours is among them. If not, the registrar or something on the way has written it anew.
        is_listed: bool,
    },
    /// A REGISTER failed. The binding stands until it lapses.
    Failed {
        /// The status; `None` if nothing came.
        status: Option<u16>,
        /// When it is tried again.
        retry_in: Duration,
        /// Whether someone must act: a refusal that will not mend itself.
        is_refusal: bool,
    },
    /// The binding ran out before it could be refreshed: no more calls come.
    Lapsed,
    /// The binding was removed; `confirmed` says whether the registrar said so.
    Removed {
        /// Whether the registrar said so.
        confirmed: bool,
    },
}

/// A registration.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    random: Random,
    sequence: u32,
    /// Seconds to ask for: raised when the registrar wants more.
    asked: u32,
    raises: u8,
    failures: u32,
    state: State,
    is_out: bool,
    /// What is out is a removal.
    removal_is_out: bool,
    removes: bool,
    /// When the next REGISTER goes out.
    due: Option<Instant>,
    /// When the binding ends.
    until: Option<Instant>,
    routes: Vec<Bytes>,
    identities: Vec<Bytes>,
    events: Vec<Event>,
}

impl Registration {
    /// Begins: the first REGISTER is due at once. `sequence` is the number before the first one's.
    #[must_use]
    pub fn new(settings: Settings, sequence: u32, seed: u64, now: Now) -> Self {
        let asked = u32::try_from(settings.expires.as_secs()).unwrap_or(u32::MAX).max(1);
        Self {
            settings,
            random: Random::new(seed),
            sequence,
            asked,
            raises: 0,
            failures: 0,
            state: State::Unregistered,
            is_out: false,
            removal_is_out: false,
            removes: false,
            due: Some(now.mono),
            until: None,
            routes: Vec::new(),
            identities: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The preloaded route of later requests: the values of Service-Route in the last 200.
    #[must_use]
    pub fn service_route(&self) -> &[Bytes] {
        &self.routes
    }

    /// The identities of the registration: the values of P-Associated-URI in the last 200.
    #[must_use]
    pub fn identities(&self) -> &[Bytes] {
        &self.identities
    }

    /// The REGISTER to send now, if one is due.
    pub fn poll_request(&mut self, now: Now) -> Option<Register> {
        self.handle_timeout(now);
        if self.is_out || self.due.is_none_or(|due| due > now.mono) {
            return None;
        }
        (self.is_out, self.removal_is_out, self.due) = (true, self.removes, None);
        self.sequence += 1;
        Some(Register {
            request_uri: self.settings.registrar.clone(),
            address_of_record: self.settings.address_of_record.clone(),
            contact: self.settings.contact.clone(),
            expires: if self.removes { 0 } else { self.asked },
            sequence: self.sequence,
        })
    }

    /// When to ask again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.due.filter(|_| !self.is_out);
        [due, self.until].into_iter().flatten().min()
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.until.is_some_and(|until| until <= now.mono) {
            self.until = None;
            if self.state == State::Registered {
                self.state = State::Unregistered;
            }
            self.events.push(Event::Lapsed);
        }
    }

    /// What has happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }

    /// Removes the binding, as soon as no request is out. Only when no other instance uses it. Where there can be none,
    /// nothing is sent.
    pub fn unregister(&mut self, now: Now) {
        if std::mem::replace(&mut self.removes, true) {
            return;
        }
        if self.until.is_none() && !self.is_out {
            self.remove(true);
        } else {
            self.due = Some(now.mono);
        }
    }

    /// Begins again after [`Self::unregister`], as soon as no request is out.
    pub fn register(&mut self, now: Now) {
        if std::mem::take(&mut self.removes) {
            if self.state == State::Removed {
                self.state = State::Unregistered;
            }
            self.due = Some(now.mono);
        }
    }

    /// Sends the next REGISTER at once, whatever was waited for: something has changed that may make it succeed.
    pub fn refresh(&mut self, now: Now) {
        if !self.removes {
            self.due = Some(now.mono);
        }
    }

    /// Takes what came of the request that is out.
    pub fn handle_outcome(&mut self, now: Now, outcome: Outcome<'_>) {
        if !self.is_out {
            return;
        }
        self.is_out = matches!(outcome, Outcome::Challenged);
        let status = match outcome {
            Outcome::Challenged => return self.sequence += 1,
            Outcome::Response(response) => response.status(),
            Outcome::Unauthorized | Outcome::Nothing => None,
        };
        match (outcome, status) {
            _ if self.removal_is_out && self.removes => {
                self.remove(status.is_some_and(|status| status / 100 == 2));
            }
            // It is wanted again meanwhile: the next request is due and follows.
            _ if self.removal_is_out => self.until = None,
            // What was out when the removal was asked for may have bound us: the removal is due and follows.
            _ if self.removes => {}
            (Outcome::Response(response), Some(200..=299)) => self.accept(now, response),
            (Outcome::Response(response), Some(423)) => self.raise(now, response),
            (Outcome::Unauthorized, _) | (_, Some(401 | 407 | 403 | 404 | 405 | 416 | 420 | 501)) => {
                let status = if status.is_none() { Some(401) } else { status };
                self.fail(now, status, self.settings.refused_retry, true);
            }
            (Outcome::Response(response), _) => {
                let asked = response.retry_after().map(|seconds| Duration::from_secs(seconds.into()));
                let wait = self.back_off().max(asked.unwrap_or_default().min(self.settings.refused_retry));
                self.fail(now, status, wait, false);
            }
            _ => {
                let wait = self.back_off();
                self.fail(now, status, wait, false);
            }
        }
    }

    fn accept(&mut self, now: Now, response: &Message) {
        let (bindings, own) = self.bindings(response);
        let is_listed = own.is_some();
        let granted = own.flatten().or_else(|| response.expires()).unwrap_or(self.asked);
        if granted == 0 {
            // Granted for no time at all: as good as refused, and it may pass.
            let wait = self.back_off();
            return self.fail(now, response.status(), wait, false);
        }
        (self.failures, self.raises, self.state) = (0, 0, State::Registered);
        self.routes = values(response, Name::ServiceRoute);
        self.identities = values(response, Name::PAssociatedUri);
        let granted = Duration::from_secs(granted.into());
        self.until = Some(now.mono + granted);
        let half = self.random.around(granted / 2, 10);
        let latest = if granted > 2 * MARGIN { granted - MARGIN } else { granted / 2 };
        self.due = Some(now.mono + half.min(latest));
        self.events.push(Event::Registered { granted, bindings, is_listed });
    }

    /// Every binding of an answer, and the time of ours: `None` if it is not listed.
    fn bindings(&self, response: &Message) -> (Vec<Binding>, Option<Option<u32>>) {
        let ours = Uri::parse(&self.settings.contact).ok();
        let ours = ours.as_ref().and_then(Uri::sip);
        let (mut bindings, mut own) = (Vec::new(), None);
        for contact in response.values(Name::Contact).take(MOST_BINDINGS) {
            let Some(address) = Address::parse(contact) else { continue };
            let expires =
                address.param("expires").and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
            let uri = address.uri().ok();
            let is_own = match (uri.as_ref().and_then(Uri::sip), ours) {
                (Some(theirs), Some(ours)) => theirs.equivalent(ours),
                _ => address.uri == self.settings.contact,
            };
            if is_own && own.is_none() {
                own = Some(expires);
            }
            bindings.push(Binding { contact: Bytes::copy_from_slice(address.uri), expires });
        }
        (bindings, own)
    }

    /// 423: the time was too short.
    fn raise(&mut self, now: Now, response: &Message) {
        match response.min_expires().filter(|least| *least > self.asked) {
            Some(least) if self.raises < MOST_RAISES => {
                self.raises += 1;
                self.asked = least;
                self.due = Some(now.mono);
            }
            _ => {
                let wait = self.back_off();
                self.fail(now, Some(423), wait, false);
            }
        }
    }

    fn fail(&mut self, now: Now, status: Option<u16>, wait: Duration, is_refusal: bool) {
        self.failures += 1;
        self.state = match (is_refusal, self.until) {
            (true, _) => State::Refused,
            (false, Some(_)) => State::Registered,
            (false, None) => State::Unregistered,
        };
        self.due = Some(now.mono + wait);
        self.events.push(Event::Failed { status, retry_in: wait, is_refusal });
    }

    fn back_off(&mut self) -> Duration {
        let doubled = self.settings.retry.saturating_mul(1 << self.failures.min(20));
        let wait = doubled.min(self.settings.longest_retry);
        // From half to the whole: those that failed together do not come back together.
        wait / 2 + self.random.within(wait / 2)
    }

    fn remove(&mut self, confirmed: bool) {
        (self.state, self.due, self.until) = (State::Removed, None, None);
        self.events.push(Event::Removed { confirmed });
    }
}

/// The values of a header, as they came.
fn values(response: &Message, name: Name) -> Vec<Bytes> {
    response.values(name).take(MOST_ROUTES).map(Bytes::copy_from_slice).collect()
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
