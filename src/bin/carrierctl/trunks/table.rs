//! Trunks as tables: those for messages, those for calls, and below them their links.

use carrierd::grpc::api;

use crate::show;

/// The trunks, and below them their links, and what is to be said of single ones.
pub fn table(trunks: &[api::Trunk]) -> String {
    let (calls, messages): (Vec<_>, Vec<_>) = trunks.iter().partition(|trunk| trunk.calls.is_some());
    let tables = [of_messages(&messages), of_calls(&calls), of_links(trunks)];
    let tables: Vec<_> = tables.iter().filter(|rows| rows.len() > 1).map(|rows| show::table(rows)).collect();
    let mut shown = tables.join("\n");
    for trunk in trunks {
        shown.push_str(&said(trunk));
    }
    shown
}

fn of_messages(trunks: &[&api::Trunk]) -> Vec<Vec<String>> {
    let heads = [
        "trunk",
        "protocol",
        "operator",
        "state",
        "links",
        "queue",
        "oldest",
        "taken",
        "refused",
        "unknown",
        "delivered",
        "failed",
        "orphans",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for trunk in trunks {
        let submits = trunk.submits.unwrap_or_default();
        let reports = trunk.reports.unwrap_or_default();
        rows.push(vec![
            trunk.trunk_id.clone(),
            trunk.protocol.clone(),
            trunk.operator.clone(),
            state(trunk.state()),
            format!("{}/{}", trunk.bound_link_count, trunk.wanted_link_count),
            trunk.queue_depth.to_string(),
            show::span(trunk.oldest_queued_age.as_ref()),
            submits.accepted_count.to_string(),
            submits.refused_count.to_string(),
            submits.unknown_count.to_string(),
            reports.delivered_count.to_string(),
            reports.failed_count.to_string(),
            reports.unmatched_count.to_string(),
        ]);
    }
    rows
}

fn of_calls(trunks: &[&api::Trunk]) -> Vec<Vec<String>> {
    let heads = [
        "trunk",
        "protocol",
        "operator",
        "state",
        "gateways",
        "registered",
        "out",
        "in",
        "of",
        "per second",
        "of",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for trunk in trunks {
        let calls = trunk.calls.clone().unwrap_or_default();
        let limits = trunk.limits.unwrap_or_default();
        let registered = match trunk.links.iter().find(|link| link.bind_mode == "registration") {
            None => "-",
            Some(link) if link.bind_time.is_some() => "yes",
            Some(_) => "no",
        };
        let gateways = || trunk.links.iter().filter(|link| link.bind_mode == "gateway");
        let up = gateways().filter(|link| link.bind_time.is_some()).count();
        rows.push(vec![
            trunk.trunk_id.clone(),
            trunk.protocol.clone(),
            trunk.operator.clone(),
            state(trunk.state()),
            format!("{up}/{}", gateways().count()),
            registered.to_owned(),
            calls.outbound_call_count.to_string(),
            calls.inbound_call_count.to_string(),
            limits.max_concurrent_calls.to_string(),
            calls.placed_per_second.to_string(),
            match limits.max_calls_per_second {
                0 => "any".to_owned(),
                rate => rate.to_string(),
            },
        ]);
    }
    rows
}

fn of_links(trunks: &[api::Trunk]) -> Vec<Vec<String>> {
    let heads =
        ["link", "remote", "bound as", "bound since", "in flight", "window", "round trip", "last error"];
    let mut links = vec![heads.map(str::to_owned).to_vec()];
    for trunk in trunks {
        links.extend(trunk.links.iter().map(|link| {
            let since = show::time(link.bind_time.as_ref());
            vec![
                link.link_id.clone(),
                link.remote.clone(),
                link.bind_mode.clone(),
                if since.is_empty() { "not bound".to_owned() } else { since },
                link.in_flight.to_string(),
                link.window_size.to_string(),
                show::span(link.round_trip.as_ref()),
                show::line(&show::status(link.last_error.as_ref())),
            ]
        }));
    }
    links
}

/// What is wrong with a trunk, what its gateways failed last, and what operators have changed of it, as lines.
fn said(trunk: &api::Trunk) -> String {
    let mut lines = String::new();
    let calls = trunk.calls.clone().unwrap_or_default();
    for trouble in &calls.trouble {
        lines.push_str(&format!("\n{}: {}\n", trunk.trunk_id, show::line(trouble)));
    }
    if let Some(last) = calls.last_refusals.first() {
        let cause = show::bare(last.cause().as_str_name(), "CALL_CAUSE_");
        let status = match last.sip_status {
            0 => "nothing came".to_owned(),
            status => status.to_string(),
        };
        lines.push_str(&format!(
            "\n{} was failed last at {} by {}: {cause} ({status})\n",
            trunk.trunk_id,
            show::time(last.time.as_ref()),
            show::line(&last.gateway)
        ));
    }
    if trunk.wanted_state() != api::TrunkState::Enabled {
        let (state, since) =
            (show::trunk_state(trunk.wanted_state()), show::time(trunk.wanted_time.as_ref()));
        let why = match trunk.wanted_reason.as_str() {
            "" => "no reason was given".to_owned(),
            reason => show::line(reason),
        };
        lines.push_str(&format!("\n{} shall be {state}, since {since}: {why}\n", trunk.trunk_id));
    }
    if let (Some(now), Some(most)) = (trunk.limits, trunk.configured_limits)
        && now != most
    {
        let may = match trunk.calls {
            Some(_) => limits_of_calls(now, most),
            None => limits_of_messages(now, most),
        };
        lines.push_str(&format!("\n{} may have {may}\n", trunk.trunk_id));
    }
    lines
}

fn limits_of_messages(now: api::TrunkLimits, most: api::TrunkLimits) -> String {
    format!(
        "{} of {} links, {} of {} unanswered submits each, {} of {} submits per second",
        now.max_links,
        most.max_links,
        now.window_size,
        most.window_size,
        rate(now.max_submits_per_second),
        rate(most.max_submits_per_second)
    )
}

fn limits_of_calls(now: api::TrunkLimits, most: api::TrunkLimits) -> String {
    format!(
        "{} of {} calls, and place {} of {} in a second",
        now.max_concurrent_calls,
        most.max_concurrent_calls,
        rate(now.max_calls_per_second),
        rate(most.max_calls_per_second)
    )
}

fn rate(limit: u32) -> String {
    if limit == 0 { "any number of".to_owned() } else { limit.to_string() }
}

fn state(state: api::TrunkState) -> String {
    match state {
        api::TrunkState::Enabled => "up".to_owned(),
        other => show::trunk_state(other),
    }
}
