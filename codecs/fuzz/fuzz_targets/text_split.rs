//! Any text into parts of any size: the parts together are the text, none is too large, none cuts a character, and
//! their count is what counting says.
#![no_main]

use codecs::text::{self, Capacity, Charset, SplitError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let [single, part, max_parts, octets @ ..] = octets else { return };
    let text = String::from_utf8_lossy(octets);
    let capacity = Capacity { single: usize::from(*single), part: usize::from(*part) };
    for charset in Charset::ALL {
        let counted = text::count(&text, charset, capacity);
        let parts = match text::split(&text, charset, capacity, *max_parts) {
            Ok(parts) => parts,
            Err(SplitError::TooManyParts { needed }) => {
                assert!(needed > usize::from(*max_parts));
                assert_eq!(counted.map(|count| count.parts), Ok(needed));
                continue;
            }
            Err(refused) => {
                assert_eq!(counted, Err(refused));
                continue;
            }
        };
        let whole = text::encode(&text, charset).expect("it was split");
        assert_eq!(parts.concat(), whole);
        let count = counted.expect("it was split");
        assert_eq!((count.parts, count.units * charset.unit_octets()), (parts.len(), whole.len()));
        let most = if parts.len() == 1 { capacity.single } else { capacity.part.min(capacity.single) };
        let mut joined = String::new();
        for octets in &parts {
            assert!(octets.len() <= most * charset.unit_octets());
            assert!(parts.len() == 1 || !octets.is_empty());
            joined += &text::decode(octets, charset).text;
        }
        assert_eq!(joined, text::decode(&whole, charset).text, "{charset:?} cuts a character");
    }
    let capacity_of = |charset| Capacity::gsm(charset, usize::from(*part));
    if let Ok(plan) = text::plan(&text, &Charset::ALL, capacity_of, *max_parts) {
        assert!(plan.parts.len() <= usize::from(*max_parts));
        assert_eq!(Ok(plan.parts.concat()), text::encode(&text, plan.charset));
        assert_eq!(Some(plan.units), text::units(&text, plan.charset));
    }
    if let Ok(parts) = text::split_binary(octets.to_vec(), capacity, *max_parts) {
        assert!(parts.len() <= usize::from(*max_parts).max(1));
        assert!(parts.iter().all(|part| part.len() <= capacity.single));
        assert_eq!(parts.concat(), octets);
    }
});
