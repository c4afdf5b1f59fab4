//! CMPP_FWD and its answer: a message on its way between two gateways.

use super::{
    MoReport, MsgId, Recipients, Report, command,
    field::{self, Content, Id, Number, Numbers, Octet, Reserved, TailText, Text, by_layout, every},
};
use crate::error::DecodeError;

field::unit! {
    /// CMPP_FWD. Fields that the version in use lacks must be empty or 0 when it is written.
    Fwd<'a> = command::FWD, {
        /// The sending gateway: six digits, `0` on the left.
        source_id: &'a [u8] = "Source_Id", Text(every(6));
        /// The gateway that it is for: six digits, `0` on the left.
        destination_id: &'a [u8] = "Destination_Id", Text(every(6));
        /// Gateways passed so far.
        nodes_count: u8 = "NodesCount", Octet(every(1));
        /// What is forwarded; see [`FwdType`].
        msg_fwd_type: u8 = "Msg_Fwd_Type", Octet(every(1));
        /// The id of the message.
        msg_id: MsgId = "Msg_Id", Id;
        /// Segments of the message, from 1.
        pk_total: u8 = "Pk_total", Octet(every(1));
        /// Which segment this is, from 1.
        pk_number: u8 = "Pk_number", Octet(every(1));
        /// 0: no receipt; 1: a receipt is wanted; 2: a billing record only.
        registered_delivery: u8 = "Registered_Delivery", Octet(every(1));
        /// Priority; its values are not defined.
        msg_level: u8 = "Msg_level", Octet(every(1));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// Who pays: 0 recipient, 1 sender, 2 SP, 3 see `fee_terminal_id`.
        fee_user_type: u8 = "Fee_UserType", Octet(every(1));
        /// The paying number, at most 21 octets in every version.
        fee_terminal_id: &'a [u8] = "Fee_terminal_Id", Text(every(21));
        /// 3.0: the payer's pseudo code, at most 32 octets.
        fee_terminal_pseudo: &'a [u8] = "Fee_terminal_Pseudo", Text(by_layout(0, 32));
        /// 3.0: 0 the payer is post-paid, 1 prepaid.
        fee_terminal_user_type: u8 = "Fee_terminal_UserType", Octet(by_layout(0, 1));
        /// GSM 03.40 protocol identifier.
        tp_pid: u8 = "TP_pid", Octet(every(1));
        /// 1: the content begins with a user data header. Ask [`Fwd::has_header`]: some gateways write 0x40.
        tp_udhi: u8 = "TP_udhi", Octet(every(1));
        /// What the content is; see [`super::Submit::msg_fmt`].
        msg_fmt: u8 = "Msg_Fmt", Octet(every(1));
        /// The company code, 6 octets.
        msg_src: &'a [u8] = "Msg_src", Text(every(6));
        /// Two digits: 00 to 05; in 3.0 01, 02, 03 and 06.
        fee_type: &'a [u8] = "FeeType", Text(every(2));
        /// Price in fen, at most six digits.
        fee_code: &'a [u8] = "FeeCode", Text(every(6));
        /// When it expires, `YYMMDDhhmmsstnnp`; empty: not set.
        valid_time: &'a [u8] = "Valid_Time", Text(every(17));
        /// When to send it, `YYMMDDhhmmsstnnp`; empty: now.
        at_time: &'a [u8] = "At_Time", Text(every(17));
        /// MT and receipts for MO: the SP's number; MO and receipts for MT: the phone. At most 21 octets.
        src_id: &'a [u8] = "Src_Id", Text(every(21));
        /// 3.0: the pseudo code of `src_id`, at most 32 octets.
        src_pseudo: &'a [u8] = "Src_Pseudo", Text(by_layout(0, 32));
        /// 3.0: 0 post-paid, 1 prepaid.
        src_user_type: u8 = "Src_UserType", Octet(by_layout(0, 1));
        /// 3.0: which number the SP is shown: 0 real, 1 pseudo code.
        src_type: u8 = "Src_type", Octet(by_layout(0, 1));
        /// DestUsr_tl and Dest_Id: 1 to 99 numbers (3.0: exactly 1) of at most 21 octets.
        dest_id: Recipients<'a> = "Dest_Id", Numbers { width: every(21), most: by_layout(99, 1) };
        /// 3.0: the pseudo code of `dest_id`, at most 32 octets.
        dest_pseudo: &'a [u8] = "Dest_Pseudo", Text(by_layout(0, 32));
        /// 3.0: 0 post-paid, 1 prepaid.
        dest_user_type: u8 = "Dest_UserType", Octet(by_layout(0, 1));
        /// Msg_Length and Msg_Content: the text, or the receipt's body.
        msg_content: &'a [u8] = "Msg_Content", Content;
        /// 2.0 and 2.1: zero.
        reserve: [u8; 8] = "Reserve", Reserved(by_layout(8, 0));
        /// 3.0: the id of an on-demand transaction, at most 20 octets.
        link_id: &'a [u8] = "LinkID", TailText(by_layout(0, 20));
    }
}

/// What a CMPP_FWD forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FwdType {
    /// A message to a phone.
    Mt,
    /// A message from a phone.
    Mo,
    /// A receipt for a message to a phone: [`Fwd::report`].
    MtReport,
    /// A receipt for a message from a phone: [`Fwd::mo_report`].
    MoReport,
    /// Not in the specification.
    Other(u8),
}

impl<'a> Fwd<'a> {
    /// What is forwarded.
    #[must_use]
    pub fn forwards(&self) -> FwdType {
        match self.msg_fwd_type {
            0 => FwdType::Mt,
            1 => FwdType::Mo,
            2 => FwdType::MtReport,
            3 => FwdType::MoReport,
            other => FwdType::Other(other),
        }
    }

    /// Says whether the content begins with a user data header.
    #[must_use]
    pub fn has_header(&self) -> bool {
        super::has_header(self.tp_udhi)
    }

    /// The receipt for a message to a phone, if this is one.
    ///
    /// # Errors
    /// When the content is too short for it; offsets count from the content's start.
    pub fn report(&self) -> Option<Result<Report<'a>, DecodeError>> {
        (self.forwards() == FwdType::MtReport).then(|| Report::decode(self.msg_content))
    }

    /// The receipt for a message from a phone, if this is one.
    ///
    /// # Errors
    /// When the content is too short for it; offsets count from the content's start.
    pub fn mo_report(&self) -> Option<Result<MoReport<'a>, DecodeError>> {
        (self.forwards() == FwdType::MoReport).then(|| MoReport::decode(self.msg_content))
    }
}

field::unit! {
    /// CMPP_FWD_RESP.
    FwdResp = command::FWD | command::RESPONSE, {
        /// As in the CMPP_FWD.
        msg_id: MsgId = "Msg_Id", Id;
        /// As in the CMPP_FWD.
        pk_total: u8 = "Pk_total", Octet(every(1));
        /// As in the CMPP_FWD.
        pk_number: u8 = "Pk_number", Octet(every(1));
        /// 0: taken; see [`super::status::ResultCode::of_fwd`]. At most 255 in 2.0 and 2.1.
        result: u32 = "Result", Number(by_layout(1, 4));
    }
}
