//! Every TLV that rusmpp can write, with values drawn from the ranges of the specification, and the octets that they
//! make there. The octets are put together here and not by either side's encoder.

use codecs::smpp::Tag;
use proptest::{collection::vec, option, prelude::*, strategy::BoxedStrategy};
use rusmpp::{
    CommandStatus,
    tlvs::{TlvTag, TlvValue},
    types::{AnyOctetString, COctetString, OctetString},
    values::{
        BroadcastAreaIdentifier, BroadcastContentType, BroadcastFrequencyInterval, BroadcastRepNum,
        ItsSessionInfo, MessagePayload, MsValidity, MsValidityInformation, NetworkErrorCode, Subaddress,
        UserMessageReference,
    },
};

/// The first tag of the vendors' block.
const VENDORS: Tag = Tag(0x1400);

/// A TLV as rusmpp has it, and what it is on the wire.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub value: TlvValue,
    pub tag: Tag,
    pub octets: Vec<u8>,
}

/// All of them, by tag.
pub fn all() -> Vec<(Tag, BoxedStrategy<Drawn>)> {
    let mut all = octets();
    all.extend(pairs());
    all.extend(strings());
    all.extend(composed());
    all.push(add(VENDORS, vec(any::<u8>(), 0..40), |drawn| {
        let value = AnyOctetString::from_slice(&drawn);
        (TlvValue::Other { tag: TlvTag::from(VENDORS.0), value }, drawn)
    }));
    all
}

fn add<T: std::fmt::Debug + 'static>(
    tag: Tag,
    values: impl Strategy<Value = T> + 'static,
    both: impl Fn(T) -> (TlvValue, Vec<u8>) + 'static,
) -> (Tag, BoxedStrategy<Drawn>) {
    let drawn = values.prop_map(move |drawn| {
        let (value, octets) = both(drawn);
        Drawn { value, tag, octets }
    });
    (tag, drawn.boxed())
}

/// One octet each.
fn octets() -> Vec<(Tag, BoxedStrategy<Drawn>)> {
    macro_rules! octets {
        ($($variant:ident = $tag:ident),+ $(,)?) => {
            vec![$(add(Tag::$tag, any::<u8>(), |drawn| (TlvValue::$variant(drawn.into()), vec![drawn]))),+]
        };
    }
    let mut all = octets! {
        AlertOnMessageDelivery = ALERT_ON_MESSAGE_DELIVERY,
        BroadcastAreaSuccess = BROADCAST_AREA_SUCCESS,
        BroadcastChannelIndicator = BROADCAST_CHANNEL_INDICATOR,
        BroadcastMessageClass = BROADCAST_MESSAGE_CLASS,
        CongestionState = CONGESTION_STATE,
        DeliveryFailureReason = DELIVERY_FAILURE_REASON,
        DestAddrNpResolution = DEST_ADDR_NP_RESOLUTION,
        DestAddrSubunit = DEST_ADDR_SUBUNIT,
        DestBearerType = DEST_BEARER_TYPE,
        DestNetworkType = DEST_NETWORK_TYPE,
        DisplayTime = DISPLAY_TIME,
        DpfResult = DPF_RESULT,
        ItsReplyType = ITS_REPLY_TYPE,
        LanguageIndicator = LANGUAGE_INDICATOR,
        MessageState = MESSAGE_STATE,
        MoreMessagesToSend = MORE_MESSAGES_TO_SEND,
        MsAvailabilityStatus = MS_AVAILABILITY_STATUS,
        NumberOfMessages = NUMBER_OF_MESSAGES,
        PayloadType = PAYLOAD_TYPE,
        PrivacyIndicator = PRIVACY_INDICATOR,
        SarSegmentSeqnum = SAR_SEGMENT_SEQNUM,
        SarTotalSegments = SAR_TOTAL_SEGMENTS,
        ScInterfaceVersion = SC_INTERFACE_VERSION,
        SetDpf = SET_DPF,
        SourceAddrSubunit = SOURCE_ADDR_SUBUNIT,
        SourceBearerType = SOURCE_BEARER_TYPE,
        SourceNetworkType = SOURCE_NETWORK_TYPE,
        UserResponseCode = USER_RESPONSE_CODE,
        UssdServiceOp = USSD_SERVICE_OP,
    };
    // The bits that the specification gives a meaning; the rest is reserved.
    all.push(add(Tag::CALLBACK_NUM_PRES_IND, 0..=0x0F_u8, |drawn| {
        (TlvValue::CallbackNumPresInd(drawn.into()), vec![drawn])
    }));
    all.push(add(Tag::MS_MSG_WAIT_FACILITIES, (any::<bool>(), 0..=3_u8), |(is_active, kind)| {
        let drawn = u8::from(is_active) << 7 | kind;
        (TlvValue::MsMsgWaitFacilities(drawn.into()), vec![drawn])
    }));
    all
}

/// Integers of more than one octet, and two whose width rusmpp sees otherwise.
fn pairs() -> Vec<(Tag, BoxedStrategy<Drawn>)> {
    macro_rules! pairs {
        ($($variant:ident = $tag:ident),+ $(,)?) => {
            vec![$(add(Tag::$tag, any::<u16>(), |drawn| {
                (TlvValue::$variant(drawn), drawn.to_be_bytes().to_vec())
            })),+]
        };
    }
    let mut all = pairs! {
        DestTelematicsId = DEST_TELEMATICS_ID,
        DestPort = DEST_PORT,
        SarMsgRefNum = SAR_MSG_REF_NUM,
        SmsSignal = SMS_SIGNAL,
        SourcePort = SOURCE_PORT,
    };
    all.push(add(Tag::USER_MESSAGE_REFERENCE, any::<u16>(), |drawn| {
        let value = TlvValue::UserMessageReference(UserMessageReference::new(drawn));
        (value, drawn.to_be_bytes().to_vec())
    }));
    all.push(add(Tag::QOS_TIME_TO_LIVE, any::<u32>(), |drawn| {
        (TlvValue::QosTimeToLive(drawn), drawn.to_be_bytes().to_vec())
    }));
    all.push(add(Tag::BROADCAST_ERROR_STATUS, any::<u32>(), |drawn| {
        (TlvValue::BroadcastErrorStatus(CommandStatus::from(drawn)), drawn.to_be_bytes().to_vec())
    }));
    // SMPP 3.4 source_telematics_id: one octet. SMPP 5.0 broadcast_rep_num: two.
    all.push(add(Tag::SOURCE_TELEMATICS_ID, any::<u8>(), |drawn| {
        (TlvValue::SourceTelematicsId(drawn.into()), vec![drawn])
    }));
    all.push(add(Tag::BROADCAST_REP_NUM, any::<u8>(), |drawn| {
        (TlvValue::BroadcastRepNum(BroadcastRepNum::new(drawn)), vec![0, drawn])
    }));
    all
}

fn strings() -> Vec<(Tag, BoxedStrategy<Drawn>)> {
    macro_rules! octet_strings {
        ($($variant:ident = $tag:ident $lengths:expr),+ $(,)?) => {
            vec![$(add(Tag::$tag, vec(any::<u8>(), $lengths), |drawn| {
                let value = OctetString::from_slice(&drawn).expect("a length in range");
                (TlvValue::$variant(value), drawn)
            })),+]
        };
    }
    macro_rules! c_strings {
        ($($variant:ident = $tag:ident $pattern:literal),+ $(,)?) => {
            vec![$(add(Tag::$tag, $pattern, |drawn: String| {
                let value = COctetString::from_string(drawn.clone()).expect("a length in range");
                (TlvValue::$variant(value), [drawn.as_bytes(), b"\0"].concat())
            })),+]
        };
    }
    let mut all = octet_strings! {
        BillingIdentification = BILLING_IDENTIFICATION 1..=1024,
        BroadcastContentTypeInfo = BROADCAST_CONTENT_TYPE_INFO 1..=255,
        BroadcastServiceGroup = BROADCAST_SERVICE_GROUP 1..=255,
        CallbackNum = CALLBACK_NUM 4..=19,
        CallbackNumAtag = CALLBACK_NUM_ATAG 1..=65,
        DestAddrNpCountry = DEST_ADDR_NP_COUNTRY 1..=5,
        DestAddrNpInformation = DEST_ADDR_NP_INFORMATION 10..=10,
        DestNodeId = DEST_NODE_ID 6..=6,
        SourceNodeId = SOURCE_NODE_ID 6..=6,
    };
    all.extend(c_strings! {
        AdditionalStatusInfoText = ADDITIONAL_STATUS_INFO_TEXT "[ -~]{0,255}",
        DestNetworkId = DEST_NETWORK_ID "[0-9]{6,64}",
        ReceiptedMessageId = RECEIPTED_MESSAGE_ID "[0-9A-Za-z-]{0,64}",
        SourceNetworkId = SOURCE_NETWORK_ID "[0-9]{6,64}",
    });
    all.push(add(Tag::BROADCAST_END_TIME, "[0-9]{15}[R+-]", |drawn: String| {
        let value = OctetString::from_slice(drawn.as_bytes()).expect("16 octets");
        (TlvValue::BroadcastEndTime(value), drawn.into_bytes())
    }));
    all.push(add(Tag::MESSAGE_PAYLOAD, vec(any::<u8>(), 0..1000), |drawn| {
        let value = MessagePayload::new(AnyOctetString::from_slice(&drawn));
        (TlvValue::MessagePayload(value), drawn)
    }));
    all
}

/// Values with a layout of their own.
fn composed() -> Vec<(Tag, BoxedStrategy<Drawn>)> {
    let subaddress = || (any::<u8>(), vec(any::<u8>(), 1..=22));
    let both = |(kind, address): (u8, Vec<u8>)| {
        let value =
            Subaddress::new(kind.into(), OctetString::from_slice(&address).expect("22 octets at most"));
        (value, [&[kind][..], &address].concat())
    };
    let triple = || (any::<u8>(), any::<u16>());
    let octets = |first: u8, pair: u16| [&[first][..], &pair.to_be_bytes()].concat();
    vec![
        add(Tag::SOURCE_SUBADDRESS, subaddress(), move |drawn| {
            let (value, octets) = both(drawn);
            (TlvValue::SourceSubaddress(value), octets)
        }),
        add(Tag::DEST_SUBADDRESS, subaddress(), move |drawn| {
            let (value, octets) = both(drawn);
            (TlvValue::DestSubaddress(value), octets)
        }),
        add(Tag::BROADCAST_AREA_IDENTIFIER, (any::<u8>(), vec(any::<u8>(), 0..=100)), |(format, area)| {
            let value = BroadcastAreaIdentifier::new(format.into(), AnyOctetString::from_slice(&area));
            (TlvValue::BroadcastAreaIdentifier(value), [&[format][..], &area].concat())
        }),
        add(Tag::BROADCAST_CONTENT_TYPE, triple(), move |(network, service)| {
            let value = BroadcastContentType::new(network.into(), service.into());
            (TlvValue::BroadcastContentType(value), octets(network, service))
        }),
        add(Tag::BROADCAST_FREQUENCY_INTERVAL, triple(), move |(unit, count)| {
            let value = BroadcastFrequencyInterval::new(unit.into(), count);
            (TlvValue::BroadcastFrequencyInterval(value), octets(unit, count))
        }),
        add(Tag::NETWORK_ERROR_CODE, triple(), move |(network, code)| {
            let value = NetworkErrorCode::new(network.into(), code);
            (TlvValue::NetworkErrorCode(value), octets(network, code))
        }),
        add(Tag::ITS_SESSION_INFO, any::<[u8; 2]>(), |drawn| {
            (TlvValue::ItsSessionInfo(ItsSessionInfo::new(drawn[0], drawn[1])), drawn.to_vec())
        }),
        add(Tag::MS_VALIDITY, (any::<u8>(), option::of(triple())), move |(behaviour, period)| {
            let information = period.map(|(unit, count)| MsValidityInformation::new(unit.into(), count));
            let value = MsValidity::new(behaviour.into(), information);
            let period = period.map_or(vec![], |(unit, count)| octets(unit, count));
            (TlvValue::MsValidity(value), [&[behaviour][..], &period].concat())
        }),
    ]
}
