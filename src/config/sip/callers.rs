//! Reads `[trunk.callers]`: the numbers that calls of a trunk may come from.
//!
//! # Why
//! Whoever sends a calling number that the carrier has not assigned breaks the law in mainland China, so there is no
//! trunk without a list, and no way around the list by any header of a request.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use crate::{
    config::section::Section,
    domain::{Number, mask},
};

/// More faults of one file than these help nobody.
const MAX_FAULTS: usize = 10;
/// More than any line of such a file has; a file of another kind must not fill the memory.
const MAX_LINE_OCTETS: usize = 200;
const NUMBER: &str = "3 to 21 digits, in international form with +, or a service number as it is dialled";

/// The numbers that the carrier has assigned, with what says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Callers {
    /// Where the carrier grants them: a contract, a letter, a ticket.
    pub authorisation: String,
    numbers: Arc<HashSet<Box<str>>>,
}

impl Callers {
    /// A list; of each number `+`, `00` and China's 86 do not count.
    #[must_use]
    pub fn new<'a>(authorisation: &str, numbers: impl IntoIterator<Item = &'a Number>) -> Self {
        let numbers = numbers.into_iter().map(|number| number.comparable().into()).collect();
        Self { authorisation: authorisation.to_owned(), numbers: Arc::new(numbers) }
    }

    /// Says whether a call may come from this number.
    #[must_use]
    pub fn permit(&self, number: &Number) -> bool {
        self.numbers.contains(number.comparable())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers by {:?}", self.numbers.len(), self.authorisation)
    }
}

/// Reads the section; a file is relative to `folder`.
pub(super) fn read(mut section: Section<'_>, folder: &Path) -> Callers {
    let is_title = |text: &str| !text.trim().is_empty() && text.chars().count() <= 200;
    let authorisation = section
        .text(
            "authorisation",
            "what shows that the carrier assigned these numbers, such as a contract's name",
            is_title,
        )
        .required()
        .unwrap_or_default();
    let mut numbers = section.list("numbers", NUMBER, number).or(Vec::new());
    let is_path = |path: &str| !path.is_empty() && !path.contains('\0');
    let file =
        section.text("file", "the path of a file with a number in each line, relative to this one", is_path);
    if let Some(path) = file.optional() {
        numbers.extend(of_file(&section, &folder.join(path)));
    }
    if section.is_sound() && numbers.is_empty() {
        let what = "is missing: a trunk calls only from numbers that the carrier has assigned; name them here, or a file of them in file";
        section.note("numbers", what);
    }
    section.finish();
    Callers::new(&authorisation, &numbers)
}

fn of_file(section: &Section<'_>, path: &Path) -> Vec<Number> {
    let unreadable = |error| section.note("file", format!("{} can't be read: {error}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            unreadable(error);
            return Vec::new();
        }
    };
    let (mut numbers, mut faults) = (Vec::new(), 0);
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    for place in 1.. {
        line.clear();
        match std::io::Read::take(&mut file, MAX_LINE_OCTETS as u64).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                unreadable(error);
                break;
            }
        }
        let text = String::from_utf8_lossy(line.trim_ascii());
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match number(&text) {
            Some(number) => numbers.push(number),
            None => {
                faults += 1;
                let what = format!("{:?} is not allowed: {NUMBER}", mask(&text));
                section.note_in(path.display().to_string(), Some(place), String::new(), what);
                if faults == MAX_FAULTS {
                    break;
                }
            }
        }
    }
    numbers
}

fn number(text: &str) -> Option<Number> {
    Number::parse(text).filter(|number| number.digits().len() >= 3)
}
