//! TLS of one carrier, in both roles.

use std::{io, net::IpAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::config::sip::SipTls;

/// Both roles. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Tls {
    /// Reads the certificates.
    pub fn open(config: &SipTls) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&config.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|error| unusable(&config.key, error))?;
        let wrong = |error: rustls::Error| unusable(&config.certificate, error);
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let server = match &config.client_authorities {
            None => server.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(store(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
                server.with_client_cert_verifier(verifier.build().map_err(|error| unusable(path, error))?)
            }
        };
        let believed = config.authorities.as_deref().map_or_else(|| Ok(RootCertStore::empty()), store)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_root_certificates(believed)
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(wrong)?;
        let server = server.with_single_cert(chain, key).map_err(wrong)?;
        Ok(Self { acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }

    /// Takes a connection.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Makes a connection secure; its certificate must bear this name, or else the address.
    pub async fn connect(
        &self,
        stream: TcpStream,
        name: Option<&str>,
        address: IpAddr,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = match name {
            Some(name) => ServerName::try_from(name.to_owned()).map_err(io::Error::other)?,
            None => ServerName::from(address),
        };
        self.connector.connect(name, stream).await
    }
}

fn store(path: &Path) -> io::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| unusable(path, error))?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{} can't be used: {error}", path.display()))
}
