//! Which trunk a message takes, what the daemon says of it, and what the carriers saw.

mod support;

use std::{collections::HashMap, path::Path};

use carrierd::grpc::api::{self, MessageState, OperatorSource, RouteHealth, RouteVerdict};
use simulator::Scenario;
use support::{ACCOUNT, Bed, Carrier, SECRET, lines_of, reason, request, request_with, soon};

/// Further tables behind `[messages]`; they live as long as the test's process.
fn tables(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Data files: 138 is cmcc, 130 is cucc, one number of 138 was carried to cucc.
fn numbers(folder: &Path) -> String {
    std::fs::write(folder.join("ranges.csv"), "86138,cmcc\n86130,cucc\n").expect("a file");
    std::fs::write(folder.join("ported.csv"), "13800138999,cucc\n").expect("a file");
    format!(
        "[numbers]\nranges = {:?}\nportability = {:?}\n",
        folder.join("ranges.csv"),
        folder.join("ported.csv")
    )
}

async fn explain(bed: &Bed, change: impl FnOnce(&mut api::OutboundMessage)) -> api::ExplainRouteResponse {
    let message = request_with("explained", change).message;
    let asked = bed.platform().sms.explain_route(api::ExplainRouteRequest { message }).await;
    asked.expect("an explanation").into_inner()
}

/// Carrier and recipient of every submit, the recipient without `+`.
fn taken(record: &[serde_json::Value]) -> Vec<(&str, &str)> {
    let mut taken = Vec::new();
    for line in lines_of(record, "submit") {
        let carrier = line["carrier"].as_str().expect("a carrier");
        let recipient = line["recipient"].as_str().expect("a recipient");
        taken.push((carrier, recipient.trim_start_matches('+')));
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_goes_to_its_operator_by_range_or_portability() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = "[[route]]\noperators = [\"cmcc\"]\ntrunks = [\"mobile\"]\n\
                  [[route]]\noperators = [\"cucc\"]\ntrunks = [\"unicom\"]\n\
                  [[route]]\nname = \"rest\"\ntrunks = [\"other\"]\n";
    let carriers = [Carrier::smpp("mobile"), Carrier::cmpp("unicom"), Carrier::smpp("other")];
    let bed = Bed::with(&carriers, tables(numbers(folder.path()) + routes)).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let numbers = [
        ("13800138000", "mobile"),
        ("+8613800138001", "mobile"),
        ("13000138000", "unicom"),
        ("13800138999", "unicom"),
        ("15000138000", "other"),
        ("+4915112345678", "other"),
    ];
    for (to, trunk) in numbers {
        let id = platform.accepted(request_with(to, |message| message.to = to.into())).await;
        assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
        let explained = explain(&bed, |message| message.to = to.into()).await;
        assert_eq!(explained.trunk_id, trunk, "{to}");
    }
    let ported = explain(&bed, |message| message.to = "13800138999".into()).await;
    assert_eq!((ported.operator.as_str(), ported.operator_source()), ("cucc", OperatorSource::Portability));
    assert_eq!(
        ported.rules[0].mismatches,
        ["the recipient's operator is cucc (the number was carried there), not cmcc"]
    );
    let record = bed.end().await;
    assert_eq!(taken(&record), numbers.map(|(to, trunk)| (trunk, to.trim_start_matches('+'))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_names_every_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let routes = "[[route]]\nname = \"codes\"\ncategories = [\"otp\"]\ntenants = [\"bank\"]\ntrunks = [\"a\"]\n\
                  [[route]]\nname = \"China\"\nprefixes = [\"86\"]\ntrunks = [\"a\", \"b\"]\norder = \"cheapest\"\n\
                  costs = [5, 3]\n\
                  [[route]]\nname = \"abroad\"\nprefixes = [\"852\"]\ntrunks = [\"a\"]\n";
    let carriers = [Carrier::smpp("a"), Carrier::smpp("b")];
    let mut bed = Bed::with(&carriers, tables(numbers(folder.path()) + routes)).await;
    let explained = explain(&bed, |_| {}).await;
    assert_eq!((explained.operator.as_str(), explained.operator_source()), ("cmcc", OperatorSource::Range));
    let rules: Vec<_> = explained
        .rules
        .iter()
        .map(|rule| (rule.name.as_str(), rule.verdict(), rule.mismatches.join("; ")))
        .collect();
    let why = "the category is notification, not otp; the tenant is shop, not bank";
    assert_eq!(
        rules,
        [
            ("codes", RouteVerdict::NoMatch, why.to_owned()),
            ("China", RouteVerdict::Matched, String::new()),
            ("abroad", RouteVerdict::NotReached, String::new()),
        ]
    );
    let trunks: Vec<_> = explained
        .alternatives
        .iter()
        .map(|one| (one.trunk_id.as_str(), one.health(), one.cost, one.listed_place))
        .collect();
    assert_eq!(trunks, [("b", RouteHealth::Up, Some(3), 2), ("a", RouteHealth::Up, Some(5), 1)]);
    assert_eq!(explained.trunk_id, "b");
    assert_eq!(explained.reason, "\"China\" is the first rule that matches; b costs least (3) and is up");

    let nowhere = explain(&bed, |message| message.to = "+4915112345678".into()).await;
    assert_eq!((nowhere.trunk_id.as_str(), nowhere.alternatives.len()), ("", 0));
    assert_eq!(nowhere.reason, "no rule matches: it would be refused");
    let shown = format!("{nowhere:?}");
    assert!(!shown.contains("15112345678"), "the recipient is not repeated: {shown}");
    let status =
        bed.platform().submit(request_with("n", |message| message.to = "+4915112345678".into())).await;
    assert_eq!(reason(&status.expect_err("refused")), "NO_ROUTE");

    bed.stop_carriers().await;
    bed.until_down().await;
    let down = explain(&bed, |_| {}).await;
    assert_eq!((down.trunk_id.as_str(), down.alternatives[0].health()), ("b", RouteHealth::Down));
    assert!(down.reason.ends_with("no trunk can carry now: the message waits for b"), "{}", down.reason);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_links_of_a_trunk_are_down_the_alternative_carries_new_messages() {
    let routes = "[[route]]\ntrunks = [\"first\", \"second\"]\n";
    let carriers = [Carrier { trunk: "links = 2", ..Carrier::smpp("first") }, Carrier::smpp("second")];
    let mut bed = Bed::with(&carriers, routes).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let before = platform.accepted(request("before", "before")).await;
    platform.end_of(&before).await;
    let address = bed.simulator().address("second").expect("a carrier");
    bed.stop_carriers().await;
    bed.until_down().await;
    // Only the second carrier comes back.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.ndjson");
    let scenario = format!(
        "seed = 1\nrecord = {path:?}\n[[carrier]]\nname = \"second\"\nprotocol = \"smpp34\"\nlisten = \"{address}\"\n\
         [[carrier.account]]\nsystem_id = \"{ACCOUNT}\"\npassword = \"{SECRET}\"\n"
    );
    let second = simulator::start(Scenario::parse(&scenario).expect("a scenario")).await.expect("a carrier");
    bed.until_trunks("the second trunk is up", |trunk| {
        trunk.trunk_id == "first" || trunk.bound_link_count == trunk.wanted_link_count
    })
    .await;
    let explained = explain(&bed, |_| {}).await;
    assert!(
        explained.reason.ends_with("first is listed first, but is down: second is the next that can carry")
    );
    let after = platform.accepted(request("after", "after")).await;
    let end = platform.end_of(&after).await;
    assert_eq!(end.state(), MessageState::Delivered);
    assert_eq!(platform.message(&after).await.segments[0].trunk_id, "second");
    let first_record = bed.recorded();
    bed.stop_daemon().await;
    soon("the carrier ends", second.shutdown()).await;
    let record = std::fs::read_to_string(path).expect("a record");
    let record: Vec<serde_json::Value> =
        record.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    let texts = |record: &[serde_json::Value]| -> Vec<(String, String)> {
        let pair = |line: &&serde_json::Value| {
            (
                line["carrier"].as_str().unwrap_or("?").to_owned(),
                line["text"].as_str().unwrap_or("?").to_owned(),
            )
        };
        lines_of(record, "submit").iter().map(pair).collect()
    };
    assert_eq!(texts(&first_record), [("first".to_owned(), "before".to_owned())]);
    assert_eq!(texts(&record), [("second".to_owned(), "after".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_share_the_traffic_and_all_parts_of_a_message_take_one_trunk() {
    const MESSAGES: usize = 600;
    let routes = "[[route]]\ntrunks = [\"three\", \"one\"]\norder = \"weighted\"\nweights = [3, 1]\n";
    let bed = Bed::with(&[Carrier::smpp("three"), Carrier::smpp("one")], routes).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut ids = Vec::new();
    for batch in 0..2 {
        // Two parts each, told apart by the sender's extension.
        let requests = (0..MESSAGES / 2).map(|number| {
            let number = batch * MESSAGES / 2 + number;
            request_with(&format!("r{number}"), |message| {
                message.sender = format!("{}{number:04}", support::SENDER);
                message.content = Some(api::outbound_message::Content::Text("x".repeat(200)));
                message.report_requested = false;
            })
        });
        let batch = api::BatchSubmitMessagesRequest { requests: requests.collect() };
        let answer = soon("answers", platform.sms.batch_submit_messages(batch)).await.expect("accepted");
        ids.extend(answer.into_inner().results.into_iter().map(|result| match result.outcome {
            Some(api::submit_result::Outcome::Response(response)) => response.message_id,
            other => panic!("refused: {other:?}"),
        }));
    }
    for id in &ids {
        platform.message_when(id, |message| message.final_time.is_some()).await;
    }
    let record = bed.end().await;
    let mut parts: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in lines_of(&record, "submit") {
        let (sender, carrier) =
            (line["sender"].as_str().expect("one"), line["carrier"].as_str().expect("one"));
        parts.entry(sender).or_default().push(carrier);
    }
    assert_eq!(parts.len(), MESSAGES);
    assert!(parts.values().all(|carriers| carriers.len() == 2 && carriers[0] == carriers[1]), "{parts:?}");
    let three = parts.values().filter(|carriers| carriers[0] == "three").count();
    // Four and a half standard deviations around three quarters.
    assert!((402..=498).contains(&three), "{three} of {MESSAGES}");
}
