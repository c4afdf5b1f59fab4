//! The demo as a gateway service: it talks to the daemon over TCP, with the API and nothing else.

use std::time::Duration;

use anyhow::Context;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, transport::Channel, transport::Endpoint};

use super::{calls::Word, ledger::Key};
use crate::grpc::api::{
    self, call_service_client::CallServiceClient, event_service_client::EventServiceClient,
    sms_service_client::SmsServiceClient, stream_events_request::Frame as Told,
    stream_events_response::Frame as Given, trunk_service_client::TrunkServiceClient,
};

/// The consumer group; it lasts over runs.
const SUBSCRIPTION: &str = "demo";
/// Events that may be on their way to us.
const CREDIT: u32 = 1024;
/// Acknowledgements that may wait to be sent; what does not fit comes again.
const ACKS: usize = 256;
/// Batches that may wait to be submitted.
const BATCHES: usize = 4;
/// Words about calls that may wait to be said.
const WORDS: usize = 256;
/// How often trunks are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Rest after a call that failed.
const REST: Duration = Duration::from_millis(500);

/// What the daemon told.
#[derive(Debug)]
pub enum Happening {
    /// Answers to submits, each with its key.
    Answered(Vec<(Key, Result<api::SubmitMessageResponse, String>)>),
    /// The answer to a call that was placed: its id, or why not.
    Called(String, Result<String, String>),
    /// Events, in order; to be acknowledged.
    Events(Vec<api::Event>),
    /// The trunks as they are now.
    Trunks(Vec<api::Trunk>),
    /// A call failed that should not.
    Failed(String),
}

/// A connection to the daemon, with the tasks that use it. Dropping it ends them.
#[derive(Debug)]
pub struct Client {
    channel: Channel,
    acks: mpsc::Sender<api::StreamEventsRequest>,
    batches: Option<mpsc::Sender<Vec<api::SubmitMessageRequest>>>,
    words: mpsc::Sender<Word>,
    tasks: JoinSet<()>,
}

impl Client {
    /// Connects once.
    ///
    /// # Errors
    /// Nobody listens there yet.
    pub async fn connect(gateway: std::net::SocketAddr) -> anyhow::Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{gateway}"))?;
        Ok(endpoint.tcp_nodelay(true).connect().await?)
    }

    /// Subscribes, and begins to tell what happens.
    ///
    /// # Errors
    /// The daemon refuses it.
    pub async fn start(channel: Channel, happenings: mpsc::Sender<Happening>) -> anyhow::Result<Self> {
        let mut events = EventServiceClient::new(channel.clone());
        let subscription =
            api::Subscription { subscription_id: SUBSCRIPTION.to_owned(), ..Default::default() };
        let request = api::CreateSubscriptionRequest { subscription: Some(subscription) };
        events.create_subscription(request).await.context("the demo's subscription was refused")?;
        let (acks, outgoing) = mpsc::channel(ACKS);
        let open = api::OpenStream {
            subscription_id: SUBSCRIPTION.to_owned(),
            consumer_id: format!("demo-{}", std::process::id()),
            initial_credit: CREDIT,
            ack_deadline: None,
        };
        acks.try_send(told(Told::Open(open))).context("an empty channel has room")?;
        let (batches, work) = mpsc::channel(BATCHES);
        let (words, said) = mpsc::channel(WORDS);
        let mut tasks = JoinSet::new();
        tasks.spawn(follow_events(events, outgoing, happenings.clone()));
        tasks.spawn(look_at_trunks(TrunkServiceClient::new(channel.clone()), happenings.clone()));
        tasks.spawn(speak(CallServiceClient::new(channel.clone()), said, happenings.clone()));
        tasks.spawn(submit(SmsServiceClient::new(channel.clone()), work, happenings));
        Ok(Self { channel, acks, batches: Some(batches), words, tasks })
    }

    /// Room for one more batch. `None`: submits are behind, or have ended.
    pub fn room(&self) -> Option<mpsc::Permit<'_, Vec<api::SubmitMessageRequest>>> {
        self.batches.as_ref()?.try_reserve().ok()
    }

    /// Submits nothing more than what was handed over.
    pub fn stop_submitting(&mut self) {
        self.batches = None;
    }

    /// Says something about a call. `false`: words are behind, or have ended.
    pub fn say(&self, word: Word) -> bool {
        self.words.try_send(word).is_ok()
    }

    /// Confirms events: they don't come again.
    pub fn acknowledge(&self, ids: Vec<String>) {
        let ack = api::AckBatch { ack_event_ids: ids, ..Default::default() };
        // A full channel leaves them unconfirmed: they come again, and the ledger knows them.
        let _ = self.acks.try_send(told(Told::Ack(ack)));
    }

    /// What the daemon knows of a message. `None`: nothing.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn look_up(channel: &Channel, key: &Key) -> Result<Option<api::Message>, Status> {
        let request_key =
            api::RequestKey { tenant_id: key.tenant_id.clone(), request_id: key.request_id.clone() };
        let key = Some(api::get_message_request::Key::RequestKey(request_key));
        let request = api::GetMessageRequest { key };
        match SmsServiceClient::new(channel.clone()).get_message(request).await {
            Ok(response) => Ok(response.into_inner().message),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// What the daemon knows of a call.
    ///
    /// # Errors
    /// It does not answer, or knows nothing.
    pub async fn look_up_call(channel: &Channel, call_id: String) -> Result<Option<api::Call>, Status> {
        let request = api::GetCallRequest { call_id, ..Default::default() };
        Ok(CallServiceClient::new(channel.clone()).get_call(request).await?.into_inner().call)
    }

    /// The connection, for look-ups.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends the tasks and the streams.
    pub async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

fn told(frame: Told) -> api::StreamEventsRequest {
    api::StreamEventsRequest { frame: Some(frame) }
}

async fn follow_events(
    mut client: EventServiceClient<Channel>,
    outgoing: mpsc::Receiver<api::StreamEventsRequest>,
    happenings: mpsc::Sender<Happening>,
) {
    let followed = async {
        let mut stream = client.stream_events(ReceiverStream::new(outgoing)).await?.into_inner();
        while let Some(frame) = stream.message().await? {
            if let Some(Given::Batch(batch)) = frame.frame
                && happenings.send(Happening::Events(batch.events)).await.is_err()
            {
                break;
            }
        }
        Ok::<(), Status>(())
    };
    let why = match followed.await {
        Ok(()) => "the event stream was closed".to_owned(),
        Err(status) => format!("the event stream failed: {}", status.message()),
    };
    // A failed send means that nobody wants to know any more.
    let _ = happenings.send(Happening::Failed(why)).await;
}

async fn look_at_trunks(mut client: TrunkServiceClient<Channel>, happenings: mpsc::Sender<Happening>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let told = match client.list_trunks(api::ListTrunksRequest::default()).await {
            Ok(response) => Happening::Trunks(response.into_inner().trunks),
            Err(status) => Happening::Failed(format!("the trunks can't be listed: {}", status.message())),
        };
        if happenings.send(told).await.is_err() {
            return;
        }
    }
}

/// Says word after word about calls. One that comes too late for its call is no failure.
async fn speak(
    mut client: CallServiceClient<Channel>,
    mut words: mpsc::Receiver<Word>,
    happenings: mpsc::Sender<Happening>,
) {
    while let Some(word) = words.recv().await {
        let said = match word {
            Word::Place(request) => {
                let (request_id, answer) = place(&mut client, *request).await;
                if happenings.send(Happening::Called(request_id, answer)).await.is_err() {
                    return;
                }
                continue;
            }
            Word::Ring(call_id) => {
                let request = api::RingCallRequest { call_id, ..Default::default() };
                client.ring_call(request).await.err()
            }
            Word::Answer(request) => client.answer_call(request).await.err(),
            Word::AnswerSdp(request) => client.answer_sdp(request).await.err(),
            Word::HangUp(call_id) => {
                let request = api::HangupCallRequest { call_id, ..Default::default() };
                client.hangup_call(request).await.err()
            }
        };
        if let Some(status) = said {
            tracing::debug!(code = ?status.code(), message = status.message(), "a word about a call was overtaken");
        }
    }
}

/// Places a call; one without an answer is placed again under its key, which does it once.
async fn place(
    client: &mut CallServiceClient<Channel>,
    request: api::CreateCallRequest,
) -> (String, Result<String, String>) {
    loop {
        match client.create_call(request.clone()).await {
            Ok(response) => return (request.request_id, Ok(response.into_inner().call_id)),
            Err(status) if is_unanswered_code(status.code()) => sleep(REST).await,
            Err(status) => return (request.request_id, Err(status.message().to_owned())),
        }
    }
}

/// Submits batch after batch. A call without an answer is made again: the keys make sure that nothing is sent twice.
async fn submit(
    mut client: SmsServiceClient<Channel>,
    mut batches: mpsc::Receiver<Vec<api::SubmitMessageRequest>>,
    happenings: mpsc::Sender<Happening>,
) {
    while let Some(mut requests) = batches.recv().await {
        while !requests.is_empty() {
            let batch = api::BatchSubmitMessagesRequest { requests: requests.clone() };
            let results = match client.batch_submit_messages(batch).await {
                Ok(response) => response.into_inner().results,
                Err(status) => {
                    tracing::warn!(code = ?status.code(), message = status.message(), "a batch was not answered; it is submitted again");
                    sleep(REST).await;
                    continue;
                }
            };
            let (again, answered): (Vec<_>, Vec<_>) =
                results.into_iter().zip(requests).partition(|(result, _)| is_unanswered(result));
            let answered = answered.into_iter().map(answer).collect();
            if happenings.send(Happening::Answered(answered)).await.is_err() {
                return;
            }
            requests = again.into_iter().map(|(_, request)| request).collect();
            if !requests.is_empty() {
                sleep(REST).await;
            }
        }
    }
}

/// Whether it may have been accepted all the same, or will be a little later.
fn is_unanswered(result: &api::SubmitResult) -> bool {
    match &result.outcome {
        Some(api::submit_result::Outcome::Error(error)) => is_unanswered_code(Code::from_i32(error.code)),
        _ => false,
    }
}

fn is_unanswered_code(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Aborted)
}

fn answer(
    (result, request): (api::SubmitResult, api::SubmitMessageRequest),
) -> (Key, Result<api::SubmitMessageResponse, String>) {
    let tenant_id = request.message.map(|message| message.tenant_id).unwrap_or_default();
    let key = Key { tenant_id, request_id: request.request_id };
    let outcome = match result.outcome {
        Some(api::submit_result::Outcome::Response(response)) => Ok(response),
        Some(api::submit_result::Outcome::Error(error)) => Err(error.message),
        None => Err("no outcome was told".to_owned()),
    };
    (key, outcome)
}
