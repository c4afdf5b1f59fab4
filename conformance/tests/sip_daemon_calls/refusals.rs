//! Calls that nobody answers.

use crate::{
    row::{
        Gateway::{Counts, Plays},
        Row,
        Step::*,
        Values, plays,
    },
    stage,
};
use conformance::api::CallState::Initiated;

const FAILS: &[&str] = &["initiated", "failed"];
const REJECTED: &[&str] = &["initiated", "rejected"];

macro_rules! refuses {
    ($status:literal, $phrase:literal, $header:literal) => {{
        const VALUES: Values = &[("STATUS", $status), ("REASON", $phrase), ("HEADERS", $header)];
        plays(&[Plays("refuses", VALUES)])
    }};
}

const ROWS: &[Row] = &[
    refuses!("302", "Moved Temporarily", "Contact: <sip:100@127.0.0.1:9>")
        .tells(FAILS, "redirected by carrier, 302 Moved Temporarily; tried: 302"),
    refuses!("404", "Not Found", "Reason: Q.850;cause=1")
        .tells(FAILS, "unallocated by carrier, 404 Not Found, Q.850 1; tried: 404"),
    refuses!("408", "Request Timeout", "X-Note: none")
        .tells(FAILS, "network-failure by carrier, 408 Request Timeout; tried: 408"),
    refuses!("480", "Temporarily Unavailable", "X-Note: none")
        .tells(FAILS, "unreachable by carrier, 480 Temporarily Unavailable; tried: 480"),
    // As gateways send it: the cause is none, the status is.
    refuses!("486", "Busy Here", "Reason: Q.850;cause=16")
        .tells(&["initiated", "busy"], "busy by callee, 486 Busy Here, Q.850 16; tried: 486"),
    refuses!("486", "\\xB0\\xA1", "Reason: Q.850;cause=17;text=\"\\xB0\\xA1\"")
        .tells(&["initiated", "busy"], "busy by callee, 486 \u{fffd}\u{fffd}, Q.850 17; tried: 486"),
    refuses!("487", "Request Terminated", "X-Note: none")
        .tells(&["initiated", "no-answer"], "no-answer by carrier, 487 Request Terminated; tried: 487"),
    refuses!("488", "Not Acceptable Here", "Warning: 304 carrier \"media\"")
        .tells(FAILS, "media by carrier, 488 Not Acceptable Here, warning 304 carrier \"media\"; tried: 488"),
    refuses!("500", "Server Internal Error", "X-Note: none")
        .tells(FAILS, "network-failure by carrier, 500 Server Internal Error; tried: 500"),
    refuses!("503", "Service Unavailable", "Retry-After: 7")
        .tells(FAILS, "congestion by carrier, 503 Service Unavailable; tried: 503"),
    refuses!("603", "Decline", "X-Note: none").tells(REJECTED, "rejected by callee, 603 Decline; tried: 603"),
    refuses!("607", "Unwanted", "X-Note: none")
        .tells(REJECTED, "barred by carrier, 607 Unwanted; tried: 607"),
    // The specific cause goes before the status.
    refuses!("480", "Temporarily Unavailable", "Reason: Q.850;cause=17")
        .tells(&["initiated", "busy"], "busy by carrier, 480 Temporarily Unavailable, Q.850 17; tried: 480"),
    plays(&[Plays("announces", &[])]).tells(
        &["initiated", "early-media early 41000", "no-answer"],
        "unreachable by carrier, 480 Temporarily Unavailable, Q.850 20; tried: 480",
    ),
];

#[tokio::test]
async fn calls_are_refused() {
    stage::play(ROWS).await;
}

/// Each lasts as long as a transaction: 32 s.
const SILENT: &[Row] = &[
    plays(&[Counts("silence")]).over_udp().tells(FAILS, "timeout by lost; tried: timeout"),
    plays(&[Plays("mute", &[])]).over_tcp().tells(FAILS, "timeout by lost; tried: timeout"),
    // Before anything is heard nothing can be cancelled.
    plays(&[Counts("silence")])
        .over_udp()
        .does(&[Until(Initiated), HangUp])
        .tells(&["initiated", "canceled"], "cancelled by platform; tried: cancelled"),
];

#[tokio::test]
async fn nobody_says_anything() {
    stage::play(SILENT).await;
}
