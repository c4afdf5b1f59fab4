//! Values of TLVs that have a layout of their own.

use super::{
    address::{Npi, Ton},
    octet_string::OctetString,
};

/// `network_error_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkErrorCode {
    /// Which network: 1 ANSI-136, 2 IS-95, 3 GSM; 4 to 8 since 5.0.
    pub network_type: u8,
    /// The network's code. Carriers number differently: it means nothing without the carrier's table.
    pub code: u16,
}

impl NetworkErrorCode {
    /// GSM.
    pub const GSM: u8 = 3;

    /// Reads a value; `None` unless it has three octets.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
        match *value {
            [network_type, high, low] => Some(Self { network_type, code: u16::from_be_bytes([high, low]) }),
            _ => None,
        }
    }

    /// The value on the wire.
    #[must_use]
    pub fn value(self) -> [u8; 3] {
        let [high, low] = self.code.to_be_bytes();
        [self.network_type, high, low]
    }
}

/// The three SAR TLVs: which part of a long message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sar {
    /// `sar_msg_ref_num`, the same in all parts.
    pub reference: u16,
    /// `sar_total_segments`.
    pub total: u8,
    /// `sar_segment_seqnum`, from 1.
    pub part: u8,
}

/// `callback_num`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackNum<'a> {
    /// Bit 0: digits are DTMF (0) or ASCII (1) on the air.
    pub digit_mode: u8,
    /// Type of number.
    pub ton: Ton,
    /// Numbering plan.
    pub npi: Npi,
    /// The digits, as ASCII in either mode.
    pub digits: OctetString<'a>,
}

impl<'a> CallbackNum<'a> {
    /// Reads a value; `None` if it is shorter than its three fixed octets.
    #[must_use]
    pub fn of_value(value: &'a [u8]) -> Option<Self> {
        let (&[digit_mode, ton, npi], digits) = value.split_first_chunk()?;
        Some(Self { digit_mode, ton: Ton(ton), npi: Npi(npi), digits: OctetString(digits) })
    }
}

/// A value of one leading octet that says how to read the rest: source_subaddress and dest_subaddress (0x80 NSAP
/// even, 0x88 NSAP odd, 0xA0 user specified), callback_num_atag (data_coding), broadcast_area_identifier (0 name,
/// 1 ellipsoid arc, 2 polygon), billing_identification (format).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// How to read the rest.
    pub form: u8,
    /// The rest.
    pub value: OctetString<'a>,
}

impl<'a> Tagged<'a> {
    /// Reads a value; `None` if it is empty.
    #[must_use]
    pub fn of_value(value: &'a [u8]) -> Option<Self> {
        let (&form, value) = value.split_first()?;
        Some(Self { form, value: OctetString(value) })
    }
}

/// `broadcast_content_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastContentType {
    /// 0 generic, 1 GSM, 2 TDMA, 3 CDMA.
    pub network_type: u8,
    /// What the broadcast is about.
    pub service: u16,
}

impl BroadcastContentType {
    /// Reads a value; `None` unless it has three octets.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
        match *value {
            [network_type, high, low] => {
                Some(Self { network_type, service: u16::from_be_bytes([high, low]) })
            }
            _ => None,
        }
    }
}

/// `broadcast_frequency_interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastInterval {
    /// 0x00 as often as possible, 0x08 seconds, 0x09 minutes, 0x0A hours, 0x0B days, 0x0C weeks, 0x0D months,
    /// 0x0E years.
    pub unit: u8,
    /// How many of them.
    pub count: u16,
}

impl BroadcastInterval {
    /// Reads a value; `None` unless it has three octets.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
        match *value {
            [unit, high, low] => Some(Self { unit, count: u16::from_be_bytes([high, low]) }),
            _ => None,
        }
    }
}

/// `ms_validity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MsValidity {
    /// 0 store indefinitely, 1 until power down, 2 until the registration area changes, 3 display only, 4 relative
    /// period (5.0).
    pub behaviour: u8,
    /// With 4: the unit (0 s, 1 min, 2 h, 3 d, 4 weeks, 5 months, 6 years) and how many of them.
    pub period: Option<(u8, u16)>,
}

impl MsValidity {
    /// Reads a value; `None` unless it has one octet or four.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
        match *value {
            [behaviour] => Some(Self { behaviour, period: None }),
            [behaviour, unit, high, low] => {
                Some(Self { behaviour, period: Some((unit, u16::from_be_bytes([high, low]))) })
            }
            _ => None,
        }
    }
}

/// `its_session_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItsSessionInfo {
    /// The session.
    pub session: u8,
    /// Which message of the session, 0 to 127.
    pub sequence: u8,
    /// The session ends with it.
    pub end: bool,
}

impl ItsSessionInfo {
    /// Reads a value; `None` unless it has two octets.
    #[must_use]
    pub fn of_value(value: &[u8]) -> Option<Self> {
        match *value {
            [session, second] => Some(Self { session, sequence: second >> 1, end: second & 1 != 0 }),
            _ => None,
        }
    }
}
