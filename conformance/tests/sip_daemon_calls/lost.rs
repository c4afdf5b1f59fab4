//! Datagrams that get lost: the scenarios say which.

use conformance::api::CallState::InProgress;

use crate::{
    row::{Gateway::Counts, HUNG_UP_BY_US, RANG_AND_ANSWERED, Row, Step::*, TALKS, plays},
    stage,
};

const ROWS: &[Row] = &[
    plays(&[Counts("lost_ack")])
        .over_udp()
        .does(&[Until(InProgress), Sent("ACK", 2), HangUp])
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Counts("lost_200")])
        .over_udp()
        .does(TALKS)
        .tells(&["initiated", "in-progress answer 41000", "completed"], HUNG_UP_BY_US),
    plays(&[Counts("lost_bye")]).over_udp().does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Counts("repeats_bye")]).over_udp().tells(RANG_AND_ANSWERED, "normal by callee; tried: normal"),
];

#[tokio::test]
async fn what_is_lost_comes_again() {
    stage::play(ROWS).await;
}
