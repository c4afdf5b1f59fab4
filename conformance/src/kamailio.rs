//! Kamailio, a foreign proxy and registrar between a caller and a carrier, as a process on the loopback.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::{
    loopback::{Transport, free_port, is_bound, is_installed_or_skip},
    subject::cpu_of_tree,
};

/// How long it may take to listen, and to end.
const START: Duration = Duration::from_secs(20);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The account that it knows.
pub const ACCOUNT: (&str, &str) = ("861088880000", "s3cret-Trunk");

/// A running proxy. Dropping it ends the process and its children.
#[derive(Debug)]
pub struct Kamailio {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Kamailio {
    /// Says whether it is installed.
    ///
    /// # Panics
    /// When it is not, and CI is `true`.
    #[must_use]
    pub fn is_here_or_skip() -> bool {
        is_installed_or_skip("kamailio")
    }

    /// Starts a proxy to `upstream` and waits until it listens. With `challenges` callers have to prove who they are.
    ///
    /// # Errors
    /// When it does not come to listen; the error tells what it said.
    pub fn start(upstream: SocketAddr, challenges: bool) -> Result<Self> {
        let with: &[&str] = if challenges { &["-A", "AUTH"] } else { &[] };
        Self::start_with(upstream, with, ["-m", "32", "-M", "4"])
    }

    /// The same with `workers` that read datagrams, and memory for many calls at once.
    ///
    /// # Errors
    /// As [`Kamailio::start`].
    pub fn start_for_load(upstream: SocketAddr, workers: usize) -> Result<Self> {
        let with = ["-A", &format!("WORKERS={workers}")];
        Self::start_with(upstream, &with, ["-m", "1024", "-M", "16"])
    }

    fn start_with(upstream: SocketAddr, with: &[&str], memory: [&str; 4]) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for kamailio")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let log = fs::File::create(folder.path().join("log")).context("kamailio's log")?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/kamailio/kamailio.cfg");
        let mut command = Command::new("kamailio");
        command
            .arg("-f")
            .arg(config)
            .args(["-DD", "-E"])
            .args(memory)
            .arg("-w")
            .arg(folder.path())
            .arg("-Y")
            .arg(folder.path())
            .arg("-P")
            .arg(folder.path().join("pid"))
            .args(["-A", &format!("PORT={}", address.port())])
            .args(["-A", &format!("UPSTREAM=\"sip:{upstream}\"")])
            .args(["-A", &format!("UPSTREAM_PORT={}", upstream.port())])
            .args(with);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let child = child.with_context(|| format!("kamailio can't be started: {command:?}"))?;
        let mut kamailio = Self { folder, child, address };
        kamailio.wait()?;
        Ok(kamailio)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        let port = self.address.port();
        while !(is_bound(Transport::Udp, port)? && is_bound(Transport::Tcp, port)?) {
            if let Some(status) = self.child.try_wait().context("kamailio")? {
                bail!("kamailio ended before it listened: {status}; {}", self.story());
            }
            ensure!(Instant::now() < deadline, "kamailio does not listen; {}", self.story());
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Where it listens, for datagrams and connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time so far, that of its workers included.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of_tree(self.child.id()).context("kamailio")
    }

    /// What it said.
    #[must_use]
    pub fn story(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // It ends its children itself when it is asked to, and leaves them when it is killed.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let deadline = Instant::now() + START;
        while asked.is_ok() && Instant::now() < deadline {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(LOOK);
        }
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
