//! What holds of everything that one side puts on the wire, whatever the other one does.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::sip::{Message, Method};

/// How long a request is known again by its branch; one that comes later is taken for a new one.
const KNOWN_TIME: Duration = Duration::from_secs(32);
/// How long a callee waits for an ACK before it may end the call.
const ACK_TIME: Duration = Duration::from_secs(32);

/// A dialog as its requests name it: Call-ID, From tag, To tag.
type Dialog = (Bytes, Bytes, Bytes);
/// A transaction: branch and method.
type Key = (Bytes, Method);

/// What one process has put on the wire and taken from it.
#[derive(Debug, Default)]
pub struct Rules {
    requests: HashSet<Key>,
    /// Calls of ours: whoever placed one may end it at any time.
    placed: HashSet<Bytes>,
    /// The last number in each dialog.
    numbers: HashMap<Dialog, u32>,
    /// Dialogs whose BYE was sent.
    ended: HashSet<Dialog>,
    /// INVITEs of ours of which anything was heard.
    heard: HashSet<Bytes>,
    /// The final response that was given, and when first.
    finals: HashMap<Key, (u16, Instant)>,
    /// Dialogs that our 2xx made, as our own requests name them: when, and whether its ACK came.
    accepted: HashMap<Dialog, (Instant, bool)>,
    /// Dialogs of a process before this one.
    restored: HashSet<Bytes>,
}

impl Rules {
    /// What is sent in this call ends what a process before this one left.
    pub fn restores(&mut self, call_id: Bytes) {
        self.restored.insert(call_id);
    }

    /// A message goes out.
    pub fn sends(&mut self, now: Instant, message: &Message) {
        match message.status() {
            Some(status) => self.responds(now, message, status),
            None => self.requests(now, message),
        }
    }

    fn requests(&mut self, now: Instant, message: &Message) {
        let method = message.method().unwrap();
        let (branch, dialog) = (branch(message), dialog(message));
        let number = message.cseq().unwrap().number;
        let is_new = self.requests.insert((branch.clone(), method));
        match method {
            Method::Ack => return,
            Method::Cancel => {
                let may = self.heard.contains(&branch) || self.restored.contains(&dialog.0);
                assert!(may, "CANCEL before anything was heard");
                return;
            }
            _ => {}
        }
        if dialog.2.is_empty() {
            self.placed.insert(dialog.0);
            return;
        }
        if !is_new {
            return;
        }
        let last = self.numbers.insert(dialog.clone(), number);
        assert!(last.is_none_or(|last| last < number), "{method} {number} after {last:?}");
        assert!(method == Method::Bye || !self.ended.contains(&dialog), "{method} after BYE");
        if method == Method::Bye {
            if let Some((at, is_acknowledged)) = self.accepted.get(&dialog) {
                assert!(*is_acknowledged || now - *at >= ACK_TIME, "BYE of a callee before the ACK");
            }
            self.ended.insert(dialog);
        }
    }

    fn responds(&mut self, now: Instant, message: &Message, status: u16) {
        let cseq = message.cseq().unwrap();
        let key = (branch(message), cseq.method);
        let before = self.finals.get(&key).filter(|(_, at)| now - *at < KNOWN_TIME).copied();
        if status < 200 {
            assert!(before.is_none(), "{status} after the final response");
            return;
        }
        // Another fork may answer too.
        let is_further = |before| (200..300).contains(&before) && (200..300).contains(&status);
        let fits = before.is_none_or(|(before, _)| before == status || is_further(before));
        assert!(fits, "{status} after {before:?}");
        self.finals.insert(key, before.unwrap_or((status, now)));
        if cseq.method == Method::Invite && (200..300).contains(&status) {
            let (call_id, from, to) = dialog(message);
            if self.placed.contains(&call_id) {
                return;
            }
            self.accepted.entry((call_id, to, from)).or_insert((now, false));
        }
    }

    /// A message came in.
    pub fn receives(&mut self, message: &Message) {
        let (call_id, from, to) = dialog(message);
        match message.method() {
            // Whoever sends a re-INVITE has had our 2xx.
            Some(Method::Ack | Method::Invite) => {
                if let Some((_, is_acknowledged)) = self.accepted.get_mut(&(call_id, to, from)) {
                    *is_acknowledged = true;
                }
            }
            None => _ = self.heard.insert(branch(message)),
            Some(_) => {}
        }
    }
}

fn branch(message: &Message) -> Bytes {
    copy(message.via().unwrap().branch())
}

fn dialog(message: &Message) -> Dialog {
    let (from, to) = (message.from().unwrap(), message.to().unwrap());
    (copy(message.call_id().ok()), copy(from.tag()), copy(to.tag()))
}

fn copy(octets: Option<&[u8]>) -> Bytes {
    Bytes::copy_from_slice(octets.unwrap_or_default())
}
