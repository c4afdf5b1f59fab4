//! What is wrong with a configuration file: every fault found, each with its place.

use std::{collections::HashSet, fmt};

/// A configuration that can't be used, with all of its faults that could be found at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<Fault>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The file, as it was named to us.
    pub file: String,
    /// Its line, from 1. None: it concerns something that is not in the file.
    pub line: Option<usize>,
    /// The key with the tables around it, such as `trunk.timers.connect`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong and what would be right. Never holds the value of a secret.
    pub what: String,
}

impl ConfigError {
    /// Faults in the order of the file, each once; those without a line come last.
    #[must_use]
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        // Two trunks with the same profile find the same in it.
        let mut told = HashSet::new();
        faults.retain(|fault| told.insert(fault.clone()));
        Self { faults }
    }

    /// The faults, at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    /// `file:line: key: what`, as compilers write it, so that editors jump to it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}
