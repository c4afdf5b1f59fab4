//! What is encoded is decoded as the same PDU, for every body.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use bytes::BytesMut;
use codecs::smpp::*;
use proptest::{collection::vec, prelude::*};

/// Values for any field; the bodies borrow from it.
#[derive(Debug, Clone)]
struct Parts {
    up_to_5: Vec<u8>,
    up_to_8: Vec<u8>,
    up_to_12: Vec<u8>,
    up_to_15: Vec<u8>,
    up_to_20: [Vec<u8>; 2],
    up_to_40: Vec<u8>,
    up_to_64: [Vec<u8>; 3],
    times: [Vec<u8>; 2],
    octets: [u8; 10],
    short_message: Vec<u8>,
    tlvs: TlvBuf,
    dests: DestinationsBuf,
    unsuccess: UnsuccessSmesBuf,
}

fn c_string(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, 0..=most)
}

fn time() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(b'0'..=b'9', 16)]
}

fn tlvs() -> impl Strategy<Value = TlvBuf> {
    vec((any::<u16>(), vec(any::<u8>(), 0..40)), 0..6).prop_map(|list| {
        let mut tlvs = TlvBuf::new();
        for (tag, value) in list {
            tlvs.put(Tag(tag), &value).unwrap();
        }
        tlvs
    })
}

fn dests() -> impl Strategy<Value = DestinationsBuf> {
    vec((any::<bool>(), any::<[u8; 2]>(), c_string(20)), 1..10).prop_map(|list| {
        let mut dests = DestinationsBuf::new();
        for (is_list, [ton, npi], name) in &list {
            let name = COctetString(name);
            dests
                .push(&match is_list {
                    true => DestAddress::DistributionList { dl_name: name },
                    false => DestAddress::Sme {
                        dest_addr_ton: Ton(*ton),
                        dest_addr_npi: Npi(*npi),
                        destination_addr: name,
                    },
                })
                .unwrap();
        }
        dests
    })
}

fn unsuccess() -> impl Strategy<Value = UnsuccessSmesBuf> {
    vec((any::<[u8; 2]>(), c_string(20), any::<u32>()), 0..10).prop_map(|list| {
        let mut unsuccess = UnsuccessSmesBuf::new();
        for ([ton, npi], address, status) in &list {
            let sme = UnsuccessSme {
                dest_addr_ton: Ton(*ton),
                dest_addr_npi: Npi(*npi),
                destination_addr: COctetString(address),
                error_status_code: Status(*status),
            };
            unsuccess.push(&sme).unwrap();
        }
        unsuccess
    })
}

prop_compose! {
    fn parts()(
        (up_to_5, up_to_8, up_to_12, up_to_15) in (c_string(5), c_string(8), c_string(12), c_string(15)),
        up_to_20 in [c_string(20), c_string(20)],
        up_to_40 in c_string(40),
        up_to_64 in [c_string(64), c_string(64), c_string(64)],
        times in [time(), time()],
        octets in any::<[u8; 10]>(),
        short_message in vec(any::<u8>(), 0..=255),
        (tlvs, dests, unsuccess) in (tlvs(), dests(), unsuccess()),
    ) -> Parts {
        Parts {
            up_to_5, up_to_8, up_to_12, up_to_15, up_to_20, up_to_40, up_to_64, times, octets, short_message, tlvs,
            dests, unsuccess,
        }
    }
}

/// One body of every kind, of the same parts.
#[allow(clippy::too_many_lines, reason = "a table of every body")]
fn bodies(parts: &Parts) -> Vec<Body<'_>> {
    fn c(value: &[u8]) -> COctetString<'_> {
        COctetString(value)
    }
    let [a, b, d, e, f, g, h, i, j, k] = parts.octets;
    let (from, to) = (c(&parts.up_to_20[0]), c(&parts.up_to_20[1]));
    let [id, far_from, far_to] = parts.up_to_64.each_ref().map(|value| c(value));
    let [schedule_delivery_time, validity_period] = parts.times.each_ref().map(|value| c(value));
    let service_type = c(&parts.up_to_5);
    let short_message = OctetString(&parts.short_message);
    let tlvs = parts.tlvs.as_tlvs();
    let none = HeaderOnly { tlvs };
    let bind = Bind {
        system_id: c(&parts.up_to_15),
        password: c(&parts.up_to_8),
        system_type: c(&parts.up_to_12),
        interface_version: a,
        addr_ton: Ton(b),
        addr_npi: Npi(d),
        address_range: c(&parts.up_to_40),
        tlvs,
    };
    let bind_resp = BindResp { system_id: c(&parts.up_to_15), tlvs };
    let id_resp = MessageIdResp { message_id: id, tlvs };
    let sm = Sm {
        service_type,
        source_addr_ton: Ton(a),
        source_addr_npi: Npi(b),
        source_addr: from,
        dest_addr_ton: Ton(d),
        dest_addr_npi: Npi(e),
        destination_addr: to,
        esm_class: EsmClass(f),
        protocol_id: g,
        priority_flag: h,
        schedule_delivery_time,
        validity_period,
        registered_delivery: RegisteredDelivery(i),
        replace_if_present_flag: j,
        data_coding: DataCoding(k),
        sm_default_msg_id: a,
        short_message,
        tlvs,
    };
    vec![
        Body::BindReceiver(bind),
        Body::BindTransmitter(bind),
        Body::BindTransceiver(bind),
        Body::BindReceiverResp(Some(bind_resp)),
        Body::BindTransmitterResp(Some(bind_resp)),
        Body::BindTransceiverResp(Some(bind_resp)),
        Body::Outbind(Outbind { system_id: c(&parts.up_to_15), password: c(&parts.up_to_8), tlvs }),
        Body::Unbind(none),
        Body::UnbindResp(none),
        Body::EnquireLink(none),
        Body::EnquireLinkResp(none),
        Body::GenericNack(none),
        Body::SubmitSm(sm),
        Body::SubmitSmResp(Some(id_resp)),
        Body::DeliverSm(sm),
        Body::DeliverSmResp(Some(id_resp)),
        Body::DataSm(DataSm {
            service_type,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: far_from,
            dest_addr_ton: Ton(d),
            dest_addr_npi: Npi(e),
            destination_addr: far_to,
            esm_class: EsmClass(f),
            registered_delivery: RegisteredDelivery(g),
            data_coding: DataCoding(h),
            tlvs,
        }),
        Body::DataSmResp(Some(id_resp)),
        Body::SubmitMulti(SubmitMulti {
            service_type,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            dest_address: parts.dests.as_list(),
            esm_class: EsmClass(d),
            protocol_id: e,
            priority_flag: f,
            schedule_delivery_time,
            validity_period,
            registered_delivery: RegisteredDelivery(g),
            replace_if_present_flag: h,
            data_coding: DataCoding(i),
            sm_default_msg_id: j,
            short_message,
            tlvs,
        }),
        Body::SubmitMultiResp(Some(SubmitMultiResp {
            message_id: id,
            unsuccess_sme: parts.unsuccess.as_list(),
            tlvs,
        })),
        Body::QuerySm(QuerySm {
            message_id: id,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            tlvs,
        }),
        Body::QuerySmResp(Some(QuerySmResp {
            message_id: id,
            final_date: validity_period,
            message_state: MessageState(a),
            error_code: b,
            tlvs,
        })),
        Body::CancelSm(CancelSm {
            service_type,
            message_id: id,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            dest_addr_ton: Ton(d),
            dest_addr_npi: Npi(e),
            destination_addr: to,
            tlvs,
        }),
        Body::CancelSmResp(none),
        Body::ReplaceSm(ReplaceSm {
            message_id: id,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            schedule_delivery_time,
            validity_period,
            registered_delivery: RegisteredDelivery(d),
            sm_default_msg_id: e,
            short_message,
            tlvs,
        }),
        Body::ReplaceSmResp(none),
        Body::AlertNotification(AlertNotification {
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: far_from,
            esme_addr_ton: Ton(d),
            esme_addr_npi: Npi(e),
            esme_addr: far_to,
            tlvs,
        }),
        Body::BroadcastSm(BroadcastSm {
            service_type,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            message_id: id,
            priority_flag: d,
            schedule_delivery_time,
            validity_period,
            replace_if_present_flag: e,
            data_coding: DataCoding(f),
            sm_default_msg_id: g,
            tlvs,
        }),
        Body::BroadcastSmResp(Some(id_resp)),
        Body::QueryBroadcastSm(QueryBroadcastSm {
            message_id: id,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            tlvs,
        }),
        Body::QueryBroadcastSmResp(Some(QueryBroadcastSmResp { message_id: id, tlvs })),
        Body::CancelBroadcastSm(CancelBroadcastSm {
            service_type,
            message_id: id,
            source_addr_ton: Ton(a),
            source_addr_npi: Npi(b),
            source_addr: from,
            tlvs,
        }),
        Body::CancelBroadcastSmResp(none),
    ]
}

fn check(pdu: Pdu<'_>, sequence_number: u32) -> Result<(), TestCaseError> {
    let mut out = BytesMut::new();
    pdu.encode(sequence_number, &mut out).unwrap();
    let (header, decoded) = Pdu::decode(&out).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(header.sequence_number, sequence_number);
    prop_assert_eq!(header.command_status, pdu.status);
    prop_assert_eq!(decoded, pdu);
    Ok(())
}

proptest! {
    #[test]
    fn every_body_survives_the_wire(parts in parts(), status in any::<u32>(), sequence_number in any::<u32>()) {
        let bodies = bodies(&parts);
        for command in CommandId::ALL {
            prop_assert!(bodies.iter().any(|body| body.command_id() == *command), "{} is tried", command);
        }
        for body in bodies {
            check(Pdu { status: Status(status), body }, sequence_number)?;
            check(Pdu::from(body), sequence_number)?;
        }
    }

    #[test]
    fn every_response_survives_the_wire_without_its_body(status in any::<u32>(), sequence_number in any::<u32>()) {
        for command in CommandId::ALL {
            if let Some(pdu) = Pdu::refusal(*command, Status(status)) {
                prop_assert!(command.is_response());
                check(pdu, sequence_number)?;
            }
        }
    }

    #[test]
    fn a_value_too_long_is_refused_and_nothing_is_written(extra in 1_usize..300) {
        let long = vec![b'1'; 20 + extra];
        let number = Sm { source_addr: COctetString(&long), ..Sm::default() };
        let text = vec![0; 255 + extra];
        let message = Sm { short_message: OctetString(&text), ..Sm::default() };
        for (sm, field) in [(number, "source_addr"), (message, "short_message")] {
            let mut out = BytesMut::from(b"before".as_slice());
            let refused = Pdu::from(Body::SubmitSm(sm)).encode(1, &mut out).unwrap_err();
            prop_assert_eq!(refused.field, field);
            prop_assert_eq!(&out[..], b"before".as_slice());
        }
    }
}
