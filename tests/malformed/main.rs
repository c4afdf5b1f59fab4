//! Each rule of the references' tables of malformed input, broken by a carrier on a live link: what becomes of the link,
//! of the message, what the daemon answers and what it counts; the trunk's other link notices nothing.
//!
//! Rules that only a server can meet, as carrierd is always the one who binds:
//! - CMPP: DestUsr_tl of 0 or above 99, a body too short in CMPP_SUBMIT, CMPP_CONNECT with an unknown version, more
//!   CMPP_SUBMITs than the window. A gateway does not send these.
//! - SMPP: a limit of connections for each source address, and the session_init timer of one who does not bind. What the
//!   reference shows in a submit_sm or submit_multi is in a deliver_sm here, which has the same layout, or refused for
//!   its direction.

mod cmpp;
mod octets;
mod row;
mod smpp;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use carrierd::{
    grpc::api::{AmbiguityPolicy, MessageState, event::Payload},
    telemetry::exporter::{self, Exporter},
};
use row::{Answer, Fate, Link, Row, Told};
use serde_json::Value;
use support::{Bed, Platform, lines_of, request_with, soon};

/// Messages that follow, at once, so that both links carry some.
const FOLLOWING: usize = 6;
const FIRST: &str = "the first";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smpp_carriers_that_break_the_rules() {
    play(&smpp::rows()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cmpp_gateways_that_break_the_rules() {
    play(&cmpp::rows()).await;
}

/// All rows side by side: a daemon with a trunk for each.
async fn play(rows: &[Row]) {
    let metrics = exporter::install().expect("the only recorder");
    let carriers: Vec<_> = rows.iter().map(Row::carrier).collect();
    let bed = Bed::with(&carriers, "orphan_hold = \"1s\"").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let mut firsts = Vec::new();
    for row in rows {
        firsts.push(submit(&mut platform, row, FIRST, 0).await);
    }
    for (row, id) in rows.iter().zip(&firsts) {
        until_told(&mut platform, row, id).await;
        until_noticed(&metrics, row).await;
    }
    bed.until_up().await;
    let mut following = Vec::new();
    for row in rows {
        for number in 1..=FOLLOWING {
            following.push((row, submit(&mut platform, row, &format!("then {number}"), number).await));
        }
    }
    for (row, id) in &following {
        let end = platform.message_when(id, |message| message.final_time.is_some()).await;
        assert_eq!((end.state(), end.possible_duplicate), (MessageState::Delivered, false), "{}", row.rule);
        assert_eq!(end.segments[0].submit_attempt_count, 1, "{}", row.rule);
    }
    for (row, id) in rows.iter().zip(&firsts) {
        ended(&mut platform, row, id).await;
        counted(&metrics, row);
    }
    told(&mut platform, rows).await;
    let record = bed.end().await;
    for row in rows {
        let of_row: Vec<_> = record.iter().filter(|line| line["carrier"] == row.trunk).cloned().collect();
        answered(row, &of_row);
        undisturbed(row, &of_row);
    }
}

async fn submit(platform: &mut Platform, row: &Row, text: &str, number: usize) -> String {
    let request = request_with(&format!("{} {text}", row.trunk), |message| {
        message.trunk_ids = vec![row.trunk.to_owned()];
        // Each to a phone of its own, so that no report can be taken for another's.
        message.to = format!("1380013800{number}");
        message.content = Some(carrierd::grpc::api::outbound_message::Content::Text(text.to_owned()));
        message.ambiguity_policy = AmbiguityPolicy::AwaitReport as i32;
    });
    platform.accepted(request).await
}

/// Waits until the first message's fate is known as far as the answer tells it.
async fn until_told(platform: &mut Platform, row: &Row, id: &str) {
    let Fate::Unknown(words) = row.message else {
        platform.message_when(id, |message| message.final_time.is_some()).await;
        return;
    };
    let message = platform.message_when(id, |message| message.status.is_some()).await;
    assert_eq!(message.state(), MessageState::Submitting, "{}: its fate is unknown", row.rule);
    assert_eq!(message.status.expect("why").raw_text, words, "{}", row.rule);
}

/// Waits until the daemon has noticed the fault, and bound the link again if it closed it.
async fn until_noticed(metrics: &Exporter, row: &Row) {
    let noticed = async {
        let ups = match (row.link, row.when) {
            (Link::Closes, row::When::BehindAnswer) => 3,
            _ => 2,
        };
        let bound = format!("carrierd_link_reconnects_total{{trunk=\"{}\"}} {ups}", row.trunk);
        loop {
            let text = metrics.render();
            if text.lines().any(|line| line == bound)
                && (row.kind.is_none() || !faults(&text, row).is_empty())
            {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(row.rule, noticed).await;
}

/// The end of the first message, which never left twice.
async fn ended(platform: &mut Platform, row: &Row, id: &str) {
    let end = platform.message_when(id, |message| message.final_time.is_some()).await;
    assert!(!end.possible_duplicate, "{}", row.rule);
    assert_eq!(end.segments[0].submit_attempt_count, 1, "{}", row.rule);
    match row.message {
        Fate::Delivered | Fate::Unknown(_) => {
            assert_eq!(end.state(), MessageState::Delivered, "{}: {:?}", row.rule, end.status);
        }
        Fate::Rejected(code) => {
            assert_eq!(end.state(), MessageState::Rejected, "{}", row.rule);
            assert_eq!(end.status.expect("why").raw_code, code, "{}", row.rule);
        }
    }
}

/// The lines of the metric of a row, without their name.
fn faults<'a>(text: &'a str, row: &Row) -> Vec<&'a str> {
    let name = format!("carrierd_link_faults_total{{trunk=\"{}\",", row.trunk);
    text.lines().filter_map(|line| line.strip_prefix(name.as_str())).collect()
}

fn counted(metrics: &Exporter, row: &Row) {
    let text = metrics.render();
    let expected: Vec<_> = row.kind.map(|kind| format!("kind=\"{kind}\"}} 1")).into_iter().collect();
    assert_eq!(faults(&text, row), expected, "{}", row.rule);
}

/// What the platform was told that is no state of its messages.
async fn told(platform: &mut Platform, rows: &[Row]) {
    let mut expected = BTreeMap::<_, Vec<_>>::new();
    for row in rows.iter().filter(|row| !row.told.is_empty()) {
        let octets = row.told.iter().map(|told| match told {
            Told::Inbound(octets) => ("inbound", octets.to_vec()),
            Told::Orphan(octets) => ("orphan", octets.to_vec()),
        });
        expected.insert(row.trunk.to_owned(), octets.collect());
    }
    let mut told = BTreeMap::<_, Vec<_>>::new();
    for _ in 0..expected.values().map(Vec::len).sum() {
        let what = |payload| match payload {
            Payload::InboundMessage(message) => Some((message.trunk_id, ("inbound", message.raw.to_vec()))),
            Payload::OrphanReport(report) => Some((report.trunk_id, ("orphan", report.raw.to_vec()))),
            _ => None,
        };
        let (trunk, what) = platform.event("what the carrier said", what).await;
        told.entry(trunk).or_default().push(what);
    }
    assert_eq!(told, expected);
}

/// What the daemon answered, by the carrier's record.
fn answered(row: &Row, record: &[Value]) {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let answers: Vec<_> = lines_of(record, "answered")
        .into_iter()
        .map(|line| Answer {
            command: number(&line["command"]).expect("a command"),
            sequence: number(&line["sequence"]).expect("a sequence number"),
            status: number(&line["status"]),
        })
        .collect();
    assert_eq!(answers, row.answers, "{}", row.rule);
}

/// The link's own fate, and that the other one notices nothing.
fn undisturbed(row: &Row, record: &[Value]) {
    let rule = row.rule;
    let injected = record.iter().position(|line| line["kind"] == "injected").expect("it was said");
    assert_eq!(lines_of(record, "injected").len(), 1, "{rule}");
    let link = &record[injected]["link"];
    let binds = lines_of(record, "bind");
    assert!(binds.iter().all(|bind| bind["status"] == 0), "{rule}");
    let ends = lines_of(record, "end");
    let end = ends.iter().find(|end| end["link"] == *link).expect("its end");
    let others: Vec<_> = ends.iter().filter(|end| end["link"] != *link).collect();
    assert!(others.iter().all(|end| end["reason"] == "Unbound"), "{rule}: {others:?}");
    match row.link {
        Link::Stays => {
            assert_eq!((binds.len(), &end["reason"]), (2, &"Unbound".into()), "{rule}");
        }
        Link::Closes => {
            assert_eq!((binds.len(), &end["reason"]), (3, &"LinkLost".into()), "{rule}");
        }
    }
    // Whoever was bound in the end has carried some of what followed.
    let then: Vec<_> = lines_of(&record[injected..], "submit")
        .into_iter()
        .filter(|submit| submit["text"].as_str().is_some_and(|text| text.starts_with("then")))
        .collect();
    assert_eq!(then.len(), FOLLOWING, "{rule}");
    for bound in ends.iter().filter(|end| end["reason"] == "Unbound") {
        assert!(then.iter().any(|submit| submit["link"] == bound["link"]), "{rule}: {bound} carries nothing");
    }
    let first = lines_of(record, "submit").into_iter().filter(|submit| submit["text"] == FIRST).count();
    assert_eq!(first, 1, "{rule}: it never leaves twice");
}
