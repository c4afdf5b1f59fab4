//! What operators want of a trunk: to take nothing new, to have no link, to do less at once.

mod support;

use std::process::Command;

use carrierd::grpc::api::{self, MessageState, TrunkState};
use jiff::{SignedDuration, Timestamp};
use support::{Bed, Carrier, lines_of, reason, request};

async fn set(bed: &Bed, state: TrunkState, reason: &str) -> api::Trunk {
    let (trunk_id, reason) = ("north".to_owned(), reason.to_owned());
    let request = api::SetTrunkStateRequest { trunk_id, state: state.into(), reason };
    let told = bed.trunks().set_trunk_state(request).await.expect("told");
    told.into_inner().trunk.expect("a trunk")
}

async fn north(bed: &Bed) -> api::Trunk {
    let request = api::GetTrunkRequest { trunk_id: "north".into() };
    bed.trunks().get_trunk(request).await.expect("a trunk").into_inner().trunk.expect("a trunk")
}

async fn until(bed: &Bed, what: &str, is_right: impl Fn(&api::Trunk) -> bool) {
    bed.until_trunks(what, |trunk| trunk.trunk_id != "north" || is_right(trunk)).await;
}

async fn carrierctl(bed: &Bed, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
    command.args(["--address", &bed.address()]).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = support::soon("carrierctl", run).await.expect("a thread").expect("carrierctl");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a text")
}

fn of<'a>(lines: &[&'a serde_json::Value], carrier: &str) -> Vec<&'a serde_json::Value> {
    lines.iter().filter(|line| line["carrier"] == carrier).copied().collect()
}

fn at(line: &serde_json::Value) -> Timestamp {
    line["at"].as_str().expect("a time").parse().expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_drains_takes_reports_and_nothing_else_and_remembers_it() {
    let slow = Carrier {
        behaviour: "answer = { delay = \"500ms\" }\nreceipts = { delay = \"2s\" }",
        trunk: "window = 1\nfailover_after = \"300ms\"",
        ..Carrier::smpp("north")
    };
    let mut bed = Bed::new(&[slow, Carrier::cmpp("south")]).await;
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(platform.accepted(request(&format!("r{number}"), &format!("message {number}"))).await);
    }
    until(&bed, "one is on the wire", |trunk| trunk.links[0].in_flight == 1).await;
    let told = set(&bed, TrunkState::Draining, "its price rose").await;
    assert_eq!((told.state(), told.wanted_state()), (TrunkState::Draining, TrunkState::Draining));
    ids.push(platform.accepted(request("r4", "message 4")).await);
    for id in &ids {
        let message = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((message.state(), message.possible_duplicate), (MessageState::Delivered, false));
    }
    let now = north(&bed).await;
    assert_eq!(
        (now.bound_link_count, now.queue_depth, now.reports.expect("reports").delivered_count),
        (1, 0, 1)
    );

    bed.stop_daemon().await;
    bed.start_daemon().await;
    bed.until_up().await;
    let now = north(&bed).await;
    assert_eq!((now.state(), now.wanted_reason.as_str()), (TrunkState::Draining, "its price rose"));
    assert!(now.wanted_time.is_some());
    bed.platform().accepted(request("r5", "message 5")).await;
    let shown = carrierctl(&bed, &["trunks", "enable", "north"]).await;
    assert!(!shown.contains("shall be"), "{shown}");
    until(&bed, "it carries", |trunk| trunk.state() == TrunkState::Enabled).await;
    let mut platform = bed.platform();
    let last = platform.accepted(request("r6", "message 6")).await;
    platform.message_when(&last, |message| message.final_time.is_some()).await;
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    let texts = |carrier| -> Vec<_> {
        of(&submits, carrier).iter().map(|line| line["text"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(texts("north"), ["message 0", "message 6"]);
    let mut south = texts("south");
    south.sort_unstable();
    assert_eq!(south, ["message 1", "message 2", "message 3", "message 4", "message 5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_is_disabled_has_no_link_even_after_a_restart() {
    let slow = Carrier {
        behaviour: "answer = { delay = \"700ms\" }\nreceipts = { delay = \"10ms\" }",
        trunk: "links = 2\nfailover_after = \"1h\"",
        ..Carrier::smpp("north")
    };
    let mut bed = Bed::new(&[slow, Carrier::cmpp("south")]).await;
    let mut platform = bed.platform();
    let on_wire = platform.accepted(support::over("north", "a", "a")).await;
    until(&bed, "it is on the wire", |trunk| trunk.links.iter().any(|link| link.in_flight == 1)).await;
    let shown = carrierctl(&bed, &["trunks", "disable", "north", "--reason", "no money"]).await;
    assert!(shown.contains("north shall be disabled, since ") && shown.contains(": no money"), "{shown}");
    until(&bed, "it has no link", |trunk| trunk.state() == TrunkState::Disabled).await;
    assert_eq!(north(&bed).await.bound_link_count, 0);
    assert!(!platform.message(&on_wire).await.possible_duplicate);
    let waits = platform.accepted(support::over("north", "b", "b")).await;
    until(&bed, "it waits", |trunk| trunk.queue_depth == 1).await;
    bed.stop_daemon().await;
    bed.start_daemon().await;
    let mut platform = bed.platform();
    let elsewhere = platform.accepted(request("c", "c")).await;
    platform.message_when(&elsewhere, |message| message.final_time.is_some()).await;
    until(&bed, "it rests", |trunk| trunk.state() == TrunkState::Disabled && trunk.queue_depth == 1).await;
    set(&bed, TrunkState::Enabled, "").await;
    bed.until_up().await;
    let message = platform.message_when(&waits, |message| message.final_time.is_some()).await;
    assert_eq!(message.state(), MessageState::Delivered);
    let bad = api::SetTrunkStateRequest {
        trunk_id: "north".into(),
        state: TrunkState::Down.into(),
        reason: String::new(),
    };
    assert_eq!(reason(&bed.trunks().set_trunk_state(bad).await.expect_err("refused")), "INVALID_FIELD");
    let record = bed.end().await;
    let (binds, submits, ends) =
        (lines_of(&record, "bind"), lines_of(&record, "submit"), lines_of(&record, "end"));
    // Two at the start, two when it was enabled again, none at the restart in between.
    assert_eq!(of(&binds, "north").len(), 4);
    let (submits, ends) = (of(&submits, "north"), of(&ends, "north"));
    assert_eq!(submits.len(), 2);
    assert!(ends.iter().all(|end| end["reason"] == "Unbound"), "{ends:?}");
    // The link that had it waited for its answer.
    let its_end = ends.iter().find(|end| end["link"] == submits[0]["link"]).expect("its end");
    assert!(at(its_end).duration_since(at(submits[0])) >= SignedDuration::from_millis(700));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_changed_within_the_configuration_and_shown() {
    let carrier =
        Carrier { trunk: "links = 3\nwindow = 8\nsubmits_per_second = 100", ..Carrier::smpp("north") };
    let mut bed = Bed::new(&[carrier]).await;
    let limit = |max_links, window_size, max_submits_per_second| api::UpdateTrunkLimitsRequest {
        trunk_id: "north".into(),
        limits: Some(api::TrunkLimits {
            max_links,
            window_size,
            max_submits_per_second,
            ..Default::default()
        }),
        reason: "the carrier asked".into(),
    };
    for beyond in [limit(4, 0, 0), limit(0, 9, 0), limit(0, 0, 101)] {
        let refused = bed.trunks().update_trunk_limits(beyond).await.expect_err("refused");
        assert_eq!(reason(&refused), "INVALID_FIELD");
    }
    let told = bed.trunks().update_trunk_limits(limit(2, 1, 10)).await.expect("changed").into_inner();
    let told = told.trunk.expect("a trunk");
    let (now, most) = (told.limits.expect("limits"), told.configured_limits.expect("limits"));
    assert_eq!((now.max_links, now.window_size, now.max_submits_per_second), (2, 1, 10));
    assert_eq!((most.max_links, most.window_size, most.max_submits_per_second), (3, 8, 100));
    until(&bed, "two links are left", |trunk| trunk.bound_link_count == 2).await;
    let shown = carrierctl(&bed, &["trunks"]).await;
    let words = "north may have 2 of 3 links, 1 of 8 unanswered submits each, 10 of 100 submits per second";
    assert!(shown.contains(words), "{shown}");
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..25 {
        ids.push(platform.accepted(request(&format!("r{number}"), "text")).await);
    }
    for id in &ids {
        platform.message_when(id, |message| message.final_time.is_some()).await;
    }
    let told = bed.trunks().update_trunk_limits(limit(0, 0, 0)).await.expect("changed").into_inner();
    assert_eq!(told.trunk.as_ref().and_then(|trunk| trunk.limits), Some(most));
    bed.until_up().await;
    bed.trunks().update_trunk_limits(limit(1, 0, 0)).await.expect("changed");
    bed.stop_daemon().await;
    bed.start_daemon().await;
    bed.until_up().await;
    assert_eq!(north(&bed).await.limits, Some(most), "a restart forgets it");
    let record = bed.end().await;
    let times: Vec<_> = lines_of(&record, "submit").into_iter().map(at).collect();
    assert_eq!(times.len(), 25);
    // Ten in a second, and what the wire may have held back of the second before.
    assert!(times.windows(13).all(|some| some[12].duration_since(some[0]) >= SignedDuration::from_secs(1)));
}
