//! The whole path on one machine: a folder with scenario, configuration and store, the simulator and the daemon as
//! processes, and a client of the daemon's API.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::transport::{Channel, Endpoint};

use crate::{
    api::{self, trunk_service_client::TrunkServiceClient},
    subject::{self, Programs, Subject},
};

/// How long a process may take until it serves.
const START: Duration = Duration::from_secs(60);
/// How often it is asked whether it does.
const ASK: Duration = Duration::from_millis(20);
/// Connection windows, octets: large enough that the wire never waits for us.
const WINDOW: u32 = 4 << 20;

/// One carrier and the trunk to it.
#[derive(Debug, Clone)]
pub struct Carrier {
    /// Its name, and the trunk's.
    pub name: &'static str,
    /// `smpp34` or `cmpp30`.
    pub protocol: Protocol,
    /// Links of the trunk.
    pub links: u32,
    /// Unanswered submits per link.
    pub window: u32,
    /// The rest of its scenario: `answer`, `receipts`, `refuse`, as lines of TOML.
    pub behaviour: String,
    /// The rest of its trunk, as lines of TOML.
    pub trunk: String,
}

/// What a carrier speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// SMPP 3.4.
    Smpp34,
    /// CMPP 3.0.
    Cmpp30,
}

impl Protocol {
    /// The name in scenario and configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smpp34 => "smpp34",
            Self::Cmpp30 => "cmpp30",
        }
    }
}

/// The account at every carrier here.
const ACCOUNT: &str = "901234";
/// Its secret.
const SECRET: &str = "s3cret";
/// Where messages come from.
pub const SENDER: &str = "10690001";

/// Folder, processes and addresses. Dropping it kills the processes.
#[derive(Debug)]
pub struct Rig {
    programs: Programs,
    config: PathBuf,
    log: PathBuf,
    gateway: SocketAddr,
    admin: SocketAddr,
    wanted_links: u32,
    /// The simulator.
    pub simulator: Subject,
    /// The daemon, while it runs.
    pub daemon: Option<Subject>,
}

impl Rig {
    /// Writes scenario and configuration into `folder` and starts the simulator; the daemon is started by
    /// [`Rig::start_daemon`]. `messages` are further lines of the configuration's `[messages]`.
    ///
    /// # Errors
    /// When a file can't be written or the simulator does not start.
    pub fn new(
        programs: Programs,
        folder: &Path,
        seed: u64,
        carriers: &[Carrier],
        messages: &str,
        record: Option<&Path>,
    ) -> Result<Self> {
        let scenario = scenario_of(seed, carriers)?;
        let links = carriers.iter().map(|carrier| carrier.links).collect::<Vec<_>>();
        Self::of_texts(programs, folder, &scenario, &links, record, |listening| {
            let mut text = format!("[messages]\n{messages}\n");
            for carrier in carriers {
                let listen = listening.iter().find(|(name, _)| name == carrier.name);
                let (_, listen) =
                    listen.with_context(|| format!("the simulator has no carrier {}", carrier.name))?;
                text.push_str(&trunk_of(carrier, *listen)?);
            }
            Ok(text)
        })
    }

    /// As [`Rig::new`], with a scenario as it is written, whose carriers have so many `links` each. `configure` is told
    /// where each carrier listens, by name, and gives what follows `[listen]` and `[store]` in the configuration.
    ///
    /// # Errors
    /// As [`Rig::new`], and those of `configure`.
    pub fn of_texts(
        programs: Programs,
        folder: &Path,
        scenario: &str,
        links: &[u32],
        record: Option<&Path>,
        configure: impl FnOnce(&[(String, SocketAddr)]) -> Result<String>,
    ) -> Result<Self> {
        let path = folder.join("scenario.toml");
        fs::write(&path, scenario).context("the scenario")?;
        let (simulator, listening) = Subject::simulator(&programs.simulator, &path, links.len(), record)?;
        let gateway = SocketAddr::from(([127, 0, 0, 1], subject::free_port()?));
        let admin = SocketAddr::from(([127, 0, 0, 1], subject::free_port()?));
        let text = format!(
            "allow_literal_secrets = true\n\n[listen]\ngateway = \"{gateway}\"\nadmin = \"{admin}\"\n\n[store]\npath = {:?}\n\n{}",
            folder.join("store"),
            configure(&listening)?,
        );
        let config = folder.join("carrierd.toml");
        fs::write(&config, text).context("the configuration")?;
        Ok(Self {
            programs,
            config,
            log: folder.join("carrierd.log"),
            gateway,
            admin,
            wanted_links: links.iter().sum(),
            simulator,
            daemon: None,
        })
    }

    /// Starts the daemon; it may still be opening its store when this returns.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_daemon(&mut self) -> Result<()> {
        self.daemon = Some(Subject::daemon(&self.programs.daemon, &self.config, &self.log)?);
        Ok(())
    }

    /// Kills the daemon.
    ///
    /// # Errors
    /// When it had ended of itself; the end of its log is told.
    pub fn kill_daemon(&mut self) -> Result<()> {
        let Some(daemon) = self.daemon.take() else { return Ok(()) };
        daemon.kill().with_context(|| self.last_words())
    }

    /// The running daemon.
    ///
    /// # Errors
    /// When there is none.
    pub fn daemon(&self) -> Result<&Subject> {
        self.daemon.as_ref().context("the daemon does not run")
    }

    /// Where the API is.
    #[must_use]
    pub fn gateway(&self) -> Gateway {
        Gateway { address: self.gateway }
    }

    /// The daemon's configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Waits until the daemon says that it takes messages.
    ///
    /// # Errors
    /// When that takes longer than a minute, or the daemon ends; the end of its log is told.
    pub async fn wait_until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.daemon.as_mut().context("the daemon does not run")?.ended()? {
                bail!("carrierd ended: {status}\n{}", self.last_words());
            }
            // A daemon that listens and does not serve yet answers when it does.
            if let Ok(Ok(true)) = tokio::time::timeout(START, is_ready(self.admin)).await {
                return Ok(());
            }
            if began.elapsed() > START {
                bail!("the daemon was not ready in {START:?}\n{}", self.last_words());
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// Waits until every link of every trunk is bound.
    ///
    /// # Errors
    /// When that takes longer than a minute, or the daemon ends; the end of its log is told.
    pub async fn wait_until_bound(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Some(daemon) = &mut self.daemon
                && let Some(status) = daemon.ended()?
            {
                bail!("carrierd ended: {status}\n{}", self.last_words());
            }
            if self.gateway().bound_links().await.is_ok_and(|bound| bound >= self.wanted_links) {
                return Ok(());
            }
            if began.elapsed() > START {
                bail!("not every link was bound in {START:?}\n{}", self.last_words());
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// The daemon's metrics, as lines of text.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        ask(self.admin, "/metrics").await.context("the daemon's metrics")
    }

    /// The end of the daemon's log.
    #[must_use]
    pub fn last_words(&self) -> String {
        const LINES: usize = 20;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

async fn is_ready(admin: SocketAddr) -> Result<bool> {
    Ok(ask(admin, "/readyz").await?.starts_with("HTTP/1.1 200"))
}

/// What the daemon's listener for operators answers.
async fn ask(admin: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: daemon\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The way to the daemon's API.
#[derive(Debug, Clone, Copy)]
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Gateway {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(self) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        Ok(endpoint.connect().await?)
    }

    async fn bound_links(self) -> Result<u32> {
        let mut trunks = TrunkServiceClient::new(self.connect().await?);
        let listed = trunks.list_trunks(api::ListTrunksRequest::default()).await?.into_inner();
        Ok(listed.trunks.iter().map(|trunk| trunk.bound_link_count).sum())
    }
}

fn scenario_of(seed: u64, carriers: &[Carrier]) -> Result<String> {
    let mut text = format!("seed = {seed}\n");
    for carrier in carriers {
        writeln!(
            text,
            "\n[[carrier]]\nname = \"{}\"\nprotocol = \"{}\"",
            carrier.name,
            carrier.protocol.name()
        )?;
        // A killed daemon's links may still be there when it comes back.
        writeln!(text, "max_links = {}\nwindow = {}", carrier.links * 4, carrier.window)?;
        writeln!(text, "submit_window = {}\n{}", carrier.window, carrier.behaviour)?;
        writeln!(text, "[[carrier.account]]\nsystem_id = \"{ACCOUNT}\"\npassword = \"{SECRET}\"")?;
    }
    Ok(text)
}

fn trunk_of(carrier: &Carrier, listen: SocketAddr) -> Result<String> {
    let mut text =
        format!("\n[[trunk]]\nid = \"{}\"\nprotocol = \"{}\"\n", carrier.name, carrier.protocol.name());
    writeln!(text, "hosts = [\"{listen}\"]\nlinks = {}\nwindow = {}", carrier.links, carrier.window)?;
    if carrier.protocol == Protocol::Smpp34 {
        // The simulated SMSC's clock.
        writeln!(text, "utc_offset = \"+00:00\"")?;
    }
    writeln!(text, "{}", carrier.trunk)?;
    let account = match carrier.protocol {
        Protocol::Smpp34 => format!("system_id = \"{ACCOUNT}\"\npassword = \"literal:{SECRET}\""),
        Protocol::Cmpp30 => format!(
            "source_addr = \"{ACCOUNT}\"\nshared_secret = \"literal:{SECRET}\"\n\
             service_id = \"PROOF\"\naccess_number = \"{SENDER}\""
        ),
    };
    writeln!(text, "[trunk.account]\n{account}")?;
    Ok(text)
}
