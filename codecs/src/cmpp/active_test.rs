//! CMPP_ACTIVE_TEST and its answer: is the peer there.

use super::{
    command,
    field::{self, TailOctet},
};

field::unit! {
    /// CMPP_ACTIVE_TEST: either side tests the link.
    ActiveTest = command::ACTIVE_TEST, {}
}

field::unit! {
    /// CMPP_ACTIVE_TEST_RESP. Some peers send it without its one octet.
    ActiveTestResp = command::ACTIVE_TEST | command::RESPONSE, {
        /// 0.
        reserved: u8 = "Reserved", TailOctet;
    }
}
