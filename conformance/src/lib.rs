//! Says whether this project agrees with the outside world: with the worked packets of the specifications
//! ([`vector`], [`judge`]), with the torture messages of SIP ([`torture`]), with vectors from the field ([`field`]), with
//! foreign dissectors ([`pcap`], [`gaps`]) and with foreign peers, which run as processes ([`peer`]; for calls [`sipp`],
//! [`kamailio`] and [`baresip`]), alone and against the daemon ([`daemon`], [`platform`];
//! for calls [`call_subject`], [`calls`], [`part`]) and the simulator ([`simulated`]), and with SIP that no machine of ours
//! wrote ([`raw_sip`]). What a process counts is read from its [`metrics`].
//!
//! It also puts the daemon and the simulator to the proof as processes ([`subject`], [`rig`]): under load ([`mod@bench`]),
//! under SIGKILL ([`kill_loop`]), with many calls ([`hold`]) and with much to remember ([`scale`]), through a client compiled from `proto/` alone ([`api`]).
//!
//! The simulator never judges here: it shares the codecs and could share their mistakes.
#![forbid(unsafe_code)]

pub mod api;
pub mod baresip;
pub mod bench;
pub mod call_subject;
pub mod calls;
mod cmpp;
pub mod compare;
pub mod daemon;
pub mod field;
pub mod gaps;
pub mod hold;
pub mod judge;
pub mod kamailio;
pub mod kill_loop;
pub mod loopback;
pub mod metrics;
pub mod part;
pub mod pcap;
pub mod peer;
pub mod platform;
pub mod raw_sip;
pub mod report;
pub mod rig;
pub mod scale;
pub mod simulated;
pub mod sipp;
mod smpp;
pub mod subject;
mod text;
pub mod torture;
pub mod vector;
