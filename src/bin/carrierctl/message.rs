//! `message`: one message's whole story, and its withdrawal.

use carrierd::{
    clock,
    grpc::api::{self, get_message_request::Key, sms_service_client::SmsServiceClient},
};
use clap::{Args, Subcommand};
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show, story};

/// What is done about a message.
#[derive(Subcommand)]
pub enum Message {
    /// Tell what became of a message, part by part, try by try, with the carrier's own codes.
    Show(Show),
    /// Withdraw a message of which nothing has left.
    Cancel(Cancel),
}

impl Message {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run(channel, form).await,
            Self::Cancel(cancel) => cancel.run(channel, form).await,
        }
    }
}

/// Arguments of `message show`.
#[derive(Args)]
pub struct Show {
    /// The message's id.
    #[arg(required_unless_present = "request")]
    id: Option<String>,
    /// The tenant and the key of the request that brought it, instead of its id.
    #[arg(long, value_name = "TENANT/KEY", conflicts_with = "id")]
    request: Option<String>,
}

impl Show {
    async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let key = key(self.id, self.request.as_deref())?;
        let message = get(&mut SmsServiceClient::new(channel), key).await?;
        print(&message, form);
        Ok(())
    }
}

fn key(id: Option<String>, request: Option<&str>) -> Result<Key, Failure> {
    let Some(request) = request else { return Ok(Key::MessageId(id.unwrap_or_default())) };
    let (tenant_id, request_id) = request.split_once('/').ok_or_else(|| {
        Failure::Usage(format!("--request {request} is no TENANT/KEY such as shop/order-1234"))
    })?;
    Ok(Key::RequestKey(api::RequestKey { tenant_id: tenant_id.into(), request_id: request_id.into() }))
}

/// Arguments of `message cancel`.
#[derive(Args)]
pub struct Cancel {
    /// The message's id.
    id: String,
}

impl Cancel {
    async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let request = api::CancelMessageRequest { message_id: self.id.clone() };
        let response = SmsServiceClient::new(channel).cancel_message(request).await?.into_inner();
        if form == Form::Json {
            let state = response.state().as_str_name();
            println!("{}", serde_json::json!({ "message_id": self.id, "state": state }));
        } else {
            println!("{} {}", show::message_state(response.state()), self.id);
        }
        Ok(())
    }
}

/// A message as the daemon has it now.
pub async fn get(client: &mut SmsServiceClient<Channel>, key: Key) -> Result<api::Message, Failure> {
    let request = api::GetMessageRequest { key: Some(key) };
    let message = client.get_message(request).await?.into_inner().message;
    message.ok_or_else(|| Failure::Other("the daemon answered without a message".into()))
}

/// Prints a message's story.
pub fn print(message: &api::Message, form: Form) {
    match form {
        Form::Json => println!("{}", json::message(message)),
        Form::Plain => print!("{}", story::tell(message, clock::wall())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_by_tenant_and_key() {
        let named = key(None, Some("shop/a/b")).unwrap();
        let expected = api::RequestKey { tenant_id: "shop".into(), request_id: "a/b".into() };
        assert_eq!(named, Key::RequestKey(expected));
        assert_eq!(key(Some("1".into()), None).unwrap(), Key::MessageId("1".into()));
        assert_eq!(key(None, Some("shop")).unwrap_err().exit_code(), 2);
    }
}
