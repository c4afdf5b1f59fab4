//! Which TLV belongs on which PDU.
//!
//! Peers put TLVs where they like, and one that does not belong is ignored, so decoding does not ask. This is for
//! whoever builds PDUs, and for those who judge a peer.

use super::{CommandId, Tag, Version};

// Groups of PDUs in the tables of 3.4.
const SUBMIT: u16 = 1;
const MULTI: u16 = 1 << 1;
const DELIVER: u16 = 1 << 2;
const DATA: u16 = 1 << 3;
const DATA_RESP: u16 = 1 << 4;
// Groups of PDUs in the tables of 5.0.
const SUBMISSION: u16 = 1 << 5;
const SUBMISSION_RESP: u16 = 1 << 6;
const DELIVERY: u16 = 1 << 7;
const DELIVERY_RESP: u16 = 1 << 8;
const BROADCAST: u16 = 1 << 9;
// In both.
const BIND_RESP: u16 = 1 << 10;
const ALERT: u16 = 1 << 11;
// In 5.0 alone.
const BROADCAST_RESP: u16 = 1 << 12;
const QUERY_BROADCAST: u16 = 1 << 13;
const QUERY_BROADCAST_RESP: u16 = 1 << 14;
const CANCEL_BROADCAST: u16 = 1 << 15;

impl Tag {
    /// Says whether the specification has this TLV on that PDU. Vendors' TLVs may be anywhere from 3.4 on, and below
    /// it there are none.
    ///
    /// data_sm travels both ways: what either direction allows is allowed.
    #[must_use]
    pub fn belongs_on(self, command: CommandId, version: Version) -> bool {
        if version == Version::V33 {
            return false;
        }
        if self.is_vendor() {
            return true;
        }
        let is_5_0 = version == Version::V50;
        if is_5_0 {
            match (self, command) {
                (Self::CONGESTION_STATE, _) => return command.is_response(),
                (Self::MESSAGE_PAYLOAD, CommandId::REPLACE_SM) => return true,
                // Listed for submissions, yet its own description leaves submit_multi out.
                (Self::DEST_SUBADDRESS, CommandId::SUBMIT_MULTI) => return false,
                _ => {}
            }
        }
        let groups = if is_5_0 { groups_5_0(command) } else { groups_3_4(command) };
        RULES
            .iter()
            .filter(|(tag, ..)| *tag == self)
            .any(|(_, in_3_4, in_5_0)| groups & if is_5_0 { *in_5_0 } else { *in_3_4 } != 0)
    }
}

fn groups_3_4(command: CommandId) -> u16 {
    match command {
        CommandId::SUBMIT_SM => SUBMIT,
        CommandId::SUBMIT_MULTI => MULTI,
        CommandId::DELIVER_SM => DELIVER,
        CommandId::DATA_SM => DATA,
        CommandId::DATA_SM_RESP => DATA_RESP,
        other => groups_of_both(other),
    }
}

fn groups_5_0(command: CommandId) -> u16 {
    match command {
        CommandId::SUBMIT_SM | CommandId::SUBMIT_MULTI => SUBMISSION,
        CommandId::SUBMIT_SM_RESP | CommandId::SUBMIT_MULTI_RESP => SUBMISSION_RESP,
        CommandId::DELIVER_SM => DELIVERY,
        CommandId::DELIVER_SM_RESP => DELIVERY_RESP,
        CommandId::DATA_SM => SUBMISSION | DELIVERY,
        CommandId::DATA_SM_RESP => SUBMISSION_RESP | DELIVERY_RESP,
        CommandId::BROADCAST_SM => BROADCAST,
        CommandId::BROADCAST_SM_RESP => BROADCAST_RESP,
        CommandId::QUERY_BROADCAST_SM => QUERY_BROADCAST,
        CommandId::QUERY_BROADCAST_SM_RESP => QUERY_BROADCAST_RESP,
        CommandId::CANCEL_BROADCAST_SM => CANCEL_BROADCAST,
        other => groups_of_both(other),
    }
}

fn groups_of_both(command: CommandId) -> u16 {
    match command {
        CommandId::BIND_RECEIVER_RESP
        | CommandId::BIND_TRANSMITTER_RESP
        | CommandId::BIND_TRANSCEIVER_RESP => BIND_RESP,
        CommandId::ALERT_NOTIFICATION => ALERT,
        _ => 0,
    }
}

/// The tag, where it belongs in 3.4, where it belongs in 5.0.
const RULES: &[(Tag, u16, u16)] = &[
    (Tag::DEST_ADDR_SUBUNIT, SUBMIT | MULTI | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::DEST_NETWORK_TYPE, DATA, SUBMISSION),
    (Tag::DEST_BEARER_TYPE, DATA, SUBMISSION),
    (Tag::DEST_TELEMATICS_ID, DATA, SUBMISSION),
    (Tag::SOURCE_ADDR_SUBUNIT, SUBMIT | MULTI | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::SOURCE_NETWORK_TYPE, DATA, SUBMISSION),
    (Tag::SOURCE_BEARER_TYPE, DATA, SUBMISSION),
    (Tag::SOURCE_TELEMATICS_ID, DATA, SUBMISSION),
    (Tag::QOS_TIME_TO_LIVE, DATA, SUBMISSION),
    (Tag::PAYLOAD_TYPE, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::ADDITIONAL_STATUS_INFO_TEXT, DATA_RESP, SUBMISSION_RESP | DELIVERY_RESP),
    (Tag::RECEIPTED_MESSAGE_ID, DELIVER | DATA, DELIVERY),
    (Tag::MS_MSG_WAIT_FACILITIES, SUBMIT | MULTI | DATA, SUBMISSION),
    (Tag::PRIVACY_INDICATOR, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::SOURCE_SUBADDRESS, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::DEST_SUBADDRESS, SUBMIT | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (
        Tag::USER_MESSAGE_REFERENCE,
        SUBMIT | MULTI | DELIVER | DATA,
        SUBMISSION | DELIVERY | BROADCAST | QUERY_BROADCAST | QUERY_BROADCAST_RESP | CANCEL_BROADCAST,
    ),
    (Tag::USER_RESPONSE_CODE, SUBMIT | DELIVER | DATA, SUBMISSION | DELIVERY),
    (Tag::SOURCE_PORT, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::DEST_PORT, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::SAR_MSG_REF_NUM, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY),
    (Tag::LANGUAGE_INDICATOR, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::SAR_TOTAL_SEGMENTS, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY),
    (Tag::SAR_SEGMENT_SEQNUM, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY),
    (Tag::CALLBACK_NUM_PRES_IND, SUBMIT | MULTI | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::CALLBACK_NUM_ATAG, SUBMIT | MULTI | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::NUMBER_OF_MESSAGES, SUBMIT | DATA, SUBMISSION),
    (Tag::CALLBACK_NUM, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::DPF_RESULT, DATA_RESP, SUBMISSION_RESP | DELIVERY),
    (Tag::SET_DPF, DATA, SUBMISSION),
    (Tag::NETWORK_ERROR_CODE, DELIVER | DATA | DATA_RESP, SUBMISSION_RESP | DELIVERY | DELIVERY_RESP),
    (Tag::MESSAGE_PAYLOAD, SUBMIT | MULTI | DELIVER | DATA, SUBMISSION | DELIVERY | BROADCAST),
    (Tag::DELIVERY_FAILURE_REASON, DATA_RESP, SUBMISSION_RESP | DELIVERY_RESP),
    (Tag::MORE_MESSAGES_TO_SEND, SUBMIT | DATA, SUBMISSION),
    (Tag::MESSAGE_STATE, DELIVER | DATA, DELIVERY | QUERY_BROADCAST_RESP),
    (Tag::USSD_SERVICE_OP, SUBMIT, SUBMISSION | DELIVERY),
    (Tag::BROADCAST_CHANNEL_INDICATOR, 0, BROADCAST),
    (Tag::BROADCAST_CONTENT_TYPE, 0, BROADCAST | CANCEL_BROADCAST),
    (Tag::BROADCAST_CONTENT_TYPE_INFO, 0, BROADCAST),
    (Tag::BROADCAST_MESSAGE_CLASS, 0, BROADCAST),
    (Tag::BROADCAST_REP_NUM, 0, BROADCAST),
    (Tag::BROADCAST_FREQUENCY_INTERVAL, 0, BROADCAST),
    (Tag::BROADCAST_AREA_IDENTIFIER, 0, BROADCAST | BROADCAST_RESP | QUERY_BROADCAST_RESP),
    (Tag::BROADCAST_SERVICE_GROUP, 0, BROADCAST),
    (Tag::BILLING_IDENTIFICATION, 0, SUBMISSION),
    (Tag::SOURCE_NETWORK_ID, 0, SUBMISSION | DELIVERY),
    (Tag::DEST_NETWORK_ID, 0, SUBMISSION | DELIVERY),
    (Tag::SOURCE_NODE_ID, 0, SUBMISSION | DELIVERY),
    (Tag::DEST_NODE_ID, 0, SUBMISSION | DELIVERY),
    (Tag::DEST_ADDR_NP_RESOLUTION, 0, SUBMISSION | DELIVERY),
    (Tag::DEST_ADDR_NP_INFORMATION, 0, SUBMISSION | DELIVERY),
    (Tag::DEST_ADDR_NP_COUNTRY, 0, SUBMISSION | DELIVERY),
    (Tag::DISPLAY_TIME, SUBMIT | MULTI | DATA, SUBMISSION | BROADCAST),
    (Tag::SMS_SIGNAL, SUBMIT | MULTI | DATA, SUBMISSION | BROADCAST),
    (Tag::MS_VALIDITY, SUBMIT | MULTI | DATA, SUBMISSION | BROADCAST),
    (Tag::ALERT_ON_MESSAGE_DELIVERY, SUBMIT | MULTI | DATA, SUBMISSION | BROADCAST),
    (Tag::ITS_REPLY_TYPE, SUBMIT | DATA, SUBMISSION | DELIVERY),
    (Tag::ITS_SESSION_INFO, SUBMIT | DELIVER | DATA, SUBMISSION | DELIVERY),
    (Tag::SC_INTERFACE_VERSION, BIND_RESP, BIND_RESP),
    (Tag::MS_AVAILABILITY_STATUS, ALERT, ALERT),
    (Tag::BROADCAST_ERROR_STATUS, 0, BROADCAST_RESP),
    (Tag::BROADCAST_AREA_SUCCESS, 0, QUERY_BROADCAST_RESP),
    (Tag::BROADCAST_END_TIME, 0, QUERY_BROADCAST_RESP),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smpp::CATALOGUE;

    #[test]
    fn every_tag_of_a_version_belongs_somewhere_in_it_and_nowhere_before() {
        for spec in CATALOGUE {
            let somewhere = |version| CommandId::ALL.iter().any(|&id| spec.tag.belongs_on(id, version));
            assert!(somewhere(Version::V50), "{}", spec.name);
            assert_eq!(somewhere(Version::V34), spec.since == Version::V34, "{}", spec.name);
            assert!(!somewhere(Version::V33), "{}", spec.name);
        }
    }

    #[test]
    fn versions_differ() {
        for (tag, command, in_3_4, in_5_0) in [
            (Tag::DEST_ADDR_SUBUNIT, CommandId::DELIVER_SM, false, true),
            (Tag::CONGESTION_STATE, CommandId::ENQUIRE_LINK_RESP, false, true),
            (Tag::CONGESTION_STATE, CommandId::SUBMIT_SM, false, false),
            (Tag::MESSAGE_PAYLOAD, CommandId::REPLACE_SM, false, true),
            (Tag::DEST_SUBADDRESS, CommandId::SUBMIT_MULTI, false, false),
            (Tag::DEST_SUBADDRESS, CommandId::SUBMIT_SM, true, true),
            (Tag::RECEIPTED_MESSAGE_ID, CommandId::DELIVER_SM, true, true),
            (Tag::RECEIPTED_MESSAGE_ID, CommandId::SUBMIT_SM, false, false),
            (Tag::SC_INTERFACE_VERSION, CommandId::BIND_RECEIVER_RESP, true, true),
            (Tag(0x1400), CommandId::SUBMIT_SM, true, true),
        ] {
            assert_eq!(tag.belongs_on(command, Version::V34), in_3_4, "{tag} on {command} in 3.4");
            assert_eq!(tag.belongs_on(command, Version::V50), in_5_0, "{tag} on {command} in 5.0");
        }
    }
}
