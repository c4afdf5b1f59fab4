//! `events`: a consumer of `EventService`.

use std::{io::Write, time::Duration};

use carrierd::grpc::api::{self, event::Payload, event_service_client::EventServiceClient};
use clap::{Args, ValueEnum};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use crate::{Form, failure::Failure, json, show};

/// Events that may be on their way to us.
const CREDIT: u32 = 256;
/// How long the last confirmation is waited for.
const LAST_ACK: Duration = Duration::from_secs(2);

/// The kinds that can be asked for.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A message moved.
    Message,
    /// An incoming message.
    Inbound,
    /// A trunk came up or went down.
    Trunk,
    /// A report that matches no message.
    Orphan,
    /// A call moved, or something happened in it.
    Call,
    /// What is kept of a call that ended.
    CallRecord,
    /// Somebody calls.
    InboundCall,
}

/// Arguments of `events`.
#[derive(Args)]
pub struct Events {
    /// Keep showing new events, until Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Read as this consumer group: each event is shown once, also over several calls. By default all are shown, and
    /// nothing is remembered.
    #[arg(long)]
    subscription: Option<String>,
    /// Begin at the first event of the log. Without --follow and --subscription that is the default.
    #[arg(long)]
    from_start: bool,
    /// Only this kind; may be repeated. Holds for a subscription when it is created.
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
}

impl Events {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = EventServiceClient::new(channel);
        let name = match &self.subscription {
            Some(name) => name.clone(),
            None => format!("carrierctl-{}", uuid::Uuid::now_v7()),
        };
        self.prepare(&mut client, &name).await?;
        let shown = tokio::select! {
            shown = async {
                if self.follow { follow(&mut client, &name, form).await } else { drain(&mut client, &name, form).await }
            } => shown,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        if self.subscription.is_none() {
            let request = api::DeleteSubscriptionRequest { subscription_id: name };
            client.delete_subscription(request).await?;
        }
        shown
    }

    /// Creates the subscription if it is not there, and moves it to the start if that is wanted.
    async fn prepare(&self, client: &mut EventServiceClient<Channel>, name: &str) -> Result<(), Failure> {
        let known = match &self.subscription {
            Some(_) => client
                .get_subscription(api::GetSubscriptionRequest { subscription_id: name.to_owned() })
                .await
                .is_ok(),
            None => false,
        };
        if !known {
            let kind = |kind: &Kind| match kind {
                Kind::Message => api::EventKind::MessageState.into(),
                Kind::Inbound => api::EventKind::InboundMessage.into(),
                Kind::Trunk => api::EventKind::TrunkState.into(),
                Kind::Orphan => api::EventKind::OrphanReport.into(),
                Kind::Call => api::EventKind::CallState.into(),
                Kind::CallRecord => api::EventKind::CallRecord.into(),
                Kind::InboundCall => api::EventKind::InboundCall.into(),
            };
            let subscription = api::Subscription {
                subscription_id: name.to_owned(),
                kinds: self.kind.iter().map(kind).collect(),
                ..Default::default()
            };
            let request = api::CreateSubscriptionRequest { subscription: Some(subscription) };
            client.create_subscription(request).await?;
        }
        if self.from_start || (self.subscription.is_none() && !self.follow) {
            let request = api::SeekSubscriptionRequest {
                subscription_id: name.to_owned(),
                time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            };
            client.seek_subscription(request).await?;
        }
        Ok(())
    }
}

/// Shows what there is and ends.
async fn drain(client: &mut EventServiceClient<Channel>, name: &str, form: Form) -> Result<(), Failure> {
    loop {
        let request =
            api::PullEventsRequest { subscription_id: name.to_owned(), max_events: CREDIT, wait: None };
        let events = client.pull_events(request).await?.into_inner().events;
        if events.is_empty() {
            return Ok(());
        }
        print(&events, form)?;
        let request = api::AckEventsRequest { subscription_id: name.to_owned(), batch: Some(acks(&events)) };
        client.ack_events(request).await?;
    }
}

/// Shows events as they come, until the daemon closes the stream.
async fn follow(client: &mut EventServiceClient<Channel>, name: &str, form: Form) -> Result<(), Failure> {
    use api::{stream_events_request::Frame as Told, stream_events_response::Frame as Given};
    let (frames, outgoing) = mpsc::channel(16);
    let open = api::OpenStream {
        subscription_id: name.to_owned(),
        consumer_id: format!("carrierctl-{}", std::process::id()),
        initial_credit: CREDIT,
        ack_deadline: None,
    };
    let told = |frame| api::StreamEventsRequest { frame: Some(frame) };
    // The channel is empty and has room.
    let _ = frames.send(told(Told::Open(open))).await;
    let mut stream = client.stream_events(ReceiverStream::new(outgoing)).await?.into_inner();
    while let Some(frame) = stream.message().await? {
        match frame.frame {
            Some(Given::Batch(batch)) => {
                print(&batch.events, form)?;
                let _ = frames.send(told(Told::Ack(acks(&batch.events)))).await;
            }
            Some(Given::Closing(closing)) => {
                let _ = tokio::time::timeout(LAST_ACK, last_confirmation(&mut stream)).await;
                return Err(Failure::Other(format!("the stream was closed: {}", closing.reason)));
            }
            Some(Given::AckConfirmation(_)) | None => {}
        }
    }
    Err(Failure::Other("the daemon has ended: start it and follow again".into()))
}

async fn last_confirmation(stream: &mut Streaming<api::StreamEventsResponse>) {
    let confirmed = |frame: &api::StreamEventsResponse| {
        matches!(frame.frame, Some(api::stream_events_response::Frame::AckConfirmation(_)))
    };
    while let Ok(Some(frame)) = stream.message().await {
        if confirmed(&frame) {
            return;
        }
    }
}

fn acks(events: &[api::Event]) -> api::AckBatch {
    api::AckBatch {
        ack_event_ids: events.iter().map(|event| event.event_id.clone()).collect(),
        ..Default::default()
    }
}

fn print(events: &[api::Event], form: Form) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let printed = events
        .iter()
        .try_for_each(|event| match form {
            Form::Json => writeln!(out, "{}", json::event(event)),
            Form::Plain => writeln!(out, "{}", line(event)),
        })
        .and_then(|()| out.flush());
    // A reader that has seen enough, such as `head`, is no failure of ours; but nothing more is confirmed.
    printed.map_err(|error| Failure::Other(format!("the output can't be written: {error}")))
}

/// One event on one line.
fn line(event: &api::Event) -> String {
    let time = show::time(event.occur_time.as_ref());
    let what = match &event.payload {
        Some(Payload::MessageState(moved)) => message(moved),
        Some(Payload::InboundMessage(inbound)) => format!(
            "inbound  {} {} → {}  {}",
            inbound.trunk_id,
            show::line(&inbound.from),
            show::line(&inbound.to),
            show::line(&inbound.text),
        ),
        Some(Payload::TrunkState(moved)) => format!(
            "trunk    {} {} ({}/{} links) {}",
            moved.trunk_id,
            show::trunk_state(moved.state()),
            moved.bound_link_count,
            moved.wanted_link_count,
            show::line(&show::status(moved.status.as_ref())),
        ),
        Some(Payload::OrphanReport(orphan)) => format!(
            "orphan   {} id {} for {}  {}",
            orphan.trunk_id,
            show::line(&orphan.carrier_message_id),
            show::line(&orphan.recipient),
            show::line(&show::status(orphan.status.as_ref())),
        ),
        Some(Payload::CallState(moved)) => call(moved),
        Some(Payload::CallRecord(record)) => format!(
            "record   {} {:<11} {}  {}  talked {}",
            record.call_id,
            show::call_state(record.final_state()),
            record.trunk_id,
            show::bare(record.cause().as_str_name(), "CALL_CAUSE_"),
            show::span(record.talk_duration.as_ref()),
        ),
        Some(Payload::InboundCall(call)) => format!(
            "incoming {} {}  {} → {}",
            call.call_id,
            call.trunk_id,
            show::line(&call.caller),
            show::line(&call.callee),
        ),
        Some(_) | None => show::bare(event.kind().as_str_name(), "EVENT_KIND_"),
    };
    let shown = format!("{time}  {:>8}  {what}", event.sequence);
    shown.trim_end().to_owned()
}

fn message(moved: &api::MessageStateEvent) -> String {
    let trunk = moved.segment.as_ref().map_or("", |segment| segment.trunk_id.as_str());
    let duplicate = if moved.possible_duplicate { "  possible duplicate" } else { "" };
    let parts = match moved.segment_count {
        0 | 1 => String::new(),
        count => format!("  {}/{count} segments", moved.delivered_segment_count),
    };
    format!(
        "message  {} {:<11} {trunk}  {}{parts}{duplicate}",
        moved.message_id,
        show::message_state(moved.state()),
        show::line(&show::status(moved.status.as_ref())),
    )
}

fn call(moved: &api::CallStateEvent) -> String {
    let mut words = vec![format!(
        "call     {} {:<11} {}",
        moved.call_id,
        show::call_state(moved.state()),
        moved.trunk_id
    )];
    if moved.sdp_kind() != api::SdpKind::Unspecified {
        words.push(format!("SDP {}", show::bare(moved.sdp_kind().as_str_name(), "SDP_KIND_")));
    }
    if !moved.dtmf_digits.is_empty() {
        words.push(format!("keys {}", show::line(&moved.dtmf_digits)));
    }
    if moved.r#final {
        words.push(show::bare(moved.cause().as_str_name(), "CALL_CAUSE_"));
        words.push(show::line(&show::status(moved.status.as_ref())));
    }
    words.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let moved = api::MessageStateEvent {
            message_id: "m".into(),
            state: api::MessageState::Delivered.into(),
            segment_count: 2,
            delivered_segment_count: 2,
            segment: Some(api::SegmentStatus { trunk_id: "cmcc-1".into(), ..Default::default() }),
            ..Default::default()
        };
        let event = api::Event {
            sequence: 7,
            occur_time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            payload: Some(Payload::MessageState(moved)),
            ..Default::default()
        };
        assert_eq!(
            line(&event),
            "1970-01-01T00:00:00.000Z         7  message  m delivered   cmcc-1    2/2 segments"
        );
    }
}
