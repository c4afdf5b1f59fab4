//! The daemon as a process that takes and places calls: [`crate::daemon`] with SIP listeners on free ports.
//!
//! What is asked of its API is left to [`crate::calls`].

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};

use crate::{calls::Calls, daemon::Daemon, loopback, subject::Programs};

/// The number that calls of a [`sip_trunk`] come from.
pub const CALLER: &str = "+861088880000";

/// What the daemon listens on for SIP, and how.
#[derive(Debug, Clone, Default)]
pub struct Listening<'a> {
    /// The chain and the private key of a listener for TLS, in PEM's form; `None`: there is none.
    pub tls: Option<(&'a Path, &'a Path)>,
    /// Further keys of `[sip.tls]`, as lines of TOML.
    pub tls_settings: &'a str,
    /// Further keys of `[sip]`, and sections below it but `[sip.tls]`, as lines of TOML.
    pub settings: &'a str,
}

/// A running daemon with SIP. Dropping it kills the process and removes its folder.
#[derive(Debug)]
pub struct CallSubject {
    daemon: Daemon,
    address: SocketAddr,
    tls: Option<SocketAddr>,
}

impl CallSubject {
    /// Starts the daemon as tests have it, with listeners for UDP and TCP on one free port. `trunks`: its `[[trunk]]` part,
    /// see [`sip_trunk`].
    ///
    /// # Errors
    /// As [`CallSubject::start_with`], or the daemon can't be built.
    pub async fn start(trunks: &str) -> Result<Self> {
        Self::start_with(&Programs::for_tests()?.daemon, &Listening::default(), trunks).await
    }

    /// Starts a daemon that listens as said.
    ///
    /// # Errors
    /// When it does not serve in a minute; the end of its log is told.
    pub async fn start_with(program: &Path, listening: &Listening<'_>, trunks: &str) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], loopback::free_port()?));
        let mut listeners = format!("\"udp:{address}\", \"tcp:{address}\"");
        let mut tls = None;
        if listening.tls.is_some() {
            let address = tls.insert(SocketAddr::from(([127, 0, 0, 1], loopback::free_port()?)));
            write!(listeners, ", \"tls:{address}\"")?;
        }
        let mut text = format!(
            "[sip]\nlisten = [{listeners}]\n{}\n[sip.tls]\n{}\n",
            listening.settings, listening.tls_settings
        );
        if let Some((certificate, key)) = listening.tls {
            writeln!(text, "certificate = {certificate:?}\nkey = {key:?}")?;
        }
        text.push_str(trunks);
        Ok(Self { daemon: Daemon::start(program, &text).await?, address, tls })
    }

    /// Where it listens for datagrams and connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS.
    ///
    /// # Errors
    /// When it does not.
    pub fn tls_address(&self) -> Result<SocketAddr> {
        self.tls.context("the daemon was started without a listener for TLS")
    }

    /// The process.
    #[must_use]
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Connects to its API and follows its calls.
    ///
    /// # Errors
    /// When the API refuses it.
    pub async fn calls(&self) -> Result<Calls> {
        Calls::follow(self.daemon.gateway()).await
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// As [`Daemon::stop`].
    pub fn stop(self) -> Result<()> {
        self.daemon.stop()
    }
}

/// A `[[trunk]]` with one gateway: see [`sip_trunk_over`].
#[must_use]
pub fn sip_trunk(id: &str, gateway: SocketAddr, transport: &str, further: &str) -> String {
    sip_trunk_over(id, &[gateway], transport, further)
}

/// A `[[trunk]]` with gateways in order, whose calls come from [`CALLER`]. `transport` as the configuration has it: `udp`,
/// `tcp`, `tls`. `further`: more keys of the trunk, then sections below it, as lines of TOML.
#[must_use]
pub fn sip_trunk_over(id: &str, gateways: &[SocketAddr], transport: &str, further: &str) -> String {
    let gateway = |address: &SocketAddr| {
        let (host, port) = (address.ip(), address.port());
        format!("{{ host = \"{host}\", port = {port}, transport = \"{transport}\" }}")
    };
    let gateways: Vec<_> = gateways.iter().map(gateway).collect();
    format!(
        "\n[[trunk]]\nid = \"{id}\"\nprotocol = \"sip\"\ngateway = [{}]\n\
         callers = {{ authorisation = \"the suite\", numbers = [\"{CALLER}\"] }}\n{further}\n",
        gateways.join(", ")
    )
}
