//! `[numbers]`: data files that say which operator serves a number, and which tenant a number of ours belongs to.
//!
//! A line of `ranges` is `prefix,operator`, the prefix in international form; one of `portability` is `number,operator`,
//! the number in international form or as a Chinese mobile number of eleven digits. Spaces around the fields, empty lines
//! and lines that begin with `#` do not count.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use super::section::Section;
use crate::domain::{International, Number, NumberPlan, OperatorIndex, TenantId, e164, mask};

/// More faults of one file than these help nobody.
const MAX_FAULTS: usize = 10;
/// More than any line of such a file has; a file of another kind must not fill the memory.
const MAX_LINE_OCTETS: usize = 200;

/// What the data files say.
pub(super) struct Numbers {
    /// The plan; without rows where a file is at fault.
    pub plan: Arc<NumberPlan>,
    /// Some file is named and all could be read, so that names of operators can be checked.
    pub is_known: bool,
    /// A file is at fault, which was said.
    pub is_broken: bool,
}

/// Reads the section and the files that it names; relative paths begin in `folder`.
pub(super) fn read(mut section: Section<'_>, folder: &Path) -> Numbers {
    let right = "the path of a file, relative to this one";
    let mut path = |key| section.text(key, right, |path| !path.is_empty() && !path.contains('\0')).optional();
    let (ranges, portability) = (path("ranges"), path("portability"));
    let is_named = ranges.is_some() || portability.is_some();
    let mut operators = Vec::new();
    let mut rows = |key, path: Option<String>, kind| {
        let Some(path) = path else { return Vec::new() };
        let path = folder.join(path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => {
                section.note(key, format!("{} can't be read: {error}", path.display()));
                return Vec::new();
            }
        };
        let mut reader = Rows { kind, operators: &mut operators, rows: Vec::new(), faults: Vec::new() };
        if let Err(error) = reader.read(BufReader::new(file)) {
            section.note(key, format!("{} can't be read: {error}", path.display()));
        }
        for (line, what) in reader.faults {
            section.note_in(path.display().to_string(), Some(line), String::new(), what);
        }
        reader.rows
    };
    let ranges = rows("ranges", ranges, Kind::Ranges);
    let ported = rows("portability", portability, Kind::Portability);
    let is_sound = section.is_sound();
    let owners = owners(&mut section);
    section.finish();
    let keys = |rows: Vec<Row>| rows.into_iter().map(|row| (row.key, row.operator));
    let plan = NumberPlan::new(operators, keys(ranges), keys(ported)).owned(owners);
    Numbers { plan: Arc::new(plan), is_known: is_named && is_sound, is_broken: !is_sound }
}

/// Reads `[[numbers.owner]]`: which tenants numbers of ours belong to.
fn owners(section: &mut Section<'_>) -> Vec<(String, TenantId)> {
    let mut owners: Vec<(String, TenantId)> = Vec::new();
    for mut table in section.sections("owner") {
        let tenant = table.text("tenant", "a tenant's id, not empty", |text| !text.is_empty()).required();
        let right = "1 to 21 digits that a number of ours begins with, in international form without +, or a service number";
        let prefixes = table.list("prefixes", right, prefix).required().unwrap_or_default();
        let Some(tenant) = tenant.map(|text| TenantId::from(text.as_str())) else { continue };
        for prefix in prefixes {
            match owners.iter().find(|(known, owner)| *known == prefix && *owner != tenant) {
                Some((_, owner)) => {
                    let what = format!("\"{prefix}\" is not allowed: tenant \"{owner}\" has it already");
                    table.note("prefixes", what);
                }
                None => owners.push((prefix, tenant.clone())),
            }
        }
        table.finish();
    }
    owners
}

fn prefix(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let sound = (1..=21).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
    sound.then(|| digits.to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ranges,
    Portability,
}

/// One line that is sound.
struct Row {
    key: u64,
    line: u32,
    operator: OperatorIndex,
}

/// What was read of a file so far.
struct Rows<'a> {
    kind: Kind,
    operators: &'a mut Vec<String>,
    rows: Vec<Row>,
    faults: Vec<(usize, String)>,
}

impl Rows<'_> {
    fn read(&mut self, mut file: impl BufRead) -> std::io::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let octets =
                std::io::Read::take(&mut file, MAX_LINE_OCTETS as u64).read_until(b'\n', &mut line)?;
            if octets == 0 || self.faults.len() >= MAX_FAULTS {
                break;
            }
            if octets == MAX_LINE_OCTETS && !line.ends_with(b"\n") {
                self.faults
                    .push((number, format!("is longer than {MAX_LINE_OCTETS} octets: {}", self.right())));
                break;
            }
            let text = line.trim_ascii();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            match self.row(text, number) {
                Ok(row) => self.rows.push(row),
                Err(what) => self.faults.push((number, what)),
            }
        }
        self.find_contradictions();
        Ok(())
    }

    fn row(&mut self, line: &[u8], number: usize) -> Result<Row, String> {
        let wrong = |what: String| format!("{what} is not allowed: {}", self.right());
        let comma = line.iter().position(|octet| *octet == b',');
        let Some(comma) = comma else { return Err(wrong("a line without a comma".to_owned())) };
        let (digits, operator) = (line[..comma].trim_ascii(), line[comma + 1..].trim_ascii());
        let shown = || String::from_utf8_lossy(digits).into_owned();
        let key = match self.kind {
            Kind::Ranges => e164(digits).ok_or_else(|| wrong(format!("{:?}", shown())))?,
            // Whose number it is stays out of logs, even where it is a wrong one.
            Kind::Portability => std::str::from_utf8(digits)
                .ok()
                .and_then(Number::parse)
                .and_then(|number| e164(International::of(&number).digits()))
                .ok_or_else(|| wrong(format!("{:?}", mask(&shown()))))?,
        };
        let name = std::str::from_utf8(operator).ok().filter(|name| super::trunk::is_name(name));
        let name = name.ok_or_else(|| {
            let shown = String::from_utf8_lossy(operator);
            format!("{shown:?} is not allowed: an operator is named by {}", super::trunk::NAME)
        })?;
        let operator = self.operator(name)?;
        Ok(Row { key, line: u32::try_from(number).unwrap_or(u32::MAX), operator })
    }

    fn operator(&mut self, name: &str) -> Result<OperatorIndex, String> {
        let known = self.operators.iter().position(|operator| operator == name);
        let index = known.unwrap_or(self.operators.len());
        let index = OperatorIndex::try_from(index)
            .map_err(|_| format!("{name:?} is not allowed: at most 256 operators can be told apart"))?;
        if known.is_none() {
            self.operators.push(name.to_owned());
        }
        Ok(index)
    }

    /// The same key with another operator is a fault: nobody could say which of them holds.
    fn find_contradictions(&mut self) {
        self.rows.sort_unstable_by_key(|row| (row.key, row.line));
        for pair in self.rows.windows(2) {
            if pair[0].key == pair[1].key
                && pair[0].operator != pair[1].operator
                && self.faults.len() < MAX_FAULTS
            {
                let name = |row: &Row| self.operators[usize::from(row.operator)].as_str();
                let (first, line, second) = (name(&pair[0]), pair[0].line, name(&pair[1]));
                let what = format!(
                    "says {second}, but line {line} says {first} of the same digits: remove one of them"
                );
                self.faults.push((pair[1].line as usize, what));
            }
        }
    }

    fn right(&self) -> &'static str {
        match self.kind {
            Kind::Ranges => {
                "prefix,operator, the prefix of 1 to 15 digits in international form, such as 86138,cmcc"
            }
            Kind::Portability => "number,operator, the number of up to 15 digits, such as 8613800138000,cucc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: Kind, text: &str) -> Vec<(usize, String)> {
        let mut operators = Vec::new();
        let mut rows = Rows { kind, operators: &mut operators, rows: Vec::new(), faults: Vec::new() };
        rows.read(text.as_bytes()).unwrap();
        rows.faults
    }

    #[test]
    fn comments_blanks_and_line_ends_do_not_count() {
        let mut operators = Vec::new();
        let mut rows =
            Rows { kind: Kind::Ranges, operators: &mut operators, rows: Vec::new(), faults: Vec::new() };
        rows.read("# a comment\r\n\r\n 86138 , cmcc \r\n86130,cucc\n86138,cmcc".as_bytes()).unwrap();
        assert!(rows.faults.is_empty(), "{:?}", rows.faults);
        let keys: Vec<_> = rows.rows.iter().map(|row| (row.key, row.operator, row.line)).collect();
        assert_eq!(keys, [(86130, 1, 4), (86138, 0, 3), (86138, 0, 5)]);
        assert_eq!(operators, ["cmcc", "cucc"]);
    }

    #[test]
    fn a_file_of_another_kind_ends_early() {
        assert_eq!(faults(Kind::Ranges, &"x".repeat(1000)).len(), 1);
        assert_eq!(faults(Kind::Ranges, &"x\n".repeat(1000)).len(), MAX_FAULTS);
    }

    #[test]
    fn a_ported_number_is_masked_in_an_error() {
        let wrong =
            faults(Kind::Portability, "+8613800138000x,cmcc\n13800138000,cmcc\n+8613800138000,cucc\n");
        assert_eq!(wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3]);
        assert!(wrong[0].1.starts_with("\"+86********000x\" is not allowed"), "{wrong:?}");
        assert!(!wrong[1].1.contains("138"), "{wrong:?}");
    }
}
