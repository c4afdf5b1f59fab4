//! What happens to the session of an answered call: changed by either side or by both at once, kept alive, forgotten.

use conformance::api::CallState::InProgress;

use crate::{
    row::{Gateway::Plays, HUNG_UP_BY_US, RANG_AND_ANSWERED, Row, Step::*, TALKS, plays},
    stage,
};

const CHANGES: &[Row] = &[
    plays(&[Plays("held", &[])])
        .does(&[Until(InProgress), Offer("sendonly"), Changed(1), Offer("sendrecv"), Changed(2), HangUp])
        .tells(
            &[
                "initiated",
                "ringing",
                "in-progress answer 41000",
                "changed 41000",
                "changed 41000",
                "completed",
            ],
            HUNG_UP_BY_US,
        ),
    plays(&[Plays("holds", &[])]).does(&[Accept(1, "recvonly"), Accept(2, "sendrecv"), HangUp]).tells(
        &["initiated", "ringing", "in-progress answer 41000", "offer 41000", "offer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("hold_refused", &[])]).does(&[Refuse(1), HangUp]).tells(
        &["initiated", "ringing", "in-progress answer 41000", "offer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("immediate_reinvite", &[])]).does(&[Accept(1, "sendrecv"), HangUp]).tells(
        &["initiated", "ringing", "in-progress answer 41000", "offer 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("glare", &[])]).does(&[Until(InProgress), Offer("sendonly"), Changed(1), HangUp]).tells(
        &["initiated", "ringing", "in-progress answer 41000", "changed 41000", "completed"],
        HUNG_UP_BY_US,
    ),
    plays(&[Plays("keeps_session", &[])])
        .does(&[Until(InProgress), Offer("sendonly"), Refused(1), HangUp])
        .tells(
            &["initiated", "ringing", "in-progress answer 41000", "refused 488", "completed"],
            HUNG_UP_BY_US,
        ),
    plays(&[Plays("forgets_session", &[])])
        .does(&[Until(InProgress), Offer("sendonly")])
        .tells(RANG_AND_ANSWERED, "protocol by carrier, 481 Call/Transaction Does Not Exist; tried: 481"),
    plays(&[Plays("forgets", &[])]).does(TALKS).tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("info", &[])])
        .does(&[Until(InProgress), Heard(0, "INFO"), HangUp])
        .tells(&["initiated", "ringing", "in-progress answer 41000", "keys 5", "completed"], HUNG_UP_BY_US),
    plays(&[Plays("digits", &[])])
        .does(&[Until(InProgress), Press("5"), Heard(200, "INFO"), HangUp])
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("refreshes", &[])])
        .does(&[Until(InProgress), Heard(0, "UPDATE"), HangUp])
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
];

#[tokio::test]
async fn sessions_change() {
    stage::play(CHANGES).await;
}

const TIMED: &[Row] = &[
    plays(&[Plays("refreshed", &[])])
        .does(&[Until(InProgress), Heard(200, "UPDATE"), HangUp])
        .tells(RANG_AND_ANSWERED, HUNG_UP_BY_US),
    plays(&[Plays("refuses_refresh", &[])])
        .tells(RANG_AND_ANSWERED, "protocol by carrier, 481 Call/Transaction Does Not Exist; tried: 481"),
    plays(&[Plays("never_refreshes", &[])])
        .tells(RANG_AND_ANSWERED, "session-expired by lost; tried: session-expired"),
];

#[tokio::test]
async fn sessions_are_refreshed_or_run_out() {
    stage::play(TIMED).await;
}
