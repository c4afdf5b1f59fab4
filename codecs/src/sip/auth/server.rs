//! The side that challenges. A nonce carries its own time and proof, so challenges cost no memory; only those that were
//! answered rightly are remembered, for their counts.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Algorithm, Hex, Qop, Request, Use,
    parameters::{Item, Items, escaped, unescaped},
};
use crate::Now;

/// The longest cnonce that is taken, as it is remembered.
const MOST_CNONCE_OCTETS: usize = 256;

/// What a server asks for.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The realm.
    pub realm: String,
    /// The algorithms that it takes, the one it likes best first; one challenge for each.
    pub algorithms: Vec<Algorithm>,
    /// What it offers to protect.
    pub qop: Vec<Qop>,
    /// How long a nonce can be used.
    pub nonce_life: Duration,
    /// Nonces whose counts are remembered. The oldest of more is forgotten, and stale from then on.
    pub nonces: usize,
}

impl ServerConfig {
    /// A realm with the usual values: MD5, `auth`, five minutes.
    #[must_use]
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            algorithms: vec![Algorithm::Md5],
            qop: vec![Qop::Auth],
            nonce_life: Duration::from_secs(300),
            nonces: 4096,
        }
    }
}

/// What credentials turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Right, for this user.
    Good(String),
    /// Right, but the nonce is too old, was used before with this count, or is not ours: challenge again, saying so.
    Stale,
    /// Wrong, or for another request.
    Bad,
    /// There are none for our realm.
    Absent,
}

/// Challenges and checks credentials for one realm.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    seed: u64,
    start: Instant,
    /// Nonces given out.
    given: u64,
    /// Nonces that were answered rightly.
    used: BTreeMap<u64, Used>,
    /// Nonces up to this one are forgotten.
    forgotten: Option<u64>,
}

/// What is remembered of a nonce that was answered rightly.
#[derive(Debug)]
struct Used {
    highest: u32,
    /// The cnonce of its first use, which the key of a session is made of.
    cnonce: Vec<u8>,
}

/// The parameters of one set of credentials, without quotes and as they stand.
#[derive(Default)]
struct Given<'a> {
    username: &'a [u8],
    realm: Option<&'a [u8]>,
    nonce: &'a [u8],
    uri: &'a [u8],
    response: &'a [u8],
    algorithm: Option<&'a [u8]>,
    cnonce: &'a [u8],
    qop: Option<&'a [u8]>,
    count: &'a [u8],
}

impl Server {
    /// A realm. The seed decides its nonces and their proofs; a secret one keeps others from making nonces.
    #[must_use]
    pub fn new(config: ServerConfig, seed: u64, now: Now) -> Self {
        Self { config, seed, start: now.mono, given: 0, used: BTreeMap::new(), forgotten: None }
    }

    /// The values of WWW-Authenticate or Proxy-Authenticate, one for each algorithm, all with one fresh nonce.
    #[must_use]
    pub fn challenge(&mut self, now: Now, stale: bool) -> Vec<String> {
        self.given += 1;
        let nonce = self.nonce(self.given, now.mono.saturating_duration_since(self.start).as_millis() as u64);
        let qop: Vec<_> = self.config.qop.iter().map(|qop| qop.name()).collect();
        let realm = escaped(self.config.realm.as_bytes());
        let realm = String::from_utf8_lossy(&realm);
        let write = |algorithm: &Algorithm| {
            let mut value = format!(
                "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={}, qop=\"{}\"",
                algorithm.name(),
                qop.join(",")
            );
            if stale {
                value.push_str(", stale=TRUE");
            }
            value
        };
        self.config.algorithms.iter().map(write).collect()
    }

    /// Checks the credentials of a request: the values of Authorization or Proxy-Authorization, of which those for our
    /// realm count. `password` gives the password of a user.
    pub fn verify<'a>(
        &mut self,
        now: Now,
        values: impl IntoIterator<Item = &'a [u8]>,
        request: Request<'_>,
        password: impl Fn(&str) -> Option<String>,
    ) -> Verdict {
        let realm = self.config.realm.as_bytes();
        let ours = values.into_iter().filter_map(Given::parse);
        let Some(given) = ours.into_iter().find(|one| one.realm.is_some_and(|own| unescaped(own) == realm))
        else {
            return Verdict::Absent;
        };
        let Some((username, count)) = self.check(&given, request, password) else { return Verdict::Bad };
        match self.count(now, &given, count) {
            true => Verdict::Good(username),
            false => Verdict::Stale,
        }
    }

    /// The user and the count of credentials whose response is right.
    fn check(
        &self,
        given: &Given<'_>,
        request: Request<'_>,
        password: impl Fn(&str) -> Option<String>,
    ) -> Option<(String, u32)> {
        let algorithm = given.algorithm.map_or(Some(Algorithm::Md5), Algorithm::of)?;
        let qop = given.qop.map(|name| Qop::of(name).ok_or(())).transpose().ok()?;
        let is_offered = qop.is_none_or(|qop| self.config.qop.contains(&qop));
        // A response for another request must not open this one.
        let is_ours = self.config.algorithms.contains(&algorithm) && is_offered;
        if !is_ours || given.uri != request.uri || given.cnonce.len() > MOST_CNONCE_OCTETS {
            return None;
        }
        let count = match qop {
            Some(_) => parse_count(given.count)?,
            // RFC 2617 §3.2.2 lets old clients leave qop out; they use each nonce once.
            None => 1,
        };
        let username = unescaped(given.username);
        let password = password(std::str::from_utf8(&username).ok()?)?;
        let mut key = algorithm.key(&username, self.config.realm.as_bytes(), password.as_bytes());
        if algorithm.is_session() {
            let first = self.read(given.nonce).and_then(|(number, _)| self.used.get(&number));
            let cnonce = first.map_or(given.cnonce, |used| used.cnonce.as_slice());
            key = algorithm.session_key(&key, given.nonce, cnonce);
        }
        let of = qop.map(|qop| Use { qop, count, cnonce: given.cnonce });
        let wanted: Hex = algorithm.response(&key, given.nonce, of, request);
        if !wanted.is(given.response) {
            return None;
        }
        String::from_utf8(username).ok().map(|username| (username, count))
    }

    /// Notes one use of a nonce; says whether it is ours, young enough, and used with a higher count than ever before.
    fn count(&mut self, now: Now, given: &Given<'_>, count: u32) -> bool {
        let Some((number, made)) = self.read(given.nonce) else { return false };
        let age = now.mono.saturating_duration_since(self.start).saturating_sub(Duration::from_millis(made));
        if age > self.config.nonce_life || self.forgotten.is_some_and(|last| number <= last) {
            return false;
        }
        let used =
            self.used.entry(number).or_insert_with(|| Used { highest: 0, cnonce: given.cnonce.to_vec() });
        if count <= used.highest {
            return false;
        }
        used.highest = count;
        while self.used.len() > self.config.nonces
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.forgotten = Some(oldest);
        }
        true
    }

    /// Number and milliseconds since the start, in the open, and what proves that we wrote them.
    fn nonce(&self, number: u64, made: u64) -> String {
        let proof = Algorithm::Sha256.hash(&[
            &self.seed.to_be_bytes(),
            &number.to_be_bytes(),
            &made.to_be_bytes(),
            self.config.realm.as_bytes(),
        ]);
        let proof = String::from_utf8_lossy(&proof.as_ref()[..32]).into_owned();
        format!("{number:x}.{made:x}.{proof}")
    }

    /// Number and time of a nonce of ours.
    fn read(&self, nonce: &[u8]) -> Option<(u64, u64)> {
        let text = std::str::from_utf8(nonce).ok()?;
        let mut parts = text.split('.').map(|part| u64::from_str_radix(part, 16));
        let (number, made) = (parts.next()?.ok()?, parts.next()?.ok()?);
        (self.nonce(number, made) == text).then_some((number, made))
    }
}

impl<'a> Given<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let mut items = Items::new(value);
        match items.next()? {
            Item::Scheme(scheme) if scheme.eq_ignore_ascii_case(b"Digest") => {}
            _ => return None,
        }
        let mut given = Self::default();
        for item in items {
            let Item::Parameter(name, value) = item else { return None };
            match name.to_ascii_lowercase().as_slice() {
                b"username" => given.username = value,
                b"realm" => given.realm = Some(value),
                b"nonce" => given.nonce = value,
                b"uri" => given.uri = value,
                b"response" => given.response = value,
                b"algorithm" => given.algorithm = Some(value),
                b"cnonce" => given.cnonce = value,
                b"qop" => given.qop = Some(value),
                b"nc" => given.count = value,
                _ => {}
            }
        }
        Some(given)
    }
}

/// Exactly eight hexadecimal digits, above 0.
fn parse_count(digits: &[u8]) -> Option<u32> {
    if digits.len() != 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let count = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (count > 0).then_some(count)
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
