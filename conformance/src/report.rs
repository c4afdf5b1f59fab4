//! The conformance report: what was judged per specification, and how it came out, as a Markdown table.

use std::fmt::Write as _;

use anyhow::Result;

use crate::{
    field,
    gaps::Gaps,
    judge::{Verdict, judge},
    torture::{self, Torture, Way},
    vector::{self, Kind, Spec},
};

/// One row of the table.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Row {
    sound: usize,
    malformed: usize,
    texts: usize,
    digests: usize,
    hold: usize,
    fail: usize,
}

/// Judges everything and tells it. The second value says whether all of it is as it should be.
///
/// # Errors
/// Vectors that can't be read.
pub fn markdown() -> Result<(String, bool)> {
    let mut text = String::from(
        "| Specification | sound | malformed | texts | digests | hold | fail |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let (mut failures, mut gaps) = (Vec::new(), Vec::new());
    for spec in Spec::ALL {
        let row = row(spec, &mut failures, &mut gaps)?;
        let Row { sound, malformed, texts, digests, hold, fail } = row;
        writeln!(text, "| {spec} | {sound} | {malformed} | {texts} | {digests} | {hold} | {fail} |")?;
    }
    let from_field = field::folder().map(|folder| field::run(&folder)).transpose()?;
    if let Some(tallies) = from_field {
        text.push_str("\n| Vectors from the field | hold | held to be wrong | fail |\n|---|---|---|---|\n");
        for tally in tallies {
            let field::Tally { protocol, hold, excepted, failed } = tally;
            writeln!(text, "| {protocol} | {hold} | {excepted} | {} |", failed.len())?;
            failures.extend(failed);
        }
    }
    text.push_str(&sip_torture(&mut failures)?);
    for failure in failures.iter().chain(&gaps) {
        writeln!(text, "\n- {failure}")?;
    }
    Ok((text, failures.is_empty()))
}

fn row(spec: Spec, failures: &mut Vec<String>, gaps: &mut Vec<String>) -> Result<Row> {
    let known = Gaps::of("vectors")?;
    let mut row = Row::default();
    for vector in vector::load(spec)? {
        match vector.kind()? {
            Kind::Sound => row.sound += 1,
            Kind::Malformed => row.malformed += 1,
            Kind::Text => row.texts += 1,
            Kind::Digest => row.digests += 1,
        }
        match judge(spec, &vector) {
            Verdict::Passed => row.hold += 1,
            Verdict::Failed(how) => {
                row.fail += 1;
                match known.get(&vector.id) {
                    Some(gap) => gaps.push(format!("{}, known: {}", vector.id, gap.reason)),
                    None => failures.push(format!("{} ({}): {how}", vector.id, vector.operation)),
                }
            }
        }
    }
    Ok(row)
}

/// Every torture message by name, and what becomes of it.
fn sip_torture(failures: &mut Vec<String>) -> Result<String> {
    let mut text = String::from(
        "\n| SIP torture message | | wanted | in a datagram | on a stream |\n|---|---|---|---|---|\n",
    );
    for torture in torture::load()? {
        let Torture { name, rfc, section, faulty, .. } = &torture;
        let nature = if *faulty { "faulty" } else { "legal" };
        write!(text, "| {name} (RFC {rfc} §{section}) | {nature} | {} |", torture::list(&torture.wanted))?;
        for way in [Way::Datagram, Way::Stream] {
            match torture.judge(way) {
                Ok(outcome) => write!(text, " {outcome} |")?,
                Err(wrong) => {
                    write!(text, " **{wrong}** |")?;
                    failures.push(format!("{name} (RFC {rfc} §{section}, {way:?}): {wrong:#}"));
                }
            }
        }
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_torture_message_has_a_row_with_its_outcomes() {
        let mut failures = Vec::new();
        let text = sip_torture(&mut failures).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains("(RFC ")).count(), 61);
        assert!(text.contains("| badvers (RFC 4475 §3.1.2.16) | faulty | 505 | 505 | 505 |"), "{text}");
        assert!(failures.is_empty(), "{failures:?}");
    }

    #[test]
    fn every_specification_has_a_row_and_the_counts_add_up() {
        let mut failures = Vec::new();
        for spec in Spec::ALL {
            let row = row(spec, &mut failures, &mut Vec::new()).unwrap();
            let judged = row.hold + row.fail;
            assert_eq!(judged, row.sound + row.malformed + row.texts + row.digests, "{spec}");
            assert!(row.sound > 0 && row.hold > 0, "{spec}");
        }
    }
}
