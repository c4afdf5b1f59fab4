//! Every PDU of SMPP, and every TLV of its catalogue.

use bytes::BytesMut;
use codecs::smpp::{
    AlertNotification, Bind, BindResp, Body, BroadcastSm, CATALOGUE, CancelBroadcastSm, CancelSm, CommandId,
    DataCoding, DataSm, DestAddress, DestinationsBuf, EsmClass, HeaderOnly, MessageIdResp, MessageState, Npi,
    Outbind, Pdu, QueryBroadcastSm, QueryBroadcastSmResp, QuerySm, QuerySmResp, RegisteredDelivery,
    ReplaceSm, Sm, Status, SubmitMulti, SubmitMultiResp, Tag, TlvBuf, Tlvs, Ton, UnsuccessSme,
    UnsuccessSmesBuf,
};
use conformance::pcap::Side::{self, Client, Server};

use super::Unit;

type Fields<'a> = &'a [(&'static str, &'a str)];

/// All of them.
pub fn all() -> Vec<Unit> {
    let mut units = Vec::new();
    session(&mut units);
    messages(&mut units);
    lists(&mut units);
    management(&mut units);
    broadcast(&mut units);
    refusals(&mut units);
    tlvs(&mut units);
    units
}

fn add<'a>(units: &mut Vec<Unit>, side: Side, pdu: impl Into<Pdu<'a>>, fields: Fields<'_>) {
    let pdu = pdu.into();
    let name = pdu.body.command_id().name().expect("a known command").to_owned();
    add_as(units, name, side, pdu, fields);
}

fn add_as(units: &mut Vec<Unit>, name: String, side: Side, pdu: Pdu<'_>, fields: Fields<'_>) {
    let sequence = u32::try_from(units.len() + 1).expect("few units");
    let mut octets = BytesMut::new();
    pdu.encode(sequence, &mut octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    let header = [
        ("smpp.command_length", octets.len().to_string()),
        ("smpp.command_id", format!("{:#010x}", pdu.body.command_id().0)),
        ("smpp.sequence_number", sequence.to_string()),
    ];
    let fields =
        header.into_iter().chain(fields.iter().map(|&(field, value)| (field, value.to_owned()))).collect();
    units.push(Unit { name, side, octets: octets.to_vec(), fields });
}

fn session(units: &mut Vec<Unit>) {
    let bind = Bind {
        system_id: "esme01".into(),
        password: "pa55word".into(),
        system_type: "VMS".into(),
        interface_version: 0x34,
        addr_ton: Ton(3),
        addr_npi: Npi(1),
        address_range: "^60777$".into(),
        ..Bind::default()
    };
    let told: Fields = &[
        ("smpp.system_id", "esme01"),
        ("smpp.password", "pa55word"),
        ("smpp.system_type", "VMS"),
        ("smpp.interface_version", "52"),
        ("smpp.addr_ton", "0x03"),
        ("smpp.addr_npi", "0x01"),
        ("smpp.address_range", "^60777$"),
    ];
    add(units, Client, Body::BindReceiver(bind), told);
    add(units, Client, Body::BindTransmitter(bind), told);
    add(units, Client, Body::BindTransceiver(bind), told);
    let mut version = TlvBuf::new();
    version.put_u8(Tag::SC_INTERFACE_VERSION, 0x34);
    let response = Some(BindResp { system_id: "SMSC1".into(), tlvs: version.as_tlvs() });
    let told: Fields = &[
        ("smpp.system_id", "SMSC1"),
        ("smpp.SC_interface_version", "52"),
        ("smpp.command_status", "0x00000000"),
    ];
    add(units, Server, Body::BindReceiverResp(response), told);
    add(units, Server, Body::BindTransmitterResp(response), told);
    add(units, Server, Body::BindTransceiverResp(response), told);
    let outbind = Outbind { system_id: "SMSC1".into(), password: "s3cret".into(), ..Outbind::default() };
    add(units, Server, Body::Outbind(outbind), &[("smpp.system_id", "SMSC1"), ("smpp.password", "s3cret")]);
    let empty = HeaderOnly::default();
    add(units, Client, Body::EnquireLink(empty), &[]);
    add(units, Server, Body::EnquireLinkResp(empty), &[("smpp.command_status", "0x00000000")]);
    add(units, Client, Body::Unbind(empty), &[]);
    add(units, Server, Body::UnbindResp(empty), &[("smpp.command_status", "0x00000000")]);
    let nack = Pdu { status: Status::RINVCMDID, body: Body::GenericNack(empty) };
    add(units, Server, nack, &[("smpp.command_status", "0x00000003")]);
    let mut availability = TlvBuf::new();
    availability.put_u8(Tag::MS_AVAILABILITY_STATUS, 2);
    let alert = AlertNotification {
        source_addr_ton: Ton(1),
        source_addr_npi: Npi(1),
        source_addr: "447700900123".into(),
        esme_addr_ton: Ton(3),
        esme_addr_npi: Npi(0),
        esme_addr: "60777".into(),
        tlvs: availability.as_tlvs(),
    };
    let told: Fields = &[
        ("smpp.source_addr", "447700900123"),
        ("smpp.esme_addr", "60777"),
        ("smpp.esme_addr_ton", "0x03"),
        ("smpp.ms_availability_status", "2"),
    ];
    add(units, Server, Body::AlertNotification(alert), told);
}

/// A message with every mandatory field set.
pub fn message() -> Sm<'static> {
    Sm {
        service_type: "CMT".into(),
        source_addr_ton: Ton(5),
        source_addr_npi: Npi(0),
        source_addr: "ACME".into(),
        dest_addr_ton: Ton(1),
        dest_addr_npi: Npi(1),
        destination_addr: "447700900123".into(),
        esm_class: EsmClass(0x03),
        protocol_id: 0x41,
        priority_flag: 2,
        schedule_delivery_time: "000000001500000R".into(),
        validity_period: "000001000000000R".into(),
        registered_delivery: RegisteredDelivery(0x11),
        replace_if_present_flag: 1,
        data_coding: DataCoding(0x08),
        sm_default_msg_id: 7,
        short_message: b"\x4F\x60\x59\x7D".into(),
        tlvs: Tlvs::NONE,
    }
}

const MESSAGE: &[(&str, &str)] = &[
    ("smpp.source_addr_ton", "0x05"),
    ("smpp.source_addr_npi", "0x00"),
    ("smpp.source_addr", "ACME"),
    ("smpp.dest_addr_ton", "0x01"),
    ("smpp.dest_addr_npi", "0x01"),
    ("smpp.destination_addr", "447700900123"),
    ("smpp.esm.submit.msg_mode", "0x03"),
    ("smpp.protocol_id", "0x41"),
    ("smpp.priority_flag", "0x02"),
    ("smpp.schedule_delivery_time_r", "900.000000000"),
    ("smpp.validity_period_r", "86400.000000000"),
    ("smpp.regdel.receipt", "0x01"),
    ("smpp.replace_if_present_flag", "0x01"),
    ("smpp.data_coding", "0x08"),
    ("smpp.sm_default_msg_id", "7"),
    ("smpp.sm_length", "4"),
    ("smpp.message", "4f:60:59:7d"),
];

fn messages(units: &mut Vec<Unit>) {
    add(units, Client, Body::SubmitSm(message()), MESSAGE);
    add(units, Server, Body::DeliverSm(message()), MESSAGE);
    let response = MessageIdResp { message_id: "3F2A9C01".into(), ..MessageIdResp::default() };
    let told: Fields = &[("smpp.message_id", "3F2A9C01"), ("smpp.command_status", "0x00000000")];
    add(units, Server, Body::SubmitSmResp(Some(response)), told);
    add(
        units,
        Client,
        Body::DeliverSmResp(Some(MessageIdResp::default())),
        &[("smpp.command_status", "0x00000000")],
    );
    let mut payload = TlvBuf::new();
    payload.put(Tag::MESSAGE_PAYLOAD, b"data").expect("short");
    let data = DataSm {
        service_type: "WAP".into(),
        source_addr_ton: Ton(1),
        source_addr_npi: Npi(1),
        source_addr: "15550100".into(),
        dest_addr_ton: Ton(1),
        dest_addr_npi: Npi(14),
        destination_addr: "447700900123".into(),
        esm_class: EsmClass(0x01),
        registered_delivery: RegisteredDelivery(0x02),
        data_coding: DataCoding(0x04),
        tlvs: payload.as_tlvs(),
    };
    let told: Fields = &[
        ("smpp.source_addr", "15550100"),
        ("smpp.dest_addr_npi", "0x0e"),
        ("smpp.destination_addr", "447700900123"),
        ("smpp.esm.submit.msg_mode", "0x01"),
        ("smpp.regdel.receipt", "0x02"),
        ("smpp.data_coding", "0x04"),
        ("smpp.message_payload", "64:61:74:61"),
    ];
    add(units, Client, Body::DataSm(data), told);
    add(units, Server, Body::DataSmResp(Some(response)), &[("smpp.message_id", "3F2A9C01")]);
}

fn lists(units: &mut Vec<Unit>) {
    let mut destinations = DestinationsBuf::new();
    let sme = DestAddress::Sme {
        dest_addr_ton: Ton(1),
        dest_addr_npi: Npi(1),
        destination_addr: "447700900123".into(),
    };
    let list = DestAddress::DistributionList { dl_name: "staff".into() };
    destinations.push(&sme).expect("fits").push(&list).expect("fits");
    let multi = SubmitMulti {
        source_addr_ton: Ton(5),
        source_addr: "ACME".into(),
        dest_address: destinations.as_list(),
        registered_delivery: RegisteredDelivery(1),
        data_coding: DataCoding(0x03),
        short_message: b"hi".into(),
        ..SubmitMulti::default()
    };
    let told: Fields = &[
        ("smpp.source_addr", "ACME"),
        ("smpp.destination_addr", "447700900123"),
        ("smpp.dl_name", "staff"),
        ("smpp.data_coding", "0x03"),
        ("smpp.sm_length", "2"),
    ];
    add(units, Client, Body::SubmitMulti(multi), told);
    let mut refused = UnsuccessSmesBuf::new();
    let sme = UnsuccessSme {
        dest_addr_ton: Ton(1),
        dest_addr_npi: Npi(1),
        destination_addr: "447700900124".into(),
        error_status_code: Status::RINVDSTADR,
    };
    refused.push(&sme).expect("fits");
    let response =
        SubmitMultiResp { message_id: "M77".into(), unsuccess_sme: refused.as_list(), tlvs: Tlvs::NONE };
    let told: Fields = &[
        ("smpp.message_id", "M77"),
        ("smpp.destination_addr", "447700900124"),
        ("smpp.error_status_code", "0x0000000b"),
    ];
    add(units, Server, Body::SubmitMultiResp(Some(response)), told);
}

fn management(units: &mut Vec<Unit>) {
    let query = QuerySm {
        message_id: "3F2A9C01".into(),
        source_addr_ton: Ton(5),
        source_addr: "ACME".into(),
        ..QuerySm::default()
    };
    add(
        units,
        Client,
        Body::QuerySm(query),
        &[("smpp.message_id", "3F2A9C01"), ("smpp.source_addr", "ACME")],
    );
    let response = QuerySmResp {
        message_id: "3F2A9C01".into(),
        final_date: "251122103107004+".into(),
        message_state: MessageState(2),
        error_code: 9,
        tlvs: Tlvs::NONE,
    };
    let told: Fields =
        &[("smpp.message_id", "3F2A9C01"), ("smpp.message_state", "2"), ("smpp.error_code", "9")];
    add(units, Server, Body::QuerySmResp(Some(response)), told);
    let cancel = CancelSm {
        service_type: "CMT".into(),
        message_id: "3F2A9C01".into(),
        source_addr: "ACME".into(),
        destination_addr: "447700900123".into(),
        ..CancelSm::default()
    };
    let told: Fields = &[
        ("smpp.message_id", "3F2A9C01"),
        ("smpp.source_addr", "ACME"),
        ("smpp.destination_addr", "447700900123"),
    ];
    add(units, Client, Body::CancelSm(cancel), told);
    let empty = HeaderOnly::default();
    add(units, Server, Body::CancelSmResp(empty), &[("smpp.command_status", "0x00000000")]);
    let replace = ReplaceSm {
        message_id: "3F2A9C01".into(),
        source_addr: "ACME".into(),
        validity_period: "000001000000000R".into(),
        registered_delivery: RegisteredDelivery(1),
        short_message: b"updated".into(),
        ..ReplaceSm::default()
    };
    let told: Fields = &[
        ("smpp.message_id", "3F2A9C01"),
        ("smpp.source_addr", "ACME"),
        ("smpp.validity_period_r", "86400.000000000"),
        ("smpp.sm_length", "7"),
    ];
    add(units, Client, Body::ReplaceSm(replace), told);
    add(units, Server, Body::ReplaceSmResp(empty), &[("smpp.command_status", "0x00000000")]);
}

fn broadcast(units: &mut Vec<Unit>) {
    let mut tlvs = TlvBuf::new();
    tlvs.put(Tag::BROADCAST_AREA_IDENTIFIER, b"\0Dublin").expect("short");
    tlvs.put(Tag::BROADCAST_CONTENT_TYPE, &[0, 0, 0x10]).expect("short");
    tlvs.put_u16(Tag::BROADCAST_REP_NUM, 3);
    tlvs.put(Tag::BROADCAST_FREQUENCY_INTERVAL, &[0x09, 0, 31]).expect("short");
    tlvs.put(Tag::MESSAGE_PAYLOAD, b"flash flood").expect("short");
    let broadcast = BroadcastSm {
        service_type: "CBS".into(),
        source_addr_ton: Ton(1),
        source_addr_npi: Npi(1),
        source_addr: "15550100".into(),
        tlvs: tlvs.as_tlvs(),
        ..BroadcastSm::default()
    };
    let told: Fields = &[
        ("smpp.source_addr", "15550100"),
        ("smpp.broadcast_content_type.type", "0x0010"),
        ("smpp.broadcast_rep_num", "3"),
    ];
    add(units, Client, Body::BroadcastSm(broadcast), told);
    let id = MessageIdResp { message_id: "B1".into(), tlvs: Tlvs::NONE };
    add(units, Server, Body::BroadcastSmResp(Some(id)), &[("smpp.message_id", "B1")]);
    let query = QueryBroadcastSm {
        message_id: "B1".into(),
        source_addr: "15550100".into(),
        ..QueryBroadcastSm::default()
    };
    let told: Fields = &[("smpp.message_id", "B1"), ("smpp.source_addr", "15550100")];
    add(units, Client, Body::QueryBroadcastSm(query), told);
    let mut state = TlvBuf::new();
    state.put_u8(Tag::MESSAGE_STATE, 1);
    state.put(Tag::BROADCAST_AREA_IDENTIFIER, b"\0Dublin").expect("short");
    state.put_u8(Tag::BROADCAST_AREA_SUCCESS, 98);
    let response = QueryBroadcastSmResp { message_id: "B1".into(), tlvs: state.as_tlvs() };
    let answer: Fields =
        &[("smpp.message_id", "B1"), ("smpp.message_state", "1"), ("smpp.broadcast_area_success", "98")];
    add(units, Server, Body::QueryBroadcastSmResp(Some(response)), answer);
    let cancel = CancelBroadcastSm {
        service_type: "CBS".into(),
        message_id: "B1".into(),
        source_addr: "15550100".into(),
        ..CancelBroadcastSm::default()
    };
    add(units, Client, Body::CancelBroadcastSm(cancel), told);
    add(
        units,
        Server,
        Body::CancelBroadcastSmResp(HeaderOnly::default()),
        &[("smpp.command_status", "0x00000000")],
    );
}

/// Every response again, with a status and without its body.
fn refusals(units: &mut Vec<Unit>) {
    for &command in CommandId::ALL {
        if let Some(pdu) = Pdu::refusal(command, Status::RTHROTTLED) {
            let name = format!("{command} refused");
            add_as(units, name, Server, pdu, &[("smpp.command_status", "0x00000058")]);
        }
    }
}

/// One submit_sm per TLV of the catalogue, the shortest value first, then a TLV that would show a wrong width.
fn tlvs(units: &mut Vec<Unit>) {
    for spec in CATALOGUE {
        let mut lengths = vec![spec.min];
        if [Tag::MS_VALIDITY, Tag::ALERT_ON_MESSAGE_DELIVERY, Tag::BROADCAST_END_TIME].contains(&spec.tag) {
            lengths.push(spec.max);
        }
        for length in lengths {
            let mut tlvs = TlvBuf::new();
            let value: Vec<u8> = match spec.tag {
                Tag::BROADCAST_END_TIME => b"251122103107004+\0"[..usize::from(length)].to_vec(),
                _ => (0..length).map(|index| if index + 1 == length { 0 } else { b'1' }).collect(),
            };
            tlvs.put(spec.tag, &value).expect("short");
            tlvs.put_u16(Tag::USER_MESSAGE_REFERENCE, 0x1234);
            let sm = Sm { short_message: b"".into(), tlvs: tlvs.as_tlvs(), ..message() };
            let name = format!("tlv {} of {length}", spec.name);
            let (tag, width) = (format!("{:#06x}", spec.tag.0), length.to_string());
            let told: Fields = &[
                ("smpp.opt_param_tag", &tag),
                ("smpp.opt_param_len", &width),
                (
                    "smpp.user_message_reference",
                    if spec.tag == Tag::USER_MESSAGE_REFERENCE { "0x3100" } else { "0x1234" },
                ),
            ];
            add_as(units, name, Client, Body::SubmitSm(sm).into(), told);
        }
    }
    let mut vendor = TlvBuf::new();
    vendor.put(Tag(0x1400), b"1001\0").expect("short");
    let sm = Sm { tlvs: vendor.as_tlvs(), ..message() };
    let told: Fields = &[("smpp.opt_param_tag", "0x1400"), ("smpp.vendor_op", "31:30:30:31:00")];
    add_as(units, "tlv vendor".to_owned(), Client, Body::SubmitSm(sm).into(), told);
}
