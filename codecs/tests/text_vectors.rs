//! Texts and their octets as the SMPP and CMPP references show them.

use codecs::text::{
    Capacity, Charset, Concat, Decoded, Header, Plan, Ports, Udh, Width, decode, encode, plan, split, units,
};

/// SMPP reference, text vectors.
#[test]
fn writes_and_reads_the_text_vectors_of_smpp() {
    let vectors: [(&str, Charset, &[u8], usize); 10] = [
        (
            "Hello @ world",
            Charset::Gsm7,
            &[0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x20, 0x00, 0x20, 0x77, 0x6F, 0x72, 0x6C, 0x64],
            13,
        ),
        ("10€ [ok]", Charset::Gsm7, &[0x31, 0x30, 0x1B, 0x65, 0x20, 0x1B, 0x3C, 0x6F, 0x6B, 0x1B, 0x3E], 11),
        (
            "{}[]~^\\|€",
            Charset::Gsm7,
            &[
                0x1B, 0x28, 0x1B, 0x29, 0x1B, 0x3C, 0x1B, 0x3E, 0x1B, 0x3D, 0x1B, 0x14, 0x1B, 0x2F, 0x1B,
                0x40, 0x1B, 0x65,
            ],
            18,
        ),
        ("ÄÖÜäöüß§", Charset::Gsm7, &[0x5B, 0x5C, 0x5E, 0x7B, 0x7C, 0x7E, 0x1E, 0x5F], 8),
        (
            "£1 = ¥2 _ $3",
            Charset::Gsm7,
            &[0x01, 0x31, 0x20, 0x3D, 0x20, 0x03, 0x32, 0x20, 0x11, 0x20, 0x02, 0x33],
            12,
        ),
        ("Ωmega Δ", Charset::Gsm7, &[0x15, 0x6D, 0x65, 0x67, 0x61, 0x20, 0x10], 7),
        (
            "Привет",
            Charset::Ucs2,
            &[0x04, 0x1F, 0x04, 0x40, 0x04, 0x38, 0x04, 0x32, 0x04, 0x35, 0x04, 0x42],
            6,
        ),
        ("你好 😀", Charset::Ucs2, &[0x4F, 0x60, 0x59, 0x7D, 0x00, 0x20, 0xD8, 0x3D, 0xDE, 0x00], 5),
        (
            "naïve ç",
            Charset::Ucs2,
            &[0x00, 0x6E, 0x00, 0x61, 0x00, 0xEF, 0x00, 0x76, 0x00, 0x65, 0x00, 0x20, 0x00, 0xE7],
            7,
        ),
        ("naïve ç", Charset::Latin1, &[0x6E, 0x61, 0xEF, 0x76, 0x65, 0x20, 0xE7], 7),
    ];
    for (text, charset, octets, size) in vectors {
        assert_eq!(encode(text, charset).unwrap(), octets, "{text}");
        assert_eq!(decode(octets, charset), Decoded { text: text.to_owned(), lossy: false });
        assert_eq!(units(text, charset), Some(size), "{text}");
    }
}

/// CMPP reference, Msg_Fmt.
#[test]
fn writes_a_signature_in_both_charsets_of_cmpp() {
    let gb = [0xA1, 0xBE, 0xB2, 0xE2, 0xCA, 0xD4, 0xA1, 0xBF];
    let ucs2 = [0x30, 0x10, 0x6D, 0x4B, 0x8B, 0xD5, 0x30, 0x11];
    for charset in [Charset::Gbk, Charset::Gb18030] {
        assert_eq!(encode("【测试】", charset).unwrap(), gb);
    }
    assert_eq!(encode("【测试】", Charset::Ucs2).unwrap(), ucs2);
}

/// A long message as it goes out: every part with its header.
fn messages(text: &str, charset: Charset, capacity: Capacity, reference: u16, width: Width) -> Vec<Vec<u8>> {
    let parts = split(text, charset, capacity, 255).expect("a text of this charset");
    let total = u8::try_from(parts.len()).expect("at most 255 parts");
    let with_header = |(part, octets): (u8, &Vec<u8>)| {
        [Concat { reference, width, total, part }.header(), octets.clone()].concat()
    };
    (1..).zip(&parts).map(with_header).collect()
}

/// SMPP reference, examples E11a and E11.
#[test]
fn splits_161_septets_as_smpp_shows() {
    let text = format!("{}B", "A".repeat(160));
    let capacity = Capacity::gsm(Charset::Gsm7, Width::Eight.header_octets());
    let messages = messages(&text, Charset::Gsm7, capacity, 0xA7, Width::Eight);
    let first = [&[0x05, 0x00, 0x03, 0xA7, 0x02, 0x01][..], &[0x41; 153]].concat();
    let second = [&[0x05, 0x00, 0x03, 0xA7, 0x02, 0x02][..], &[0x41; 7], &[0x42]].concat();
    assert_eq!(messages, [first, second]);
}

/// CMPP reference, examples C15 and C16, and C29 with a 16-bit reference.
#[test]
fn splits_a_long_text_as_cmpp_shows() {
    let text = format!("【测试】{}完", "甲乙丙丁戊己庚辛壬癸".repeat(7));
    let capacity = |width| Capacity::cmpp(Charset::Ucs2, width);
    let eight = messages(&text, Charset::Ucs2, capacity(Width::Eight), 0xA7, Width::Eight);
    assert_eq!(eight.iter().map(Vec::len).collect::<Vec<_>>(), [140, 22]);
    assert_eq!(eight[0][..10], [0x05, 0x00, 0x03, 0xA7, 0x02, 0x01, 0x30, 0x10, 0x6D, 0x4B]);
    let second = [
        0x05, 0x00, 0x03, 0xA7, 0x02, 0x02, 0x4E, 0x01, 0x62, 0x0A, 0x5D, 0xF1, 0x5E, 0x9A, 0x8F, 0x9B, 0x58,
        0xEC, 0x76, 0x78, 0x5B, 0x8C,
    ];
    assert_eq!(eight[1], second);

    let sixteen = messages(&text, Charset::Ucs2, capacity(Width::Sixteen), 0x1234, Width::Sixteen);
    let second = [
        0x06, 0x08, 0x04, 0x12, 0x34, 0x02, 0x02, 0x4E, 0x19, 0x4E, 0x01, 0x62, 0x0A, 0x5D, 0xF1, 0x5E, 0x9A,
        0x8F, 0x9B, 0x58, 0xEC, 0x76, 0x78, 0x5B, 0x8C,
    ];
    assert_eq!(sixteen[1], second);
    assert_eq!(sixteen[0].len(), 139);
}

/// CMPP reference, example C31: a message of one part has a header all the same.
#[test]
fn reads_a_header_of_one_part() {
    let (udh, text) = Udh::parse(&[0x05, 0x00, 0x03, 0x2A, 0x01, 0x01, 0x59, 0x7D]).unwrap();
    assert_eq!(udh.concat(), Some(Concat { reference: 0x2A, width: Width::Eight, total: 1, part: 1 }));
    assert_eq!(decode(text, Charset::Ucs2).text, "好");
}

/// SMPP reference, example E42.
#[test]
fn reads_ports_and_reference_of_a_binary_message() {
    let user_data = [
        0x0C, 0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0, 0x08, 0x04, 0x12, 0x35, 0x02, 0x01, 0xDE, 0xAD, 0xBE, 0xEF,
    ];
    let (udh, rest) = Udh::parse(&user_data).unwrap();
    assert_eq!(udh.ports(), Some(Ports { destination: 2948, originator: 9200, width: Width::Sixteen }));
    assert_eq!(udh.concat(), Some(Concat { reference: 0x1235, width: Width::Sixteen, total: 2, part: 1 }));
    assert_eq!(rest, [0xDE, 0xAD, 0xBE, 0xEF]);
    let header = Header { ports: udh.ports(), concat: udh.concat(), ..Header::default() };
    assert_eq!(header.encode(), user_data[..13]);
}

/// CMPP reference: GBK where it can, else UCS-2.
#[test]
fn falls_back_to_ucs2_for_what_gbk_lacks() {
    let capacity_of = |charset| Capacity::cmpp(charset, Width::Eight);
    let charset =
        |text| plan(text, &[Charset::Gbk, Charset::Ucs2], capacity_of, 9).map(|plan: Plan| plan.charset);
    assert_eq!(charset("您好"), Ok(Charset::Gbk));
    assert_eq!(charset("您好😀"), Ok(Charset::Ucs2));
    assert_eq!(charset("5 €"), Ok(Charset::Ucs2));
}
