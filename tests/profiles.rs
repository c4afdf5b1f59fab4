//! Each shipped profile on both ends: a trunk that has it, a carrier that is of that kind. And what becomes of a trunk
//! that has another.

mod support;

use std::process::Command;

use carrierd::grpc::api::{MessageState, ReportState, event::Payload};
use serde_json::Value;
use support::{ACCOUNT, Bed, Carrier, Platform, SENDER, lines_of, reason, request_with};

const PHONE: &str = "8613900139000";
/// `@`, `$` and `_` have other codes in GSM 7-bit than in Latin-1 and ASCII.
const SHORT: &str = "Parcel @ door_5, $3 to pay";
const CHINESE: &str = "【测试】您的验证码是 1234";
/// An ordinary text of several parts.
fn long() -> String {
    (0..60).map(|number| format!("line {number} of the text; ")).collect::<String>()[..390].to_owned()
}

/// What shows on the wire of a trunk with one profile.
struct Expected {
    name: &'static str,
    protocol: &'static str,
    /// Parts of the long text, and how they travel.
    parts: usize,
    way: &'static str,
    /// data_coding or Msg_Fmt of the Chinese text.
    chinese: u64,
    /// The last character of the validity; `None`: it is empty.
    validity: Option<char>,
    /// TON and NPI of the sender, then those of the recipient.
    kinds: [u64; 4],
    /// Further keys of the trunk, and the vendor TLVs that come of it.
    trunk: &'static str,
    tlvs: &'static [(u64, &'static str)],
}

/// As most of SMPP is.
const SMPP: Expected = Expected {
    name: "smpp34",
    protocol: "smpp34",
    parts: 3,
    way: "udh",
    chinese: 0x08,
    validity: Some('R'),
    kinds: [0, 1, 0, 1],
    trunk: "",
    tlvs: &[],
};

/// As China Mobile's gateways are.
const CMPP: Expected =
    Expected { name: "cmpp20", protocol: "cmpp20", validity: Some('+'), kinds: [0; 4], ..SMPP };

macro_rules! profiles {
    ($($test:ident: $expected:expr;)+) => {
        const TESTED: &[&str] = &[$($expected.name),+];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                hold(&$expected).await;
            }
        )+
    };
}

profiles! {
    smpp34: SMPP;
    smpp34_hex_answers: Expected { name: "smpp34-hex-answers", ..SMPP };
    smpp34_hex_reports: Expected { name: "smpp34-hex-reports", ..SMPP };
    smpp34_latin1: Expected { name: "smpp34-latin1", parts: 1, way: "payload", ..SMPP };
    smpp34_sar: Expected {
        name: "smpp34-sar",
        way: "sar",
        validity: Some('+'),
        kinds: [3, 0, 1, 1],
        ..SMPP
    };
    smpp34_registered: Expected {
        name: "smpp34-registered",
        trunk: "tlv = [{ tag = 0x1400, text = \"100123\" }]",
        tlvs: &[(0x1400, "31303031323300"), (0x1401, "742d3100")],
        ..SMPP
    };
    smpp33: Expected { name: "smpp33", protocol: "smpp33", ..SMPP };
    smpp50: Expected { name: "smpp50", protocol: "smpp50", ..SMPP };
    cmpp20: CMPP;
    cmpp30: Expected { name: "cmpp30", protocol: "cmpp30", ..CMPP };
    cmpp30_gbk: Expected {
        name: "cmpp30-gbk",
        protocol: "cmpp30",
        chinese: 15,
        validity: None,
        ..CMPP
    };
}

#[test]
fn no_shipped_profile_is_left_out() {
    let names = profiles::SHIPPED.iter().map(|shipped| shipped.name);
    // Those of calls are held elsewhere: their carriers are of another kind.
    let shipped: Vec<_> = names.filter(|name| !name.starts_with("sip")).collect();
    assert_eq!(TESTED, shipped);
}

fn carrierd(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_carrierd")).args(arguments).output().expect("carrierd runs")
}

#[test]
fn the_command_lists_them_and_prints_each_as_a_file_that_a_trunk_can_name() {
    let listed = String::from_utf8(carrierd(&["profile", "list"]).stdout).expect("a text");
    let folder = tempfile::tempdir().expect("a folder");
    for shipped in profiles::SHIPPED {
        let line = format!("{} ", shipped.name);
        assert!(listed.lines().any(|listed| listed.starts_with(&line)), "{listed}");
        let shown = carrierd(&["profile", "show", shipped.name]);
        assert!(shown.status.success());
        let copy = folder.path().join("copy.toml");
        std::fs::write(&copy, &shown.stdout).expect("a copy");
        assert_eq!(
            profiles::chain("file:copy.toml", folder.path()).map(|layers| layers.len()),
            profiles::chain(shipped.name, folder.path()).map(|layers| layers.len())
        );
    }
    let unknown = carrierd(&["profile", "show", "smpp35"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("carrierd profile list"));
}

/// A carrier of one kind, and a trunk that takes it for one of another, maybe.
fn carrier(protocol: &'static str, at_carrier: &str, at_trunk: &str, trunk: &str) -> Carrier {
    let leak = |text: String| -> &'static str { text.leak() };
    Carrier {
        protocol,
        behaviour: leak(format!("profile = \"{at_carrier}\"")),
        trunk: leak(format!("profile = \"{at_trunk}\"\n{trunk}")),
        ..Carrier::smpp("carrier")
    }
}

async fn sent(platform: &mut Platform, key: &str, text: &str) -> String {
    let request = request_with(key, |message| {
        message.content = Some(carrierd::grpc::api::outbound_message::Content::Text(text.to_owned()));
        // Carriers that do not ask for it do not mind.
        if key.contains("template") {
            message.protocol_options.insert("tlv.0x1401".to_owned(), "t-1".to_owned());
        }
    });
    platform.accepted(request).await
}

async fn hold(expected: &Expected) {
    let bed = Bed::new(&[carrier(expected.protocol, expected.name, expected.name, expected.trunk)]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let key = if expected.tlvs.is_empty() { "" } else { "template" };
    for (number, text) in [SHORT, CHINESE, &long()].into_iter().enumerate() {
        let id = sent(&mut platform, &format!("{key}{number}"), text).await;
        let end = platform.end_of(&id).await;
        assert_eq!(end.state(), MessageState::Delivered, "{}: {text}", expected.name);
        assert_eq!(end.delivered_segment_count, end.segment_count);
        let message = platform.message(&id).await;
        assert!(message.segments.iter().all(|segment| segment.state() == MessageState::Delivered));
    }
    for text in ["Wo ist das Paket? Größe 5 @ Tür_3", "退订", &"收到了，谢谢。".repeat(20)] {
        bed.simulator().inject_mo("carrier", ACCOUNT, PHONE, SENDER, text).expect("sent");
        let message = platform.inbound().await;
        assert_eq!((message.text.as_str(), message.complete), (text, true), "{}", expected.name);
    }
    let record = bed.end().await;
    judge(expected, &record);
}

/// Holds what the carrier saw against what its kind wants to see.
fn judge(expected: &Expected, record: &[Value]) {
    let submits = lines_of(record, "submit");
    for submit in &submits {
        assert_eq!(submit["status"], 0, "{submit}");
        assert_eq!(
            submit["validity"].as_str().expect("a text").chars().last(),
            expected.validity,
            "{submit}"
        );
        assert_eq!(submit["registered"], 1, "{submit}");
        assert_eq!(submit["kinds"], Value::from(expected.kinds.to_vec()), "{submit}");
        let tlvs: Vec<_> = expected.tlvs.iter().map(|(tag, hex)| serde_json::json!([tag, hex])).collect();
        let mut found = submit["tlvs"].as_array().expect("a list").clone();
        found.sort_by_key(|tlv| tlv[0].as_u64());
        assert_eq!(found, tlvs, "{submit}");
    }
    let with_text =
        |text: &str| submits.iter().find(|submit| submit["text"] == text).expect("it came as it is");
    let (short, chinese) = (with_text(SHORT), with_text(CHINESE));
    assert_eq!((&short["coding"], &short["way"]), (&Value::from(0), &Value::Null));
    assert_eq!(chinese["coding"], expected.chinese);
    let mut parts: Vec<_> = submits.iter().filter(|submit| !submit["way"].is_null()).collect();
    parts.sort_by_key(|submit| submit["part"].as_u64());
    assert_eq!(parts.len(), expected.parts);
    assert!(parts.iter().all(|part| part["way"] == expected.way), "{parts:?}");
    let joined: String = parts.iter().map(|part| part["text"].as_str().expect("a text")).collect();
    assert_eq!(joined, long());
    for kind in ["receipt_answered", "mo_answered"] {
        let answered = lines_of(record, kind);
        assert!(!answered.is_empty() && answered.iter().all(|line| line["status"] == 0), "{kind}");
    }
    assert_eq!(lines_of(record, "receipt").len(), submits.len(), "each has its report, once");
}

/// The raw code of the refusal that a text ends with.
async fn refused_with(platform: &mut Platform, key: &str, text: &str) -> String {
    let id = sent(platform, key, text).await;
    let end = platform.end_of(&id).await;
    assert_eq!(end.state(), MessageState::Rejected);
    end.status.expect("why").raw_code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_of_another_kind_is_refused_for_what_it_does_otherwise() {
    // The first thing that is wrong is told; the trunk's own keys mend one after the other.
    for (own, text, status) in [
        // ESME_RINVESMCLASS: a user data header.
        ("", long(), 0x43),
        // ESME_RINVEXPIRY: a period.
        ("", SHORT.to_owned(), 0x62),
        // ESME_RINVSRCTON: a short code as an unknown number.
        ("account.validity = \"absolute\"", SHORT.to_owned(), 0x48),
        // ESME_RINVDSTTON: a recipient without +.
        (
            "account.validity = \"absolute\"\naccount.sender_ton = 3\naccount.sender_npi = 0",
            SHORT.to_owned(),
            0x50,
        ),
    ] {
        let mut wrong = carrier("smpp34", "smpp34-sar", "smpp34", "");
        wrong.account = own.replace("account.", "").leak();
        let bed = Bed::new(&[wrong]).await;
        let mut platform = bed.platform();
        platform.subscribe().await;
        assert_eq!(refused_with(&mut platform, "a", &text).await, status.to_string());
        let record = bed.end().await;
        assert!(lines_of(&record, "submit").iter().all(|submit| submit["status"] == status));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_knows_nothing_of_registrations_is_refused_and_one_that_does_asks_for_them_first() {
    let bed = Bed::new(&[carrier("smpp34", "smpp34-registered", "smpp34", "")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    // ESME_RMISSINGTLV.
    assert_eq!(refused_with(&mut platform, "a", SHORT).await, "195");
    bed.end().await;
    let own = "tlv = [{ tag = 0x1400, text = \"100123\" }]";
    let bed = Bed::new(&[carrier("smpp34", "smpp34-registered", "smpp34-registered", own)]).await;
    let refused =
        bed.platform().submit(support::request("a", SHORT)).await.expect_err("it names no template");
    assert_eq!(reason(&refused), "INVALID_FIELD");
    assert!(refused.message().contains("tlv.0x1401"), "{}", refused.message());
    let record = bed.end().await;
    assert!(lines_of(&record, "submit").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cmpp_gateway_of_another_kind_refuses_a_validity_of_ours() {
    let bed = Bed::new(&[carrier("cmpp30", "cmpp30-gbk", "cmpp30", "")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    assert_eq!(refused_with(&mut platform, "a", SHORT).await, "1");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_of_another_id_form_find_no_message() {
    let mut wrong = carrier("smpp34", "smpp34-hex-answers", "smpp34", "");
    wrong.timers = "response = \"500ms\"";
    let bed = Bed::with(&[wrong], "orphan_hold = \"1s\"").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = sent(&mut platform, "a", SHORT).await;
    let orphan = platform
        .event("an orphan", |payload| match payload {
            Payload::OrphanReport(orphan) => Some(orphan),
            _ => None,
        })
        .await;
    assert_eq!(orphan.state(), ReportState::Delivered);
    let message = platform.message(&id).await;
    assert!(message.final_time.is_none(), "nobody knows of it");
    let known = u128::from_str_radix(&message.segments[0].carrier_message_id, 16).expect("hexadecimal");
    assert_eq!(orphan.carrier_message_id, known.to_string());
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_alphabet_reads_another_text() {
    let bed = Bed::new(&[carrier("smpp34", "smpp34-latin1", "smpp34", "carrier_ids = \"folded\"")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    let id = sent(&mut platform, "a", SHORT).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered, "nobody notices");
    let record = bed.end().await;
    let submits = lines_of(&record, "submit");
    // GSM 7-bit for @, _ and $, read as Latin-1.
    assert_eq!(submits[0]["text"], "Parcel \u{0} door\u{11}5, \u{2}3 to pay");
}
