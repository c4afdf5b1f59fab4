//! Reports whose ids are written in another form than the answers': told in words, and matched once the form is right.

mod support;

use std::process::Command;

use carrierd::grpc::api::{self, MessageState, ReportVerdict};
use support::{Bed, Carrier, lines_of, request};

/// Hexadecimal in answers, decimal in reports, as most Kannel users know it.
const BEHAVIOUR: &str = "receipts = { form = \"text\", id = \"hex_in_answer_decimal_in_receipt\" }";
const MESSAGES: usize = 8;

fn carrier(trunk: &'static str) -> Carrier {
    Carrier { behaviour: BEHAVIOUR, trunk, ..Carrier::smpp("carrier") }
}

/// The diagnosis once every report was looked into.
async fn diagnosed(bed: &Bed) -> api::ReportDiagnosis {
    let mut trunks = bed.trunks();
    let all = async {
        loop {
            let answer = trunks.diagnose_reports(api::DiagnoseReportsRequest::default()).await;
            let found = answer.expect("a diagnosis").into_inner().diagnoses.remove(0);
            if found.report_count as usize == MESSAGES {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    support::soon("a diagnosis", all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_form_is_told_with_the_line_to_change() {
    let bed = Bed::new(&[carrier("carrier_ids = \"plain\"")]).await;
    let mut platform = bed.platform();
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        ids.push(platform.accepted(request(&format!("r{number}"), "hello")).await);
    }
    let found = diagnosed(&bed).await;
    assert_eq!(found.verdict(), ReportVerdict::ChangeForm, "{found:?}");
    assert_eq!((found.carrier_ids.as_str(), found.matched_count), ("plain", 0));
    assert_eq!(found.config_line, "carrier_ids = \"hex-in-answers\"");
    assert!(
        found.words.contains("match nothing as plain but would match as hex-in-answers"),
        "{}",
        found.words
    );
    assert_eq!(found.others[0].report_count as usize, MESSAGES);
    assert!(found.samples.iter().all(|pair| pair.answered.contains("****")), "{:?}", found.samples);

    let address = bed.address();
    let doctor = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrierctl"));
        command.args(["--address", &address, "receipts", "doctor", "--trunk", "carrier"]).output()
    };
    let output = tokio::task::spawn_blocking(doctor).await.expect("a thread").expect("carrierctl");
    let text = String::from_utf8(output.stdout).expect("a text");
    assert!(text.contains("in [[trunk]] id = \"carrier\":  carrier_ids = \"hex-in-answers\""), "{text}");

    // It is told, and nothing is guessed.
    for id in &ids {
        let message = platform.message(id).await;
        assert_eq!(message.state(), MessageState::Submitted);
        assert!(message.segments[0].reports.is_empty());
    }
    assert_eq!(lines_of(&bed.end().await, "receipt_answered").len(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_right_form_every_report_matches() {
    let bed = Bed::new(&[carrier("carrier_ids = \"hex-in-answers\"")]).await;
    let mut platform = bed.platform();
    platform.subscribe().await;
    for number in 0..MESSAGES {
        let id = platform.accepted(request(&format!("r{number}"), "hello")).await;
        assert_eq!(platform.end_of(&id).await.state(), MessageState::Delivered);
    }
    let found = diagnosed(&bed).await;
    assert_eq!(found.verdict(), ReportVerdict::Sound, "{found:?}");
    assert_eq!((found.matched_count as usize, found.config_line.as_str()), (MESSAGES, ""));
    assert_eq!(lines_of(&bed.end().await, "receipt_answered").len(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_is_not_there_has_no_diagnosis() {
    let bed = Bed::new(&[Carrier::cmpp("carrier")]).await;
    let mut trunks = bed.trunks();
    let quiet = trunks.diagnose_reports(api::DiagnoseReportsRequest::default()).await.expect("a diagnosis");
    assert_eq!(quiet.into_inner().diagnoses[0].verdict(), ReportVerdict::TooFew);
    let request = api::DiagnoseReportsRequest { trunk_ids: vec!["none".into()] };
    let refused = trunks.diagnose_reports(request).await.expect_err("no such trunk");
    assert_eq!(support::reason(&refused), "TRUNK_NOT_FOUND");
    bed.end().await;
}
