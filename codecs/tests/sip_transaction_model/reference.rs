//! What a transaction layer has to do, written as plainly as possible: every state in one table, every deadline searched.

use std::{collections::BTreeMap, fmt, time::Instant};

use codecs::sip::{Message, Method, transaction::Timers};

/// A transaction: the branch and the method, ACK counting as INVITE.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    branch: String,
    method: String,
}

impl Key {
    pub fn of(message: &Message) -> Self {
        let branch = String::from_utf8(message.via().unwrap().branch().unwrap().to_vec()).unwrap();
        let method = match message.cseq().unwrap().method {
            Method::Ack => Method::Invite,
            method => method,
        };
        Self { branch, method: method.to_string() }
    }

    pub fn with(&self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self.clone() }
    }

    pub fn is_invite(&self) -> bool {
        self.method == "INVITE"
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.branch, self.method)
    }
}

/// Something due, and after how many milliseconds again.
#[derive(Debug, Clone, Copy)]
struct Again {
    at: Instant,
    interval: u32,
}

/// A request of ours.
#[derive(Debug)]
struct Ours {
    provisional: bool,
    /// The class of the final response.
    outcome: Option<u16>,
    cancelled: bool,
    again: Option<Again>,
    ends: Option<Instant>,
}

/// A request of the peer.
#[derive(Debug)]
struct Theirs {
    latest: Option<u16>,
    confirmed: bool,
    /// When to send a 100.
    trying: Option<Instant>,
    since: Instant,
    again: Option<Again>,
    ends: Option<Instant>,
}

/// The reference of one layer.
pub struct Reference {
    timers: Timers,
    reliable: bool,
    ours: BTreeMap<Key, Ours>,
    theirs: BTreeMap<Key, Theirs>,
    said: Vec<String>,
}

impl Reference {
    pub fn new(timers: Timers, reliable: bool) -> Self {
        Self { timers, reliable, ours: BTreeMap::new(), theirs: BTreeMap::new(), said: Vec::new() }
    }

    pub fn say(&mut self, line: String) {
        self.said.push(line);
    }

    /// What was said since it was last asked.
    pub fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    pub fn live(&self) -> (usize, usize) {
        (self.ours.len(), self.theirs.len())
    }

    pub fn next(&self) -> Option<Instant> {
        let ours = self.ours.values().flat_map(|it| [it.again.map(|again| again.at), it.ends]);
        let theirs = self.theirs.values().flat_map(|it| [it.again.map(|again| again.at), it.trying, it.ends]);
        ours.chain(theirs).flatten().min()
    }

    pub fn request(&mut self, now: Instant, key: Key) {
        self.say(format!("{key} sent {}", key.method));
        let wait = if key.is_invite() { self.timers.b } else { self.timers.f };
        let again = (!self.reliable).then(|| Again { at: now + self.timers.t1, interval: 500 });
        let ends = Some(now + wait);
        self.ours.insert(key, Ours { provisional: false, outcome: None, cancelled: false, again, ends });
    }

    pub fn cancel(&mut self, now: Instant, key: &Key) -> bool {
        let may = |it: &&mut Ours| key.is_invite() && it.provisional && it.outcome.is_none() && !it.cancelled;
        let Some(ours) = self.ours.get_mut(key).filter(may) else { return false };
        ours.cancelled = true;
        ours.ends = Some(now + self.timers.cancelled);
        self.request(now, key.with("CANCEL"));
        true
    }

    pub fn abandon(&mut self, key: &Key) {
        if let Some(ours) = self.ours.get_mut(key) {
            ours.again = None;
        }
    }

    pub fn unreachable(&mut self, key: &Key) {
        if let Some(ours) = self.ours.get(key) {
            let hopeless = match (key.is_invite(), ours.outcome) {
                (true, None) => !ours.provisional,
                (true, Some(outcome)) => outcome >= 300,
                (false, outcome) => outcome.is_none(),
            };
            if hopeless {
                self.say(format!("{key} unreachable"));
                self.end_ours(key);
            }
        } else if self.theirs.get(key).is_some_and(|theirs| !theirs.confirmed) {
            self.say(format!("{key} unreachable"));
        }
    }

    pub fn receive(&mut self, now: Instant, message: &Message) {
        let key = Key::of(message);
        match (message.method(), message.status()) {
            (Some(Method::Ack), _) => self.receive_ack(now, &key),
            (Some(_), _) => self.receive_request(now, key),
            (None, status) => self.receive_response(now, &key, status.unwrap()),
        }
    }

    fn receive_response(&mut self, now: Instant, key: &Key, status: u16) {
        let Some(ours) = self.ours.get_mut(key) else { return };
        match (ours.outcome, status) {
            (None, ..=199) => {
                let stops_all = key.is_invite() && !ours.provisional;
                ours.provisional = true;
                if stops_all {
                    (ours.again, ours.ends) = (None, None);
                }
                self.say(format!("{key} response {status}"));
            }
            (None, _) => {
                ours.outcome = Some(status);
                ours.again = None;
                let absorbs = match (key.is_invite(), status) {
                    (true, ..=299) => Some(self.timers.m),
                    (true, _) => (!self.reliable).then_some(self.timers.d),
                    (false, _) => (!self.reliable).then_some(self.timers.k),
                };
                ours.ends = absorbs.map(|absorbs| now + absorbs);
                if key.is_invite() && status >= 300 {
                    self.say(format!("{key} sent ACK"));
                }
                self.say(format!("{key} response {status}"));
                if absorbs.is_none() {
                    self.end_ours(key);
                }
            }
            (Some(_), 200..=299) if key.is_invite() => self.say(format!("{key} response {status}")),
            (Some(300..), 300..) if key.is_invite() => self.say(format!("{key} sent ACK")),
            _ => {}
        }
    }

    fn receive_request(&mut self, now: Instant, key: Key) {
        if let Some(theirs) = self.theirs.get(&key) {
            let accepted = key.is_invite() && matches!(theirs.latest, Some(200..=299));
            if let Some(status) = theirs.latest.filter(|_| !accepted && !theirs.confirmed) {
                self.say(format!("{key} sent {status}"));
            }
            return;
        }
        let cancels = key.method == "CANCEL" && self.theirs.contains_key(&key.with("INVITE"));
        self.say(format!("{key} request{}", if cancels { " of one" } else { "" }));
        let trying = if key.is_invite() { self.timers.trying } else { self.timers.until_t2() };
        let ends = (!key.is_invite()).then(|| now + self.timers.f);
        let trying = Some(now + trying);
        self.theirs
            .insert(key, Theirs { latest: None, confirmed: false, trying, since: now, again: None, ends });
    }

    fn receive_ack(&mut self, now: Instant, key: &Key) {
        match self.theirs.get_mut(key) {
            None => self.say(format!("{key} ack")),
            Some(theirs) => match theirs.latest {
                Some(200..=299) => self.say(format!("{key} ack")),
                Some(300..) if !theirs.confirmed => {
                    theirs.confirmed = true;
                    theirs.again = None;
                    theirs.ends = Some(now + self.timers.i);
                    if self.reliable {
                        self.end_theirs(key);
                    }
                }
                _ => {}
            },
        }
    }

    /// Says whether the response is sent.
    pub fn respond(&mut self, now: Instant, key: &Key, status: u16) -> bool {
        let Some(theirs) = self.theirs.get_mut(key) else { return false };
        let invite = key.is_invite();
        match (theirs.latest, status) {
            (Some(200..=299), 200..=299) if invite => {}
            (Some(200..), _) => return false,
            (_, 408) if !invite => return false,
            (_, 101..=199) if !invite => return false,
            (_, 100) if !invite && !self.reliable && now < theirs.since + self.timers.until_t2() => {
                return false;
            }
            (_, ..=199) => theirs.latest = Some(status),
            (_, _) => {
                theirs.latest = Some(status);
                let repeats = invite && status >= 300 && !self.reliable;
                theirs.again = repeats.then(|| Again { at: now + self.timers.t1, interval: 500 });
                theirs.ends = match (invite, status) {
                    (true, ..=299) => Some(now + self.timers.l),
                    (true, _) => Some(now + self.timers.h),
                    (false, _) => (!self.reliable).then(|| now + self.timers.j),
                };
            }
        }
        theirs.trying = None;
        let over = theirs.ends.is_none() && status >= 200;
        self.say(format!("{key} sent {status}"));
        if over {
            self.end_theirs(key);
        }
        true
    }

    /// Does everything that is due.
    pub fn advance(&mut self, now: Instant) {
        for key in self.ours.keys().cloned().collect::<Vec<_>>() {
            self.advance_ours(now, &key);
        }
        for key in self.theirs.keys().cloned().collect::<Vec<_>>() {
            self.advance_theirs(now, &key);
        }
    }

    fn advance_ours(&mut self, now: Instant, key: &Key) {
        let ours = self.ours.get_mut(key).unwrap();
        if ours.ends.is_some_and(|ends| ends <= now) {
            if ours.outcome.is_none() {
                self.say(format!("{key} timeout"));
            }
            return self.end_ours(key);
        }
        if let Some(Again { at, interval }) = ours.again.filter(|again| again.at <= now) {
            let interval = match (key.is_invite(), ours.provisional) {
                (true, _) => interval * 2,
                (false, true) => 4000,
                (false, false) => (interval * 2).min(4000),
            };
            ours.again = Some(Again { at: at + std::time::Duration::from_millis(interval.into()), interval });
            self.say(format!("{key} sent {}", key.method));
        }
    }

    fn advance_theirs(&mut self, now: Instant, key: &Key) {
        let theirs = self.theirs.get_mut(key).unwrap();
        if theirs.ends.is_some_and(|ends| ends <= now) {
            match (key.is_invite(), theirs.latest) {
                (true, Some(300..)) if !theirs.confirmed => self.say(format!("{key} unacknowledged")),
                (false, None | Some(..=199)) => self.say(format!("{key} timeout")),
                _ => {}
            }
            return self.end_theirs(key);
        }
        if theirs.trying.is_some_and(|trying| trying <= now) {
            (theirs.trying, theirs.latest) = (None, Some(100));
            return self.say(format!("{key} sent 100"));
        }
        if let Some(Again { at, interval }) = theirs.again.filter(|again| again.at <= now) {
            let interval = (interval * 2).min(4000);
            theirs.again =
                Some(Again { at: at + std::time::Duration::from_millis(interval.into()), interval });
            let status = theirs.latest.unwrap();
            self.say(format!("{key} sent {status}"));
        }
    }

    fn end_ours(&mut self, key: &Key) {
        self.ours.remove(key);
        self.say(format!("{key} ended"));
    }

    fn end_theirs(&mut self, key: &Key) {
        self.theirs.remove(key);
        self.say(format!("{key} ended"));
    }
}
