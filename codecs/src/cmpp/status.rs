//! Status and Result codes: what each says, what it asks of whoever gets it, and which one a malformed unit is owed.

use super::Version;
use crate::error::{DecodeError, DecodeErrorKind};

/// Status of a CMPP_CONNECT_RESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectStatus {
    /// 0: accepted.
    Accepted,
    /// 1: bad message structure; a fault of configuration or code.
    BadStructure,
    /// 2: illegal source address: the account is not known, or not from here.
    IllegalSource,
    /// 3: authentication failed: wrong secret, clock or [`super::AccountPadding`].
    AuthenticationFailed,
    /// 4: version too high; the answer names one to fall back to.
    VersionTooHigh,
    /// 5 and up: other errors, commonly too many connections or a suspended account.
    Other(u32),
}

impl ConnectStatus {
    /// The status for a code.
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        match code {
            0 => Self::Accepted,
            1 => Self::BadStructure,
            2 => Self::IllegalSource,
            3 => Self::AuthenticationFailed,
            4 => Self::VersionTooHigh,
            other => Self::Other(other),
        }
    }

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Accepted => 0,
            Self::BadStructure => 1,
            Self::IllegalSource => 2,
            Self::AuthenticationFailed => 3,
            Self::VersionTooHigh => 4,
            Self::Other(code) => code,
        }
    }
}

/// Result of a CMPP_SUBMIT_RESP, CMPP_DELIVER_RESP or CMPP_FWD_RESP. They share the codes up to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResultCode {
    /// 0: taken.
    Accepted,
    /// 1: bad message structure.
    BadStructure,
    /// 2: bad command word.
    BadCommand,
    /// 3: duplicate sequence number.
    DuplicateSequence,
    /// 4: bad message length.
    BadLength,
    /// 5: bad fee.
    BadFee,
    /// 6: longer than the longest message.
    TooLong,
    /// 7: bad service code.
    BadServiceId,
    /// 8: flow control.
    FlowControl,
    /// 9 of a submit, from 2.1 on: this gateway does not serve the charged number.
    NotServed,
    /// 9 of a forward: the SP does not belong to this gateway.
    WrongForwarding,
    /// 10 of a submit, from 2.1 on: Src_Id.
    BadSrcId,
    /// 11 of a submit, from 2.1 on: Msg_src.
    BadMsgSrc,
    /// 12 of a submit, from 2.1 on: Fee_terminal_Id.
    BadFeeTerminalId,
    /// 13 of a submit, from 2.1 on: Dest_terminal_Id, one of them or the only one.
    BadDestTerminalId,
    /// Any other: 100 and up are the vendor's.
    Other(u32),
}

/// What a submit's Result asks of the SP. Only `Accepted` and `Duplicate` may mean that the message was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// Taken: wait for the receipt.
    Accepted,
    /// After a repeat of ours: most likely taken, its id is lost. Else we reuse sequence numbers.
    Duplicate,
    /// Refused for now: slow the account down, submit again with a new sequence.
    Throttle,
    /// Refused for good: our encoder, our segmentation or the version is wrong.
    Malformed,
    /// Refused for good: the account's service code, fee, company code or access number is wrong.
    Account,
    /// Refused for good on this route; another gateway may serve the number.
    OtherRoute,
    /// Refused for good because of a recipient. A group send was refused whole: submit each by itself.
    Recipient,
    /// A reserved code: refused for good, unless the carrier says otherwise.
    Reserved,
    /// A vendor's code: only the carrier can say.
    Vendor,
}

impl ResultCode {
    /// The Result of a CMPP_SUBMIT_RESP. 2.0 defines nothing from 9 on.
    #[must_use]
    pub fn of_submit(code: u32, version: Version) -> Self {
        match code {
            9.. if version == Version::V20 => Self::Other(code),
            9 => Self::NotServed,
            10 => Self::BadSrcId,
            11 => Self::BadMsgSrc,
            12 => Self::BadFeeTerminalId,
            13 => Self::BadDestTerminalId,
            _ => Self::of_deliver(code),
        }
    }

    /// The Result of a CMPP_DELIVER_RESP.
    #[must_use]
    pub fn of_deliver(code: u32) -> Self {
        match code {
            0 => Self::Accepted,
            1 => Self::BadStructure,
            2 => Self::BadCommand,
            3 => Self::DuplicateSequence,
            4 => Self::BadLength,
            5 => Self::BadFee,
            6 => Self::TooLong,
            7 => Self::BadServiceId,
            8 => Self::FlowControl,
            other => Self::Other(other),
        }
    }

    /// The Result of a CMPP_FWD_RESP.
    #[must_use]
    pub fn of_fwd(code: u32) -> Self {
        if code == 9 { Self::WrongForwarding } else { Self::of_deliver(code) }
    }

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Accepted => 0,
            Self::BadStructure => 1,
            Self::BadCommand => 2,
            Self::DuplicateSequence => 3,
            Self::BadLength => 4,
            Self::BadFee => 5,
            Self::TooLong => 6,
            Self::BadServiceId => 7,
            Self::FlowControl => 8,
            Self::NotServed | Self::WrongForwarding => 9,
            Self::BadSrcId => 10,
            Self::BadMsgSrc => 11,
            Self::BadFeeTerminalId => 12,
            Self::BadDestTerminalId => 13,
            Self::Other(code) => code,
        }
    }

    /// What it asks of the SP that submitted.
    #[must_use]
    pub fn reaction(self) -> Reaction {
        match self {
            Self::Accepted => Reaction::Accepted,
            Self::DuplicateSequence => Reaction::Duplicate,
            Self::FlowControl => Reaction::Throttle,
            Self::BadStructure | Self::BadCommand | Self::BadLength | Self::TooLong => Reaction::Malformed,
            Self::BadFee | Self::BadServiceId | Self::BadSrcId | Self::BadMsgSrc | Self::BadFeeTerminalId => {
                Reaction::Account
            }
            Self::NotServed | Self::WrongForwarding => Reaction::OtherRoute,
            Self::BadDestTerminalId => Reaction::Recipient,
            Self::Other(..100) => Reaction::Reserved,
            Self::Other(_) => Reaction::Vendor,
        }
    }
}

/// The Result that a malformed CMPP_SUBMIT or CMPP_FWD is owed.
#[must_use]
pub fn owed_to_submit(error: &DecodeError) -> ResultCode {
    match error.kind {
        DecodeErrorKind::PastEnd { .. } => ResultCode::BadLength,
        _ => ResultCode::BadStructure,
    }
}

/// The Result that any malformed CMPP_DELIVER is owed.
#[must_use]
pub fn owed_to_deliver() -> ResultCode {
    ResultCode::BadLength
}

/// Result of a route message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteResult {
    /// 0: fine.
    Ok,
    /// 1: no matching route.
    NoRoute,
    /// 2 in 2.0: this is the last route.
    LastRoute,
    /// 2: wrong code of the asking gateway.
    SourceGateway,
    /// 3: wrong type of route.
    RouteType,
    /// 4: this node takes no updates.
    NoUpdates,
    /// 5: the update failed.
    UpdateFailed,
    /// 6: the route server's time stamp is older than ours.
    Outdated,
    /// 9: busy.
    Busy,
    /// 10 to 24: the field named is wrong.
    Field(&'static str),
    /// Any other: 100 to 199 are the vendor's.
    Other(u8),
}

impl RouteResult {
    /// The result for a code of the versions' own list.
    #[must_use]
    pub fn from_code(code: u8, version: Version) -> Self {
        const FIELDS: [&str; 15] = [
            "Update_type",
            "Route_Id",
            "Destination_Id",
            "Gateway_IP",
            "Gateway_port",
            "Start_Id",
            "End_Id",
            "Area_code",
            "User_type",
            "SP_Id",
            "SP_Code",
            "SP_AcessType",
            "Service_Id",
            "Start_code",
            "End_code",
        ];
        match code {
            0 => Self::Ok,
            1 => Self::NoRoute,
            2 if version == Version::V20 => Self::LastRoute,
            _ if version == Version::V20 => Self::Other(code),
            2 => Self::SourceGateway,
            3 => Self::RouteType,
            4 => Self::NoUpdates,
            5 => Self::UpdateFailed,
            6 => Self::Outdated,
            9 => Self::Busy,
            10..=24 => Self::Field(FIELDS[usize::from(code - 10)]),
            _ => Self::Other(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_code_is_written_as_it_was_read() {
        for code in 0..=300 {
            assert_eq!(ConnectStatus::from_code(code).code(), code);
            assert_eq!(ResultCode::of_deliver(code).code(), code);
            assert_eq!(ResultCode::of_fwd(code).code(), code);
            for version in Version::ALL {
                assert_eq!(ResultCode::of_submit(code, version).code(), code);
            }
        }
    }

    #[test]
    fn reacts_to_a_submit_result_as_its_version_defines_it() {
        let reaction = |code, version| ResultCode::of_submit(code, version).reaction();
        assert_eq!(reaction(8, Version::V20), Reaction::Throttle);
        assert_eq!(reaction(9, Version::V20), Reaction::Reserved);
        assert_eq!(reaction(9, Version::V21), Reaction::OtherRoute);
        assert_eq!(reaction(10, Version::V30), Reaction::Account);
        assert_eq!(reaction(13, Version::V30), Reaction::Recipient);
        assert_eq!(reaction(99, Version::V30), Reaction::Reserved);
        assert_eq!(reaction(100, Version::V30), Reaction::Vendor);
        assert_eq!(reaction(70_000, Version::V30), Reaction::Vendor);
    }

    #[test]
    fn reads_route_results_by_version() {
        assert_eq!(RouteResult::from_code(2, Version::V20), RouteResult::LastRoute);
        assert_eq!(RouteResult::from_code(2, Version::V21), RouteResult::SourceGateway);
        assert_eq!(RouteResult::from_code(10, Version::V30), RouteResult::Field("Update_type"));
        assert_eq!(RouteResult::from_code(24, Version::V30), RouteResult::Field("End_code"));
        assert_eq!(RouteResult::from_code(24, Version::V20), RouteResult::Other(24));
        assert_eq!(RouteResult::from_code(25, Version::V30), RouteResult::Other(25));
    }
}
