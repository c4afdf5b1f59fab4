//! A carrier and a caller in Python, written from the RFCs alone: what the daemon proves itself by, and how it reads streams.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::{collections::HashMap, time::Duration};

use conformance::{
    api::{CallCause, CallState},
    call_subject::{CallSubject, Listening, sip_trunk},
    calls::{Calls, SDP, call_to},
    metrics::Metrics,
    peer::{Foreign, Peer},
    platform::Platform,
    subject::Programs,
};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
/// What a caller with a thousand calls may take on a busy machine.
const LONG: Duration = Duration::from_secs(300);
const PASSWORD: &str = "zanzibar";

/// An account of the carrier, with its name.
fn account(username: &str, offers: Value, further: Value) -> Value {
    let mut account = json!({"username": username, "password": PASSWORD, "offers": offers});
    account.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    account
}

/// What is challenged with each algorithm and each way of protection; half of it as a proxy does.
fn one_of_each() -> Vec<Value> {
    let mut accounts = Vec::new();
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
        for qop in [Some("auth"), Some("auth-int"), Some("auth-int,auth"), None] {
            let username = format!("{algorithm}-{}", qop.unwrap_or("none").replace(',', "-"));
            let status = if accounts.len() % 2 == 0 { 401 } else { 407 };
            let mut offer = json!({"algorithm": algorithm});
            if let Some(qop) = qop {
                offer["qop"] = qop.into();
            }
            accounts.push(account(&username, json!([offer]), json!({"status": status})));
        }
    }
    accounts.push(account("bare", json!([{}]), json!({})));
    accounts
}

/// What is not as always.
fn peculiar() -> Vec<Value> {
    let md5 = json!({"algorithm": "MD5", "qop": "auth"});
    let strong = json!({"algorithm": "SHA-512-256", "qop": "auth"});
    let sha256 = json!({"algorithm": "SHA-256", "qop": "auth"});
    let unknown = [json!({"scheme": "Basic"}), json!({"algorithm": "SHA3-512", "qop": "auth"})];
    let several = json!([unknown[0], unknown[1], strong, sha256, md5]);
    let session = json!([{"algorithm": "SHA-256-sess", "qop": "auth-int"}]);
    vec![
        account("several", several, json!({})),
        // The registrar's order is what it prefers (RFC 8760 section 2.4).
        account("weak-first", json!([unknown[1], md5, sha256]), json!({"status": 407})),
        account("stale", json!([md5]), json!({"uses": 2, "granted": 2})),
        account("next", session, json!({"info": "right", "next_nonce": true, "granted": 2})),
        account("impostor", json!([sha256]), json!({"info": "wrong", "next_nonce": true, "granted": 2})),
        account("brief", json!([sha256]), json!({"min_expires": 1800})),
        account("refreshed", json!([md5]), json!({"granted": 2})),
        account("wrong", json!([sha256]), json!({"password": "another"})),
        account("caller", json!([sha256]), json!({"password": "another", "register": false})),
    ]
}

fn trunk(account: &Value, port: &Value, transport: &str) -> String {
    let username = account["username"].as_str().unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let expires = if username == "brief" { "1m" } else { "1h" };
    let register = account["register"] != false;
    let further = format!(
        "domain = \"carrier.example\"\nprobe = {{ interval = \"0s\" }}\n\
         account = {{ username = \"{username}\", password = \"literal:{PASSWORD}\", expires = \"{expires}\", register = {register} }}"
    );
    sip_trunk(&username.to_ascii_lowercase(), address, transport, &further)
}

/// The lines of a step, by account.
fn by_account<'a>(told: &'a [Value], step: &str) -> HashMap<&'a str, Vec<&'a Value>> {
    let mut accounts: HashMap<_, Vec<_>> = HashMap::new();
    for line in told.iter().filter(|line| line["step"] == step) {
        accounts.entry(line["username"].as_str().unwrap()).or_default().push(line);
    }
    accounts
}

/// Waits until an account has come to a step so often.
fn wait(carrier: &mut Peer, step: &str, username: &str, times: usize) {
    while by_account(carrier.seen(), step).get(username).is_none_or(|lines| lines.len() < times) {
        let told = carrier.wait_for(step, WITHIN);
        told.unwrap_or_else(|error| panic!("{username}: {error:#}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_proves_itself_as_hashlib_has_it_over_udp() {
    prove("udp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_proves_itself_as_hashlib_has_it_over_tcp() {
    prove("tcp").await;
}

async fn prove(transport: &str) {
    let Some(mut command) = Foreign::SipCarrier.command_or_skip() else { return };
    let (ordinary, peculiar) = (one_of_each(), peculiar());
    let accounts: Vec<_> = ordinary.iter().chain(&peculiar).cloned().collect();
    command.args(["--accounts", &serde_json::to_string(&accounts).unwrap()]);
    let mut carrier = Peer::start("a carrier", command).unwrap();
    let port = carrier.wait_for("listening", WITHIN).unwrap()["port"].clone();
    let trunks: String = accounts.iter().map(|account| trunk(account, &port, transport)).collect();
    let subject = CallSubject::start(&trunks).await.unwrap();
    let calls = subject.calls().await.unwrap();

    // Every account with the right password is registered, and its calls go through.
    for account in &accounts {
        let username = account["username"].as_str().unwrap();
        let mut call = call_to("13800138000", "+861088880000", &username.to_ascii_lowercase());
        if account["password"] != PASSWORD {
            if username == "wrong" {
                wait(&mut carrier, "refused", username, 1);
                call.ring_timeout = Some(prost_types::Duration { seconds: 2, nanos: 0 });
            }
            let record = calls.ended(&calls.create(call).await.unwrap()).await.unwrap().record;
            // Nobody is called by a trunk that is refused its registration.
            let cause = if username == "wrong" { CallCause::Transport } else { CallCause::AuthFailed };
            assert_eq!((record.final_state(), record.cause()), (CallState::Failed, cause), "{record:#?}");
            continue;
        }
        wait(&mut carrier, "registered", username, 1);
        let id = calls.create(call).await.unwrap();
        calls.state(&id, CallState::InProgress).await.unwrap_or_else(|error| panic!("{username}: {error:#}"));
        wait(&mut carrier, "acknowledged", username, 1);
        calls.hang_up(&id).await.unwrap();
        let ended = calls.ended(&id).await.unwrap();
        assert_eq!(ended.record.final_state(), CallState::Completed, "{username}: {:#?}", ended.record);
        wait(&mut carrier, "ended", username, 1);
    }
    for username in ["stale", "next", "impostor", "refreshed"] {
        wait(&mut carrier, "registered", username, 4);
    }
    let (trunk, metrics) = what_it_says(&subject).await;
    subject.stop().unwrap();
    let told = carrier.stop(WITHIN).unwrap();
    assert!(told.iter().all(|line| line["step"] != "complaint"), "{told:#?}");

    // What was chosen among several.
    let registered = by_account(&told, "registered");
    for (username, algorithm) in [("several", "SHA-512-256"), ("weak-first", "MD5")] {
        assert_eq!(registered[username][0]["algorithm"], algorithm);
    }
    assert!(told.iter().all(|line| line["transport"].as_str().is_none_or(|over| over == transport)));
    // One challenge each, to the first request: those after it bring their credentials along.
    let challenged = by_account(&told, "challenged");
    let refused = by_account(&told, "refused");
    for account in &ordinary {
        let username = account["username"].as_str().unwrap();
        assert_eq!((challenged[username].len(), refused.get(username)), (1, None), "{username}");
    }
    // A nonce that is too old is replaced without a word; one that is named before needs no challenge.
    assert!(by_account(&told, "stale")["stale"].len() >= 2);
    assert_eq!((challenged["next"].len(), refused.get("next")), (1, None));
    assert!(registered["next"].iter().all(|line| line["count"] == 1), "{:#?}", registered["next"]);
    // Whoever can't prove to know the password names no nonce.
    assert_eq!((challenged["impostor"].len(), refused.get("impostor")), (1, None));
    assert!(registered["impostor"].last().unwrap()["count"].as_u64().unwrap() > 3);
    // Three registrations at least, a call and its end; the fourth may not have been read yet.
    assert!(metrics.get("carrierd_sip_unproven_total") >= 5.0);
    // 423: asked once more, for as long as the registrar wants.
    assert_eq!(by_account(&told, "too brief")["brief"].len(), 1);
    assert_eq!(registered["brief"][0]["expires"], 1800);
    // A wrong password is tried once.
    for (username, method) in [("wrong", "REGISTER"), ("caller", "INVITE")] {
        let lines: Vec<_> = told.iter().filter(|line| line["username"] == username).collect();
        let steps: Vec<_> =
            lines.iter().map(|line| (line["step"].as_str().unwrap(), line["method"].as_str())).collect();
        assert_eq!(steps, [("challenged", Some(method)), ("refused", Some(method))]);
    }
    assert!(!registered.contains_key("wrong"));
    assert_eq!(metrics.get("carrierd_sip_registered{trunk=\"wrong\"}"), 0.0);
    assert_eq!(metrics.get("carrierd_sip_registered{trunk=\"refreshed\"}"), 1.0);
    let failures = "carrierd_sip_registration_failures_total{trunk=\"wrong\",status=\"401\"}";
    assert_eq!(metrics.get(failures), 1.0);
    let error = trunk.links.iter().find_map(|link| link.last_error.clone()).expect("the trunk tells why");
    assert_eq!((error.protocol.as_str(), error.raw_code.as_str(), error.permanent), ("sip", "401", true));
}

/// The trunk with the wrong password, and all metrics.
async fn what_it_says(subject: &CallSubject) -> (conformance::api::Trunk, Metrics) {
    let platform = Platform::connect(subject.daemon().gateway()).await.unwrap();
    let trunk = platform.wait_for_trunk("wrong", |_| true).await.unwrap();
    (trunk, Metrics::of(subject.daemon().admin()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_may_be_cut_at_every_octet_and_glued() {
    let Some(mut command) = Foreign::SipCaller.command_or_skip() else { return };
    let everybody = "sources = [\"127.0.0.0/8\"]\nprobe = { interval = \"0s\" }";
    let trunk = sip_trunk("caller", "127.0.0.1:9".parse().unwrap(), "tcp", everybody);
    let settings = "streams = { message = \"2s\" }\nlimits = { connections_per_source = 100 }";
    let listening = Listening { settings, ..Listening::default() };
    let programs = Programs::for_tests().unwrap();
    let subject = CallSubject::start_with(&programs.daemon, &listening, &trunk).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let answering = tokio::spawn(answer_all(calls.clone()));
    command.args(["--daemon", &subject.address().to_string()]);
    let caller = Peer::start("a caller", command).unwrap();
    let told = tokio::task::spawn_blocking(move || caller.finish(LONG)).await.unwrap().unwrap();
    let steps: Vec<_> = told.iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["split", "dribbled", "glued", "kept alive", "lengths", "halves"]);

    let sum = |what: &str| told.iter().filter_map(|line| line[what].as_u64()).sum::<u64>();
    assert!(sum("calls") > 400, "{told:#?}");
    let unfinished = "carrierd_sip_connections_unfinished_total";
    let admin = subject.daemon().admin();
    let metrics = Metrics::wait_for(admin, unfinished, |closed| closed == sum("unfinished") as f64).await;
    let taken = "carrierd_call_attempts_total{trunk=\"caller\",direction=\"inbound\"}";
    assert_eq!(metrics.unwrap().get(taken), sum("calls") as f64);
    Metrics::wait_for(admin, "carrierd_calls_open", |open| open == 0.0).await.unwrap();
    answering.abort();
    subject.stop().unwrap();
}

/// Answers every call that comes.
async fn answer_all(calls: Calls) {
    while let Ok(incoming) = calls.incoming(|_| true).await {
        // One that its caller has given up can't be answered; it is told.
        let _ = calls.answer(&incoming.call_id, SDP).await;
    }
}
