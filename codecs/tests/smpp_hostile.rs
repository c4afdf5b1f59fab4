//! No octets make the SMPP decoder panic, and no truncated unit passes for a whole one.

#[path = "support/smpp_examples.rs"]
mod examples;

use bytes::BytesMut;
use codecs::smpp::{Body, Header, Pdu, Receipt, Recognition};
use examples::{EXAMPLES, octets};
use proptest::prelude::*;

/// Reads everything that can be read of a unit.
fn read(unit: &[u8]) -> Option<(Header, Pdu<'_>)> {
    let (header, pdu) = Pdu::decode(unit).ok()?;
    let tlvs = pdu.body.tlvs();
    let walked: usize = tlvs.iter().map(|tlv| 4 + tlv.value.len()).sum();
    assert_eq!(walked, tlvs.as_octets().len(), "every octet of the TLV region is walked");
    let _ = (tlvs.check(), tlvs.sar(), tlvs.network_error_code(), tlvs.receipted_message_id());
    match pdu.body {
        Body::DeliverSm(sm) | Body::SubmitSm(sm) => drop(Receipt::of_deliver_sm(&sm, Recognition::TextToo)),
        Body::DataSm(data) => drop(Receipt::of_data_sm(&data, Recognition::TextToo)),
        Body::SubmitMulti(multi) => assert_eq!(multi.dest_address.iter().count(), multi.dest_address.len()),
        Body::SubmitMultiResp(Some(resp)) => {
            assert_eq!(resp.unsuccess_sme.iter().count(), resp.unsuccess_sme.len());
        }
        _ => {}
    }
    Some((header, pdu))
}

/// The same, and writes it again.
fn exhaust(unit: &[u8]) {
    let Some((header, pdu)) = read(unit) else { return };
    let mut out = BytesMut::new();
    pdu.encode(header.sequence_number, &mut out).expect("what was read can be written");
    assert_eq!(Pdu::decode(&out).map(|(_, again)| again), Ok(pdu), "and is read the same again");
}

#[test]
fn a_truncated_unit_is_an_error() {
    for (name, _) in EXAMPLES {
        let unit = octets(name);
        for end in 0..unit.len() {
            assert!(read(&unit[..end]).is_none(), "{name} cut at {end}");
        }
    }
}

#[test]
fn a_unit_that_ends_early_by_its_own_length_is_read_or_refused() {
    for (name, _) in EXAMPLES {
        let unit = octets(name);
        for end in 16..unit.len() {
            let mut cut = unit[..end].to_vec();
            cut[..4].copy_from_slice(&u32::try_from(end).unwrap().to_be_bytes());
            exhaust(&cut);
        }
    }
}

#[test]
fn any_one_octet_may_be_wrong() {
    for (name, _) in EXAMPLES {
        let unit = octets(name);
        let mut mutated = unit.clone();
        for at in 0..unit.len() {
            for value in 0..=u8::MAX {
                mutated[at] = value;
                read(&mutated);
            }
            mutated[at] = unit[at];
        }
    }
}

proptest! {
    #[test]
    fn any_body_of_any_command_is_read_or_refused(
        command in prop::sample::select(codecs::smpp::CommandId::ALL),
        status in prop_oneof![Just(0_u32), any::<u32>()],
        body in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..300),
    ) {
        let length = u32::try_from(16 + body.len()).unwrap();
        let header = [length, command.0, status, 1].map(u32::to_be_bytes).concat();
        exhaust(&[header, body].concat());
    }
}
