//! TLS: who we are, whom we believe, and which name a peer must prove.

use std::{io, net::IpAddr, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::names::SipServers;
use crate::config::{Certificates, TlsConfig};

/// Both roles, built once.
pub(super) struct Tls {
    connector: TlsConnector,
    /// `None`: we have no certificate.
    acceptor: Option<TlsAcceptor>,
}

impl Tls {
    /// Builds both roles.
    ///
    /// # Errors
    /// A certificate can't be used.
    pub(super) fn new(config: &TlsConfig) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let connector =
            TlsConnector::from(Arc::new(connecting(config, &provider).map_err(io::Error::other)?));
        let acceptor = accepting(config, &provider).map_err(io::Error::other)?;
        Ok(Self { connector, acceptor: acceptor.map(|config| TlsAcceptor::from(Arc::new(config))) })
    }

    /// Makes the connection secure. Its certificate must bear `name`, which is the one before any DNS; without one, the
    /// address.
    pub(super) async fn connect(
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

    /// Takes a secure connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        match &self.acceptor {
            Some(acceptor) => acceptor.accept(stream).await,
            None => Err(io::Error::other("no certificate is configured")),
        }
    }
}

fn connecting(config: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
    let roots = match &config.authorities {
        Some(authorities) => store(authorities)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let believed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(SipServers(believed)));
    Ok(match &config.identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain.0.clone(), key.expose())?,
        None => builder.with_no_client_auth(),
    })
}

fn accepting(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<ServerConfig>, rustls::Error> {
    let Some((chain, key)) = &config.identity else { return Ok(None) };
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match &config.client_authorities {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let roots = Arc::new(store(authorities)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain.0.clone(), key.expose()).map(Some)
}

fn store(authorities: &Certificates) -> Result<RootCertStore, rustls::Error> {
    let mut store = RootCertStore::empty();
    for certificate in &authorities.0 {
        store.add(certificate.clone())?;
    }
    Ok(store)
}
