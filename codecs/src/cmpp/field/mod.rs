//! The kinds of fields a unit is made of, and the table form in which each unit lists its own.
//!
//! # Why
//! Forty units name their fields in up to three layouts. Each is one table here: name, kind and octets per version, in
//! wire order. Reading, writing and dumping follow from it, so they can't disagree.

mod counted;
mod number;
mod text;

use bytes::BytesMut;

pub(super) use counted::{Content, Numbers};
pub(super) use number::{Id, Number, Octet, Short, Signed, TailOctet, VersionOctet};
pub(super) use text::{Digest, Reserved, TailText, Text, TextBefore};

use super::{Layout, Version};
use crate::{error::EncodeError, octets::Parsed};

/// Octets of a field in each version; 0 where the version has no such field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    v20: usize,
    v21: usize,
    v30: usize,
}

/// The same size in every version.
pub(super) const fn every(octets: usize) -> Size {
    Size { v20: octets, v21: octets, v30: octets }
}

/// One size in 2.0 and 2.1, another in 3.0.
pub(super) const fn by_layout(v2: usize, v3: usize) -> Size {
    Size { v20: v2, v21: v2, v30: v3 }
}

/// One size in 2.0, another in 2.1 and 3.0: the route messages changed earlier than the others.
pub(super) const fn by_route_layout(v20: usize, later: usize) -> Size {
    Size { v20, v21: later, v30: later }
}

impl Size {
    fn of(self, version: Version) -> usize {
        match version {
            Version::V20 => self.v20,
            Version::V21 => self.v21,
            Version::V30 => self.v30,
        }
    }
}

/// How one kind of field lies on the wire. `name` is the specification's.
pub(super) trait Field<'a> {
    type Value;
    fn read(&self, name: &'static str, version: Version, rest: &'a [u8]) -> Parsed<'a, Self::Value>;
    fn put(
        &self,
        name: &'static str,
        version: Version,
        value: &Self::Value,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError>;
    #[cfg(feature = "serde")]
    fn dump<M: serde::ser::SerializeMap>(
        &self,
        name: &'static str,
        value: &Self::Value,
        map: &mut M,
    ) -> Result<(), M::Error>;
}

/// Lists the fields of something in wire order, and derives its type, reader, writer and dump.
macro_rules! fields {
    (
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)? {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $spelled:literal, $kind:expr;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name $(<$life>)? {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            #[allow(unused_variables, reason = "a body may be empty")]
            pub(super) fn read<'rest $(: $life)?>(
                rest: &'rest [u8],
                version: $crate::cmpp::Version,
            ) -> $crate::octets::Parsed<'rest, Self> {
                $(let (rest, $field) = $crate::cmpp::field::Field::read(&$kind, $spelled, version, rest)?;)*
                Ok((rest, Self { $($field),* }))
            }

            #[allow(unused_variables, reason = "a body may be empty")]
            pub(super) fn put(
                &self,
                version: $crate::cmpp::Version,
                out: &mut bytes::BytesMut,
            ) -> Result<(), $crate::EncodeError> {
                $($crate::cmpp::field::Field::put(&$kind, $spelled, version, &self.$field, out)?;)*
                Ok(())
            }
        }

        #[cfg(feature = "serde")]
        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(unused_mut, reason = "a body may be empty")]
                let mut map = serializer.serialize_map(None)?;
                $($crate::cmpp::field::Field::dump(&$kind, $spelled, &self.$field, &mut map)?;)*
                serde::ser::SerializeMap::end(map)
            }
        }
    };
}
pub(super) use fields;

/// [`fields!`] for the body of a unit, with the command that it has on the wire.
macro_rules! unit {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $command:expr, { $($table:tt)* }) => {
        $crate::cmpp::field::fields! { $(#[$doc])* $name $(<$life>)? { $($table)* } }

        impl $(<$life>)? $name $(<$life>)? {
            /// The command id of this unit.
            pub const COMMAND_ID: u32 = $command;

            /// Reads one complete unit of this command.
            ///
            /// # Errors
            /// When the unit is of another command, ends too early or holds what a field may not.
            pub fn decode(
                unit: &$($life)? [u8],
                version: $crate::cmpp::Version,
            ) -> Result<Self, $crate::DecodeError> {
                let body = $crate::cmpp::Header::body(unit, Self::COMMAND_ID)?;
                $crate::octets::finish(unit, Self::read(body, version))
            }
        }
    };
}
pub(super) use unit;

/// A value that a field of `max` octets can't hold.
fn too_wide(field: &'static str, octets: usize, max: usize) -> Result<(), EncodeError> {
    Err(EncodeError { field, octets, max })
}

/// The Status or Result whose width is the layout's.
pub(super) fn result_size(layout: Layout) -> Size {
    match layout {
        Layout::V2 => every(1),
        Layout::V3 => every(4),
    }
}

/// Lower-case hexadecimal, for dumps.
#[cfg(feature = "serde")]
fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
