//! SIP: what the sockets and the endpoint see.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::domain::CallDirection;

/// Tells the exporter what each metric means.
pub(super) fn describe() {
    describe_gauge!(
        "carrierd_calls_active",
        "Calls that take one of a trunk's places, by trunk and direction."
    );
    describe_counter!(
        "carrierd_call_attempts_total",
        "INVITEs to gateways and from carriers, by trunk and direction."
    );
    describe_counter!(
        "carrierd_sip_gateway_failures_total",
        "INVITEs that a gateway failed, by trunk and cause."
    );
    describe_gauge!("carrierd_sip_gateways_up", "Gateways that are known to live, by trunk.");
    describe_gauge!("carrierd_sip_gateways", "Gateways that are configured, by trunk.");
    describe_gauge!(
        "carrierd_sip_registered",
        "Whether the trunk's registration stands; absent: it has none."
    );
    describe_counter!("carrierd_sip_malformed_total", "Messages that could not be read or acted on.");
    describe_counter!("carrierd_sip_strangers_total", "Requests from addresses that belong to no trunk.");
    describe_counter!(
        "carrierd_sip_dropped_total",
        "Messages that were not looked at, because their address had said too much that was refused."
    );
    describe_counter!("carrierd_sip_overloaded_total", "Requests refused because a limit was reached.");
    describe_counter!(
        "carrierd_sip_connections_refused_total",
        "Connections refused because a limit was reached."
    );
    describe_counter!(
        "carrierd_sip_connections_stalled_total",
        "Connections closed because the peer did not read."
    );
    describe_counter!("carrierd_sip_refreshes_total", "Session refreshes, by the side that sent them.");
    describe_counter!(
        "carrierd_sip_connections_unfinished_total",
        "Connections closed because a message that began did not come in full in time."
    );
    describe_counter!("carrierd_sip_undelivered_total", "Datagrams that could not be sent.");
    describe_gauge!(
        "carrierd_sip_transactions",
        "Transactions that are kept, by side: of our requests (client), and of those of peers (server)."
    );
    describe_counter!(
        "carrierd_sip_unacknowledged_total",
        "Calls that were answered and ended, because the answer was never acknowledged."
    );
    describe_counter!(
        "carrierd_sip_unproven_total",
        "Answers whose proof (rspauth) is wrong: whoever gave them does not know the password."
    );
    describe_counter!(
        "carrierd_sip_registration_failures_total",
        "REGISTERs that failed, by trunk and status (none: no answer)."
    );
    describe_gauge!("carrierd_sip_connections", "Connections that are open or being opened.");
}

/// The handles of the endpoint as a whole, built once. The endpoint counts in plain fields; these follow them.
#[derive(Clone)]
pub struct SipMetrics {
    /// Messages that could not be read or acted on.
    pub malformed: Counter,
    /// Requests of strangers.
    pub strangers: Counter,
    /// Messages that were not looked at.
    pub dropped: Counter,
    /// Requests refused because a limit was reached.
    pub overloaded: Counter,
    /// Connections refused because a limit was reached.
    pub refused: Counter,
    /// Connections whose peer did not read.
    pub stalled: Counter,
    /// Connections whose message did not come in full.
    pub unfinished: Counter,
    /// Datagrams that could not be sent.
    pub undelivered: Counter,
    /// Session refreshes that we sent.
    pub refreshes: Counter,
    /// Session refreshes that peers sent.
    pub refreshed: Counter,
    /// Calls whose answer was never acknowledged.
    pub unacknowledged: Counter,
    /// Answers whose proof is wrong.
    pub unproven: Counter,
    /// Transactions now: of our requests, and of those of peers.
    pub transactions: [Gauge; 2],
    /// Connections now.
    pub connections: Gauge,
}

impl SipMetrics {
    /// The handles.
    #[must_use]
    pub fn new() -> Self {
        Self {
            malformed: counter!("carrierd_sip_malformed_total"),
            strangers: counter!("carrierd_sip_strangers_total"),
            dropped: counter!("carrierd_sip_dropped_total"),
            overloaded: counter!("carrierd_sip_overloaded_total"),
            refused: counter!("carrierd_sip_connections_refused_total"),
            stalled: counter!("carrierd_sip_connections_stalled_total"),
            unfinished: counter!("carrierd_sip_connections_unfinished_total"),
            undelivered: counter!("carrierd_sip_undelivered_total"),
            refreshes: counter!("carrierd_sip_refreshes_total", "side" => "us"),
            refreshed: counter!("carrierd_sip_refreshes_total", "side" => "peer"),
            unacknowledged: counter!("carrierd_sip_unacknowledged_total"),
            unproven: counter!("carrierd_sip_unproven_total"),
            transactions: ["client", "server"]
                .map(|side| gauge!("carrierd_sip_transactions", "side" => side)),
            connections: gauge!("carrierd_sip_connections"),
        }
    }
}

impl Default for SipMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The handles of one SIP trunk, built once.
#[derive(Clone)]
pub struct SipTrunkMetrics {
    trunk: String,
    active: [Gauge; 2],
    attempts: [Counter; 2],
    /// Gateways that are known to live.
    pub gateways_up: Gauge,
    /// Gateways that are configured.
    pub gateways: Gauge,
}

impl SipTrunkMetrics {
    /// The handles of a trunk.
    #[must_use]
    pub fn new(trunk: &str) -> Self {
        let label = trunk.to_owned();
        let directions = [CallDirection::Outbound, CallDirection::Inbound].map(CallDirection::name);
        Self {
            active: directions
                .map(|name| gauge!("carrierd_calls_active", "trunk" => label.clone(), "direction" => name)),
            attempts: directions.map(
                |name| counter!("carrierd_call_attempts_total", "trunk" => label.clone(), "direction" => name),
            ),
            gateways_up: gauge!("carrierd_sip_gateways_up", "trunk" => label.clone()),
            gateways: gauge!("carrierd_sip_gateways", "trunk" => label.clone()),
            trunk: label,
        }
    }

    /// Calls now in one direction.
    pub fn active(&self, direction: CallDirection) -> &Gauge {
        &self.active[direction as usize]
    }

    /// INVITEs in one direction.
    pub fn attempts(&self, direction: CallDirection) -> &Counter {
        &self.attempts[direction as usize]
    }

    /// A gateway failed an INVITE. Rare, so it is looked up each time.
    pub fn gateway_failed(&self, cause: &'static str) {
        counter!("carrierd_sip_gateway_failures_total", "trunk" => self.trunk.clone(), "cause" => cause)
            .increment(1);
    }

    /// A REGISTER failed. Rare, so it is looked up each time.
    pub fn registration_failed(&self, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        counter!("carrierd_sip_registration_failures_total", "trunk" => self.trunk.clone(), "status" => status)
            .increment(1);
    }

    /// Its registration stands, or not.
    pub fn registered(&self, stands: bool) {
        gauge!("carrierd_sip_registered", "trunk" => self.trunk.clone()).set(f64::from(u8::from(stands)));
    }
}
