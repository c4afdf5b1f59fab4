//! SIPp, which shares no code with us, against a simulated carrier of calls: as its caller and as whom it calls.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use conformance::{
    simulated::Simulated,
    sipp::{Play, Sipp, Transport},
    subject::Programs,
};
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(30);

/// Carriers that are called. The number is the name of the script.
const CALLED: &str = r#"
[[carrier]]
name = "open"
protocol = "sip"
registrar = {}
script = [
    { name = "answer", steps = [{ respond = 180 }, { after = "50ms", respond = 200 }] },
    { name = "hangs_up", steps = [{ respond = 180 }, { respond = 200 }, { after = "300ms", hangup = true, headers = ["Reason: Q.850;cause=16"] }] },
    { name = "early_media", steps = [{ respond = 180 }, { after = "50ms", respond = 183, headers = ["P-Early-Media: sendrecv"] }, { after = "50ms", respond = 200 }] },
    { name = "reliable", steps = [{ respond = 183, reliable = true }, { after = "50ms", respond = 200 }] },
    { name = "announces", steps = [{ respond = 183 }, { after = "200ms", respond = 480, headers = ["Reason: Q.850;cause=20"] }] },
    { name = "silence", steps = [{ silence = true }] },
    { name = "rings", steps = [{ respond = 180 }] },
    { name = "forks", steps = [{ respond = 180 }, { after = "20ms", respond = 180, fork = 1 }, { after = "50ms", respond = 200 }, { after = "20ms", respond = 200, fork = 1 }] },
    { name = "holds", steps = [{ respond = 180 }, { respond = 200 }, { after = "100ms", offer = "hold" }, { after = "200ms", offer = "resume" }] },
    { name = "reoffers", steps = [{ respond = 180 }, { respond = 200 }, { offer = "hold" }] },
    { name = "moves", steps = [{ respond = 183 }, { after = "50ms", respond = 200, media = 2 }] },
    { name = "previews", steps = [{ respond = 183 }, { after = "50ms", respond = 200, media = 0 }] },
    { name = "loses_ack", steps = [{ respond = 180 }, { respond = 200 }], rules = [{ method = "ACK", times = 1 }] },
    { name = "loses_200", steps = [{ respond = 180 }, { respond = 200 }], rules = [{ way = "out", method = "INVITE", status = 200, times = 1 }] },
    { name = "loses_bye", steps = [{ respond = 180 }, { respond = 200 }], rules = [{ method = "BYE", times = 1 }] },
    { name = "refuses_302", steps = [{ respond = 302, headers = ["Contact: <sip:100@127.0.0.1:9>"] }] },
    { name = "refuses_404", steps = [{ respond = 404, headers = ["Reason: Q.850;cause=1"] }] },
    { name = "refuses_408", steps = [{ respond = 408 }] },
    { name = "refuses_480", steps = [{ respond = 480 }] },
    { name = "refuses_486", steps = [{ respond = 180 }, { after = "50ms", respond = 486, headers = ["Reason: Q.850;cause=16"] }] },
    { name = "refuses_487", steps = [{ respond = 487 }] },
    { name = "refuses_488", steps = [{ respond = 488, headers = ['Warning: 304 carrier "media"'] }] },
    { name = "refuses_500", steps = [{ respond = 500 }] },
    { name = "refuses_503", steps = [{ respond = 503, headers = ["Retry-After: 7"] }] },
    { name = "refuses_603", steps = [{ respond = 603 }] },
    { name = "refuses_607", steps = [{ respond = 607 }] },
]
answer = [
    { number = "hangs_up", script = "hangs_up" }, { number = "early_media", script = "early_media" },
    { number = "reliable", script = "reliable" }, { number = "announces", script = "announces" },
    { number = "silence", script = "silence" }, { number = "rings", script = "rings" },
    { number = "forks", script = "forks" }, { number = "holds", script = "holds" },
    { number = "reoffers", script = "reoffers" }, { number = "moves", script = "moves" },
    { number = "previews", script = "previews" }, { number = "loses_ack", script = "loses_ack" },
    { number = "loses_200", script = "loses_200" }, { number = "loses_bye", script = "loses_bye" },
    { number = "refuses_302", script = "refuses_302" }, { number = "refuses_404", script = "refuses_404" },
    { number = "refuses_408", script = "refuses_408" }, { number = "refuses_480", script = "refuses_480" },
    { number = "refuses_486", script = "refuses_486" }, { number = "refuses_487", script = "refuses_487" },
    { number = "refuses_488", script = "refuses_488" }, { number = "refuses_500", script = "refuses_500" },
    { number = "refuses_503", script = "refuses_503" }, { number = "refuses_603", script = "refuses_603" },
    { number = "refuses_607", script = "refuses_607" },
    { script = "answer" },
]

[[carrier]]
name = "challenges_401"
protocol = "sip"
account = [{ username = "861088880000", password = "s3cret-Trunk" }]
challenge = { status = 401 }
registrar = { min_expires = "30s" }

[[carrier]]
name = "challenges_407"
protocol = "sip"
account = [{ username = "861088880000", password = "s3cret-Trunk" }]
challenge = { status = 407 }

[[carrier]]
name = "stale"
protocol = "sip"
account = [{ username = "861088880000", password = "s3cret-Trunk" }]
challenge = { status = 407, stale = 1.0 }

[[carrier]]
name = "patient"
protocol = "sip"
session = { min_expires = "120s" }
"#;

/// Scenario of the caller, carrier, number.
const CALLERS: [(&str, &str, &str); 28] = [
    ("answer", "open", "answer"),
    ("remote_bye", "open", "hangs_up"),
    ("early_media", "open", "early_media"),
    ("reliable", "open", "reliable"),
    ("announcement", "open", "announces"),
    ("silence", "open", "silence"),
    ("cancel", "open", "rings"),
    ("cancel_crosses_answer", "open", "answer"),
    ("forks", "open", "forks"),
    ("hold", "open", "answer"),
    ("held", "open", "holds"),
    ("glare", "open", "reoffers"),
    ("update", "open", "answer"),
    ("brief_session", "patient", "answer"),
    ("info", "open", "answer"),
    ("unknown_dialog", "open", "answer"),
    ("options", "open", "answer"),
    ("tel", "open", "+8613800138000"),
    ("phone", "open", "+8613800138000"),
    ("moved_media", "open", "moves"),
    ("preview_only", "open", "previews"),
    ("immediate_reinvite", "open", "reoffers"),
    ("answer", "open", "loses_200"),
    ("challenged_401", "challenges_401", "answer"),
    ("register", "challenges_401", "answer"),
    ("challenged_407", "challenges_407", "answer"),
    ("wrong_password", "challenges_407", "answer"),
    ("stale_nonce", "stale", "answer"),
];

/// Statuses and what else the caller must find in the response.
const REFUSALS: [(&str, &str); 11] = [
    ("302", "Contact: .sip:100@127.0.0.1:9"),
    ("404", "Reason: Q.850;cause=1"),
    ("408", "SIP/2.0 408 "),
    ("480", "SIP/2.0 480 "),
    ("486", "Reason: Q.850;cause=16"),
    ("487", "SIP/2.0 487 "),
    ("488", "Warning: 304 "),
    ("500", "SIP/2.0 500 "),
    ("503", "Retry-After: 7"),
    ("603", "SIP/2.0 603 "),
    ("607", "SIP/2.0 607 "),
];

fn call_the_carrier(transport: Transport) {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let carrier = Simulated::start_all(&Programs::for_tests().unwrap().simulator, CALLED, 5).unwrap();
    let mut failed = Vec::new();
    let mut call = |scenario: &str, to: &str, values: &[(&str, &str)]| {
        let to = carrier.address_of(to).unwrap();
        let played = Sipp::call(&Play::once(&format!("uac/{scenario}"), transport).with(values), to);
        if let Err(told) = played.and_then(|sipp| sipp.finish(WITHIN)) {
            failed.push(format!("{scenario} {values:?}: {told:#}"));
        }
    };
    for (scenario, to, number) in CALLERS {
        let display = if scenario == "phone" { "\"\\xB0\\xA1\"" } else { "" };
        call(scenario, to, &[("NUMBER", number), ("DISPLAY", display)]);
    }
    // Over a stream SIPp repeats nothing.
    if transport == Transport::Udp {
        for number in ["loses_ack", "loses_bye"] {
            call("answer", "open", &[("NUMBER", number)]);
        }
    }
    for (status, expected) in REFUSALS {
        let number = format!("refuses_{status}");
        call("refused", "open", &[("NUMBER", &number), ("STATUS", status), ("EXPECTED", expected)]);
    }
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
    let seen = carrier.stop().unwrap();
    let of = |kind: &str| seen.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    // Every call that came in has ended, and was told to have ended once.
    assert_eq!(of("call_in").len(), of("call_ended").len());
    assert!(of("digit").iter().any(|line| line["digit"] == "5"));
    assert!(
        of("sip_message").iter().any(|line| line["hex"].as_str().is_some_and(|hex| hex.contains("22b0a122")))
    );
}

#[test]
fn sipp_calls_the_simulator_over_udp() {
    call_the_carrier(Transport::Udp);
}

#[test]
fn sipp_calls_the_simulator_over_tcp() {
    call_the_carrier(Transport::Tcp);
}

/// Scenario of the callee, further keys of the caller's scenario, and what its record must have.
type Callee = (&'static str, &'static str, Expected);

/// The last `call_ended` of the caller's record: whether it had been answered, and the status.
type Expected = (bool, Option<u16>);

const HANG_UP: &str = "hold = \"300ms\"";
const WAIT: &str = "script = \"wait\"";

const CALLEES: [Callee; 22] = [
    ("answer", HANG_UP, (true, None)),
    ("hangs_up", WAIT, (true, None)),
    ("early_media", HANG_UP, (true, None)),
    ("reliable", HANG_UP, (true, None)),
    ("challenges_401", HANG_UP, (true, None)),
    ("challenges_407", HANG_UP, (true, None)),
    ("stale_nonce", HANG_UP, (true, None)),
    ("refuses_credentials", HANG_UP, (false, Some(407))),
    ("announces", HANG_UP, (false, Some(480))),
    ("cancelled", "give_up = \"300ms\"", (false, Some(487))),
    ("cancelled_late", "give_up = \"300ms\"", (false, Some(487))),
    ("forks", HANG_UP, (true, None)),
    ("held", "script = \"holds\"", (true, None)),
    ("holds", "hold = \"1s\"", (true, None)),
    ("glare", "script = \"reoffers\"", (true, None)),
    ("refreshes", HANG_UP, (true, None)),
    ("forgets", HANG_UP, (true, None)),
    ("moved_media", HANG_UP, (true, None)),
    ("preview_only", HANG_UP, (true, None)),
    ("immediate_reinvite", HANG_UP, (true, None)),
    ("info", HANG_UP, (true, None)),
    ("digits", "script = \"digits\"", (true, None)),
];

/// Plays a callee, has a simulated carrier call it, and gives the carrier's record.
fn be_called(
    transport: Transport,
    scenario: &str,
    keys: &str,
    values: &[(&str, &str)],
    within: Duration,
) -> Result<Vec<Value>> {
    let callee = Sipp::answer(&Play::once(&format!("uas/{scenario}"), transport).with(values))?;
    let by = if transport == Transport::Udp { "udp" } else { "tcp" };
    let caller = format!(
        r#"
        [[carrier]]
        name = "caller"
        protocol = "sip"
        charset = "gbk"
        account = [{{ username = "861088880000", password = "s3cret-Trunk" }}]
        script = [
            {{ name = "wait" }},
            {{ name = "holds", steps = [{{ after = "100ms", offer = "hold" }}, {{ after = "100ms", offer = "resume" }}, {{ after = "200ms", hangup = true }}] }},
            {{ name = "reoffers", steps = [{{ offer = "hold" }}, {{ after = "5s", hangup = true }}] }},
            {{ name = "digits", steps = [{{ after = "100ms", dtmf = "5" }}, {{ after = "100ms", hangup = true }}] }},
            {{ name = "loses_ack", steps = [{{ after = "1s", hangup = true }}], rules = [{{ way = "out", method = "ACK", times = 1 }}] }},
            {{ name = "loses_bye", steps = [{{ hangup = true }}], rules = [{{ way = "out", method = "BYE", times = 1 }}] }},
            {{ name = "loses_200", steps = [{{ after = "100ms", hangup = true }}], rules = [{{ method = "INVITE", status = 200, times = 1 }}] }},
        ]
        [carrier.calls]
        per_second = 10
        count = 1
        target = {{ address = "{}" }}
        transport = "{by}"
        from = ["+861088880000"]
        to = ["+8613800138000"]
        {keys}
        "#,
        callee.address()
    );
    let caller = Simulated::start(&Programs::for_tests()?.simulator, &caller)?;
    callee.finish(within)?;
    caller.stop()
}

fn is_called(transport: Transport) {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let mut failed = Vec::new();
    let mut play = |scenario: &str, keys: &str, values: &[(&str, &str)], expected: Expected| {
        let result = be_called(transport, scenario, keys, values, WITHIN).and_then(|seen| {
            let ended = seen.iter().filter(|line| line["kind"] == "call_ended").collect::<Vec<_>>();
            ensure!(ended.len() == 1, "{} ends: {seen:#?}", ended.len());
            let (answered, status) = expected;
            let told = (ended[0]["answered"].as_bool(), ended[0]["status"].as_u64());
            ensure!(told == (Some(answered), status.map(u64::from)), "{told:?}: {:#?}", ended[0]);
            Ok(())
        });
        if let Err(told) = result.with_context(|| format!("{scenario} {keys} {values:?}")) {
            failed.push(format!("{told:#}"));
        }
    };
    for (scenario, keys, expected) in CALLEES {
        play(scenario, keys, &[], expected);
    }
    // What crosses our CANCEL is an answer all the same.
    play("answer_crosses_cancel", "give_up = \"300ms\"", &[], (true, None));
    // Over a stream nothing of these is repeated.
    if transport == Transport::Udp {
        for script in ["loses_ack", "loses_bye", "loses_200"] {
            play("answer", &format!("script = \"{script}\""), &[], (true, None));
        }
    }
    for (status, header) in REFUSED {
        let values = [("STATUS", status), ("REASON", "No"), ("HEADERS", header)];
        play("refuses", HANG_UP, &values, (false, status.parse().ok()));
    }
    let tel = "INVITE tel:.8613800138000;npdi;rn=.8613440000 SIP";
    play(
        "keyed",
        "hold = \"100ms\"\nform = \"tel\"\nparameters = \";npdi;rn=+8613440000\"",
        &[("EXPECTED", tel)],
        (true, None),
    );
    let phone = "INVITE sip:.8613800138000@127.0.0.1:[0-9]+;user=phone SIP";
    play("keyed", "hold = \"100ms\"\nform = \"sip-phone\"", &[("EXPECTED", phone)], (true, None));
    play("keyed", "hold = \"100ms\"\ndisplay = \"啊\"", &[("EXPECTED", "From: .\\xB0\\xA1")], (true, None));
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// Statuses that the callee refuses with, and a header of its response.
const REFUSED: [(&str, &str); 11] = [
    ("302", "Contact: <sip:100@127.0.0.1:9>"),
    ("404", "Reason: Q.850;cause=1"),
    ("408", "X-Note: none"),
    ("480", "X-Note: none"),
    ("486", "Reason: Q.850;cause=16"),
    ("487", "X-Note: none"),
    ("488", "Warning: 304 carrier \"media\""),
    ("500", "X-Note: none"),
    ("503", "Retry-After: 7"),
    ("603", "X-Note: none"),
    ("607", "X-Note: none"),
];

#[test]
fn the_simulator_calls_sipp_over_udp() {
    is_called(Transport::Udp);
}

#[test]
fn the_simulator_calls_sipp_over_tcp() {
    is_called(Transport::Tcp);
}

#[test]
fn a_session_is_refreshed_at_half_of_its_time() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let keys = "hold = \"47s\"\n[carrier.session]\nexpires = \"90s\"";
    be_called(Transport::Udp, "refreshed", keys, &[], WITHIN + Duration::from_secs(47)).unwrap();
}
