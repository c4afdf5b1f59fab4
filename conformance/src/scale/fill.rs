//! Fills a store through its own verbs, as fast as they go, and says afterwards what it does not know any more.
//!
//! The one place that links the daemon's library: no client could put in months of messages in minutes.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use carrierd::{
    clock,
    config::{Config, MessageConfig, StoreConfig},
    domain::{
        AmbiguityPolicy, CarrierId, Category, Content, Message, MessageId, MessageState, Number, SegmentPlan,
        Sender, SubmitOutcome, TextEncoding, TrunkId,
    },
    store::{Accepted, Attempt, MessageKey, NewMessage, NextStep, Settlement, Store},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::rig::SENDER;

const HOUR: Duration = Duration::from_secs(3600);
/// When the records were accepted, before now: from some months on to a few days.
const RECORDS: (Duration, Duration) = (HOUR.saturating_mul(24 * 120), HOUR.saturating_mul(24 * 4));
/// When the open messages were accepted: their report windows are not over.
const OPEN: (Duration, Duration) = (HOUR.saturating_mul(60), HOUR);
/// Messages put in at once.
const AT_ONCE: u64 = 500;
/// Such groups on their way.
const GROUPS: usize = 4;
/// One open message in so many waits to be sent, up to a thousand.
const UNSENT: u64 = 100;
/// Messages of each kind that are looked at afterwards, at most.
const LOOKED_AT: u64 = 20_000;

/// What is put in: records first, numbered from 0, then open messages.
pub struct Stock {
    open: u64,
    records: u64,
    now: Timestamp,
    store: StoreConfig,
    messages: MessageConfig,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has ended.
    Record,
    /// It waits for its report.
    Open,
    /// It waits to be sent.
    Unsent,
}

impl Stock {
    /// What is put into the store of a daemon with this configuration.
    pub fn new(config: &Path, open: u64, records: u64) -> Result<Self> {
        let Config { store, messages, .. } =
            carrierd::config::load(config).context("the daemon's configuration")?;
        Ok(Self { open, records, now: clock::wall(), store, messages })
    }

    /// The ids of the open messages that wait to be sent.
    pub fn unsent(&self) -> impl Iterator<Item = String> {
        let open = self.records..self.records + self.open;
        open.filter(|number| self.kind(*number) == Kind::Unsent).map(|number| self.id(number).to_string())
    }

    /// Puts everything in.
    pub async fn fill(&self, trunk: &str) -> Result<()> {
        let (store, _) = Store::open(&self.store, &self.messages)?;
        let all = self.records + self.open;
        let groups = (0..all).step_by(AT_ONCE as usize).map(|first| {
            let numbers = first..all.min(first + AT_ONCE);
            self.put_in(&store, trunk.into(), numbers)
        });
        stream::iter(groups).buffered(GROUPS).try_collect::<()>().await?;
        store.close().await;
        Ok(())
    }

    async fn put_in(&self, store: &Store, trunk: TrunkId, numbers: std::ops::Range<u64>) -> Result<()> {
        let new: Vec<_> = numbers.clone().map(|number| self.message(number)).collect();
        let sent = numbers.filter(|number| self.kind(*number) != Kind::Unsent);
        let settlements: Vec<_> = sent.map(|number| self.taken(number)).collect();
        // The second waits behind the first, so both may be of one commit.
        let (accepted, settled) = tokio::join!(store.accept(new), store.settle(trunk, settlements));
        ensure!(
            accepted?.iter().all(|one| *one == Accepted::New),
            "the folder has some of the messages already"
        );
        settled?;
        Ok(())
    }

    fn kind(&self, number: u64) -> Kind {
        match number.checked_sub(self.records) {
            None => Kind::Record,
            Some(open) if open % UNSENT == 0 && open / UNSENT < 1000 => Kind::Unsent,
            Some(_) => Kind::Open,
        }
    }

    /// When it was accepted: evenly over the time of its kind, in the order of the numbers.
    fn time(&self, number: u64) -> Timestamp {
        let ((from, to), place, all) = match number.checked_sub(self.records) {
            None => (RECORDS, number, self.records),
            Some(place) => (OPEN, place, self.open),
        };
        let micros = (from - to).as_micros() * u128::from(place) / u128::from(all.max(1));
        self.now - from + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn id(&self, number: u64) -> MessageId {
        MessageId::numbered(self.time(number), number)
    }

    fn message(&self, number: u64) -> NewMessage {
        let accept_time = self.time(number);
        let message = Message {
            id: self.id(number),
            request_id: format!("stock-{number}"),
            tenant_id: "stock".into(),
            to: Number::parse(&format!("138{:08}", number % 100_000_000)).expect("a number of eleven digits"),
            sender: Sender::parse(SENDER).expect("the sender of every run"),
            content: Content::Text(format!("Your code is {:06}", number % 1_000_000)),
            encoding: None,
            category: Category::Notification,
            expire_time: self.now + 24 * HOUR,
            // Without it the carrier's acceptance is the end.
            report_requested: self.kind(number) != Kind::Record,
            trunk_ids: Vec::new(),
            client_reference: String::new(),
            labels: Vec::new(),
            ambiguity: AmbiguityPolicy::AwaitReport,
            priority: 5,
            consent_reference: String::new(),
            template_id: String::new(),
            protocol_options: Vec::new(),
            trace_parent: String::new(),
            accept_time,
            send_time: None,
        };
        NewMessage { message: Arc::new(message), plan: PLAN, reference: 1, digest: [7; 16] }
    }

    fn taken(&self, number: u64) -> Settlement {
        let submit_time = self.time(number);
        let carrier_id = Some(CarrierId::from(format!("{number:016x}")));
        Settlement {
            attempt: Attempt {
                message_id: self.id(number),
                segment: 1,
                attempts: 0,
                plan: PLAN,
                submit_time,
            },
            outcome: SubmitOutcome::Accepted { carrier_id },
            next: NextStep::Submitted,
            response_time: submit_time,
            late: false,
        }
    }

    /// Opens the folder that the daemon has left and says what it does not know as it should.
    pub async fn account_for(&self) -> Result<Vec<String>> {
        let (store, recovered) = Store::open(&self.store, &self.messages)?;
        let mut faults = Vec::new();
        let unsent = self.unsent().count() as u64;
        // What the traffic left open is the traffic's to tell.
        if recovered.open + unsent < self.open {
            faults.push(format!("only {} of {} messages are open", recovered.open, self.open));
        }
        let all = self.records + self.open;
        for (first, count) in [(0, self.records), (self.records, self.open)] {
            let step = count.div_ceil(LOOKED_AT).max(1) as usize;
            for number in (first..all.min(first + count)).step_by(step) {
                let stored = store.message(MessageKey::Id(self.id(number))).await?;
                faults.extend(self.fault(number, stored.map(|stored| stored.delivery.state())));
            }
        }
        store.close().await;
        Ok(faults)
    }

    fn fault(&self, number: u64, state: Option<MessageState>) -> Option<String> {
        let Some(state) = state else { return Some(format!("message {number} is lost")) };
        let is_right = match self.kind(number) {
            Kind::Record | Kind::Open => state == MessageState::Submitted,
            // Sent since; what was on the wire at the kill may never be told of.
            Kind::Unsent => state != MessageState::Accepted,
        };
        (!is_right).then(|| format!("message {number} is {}", state.name()))
    }
}

const PLAN: SegmentPlan = SegmentPlan { encoding: Some(TextEncoding::Gsm7), segments: 1, units: 19 };

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "allow_literal_secrets = true\n[store]\npath = \"store\"\n[[trunk]]\nid = \"a\"\n\
        protocol = \"smpp34\"\nhosts = [\"h:1\"]\naccount = { system_id = \"a\", password = \"literal:b\" }\n";

    #[test]
    fn ids_differ_and_lie_in_the_time_of_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("carrierd.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let stock = Stock::new(&config, 1000, 5000).unwrap();
        let ids: std::collections::BTreeSet<_> = (0..6000).map(|number| stock.id(number)).collect();
        assert_eq!(ids.len(), 6000);
        assert_eq!(stock.unsent().count(), 10);
        assert!(stock.time(4999) <= stock.now - RECORDS.1 && stock.time(0) == stock.now - RECORDS.0);
        assert!(stock.time(5000) == stock.now - OPEN.0 && stock.time(5999) < stock.now - OPEN.1);
    }
}
