//! Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760), for both sides.
//!
//! - [`Algorithm`]: the hashes, over octets;
//! - [`Challenge`]: what a server asks for, read with tolerance;
//! - [`Client`]: one account's answers, shared by all its calls; [`Attempt`] is what one request has tried;
//! - [`Server`]: the other side, with nonces that carry their own time and proof.

mod attempt;
mod challenge;
mod client;
mod digest;
mod parameters;
mod server;

use std::fmt;

pub use attempt::Attempt;
pub use challenge::{Challenge, Unusable};
pub use client::{Client, GiveUp};
pub use digest::{Algorithm, Hex, Qop, Request, Use};
pub use server::{Server, ServerConfig, Verdict};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A registrar or user agent: 401, WWW-Authenticate, Authorization.
    Server,
    /// A proxy: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The realm that they are for; `None`: any that asks.
    pub realm: Option<String>,
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// A name and a password for any realm.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { realm: None, username: username.into(), password: password.into() }
    }
}

/// The name of an account is often its number, so neither part shows.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("realm", &self.realm).finish_non_exhaustive()
    }
}
