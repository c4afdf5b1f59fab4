//! A gateway service of the platform that calls and is called: what it may ask of `CallService`, and every event of every
//! call, acked as it comes. Clones share the connection and the events, so many calls can be followed at once.
//!
//! Every wait is for something that the daemon tells, with a deadline; what came instead is in the error.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use crate::{
    api::{
        self, CallRecord, CallState, CallStateEvent, call_service_client::CallServiceClient, event::Payload,
        event_service_client::EventServiceClient, stream_events_request::Frame as Given,
        stream_events_response::Frame as Said,
    },
    rig::Gateway,
};

/// How long anything may take that the network makes nobody wait for; a busy machine needs a part of it.
const WITHIN: Duration = Duration::from_secs(60);
/// Events held at once.
const CREDIT: u32 = 10_000;
/// Frames that may wait for the connection.
const FRAMES: usize = 64;
/// Calls in one answer.
const PAGE: i32 = 1000;
/// Whose calls they are.
const TENANT: &str = "peers";
/// The consumer group that follows.
const GROUP: &str = "calls";

/// A description as a media server writes it: one stream of A-law, and keys.
pub const SDP: &str = "v=0\r\no=- 4711 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

/// A call to a number over one trunk, with [`SDP`] as its offer.
#[must_use]
pub fn call_to(callee: &str, caller: &str, trunk_id: &str) -> api::CallRequest {
    api::CallRequest {
        tenant_id: TENANT.to_owned(),
        caller: caller.to_owned(),
        callee: callee.to_owned(),
        trunk_ids: vec![trunk_id.to_owned()],
        media: Some(api::call_request::Media::SdpOffer(SDP.to_owned())),
        ..Default::default()
    }
}

/// The platform's side of the daemon's calls.
#[derive(Debug, Clone)]
pub struct Calls {
    service: CallServiceClient<Channel>,
    followed: Arc<Followed>,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its events in order, the final one last. The first event of an incoming call, which tells who calls, is not among
    /// them.
    pub events: Vec<CallStateEvent>,
    /// Its record.
    pub record: CallRecord,
}

impl Ended {
    /// The states that were told, in order.
    #[must_use]
    pub fn states(&self) -> Vec<CallState> {
        let moved = self.events.iter().filter(|event| event.state != event.previous_state);
        moved.map(CallStateEvent::state).collect()
    }
}

impl Calls {
    /// Connects, and follows every event from the first one on.
    ///
    /// # Errors
    /// When nobody listens there, or the daemon refuses it.
    pub async fn follow(gateway: Gateway) -> Result<Self> {
        let channel = gateway.connect().await?;
        let mut client = EventServiceClient::new(channel.clone());
        let subscription = api::Subscription { subscription_id: GROUP.to_owned(), ..Default::default() };
        let create = api::CreateSubscriptionRequest { subscription: Some(subscription) };
        client.create_subscription(create).await?;
        let beginning = prost_types::Timestamp { seconds: 0, nanos: 0 };
        let seek = api::SeekSubscriptionRequest { subscription_id: GROUP.to_owned(), time: Some(beginning) };
        client.seek_subscription(seek).await?;
        let (given, stream) = mpsc::channel(FRAMES);
        let open = api::OpenStream {
            subscription_id: GROUP.to_owned(),
            consumer_id: GROUP.to_owned(),
            initial_credit: CREDIT,
            ack_deadline: None,
        };
        given.send(api::StreamEventsRequest { frame: Some(Given::Open(open)) }).await?;
        let said = client.stream_events(ReceiverStream::new(stream)).await?.into_inner();
        let log = Arc::new(Log::default());
        let task = tokio::spawn(read(said, given, log.clone()));
        let followed = Arc::new(Followed { log, task, requests: AtomicU64::new(0) });
        Ok(Self { service: CallServiceClient::new(channel), followed })
    }

    /// Places a call under a request id of its own, and gives its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn create(&self, call: api::CallRequest) -> Result<String> {
        let number = self.followed.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("call-{number}");
        let request = api::CreateCallRequest { request_id: request_id.clone(), call: Some(call) };
        let answer = self.service().create_call(request).await;
        Ok(answer.with_context(|| format!("{request_id} was refused"))?.into_inner().call_id)
    }

    /// Hangs a call up.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn hang_up(&self, call_id: &str) -> Result<()> {
        let request = api::HangupCallRequest { call_id: call_id.to_owned(), reason: String::new() };
        self.service().hangup_call(request).await.with_context(|| format!("hanging {call_id} up"))?;
        Ok(())
    }

    /// Tells an incoming call's carrier that it rings; with a description, the caller hears something.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ring(&self, call_id: &str, sdp: Option<&str>) -> Result<()> {
        let sdp = sdp.unwrap_or_default().to_owned();
        let request = api::RingCallRequest { call_id: call_id.to_owned(), sdp };
        self.service().ring_call(request).await.with_context(|| format!("ringing for {call_id}"))?;
        Ok(())
    }

    /// Answers an incoming call.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn answer(&self, call_id: &str, sdp: &str) -> Result<()> {
        let request = api::AnswerCallRequest { call_id: call_id.to_owned(), sdp_answer: sdp.to_owned() };
        self.service().answer_call(request).await.with_context(|| format!("answering {call_id}"))?;
        Ok(())
    }

    /// Refuses an incoming call with a status.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn reject(&self, call_id: &str, sip_status: u32) -> Result<()> {
        let request = api::RejectCallRequest { call_id: call_id.to_owned(), sip_status };
        self.service().reject_call(request).await.with_context(|| format!("rejecting {call_id}"))?;
        Ok(())
    }

    /// Presses keys.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn press(&self, call_id: &str, digits: &str) -> Result<()> {
        let request = api::SendDtmfRequest { call_id: call_id.to_owned(), digits: digits.to_owned() };
        self.service().send_dtmf(request).await.with_context(|| format!("keys for {call_id}"))?;
        Ok(())
    }

    /// Offers the peer of an answered call another session.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn offer(&self, call_id: &str, sdp: &str) -> Result<()> {
        let request = api::OfferSdpRequest { call_id: call_id.to_owned(), sdp_offer: sdp.to_owned() };
        self.service().offer_sdp(request).await.with_context(|| format!("an offer for {call_id}"))?;
        Ok(())
    }

    /// Answers the peer's offer in an answered call.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn accept_offer(&self, call_id: &str, sdp: &str) -> Result<()> {
        let request = api::AnswerSdpRequest { call_id: call_id.to_owned(), sdp_answer: sdp.to_owned() };
        self.service().answer_sdp(request).await.with_context(|| format!("an answer for {call_id}"))?;
        Ok(())
    }

    /// Refuses the peer's offer in an answered call.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn refuse_offer(&self, call_id: &str, sip_status: u32) -> Result<()> {
        let request = api::RefuseSdpRequest { call_id: call_id.to_owned(), sip_status };
        self.service().refuse_sdp(request).await.with_context(|| format!("a refusal for {call_id}"))?;
        Ok(())
    }

    /// A call as it is now, with its messages.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, call_id: &str) -> Result<(api::Call, Vec<api::CallMessage>)> {
        let request =
            api::GetCallRequest { call_id: call_id.to_owned(), include_messages: true, ..Default::default() };
        let answer = self.service().get_call(request).await.with_context(|| call_id.to_owned())?;
        let answer = answer.into_inner();
        Ok((answer.call.with_context(|| format!("an answer without call {call_id}"))?, answer.messages))
    }

    /// All calls that have not ended.
    ///
    /// # Errors
    /// When the daemon does not say.
    pub async fn active(&self) -> Result<Vec<api::Call>> {
        let mut active = Vec::new();
        let mut request = api::ListActiveCallsRequest { page_size: PAGE, ..Default::default() };
        loop {
            let page =
                self.service().list_active_calls(request.clone()).await.context("calls that are open")?;
            let page = page.into_inner();
            active.extend(page.calls);
            if page.next_page_token.is_empty() {
                return Ok(active);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The records of all calls that have ended.
    #[must_use]
    pub fn records(&self) -> Vec<CallRecord> {
        let kept = self.followed.log.kept();
        kept.events.values().flatten().filter_map(record).cloned().collect()
    }

    /// Waits for an incoming call that is as wanted. Each is given once.
    ///
    /// # Errors
    /// When there is none in a minute.
    pub async fn incoming(&self, wanted: impl Fn(&api::InboundCall) -> bool) -> Result<api::InboundCall> {
        let take = |log: &mut Kept| {
            let found = log.incoming.iter().position(&wanted)?;
            Some(log.incoming.remove(found))
        };
        self.followed.log.wait("an incoming call as wanted", WITHIN, take).await
    }

    /// Waits for an event of a call that tells what is wanted, which may have come already.
    ///
    /// # Errors
    /// When there is none in a minute; the error tells what came.
    pub async fn event<T>(
        &self,
        call_id: &str,
        what: &str,
        wanted: impl Fn(&CallStateEvent) -> Option<T>,
    ) -> Result<T> {
        let find = |log: &mut Kept| log.of(call_id).filter_map(moved).find_map(&wanted);
        self.wait(call_id, what, WITHIN, find).await
    }

    /// Waits until a call is, or was, in a state.
    ///
    /// # Errors
    /// As [`Calls::event`].
    pub async fn state(&self, call_id: &str, state: CallState) -> Result<CallStateEvent> {
        self.event(call_id, state.as_str_name(), |event| (event.state() == state).then(|| event.clone()))
            .await
    }

    /// Waits for the end of a call and its record.
    ///
    /// # Errors
    /// As [`Calls::event`].
    pub async fn ended(&self, call_id: &str) -> Result<Ended> {
        self.ended_within(call_id, WITHIN).await
    }

    /// The same for a call that may go on for some time.
    ///
    /// # Errors
    /// As [`Calls::event`].
    pub async fn ended_within(&self, call_id: &str, within: Duration) -> Result<Ended> {
        let find = |log: &mut Kept| {
            let record = log.of(call_id).find_map(record)?.clone();
            let events: Vec<_> = log.of(call_id).filter_map(moved).cloned().collect();
            events.last().is_some_and(|last| last.r#final).then_some(Ended { events, record })
        };
        self.wait(call_id, "its end and its record", within, find).await
    }

    /// Every event of a call that has come so far.
    #[must_use]
    pub fn events_of(&self, call_id: &str) -> Vec<api::Event> {
        self.followed.log.kept().of(call_id).cloned().collect()
    }

    /// Holds everything that came so far against what is promised of every call: events numbered without gaps, one final
    /// event and one record that agree, and nothing after them. Gives the number of calls that have ended, and of those that
    /// have not.
    ///
    /// # Errors
    /// The first call that breaks it.
    pub fn audit(&self) -> Result<(usize, usize)> {
        let kept = self.followed.log.kept();
        let (mut ended, mut open) = (0, 0);
        for (call_id, events) in &kept.events {
            let is_over = audit(events).with_context(|| format!("call {call_id}: {events:#?}"))?;
            if is_over { ended += 1 } else { open += 1 }
        }
        Ok((ended, open))
    }

    /// A handle of its own for one request: such clients are cheap.
    fn service(&self) -> CallServiceClient<Channel> {
        self.service.clone()
    }

    async fn wait<T>(
        &self,
        call_id: &str,
        what: &str,
        within: Duration,
        find: impl FnMut(&mut Kept) -> Option<T>,
    ) -> Result<T> {
        let found = self.followed.log.wait(what, within, find).await;
        found.with_context(|| format!("call {call_id}; these came: {:#?}", self.events_of(call_id)))
    }
}

/// Reading ends with the last clone of [`Calls`].
#[derive(Debug)]
struct Followed {
    log: Arc<Log>,
    task: JoinHandle<()>,
    requests: AtomicU64,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What came so far.
#[derive(Debug, Default)]
struct Log {
    kept: Mutex<Kept>,
    grew: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Of each call, in order.
    events: HashMap<String, Vec<api::Event>>,
    /// Incoming calls that nobody has taken yet.
    incoming: Vec<api::InboundCall>,
    /// Why nothing comes any more.
    broken: Option<String>,
}

impl Kept {
    fn of(&self, call_id: &str) -> impl Iterator<Item = &api::Event> {
        self.events.get(call_id).into_iter().flatten()
    }
}

impl Log {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        mut find: impl FnMut(&mut Kept) -> Option<T>,
    ) -> Result<T> {
        let mut grew = self.grew.subscribe();
        let found = timeout(within, async {
            loop {
                {
                    let mut kept = self.kept();
                    if let Some(found) = find(&mut kept) {
                        return Ok(found);
                    }
                    if let Some(broken) = &kept.broken {
                        bail!("the event stream ended: {broken}");
                    }
                }
                grew.changed().await.context("the log is gone")?;
            }
        });
        found.await.with_context(|| format!("{what} did not come in {within:?}"))?
    }

    fn add(&self, events: Vec<api::Event>) {
        let mut kept = self.kept();
        for event in events {
            let call_id = match &event.payload {
                Some(Payload::CallState(moved)) => &moved.call_id,
                Some(Payload::CallRecord(record)) => &record.call_id,
                Some(Payload::InboundCall(inbound)) => {
                    kept.incoming.push(inbound.clone());
                    &inbound.call_id
                }
                _ => continue,
            };
            kept.events.entry(call_id.clone()).or_default().push(event);
        }
        drop(kept);
        self.grew.send_replace(());
    }
}

async fn read(
    mut said: Streaming<api::StreamEventsResponse>,
    given: mpsc::Sender<api::StreamEventsRequest>,
    log: Arc<Log>,
) {
    let broken = loop {
        let batch = match said.message().await {
            Ok(Some(api::StreamEventsResponse { frame: Some(Said::Batch(batch)) })) => batch,
            Ok(Some(_)) => continue,
            Ok(None) => break "the daemon closed it".to_owned(),
            Err(status) => break status.to_string(),
        };
        let ids = batch.events.iter().map(|event| event.event_id.clone()).collect();
        log.add(batch.events);
        let acks = api::AckBatch { ack_event_ids: ids, ..Default::default() };
        if given.send(api::StreamEventsRequest { frame: Some(Given::Ack(acks)) }).await.is_err() {
            break "the daemon takes no acks".to_owned();
        }
    };
    log.kept().broken = Some(broken);
    log.grew.send_replace(());
}

fn moved(event: &api::Event) -> Option<&CallStateEvent> {
    match &event.payload {
        Some(Payload::CallState(moved)) => Some(moved),
        _ => None,
    }
}

fn record(event: &api::Event) -> Option<&CallRecord> {
    match &event.payload {
        Some(Payload::CallRecord(record)) => Some(record),
        _ => None,
    }
}

/// Says whether the call whose events these are has ended.
fn audit(events: &[api::Event]) -> Result<bool> {
    let mut last = 0;
    let mut ends = Vec::new();
    for event in events {
        let sequence = match &event.payload {
            Some(Payload::CallState(moved)) => moved.call_sequence,
            Some(Payload::InboundCall(inbound)) => inbound.call_sequence,
            _ => continue,
        };
        ensure!(sequence == last + 1, "event {sequence} came after event {last}");
        ensure!(ends.is_empty(), "event {sequence} came after the final one");
        last = sequence;
        ends.extend(moved(event).filter(|moved| moved.r#final));
    }
    let records: Vec<_> = events.iter().filter_map(record).collect();
    match (ends.as_slice(), records.as_slice()) {
        ([], []) => Ok(false),
        ([end], [record]) => {
            ensure!(end.state == record.final_state && end.cause == record.cause, "event and record differ");
            ensure!(record.last_sequence == last, "the record knows of {} events", record.last_sequence);
            Ok(true)
        }
        _ => bail!("{} final events, {} records", ends.len(), records.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sequence: u32, r#final: bool) -> api::Event {
        let moved = CallStateEvent { call_sequence: sequence, r#final, ..Default::default() };
        api::Event { payload: Some(Payload::CallState(moved)), ..Default::default() }
    }

    fn recorded(sequence: u32) -> api::Event {
        let record = CallRecord { last_sequence: sequence, ..Default::default() };
        api::Event { payload: Some(Payload::CallRecord(record)), ..Default::default() }
    }

    #[test]
    fn an_audit_finds_gaps_doubles_and_what_comes_after_the_end() {
        assert!(audit(&[state(1, false), state(2, true), recorded(2)]).unwrap());
        assert!(!audit(&[state(1, false)]).unwrap());
        for bad in [
            vec![state(2, false)],
            vec![state(1, false), state(1, false)],
            vec![state(1, true)],
            vec![recorded(0)],
            vec![state(1, true), recorded(1), recorded(1)],
            vec![state(1, true), recorded(1), state(2, false)],
            vec![state(1, true), state(2, true), recorded(2)],
            vec![state(1, true), recorded(7)],
        ] {
            assert!(audit(&bad).is_err(), "{bad:#?}");
        }
    }
}
