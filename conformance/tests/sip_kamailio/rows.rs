//! The calls that go through the proxy, and their processes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use conformance::{
    api::{CallCause, CallState, HangupParty, SdpKind},
    calls::Calls,
    kamailio::{Kamailio, Proxy, Secured},
    part::{self, Do, End},
    sipp::{Play, Sipp, Transport},
};

pub const WITHIN: Duration = Duration::from_secs(90);
/// Nothing but the rows sends anything.
pub const NO_PROBES: &str = "probe = { interval = \"0s\" }";
const TALKED: Do = Do::Until(CallState::InProgress);

/// We call, and hang up.
const BY_US: End = End {
    states: &[CallState::Initiated, CallState::Ringing, CallState::InProgress, CallState::Completed],
    cause: CallCause::Normal,
    by: HangupParty::Platform,
    status: 0,
};
/// We are called, and the caller hangs up.
pub const BY_CALLER: End = End {
    states: &[CallState::InProgress, CallState::Completed],
    cause: CallCause::Normal,
    by: HangupParty::Caller,
    status: 0,
};

/// A callee behind the proxy, and what the proxy is.
pub struct Out {
    pub callee: &'static str,
    pub values: &'static [(&'static str, &'static str)],
    pub does: &'static [Do],
    pub end: End,
    pub challenges: bool,
    /// Another callee, which the same call rings.
    pub fork: Option<&'static str>,
    /// Further keys of the trunk.
    pub trunk: &'static str,
}

pub const OUT: Out = Out {
    callee: "answer",
    values: &[],
    does: &[TALKED, Do::HangUp],
    end: BY_US,
    challenges: false,
    fork: None,
    trunk: "",
};

const GOOD: &str =
    "account = { username = \"861088880000\", password = \"literal:s3cret-Trunk\", register = false }";
const WRONG: &str =
    "account = { username = \"861088880000\", password = \"literal:wrong\", register = false }";

/// Every callee of the daemon.
pub fn outs() -> Vec<Out> {
    vec![
        Out { ..OUT },
        Out { callee: "hangs_up", does: &[], end: End { by: HangupParty::Callee, ..BY_US }, ..OUT },
        Out {
            callee: "cancelled",
            does: &[Do::Until(CallState::Ringing), Do::HangUp],
            end: End {
                states: &[CallState::Initiated, CallState::Ringing, CallState::Canceled],
                cause: CallCause::Cancelled,
                ..BY_US
            },
            ..OUT
        },
        Out {
            callee: "held",
            does: &[
                TALKED,
                Do::Offer("sendonly"),
                Do::Hear(SdpKind::Changed, "a=recvonly"),
                Do::Offer("sendrecv"),
                Do::Hear(SdpKind::Changed, "a=sendrecv"),
                Do::HangUp,
            ],
            ..OUT
        },
        Out {
            callee: "announces",
            does: &[],
            end: End {
                states: &[CallState::Initiated, CallState::EarlyMedia, CallState::NoAnswer],
                cause: CallCause::Unreachable,
                by: HangupParty::Carrier,
                status: 480,
            },
            ..OUT
        },
        Out {
            callee: "refuses",
            values: &[("STATUS", "486"), ("REASON", "Busy Here"), ("HEADERS", "Reason: Q.850;cause=16")],
            does: &[],
            end: End {
                states: &[CallState::Initiated, CallState::Busy],
                cause: CallCause::Busy,
                by: HangupParty::Callee,
                status: 486,
            },
            ..OUT
        },
        Out { challenges: true, trunk: GOOD, ..OUT },
        Out {
            challenges: true,
            trunk: WRONG,
            callee: "silence",
            does: &[],
            end: End {
                states: &[CallState::Initiated, CallState::Failed],
                cause: CallCause::AuthFailed,
                by: HangupParty::Carrier,
                status: 407,
            },
            ..OUT
        },
        Out { fork: Some("cancelled"), ..OUT },
    ]
}

/// The processes of a row.
pub struct Behind {
    pub callees: Vec<Sipp>,
    pub proxy: Kamailio,
}

impl Behind {
    pub fn start(out: &Out, tls: Option<Secured<'_>>) -> Result<Self> {
        let answer = |scenario: &str| {
            Sipp::answer(&Play::once(&format!("uas/{scenario}"), Transport::Udp).with(out.values))
        };
        let mut callees = vec![answer(out.callee)?];
        if let Some(fork) = out.fork {
            callees.push(answer(fork)?);
        }
        let proxy = Proxy {
            challenges: out.challenges,
            fork: callees.get(1).map(Sipp::address),
            tls,
            ..Proxy::to(callees[0].address())
        };
        Ok(Self { proxy: Kamailio::start(&proxy)?, callees })
    }
}

/// A caller before the proxy, the platform's part, and the end.
pub const IN: &[(&str, &[Do], End)] = &[
    ("answer", &[Do::Answer], BY_CALLER),
    ("remote_bye", &[Do::Answer, TALKED, Do::HangUp], End { by: HangupParty::Platform, ..BY_CALLER }),
    (
        "reliable",
        &[Do::Play, Do::Answer],
        End { states: &[CallState::EarlyMedia, CallState::InProgress, CallState::Completed], ..BY_CALLER },
    ),
    (
        "cancel",
        &[Do::Ring],
        End { states: &[CallState::Ringing, CallState::Canceled], cause: CallCause::Cancelled, ..BY_CALLER },
    ),
    (
        "hold",
        &[
            Do::Answer,
            Do::Hear(SdpKind::Offer, "a=sendonly"),
            Do::Accept("recvonly"),
            Do::Hear(SdpKind::Offer, "a=sendrecv"),
            Do::Accept("sendrecv"),
        ],
        BY_CALLER,
    ),
    (
        "held",
        &[
            Do::Answer,
            TALKED,
            Do::Offer("sendonly"),
            Do::Hear(SdpKind::Changed, "a=recvonly"),
            Do::Offer("sendrecv"),
            Do::Hear(SdpKind::Changed, "a=sendrecv"),
        ],
        BY_CALLER,
    ),
    ("info", &[Do::Answer, Do::Feel("5")], BY_CALLER),
];

/// A call through the proxy to the daemon.
pub async fn call(
    proxy: &Kamailio,
    calls: &Calls,
    scenario: &str,
    number: &str,
    does: &[Do],
    end: &End,
) -> Result<()> {
    let scenario = format!("uac/{scenario}");
    let values = [("NUMBER", number)];
    let caller = Sipp::call(&Play::once(&scenario, Transport::Udp).with(&values), proxy.address())?;
    let caller = tokio::task::spawn_blocking(move || caller.finish(WITHIN));
    let (caller, platform) = tokio::join!(caller, part::take(calls, number, does, end));
    part::both(caller?, platform).with_context(|| format!("{scenario}\n{}", proxy.story()))
}
