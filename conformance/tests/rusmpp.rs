//! rusmpp reads what we write, field by field.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod support;

use bytes::BytesMut;
use codecs::smpp::{
    Body, DataCoding, DataSm, EsmClass, MessageIdResp, Npi, Pdu, RegisteredDelivery, Sm, Status, Tag, TlvBuf,
    Ton,
};
use conformance::gaps::Gaps;
use proptest::prelude::*;
use rusmpp::{Command, decode::DecodeWithLength as _};
use support::{Unit, rusmpp_unit::written, smpp_units};

/// rusmpp's command in a unit; it does not want the length in front.
fn theirs(unit: &[u8]) -> Result<Command, String> {
    let mut rest = BytesMut::from(&unit[4..]);
    let (command, taken) =
        Command::decode(&mut rest, unit.len() - 4).map_err(|error| format!("{error:?}"))?;
    if taken == unit.len() - 4 {
        Ok(command)
    } else {
        Err(format!("{} octets are left", unit.len() - 4 - taken))
    }
}

fn ours(pdu: &Pdu<'_>, sequence: u32) -> Vec<u8> {
    let mut unit = BytesMut::new();
    pdu.encode(sequence, &mut unit).expect("values that fit");
    unit.to_vec()
}

#[test]
fn rusmpp_reads_every_pdu_and_tlv_and_writes_the_same_octets() {
    let complaint = |unit: &Unit| match theirs(&unit.octets) {
        Err(error) => Some(error),
        Ok(command) if written(&command) != unit.octets => Some("writes other octets".to_owned()),
        Ok(_) => None,
    };
    let units = smpp_units::all();
    let found = units.iter().map(|unit| (unit.name.as_str(), complaint(unit)));
    if let Err(wrong) = Gaps::of("rusmpp").unwrap().settle(found) {
        panic!("{wrong}");
    }
}

/// The values of a message, owned.
#[derive(Debug, Clone)]
struct Values {
    service_type: String,
    source: (u8, u8, String),
    destination: (u8, u8, String),
    octets: [u8; 6],
    times: (Option<String>, Option<String>),
    short_message: Vec<u8>,
    reference: Option<u16>,
    payload: Option<Vec<u8>>,
    sequence: u32,
}

fn values() -> impl Strategy<Value = Values> {
    let ton = || prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 6]);
    let npi = || prop::sample::select(vec![0_u8, 1, 3, 4, 6, 8, 9, 10, 14, 18]);
    let time = || prop::option::of("[0-9]{15}[R+-]");
    let address = || (ton(), npi(), "[0-9A-Za-z+]{0,20}");
    (
        "[A-Z]{0,5}",
        address(),
        address(),
        // Mode, type and features of esm_class; reserved values are below.
        (0..4_u8, any::<u8>(), 0..4_u8, 0..2_u8, any::<u8>(), any::<u8>()).prop_map(
            |(mode, protocol, priority, replace, coding, canned)| {
                [mode, protocol, priority, replace, coding, canned]
            },
        ),
        (time(), time()),
        prop::collection::vec(any::<u8>(), 0..=255),
        prop::option::of(any::<u16>()),
        prop::option::of(prop::collection::vec(any::<u8>(), 1..400)),
        1..=0x7FFF_FFFF_u32,
    )
        .prop_map(
            |(
                service_type,
                source,
                destination,
                octets,
                times,
                short_message,
                reference,
                payload,
                sequence,
            )| {
                Values {
                    service_type,
                    source,
                    destination,
                    octets,
                    times,
                    short_message,
                    reference,
                    payload,
                    sequence,
                }
            },
        )
}

impl Values {
    fn tlvs(&self) -> TlvBuf {
        let mut tlvs = TlvBuf::new();
        if let Some(reference) = self.reference {
            tlvs.put_u16(Tag::USER_MESSAGE_REFERENCE, reference);
        }
        if let Some(payload) = &self.payload {
            tlvs.put(Tag::MESSAGE_PAYLOAD, payload).expect("a short payload");
        }
        tlvs
    }

    fn message<'a>(&'a self, tlvs: &'a TlvBuf) -> Sm<'a> {
        let [mode, protocol_id, priority_flag, replace_if_present_flag, data_coding, sm_default_msg_id] =
            self.octets;
        Sm {
            service_type: self.service_type.as_str().into(),
            source_addr_ton: Ton(self.source.0),
            source_addr_npi: Npi(self.source.1),
            source_addr: self.source.2.as_str().into(),
            dest_addr_ton: Ton(self.destination.0),
            dest_addr_npi: Npi(self.destination.1),
            destination_addr: self.destination.2.as_str().into(),
            esm_class: EsmClass(mode | 0x40),
            protocol_id,
            priority_flag,
            schedule_delivery_time: self.times.0.as_deref().unwrap_or("").into(),
            validity_period: self.times.1.as_deref().unwrap_or("").into(),
            registered_delivery: RegisteredDelivery(mode | 0x10),
            replace_if_present_flag,
            data_coding: DataCoding(data_coding),
            sm_default_msg_id,
            short_message: self.short_message.as_slice().into(),
            tlvs: tlvs.as_tlvs(),
        }
    }
}

/// Compares the fields that rusmpp's submit_sm and deliver_sm share.
macro_rules! expect_same_fields {
    ($theirs:expr, $ours:expr) => {{
        let (theirs, ours) = ($theirs, $ours);
        prop_assert_eq!(theirs.service_type.value().as_str().as_bytes(), &ours.service_type[..]);
        prop_assert_eq!(u8::from(theirs.source_addr_ton), ours.source_addr_ton.0);
        prop_assert_eq!(u8::from(theirs.source_addr_npi), ours.source_addr_npi.0);
        prop_assert_eq!(theirs.source_addr.as_str().as_bytes(), &ours.source_addr[..]);
        prop_assert_eq!(u8::from(theirs.dest_addr_ton), ours.dest_addr_ton.0);
        prop_assert_eq!(u8::from(theirs.dest_addr_npi), ours.dest_addr_npi.0);
        prop_assert_eq!(theirs.destination_addr.as_str().as_bytes(), &ours.destination_addr[..]);
        prop_assert_eq!(u8::from(theirs.esm_class), ours.esm_class.0);
        prop_assert_eq!(theirs.protocol_id, ours.protocol_id);
        prop_assert_eq!(u8::from(theirs.priority_flag), ours.priority_flag);
        prop_assert_eq!(theirs.schedule_delivery_time.as_str().as_bytes(), &ours.schedule_delivery_time[..]);
        prop_assert_eq!(theirs.validity_period.as_str().as_bytes(), &ours.validity_period[..]);
        prop_assert_eq!(u8::from(theirs.registered_delivery), ours.registered_delivery.0);
        prop_assert_eq!(u8::from(theirs.replace_if_present_flag), ours.replace_if_present_flag);
        prop_assert_eq!(u8::from(theirs.data_coding), ours.data_coding.0);
        prop_assert_eq!(theirs.sm_default_msg_id, ours.sm_default_msg_id);
        prop_assert_eq!(theirs.short_message().as_ref(), &ours.short_message[..]);
        prop_assert_eq!(theirs.tlvs().len(), ours.tlvs.iter().count());
        for (their, our) in theirs.tlvs().iter().zip(ours.tlvs.iter()) {
            prop_assert_eq!(u16::from(their.tag()), our.tag.0);
            prop_assert_eq!(usize::from(their.value_length()), our.value.len());
        }
    }};
}

proptest! {
    #[test]
    fn rusmpp_reads_our_submit_sm_field_by_field(values in values()) {
        let tlvs = values.tlvs();
        let message = values.message(&tlvs);
        let unit = ours(&Body::SubmitSm(message).into(), values.sequence);
        let command = theirs(&unit).map_err(TestCaseError::fail)?;
        prop_assert_eq!(command.sequence_number(), values.sequence);
        let Some(rusmpp::Pdu::SubmitSm(read)) = command.pdu() else { panic!("no submit_sm") };
        expect_same_fields!(read, message);
        prop_assert_eq!(written(&command), unit);
    }

    #[test]
    fn rusmpp_reads_our_deliver_sm_field_by_field(values in values()) {
        let tlvs = values.tlvs();
        let message = Sm { esm_class: EsmClass(0x04), ..values.message(&tlvs) };
        let unit = ours(&Body::DeliverSm(message).into(), values.sequence);
        let command = theirs(&unit).map_err(TestCaseError::fail)?;
        let Some(rusmpp::Pdu::DeliverSm(read)) = command.pdu() else { panic!("no deliver_sm") };
        expect_same_fields!(read, message);
        prop_assert_eq!(written(&command), unit);
    }

    #[test]
    fn rusmpp_reads_our_data_sm_field_by_field(values in values()) {
        let tlvs = values.tlvs();
        let message = values.message(&tlvs);
        let data = DataSm {
            service_type: message.service_type,
            source_addr_ton: message.source_addr_ton,
            source_addr_npi: message.source_addr_npi,
            source_addr: message.source_addr,
            dest_addr_ton: message.dest_addr_ton,
            dest_addr_npi: message.dest_addr_npi,
            destination_addr: message.destination_addr,
            esm_class: message.esm_class,
            registered_delivery: message.registered_delivery,
            data_coding: message.data_coding,
            tlvs: message.tlvs,
        };
        let unit = ours(&Body::DataSm(data).into(), values.sequence);
        let command = theirs(&unit).map_err(TestCaseError::fail)?;
        let Some(rusmpp::Pdu::DataSm(read)) = command.pdu() else { panic!("no data_sm") };
        prop_assert_eq!(read.source_addr.as_str().as_bytes(), &data.source_addr[..]);
        prop_assert_eq!(read.destination_addr.as_str().as_bytes(), &data.destination_addr[..]);
        prop_assert_eq!(u8::from(read.esm_class), data.esm_class.0);
        prop_assert_eq!(u8::from(read.registered_delivery), data.registered_delivery.0);
        prop_assert_eq!(u8::from(read.data_coding), data.data_coding.0);
        prop_assert_eq!(written(&command), unit);
    }

    #[test]
    fn rusmpp_reads_our_submit_sm_resp(id in "[0-9A-Za-z-]{0,64}", status in any::<u32>(), sequence in any::<u32>()) {
        let response = MessageIdResp { message_id: id.as_str().into(), ..MessageIdResp::default() };
        let pdu = Pdu { status: Status(status), body: Body::SubmitSmResp(Some(response)) };
        let command = theirs(&ours(&pdu, sequence)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(u32::from(command.status()), status);
        prop_assert_eq!(command.sequence_number(), sequence);
        let Some(rusmpp::Pdu::SubmitSmResp(read)) = command.pdu() else { panic!("no submit_sm_resp") };
        prop_assert_eq!(read.message_id().as_str(), id);
    }
}
