//! `receipts`: whether reports find their messages.

use carrierd::grpc::api::{self, trunk_service_client::TrunkServiceClient};
use clap::{Args, Subcommand};
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show};

/// What is done about reports.
#[derive(Subcommand)]
pub enum Receipts {
    /// Say whether the last reports found their messages, and which line of the configuration to change if not.
    Doctor(Doctor),
}

/// Arguments of `receipts doctor`.
#[derive(Args)]
pub struct Doctor {
    /// Only these trunks; by default all.
    #[arg(long)]
    trunk: Vec<String>,
}

impl Receipts {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let Self::Doctor(doctor) = self;
        let request = api::DiagnoseReportsRequest { trunk_ids: doctor.trunk };
        let found = TrunkServiceClient::new(channel).diagnose_reports(request).await?.into_inner().diagnoses;
        match form {
            Form::Json => found.iter().for_each(|of| println!("{}", json::diagnosis(of))),
            Form::Plain => print!("{}", told(&found)),
        }
        Ok(())
    }
}

/// The verdict of each trunk, and below it what it is founded on.
fn told(found: &[api::ReportDiagnosis]) -> String {
    let mut text = String::new();
    for of in found {
        text.push_str(&format!("{}\n", show::line(&of.words)));
        if !of.config_line.is_empty() {
            text.push_str(&format!("  in [[trunk]] id = \"{}\":  {}\n", of.trunk_id, of.config_line));
        }
        if of.others.is_empty() {
            continue;
        }
        let mut rows =
            vec![vec![String::new(), format!("match as {}", of.carrier_ids), of.matched_count.to_string()]];
        let others = of.others.iter().map(|other| (&other.carrier_ids, other.report_count));
        rows.extend(
            others.map(|(form, count)| {
                vec![String::new(), format!("would match as {form}"), count.to_string()]
            }),
        );
        rows.push(vec![String::new(), "match nothing".into(), of.stranger_count.to_string()]);
        text.push_str(&show::table(&rows));
        for pair in &of.samples {
            let (answered, reported) = (show::line(&pair.answered), show::line(&pair.reported));
            text.push_str(&format!("  answered {answered}, reported {reported}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_comes_with_the_line_to_change_and_its_grounds() {
        let sound = api::ReportDiagnosis { words: "all is well".into(), ..Default::default() };
        let wrong = api::ReportDiagnosis {
            trunk_id: "north".into(),
            carrier_ids: "plain".into(),
            words: "47 of the last 50 reports of trunk north match nothing".into(),
            config_line: "carrier_ids = \"hex-in-answers\"".into(),
            report_count: 50,
            matched_count: 1,
            stranger_count: 2,
            others: vec![api::ReportsInOtherForm { carrier_ids: "hex-in-answers".into(), report_count: 47 }],
            samples: vec![api::CarrierIdPair { answered: "3F****01".into(), reported: "10******57".into() }],
            ..Default::default()
        };
        let expected = "\
all is well
47 of the last 50 reports of trunk north match nothing
  in [[trunk]] id = \"north\":  carrier_ids = \"hex-in-answers\"
  match as plain                 1
  would match as hex-in-answers  47
  match nothing                  2
  answered 3F****01, reported 10******57
";
        assert_eq!(told(&[sound, wrong]), expected);
    }
}
