//! Reads `[sip.tls]`: our certificate, and whom we believe.

use std::{fmt, fs, path::Path, sync::Arc};

use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::config::section::Section;

const PATH: &str = "the path of a PEM file, relative to this one";

/// Certificates as a file had them, the end entity's first.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificates(pub Vec<CertificateDer<'static>>);

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.0.len())
    }
}

/// A private key, never shown.
#[derive(Clone)]
pub struct PrivateKey(Arc<PrivateKeyDer<'static>>);

impl PrivateKey {
    /// The key itself, for the one place that proves it.
    #[must_use]
    pub fn expose(&self) -> PrivateKeyDer<'static> {
        self.0.clone_key()
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.secret_der() == other.0.secret_der()
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// Our certificate, and whom we believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Our chain with its key: for our listeners, and for carriers that ask for it. `None`: we have none.
    pub identity: Option<(Certificates, PrivateKey)>,
    /// Who vouches for carriers' servers; `None`: those that browsers believe.
    pub authorities: Option<Certificates>,
    /// Who vouches for callers of our listeners, who must then show a certificate; `None`: they need none.
    pub client_authorities: Option<Certificates>,
}

/// Reads the section; files are relative to `folder`.
pub(super) fn read(mut section: Section<'_>, folder: &Path) -> TlsConfig {
    let mut path = |key| {
        let is_path = |path: &str| !path.is_empty() && !path.contains('\0');
        section.text(key, PATH, is_path).optional()
    };
    let (certificate, key) = (path("certificate"), path("key"));
    let (authorities, client) = (path("authorities"), path("client_authorities"));
    match (&certificate, &key) {
        (Some(_), None) => section.note("certificate", "is not allowed without key: the private key's file"),
        (None, Some(_)) => section.note("key", "is not allowed without certificate: the chain's file"),
        _ => {}
    }
    let chain = certificate.and_then(|path| certificates(&section, "certificate", &folder.join(path)));
    let key = key.and_then(|path| private_key(&section, &folder.join(path)));
    let identity = chain.zip(key);
    if let Some((chain, key)) = &identity {
        check(&section, chain, key);
    }
    let believed =
        |key, path: Option<String>| path.and_then(|path| certificates(&section, key, &folder.join(path)));
    let config = TlsConfig {
        identity,
        authorities: believed("authorities", authorities),
        client_authorities: believed("client_authorities", client),
    };
    section.finish();
    config
}

fn certificates(section: &Section<'_>, key: &str, path: &Path) -> Option<Certificates> {
    let pem = contents(section, key, path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(chain) if !chain.is_empty() => Some(Certificates(chain)),
        Ok(_) => {
            section.note(key, format!("{} has no certificate in PEM's form", path.display()));
            None
        }
        Err(error) => {
            section.note(key, format!("{} is not PEM: {error}", path.display()));
            None
        }
    }
}

fn private_key(section: &Section<'_>, path: &Path) -> Option<PrivateKey> {
    let pem = contents(section, "key", path)?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Some(PrivateKey(Arc::new(key))),
        Err(error) => {
            section.note("key", format!("{} has no private key in PEM's form: {error}", path.display()));
            None
        }
    }
}

/// A key of another certificate would only be noticed by the first peer.
fn check(section: &Section<'_>, chain: &Certificates, key: &PrivateKey) {
    match CertifiedKey::from_der(chain.0.clone(), key.expose(), &ring::default_provider()) {
        Ok(_) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            section.note("key", "is not the key of the certificate");
        }
        Err(error) => section.note("certificate", format!("can't be used: {error}")),
    }
}

fn contents(section: &Section<'_>, key: &str, path: &Path) -> Option<Vec<u8>> {
    fs::read(path)
        .map_err(|error| section.note(key, format!("{} can't be read: {error}", path.display())))
        .ok()
}
