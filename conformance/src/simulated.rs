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
    address: SocketAddr,
}

impl Simulated {
    /// Starts the one carrier of `scenario` and waits until it listens.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub fn start(program: &Path, scenario: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the simulator")?;
        let path = folder.path().join("scenario.toml");
        fs::write(&path, scenario).context("the scenario")?;
        let record = record_in(folder.path());
        let (subject, listening) = Subject::simulator(program, &path, 1, Some(&record))?;
        let (_, address) = listening.into_iter().next().context("no carrier listens")?;
        Ok(Self { folder, subject, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to end and gives what it saw, in order.
    ///
    /// # Errors
    /// When it fails, or its record can't be read.
    pub fn stop(self) -> Result<Vec<Value>> {
        let Self { folder, subject, .. } = self;
        subject.terminate()?;
        let record = fs::read_to_string(record_in(folder.path())).context("the simulator's record")?;
        record.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }
}

fn record_in(folder: &Path) -> std::path::PathBuf {
    folder.join("record.ndjson")
}
