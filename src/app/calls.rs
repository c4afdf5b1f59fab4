//! Calls beside messages: their trunks, their task, and the order in which they end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tracing::warn;

use super::LAST_STEPS;
use crate::{
    calls::{self, Calls},
    config::{Config, SipListener},
    dispatch::Ways,
    store::Store,
    trunk::{
        calls::{CallSide, boundary},
        sip::{self, Duty, OpenSip},
    },
};

/// Orders, and facts, that may wait between calls and their trunks.
const BOUNDARY: usize = 4096;

/// SIP that runs, and nobody yet who takes its calls.
pub(super) struct Opened {
    sip: OpenSip,
    side: CallSide,
}

impl Opened {
    /// Opens the listeners and the trunks for calls. `None`: the configuration has none.
    ///
    /// # Errors
    /// A listener can't be opened.
    pub fn new(config: &Config, seed: u64) -> anyhow::Result<Option<Self>> {
        if config.sip_trunks.is_empty() {
            return Ok(None);
        }
        let (side, theirs) = boundary(BOUNDARY);
        let sip = sip::open(&config.sip, &config.sip_trunks, theirs, seed).context("sip")?;
        Ok(Some(Self { sip, side }))
    }

    /// How each trunk shows itself.
    pub fn statuses(&self) -> impl Iterator<Item = watch::Receiver<crate::trunk::TrunkStatus>> {
        self.sip.statuses.iter().cloned()
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
        let Self { sip, side } = self;
        let health = {
            let ways = ways.clone();
            Arc::new(move |id: &_| ways.health(id))
        };
        let (calls, control) = calls::open(config, store, side, &sip.slots, health, refusing.clone())?;
        let following = tokio::spawn(follow(refusing, sip.duty.clone()));
        Ok(Telephony {
            calls,
            control,
            listeners: sip.listeners,
            duty: sip.duty,
            trunks: sip.task,
            following,
        })
    }
}

/// Calls that run.
pub(super) struct Telephony {
    pub calls: Calls,
    /// Where SIP is listened for.
    pub listeners: Vec<SipListener>,
    control: JoinHandle<()>,
    duty: watch::Sender<Duty>,
    trunks: JoinHandle<()>,
    following: JoinHandle<()>,
}

impl Telephony {
    /// Lets calls go on for `limit`, hangs up what is left, and ends the trunks.
    pub async fn end(&mut self, limit: Duration) {
        self.calls.end(limit).await;
        let _ = (&mut self.control).await;
        self.following.abort();
        self.duty.send_replace(Duty::End);
        if timeout(LAST_STEPS, &mut self.trunks).await.is_err() {
            warn!(limit = ?LAST_STEPS, "not every call has ended on the wire");
            self.trunks.abort();
        }
    }

    /// Its tasks, for whoever ends them where they stand.
    pub fn into_tasks(self) -> [JoinHandle<()>; 3] {
        [self.control, self.trunks, self.following]
    }
}

/// Lets carriers route around a daemon that drains.
async fn follow(mut refusing: watch::Receiver<bool>, duty: watch::Sender<Duty>) {
    loop {
        let now = if *refusing.borrow_and_update() { Duty::Drain } else { Duty::Carry };
        duty.send_if_modified(|duty| std::mem::replace(duty, now) != now);
        if refusing.changed().await.is_err() {
            return;
        }
    }
}
