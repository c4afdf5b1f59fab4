//! No log line, at any level, shows a phone number, a text or a secret.

mod support;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use carrierd::grpc::api::MessageState;
use support::{ACCOUNT, Bed, Carrier, SECRET, SENDER, over, request_with};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

const RECIPIENT: &str = "13812345678";
const PHONE: &str = "8613998765432";
const TEXT: &str = "Lauterbrunnen 447193";
const REPLY: &str = "Grindelwald 882604";
/// Answers come within it, and reports are held a little longer: orphans show up while the test runs.
const SOON: &str = "response = \"500ms\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_and_no_secret_is_logged() {
    let log = Log::default();
    // What other crates log of our octets at trace level is theirs; the project's own lines are judged.
    let filter = EnvFilter::new("carrierd=trace,codecs=trace,simulator=trace");
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log.clone());
    tracing::subscriber::set_global_default(lines.finish()).expect("the only subscriber");

    let refusal = r#"refuse = [{ on = "submit", suffix = "0000", status = 11 }]"#;
    let carriers = [
        Carrier { behaviour: refusal, timers: SOON, ..Carrier::smpp("smpp") },
        Carrier { behaviour: "receipts = { duplicate = 1.0 }", timers: SOON, ..Carrier::cmpp("cmpp") },
        Carrier {
            behaviour: "answer = { silence = 1.0 }",
            timers: "response = \"200ms\"",
            ..Carrier::smpp("silent")
        },
        Carrier {
            behaviour: r#"refuse = [{ on = "bind", ratio = 0.5, status = 14 }]"#,
            timers: SOON,
            ..Carrier::smpp("moody")
        },
    ];
    let mut bed = Bed::with(&carriers, "orphan_hold = \"600ms\"\nintermediate_events = true").await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for trunk in ["smpp", "cmpp", "moody", "silent"] {
        let mut sent = over(trunk, trunk, TEXT);
        if let Some(message) = &mut sent.message {
            message.to = RECIPIENT.to_owned();
        }
        let id = platform.accepted(sent).await;
        assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    }
    let refused = request_with("refused", |message| message.to = "13812340000".to_owned());
    let id = platform.accepted(refused).await;
    assert_eq!(platform.end_of(&id).await.state(), MessageState::Rejected);
    platform.refused(request_with("bad", |message| message.to = "1381234x000".to_owned())).await;
    for carrier in ["smpp", "cmpp"] {
        bed.simulator().inject_mo(carrier, ACCOUNT, PHONE, SENDER, REPLY).expect("sent");
        assert_eq!(platform.inbound().await.text, REPLY);
    }
    bed.stop_daemon().await;
    bed.start_daemon().await;
    bed.end().await;

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(logged.contains("carrierd"), "the daemon logs something");
    let forbidden = [RECIPIENT, "13812340000", "1381234x000", PHONE, "13998765432", TEXT, REPLY, SECRET];
    for line in logged.lines() {
        for word in forbidden {
            assert!(!line.contains(word), "{word:?} is in: {line}");
        }
    }
}
