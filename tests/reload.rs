//! The configuration read again while the daemon runs.

mod support;

use std::process::{Command, Output};

use carrierd::grpc::api::{self, MessageState};
use support::{Bed, Carrier, lines_of, reason, request, soon};

async fn carrierctl(bed: &Bed, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
    command.args(["--address", &bed.address()]).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    soon("carrierctl", run).await.expect("a thread").expect("carrierctl")
}

/// Changes the daemon's file.
fn edit(bed: &Bed, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(bed.config_path()).expect("a file");
    std::fs::write(bed.config_path(), change(text)).expect("a file");
}

async fn reload(bed: &Bed) -> Vec<(String, bool)> {
    let request = api::ReloadConfigRequest::default();
    let reloaded = bed.admin().reload_config(request).await.expect("reloaded").into_inner();
    reloaded.changes.into_iter().map(|change| (change.path, change.needs_restart)).collect()
}

async fn binds(bed: &Bed) -> Vec<Option<prost_types::Timestamp>> {
    let listed = bed.trunks().list_trunks(api::ListTrunksRequest::default()).await.expect("trunks");
    listed.into_inner().trunks.iter().flat_map(|trunk| &trunk.links).map(|link| link.bind_time).collect()
}

async fn digest(bed: &Bed) -> String {
    let info = bed.admin().get_server_info(api::GetServerInfoRequest {}).await.expect("info");
    info.into_inner().config_digest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_statuses_windows_and_limits_change_at_once_and_links_stay() {
    let refuses = "refuse = [{ on = \"submit\", ratio = 1.0, status = 0x400 }]";
    let north = Carrier { trunk: "window = 8", ..Carrier::smpp("north") };
    let bed = Bed::new(&[north, Carrier { behaviour: refuses, ..Carrier::smpp("south") }]).await;
    let (bound, before) = (binds(&bed).await, digest(&bed).await);
    let mut platform = bed.platform();
    let first = platform.accepted(support::over("south", "a", "a")).await;
    let message = platform.message_when(&first, |message| message.final_time.is_some()).await;
    assert_eq!(message.state(), MessageState::Rejected);
    assert_eq!(reload(&bed).await, [], "nothing has changed");

    edit(&bed, |text| {
        let text = text
            .replace("window = 8", "window = 4\nsubmits_per_second = 50\nmax_queue = 7\nmax_attempts = 3");
        let text = text.replace("limit = \"5s\"", "limit = \"6s\"");
        format!(
            "{text}[[trunk.status]]\ncode = 0x400\nthen = \"elsewhere\"\n[[route]]\ntrunks = [\"south\", \"north\"]\n\
             [[window]]\ncategories = [\"marketing\"]\nopen = \"00:00-00:01\"\noutside = \"refuse\"\ndays = \"mon\"\n"
        )
    });
    let told = carrierctl(&bed, &["config", "check", bed.config_path().to_str().expect("a path")]).await;
    let expected = [
        "drain: at once, links stay",
        "trunk.north.window: at once, links stay",
        "trunk.north.submits_per_second: at once, links stay",
        "trunk.north.max_queue: at once, links stay",
        "trunk.north.max_attempts: at once, links stay",
        "trunk.south.status: at once, links stay",
        "route: at once, links stay",
        "window: at once, links stay",
    ];
    let text = String::from_utf8(told.stdout).expect("a text");
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(digest(&bed).await, before, "a check changes nothing");
    let told = carrierctl(&bed, &["config", "reload"]).await;
    assert_eq!(String::from_utf8(told.stdout).expect("a text"), text);
    assert_ne!(digest(&bed).await, before);

    // South is first now, and what it refuses goes north.
    let second = platform.accepted(request("b", "b")).await;
    let message = platform.message_when(&second, |message| message.final_time.is_some()).await;
    assert_eq!(message.state(), MessageState::Delivered);
    let marketing = support::request_with("c", |message| {
        message.category = api::MessageCategory::Marketing.into();
    });
    // The window is open for one minute in the week.
    if let Err(refused) = platform.submit(marketing).await {
        assert_eq!(reason(&refused), "WINDOW_CLOSED");
    } else {
        let minute =
            jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone"));
        assert_eq!((minute.hour(), minute.weekday()), (0, jiff::civil::Weekday::Monday));
    }
    bed.until_trunks("its limits are smaller", |trunk| {
        let limits = trunk.limits.unwrap_or_default();
        trunk.trunk_id == "south" || (limits.window_size, limits.max_submits_per_second) == (4, 50)
    })
    .await;
    assert_eq!(binds(&bed).await, bound, "no link was touched");
    assert_eq!(reload(&bed).await, [], "all of it is in effect");
    let record = bed.end().await;
    assert_eq!(lines_of(&record, "bind").len(), 2);
    let carriers: Vec<_> = lines_of(&record, "submit").iter().map(|line| line["carrier"].clone()).collect();
    assert_eq!(carriers, ["south", "south", "north"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_fault_is_refused_with_its_place_and_changes_nothing() {
    let bed = Bed::new(&[Carrier { trunk: "window = 8", ..Carrier::smpp("north") }]).await;
    let before = digest(&bed).await;
    edit(&bed, |text| text.replace("window = 8", "window = 0") + "[[route]]\ntrunks = [\"nowhere\"]\n");
    let text = std::fs::read_to_string(bed.config_path()).expect("a file");
    let line = 1 + text.lines().position(|line| line == "window = 0").expect("the line");
    let refused = bed.admin().reload_config(api::ReloadConfigRequest::default()).await.expect_err("refused");
    assert_eq!(reason(&refused), "CONFIG_INVALID");
    let place = format!("carrierd.toml:{line}: trunk.window: ");
    assert!(refused.message().contains(&place) && refused.message().contains("nowhere"), "{refused:?}");
    let output = carrierctl(&bed, &["config", "check", bed.config_path().to_str().expect("a path")]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&place), "{output:?}");
    assert_eq!(digest(&bed).await, before);

    // A sound file that is not the one that was meant.
    edit(&bed, |text| text.replace("window = 0", "window = 8").replace("nowhere", "north"));
    let other = api::ReloadConfigRequest { expected_digest: before };
    assert_eq!(reason(&bed.admin().reload_config(other).await.expect_err("refused")), "CONFIG_INVALID");
    assert_eq!(reload(&bed).await, [("route".to_owned(), false)]);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_restart_is_said_and_waits_for_it() {
    let mut bed = Bed::new(&[Carrier { trunk: "links = 2", ..Carrier::smpp("north") }]).await;
    let text = std::fs::read_to_string(bed.config_path()).expect("a file");
    edit(&bed, |text| {
        text.replace("links = 2", "links = 3").replace("[messages]", "[messages]\nmax_segments = 3")
            + "[[trunk]]\nid = \"new\"\nprotocol = \"smpp34\"\nhosts = [\"127.0.0.1:1\"]\n[trunk.account]\n\
               system_id = \"a\"\npassword = \"literal:b\"\n[[route]]\ntrunks = [\"new\"]\n"
    });
    let waits =
        ["messages", "trunk.north.links", "trunk.new", "route"].map(|path| (path.to_owned(), true)).to_vec();
    assert_eq!(reload(&bed).await, waits);
    assert_eq!(reload(&bed).await, waits, "it still waits");
    let mut platform = bed.platform();
    let id = platform.accepted(request("a", "a")).await;
    platform.message_when(&id, |message| message.final_time.is_some()).await;
    // Fewer links than at the start need none.
    std::fs::write(bed.config_path(), text.replace("links = 2", "links = 1")).expect("a file");
    assert_eq!(reload(&bed).await, [("trunk.north.links".to_owned(), false)]);
    bed.until_trunks("one link is left", |trunk| (trunk.bound_link_count, trunk.wanted_link_count) == (1, 1))
        .await;
    bed.stop_daemon().await;
    bed.end().await;
}
