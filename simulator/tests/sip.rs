//! Simulated carriers of calls: one calls another, and the record tells what each of them saw.

use std::{path::Path, time::Duration};

use codecs::sip::Transport;
use serde_json::Value;
use simulator::{Scenario, Simulator};

/// Far longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A carrier `callee` with some keys, and a carrier `caller` that makes calls to it.
struct Bed {
    folder: tempfile::TempDir,
    callee: Simulator,
    caller: Simulator,
}

impl Bed {
    /// `calls` are keys of the caller's `[carrier.calls]`.
    async fn start(seed: u64, callee: &str, caller: &str, calls: &str, transport: Transport) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let record = |name: &str| folder.path().join(name).display().to_string();
        let callee = format!(
            "seed = {seed}\nrecord = \"{}\"\n[[carrier]]\nname = \"callee\"\nprotocol = \"sip\"\n{callee}\n",
            record("callee")
        );
        let callee = start(&callee).await;
        let address = callee.sip_address("callee", transport).expect("a listener");
        let caller = format!(
            "seed = {seed}\nrecord = \"{}\"\n[[carrier]]\nname = \"caller\"\nprotocol = \"sip\"\n{caller}\n\
             [carrier.calls]\nper_second = 200\nfrom = [\"+861088880000\"]\nto = [\"+8613800138000\"]\n\
             transport = \"{}\"\ntarget = {{ address = \"{address}\" }}\n{calls}\n",
            record("caller"),
            transport.parameter(),
        );
        let caller = start(&caller).await;
        Self { folder, callee, caller }
    }

    /// Waits until so many calls of the caller are over, and gives both records.
    async fn finish(self, calls: u64) -> [Vec<Value>; 2] {
        let Self { folder, callee, caller } = self;
        let wait = async {
            loop {
                let ([callee, caller], over) = ([&callee, &caller].map(|one| one.call_stats()[0].1), calls);
                let is_over = caller.completed + caller.unanswered >= over;
                if is_over && callee.open == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, wait).await;
        assert!(told.is_ok(), "{:?} {:?}", callee.call_stats(), caller.call_stats());
        callee.shutdown().await;
        caller.shutdown().await;
        ["callee", "caller"].map(|name| lines(&folder.path().join(name)))
    }
}

async fn start(scenario: &str) -> Simulator {
    let scenario = Scenario::parse(scenario).unwrap_or_else(|fault| panic!("{fault}\n{scenario}"));
    simulator::start(scenario).await.expect("free ports")
}

fn lines(record: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(record).expect("a record");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn of<'a>(record: &'a [Value], kind: &str) -> Vec<&'a Value> {
    record.iter().filter(|line| line["kind"] == kind).collect()
}

/// Messages of the record that went this way, as method and status.
fn messages<'a>(record: &'a [Value], way: &str, method: &str) -> Vec<&'a Value> {
    of(record, "sip_message")
        .into_iter()
        .filter(|line| line["way"] == way && line["method"] == method)
        .collect()
}

#[tokio::test]
async fn calls_ring_are_answered_and_hung_up_over_both_transports() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let bed = Bed::start(1, "", "", "count = 20\nhold = \"20ms\"", transport).await;
        let [callee, caller] = bed.finish(20).await;
        for record in [&callee, &caller] {
            let ended = of(record, "call_ended");
            assert_eq!((of(record, "call_answered").len(), ended.len()), (20, 20));
            assert!(ended.iter().all(|line| line["answered"] == true), "{ended:#?}");
        }
        let incoming = of(&callee, "call_in");
        assert_eq!(
            (&incoming[0]["from"], &incoming[0]["to"]),
            (&"+861088880000".into(), &"+8613800138000".into())
        );
        let via = messages(&callee, "in", "INVITE")[0]["transport"].as_str();
        assert_eq!(via, Some(transport.name()));
    }
}

#[tokio::test]
async fn calls_go_over_tls_between_those_that_believe_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    for (name, believes_caller) in [("one", true), ("other", false)] {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(file(&format!("{name}.pem")), certificate.pem()).expect("a file");
        std::fs::write(file(&format!("{name}.key")), key.serialize_pem()).expect("a file");
        // The second time the caller shows what only the first one's authority vouches for.
        let tls = |believed: &str| {
            let (certificate, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
            format!(
                "tls = {{ certificate = {certificate:?}, key = {key:?}, authorities = {certificate:?}, client_authorities = {:?} }}",
                file(&format!("{believed}.pem"))
            )
        };
        let calls = "count = 5\nhold = \"20ms\"";
        let bed = Bed::start(1, &tls("one"), &tls("one"), calls, Transport::Tls).await;
        if believes_caller {
            let [callee, caller] = bed.finish(5).await;
            assert_eq!((of(&callee, "call_answered").len(), of(&caller, "call_answered").len()), (5, 5));
            let via = messages(&callee, "in", "INVITE")[0]["transport"].as_str();
            assert_eq!(via, Some("TLS"));
        } else {
            let [callee, caller] = bed.finish(5).await;
            assert_eq!((of(&callee, "call_in").len(), of(&caller, "call_answered").len()), (0, 0));
        }
    }
}

#[tokio::test]
async fn a_refusal_has_its_headers_and_a_script_is_chosen_by_number() {
    let callee = r#"
        script = [{ name = "busy", steps = [{ respond = 180 }, { respond = 486, reason = "Busy", headers = ['Reason: Q.850;cause=17;text="啊"'] }] }]
        answer = [{ number = "+8613800138000", script = "busy" }]
        charset = "gbk"
    "#;
    let bed = Bed::start(1, callee, "", "count = 1", Transport::Udp).await;
    let [callee, caller] = bed.finish(1).await;
    assert_eq!(of(&callee, "call_in")[0]["script"], "busy");
    let ended = of(&caller, "call_ended");
    assert_eq!((&ended[0]["answered"], &ended[0]["status"]), (&false.into(), &486.into()));
    let busy: Vec<_> =
        messages(&caller, "in", "INVITE").into_iter().filter(|line| line["status"] == 486).collect();
    let hex = busy[0]["hex"].as_str().expect("octets");
    // SIP/2.0 486 Busy, and somewhere 啊 in quotes: B0 A1 in GBK, which is no UTF-8.
    assert!(hex.starts_with("5349502f322e302034383620427573790d0a") && hex.contains("22b0a122"), "{hex}");
}

#[tokio::test]
async fn silence_is_not_even_a_100() {
    let callee = r#"
        script = [{ name = "deaf", steps = [{ silence = true }] }]
        answer = [{ script = "deaf" }]
    "#;
    let bed =
        Bed::start(1, callee, "timers = { t1 = \"10ms\" }", "count = 1\ngive_up = \"1s\"", Transport::Udp)
            .await;
    let [callee, caller] = bed.finish(1).await;
    let invites = messages(&callee, "in", "INVITE");
    assert!(invites.len() > 3 && invites.iter().all(|line| line["lost"] == true), "{invites:#?}");
    assert!(messages(&callee, "out", "INVITE").is_empty());
    assert_eq!(of(&caller, "call_ended")[0]["answered"], false);
}

#[tokio::test]
async fn credentials_are_wanted_and_a_stale_nonce_is_renewed() {
    let account = r#"account = [{ username = "trunk", password = "s3cret" }]"#;
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
        let callee = format!("{account}\nchallenge = {{ algorithms = [\"{algorithm}\"], stale = 1.0 }}");
        let bed = Bed::start(1, &callee, account, "count = 1", Transport::Udp).await;
        let [callee, caller] = bed.finish(1).await;
        assert_eq!(of(&callee, "challenged").len(), 2, "{algorithm}: {callee:#?}");
        assert_eq!(of(&caller, "call_ended")[0]["answered"], true, "{algorithm}");
    }
    let wrong = account.replace("s3cret", "wrong");
    let bed =
        Bed::start(1, &format!("{account}\nchallenge = {{}}"), &wrong, "count = 1", Transport::Udp).await;
    let [_, caller] = bed.finish(1).await;
    let ended = of(&caller, "call_ended");
    assert_eq!((&ended[0]["answered"], &ended[0]["status"]), (&false.into(), &407.into()));
}

#[tokio::test]
async fn sessions_are_held_resumed_and_moved_and_digits_arrive() {
    let callee = r#"
        script = [{ name = "holds", steps = [
            { respond = 183 }, { respond = 200, media = 2 }, { after = "20ms", offer = "hold" },
            { after = "20ms", offer = "resume" }, { after = "20ms", dtmf = "5#" },
            { after = "50ms", hangup = true, headers = ["Reason: Q.850;cause=16"] }] }]
        answer = [{ script = "holds" }]
    "#;
    let caller = "script = [{ name = \"wait\" }]";
    let bed = Bed::start(1, callee, caller, "count = 1\nscript = \"wait\"", Transport::Udp).await;
    let [callee, caller] = bed.finish(1).await;
    let offered: Vec<_> =
        of(&caller, "session_offered").iter().map(|line| line["sdp"].as_str().unwrap_or_default()).collect();
    assert_eq!(offered.len(), 2, "{caller:#?}");
    assert!(offered[0].contains("a=sendonly") && offered[1].contains("a=sendrecv"), "{offered:?}");
    let changed: Vec<_> =
        of(&callee, "session_changed").iter().map(|line| line["sdp"].as_str().unwrap_or_default()).collect();
    assert!(changed[0].contains("a=recvonly") && changed[1].contains("a=sendrecv"), "{changed:?}");
    let digits: Vec<_> = of(&caller, "digit").iter().map(|line| line["digit"].clone()).collect();
    assert_eq!(digits, ["5", "#"]);
    let bye = messages(&caller, "in", "BYE")[0]["text"].as_str().unwrap_or_default();
    assert!(bye.contains("Reason: Q.850;cause=16"), "{bye}");
}

#[tokio::test]
async fn rules_lose_and_answer_single_messages() {
    let callee = r#"
        timers = { t1 = "20ms" }
        script = [{ name = "ugly", steps = [{ respond = 180 }, { respond = 200 }], rules = [
            { method = "ACK", times = 2 }, { method = "BYE", times = 1 }, { method = "INFO", answer = 481 },
            { way = "out", method = "INVITE", status = 200, times = 1 }] }]
        answer = [{ script = "ugly" }]
    "#;
    let caller = "timers = { t1 = \"20ms\" }";
    let bed = Bed::start(1, callee, caller, "count = 1\nhold = \"200ms\"", Transport::Udp).await;
    let [callee, caller] = bed.finish(1).await;
    let lost =
        |way, method| messages(&callee, way, method).iter().filter(|line| line["lost"] == true).count();
    assert_eq!((lost("in", "ACK"), lost("in", "BYE"), lost("out", "INVITE")), (2, 1, 1));
    assert_eq!(of(&caller, "call_ended")[0]["answered"], true);
}

#[tokio::test]
async fn calls_complete_over_a_network_that_loses_doubles_and_reorders() {
    let network = "datagrams = { loss = 0.1, duplicate = 0.1, delay = { from = \"0ms\", to = \"5ms\" }, reorder = 0.1 }\n\
                   timers = { t1 = \"20ms\" }";
    let bed = Bed::start(7, network, network, "count = 50\nhold = \"50ms\"", Transport::Udp).await;
    let [_, caller] = bed.finish(50).await;
    let ended = of(&caller, "call_ended");
    assert_eq!(ended.len(), 50);
    assert!(ended.iter().filter(|line| line["answered"] == true).count() >= 49, "{ended:#?}");
}

#[tokio::test]
async fn a_stream_that_is_split_and_glued_carries_calls_all_the_same() {
    let callee = "streams = { split_octets = 7, glue = \"2ms\" }";
    let bed = Bed::start(1, callee, callee, "count = 5\nhold = \"20ms\"", Transport::Tcp).await;
    let [_, caller] = bed.finish(5).await;
    let ended = of(&caller, "call_ended");
    assert!(ended.len() == 5 && ended.iter().all(|line| line["answered"] == true), "{ended:#?}");
}

#[tokio::test]
async fn two_callees_answer_and_the_second_call_is_ended() {
    let callee = r#"
        script = [{ name = "forks", steps = [{ respond = 180 }, { respond = 180, fork = 1 }, { respond = 200 },
                                             { after = "20ms", respond = 200, fork = 1 }] }]
        answer = [{ script = "forks" }]
    "#;
    let bed = Bed::start(1, callee, "", "count = 1\nhold = \"200ms\"", Transport::Udp).await;
    let [callee, caller] = bed.finish(1).await;
    let tags: std::collections::BTreeSet<_> = messages(&callee, "in", "BYE")
        .iter()
        .filter_map(|line| {
            line["text"].as_str()?.lines().find(|line| line.starts_with("To:")).map(str::to_owned)
        })
        .collect();
    assert_eq!(tags.len(), 2, "{callee:#?}");
    assert_eq!((of(&caller, "call_answered").len(), of(&caller, "call_ended").len()), (1, 1));
}
