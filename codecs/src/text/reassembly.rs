//! From the parts of long messages, in any order and with repeats, back to whole messages.
//!
//! Bounded in memory: when there is too much, the oldest message is handed out incomplete. What is lost in a restart,
//! and a part that is repeated after its message was handed out, are left to the caller.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    charset::{self, Charset, Decoded},
    udh::{Concat, Width},
};

/// Limits of one [`Reassembly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How long a message may wait for its other parts, from the first that came. Minutes to hours.
    pub timeout: Duration,
    /// Messages that may be incomplete at a time.
    pub max_messages: usize,
    /// Octets that all their parts may have together.
    pub max_octets: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3600), max_messages: 10_000, max_octets: 16 << 20 }
    }
}

/// One part that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<P = ()> {
    /// Its octets, without the user data header.
    pub octets: Bytes,
    /// What the caller keeps with it, e.g. which stored record to delete.
    pub payload: P,
}

/// A message that is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled<K, P = ()> {
    /// The caller's key, e.g. trunk, sender and recipient.
    pub key: K,
    /// Reference and total of the message; `part` is that of the part that came first.
    pub concat: Concat,
    /// The parts by their number, from 1; `None` where a part never came.
    pub parts: Vec<Option<Part<P>>>,
    /// All parts are there.
    pub complete: bool,
}

impl<K, P> Assembled<K, P> {
    /// The octets of all parts that are there, one after the other.
    #[must_use]
    pub fn joined(&self) -> Vec<u8> {
        let there: Vec<&[u8]> = self.parts.iter().flatten().map(|part| &part.octets[..]).collect();
        there.concat()
    }

    /// The text of all parts that are there. Senders that change the charset within one message exist, so `charset_of`
    /// tells that of each part; parts in a row that have the same are read together, because some senders cut
    /// characters in two.
    #[must_use]
    pub fn decoded(&self, charset_of: impl Fn(&P) -> Charset) -> Decoded {
        let mut decoded = Decoded { text: String::new(), lossy: false };
        let there: Vec<&Part<P>> = self.parts.iter().flatten().collect();
        for run in there.chunk_by(|a, b| charset_of(&a.payload) == charset_of(&b.payload)) {
            let octets: Vec<&[u8]> = run.iter().map(|part| &part.octets[..]).collect();
            let Decoded { text, lossy } = charset::decode(&octets.concat(), charset_of(&run[0].payload));
            decoded.text.push_str(&text);
            decoded.lossy |= lossy;
        }
        decoded
    }
}

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added<P = ()> {
    /// It is kept, or its message is ready for [`Reassembly::poll_assembled`].
    Kept,
    /// The same part is there already; its payload goes back.
    Repeated(P),
}

/// Incomplete messages of many senders. After every call that takes `&mut self`, drain
/// [`poll_assembled`](Self::poll_assembled).
#[derive(Debug)]
pub struct Reassembly<K, P = ()> {
    config: Config,
    open: HashMap<Identity<K>, Open<P>>,
    /// The open messages by age; numbers only grow.
    ages: BTreeMap<u64, Identity<K>>,
    next_age: u64,
    octets: usize,
    ready: VecDeque<Assembled<K, P>>,
}

/// What the parts of one message have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity<K> {
    key: K,
    reference: u16,
    width: Width,
    total: u8,
}

#[derive(Debug)]
struct Open<P> {
    age: u64,
    deadline: Instant,
    first: Concat,
    octets: usize,
    /// By number: a total of 255 must not cost 255 places before the parts are there.
    parts: BTreeMap<u8, Part<P>>,
}

impl<K: Hash + Eq + Clone, P> Reassembly<K, P> {
    /// Without any message.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            open: HashMap::new(),
            ages: BTreeMap::new(),
            next_age: 0,
            octets: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes one part. `octets` is kept as it is, so it should not be a small piece of a large buffer.
    ///
    /// A part with the number of another but with other content means that the sender uses the reference again: what
    /// is there is handed out incomplete and a new message starts. A part whose numbers can't be is a message of its
    /// own.
    pub fn add(&mut self, now: Instant, key: K, concat: Concat, octets: Bytes, payload: P) -> Added<P> {
        let part = Part { octets, payload };
        if concat.total == 1 || !concat.is_sound() {
            self.ready.push_back(Assembled { key, concat, parts: vec![Some(part)], complete: true });
            return Added::Kept;
        }
        let Concat { reference, width, total, part: number } = concat;
        let identity = Identity { key, reference, width, total };
        if let Some(there) = self.open.get(&identity).and_then(|open| open.parts.get(&number)) {
            if there.octets == part.octets {
                return Added::Repeated(part.payload);
            }
            self.hand_out(&identity);
        }
        self.keep(now, &identity, concat, part);
        while self.open.len() > self.config.max_messages || self.octets > self.config.max_octets {
            self.hand_out_oldest();
        }
        Added::Kept
    }

    /// The next message that is whole or was given up. `None`: nothing until more parts or time come.
    pub fn poll_assembled(&mut self) -> Option<Assembled<K, P>> {
        self.ready.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, oldest) = self.ages.first_key_value()?;
        self.open.get(oldest).map(|open| open.deadline)
    }

    /// Gives up what has waited for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.hand_out_oldest();
        }
    }

    /// Gives up everything, e.g. before an orderly end: the incomplete messages are ready to be polled.
    pub fn handle_close(&mut self) {
        while !self.ages.is_empty() {
            self.hand_out_oldest();
        }
    }

    /// Messages that wait for parts.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.open.len()
    }

    /// Octets of the parts that are kept.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets
    }

    fn keep(&mut self, now: Instant, identity: &Identity<K>, concat: Concat, part: Part<P>) {
        let (age, deadline) = (self.next_age, now + self.config.timeout);
        let open = self.open.entry(identity.clone()).or_insert_with(|| {
            self.ages.insert(age, identity.clone());
            self.next_age += 1;
            Open { age, deadline, first: concat, octets: 0, parts: BTreeMap::new() }
        });
        open.octets += part.octets.len();
        self.octets += part.octets.len();
        open.parts.insert(concat.part, part);
        if open.parts.len() == usize::from(concat.total) {
            self.hand_out(identity);
        }
    }

    fn hand_out_oldest(&mut self) {
        if let Some((_, identity)) = self.ages.pop_first() {
            self.hand_out(&identity);
        }
    }

    fn hand_out(&mut self, identity: &Identity<K>) {
        let Some((Identity { key, total, .. }, mut open)) = self.open.remove_entry(identity) else { return };
        self.ages.remove(&open.age);
        self.octets -= open.octets;
        let complete = open.parts.len() == usize::from(total);
        let parts = (1..=total).map(|number| open.parts.remove(&number)).collect();
        self.ready.push_back(Assembled { key, concat: open.first, parts, complete });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Config = Config { timeout: Duration::from_secs(60), max_messages: 3, max_octets: 100 };

    struct Bench {
        reassembly: Reassembly<&'static str, u32>,
        start: Instant,
        payload: u32,
    }

    impl Bench {
        // A test needs some instant to count from; nothing depends on which.
        #[expect(clippy::disallowed_methods)]
        fn new() -> Self {
            Self { reassembly: Reassembly::new(CONFIG), start: Instant::now(), payload: 0 }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        /// Adds a part at a second; the payloads count up from 1.
        fn add(
            &mut self,
            second: u64,
            key: &'static str,
            concat: Concat,
            octets: &'static [u8],
        ) -> Added<u32> {
            self.payload += 1;
            let now = self.at(second);
            self.reassembly.add(now, key, concat, Bytes::from_static(octets), self.payload)
        }

        /// Key, joined octets, complete.
        fn polled(&mut self) -> Option<(&'static str, Vec<u8>, bool)> {
            let assembled = self.reassembly.poll_assembled()?;
            Some((assembled.key, assembled.joined(), assembled.complete))
        }
    }

    fn concat(reference: u16, total: u8, part: u8) -> Concat {
        Concat { reference, width: Width::Eight, total, part }
    }

    #[test]
    fn joins_parts_in_any_order() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 3, 3), b"three");
        bench.add(0, "a", concat(7, 3, 1), b"one");
        assert_eq!(bench.polled(), None);
        bench.add(0, "a", concat(7, 3, 2), b"two");
        let whole = bench.reassembly.poll_assembled().unwrap();
        assert_eq!(
            (whole.joined(), whole.complete, whole.concat),
            (b"onetwothree".to_vec(), true, concat(7, 3, 3))
        );
        let payloads: Vec<u32> = whole.parts.iter().flatten().map(|part| part.payload).collect();
        assert_eq!(payloads, [2, 3, 1]);
        assert_eq!((bench.reassembly.messages(), bench.reassembly.octets()), (0, 0));
        assert_eq!(bench.reassembly.poll_timeout(), None);
    }

    #[test]
    fn reads_parts_of_several_charsets_and_characters_cut_in_two() {
        let part =
            |octets: &'static [u8], payload| Some(Part { octets: Bytes::from_static(octets), payload });
        let assembled = Assembled {
            key: "a",
            concat: concat(7, 4, 1),
            parts: vec![
                part(&[0x4F, 0x60, 0xD8, 0x3D], Charset::Ucs2),
                part(&[0xDE, 0x00], Charset::Ucs2),
                None,
                part(b"abc", Charset::Ascii),
            ],
            complete: false,
        };
        let decoded = assembled.decoded(|&charset| charset);
        assert_eq!(decoded, Decoded { text: "你😀abc".to_owned(), lossy: false });
    }

    #[test]
    fn gives_the_payload_of_a_repeated_part_back() {
        let mut bench = Bench::new();
        assert_eq!(bench.add(0, "a", concat(7, 2, 1), b"one"), Added::Kept);
        assert_eq!(bench.add(0, "a", concat(7, 2, 1), b"one"), Added::Repeated(2));
        bench.add(0, "a", concat(7, 2, 2), b"two");
        assert_eq!(bench.polled(), Some(("a", b"onetwo".to_vec(), true)));
    }

    #[test]
    fn other_content_under_the_same_number_starts_a_new_message() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 2, 1), b"old");
        bench.add(1, "a", concat(7, 2, 1), b"new");
        assert_eq!(bench.polled(), Some(("a", b"old".to_vec(), false)));
        bench.add(2, "a", concat(7, 2, 2), b"er");
        assert_eq!(bench.polled(), Some(("a", b"newer".to_vec(), true)));
        assert_eq!(bench.polled(), None);
    }

    #[test]
    fn key_reference_width_and_total_tell_messages_apart() {
        let mut bench = Bench::new();
        bench.reassembly = Reassembly::new(Config { max_messages: 9, ..CONFIG });
        let wide = Concat { width: Width::Sixteen, ..concat(7, 2, 1) };
        bench.add(0, "a", concat(7, 2, 1), b"1");
        bench.add(0, "b", concat(7, 2, 1), b"2");
        bench.add(0, "a", concat(8, 2, 1), b"3");
        bench.add(0, "a", concat(7, 3, 1), b"4");
        bench.add(0, "a", wide, b"5");
        assert_eq!((bench.polled(), bench.reassembly.messages()), (None, 5));
    }

    #[test]
    fn a_message_of_one_part_is_complete_at_once() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 1, 1), b"all");
        assert_eq!(bench.polled(), Some(("a", b"all".to_vec(), true)));
        // Numbers that can't be: nothing to wait for.
        for (total, part) in [(0, 0), (2, 0), (2, 3)] {
            bench.add(0, "a", concat(7, total, part), b"all");
            assert_eq!(bench.polled(), Some(("a", b"all".to_vec(), true)));
        }
        assert_eq!(bench.reassembly.messages(), 0);
    }

    #[test]
    fn gives_up_when_the_time_is_over_counted_from_the_first_part() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 3, 2), b"two");
        bench.add(10, "b", concat(7, 2, 1), b"one");
        bench.add(50, "a", concat(7, 3, 3), b"three");
        assert_eq!(bench.reassembly.poll_timeout(), Some(bench.at(60)));
        bench.reassembly.handle_timeout(bench.at(59));
        assert_eq!(bench.polled(), None);
        bench.reassembly.handle_timeout(bench.at(60));
        let given_up = bench.reassembly.poll_assembled().unwrap();
        assert_eq!((given_up.joined(), given_up.complete), (b"twothree".to_vec(), false));
        assert_eq!(given_up.parts[0], None);
        assert_eq!(bench.reassembly.poll_timeout(), Some(bench.at(70)));
        assert_eq!(bench.reassembly.octets(), 3);
    }

    #[test]
    fn hands_out_the_oldest_when_there_are_too_many_messages() {
        let mut bench = Bench::new();
        for (key, second) in [("a", 0), ("b", 1), ("c", 2), ("d", 3)] {
            bench.add(second, key, concat(7, 2, 1), b"1");
        }
        assert_eq!(bench.polled(), Some(("a", b"1".to_vec(), false)));
        assert_eq!(bench.polled(), None);
        assert_eq!(bench.reassembly.messages(), CONFIG.max_messages);
    }

    #[test]
    fn hands_out_the_oldest_when_there_are_too_many_octets() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 2, 1), &[1; 40]);
        bench.add(1, "b", concat(7, 2, 1), &[2; 40]);
        bench.add(2, "c", concat(7, 2, 1), &[3; 90]);
        assert_eq!(bench.polled().map(|(key, ..)| key), Some("a"));
        assert_eq!(bench.polled().map(|(key, ..)| key), Some("b"));
        assert_eq!((bench.polled(), bench.reassembly.octets()), (None, 90));
        // One that is too large by itself does not stay either.
        bench.add(3, "d", concat(7, 2, 1), &[4; 101]);
        assert_eq!(bench.polled().map(|(key, ..)| key), Some("c"));
        assert_eq!(bench.polled().map(|(key, ..)| key), Some("d"));
        assert_eq!((bench.reassembly.messages(), bench.reassembly.octets()), (0, 0));
    }

    #[test]
    fn hands_everything_out_in_the_end() {
        let mut bench = Bench::new();
        bench.add(0, "a", concat(7, 2, 1), b"1");
        bench.add(0, "b", concat(7, 2, 2), b"2");
        bench.reassembly.handle_close();
        assert_eq!(bench.polled(), Some(("a", b"1".to_vec(), false)));
        assert_eq!(bench.polled(), Some(("b", b"2".to_vec(), false)));
        assert_eq!(bench.reassembly.messages(), 0);
    }
}
