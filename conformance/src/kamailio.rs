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
    tls: Option<SocketAddr>,
}

/// What a proxy does.
#[derive(Debug, Clone, Default)]
pub struct Proxy<'a> {
    /// Where calls go that are for nobody who has registered: a URI.
    pub upstream: String,
    /// Callers have to prove who they are. Who registers has to in any case.
    pub challenges: bool,
    /// Where every such call goes as well.
    pub fork: Option<SocketAddr>,
    /// The most seconds that a registration is granted; `None`: 120.
    pub granted: Option<u32>,
    /// How many processes read datagrams, with memory for many calls at once; `None`: one, and little.
    pub workers: Option<usize>,
    /// The certificates of its connections over TLS; `None`: it has none of these.
    pub tls: Option<Secured<'a>>,
}

/// The certificates of a proxy, in PEM's form.
#[derive(Debug, Clone, Copy)]
pub struct Secured<'a> {
    /// Its chain, for both roles.
    pub certificate: &'a Path,
    /// The private key.
    pub key: &'a Path,
    /// Who vouches for those that it connects to, and that connect to it.
    pub authorities: &'a Path,
}

impl Proxy<'_> {
    /// A proxy to this address that asks nobody who he is.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        Self { upstream: format!("sip:{upstream}"), ..Self::default() }
    }
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

    /// Starts a proxy and waits until it listens.
    ///
    /// # Errors
    /// When it does not come to listen; the error tells what it said.
    pub fn start(proxy: &Proxy<'_>) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for kamailio")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let log = fs::File::create(folder.path().join("log")).context("kamailio's log")?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/kamailio/kamailio.cfg");
        let mut command = Command::new("kamailio");
        command
            .arg("-f")
            .arg(config)
            .args(["-DD", "-E"])
            .args(if proxy.workers.is_some() { ["-m", "1024", "-M", "16"] } else { ["-m", "32", "-M", "4"] })
            .arg("-w")
            .arg(folder.path())
            .arg("-Y")
            .arg(folder.path())
            .arg("-P")
            .arg(folder.path().join("pid"))
            .args(["-A", &format!("PORT={}", address.port())])
            .args(["-A", &format!("UPSTREAM=\"{}\"", proxy.upstream)])
            .args(["-A", &format!("UPSTREAM_PORT={}", port_of(&proxy.upstream))]);
        if proxy.challenges {
            command.args(["-A", "AUTH"]);
        }
        if let Some(fork) = proxy.fork {
            command.args(["-A", &format!("FORK=\"sip:fork@{fork}\"")]);
        }
        if let Some(granted) = proxy.granted {
            command.args(["-A", &format!("GRANTED={granted}")]);
        }
        if let Some(workers) = proxy.workers {
            command.args(["-A", &format!("WORKERS={workers}")]);
        }
        let mut tls = None;
        if let Some(secured) = &proxy.tls {
            let address = tls.insert(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)));
            let file = folder.path().join("tls.cfg");
            fs::write(&file, secured.config()).context("kamailio's certificates")?;
            command
                .args(["-A", "TLS", "-A", &format!("TLS_PORT={}", address.port())])
                .args(["-A", &format!("TLS_CONFIG={file:?}")]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let child = child.with_context(|| format!("kamailio can't be started: {command:?}"))?;
        let mut kamailio = Self { folder, child, address, tls };
        kamailio.wait()?;
        Ok(kamailio)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        let port = self.address.port();
        let tls = self.tls.map_or(port, |address| address.port());
        while !(is_bound(Transport::Udp, port)?
            && is_bound(Transport::Tcp, port)?
            && is_bound(Transport::Tcp, tls)?)
        {
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

    /// Where it listens for TLS.
    ///
    /// # Errors
    /// When it does not.
    pub fn tls_address(&self) -> Result<SocketAddr> {
        self.tls.context("the proxy was started without certificates")
    }

    /// What it said.
    #[must_use]
    pub fn story(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Secured<'_> {
    fn config(&self) -> String {
        let Self { certificate, key, authorities } = self;
        ["server", "client"]
            .map(|role| {
                format!(
                    "[{role}:default]\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\n\
                     private_key = {}\ncertificate = {}\nca_list = {}\n",
                    key.display(),
                    certificate.display(),
                    authorities.display()
                )
            })
            .concat()
    }
}

/// The port of a URI that has one.
fn port_of(uri: &str) -> &str {
    let port = uri.rsplit(':').next().unwrap_or_default();
    &port[..port.bytes().take_while(u8::is_ascii_digit).count()]
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
