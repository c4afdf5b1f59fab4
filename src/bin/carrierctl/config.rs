//! `config`: the daemon's configuration, checked and read again.

use std::path::PathBuf;

use carrierd::grpc::api::{self, admin_service_client::AdminServiceClient};
use clap::Subcommand;
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show};

/// What is done with the configuration.
#[derive(Subcommand)]
pub enum Config {
    /// Let the daemon check a file as if it were its own, and say what it would change. Changes nothing.
    Check {
        /// The file; by itself it is looked at here, the files that it names beside the daemon's own.
        file: PathBuf,
    },
    /// Let the daemon read its file again. What can change while links stay does at once.
    Reload {
        /// Only if the file has this digest, as `carrierctl info` and a check give it.
        #[arg(long, default_value = "")]
        digest: String,
    },
}

impl Config {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let mut client = AdminServiceClient::new(channel);
        match self {
            Self::Check { file } => {
                let toml = std::fs::read_to_string(&file)
                    .map_err(|error| Failure::Usage(format!("{} can't be read: {error}", file.display())))?;
                let checked = client.validate_config(api::ValidateConfigRequest { toml }).await?.into_inner();
                if !checked.errors.is_empty() {
                    return Err(Failure::Other(checked.errors.join("\n")));
                }
                print(&checked.changes, form, "it would change nothing");
            }
            Self::Reload { digest } => {
                let request = api::ReloadConfigRequest { expected_digest: digest };
                let reloaded = client.reload_config(request).await?.into_inner();
                print(&reloaded.changes, form, "nothing in it has changed");
            }
        }
        Ok(())
    }
}

fn print(changes: &[api::ConfigChange], form: Form, nothing: &str) {
    match form {
        Form::Json => changes.iter().for_each(|change| println!("{}", json::config_change(change))),
        Form::Plain if changes.is_empty() => println!("{nothing}"),
        Form::Plain => changes.iter().for_each(|change| println!("{}", show::line(&change.words))),
    }
}
