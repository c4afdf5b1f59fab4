//! From a request to a durable call: routed, permitted, idempotent, refused when there is no room.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{control::Message, refused::CallRefused, ways::CallWays};
use crate::{
    domain::{Call, CallId, Sdp},
    routing::window_words,
    store::{CallAccepted, NewCall, Store, StoreError},
    telemetry::metrics,
};

/// A request that has been read and is sound in itself.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// The call, with a fresh id and the time of now.
    pub call: Call,
    /// The offer.
    pub offer: Sdp,
    /// Digest of everything that the request says, its key left out.
    pub digest: [u8; 16],
}

/// The answer to an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallAnswer {
    /// Ours.
    pub call_id: CallId,
    /// When it was accepted.
    pub accept_time: Timestamp,
    /// The key was seen before; nothing new is placed.
    pub replayed: bool,
}

/// Takes requests for calls in. Cheap to clone.
#[derive(Clone)]
pub struct CallAcceptor {
    shared: Arc<Shared>,
}

struct Shared {
    ways: CallWays,
    store: Store,
    control: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    max_open: usize,
    refusing: watch::Receiver<bool>,
}

impl CallAcceptor {
    pub(super) fn new(
        ways: CallWays,
        store: Store,
        control: mpsc::Sender<Message>,
        room: Arc<Semaphore>,
        max_open: usize,
        refusing: watch::Receiver<bool>,
    ) -> Self {
        Self { shared: Arc::new(Shared { ways, store, control, room, max_open, refusing }) }
    }

    /// Accepts a call: it is durable, or refused, when this returns. A caller that gives up meanwhile does not undo it.
    ///
    /// # Errors
    /// See [`CallRefused`].
    pub async fn create(&self, request: CallRequest) -> Result<CallAnswer, CallRefused> {
        // In a task of its own: dropped half way, a call would be durable and nobody would place it.
        let accepted = tokio::spawn(self.clone().accept(request)).await;
        // It panicked, or the process ends.
        let answer = accepted.unwrap_or(Err(CallRefused::Store(StoreError::Closed)));
        if let Err(refused) = &answer {
            metrics::call_refused(refused.reason());
        }
        answer
    }

    async fn accept(self, request: CallRequest) -> Result<CallAnswer, CallRefused> {
        let CallRequest { call, offer, digest } = request;
        let room = match self.admit(&call) {
            Ok(room) => room,
            // Accepted before, and asked for again: the answer is the one of then.
            Err(refused) => {
                let known = self.shared.store.known_call(call.request_key(), digest).await?;
                return known.map_or(Err(refused), replayed);
            }
        };
        let call = Arc::new(call);
        let answer = CallAnswer { call_id: call.id, accept_time: call.accept_time, replayed: false };
        let mut answers =
            self.shared.store.accept_calls(vec![NewCall { call: call.clone(), digest }]).await?;
        match answers.pop() {
            Some(known @ (CallAccepted::Replayed { .. } | CallAccepted::Mismatch)) => replayed(known),
            // One request, one answer.
            Some(CallAccepted::New) | None => {
                metrics::call_accepted(call.category);
                // A control that is gone has drained: the next start finds the call.
                let _ = self.shared.control.send(Message::Accepted { call, offer, room }).await;
                Ok(answer)
            }
        }
    }

    fn admit(&self, call: &Call) -> Result<OwnedSemaphorePermit, CallRefused> {
        if *self.shared.refusing.borrow() {
            return Err(CallRefused::Draining);
        }
        let table = self.shared.ways.router().table();
        if let Err(closed) = table.windows().check_call(call, call.accept_time) {
            return Err(CallRefused::WindowClosed {
                category: call.category.name(),
                window: window_words(closed.window),
                opens: closed.opens,
                retry_after: closed.opens.duration_since(call.accept_time).try_into().unwrap_or_default(),
            });
        }
        self.shared.ways.of(call)?;
        let full = CallRefused::Full { max: self.shared.max_open };
        self.shared.room.clone().try_acquire_owned().map_err(|_| full)
    }
}

fn replayed(known: CallAccepted) -> Result<CallAnswer, CallRefused> {
    match known {
        CallAccepted::Replayed { call_id, accept_time } => {
            Ok(CallAnswer { call_id, accept_time, replayed: true })
        }
        CallAccepted::New | CallAccepted::Mismatch => Err(CallRefused::KeyReused),
    }
}
