//! Reading one table of the file: every key is asked for by name, every fault is noted with its place, and what was
//! never asked for is refused.
//!
//! Below a table may lie others, of the profiles that it goes on from: a key holds where it stands first, and what is
//! wrong with it is told of the file that has it.
//!
//! # Why
//! Serde stops at the first fault and repeats values in its words. Here all faults come out in one go, in the same
//! words, and a secret never does.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    Secret,
    layer::{Document, Faults, Layer},
    quantity,
    secret::{self, Secrets},
};

/// One table of the file, with those below it. A table that is not there is read like an empty one.
pub(super) struct Section<'a> {
    /// The table itself, then those below it.
    layers: Vec<Layer<'a>>,
    faults: &'a Faults,
    asked: Vec<&'static str>,
    faults_before: usize,
    /// Its own value is no table: said once, so its missing keys are not said as well.
    broken: bool,
}

impl<'a> Section<'a> {
    /// The file's outermost table.
    pub fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self::of(Layer { document, path: String::new(), offset: None, entries: Some(table), others: &[] })
    }

    /// One table with nothing below it.
    pub fn of(layer: Layer<'a>) -> Self {
        Self::new(vec![layer])
    }

    fn new(layers: Vec<Layer<'a>>) -> Self {
        let faults = layers[0].document.faults;
        let faults_before = faults.borrow().len();
        Self { layers, faults, asked: Vec::new(), faults_before, broken: false }
    }

    /// Puts the outermost table of another file below; its keys `others` are read elsewhere.
    pub fn lay_below(
        &mut self,
        document: &'a Document<'a>,
        table: &'a DeTable<'a>,
        others: &'static [&'static str],
    ) {
        self.layers.push(Layer { document, path: String::new(), offset: None, entries: Some(table), others });
    }

    /// What lies below, if anything does.
    pub fn below(&self) -> Option<Section<'a>> {
        let layers = self.layers.get(1..).filter(|layers| !layers.is_empty())?;
        Some(Self::new(layers.to_vec()))
    }

    /// Refuses `keys` in the files below: each account has its own.
    pub fn keep_above(&self, keys: &[&'static str]) {
        for layer in self.layers.iter().skip(1) {
            for key in keys.iter().filter(|key| layer.entry(key).is_some()) {
                let what = "is not allowed in a profile: it belongs to the trunk";
                layer.document.note(layer.place(key), &layer.path_of(key), what);
            }
        }
    }

    /// Some file has it.
    pub fn is_there(&self) -> bool {
        self.layers.iter().any(|layer| layer.entries.is_some())
    }

    /// The table at `key`.
    pub fn section(&mut self, key: &'static str) -> Section<'a> {
        self.asked.push(key);
        let mut broken = false;
        let mut layers = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let (document, path) = (layer.document, layer.path_of(key));
            let Some((offset, value)) = layer.entry(key) else {
                // The first one tells where a key that is nowhere is missing.
                if index == 0 {
                    layers.push(Layer { document, path, offset: layer.offset, entries: None, others: &[] });
                }
                continue;
            };
            let entries = value.get_ref().as_table();
            if entries.is_none() {
                layer.refuse(offset, key, value.get_ref(), "a table of its own");
                broken = true;
            }
            layers.push(Layer { document, path, offset: Some(offset), entries, others: &[] });
        }
        Self { broken, ..Self::new(layers) }
    }

    /// The tables of the list at `key`.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        self.sections_by_file(key).into_iter().flatten().collect()
    }

    /// The tables of the lists at `key`, a list for each file, what lies below coming later.
    pub fn sections_by_file(&mut self, key: &'static str) -> Vec<Vec<Section<'a>>> {
        self.asked.push(key);
        self.layers.iter().map(|layer| layer.sections(key)).collect()
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
        let mut numbers: Vec<(String, T)> = Vec::new();
        for layer in &self.layers {
            for (key, value) in layer.entries.into_iter().flat_map(|entries| entries.iter()) {
                let name: &str = key.get_ref();
                match whole_number(value.get_ref(), &range) {
                    Some(_) if numbers.iter().any(|(known, _)| known == name) => {}
                    Some(number) => numbers.push((name.to_owned(), number)),
                    None => layer.refuse(key.span().start, name, value.get_ref(), &right),
                }
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
        let Some((layer, offset, value)) = self.ask(key) else { return self.missing(key, secret::RIGHT) };
        let reference = value.get_ref().as_str();
        let resolved = reference
            .map_or(Err(format!("this is no text: write {}", secret::RIGHT)), |reference| {
                secrets.resolve(reference)
            });
        let value =
            resolved.map_err(|what| layer.document.note(Some(offset), &layer.path_of(key), what)).ok();
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
        let layer = self.holder(key);
        list.map(|list| {
            let read = |item: &Spanned<DeValue<'a>>| {
                let value = convert(item.get_ref());
                if value.is_none() {
                    layer.refuse(item.span().start, key, item.get_ref(), right);
                }
                value
            };
            list.iter().filter_map(read).collect()
        })
    }

    /// Notes a fault at `key`, or at the table if the key is not there.
    pub fn note(&self, key: &str, what: impl Display) {
        let layer = self.holder(key);
        layer.document.note(layer.place(key), &layer.path_of(key), what);
    }

    /// Notes a fault in another file, which this table names.
    pub fn note_in(&self, file: String, line: Option<usize>, key: String, what: String) {
        self.layers[0].document.note_in(file, line, key, what);
    }

    /// Where faults are noted.
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// The line of `key`, or of the table if the key is not there.
    pub fn line(&self, key: &str) -> Option<usize> {
        let layer = self.holder(key);
        layer.place(key).map(|offset| layer.document.line(offset))
    }

    /// Nothing in it was at fault so far, so that what depends on several keys can be checked.
    pub fn is_sound(&self) -> bool {
        self.faults.borrow().len() == self.faults_before && !self.broken
    }

    /// Refuses the keys that nobody asked for.
    pub fn finish(self) {
        for layer in &self.layers {
            for key in layer.entries.into_iter().flat_map(|entries| entries.keys()) {
                let name: &str = key.get_ref();
                if !self.asked.contains(&name) && !layer.others.contains(&name) {
                    let known = self.asked.join(", ");
                    let what = format!("there is no such key here, only {known}");
                    layer.document.note(Some(key.span().start), &layer.path_of(name), what);
                }
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        right: &str,
        convert: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Found<'a, T> {
        let Some((layer, offset, value)) = self.ask(key) else { return self.missing(key, right) };
        let value = value.get_ref();
        let converted = convert(value);
        if converted.is_none() {
            layer.refuse(offset, key, value, right);
        }
        Found { value: converted, missing: None }
    }

    fn missing<T>(&self, key: &str, right: &str) -> Found<'a, T> {
        let Layer { document, offset, .. } = self.layers[0];
        let (path, right) = (self.layers[0].path_of(key), right.to_owned());
        let missing = Missing { document, offset, path, right };
        Found { value: None, missing: (!self.broken).then_some(missing) }
    }

    fn ask(&mut self, key: &'static str) -> Option<(&Layer<'a>, usize, &'a Spanned<DeValue<'a>>)> {
        self.asked.push(key);
        self.layers.iter().find_map(|layer| layer.entry(key).map(|(offset, value)| (layer, offset, value)))
    }

    /// The table that says `key`; the first one if none does.
    fn holder(&self, key: &str) -> &Layer<'a> {
        self.layers.iter().find(|layer| layer.entry(key).is_some()).unwrap_or(&self.layers[0])
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
