//! One SIP trunk at run time: its contract, its gateways, its places for calls, and what it was told to do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codecs::{
    Now,
    sip::{
        Transport,
        auth::Credentials,
        locate::Settings,
        ua::{self, Listener, Peer, PeerId, Registration, Source, registration},
        uri::put_user,
    },
};
use tokio::{sync::watch, task::AbortHandle};

use super::{
    adapter,
    pool::{GatewayId, Pool},
    showing::Shows,
    wish::{Duty, Orders, TrunkWish},
};
use crate::{
    config::{EarlyMedia, SipAccount, SipTrunkConfig},
    domain::{CallDirection, TrunkId},
    telemetry::metrics::SipTrunkMetrics,
    trunk::{TrunkStatus, calls::CallSlots},
};

/// How long a registrar may take to take note that we are gone before nobody waits for it any more.
const LAST_WORD: Duration = Duration::from_secs(4);

/// One trunk.
pub(super) struct SipTrunk {
    pub config: Arc<SipTrunkConfig>,
    pub peer: PeerId,
    pub policy: Arc<ua::Policy>,
    pub pool: Pool,
    pub slots: CallSlots,
    pub metrics: SipTrunkMetrics,
    pub duty: Duty,
    /// What it was told, to be shown.
    pub orders: Orders,
    /// It is not configured any more, and is gone once it rests.
    pub leaves: bool,
    /// `None`: the carrier knows where we are.
    pub registration: Option<Registered>,
    /// Who asks for the names of its gateways.
    pub lookups: Vec<(GatewayId, AbortHandle)>,
    pub shows: Shows,
    pub status: watch::Sender<TrunkStatus>,
}

/// Its registration.
pub(super) struct Registered {
    pub machine: Registration,
    settings: registration::Settings,
    /// Since when it stands.
    pub since: Option<jiff::Timestamp>,
    /// Why it does not, or was not refreshed: the status, and whether the carrier refuses it for good.
    pub failed: Option<(Option<u16>, bool)>,
    /// Until when its removal is waited for.
    removal_until: Option<Instant>,
}

impl SipTrunk {
    /// A trunk of which nothing is known yet. `listeners`: where its calls may come to.
    pub fn new(
        wish: &TrunkWish,
        peer: PeerId,
        settings: Settings,
        listeners: &[Listener],
        seed: u64,
        now: Now,
    ) -> Self {
        let config = wish.config.clone();
        Self {
            peer,
            policy: Arc::new(adapter::policy(&config)),
            pool: Pool::new(&config, settings, seed, now),
            slots: wish.slots.clone(),
            metrics: SipTrunkMetrics::new(config.id.as_str()),
            duty: wish.duty,
            orders: wish.shown.clone(),
            leaves: false,
            // One that rests from the start has nothing to remove.
            registration: registration(&config, listeners)
                .map(|settings| Registered::new(settings, wish.duty, seed, now)),
            lookups: Vec::new(),
            shows: Shows::default(),
            status: wish.status.clone(),
            config,
        }
    }

    /// Does as it is told from now on, which may be another contract.
    pub fn heed(&mut self, wish: &TrunkWish, listeners: &[Listener], seed: u64, now: Now) {
        self.leaves = false;
        self.slots = wish.slots.clone();
        self.orders = wish.shown.clone();
        if *self.config != *wish.config {
            self.reconfigure(wish.config.clone(), listeners, seed, now);
        }
        self.set_duty(wish.duty, now);
    }

    fn reconfigure(&mut self, config: Arc<SipTrunkConfig>, listeners: &[Listener], seed: u64, now: Now) {
        self.pool.reconfigure(&config, now);
        self.policy = Arc::new(adapter::policy(&config));
        let account_changed = self.config.account != config.account;
        match (registration(&config, listeners), &mut self.registration) {
            (Some(settings), Some(before)) if before.settings == settings => {
                if account_changed {
                    // The carrier shall see the new password now, not in an hour.
                    before.machine.refresh(now);
                }
            }
            // A binding under another address, or none that is wanted, runs out by itself.
            (Some(settings), _) => {
                self.registration = Some(Registered::new(settings, self.duty, seed, now));
            }
            (None, _) => self.registration = None,
        }
        self.config = config;
    }

    /// It is not configured any more.
    pub fn leave(&mut self, now: Now) {
        self.leaves = true;
        self.set_duty(Duty::Rest, now);
    }

    fn set_duty(&mut self, duty: Duty, now: Now) {
        if self.duty == Duty::Carry && duty != Duty::Carry {
            self.shows.hung_up = 0;
        }
        self.duty = duty;
        if duty != Duty::Rest
            && let Some(registered) = &mut self.registration
            && registered.removal_until.take().is_some()
        {
            registered.machine.register(now);
        }
    }

    /// Removes the registration when nobody needs it any more.
    pub fn retire(&mut self, now: Now) {
        if self.duty == Duty::Rest
            && self.shows.calls() == 0
            && let Some(registered) = &mut self.registration
            && registered.removal_until.is_none()
        {
            registered.machine.unregister(now);
            registered.removal_until = Some(now.mono + LAST_WORD);
            self.shows.is_due = true;
        }
    }

    /// No call lives, and the carrier knows that none shall come, or was told in vain.
    pub fn rests(&self, now: Now) -> bool {
        let is_removed = |registered: &Registered| {
            registered.machine.state() == registration::State::Removed
                || registered.removal_until.is_some_and(|until| until <= now.mono)
        };
        let removed = self.duty != Duty::Rest || self.registration.as_ref().is_none_or(is_removed);
        self.shows.calls() == 0 && removed
    }

    /// When something is due that nothing else wakes it for.
    pub fn poll_timeout(&self, now: Now) -> Option<Instant> {
        let registration = self.registration.as_ref();
        let removal = registration
            .filter(|registered| registered.machine.state() != registration::State::Removed)
            .and_then(|registered| registered.removal_until)
            .filter(|until| *until > now.mono);
        let machine = registration.and_then(|registered| registered.machine.poll_timeout());
        let probe = self.pool.poll_timeout().filter(|_| self.probes());
        [probe, machine, removal, self.shows.poll_timeout(), self.pool.ready_at(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Its gateways are asked whether they live.
    pub fn probes(&self) -> bool {
        self.duty != Duty::Rest || self.shows.calls() > 0
    }

    pub fn id(&self) -> &TrunkId {
        &self.config.id
    }

    pub fn early_media(&self) -> EarlyMedia {
        self.config.early_media
    }

    /// The trunk as the endpoint knows it: whose requests are its own, and what they may do.
    pub fn as_peer(&self) -> Peer {
        let gateways = self.pool.addresses().into_iter().map(Source::address);
        let others = self.config.sources.iter().map(|block| Source {
            address: block.network,
            prefix_bits: block.prefix_bits,
            port: None,
        });
        let user = self.contact_user().to_owned();
        Peer {
            sources: gateways.chain(others).collect(),
            contact_user: user.into(),
            intake: self.duty.intake(),
            credentials: credentials(&self.config),
            legs: usize::try_from(self.config.max_calls).unwrap_or(usize::MAX),
            ..Peer::new(self.peer, self.policy.clone())
        }
    }

    /// Who we are to the carrier: a value of From without a tag.
    pub fn address_of_record(&self) -> String {
        format!("<{}>", address_of_record(&self.config))
    }

    /// The user part of Contact in what is no call.
    pub fn contact_user(&self) -> &str {
        self.config.account.as_ref().map_or("", |account| &account.user)
    }

    /// A call of this direction began.
    pub fn began(&mut self, direction: CallDirection, now: Now) {
        self.metrics.attempts(direction).increment(1);
        self.shows.began(direction, now);
        self.count(direction);
    }

    /// A call of this direction ended.
    pub fn over(&mut self, direction: CallDirection) {
        self.shows.over(direction);
        self.count(direction);
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    fn count(&self, direction: CallDirection) {
        self.metrics.active(direction).set(self.shows.active(direction) as f64);
    }
}

impl Drop for SipTrunk {
    fn drop(&mut self) {
        self.lookups.iter().for_each(|(_, lookup)| lookup.abort());
    }
}

impl Registered {
    fn new(settings: registration::Settings, duty: Duty, seed: u64, now: Now) -> Self {
        // CSeq must not begin lower than the last run ended.
        let sequence = u32::try_from(now.wall.as_second() & 0x3fff_ffff).unwrap_or(0);
        let mut machine = Registration::new(settings.clone(), sequence, seed, now);
        let mut removal_until = None;
        if duty == Duty::Rest {
            machine.unregister(now);
            removal_until = Some(now.mono);
        }
        Self { machine, settings, since: None, failed: None, removal_until }
    }
}

fn credentials(config: &SipTrunkConfig) -> Vec<Credentials> {
    let of = |account: &SipAccount| Credentials {
        realm: account.realm.clone(),
        username: account.username.clone(),
        password: account.password.expose().to_owned(),
    };
    config.account.iter().map(of).collect()
}

/// The address of record without brackets.
fn address_of_record(config: &SipTrunkConfig) -> String {
    let domain = host(config);
    match &config.account {
        Some(account) => {
            let mut user = bytes::BytesMut::new();
            put_user(&mut user, account.user.as_bytes());
            format!("sip:{}@{domain}", String::from_utf8_lossy(&user))
        }
        None => format!("sip:{domain}"),
    }
}

fn host(config: &SipTrunkConfig) -> String {
    if config.domain.contains(':') { format!("[{}]", config.domain) } else { config.domain.clone() }
}

/// What to register, if anything: calls for the account come to the listener that its first gateway's transport has.
fn registration(config: &SipTrunkConfig, listeners: &[Listener]) -> Option<registration::Settings> {
    let account = config.account.as_ref().filter(|account| account.register)?;
    let wanted = config.gateways.first().and_then(|gateway| gateway.transport).unwrap_or(Transport::Udp);
    let listener = listeners.iter().find(|listener| listener.transport == wanted).or(listeners.first())?;
    let mut user = bytes::BytesMut::new();
    put_user(&mut user, account.user.as_bytes());
    let transport = match listener.transport {
        Transport::Udp => String::new(),
        other => format!(";transport={}", other.parameter()),
    };
    let (user, place) = (String::from_utf8_lossy(&user), String::from_utf8_lossy(&listener.advertised));
    let contact = format!("sip:{user}@{place}{transport}");
    let settings =
        registration::Settings::new(format!("sip:{}", host(config)), address_of_record(config), contact);
    Some(registration::Settings { expires: account.expires, ..settings })
}
