//! The daemon between a cloud-communications platform and its carriers: messages in by gRPC, out by SMPP and CMPP,
//! calls by SIP, and what the carriers say of them back as durable events.
//!
//! Read it in the order in which a message goes through; a call takes the same way, with [`calls`] in the place of [`sms`]
//! and [`dispatch`]:
//! - [`grpc`]: the API, decoded once into [`domain`]'s types;
//! - [`sms`]: acceptance (durable, idempotent), what carriers send in, what time brings;
//! - [`calls`]: the life of a call: acceptance, its trunk, what happens in it, its end;
//! - [`dispatch`]: one worker per trunk: queue, pace, tries, outcomes;
//! - [`routing`]: which trunks a message may take;
//! - [`trunk`]: everything that talks to one carrier: pool, links, adapters to the wire in the crate `codecs`;
//! - [`instance`]: the daemon as a whole: drained, resumed, ended, its trunks ordered about;
//! - [`store`]: the domain's verbs, each atomic, each durable before it returns;
//! - [`events`]: the log's readers: subscriptions, leases, acknowledgements;
//! - [`config`], [`telemetry`], [`admin`], [`clock`]: what all of them use;
//! - [`app`]: builds and ends them;
//! - `demo` (feature `demo`): simulated carriers, sample traffic and a view of them.
//!
//! # Why nothing is acknowledged early
//! An answer is a promise that a power cut must not break. So the platform's submit is answered after its commit, the
//! carrier's report after its own, and a segment leaves only after a durable mark says that it may have left.
#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod calls;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod dispatch;
pub mod domain;
pub mod events;
pub mod grpc;
pub mod instance;
pub mod routing;
pub mod sms;
pub mod store;
pub mod telemetry;
pub mod trunk;

pub use app::run;
