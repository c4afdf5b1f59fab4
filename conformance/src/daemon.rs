//! The daemon as a process in a folder of its own, facing the carriers that a test names.
//!
//! What is asked of its API is left to [`crate::platform`].

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    rig::Gateway,
    subject::{self, Subject},
};

/// How long it may take until it serves.
const START: Duration = Duration::from_secs(60);
/// How often it is asked whether it does.
const ASK: Duration = Duration::from_millis(20);

/// A running daemon. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct Daemon {
    folder: TempDir,
    gateway: Gateway,
    admin: SocketAddr,
    subject: Subject,
}

impl Daemon {
    /// Starts it on an empty store with `trunks`, the `[[trunk]]` part of a configuration, and waits until it serves.
    ///
    /// # Errors
    /// When it does not serve in a minute; the end of its log is told.
    pub async fn start(program: &Path, trunks: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the daemon")?;
        let gateway = SocketAddr::from(([127, 0, 0, 1], subject::free_port()?));
        let admin = SocketAddr::from(([127, 0, 0, 1], subject::free_port()?));
        let text = format!(
            "allow_literal_secrets = true\n\n[listen]\ngateway = \"{gateway}\"\nadmin = \"{admin}\"\n\n\
             [store]\npath = {:?}\nreserve = \"1MiB\"\n\n{trunks}\n",
            folder.path().join("store"),
        );
        let config = folder.path().join("carrierd.toml");
        fs::write(&config, text).context("the configuration")?;
        let subject = Subject::daemon(program, &config, &log_in(folder.path()))?;
        let mut daemon = Self { folder, gateway: Gateway { address: gateway }, admin, subject };
        daemon.wait_until_it_serves().await?;
        Ok(daemon)
    }

    /// Where its API is.
    #[must_use]
    pub fn gateway(&self) -> Gateway {
        self.gateway
    }

    /// Where its metrics are.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process, to be measured.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Waits until a metric, all its series together, counts so much.
    ///
    /// # Errors
    /// When it does not in a minute; the error tells what it counts.
    pub async fn wait_for_metric(&self, name: &str, wanted: f64) -> Result<()> {
        let began = Instant::now();
        loop {
            let counted = self.metric(name).await?;
            // Counters count in whole numbers.
            if (counted - wanted).abs() < 0.5 {
                return Ok(());
            }
            ensure!(began.elapsed() < START, "{name} counts {counted}, not {wanted}");
            tokio::time::sleep(ASK).await;
        }
    }

    async fn metric(&self, name: &str) -> Result<f64> {
        let mut stream = TcpStream::connect(self.admin).await.context("the admin listener")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: daemon\r\nConnection: close\r\n\r\n").await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        let series = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        });
        Ok(series.sum())
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_in(self.folder.path())).unwrap_or_default()
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// When it fails; the end of its log is told.
    pub fn stop(self) -> Result<()> {
        let Self { folder, subject, .. } = self;
        subject.terminate().with_context(|| last_words(folder.path()))
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_words(self.folder.path())
    }

    async fn wait_until_it_serves(&mut self) -> Result<()> {
        let began = Instant::now();
        while self.gateway.connect().await.is_err() {
            if let Some(status) = self.subject.ended()? {
                bail!("carrierd ended: {status}\n{}", self.last_words());
            }
            if began.elapsed() > START {
                bail!("carrierd did not serve in {START:?}\n{}", self.last_words());
            }
            tokio::time::sleep(ASK).await;
        }
        Ok(())
    }
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("carrierd.log")
}

fn last_words(folder: &Path) -> String {
    const LINES: usize = 20;
    let log = fs::read_to_string(log_in(folder)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
