//! `[[trunk.sender]]`: what one sender number may do on a trunk.

use super::section::Section;

/// What each sender number that begins with `prefix` is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderRule {
    /// How the number begins. Empty: any number, and none.
    pub prefix: String,
    /// Segments of one number in a second; `None`: no limit of its own.
    pub submits_per_second: Option<u32>,
    /// A message leaves once all of the one before it, from the same number, is answered.
    pub in_order: bool,
}

const PREFIX: &str = "up to 21 letters and digits";

fn is_prefix(text: &str) -> bool {
    text.len() <= 21 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
}

pub(super) fn read(sections: Vec<Section<'_>>) -> Vec<SenderRule> {
    let mut rules: Vec<SenderRule> = Vec::new();
    for mut section in sections {
        let rule = SenderRule {
            prefix: section.text("prefix", PREFIX, is_prefix).or(String::new()),
            submits_per_second: section
                .number("submits_per_second", 1..=100_000, "segments in a second")
                .optional(),
            in_order: section.flag("in_order").or(false),
        };
        let before = rules.iter().find(|before| rule.prefix.starts_with(&before.prefix));
        if let Some(before) = before {
            let what = format!("is never reached: \"{}\" before it fits the same numbers", before.prefix);
            section.note("prefix", what);
        }
        section.finish();
        rules.push(rule);
    }
    rules
}
