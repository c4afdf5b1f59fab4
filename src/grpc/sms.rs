//! `SmsService`: decode, accept, encode.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::{
    Phase, api,
    credit::Credit,
    decode::{self, Context, Decoder},
    encode, reached, route,
    status::{LATER, Reason, Refusal},
    story,
};
use crate::{
    clock,
    config::MessageConfig,
    domain::{Message, SegmentPlan, TrunkId},
    sms::{Acceptor, Explained, SubmitAnswer, SubmitRefused, SubmitRequest},
    store::{Store, Withdrawn},
};

/// Most requests of one batch.
const MAX_BATCH: usize = 500;
/// Requests that a stream may have unanswered.
const STREAM_CREDIT: usize = 4096;
/// Acceptances of one stream in progress at once; more frames wait on the wire.
const MAX_RUNNING: usize = 16;
/// Frames that are there at once are accepted together, up to this many requests.
const MERGED: usize = 512;
/// Answers that may wait for a client that reads slowly.
const ANSWERS: usize = 32;
/// When an acceptance is given up as unknown.
const DEADLINE: Duration = Duration::from_secs(5);
/// Longest traceparent kept, octets.
const MAX_TRACE_PARENT: usize = 128;

/// What the service needs of the acceptor; a seam for tests.
pub trait Accept: Clone + Send + Sync + 'static {
    /// Accepts a group with one commit; answers in order.
    fn submit(
        &self,
        requests: Vec<SubmitRequest>,
    ) -> impl Future<Output = Vec<Result<SubmitAnswer, SubmitRefused>>> + Send;

    /// How a message would be cut, and where it could go.
    fn estimate(&self, message: &Message) -> Result<(SegmentPlan, Vec<TrunkId>), SubmitRefused>;

    /// Where a message would go and when, with the reasons.
    fn explain(&self, message: &Message) -> Explained;
}

impl Accept for Acceptor {
    async fn submit(&self, requests: Vec<SubmitRequest>) -> Vec<Result<SubmitAnswer, SubmitRefused>> {
        Acceptor::submit(self, requests).await
    }

    fn estimate(&self, message: &Message) -> Result<(SegmentPlan, Vec<TrunkId>), SubmitRefused> {
        Acceptor::estimate(self, message)
    }

    fn explain(&self, message: &Message) -> Explained {
        Acceptor::explain(self, message)
    }
}

/// The service.
#[derive(Clone)]
pub struct Sms<A> {
    acceptor: A,
    store: Store,
    decoder: Decoder,
    /// How long a report is awaited.
    report_window: Duration,
    phase: watch::Receiver<Phase>,
}

impl<A: Accept> Sms<A> {
    /// The service over its parts.
    #[must_use]
    pub fn new(acceptor: A, store: Store, messages: &MessageConfig, phase: watch::Receiver<Phase>) -> Self {
        let (decoder, report_window) = (Decoder::new(messages), messages.report_window);
        Self { acceptor, store, decoder, report_window, phase }
    }

    /// Accepts a group with one commit; outcomes in the order of the requests.
    async fn accept(
        &self,
        requests: Vec<api::SubmitMessageRequest>,
        context: &Context,
    ) -> Vec<Result<api::SubmitMessageResponse, Refusal>> {
        let now = clock::wall();
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut sound = Vec::with_capacity(requests.len());
        let mut places = Vec::with_capacity(requests.len());
        for request in requests {
            match self.decoder.submit(request, context, now) {
                Ok(request) => {
                    places.push((outcomes.len(), request.validate_only));
                    sound.push(request);
                    outcomes.push(Err(unknown()));
                }
                Err(refusal) => outcomes.push(Err(refusal)),
            }
        }
        if sound.is_empty() {
            return outcomes;
        }
        if *self.phase.borrow() != Phase::Serving {
            for (place, _) in places {
                outcomes[place] = Err(draining());
            }
            return outcomes;
        }
        // Given up, the request may still become durable: that is what an unknown outcome says.
        if let Ok(answers) = tokio::time::timeout(DEADLINE, self.acceptor.submit(sound)).await {
            for ((place, validate_only), answer) in places.into_iter().zip(answers) {
                outcomes[place] = match answer {
                    Ok(answer) => Ok(encode::submit_answer(&answer, validate_only)),
                    Err(refused) => Err(refused.into()),
                };
            }
        }
        outcomes
    }

    async fn accept_items(&self, requests: Vec<api::SubmitMessageRequest>, context: &Context) -> Answered {
        let ids: Vec<String> = requests.iter().map(|request| request.request_id.clone()).collect();
        let outcomes = self.accept(requests, context).await;
        let no_room = || outcomes.iter().filter_map(|outcome| outcome.as_ref().err()?.room_in());
        let (refused, room_in) = (no_room().count(), no_room().max().unwrap_or_default());
        let results = ids.into_iter().zip(outcomes).map(|(request_id, outcome)| item(request_id, outcome));
        Answered { results: results.collect(), no_room: refused, room_in }
    }

    /// One submit stream, until the client has sent all, is gone, or the daemon closes.
    async fn run_stream(
        self,
        mut frames: Streaming<api::StreamSubmitMessagesRequest>,
        answers: mpsc::Sender<Result<api::StreamSubmitMessagesResponse, Status>>,
        context: Context,
    ) {
        let mut credit = Credit::new(STREAM_CREDIT);
        let opening =
            api::StreamSubmitMessagesResponse { credit: STREAM_CREDIT as u32, ..Default::default() };
        if answers.send(Ok(opening)).await.is_err() {
            return;
        }
        let mut running = FuturesUnordered::new();
        let closing = reached(self.phase.clone(), Phase::Closing);
        tokio::pin!(closing);
        let mut phase = self.phase.clone();
        phase.mark_changed();
        let (mut open, mut told) = (true, false);
        while open || !running.is_empty() {
            let answer = tokio::select! {
                Some(answered) = running.next(), if !running.is_empty() => {
                    let Answered { results, no_room, room_in } = answered;
                    credit.hold(no_room, room_in, clock::now().mono);
                    let credit = credit.give_back(results.len() - no_room);
                    Some(api::StreamSubmitMessagesResponse { results, credit, closing: None })
                }
                () = until(credit.due()), if open => {
                    let credit = credit.release(clock::now().mono);
                    Some(api::StreamSubmitMessagesResponse { credit, ..Default::default() })
                }
                frame = frames.next(), if open && running.len() < MAX_RUNNING => {
                    let mut requests = Vec::new();
                    open = matches!(frame, Some(Ok(_)));
                    requests.extend(frame.and_then(Result::ok).into_iter().flat_map(|frame| frame.requests));
                    while open && requests.len() < MERGED {
                        let Some(frame) = frames.next().now_or_never() else { break };
                        open = matches!(frame, Some(Ok(_)));
                        requests.extend(frame.and_then(Result::ok).into_iter().flat_map(|frame| frame.requests));
                    }
                    let refused = without_credit(requests.split_off(credit.take(requests.len())));
                    if !requests.is_empty() {
                        running.push(self.accept_items(requests, &context));
                    }
                    (!refused.is_empty())
                        .then_some(api::StreamSubmitMessagesResponse { results: refused, ..Default::default() })
                }
                Ok(()) = phase.changed(), if open => {
                    let drains = *phase.borrow_and_update() != Phase::Serving;
                    let news = drains && !std::mem::replace(&mut told, drains);
                    news.then(|| api::StreamSubmitMessagesResponse { closing: Some(stream_closing()), ..Default::default() })
                }
                () = &mut closing, if open => {
                    open = false;
                    None
                }
            };
            if let Some(answer) = answer
                && answers.send(Ok(answer)).await.is_err()
            {
                // The client is gone. What was taken is being accepted all the same; it will ask again.
                while running.next().await.is_some() {}
                return;
            }
        }
    }
}

/// What came of the requests of a frame.
struct Answered {
    results: Vec<api::SubmitResult>,
    /// Of these, refused for want of room.
    no_room: usize,
    /// How long there is none.
    room_in: Duration,
}

fn without_credit(requests: Vec<api::SubmitMessageRequest>) -> Vec<api::SubmitResult> {
    let refusal = || {
        let message = "more requests than there was credit for: wait for credit and send it again";
        Refusal::new(Reason::CreditExceeded, message).retry_after(Duration::from_millis(100))
    };
    requests.into_iter().map(|request| item(request.request_id, Err(refusal()))).collect()
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

fn item(request_id: String, outcome: Result<api::SubmitMessageResponse, Refusal>) -> api::SubmitResult {
    let outcome = match outcome {
        Ok(response) => api::submit_result::Outcome::Response(response),
        Err(refusal) => api::submit_result::Outcome::Error(refusal.into()),
    };
    api::SubmitResult { request_id, outcome: Some(outcome) }
}

fn unknown() -> Refusal {
    let message = "the store did not answer in time: ask again with the same request_id";
    Refusal::new(Reason::DeadlineExceeded, message)
}

fn draining() -> Refusal {
    SubmitRefused::Draining.into()
}

fn stream_closing() -> api::SubmitStreamClosing {
    api::SubmitStreamClosing {
        reason: SubmitRefused::Draining.to_string(),
        retry_delay: Some(encode::duration(LATER)),
    }
}

/// What came with a request.
pub(super) fn context(metadata: &MetadataMap) -> Context {
    let given = metadata.get("traceparent").and_then(|value| value.to_str().ok());
    let trace_parent = given.filter(|value| value.len() <= MAX_TRACE_PARENT).unwrap_or_default().to_owned();
    Context { trace_parent }
}

#[tonic::async_trait]
impl<A: Accept> api::sms_service_server::SmsService for Sms<A> {
    async fn submit_message(
        &self,
        request: Request<api::SubmitMessageRequest>,
    ) -> Result<Response<api::SubmitMessageResponse>, Status> {
        let context = context(request.metadata());
        let outcome = self.accept(vec![request.into_inner()], &context).await.pop();
        Ok(Response::new(outcome.unwrap_or_else(|| Err(unknown()))?))
    }

    async fn batch_submit_messages(
        &self,
        request: Request<api::BatchSubmitMessagesRequest>,
    ) -> Result<Response<api::BatchSubmitMessagesResponse>, Status> {
        let context = context(request.metadata());
        let requests = request.into_inner().requests;
        if requests.is_empty() || requests.len() > MAX_BATCH {
            let wrong = format!("must be 1 to {MAX_BATCH} requests");
            return Err(Refusal::field(Reason::InvalidField, "requests", wrong).into());
        }
        let results = self.accept_items(requests, &context).await.results;
        Ok(Response::new(api::BatchSubmitMessagesResponse { results }))
    }

    type StreamSubmitMessagesStream = ReceiverStream<Result<api::StreamSubmitMessagesResponse, Status>>;

    async fn stream_submit_messages(
        &self,
        request: Request<Streaming<api::StreamSubmitMessagesRequest>>,
    ) -> Result<Response<Self::StreamSubmitMessagesStream>, Status> {
        let context = context(request.metadata());
        let (answers, stream) = mpsc::channel(ANSWERS);
        tokio::spawn(self.clone().run_stream(request.into_inner(), answers, context));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn estimate_message(
        &self,
        request: Request<api::EstimateMessageRequest>,
    ) -> Result<Response<api::EstimateMessageResponse>, Status> {
        let message = self.decoder.draft(request.into_inner().message, clock::wall())?;
        let (plan, trunks) = self.acceptor.estimate(&message).map_err(Refusal::from)?;
        Ok(Response::new(api::EstimateMessageResponse {
            plan: Some(encode::plan(plan)),
            trunk_ids: trunks.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn explain_route(
        &self,
        request: Request<api::ExplainRouteRequest>,
    ) -> Result<Response<api::ExplainRouteResponse>, Status> {
        let message = self.decoder.draft(request.into_inner().message, clock::wall())?;
        Ok(Response::new(route::explained(self.acceptor.explain(&message))))
    }

    async fn get_message(
        &self,
        request: Request<api::GetMessageRequest>,
    ) -> Result<Response<api::GetMessageResponse>, Status> {
        let key = decode::message_key(request.into_inner().key)?;
        let found = self.store.story(key).await.map_err(Refusal::from)?;
        let told = found.ok_or_else(not_found)?;
        let message = &told.stored.message;
        let deadline = message.report_requested.then(|| message.begin_time() + self.report_window);
        Ok(Response::new(api::GetMessageResponse { message: Some(story::story(&told, deadline)) }))
    }

    async fn cancel_message(
        &self,
        request: Request<api::CancelMessageRequest>,
    ) -> Result<Response<api::CancelMessageResponse>, Status> {
        let id = decode::message_id(&request.into_inner().message_id)?;
        match self.store.withdraw(id).await.map_err(Refusal::from)? {
            Withdrawn::Canceled => {
                let state = api::MessageState::Canceled.into();
                Ok(Response::new(api::CancelMessageResponse { state }))
            }
            Withdrawn::NotCancelable(state) => {
                let state = state.name();
                let message = format!("the message is {state}: only one that has not left can be canceled");
                Err(Refusal::new(Reason::NotCancelable, message).with("state", state).into())
            }
            Withdrawn::NotFound => Err(not_found().into()),
        }
    }
}

fn not_found() -> Refusal {
    Refusal::new(Reason::MessageNotFound, "there is no such message, or it is no longer kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_traceparent_of_the_call() {
        let mut metadata = MetadataMap::new();
        assert_eq!(context(&metadata).trace_parent, "");
        metadata.insert("traceparent", "00-0af7-b7ad-01".parse().unwrap());
        assert_eq!(context(&metadata).trace_parent, "00-0af7-b7ad-01");
        metadata.insert("traceparent", "x".repeat(129).parse().unwrap());
        assert_eq!(context(&metadata).trace_parent, "");
    }
}
