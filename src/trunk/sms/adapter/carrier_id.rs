//! Making the carrier ids of answers and of reports equal, by the rule of the account.

use crate::{config::CarrierIdForm, domain::CarrierId};

/// Where an id was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenIn {
    /// In the answer to a submit.
    Answer,
    /// In a report.
    Report,
}

/// The form in which ids of this account are compared. `None` for an empty id: it identifies nothing.
///
/// A conversion happens only where the text consists of digits of that base and fits 128 bits; else it is taken as it
/// is. A hexadecimal id of digits alone is ambiguous, so the account decides, never the look of one id.
#[must_use]
pub fn normalise(form: CarrierIdForm, seen_in: SeenIn, id: &[u8]) -> Option<CarrierId> {
    let text = String::from_utf8_lossy(id.trim_ascii());
    if text.is_empty() {
        return None;
    }
    let radix = match (form, seen_in) {
        (CarrierIdForm::Plain, _) => return Some(text.as_ref().into()),
        (CarrierIdForm::Folded, _) => {
            let folded = text.to_ascii_lowercase();
            let digits = folded.trim_start_matches('0');
            return Some(if digits.is_empty() { "0".into() } else { digits.into() });
        }
        (CarrierIdForm::HexInAnswers, SeenIn::Answer) | (CarrierIdForm::HexInReports, SeenIn::Report) => 16,
        (CarrierIdForm::HexInAnswers, SeenIn::Report) | (CarrierIdForm::HexInReports, SeenIn::Answer) => 10,
    };
    match u128::from_str_radix(&text, radix) {
        Ok(number) if !text.starts_with('+') => Some(number.to_string().into()),
        _ => Some(text.as_ref().into()),
    }
}

/// The ids under which the answer to a submit would be known if the account's form were another one: for a report that
/// matched nothing as `configured`. `id` is one that the report names, in the configured form. A bounded few for each
/// form, the simplest form first; never `id` itself.
#[must_use]
pub fn other_readings(configured: CarrierIdForm, id: &CarrierId) -> Vec<(CarrierIdForm, CarrierId)> {
    // The widths in which gateways fill ids up with zeros.
    const HEX_WIDTHS: [usize; 4] = [0, 8, 10, 16];
    const DECIMAL_WIDTHS: [usize; 3] = [0, 10, 20];
    let reported = as_reported(configured, id.as_str());
    let number = |radix| {
        let is_digits = reported.chars().all(|digit| digit.is_digit(radix));
        is_digits.then(|| u128::from_str_radix(&reported, radix).ok())?
    };
    let mut found: Vec<(CarrierIdForm, CarrierId)> = Vec::new();
    for form in CarrierIdForm::ALL.into_iter().filter(|form| *form != configured) {
        let answers: Vec<String> = match form {
            CarrierIdForm::Plain => {
                vec![reported.clone(), reported.to_ascii_uppercase(), reported.to_ascii_lowercase()]
            }
            CarrierIdForm::Folded => {
                let bare = reported.trim_start_matches('0');
                let widths = HEX_WIDTHS.into_iter().chain(DECIMAL_WIDTHS);
                let filled = widths.map(|width| format!("{bare:0>width$}"));
                filled.flat_map(|text| [text.to_ascii_uppercase(), text.to_ascii_lowercase()]).collect()
            }
            CarrierIdForm::HexInAnswers => {
                let spelled =
                    |number| move |width| [format!("{number:0width$X}"), format!("{number:0width$x}")];
                number(10).map_or_else(Vec::new, |number| {
                    HEX_WIDTHS.into_iter().flat_map(spelled(number)).collect()
                })
            }
            CarrierIdForm::HexInReports => number(16).map_or_else(Vec::new, |number| {
                DECIMAL_WIDTHS.into_iter().map(|width| format!("{number:0width$}")).collect()
            }),
        };
        for answer in answers {
            let known = normalise(configured, SeenIn::Answer, answer.as_bytes());
            let is_new = |known: &CarrierId| known != id && found.iter().all(|(_, other)| other != known);
            found.extend(known.filter(is_new).map(|known| (form, known)));
        }
    }
    found
}

/// How the report itself may have written an id: the conversion undone.
fn as_reported(configured: CarrierIdForm, id: &str) -> String {
    match (configured, id.parse::<u128>()) {
        (CarrierIdForm::HexInReports, Ok(number)) => format!("{number:X}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_reports_meet_by_the_accounts_rule() {
        use CarrierIdForm::{Folded, HexInAnswers, HexInReports, Plain};
        let rows: [(CarrierIdForm, &str, &str, bool); 8] = [
            (Plain, "3F2A9C01", "3F2A9C01", true),
            (Plain, "3F2A9C01", "1059757057", false),
            (HexInAnswers, "3F2A9C01", "1059757057", true),
            (HexInReports, "1059757057", "3f2a9c01", true),
            (HexInAnswers, "10000010", "268435472", true),
            (Folded, "00ABCD", "abcd", true),
            (Folded, "000", "0", true),
            (HexInAnswers, "a-uuid-like", "a-uuid-like", true),
        ];
        for (form, answer, report, meet) in rows {
            let answer = normalise(form, SeenIn::Answer, answer.as_bytes());
            let report = normalise(form, SeenIn::Report, report.as_bytes());
            assert_eq!(answer == report, meet, "{form:?} {answer:?} {report:?}");
        }
        assert_eq!(normalise(Plain, SeenIn::Answer, b" "), None);
    }

    /// Whether a report that misses its answer as `configured` is found to match as `real`.
    fn is_found(configured: CarrierIdForm, real: CarrierIdForm, answer: &str, report: &str) -> bool {
        let known = normalise(configured, SeenIn::Answer, answer.as_bytes()).unwrap();
        let named = normalise(configured, SeenIn::Report, report.as_bytes()).unwrap();
        assert_ne!(known, named, "{configured:?} is right already");
        other_readings(configured, &named).contains(&(real, known))
    }

    #[test]
    fn a_report_that_misses_its_answer_is_found_under_the_real_form() {
        use CarrierIdForm::{Folded, HexInAnswers, HexInReports, Plain};
        let rows = [
            (Plain, HexInAnswers, "3F2A9C01", "1059757057"),
            (Plain, HexInAnswers, "3f2a9c01", "1059757057"),
            (Plain, HexInAnswers, "0000003F2A", "16170"),
            (Plain, HexInReports, "1059757057", "3F2A9C01"),
            (Plain, HexInReports, "0001059757", "102BAD"),
            (Plain, Folded, "3F2A9C01", "3f2a9c01"),
            (Plain, Folded, "0000123456", "123456"),
            (HexInAnswers, Plain, "3F2A9C01", "3F2A9C01"),
            (HexInAnswers, Plain, "10000010", "10000010"),
            (HexInAnswers, HexInReports, "1059757057", "3F2A9C01"),
            (HexInReports, Plain, "10000010", "10000010"),
            (HexInReports, HexInAnswers, "3F2A9C01", "1059757057"),
            (Folded, HexInAnswers, "3F2A9C01", "1059757057"),
        ];
        for (configured, real, answer, report) in rows {
            assert!(is_found(configured, real, answer, report), "{configured:?} {real:?} {answer} {report}");
        }
    }

    #[test]
    fn an_id_has_a_bounded_number_of_other_readings_and_never_itself() {
        for configured in CarrierIdForm::ALL {
            for id in [
                "1",
                "3F2A9C01",
                "00000000000000000000",
                "a-uuid-like",
                "340282366920938463463374607431768211456",
            ] {
                let id = CarrierId::from(id);
                let readings = other_readings(configured, &id);
                assert!(readings.len() <= 32, "{}", readings.len());
                assert!(readings.iter().all(|(form, reading)| *form != configured && *reading != id));
            }
        }
    }
}
