//! A gateway service of the platform, as a test plays it: it submits, follows the events and acks them, and looks at
//! the trunks. Every wait is for something that the daemon tells, with a deadline.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use crate::{
    api::{
        self, MessageStateEvent, event::Payload, event_service_client::EventServiceClient,
        get_message_request::Key, outbound_message::Content, sms_service_client::SmsServiceClient,
        stream_events_request::Frame as Given, stream_events_response::Frame as Said,
        trunk_service_client::TrunkServiceClient,
    },
    rig::Gateway,
};

/// How long anything may take; a busy machine needs a part of it.
const WITHIN: Duration = Duration::from_secs(60);
/// Events held at once.
const CREDIT: u32 = 100;
/// Frames that may wait for the connection.
const FRAMES: usize = 16;
/// The most that one pull gives.
const PULLED: u32 = 256;
/// Whose messages they are.
const TENANT: &str = "peers";

/// A connection to the daemon's API.
#[derive(Debug, Clone)]
pub struct Platform(Channel);

impl Platform {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(gateway: Gateway) -> Result<Self> {
        Ok(Self(gateway.connect().await?))
    }

    /// Submits a text and gives the message's id. `sender` may be empty; a report is asked for.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn submit(&self, request_id: &str, sender: &str, to: &str, text: &str) -> Result<String> {
        let message = api::OutboundMessage {
            tenant_id: TENANT.to_owned(),
            to: to.to_owned(),
            sender: sender.to_owned(),
            content: Some(Content::Text(text.to_owned())),
            category: api::MessageCategory::Notification as i32,
            report_requested: true,
            ..Default::default()
        };
        let request = api::SubmitMessageRequest {
            request_id: request_id.to_owned(),
            message: Some(message),
            validate_only: false,
        };
        let answer = SmsServiceClient::new(self.0.clone()).submit_message(request).await;
        Ok(answer.with_context(|| format!("{request_id} was refused"))?.into_inner().message_id)
    }

    /// The message as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub async fn message(&self, message_id: &str) -> Result<api::Message> {
        let request = api::GetMessageRequest { key: Some(Key::MessageId(message_id.to_owned())) };
        let answer = SmsServiceClient::new(self.0.clone()).get_message(request).await?.into_inner();
        answer.message.with_context(|| format!("an answer without message {message_id}"))
    }

    /// Waits until a trunk is as `wanted`, and gives it.
    ///
    /// # Errors
    /// When it is not in a minute; the error tells how it was last.
    pub async fn wait_for_trunk(
        &self,
        trunk_id: &str,
        wanted: impl Fn(&api::Trunk) -> bool,
    ) -> Result<api::Trunk> {
        let request = api::WatchTrunksRequest { trunk_ids: vec![trunk_id.to_owned()] };
        let mut told = TrunkServiceClient::new(self.0.clone()).watch_trunks(request).await?.into_inner();
        let mut last = None;
        let found = timeout(WITHIN, async {
            while let Some(response) = told.message().await? {
                let Some(trunk) = response.trunk else { continue };
                if wanted(&trunk) {
                    return Ok(trunk);
                }
                last = Some(trunk);
            }
            bail!("the daemon tells no more of its trunks")
        });
        match found.await {
            Ok(found) => found,
            Err(_) => bail!("the trunk is not as wanted: {last:?}"),
        }
    }

    /// Follows the events from the first one on.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn follow(&self) -> Result<Events> {
        const GROUP: &str = "follower";
        self.subscribe_from_the_beginning(GROUP).await?;
        let (given, stream) = mpsc::channel(FRAMES);
        let open = api::OpenStream {
            subscription_id: GROUP.to_owned(),
            consumer_id: GROUP.to_owned(),
            initial_credit: CREDIT,
            ack_deadline: None,
        };
        given.send(api::StreamEventsRequest { frame: Some(Given::Open(open)) }).await?;
        let mut client = EventServiceClient::new(self.0.clone());
        let said = client.stream_events(ReceiverStream::new(stream)).await?.into_inner();
        Ok(Events { given, said, seen: Vec::new() })
    }

    /// Every event that there has been, without waiting for more: what shows that nothing was told twice.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn whole_log(&self) -> Result<Vec<api::Event>> {
        const GROUP: &str = "auditor";
        self.subscribe_from_the_beginning(GROUP).await?;
        let mut client = EventServiceClient::new(self.0.clone());
        let mut log = Vec::new();
        loop {
            let request =
                api::PullEventsRequest { subscription_id: GROUP.to_owned(), max_events: PULLED, wait: None };
            let events = client.pull_events(request).await?.into_inner().events;
            if events.is_empty() {
                return Ok(log);
            }
            log.extend(events);
        }
    }

    async fn subscribe_from_the_beginning(&self, group: &str) -> Result<()> {
        let mut client = EventServiceClient::new(self.0.clone());
        let subscription = api::Subscription { subscription_id: group.to_owned(), ..Default::default() };
        let create = api::CreateSubscriptionRequest { subscription: Some(subscription) };
        client.create_subscription(create).await?;
        let beginning = prost_types::Timestamp { seconds: 0, nanos: 0 };
        let seek = api::SeekSubscriptionRequest { subscription_id: group.to_owned(), time: Some(beginning) };
        client.seek_subscription(seek).await?;
        Ok(())
    }
}

/// An open stream of events. Each is acked as it comes.
#[derive(Debug)]
pub struct Events {
    given: mpsc::Sender<api::StreamEventsRequest>,
    said: Streaming<api::StreamEventsResponse>,
    seen: Vec<api::Event>,
}

impl Events {
    /// Waits for the final event of a message.
    ///
    /// # Errors
    /// When there is none in a minute; the error tells all that came.
    pub async fn final_of(&mut self, message_id: &str) -> Result<MessageStateEvent> {
        self.wait_for(message_id, |event| final_of(event, message_id)).await
    }

    /// Waits for a message from a phone.
    ///
    /// # Errors
    /// As [`Events::final_of`].
    pub async fn from_a_phone(&mut self) -> Result<api::InboundMessage> {
        let inbound = |event: &api::Event| match &event.payload {
            Some(Payload::InboundMessage(inbound)) => Some(inbound.clone()),
            _ => None,
        };
        self.wait_for("a message from a phone", inbound).await
    }

    async fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(&api::Event) -> Option<T>) -> Result<T> {
        let mut looked_at = 0;
        let found = timeout(WITHIN, async {
            loop {
                if let Some(found) = self.seen[looked_at..].iter().find_map(&wanted) {
                    return Ok(found);
                }
                looked_at = self.seen.len();
                self.take_more().await?;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => bail!("no event about {what} in {WITHIN:?}; these came: {:#?}", self.seen),
        }
    }

    async fn take_more(&mut self) -> Result<()> {
        let response = self.said.message().await?.context("the event stream ended")?;
        if let Some(Said::Batch(batch)) = response.frame {
            let ids = batch.events.iter().map(|event| event.event_id.clone()).collect();
            let acks = api::AckBatch { ack_event_ids: ids, ..Default::default() };
            self.given.send(api::StreamEventsRequest { frame: Some(Given::Ack(acks)) }).await?;
            self.seen.extend(batch.events);
        }
        Ok(())
    }
}

/// What a final event of this message says; `None`: it is another event.
#[must_use]
pub fn final_of(event: &api::Event, message_id: &str) -> Option<MessageStateEvent> {
    match &event.payload {
        Some(Payload::MessageState(moved)) if moved.r#final && moved.message_id == message_id => {
            Some(moved.clone())
        }
        _ => None,
    }
}
