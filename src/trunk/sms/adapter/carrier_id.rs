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
}
