//! The foreign peers against each other, without anything of ours: a peer that fails here can't judge us.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use conformance::peer::{Foreign, Peer};
use serde_json::Value;

/// Java takes its time to start on a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs a server and a client against it, and ends both; gives what each told. `None` when one is not installed.
fn run(
    server: Foreign,
    server_args: &[&str],
    client: Foreign,
    client_args: &[&str],
) -> Option<[Vec<Value>; 2]> {
    let (mut server_command, mut client_command) = (server.command_or_skip()?, client.command_or_skip()?);
    server_command.args(server_args);
    let mut server = Peer::start("server", server_command).unwrap();
    let port = server.wait_for("listening", WITHIN).unwrap()["port"].to_string();
    client_command.args(["--port", &port]).args(client_args);
    let client = Peer::start("client", client_command).unwrap().finish(WITHIN).unwrap();
    Some([server.stop(WITHIN).unwrap(), client])
}

fn count(told: &[Value], step: &str) -> usize {
    told.iter().filter(|line| line["step"] == step).count()
}

#[test]
fn smpplib_gets_its_receipts_from_node_smpp() {
    let client_args = ["--count", "3", "--mo", "1"];
    let Some([server, client]) = run(Foreign::NodeSmpp, &["--mo", "STOP"], Foreign::Smpplib, &client_args)
    else {
        return;
    };
    assert_eq!(count(&server, "submit_sm"), 3, "{server:?}");
    assert_eq!(count(&server, "receipt_answered"), 3, "{server:?}");
    assert_eq!(count(&client, "receipt"), 3, "{client:?}");
    assert_eq!(count(&client, "deliver_sm"), 1, "{client:?}");
}

#[test]
fn smpplib_complains_about_a_refused_bind() {
    let (Some(mut server), Some(mut client)) =
        (Foreign::NodeSmpp.command_or_skip(), Foreign::Smpplib.command_or_skip())
    else {
        return;
    };
    server.args(["--password", "another"]);
    let mut server = Peer::start("server", server).unwrap();
    let port = server.wait_for("listening", WITHIN).unwrap()["port"].to_string();
    client.args(["--port", &port]);
    let told = Peer::start("client", client).unwrap().finish(WITHIN).unwrap_err().to_string();
    assert!(told.contains("complaint"), "{told}");
}

#[test]
fn smsgate_gets_its_reports_from_smsgate_in_2_0() {
    smsgate("2.0");
}

#[test]
fn smsgate_gets_its_reports_from_smsgate_in_3_0() {
    smsgate("3.0");
}

fn smsgate(version: &str) {
    let server_args = ["--version", version, "--stat", "UNDELIV", "--mo", "TD"];
    let client_args = ["--version", version, "--stat", "UNDELIV", "--count", "3"];
    let Some([server, client]) = run(Foreign::SmsgateIsmg, &server_args, Foreign::SmsgateSp, &client_args)
    else {
        return;
    };
    assert_eq!(count(&server, "submit"), 3, "{server:?}");
    assert_eq!(count(&client, "report"), 3, "{client:?}");
    assert_eq!(count(&client, "deliver"), 1, "{client:?}");
}
