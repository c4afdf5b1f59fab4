//! A hash for maps whose keys are ids: several times as fast as the standard one, which guards against keys chosen by
//! an enemy. Ours are UUIDs of our own making, digests, and numbers; a carrier could only slow down its own trunk.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by ids.
pub(super) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<Folding>>;

/// An odd number without pattern: the fraction of the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folds eight octets at a time into one number by a widening multiplication.
#[derive(Default)]
pub(super) struct Folding(u64);

impl Folding {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ MULTIPLIER) * u128::from(MULTIPLIER.rotate_left(32) | 1);
        // Both halves: the low one alone would leave the high octets of a word without effect on the low bits.
        self.0 = (product as u64) ^ ((product >> 64) as u64).rotate_left(23);
    }
}

impl Hasher for Folding {
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.fold(u64::from_le_bytes(word) ^ (rest.len() as u64) << 56);
        }
    }

    fn write_u8(&mut self, octet: u8) {
        self.fold(u64::from(octet));
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        hash::{BuildHasher, BuildHasherDefault},
    };

    use super::*;
    use crate::domain::MessageId;

    #[test]
    fn ids_spread_over_all_bits() {
        let hasher = BuildHasherDefault::<Folding>::default();
        let hashes: Vec<u64> =
            (0..40_000).map(|number| hasher.hash_one((MessageId::fresh(), number as u8))).collect();
        // A map uses the low bits for the place and the highest seven to tell neighbours apart.
        for shift in [0, 20, 48] {
            let places: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 0xffff).collect();
            // By chance alone 65536 * (1 - e^(-40000/65536)) = 29,940 places are taken.
            assert!((29_300..30_600).contains(&places.len()), "{} places at {shift}", places.len());
        }
    }
}
