//! Calls beside messages: their trunks, their task, and the order in which they end.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tracing::warn;

use super::LAST_STEPS;
use crate::{
    calls::{self, CallTrunks, Calls, NewTrunk, Planned},
    config::{Config, SipListener},
    dispatch::Ways,
    domain::{TrunkId, Wanted},
    instance::{Carries, Told},
    store::Store,
    trunk::{
        TrunkStatus,
        calls::{CallSide, boundary},
        sip::{self, OpenSip, transport::Network},
    },
};

/// Orders, and facts, that may wait between calls and their trunks.
const BOUNDARY: usize = 4096;

/// SIP that runs, and nobody yet who takes its calls.
pub(super) struct Opened {
    sip: OpenSip,
    side: CallSide,
    planned: Planned,
    trunks: Vec<NewTrunk>,
}

impl Opened {
    /// Opens the listeners and the trunks for calls, each as an operator wanted it before. `None`: the configuration has
    /// none.
    ///
    /// # Errors
    /// A listener can't be opened.
    pub fn new(
        config: &Config,
        wanted: &mut HashMap<TrunkId, Wanted>,
        network: &dyn Network,
        seed: u64,
    ) -> anyhow::Result<Option<Self>> {
        if config.sip_trunks.is_empty() {
            return Ok(None);
        }
        let wanted = |id: &TrunkId| wanted.remove(id).unwrap_or_default();
        let (planned, trunks) = Planned::new(&config.sip_trunks, &config.shares, wanted);
        let (side, theirs) = boundary(BOUNDARY);
        let sip = sip::open(&config.sip, planned.wish(), theirs, network, seed).context("sip")?;
        Ok(Some(Self { sip, side, planned, trunks }))
    }

    /// How each trunk shows itself.
    pub fn statuses(&self) -> impl Iterator<Item = watch::Receiver<TrunkStatus>> {
        self.trunks.iter().map(|trunk| trunk.status.clone())
    }

    /// Where each trunk is told what to do.
    pub fn told(&self) -> impl Iterator<Item = Told> {
        self.trunks.iter().map(|trunk| Told {
            id: trunk.id.clone(),
            carries: Carries::Calls,
            orders: trunk.orders.clone(),
        })
    }

    /// Starts the calls, which ends what the last run left open.
    ///
    /// # Errors
    /// What the last run left can't be read.
    pub fn start(
        self,
        config: &Config,
        store: &Store,
        ways: &Ways,
        refusing: watch::Receiver<bool>,
    ) -> anyhow::Result<Telephony> {
        let Self { sip, side, planned, .. } = self;
        let health = {
            let ways = ways.clone();
            Arc::new(move |id: &_| ways.health(id))
        };
        let OpenSip { listeners, wish, task } = sip;
        let (calls, trunks, control) = calls::open(config, store, (planned, wish), side, health, refusing)?;
        Ok(Telephony { calls, trunks, control, listeners, sip: task })
    }
}

/// Calls that run.
pub(super) struct Telephony {
    pub calls: Calls,
    /// The trunks that carry them.
    pub trunks: CallTrunks,
    /// Where SIP is listened for.
    pub listeners: Vec<SipListener>,
    control: JoinHandle<()>,
    sip: JoinHandle<()>,
}

impl Telephony {
    /// Ends the calls and the task of SIP, once the trunks rest.
    pub async fn end(&mut self) {
        self.calls.end(Duration::ZERO).await;
        let _ = (&mut self.control).await;
        self.trunks.stop();
        self.trunks.end();
        if timeout(LAST_STEPS, &mut self.sip).await.is_err() {
            warn!(limit = ?LAST_STEPS, "not every call has ended on the wire");
            self.sip.abort();
        }
    }

    /// Its tasks, for whoever ends them where they stand.
    pub fn into_tasks(self) -> [JoinHandle<()>; 2] {
        self.trunks.stop();
        [self.control, self.sip]
    }
}
