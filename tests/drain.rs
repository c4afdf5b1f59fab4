//! A drain, by an operator and through the API: what is on the wire is answered, the rest stays, and all of it is said.

mod support;

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    time::Duration,
};

use carrierd::grpc::api::{self, AmbiguityPolicy, MessageState, TrunkState, event::Payload};
use jiff::{SignedDuration, Timestamp};
use support::{Bed, Carrier, lines_of, reason, request, request_with, soon};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt;

const SLOW: &str = "answer = { delay = \"1s\" }\nreceipts = { delay = \"50ms\" }";

async fn drain(bed: &Bed, seconds: i64) -> Vec<api::DrainInstanceResponse> {
    let timeout = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = api::DrainInstanceRequest { timeout, reason: "a test".into(), hang_up_calls: false };
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

async fn health(bed: &Bed) -> ServingStatus {
    let channel = tonic::transport::Channel::from_shared(bed.address()).expect("an address").connect_lazy();
    let request = HealthCheckRequest { service: "carrierd.v1.SmsService".into() };
    HealthClient::new(channel).check(request).await.expect("health").into_inner().status()
}

async fn until_health(bed: &Bed, wanted: ServingStatus) {
    let same = async {
        while health(bed).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the health service says so", same).await;
}

async fn carrierctl(bed: &Bed, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
    command.args(["--address", &bed.address()]).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    soon("carrierctl", run).await.expect("a thread").expect("carrierctl")
}

fn at(line: &serde_json::Value) -> Timestamp {
    line["at"].as_str().expect("a time").parse().expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_the_wire_is_answered_then_links_unbind_and_a_resumed_daemon_sends_the_rest() {
    let carrier = Carrier { behaviour: SLOW, trunk: "window = 2", ..Carrier::smpp("carrier") };
    let bed = Bed::new(&[carrier]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    assert_eq!(health(&bed).await, ServingStatus::Serving);
    let (_requests, sent) = mpsc::channel::<api::StreamSubmitMessagesRequest>(1);
    let stream = platform.sms.stream_submit_messages(ReceiverStream::new(sent)).await.expect("a stream");
    let mut stream = stream.into_inner();
    assert!(stream.message().await.expect("credit").expect("credit").credit > 0);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(platform.accepted(request(&format!("r{number}"), &format!("message {number}"))).await);
    }
    bed.until_trunks("two are on the wire", |trunk| trunk.links[0].in_flight == 2).await;

    let (told, ()) = tokio::join!(drain(&bed, 20), async {
        until_health(&bed, ServingStatus::NotServing).await;
        let refused = bed.platform().submit(request("late", "late")).await.expect_err("refused");
        assert_eq!(reason(&refused), "DRAINING");
        assert!(refused.get_details_retry_info().is_some());
    });
    let (first, last) = (&told[0], told.last().expect("the end"));
    assert_eq!((first.open_window_count, first.held_slot_count, first.done), (2, 1, false), "{first:?}");
    assert!((1..told.len()).all(|step| told[step].open_window_count <= told[step - 1].open_window_count));
    assert_eq!((last.open_window_count, last.held_slot_count, last.queued_count), (0, 0, 4));
    assert_eq!((last.done, last.ended_by_limit), (true, false));
    assert_eq!(
        last.words,
        "drained: all that was sent is answered; 4 messages stay queued, durably (carrier 4)"
    );
    let closing =
        stream.message().await.expect("a frame").expect("a frame").closing.expect("a word on the end");
    assert!(closing.retry_delay.is_some() && closing.reason.contains("drain"), "{closing:?}");

    // It is at rest, and events are still told and acked.
    let is_down = |payload| match payload {
        Payload::TrunkState(moved) if moved.state() == TrunkState::Down => Some(()),
        _ => None,
    };
    platform.event("the trunk is down", is_down).await;
    let info = bed.admin().get_server_info(api::GetServerInfoRequest {}).await.expect("info").into_inner();
    assert!(info.draining && info.start_time.is_some() && info.version == env!("CARGO_PKG_VERSION"));
    bed.until_trunks("it drains", |trunk| trunk.state() == TrunkState::Draining && trunk.queue_depth == 4)
        .await;
    assert!(drain(&bed, 1).await.iter().all(|told| told.done), "asked again, it is drained");

    bed.admin().resume_instance(api::ResumeInstanceRequest {}).await.expect("resumed");
    until_health(&bed, ServingStatus::Serving).await;
    for id in &ids {
        let message = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((message.state(), message.possible_duplicate), (MessageState::Delivered, false));
    }
    platform.accepted(request("late", "late")).await;
    let record = bed.end().await;
    let ends = lines_of(&record, "end");
    let submits = lines_of(&record, "submit");
    assert!(ends.iter().all(|end| end["reason"] == "Unbound"), "{ends:?}");
    assert!(
        at(ends[0]).duration_since(at(submits[1])) >= SignedDuration::from_secs(1),
        "the answers came first"
    );
    assert!(at(submits[2]) > at(ends[0]));
    let mut texts: Vec<_> = submits.iter().filter_map(|submit| submit["text"].as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((texts.len(), submits.len()), (7, 7), "each went out once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_hits_its_limit_says_what_is_left_and_each_message_ends_once_by_its_policy() {
    for protocol in ["smpp34", "cmpp30"] {
        // It takes all and answers nothing; what it reports later is the only word on any message.
        let behaviour = "answer = { silence = 1.0 }\nreceipts = { delay = \"4s\" }";
        let timers = "response = \"3s\"";
        let silent = Carrier { behaviour, trunk: "window = 2", timers, protocol, ..Carrier::smpp("carrier") };
        // Reports that come while nobody knows which try they mean wait no longer than that.
        let mut bed = Bed::with(&[silent], "orphan_hold = \"4s\"").await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        // Each to its own phone, which is all that tells their reports apart.
        let with = |key: &str, to: &str, policy: AmbiguityPolicy| {
            let text = api::outbound_message::Content::Text(key.to_owned());
            request_with(key, |message| {
                message.ambiguity_policy = policy as i32;
                message.content = Some(text);
                message.to = to.to_owned();
            })
        };
        let awaits = platform.accepted(with("awaits", "13800138001", AmbiguityPolicy::AwaitReport)).await;
        let again = platform.accepted(with("again", "13800138002", AmbiguityPolicy::Resubmit)).await;
        let waits = platform.accepted(with("waits", "13800138003", AmbiguityPolicy::AwaitReport)).await;
        let are_there = |trunk: &api::Trunk| (trunk.links[0].in_flight, trunk.queue_depth) == (2, 1);
        bed.until_trunks("two are on the wire, one waits", are_there).await;
        let told = drain(&bed, 1).await;
        let (first, last) = (&told[0], told.last().expect("the end"));
        assert_eq!((first.open_window_count, first.queued_count), (2, 1));
        assert_eq!(first.trunks[0].words, "carrier: 2 segments unanswered, 1 link bound, 1 message queued");
        assert_eq!((last.done, last.ended_by_limit, last.trunks[0].abandoned_count), (true, true, 2));
        // The one that is sent again is among those that wait.
        assert_eq!(
            last.words,
            "the limit ended the drain: 2 segments without an answer (carrier 2); each is sent again or awaited, as \
             its message wants; 2 messages stay queued, durably (carrier 2)",
            "{protocol}"
        );
        bed.stop_daemon().await;
        bed.start_daemon().await;

        let mut platform = bed.platform();
        let mut ends = BTreeMap::new();
        for id in [&awaits, &again, &waits] {
            let message = platform.message_when(id, |message| message.final_time.is_some()).await;
            assert_eq!(message.state(), MessageState::Delivered, "{protocol}");
            assert_eq!(message.possible_duplicate, *id == again, "{protocol}");
        }
        let pull = api::PullEventsRequest {
            subscription_id: "test".into(),
            max_events: 1000,
            wait: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        };
        for event in platform.events.pull_events(pull).await.expect("events").into_inner().events {
            if let Some(Payload::MessageState(moved)) = event.payload
                && moved.r#final
            {
                *ends.entry(moved.message_id).or_insert(0) += 1;
            }
        }
        assert_eq!(ends.len(), 3);
        assert!(ends.values().all(|times| *times == 1), "{protocol}: {ends:?}");
        let record = bed.end().await;
        let mut sent = BTreeMap::new();
        for submit in lines_of(&record, "submit") {
            *sent.entry(submit["text"].as_str().expect("a text").to_owned()).or_insert(0) += 1;
        }
        let sent: Vec<_> = sent.iter().map(|(text, times)| (text.as_str(), *times)).collect();
        assert_eq!(sent, [("again", 2), ("awaits", 1), ("waits", 1)], "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_resumed_while_it_drains_goes_on_and_one_that_is_drained_starts_anew_serving() {
    let silent = Carrier { behaviour: "answer = { delay = \"2s\" }", ..Carrier::smpp("carrier") };
    let mut bed = Bed::new(&[silent]).await;
    let mut platform = bed.platform();
    let id = platform.accepted(request("a", "a")).await;
    bed.until_trunks("it is on the wire", |trunk| trunk.links[0].in_flight == 1).await;
    let mut stream =
        bed.admin().drain_instance(api::DrainInstanceRequest::default()).await.expect("a drain").into_inner();
    assert!(!stream.message().await.expect("progress").expect("progress").done);
    bed.admin().resume_instance(api::ResumeInstanceRequest {}).await.expect("resumed");
    let told = async {
        loop {
            match stream.message().await {
                Ok(Some(told)) => assert!(!told.done),
                Ok(None) => panic!("it ended as if it were drained"),
                Err(status) => return reason(&status),
            }
        }
    };
    assert_eq!(soon("the drain's client hears of it", told).await, "RESUMED");
    platform.accepted(request("b", "b")).await;
    platform.message_when(&id, |message| message.final_time.is_some()).await;
    assert!(drain(&bed, 10).await.last().expect("the end").done);
    bed.stop_daemon().await;
    bed.start_daemon().await;
    bed.until_up().await;
    bed.platform().accepted(request("c", "c")).await;
    assert!(lines_of(&bed.end().await, "end").iter().all(|end| end["reason"] == "Unbound"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carrierctl_shows_a_drain_and_its_exit_code_says_how_it_ended() {
    let slow = Carrier { behaviour: SLOW, ..Carrier::cmpp("north") };
    let mute = Carrier { behaviour: "answer = { silence = 1.0 }", ..Carrier::smpp("south") };
    let bed = Bed::new(&[slow, mute]).await;
    let mut platform = bed.platform();
    platform.accepted(support::over("north", "a", "a")).await;
    bed.until_trunks("it is on the wire", |trunk| trunk.trunk_id == "south" || trunk.links[0].in_flight == 1)
        .await;
    let output = carrierctl(&bed, &["drain", "--limit", "20s", "--reason", "a new version"]).await;
    let text = String::from_utf8(output.stdout).expect("a text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "north: 1 segment unanswered, 1 link bound");
    assert!(lines.contains(&"north: all answered, unbound"), "{text}");
    assert_eq!(lines.last(), Some(&"drained: all that was sent is answered; nothing is queued"));
    let info = carrierctl(&bed, &["info"]).await;
    assert!(String::from_utf8_lossy(&info.stdout).contains("carrierctl resume"), "{info:?}");
    assert_eq!(carrierctl(&bed, &["resume"]).await.status.code(), Some(0));
    bed.until_up().await;
    platform.accepted(support::over("south", "b", "b")).await;
    bed.until_trunks("it is on the wire", |trunk| trunk.trunk_id == "north" || trunk.links[0].in_flight == 1)
        .await;
    let output = carrierctl(&bed, &["drain", "--limit", "500ms"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("the limit ended the drain: 1 segment without an answer (south 1)"), "{told}");
    bed.end().await;
}
