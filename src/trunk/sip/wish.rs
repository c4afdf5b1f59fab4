//! What the task of SIP is told from outside: which trunks there shall be, and what each of them does.

use std::sync::Arc;

use codecs::sip::ua::Intake;
use tokio::sync::watch;

use crate::{
    config::SipTrunkConfig,
    domain::{TrunkId, Wanted},
    trunk::{CallTraffic, Limits, TrunkStatus, calls::CallSlots},
};

/// What a trunk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duty {
    /// Calls are placed and taken.
    #[default]
    Carry,
    /// The carrier's calls and probes are answered 503; calls that live go on.
    Hold,
    /// The same, and once no call lives the registration is removed.
    Rest,
}

impl Duty {
    pub(super) fn intake(self) -> Intake {
        match self {
            Self::Carry => Intake::Open,
            Self::Hold | Self::Rest => Intake::Draining,
        }
    }
}

/// All that is wanted. Trunks that are not named any more rest, and are gone then.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The trunks there shall be.
    pub trunks: Vec<TrunkWish>,
    /// The task ends once no call lives.
    pub ends: bool,
}

/// What is wanted of one trunk, and what it shares with others.
#[derive(Debug, Clone)]
pub struct TrunkWish {
    /// Its contract.
    pub config: Arc<SipTrunkConfig>,
    /// What it does.
    pub duty: Duty,
    /// The number of these orders, an operator's word and the limits, to be shown.
    pub shown: Orders,
    /// Its places for calls.
    pub slots: CallSlots,
    /// Where it shows itself.
    pub status: watch::Sender<TrunkStatus>,
}

/// What a trunk shows of what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orders {
    /// Their number.
    pub number: u64,
    /// What an operator wants.
    pub wanted: Wanted,
    /// How much it may do at once.
    pub limits: Limits,
    /// How much the configuration lets it.
    pub configured: Limits,
}

impl TrunkWish {
    /// A trunk as it is configured, with places and a status of its own.
    #[must_use]
    pub fn new(config: Arc<SipTrunkConfig>) -> Self {
        let limits = Limits::of_calls(&config);
        let slots = CallSlots::new(usize::try_from(config.max_calls).ok());
        let blank = TrunkStatus::blank(config.id.clone(), "sip", config.operator.clone(), limits);
        let status = watch::Sender::new(TrunkStatus { calls: Some(CallTraffic::default()), ..blank });
        let shown = Orders { limits, configured: limits, ..Orders::default() };
        Self { config, duty: Duty::Carry, shown, slots, status }
    }

    pub(super) fn id(&self) -> &TrunkId {
        &self.config.id
    }
}
