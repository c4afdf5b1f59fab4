//! One account's answers to challenges, shared by all calls of the account.

use super::{
    Algorithm, Asker, Attempt, Challenge, Credentials, Hex, Qop, Request, Use,
    attempt::Sent,
    parameters::{Item, Items, escaped, unescaped},
};

/// Challenges answered for one request at most.
const MOST_ROUNDS: u8 = 3;

/// Realms kept for one account; the oldest goes first.
const MOST_REALMS: usize = 8;

/// Nonces remembered after they were replaced, so that one that comes back is counted on.
const MOST_RETIRED: usize = 16;

/// Answers the challenges that one account meets. Every request of the account goes through one value of this, because
/// the count of a nonce may never be used twice.
#[derive(Debug)]
pub struct Client {
    credentials: Vec<Credentials>,
    spaces: Vec<Space>,
    retired: Vec<(Vec<u8>, u32)>,
    seed: u64,
    cnonces: u64,
}

/// Why a challenge is not answered: the request has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GiveUp {
    /// No challenge is there, or none of a scheme and algorithm that we have.
    #[error("there is no challenge that can be answered")]
    NoChallenge,
    /// We have no credentials for any of the realms.
    #[error("there are no credentials for the realm")]
    NoCredentials,
    /// The credentials were tried and refused.
    #[error("the credentials were refused")]
    Refused,
    /// Challenged too often for one request.
    #[error("challenged too often")]
    TooManyRounds,
}

/// One realm that has challenged us.
#[derive(Debug)]
struct Space {
    asker: Asker,
    challenge: Challenge,
    /// Which credentials answer it.
    account: usize,
    key: Hex,
    /// The key of the session, once a request began it.
    session: Option<Hex>,
    /// Requests sent with this nonce.
    count: u32,
}

impl Client {
    /// An account that has met no challenge yet. The seed decides its cnonces.
    #[must_use]
    pub fn new(credentials: Vec<Credentials>, seed: u64) -> Self {
        Self { credentials, spaces: Vec::new(), retired: Vec::new(), seed, cnonces: 0 }
    }

    /// Takes the challenges of a 401 or 407: the values of its WWW-Authenticate and Proxy-Authenticate headers, in order.
    ///
    /// # Errors
    /// When the request cannot be repeated with any hope.
    pub fn challenged<'a>(
        &mut self,
        attempt: &mut Attempt,
        values: impl IntoIterator<Item = (Asker, &'a [u8])>,
    ) -> Result<(), GiveUp> {
        if attempt.rounds >= MOST_ROUNDS {
            return Err(GiveUp::TooManyRounds);
        }
        let mut chosen: Vec<(Asker, Challenge)> = Vec::new();
        for (asker, value) in values {
            for challenge in Challenge::parse_list(value).into_iter().flatten() {
                // RFC 8760 §2.4: the topmost that we support is the one to answer.
                let is_new = |(of, one): &(Asker, Challenge)| *of != asker || one.realm != challenge.realm;
                if chosen.len() < MOST_REALMS && chosen.iter().all(is_new) {
                    chosen.push((asker, challenge));
                }
            }
        }
        if chosen.is_empty() {
            return Err(GiveUp::NoChallenge);
        }
        if chosen.iter().any(|(asker, challenge)| attempt.has_failed(*asker, challenge)) {
            return Err(GiveUp::Refused);
        }
        let mut is_answerable = false;
        for (asker, challenge) in chosen {
            let Some(account) = self.account_for(&challenge.realm) else { continue };
            is_answerable = true;
            if !challenge.stale {
                attempt.answered.push((asker, challenge.realm.clone()));
            }
            self.enter(asker, challenge, account);
        }
        if !is_answerable {
            return Err(GiveUp::NoCredentials);
        }
        attempt.rounds += 1;
        Ok(())
    }

    /// The credentials for a request about to be sent: for every realm that has challenged this account, the header's
    /// kind and its value. Each call counts as one use of each nonce, so what it gives must be sent.
    #[must_use]
    pub fn authorize(&mut self, attempt: &mut Attempt, request: Request<'_>) -> Vec<(Asker, Vec<u8>)> {
        attempt.used.clear();
        // A count that would begin anew is a nonce at its end.
        self.spaces.retain(|space| space.count < u32::MAX);
        let (seed, credentials) = (self.seed, &self.credentials);
        let mut written = Vec::with_capacity(self.spaces.len());
        for space in &mut self.spaces {
            self.cnonces += 1;
            let cnonce = Algorithm::Sha256.hash(&[&seed.to_be_bytes(), &self.cnonces.to_be_bytes()]);
            let cnonce = &cnonce.as_ref()[..16];
            let (value, key) = space.value(&credentials[space.account], cnonce, request);
            attempt.used.push(Sent::new(
                space.asker,
                &space.challenge,
                key,
                (space.count, cnonce),
                request.uri,
            ));
            written.push((space.asker, value));
        }
        written
    }

    /// Takes an Authentication-Info of a 2xx to the request of this attempt, whose body is `body`: the nonce that the next
    /// request shall use. Says whether what it proves is right; one that proves nothing is not wrong. Nothing is taken
    /// from one whose proof is wrong, because whoever wrote it does not know the password.
    pub fn authenticated(&mut self, attempt: &Attempt, asker: Asker, value: &[u8], body: &[u8]) -> bool {
        if attempt.is_disproved(asker, value, body) {
            return false;
        }
        let next = Items::new(value).find_map(|item| match item {
            Item::Parameter(name, nonce) if name.eq_ignore_ascii_case(b"nextnonce") => Some(nonce),
            _ => None,
        });
        // The header names no realm, so with two of them it is not known whose nonce it is.
        let mut spaces = self.spaces.iter_mut().filter(|space| space.asker == asker);
        let (Some(next), Some(space), None) = (next, spaces.next(), spaces.next()) else { return true };
        if space.challenge.nonce != next {
            let old = std::mem::replace(&mut space.challenge.nonce, next.to_vec());
            let count = std::mem::replace(&mut space.count, known_count(&self.retired, next));
            retire(&mut self.retired, old, count);
        }
        true
    }

    fn account_for(&self, realm: &[u8]) -> Option<usize> {
        let realm = unescaped(realm);
        let is_named = |one: &Credentials| one.realm.as_ref().is_some_and(|own| own.as_bytes() == realm);
        let named = self.credentials.iter().position(is_named);
        named.or_else(|| self.credentials.iter().position(|one| one.realm.is_none()))
    }

    fn enter(&mut self, asker: Asker, challenge: Challenge, account: usize) {
        let is_same = |space: &Space| space.asker == asker && space.challenge.realm == challenge.realm;
        let mut count = known_count(&self.retired, &challenge.nonce);
        if let Some(index) = self.spaces.iter().position(is_same) {
            let old = self.spaces.remove(index);
            if old.challenge.nonce == challenge.nonce {
                count = old.count;
            } else {
                retire(&mut self.retired, old.challenge.nonce, old.count);
            }
        }
        let of = &self.credentials[account];
        let realm = unescaped(&challenge.realm);
        let key = challenge.algorithm.key(of.username.as_bytes(), &realm, of.password.as_bytes());
        if self.spaces.len() == MOST_REALMS {
            self.spaces.remove(0);
        }
        self.spaces.push(Space { asker, challenge, account, key, session: None, count });
    }
}

impl Space {
    /// The header's value for one request, counted, and the key that its response was made with.
    fn value(&mut self, of: &Credentials, cnonce: &[u8], request: Request<'_>) -> (Vec<u8>, Hex) {
        let Self { challenge, key, .. } = self;
        let algorithm = challenge.algorithm;
        self.count += 1;
        let key = *match algorithm.is_session() {
            true => self.session.get_or_insert_with(|| algorithm.session_key(key, &challenge.nonce, cnonce)),
            false => key,
        };
        let qop = challenge.choose();
        let of_nonce = qop.map(|qop| Use { qop, count: self.count, cnonce });
        let response = algorithm.response(&key, &challenge.nonce, of_nonce, request);

        let mut value = b"Digest ".to_vec();
        if challenge.userhash {
            let user = algorithm.hash(&[of.username.as_bytes(), &unescaped(&challenge.realm)]);
            quoted(&mut value, "username", user.as_ref());
            value.extend_from_slice(b", userhash=true");
        } else {
            quoted(&mut value, "username", &escaped(of.username.as_bytes()));
        }
        quoted(&mut value, "realm", &challenge.realm);
        quoted(&mut value, "nonce", &challenge.nonce);
        quoted(&mut value, "uri", request.uri);
        quoted(&mut value, "response", response.as_ref());
        if challenge.names_algorithm {
            value.extend_from_slice(format!(", algorithm={}", algorithm.name()).as_bytes());
        }
        // Without qop a session's key still has a cnonce in it, which the server cannot guess.
        if qop.is_some() || algorithm.is_session() {
            quoted(&mut value, "cnonce", cnonce);
        }
        if let Some(qop) = qop {
            value.extend_from_slice(format!(", qop={}, nc={:08x}", Qop::name(qop), self.count).as_bytes());
        }
        if let Some(opaque) = &challenge.opaque {
            quoted(&mut value, "opaque", opaque);
        }
        (value, key)
    }
}

/// Appends a parameter whose value stands between quotes, with a comma unless it is the first.
fn quoted(value: &mut Vec<u8>, name: &str, text: &[u8]) {
    if !value.ends_with(b"Digest ") {
        value.extend_from_slice(b", ");
    }
    value.extend_from_slice(name.as_bytes());
    value.extend_from_slice(b"=\"");
    value.extend_from_slice(text);
    value.push(b'"');
}

fn known_count(retired: &[(Vec<u8>, u32)], nonce: &[u8]) -> u32 {
    retired.iter().rev().find(|(one, _)| one == nonce).map_or(0, |(_, count)| *count)
}

fn retire(retired: &mut Vec<(Vec<u8>, u32)>, nonce: Vec<u8>, count: u32) {
    retired.retain(|(one, _)| *one != nonce);
    if retired.len() == MOST_RETIRED {
        retired.remove(0);
    }
    retired.push((nonce, count));
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
