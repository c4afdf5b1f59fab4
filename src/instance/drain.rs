//! Draining: nothing new, what is on the wire is answered, the links unbind, all is settled. And the way back.
//!
//! The order: the phase changes, by which health says so first; the acceptor refuses; the trunks come to rest, each by
//! itself (see [`Duty`]), while events are told and confirmed as ever. A limit ends the waiting for answers, and what is
//! left is said. Then the daemon rests until it is resumed, or its end goes on.

use std::time::{Duration, Instant};

use tokio::{sync::watch, time::sleep};
use tracing::{info, warn};

use super::{Ending, Instance, Phase, Progress};
use crate::{
    clock,
    dispatch::{Duty, Orders},
};

/// How often what is waited for is looked at and logged.
const TICK: Duration = Duration::from_secs(1);
/// How long the links may take to unbind after the limit, and outcomes to be settled; a worker that takes longer failed.
const GRACE: Duration = Duration::from_secs(15);

impl Instance {
    /// Drains the daemon, waiting for answers for `limit`, by default the configuration's. Asked again, the new limit
    /// counts from now on. Gives its progress, of which the last is done.
    pub fn drain(&self, limit: Option<Duration>, reason: &str) -> watch::Receiver<Progress> {
        let limit = limit.unwrap_or_else(|| self.limit());
        if *self.0.phase.borrow() < Phase::Drained {
            info!(?limit, reason, "drains");
            self.begin(limit, false);
        }
        self.0.progress.subscribe()
    }

    /// Drains the daemon if it is not drained yet, ends its trunks, and says what was left. After this nothing resumes.
    pub async fn end(&self) {
        self.begin(self.limit(), true);
        let mut progress = self.0.progress.subscribe();
        let _ = progress.wait_for(|progress| progress.done).await;
    }

    /// Takes up work again, whether the drain is through or not. One that serves goes on.
    ///
    /// # Errors
    /// The process was told to end.
    pub fn resume(&self) -> Result<(), Ending> {
        let mut state = self.state();
        if state.ends {
            return Err(Ending);
        }
        let Some(driver) = state.driver.take() else { return Ok(()) };
        state.drains += 1;
        driver.abort();
        info!("takes messages again");
        self.tell(Duty::Carry);
        self.0.refusing.send_replace(false);
        self.0.phase.send_replace(Phase::Serving);
        Ok(())
    }

    fn begin(&self, limit: Duration, ends: bool) {
        let mut state = self.state();
        state.ends |= ends;
        if let Some(driver) = state.driver.take() {
            driver.abort();
        }
        self.0.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Draining) != Phase::Draining);
        self.0.refusing.send_replace(true);
        let by = clock::now().mono + limit;
        let orders = self.tell(if state.ends { Duty::End { by } } else { Duty::Rest { by } });
        let at_first = Progress::of(&self.0.board.all(), &orders, limit);
        self.0.progress.send_replace(at_first);
        state.drains += 1;
        state.driver = Some(tokio::spawn(self.clone().watch(state.drains, orders, by)));
    }

    /// Tells each trunk what the daemon does; gives the numbers of the orders.
    fn tell(&self, duty: Duty) -> Vec<u64> {
        let tell = |orders: &watch::Sender<Orders>| {
            let mut number = 0;
            orders.send_modify(|orders| {
                orders.number += 1;
                orders.daemon = duty;
                number = orders.number;
            });
            number
        };
        self.0.trunks.iter().map(|(_, orders)| tell(orders)).collect()
    }

    /// Watches the trunks come to rest and says how far they are.
    async fn watch(self, drain: u64, orders: Vec<u64>, by: Instant) {
        let mut board = self.0.board.clone();
        let mut told = clock::now().mono;
        let mut progress = loop {
            let now = clock::now().mono;
            let progress = Progress::of(&board.look(), &orders, by.saturating_duration_since(now));
            if progress.rests() || now >= by + GRACE {
                break progress;
            }
            self.0.progress.send_replace(progress.clone());
            if now >= told + TICK {
                told = now;
                info!("{}", progress.words());
            }
            tokio::select! {
                () = board.changed() => {}
                () = sleep(TICK) => {}
            }
        };
        progress.done = true;
        progress.remaining = Duration::ZERO;
        match progress.ended_by_limit() {
            true => warn!("{}", progress.words()),
            false => info!("{}", progress.words()),
        }
        let state = self.state();
        // Resumed, or drained anew, just now.
        if state.drains != drain {
            return;
        }
        if !state.ends {
            self.0.phase.send_replace(Phase::Drained);
        }
        self.0.progress.send_replace(progress);
    }
}
