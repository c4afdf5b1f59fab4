//! The catalogue of TLVs: tags, names, lengths and types.

use std::fmt;

use super::version::Version;

/// The tag of a TLV.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16);

/// What the value of a TLV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlvType {
    /// Unsigned, one, two or four octets; absent where the length may be 0.
    Integer,
    /// One octet of bit fields.
    Bits,
    /// C-octet string. Peers differ about the NUL; see [`super::Tlv::c_string`].
    CString,
    /// Octets with a layout of their own.
    Octets,
}

/// What the specification says about one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlvSpec {
    /// The tag.
    pub tag: Tag,
    /// The name in SMPP 5.0.
    pub name: &'static str,
    /// The least octets of the value.
    pub min: u16,
    /// The most octets of the value.
    pub max: u16,
    /// What the value is.
    pub value: TlvType,
    /// The first version that has it.
    pub since: Version,
}

impl TlvSpec {
    /// Says whether a value may have this many octets in any version.
    #[must_use]
    pub fn allows(&self, octets: usize) -> bool {
        // ms_validity has one octet, or four for a relative period, nothing between.
        (usize::from(self.min)..=usize::from(self.max)).contains(&octets)
            && !(self.tag == Tag::MS_VALIDITY && matches!(octets, 2 | 3))
    }
}

macro_rules! catalogue {
    ($($constant:ident = $tag:literal $name:literal $min:literal..=$max:literal $value:ident $since:ident,)+) => {
        #[allow(missing_docs, reason = "the names are the specification's and say all there is")]
        impl Tag {
            $(pub const $constant: Self = Self($tag);)+
        }

        /// Every TLV of SMPP 3.4 and 5.0, by rising tag.
        pub const CATALOGUE: &[TlvSpec] = &[$(TlvSpec {
            tag: Tag::$constant,
            name: $name,
            min: $min,
            max: $max,
            value: TlvType::$value,
            since: Version::$since,
        }),+];
    };
}

catalogue! {
    DEST_ADDR_SUBUNIT = 0x0005 "dest_addr_subunit" 1..=1 Integer V34,
    DEST_NETWORK_TYPE = 0x0006 "dest_network_type" 1..=1 Integer V34,
    DEST_BEARER_TYPE = 0x0007 "dest_bearer_type" 1..=1 Integer V34,
    DEST_TELEMATICS_ID = 0x0008 "dest_telematics_id" 2..=2 Integer V34,
    SOURCE_ADDR_SUBUNIT = 0x000D "source_addr_subunit" 1..=1 Integer V34,
    SOURCE_NETWORK_TYPE = 0x000E "source_network_type" 1..=1 Integer V34,
    SOURCE_BEARER_TYPE = 0x000F "source_bearer_type" 1..=1 Integer V34,
    SOURCE_TELEMATICS_ID = 0x0010 "source_telematics_id" 1..=1 Integer V34,
    QOS_TIME_TO_LIVE = 0x0017 "qos_time_to_live" 4..=4 Integer V34,
    PAYLOAD_TYPE = 0x0019 "payload_type" 1..=1 Integer V34,
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D "additional_status_info_text" 1..=256 CString V34,
    RECEIPTED_MESSAGE_ID = 0x001E "receipted_message_id" 1..=65 CString V34,
    MS_MSG_WAIT_FACILITIES = 0x0030 "ms_msg_wait_facilities" 1..=1 Bits V34,
    PRIVACY_INDICATOR = 0x0201 "privacy_indicator" 1..=1 Integer V34,
    SOURCE_SUBADDRESS = 0x0202 "source_subaddress" 2..=23 Octets V34,
    DEST_SUBADDRESS = 0x0203 "dest_subaddress" 2..=23 Octets V34,
    USER_MESSAGE_REFERENCE = 0x0204 "user_message_reference" 2..=2 Integer V34,
    USER_RESPONSE_CODE = 0x0205 "user_response_code" 1..=1 Integer V34,
    SOURCE_PORT = 0x020A "source_port" 2..=2 Integer V34,
    DEST_PORT = 0x020B "dest_port" 2..=2 Integer V34,
    SAR_MSG_REF_NUM = 0x020C "sar_msg_ref_num" 2..=2 Integer V34,
    LANGUAGE_INDICATOR = 0x020D "language_indicator" 1..=1 Integer V34,
    SAR_TOTAL_SEGMENTS = 0x020E "sar_total_segments" 1..=1 Integer V34,
    SAR_SEGMENT_SEQNUM = 0x020F "sar_segment_seqnum" 1..=1 Integer V34,
    SC_INTERFACE_VERSION = 0x0210 "sc_interface_version" 1..=1 Integer V34,
    CALLBACK_NUM_PRES_IND = 0x0302 "callback_num_pres_ind" 1..=1 Bits V34,
    CALLBACK_NUM_ATAG = 0x0303 "callback_num_atag" 1..=65 Octets V34,
    NUMBER_OF_MESSAGES = 0x0304 "number_of_messages" 1..=1 Integer V34,
    CALLBACK_NUM = 0x0381 "callback_num" 4..=19 Octets V34,
    DPF_RESULT = 0x0420 "dpf_result" 1..=1 Integer V34,
    SET_DPF = 0x0421 "set_dpf" 1..=1 Integer V34,
    MS_AVAILABILITY_STATUS = 0x0422 "ms_availability_status" 1..=1 Integer V34,
    NETWORK_ERROR_CODE = 0x0423 "network_error_code" 3..=3 Octets V34,
    MESSAGE_PAYLOAD = 0x0424 "message_payload" 0..=65535 Octets V34,
    DELIVERY_FAILURE_REASON = 0x0425 "delivery_failure_reason" 1..=1 Integer V34,
    MORE_MESSAGES_TO_SEND = 0x0426 "more_messages_to_send" 1..=1 Integer V34,
    MESSAGE_STATE = 0x0427 "message_state" 1..=1 Integer V34,
    CONGESTION_STATE = 0x0428 "congestion_state" 1..=1 Integer V50,
    USSD_SERVICE_OP = 0x0501 "ussd_service_op" 1..=1 Integer V34,
    BROADCAST_CHANNEL_INDICATOR = 0x0600 "broadcast_channel_indicator" 1..=1 Integer V50,
    BROADCAST_CONTENT_TYPE = 0x0601 "broadcast_content_type" 3..=3 Octets V50,
    BROADCAST_CONTENT_TYPE_INFO = 0x0602 "broadcast_content_type_info" 1..=255 Octets V50,
    BROADCAST_MESSAGE_CLASS = 0x0603 "broadcast_message_class" 1..=1 Integer V50,
    BROADCAST_REP_NUM = 0x0604 "broadcast_rep_num" 2..=2 Integer V50,
    BROADCAST_FREQUENCY_INTERVAL = 0x0605 "broadcast_frequency_interval" 3..=3 Octets V50,
    BROADCAST_AREA_IDENTIFIER = 0x0606 "broadcast_area_identifier" 1..=101 Octets V50,
    BROADCAST_ERROR_STATUS = 0x0607 "broadcast_error_status" 4..=4 Integer V50,
    BROADCAST_AREA_SUCCESS = 0x0608 "broadcast_area_success" 1..=1 Integer V50,
    BROADCAST_END_TIME = 0x0609 "broadcast_end_time" 16..=17 CString V50,
    BROADCAST_SERVICE_GROUP = 0x060A "broadcast_service_group" 1..=255 Octets V50,
    BILLING_IDENTIFICATION = 0x060B "billing_identification" 1..=1024 Octets V50,
    SOURCE_NETWORK_ID = 0x060D "source_network_id" 7..=65 CString V50,
    DEST_NETWORK_ID = 0x060E "dest_network_id" 7..=65 CString V50,
    SOURCE_NODE_ID = 0x060F "source_node_id" 6..=6 Octets V50,
    DEST_NODE_ID = 0x0610 "dest_node_id" 6..=6 Octets V50,
    DEST_ADDR_NP_RESOLUTION = 0x0611 "dest_addr_np_resolution" 1..=1 Integer V50,
    DEST_ADDR_NP_INFORMATION = 0x0612 "dest_addr_np_information" 10..=10 Octets V50,
    DEST_ADDR_NP_COUNTRY = 0x0613 "dest_addr_np_country" 1..=5 Octets V50,
    DISPLAY_TIME = 0x1201 "display_time" 1..=1 Integer V34,
    SMS_SIGNAL = 0x1203 "sms_signal" 2..=2 Integer V34,
    MS_VALIDITY = 0x1204 "ms_validity" 1..=4 Octets V34,
    ALERT_ON_MESSAGE_DELIVERY = 0x130C "alert_on_message_delivery" 0..=1 Integer V34,
    ITS_REPLY_TYPE = 0x1380 "its_reply_type" 1..=1 Integer V34,
    ITS_SESSION_INFO = 0x1383 "its_session_info" 2..=2 Octets V34,
}

impl Tag {
    /// What the specification says about this tag; `None` for a vendor's or a reserved one.
    #[must_use]
    pub fn spec(self) -> Option<&'static TlvSpec> {
        CATALOGUE.binary_search_by_key(&self, |spec| spec.tag).ok().map(|index| &CATALOGUE[index])
    }

    /// The name in the specification.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.spec().map(|spec| spec.name)
    }

    /// Says whether this tag is in the vendors' block, 0x1400 to 0x3FFF.
    #[must_use]
    pub fn is_vendor(self) -> bool {
        (0x1400..=0x3FFF).contains(&self.0)
    }

    /// Says whether a PDU may carry this tag more than once.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        matches!(
            self,
            Self::CALLBACK_NUM
                | Self::CALLBACK_NUM_ATAG
                | Self::CALLBACK_NUM_PRES_IND
                | Self::BROADCAST_AREA_IDENTIFIER
                | Self::BROADCAST_AREA_SUCCESS
                | Self::BROADCAST_ERROR_STATUS
        )
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_rises_so_that_every_tag_is_found() {
        assert!(CATALOGUE.is_sorted_by_key(|spec| spec.tag));
        assert!(CATALOGUE.iter().all(|spec| spec.tag.spec() == Some(spec)));
        assert_eq!(Tag(0x1400).name(), None);
        assert!(Tag(0x1400).is_vendor());
    }

    #[test]
    fn ms_validity_has_one_octet_or_four() {
        let spec = Tag::MS_VALIDITY.spec().unwrap();
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|octets| spec.allows(octets)),
            [false, true, false, false, true, false]
        );
    }
}
