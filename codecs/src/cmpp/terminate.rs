//! CMPP_TERMINATE and its answer: the end of a session in good order.

use super::{command, field};

field::unit! {
    /// CMPP_TERMINATE: either side ends the session.
    Terminate = command::TERMINATE, {}
}

field::unit! {
    /// CMPP_TERMINATE_RESP: after it the connection is closed.
    TerminateResp = command::TERMINATE | command::RESPONSE, {}
}
