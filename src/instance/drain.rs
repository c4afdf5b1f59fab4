//! Draining: nothing new, what is on the wire is answered, the links unbind, all is settled. And the way back.
//!
//! The order: the phase changes, by which health says so first; the acceptor refuses; the trunks come to rest, each by
//! itself (see [`Duty`]), while events are told and confirmed as ever. A limit ends the waiting for answers, and what is
//! left is said. Then the daemon rests until it is resumed, or its end goes on.
//!
//! Calls go on by themselves until the limit, and are hung up then, or at once if that is asked for; a trunk for calls rests
//! when none is left and its registration is removed.

use std::time::{Duration, Instant};

use tokio::{sync::watch, time::sleep};
use tracing::{info, warn};

use super::{Ending, Instance, Phase, Progress, State, Told};
use crate::{clock, dispatch::Duty};

/// How often what is waited for is looked at and logged.
const TICK: Duration = Duration::from_secs(1);
/// How long the links may take to unbind after the limit, and outcomes to be settled; a worker that takes longer failed.
const GRACE: Duration = Duration::from_secs(15);

/// What becomes of calls that are open when a drain begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCalls {
    /// They may go on until the limit.
    GoOn,
    /// They are hung up at once.
    HangUp,
}

impl Instance {
    /// Drains the daemon, waiting for answers for `limit`, by default the configuration's. Asked again, the new limit
    /// counts from now on. Gives its progress, of which the last is done.
    pub fn drain(
        &self,
        limit: Option<Duration>,
        calls: OpenCalls,
        reason: &str,
    ) -> watch::Receiver<Progress> {
        let limit = limit.unwrap_or_else(|| self.limit());
        if *self.0.phase.borrow() < Phase::Drained {
            info!(?limit, ?calls, reason, "drains");
            self.begin(limit, calls, false);
        }
        self.0.progress.subscribe()
    }

    /// Drains the daemon if it is not drained yet, ends its trunks, and says what was left. After this nothing resumes.
    pub async fn end(&self) {
        self.begin(self.limit(), OpenCalls::GoOn, true);
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
        info!("takes messages and calls again");
        self.tell(&mut state, [Duty::Carry; 2]);
        self.0.refusing.send_replace(false);
        self.0.phase.send_replace(Phase::Serving);
        Ok(())
    }

    fn begin(&self, limit: Duration, calls: OpenCalls, ends: bool) {
        let mut state = self.state();
        state.ends |= ends;
        if let Some(driver) = state.driver.take() {
            driver.abort();
        }
        self.0.phase.send_if_modified(|phase| std::mem::replace(phase, Phase::Draining) != Phase::Draining);
        self.0.refusing.send_replace(true);
        let now = clock::now().mono;
        let by = now + limit;
        let until = |by| if state.ends { Duty::End { by } } else { Duty::Rest { by } };
        let hangs_up = calls == OpenCalls::HangUp;
        let calls = if hangs_up { now } else { by };
        let duty = [until(by), until(calls)];
        let orders = self.tell(&mut state, duty);
        let at_first = Progress::of(&self.0.board.clone().look(), &orders, limit, hangs_up);
        self.0.progress.send_replace(at_first);
        state.drains += 1;
        state.driver = Some(tokio::spawn(self.clone().watch(state.drains, orders, by, hangs_up)));
    }

    /// Tells each trunk what the daemon does, for messages and for calls; gives the numbers of the orders.
    fn tell(&self, state: &mut State, duty: [Duty; 2]) -> Vec<u64> {
        state.duty = duty;
        let tell = |trunk: &Told| {
            let mut number = 0;
            trunk.orders.send_modify(|orders| {
                orders.number += 1;
                orders.daemon = duty[trunk.carries as usize];
                number = orders.number;
            });
            number
        };
        self.trunks().iter().map(tell).collect()
    }

    /// Watches the trunks come to rest and says how far they are.
    async fn watch(self, drain: u64, orders: Vec<u64>, by: Instant, hangs_up: bool) {
        let mut board = self.0.board.clone();
        let mut told = clock::now().mono;
        let mut progress = loop {
            let now = clock::now().mono;
            let left = by.saturating_duration_since(now);
            let progress = Progress::of(&board.look(), &orders, left, hangs_up);
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
