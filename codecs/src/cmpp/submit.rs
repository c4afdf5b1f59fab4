//! CMPP_SUBMIT and its answer: a message from the SP.

use super::{
    MsgId, Recipients, command,
    field::{self, Content, Id, Number, Numbers, Octet, Reserved, TailText, Text, by_layout, every},
};

field::unit! {
    /// CMPP_SUBMIT. Fields that the version in use lacks must be empty or 0 when it is written.
    Submit<'a> = command::SUBMIT, {
        /// 0: the gateway gives the id in its answer.
        msg_id: MsgId = "Msg_Id", Id;
        /// Segments of the message, from 1.
        pk_total: u8 = "Pk_total", Octet(every(1));
        /// Which segment this is, from 1.
        pk_number: u8 = "Pk_number", Octet(every(1));
        /// 0: no receipt; 1: a receipt is wanted; 2: a billing record only, nothing goes to the phone (2.0 and 2.1).
        registered_delivery: u8 = "Registered_Delivery", Octet(every(1));
        /// Priority; its values are not defined.
        msg_level: u8 = "Msg_level", Octet(every(1));
        /// The service code, at most 10 octets.
        service_id: &'a [u8] = "Service_Id", Text(every(10));
        /// Who pays: 0 recipient, 1 sender, 2 SP, 3 see `fee_terminal_id`.
        fee_user_type: u8 = "Fee_UserType", Octet(every(1));
        /// The paying number, at most 21 octets (3.0: 32); counts only when `fee_user_type` is 3.
        fee_terminal_id: &'a [u8] = "Fee_terminal_Id", Text(by_layout(21, 32));
        /// 3.0: 0 real number, 1 pseudo code.
        fee_terminal_type: u8 = "Fee_terminal_type", Octet(by_layout(0, 1));
        /// GSM 03.40 protocol identifier.
        tp_pid: u8 = "TP_pId", Octet(every(1));
        /// 1: the content begins with a user data header. Ask [`Submit::has_header`]: some peers write 0x40.
        tp_udhi: u8 = "TP_udhi", Octet(every(1));
        /// What the content is: 0 ASCII, 3 SIM card, 4 binary, 8 UCS-2, 15 GBK, else as in GSM 03.38.
        msg_fmt: u8 = "Msg_Fmt", Octet(every(1));
        /// The company code, i.e. the account; 6 octets. Not the sending number.
        msg_src: &'a [u8] = "Msg_src", Text(every(6));
        /// Two digits: 01 free, 02 per message, 03 monthly; 2.0 and 2.1 also 04 monthly cap, 05 charged by the SP.
        fee_type: &'a [u8] = "FeeType", Text(every(2));
        /// Price in fen, at most six digits.
        fee_code: &'a [u8] = "FeeCode", Text(every(6));
        /// When it expires, `YYMMDDhhmmsstnnp`; empty: not set.
        valid_time: &'a [u8] = "ValId_Time", Text(every(17));
        /// When to send it, `YYMMDDhhmmsstnnp`; empty: now.
        at_time: &'a [u8] = "At_Time", Text(every(17));
        /// The sending number: access number and extension, at most 21 octets.
        src_id: &'a [u8] = "Src_Id", Text(every(21));
        /// DestUsr_tl and Dest_terminal_Id: 1 to 99 numbers of at most 21 octets (3.0: 32).
        dest_terminal_id: Recipients<'a> = "Dest_terminal_Id",
            Numbers { width: by_layout(21, 32), most: every(99) };
        /// 3.0: 0 real numbers, 1 pseudo codes; one for all recipients.
        dest_terminal_type: u8 = "Dest_terminal_type", Octet(by_layout(0, 1));
        /// Msg_Length and Msg_Content, user data header included: at most 255 octets on the wire, gateways take 140
        /// (ASCII: 159 or 160).
        msg_content: &'a [u8] = "Msg_Content", Content;
        /// 2.0 and 2.1: zero.
        reserve: [u8; 8] = "Reserve", Reserved(by_layout(8, 0));
        /// 3.0: the id of an on-demand transaction, from the message that caused this one; at most 20 octets.
        link_id: &'a [u8] = "LinkID", TailText(by_layout(0, 20));
    }
}

impl Submit<'_> {
    /// Says whether the content begins with a user data header.
    #[must_use]
    pub fn has_header(&self) -> bool {
        super::has_header(self.tp_udhi)
    }
}

field::unit! {
    /// CMPP_SUBMIT_RESP: whether the gateway took the message, not whether it arrived.
    SubmitResp = command::SUBMIT | command::RESPONSE, {
        /// The id that receipts will name; means nothing unless `result` is 0. See [`MsgId::of_recipient`].
        msg_id: MsgId = "Msg_Id", Id;
        /// 0: taken; see [`super::status::ResultCode::of_submit`]. At most 255 in 2.0 and 2.1.
        result: u32 = "Result", Number(by_layout(1, 4));
    }
}
