//! `send` and `estimate`: what goes out.

use std::time::{Duration, Instant};

use carrierd::grpc::api::{self, sms_service_client::SmsServiceClient};
use clap::{Args, ValueEnum};
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, message, show};

/// What a message is for.
#[derive(Clone, Copy, ValueEnum)]
pub enum Category {
    Otp,
    Notification,
    Marketing,
    Interactive,
}

/// The message of `send` and `estimate`.
#[derive(Args)]
struct Draft {
    /// The recipient: digits, with or without +.
    #[arg(long)]
    to: String,
    /// The text.
    #[arg(long)]
    text: String,
    /// What the recipient sees as origin; by default the trunk's own.
    #[arg(long, default_value = "")]
    from: String,
    /// The signature, without 【 and 】.
    #[arg(long, default_value = "")]
    signature: String,
    /// The tenant it is sent for.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What it is for.
    #[arg(long, value_enum, default_value = "notification")]
    category: Category,
    /// A trunk it may take; more than one in order of preference. By default by route.
    #[arg(long)]
    trunk: Vec<String>,
    /// Seconds after which it is of no use.
    #[arg(long)]
    validity: Option<u32>,
    /// When it may leave at the earliest, such as 2026-03-01T09:00:00+08:00; by default at once.
    #[arg(long, value_parser = show::parse_time)]
    send_time: Option<prost_types::Timestamp>,
    /// 0 to 9, higher first.
    #[arg(long, default_value_t = 0)]
    priority: u32,
    /// Ask the carrier for no report.
    #[arg(long)]
    no_report: bool,
}

impl Category {
    /// As the API has it.
    pub fn of_api(self) -> api::MessageCategory {
        match self {
            Self::Otp => api::MessageCategory::Otp,
            Self::Notification => api::MessageCategory::Notification,
            Self::Marketing => api::MessageCategory::Marketing,
            Self::Interactive => api::MessageCategory::Interactive,
        }
    }
}

impl Draft {
    fn outbound(self) -> api::OutboundMessage {
        api::OutboundMessage {
            tenant_id: self.tenant,
            to: self.to,
            sender: self.from,
            signature: self.signature,
            content: Some(api::outbound_message::Content::Text(self.text)),
            category: self.category.of_api().into(),
            validity: self
                .validity
                .map(|seconds| prost_types::Duration { seconds: seconds.into(), nanos: 0 }),
            report_requested: !self.no_report,
            trunk_ids: self.trunk,
            priority: self.priority,
            send_time: self.send_time,
            ..Default::default()
        }
    }
}

/// Arguments of `send`.
#[derive(Args)]
pub struct Send {
    #[command(flatten)]
    draft: Draft,
    /// The idempotency key: the same key again sends nothing new. By default a fresh one.
    #[arg(long)]
    request_id: Option<String>,
    /// Wait for the end of the message and show it; fails if it did not arrive.
    #[arg(long)]
    wait: bool,
    /// How many seconds to wait.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

impl Send {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = SmsServiceClient::new(channel);
        let request_id = self.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let request = api::SubmitMessageRequest {
            request_id: request_id.clone(),
            message: Some(self.draft.outbound()),
            validate_only: false,
        };
        let response = client.submit_message(request).await?.into_inner();
        if form == Form::Json {
            println!("{}", json::submitted(&request_id, &response));
        } else {
            let plan = response.plan.unwrap_or_default();
            let replayed = if response.replayed { ", sent before under this request-id" } else { "" };
            println!(
                "accepted {} ({}, {}{replayed})",
                response.message_id,
                segments(plan.segment_count),
                show::encoding(plan.encoding()),
            );
        }
        if !self.wait {
            return Ok(());
        }
        let ended = wait(&mut client, &response.message_id, Duration::from_secs(self.timeout)).await?;
        message::print(&ended, form);
        let state = ended.state();
        let arrived = state == api::MessageState::Delivered
            || (ended.final_time.is_some() && state == api::MessageState::Submitted);
        if arrived { Ok(()) } else { Err(not_arrived(&ended)) }
    }
}

fn not_arrived(message: &api::Message) -> Failure {
    let state = show::message_state(message.state());
    let said = show::status(message.status.as_ref());
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let open = message.final_time.is_none();
    let advice = if open { "; `carrierctl message show` tells more later" } else { "" };
    Failure::Other(format!("message {} is {state}{said}{advice}", message.message_id))
}

/// Asks until the message has ended or the time is over.
async fn wait(
    client: &mut SmsServiceClient<Channel>,
    message_id: &str,
    timeout: Duration,
) -> Result<api::Message, Failure> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        let key = api::get_message_request::Key::MessageId(message_id.to_owned());
        let message = message::get(client, key).await?;
        if message.final_time.is_some() || begin.elapsed() >= timeout {
            return Ok(message);
        }
        tokio::time::sleep(pause.min(timeout.saturating_sub(begin.elapsed()))).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Arguments of `estimate`.
#[derive(Args)]
pub struct Estimate {
    #[command(flatten)]
    draft: Draft,
}

impl Estimate {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let request = api::EstimateMessageRequest { message: Some(self.draft.outbound()) };
        let response = SmsServiceClient::new(channel).estimate_message(request).await?.into_inner();
        if form == Form::Json {
            println!("{}", json::estimate(&response));
            return Ok(());
        }
        let plan = response.plan.unwrap_or_default();
        let rows = [
            vec!["segments".into(), plan.segment_count.to_string()],
            vec!["encoding".into(), show::encoding(plan.encoding())],
            vec!["units".into(), plan.unit_count.to_string()],
            vec!["trunks".into(), response.trunk_ids.join(", ")],
        ];
        print!("{}", show::table(&rows));
        Ok(())
    }
}

fn segments(count: u32) -> String {
    if count == 1 { "1 segment".to_owned() } else { format!("{count} segments") }
}
