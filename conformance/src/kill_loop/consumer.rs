//! Follows the events across every death of the daemon, acks them, and keeps what they said.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use anyhow::Result;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    api::{
        self, event_service_client::EventServiceClient, stream_events_request::Frame as Given,
        stream_events_response::Frame as Said,
    },
    rig::Gateway,
};

/// How long a daemon that is not there is left alone.
const AGAIN: Duration = Duration::from_millis(50);
/// Events held at once.
const CREDIT: u32 = 2000;
/// Batches of acks that may wait for the connection.
const ACKS: usize = 64;
/// Redeliveries are what this is about: what the daemon forgot to be acked must come soon.
const ACK_DEADLINE: prost_types::Duration = prost_types::Duration { seconds: 10, nanos: 0 };
/// The consumer group.
pub const SUBSCRIPTION: &str = "kill-loop";

/// Everything that the events said.
#[derive(Debug, Default)]
pub struct Heard {
    /// Each event once, by its place in the log.
    pub events: BTreeMap<u64, api::Event>,
    /// Deliveries of events that had come before.
    pub redelivered: u64,
    /// What can't be.
    pub faults: Vec<String>,
    /// Events whose acks the daemon called durable.
    pub(super) confirmed: HashSet<String>,
}

impl Heard {
    fn take(&mut self, event: api::Event) {
        if self.confirmed.contains(&event.event_id) {
            self.faults.push(format!("event {} came again after its ack was durable", event.event_id));
        }
        match self.events.get(&event.sequence) {
            Some(before) if before.event_id != event.event_id || before.payload != event.payload => {
                self.faults.push(format!("event {} came again as another", event.event_id));
            }
            Some(_) => self.redelivered += 1,
            None => drop(self.events.insert(event.sequence, event)),
        }
    }
}

/// Creates the consumer group, at the beginning of the log.
///
/// # Errors
/// When the daemon does not take it.
pub async fn subscribe(gateway: Gateway) -> Result<()> {
    let subscription = api::Subscription {
        subscription_id: SUBSCRIPTION.to_owned(),
        ack_deadline: Some(ACK_DEADLINE),
        ..Default::default()
    };
    let request = api::CreateSubscriptionRequest { subscription: Some(subscription) };
    let mut client = EventServiceClient::new(gateway.connect().await?);
    client.create_subscription(request).await?;
    // Carriers may have called already.
    let beginning = Some(prost_types::Timestamp::default());
    let seek = api::SeekSubscriptionRequest { subscription_id: SUBSCRIPTION.to_owned(), time: beginning };
    client.seek_subscription(seek).await?;
    Ok(())
}

/// Listens until `stop` becomes true; `count` is told how many events there have been, and `react` of each once.
pub async fn run(
    gateway: Gateway,
    mut stop: watch::Receiver<bool>,
    count: watch::Sender<usize>,
    mut react: impl FnMut(&api::Event) + Send,
) -> Heard {
    let mut heard = Heard::default();
    tokio::select! {
        () = listen(gateway, &mut heard, &count, &mut react) => {}
        () = async { drop(stop.wait_for(|stop| *stop).await) } => {}
    }
    heard
}

/// Opens a stream that breaks again and again; what was not acked comes again.
async fn listen(
    gateway: Gateway,
    heard: &mut Heard,
    count: &watch::Sender<usize>,
    react: &mut (impl FnMut(&api::Event) + Send),
) {
    loop {
        if use_stream(gateway, heard, count, react).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn use_stream(
    gateway: Gateway,
    heard: &mut Heard,
    count: &watch::Sender<usize>,
    react: &mut (impl FnMut(&api::Event) + Send),
) -> Result<()> {
    let (given, stream) = mpsc::channel(ACKS);
    let open = api::OpenStream {
        subscription_id: SUBSCRIPTION.to_owned(),
        consumer_id: SUBSCRIPTION.to_owned(),
        initial_credit: CREDIT,
        ack_deadline: None,
    };
    given.send(api::StreamEventsRequest { frame: Some(Given::Open(open)) }).await?;
    let mut client = EventServiceClient::new(gateway.connect().await?);
    let mut said = client.stream_events(ReceiverStream::new(stream)).await?.into_inner();
    while let Some(response) = said.message().await? {
        match response.frame {
            Some(Said::Batch(batch)) => {
                let ids = batch.events.iter().map(|event| event.event_id.clone()).collect();
                for event in batch.events {
                    if !heard.events.contains_key(&event.sequence) {
                        react(&event);
                    }
                    heard.take(event);
                }
                count.send_replace(heard.events.len());
                let acks = api::AckBatch { ack_event_ids: ids, ..Default::default() };
                given.send(api::StreamEventsRequest { frame: Some(Given::Ack(acks)) }).await?;
            }
            Some(Said::AckConfirmation(confirmation)) => heard.confirmed.extend(confirmation.event_ids),
            Some(Said::Closing(_)) | None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64) -> api::Event {
        api::Event { event_id: format!("0-{sequence}"), sequence, ..Default::default() }
    }

    #[test]
    fn a_redelivered_event_counts_once_unless_its_ack_was_durable() {
        let mut heard = Heard::default();
        heard.take(event(1));
        heard.take(event(1));
        assert_eq!((heard.events.len(), heard.redelivered, heard.faults.len()), (1, 1, 0));
        heard.confirmed.insert("0-1".to_owned());
        heard.take(event(1));
        assert_eq!(heard.faults.len(), 1);
    }

    #[test]
    fn another_event_in_the_same_place_is_a_fault() {
        let mut heard = Heard::default();
        heard.take(event(1));
        heard.take(api::Event {
            event_id: "0-1".to_owned(),
            sequence: 1,
            tenant_id: "x".into(),
            ..Default::default()
        });
        assert_eq!(heard.faults.len(), 0, "only what happened counts");
        heard.take(api::Event { event_id: "1-1".to_owned(), ..event(1) });
        assert_eq!(heard.faults.len(), 1);
    }
}
