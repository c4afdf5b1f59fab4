//! What operators want of trunks for calls: less at once, nothing new, no calls at all, another contract; and how the daemon
//! comes to rest with calls that are open.

mod support;

use std::process::{Command, Output};

use carrierd::grpc::api::{self, CallState, TrunkState, event::Payload};
use support::{Bed, CALLERS, Carrier, Platform, lines_of, reason, soon};
use tonic::Status;
use tonic_types::StatusExt;

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const CALLEE: &str = "+8613800138000";
/// It answers and waits for us to hang up.
const ANSWERS: &str = "script = [{ name = \"answer\", steps = [{ respond = 180 }, { respond = 200 }] }]\nanswer = [{ script = \"answer\" }]";
const REGISTRAR: &str =
    "account = [{ username = \"861088880000\", password = \"hUsH7890\" }]\nregistrar = {}\nchallenge = {}\n";
const REGISTERS: &str = "account = { username = \"861088880000\", password = \"literal:hUsH7890\" }";

fn asked(key: &str, trunk: &str) -> api::CreateCallRequest {
    let call = api::CallRequest {
        tenant_id: "shop".to_owned(),
        caller: CALLERS[0].to_owned(),
        callee: CALLEE.to_owned(),
        trunk_ids: if trunk.is_empty() { vec![] } else { vec![trunk.to_owned()] },
        media: Some(api::call_request::Media::SdpOffer(SDP.to_owned())),
        ..Default::default()
    };
    api::CreateCallRequest { request_id: key.to_owned(), call: Some(call) }
}

async fn try_call(bed: &Bed, request: api::CreateCallRequest) -> Result<String, Status> {
    let answer = soon("an answer", async { bed.calls().create_call(request).await }).await;
    answer.map(|answer| answer.into_inner().call_id)
}

/// Places a call over a trunk, or any.
async fn call(bed: &Bed, key: &str, trunk: &str) -> String {
    try_call(bed, asked(key, trunk)).await.expect("accepted")
}

async fn known(bed: &Bed, id: &str) -> api::Call {
    let request = api::GetCallRequest { call_id: id.to_owned(), ..Default::default() };
    let known = soon("a call", async { bed.calls().get_call(request).await }).await.expect("a call");
    known.into_inner().call.expect("a call")
}

/// Waits until a call is in this state.
async fn until(bed: &Bed, id: &str, state: CallState) -> api::Call {
    let found = async {
        loop {
            let call = known(bed, id).await;
            if call.state() == state {
                return call;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(&format!("a call that is {}", state.as_str_name()), found).await
}

async fn trunk(bed: &Bed, id: &str) -> api::Trunk {
    let request = api::GetTrunkRequest { trunk_id: id.into() };
    bed.trunks().get_trunk(request).await.expect("a trunk").into_inner().trunk.expect("a trunk")
}

async fn until_trunk(bed: &Bed, id: &str, what: &str, is_right: impl Fn(&api::Trunk) -> bool) {
    bed.until_trunks(what, |trunk| trunk.trunk_id != id || is_right(trunk)).await;
}

async fn limit(bed: &Bed, limits: api::TrunkLimits) -> Result<api::Trunk, Status> {
    let request = api::UpdateTrunkLimitsRequest {
        trunk_id: "ims".into(),
        limits: Some(limits),
        reason: "the carrier asked".into(),
    };
    let told = bed.trunks().update_trunk_limits(request).await?;
    Ok(told.into_inner().trunk.expect("a trunk"))
}

async fn set(bed: &Bed, state: TrunkState, why: &str) -> api::Trunk {
    let (trunk_id, reason) = ("ims".to_owned(), why.to_owned());
    let request = api::SetTrunkStateRequest { trunk_id, state: state.into(), reason };
    let told = bed.trunks().set_trunk_state(request).await.expect("told");
    told.into_inner().trunk.expect("a trunk")
}

async fn carrierctl(bed: &Bed, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
    command.args(["--address", &bed.address()]).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    soon("carrierctl", run).await.expect("a thread").expect("carrierctl")
}

async fn drain(bed: &Bed, seconds: i64, hang_up_calls: bool) -> Vec<api::DrainInstanceResponse> {
    let timeout = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = api::DrainInstanceRequest { timeout, reason: "a test".into(), hang_up_calls };
    let drained = async {
        let mut stream = bed.admin().drain_instance(request).await.expect("a drain").into_inner();
        let mut told = Vec::new();
        while let Some(response) = stream.message().await.expect("progress") {
            told.push(response);
        }
        told
    };
    soon("the drain is over", drained).await
}

/// What a carrier saw of this method, from us.
fn requests<'a>(record: &'a [serde_json::Value], method: &str) -> Vec<&'a str> {
    lines_of(record, "sip_message")
        .into_iter()
        .filter(|line| line["way"] == "in" && line["method"] == method && line["status"].is_null())
        .map(|line| line["text"].as_str().expect("a text"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_for_calls_shows_what_it_carries_and_heeds_limits_and_states_also_after_a_restart() {
    let ims = Carrier { behaviour: ANSWERS, trunk: "max_calls = 3", ..Carrier::sip("ims") };
    let mut bed = Bed::new(&[ims]).await;
    let limits = |max_calls_per_second, max_concurrent_calls| api::TrunkLimits {
        max_calls_per_second,
        max_concurrent_calls,
        ..Default::default()
    };
    let first = call(&bed, "a", "ims").await;
    until(&bed, &first, CallState::InProgress).await;
    until_trunk(&bed, "ims", "it has a call", |trunk| {
        trunk.calls.as_ref().is_some_and(|calls| calls.outbound_call_count == 1)
    })
    .await;
    let shown = trunk(&bed, "ims").await;
    assert_eq!(
        (shown.state(), shown.configured_limits, shown.limits),
        (TrunkState::Enabled, Some(limits(0, 3)), Some(limits(0, 3)))
    );
    assert_eq!((shown.links.len(), shown.links[0].bind_mode.as_str()), (1, "gateway"));

    for (beyond, word) in [
        (limits(0, 4), "at most 3"),
        (api::TrunkLimits { max_links: 1, ..Default::default() }, "which carries calls"),
    ] {
        let refused = limit(&bed, beyond).await.expect_err("refused");
        assert_eq!(reason(&refused), "INVALID_FIELD");
        assert!(refused.message().contains(word), "{refused:?}");
    }
    assert_eq!(limit(&bed, limits(5, 1)).await.expect("changed").limits, Some(limits(5, 1)));
    let second = call(&bed, "b", "ims").await;
    let shown = String::from_utf8(carrierctl(&bed, &["trunks"]).await.stdout).expect("a text");
    for words in [
        "ims may have 1 of 3 calls, and place 5 of any number of in a second",
        "ims: all 1 places for calls are taken: others wait, or take another trunk",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    assert_eq!(known(&bed, &second).await.state(), CallState::Queued, "there is no place for it");
    limit(&bed, limits(0, 0)).await.expect("changed");
    until(&bed, &second, CallState::InProgress).await;

    // It takes nothing new, and what is open goes on.
    let told = set(&bed, TrunkState::Draining, "its price rose").await;
    assert_eq!((told.state(), told.wanted_state()), (TrunkState::Draining, TrunkState::Draining));
    let third = call(&bed, "c", "ims").await;
    assert_eq!(known(&bed, &third).await.state(), CallState::Queued);
    assert_eq!(known(&bed, &first).await.state(), CallState::InProgress);
    set(&bed, TrunkState::Enabled, "").await;
    until(&bed, &third, CallState::InProgress).await;

    // Disabled, it hangs up after the daemon's limit what has not ended by itself.
    set(&bed, TrunkState::Disabled, "no money").await;
    for id in [&first, &second, &third] {
        let ended = until(&bed, id, CallState::Completed).await.record.expect("a record");
        assert_eq!(ended.hangup_party(), api::HangupParty::Platform);
    }
    until_trunk(&bed, "ims", "it is disabled", |trunk| trunk.state() == TrunkState::Disabled).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let shown = trunk(&bed, "ims").await;
    assert_eq!((shown.wanted_state(), shown.wanted_reason.as_str()), (TrunkState::Disabled, "no money"));
    until_trunk(&bed, "ims", "it still is", |trunk| trunk.state() == TrunkState::Disabled).await;
    let last = call(&bed, "d", "ims").await;
    assert_eq!(known(&bed, &last).await.state(), CallState::Queued);
    let shown =
        String::from_utf8(carrierctl(&bed, &["trunks", "enable", "ims"]).await.stdout).expect("a text");
    assert!(!shown.contains("shall be"), "{shown}");
    until(&bed, &last, CallState::InProgress).await;
    let record = bed.end().await;
    assert_eq!((requests(&record, "INVITE").len(), requests(&record, "BYE").len()), (4, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_lets_calls_go_on_until_its_limit_and_then_the_registration_goes() {
    let behaviour: &'static str = format!("{REGISTRAR}{ANSWERS}").leak();
    let ims = Carrier { behaviour, trunk: REGISTERS, ..Carrier::sip("ims") };
    let mut bed = Bed::new(&[ims]).await;
    let id = call(&bed, "a", "").await;
    until(&bed, &id, CallState::InProgress).await;
    let (told, ()) = tokio::join!(drain(&bed, 3, false), async {
        until_trunk(&bed, "ims", "it drains", |trunk| trunk.state() == TrunkState::Draining).await;
        let refused = try_call(&bed, asked("late", "")).await.expect_err("refused");
        assert_eq!(reason(&refused), "DRAINING");
        assert!(refused.get_details_retry_info().is_some());
        assert_eq!(known(&bed, &id).await.state(), CallState::InProgress);
    });
    let (first, last) = (&told[0], told.last().expect("the end"));
    assert_eq!(
        (first.active_call_count, first.trunks[0].words.as_str()),
        (1, "ims: 1 call open, registered")
    );
    assert_eq!((last.active_call_count, last.done, last.ended_by_limit), (0, true, true));
    assert_eq!(last.words, "the limit ended the drain; 1 call was hung up (ims 1); nothing is queued");
    let ended = until(&bed, &id, CallState::Completed).await.record.expect("a record");
    assert_eq!((ended.cause(), ended.hangup_party()), (api::CallCause::Normal, api::HangupParty::Platform));

    bed.admin().resume_instance(api::ResumeInstanceRequest {}).await.expect("resumed");
    bed.until_up().await;
    let id = call(&bed, "b", "").await;
    until(&bed, &id, CallState::InProgress).await;
    let output = carrierctl(&bed, &["drain", "--limit", "20s", "--hang-up-calls"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let words = String::from_utf8(output.stdout).expect("a text");
    let expected = "drained: all that was sent is answered; 1 call was hung up (ims 1); nothing is queued";
    assert_eq!(words.lines().last(), Some(expected));
    until(&bed, &id, CallState::Completed).await;
    // A daemon that starts serves; its end hangs up and removes the registration as well.
    bed.stop_daemon().await;
    bed.start_daemon().await;
    bed.until_up().await;
    let id = call(&bed, "c", "").await;
    until(&bed, &id, CallState::InProgress).await;
    let record = bed.end().await;
    assert_eq!(requests(&record, "BYE").len(), 3);
    let removed: Vec<_> = lines_of(&record, "registration")
        .into_iter()
        .filter(|line| line["status"] == 200)
        .map(|line| line["contact"].is_null())
        .collect();
    assert_eq!(removed, [false, true, false, true, false, true], "{removed:?}");
    let place = |what: &dyn Fn(&serde_json::Value) -> bool| record.iter().rposition(what).expect("a line");
    let last_bye = place(&|line| line["method"] == "BYE");
    let last_removal = place(&|line| line["kind"] == "registration" && line["contact"].is_null());
    assert!(last_bye < last_removal, "calls first");
}

/// Changes the daemon's file and lets it be read again; gives what changes, and whether that needs a restart.
async fn reload(bed: &Bed, change: impl FnOnce(String) -> String) -> Vec<(String, bool)> {
    let text = std::fs::read_to_string(bed.config_path()).expect("a file");
    std::fs::write(bed.config_path(), change(text)).expect("a file");
    let request = api::ReloadConfigRequest::default();
    let reloaded = bed.admin().reload_config(request).await.expect("reloaded").into_inner();
    for change in &reloaded.changes {
        assert!(change.needs_restart || change.words.ends_with("at once, calls go on"), "{change:?}");
    }
    reloaded.changes.into_iter().map(|change| (change.path, change.needs_restart)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trunks_for_calls_come_change_and_go_while_calls_go_on() {
    let carriers = ["one", "two"].map(|name| Carrier { behaviour: ANSWERS, ..Carrier::sip(name) });
    let bed = Bed::new(&carriers).await;
    let at_once =
        |paths: &[&str]| -> Vec<_> { paths.iter().map(|path| ((*path).to_owned(), false)).collect() };
    let port = |text: &str, which: usize| -> String {
        let line = text.lines().filter(|line| line.starts_with("gateway")).nth(which).expect("a gateway");
        line.to_owned()
    };
    let before = std::fs::read_to_string(bed.config_path()).expect("a file");
    let (one, two) = (port(&before, 0), port(&before, 1));
    let open = call(&bed, "a", "one").await;
    until(&bed, &open, CallState::InProgress).await;

    // Another caller, other limits, another gateway in front.
    let changed = reload(&bed, |text| {
        let text = text.replacen(&one, &two, 1).replacen("\"95002\"", "\"95003\"", 1);
        text.replacen("id = \"one\"", "id = \"one\"\nmax_calls = 7\nfailover = { max_trunks = 1 }", 1)
    })
    .await;
    let keys = ["trunk.one.gateway", "trunk.one.max_calls", "trunk.one.callers", "trunk.one.failover"];
    assert_eq!(changed, at_once(&keys));
    let mut request = asked("b", "one");
    request.call.as_mut().expect("a call").caller = "95003".to_owned();
    let elsewhere = try_call(&bed, request).await.expect("the new number is permitted");
    until(&bed, &elsewhere, CallState::InProgress).await;
    let mut request = asked("c", "one");
    request.call.as_mut().expect("a call").caller = "95002".to_owned();
    assert_eq!(reason(&try_call(&bed, request).await.expect_err("refused")), "CALLER_NOT_ALLOWED");
    until_trunk(&bed, "one", "its limits changed", |trunk| {
        trunk.limits.is_some_and(|limits| limits.max_concurrent_calls == 7)
    })
    .await;

    // One goes, with a call, and another comes.
    let changed = reload(&bed, |text| text.replace("id = \"one\"", "id = \"new\"")).await;
    assert_eq!(changed, at_once(&["trunk.new", "trunk.one"]));
    assert_eq!(known(&bed, &open).await.state(), CallState::InProgress, "its trunk is gone, it is not");
    until_trunk(&bed, "one", "it says that it goes", |trunk| {
        let trouble = trunk.calls.as_ref().and_then(|calls| calls.trouble.first());
        trouble.is_some_and(|trouble| trouble.contains("goes when its calls have ended"))
    })
    .await;
    let refused = try_call(&bed, asked("d", "one")).await.expect_err("refused");
    assert_eq!(reason(&refused), "UNKNOWN_TRUNK");
    let new = call(&bed, "e", "new").await;
    until(&bed, &new, CallState::InProgress).await;
    for id in [&open, &elsewhere] {
        let hangup = api::HangupCallRequest { call_id: id.clone(), ..Default::default() };
        bed.calls().hangup_call(hangup).await.expect("hung up");
        until(&bed, id, CallState::Completed).await;
    }
    let gone = async {
        while bed.trunks().get_trunk(api::GetTrunkRequest { trunk_id: "one".into() }).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon("the trunk is gone", gone).await;
    let told = api::SetTrunkStateRequest {
        trunk_id: "new".into(),
        state: TrunkState::Draining.into(),
        reason: String::new(),
    };
    bed.trunks().set_trunk_state(told).await.expect("it is told like any other");

    // It comes back, and sockets need a restart.
    let changed = reload(&bed, |text| {
        text.replace("id = \"new\"", "id = \"one\"").replace("[sip]", "[sip]\nuser_agent = \"other\"")
    })
    .await;
    assert_eq!(
        changed,
        [("sip".to_owned(), true), ("trunk.one".to_owned(), false), ("trunk.new".to_owned(), false)]
    );
    let back = call(&bed, "f", "one").await;
    until(&bed, &back, CallState::InProgress).await;
    let record = bed.end().await;
    let calls = |carrier| -> usize {
        lines_of(&record, "call_in").iter().filter(|line| line["carrier"] == carrier).count()
    };
    assert_eq!((calls("one"), calls("two")), (1, 3));
}

/// The next event that `wanted` takes, with whose it is.
async fn owned<T>(platform: &mut Platform, wanted: impl Fn(&Payload) -> Option<T>) -> (String, T) {
    let next = async {
        loop {
            let pull = api::PullEventsRequest {
                subscription_id: "test".to_owned(),
                max_events: 1,
                wait: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
            };
            let events = platform.events.pull_events(pull).await.expect("events").into_inner().events;
            for event in events {
                let ids = vec![event.event_id.clone()];
                let batch = Some(api::AckBatch { ack_event_ids: ids, ..Default::default() });
                let ack = api::AckEventsRequest { subscription_id: "test".to_owned(), batch };
                platform.events.ack_events(ack).await.expect("an ack");
                if let Some(found) = event.payload.as_ref().and_then(&wanted) {
                    return (event.tenant_id, found);
                }
            }
        }
    };
    soon("an event", next).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_from_outside_is_told_to_the_tenant_who_owns_the_number_and_another_owner_takes_effect_at_once()
 {
    let calls = "\n[carrier.calls]\nper_second = 2\ntarget = { account = \"861088880000\" }\n\
                 from = [\"+8613800138000\"]\nto = [\"+861088880000\"]\nform = \"sip-phone\"\nhold = \"1h\"\n";
    let behaviour: &'static str = format!("{REGISTRAR}{ANSWERS}{calls}").leak();
    let trunk: &'static str = format!(
        "{REGISTERS}\n[[numbers.owner]]\ntenant = \"acme\"\nprefixes = [\"8610888\"]\n\
         [[numbers.owner]]\ntenant = \"other\"\nprefixes = [\"861\"]\n"
    )
    .leak();
    let bed = Bed::started(&[Carrier { behaviour, trunk, ..Carrier::sip("ims") }], "").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let is_call = |payload: &Payload| match payload {
        Payload::InboundCall(call) => Some(call.call_id.clone()),
        _ => None,
    };
    let (tenant, id) = owned(&mut platform, is_call).await;
    assert_eq!(tenant, "acme", "the longest beginning decides");
    assert_eq!(known(&bed, &id).await.record.expect("a record").tenant_id, "acme");
    let text = std::fs::read_to_string(bed.config_path()).expect("a file");
    std::fs::write(bed.config_path(), text.replace("8610888\"", "8610999\"")).expect("a file");
    bed.admin().reload_config(api::ReloadConfigRequest::default()).await.expect("reloaded");
    let changed = async { while owned(&mut platform, is_call).await.0 != "other" {} };
    soon("a call for the new owner", changed).await;
    bed.end().await;
}
