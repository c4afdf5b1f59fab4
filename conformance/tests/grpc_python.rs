//! A gateway service written with grpcio: all that it knows of the daemon are the files in proto/.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::{ffi::OsStr, fs, path::Path, process::Command, time::Duration};

use conformance::{
    daemon::Daemon,
    peer::{Foreign, Peer},
    platform::Platform,
    simulated::Simulated,
    subject::Programs,
};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_grpcio_client_submits_follows_the_events_and_reads_refusals() {
    let Some(mut command) = Foreign::Grpcio.command_or_skip() else { return };
    let generated = tempfile::tempdir().unwrap();
    generate(command.get_program(), generated.path());

    let programs = Programs::for_tests().unwrap();
    let scenario = "[[carrier]]\nname = \"ismg\"\nprotocol = \"cmpp30\"\n\
                    [[carrier.account]]\nsource_addr = \"901234\"\nshared_secret = \"s3cret\"\n";
    let carrier = Simulated::start(&programs.simulator, scenario).unwrap();
    let trunk = format!(
        r#"
[[trunk]]
id = "cmcc-bj-1"
protocol = "cmpp30"
hosts = ["{}"]

[trunk.account]
source_addr = "901234"
shared_secret = "literal:s3cret"
service_id = "YZM"
access_number = "1069012345"
"#,
        carrier.address()
    );
    let daemon = Daemon::start(&programs.daemon, &trunk).await.unwrap();
    let platform = Platform::connect(daemon.gateway()).await.unwrap();
    platform.wait_for_trunk("cmcc-bj-1", |trunk| trunk.bound_link_count == 1).await.unwrap();

    let text = "【示例】您的验证码是 4711，春眠不觉晓，处处闻啼鸟。".repeat(4);
    command.args(["--gateway", &daemon.gateway().address.to_string(), "--text", &text]);
    command.env("PYTHONPATH", generated.path());
    let told = Peer::start("grpcio", command).unwrap().finish(WITHIN).unwrap();
    let of = |step: &str| told.iter().filter(|line| line["step"] == step).collect::<Vec<_>>();

    let trunks = of("trunk");
    let expected = json!({"step": "trunk", "trunk_id": "cmcc-bj-1", "protocol": "cmpp30",
        "state": "TRUNK_STATE_ENABLED", "bound_links": 1, "wanted_links": 1});
    assert_eq!(trunks, [&expected]);

    // The same request again: the first answer again.
    let accepted = of("accepted");
    assert_eq!(accepted.len(), 2, "{told:#?}");
    assert_eq!(accepted[0]["message_id"], accepted[1]["message_id"]);
    let replayed = accepted.iter().map(|answer| &answer["replayed"]).collect::<Vec<_>>();
    assert_eq!(replayed, [false, true]);
    assert!(accepted.iter().all(|answer| answer["segment_count"] == 2), "{accepted:#?}");

    // A refusal that programs and people can act on.
    let refused = of("refused")[0];
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!("INVALID_ARGUMENT"), &json!("INVALID_NUMBER"))
    );
    assert_eq!(refused["fields"], json!(["message.to"]));
    assert!(refused["message"].as_str().unwrap().contains("digits"), "{refused}");

    // One final event, acked durably.
    let events = of("event");
    let finals: Vec<&&Value> = events.iter().filter(|event| event["final"] == true).collect();
    assert_eq!(finals.len(), 1, "{events:#?}");
    let expected = json!({"message_id": accepted[0]["message_id"], "state": "MESSAGE_STATE_DELIVERED",
        "carrier_said": "DELIVRD", "client_reference": "order-4711"});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&finals[0][field], value, "{field} of {}", finals[0]);
    }
    let acked: Vec<&Value> =
        of("acked").iter().flat_map(|line| line["event_ids"].as_array().unwrap()).collect();
    assert!(acked.contains(&&finals[0]["event_id"]), "{acked:?}");

    daemon.stop().unwrap();
    let seen = carrier.stop().unwrap();
    let submits: Vec<&Value> = seen.iter().filter(|line| line["kind"] == "submit").collect();
    let said: String = submits.iter().map(|submit| submit["text"].as_str().unwrap()).collect();
    assert_eq!((submits.len(), said), (2, text), "{submits:#?}");
}

/// Generates the client's modules from proto/, as the client's own description says.
fn generate(python: &OsStr, into: &Path) {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let files = fs::read_dir(proto.join("carrierd/v1")).unwrap().map(|entry| entry.unwrap().path());
    let mut command = Command::new(python);
    command.args(["-m", "grpc_tools.protoc", "-I"]).arg(&proto);
    for kind in ["--python_out", "--grpc_python_out"] {
        command.arg(kind).arg(into);
    }
    assert!(command.args(files).status().unwrap().success(), "the modules can't be generated");
}
