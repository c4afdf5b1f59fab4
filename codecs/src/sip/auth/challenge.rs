//! A Digest challenge, as a client reads it.

use super::{
    Algorithm, Qop,
    parameters::{Item, Items},
};

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The realm as it stands between its quotes.
    pub realm: Vec<u8>,
    /// The nonce as it stands between its quotes.
    pub nonce: Vec<u8>,
    /// What is to be returned unchanged.
    pub opaque: Option<Vec<u8>>,
    /// The algorithm; MD5 if none was named.
    pub algorithm: Algorithm,
    /// Whether one was named.
    pub names_algorithm: bool,
    /// What the server offers to protect, in its order; empty: the form of RFC 2069.
    pub qop: Vec<Qop>,
    /// Only the nonce was too old; the credentials were right.
    pub stale: bool,
    /// The username shall be sent hashed.
    pub userhash: bool,
}

/// Why a challenge cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// It is Basic, or a scheme that we do not have.
    Scheme,
    /// It cannot be read, or has no realm or nonce.
    Malformed,
    /// Its hash is one that we do not have.
    Algorithm,
    /// It wants something protected that we do not know.
    Qop,
}

impl Challenge {
    /// Every challenge of one header, in order.
    #[must_use]
    pub fn parse_list(value: &[u8]) -> Vec<Result<Self, Unusable>> {
        let mut challenges = Vec::new();
        let mut scheme = None;
        let mut parameters = Vec::new();
        let mut is_malformed = false;
        for item in Items::new(value) {
            match item {
                Item::Scheme(next) => {
                    challenges.extend(scheme.replace(next).map(|scheme| Self::of(scheme, &parameters)));
                    parameters.clear();
                }
                Item::Parameter(name, value) => parameters.push((name, value)),
                Item::Malformed => is_malformed = true,
            }
        }
        match scheme {
            _ if is_malformed => challenges.push(Err(Unusable::Malformed)),
            Some(scheme) => challenges.push(Self::of(scheme, &parameters)),
            None => challenges.push(Err(Unusable::Malformed)),
        }
        challenges
    }

    /// The first challenge of one header.
    ///
    /// # Errors
    /// When it cannot be answered.
    pub fn parse(value: &[u8]) -> Result<Self, Unusable> {
        Self::parse_list(value).into_iter().next().unwrap_or(Err(Unusable::Malformed))
    }

    fn of(scheme: &[u8], parameters: &[(&[u8], &[u8])]) -> Result<Self, Unusable> {
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return Err(Unusable::Scheme);
        }
        let get = |name: &str| {
            let mut found = parameters.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
            found.next().map(|(_, value)| *value)
        };
        let is_true = |name| get(name).is_some_and(|value| value.eq_ignore_ascii_case(b"true"));
        let (Some(realm), Some(nonce)) = (get("realm"), get("nonce")) else {
            return Err(Unusable::Malformed);
        };
        let algorithm = get("algorithm");
        let qop = get("qop").unwrap_or_default();
        let offered: Vec<_> = qop.split(|octet| *octet == b',').map(<[u8]>::trim_ascii).collect();
        let known: Vec<_> = offered.iter().filter_map(|name| Qop::of(name)).collect();
        if known.is_empty() && offered.iter().any(|name| !name.is_empty()) {
            return Err(Unusable::Qop);
        }
        Ok(Self {
            realm: realm.to_vec(),
            nonce: nonce.to_vec(),
            opaque: get("opaque").map(<[u8]>::to_vec),
            algorithm: match algorithm {
                Some(name) => Algorithm::of(name).ok_or(Unusable::Algorithm)?,
                None => Algorithm::Md5,
            },
            names_algorithm: algorithm.is_some(),
            qop: known,
            stale: is_true("stale"),
            userhash: is_true("userhash"),
        })
    }

    /// What is to be protected: `auth`, because border controllers on the way change bodies, unless the server insists.
    #[must_use]
    pub fn choose(&self) -> Option<Qop> {
        if self.qop.contains(&Qop::Auth) { Some(Qop::Auth) } else { self.qop.first().copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_that_servers_send() {
        let challenge = Challenge::parse(
            b"DiGeSt\r\n\trealm=\"a\",\r\n\tqop=\"auth-int, auth\",\r\n\tnonce=\"n\",\r\n\topaque=\"0\",\r\n\talgoriTHm=md5",
        )
        .unwrap();
        assert_eq!((challenge.realm.as_slice(), challenge.nonce.as_slice()), (&b"a"[..], &b"n"[..]));
        assert_eq!(challenge.opaque.as_deref(), Some(&b"0"[..]));
        assert_eq!((challenge.algorithm, challenge.names_algorithm), (Algorithm::Md5, true));
        assert_eq!(
            (&challenge.qop[..], challenge.choose()),
            (&[Qop::AuthInt, Qop::Auth][..], Some(Qop::Auth))
        );

        let lax = Challenge::parse(
            b"Digest realm=\"r\", nonce=\"n\", qop=auth, stale=\"TRUE\", algorithm=\"SHA-256\"",
        );
        let lax = lax.unwrap();
        assert_eq!((lax.algorithm, lax.stale, lax.choose()), (Algorithm::Sha256, true, Some(Qop::Auth)));

        let bare = Challenge::parse(b"Digest realm=\"r\",nonce=\"n\"").unwrap();
        assert_eq!((bare.algorithm, bare.names_algorithm, bare.choose()), (Algorithm::Md5, false, None));
        assert!(!bare.stale && !bare.userhash);

        let integrity =
            Challenge::parse(b"Digest realm=\"r\",nonce=\"n\",qop=\"auth-int,x\",userhash=true").unwrap();
        assert_eq!((integrity.choose(), integrity.userhash), (Some(Qop::AuthInt), true));
    }

    #[test]
    fn says_what_it_cannot_answer() {
        for (value, wanted) in [
            (&b"Basic realm=\"r\""[..], Unusable::Scheme),
            (b"Digest realm=\"r\"", Unusable::Malformed),
            (b"Digest nonce=\"n\"", Unusable::Malformed),
            (b"Digest realm=\"r\", nonce=\"n", Unusable::Malformed),
            (b"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256\nsess", Unusable::Malformed),
            (b"realm=\"r\", nonce=\"n\"", Unusable::Malformed),
            (b"", Unusable::Malformed),
            (b"Digest realm=\"r\", nonce=\"n\", algorithm=CHACHA123", Unusable::Algorithm),
            (b"Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"", Unusable::Qop),
        ] {
            assert_eq!(Challenge::parse(value), Err(wanted), "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn one_header_may_hold_several_challenges() {
        let all = Challenge::parse_list(
            b"Digest realm=\"r\",nonce=\"1\",algorithm=SHA-256, Basic realm=\"r\", Digest realm=\"r\",nonce=\"2\"",
        );
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].as_ref().unwrap().algorithm, Algorithm::Sha256);
        assert_eq!(all[1], Err(Unusable::Scheme));
        assert_eq!(all[2].as_ref().unwrap().nonce, b"2");
    }
}
