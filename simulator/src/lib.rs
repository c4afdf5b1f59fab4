//! Simulated carriers: the other side of the sessions, from the same codecs and session engine.
//!
//! A [`Scenario`] is the only input. [`start`] opens every carrier in it, each with its own listener; what they saw
//! is in their statistics and, if the scenario asks for it, in a record of one JSON object a line.
//!
//! - [`config`]: the scenario;
//! - [`behaviour`]: what a carrier decides, pure and repeatable by a seed;
//! - [`fault`]: what a connection does wrong;
//! - [`inject`]: when it says something out of turn;
//! - `sip`: carriers of calls;
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
pub mod inject;
pub mod load;
pub mod record;
mod sip;
mod smsc;
mod socket;
mod stats;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use codecs::sip::Transport;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{clock::Clock, record::Recorder, sip::Exchange, smsc::Gateway};
pub use self::{
    config::{Scenario, ScenarioError},
    stats::{CallStats, CarrierStats},
};

/// Running carriers. Dropping it ends them at once.
pub struct Simulator {
    carriers: Vec<(SocketAddr, Arc<dyn Gateway>)>,
    exchanges: Vec<Exchange>,
    shutdown: DropGuard,
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

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// No carrier has that name.
    #[error("no such carrier")]
    UnknownCarrier,
    /// The carrier ends, or has not yet taken those before it.
    #[error("the carrier takes no connection now")]
    Refused,
}

/// Opens every carrier of a scenario on the runtime that this is called on.
///
/// # Errors
/// A carrier can't listen, or the record can't be created. Nothing runs then.
pub async fn start(scenario: Scenario) -> Result<Simulator, Error> {
    let Scenario { seed, epoch, record, carriers, sip_carriers } = scenario;
    let clock = Clock::new(epoch);
    let recorder = match record {
        Some(path) => match Recorder::create(&path) {
            Ok(recorder) => Some(Arc::new(recorder)),
            Err(cause) => return Err(Error::Record { path, cause }),
        },
        None => None,
    };
    let over = CancellationToken::new();
    let shutdown = over.clone().drop_guard();
    let mut simulator =
        Simulator { carriers: Vec::new(), exchanges: Vec::new(), shutdown, tasks: JoinSet::new() };
    for carrier in carriers {
        let (name, listen) = (carrier.name.clone(), carrier.listen);
        let opened =
            smsc::open(carrier, clock, seed, recorder.clone(), over.clone(), &mut simulator.tasks).await;
        simulator.carriers.push(opened.map_err(|cause| Error::Listen {
            carrier: name,
            address: listen,
            cause,
        })?);
    }
    for carrier in sip_carriers {
        let name = carrier.name.clone();
        let opened =
            Exchange::open(carrier, clock, seed, recorder.clone(), over.clone(), &mut simulator.tasks).await;
        let exchange = opened.map_err(|(address, cause)| Error::Listen { carrier: name, address, cause })?;
        simulator.exchanges.push(exchange);
    }
    Ok(simulator)
}

impl Simulator {
    /// Where each carrier listens: those of messages first, each in the order of the scenario. Of a carrier of calls it
    /// is its first address.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let messages = self.carriers.iter().map(|(address, gateway)| (gateway.name().to_owned(), *address));
        let first = |exchange: &Exchange| Some((exchange.name().to_owned(), exchange.addresses().first()?.1));
        messages.chain(self.exchanges.iter().filter_map(first)).collect()
    }

    /// Where one carrier listens, as [`Simulator::addresses`] says.
    #[must_use]
    pub fn address(&self, carrier: &str) -> Option<SocketAddr> {
        self.addresses().into_iter().find(|(name, _)| name == carrier).map(|(_, address)| address)
    }

    /// Where a carrier of calls listens for this transport.
    #[must_use]
    pub fn sip_address(&self, carrier: &str, transport: Transport) -> Option<SocketAddr> {
        let exchange = self.exchanges.iter().find(|exchange| exchange.name() == carrier)?;
        let is_meant = |(carried, _): &&(Transport, SocketAddr)| *carried == transport;
        exchange.addresses().iter().find(is_meant).map(|(_, address)| *address)
    }

    /// Where each carrier of calls listens, in the order of the scenario.
    #[must_use]
    pub fn sip_addresses(&self) -> Vec<(String, Vec<(Transport, SocketAddr)>)> {
        let of = |exchange: &Exchange| (exchange.name().to_owned(), exchange.addresses().to_vec());
        self.exchanges.iter().map(of).collect()
    }

    /// What each carrier of calls counted so far, in the order of the scenario.
    #[must_use]
    pub fn call_stats(&self) -> Vec<(String, CallStats)> {
        self.exchanges.iter().map(|exchange| (exchange.name().to_owned(), exchange.stats())).collect()
    }

    /// Has a carrier call a number, to wherever the scenario says that its calls go.
    ///
    /// # Errors
    /// No carrier of calls has that name, or it takes no more now.
    pub fn call(&self, carrier: &str, from: &str, to: &str) -> Result<(), ConnectError> {
        let exchange = self
            .exchanges
            .iter()
            .find(|exchange| exchange.name() == carrier)
            .ok_or(ConnectError::UnknownCarrier)?;
        if exchange.call(from, to) { Ok(()) } else { Err(ConnectError::Refused) }
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

    /// Connects to a carrier by a stream in memory, or any other: what comes of it is as over its own listener.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(
        &self,
        carrier: &str,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), ConnectError> {
        let (_, gateway) = self
            .carriers
            .iter()
            .find(|(_, gateway)| gateway.name() == carrier)
            .ok_or(ConnectError::UnknownCarrier)?;
        gateway.connect(Box::new(stream))
    }

    /// Unbinds every link, waits a few seconds at most for that, and closes the record.
    pub async fn shutdown(mut self) {
        drop(self.shutdown);
        while self.tasks.join_next().await.is_some() {}
    }
}
