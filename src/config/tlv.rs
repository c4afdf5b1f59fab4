//! `[[trunk.tlv]]`: TLVs that a carrier wants on every submit_sm.

use super::section::Section;
use crate::domain::is_own_tag;

/// A TLV of every submit_sm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlvRule {
    /// Its tag.
    pub tag: u16,
    /// Its octets where the message brings none, with their NUL; `None`: each message must bring its own.
    pub value: Option<Vec<u8>>,
    /// A NUL ends it, also where the message brings it.
    pub nul: bool,
}

/// Reads the TLVs of each file, the trunk's own first: of a tag that several name, the first one's holds.
pub(super) fn read(files: Vec<Vec<Section<'_>>>) -> Vec<TlvRule> {
    let mut rules: Vec<TlvRule> = Vec::new();
    for sections in files {
        for rule in of_one_file(sections) {
            if rules.iter().all(|known| known.tag != rule.tag) {
                rules.push(rule);
            }
        }
    }
    rules
}

fn of_one_file(sections: Vec<Section<'_>>) -> Vec<TlvRule> {
    let mut rules: Vec<TlvRule> = Vec::new();
    for mut section in sections {
        if let Some(rule) = rule(&mut section) {
            if rules.iter().any(|known| known.tag == rule.tag) {
                section.note("tag", format!("{:#06x} is there twice: a submit has it once", rule.tag));
            }
            rules.push(rule);
        }
        section.finish();
    }
    rules
}

fn rule(section: &mut Section<'_>) -> Option<TlvRule> {
    let tag: Option<u16> = section.number("tag", 1..=u16::MAX, "as the carrier names it").required();
    let right = "at most 250 printable ASCII characters";
    let is_text = |text: &str| text.len() <= 250 && text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
    let text = section.text("text", right, is_text).optional();
    let octets = section.parsed("octets", "at most 250 octets in hexadecimal digits", hexadecimal).optional();
    // C-Octet Strings are what registration ids are written in; octets stand for themselves.
    let nul = section.flag("nul").or(octets.is_none());
    if text.is_some() && octets.is_some() {
        section.note("octets", "is not allowed beside text: they are two ways to say the same");
    }
    let tag = tag?;
    if is_own_tag(tag) {
        section.note(
            "tag",
            format!("{tag:#06x} is not allowed: the daemon writes it itself, for long messages"),
        );
    }
    let mut value = octets.or(text.map(String::into_bytes));
    if let Some(value) = value.as_mut().filter(|_| nul) {
        value.push(0);
    }
    Some(TlvRule { tag, value, nul })
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let sound =
        digits.len() <= 500 && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks_exact(2).map(octet).collect::<Option<_>>().filter(|_| sound)
}
