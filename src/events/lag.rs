//! How far behind each subscription is, whether or not anybody listens: most of all when nobody does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{Described, Subscriptions};
use crate::{clock, domain::SubscriptionId, telemetry::metrics::LagMetrics};

/// How often it is looked at: about as often as metrics are collected.
const EVERY: Duration = Duration::from_secs(15);

/// Shows every subscription's backlog as metrics, until it is dropped.
pub async fn watch(subscriptions: Subscriptions) {
    let mut shown = BTreeMap::new();
    loop {
        match subscriptions.list(String::new(), usize::MAX).await {
            Ok(described) => show(&described, clock::wall(), &mut shown),
            Err(error) => tracing::debug!(%error, "the subscriptions' backlogs could not be read"),
        }
        sleep(EVERY).await;
    }
}

fn show(described: &[Described], now: Timestamp, shown: &mut BTreeMap<SubscriptionId, LagMetrics>) {
    for one in described {
        let id = &one.subscription.id;
        let metrics = shown.entry(id.clone()).or_insert_with(|| LagMetrics::new(id.as_str()));
        let age = one.oldest_unacked_time.and_then(|time| Duration::try_from(now.duration_since(time)).ok());
        metrics.set(one.backlog, age.unwrap_or_default());
    }
    // A gauge can't be taken back; a subscription that was deleted has no backlog.
    let there: BTreeSet<_> = described.iter().map(|one| &one.subscription.id).collect();
    shown.retain(|id, metrics| {
        let kept = there.contains(id);
        if !kept {
            metrics.set(0, Duration::ZERO);
        }
        kept
    });
}
