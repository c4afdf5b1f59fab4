//! Calls that are answered: what comes before, who proves what, and who hangs up.

use conformance::api::CallState::{InProgress, Initiated, Ringing};

use crate::{
    row::{Gateway::Plays, HUNG_UP_BY_US, RANG_AND_ANSWERED, Row, Step::*, TALKS, plays},
    stage,
};

/// The account that SIPp's scenarios know.
const ACCOUNT: &str =
    "account = { username = \"861088880000\", password = \"literal:s3cret-Trunk\", register = false }";

const ROWS: &[Row] = &[
    plays(&[Plays("answer", &[])]).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("hangs_up", &[])]).tells(RANG_AND_ANSWERED, "normal by callee, Q.850 16; tried: normal"),
    plays(&[Plays("early_media", &[])]).does(TALKS).tells(
        &["initiated", "ringing", "early-media early 41000", "in-progress answer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("reliable", &[])]).does(TALKS).tells(
        &["initiated", "early-media early 41000", "in-progress answer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("moved_media", &[])]).does(TALKS).tells(
        &["initiated", "early-media early 41000", "in-progress answer 43000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("preview_only", &[])]).does(TALKS).tells(
        &["initiated", "early-media early 41000", "in-progress answer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("forks", &[])])
        .does(&[Until(InProgress), Sent("BYE", 1), HangUp])
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("challenges_401", &[])]).on(ACCOUNT).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("challenges_407", &[])]).on(ACCOUNT).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("stale_nonce", &[])]).on(ACCOUNT).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("refuses_credentials", &[])]).on(ACCOUNT).tells(
        &["initiated", "failed"],
        "auth-failed by carrier, 407 Proxy Authentication Required; tried: 407",
    ),
    plays(&[Plays("demands_longer_session", &[])]).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("answer_crosses_cancel", &[])])
        .does(&[Until(Ringing), HangUp])
        .tells(RANG_AND_ANSWERED, "cancelled by platform; tried: cancelled"),
    plays(&[Plays("cancelled", &[])]).does(&[Until(Ringing), HangUp]).tells(
        &["initiated", "ringing", "canceled"],
        "cancelled by platform, 487 Request Terminated; tried: 487",
    ),
    plays(&[Plays("cancelled_late", &[])])
        .does(&[Until(Initiated), HangUp])
        .tells(&["initiated", "canceled"], "cancelled by platform, 487 Request Terminated; tried: 487"),
    plays(&[Plays("speaks_gbk", &[])]).tells(RANG_AND_ANSWERED, "normal by callee, Q.850 16; tried: normal"),
    plays(&[Plays("keyed", &[("EXPECTED", "INVITE tel:.8613800138000 SIP")])])
        .on("identity = { scheme = \"tel\" }")
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("keyed", &[("EXPECTED", "INVITE sip:.8613800138000@127.0.0.1;user=phone SIP")])])
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
];

#[tokio::test]
async fn calls_are_answered() {
    stage::play(ROWS).await;
}
