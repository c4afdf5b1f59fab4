//! `[carrier.tls]`: where a carrier of calls listens for TLS, and whom it shows and believes which certificate.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

/// Certificates and listeners of TLS. Files are in PEM's form, and relative to where the simulator runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipTls {
    /// Where it listens; port 0 lets the system choose. Default any port of the loopback.
    #[serde(default = "anywhere")]
    pub listen: Vec<SocketAddr>,
    /// Its chain, for callers, and for whom it calls.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Who vouches for those that it calls. Without it nobody is believed.
    pub authorities: Option<PathBuf>,
    /// Who vouches for its callers, who must then show a certificate. Without it they need none.
    pub client_authorities: Option<PathBuf>,
}

fn anywhere() -> Vec<SocketAddr> {
    vec![SocketAddr::from(([127, 0, 0, 1], 0))]
}
