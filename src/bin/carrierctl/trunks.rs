//! `trunks`: the client of `TrunkService`.

mod table;

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use carrierd::grpc::api::{self, trunk_service_client::TrunkServiceClient};
use clap::{Args, Subcommand};
use tonic::transport::Channel;

use self::table::table;
use crate::{Form, failure::Failure, json};

/// Changes that come this close together are shown together.
const TOGETHER: Duration = Duration::from_millis(100);

/// Arguments of `trunks`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Trunks {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only these; by default all.
    trunk: Vec<String>,
    /// Keep showing, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

/// What is done to a trunk or a link.
#[derive(Subcommand)]
enum Action {
    /// Let a trunk take nothing new: its links stay for reports, its calls go on, other trunks take over. Kept over restarts.
    Drain(Said),
    /// Let a trunk carry again.
    Enable(Said),
    /// Let a trunk have no link, once what is on the wire is answered and its calls have ended, or are hung up at the
    /// daemon's limit. Kept over restarts.
    Disable(Said),
    /// Change how much a trunk may do at once, within its configuration, until the daemon starts again. What is not
    /// said is as configured.
    Limit {
        trunk_id: String,
        /// Connections.
        #[arg(long, default_value_t = 0)]
        links: u32,
        /// Unanswered submits per link.
        #[arg(long, default_value_t = 0)]
        window: u32,
        /// Submits per second over all links.
        #[arg(long, default_value_t = 0)]
        rate: u32,
        /// Calls placed in a second.
        #[arg(long, default_value_t = 0)]
        call_rate: u32,
        /// Calls at once, both directions.
        #[arg(long, default_value_t = 0)]
        calls: u32,
        /// Why, for the daemon's log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Unbind a link in order and connect it again.
    Rebind {
        /// As the table of links names it, such as trunk-1/0.
        link_id: String,
        /// Why, for the daemon's log.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// A trunk, and why.
#[derive(Args)]
struct Said {
    trunk_id: String,
    /// Why; shown with the trunk.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Action {
    async fn run(self, client: &mut TrunkServiceClient<Channel>, form: Form) -> Result<(), Failure> {
        let (said, state) = match self {
            Self::Rebind { link_id, reason } => {
                client.rebind_link(api::RebindLinkRequest { link_id: link_id.clone(), reason }).await?;
                if form == Form::Plain {
                    println!("{link_id} unbinds and connects again; `carrierctl trunks --watch` shows it");
                }
                return Ok(());
            }
            Self::Limit { trunk_id, links, window, rate, call_rate, calls, reason } => {
                let limits = api::TrunkLimits {
                    max_links: links,
                    window_size: window,
                    max_submits_per_second: rate,
                    max_calls_per_second: call_rate,
                    max_concurrent_calls: calls,
                };
                let request = api::UpdateTrunkLimitsRequest { trunk_id, limits: Some(limits), reason };
                let trunk = client.update_trunk_limits(request).await?.into_inner().trunk;
                return print(&trunk.into_iter().collect::<Vec<_>>(), form);
            }
            Self::Drain(said) => (said, api::TrunkState::Draining),
            Self::Enable(said) => (said, api::TrunkState::Enabled),
            Self::Disable(said) => (said, api::TrunkState::Disabled),
        };
        let Said { trunk_id, reason } = said;
        let request = api::SetTrunkStateRequest { trunk_id, state: state.into(), reason };
        let trunk = client.set_trunk_state(request).await?.into_inner().trunk;
        print(&trunk.into_iter().collect::<Vec<_>>(), form)
    }
}

fn print(trunks: &[api::Trunk], form: Form) -> Result<(), Failure> {
    match form {
        Form::Json => trunks.iter().for_each(|trunk| println!("{}", json::trunk(trunk))),
        Form::Plain => print!("{}", table(trunks)),
    }
    Ok(())
}

impl Trunks {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = TrunkServiceClient::new(channel);
        if let Some(action) = self.action {
            return action.run(&mut client, form).await;
        }
        if self.watch {
            return watch(&mut client, self.trunk, form).await;
        }
        let trunks = match self.trunk.is_empty() {
            true => all(&mut client).await?,
            false => some(&mut client, self.trunk).await?,
        };
        print(&trunks, form)
    }
}

async fn all(client: &mut TrunkServiceClient<Channel>) -> Result<Vec<api::Trunk>, Failure> {
    let mut trunks = Vec::new();
    let mut page_token = String::new();
    loop {
        let page =
            client.list_trunks(api::ListTrunksRequest { page_size: 0, page_token }).await?.into_inner();
        trunks.extend(page.trunks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(trunks);
        }
    }
}

async fn some(
    client: &mut TrunkServiceClient<Channel>,
    ids: Vec<String>,
) -> Result<Vec<api::Trunk>, Failure> {
    let mut trunks = Vec::new();
    for trunk_id in ids {
        trunks.extend(client.get_trunk(api::GetTrunkRequest { trunk_id }).await?.into_inner().trunk);
    }
    Ok(trunks)
}

async fn watch(
    client: &mut TrunkServiceClient<Channel>,
    trunk_ids: Vec<String>,
    form: Form,
) -> Result<(), Failure> {
    let mut stream = client.watch_trunks(api::WatchTrunksRequest { trunk_ids }).await?.into_inner();
    let mut trunks: Vec<api::Trunk> = Vec::new();
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    loop {
        // The table is drawn once a burst of changes has passed.
        let pending = form == Form::Plain && !trunks.is_empty();
        let changed = tokio::select! {
            changed = stream.message() => changed?,
            () = tokio::time::sleep(TOGETHER), if pending => {
                draw(&trunks);
                match stream.message().await? {
                    Some(changed) => Some(changed),
                    None => return Err(ended()),
                }
            }
            _ = &mut interrupted => return Ok(()),
        };
        let Some(changed) = changed.ok_or_else(ended)?.trunk else { continue };
        match form {
            Form::Json => println!("{}", json::trunk(&changed)),
            Form::Plain => match trunks.iter_mut().find(|trunk| trunk.trunk_id == changed.trunk_id) {
                Some(trunk) => *trunk = changed,
                None => trunks.push(changed),
            },
        }
    }
}

fn ended() -> Failure {
    Failure::Other("the daemon has ended: start it and watch again".into())
}

fn draw(trunks: &[api::Trunk]) {
    let mut out = std::io::stdout();
    // Home and clear, only where that moves a cursor.
    let clear = if out.is_terminal() { "\u{1b}[H\u{1b}[2J" } else { "" };
    let _ = writeln!(out, "{clear}{}", table(trunks));
    let _ = out.flush();
}
