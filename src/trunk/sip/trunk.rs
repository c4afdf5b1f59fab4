//! One SIP trunk at run time: its contract, its gateways, its places for calls, and how it shows itself.

use std::{sync::Arc, time::Duration};

use codecs::{
    Now,
    sip::{
        Transport,
        auth::Credentials,
        locate::Settings,
        ua::{self, Intake, Listener, Peer, PeerId, Registration, Source, registration},
        uri::put_user,
    },
};
use tokio::sync::watch;

use super::{adapter, pool::Pool};
use crate::{
    config::{EarlyMedia, SipAccount, SipTrunkConfig},
    domain::{CallDirection, TrunkId, Wanted},
    telemetry::metrics::SipTrunkMetrics,
    trunk::{Answered, Limits, LinkStatus, Reported, TrunkState, TrunkStatus, calls::CallSlots},
};

/// One trunk.
pub(super) struct SipTrunk {
    pub config: SipTrunkConfig,
    pub peer: PeerId,
    pub policy: Arc<ua::Policy>,
    pub pool: Pool,
    pub slots: CallSlots,
    pub metrics: SipTrunkMetrics,
    pub intake: Intake,
    /// `None`: the carrier knows where we are.
    pub registration: Option<Registration>,
    /// Since when it stands.
    pub registered_since: Option<jiff::Timestamp>,
    /// Calls now, outgoing and incoming.
    active: [usize; 2],
    status: watch::Sender<TrunkStatus>,
}

impl SipTrunk {
    /// A trunk of which nothing is known yet. `listeners`: where its calls may come to.
    pub fn new(
        config: &SipTrunkConfig,
        peer: PeerId,
        settings: Settings,
        listeners: &[Listener],
        seed: u64,
        now: Now,
    ) -> Self {
        let pool = Pool::new(&config.gateways, &config.probe, settings, seed, now);
        let account = config.account.as_ref().filter(|account| account.register);
        // CSeq must not begin lower than the last run ended.
        let sequence = u32::try_from(now.wall.as_second() & 0x3fff_ffff).unwrap_or(0);
        let registration = account.and_then(|account| {
            let settings = registration(config, account, listeners)?;
            Some(Registration::new(settings, sequence, seed, now))
        });
        let trunk = Self {
            config: config.clone(),
            peer,
            policy: Arc::new(adapter::policy(config)),
            pool,
            slots: CallSlots::new(usize::try_from(config.max_calls).ok()),
            metrics: SipTrunkMetrics::new(config.id.as_str()),
            intake: Intake::Open,
            registration,
            registered_since: None,
            active: [0; 2],
            status: watch::Sender::new(blank(config)),
        };
        trunk.show();
        trunk
    }

    pub fn id(&self) -> &TrunkId {
        &self.config.id
    }

    pub fn early_media(&self) -> EarlyMedia {
        self.config.early_media
    }

    pub fn status(&self) -> watch::Receiver<TrunkStatus> {
        self.status.subscribe()
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
            intake: self.intake,
            credentials: credentials(&self.config),
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
    pub fn began(&mut self, direction: CallDirection) {
        self.active[direction as usize] += 1;
        self.metrics.attempts(direction).increment(1);
        self.count(direction);
        if self.calls() == 1 {
            self.show();
        }
    }

    /// A call of this direction ended.
    pub fn over(&mut self, direction: CallDirection) {
        let active = &mut self.active[direction as usize];
        *active = active.saturating_sub(1);
        self.count(direction);
        if self.calls() == 0 {
            self.show();
        }
    }

    fn calls(&self) -> usize {
        self.active.iter().sum()
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    fn count(&self, direction: CallDirection) {
        self.metrics.active(direction).set(self.active[direction as usize] as f64);
    }

    /// Tells whoever looks how it is now.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    pub fn show(&self) {
        let gateways = self.pool.shown();
        let up = gateways.iter().filter(|gateway| gateway.up_since.is_some()).count();
        let down = gateways.iter().filter(|gateway| gateway.is_down).count();
        self.metrics.gateways.set(gateways.len() as f64);
        self.metrics.gateways_up.set(up as f64);
        let (wants, stands) = (self.registration.is_some(), self.registered_since.is_some());
        if wants {
            self.metrics.registered(stands);
        }
        let state = match self.intake {
            Intake::Draining => TrunkState::Draining,
            Intake::Open if down == gateways.len() || (wants && !stands) => TrunkState::Down,
            Intake::Open if down > 0 => TrunkState::Degraded,
            Intake::Open => TrunkState::Up,
        };
        let link =
            |(index, (remote, kind, since)): (usize, (String, &'static str, Option<jiff::Timestamp>))| {
                LinkStatus {
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                    remote,
                    bind_mode: kind,
                    bound_since: since,
                    in_flight: 0,
                    window: 0,
                    round_trip: None,
                    last_error: None,
                }
            };
        let gateways = gateways.into_iter().map(|gateway| (gateway.name, "gateway", gateway.up_since));
        let registration = wants.then(|| (self.config.domain.clone(), "registration", self.registered_since));
        let links: Vec<_> = gateways.chain(registration).enumerate().map(link).collect();
        let rests = self.calls() == 0;
        self.status.send_if_modified(|status| {
            let differs = (status.state, status.rests, &status.links) != (state, rests, &links);
            (status.state, status.rests, status.links) = (state, rests, links);
            differs
        });
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

/// What to register: calls for the account come to the listener that its first gateway's transport has.
fn registration(
    config: &SipTrunkConfig,
    account: &SipAccount,
    listeners: &[Listener],
) -> Option<registration::Settings> {
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

fn blank(config: &SipTrunkConfig) -> TrunkStatus {
    let limits = Limits { links: 0, window: 0, submits_per_second: None };
    TrunkStatus {
        id: config.id.clone(),
        protocol: "sip",
        operator: config.operator.clone(),
        state: TrunkState::Down,
        wanted: Wanted::default(),
        configured: limits,
        obeys: 0,
        rests: true,
        unanswered: 0,
        abandoned: 0,
        limits,
        links: Vec::new(),
        queue_depth: 0,
        oldest_queued: None::<Duration>,
        answered: Answered::default(),
        reported: Reported::default(),
    }
}
