//! baresip, a phone: as a process on the loopback, without a sound device. What it says comes from a file, and what it
//! hears goes nowhere; its keys are pressed over the connection that its module `ctrl_tcp` has.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::loopback::{free_port, is_installed_or_skip};

/// Its number: it answers calls to that and to no other.
pub const NUMBER: &str = "+8613800138000";
/// How long it may take to start, and to do what it is told.
const WITHIN: Duration = Duration::from_secs(30);
/// How often it is tried whether it listens.
const LOOK: Duration = Duration::from_millis(50);
/// What it says: silence, in samples of 8 kHz. At the file's end it would hang up.
const SAMPLES: u32 = 8_000 * 120;
/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// A running phone. Dropping it kills the process.
#[derive(Debug)]
pub struct Baresip {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
    control: TcpStream,
    /// Octets of its words that are not complete.
    heard: Vec<u8>,
    /// All that it told.
    told: Vec<Value>,
}

impl Baresip {
    /// Says whether it is installed.
    ///
    /// # Panics
    /// When it is not, and CI is `true`.
    #[must_use]
    pub fn is_here_or_skip() -> bool {
        is_installed_or_skip("baresip")
    }

    /// Starts a phone that registers nowhere, and waits until it can be told what to do.
    ///
    /// # Errors
    /// When it does not come to listen; the error tells what it said.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for baresip")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let control = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let within = |name: &str| folder.path().join(name);
        fs::write(within("voice.wav"), silence()).context("its voice")?;
        fs::write(within("config"), config(address, control, folder.path())?).context("its configuration")?;
        fs::write(within("accounts"), format!("<sip:{NUMBER}@{address}>;regint=0\n"))
            .context("its account")?;
        fs::write(within("contacts"), "").context("its contacts")?;
        let log = fs::File::create(within("log")).context("its log")?;
        let mut command = Command::new("baresip");
        command.args(["-4", "-f"]).arg(folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().with_context(|| format!("baresip can't be started: {command:?}"))?;
        let deadline = Instant::now() + WITHIN;
        let control = loop {
            match TcpStream::connect(control).await {
                Ok(control) => break control,
                Err(_) => ensure_runs(&mut child, folder.path(), deadline)?,
            }
            sleep(LOOK).await;
        };
        Ok(Self { folder, child, address, control, heard: Vec::new(), told: Vec::new() })
    }

    /// Where it listens, for datagrams and connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Presses keys: `dial` with an address, `accept`, `hangup`, `hold`, `resume`.
    ///
    /// # Errors
    /// When it says that it can't.
    pub async fn press(&mut self, command: &str, parameters: &str) -> Result<()> {
        let text = json!({ "command": command, "params": parameters, "token": command }).to_string();
        self.control.write_all(format!("{}:{text},", text.len()).as_bytes()).await?;
        let answer = self.wait(command, |told| told["token"] == command).await?;
        ensure!(answer["ok"] == true, "{command}: {answer}");
        Ok(())
    }

    /// Waits until it tells of something after all that was waited for: `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`.
    ///
    /// # Errors
    /// When it does not in half a minute; the error tells what it told.
    pub async fn event(&mut self, kind: &str) -> Result<()> {
        self.wait(kind, |told| told["type"] == kind).await.map(drop)
    }

    async fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let found = timeout(WITHIN, async {
            loop {
                let told = self.next().await?;
                self.told.push(told.clone());
                if wanted(&told) {
                    return Ok(told);
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => bail!(
                "baresip: no {what} in {WITHIN:?}; it told {:#?}\n{}",
                self.told,
                said(self.folder.path())
            ),
        }
    }

    /// Its next words: a netstring of JSON.
    async fn next(&mut self) -> Result<Value> {
        loop {
            if let Some(colon) = self.heard.iter().position(|octet| *octet == b':') {
                let length: usize = std::str::from_utf8(&self.heard[..colon])?.parse()?;
                let end = colon + 1 + length;
                if self.heard.len() > end {
                    let told = serde_json::from_slice(&self.heard[colon + 1..end])?;
                    self.heard.drain(..=end);
                    return Ok(told);
                }
            }
            let read = self.control.read_buf(&mut self.heard).await?;
            ensure!(read > 0, "baresip has ended: {}", said(self.folder.path()));
        }
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ensure_runs(child: &mut Child, folder: &Path, deadline: Instant) -> Result<()> {
    if let Some(status) = child.try_wait().context("baresip")? {
        bail!("baresip ended before it listened: {status}; {}", said(folder));
    }
    ensure!(Instant::now() < deadline, "baresip does not listen; {}", said(folder));
    Ok(())
}

fn said(folder: &Path) -> String {
    fs::read(folder.join("log"))
        .map_or_else(|error| error.to_string(), |log| String::from_utf8_lossy(&log).into())
}

fn config(address: SocketAddr, control: SocketAddr, folder: &Path) -> Result<String> {
    let mut text = format!("sip_listen {address}\nctrl_tcp_listen {control}\nmodule_path {MODULES}\n");
    writeln!(text, "audio_source aufile,{}", folder.join("voice.wav").display())?;
    writeln!(text, "ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1")?;
    for module in ["g711", "aufile"] {
        writeln!(text, "module {module}.so")?;
    }
    for module in ["account", "menu", "ctrl_tcp"] {
        writeln!(text, "module_app {module}.so")?;
    }
    Ok(text)
}

/// A WAV file of 16 bits at 8 kHz in which nothing is heard.
fn silence() -> Vec<u8> {
    let octets = SAMPLES * 2;
    let mut file = Vec::with_capacity(octets as usize + 44);
    file.extend(b"RIFF");
    file.extend((octets + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    for number in [16_u32, 0x0001_0001, 8_000, 16_000, 0x0010_0002] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(octets.to_le_bytes());
    file.resize(octets as usize + 44, 0);
    file
}
