//! What one request has tried, and whether its answer proves to know the password.

use super::{
    Algorithm, Asker, Challenge, Hex, Qop, Request, Use,
    parameters::{Item, Items},
};

/// What one request has tried. It goes with the request over all its repetitions.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    pub(super) rounds: u8,
    /// The realms whose challenge to this very request was answered.
    pub(super) answered: Vec<(Asker, Vec<u8>)>,
    /// What the last repetition carried.
    pub(super) used: Vec<Sent>,
}

impl Attempt {
    /// Whether this challenge says that the credentials are wrong.
    pub(super) fn has_failed(&self, asker: Asker, challenge: &Challenge) -> bool {
        let is_answered = self.answered.iter().any(|(of, realm)| *of == asker && *realm == challenge.realm);
        let is_used = self.used.iter().any(|sent| sent.asker == asker && sent.nonce == challenge.nonce);
        // Credentials sent unasked with an old nonce prove nothing: many servers forget to say that it is stale.
        !challenge.stale && (is_answered || is_used)
    }

    /// Whether an Authentication-Info holds a proof (`rspauth`) that is wrong for what was sent last.
    pub(super) fn is_disproved(&self, asker: Asker, value: &[u8], body: &[u8]) -> bool {
        let get = |wanted: &[u8]| {
            Items::new(value).find_map(|item| match item {
                Item::Parameter(name, value) if name.eq_ignore_ascii_case(wanted) => Some(value),
                _ => None,
            })
        };
        let Some(proof) = get(b"rspauth") else { return false };
        // The header names no realm: the nonce of ours that it shows back says whose proof it is.
        let mut sent = self.used.iter().filter(|sent| sent.asker == asker);
        let found = match get(b"cnonce") {
            Some(cnonce) => sent.find(|sent| sent.cnonce == cnonce),
            None => sent.next(),
        };
        found.is_some_and(|sent| {
            let qop = sent.qop.and(get(b"qop").and_then(Qop::of)).or(sent.qop);
            !sent.proof(qop, body).is(proof)
        })
    }
}

/// What the server's proof of an answer is made from: what was sent, and the key.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    asker: Asker,
    nonce: Vec<u8>,
    algorithm: Algorithm,
    key: Hex,
    qop: Option<Qop>,
    count: u32,
    cnonce: Vec<u8>,
    uri: Vec<u8>,
}

impl Sent {
    /// The credentials that answered a challenge, with their count and our own nonce.
    pub fn new(
        asker: Asker,
        challenge: &Challenge,
        key: Hex,
        (count, cnonce): (u32, &[u8]),
        uri: &[u8],
    ) -> Self {
        let (nonce, cnonce, uri) = (challenge.nonce.clone(), cnonce.to_vec(), uri.to_vec());
        Self {
            asker,
            nonce,
            algorithm: challenge.algorithm,
            key,
            qop: challenge.choose(),
            count,
            cnonce,
            uri,
        }
    }

    /// What only one who knows the password can say of an answer with this body.
    fn proof(&self, qop: Option<Qop>, body: &[u8]) -> Hex {
        let of = qop.map(|qop| Use { qop, count: self.count, cnonce: &self.cnonce });
        let answer = Request { method: b"", uri: &self.uri, body };
        self.algorithm.response(&self.key, &self.nonce, of, answer)
    }
}
