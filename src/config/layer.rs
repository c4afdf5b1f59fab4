//! One table in one file: where its keys stand, and how its faults are told.

use std::{cell::RefCell, fmt::Display};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{error::Fault, section::Section};

/// The faults found so far, of all files.
pub(super) type Faults = RefCell<Vec<Fault>>;

/// A file that is being read.
pub(super) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    pub faults: &'a Faults,
}

impl<'a> Document<'a> {
    pub fn new(name: &'a str, text: &'a str, faults: &'a Faults) -> Self {
        Self { name, text, faults }
    }

    /// Notes a fault at an octet of the text.
    pub fn note(&self, offset: Option<usize>, key: &str, what: impl Display) {
        let line = offset.map(|offset| self.line(offset));
        let (file, key, what) = (self.name.to_owned(), key.to_owned(), what.to_string());
        self.faults.borrow_mut().push(Fault { file, line, key, what });
    }

    /// Notes a fault in another file, which this one names.
    pub fn note_in(&self, file: String, line: Option<usize>, key: String, what: String) {
        self.faults.borrow_mut().push(Fault { file, line, key, what });
    }

    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|octet| **octet == b'\n').count()
    }
}

/// One table in one file.
#[derive(Clone)]
pub(super) struct Layer<'a> {
    pub document: &'a Document<'a>,
    /// The keys that lead to it.
    pub path: String,
    /// Where it stands.
    pub offset: Option<usize>,
    /// `None`: it is not there, or no table.
    pub entries: Option<&'a DeTable<'a>>,
    /// Keys that are read elsewhere.
    pub others: &'static [&'static str],
}

impl<'a> Layer<'a> {
    /// What stands at `key`, and where.
    pub fn entry(&self, key: &str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        let (name, value) = self.entries?.get_key_value(key)?;
        // A table's own span covers its header; of other values the key shows where to look.
        let offset = if value.get_ref().is_table() { value.span().start } else { name.span().start };
        Some((offset, value))
    }

    /// The tables of the list at `key`.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let right = format!("tables, each headed [[{key}]]");
        let Some((offset, value)) = self.entry(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.refuse(offset, key, value.get_ref(), &right);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let (document, path) = (self.document, self.path_of(key));
                    let (offset, entries) = (Some(item.span().start), Some(table));
                    sections.push(Section::of(Layer { document, path, offset, entries, others: &[] }));
                }
                None => self.refuse(item.span().start, key, item.get_ref(), &right),
            }
        }
        sections
    }

    /// Where `key` stands, or the table if the key is not there.
    pub fn place(&self, key: &str) -> Option<usize> {
        let name = self.entries.and_then(|entries| entries.get_key_value(key));
        name.map(|(name, _)| name.span().start).or(self.offset)
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Notes that the value at `key` is none of what is `right`.
    pub fn refuse(&self, offset: usize, key: &str, value: &DeValue<'_>, right: &str) {
        let what = format!("{} is not allowed: {right}", shown(value));
        self.document.note(Some(offset), &self.path_of(key), what);
    }
}

/// A value as messages show it.
fn shown(value: &DeValue<'_>) -> String {
    /// More of a text than this is no help to anybody.
    const MOST: usize = 60;
    match value {
        DeValue::String(text) if text.chars().count() > MOST => {
            format!("{:?}…", text.chars().take(MOST).collect::<String>())
        }
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
