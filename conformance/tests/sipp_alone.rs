//! SIPp against SIPp, without anything of ours: a scenario that fails here can't judge us.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use conformance::{
    kamailio::{Kamailio, Proxy},
    sipp::{Play, Sipp, Transport},
};

const WITHIN: Duration = Duration::from_secs(30);

/// Caller, callee, and values for both.
type Pair = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PAIRS: [Pair; 23] = [
    ("uac/answer", "uas/answer", &[]),
    ("uac/remote_bye", "uas/hangs_up", &[]),
    ("uac/early_media", "uas/early_media", &[]),
    ("uac/reliable", "uas/reliable", &[]),
    ("uac/challenged_401", "uas/challenges_401", &[]),
    ("uac/challenged_407", "uas/challenges_407", &[]),
    ("uac/stale_nonce", "uas/stale_nonce", &[]),
    ("uac/wrong_password", "uas/refuses_credentials", &[]),
    (
        "uac/refused",
        "uas/refuses",
        &[
            ("STATUS", "486"),
            ("REASON", "Busy Here"),
            ("HEADERS", "Reason: Q.850;cause=16"),
            ("EXPECTED", "Q.850;cause=16"),
        ],
    ),
    ("uac/announcement", "uas/announces", &[]),
    ("uac/cancel", "uas/cancelled", &[]),
    ("uac/forks", "uas/forks", &[]),
    ("uac/hold", "uas/held", &[]),
    ("uac/held", "uas/holds", &[]),
    ("uac/update", "uas/refreshed", &[]),
    ("uac/unknown_dialog", "uas/unknown_dialog", &[]),
    ("uac/options", "uas/options", &[]),
    ("uac/tel", "uas/keyed", &[("EXPECTED", "INVITE tel:.8613800138000;npdi;rn=.8613440000 SIP")]),
    ("uac/phone", "uas/keyed", &[("EXPECTED", "user=phone SIP/2.0"), ("DISPLAY", "\"\\xB0\\xA1\"")]),
    ("uac/moved_media", "uas/moved_media", &[]),
    ("uac/preview_only", "uas/preview_only", &[]),
    ("uac/immediate_reinvite", "uas/immediate_reinvite", &[]),
    ("uac/info", "uas/digits", &[]),
];

#[test]
fn scenarios_fit_each_other() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let mut failed = Vec::new();
    for (caller, callee, values) in PAIRS {
        let run = || {
            let callee = Sipp::answer(&Play::once(callee, Transport::Udp).with(values))?;
            let caller = Sipp::call(&Play::once(caller, Transport::Udp).with(values), callee.address())?;
            caller.finish(WITHIN)?;
            callee.finish(WITHIN)
        };
        if let Err(told) = run() {
            failed.push(format!("{caller}: {told:#}"));
        }
    }
    assert!(failed.is_empty(), "{} pairs failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// Callers, callees and whether the proxy between them challenges.
const THROUGH_KAMAILIO: [(&str, &str, bool); 7] = [
    ("uac/answer", "uas/answer", false),
    ("uac/remote_bye", "uas/hangs_up", false),
    ("uac/reliable", "uas/reliable", false),
    ("uac/cancel", "uas/cancelled", false),
    ("uac/hold", "uas/held", false),
    ("uac/announcement", "uas/announces", false),
    ("uac/challenged_407", "uas/answer", true),
];

#[test]
fn scenarios_fit_each_other_through_kamailio() {
    if !Sipp::is_here_or_skip() || !Kamailio::is_here_or_skip() {
        return;
    }
    let mut failed = Vec::new();
    for (caller, callee, challenges) in THROUGH_KAMAILIO {
        let run = || {
            let callee = Sipp::answer(&Play::once(callee, Transport::Udp))?;
            let proxy = Kamailio::start(&Proxy { challenges, ..Proxy::to(callee.address()) })?;
            let caller = Sipp::call(&Play::once(caller, Transport::Udp), proxy.address())?;
            caller.finish(WITHIN)?;
            callee.finish(WITHIN)
        };
        if let Err(told) = run() {
            failed.push(format!("{caller}: {told:#}"));
        }
    }
    assert!(failed.is_empty(), "{} pairs failed:\n{}", failed.len(), failed.join("\n\n"));
}
