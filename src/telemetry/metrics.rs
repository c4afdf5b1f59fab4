//! Every metric of the daemon: its name, unit and labels, in one place. Labels are bounded: never a number, a text or
//! an id of a message.

mod calls;
mod sip;

use std::time::Duration;

pub use calls::{call_accepted, call_ended, call_refused, calls_open, post_dial_delay};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

pub use sip::{SipMetrics, SipTrunkMetrics};

use crate::domain::{CarrierStatus, Category, EventKind, FailureClass, MessageState};

/// Buckets of everything that a person waits for, seconds.
pub const LATENCY_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets of the time until a report, seconds.
pub const REPORT_BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 259_200.0];
/// Buckets of rows that are committed together.
pub const ROW_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Every histogram with its buckets.
pub const HISTOGRAMS: [(&str, &[f64]); 5] = [
    ("carrierd_sms_submit_response_seconds", &LATENCY_BUCKETS),
    ("carrierd_sms_report_delay_seconds", &REPORT_BUCKETS),
    ("carrierd_store_commit_seconds", &LATENCY_BUCKETS),
    ("carrierd_store_batch_rows", &ROW_BUCKETS),
    (calls::POST_DIAL_DELAY, &LATENCY_BUCKETS),
];

/// Tells the exporter what each metric means.
pub fn describe() {
    calls::describe();
    describe_counter!("carrierd_sms_accepted_total", "Messages accepted, durable, by category.");
    describe_counter!("carrierd_sms_refused_total", "Requests refused before acceptance, by reason.");
    describe_counter!(
        "carrierd_sms_moved_total",
        "Messages that another trunk took over, by the trunk left behind."
    );
    describe_counter!("carrierd_sms_submits_total", "Answers to submits by trunk and result.");
    describe_histogram!(
        "carrierd_sms_submit_response_seconds",
        Unit::Seconds,
        "From handing a submit to a link to its answer."
    );
    describe_counter!("carrierd_sms_final_total", "Messages that ended, by trunk, state and failure class.");
    describe_histogram!(
        "carrierd_sms_report_delay_seconds",
        Unit::Seconds,
        "From the carrier's submit time to its report."
    );
    describe_counter!("carrierd_sms_reports_total", "Status reports taken, by trunk and fate.");
    describe_counter!("carrierd_sms_reports_unmatched_total", "Reports without a message of ours.");
    describe_counter!(
        "carrierd_sms_reports_misread_total",
        "Reports without a message that would have one if carrier_ids were another form, by trunk and that form."
    );
    describe_counter!("carrierd_sms_status_unmapped_total", "Statuses that no table explains.");
    describe_counter!("carrierd_sms_ambiguous_total", "Submits whose fate is unknown.");
    describe_counter!(
        "carrierd_sms_inbound_total",
        "Incoming messages, reassembled, by trunk and completeness."
    );
    describe_gauge!(
        "carrierd_config_last_reload_successful",
        "Whether the last reload of the configuration succeeded; absent: there was none."
    );
    describe_gauge!(
        "carrierd_config_last_reload_success_timestamp_seconds",
        Unit::Seconds,
        "When the configuration was last reloaded."
    );
    describe_gauge!("carrierd_queue_messages", "Messages that wait for a trunk.");
    describe_gauge!("carrierd_queue_oldest_age_seconds", Unit::Seconds, "Age of the first in line.");
    describe_gauge!("carrierd_links_bound", "Links that are bound.");
    describe_gauge!("carrierd_links_wanted", "Links that should be bound.");
    describe_gauge!("carrierd_link_in_flight", "Submits without an answer, over the trunk's links.");
    describe_gauge!(
        "carrierd_link_window",
        "Submits that may be without an answer now, over the trunk's bound links: less while the carrier asks for less."
    );
    describe_counter!("carrierd_link_reconnects_total", "Links that came up, by trunk.");
    describe_counter!(
        "carrierd_link_binds_refused_total",
        "Binds that a carrier refused, by trunk and reason."
    );
    describe_counter!(
        "carrierd_link_faults_total",
        "What a carrier said that its protocol does not allow or nobody understands, by trunk and kind: malformed, \
         unreadable_answer, mismatched_answer, stray_answer, late_answer, unknown_command, misplaced_request, \
         unread_replies, framing_lost, unfinished."
    );
    describe_gauge!(
        "carrierd_links_need_a_person",
        "Links whose bind is refused for what only a person can mend, such as a wrong secret: raise an alarm above 0."
    );
    describe_counter!("carrierd_events_appended_total", "Events written to the log, by kind.");
    describe_gauge!("carrierd_event_backlog", "Events after what a subscription has confirmed.");
    describe_gauge!(
        "carrierd_event_oldest_unacked_age_seconds",
        Unit::Seconds,
        "Age of the first event that a subscription has not confirmed."
    );
    describe_counter!("carrierd_event_redeliveries_total", "Events delivered again.");
    describe_counter!(
        "carrierd_event_dead_letters_total",
        "Events given up after the most deliveries that a subscription allows."
    );
    describe_gauge!("carrierd_store_free_bytes", Unit::Bytes, "Free space on the store's disk.");
    describe_histogram!(
        "carrierd_store_commit_seconds",
        Unit::Seconds,
        "One commit of the store, fsync included."
    );
    describe_histogram!("carrierd_store_batch_rows", "Rows written by one commit.");
    sip::describe();
    describe_gauge!("carrierd_build_info", "Always 1; the version is a label.");
    gauge!("carrierd_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// A request was accepted.
pub fn accepted(category: Category, messages: u64) {
    counter!("carrierd_sms_accepted_total", "category" => category.name()).increment(messages);
}

/// A request was refused.
pub fn refused(reason: &'static str) {
    counter!("carrierd_sms_refused_total", "reason" => reason).increment(1);
}

/// How far behind one subscription is. Subscriptions are made by operations, so they are few.
#[derive(Clone)]
pub struct LagMetrics {
    backlog: Gauge,
    oldest_unacked: Gauge,
}

impl LagMetrics {
    /// The handles of a subscription.
    #[must_use]
    pub fn new(subscription: &str) -> Self {
        let label = subscription.to_owned();
        Self {
            backlog: gauge!("carrierd_event_backlog", "subscription" => label.clone()),
            oldest_unacked: gauge!("carrierd_event_oldest_unacked_age_seconds", "subscription" => label),
        }
    }

    /// Sets the events after what it has confirmed, and the age of the first of them.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    pub fn set(&self, backlog: u64, oldest: Duration) {
        self.backlog.set(backlog as f64);
        self.oldest_unacked.set(seconds(oldest));
    }
}

/// What had to be delivered more than once, of one subscription in use.
#[derive(Clone)]
pub struct RedeliveryMetrics {
    /// Events delivered again.
    pub redeliveries: Counter,
    /// Events given up.
    pub dead_letters: Counter,
}

impl RedeliveryMetrics {
    /// The handles of a subscription.
    #[must_use]
    pub fn new(subscription: &str) -> Self {
        let label = subscription.to_owned();
        Self {
            redeliveries: counter!("carrierd_event_redeliveries_total", "subscription" => label.clone()),
            dead_letters: counter!("carrierd_event_dead_letters_total", "subscription" => label),
        }
    }
}

/// The handles of the store, built once.
#[derive(Clone)]
pub struct StoreMetrics {
    /// One commit, fsync included.
    pub commit_seconds: Histogram,
    /// Rows of one commit.
    pub batch_rows: Histogram,
    /// Free space on its disk, octets.
    pub free_bytes: Gauge,
    appended: [Counter; EventKind::ALL.len()],
}

impl StoreMetrics {
    /// The handles.
    #[must_use]
    pub fn new() -> Self {
        Self {
            commit_seconds: histogram!("carrierd_store_commit_seconds"),
            batch_rows: histogram!("carrierd_store_batch_rows"),
            free_bytes: gauge!("carrierd_store_free_bytes"),
            appended: EventKind::ALL
                .map(|kind| counter!("carrierd_events_appended_total", "kind" => kind_name(kind))),
        }
    }

    /// Events of a kind are in the log.
    pub fn appended(&self, kind: EventKind, events: u64) {
        self.appended[kind as usize].increment(events);
    }
}

fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::MessageState => "message_state",
        EventKind::InboundMessage => "inbound_message",
        EventKind::TrunkState => "trunk_state",
        EventKind::OrphanReport => "orphan_report",
        EventKind::CallState => "call_state",
        EventKind::CallRecord => "call_record",
        EventKind::InboundCall => "inbound_call",
    }
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A report was told as an orphan: no message of ours has its id. Rare, so it is looked up each time.
pub fn orphan(trunk: &str) {
    counter!("carrierd_sms_reports_unmatched_total", "trunk" => trunk.to_owned()).increment(1);
}

/// A carrier refused a bind. Rare, so it is looked up each time.
pub fn bind_refused(trunk: &str, reason: &'static str) {
    counter!("carrierd_link_binds_refused_total", "trunk" => trunk.to_owned(), "reason" => reason)
        .increment(1);
}

/// A carrier said what its protocol does not allow, or what nobody understands. Rare, so it is looked up each time.
pub fn link_fault(trunk: &str, kind: &'static str, times: u64) {
    counter!("carrierd_link_faults_total", "trunk" => trunk.to_owned(), "kind" => kind).increment(times);
}

/// A report would have found its message if the account's ids were read in another form. Rare, as orphans are.
pub fn misread(trunk: &str, form: &'static str) {
    counter!("carrierd_sms_reports_misread_total", "trunk" => trunk.to_owned(), "form" => form).increment(1);
}

/// The handles of one trunk, built once.
#[derive(Clone)]
pub struct TrunkMetrics {
    trunk: String,
    /// Submits taken by the carrier.
    pub submits_ok: Counter,
    /// Submits refused as too many.
    pub submits_throttled: Counter,
    /// Submits refused.
    pub submits_rejected: Counter,
    /// Messages that another trunk took over.
    pub moved: Counter,
    /// Submits without an answer.
    pub submits_unknown: Counter,
    /// From link to answer.
    pub response: Histogram,
    /// From the carrier's submit time to the report.
    pub report_delay: Histogram,
    /// Reports by fate.
    pub reports_applied: Counter,
    /// Reports that said nothing new.
    pub reports_repeated: Counter,
    /// Reports that contradict.
    pub reports_contradicting: Counter,
    /// Reports that came before the answer to their submit, or belong to no message.
    pub reports_parked: Counter,
    /// Statuses that no table explains.
    pub unmapped: Counter,
    /// Incoming messages that are whole.
    pub inbound_complete: Counter,
    /// Incoming messages that lack a part.
    pub inbound_incomplete: Counter,
    /// Waiting messages.
    pub queue: Gauge,
    /// Age of the first in line.
    pub oldest: Gauge,
    /// Bound links.
    pub bound: Gauge,
    /// Wanted links.
    pub wanted: Gauge,
    /// Unanswered submits.
    pub in_flight: Gauge,
    /// Allowed unanswered submits.
    pub window: Gauge,
    /// Links that come up only once a person has changed something.
    pub need_a_person: Gauge,
    /// Links that came up.
    pub reconnects: Counter,
}

impl TrunkMetrics {
    /// The handles of a trunk.
    #[must_use]
    pub fn new(trunk: &str) -> Self {
        let label = trunk.to_owned();
        let submits = |result: &'static str| counter!("carrierd_sms_submits_total", "trunk" => label.clone(), "result" => result);
        let reports = |fate: &'static str| counter!("carrierd_sms_reports_total", "trunk" => label.clone(), "fate" => fate);
        let inbound = |complete: &'static str| counter!("carrierd_sms_inbound_total", "trunk" => label.clone(), "complete" => complete);
        let trunk_gauge = |name: &'static str| gauge!(name, "trunk" => label.clone());
        Self {
            submits_ok: submits("ok"),
            submits_throttled: submits("throttled"),
            submits_rejected: submits("rejected"),
            moved: counter!("carrierd_sms_moved_total", "trunk" => label.clone()),
            submits_unknown: submits("timeout"),
            response: histogram!("carrierd_sms_submit_response_seconds", "trunk" => label.clone()),
            report_delay: histogram!("carrierd_sms_report_delay_seconds", "trunk" => label.clone()),
            reports_applied: reports("applied"),
            reports_repeated: reports("repeated"),
            reports_contradicting: reports("contradicting"),
            reports_parked: reports("parked"),
            unmapped: counter!("carrierd_sms_status_unmapped_total", "trunk" => label.clone()),
            inbound_complete: inbound("yes"),
            inbound_incomplete: inbound("no"),
            queue: trunk_gauge("carrierd_queue_messages"),
            oldest: trunk_gauge("carrierd_queue_oldest_age_seconds"),
            bound: trunk_gauge("carrierd_links_bound"),
            wanted: trunk_gauge("carrierd_links_wanted"),
            in_flight: trunk_gauge("carrierd_link_in_flight"),
            window: trunk_gauge("carrierd_link_window"),
            need_a_person: trunk_gauge("carrierd_links_need_a_person"),
            reconnects: counter!("carrierd_link_reconnects_total", "trunk" => label.clone()),
            trunk: label,
        }
    }

    /// A message ended. Looked up each time: ends are as rare as messages and the labels are many.
    pub fn ended(&self, state: MessageState, status: Option<&CarrierStatus>) {
        let class = status.map_or(FailureClass::None, |status| status.class);
        counter!("carrierd_sms_final_total", "trunk" => self.trunk.clone(), "state" => state.name(),
            "failure_class" => class.name())
        .increment(1);
    }

    /// The fate of a submit is unknown.
    pub fn ambiguous(&self) {
        counter!("carrierd_sms_ambiguous_total", "trunk" => self.trunk.clone()).increment(1);
    }
}

/// Seconds for a histogram.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// The configuration was read again, and taken or not.
pub fn reloaded(taken: bool, at: jiff::Timestamp) {
    gauge!("carrierd_config_last_reload_successful").set(f64::from(u8::from(taken)));
    if taken {
        gauge!("carrierd_config_last_reload_success_timestamp_seconds").set(at.as_duration().as_secs_f64());
    }
}
