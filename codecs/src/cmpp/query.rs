//! CMPP_QUERY and its answer: the counts of a day. The same in every version.

use super::{
    command,
    field::{self, Number, Octet, Reserved, Text, every},
};

field::unit! {
    /// CMPP_QUERY.
    Query<'a> = command::QUERY, {
        /// The day, `YYYYMMDD`.
        time: &'a [u8] = "Time", Text(every(8));
        /// 0: totals; 1: of one service code.
        query_type: u8 = "Query_Type", Octet(every(1));
        /// The service code when `query_type` is 1; at most 10 octets.
        query_code: &'a [u8] = "Query_Code", Text(every(10));
        /// Zero.
        reserve: [u8; 8] = "Reserve", Reserved(every(8));
    }
}

field::unit! {
    /// CMPP_QUERY_RESP.
    QueryResp<'a> = command::QUERY | command::RESPONSE, {
        /// As asked.
        time: &'a [u8] = "Time", Text(every(8));
        /// As asked.
        query_type: u8 = "Query_Type", Octet(every(1));
        /// As asked.
        query_code: &'a [u8] = "Query_Code", Text(every(10));
        /// Messages that the SP submitted.
        mt_messages: u32 = "MT_TLMsg", Number(every(4));
        /// Recipients that the SP submitted to.
        mt_recipients: u32 = "MT_Tlusr", Number(every(4));
        /// Forwarded.
        mt_forwarded: u32 = "MT_Scs", Number(every(4));
        /// Waiting to be forwarded.
        mt_waiting: u32 = "MT_WT", Number(every(4));
        /// Not forwarded.
        mt_failed: u32 = "MT_FL", Number(every(4));
        /// Delivered to the SP.
        mo_delivered: u32 = "MO_Scs", Number(every(4));
        /// Waiting for the SP.
        mo_waiting: u32 = "MO_WT", Number(every(4));
        /// Not delivered to the SP.
        mo_failed: u32 = "MO_FL", Number(every(4));
    }
}
