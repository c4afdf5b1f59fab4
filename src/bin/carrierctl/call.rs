//! `call` and `calls`: place a call and follow it, show one with its messages, hang one up, list those that are open.

mod follow;
mod ladder;
mod meaning;

use carrierd::grpc::api::{self, call_service_client::CallServiceClient};
use clap::{Args, Subcommand};
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show, sms::Category};

/// Calls asked for at once.
const PAGE: i32 = 500;

/// Arguments of `call`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Call {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    place: follow::Place,
}

#[derive(Subcommand)]
enum Action {
    /// Tell what became of a call: its end and why, its times, its tries, and its SIP messages as a ladder.
    Show(Show),
    /// End a call, whatever state it is in.
    Hangup {
        /// The call's id.
        id: String,
        /// Why, for the carrier.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Arguments of `call show`.
#[derive(Args)]
struct Show {
    /// The call's id.
    #[arg(required_unless_present = "request")]
    id: Option<String>,
    /// The tenant and the key of the request that brought it, instead of its id.
    #[arg(long, value_name = "TENANT/KEY", conflicts_with = "id")]
    request: Option<String>,
}

impl Call {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = CallServiceClient::new(channel);
        match self.action {
            None => self.place.run(&mut client, form).await,
            Some(Action::Show(show)) => show.run(&mut client, form).await,
            Some(Action::Hangup { id, reason }) => {
                let state = hang_up(&mut client, &id, reason).await?;
                match form {
                    Form::Json => {
                        println!("{}", serde_json::json!({ "call_id": id, "state": state.as_str_name() }));
                    }
                    Form::Plain => println!("{} {id}", show::call_state(state)),
                }
                Ok(())
            }
        }
    }
}

impl Show {
    async fn run(self, client: &mut CallServiceClient<Channel>, form: Form) -> Result<(), Failure> {
        let mut request = api::GetCallRequest { include_messages: true, ..Default::default() };
        match (self.id, self.request) {
            (Some(id), _) => request.call_id = id,
            (None, named) => request.request_key = Some(request_key(&named.unwrap_or_default())?),
        }
        let response = client.get_call(request).await?.into_inner();
        match form {
            Form::Json => println!("{}", json::call_with_messages(&response)),
            Form::Plain => print!("{}", ladder::tell(&response)),
        }
        Ok(())
    }
}

fn request_key(named: &str) -> Result<api::RequestKey, Failure> {
    let (tenant_id, request_id) = named.split_once('/').ok_or_else(|| {
        Failure::Usage(format!("--request {named} is no TENANT/KEY such as shop/order-1234"))
    })?;
    Ok(api::RequestKey { tenant_id: tenant_id.into(), request_id: request_id.into() })
}

async fn hang_up(
    client: &mut CallServiceClient<Channel>,
    call_id: &str,
    reason: String,
) -> Result<api::CallState, Failure> {
    let request = api::HangupCallRequest { call_id: call_id.to_owned(), reason };
    Ok(client.hangup_call(request).await?.into_inner().state())
}

/// A call as the daemon has it now.
async fn get(client: &mut CallServiceClient<Channel>, call_id: &str) -> Result<api::Call, Failure> {
    let request = api::GetCallRequest { call_id: call_id.to_owned(), ..Default::default() };
    let call = client.get_call(request).await?.into_inner().call;
    call.ok_or_else(|| Failure::Other("the daemon answered without a call".into()))
}

fn is_final(state: api::CallState) -> bool {
    use api::CallState::{Busy, Canceled, Completed, Failed, Lost, NoAnswer, Rejected};
    matches!(state, Completed | Busy | NoAnswer | Rejected | Canceled | Failed | Lost)
}

/// Arguments of `calls`.
#[derive(Args)]
pub struct Calls {
    /// Only those of this tenant.
    #[arg(long, default_value = "")]
    tenant: String,
    /// Only those on this trunk.
    #[arg(long, default_value = "")]
    trunk: String,
}

impl Calls {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = CallServiceClient::new(channel);
        let (mut calls, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = api::ListActiveCallsRequest {
                tenant_id: self.tenant.clone(),
                trunk_id: self.trunk.clone(),
                page_size: PAGE,
                page_token,
            };
            let page = client.list_active_calls(request).await?.into_inner();
            calls.extend(page.calls);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        match form {
            Form::Json => calls.iter().for_each(|call| println!("{}", json::call(call))),
            Form::Plain if calls.is_empty() => println!("no call is open"),
            Form::Plain => print!("{}", table(&calls)),
        }
        Ok(())
    }
}

fn table(calls: &[api::Call]) -> String {
    let head = ["CALL", "STATE", "DIRECTION", "FROM", "TO", "TRUNK", "SINCE", "ANSWERED"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(calls.iter().map(|call| {
        let record = call.record.clone().unwrap_or_default();
        vec![
            call.call_id.clone(),
            show::call_state(call.state()),
            show::bare(call.direction().as_str_name(), "CALL_DIRECTION_"),
            show::line(&record.caller),
            show::line(&record.callee),
            show::line(&record.trunk_id),
            show::time(record.originate_time.as_ref()),
            show::time(record.answer_time.as_ref()),
        ]
    }));
    show::table(&rows)
}

/// What a call is for, as the API has it.
fn category(category: Category) -> i32 {
    category.of_api().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_calls_are_one_line_each() {
        let record = api::CallRecord {
            caller: "02112345678".into(),
            callee: "13800138000".into(),
            trunk_id: "north".into(),
            originate_time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        };
        let call = api::Call {
            call_id: "c1".into(),
            state: api::CallState::Ringing.into(),
            direction: api::CallDirection::Outbound.into(),
            record: Some(record),
            ..Default::default()
        };
        let shown = table(&[call]);
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[0].starts_with("CALL  STATE"));
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["c1", "ringing", "outbound", "02112345678", "13800138000", "north", "1970-01-01T00:00:00.000Z"]
        );
    }

    #[test]
    fn a_request_is_named_by_tenant_and_key() {
        let key = request_key("shop/a/b").unwrap();
        assert_eq!((key.tenant_id.as_str(), key.request_id.as_str()), ("shop", "a/b"));
        assert_eq!(request_key("shop").unwrap_err().exit_code(), 2);
    }
}
