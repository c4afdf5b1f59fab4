//! Calls.

use std::time::Duration;

use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::seconds;
use crate::domain::{CallDirection, CallState, Category, Cause, TrunkId};

/// The histogram of post-dial delays.
pub(super) const POST_DIAL_DELAY: &str = "carrierd_call_post_dial_delay_seconds";

/// Tells the exporter what each metric means.
pub(super) fn describe() {
    describe_counter!("carrierd_call_accepted_total", "Calls accepted, durable, by category.");
    describe_counter!("carrierd_call_refused_total", "Calls refused before acceptance, by reason.");
    describe_counter!("carrierd_call_final_total", "Calls that ended, by trunk, direction, state and cause.");
    describe_gauge!("carrierd_calls_open", "Calls that have not ended.");
    describe_histogram!(
        POST_DIAL_DELAY,
        Unit::Seconds,
        "From the INVITE of a call to the first response beyond 100."
    );
}

/// A call is durable.
pub fn call_accepted(category: Category) {
    counter!("carrierd_call_accepted_total", "category" => category.name()).increment(1);
}

/// A call was refused before acceptance.
pub fn call_refused(reason: &'static str) {
    counter!("carrierd_call_refused_total", "reason" => reason).increment(1);
}

/// A call ended.
pub fn call_ended(trunk: Option<&TrunkId>, direction: CallDirection, state: CallState, cause: Cause) {
    let trunk = trunk.map_or_else(String::new, ToString::to_string);
    counter!("carrierd_call_final_total", "trunk" => trunk, "direction" => direction.name(),
        "state" => state.name(), "cause" => cause.name())
    .increment(1);
}

/// How long a carrier took until something was heard beyond 100.
pub fn post_dial_delay(delay: Duration) {
    histogram!(POST_DIAL_DELAY).record(seconds(delay));
}

/// The handle of the calls that have not ended.
pub fn calls_open() -> Gauge {
    gauge!("carrierd_calls_open")
}
