//! The hashes of Digest, over octets (RFC 7616 §3.4, RFC 8760).

use std::fmt;

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

/// A hash, and whether its key lasts for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What a challenge without an algorithm means.
    Md5,
    /// MD5, its key made once after a challenge.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256, its key made once after a challenge.
    Sha256Sess,
    /// SHA-512/256 of FIPS 180-4, which is not SHA-512 cut short.
    Sha512t256,
    /// SHA-512/256, its key made once after a challenge.
    Sha512t256Sess,
}

const NAMES: [(Algorithm, &str); 6] = [
    (Algorithm::Md5, "MD5"),
    (Algorithm::Md5Sess, "MD5-sess"),
    (Algorithm::Sha256, "SHA-256"),
    (Algorithm::Sha256Sess, "SHA-256-sess"),
    (Algorithm::Sha512t256, "SHA-512-256"),
    (Algorithm::Sha512t256Sess, "SHA-512-256-sess"),
];

/// What the response protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// The body, too.
    AuthInt,
}

/// What a request brings into the response.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method; empty for what a server proves (`rspauth`).
    pub method: &'a [u8],
    /// The Request-URI.
    pub uri: &'a [u8],
    /// The body as sent.
    pub body: &'a [u8],
}

/// What binds a response to one use of a nonce.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// What is protected.
    pub qop: Qop,
    /// How many requests were sent with this nonce, this one included.
    pub count: u32,
    /// The client's own nonce.
    pub cnonce: &'a [u8],
}

/// A hash in lower-case hexadecimal: 32 digits of MD5, 64 of the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex {
    digits: [u8; 64],
    length: u8,
}

impl Algorithm {
    /// Every algorithm.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The algorithm of this name, without case.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        let found = NAMES.iter().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(algorithm, _)| *algorithm)
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, name)| name)
    }

    /// Says whether the key is made once after a challenge and stays.
    #[must_use]
    pub fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess | Self::Sha512t256Sess)
    }

    /// The hash of parts with colons between them.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> Hex {
        match self {
            Self::Md5 | Self::Md5Sess => joined::<Md5>(parts),
            Self::Sha256 | Self::Sha256Sess => joined::<Sha256>(parts),
            Self::Sha512t256 | Self::Sha512t256Sess => joined::<Sha512_256>(parts),
        }
    }

    /// The key of a user in a realm. Username and realm go in without quotes and without escapes.
    #[must_use]
    pub fn key(self, username: &[u8], realm: &[u8], password: &[u8]) -> Hex {
        self.hash(&[username, realm, password])
    }

    /// The key of a session: nonce and cnonce are those of the first request after the challenge.
    #[must_use]
    pub fn session_key(self, key: &Hex, nonce: &[u8], cnonce: &[u8]) -> Hex {
        self.hash(&[key.as_ref(), nonce, cnonce])
    }

    /// The response of a request; without a use as RFC 2069 had it.
    #[must_use]
    pub fn response(self, key: &Hex, nonce: &[u8], of: Option<Use<'_>>, request: Request<'_>) -> Hex {
        let what = match of.map(|of| of.qop) {
            Some(Qop::AuthInt) => {
                self.hash(&[request.method, request.uri, self.hash(&[request.body]).as_ref()])
            }
            Some(Qop::Auth) | None => self.hash(&[request.method, request.uri]),
        };
        match of {
            None => self.hash(&[key.as_ref(), nonce, what.as_ref()]),
            Some(Use { qop, count, cnonce }) => {
                let count = format!("{count:08x}");
                let qop = qop.name().as_bytes();
                self.hash(&[key.as_ref(), nonce, count.as_bytes(), cnonce, qop, what.as_ref()])
            }
        }
    }
}

impl Qop {
    /// The value of this name, without case.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

impl Hex {
    /// Compares without telling by its time where the first difference is.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        let own = self.as_ref();
        own.len() == other.len()
            && own.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b.to_ascii_lowercase())) == 0
    }

    fn of(hash: &[u8]) -> Self {
        let mut digits = [0; 64];
        for (octet, pair) in hash.iter().zip(digits.chunks_exact_mut(2)) {
            let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 0x0F)];
            pair.copy_from_slice(&[digit(octet >> 4), digit(*octet)]);
        }
        Self { digits, length: (hash.len() * 2).min(64) as u8 }
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

/// A key is as good as its password.
impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hex(…)")
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> Hex {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    Hex::of(&hash.finalize())
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
