//! CMPP_CANCEL and its answer: the SP takes back what waits to be sent.

use super::{
    MsgId, command,
    field::{self, Id, Number, by_layout},
};

field::unit! {
    /// CMPP_CANCEL.
    Cancel = command::CANCEL, {
        /// The id that the submit was answered with.
        msg_id: MsgId = "Msg_Id", Id;
    }
}

field::unit! {
    /// CMPP_CANCEL_RESP.
    CancelResp = command::CANCEL | command::RESPONSE, {
        /// 0: cancelled; 1: too late, or unknown. At most 255 in 2.0 and 2.1.
        success_id: u32 = "Success_Id", Number(by_layout(1, 4));
    }
}
