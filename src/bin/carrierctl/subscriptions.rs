//! `subscriptions`: the consumer groups of `EventService`.

use carrierd::grpc::api::{self, event_service_client::EventServiceClient};
use clap::Subcommand;
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show};

/// Commands of `subscriptions`.
#[derive(Subcommand)]
pub enum Subscriptions {
    /// Show all subscriptions and how far behind they are.
    List,
    /// Delete a subscription and what it has confirmed.
    Delete {
        /// Its name.
        name: String,
    },
}

impl Subscriptions {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = EventServiceClient::new(channel);
        match self {
            Self::List => list(&mut client, form).await,
            Self::Delete { name } => {
                let request = api::DeleteSubscriptionRequest { subscription_id: name.clone() };
                client.delete_subscription(request).await?;
                match form {
                    Form::Json => println!("{}", serde_json::json!({ "deleted": name })),
                    Form::Plain => println!("deleted {name}"),
                }
                Ok(())
            }
        }
    }
}

async fn list(client: &mut EventServiceClient<Channel>, form: Form) -> Result<(), Failure> {
    let heads = ["subscription", "backlog", "oldest unconfirmed", "dead letters", "kinds", "tenants"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    let mut page_token = String::new();
    loop {
        let request = api::ListSubscriptionsRequest { page_size: 0, page_token };
        let page = client.list_subscriptions(request).await?.into_inner();
        for subscription in &page.subscriptions {
            match form {
                Form::Json => println!("{}", json::subscription(subscription)),
                Form::Plain => rows.push(row(subscription)),
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if form == Form::Plain {
        print!("{}", show::table(&rows));
    }
    Ok(())
}

fn row(subscription: &api::Subscription) -> Vec<String> {
    let or_all = |names: Vec<String>| if names.is_empty() { "all".to_owned() } else { names.join(",") };
    let kinds = subscription.kinds().map(|kind| show::bare(kind.as_str_name(), "EVENT_KIND_")).collect();
    let oldest = show::time(subscription.oldest_unacked_time.as_ref());
    vec![
        show::line(&subscription.subscription_id),
        subscription.backlog_count.to_string(),
        if oldest.is_empty() { "-".to_owned() } else { oldest },
        subscription.dead_letter_count.to_string(),
        or_all(kinds),
        or_all(subscription.tenant_ids.iter().map(|id| show::line(id)).collect()),
    ]
}
