//! Any parts of any messages, and time: every part comes out once, in a message where it belongs, and what is kept
//! stays within its limits.
#![no_main]

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use codecs::text::{Added, Assembled, Concat, Reassembly, Width, reassembly::Config};
use libfuzzer_sys::fuzz_target;

const CONFIG: Config = Config { timeout: Duration::from_secs(60), max_messages: 4, max_octets: 64 };

/// A part that went in: the sender and what it says of itself, and its octets.
type Given = (u8, Concat, Bytes);

fn take(reassembly: &mut Reassembly<u8, usize>, inside: &mut HashMap<usize, Given>) {
    while let Some(Assembled { key, concat, parts, complete }) = reassembly.poll_assembled() {
        assert_eq!(complete, parts.iter().all(Option::is_some));
        assert!(parts.len() <= usize::from(concat.total).max(1));
        for (index, part) in parts.into_iter().enumerate() {
            let Some(part) = part else { continue };
            let Some((sender, its, octets)) = inside.remove(&part.payload) else {
                panic!("{} comes out twice", part.payload);
            };
            assert_eq!((key, octets), (sender, part.octets));
            assert_eq!(Concat { part: its.part, ..concat }, its, "in a message of another reference");
            assert!(usize::from(its.part) == index + 1 || !its.is_sound(), "part {} as {index}", its.part);
        }
    }
}

fuzz_target!(|octets: &[u8]| {
    let mut now = Instant::now();
    let mut reassembly = Reassembly::new(CONFIG);
    let mut inside = HashMap::new();
    for (serial, step) in octets.chunks_exact(5).enumerate() {
        let [kind, reference, total, part, size] = step else { continue };
        if *kind & 0xF0 == 0xF0 {
            now += Duration::from_secs(u64::from(*size));
            reassembly.handle_timeout(now);
            assert!(reassembly.poll_timeout().is_none_or(|deadline| deadline > now));
        } else {
            let width = if kind & 1 == 0 { Width::Eight } else { Width::Sixteen };
            let concat =
                Concat { reference: u16::from(reference & 3), width, total: total & 7, part: part & 7 };
            let content = Bytes::from(vec![size >> 6; usize::from(size & 31)]);
            let sender = (kind >> 1) & 1;
            inside.insert(serial, (sender, concat, content.clone()));
            match reassembly.add(now, sender, concat, content, serial) {
                Added::Kept => {}
                Added::Repeated(payload) => assert!(inside.remove(&payload).is_some()),
            }
        }
        take(&mut reassembly, &mut inside);
        assert!(reassembly.messages() <= CONFIG.max_messages && reassembly.octets() <= CONFIG.max_octets);
    }
    reassembly.handle_close();
    take(&mut reassembly, &mut inside);
    assert!(inside.is_empty() && reassembly.messages() == 0 && reassembly.octets() == 0);
});
