//! Simulated carriers: the other side of the sessions, from the same codecs and session engine.
//!
//! A [`Scenario`] is the only input. [`start`] opens every carrier in it, each with its own listener; what they saw
//! is in their statistics and, if the scenario asks for it, in a record of one JSON object a line.
//!
//! - [`config`]: the scenario;
//! - [`behaviour`]: what a carrier decides, pure and repeatable by a seed;
//! - [`fault`]: what a connection does wrong;
//! - `smsc`: gateways, their accounts and links, and what each protocol says;
//! - [`record`]: what was seen;
//! - [`load`]: the other end, a generator to measure with.
//!
//! Carriers here share codecs and engine with whoever is tested, so they never judge conformance.
#![forbid(unsafe_code)]

pub mod behaviour;
mod clock;
pub mod config;
pub mod fault;
pub mod load;
pub mod record;
mod smsc;
mod socket;
mod stats;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use thiserror::Error;
use tokio::{sync::watch, task::JoinSet};

pub use self::{
    config::{Scenario, ScenarioError},
    stats::CarrierStats,
};
use self::{record::Recorder, smsc::Gateway};

/// Running carriers. Dropping it ends them at once.
pub struct Simulator {
    carriers: Vec<(SocketAddr, Arc<dyn Gateway>)>,
    shutdown: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Why the carriers could not be started.
#[derive(Debug, Error)]
pub enum Error {
    /// A carrier can't listen.
    #[error("carrier `{carrier}` can't listen on {address}: {cause}")]
    Listen {
        /// Which.
        carrier: String,
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// The record can't be written.
    #[error("the record {path} can't be created: {cause}", path = .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Why a message from a phone was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InjectError {
    /// No carrier has that name.
    #[error("no such carrier")]
    UnknownCarrier,
    /// The carrier has no account of that name.
    #[error("no such account")]
    UnknownAccount,
    /// The text takes more than 255 parts.
    #[error("the text can't be sent")]
    Unsayable,
}

/// Opens every carrier of a scenario on the runtime that this is called on.
///
/// # Errors
/// A carrier can't listen, or the record can't be created. Nothing runs then.
pub async fn start(scenario: Scenario) -> Result<Simulator, Error> {
    let Scenario { seed, record, carriers } = scenario;
    let recorder = match record {
        Some(path) => match Recorder::create(&path) {
            Ok(recorder) => Some(Arc::new(recorder)),
            Err(cause) => return Err(Error::Record { path, cause }),
        },
        None => None,
    };
    let (shutdown, told) = watch::channel(false);
    let mut simulator = Simulator { carriers: Vec::new(), shutdown, tasks: JoinSet::new() };
    for carrier in carriers {
        let (name, listen) = (carrier.name.clone(), carrier.listen);
        let opened = smsc::open(carrier, seed, recorder.clone(), told.clone(), &mut simulator.tasks).await;
        simulator.carriers.push(opened.map_err(|cause| Error::Listen {
            carrier: name,
            address: listen,
            cause,
        })?);
    }
    Ok(simulator)
}

/// Waits until the simulator ends, in good order or dropped.
pub(crate) async fn over(shutdown: &mut watch::Receiver<bool>) {
    // An error says that the simulator is gone, which is an end too. The guard must not outlive this.
    drop(shutdown.wait_for(|&is_over| is_over).await);
}

impl Simulator {
    /// Where each carrier listens, in the order of the scenario.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.carriers.iter().map(|(address, gateway)| (gateway.name().to_owned(), *address)).collect()
    }

    /// Where one carrier listens.
    #[must_use]
    pub fn address(&self, carrier: &str) -> Option<SocketAddr> {
        self.carriers.iter().find(|(_, gateway)| gateway.name() == carrier).map(|(address, _)| *address)
    }

    /// What each carrier counted so far, in the order of the scenario.
    #[must_use]
    pub fn stats(&self) -> Vec<(String, CarrierStats)> {
        self.carriers.iter().map(|(_, gateway)| (gateway.name().to_owned(), gateway.stats())).collect()
    }

    /// Sends a text from a phone to an account of a carrier, over whichever of its links may receive, now or later.
    ///
    /// # Errors
    /// See [`InjectError`].
    pub fn inject_mo(
        &self,
        carrier: &str,
        account: &str,
        from: &str,
        to: &str,
        text: &str,
    ) -> Result<(), InjectError> {
        let (_, gateway) = self
            .carriers
            .iter()
            .find(|(_, gateway)| gateway.name() == carrier)
            .ok_or(InjectError::UnknownCarrier)?;
        gateway.inject(account, from, to, text)
    }

    /// Unbinds every link, waits a few seconds at most for that, and closes the record.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
