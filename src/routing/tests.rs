//! Tables and messages → routes, with their reasons.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::{
    config::{ContentKind, Outside, RouteConfig, RouteOrder, WindowConfig},
    domain::{BinaryContent, Category, Content, Message, Number, NumberPlan, Sender, TrunkId, testing},
};

fn rule(name: &str, trunks: &[&str]) -> RouteConfig {
    RouteConfig {
        name: name.into(),
        prefixes: Vec::new(),
        operators: Vec::new(),
        categories: Vec::new(),
        tenants: Vec::new(),
        senders: Vec::new(),
        content: Vec::new(),
        trunks: ids(trunks),
        order: RouteOrder::Listed,
    }
}

fn ids(names: &[&str]) -> Vec<TrunkId> {
    names.iter().map(|name| TrunkId::from(*name)).collect()
}

fn plan() -> Arc<NumberPlan> {
    let names = vec!["cmcc".to_owned(), "cucc".to_owned()];
    Arc::new(NumberPlan::new(names, [(86138, 0), (86130, 1)], [(8_613_800_138_000, 1)]))
}

fn table(rules: &[RouteConfig]) -> RouteTable {
    RouteTable::new(rules, ids(&["a", "b", "c"]), plan(), Vec::new())
}

fn up(_: &TrunkId) -> Health {
    Health::Up
}

fn only(trunk: &'static str, health: Health) -> impl Fn(&TrunkId) -> Health {
    move |id| if id.as_str() == trunk { health } else { Health::Up }
}

fn route(table: &RouteTable, message: &Message, health: impl Fn(&TrunkId) -> Health) -> Vec<String> {
    table.route(message, health).unwrap().iter().map(|one| one.trunk.to_string()).collect()
}

fn to(number: &str) -> Message {
    testing::message(|message| message.to = Number::parse(number).unwrap())
}

#[test]
fn every_condition_decides_and_says_why_it_does_not_hold() {
    type Set = fn(&mut RouteConfig);
    type Change = fn(&mut Message);
    let cases: [(Set, Change, &str); 8] = [
        (
            |rule| rule.prefixes = vec!["852".into(), "86".into()],
            |message| message.to = Number::parse("+4915112345678").unwrap(),
            "the recipient does not begin with 852 or 86",
        ),
        (
            |rule| rule.operators = vec!["cucc".into()],
            |message| message.to = Number::parse("13800138001").unwrap(),
            "the recipient's operator is cmcc (by the number's range), not cucc",
        ),
        (
            |rule| rule.operators = vec!["cucc".into()],
            |message| message.to = Number::parse("15000138000").unwrap(),
            "the recipient's operator is not known, and must be cucc",
        ),
        (
            |rule| rule.categories = vec![Category::Notification],
            |message| message.category = Category::Marketing,
            "the category is marketing, not notification",
        ),
        (
            |rule| rule.tenants = vec!["tenant".into()],
            |message| message.tenant_id = "other".into(),
            "the tenant is other, not tenant",
        ),
        (
            |rule| rule.senders = vec!["1069".into()],
            |message| message.sender = Sender::parse("1068").unwrap(),
            "the sender does not begin with 1069",
        ),
        (
            |rule| rule.senders = vec!["1069".into()],
            |message| message.sender = Sender::parse("").unwrap(),
            "no sender is named, and it must begin with 1069",
        ),
        (
            |rule| rule.content = vec![ContentKind::Text],
            |message| {
                let (data, user_data_header) = (vec![1; 141], Vec::new());
                message.content = Content::Binary(BinaryContent { data, data_coding: 4, user_data_header });
            },
            "the content is binary of several segments, not text",
        ),
    ];
    for (set, change, why) in cases {
        let mut asking = rule("asking", &["b"]);
        set(&mut asking);
        let table = table(&[asking, rule("rest", &["c"])]);
        // The ordinary message goes to a number that was carried to cucc.
        assert_eq!(route(&table, &testing::message(|_| {}), up), ["b"], "{why}");
        let message = testing::message(change);
        assert_eq!(route(&table, &message, up), ["c"], "{why}");
        let explained = table.explain(&message, up);
        assert_eq!(explained.rules[0].verdict, Verdict::NoMatch(vec![why.to_owned()]));
        assert_eq!((&explained.rules[1].verdict, explained.choice), (&Verdict::Matched, Some("c".into())));
    }
}

#[test]
fn a_rule_for_long_content_takes_what_needs_several_segments() {
    let mut long = rule("long", &["b"]);
    long.content = vec![ContentKind::Long];
    let table = table(&[long, rule("rest", &["c"])]);
    for (text, trunk) in
        [("a".repeat(160), "c"), ("a".repeat(161), "b"), ("包".repeat(70), "c"), ("包".repeat(71), "b")]
    {
        let message = testing::message(|message| message.content = Content::Text(text.clone()));
        assert_eq!(route(&table, &message, up), [trunk], "{text}");
    }
}

#[test]
fn a_country_is_found_in_every_spelling_of_a_number() {
    let mut china = rule("china", &["b"]);
    china.prefixes = vec!["86".into()];
    let table = table(&[china, rule("rest", &["c"])]);
    for number in ["13800138000", "8613800138000", "+8613800138000", "008613800138000"] {
        assert_eq!(route(&table, &to(number), up), ["b"], "{number}");
    }
    assert_eq!(route(&table, &to("+13800138000"), up), ["c"], "a number of North America");
}

#[test]
fn what_is_refused_is_explained() {
    let mut otp = rule("codes", &["a"]);
    otp.categories = vec![Category::Otp];
    let table = table(&[otp]);
    let message = testing::message(|_| {});
    assert_eq!(table.route(&message, up), Err(Unroutable::NoRule));
    assert_eq!(table.explain(&message, up).reason, "no rule matches: it would be refused");
    let lost = testing::message(|message| message.trunk_ids = ids(&["a", "x"]));
    assert_eq!(table.route(&lost, up), Err(Unroutable::UnknownTrunk("x".into())));
    let explained = table.explain(&lost, up);
    assert!(explained.reason.contains("trunk x, which is not configured") && explained.choice.is_none());
    let named = testing::message(|message| message.trunk_ids = ids(&["c", "b"]));
    assert_eq!(route(&table, &named, only("c", Health::Down)), ["b", "c"]);
}

#[test]
fn those_that_cannot_carry_come_last_and_degraded_ones_count() {
    let table = table(&[rule("all", &["a", "b", "c"])]);
    let message = testing::message(|_| {});
    assert_eq!(route(&table, &message, only("a", Health::Degraded)), ["a", "b", "c"]);
    for health in [Health::Down, Health::Draining, Health::Disabled] {
        assert_eq!(route(&table, &message, only("a", health)), ["b", "c", "a"]);
    }
    assert_eq!(route(&table, &message, |_| Health::Down), ["a", "b", "c"]);
    // One that is down comes back by itself; one that an operator took out of service does not.
    let by_operator = |id: &TrunkId| if id.as_str() == "a" { Health::Disabled } else { Health::Down };
    assert_eq!(route(&table, &message, by_operator), ["b", "c", "a"]);
    let reason = |health: &dyn Fn(&TrunkId) -> Health| table.explain(&message, health).reason;
    assert_eq!(reason(&up), "\"all\" is the first rule that matches; a is listed first and is up");
    assert!(
        reason(&only("a", Health::Down))
            .ends_with("a is listed first, but is down: b is the next that can carry")
    );
    assert!(reason(&|_| Health::Down).ends_with("but no trunk can carry now: the message waits for a"));
}

#[test]
fn the_cheapest_comes_first_and_of_equal_ones_the_one_listed_first() {
    let mut cheap = rule("cheap", &["a", "b", "c"]);
    cheap.order = RouteOrder::Cheapest(vec![5, 3, 3]);
    let table = table(&[cheap]);
    let message = testing::message(|_| {});
    assert_eq!(route(&table, &message, up), ["b", "c", "a"]);
    assert_eq!(route(&table, &message, only("b", Health::Down)), ["c", "a", "b"]);
    let explained = table.explain(&message, up);
    assert_eq!(explained.reason, "\"cheap\" is the first rule that matches; b costs least (3) and is up");
    let shown: Vec<_> = explained
        .alternatives
        .iter()
        .map(|one| (one.trunk.as_str(), one.cost, one.weight, one.listed_place))
        .collect();
    assert_eq!(shown, [("b", Some(3), None, 2), ("c", Some(3), None, 3), ("a", Some(5), None, 1)]);
}

fn shares(table: &RouteTable, health: impl Fn(&TrunkId) -> Health) -> HashMap<String, usize> {
    let mut shares = HashMap::new();
    for _ in 0..20_000 {
        let message = testing::message(|_| {});
        let first = route(table, &message, &health).remove(0);
        assert_eq!(route(table, &message, &health)[0], first, "the same message draws the same trunk");
        *shares.entry(first).or_default() += 1;
    }
    shares
}

#[test]
fn weights_are_shares_of_the_messages_and_a_message_keeps_its_trunk() {
    let mut weighted = rule("weighted", &["a", "b", "c", "spare"]);
    weighted.order = RouteOrder::Weighted(vec![6, 3, 1, 0]);
    let table = RouteTable::new(&[weighted], ids(&["a", "b", "c", "spare"]), plan(), Vec::new());
    let near = |shares: &HashMap<String, usize>, trunk: &str, share: f64| {
        let found = shares.get(trunk).copied().unwrap_or(0) as f64 / 20_000.0;
        assert!((found - share).abs() < 0.02, "{trunk} has {found} instead of {share}");
    };
    let all = shares(&table, up);
    near(&all, "a", 0.6);
    near(&all, "b", 0.3);
    near(&all, "c", 0.1);
    assert!(!all.contains_key("spare"));
    // What a trunk that is down would have had goes to the others by their own shares.
    let without = shares(&table, only("a", Health::Down));
    near(&without, "b", 0.75);
    near(&without, "c", 0.25);
    let last = route(&table, &testing::message(|_| {}), |id| {
        if id.as_str() == "spare" { Health::Up } else { Health::Down }
    });
    assert_eq!(last[0], "spare");
}

#[test]
fn a_new_table_takes_the_place_of_the_old_one_and_decisions_stay() {
    let router = Router::new(table(&[rule("old", &["a"])]));
    let (clone, before, message) = (router.clone(), router.table(), testing::message(|_| {}));
    router.replace(table(&[rule("new", &["b"])]));
    assert_eq!(route(&before, &message, up), ["a"]);
    assert_eq!(route(&clone.table(), &message, up), ["b"]);
}

fn window(open: &[(&str, &str)], days: [bool; 7], zone: &str) -> Windows {
    let open = open.iter().map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap())).collect();
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let (categories, tenants) = (vec![Category::Marketing], Vec::new());
    Windows::new(vec![WindowConfig { categories, tenants, open, days, zone, outside: Outside::Hold }])
}

fn opens(windows: &Windows, at: &str) -> Option<String> {
    let message = testing::message(|message| message.category = Category::Marketing);
    windows.check(&message, at.parse().unwrap()).err().map(|closed| closed.opens.to_string())
}

#[test]
fn a_window_opens_by_the_clock_of_its_zone() {
    let day = window(&[("08:00", "12:00"), ("14:00", "21:00")], [true; 7], "Asia/Shanghai");
    for (at, expected) in [
        ("2026-03-01T23:59:59Z", Some("2026-03-02T00:00:00Z")),
        ("2026-03-02T00:00:00Z", None),
        ("2026-03-02T03:59:59Z", None),
        ("2026-03-02T04:00:00Z", Some("2026-03-02T06:00:00Z")),
        ("2026-03-02T13:00:00Z", Some("2026-03-03T00:00:00Z")),
    ] {
        assert_eq!(opens(&day, at).as_deref(), expected, "{at}");
    }
    let other = testing::message(|message| message.category = Category::Otp);
    assert!(day.check(&other, "2026-03-02T13:00:00Z".parse().unwrap()).is_ok());
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let mut weekend = [false; 7];
    weekend[5] = true;
    // 2026-03-07 is a Saturday.
    let night = window(&[("22:00", "06:00")], weekend, "UTC");
    for (at, expected) in [
        ("2026-03-07T21:00:00Z", Some("2026-03-07T22:00:00Z")),
        ("2026-03-08T05:59:59Z", None),
        ("2026-03-08T06:00:00Z", Some("2026-03-14T22:00:00Z")),
    ] {
        assert_eq!(opens(&night, at).as_deref(), expected, "{at}");
    }
    let always = window(&[("00:00", "00:00")], [true; 7], "UTC");
    assert_eq!(opens(&always, "2026-03-08T00:00:00Z"), None);
}

#[test]
fn an_accepted_message_waits_for_its_time_and_then_for_its_window() {
    let windows = window(&[("08:00", "21:00")], [true; 7], "UTC");
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let marketing = |send: Option<&str>| {
        testing::message(|message| {
            message.category = Category::Marketing;
            message.accept_time = at("2026-03-02T09:00:00Z");
            message.send_time = send.map(at);
        })
    };
    let now = at("2026-03-02T10:00:00Z");
    assert_eq!(windows.release(&marketing(None), now), None);
    assert_eq!(
        windows.release(&marketing(Some("2026-03-02T11:00:00Z")), now),
        Some(at("2026-03-02T11:00:00Z"))
    );
    assert_eq!(
        windows.release(&marketing(Some("2026-03-02T22:00:00Z")), now),
        Some(at("2026-03-03T08:00:00Z"))
    );
    assert_eq!(
        windows.release(&marketing(None), at("2026-03-02T21:00:00Z")),
        Some(at("2026-03-03T08:00:00Z"))
    );
    assert_eq!(windows.release(&marketing(Some("2026-03-02T09:30:00Z")), now), None);
    let message = marketing(None);
    let closed = windows.check(&message, at("2026-03-02T21:30:00Z")).unwrap_err();
    assert_eq!(closed.words(), "08:00-21:00 UTC, which opens at 2026-03-03 08:00:00 +00:00");
}
