//! SIPp, which shares no code with us, calls the daemon, and the platform decides of its calls: every row is judged by the
//! scenario on one side, and by the events and the record on the other.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use conformance::{
    api::{CallCause, CallState, HangupParty, SdpKind},
    call_subject::{CALLER, CallSubject, Listening},
    calls::{self, Calls},
    part::{self, Do, End},
    sipp::{Play, Sipp, Transport},
    subject::Programs,
};
use futures_util::{StreamExt as _, stream};

/// How long a row may take; the longest waits a minute for a session to run out.
const WITHIN: Duration = Duration::from_secs(150);
/// Rows at once.
const AT_ONCE: usize = 12;
/// Another trunk's address, which wants long sessions.
const PATIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Another trunk's address, which has no room.
const FULL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
/// An address of no trunk.
const STRANGE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

type Values = &'static [(&'static str, &'static str)];

/// A scenario of the caller, its values, the platform's part, and the end.
struct Row(&'static str, Values, &'static [Do], End);

const RANG: &[Do] = &[Do::Ring, Do::Answer];
const SILENT: &[Do] = &[Do::Answer];
const RANG_AND_TALKED: &[CallState] = &[CallState::Ringing, CallState::InProgress, CallState::Completed];
const TALKED: &[CallState] = &[CallState::InProgress, CallState::Completed];

/// The caller hangs up.
const BY_CALLER: End = End { states: TALKED, cause: CallCause::Normal, by: HangupParty::Caller, status: 0 };
/// The platform hangs up.
const BY_US: End = End { by: HangupParty::Platform, ..BY_CALLER };
/// The platform refuses.
const REFUSED: End = End {
    states: &[CallState::Rejected],
    cause: CallCause::Rejected,
    by: HangupParty::Platform,
    status: 603,
};
/// The caller gives up.
const GIVEN_UP: End =
    End { states: &[CallState::Canceled], cause: CallCause::Cancelled, by: HangupParty::Caller, status: 0 };
/// A time ran out.
const LOST: End = End { cause: CallCause::Timeout, by: HangupParty::Lost, ..BY_CALLER };

const fn refused(status: u32) -> End {
    End { status, ..REFUSED }
}

const TIMER_OF_THEIRS: Values = &[("HEADERS", "Supported: timer\n      Session-Expires: 90;refresher=uac")];
const TIMER_OF_OURS: Values = &[("HEADERS", "Supported: timer\n      Session-Expires: 90;refresher=uas")];
const RELIABLE: Values = &[("HEADERS", "Require: 100rel\n      Supported: 100rel")];

/// The longest first.
const CALLERS: &[Row] = &[
    Row("never_refreshes", TIMER_OF_THEIRS, SILENT, End { cause: CallCause::SessionExpired, ..LOST }),
    Row("refreshed", TIMER_OF_OURS, SILENT, BY_CALLER),
    // The caller has forgotten the call, and says so.
    Row(
        "refuses_refresh",
        TIMER_OF_OURS,
        SILENT,
        End { cause: CallCause::Protocol, by: HangupParty::Carrier, status: 481, ..BY_CALLER },
    ),
    Row("never_acknowledges", &[], SILENT, LOST),
    Row(
        "never_confirms",
        RELIABLE,
        &[Do::Play],
        End { states: &[CallState::EarlyMedia, CallState::Failed], ..LOST },
    ),
    Row(
        "refused",
        &[("STATUS", "480"), ("EXPECTED", "480 Temporarily")],
        &[Do::Ring],
        End {
            states: &[CallState::Ringing, CallState::NoAnswer],
            cause: CallCause::NoAnswer,
            ..refused(480)
        },
    ),
    Row("answer", &[], RANG, End { states: RANG_AND_TALKED, ..BY_CALLER }),
    Row("answer", &[], SILENT, BY_CALLER),
    Row(
        "remote_bye",
        &[],
        &[Do::Answer, Do::Until(CallState::InProgress), Do::Pause(200), Do::HangUp],
        BY_US,
    ),
    // What hangs up at the moment of the answer waits for its ACK.
    Row("remote_bye", &[], &[Do::Answer, Do::HangUp], BY_US),
    Row(
        "early_media",
        &[],
        &[Do::Ring, Do::Play, Do::Pause(100), Do::Answer],
        End {
            states: &[CallState::Ringing, CallState::EarlyMedia, CallState::InProgress, CallState::Completed],
            ..BY_CALLER
        },
    ),
    Row(
        "reliable",
        &[],
        &[Do::Play, Do::Answer],
        End { states: &[CallState::EarlyMedia, CallState::InProgress, CallState::Completed], ..BY_CALLER },
    ),
    Row(
        "refused",
        &[("STATUS", "480"), ("EXPECTED", "480 Temporarily")],
        &[Do::Play, Do::Pause(200), Do::Reject(480)],
        End { states: &[CallState::EarlyMedia, CallState::Rejected], ..refused(480) },
    ),
    Row("refused", &[("STATUS", "404"), ("EXPECTED", "404 Not Found")], &[Do::Reject(404)], refused(404)),
    Row(
        "refused",
        &[("STATUS", "486"), ("EXPECTED", "486 Busy Here")],
        &[Do::Ring, Do::Reject(486)],
        End { states: &[CallState::Ringing, CallState::Rejected], ..refused(486) },
    ),
    Row(
        "refused",
        &[("STATUS", "488"), ("EXPECTED", "488 Not Acceptable Here")],
        &[Do::Reject(488)],
        refused(488),
    ),
    Row("refused", &[("STATUS", "603"), ("EXPECTED", "603 Decline")], &[Do::Reject(0)], refused(603)),
    Row("refused", &[("STATUS", "603"), ("EXPECTED", "603 Decline")], &[Do::HangUp], refused(603)),
    Row("cancel", &[], &[Do::Ring], End { states: &[CallState::Ringing, CallState::Canceled], ..GIVEN_UP }),
    Row("cancels_unheard", &[], &[], GIVEN_UP),
    Row("cancel_crosses_answer", &[], RANG, End { states: RANG_AND_TALKED, ..BY_CALLER }),
    Row("acknowledges_late", &[], SILENT, BY_CALLER),
    Row("hangs_up_unacknowledged", &[], SILENT, BY_CALLER),
    Row("repeated", &[], SILENT, BY_CALLER),
    Row(
        "merged",
        &[],
        &[Do::Ring, Do::Pause(1000), Do::Answer],
        End { states: RANG_AND_TALKED, ..BY_CALLER },
    ),
    Row("offerless", &[], &[Do::Answer, Do::Hear(SdpKind::Changed, "m=audio 41000")], BY_CALLER),
    Row("offerless_unanswered", &[], SILENT, End { cause: CallCause::Media, ..BY_US }),
    Row(
        "hold",
        &[],
        &[
            Do::Answer,
            Do::Hear(SdpKind::Offer, "a=sendonly"),
            Do::Accept("recvonly"),
            Do::Hear(SdpKind::Offer, "a=sendrecv"),
            Do::Accept("sendrecv"),
        ],
        BY_CALLER,
    ),
    Row(
        "held",
        &[],
        &[
            Do::Answer,
            Do::Until(CallState::InProgress),
            Do::Offer("sendonly"),
            Do::Hear(SdpKind::Changed, "a=recvonly"),
            Do::Offer("sendrecv"),
            Do::Hear(SdpKind::Changed, "a=sendrecv"),
        ],
        BY_CALLER,
    ),
    Row(
        "hold_refused",
        &[],
        &[Do::Answer, Do::Hear(SdpKind::Offer, "a=sendonly"), Do::Refuse(488)],
        BY_CALLER,
    ),
    Row(
        "refuses_hold",
        &[],
        &[
            Do::Answer,
            Do::Until(CallState::InProgress),
            Do::Offer("sendonly"),
            Do::Hear(SdpKind::Refused, ""),
        ],
        BY_CALLER,
    ),
    Row(
        "glare",
        &[],
        &[
            Do::Answer,
            Do::Until(CallState::InProgress),
            Do::Offer("sendonly"),
            Do::Hear(SdpKind::Changed, "m=audio"),
        ],
        BY_CALLER,
    ),
    Row(
        "overlapping",
        &[],
        &[Do::Answer, Do::Hear(SdpKind::Offer, "a=sendonly"), Do::Pause(700), Do::Accept("recvonly")],
        BY_CALLER,
    ),
    Row(
        "takes_back",
        &[],
        &[Do::Answer, Do::Hear(SdpKind::Offer, "a=sendonly"), Do::Hear(SdpKind::Withdrawn, "")],
        BY_CALLER,
    ),
    Row(
        "immediate_reinvite",
        &[],
        &[
            Do::Answer,
            Do::Until(CallState::InProgress),
            Do::Offer("sendrecv"),
            Do::Hear(SdpKind::Changed, "m=audio"),
        ],
        BY_CALLER,
    ),
    Row("update", &[], SILENT, BY_CALLER),
    Row("refreshes", TIMER_OF_THEIRS, SILENT, BY_CALLER),
    Row("info", &[], &[Do::Answer, Do::Feel("5")], BY_CALLER),
    Row(
        "pressed",
        &[],
        &[Do::Answer, Do::Until(CallState::InProgress), Do::Pause(200), Do::Press("5#")],
        BY_CALLER,
    ),
    Row("other_methods", &[], SILENT, BY_CALLER),
    Row("disorder", &[], SILENT, BY_CALLER),
    Row("phone", &[("DISPLAY", "\"\\xB0\\xA1\"")], SILENT, BY_CALLER),
    Row("tel", &[], SILENT, BY_CALLER),
];

/// Scenarios that come to no call, and their values.
const NO_CALLS: &[(&str, Values)] = &[
    ("options", &[]),
    ("unknown_dialog", &[]),
    ("other_methods_outside", &[]),
    (
        "refused",
        &[
            ("HEADERS", "Require: 100rel, sec-agree"),
            ("STATUS", "420"),
            ("EXPECTED", "Unsupported: sec-agree"),
        ],
    ),
    ("refused", &[("HEADERS", "Accept: text/plain"), ("STATUS", "406"), ("EXPECTED", "406 Not Acceptable")]),
];

/// A daemon with the trunks of all rows.
async fn daemon(settings: &str) -> Result<CallSubject> {
    let trunk = |id: &str, address: Ipv4Addr, more: &str| {
        format!(
            "[[trunk]]\nid = \"{id}\"\nprotocol = \"sip\"\ngateway = [{{ host = \"{address}\" }}]\nprobe = {{ interval = \"0s\" }}\n\
             callers = {{ authorisation = \"the suite\", numbers = [\"{CALLER}\"] }}\n{more}\n"
        )
    };
    let trunks = [
        "[calls]\nanswer_deadline = \"40s\"\n".to_owned(),
        trunk("open", Ipv4Addr::LOCALHOST, ""),
        trunk("patient", PATIENT, "session_timer = { least = \"120s\" }"),
        trunk("full", FULL, "max_calls = 1"),
    ];
    let listening = Listening { settings, ..Listening::default() };
    CallSubject::start_with(&Programs::for_tests()?.daemon, &listening, &trunks.concat()).await
}

/// Plays a caller to its end beside whatever else runs.
async fn call(
    subject: &CallSubject,
    transport: Transport,
    scenario: &str,
    from: Ipv4Addr,
    values: &[(&str, &str)],
) -> Result<()> {
    let scenario = format!("uac/{scenario}");
    let play = Play::once(&scenario, transport).with(values).from(from);
    let sipp = Sipp::call(&play, subject.address())?;
    tokio::task::spawn_blocking(move || sipp.finish(WITHIN)).await?
}

/// One row, under a number of its own.
async fn row(
    subject: &CallSubject,
    calls: &Calls,
    transport: Transport,
    number: &str,
    from: Ipv4Addr,
    Row(scenario, values, does, end): &Row,
) -> Result<()> {
    let values = [&[("NUMBER", number)][..], *values].concat();
    let caller = call(subject, transport, scenario, from, &values);
    let platform = async {
        let inbound = part::take(calls, number, does, end).await?;
        ensure!(inbound.caller == CALLER, "{inbound:?}");
        let wants_offer = scenario.starts_with("offerless");
        ensure!(inbound.sdp_offer.contains("m=audio 41000") != wants_offer, "{inbound:?}");
        Ok(())
    };
    let (caller, platform) = tokio::join!(caller, platform);
    part::both(caller, platform)
}

/// The one place of its trunk is taken: the next caller is told when to try again.
async fn second_call(subject: &CallSubject, calls: &Calls, transport: Transport) -> Result<()> {
    let number = "+8613800138099";
    let values = [("NUMBER", number)];
    let first = call(subject, transport, "remote_bye", FULL, &values);
    let platform = async {
        let holder = calls.incoming(|call| call.callee == number).await?.call_id;
        calls.answer(&holder, calls::SDP).await?;
        let values = [("STATUS", "503"), ("EXPECTED", "Retry-After: [1-9]")];
        let second = call(subject, transport, "refused", FULL, &values).await;
        calls.hang_up(&holder).await?;
        calls.ended(&holder).await?;
        second
    };
    let (first, platform) = tokio::join!(first, platform);
    part::both(first, platform).context("a second call")
}

async fn sipp_calls(transport: Transport) {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let subject = daemon("").await.unwrap();
    let calls = subject.calls().await.unwrap();
    let patient = Row("brief_session", &[], SILENT, BY_CALLER);
    let numbers: Vec<_> = (0..=CALLERS.len()).map(|place| format!("+86138001380{place:02}")).collect();
    let rows = CALLERS.iter().map(|row| (row, Ipv4Addr::LOCALHOST)).chain([(&patient, PATIENT)]);
    let played = rows.zip(&numbers).map(|((what, from), number)| {
        let (subject, calls) = (&subject, &calls);
        async move {
            let played = row(subject, calls, transport, number, from, what).await;
            played.with_context(|| format!("{} {:?}", what.0, what.1))
        }
    });
    let mut failed: Vec<String> = stream::iter(played)
        .buffer_unordered(AT_ONCE)
        .filter_map(async |played| played.err().map(|told| format!("{told:#}")))
        .collect()
        .await;
    for (scenario, values) in NO_CALLS {
        let played = call(&subject, transport, scenario, Ipv4Addr::LOCALHOST, values).await;
        failed.extend(played.err().map(|told| format!("{scenario} {values:?}: {told:#}")));
    }
    failed.extend(second_call(&subject, &calls, transport).await.err().map(|told| format!("{told:#}")));
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
    assert_eq!(calls.audit().unwrap(), (CALLERS.len() + 2, 0));
    drop(calls);
    subject.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_the_daemon_over_udp() {
    sipp_calls(Transport::Udp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_the_daemon_over_tcp() {
    sipp_calls(Transport::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_or_ignored_and_counted() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let refused: Values = &[("STATUS", "403"), ("EXPECTED", "403 Forbidden")];
    // What is refused is acknowledged, and that comes from a stranger too.
    let ways = [("", "refused", refused, 2.0), ("strangers = \"ignore\"", "silence", &[] as Values, 1.0)];
    for (settings, scenario, values, requests) in ways {
        let subject = daemon(settings).await.unwrap();
        let calls = subject.calls().await.unwrap();
        let mut counted = 0.0;
        for transport in [Transport::Udp, Transport::Tcp] {
            call(&subject, transport, scenario, STRANGE, values).await.unwrap();
            counted += requests;
            subject.daemon().wait_for_metric("carrierd_sip_strangers_total", counted).await.unwrap();
        }
        assert_eq!(calls.audit().unwrap(), (0, 0));
    }
}
