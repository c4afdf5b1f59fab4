//! SMS trunks: a pool of links per account, one driver for every protocol, one adapter each.

pub mod adapter;
mod backoff;
mod choice;
mod control;
mod dial;
mod ending;
mod faults;
mod link;
mod pool;
mod traffic;
mod turn;
mod window;
mod wish;

pub use control::{LinkControl, NotAsked};
pub use dial::{Connection, Dialer, Tcp};
pub use pool::{Pool, PoolEvent};
pub use traffic::{InboundBatch, LinkReport, Outbound, Outcome};
pub use wish::Wish;

use std::sync::Arc;

use codecs::session;
use tokio::sync::mpsc;

use self::adapter::{Planner, StatusRules};
use crate::config::{ProtocolConfig, TrunkConfig};

/// A trunk whose links are being opened.
pub struct OpenTrunk {
    /// Its links, for the worker.
    pub pool: Pool,
    /// What the carrier sends, for the inbound task.
    pub inbound: mpsc::Receiver<InboundBatch>,
    /// What its carrier's statuses mean.
    pub statuses: StatusRules,
}

/// How messages are cut for this trunk: the one `match` over protocols besides [`open`].
#[must_use]
pub fn planner(config: &TrunkConfig, max_segments: u8) -> Arc<dyn Planner> {
    match &config.protocol {
        ProtocolConfig::Smpp(account) => {
            Arc::new(adapter::smpp::SmppAdapter::new(account.clone(), config, max_segments))
        }
        ProtocolConfig::Cmpp(account) => {
            Arc::new(adapter::cmpp::CmppAdapter::new(account.clone(), config, max_segments))
        }
    }
}

/// Starts the links of a trunk; `seed` is for the jitter of their delays, `wish` for whether they shall be bound at first.
#[must_use]
pub fn open(
    config: &TrunkConfig,
    max_segments: u8,
    seed: u64,
    dialer: &Arc<dyn Dialer>,
    wish: Wish,
) -> OpenTrunk {
    match &config.protocol {
        ProtocolConfig::Smpp(account) => {
            let adapter = adapter::smpp::SmppAdapter::new(account.clone(), config, max_segments);
            let rules = adapter.status_rules();
            pool::start(Arc::new(adapter), config, seed, dialer, wish, rules)
        }
        ProtocolConfig::Cmpp(account) => {
            let adapter = adapter::cmpp::CmppAdapter::new(account.clone(), config, max_segments);
            let rules = adapter.status_rules();
            pool::start(Arc::new(adapter), config, seed, dialer, wish, rules)
        }
    }
}

fn session_config(config: &TrunkConfig) -> session::Config {
    session::Config {
        window: config.window,
        bind_timeout: config.timers.connect,
        response_timeout: config.timers.response,
        probe_after: config.timers.probe_after,
        probe_timeout: config.timers.probe,
        probe_attempts: config.timers.probe_attempts,
        // Who began to say something has as long for the rest as for an answer: CMPP's T.
        partial_timeout: config.timers.response,
        ..session::Config::default()
    }
}
