//! Which messages may be open, kept beside the store so that the next run can ask the daemon for them.
//!
//! A line is written before a message is offered and another when it has ended, so that a run that was killed misses
//! none. What became of them is asked of the daemon: the journal only knows keys.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::ledger::Key;

/// The journal, open for writing.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    failed: bool,
}

/// Lines after which it is worth leaving out what has ended.
const LONG: usize = 100_000;

impl Journal {
    /// Reads what an earlier run left, if there was one.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn read(path: &Path) -> io::Result<Vec<Key>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(left(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Begins anew with the messages that are known to be open; the former file is replaced at once.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn create<'a>(path: &Path, open: impl Iterator<Item = &'a Key>) -> io::Result<Self> {
        let fresh: PathBuf = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(lines('+', open).as_bytes())?;
        fs::rename(&fresh, path)?;
        Ok(Self { path: path.to_owned(), file, lines: 0, failed: false })
    }

    /// Whether most of its lines are of messages that have ended.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.lines >= LONG && !self.failed
    }

    /// Begins anew with the messages that are open.
    pub fn shorten<'a>(&mut self, open: impl Iterator<Item = &'a Key>) {
        match Self::create(&self.path, open) {
            Ok(fresh) => *self = fresh,
            Err(error) => self.fail(&error),
        }
    }

    /// Messages are about to be offered.
    pub fn offered<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        self.write(&lines('+', keys));
    }

    /// Messages have ended, or were never accepted.
    pub fn ended<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        self.write(&lines('-', keys));
    }

    fn write(&mut self, lines: &str) {
        self.lines += lines.lines().count();
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        if !self.failed {
            // Only the next run's view suffers: the daemon itself knows every message.
            self.failed = true;
            tracing::warn!(%error, "the demo's journal can't be written; the next run will not show what stays open");
        }
    }
}

/// `+<tab>tenant<tab>request`: neither may hold a control character.
fn lines<'a>(sign: char, keys: impl Iterator<Item = &'a Key>) -> String {
    keys.map(|key| format!("{sign}\t{}\t{}\n", key.tenant_id, key.request_id)).collect()
}

/// The keys that came and did not go. A last line that was cut off does not count: nothing was offered after it, and
/// a message that is asked for once too often does no harm.
fn left(text: &str) -> Vec<Key> {
    let mut open = BTreeSet::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let mut parts = line.splitn(3, '\t');
        let (Some(sign), Some(tenant), Some(request)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        match sign {
            "+" => open.insert((tenant, request)),
            _ => open.remove(&(tenant, request)),
        };
    }
    let key = |(tenant, request): (&str, &str)| Key { tenant_id: tenant.into(), request_id: request.into() };
    open.into_iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(request: &str) -> Key {
        Key { tenant_id: "demo".into(), request_id: request.into() }
    }

    #[test]
    fn the_next_run_finds_what_did_not_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.tsv");
        assert_eq!(Journal::read(&path).unwrap(), []);
        let mut journal = Journal::create(&path, [key("1"), key("2")].iter()).unwrap();
        journal.offered([key("3"), key("a b")].iter());
        journal.ended([key("1"), key("3")].iter());
        drop(journal);
        assert_eq!(Journal::read(&path).unwrap(), [key("2"), key("a b")]);
        drop(Journal::create(&path, [key("2")].iter()).unwrap());
        assert_eq!(Journal::read(&path).unwrap(), [key("2")]);
    }

    #[test]
    fn a_long_journal_is_shortened_to_what_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.tsv");
        let mut journal = Journal::create(&path, [].iter()).unwrap();
        let all: Vec<_> = (0..LONG / 2).map(|number| key(&number.to_string())).collect();
        journal.offered(all.iter());
        assert!(!journal.is_long());
        journal.ended(all[1..].iter());
        journal.ended(all[1..2].iter());
        assert!(journal.is_long());
        journal.shorten(all[..1].iter());
        assert!(!journal.is_long());
        journal.offered(all[5..6].iter());
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
        assert_eq!(Journal::read(&path).unwrap(), [key("0"), key("5")]);
    }

    #[test]
    fn a_line_that_was_cut_off_hurts_nobody() {
        assert_eq!(left("+\tdemo\t1\n+\tdemo\t2"), [key("1")]);
        assert_eq!(left("+\tdemo\t1\n+\tdemo\t12\n-\tdemo\t1"), [key("1"), key("12")]);
        assert_eq!(left(""), []);
    }
}
