//! `command_status`: every code, what it asks of the one who gets it, and which one answers a decode error.

use std::fmt;

use crate::error::{DecodeError, DecodeErrorKind};

/// A `command_status`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Status(pub u32);

/// What a status asks of the client that gets it. A status other than 0 always means "not accepted", so sending
/// again can't duplicate; the class says whether it can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// Accepted.
    Ok,
    /// Too fast: pause the account about a second, growing, then send the same message again.
    Rate,
    /// No room, possibly for one recipient only: as `Rate` with a longer pause.
    Full,
    /// A passing failure: retry with growing delay, bounded.
    Temp,
    /// This message can never be accepted as it is.
    Msg,
    /// This destination is not acceptable, whatever the message.
    Dest,
    /// Refused by provisioning, tariff or policy: an operator has to act.
    Acct,
    /// Wrong session state: repair the session, then send again.
    Sess,
    /// The peer finds our PDU malformed: the same octets will fail again.
    Bug,
    /// The bind was refused: retry slowly, keep what is queued.
    Bind,
    /// How an ESME steers the message centre in a response of its own.
    Dlv,
    /// The result of a cancel, replace, query or broadcast; the message itself is unaffected.
    Op,
}

macro_rules! statuses {
    ($($constant:ident = $value:literal $name:literal $reaction:ident $meaning:literal,)+) => {
        impl Status {
            $(
                #[doc = concat!($meaning, ".")]
                pub const $constant: Self = Self($value);
            )+

            /// Every status of SMPP 3.4 and 5.0.
            pub const ALL: &'static [Self] = &[$(Self::$constant),+];

            /// The name in SMPP 5.0, e.g. `ESME_RTHROTTLED`; `None` for a reserved or a vendor's code.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)+
                    _ => None,
                }
            }

            /// What the status asks of a client, seen alone. A code that the specification does not have is `Msg`:
            /// never success, and only configuration knows better.
            #[must_use]
            pub fn reaction(self) -> Reaction {
                match self {
                    $(Self::$constant => Reaction::$reaction,)+
                    _ => Reaction::Msg,
                }
            }
        }
    };
}

statuses! {
    ROK = 0x0000_0000 "ESME_ROK" Ok "No error",
    RINVMSGLEN = 0x0000_0001 "ESME_RINVMSGLEN" Msg "Length of short_message or message_payload not acceptable",
    RINVCMDLEN = 0x0000_0002 "ESME_RINVCMDLEN" Bug "command_length not acceptable",
    RINVCMDID = 0x0000_0003 "ESME_RINVCMDID" Bug "Unknown or unsupported PDU",
    RINVBNDSTS = 0x0000_0004 "ESME_RINVBNDSTS" Sess "Not allowed in this session state",
    RALYBND = 0x0000_0005 "ESME_RALYBND" Bind "Already bound, or the account's session limit is reached",
    RINVPRTFLG = 0x0000_0006 "ESME_RINVPRTFLG" Msg "Bad priority_flag",
    RINVREGDLVFLG = 0x0000_0007 "ESME_RINVREGDLVFLG" Msg "Bad registered_delivery",
    RSYSERR = 0x0000_0008 "ESME_RSYSERR" Temp "System error of the message centre",
    RINVSRCADR = 0x0000_000A "ESME_RINVSRCADR" Msg "Bad or unauthorised source address",
    RINVDSTADR = 0x0000_000B "ESME_RINVDSTADR" Dest "Bad, unroutable or blocked destination address",
    RINVMSGID = 0x0000_000C "ESME_RINVMSGID" Op "Unknown or bad message_id",
    RBINDFAIL = 0x0000_000D "ESME_RBINDFAIL" Bind "Bind failed",
    RINVPASWD = 0x0000_000E "ESME_RINVPASWD" Bind "Bad or wrong password",
    RINVSYSID = 0x0000_000F "ESME_RINVSYSID" Bind "Bad or unknown system_id",
    RCANCELFAIL = 0x0000_0011 "ESME_RCANCELFAIL" Op "cancel_sm failed",
    RREPLACEFAIL = 0x0000_0013 "ESME_RREPLACEFAIL" Op "replace_sm failed",
    RMSGQFUL = 0x0000_0014 "ESME_RMSGQFUL" Full "Queue full, for one destination or globally",
    RINVSERTYP = 0x0000_0015 "ESME_RINVSERTYP" Msg "Bad service_type",
    RINVNUMDESTS = 0x0000_0033 "ESME_RINVNUMDESTS" Msg "Bad number_of_dests",
    RINVDLNAME = 0x0000_0034 "ESME_RINVDLNAME" Msg "Bad or unknown distribution list",
    RINVDESTFLAG = 0x0000_0040 "ESME_RINVDESTFLAG" Bug "Bad dest_flag",
    RINVSUBREP = 0x0000_0042 "ESME_RINVSUBREP" Msg "replace_if_present not supported or not appropriate",
    RINVESMCLASS = 0x0000_0043 "ESME_RINVESMCLASS" Msg "Bad esm_class",
    RCNTSUBDL = 0x0000_0044 "ESME_RCNTSUBDL" Acct "Can't submit to a distribution list",
    RSUBMITFAIL = 0x0000_0045 "ESME_RSUBMITFAIL" Temp "Submission failed, for almost any reason",
    RINVSRCTON = 0x0000_0048 "ESME_RINVSRCTON" Msg "Bad source TON",
    RINVSRCNPI = 0x0000_0049 "ESME_RINVSRCNPI" Msg "Bad source NPI",
    RINVDSTTON = 0x0000_0050 "ESME_RINVDSTTON" Msg "Bad destination TON",
    RINVDSTNPI = 0x0000_0051 "ESME_RINVDSTNPI" Msg "Bad destination NPI",
    RINVSYSTYP = 0x0000_0053 "ESME_RINVSYSTYP" Bind "Bad system_type",
    RINVREPFLAG = 0x0000_0054 "ESME_RINVREPFLAG" Msg "Bad replace_if_present_flag",
    RINVNUMMSGS = 0x0000_0055 "ESME_RINVNUMMSGS" Msg "Bad number of messages",
    RTHROTTLED = 0x0000_0058 "ESME_RTHROTTLED" Rate "Rate limit exceeded",
    RINVSCHED = 0x0000_0061 "ESME_RINVSCHED" Msg "Bad schedule_delivery_time",
    RINVEXPIRY = 0x0000_0062 "ESME_RINVEXPIRY" Msg "Bad validity_period",
    RINVDFTMSGID = 0x0000_0063 "ESME_RINVDFTMSGID" Msg "Bad or unknown canned message",
    RX_T_APPN = 0x0000_0064 "ESME_RX_T_APPN" Dlv "Temporary problem of the receiving ESME: retry later",
    RX_P_APPN = 0x0000_0065 "ESME_RX_P_APPN" Dlv "Permanent problem of the receiving ESME with this destination",
    RX_R_APPN = 0x0000_0066 "ESME_RX_R_APPN" Dlv "The receiving ESME refuses this message",
    RQUERYFAIL = 0x0000_0067 "ESME_RQUERYFAIL" Op "query_sm failed",
    RINVTLVSTREAM = 0x0000_00C0 "ESME_RINVTLVSTREAM" Bug "TLV region corrupt",
    RTLVNOTALLWD = 0x0000_00C1 "ESME_RTLVNOTALLWD" Msg "TLV not allowed",
    RINVTLVLEN = 0x0000_00C2 "ESME_RINVTLVLEN" Bug "Bad length of a TLV (3.4: of any parameter)",
    RMISSINGTLV = 0x0000_00C3 "ESME_RMISSINGTLV" Msg "An expected TLV is missing",
    RINVTLVVAL = 0x0000_00C4 "ESME_RINVTLVVAL" Msg "Bad value of a TLV",
    RDELIVERYFAILURE = 0x0000_00FE "ESME_RDELIVERYFAILURE" Msg "Delivery failed (transaction mode)",
    RUNKNOWNERR = 0x0000_00FF "ESME_RUNKNOWNERR" Temp "Unknown error",
    RSERTYPUNAUTH = 0x0000_0100 "ESME_RSERTYPUNAUTH" Acct "service_type not authorised for this ESME",
    RPROHIBITED = 0x0000_0101 "ESME_RPROHIBITED" Acct "Operation not permitted for this ESME",
    RSERTYPUNAVAIL = 0x0000_0102 "ESME_RSERTYPUNAVAIL" Temp "service_type out of service",
    RSERTYPDENIED = 0x0000_0103 "ESME_RSERTYPDENIED" Msg "Content not suitable for the service_type",
    RINVDCS = 0x0000_0104 "ESME_RINVDCS" Msg "Bad or unsupported data_coding",
    RINVSRCADDRSUBUNIT = 0x0000_0105 "ESME_RINVSRCADDRSUBUNIT" Msg "Bad source subunit",
    RINVDSTADDRSUBUNIT = 0x0000_0106 "ESME_RINVDSTADDRSUBUNIT" Msg "Bad destination subunit",
    RINVBCASTFREQINT = 0x0000_0107 "ESME_RINVBCASTFREQINT" Msg "Bad broadcast interval",
    RINVBCASTALIAS_NAME = 0x0000_0108 "ESME_RINVBCASTALIAS_NAME" Msg "Bad area name",
    RINVBCASTAREAFMT = 0x0000_0109 "ESME_RINVBCASTAREAFMT" Msg "Bad area format",
    RINVNUMBCAST_AREAS = 0x0000_010A "ESME_RINVNUMBCAST_AREAS" Msg "Bad number of areas",
    RINVBCASTCNTTYPE = 0x0000_010B "ESME_RINVBCASTCNTTYPE" Msg "Bad content type",
    RINVBCASTMSGCLASS = 0x0000_010C "ESME_RINVBCASTMSGCLASS" Msg "Bad message class",
    RBCASTFAIL = 0x0000_010D "ESME_RBCASTFAIL" Op "broadcast_sm failed",
    RBCASTQUERYFAIL = 0x0000_010E "ESME_RBCASTQUERYFAIL" Op "query_broadcast_sm failed",
    RBCASTCANCELFAIL = 0x0000_010F "ESME_RBCASTCANCELFAIL" Op "cancel_broadcast_sm failed",
    RINVBCAST_REP = 0x0000_0110 "ESME_RINVBCAST_REP" Msg "Bad repetition count",
    RINVBCASTSRVGRP = 0x0000_0111 "ESME_RINVBCASTSRVGRP" Msg "Bad service group",
    RINVBCASTCHANIND = 0x0000_0112 "ESME_RINVBCASTCHANIND" Msg "Bad channel indicator",
}

impl Status {
    /// Says whether the request was accepted.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::ROK
    }

    /// Says whether the code is in the vendors' block, 0x400 to 0x4FF.
    #[must_use]
    pub fn is_vendor(self) -> bool {
        (0x400..=0x4FF).contains(&self.0)
    }

    /// What the status of a submission asks: as [`Status::reaction`], where the codes of a receiving ESME come back
    /// to the sender and a failed transaction has its `delivery_failure_reason`.
    #[must_use]
    pub fn submit_reaction(self, delivery_failure_reason: Option<u8>) -> Reaction {
        match (self, delivery_failure_reason) {
            (Self::RX_T_APPN, _) | (Self::RDELIVERYFAILURE, Some(0 | 3)) => Reaction::Temp,
            (Self::RX_P_APPN, _) | (Self::RDELIVERYFAILURE, Some(1)) => Reaction::Dest,
            (Self::RX_R_APPN, _) => Reaction::Msg,
            _ => self.reaction(),
        }
    }
}

/// What answers a request that can't be read (SMPP 3.4 section 5.1.3 and the practice of message centres).
impl From<&DecodeError> for Status {
    fn from(error: &DecodeError) -> Self {
        match (error.field, error.kind) {
            (_, DecodeErrorKind::UnknownCommand(_)) => Self::RINVCMDID,
            ("tlv", _) => Self::RINVTLVSTREAM,
            ("short_message", _) => Self::RINVMSGLEN,
            // The unit ends too early: that says nothing about the field.
            (_, DecodeErrorKind::UnitLength(_) | DecodeErrorKind::Truncated) => Self::RINVCMDLEN,
            (_, DecodeErrorKind::Missing) => Self::RMISSINGTLV,
            (field, _) => of_field(field),
        }
    }
}

/// The status that a bad value of a field has of its own.
fn of_field(field: &str) -> Status {
    match field {
        "system_id" => Status::RINVSYSID,
        "password" => Status::RINVPASWD,
        "system_type" => Status::RINVSYSTYP,
        "address_range" => Status::RBINDFAIL,
        "service_type" => Status::RINVSERTYP,
        "source_addr_ton" | "esme_addr_ton" => Status::RINVSRCTON,
        "source_addr_npi" | "esme_addr_npi" => Status::RINVSRCNPI,
        "source_addr" | "esme_addr" => Status::RINVSRCADR,
        "dest_addr_ton" => Status::RINVDSTTON,
        "dest_addr_npi" => Status::RINVDSTNPI,
        "destination_addr" => Status::RINVDSTADR,
        "esm_class" => Status::RINVESMCLASS,
        "priority_flag" => Status::RINVPRTFLG,
        "schedule_delivery_time" => Status::RINVSCHED,
        "validity_period" => Status::RINVEXPIRY,
        "registered_delivery" => Status::RINVREGDLVFLG,
        "replace_if_present_flag" => Status::RINVREPFLAG,
        "data_coding" => Status::RINVDCS,
        "sm_default_msg_id" => Status::RINVDFTMSGID,
        "sm_length" => Status::RINVMSGLEN,
        "message_id" => Status::RINVMSGID,
        "number_of_dests" => Status::RINVNUMDESTS,
        "dest_flag" => Status::RINVDESTFLAG,
        "dl_name" => Status::RINVDLNAME,
        _ => Status::RINVCMDLEN,
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#04x})", self.0),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_is_never_success() {
        for code in [0x09, 0x10, 0x57, 0x400, 0x4FF, 0x500, u32::MAX] {
            assert_eq!(Status(code).reaction(), Reaction::Msg, "{code:#x}");
        }
        assert!(Status::ALL.iter().all(|status| status.is_ok() == (status.reaction() == Reaction::Ok)));
    }

    #[test]
    fn a_failed_transaction_reacts_by_its_reason() {
        let reaction = |reason| Status::RDELIVERYFAILURE.submit_reaction(reason);
        assert_eq!(reaction(Some(0)), Reaction::Temp);
        assert_eq!(reaction(Some(1)), Reaction::Dest);
        assert_eq!(reaction(Some(2)), Reaction::Msg);
        assert_eq!(reaction(Some(3)), Reaction::Temp);
        assert_eq!(reaction(None), Reaction::Msg);
        assert_eq!(Status::RX_P_APPN.submit_reaction(None), Reaction::Dest);
        assert_eq!(Status::RTHROTTLED.submit_reaction(None), Reaction::Rate);
    }

    #[test]
    fn shows_its_name_and_its_number() {
        assert_eq!(Status::RTHROTTLED.to_string(), "ESME_RTHROTTLED (0x58)");
        assert_eq!(Status(0x0000_0403).to_string(), "0x00000403");
    }
}
