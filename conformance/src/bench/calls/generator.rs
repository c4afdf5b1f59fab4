//! The platform of a load: asks for calls at a rate, hangs up what is answered, answers what comes in, acks every event.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tonic::{Status, transport::Channel};

use super::ledger::{Due, Ledger, Run, request_id};
use crate::{
    api::{self, call_service_client::CallServiceClient},
    bench::events::{self, Events},
    rig::Gateway,
};

/// How long nothing at all may happen before the rest counts as failed: longer than any timer of the call.
const STALL: Duration = Duration::from_secs(40);
/// How often it looks whether it owes calls.
const TICK: Duration = Duration::from_millis(2);
/// Requests that may be on their way.
const ON_THEIR_WAY: usize = 4096;
/// Whose calls they are.
const TENANT: &str = "bench";
/// Who calls.
pub const CALLER: &str = "+861088880000";
/// Who is called.
pub const CALLEE: &str = "+8613800138000";
/// What both ends of a call say they can hear.
const SDP: &str = "v=0\r\no=platform 20518 0 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                   m=audio 54400 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
                   a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// A platform that follows the daemon's events.
pub struct Generator {
    channel: Channel,
    events: Events,
}

/// What came of a request.
enum Said {
    Created(usize, Result<(), Status>),
    Spoken(Result<(), Status>),
}

impl Generator {
    /// Connects and subscribes.
    pub async fn open(gateway: Gateway) -> Result<Self> {
        let kinds = [api::EventKind::CallState, api::EventKind::CallRecord, api::EventKind::InboundCall];
        let events = events::subscribe(gateway.connect().await?, &[], &kinds).await?;
        Ok(Self { channel: gateway.connect().await?, events })
    }

    /// Runs until `calls` are over: asked for at `rate` a second, or, without a rate, placed by somebody else.
    pub async fn run(self, calls: usize, rate: Option<u32>) -> Result<Run> {
        let Self { channel, events: (acks, mut events) } = self;
        let client = CallServiceClient::new(channel);
        let mut ledger = Ledger::new(calls)?;
        let (mut requests, mut owed) = (JoinSet::new(), Vec::new());
        let mut ticks = tokio::time::interval(TICK);
        let (began, mut last) = (Instant::now(), Instant::now());
        while !ledger.is_complete() && last.elapsed() < STALL {
            let due = rate.map_or(0, |rate| due(began.elapsed(), rate).min(calls));
            while ledger.asked() < due && requests.len() < ON_THEIR_WAY {
                requests.spawn(create(client.clone(), ledger.ask()));
            }
            events::send_acks(&acks, &mut owed);
            tokio::select! {
                told = events.message() => {
                    let frame = told.context("the event stream")?.context("the event stream ended")?;
                    for due in ledger.take(frame, &mut owed)? {
                        match due {
                            Due::Hangup(call_id) => _ = requests.spawn(hang_up(client.clone(), call_id)),
                            Due::Answer(call_id) => _ = requests.spawn(answer(client.clone(), call_id)),
                        }
                    }
                    last = Instant::now();
                }
                Some(said) = requests.join_next() => match said.context("a request's task")? {
                    Said::Created(number, outcome) => ledger.answered(number, outcome),
                    Said::Spoken(outcome) => if let Err(status) = outcome {
                        ledger.contradicted(&status);
                    }
                },
                _ = ticks.tick() => {}
            }
        }
        events::send_acks(&acks, &mut owed);
        Ok(ledger.close())
    }
}

/// Calls that are due after this time.
fn due(elapsed: Duration, rate: u32) -> usize {
    usize::try_from(u128::from(rate) * elapsed.as_micros() / 1_000_000).unwrap_or(usize::MAX)
}

async fn create(mut client: CallServiceClient<Channel>, number: usize) -> Said {
    let call = api::CallRequest {
        tenant_id: TENANT.to_owned(),
        caller: CALLER.to_owned(),
        callee: CALLEE.to_owned(),
        category: api::MessageCategory::Notification.into(),
        media: Some(api::call_request::Media::SdpOffer(SDP.to_owned())),
        ..Default::default()
    };
    let request = api::CreateCallRequest { request_id: request_id(number), call: Some(call) };
    Said::Created(number, client.create_call(request).await.map(drop))
}

async fn hang_up(mut client: CallServiceClient<Channel>, call_id: String) -> Said {
    let request = api::HangupCallRequest { call_id, reason: String::new() };
    Said::Spoken(client.hangup_call(request).await.map(drop))
}

async fn answer(mut client: CallServiceClient<Channel>, call_id: String) -> Said {
    let ring = api::RingCallRequest { call_id: call_id.clone(), sdp: String::new() };
    if let Err(status) = client.ring_call(ring).await {
        return Said::Spoken(Err(status));
    }
    let answer = api::AnswerCallRequest { call_id, sdp_answer: SDP.to_owned() };
    Said::Spoken(client.answer_call(answer).await.map(drop))
}
