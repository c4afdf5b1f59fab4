//! `route explain`: why a message would take the trunk that it would take.

use std::fmt::Write as _;

use carrierd::grpc::api::{self, sms_service_client::SmsServiceClient};
use clap::{Args, Subcommand};
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show, sms::Category};

/// What can be asked about the route table.
#[derive(Subcommand)]
pub enum Route {
    /// Say rule by rule why a message would take the trunk that it would take now, and send nothing.
    Explain(Explain),
}

/// Arguments of `route explain`.
#[derive(Args)]
pub struct Explain {
    /// The recipient: digits, with or without +.
    #[arg(long)]
    to: String,
    /// What it is for.
    #[arg(long, value_enum, default_value = "notification")]
    category: Category,
    /// The tenant it is sent for.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What the recipient sees as origin; by default the trunk's own.
    #[arg(long, default_value = "")]
    sender: String,
    /// The text.
    #[arg(long, default_value = "text")]
    text: String,
    /// A trunk it may take; more than one in order of preference. By default by route.
    #[arg(long)]
    trunk: Vec<String>,
    /// When it may leave at the earliest, such as 2026-03-01T09:00:00+08:00; by default at once.
    #[arg(long, value_parser = show::parse_time)]
    send_time: Option<prost_types::Timestamp>,
}

impl Route {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let Self::Explain(explain) = self;
        let message = api::OutboundMessage {
            tenant_id: explain.tenant,
            to: explain.to,
            sender: explain.sender,
            content: Some(api::outbound_message::Content::Text(explain.text)),
            category: explain.category.of_api().into(),
            trunk_ids: explain.trunk,
            send_time: explain.send_time,
            ..Default::default()
        };
        let request = api::ExplainRouteRequest { message: Some(message) };
        let response = SmsServiceClient::new(channel).explain_route(request).await?.into_inner();
        match form {
            Form::Json => println!("{}", json::route(&response)),
            Form::Plain => print!("{}", told(&response)),
        }
        Ok(())
    }
}

/// The explanation as a person reads it: the answer first, then what led to it.
fn told(response: &api::ExplainRouteResponse) -> String {
    let choice = if response.trunk_id.is_empty() { "none" } else { &response.trunk_id };
    let mut facts = vec![
        vec!["trunk".into(), choice.to_owned()],
        vec!["because".into(), show::line(&response.reason)],
        vec!["operator".into(), operator(response)],
    ];
    if !response.window.is_empty() {
        facts.push(vec!["window".into(), show::line(&response.window)]);
    }
    if response.leave_time.is_some() {
        facts.push(vec!["leaves".into(), show::time(response.leave_time.as_ref())]);
    }
    let mut text = show::table(&facts);
    if !response.rules.is_empty() {
        let rows: Vec<_> = (1..).zip(&response.rules).map(|(number, rule)| rule_row(number, rule)).collect();
        let _ = write!(text, "\nrules\n{}", indented(&show::table(&rows)));
    }
    if !response.alternatives.is_empty() {
        let rows: Vec<_> =
            (1..).zip(&response.alternatives).map(|(place, one)| trunk_row(place, one)).collect();
        let _ = write!(text, "\ntrunks, best first\n{}", indented(&show::table(&rows)));
    }
    text
}

fn operator(response: &api::ExplainRouteResponse) -> String {
    let source = match response.operator_source() {
        api::OperatorSource::Range => "by the number's range",
        api::OperatorSource::Portability => "the number was carried there",
        api::OperatorSource::Unspecified => return "not known".to_owned(),
    };
    format!("{} ({source})", response.operator)
}

fn rule_row(number: usize, rule: &api::RouteRule) -> Vec<String> {
    let said = match rule.verdict() {
        api::RouteVerdict::Matched => "matches, and decides".to_owned(),
        api::RouteVerdict::NotReached => "not asked".to_owned(),
        api::RouteVerdict::NoMatch | api::RouteVerdict::Unspecified => {
            format!("no: {}", show::line(&rule.mismatches.join("; ")))
        }
    };
    vec![format!("{number}."), show::line(&rule.name), said]
}

fn trunk_row(place: usize, one: &api::RouteAlternative) -> Vec<String> {
    let health = show::bare(one.health().as_str_name(), "ROUTE_HEALTH_");
    let weight = one.weight.map(|weight| format!("weight {weight}"));
    let cost = one.cost.map(|cost| format!("cost {cost}"));
    let number = weight.or(cost).unwrap_or_default();
    vec![format!("{place}."), one.trunk_id.clone(), health, number, format!("listed {}.", one.listed_place)]
}

fn indented(table: &str) -> String {
    table.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_begins_with_the_answer() {
        let rule = |name: &str, verdict: api::RouteVerdict, mismatches: &[&str]| api::RouteRule {
            name: name.into(),
            verdict: verdict.into(),
            mismatches: mismatches.iter().map(|what| (*what).to_owned()).collect(),
        };
        let alternative = |trunk_id: &str, health: api::RouteHealth, listed_place| api::RouteAlternative {
            trunk_id: trunk_id.into(),
            health: health.into(),
            weight: None,
            cost: Some(3),
            listed_place,
        };
        let response = api::ExplainRouteResponse {
            operator: "cmcc".into(),
            operator_source: api::OperatorSource::Range.into(),
            rules: vec![
                rule("codes", api::RouteVerdict::NoMatch, &["the category is marketing, not otp"]),
                rule("rest", api::RouteVerdict::Matched, &[]),
                rule("never", api::RouteVerdict::NotReached, &[]),
            ],
            alternatives: vec![
                alternative("b", api::RouteHealth::Up, 2),
                alternative("a", api::RouteHealth::Down, 1),
            ],
            trunk_id: "b".into(),
            reason: "a costs least (3), but is down: b is the next that can carry".into(),
            leave_time: None,
            window: String::new(),
        };
        let expected = "\
trunk     b
because   a costs least (3), but is down: b is the next that can carry
operator  cmcc (by the number's range)

rules
  1.  codes  no: the category is marketing, not otp
  2.  rest   matches, and decides
  3.  never  not asked

trunks, best first
  1.  b  up    cost 3  listed 2.
  2.  a  down  cost 3  listed 1.
";
        assert_eq!(told(&response), expected);
    }
}
