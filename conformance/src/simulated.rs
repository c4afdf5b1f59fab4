//! A simulated carrier as a process in a folder of its own, with the record of what it saw.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::subject::Subject;

/// A running carrier. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Simulated {
    folder: TempDir,
    subject: Subject,
    addresses: Vec<(String, SocketAddr)>,
}

impl Simulated {
    /// Starts the one carrier of `scenario` and waits until it listens.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, scenario: &str) -> Result<Self> {
        Self::start_all(program, scenario, 1)
    }

    /// Starts all the carriers of `scenario`, so many of them, and waits until they listen.
    ///
    /// # Errors
    /// When one does not come to listen.
    pub fn start_all(program: &Path, scenario: &str, carriers: usize) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the simulator")?;
        let path = folder.path().join("scenario.toml");
        fs::write(&path, scenario).context("the scenario")?;
        let record = record_in(folder.path());
        let (subject, addresses) = Subject::simulator(program, &path, carriers, Some(&record))?;
        Ok(Self { folder, subject, addresses })
    }

    /// Where it listens; the first one, if there are several.
    ///
    /// # Panics
    /// When no carrier was started.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0].1
    }

    /// Where the carrier of this name listens.
    #[must_use]
    pub fn address_of(&self, carrier: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(name, _)| name == carrier).map(|(_, address)| *address)
    }

    /// What the carriers have seen so far, in order; lines come a few tens of milliseconds after what they tell of.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn seen(&self) -> Result<Vec<Value>> {
        read(&record_in(self.folder.path()))
    }

    /// Asks it to end and gives what it saw, in order.
    ///
    /// # Errors
    /// When it fails, or its record can't be read.
    pub fn stop(self) -> Result<Vec<Value>> {
        let Self { folder, subject, .. } = self;
        subject.terminate()?;
        read(&record_in(folder.path()))
    }
}

/// The lines of a record that are complete.
fn read(record: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(record).context("the simulator's record")?;
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn record_in(folder: &Path) -> std::path::PathBuf {
    folder.join("record.ndjson")
}
