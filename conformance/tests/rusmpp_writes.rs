//! We read every PDU and every TLV that rusmpp can write, field by field. What rusmpp writes wrong stands in
//! `known-gaps.toml`, one by one.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use codecs::smpp::{
    AlertNotification, Bind, BindResp, Body, BroadcastSm, CATALOGUE, CancelBroadcastSm, CancelSm, CommandId,
    DataCoding, DataSm, DestAddress, DestinationsBuf, EsmClass, HeaderOnly, MessageIdResp, MessageState, Npi,
    Outbind, Pdu, QueryBroadcastSm, QueryBroadcastSmResp, QuerySm, QuerySmResp, RegisteredDelivery,
    ReplaceSm, Sm, Status, SubmitMulti, SubmitMultiResp, Tag, TlvBuf, TlvType, Tlvs, Ton, UnsuccessSme,
    UnsuccessSmesBuf,
};
use conformance::gaps::Gaps;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use rusmpp::{
    Command, CommandStatus,
    encode::{Encode as _, Length as _},
    pdus as theirs,
    tlvs::{
        BroadcastRequestTlvValue, BroadcastResponseTlvValue, CancelBroadcastTlvValue,
        MessageDeliveryRequestTlvValue, MessageDeliveryResponseTlvValue, MessageSubmissionRequestTlvValue,
        MessageSubmissionResponseTlvValue, QueryBroadcastResponseTlvValue, Tlv, TlvValue,
    },
    types::{AnyOctetString, COctetString, EmptyOrFullCOctetString, OctetString},
    values::{self, DistributionListName, MessagePayload, ServiceType, SmeAddress, UserMessageReference},
};
use support::{
    rusmpp_tlvs::{self, Drawn},
    rusmpp_unit::written,
};

/// Values drawn for each PDU and each TLV.
const DRAWS: u32 = 64;
/// The gaps of this judge in `known-gaps.toml`.
const ORACLE: &str = "rusmpp-writes";

#[test]
fn we_read_every_pdu_that_rusmpp_writes_field_by_field() {
    let gaps = known_gaps();
    let sound_tlvs = rusmpp_tlvs::all().into_iter().filter(|(tag, _)| !gaps.knows(&name_of(*tag)));
    let sound_tlvs: Vec<_> = sound_tlvs.map(|(_, drawn)| drawn).collect();
    let mut found = Vec::new();
    for (command, case) in CASES {
        let mut runner =
            TestRunner::new(Config { cases: DRAWS, failure_persistence: None, ..Config::default() });
        let judged = runner.run(&drawn_values(&sound_tlvs), |values| {
            let (theirs, ours) = case(&values);
            prop_assert_eq!(ours.command_id(), *command);
            let is_response = command.0 & 0x8000_0000 != 0;
            let status = if is_response { values.status } else { 0 };
            let unit = written(&Command::new(CommandStatus::from(status), values.sequence, theirs));
            let (header, read) =
                Pdu::decode(&unit).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(header.sequence_number, values.sequence);
            prop_assert_eq!(read, Pdu { status: Status(status), body: ours });
            Ok(())
        });
        found.push((command.name().unwrap(), judged.err().map(|error| error.to_string())));
    }
    let complaints: Vec<_> = found.into_iter().filter_map(|(name, error)| Some((name, error?))).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn we_read_every_tlv_that_rusmpp_writes() {
    let mut found = Vec::new();
    for (tag, drawn) in rusmpp_tlvs::all() {
        let mut runner =
            TestRunner::new(Config { cases: DRAWS, failure_persistence: None, ..Config::default() });
        let judged = runner.run(&drawn, |drawn| {
            let theirs = Tlv::from(drawn.value);
            let mut region = vec![0; theirs.length()];
            prop_assert_eq!(theirs.encode(&mut region), region.len());
            let tlvs = Tlvs::from_octets(&region).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let read: Vec<_> = tlvs.iter().collect();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!((read[0].tag, read[0].value.0), (drawn.tag, drawn.octets.as_slice()));
            prop_assert!(read[0].check().is_ok(), "{:?}", read[0].check());
            match tag.spec().map(|spec| spec.value) {
                Some(TlvType::Integer) => {
                    let number = drawn.octets.iter().fold(0, |sum, &octet| sum << 8 | u32::from(octet));
                    prop_assert_eq!(tlvs.integer(tag), Some(number));
                }
                Some(TlvType::CString) => {
                    let text = drawn.octets.strip_suffix(b"\0").unwrap_or(&drawn.octets);
                    prop_assert_eq!(read[0].c_string().0, text);
                }
                _ => {}
            }
            Ok(())
        });
        found.push((name_of(tag), judged.err().map(|error| error.to_string())));
    }
    let found = found.iter().map(|(name, complaint)| (name.as_str(), complaint.clone()));
    if let Err(wrong) = known_gaps().settle(found) {
        panic!("{wrong}");
    }
}

#[test]
fn no_pdu_and_no_tlv_is_left_out() {
    let judged: BTreeSet<u32> = CASES.iter().map(|(command, _)| command.0).collect();
    assert_eq!(judged, CommandId::ALL.iter().map(|command| command.0).collect());
    let judged: BTreeSet<u16> = rusmpp_tlvs::all().iter().map(|(tag, _)| tag.0).collect();
    let missing: Vec<&str> =
        CATALOGUE.iter().filter(|spec| !judged.contains(&spec.tag.0)).map(|spec| spec.name).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn known_gaps() -> Gaps {
    Gaps::of(ORACLE).unwrap()
}

fn name_of(tag: Tag) -> String {
    format!("tlv {}", tag.name().unwrap_or("vendor"))
}

/// TON, NPI and digits.
type Address = (u8, u8, String);

/// What is drawn for a PDU; each uses its part.
#[derive(Debug, Clone)]
struct Values {
    sequence: u32,
    status: u32,
    service_type: String,
    source: Address,
    destination: Address,
    mobile: Address,
    message_id: String,
    account: (String, String, String, String),
    times: (String, String),
    octets: [u8; 9],
    short_message: Vec<u8>,
    destinations: Vec<Result<Address, String>>,
    refused: Vec<(Address, u32)>,
    drawn: Vec<Drawn>,
    /// Of the one TLV of those PDUs that can have no other.
    only: Option<u16>,
    built: Built,
}

/// The lists of a PDU as we have them.
#[derive(Debug, Clone, Default)]
struct Built {
    tlvs: TlvBuf,
    version: TlvBuf,
    availability: TlvBuf,
    reference: TlvBuf,
    payload: TlvBuf,
    destinations: DestinationsBuf,
    refused: UnsuccessSmesBuf,
}

fn drawn_values(tlvs: &[BoxedStrategy<Drawn>]) -> impl Strategy<Value = Values> {
    let address = || (any::<u8>(), any::<u8>(), "[0-9A-Za-z+]{0,20}");
    let time = || prop_oneof![Just(String::new()), "[0-9]{15}[R+-]"];
    let tlv = prop::sample::select(tlvs.to_vec()).prop_flat_map(|drawn| drawn);
    let destination = prop_oneof![address().prop_map(Ok), "[A-Za-z0-9 ]{0,20}".prop_map(Err)];
    let lists = (
        vec(any::<u8>(), 0..=255),
        vec(destination, 1..6),
        vec((address(), any::<u32>()), 0..6),
        vec(tlv, 0..6),
        option::of(any::<u16>()),
    );
    let mobile = (any::<u8>(), any::<u8>(), "[0-9A-Za-z+]{0,64}");
    let account = ("[!-~]{0,15}", "[!-~]{0,8}", "[!-~]{0,12}", "[!-~]{0,40}");
    let numbers = (0..=0x7FFF_FFFF_u32, any::<u32>(), any::<[u8; 9]>());
    let names = ("[A-Z]{0,5}", "[0-9A-Za-z-]{0,64}");
    (numbers, names, address(), address(), mobile, account, (time(), time()), lists).prop_map(
        |(
            (sequence, status, octets),
            (service_type, message_id),
            source,
            destination,
            mobile,
            account,
            times,
            lists,
        )| {
            let (short_message, destinations, refused, drawn, only) = lists;
            let mut values = Values {
                sequence,
                status,
                service_type,
                source,
                destination,
                mobile,
                message_id,
                account,
                times,
                octets,
                short_message,
                destinations,
                refused,
                drawn,
                only,
                built: Built::default(),
            };
            values.built = values.build();
            values
        },
    )
}

impl Values {
    fn build(&self) -> Built {
        let mut built = Built::default();
        for drawn in &self.drawn {
            built.tlvs.put(drawn.tag, &drawn.octets).expect("short");
        }
        if let Some(only) = self.only {
            let [high, low] = only.to_be_bytes();
            built.version.put_u8(Tag::SC_INTERFACE_VERSION, low);
            built.availability.put_u8(Tag::MS_AVAILABILITY_STATUS, low);
            built.reference.put_u16(Tag::USER_MESSAGE_REFERENCE, only);
            built.payload.put(Tag::MESSAGE_PAYLOAD, &vec![low; high.into()]).expect("short");
        }
        for destination in &self.destinations {
            let destination = match destination {
                Ok((ton, npi, address)) => DestAddress::Sme {
                    dest_addr_ton: Ton(*ton),
                    dest_addr_npi: Npi(*npi),
                    destination_addr: address.as_str().into(),
                },
                Err(name) => DestAddress::DistributionList { dl_name: name.as_str().into() },
            };
            built.destinations.push(&destination).expect("fits");
        }
        for ((ton, npi, address), status) in &self.refused {
            let refused = UnsuccessSme {
                dest_addr_ton: Ton(*ton),
                dest_addr_npi: Npi(*npi),
                destination_addr: address.as_str().into(),
                error_status_code: Status(*status),
            };
            built.refused.push(&refused).expect("fits");
        }
        built
    }

    /// Three receipt bits of SMPP 3.4, two of acknowledgements and one of notifications; the others are reserved.
    fn registered_delivery(&self) -> u8 {
        self.octets[1] & 0x1F
    }

    /// Our message with every field of submit_sm.
    fn message(&self) -> Sm<'_> {
        let [esm_class, _, protocol_id, priority, replace, coding, canned, ..] = self.octets;
        Sm {
            service_type: self.service_type.as_str().into(),
            source_addr_ton: Ton(self.source.0),
            source_addr_npi: Npi(self.source.1),
            source_addr: self.source.2.as_str().into(),
            dest_addr_ton: Ton(self.destination.0),
            dest_addr_npi: Npi(self.destination.1),
            destination_addr: self.destination.2.as_str().into(),
            esm_class: EsmClass(esm_class),
            protocol_id,
            priority_flag: priority,
            schedule_delivery_time: self.times.0.as_str().into(),
            validity_period: self.times.1.as_str().into(),
            registered_delivery: RegisteredDelivery(self.registered_delivery()),
            replace_if_present_flag: replace,
            data_coding: DataCoding(coding),
            sm_default_msg_id: canned,
            short_message: self.short_message.as_slice().into(),
            tlvs: self.built.tlvs.as_tlvs(),
        }
    }
}

fn c<const MAX: usize>(text: &str) -> COctetString<1, MAX> {
    COctetString::from_string(text.to_owned()).unwrap()
}

fn time(text: &str) -> EmptyOrFullCOctetString<17> {
    match text {
        "" => EmptyOrFullCOctetString::empty(),
        text => EmptyOrFullCOctetString::from_string(text.to_owned()).unwrap(),
    }
}

/// The drawn TLVs as rusmpp wants them in a class of PDUs: those that it has for the class, and others as octets.
macro_rules! tlvs {
    ($values:expr, $class:ident: $($variant:ident),+ $(,)?) => {
        $values
            .drawn
            .iter()
            .map(|drawn| match drawn.value.clone() {
                $(TlvValue::$variant(value) => $class::$variant(value),)+
                other => $class::Other { tag: other.tag(), value: AnyOctetString::from_slice(&drawn.octets) },
            })
            .collect::<Vec<_>>()
    };
}

fn submission_tlvs(values: &Values) -> Vec<MessageSubmissionRequestTlvValue> {
    tlvs!(values, MessageSubmissionRequestTlvValue:
        AlertOnMessageDelivery, BillingIdentification, CallbackNum, CallbackNumAtag, CallbackNumPresInd,
        DestAddrNpCountry, DestAddrNpInformation, DestAddrNpResolution, DestAddrSubunit, DestBearerType,
        DestNetworkId, DestNetworkType, DestNodeId, DestSubaddress, DestTelematicsId, DestPort, DisplayTime,
        ItsReplyType, ItsSessionInfo, LanguageIndicator, MessagePayload, MoreMessagesToSend,
        MsMsgWaitFacilities, MsValidity, NumberOfMessages, PayloadType, PrivacyIndicator, QosTimeToLive,
        SarMsgRefNum, SarSegmentSeqnum, SarTotalSegments, SetDpf, SmsSignal, SourceAddrSubunit,
        SourceBearerType, SourceNetworkId, SourceNetworkType, SourceNodeId, SourcePort, SourceSubaddress,
        UserMessageReference, UserResponseCode, UssdServiceOp)
}

fn delivery_tlvs(values: &Values) -> Vec<MessageDeliveryRequestTlvValue> {
    tlvs!(values, MessageDeliveryRequestTlvValue:
        CallbackNum, CallbackNumAtag, CallbackNumPresInd, DestAddrNpCountry, DestAddrNpInformation,
        DestAddrNpResolution, DestAddrSubunit, DestNetworkId, DestNodeId, DestSubaddress, DestPort, DpfResult,
        ItsReplyType, ItsSessionInfo, LanguageIndicator, MessagePayload, MessageState, NetworkErrorCode,
        PayloadType, PrivacyIndicator, ReceiptedMessageId, SarMsgRefNum, SarSegmentSeqnum, SarTotalSegments,
        SourceAddrSubunit, SourceNetworkId, SourceNodeId, SourcePort, SourceSubaddress, UserMessageReference,
        UserResponseCode, UssdServiceOp)
}

fn submission_answer_tlvs(values: &Values) -> Vec<MessageSubmissionResponseTlvValue> {
    tlvs!(values, MessageSubmissionResponseTlvValue:
        AdditionalStatusInfoText, DeliveryFailureReason, DpfResult, NetworkErrorCode)
}

fn delivery_answer_tlvs(values: &Values) -> Vec<MessageDeliveryResponseTlvValue> {
    tlvs!(values, MessageDeliveryResponseTlvValue: AdditionalStatusInfoText, DeliveryFailureReason, NetworkErrorCode)
}

/// rusmpp's bind of a kind.
macro_rules! bind {
    ($values:expr, $kind:ident) => {
        theirs::$kind::builder()
            .system_id(c(&$values.account.0))
            .password(c(&$values.account.1))
            .system_type(c(&$values.account.2))
            .interface_version($values.octets[0].into())
            .addr_ton($values.source.0.into())
            .addr_npi($values.source.1.into())
            .address_range(c(&$values.account.3))
            .build()
            .into()
    };
}

/// rusmpp's answer to a bind of a kind.
macro_rules! bound {
    ($values:expr, $kind:ident) => {
        theirs::$kind::builder()
            .system_id(c(&$values.account.0))
            .sc_interface_version($values.only.map(|only| only.to_be_bytes()[1].into()))
            .build()
            .into()
    };
}

/// rusmpp's answer that is a message_id and TLVs.
macro_rules! answer {
    ($values:expr, $kind:ident, $tlvs:expr) => {
        theirs::$kind::builder().message_id(c(&$values.message_id)).tlvs($tlvs).build().into()
    };
}

/// rusmpp's submit_sm or deliver_sm.
macro_rules! message {
    ($values:expr, $kind:ident, $tlvs:expr) => {{
        let ours = $values.message();
        theirs::$kind::builder()
            .service_type(ServiceType::new(c(&$values.service_type)))
            .source_addr_ton($values.source.0.into())
            .source_addr_npi($values.source.1.into())
            .source_addr(c(&$values.source.2))
            .dest_addr_ton($values.destination.0.into())
            .dest_addr_npi($values.destination.1.into())
            .destination_addr(c(&$values.destination.2))
            .esm_class(ours.esm_class.0.into())
            .protocol_id(ours.protocol_id)
            .priority_flag(ours.priority_flag.into())
            .schedule_delivery_time(time(&$values.times.0))
            .validity_period(time(&$values.times.1))
            .registered_delivery(ours.registered_delivery.0.into())
            .replace_if_present_flag(ours.replace_if_present_flag.into())
            .data_coding(ours.data_coding.0.into())
            .sm_default_msg_id(ours.sm_default_msg_id)
            .short_message(OctetString::from_slice(&$values.short_message).unwrap())
            .tlvs($tlvs)
            .build()
            .into()
    }};
}

/// Builds rusmpp's PDU out of the values, and ours.
type Case = for<'a> fn(&'a Values) -> (rusmpp::Pdu, Body<'a>);

/// One for each command.
const CASES: &[(CommandId, Case)] = &[
    (CommandId::BIND_RECEIVER, |v| (bind!(v, BindReceiver), Body::BindReceiver(bind(v)))),
    (CommandId::BIND_TRANSMITTER, |v| (bind!(v, BindTransmitter), Body::BindTransmitter(bind(v)))),
    (CommandId::BIND_TRANSCEIVER, |v| (bind!(v, BindTransceiver), Body::BindTransceiver(bind(v)))),
    (CommandId::BIND_RECEIVER_RESP, |v| (bound!(v, BindReceiverResp), Body::BindReceiverResp(bound(v)))),
    (CommandId::BIND_TRANSMITTER_RESP, |v| {
        (bound!(v, BindTransmitterResp), Body::BindTransmitterResp(bound(v)))
    }),
    (CommandId::BIND_TRANSCEIVER_RESP, |v| {
        (bound!(v, BindTransceiverResp), Body::BindTransceiverResp(bound(v)))
    }),
    (CommandId::OUTBIND, outbind),
    (CommandId::ALERT_NOTIFICATION, alert_notification),
    (CommandId::SUBMIT_SM, |v| (message!(v, SubmitSm, submission_tlvs(v)), Body::SubmitSm(v.message()))),
    (CommandId::DELIVER_SM, |v| (message!(v, DeliverSm, delivery_tlvs(v)), Body::DeliverSm(v.message()))),
    (CommandId::DATA_SM, data_sm),
    (CommandId::SUBMIT_MULTI, submit_multi),
    (CommandId::SUBMIT_SM_RESP, |v| {
        (answer!(v, SubmitSmResp, submission_answer_tlvs(v)), Body::SubmitSmResp(answer(v)))
    }),
    (CommandId::DELIVER_SM_RESP, |v| {
        (answer!(v, DeliverSmResp, delivery_answer_tlvs(v)), Body::DeliverSmResp(answer(v)))
    }),
    (CommandId::DATA_SM_RESP, |v| {
        (answer!(v, DataSmResp, delivery_answer_tlvs(v)), Body::DataSmResp(answer(v)))
    }),
    (CommandId::SUBMIT_MULTI_RESP, submit_multi_resp),
    (CommandId::QUERY_SM, query_sm),
    (CommandId::QUERY_SM_RESP, query_sm_resp),
    (CommandId::CANCEL_SM, cancel_sm),
    (CommandId::REPLACE_SM, replace_sm),
    (CommandId::BROADCAST_SM, broadcast_sm),
    (CommandId::BROADCAST_SM_RESP, |v| {
        let tlvs = tlvs!(v, BroadcastResponseTlvValue: BroadcastErrorStatus, BroadcastAreaIdentifier);
        (answer!(v, BroadcastSmResp, tlvs), Body::BroadcastSmResp(answer(v)))
    }),
    (CommandId::QUERY_BROADCAST_SM, query_broadcast_sm),
    (CommandId::QUERY_BROADCAST_SM_RESP, query_broadcast_sm_resp),
    (CommandId::CANCEL_BROADCAST_SM, cancel_broadcast_sm),
    (CommandId::ENQUIRE_LINK, |_| (rusmpp::Pdu::EnquireLink, Body::EnquireLink(EMPTY))),
    (CommandId::ENQUIRE_LINK_RESP, |_| (rusmpp::Pdu::EnquireLinkResp, Body::EnquireLinkResp(EMPTY))),
    (CommandId::UNBIND, |_| (rusmpp::Pdu::Unbind, Body::Unbind(EMPTY))),
    (CommandId::UNBIND_RESP, |_| (rusmpp::Pdu::UnbindResp, Body::UnbindResp(EMPTY))),
    (CommandId::GENERIC_NACK, |_| (rusmpp::Pdu::GenericNack, Body::GenericNack(EMPTY))),
    (CommandId::CANCEL_SM_RESP, |_| (rusmpp::Pdu::CancelSmResp, Body::CancelSmResp(EMPTY))),
    (CommandId::REPLACE_SM_RESP, |_| (rusmpp::Pdu::ReplaceSmResp, Body::ReplaceSmResp(EMPTY))),
    (CommandId::CANCEL_BROADCAST_SM_RESP, |_| {
        (rusmpp::Pdu::CancelBroadcastSmResp, Body::CancelBroadcastSmResp(EMPTY))
    }),
];

const EMPTY: HeaderOnly<'static> = HeaderOnly { tlvs: Tlvs::NONE };

fn bind(values: &Values) -> Bind<'_> {
    Bind {
        system_id: values.account.0.as_str().into(),
        password: values.account.1.as_str().into(),
        system_type: values.account.2.as_str().into(),
        interface_version: values.octets[0],
        addr_ton: Ton(values.source.0),
        addr_npi: Npi(values.source.1),
        address_range: values.account.3.as_str().into(),
        tlvs: Tlvs::NONE,
    }
}

fn bound(values: &Values) -> Option<BindResp<'_>> {
    Some(BindResp { system_id: values.account.0.as_str().into(), tlvs: values.built.version.as_tlvs() })
}

fn answer(values: &Values) -> Option<MessageIdResp<'_>> {
    Some(MessageIdResp { message_id: values.message_id.as_str().into(), tlvs: values.built.tlvs.as_tlvs() })
}

fn outbind(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let theirs =
        theirs::Outbind::builder().system_id(c(&values.account.0)).password(c(&values.account.1)).build();
    let ours = Outbind {
        system_id: values.account.0.as_str().into(),
        password: values.account.1.as_str().into(),
        tlvs: Tlvs::NONE,
    };
    (theirs.into(), Body::Outbind(ours))
}

fn alert_notification(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let theirs = theirs::AlertNotification::builder()
        .source_addr_ton(values.mobile.0.into())
        .source_addr_npi(values.mobile.1.into())
        .source_addr(c(&values.mobile.2))
        .esme_addr_ton(values.source.0.into())
        .esme_addr_npi(values.source.1.into())
        .esme_addr(c(&values.source.2))
        .ms_availability_status(values.only.map(|only| only.to_be_bytes()[1].into()))
        .build();
    let ours = AlertNotification {
        source_addr_ton: Ton(values.mobile.0),
        source_addr_npi: Npi(values.mobile.1),
        source_addr: values.mobile.2.as_str().into(),
        esme_addr_ton: Ton(values.source.0),
        esme_addr_npi: Npi(values.source.1),
        esme_addr: values.source.2.as_str().into(),
        tlvs: values.built.availability.as_tlvs(),
    };
    (theirs.into(), Body::AlertNotification(ours))
}

fn data_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let message = values.message();
    let theirs = theirs::DataSm::builder()
        .service_type(ServiceType::new(c(&values.service_type)))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .dest_addr_ton(values.destination.0.into())
        .dest_addr_npi(values.destination.1.into())
        .destination_addr(c(&values.destination.2))
        .esm_class(message.esm_class.0.into())
        .registered_delivery(message.registered_delivery.0.into())
        .data_coding(message.data_coding.0.into())
        .tlvs(submission_tlvs(values))
        .build();
    let ours = DataSm {
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
    (theirs.into(), Body::DataSm(ours))
}

fn submit_multi(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let message = values.message();
    let destination = |drawn: &Result<Address, String>| match drawn {
        Ok((ton, npi, address)) => {
            values::DestAddress::SmeAddress(SmeAddress::new((*ton).into(), (*npi).into(), c(address)))
        }
        Err(name) => values::DestAddress::DistributionListName(DistributionListName::new(c(name))),
    };
    let theirs = theirs::SubmitMulti::builder()
        .service_type(ServiceType::new(c(&values.service_type)))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .dest_address(values.destinations.iter().map(destination).collect())
        .esm_class(message.esm_class.0.into())
        .protocol_id(message.protocol_id)
        .priority_flag(message.priority_flag.into())
        .schedule_delivery_time(time(&values.times.0))
        .validity_period(time(&values.times.1))
        .registered_delivery(message.registered_delivery.0.into())
        .replace_if_present_flag(message.replace_if_present_flag.into())
        .data_coding(message.data_coding.0.into())
        .sm_default_msg_id(message.sm_default_msg_id)
        .short_message(OctetString::from_slice(&values.short_message).unwrap())
        .tlvs(submission_tlvs(values))
        .build();
    let ours = SubmitMulti {
        service_type: message.service_type,
        source_addr_ton: message.source_addr_ton,
        source_addr_npi: message.source_addr_npi,
        source_addr: message.source_addr,
        dest_address: values.built.destinations.as_list(),
        esm_class: message.esm_class,
        protocol_id: message.protocol_id,
        priority_flag: message.priority_flag,
        schedule_delivery_time: message.schedule_delivery_time,
        validity_period: message.validity_period,
        registered_delivery: message.registered_delivery,
        replace_if_present_flag: message.replace_if_present_flag,
        data_coding: message.data_coding,
        sm_default_msg_id: message.sm_default_msg_id,
        short_message: message.short_message,
        tlvs: message.tlvs,
    };
    (theirs.into(), Body::SubmitMulti(ours))
}

fn submit_multi_resp(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let refused = |((ton, npi, address), status): &(Address, u32)| {
        let status = CommandStatus::from(*status);
        values::UnsuccessSme::new((*ton).into(), (*npi).into(), c(address), status)
    };
    let theirs = theirs::SubmitMultiResp::builder()
        .message_id(c(&values.message_id))
        .unsuccess_sme(values.refused.iter().map(refused).collect())
        .tlvs(submission_answer_tlvs(values))
        .build();
    let ours = SubmitMultiResp {
        message_id: values.message_id.as_str().into(),
        unsuccess_sme: values.built.refused.as_list(),
        tlvs: values.built.tlvs.as_tlvs(),
    };
    (theirs.into(), Body::SubmitMultiResp(Some(ours)))
}

fn query_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let theirs = theirs::QuerySm::builder()
        .message_id(c(&values.message_id))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .build();
    let ours = QuerySm {
        message_id: values.message_id.as_str().into(),
        source_addr_ton: Ton(values.source.0),
        source_addr_npi: Npi(values.source.1),
        source_addr: values.source.2.as_str().into(),
        tlvs: Tlvs::NONE,
    };
    (theirs.into(), Body::QuerySm(ours))
}

fn query_sm_resp(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let [.., state, error] = values.octets;
    let theirs = theirs::QuerySmResp::builder()
        .message_id(c(&values.message_id))
        .final_date(time(&values.times.0))
        .message_state(state.into())
        .error_code(error)
        .build();
    let ours = QuerySmResp {
        message_id: values.message_id.as_str().into(),
        final_date: values.times.0.as_str().into(),
        message_state: MessageState(state),
        error_code: error,
        tlvs: Tlvs::NONE,
    };
    (theirs.into(), Body::QuerySmResp(Some(ours)))
}

fn cancel_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let message = values.message();
    let theirs = theirs::CancelSm::builder()
        .service_type(ServiceType::new(c(&values.service_type)))
        .message_id(c(&values.message_id))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .dest_addr_ton(values.destination.0.into())
        .dest_addr_npi(values.destination.1.into())
        .destination_addr(c(&values.destination.2))
        .build();
    let ours = CancelSm {
        service_type: message.service_type,
        message_id: values.message_id.as_str().into(),
        source_addr_ton: message.source_addr_ton,
        source_addr_npi: message.source_addr_npi,
        source_addr: message.source_addr,
        dest_addr_ton: message.dest_addr_ton,
        dest_addr_npi: message.dest_addr_npi,
        destination_addr: message.destination_addr,
        tlvs: Tlvs::NONE,
    };
    (theirs.into(), Body::CancelSm(ours))
}

fn replace_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let message = values.message();
    let payload = values.only.map(|only| {
        let [high, low] = only.to_be_bytes();
        MessagePayload::new(AnyOctetString::from_vec(vec![low; high.into()]))
    });
    // rusmpp takes the text away where there is a payload.
    let text = if payload.is_some() { &[][..] } else { &values.short_message };
    let theirs = theirs::ReplaceSm::builder()
        .message_id(c(&values.message_id))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .schedule_delivery_time(time(&values.times.0))
        .validity_period(time(&values.times.1))
        .registered_delivery(message.registered_delivery.0.into())
        .sm_default_msg_id(message.sm_default_msg_id)
        .short_message(OctetString::from_slice(text).unwrap())
        .message_payload(payload)
        .build();
    let ours = ReplaceSm {
        message_id: values.message_id.as_str().into(),
        source_addr_ton: message.source_addr_ton,
        source_addr_npi: message.source_addr_npi,
        source_addr: message.source_addr,
        schedule_delivery_time: message.schedule_delivery_time,
        validity_period: message.validity_period,
        registered_delivery: message.registered_delivery,
        sm_default_msg_id: message.sm_default_msg_id,
        short_message: text.into(),
        tlvs: values.built.payload.as_tlvs(),
    };
    (theirs.into(), Body::ReplaceSm(ours))
}

fn broadcast_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let message = values.message();
    let tlvs = tlvs!(values, BroadcastRequestTlvValue:
        BroadcastAreaIdentifier, BroadcastContentType, BroadcastFrequencyInterval, BroadcastRepNum,
        AlertOnMessageDelivery, BroadcastChannelIndicator, BroadcastContentTypeInfo, BroadcastMessageClass,
        BroadcastServiceGroup, CallbackNum, CallbackNumAtag, CallbackNumPresInd, DestAddrSubunit,
        DestSubaddress, DestPort, DisplayTime, LanguageIndicator, MessagePayload, MsValidity, PayloadType,
        PrivacyIndicator, SmsSignal, SourceAddrSubunit, SourcePort, SourceSubaddress, UserMessageReference);
    let theirs = theirs::BroadcastSm::builder()
        .service_type(ServiceType::new(c(&values.service_type)))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .message_id(c(&values.message_id))
        .priority_flag(message.priority_flag.into())
        .schedule_delivery_time(time(&values.times.0))
        .validity_period(time(&values.times.1))
        .replace_if_present_flag(message.replace_if_present_flag.into())
        .data_coding(message.data_coding.0.into())
        .sm_default_msg_id(message.sm_default_msg_id)
        .tlvs(tlvs)
        .build();
    let ours = BroadcastSm {
        service_type: message.service_type,
        source_addr_ton: message.source_addr_ton,
        source_addr_npi: message.source_addr_npi,
        source_addr: message.source_addr,
        message_id: values.message_id.as_str().into(),
        priority_flag: message.priority_flag,
        schedule_delivery_time: message.schedule_delivery_time,
        validity_period: message.validity_period,
        replace_if_present_flag: message.replace_if_present_flag,
        data_coding: message.data_coding,
        sm_default_msg_id: message.sm_default_msg_id,
        tlvs: message.tlvs,
    };
    (theirs.into(), Body::BroadcastSm(ours))
}

fn query_broadcast_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let theirs = theirs::QueryBroadcastSm::builder()
        .message_id(c(&values.message_id))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .user_message_reference(values.only.map(UserMessageReference::new))
        .build();
    let ours = QueryBroadcastSm {
        message_id: values.message_id.as_str().into(),
        source_addr_ton: Ton(values.source.0),
        source_addr_npi: Npi(values.source.1),
        source_addr: values.source.2.as_str().into(),
        tlvs: values.built.reference.as_tlvs(),
    };
    (theirs.into(), Body::QueryBroadcastSm(ours))
}

fn query_broadcast_sm_resp(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let tlvs = tlvs!(values, QueryBroadcastResponseTlvValue:
        MessageState, BroadcastAreaIdentifier, BroadcastAreaSuccess, BroadcastEndTime, UserMessageReference);
    let theirs = theirs::QueryBroadcastSmResp::builder().message_id(c(&values.message_id)).tlvs(tlvs).build();
    let ours = QueryBroadcastSmResp {
        message_id: values.message_id.as_str().into(),
        tlvs: values.built.tlvs.as_tlvs(),
    };
    (theirs.into(), Body::QueryBroadcastSmResp(Some(ours)))
}

fn cancel_broadcast_sm(values: &Values) -> (rusmpp::Pdu, Body<'_>) {
    let theirs = theirs::CancelBroadcastSm::builder()
        .service_type(ServiceType::new(c(&values.service_type)))
        .message_id(c(&values.message_id))
        .source_addr_ton(values.source.0.into())
        .source_addr_npi(values.source.1.into())
        .source_addr(c(&values.source.2))
        .tlvs(tlvs!(values, CancelBroadcastTlvValue: BroadcastContentType, UserMessageReference))
        .build();
    let ours = CancelBroadcastSm {
        service_type: values.service_type.as_str().into(),
        message_id: values.message_id.as_str().into(),
        source_addr_ton: Ton(values.source.0),
        source_addr_npi: Npi(values.source.1),
        source_addr: values.source.2.as_str().into(),
        tlvs: values.built.tlvs.as_tlvs(),
    };
    (theirs.into(), Body::CancelBroadcastSm(ours))
}
