//! The stream of events, as every load follows it: subscribed once, acked in batches.

use anyhow::Result;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use crate::api::{self, event_service_client::EventServiceClient, stream_events_request::Frame as Given};

/// Frames that may wait for the connection.
pub const FRAMES: usize = 64;
/// Events held at once, the most that the API grants.
const EVENT_CREDIT: u32 = 10_000;
const SUBSCRIPTION: &str = "bench";

/// Where acks go, and where events come from.
pub type Events = (mpsc::Sender<api::StreamEventsRequest>, Streaming<api::StreamEventsResponse>);

/// Subscribes to these kinds of events of these tenants; none: of all.
///
/// # Errors
/// When the daemon refuses it.
pub async fn subscribe(channel: Channel, tenants: &[&str], kinds: &[api::EventKind]) -> Result<Events> {
    let mut client = EventServiceClient::new(channel);
    let subscription = api::Subscription {
        subscription_id: SUBSCRIPTION.to_owned(),
        tenant_ids: tenants.iter().map(|&tenant| tenant.to_owned()).collect(),
        kinds: kinds.iter().map(|&kind| kind.into()).collect(),
        ..Default::default()
    };
    client.create_subscription(api::CreateSubscriptionRequest { subscription: Some(subscription) }).await?;
    let (acks, stream) = mpsc::channel(FRAMES);
    let open = api::OpenStream {
        subscription_id: SUBSCRIPTION.to_owned(),
        consumer_id: SUBSCRIPTION.to_owned(),
        initial_credit: EVENT_CREDIT,
        ack_deadline: None,
    };
    acks.send(api::StreamEventsRequest { frame: Some(Given::Open(open)) }).await?;
    let events = client.stream_events(ReceiverStream::new(stream)).await?;
    Ok((acks, events.into_inner()))
}

/// Acks what is owed, if the connection has room; else it stays owed.
pub fn send_acks(acks: &mpsc::Sender<api::StreamEventsRequest>, owed: &mut Vec<String>) {
    if owed.is_empty() {
        return;
    }
    if let Ok(place) = acks.try_reserve() {
        let batch = api::AckBatch { ack_event_ids: std::mem::take(owed), ..Default::default() };
        place.send(api::StreamEventsRequest { frame: Some(Given::Ack(batch)) });
    }
}
