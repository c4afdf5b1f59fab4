//! Calls as load: placed at a rate, held for a while and hung up, by the same switch that carriers are.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{LoadError, cpu_seconds};
use crate::{
    clock::Clock,
    config::{
        Delay,
        sip::{CallTarget, Calls, SipCarrier, SipTransport},
    },
    sip::Exchange,
};

/// How often it is looked whether all calls are over.
const LOOK: Duration = Duration::from_millis(20);

/// How long the last calls may take after they should be over.
const PATIENCE: Duration = Duration::from_secs(40);

/// Which calls to place.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct CallLoad {
    /// Whom to call.
    #[arg(long)]
    pub to: SocketAddr,
    /// What carries the calls.
    #[arg(long, value_enum, default_value = "udp")]
    pub transport: SipTransport,
    /// Where to call from; by default any port of the loopback.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The number called.
    #[arg(long, default_value = "+8613800138000")]
    pub number: String,
    /// The caller.
    #[arg(long, default_value = "+861088880000")]
    pub from: String,
    /// Calls a second. What falls behind for want of processor time is made up for, up to a thousand calls.
    #[arg(long)]
    pub rate: f64,
    /// Calls in all.
    #[arg(long)]
    pub calls: u64,
    /// How long an answered call lasts before it is hung up, milliseconds.
    #[arg(long, default_value_t = 0)]
    pub hold_ms: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CallReport {
    /// Calls placed.
    pub placed: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Of these, answered and then ended.
    pub completed: u64,
    /// Calls in all that were not answered and ended: refused, unanswered, still open, or never placed.
    pub failed: u64,
    /// From the first call to the end of the last.
    pub seconds: f64,
    /// Calls a second.
    pub calls_per_second: f64,
    /// Half of the answers came no later, milliseconds.
    pub answer_p50_ms: f64,
    /// All but one in a hundred came no later, milliseconds.
    pub answer_p99_ms: f64,
    /// Messages that came in.
    pub messages_in: u64,
    /// Messages sent, repetitions included.
    pub messages_out: u64,
    /// Processor time of this process, if the system tells.
    pub cpu_seconds: Option<f64>,
}

/// Places calls and waits until all are over.
///
/// # Errors
/// See [`LoadError`].
pub async fn call(load: CallLoad) -> Result<CallReport, LoadError> {
    let over = CancellationToken::new();
    let _ends = over.clone().drop_guard();
    let mut tasks = JoinSet::new();
    let started = tokio::time::Instant::now();
    let exchange = Exchange::open(carrier(&load), Clock::SYSTEM, 0, None, over, &mut tasks)
        .await
        .map_err(|(address, cause)| LoadError::Listen { address, cause })?;
    let length = load.calls as f64 / load.rate.max(f64::MIN_POSITIVE);
    let latest = Duration::try_from_secs_f64(length).unwrap_or(Duration::MAX);
    let latest = latest.saturating_add(Duration::from_millis(load.hold_ms)).saturating_add(PATIENCE);
    let mut stats = exchange.stats();
    while stats.completed + stats.unanswered < load.calls && started.elapsed() < latest {
        tokio::time::sleep(LOOK).await;
        stats = exchange.stats();
    }
    let seconds = started.elapsed().as_secs_f64();
    let answers = exchange.answer_times();
    Ok(CallReport {
        placed: stats.calls_out,
        answered: stats.answered,
        completed: stats.completed,
        failed: load.calls.saturating_sub(stats.completed),
        seconds,
        calls_per_second: stats.calls_out as f64 / seconds,
        answer_p50_ms: answers[0].as_secs_f64() * 1e3,
        answer_p99_ms: answers[1].as_secs_f64() * 1e3,
        messages_in: stats.messages_in,
        messages_out: stats.messages_out,
        cpu_seconds: cpu_seconds(),
    })
}

fn carrier(load: &CallLoad) -> SipCarrier {
    let hold = Delay::Fixed(Duration::from_millis(load.hold_ms));
    let calls = Calls {
        count: Some(load.calls),
        transport: load.transport,
        hold,
        ..Calls::new(load.rate, CallTarget::Address(load.to), &load.from, &load.number)
    };
    SipCarrier {
        udp: vec![load.listen],
        tcp: vec![load.listen],
        calls: Some(calls),
        ..SipCarrier::new("load")
    }
}
