//! Words for branches and tags that nobody can guess, from a seed.

use md5::{Digest, Md5};

/// Octets of a branch.
pub const BRANCH_OCTETS: usize = COOKIE.len() + TOKEN_OCTETS;

/// Octets of a token: 96 bits.
const TOKEN_OCTETS: usize = 24;
/// What a branch begins with that is unique.
const COOKIE: &[u8; 7] = b"z9hG4bK";

/// A word of hexadecimal digits.
pub(super) type Token = [u8; TOKEN_OCTETS];

/// The words of one seed.
#[derive(Debug)]
pub(super) struct Tokens {
    seed: u64,
    drawn: u64,
}

impl Tokens {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A branch that was never given before.
    pub fn branch(&mut self) -> [u8; BRANCH_OCTETS] {
        self.drawn += 1;
        let mut branch = [0; BRANCH_OCTETS];
        let (cookie, token) = branch.split_at_mut(COOKIE.len());
        cookie.copy_from_slice(COOKIE);
        token.copy_from_slice(&self.hash(&[b"branch", &self.drawn.to_be_bytes()]));
        branch
    }

    /// The same word whenever the parts are the same.
    pub fn of(&self, parts: &[&[u8]]) -> Token {
        self.hash(parts)
    }

    fn hash(&self, parts: &[&[u8]]) -> Token {
        let mut digest = Md5::new_with_prefix(self.seed.to_be_bytes());
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest: [u8; 16] = digest.finalize().into();
        let mut token = [0; TOKEN_OCTETS];
        for (digits, octet) in token.chunks_exact_mut(2).zip(digest) {
            digits[0] = b"0123456789abcdef"[usize::from(octet >> 4)];
            digits[1] = b"0123456789abcdef"[usize::from(octet & 15)];
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn branches_are_new_each_time_and_the_same_from_the_same_seed() {
        let mut tokens = Tokens::new(7);
        let branches: Vec<_> = (0..1000).map(|_| tokens.branch()).collect();
        assert!(branches.iter().all(|branch| branch.starts_with(COOKIE)));
        assert_eq!(branches.iter().collect::<HashSet<_>>().len(), 1000);
        let mut again = Tokens::new(7);
        assert!(branches.iter().all(|branch| *branch == again.branch()));
        assert_ne!(Tokens::new(8).branch(), branches[0]);
    }

    #[test]
    fn parts_are_kept_apart() {
        let tokens = Tokens::new(7);
        assert_eq!(tokens.of(&[b"ab", b"c"]), tokens.of(&[b"ab", b"c"]));
        assert_ne!(tokens.of(&[b"ab", b"c"]), tokens.of(&[b"a", b"bc"]));
    }
}
