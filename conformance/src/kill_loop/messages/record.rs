//! What the carriers saw, read from the simulator's record.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::traffic::number_in;

/// One line; what is not named here does not matter here.
#[derive(Debug, Deserialize)]
struct Line {
    carrier: String,
    kind: String,
    text: Option<String>,
    part: Option<u8>,
    id: Option<String>,
    status: Option<u32>,
}

/// A segment: the number of its request and which part it is, from 1.
pub type Segment = (usize, u8);
/// A carrier and the id that it gave.
pub type GivenId = (String, String);

/// What the carriers saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often each segment was taken by a carrier: accepted, or taken and never answered.
    pub taken: HashMap<Segment, u32>,
    /// Submits refused.
    pub refused: u64,
    /// Submits taken and never answered.
    pub silent: u64,
    /// What each id was given to.
    pub ids: HashMap<GivenId, Segment>,
    /// Ids whose receipts the daemon answered with 0.
    pub acknowledged: HashSet<GivenId>,
    /// Receipts sent.
    pub receipts: u64,
    /// Lines that name no request of ours.
    pub strange: Vec<String>,
}

impl Seen {
    /// Reads a record.
    ///
    /// # Errors
    /// When the file can't be read or a line is none of the simulator's.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).context("the simulator's record")?;
        let mut seen = Self::default();
        for line in BufReader::new(file).lines() {
            let line = line?;
            seen.add(serde_json::from_str(&line).with_context(|| line.clone())?, &line);
        }
        Ok(seen)
    }

    fn add(&mut self, line: Line, whole: &str) {
        match line.kind.as_str() {
            "submit" => {
                let Some(number) = line.text.as_deref().and_then(number_in) else {
                    self.strange.push(whole.to_owned());
                    return;
                };
                let segment = (number, line.part.unwrap_or(1));
                match line.status {
                    Some(0) => {}
                    None => self.silent += 1,
                    Some(_) => {
                        self.refused += 1;
                        return;
                    }
                }
                *self.taken.entry(segment).or_default() += 1;
                if let Some(id) = line.id {
                    self.ids.insert((line.carrier, id), segment);
                }
            }
            "receipt" => self.receipts += 1,
            "receipt_answered" if line.status == Some(0) => {
                self.acknowledged.extend(line.id.map(|id| (line.carrier, id)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_was_taken_and_not_what_was_refused() {
        let lines = [
            r#"{"at":"x","carrier":"smpp","account":"a","link":1,"kind":"submit","text":"(r7) hello","status":0,"id":"9"}"#,
            r#"{"carrier":"smpp","kind":"submit","text":"(r7) hello","status":null,"id":"10"}"#,
            r#"{"carrier":"smpp","kind":"submit","text":"x(r7)(r7","part":2,"status":88,"id":null}"#,
            r#"{"carrier":"smpp","kind":"receipt","id":"9","recipient":"1","stat":"DELIVRD","attempt":1}"#,
            r#"{"carrier":"smpp","kind":"receipt_answered","id":"9","status":0}"#,
            r#"{"carrier":"smpp","kind":"receipt_answered","id":"10","status":8}"#,
            r#"{"carrier":"smpp","kind":"submit","text":"who?","status":0,"id":"11"}"#,
        ];
        let mut seen = Seen::default();
        for line in lines {
            seen.add(serde_json::from_str(line).unwrap(), line);
        }
        assert_eq!(seen.taken, HashMap::from([((7, 1), 2)]));
        assert_eq!((seen.refused, seen.silent, seen.receipts, seen.strange.len()), (1, 1, 1, 1));
        let id = |id: &str| ("smpp".to_owned(), id.to_owned());
        assert_eq!(seen.ids[&id("9")], (7, 1));
        assert_eq!(seen.acknowledged, HashSet::from([id("9")]));
    }
}
