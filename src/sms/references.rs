//! References of long messages: a phone joins parts by sender and reference, so two messages that are on their way from one
//! sender to one phone must not share theirs.
//!
//! Each pair counts on from its own last reference while that is remembered, an hour at least; others take the next of a
//! common count, which begins at random. So a pair uses one again after 256 long messages, or 65,536 where references
//! have 16 bits. What was sent before a restart is not remembered.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::domain::{Content, Message};

/// How long a pair is remembered at least, unless there are too many.
const MEMORY: Duration = Duration::from_secs(3600);
/// Pairs of one generation: two of them take some 4 MiB.
const PAIRS: usize = 1 << 17;
/// UTF-16 units of text, or octets, that fit into one part whatever its alphabet.
const SHORT: usize = 70;
/// Octets of UTF-8 that a UTF-16 unit has at most.
const WIDEST: usize = 3;

/// Hands out references.
pub(super) struct References(Mutex<Memory>);

struct Memory {
    next: u16,
    /// By a digest of the pair; two that share one only count on together.
    young: HashMap<u64, u16>,
    old: HashMap<u64, u16>,
    /// When the young began to gather.
    since: Option<Instant>,
}

impl References {
    /// References whose common count begins at `first`.
    pub(super) fn new(first: u16) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self(Mutex::new(Memory { next: first, young, old, since: None }))
    }

    /// The reference for a message. One that is surely short needs none: 0.
    pub(super) fn next(&self, message: &Message, now: Instant) -> u16 {
        if is_short(&message.content) {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        (message.sender.as_str(), message.to.comparable()).hash(&mut hasher);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next(hasher.finish(), now)
    }
}

/// Says whether it is sure to fit into one part. Most messages do, and none of them may cost a look at the memory.
fn is_short(content: &Content) -> bool {
    match content {
        Content::Text(text) => {
            text.len() <= SHORT || (text.len() <= SHORT * WIDEST && text.encode_utf16().count() <= SHORT)
        }
        Content::Binary(content) => content.user_data_header.len() + content.data.len() <= SHORT,
    }
}

impl Memory {
    fn next(&mut self, pair: u64, now: Instant) -> u16 {
        let since = *self.since.get_or_insert(now);
        if self.young.len() >= PAIRS || now.saturating_duration_since(since) >= MEMORY {
            self.old = std::mem::take(&mut self.young);
            self.since = Some(now);
        }
        let reference = match self.young.get(&pair).or_else(|| self.old.get(&pair)) {
            Some(last) => last.wrapping_add(1),
            None => {
                self.next = self.next.wrapping_add(1);
                self.next
            }
        };
        self.young.insert(pair, reference);
        reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock,
        domain::{Number, testing},
    };

    fn long(to: &str) -> Message {
        testing::message(|message| {
            message.to = Number::parse(to).unwrap();
            message.content = Content::Text("x".repeat(200));
        })
    }

    #[test]
    fn a_pair_counts_on_whatever_others_take() {
        let (references, now) = (References::new(u16::MAX), clock::now().mono);
        let first = references.next(&long("13800138000"), now);
        for number in 0..1000 {
            references.next(&long(&format!("1390000{number:04}")), now);
        }
        // Written in another form it is the same phone.
        assert_eq!(references.next(&long("+8613800138000"), now), first.wrapping_add(1));
        let later = now + MEMORY;
        assert_eq!(references.next(&long("13800138000"), later), first.wrapping_add(2));
        let after_two = later + MEMORY + MEMORY;
        references.next(&long("13900000000"), later + MEMORY);
        assert_ne!(references.next(&long("13800138000"), after_two), first.wrapping_add(3), "forgotten");
    }

    #[test]
    fn only_what_fits_into_one_part_of_any_alphabet_is_short() {
        for (text, short) in [
            ("x".repeat(70), true),
            ("x".repeat(71), false),
            ("码".repeat(70), true),
            ("码".repeat(71), false),
            // Two units each.
            ("😀".repeat(35), true),
            ("😀".repeat(36), false),
        ] {
            assert_eq!(is_short(&Content::Text(text.as_str().into())), short, "{text}");
        }
    }

    #[test]
    fn memory_is_bounded_and_short_messages_take_no_reference() {
        let (mut memory, now) = (References::new(7).0.into_inner().unwrap(), clock::now().mono);
        for pair in 0..3 * PAIRS as u64 {
            memory.next(pair, now);
        }
        assert!(memory.young.len() <= PAIRS && memory.old.len() <= PAIRS);
        assert_eq!(References::new(7).next(&testing::message(|_| {}), now), 0);
    }
}
