//! Authorities, and the certificates that they sign, as files.

use std::path::{Path, PathBuf};

use conformance::kamailio::Secured;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

/// An authority with a folder for all that it signs.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Signed {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate with this common name and these names beside it, in files of this name.
    pub fn sign(&self, file: &str, common: &str, names: Vec<SanType>) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        params.subject_alt_names = names;
        let path = |end: &str| self.folder.path().join(format!("{file}.{end}"));
        let signed = Signed { certificate: path("pem"), key: path("key") };
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(&signed.certificate, certificate.pem()).unwrap();
        std::fs::write(&signed.key, key.serialize_pem()).unwrap();
        signed
    }
}

impl Signed {
    /// For a proxy that believes these authorities.
    pub fn for_proxy<'a>(&'a self, authorities: &'a Path) -> Secured<'a> {
        Secured { certificate: &self.certificate, key: &self.key, authorities }
    }
}
