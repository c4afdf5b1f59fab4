//! What must hold for every text, every cut and every order of parts.

use std::time::{Duration, Instant};

use bytes::Bytes;
use codecs::text::{
    Added, Capacity, Charset, Concat, Reassembly, Udh, Width, count, decode, encode, fits,
    gsm7::{Gsm7National, Language, packing},
    plan,
    reassembly::Config,
    split, split_binary, units,
};
use proptest::{collection::vec, prelude::*, sample::select};

/// Every charset of text: all but the last.
const TEXT: &[Charset] = Charset::ALL.split_at(Charset::ALL.len() - 1).0;

/// Characters with something to cut in every charset; the few that can't come back alike are left out.
fn character() -> impl Strategy<Value = char> {
    let any = any::<char>().prop_filter("marks and private use", |&character| {
        !matches!(character, '\u{FEFF}' | '\u{FFFE}' | '\u{E000}'..='\u{F8FF}')
    });
    prop_oneof![
        4 => select("abc {}[]~^\\|€@£éÄß\n".chars().collect::<Vec<_>>()),
        3 => select("你好【】、ａ㐀éЖя№שת".chars().collect::<Vec<_>>()),
        2 => select("😀𠀀𐐷".chars().collect::<Vec<_>>()),
        1 => any,
    ]
}

/// A charset and a text that it can hold.
fn text() -> impl Strategy<Value = (Charset, String)> {
    (select(TEXT), vec(character(), 0..500)).prop_map(|(charset, characters)| {
        let text = characters.into_iter().filter(|character| fits(&character.to_string(), charset)).collect();
        (charset, text)
    })
}

fn capacity() -> impl Strategy<Value = Capacity> {
    (4_usize..200, 4_usize..200).prop_map(|(single, part)| Capacity { single, part })
}

proptest! {
    #[test]
    fn a_split_text_is_whole_again_when_joined((charset, text) in text(), capacity in capacity()) {
        let parts = split(&text, charset, capacity, 255);
        let counted = count(&text, charset, capacity).unwrap();
        prop_assert_eq!(Some(counted.units), units(&text, charset));
        if counted.parts > 255 {
            prop_assert!(parts.is_err());
            return Ok(());
        }
        let parts = parts.unwrap();
        prop_assert_eq!(parts.len(), counted.parts);
        let limit = if parts.len() == 1 { capacity.single } else { capacity.part.min(capacity.single) };
        for part in &parts {
            prop_assert!(part.len() <= limit * charset.unit_octets());
            // Each part is text by itself, so nothing was cut in two.
            prop_assert!(!decode(part, charset).lossy);
        }
        let each: String = parts.iter().map(|part| decode(part, charset).text).collect();
        prop_assert_eq!(&each, &text);
        let joined = decode(&parts.concat(), charset);
        prop_assert_eq!((joined.text, joined.lossy), (text, false));
    }

    #[test]
    fn a_plan_is_never_more_than_another_allowed_charset(
        characters in vec(character(), 0..300),
        allowed in vec(select(TEXT), 1..4),
    ) {
        let text: String = characters.into_iter().collect();
        let capacity_of = |charset| Capacity::gsm(charset, Width::Eight.header_octets());
        let planned = plan(&text, &allowed, capacity_of, 255);
        let counts: Vec<usize> = allowed
            .iter()
            .filter_map(|&charset| count(&text, charset, capacity_of(charset)).ok())
            .map(|count| count.parts)
            .collect();
        prop_assert_eq!(planned.ok().map(|plan| plan.parts.len()), counts.into_iter().min());
    }

    #[test]
    fn binary_is_cut_at_every_limit(octets in vec(any::<u8>(), 0..600), capacity in capacity()) {
        let parts = split_binary(octets.clone(), capacity, 255).unwrap();
        prop_assert_eq!(parts.concat(), octets);
    }

    #[test]
    fn decoding_never_panics_and_what_is_not_lossy_in_gsm7_can_be_written(octets in vec(any::<u8>(), 0..200)) {
        for charset in Charset::ALL {
            let decoded = decode(&octets, charset);
            prop_assert_eq!(decoded.lossy && charset == Charset::Latin1, false);
            if charset == Charset::Gsm7 && !decoded.lossy {
                prop_assert!(fits(&decoded.text, charset));
            }
        }
        for language in Language::ALL {
            let _ = Gsm7National { locking: Some(language), single: Some(language) }.decode(&octets);
        }
        for fill_bits in 0..7 {
            let _ = packing::unpack_padded(&octets, fill_bits);
        }
    }

    #[test]
    fn packed_septets_come_back(septets in vec(0_u8..0x80, 0..200), fill_bits in 0_usize..7) {
        let packed = packing::pack(&septets, fill_bits);
        prop_assert_eq!(packing::unpack(&packed, fill_bits, septets.len()), septets.clone());
        let mut back = packing::unpack_padded(&packing::pack_padded(&septets, fill_bits), fill_bits);
        // A CR on the boundary comes back twice, which is shown like one.
        if back.len() == septets.len() + 1 && septets.last() == Some(&0x0D) {
            prop_assert_eq!(back.pop(), Some(0x0D));
        }
        prop_assert_eq!(back, septets);
    }

    #[test]
    fn a_hostile_header_is_an_error_or_stays_within_the_user_data(user_data in vec(any::<u8>(), 0..60)) {
        if let Ok((udh, rest)) = Udh::parse(&user_data) {
            prop_assert_eq!(udh.octets() + rest.len(), user_data.len());
            let of_elements: usize = udh.elements().map(|element| 2 + element.data.len()).sum();
            prop_assert_eq!(of_elements + 1, udh.octets());
            prop_assert!(udh.concat().is_none_or(Concat::is_sound));
            let _ = (udh.ports(), udh.locking_shift(), udh.single_shift());
        }
    }

    #[test]
    fn parts_in_any_order_and_with_repeats_are_the_message(
        (octets, order) in vec(vec(any::<u8>(), 0..20), 2..40).prop_flat_map(|parts| {
            let numbers: Vec<usize> = (0..parts.len()).chain(0..parts.len() / 2).collect();
            (Just(parts), Just(numbers).prop_shuffle())
        }),
    ) {
        let total = u8::try_from(octets.len()).unwrap();
        let mut reassembly = Reassembly::new(Config::default());
        let now = start();
        let mut seen = vec![0; octets.len()];
        for &number in &order {
            if seen.iter().all(|&times| times > 0) {
                break;
            }
            let part = u8::try_from(number + 1).unwrap();
            let concat = Concat { reference: 7, width: Width::Eight, total, part };
            let added = reassembly.add(now, "key", concat, Bytes::from(octets[number].clone()), number);
            prop_assert_eq!(added, if seen[number] == 0 { Added::Kept } else { Added::Repeated(number) });
            seen[number] += 1;
        }
        let whole = reassembly.poll_assembled().unwrap();
        prop_assert!(whole.complete);
        prop_assert_eq!(whole.joined(), octets.concat());
        prop_assert!(whole.parts.iter().flatten().map(|part| part.payload).eq(0..octets.len()));
        prop_assert_eq!((reassembly.messages(), reassembly.octets()), (0, 0));
    }

    #[test]
    fn every_payload_comes_back_once_and_the_bounds_hold(
        adds in vec((0_u8..6, 0_u16..3, 0_u8..5, 0_u8..6, 0_usize..40, 0_u64..30), 1..200),
    ) {
        let config = Config { timeout: Duration::from_secs(60), max_messages: 4, max_octets: 120 };
        let mut reassembly = Reassembly::new(config);
        let (mut now, mut back) = (start(), Vec::new());
        for (number, &(key, reference, total, part, size, later)) in adds.iter().enumerate() {
            now += Duration::from_secs(later);
            reassembly.handle_timeout(now);
            prop_assert!(reassembly.poll_timeout().is_none_or(|deadline| deadline > now));
            let concat = Concat { reference, width: Width::Eight, total, part };
            // Zeros of a few sizes: many repeats and many reused references.
            let octets = Bytes::from(vec![0; size / 20]);
            if let Added::Repeated(payload) = reassembly.add(now, key, concat, octets, number) {
                back.push(payload);
            }
            while let Some(assembled) = reassembly.poll_assembled() {
                let there = assembled.parts.iter().flatten().count();
                prop_assert_eq!(assembled.complete, there == assembled.parts.len());
                back.extend(assembled.parts.into_iter().flatten().map(|part| part.payload));
            }
            prop_assert!(reassembly.messages() <= config.max_messages);
            prop_assert!(reassembly.octets() <= config.max_octets);
        }
        reassembly.handle_close();
        while let Some(assembled) = reassembly.poll_assembled() {
            back.extend(assembled.parts.into_iter().flatten().map(|part| part.payload));
        }
        back.sort_unstable();
        prop_assert_eq!(back, (0..adds.len()).collect::<Vec<_>>());
    }
}

// Some instant to count from; nothing depends on which.
#[expect(clippy::disallowed_methods)]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn encode_refuses_what_does_not_fit() {
    for &charset in TEXT {
        for text in ["€", "你", "😀", "é", "[", "`"] {
            assert_eq!(encode(text, charset).is_ok(), fits(text, charset), "{charset:?} {text}");
        }
    }
}
