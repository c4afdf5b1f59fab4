//! One leg: an INVITE and what became of it.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    Ended, LegEvent, LegId, PeerId, Policy,
    core::Core,
    incoming::Incoming,
    outgoing::Outgoing,
    request::Request,
    session::{Session, SessionId},
    unsent::Unsent,
};
use crate::{
    Now,
    sip::{
        Message, Name,
        cause::{Direction, End, Evidence, Own, Reason, Warning},
        transaction::TransactionId,
    },
};

/// Values of a header that an ended leg keeps.
const MOST_VALUES: usize = 8;

/// One leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub id: LegId,
    pub peer: PeerId,
    pub policy: Arc<Policy>,
    pub call: Call,
    /// Our Contact, the same for as long as the leg lives.
    pub contact: Bytes,
    /// Early dialogs; later the answered one, and others that are being ended.
    pub sessions: Vec<Session>,
    /// The one that was answered.
    pub answered: Option<SessionId>,
    /// Requests of ours inside the dialogs that have no final response.
    pub requests: Vec<Request>,
    /// Live requests of ours that belong to it.
    pub open: Vec<TransactionId>,
    /// What found no room, and ends something.
    pub unsent: Unsent,
    /// Our tags.
    pub tags: Vec<Bytes>,
    pub seen: Seen,
    /// The highest number of a request of ours in any of its dialogs.
    pub last_sequence: u32,
    pub has_ended: bool,
    /// Its deadline as it stands in the endpoint's order.
    pub deadline: Option<Instant>,
    sessions_made: u32,
}

/// Who placed the call, and how far it is.
#[derive(Debug)]
pub(super) enum Call {
    Outgoing(Box<Outgoing>),
    Incoming(Box<Incoming>),
    /// Ended from a snapshot; the INVITE if that was not answered.
    Restored(Option<Box<Message>>),
}

/// What was seen of a leg, and when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The first 180 or 183.
    pub progress: Option<Instant>,
    /// The first 180.
    pub ringing: Option<Instant>,
    /// A 2xx.
    pub answer: Option<Instant>,
}

/// What ended a leg.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    pub end: End,
    pub own: Option<Own>,
    /// A status that no message brought.
    pub status: Option<u16>,
    /// The message that ended it.
    pub message: Option<&'a Message>,
}

impl<'a> Ending<'a> {
    pub fn of(end: End) -> Self {
        Self { end, own: None, status: None, message: None }
    }

    pub fn own(mut self, own: Own) -> Self {
        self.own = Some(own);
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub fn message(mut self, message: &'a Message) -> Self {
        self.message = Some(message);
        self
    }
}

impl Leg {
    pub fn new(id: LegId, peer: PeerId, policy: Arc<Policy>, call: Call) -> Self {
        Self {
            id,
            peer,
            policy,
            call,
            contact: Bytes::new(),
            sessions: Vec::new(),
            answered: None,
            requests: Vec::new(),
            open: Vec::new(),
            unsent: Unsent::default(),
            tags: Vec::new(),
            seen: Seen::default(),
            last_sequence: 0,
            has_ended: false,
            deadline: None,
            sessions_made: 0,
        }
    }

    pub fn direction(&self) -> Direction {
        if matches!(self.call, Call::Incoming(_)) { Direction::Incoming } else { Direction::Outgoing }
    }

    /// Says whether nothing can come of it any more.
    pub fn is_finished(&self) -> bool {
        self.has_ended
            && self.open.is_empty()
            && self.unsent.is_empty()
            && self.sessions.iter().all(|one| one.unacknowledged.is_none())
    }

    pub fn next_session(&mut self) -> SessionId {
        self.sessions_made += 1;
        SessionId(self.sessions_made)
    }

    pub fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// The answered session, unless it is over.
    pub fn talk(&mut self) -> Option<&mut Session> {
        let answered = self.answered?;
        self.session(answered).filter(|session| !session.is_over)
    }

    /// Tells something of it, unless its end was told.
    pub fn tell(&self, core: &mut Core, now: Now, what: LegEvent) {
        if !self.has_ended {
            core.tell(now, self.id, what);
        }
    }

    /// The leg is over. Only the first end counts; what is still on the wire is finished quietly.
    pub fn end(&mut self, core: &mut Core, now: Now, ending: Ending<'_>) {
        if self.has_ended {
            return;
        }
        let since = |at: Option<Instant>| {
            let until = self.seen.answer.unwrap_or(now.mono);
            at.map(|at| until.saturating_duration_since(at))
        };
        let mut evidence = Evidence::new(self.direction(), ending.end);
        evidence.own = ending.own;
        evidence.answered = self.seen.answer.is_some();
        evidence.progress = since(self.seen.progress);
        evidence.ringing = since(self.seen.ringing);
        evidence.status = ending.status;
        let mut ended = Ended { evidence, contacts: Vec::new(), retry_after: None };
        if let Some(message) = ending.message {
            read_evidence(&mut ended, message);
        }
        self.tell(core, now, LegEvent::Ended(Box::new(ended)));
        self.has_ended = true;
        self.let_go();
    }

    /// Drops what a leg that has ended can't need any more. It stays for half a minute, to repeat its ACK and to end what
    /// else may answer, and at many calls a second most legs are such ones.
    fn let_go(&mut self) {
        if let Call::Outgoing(call) = &mut self.call {
            // A late answer makes a dialog by the headers alone. That there was an offer still counts, not what it said.
            call.invite = call.invite.as_ref().map(Message::packed_head);
            call.order.body.iter_mut().for_each(|body| body.octets = Bytes::new());
            (call.order.fields, call.told_sdp) = (Vec::new(), None);
        }
        for session in &mut self.sessions {
            (session.local_sdp, session.remote_sdp) = (None, None);
            session.ack.iter_mut().for_each(|ack| ack.message = ack.message.packed());
        }
    }

    /// One of its transactions is over.
    pub fn transaction_ended(&mut self, core: &mut Core, now: Now, id: TransactionId) {
        self.open.retain(|open| *open != id);
        self.requests.retain(|request| request.transaction != id);
        // What answered it made no dialog that could be talked in.
        if self.answered.is_none()
            && matches!(&self.call, Call::Outgoing(call) if call.transaction == Some(id))
        {
            self.end(core, now, Ending::of(End::Nothing).own(Own::NoResponse));
        }
    }

    /// The next instant at which something is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let call = match &self.call {
            _ if self.has_ended => None,
            Call::Outgoing(call) => call.poll_timeout(),
            Call::Incoming(call) => call.poll_timeout(),
            Call::Restored(_) => None,
        };
        let requests = self.requests.iter().map(|request| request.give_up);
        let sessions = self.sessions.iter().map(Session::poll_timeout);
        sessions.chain(requests).chain([call, self.unsent.poll_timeout()]).flatten().min()
    }
}

/// Takes from the message that ended a leg what it says of the reason.
fn read_evidence(ended: &mut Ended, message: &Message) {
    let evidence = &mut ended.evidence;
    if let Some(status) = message.status() {
        evidence.status = Some(status);
        evidence.phrase = String::from_utf8_lossy(message.reason_phrase()).into_owned();
        ended.retry_after = message.retry_after();
        if status / 100 == 3 || status == 485 {
            let contacts = message.values(Name::Contact).take(MOST_VALUES);
            ended.contacts = contacts.map(Bytes::copy_from_slice).collect();
        }
    }
    evidence.reasons = reasons_of(message);
    evidence.warnings = message.values(Name::Warning).take(MOST_VALUES).filter_map(Warning::parse).collect();
}

/// The values of Reason.
pub(super) fn reasons_of(message: &Message) -> Vec<Reason> {
    message.values(Name::Reason).take(MOST_VALUES).map(Reason::parse).collect()
}
