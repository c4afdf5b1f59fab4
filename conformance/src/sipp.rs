//! SIPp, a foreign carrier and a foreign caller: one scenario file of `peers/sipp` each, as a process on the loopback.
//!
//! A scenario is played for a number of calls; it fails when a message comes that it does not expect, lacks what it asks
//! for, or does not come. What was said is in the error then.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

pub use crate::loopback::Transport;
use crate::loopback::{free_port, is_bound, is_installed_or_skip};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How much of its messages an error tells.
const TOLD: usize = 6_000;

/// What stands for names that are given no value.
const USUAL: [(&str, &str); 5] = [
    ("NUMBER", "+8613800138000"),
    ("DISPLAY", ""),
    ("USER", "861088880000"),
    ("PASSWORD", "s3cret-Trunk"),
    ("HEADERS", "X-Note: none"),
];

/// How a scenario is played.
#[derive(Debug, Clone)]
pub struct Play<'a> {
    /// The file in `peers/sipp`, without its end: `uac/answer`.
    pub scenario: &'a str,
    /// What carries it.
    pub transport: Transport,
    /// What stands for the names between per cent signs in the file.
    pub values: &'a [(&'a str, &'a str)],
    /// How many calls.
    pub calls: u32,
    /// How many a second.
    pub rate: u32,
}

impl<'a> Play<'a> {
    /// One call of a scenario.
    #[must_use]
    pub fn once(scenario: &'a str, transport: Transport) -> Self {
        Self { scenario, transport, values: &[], calls: 1, rate: 10 }
    }

    /// The same with these values.
    #[must_use]
    pub fn with(self, values: &'a [(&'a str, &'a str)]) -> Self {
        Self { values, ..self }
    }

    /// All values, those that are not given included.
    fn values(&self) -> impl Iterator<Item = &(&'a str, &'a str)> {
        self.values.iter().chain(&USUAL)
    }

    fn value(&self, wanted: &str) -> &'a str {
        self.values().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
    }
}

/// A running SIPp. Dropping it kills the process.
#[derive(Debug)]
pub struct Sipp {
    name: String,
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Sipp {
    /// Says whether it is installed.
    ///
    /// # Panics
    /// When it is not, and CI is `true`.
    #[must_use]
    pub fn is_here_or_skip() -> bool {
        is_installed_or_skip("sipp")
    }

    /// Waits for calls on a free port.
    ///
    /// # Errors
    /// When it can't be started or does not listen.
    pub fn answer(play: &Play<'_>) -> Result<Self> {
        let mut sipp = Self::start(play, &[])?;
        let deadline = Instant::now() + START;
        while !is_bound(play.transport, sipp.address.port())? {
            if let Some(status) = sipp.child.try_wait()? {
                bail!("{} ended before it listened: {status}; {}", sipp.name, sipp.story());
            }
            ensure!(Instant::now() < deadline, "{} does not listen", sipp.name);
            thread::sleep(LOOK);
        }
        Ok(sipp)
    }

    /// Calls an address.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn call(play: &Play<'_>, to: SocketAddr) -> Result<Self> {
        let mut last = vec![to.to_string()];
        // What its credentials are for is the Request-URI, which it takes to be the address alone.
        let number = play.value("NUMBER");
        if fs::read(file(play.scenario)).is_ok_and(|text| text.windows(10).any(|part| part == b"INVITE sip"))
        {
            last.splice(0..0, ["-auth_uri".to_owned(), format!("{number}@{to}")]);
        }
        Self::start(play, &last)
    }

    fn start(play: &Play<'_>, last: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for sipp")?;
        let path = folder.path().join("scenario.xml");
        fs::write(&path, scenario(play)?).context("the scenario")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = Command::new("sipp");
        command
            .current_dir(folder.path())
            .args(["-sf", "scenario.xml", "-i", "127.0.0.1", "-p", &address.port().to_string()])
            .args(["-t", if play.transport == Transport::Udp { "u1" } else { "t1" }])
            .args(["-m", &play.calls.to_string(), "-r", &play.rate.to_string()])
            .args(["-nostdin", "-default_behaviors", "none", "-timer_resol", "1", "-recv_timeout", "8000"])
            .args(["-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log"])
            .args(last)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("sipp can't be started: {command:?}"))?;
        Ok(Self { name: format!("sipp {}", play.scenario), folder, child, address })
    }

    /// Where it listens and sends from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all its calls are over.
    ///
    /// # Errors
    /// When one of them failed, or `within` passes; the error tells what was said.
    pub fn finish(mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().with_context(|| self.name.clone())? {
                ensure!(status.success(), "{}: {status}; {}", self.name, self.story());
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("{}: still runs after {within:?}; {}", self.name, self.story());
            }
            thread::sleep(LOOK);
        }
    }

    /// What went wrong and what was said, as far as its files tell.
    fn story(&self) -> String {
        let read = |name: &str| {
            let octets = fs::read(self.folder.path().join(name)).unwrap_or_default();
            let start = octets.len().saturating_sub(TOLD);
            String::from_utf8_lossy(&octets[start..]).into_owned()
        };
        format!("errors:\n{}\nmessages:\n{}", read("errors.log"), read("messages.log"))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file with its values. Their octets need not be UTF-8, so a value may be written with escapes as `\xB0`.
fn scenario(play: &Play<'_>) -> Result<Vec<u8>> {
    let path = file(play.scenario);
    let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for (name, value) in play.values() {
        text = text.replace(&format!("%{name}%"), value);
    }
    let open = text.split('%').nth(1).filter(|name| name.bytes().all(|b| b.is_ascii_uppercase()));
    ensure!(open.is_none_or(str::is_empty), "{}: %{}% has no value", play.scenario, open.unwrap_or_default());
    Ok(unescape(&text))
}

/// Octets of a text in which `\xHH` stands for one octet.
fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        octets.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

fn file(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/sipp").join(format!("{scenario}.xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_have_octets_that_are_no_utf_8() {
        assert_eq!(unescape("a\\xB0\\xa1b\\xzz"), b"a\xB0\xA1b\\xzz");
    }

    #[test]
    fn every_name_in_a_file_needs_a_value() {
        let play = Play::once("uac/refused", Transport::Udp);
        let told = scenario(&play).unwrap_err().to_string();
        assert!(told.contains("has no value"), "{told}");
        let values = [("STATUS", "486"), ("EXPECTED", "486 Busy")];
        assert!(scenario(&play.with(&values)).is_ok());
    }
}
