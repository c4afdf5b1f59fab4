//! Reads `[[trunk.number]]`: how numbers are rewritten between our international form and the carrier's own.

use profiles::words::CallHeader;

use crate::config::section::{Section, one_of};

const PREFIX: &str = "up to 21 digits, with or without +";

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From us to the carrier.
    Out,
    /// From the carrier to us.
    In,
}

/// How numbers that begin alike are rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRule {
    /// On which way.
    pub direction: Direction,
    /// In which headers; empty: in all.
    pub headers: Vec<CallHeader>,
    /// How the number begins; empty: any.
    pub prefix: String,
    /// Characters that are cut off in front.
    pub strip: usize,
    /// What is put in front then.
    pub prepend: String,
}

/// Reads the rules of each file: those of the first that has any hold, for their order matters.
pub(super) fn read(files: Vec<Vec<Section<'_>>>) -> Vec<NumberRule> {
    let all: Vec<Vec<NumberRule>> =
        files.into_iter().map(|file| file.into_iter().map(rule).collect()).collect();
    all.into_iter().find(|rules| !rules.is_empty()).unwrap_or_default()
}

fn rule(mut section: Section<'_>) -> NumberRule {
    let headers = CallHeader::ALL.map(|header| (header.name(), header));
    let right = one_of(headers.iter().map(|(name, _)| *name));
    let header = |text: &str| headers.iter().find(|(name, _)| *name == text).map(|(_, header)| *header);
    let rule = NumberRule {
        direction: section
            .choice("direction", &[("out", Direction::Out), ("in", Direction::In)])
            .required()
            .unwrap_or(Direction::Out),
        headers: section.list("headers", &right, header).or(Vec::new()),
        prefix: section.text("prefix", PREFIX, is_part).or(String::new()),
        strip: section.number("strip", 0..=22, "characters").or(0),
        prepend: section.text("prepend", PREFIX, is_part).or(String::new()),
    };
    if section.is_sound() && rule.strip > rule.prefix.len() {
        let (strip, length) = (rule.strip, rule.prefix.len());
        section.note("strip", format!("{strip} is not allowed: no more than prefix has, {length}"));
    }
    section.finish();
    rule
}

fn is_part(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.len() <= 21 && digits.bytes().all(|octet| octet.is_ascii_digit())
}
