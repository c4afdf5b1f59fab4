//! CMPP_DELIVER and its answer: a message from a phone, or a receipt.

use super::{
    MsgId, Report, command,
    field::{self, Content, Id, Number, Octet, Reserved, TailText, Text, by_layout, every},
};
use crate::error::DecodeError;

field::unit! {
    /// CMPP_DELIVER. Fields that the version in use lacks must be empty or 0 when it is written.
    Deliver<'a> = command::DELIVER, {
        /// The id of this unit, also when it is a receipt: the message's own id is in [`Report`].
        msg_id: MsgId = "Msg_Id", Id;
        /// The SP's number, maybe with an extension; at most 21 octets.
        dest_id: &'a [u8] = "Dest_Id", Text(every(21));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// GSM 03.40 protocol identifier.
        tp_pid: u8 = "TP_pid", Octet(every(1));
        /// 1: the content begins with a user data header. Ask [`Deliver::has_header`]: some gateways write 0x40.
        tp_udhi: u8 = "TP_udhi", Octet(every(1));
        /// What the content is; see [`super::Submit::msg_fmt`].
        msg_fmt: u8 = "Msg_Fmt", Octet(every(1));
        /// The phone, in a receipt too; at most 21 octets (3.0: 32).
        src_terminal_id: &'a [u8] = "Src_terminal_Id", Text(by_layout(21, 32));
        /// 3.0: 0 real number, 1 pseudo code.
        src_terminal_type: u8 = "Src_terminal_type", Octet(by_layout(0, 1));
        /// 0: from a phone; 1: a receipt.
        registered_delivery: u8 = "Registered_Delivery", Octet(every(1));
        /// Msg_Length and Msg_Content: the text, or the receipt's body.
        msg_content: &'a [u8] = "Msg_Content", Content;
        /// 2.0 and 2.1: zero.
        reserved: [u8; 8] = "Reserved", Reserved(by_layout(8, 0));
        /// 3.0: the id of an on-demand transaction, for the submit that answers it; at most 20 octets.
        link_id: &'a [u8] = "LinkID", TailText(by_layout(0, 20));
    }
}

impl<'a> Deliver<'a> {
    /// Says whether the content begins with a user data header.
    #[must_use]
    pub fn has_header(&self) -> bool {
        super::has_header(self.tp_udhi)
    }

    /// The receipt in the content, if this is one.
    ///
    /// # Errors
    /// When the content is too short for a receipt; offsets count from the content's start.
    pub fn report(&self) -> Option<Result<Report<'a>, DecodeError>> {
        (self.registered_delivery == 1).then(|| Report::decode(self.msg_content))
    }
}

field::unit! {
    /// CMPP_DELIVER_RESP: sent once what was delivered is safe.
    DeliverResp = command::DELIVER | command::RESPONSE, {
        /// Copied from the CMPP_DELIVER itself, never from a receipt's body.
        msg_id: MsgId = "Msg_Id", Id;
        /// 0: taken; see [`super::status::ResultCode::of_deliver`]. At most 255 in 2.0 and 2.1.
        result: u32 = "Result", Number(by_layout(1, 4));
    }
}
