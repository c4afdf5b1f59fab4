//! The lists in submit_multi and its response: validated regions to walk, and buffers to build them.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::{
    address::{Npi, Ton},
    layout::c_string,
    octet_string::COctetString,
    status::Status,
};
use crate::{
    error::{DecodeErrorKind, EncodeError},
    octets::{Fault, Parsed, put_c_string, u8, u32},
};

/// One `dest_address` of submit_multi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestAddress<'a> {
    /// `dest_flag` 1: a number.
    Sme {
        /// Type of number.
        dest_addr_ton: Ton,
        /// Numbering plan.
        dest_addr_npi: Npi,
        /// At most 20 octets.
        destination_addr: COctetString<'a>,
    },
    /// `dest_flag` 2: a distribution list by its name.
    DistributionList {
        /// At most 20 octets.
        dl_name: COctetString<'a>,
    },
}

impl<'a> DestAddress<'a> {
    const SME: u8 = 1;
    const LIST: u8 = 2;

    fn parse(at: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, dest_flag) = u8("dest_flag")(at)?;
        match dest_flag {
            Self::SME => {
                let (rest, ton) = u8("dest_addr_ton")(rest)?;
                let (rest, npi) = u8("dest_addr_npi")(rest)?;
                let (rest, destination_addr) = c_string("destination_addr", 21)(rest)?;
                let sme = Self::Sme { dest_addr_ton: Ton(ton), dest_addr_npi: Npi(npi), destination_addr };
                Ok((rest, sme))
            }
            Self::LIST => {
                let (rest, dl_name) = c_string("dl_name", 21)(rest)?;
                Ok((rest, Self::DistributionList { dl_name }))
            }
            other => Fault::err(at, "dest_flag", DecodeErrorKind::Value(u32::from(other))),
        }
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        match self {
            Self::Sme { dest_addr_ton, dest_addr_npi, destination_addr } => {
                out.put_slice(&[Self::SME, dest_addr_ton.0, dest_addr_npi.0]);
                put_c_string(out, "destination_addr", destination_addr, 21)
            }
            Self::DistributionList { dl_name } => {
                out.put_u8(Self::LIST);
                put_c_string(out, "dl_name", dl_name, 21)
            }
        }
    }
}

/// One `unsuccess_sme` of submit_multi_resp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UnsuccessSme<'a> {
    /// Type of number.
    pub dest_addr_ton: Ton,
    /// Numbering plan.
    pub dest_addr_npi: Npi,
    /// At most 20 octets.
    pub destination_addr: COctetString<'a>,
    /// Why this destination was refused.
    pub error_status_code: Status,
}

impl<'a> UnsuccessSme<'a> {
    fn parse(rest: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, ton) = u8("dest_addr_ton")(rest)?;
        let (rest, npi) = u8("dest_addr_npi")(rest)?;
        let (rest, destination_addr) = c_string("destination_addr", 21)(rest)?;
        let (rest, status) = u32("error_status_code")(rest)?;
        let sme = Self {
            dest_addr_ton: Ton(ton),
            dest_addr_npi: Npi(npi),
            destination_addr,
            error_status_code: Status(status),
        };
        Ok((rest, sme))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        out.put_slice(&[self.dest_addr_ton.0, self.dest_addr_npi.0]);
        put_c_string(out, "destination_addr", &self.destination_addr, 21)?;
        out.put_u32(self.error_status_code.0);
        Ok(())
    }
}

macro_rules! counted_list {
    (
        $(#[$doc:meta])* $list:ident, $buffer:ident, $item:ident,
        count $count:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct $list<'a> {
            count: u8,
            region: &'a [u8],
        }

        impl<'a> $list<'a> {
            /// How many.
            #[must_use]
            pub fn len(&self) -> usize {
                usize::from(self.count)
            }

            /// Says whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.count == 0
            }

            /// Walks them in the order of the wire.
            pub fn iter(&self) -> impl Iterator<Item = $item<'a>> {
                let mut rest = self.region;
                std::iter::from_fn(move || {
                    let (after, item) = $item::parse(rest).ok()?;
                    rest = after;
                    Some(item)
                })
            }

            pub(super) fn parse(at: &'a [u8]) -> Parsed<'a, Self> {
                let (region, count) = u8($count)(at)?;
                let mut rest = region;
                for _ in 0..count {
                    (rest, _) = $item::parse(rest)?;
                }
                let octets = region.len() - rest.len();
                Ok((rest, Self { count, region: &region[..octets] }))
            }

            pub(super) fn put(&self, out: &mut BytesMut) {
                out.put_u8(self.count);
                out.put_slice(self.region);
            }
        }

        impl fmt::Debug for $list<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $list<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter())
            }
        }

        /// The same list being built.
        #[derive(Debug, Clone, Default)]
        pub struct $buffer {
            count: u8,
            octets: BytesMut,
        }

        impl $buffer {
            /// Empty.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Adds one at the end.
            ///
            /// # Errors
            /// There are 255 already, or a value does not fit its field; the list is then as before.
            pub fn push(&mut self, item: &$item<'_>) -> Result<&mut Self, EncodeError> {
                let max = usize::from(u8::MAX);
                let full = EncodeError { field: $count, octets: max + 1, max };
                let count = self.count.checked_add(1).ok_or(full)?;
                let before = self.octets.len();
                if let Err(refused) = item.put(&mut self.octets) {
                    self.octets.truncate(before);
                    return Err(refused);
                }
                self.count = count;
                Ok(self)
            }

            /// What was built.
            #[must_use]
            pub fn as_list(&self) -> $list<'_> {
                $list { count: self.count, region: &self.octets }
            }
        }
    };
}

counted_list!(
    /// The destinations of submit_multi.
    Destinations, DestinationsBuf, DestAddress, count "number_of_dests"
);
counted_list!(
    /// The destinations that submit_multi_resp refuses.
    UnsuccessSmes, UnsuccessSmesBuf, UnsuccessSme, count "no_unsuccess"
);

#[cfg(feature = "serde")]
impl serde::Serialize for DestAddress<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Sme { dest_addr_ton, dest_addr_npi, destination_addr } => {
                map.serialize_entry("dest_flag", &Self::SME)?;
                map.serialize_entry("dest_addr_ton", dest_addr_ton)?;
                map.serialize_entry("dest_addr_npi", dest_addr_npi)?;
                map.serialize_entry("destination_addr", destination_addr)?;
            }
            Self::DistributionList { dl_name } => {
                map.serialize_entry("dest_flag", &Self::LIST)?;
                map.serialize_entry("dl_name", dl_name)?;
            }
        }
        map.end()
    }
}
