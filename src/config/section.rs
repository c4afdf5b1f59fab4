//! Reading one table of the file: every key is asked for by name, every fault is noted with its place, and what was
//! never asked for is refused.
//!
//! # Why
//! Serde stops at the first fault and repeats values in its words. Here all faults come out in one go, in the same
//! words, and a secret never does.

use std::{cell::RefCell, fmt::Display, ops::RangeInclusive, time::Duration};

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    Secret,
    error::Fault,
    quantity,
    secret::{self, Secrets},
};

/// The file that is being read, and the faults found so far.
pub(super) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Document<'a> {
    pub fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, faults: RefCell::default() }
    }

    /// Notes a fault at an octet of the text.
    pub fn note(&self, offset: Option<usize>, key: &str, what: impl Display) {
        let line = offset.map(|offset| self.line(offset));
        let (file, key, what) = (self.name.to_owned(), key.to_owned(), what.to_string());
        self.faults.borrow_mut().push(Fault { file, line, key, what });
    }

    /// Notes a fault in another file, which this one names.
    pub fn note_in(&self, file: String, line: Option<usize>, what: String) {
        self.faults.borrow_mut().push(Fault { file, line, key: String::new(), what });
    }

    pub fn into_faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }

    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|octet| **octet == b'\n').count()
    }

    fn count(&self) -> usize {
        self.faults.borrow().len()
    }
}

/// One table of the file. A table that is not there is read like an empty one.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    path: String,
    offset: Option<usize>,
    entries: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    faults_before: usize,
    /// Its own value is no table: said once, so its missing keys are not said as well.
    broken: bool,
}

impl<'a> Section<'a> {
    /// The file's outermost table.
    pub fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(document, String::new(), None, Some(table))
    }

    fn new(
        document: &'a Document<'a>,
        path: String,
        offset: Option<usize>,
        entries: Option<&'a DeTable<'a>>,
    ) -> Self {
        let faults_before = document.count();
        Self { document, path, offset, entries, asked: Vec::new(), faults_before, broken: false }
    }

    /// The table at `key`.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        let Some((offset, value)) = self.ask(key) else {
            return Self::new(self.document, self.path_of(key), self.offset, None);
        };
        let mut section =
            Self::new(self.document, self.path_of(key), Some(offset), value.get_ref().as_table());
        if section.entries.is_none() {
            self.refuse(offset, key, value.get_ref(), "a table of its own");
            section.broken = true;
        }
        section
    }

    /// The tables of the list at `key`.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let right = format!("tables, each headed [[{key}]]");
        let Some((offset, value)) = self.ask(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.refuse(offset, key, value.get_ref(), &right);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let offset = Some(item.span().start);
                    sections.push(Self::new(self.document, self.path_of(key), offset, Some(table)));
                }
                None => self.refuse(item.span().start, key, item.get_ref(), &right),
            }
        }
        sections
    }

    /// The text at `key`, if `fits` takes it; `right` says what does.
    pub fn text(&mut self, key: &'static str, right: &str, fits: impl Fn(&str) -> bool) -> Found<'a, String> {
        self.parsed(key, right, |text| fits(text).then(|| text.to_owned()))
    }

    /// What `parse` makes of the text at `key`; `right` says what it takes.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        right: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Found<'a, T> {
        self.read(key, right, |value| parse(value.as_str()?))
    }

    /// One of the words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Found<'a, T> {
        self.parsed(key, &one_of(choices.iter().map(|(word, _)| *word)), |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    /// A whole number; `what` names its unit in the plural.
    pub fn number<T>(&mut self, key: &'static str, range: RangeInclusive<T>, what: &str) -> Found<'a, T>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let right = format!("{} to {} {what}", range.start(), range.end());
        self.read(key, &right, |value| whole_number(value, &range))
    }

    /// A whole number for each of the keys, whatever they are called; `what` names its unit in the plural.
    pub fn number_of_each<T>(self, range: RangeInclusive<T>, what: &str) -> Vec<(String, T)>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let right = format!("{} to {} {what}", range.start(), range.end());
        let mut numbers = Vec::new();
        for (key, value) in self.entries.into_iter().flat_map(|entries| entries.iter()) {
            let name: &str = key.get_ref();
            match whole_number(value.get_ref(), &range) {
                Some(number) => numbers.push((name.to_owned(), number)),
                None => self.refuse(key.span().start, name, value.get_ref(), &right),
            }
        }
        numbers
    }

    /// Yes or no.
    pub fn flag(&mut self, key: &'static str) -> Found<'a, bool> {
        self.read(key, "true or false", DeValue::as_bool)
    }

    /// What the reference at `key` leads to. Neither is ever shown.
    pub fn secret(&mut self, key: &'static str, secrets: &Secrets<'_>) -> Found<'a, Secret> {
        let Some((offset, value)) = self.ask(key) else { return self.missing(key, secret::RIGHT) };
        let reference = value.get_ref().as_str();
        let resolved = reference
            .map_or(Err(format!("this is no text: write {}", secret::RIGHT)), |reference| {
                secrets.resolve(reference)
            });
        let value = resolved.map_err(|what| self.document.note(Some(offset), &self.path_of(key), what)).ok();
        Found { value, missing: None }
    }

    /// A duration from `least` to `most`.
    pub fn duration(&mut self, key: &'static str, least: Duration, most: Duration) -> Found<'a, Duration> {
        let (from, to) = (quantity::written(least), quantity::written(most));
        let right = format!("\"{from}\" to \"{to}\", a whole number with ms, s, m, h or d");
        self.parsed(key, &right, |text| {
            quantity::duration(text).filter(|length| (least..=most).contains(length))
        })
    }

    /// Texts that `parse` takes; `right` says what each may be. Those it refuses are noted and left out.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        right: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Found<'a, Vec<T>> {
        self.items(key, right, |value| parse(value.as_str()?))
    }

    /// Whole numbers; `what` names their unit in the plural. Those out of range are noted and left out.
    pub fn numbers<T>(&mut self, key: &'static str, range: RangeInclusive<T>, what: &str) -> Found<'a, Vec<T>>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let right = format!("{} to {} {what}", range.start(), range.end());
        self.items(key, &right, |value| whole_number(value, &range))
    }

    fn items<T>(
        &mut self,
        key: &'static str,
        right: &str,
        convert: impl Fn(&DeValue<'a>) -> Option<T>,
    ) -> Found<'a, Vec<T>> {
        let whole = format!("a list of {right}");
        let list: Found<'a, &DeArray<'a>> = self.read(key, &whole, DeValue::as_array);
        list.map(|list| {
            let read = |item: &Spanned<DeValue<'a>>| {
                let value = convert(item.get_ref());
                if value.is_none() {
                    self.refuse(item.span().start, key, item.get_ref(), right);
                }
                value
            };
            list.iter().filter_map(read).collect()
        })
    }

    /// Notes a fault at `key`, or at the table if the key is not there.
    pub fn note(&self, key: &str, what: impl Display) {
        self.document.note(self.place(key), &self.path_of(key), what);
    }

    /// Notes a fault in another file, which this table names.
    pub fn note_in(&self, file: String, line: Option<usize>, what: String) {
        self.document.note_in(file, line, what);
    }

    /// The line of `key`, or of the table if the key is not there.
    pub fn line(&self, key: &str) -> Option<usize> {
        self.place(key).map(|offset| self.document.line(offset))
    }

    /// Nothing in it was at fault so far, so that what depends on several keys can be checked.
    pub fn is_sound(&self) -> bool {
        self.document.count() == self.faults_before && !self.broken
    }

    /// Refuses the keys that nobody asked for.
    pub fn finish(self) {
        for key in self.entries.into_iter().flat_map(|entries| entries.keys()) {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let known = self.asked.join(", ");
                let what = format!("there is no such key here, only {known}");
                self.document.note(Some(key.span().start), &self.path_of(name), what);
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        right: &str,
        convert: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Found<'a, T> {
        let Some((offset, value)) = self.ask(key) else { return self.missing(key, right) };
        let value = value.get_ref();
        let converted = convert(value);
        if converted.is_none() {
            self.refuse(offset, key, value, right);
        }
        Found { value: converted, missing: None }
    }

    fn missing<T>(&self, key: &str, right: &str) -> Found<'a, T> {
        let (document, path, right) = (self.document, self.path_of(key), right.to_owned());
        let missing = Missing { document, offset: self.offset, path, right };
        Found { value: None, missing: (!self.broken).then_some(missing) }
    }

    fn ask(&mut self, key: &'static str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        self.asked.push(key);
        let (name, value) = self.entries?.get_key_value(key)?;
        // A table's own span covers its header; of other values the key shows where to look.
        let offset = if value.get_ref().is_table() { value.span().start } else { name.span().start };
        Some((offset, value))
    }

    fn place(&self, key: &str) -> Option<usize> {
        let name = self.entries.and_then(|entries| entries.get_key_value(key));
        name.map(|(name, _)| name.span().start).or(self.offset)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn refuse(&self, offset: usize, key: &str, value: &DeValue<'_>, right: &str) {
        let what = format!("{} is not allowed: {right}", shown(value));
        self.document.note(Some(offset), &self.path_of(key), what);
    }
}

/// What was read at a key, unless it is missing or at fault.
pub(super) struct Found<'a, T> {
    value: Option<T>,
    missing: Option<Missing<'a>>,
}

struct Missing<'a> {
    document: &'a Document<'a>,
    offset: Option<usize>,
    path: String,
    right: String,
}

impl<T> Found<'_, T> {
    /// The value; `default` if it is missing, or at fault: then nobody will use it.
    pub fn or(self, default: T) -> T {
        self.value.unwrap_or(default)
    }

    /// The value; that it is missing is a fault.
    pub fn required(self) -> Option<T> {
        if let Some(Missing { document, offset, path, right }) = self.missing {
            document.note(offset, &path, format!("is missing: {right}"));
        }
        self.value
    }

    /// The value, which may be missing.
    pub fn optional(self) -> Option<T> {
        self.value
    }
}

impl<'a, T> Found<'a, T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Found<'a, U> {
        Found { value: self.value.map(convert), missing: self.missing }
    }
}

fn whole_number<T>(value: &DeValue<'_>, range: &RangeInclusive<T>) -> Option<T>
where
    T: TryFrom<i64> + PartialOrd,
{
    let integer = value.as_integer()?;
    let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    T::try_from(number).ok().filter(|number| range.contains(number))
}

/// `"a", "b" or "c"`.
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<_> = words.map(|word| format!("{word:?}")).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
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
