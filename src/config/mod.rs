//! The daemon's one configuration file, parsed into types that can't hold a wrong value.
//!
//! Loading, checking and the words of its errors are in `load` and the files it uses; here is what the rest of the
//! daemon reads. `examples/` shows every key.

mod account;
mod calls;
mod error;
mod layer;
mod load;
mod numbers;
mod profile;
mod quantity;
mod route;
mod secret;
mod section;
mod sender;
mod shares;
mod sip;
mod status;
#[cfg(test)]
mod tests;
mod tlv;
mod trunk;
mod window;

pub use calls::CallConfig;
pub use error::{ConfigError, Fault};
pub use load::{load, parse};
pub use profiles::words::{BindMode, CarrierIdForm, LongMessages, ReceiptForm, ValidityForm};
pub use sender::SenderRule;
pub use shares::ShareConfig;
pub use sip::{
    AddressBlock, CallHeader, Callers, Certificates, CircuitConfig, Direction, DnsConfig, EarlyMedia,
    Gateway, IdentityConfig, NumberRule, NumberScheme, PrivateKey, ProbeConfig, ReliableProvisional,
    SessionTimerConfig, SessionTimerUse, SipAccount, SipConfig, SipFailoverConfig, SipLimits, SipListener,
    SipTimers, SipTrunkConfig, SipTrunkTimers, Strangers, StreamTimers, TlsConfig, WhoseNumber,
};
pub use status::StatusRule;
pub use tlv::TlvRule;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use codecs::text::Charset;

use crate::domain::{Category, NumberPlan, TenantId, TrunkId};

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where we listen.
    pub listen: Listen,
    /// Where state lies.
    pub store: StoreConfig,
    /// What holds for all messages.
    pub messages: MessageConfig,
    /// What holds for all calls.
    pub calls: CallConfig,
    /// How classes and tenants share what an account can carry.
    pub shares: ShareConfig,
    /// The carriers' accounts for messages.
    pub trunks: Vec<TrunkConfig>,
    /// What holds for all calls.
    pub sip: SipConfig,
    /// The contracts with carriers of calls.
    pub sip_trunks: Vec<SipTrunkConfig>,
    /// Which message goes where; the first that matches decides. None: every trunk for messages, in order.
    pub routes: Vec<RouteConfig>,
    /// Which call goes where: the routes whose trunks are SIP trunks. None: every SIP trunk, in order.
    pub call_routes: Vec<RouteConfig>,
    /// Which operator serves a number, for the routes that ask.
    pub numbers: Arc<NumberPlan>,
    /// When messages may leave; the first that concerns a message decides. None: at any time.
    pub windows: Vec<WindowConfig>,
    /// How the daemon comes to its end.
    pub drain: DrainConfig,
    /// The file that it was read from, or what stood for one.
    pub source: String,
    /// SHA-256 of the file's text, in hexadecimal.
    pub digest: String,
}

/// How the daemon comes to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainConfig {
    /// How long answers of carriers are waited for, up to an hour. Default 30 s.
    pub limit: Duration,
}

/// Where we listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// gRPC for gateway services. Default 127.0.0.1:7300.
    pub gateway: SocketAddr,
    /// HTTP for operations: `/metrics`, `/livez`, `/readyz`. Default 127.0.0.1:7301.
    pub admin: SocketAddr,
}

/// Where state lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder; made if it is missing.
    pub path: PathBuf,
    /// Octets that must stay free on its disk for new messages to be accepted. Default 512 MiB.
    pub reserve_octets: u64,
    /// Memory for cached blocks, octets. Default 64 MiB.
    pub cache_octets: u64,
    /// Time from the beginning of one commit to that of the next, on the average, up to 100 ms. What comes in between is
    /// committed together: more of it costs less processor time per message and delays each step by up to as much. After
    /// a rest a few commits follow each other at once. Default 2 ms.
    pub commit_interval: Duration,
    /// How long what is kept.
    pub retention: RetentionConfig,
}

/// How long the store keeps what is over. Whole days go, so what is kept may be a day older, and a request key or a
/// carrier's id twice as old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Messages after their acceptance, with all that is known of them; one that has not ended keeps its whole day.
    /// Default 180 days; 150 or more, unless the platform keeps the records.
    pub records: Duration,
    /// Events that every subscription has confirmed; others as long as the records. 1 day or more, no longer than the
    /// records. Default 30 days.
    pub events: Duration,
    /// A tenant's `request_id`: for so long the same request is not taken twice. 1 to 30 days. Default 7 days.
    pub requests: Duration,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { records: days(180), events: days(30), requests: days(7) }
    }
}

/// What holds for all messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageConfig {
    /// Validity of messages that name none. Default 24 h.
    pub default_validity: Duration,
    /// Longest validity taken. Default 72 h.
    pub max_validity: Duration,
    /// How far ahead of acceptance a message may be scheduled. Default 7 days.
    pub max_schedule: Duration,
    /// How long a report is awaited after acceptance, or after the time it was scheduled for, before the message ends as unknown. Default 72 h.
    pub report_window: Duration,
    /// How long a report without a match waits for the answer to its submit before it is told as an orphan. Default 120 s.
    pub orphan_hold: Duration,
    /// How long an incoming long message may lack a part. Default 1 h.
    pub reassembly_timeout: Duration,
    /// Most segments of one message. Default 10.
    pub max_segments: u8,
    /// Tell every move of a message as an event, not only its end. Default no.
    pub intermediate_events: bool,
}

/// One contract with a carrier of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkConfig {
    /// Its name everywhere: API, metrics, logs.
    pub id: TrunkId,
    /// What it speaks, with the account.
    pub protocol: ProtocolConfig,
    /// Hosts and ports, tried in turn by each link.
    pub hosts: Vec<String>,
    /// Operator for statistics: `cmcc`, `cucc`, `ctcc`, `cbn` or free.
    pub operator: String,
    /// What a submit costs, in a unit of the file's author; only compared. For routes by cost.
    pub cost: Option<u32>,
    /// Connections wanted, 1 to 64.
    pub links: u32,
    /// Unanswered submits per link, 1 to 4096.
    pub window: usize,
    /// Submits per second over all links; `None`: no limit.
    pub submits_per_second: Option<u32>,
    /// Messages that may wait in memory for this trunk before new ones are refused. Default 100,000.
    pub max_queue: usize,
    /// Of these, messages of one tenant; `None`: as many.
    pub max_tenant_queue: Option<usize>,
    /// Tries of one segment before it is given up. Default 10.
    pub max_attempts: u16,
    /// How long the trunk is down before what waits for it goes to other trunks of its route. Default 10 s.
    pub failover_after: Duration,
    /// What one sender number may do: the first rule that fits a number is its own.
    pub senders: Vec<SenderRule>,
    /// What statuses of this carrier mean, where that is not what its protocol says.
    pub statuses: Vec<StatusRule>,
    /// The carrier's clock, as an offset from UTC. Default +08:00.
    pub utc_offset: jiff::tz::Offset,
    /// How carrier ids are compared.
    pub carrier_ids: CarrierIdForm,
    /// Width of the reference in concatenation headers, octets: 1 or 2. Default 1.
    pub reference_octets: u8,
    /// Timers of its sessions.
    pub timers: Timers,
}

/// Timers of a trunk's sessions; see `codecs::session::Config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers {
    /// Connecting and binding, each.
    pub connect: Duration,
    /// An answer to a submit.
    pub response: Duration,
    /// Silence before a probe.
    pub probe_after: Duration,
    /// An answer to a probe, each time.
    pub probe: Duration,
    /// Transmissions of a probe.
    pub probe_attempts: u32,
    /// First delay before reconnecting; doubles up to `reconnect_max`, with jitter.
    pub reconnect_min: Duration,
    /// Longest delay before reconnecting, and the first delay after refused credentials; those then double to 15 min.
    pub reconnect_max: Duration,
    /// Delay after "already bound": the carrier's own time until it notices a dead session.
    pub already_bound_wait: Duration,
}

/// What a trunk speaks, with the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtocolConfig {
    /// SMPP 3.3, 3.4 or 5.0.
    Smpp(SmppAccount),
    /// CMPP 2.0, 2.1 or 3.0.
    Cmpp(CmppAccount),
}

impl ProtocolConfig {
    /// `smpp34`, `smpp50`, `cmpp20`, …: the name in the API, in metrics and in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Smpp(account) => match account.version {
                0x33 => "smpp33",
                0x50 => "smpp50",
                _ => "smpp34",
            },
            Self::Cmpp(account) => match account.version {
                0x20 => "cmpp20",
                0x21 => "cmpp21",
                _ => "cmpp30",
            },
        }
    }
}

/// An SMPP account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmppAccount {
    /// 0x33, 0x34 or 0x50.
    pub version: u8,
    /// Bind as 3.4 where the carrier refuses 5.0. Default yes.
    pub version_fallback: bool,
    /// How links bind.
    pub bind: BindMode,
    /// The account's name, at most 15 octets.
    pub system_id: String,
    /// Its password.
    pub password: Secret,
    /// Often empty, at most 12 octets.
    pub system_type: String,
    /// Often empty.
    pub address_range: String,
    /// service_type of every submit, at most 5 octets.
    pub service_type: String,
    /// What data_coding 0 of a submit means to this carrier.
    pub default_charset: Charset,
    /// What it means in messages from phones. Default: the same.
    pub incoming_charset: Charset,
    /// How long texts travel.
    pub long_messages: LongMessages,
    /// How a submit says its validity. Default as a period.
    pub validity: ValidityForm,
    /// registered_delivery of a submit whose report is wanted. Default 0x01.
    pub registered_delivery: u8,
    /// What is said of senders that are numbers without country code.
    pub sender_kind: NumberKind,
    /// What is said of recipients.
    pub recipient_kind: NumberKind,
    /// Sender of messages that name none.
    pub default_sender: String,
    /// How receipts are recognised and read.
    pub receipts: ReceiptConfig,
    /// TLVs of every submit.
    pub tlvs: Vec<TlvRule>,
}

/// TON and NPI that a carrier wants to see, where they are not what a number's own form says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberKind {
    /// Type of number.
    pub ton: Option<u8>,
    /// Numbering plan indicator.
    pub npi: Option<u8>,
}

/// How a carrier's SMPP receipts are recognised and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptConfig {
    /// Where id and state are looked for. Default in TLVs and text.
    pub form: ReceiptForm,
    /// esm_class says that a delivery is a receipt. Default yes; no: its text may say it too.
    pub flagged: bool,
}

/// A CMPP account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CmppAccount {
    /// 0x20, 0x21 or 0x30.
    pub version: u8,
    /// Log in with an earlier version where the gateway refuses this one as too high. Default no.
    pub version_fallback: bool,
    /// The company code, six characters as a rule.
    pub source_addr: String,
    /// The shared secret.
    pub shared_secret: Secret,
    /// Service_Id of every submit, at most 10 octets.
    pub service_id: String,
    /// The access number; a message's sender must begin with it.
    pub access_number: String,
    /// Fee_UserType. Default 2, the SP pays.
    pub fee_user_type: u8,
    /// FeeType, two digits. Default `01`.
    pub fee_type: String,
    /// FeeCode, up to six digits. Default `000000`.
    pub fee_code: String,
    /// What texts are written in, the preferred first. Default ASCII, then UCS-2.
    pub charsets: Vec<Charset>,
    /// How a submit says its validity. Default as a time in Beijing.
    pub validity: ValidityForm,
    /// Refuse links whose AuthenticatorISMG does not prove the gateway. Default no: it is only warned of.
    pub require_proof: bool,
}

/// A secret, read from where the file points to; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(secret)
    }
    /// The secret itself, for the one place that proves it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One rule of the route table. What is not said restricts nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// What people call it; `route 1` and so on by default.
    pub name: String,
    /// Digits that the recipient's international form begins with; empty: any.
    pub prefixes: Vec<String>,
    /// Operators that serve the recipient; empty: any, or none that is known.
    pub operators: Vec<String>,
    /// Categories; empty: any.
    pub categories: Vec<Category>,
    /// Tenants; empty: any.
    pub tenants: Vec<TenantId>,
    /// What the sender begins with; empty: any.
    pub senders: Vec<String>,
    /// Kinds of content; empty: any.
    pub content: Vec<ContentKind>,
    /// Where to. At least one.
    pub trunks: Vec<TrunkId>,
    /// Which of them comes first.
    pub order: RouteOrder,
}

/// A kind of content that a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// A text.
    Text,
    /// Octets.
    Binary,
    /// A text or octets that do not fit into one segment.
    Long,
}

impl ContentKind {
    /// Its word in the file and in explanations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Long => "long",
        }
    }
}

/// Which of a rule's trunks comes first. Numbers stand in the order of the trunks, one each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteOrder {
    /// As they are listed.
    Listed,
    /// By shares of the traffic, 0 to 1000: a trunk of weight 0 is a spare.
    Weighted(Vec<u32>),
    /// By cost, the least first; of equal ones the one listed first.
    Cheapest(Vec<u32>),
}

/// When some messages may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowConfig {
    /// Categories; empty: any.
    pub categories: Vec<Category>,
    /// Tenants; empty: any.
    pub tenants: Vec<TenantId>,
    /// From when to when it is open, the end not included. An end that is not after its beginning lies on the next day.
    pub open: Vec<(jiff::civil::Time, jiff::civil::Time)>,
    /// On which days a time of `open` may begin, from Monday.
    pub days: [bool; 7],
    /// Whose clock it is.
    pub zone: jiff::tz::TimeZone,
    /// What becomes of a message outside of it.
    pub outside: Outside,
}

/// What becomes of a message outside of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// It is not accepted.
    Refuse,
    /// It is accepted and leaves when the window opens.
    Hold,
}
