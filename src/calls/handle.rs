//! What the rest of the daemon says to calls, and asks of them.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    WrongState,
    accept::{CallAcceptor, CallAnswer, CallRequest},
    control::Message,
    refused::{CallRefused, WordRefused},
    registry::{CallFilter, LiveCall, Word},
};
use crate::{
    domain::{CallId, CallRecord, CallState, Ladder, Sdp},
    store::{CallKey, OpenCall, Store, StoredCall},
};

/// All calls. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    acceptor: CallAcceptor,
    store: Store,
    control: mpsc::Sender<Message>,
}

/// A call as it is known.
#[derive(Debug)]
pub enum KnownCall {
    /// It has not ended: what is durable of it, and the newest description and messages.
    Open(Box<OpenCall>, Option<Sdp>, Ladder),
    /// It has, with its messages.
    Ended(Box<(CallRecord, Ladder)>),
}

impl Calls {
    pub(super) fn new(acceptor: CallAcceptor, store: Store, control: mpsc::Sender<Message>) -> Self {
        Self { acceptor, store, control }
    }

    /// Accepts a call: it is durable, or refused, when this returns.
    ///
    /// # Errors
    /// See [`CallRefused`].
    pub async fn create(&self, request: CallRequest) -> Result<CallAnswer, CallRefused> {
        self.acceptor.create(request).await
    }

    /// Says something about a call; gives its state then. To hang up a call that has ended changes nothing.
    ///
    /// # Errors
    /// See [`WordRefused`].
    pub async fn say(&self, id: CallId, word: Word) -> Result<CallState, WordRefused> {
        let hangs_up = matches!(word, Word::HangUp(_));
        let (reply, heeded) = oneshot::channel();
        let message = Message::Say { id, word, reply };
        self.control.send(message).await.map_err(|_| WordRefused::Ending)?;
        match heeded.await.map_err(|_| WordRefused::Ending)? {
            Err(WordRefused::NotFound(_)) => {}
            heeded => return heeded,
        }
        match self.store.stored_call(CallKey::Id(id)).await? {
            Some(StoredCall::Ended(ended)) if hangs_up => Ok(ended.0.state),
            // Open on the disk and not in memory: its end is on its way there.
            Some(StoredCall::Open(open)) if hangs_up => Ok(open.progress.state),
            Some(_) => Err(WrongState::Ended.into()),
            None => Err(WordRefused::NotFound(id)),
        }
    }

    /// A call as it is known.
    ///
    /// # Errors
    /// See [`WordRefused`].
    pub async fn get(&self, key: CallKey) -> Result<Option<KnownCall>, WordRefused> {
        let open = match self.store.stored_call(key).await? {
            None => return Ok(None),
            Some(StoredCall::Open(open)) => open,
            Some(StoredCall::Ended(ended)) => return Ok(Some(KnownCall::Ended(ended))),
        };
        let (reply, looked) = oneshot::channel();
        let asked = self.control.send(Message::Look(open.call.id, reply)).await;
        let live = if asked.is_ok() { looked.await.ok().flatten() } else { None };
        let (remote, ladder) = live.map_or_else(Default::default, |live| (live.remote, live.ladder));
        Ok(Some(KnownCall::Open(open, remote, ladder)))
    }

    /// Open calls, the oldest first.
    ///
    /// # Errors
    /// The daemon ends.
    pub async fn list(&self, filter: CallFilter) -> Result<Vec<LiveCall>, WordRefused> {
        let (reply, listed) = oneshot::channel();
        self.control.send(Message::List(filter, reply)).await.map_err(|_| WordRefused::Ending)?;
        listed.await.map_err(|_| WordRefused::Ending)
    }

    /// Takes nothing new; calls may go on for `limit`, then they are hung up and the task ends.
    pub async fn end(&self, limit: Duration) {
        // Without a task it has ended.
        let _ = self.control.send(Message::End(Instant::now() + limit)).await;
    }
}
