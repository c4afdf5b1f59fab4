//! Calls that one gateway or trunk does not take and another one does.

use conformance::{
    api::{self, CallState},
    call_subject::{CALLER, CallSubject, Listening, sip_trunk, sip_trunk_over},
    calls::{Calls, Ended, call_to},
    loopback::Transport,
    sipp::{Play, Sipp},
    subject::Programs,
};

use crate::{
    name_server::{NameServer, local, srv},
    row::{
        Gateway::{Counts, Nobody, Plays},
        RANG_AND_ANSWERED, Row, TALKS, Values, plays,
    },
    stage::{self, AFTER, CALLEE},
    told,
};

const FULL: Values = &[("STATUS", "503"), ("REASON", "Service Unavailable"), ("HEADERS", "Retry-After: 60")];
const BROKEN: Values = &[("STATUS", "500"), ("REASON", "Server Internal Error")];
const BUSY: Values = &[("STATUS", "486"), ("REASON", "Busy Here"), ("HEADERS", "Reason: Q.850;cause=17")];

const ROWS: &[Row] = &[
    plays(&[Plays("refuses", FULL), Plays("answer", &[])])
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, "normal by platform; tried: 503, normal"),
    plays(&[Plays("refuses", BROKEN), Plays("refuses", FULL), Plays("answer", &[])])
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, "normal by platform; tried: 500, 503, normal"),
    plays(&[Counts("silence"), Plays("answer", &[])])
        .over_udp()
        .on("timers = { no_response = \"3s\" }")
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, "normal by platform; tried: timeout, normal"),
    plays(&[Nobody, Plays("answer", &[])])
        .over_udp()
        .on("timers = { no_response = \"2s\" }")
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, "normal by platform; tried: timeout, normal"),
    plays(&[Nobody, Plays("answer", &[])])
        .over_tcp()
        .does(TALKS)
        .tells(RANG_AND_ANSWERED, "normal by platform; tried: transport, normal"),
    // Who is busy here is busy there.
    plays(&[Plays("refuses", BUSY), Nobody])
        .tells(&["initiated", "busy"], "busy by callee, 486 Busy Here, Q.850 17; tried: 486"),
];

#[tokio::test]
async fn another_gateway_takes_what_one_does_not() {
    stage::play(ROWS).await;
}

/// Places a call, hangs it up when it is answered, and gives its end.
async fn talk(calls: &Calls, trunk_ids: &[&str]) -> Ended {
    let mut call = call_to(CALLEE, CALLER, "");
    call.trunk_ids = trunk_ids.iter().map(ToString::to_string).collect();
    let id = calls.create(call).await.unwrap();
    let over = calls.event(&id, "an answer or the end", |event| {
        (event.r#final || event.state() == CallState::InProgress).then_some(event.r#final)
    });
    if !over.await.unwrap() {
        calls.hang_up(&id).await.unwrap();
    }
    calls.ended(&id).await.unwrap()
}

fn carrier(scenario: &str, values: Values, calls: u32) -> Sipp {
    let scenario = format!("uas/{scenario}");
    Sipp::answer(&Play::once(&scenario, Transport::Udp).with(values).times(calls)).unwrap()
}

async fn finish(carriers: impl IntoIterator<Item = Sipp>) {
    for carrier in carriers {
        tokio::task::spawn_blocking(move || carrier.finish(AFTER)).await.unwrap().unwrap();
    }
}

const NO_PROBES: &str = "probe = { interval = \"0s\" }";

#[tokio::test]
async fn another_trunk_takes_what_one_does_not() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let (full, open) = (carrier("refuses", FULL, 1), carrier("answer", &[], 1));
    let trunks = sip_trunk("full", full.address(), "udp", NO_PROBES)
        + &sip_trunk("open", open.address(), "udp", NO_PROBES);
    let subject = CallSubject::start(&trunks).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let ended = talk(&calls, &["full", "open"]).await;
    assert_eq!(
        ended.states(),
        [CallState::Initiated, CallState::Ringing, CallState::InProgress, CallState::Completed]
    );
    assert_eq!(told::record(&ended.record), "normal by platform; tried: 503, normal");
    let attempts: Vec<_> =
        ended.record.attempts.iter().map(|one| (one.trunk_id.as_str(), one.placement_number)).collect();
    assert_eq!(attempts, [("full", 1), ("open", 2)]);
    // On another trunk it is another call to the carriers.
    assert_ne!(ended.record.attempts[0].sip_call_id, ended.record.attempts[1].sip_call_id);
    assert_eq!(ended.record.trunk_id, "open");
    finish([full, open]).await;
    assert_eq!(calls.audit().unwrap(), (1, 0));
    subject.stop().unwrap();
}

#[tokio::test]
async fn a_name_leads_to_its_servers_in_their_order() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    let (full, open) = (carrier("refuses", FULL, 1), carrier("answer", &[], 1));
    let names = NameServer::start(vec![
        srv("_sip._udp.carrier.example.", 20, open.address().port(), "two.carrier.example."),
        srv("_sip._udp.carrier.example.", 10, full.address().port(), "one.carrier.example."),
        local("one.carrier.example."),
        local("two.carrier.example."),
    ]);
    let names = names.await.unwrap();
    let settings = format!("[sip.dns]\nservers = [\"{}\"]", names.address());
    let trunk = format!(
        "\n[[trunk]]\nid = \"named\"\nprotocol = \"sip\"\n\
         gateway = [{{ host = \"carrier.example\", transport = \"udp\" }}]\n\
         callers = {{ authorisation = \"the suite\", numbers = [\"{CALLER}\"] }}\n{NO_PROBES}\n"
    );
    let listening = Listening { settings: &settings, ..Listening::default() };
    let program = &Programs::for_tests().unwrap().daemon;
    let subject = CallSubject::start_with(program, &listening, &trunk).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let ended = talk(&calls, &["named"]).await;
    assert_eq!(told::record(&ended.record), "normal by platform; tried: 503, normal");
    let tried: Vec<_> = ended.record.attempts.iter().map(|one| one.gateway.as_str()).collect();
    assert_eq!(tried, [format!("UDP {}", full.address()), format!("UDP {}", open.address())]);
    finish([full, open]).await;
    subject.stop().unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_full_is_left_alone_for_as_long_as_it_asks() {
    const CALLS: u32 = 20;
    if !Sipp::is_here_or_skip() {
        return;
    }
    let (full, open) = (carrier("refuses", FULL, 1), carrier("answer", &[], CALLS + 1));
    let gateways = [full.address(), open.address()];
    let trunk = sip_trunk_over("pair", &gateways, "udp", NO_PROBES);
    let subject = CallSubject::start(&trunk).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let first = talk(&calls, &["pair"]).await;
    assert_eq!(told::record(&first.record), "normal by platform; tried: 503, normal");
    finish([full]).await;
    // Nobody is there any more: a second call to it would be told.
    let many = (0..CALLS).map(|_| talk(&calls, &["pair"]));
    for ended in futures_util::future::join_all(many).await {
        assert_eq!(told::record(&ended.record), "normal by platform; tried: normal");
    }
    finish([open]).await;
    assert_eq!(calls.audit().unwrap(), (CALLS as usize + 1, 0));
    subject.stop().unwrap();
}

#[tokio::test]
async fn a_storm_of_refusals_ends_every_call_once() {
    const CALLS: u32 = 100;
    const PATIENCE: prost_types::Duration = prost_types::Duration { seconds: 5, nanos: 0 };
    if !Sipp::is_here_or_skip() {
        return;
    }
    let full = carrier("refuses", FULL, CALLS);
    let subject = CallSubject::start(&sip_trunk("full", full.address(), "udp", NO_PROBES)).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..CALLS {
        let call = call_to(CALLEE, CALLER, "full");
        ids.push(calls.create(api::CallRequest { ring_timeout: Some(PATIENCE), ..call }).await.unwrap());
    }
    let mut refused = 0;
    for id in &ids {
        let ended = calls.ended(id).await.unwrap();
        match told::record(&ended.record).as_str() {
            "congestion by carrier, 503 Service Unavailable; tried: 503" => refused += 1,
            // The carrier asked for a pause, which is longer than the call may wait.
            "congestion by platform; tried: " => {}
            // It failed so many in a row that it counts as down.
            "transport by platform; tried: " => {}
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0);
    assert_eq!(calls.audit().unwrap(), (CALLS as usize, 0));
    subject.stop().unwrap();
}
