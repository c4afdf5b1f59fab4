//! Words and numbers that nobody outside can guess, from a seed.

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::sip::{Message, Name};

/// Tags, Call-IDs and random waits of one seed.
#[derive(Debug)]
pub(super) struct Tokens {
    seed: u64,
    drawn: u64,
}

impl Tokens {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A word of 64 bits that was never given before.
    pub fn token(&mut self) -> Bytes {
        Bytes::from(format!("{:016x}", self.number()))
    }

    /// The To tag of what is answered without a dialog: the same whenever the request comes again, though nothing of it
    /// is kept (RFC 3261 §8.2.7).
    pub fn tag_of(&self, request: &Message) -> Bytes {
        let mut digest = Md5::new_with_prefix(self.seed.to_be_bytes());
        digest.update(b"tag");
        for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
            digest.update(request.field(name).unwrap_or_default());
            digest.update(b"\n");
        }
        Bytes::from(digest.finalize()[..8].iter().map(|octet| format!("{octet:02x}")).collect::<String>())
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.drawn += 1;
        let mut digest = Md5::new_with_prefix(self.seed.to_be_bytes());
        digest.update(b"ua");
        digest.update(self.drawn.to_be_bytes());
        let digest: [u8; 16] = digest.finalize().into();
        digest[..8].iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
    }

    /// A number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_again_gets_the_same_tag_and_another_one_another() {
        let invite = |branch: &str| {
            let text =
                format!("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nCall-ID: 1\r\n\r\n");
            Message::parse(Bytes::from(text)).unwrap()
        };
        let (one, other) = (Tokens::new(7), Tokens::new(8));
        assert_eq!(one.tag_of(&invite("1")), one.tag_of(&invite("1")));
        assert_ne!(one.tag_of(&invite("1")), one.tag_of(&invite("2")));
        assert_ne!(one.tag_of(&invite("1")), other.tag_of(&invite("1")));
    }

    #[test]
    fn the_same_seed_gives_the_same_words_and_each_only_once() {
        let (mut one, mut other) = (Tokens::new(7), Tokens::new(7));
        let words: Vec<_> = (0..1000).map(|_| one.token()).collect();
        assert!(words.iter().all(|word| *word == other.token()));
        assert_eq!(words.iter().collect::<std::collections::HashSet<_>>().len(), 1000);
        assert!((0..1000).map(|_| one.between(5, 7)).all(|number| (5..=7).contains(&number)));
    }
}
