//! A person's and a script's client of the daemon's gRPC API, and of nothing else of the daemon.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 a drain that its limit ended.
#![forbid(unsafe_code)]

mod call;
mod config;
mod events;
mod failure;
mod instance;
mod json;
mod message;
mod receipts;
mod route;
mod show;
mod sms;
mod story;
mod subscriptions;
mod trunks;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use tonic::transport::{Channel, Endpoint};

use failure::Failure;

/// Talks to a running carrierd.
#[derive(Parser)]
#[command(name = "carrierctl", version, about)]
struct Arguments {
    /// Where the daemon's gateway listener is.
    #[arg(long, global = true, default_value = "http://127.0.0.1:7300")]
    address: String,
    /// Print one JSON object per line, with the API's field names.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send one message.
    Send(sms::Send),
    /// Say how a message would be cut and where it could go, and send nothing.
    Estimate(sms::Estimate),
    /// Tell a message's whole story, or withdraw it.
    #[command(subcommand)]
    Message(message::Message),
    /// Place a call and follow it; Ctrl-C hangs up. Or show one with its messages, or hang one up.
    Call(call::Call),
    /// List the calls that are open.
    Calls(call::Calls),
    /// Show events.
    Events(events::Events),
    /// Ask about the route table.
    #[command(subcommand)]
    Route(route::Route),
    /// Show the trunks and their links.
    Trunks(trunks::Trunks),
    /// Look into the reports that carriers send.
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Say which daemon this is, with which configuration, and whether it serves.
    Info(instance::Info),
    /// Bring the daemon to rest: nothing new, what is on the wire is answered, links unbind. Shows how far it is.
    Drain(instance::Drain),
    /// Let a daemon that drains, or is drained, take messages again.
    Resume(instance::Resume),
    /// Check the daemon's configuration, or let it read it again.
    #[command(subcommand)]
    Config(config::Config),
    /// List or delete event subscriptions.
    #[command(subcommand)]
    Subscriptions(subscriptions::Subscriptions),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Aligned columns for people.
    Plain,
    /// One JSON object per line.
    Json,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("carrierctl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let form = if arguments.json { Form::Json } else { Form::Plain };
    let channel = connect(&arguments.address).await?;
    match arguments.command {
        Command::Send(send) => send.run(channel, form).await,
        Command::Estimate(estimate) => estimate.run(channel, form).await,
        Command::Message(message) => message.run(channel, form).await,
        Command::Call(call) => call.run(channel, form).await,
        Command::Calls(calls) => calls.run(channel, form).await,
        Command::Events(events) => events.run(channel, form).await,
        Command::Route(route) => route.run(channel, form).await,
        Command::Trunks(trunks) => trunks.run(channel, form).await,
        Command::Receipts(receipts) => receipts.run(channel, form).await,
        Command::Config(config) => config.run(channel, form).await,
        Command::Info(info) => info.run(channel, form).await,
        Command::Drain(drain) => drain.run(channel, form).await,
        Command::Resume(resume) => resume.run(channel, form).await,
        Command::Subscriptions(subscriptions) => subscriptions.run(channel, form).await,
    }
}

async fn connect(address: &str) -> Result<Channel, Failure> {
    let wrong = || Failure::Usage(format!("--address {address} is no address such as http://127.0.0.1:7300"));
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| wrong())?;
    if !matches!(endpoint.uri().scheme_str(), Some("http")) {
        return Err(wrong());
    }
    endpoint
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .connect()
        .await
        .map_err(|_| Failure::Unreachable(address.to_owned()))
}
