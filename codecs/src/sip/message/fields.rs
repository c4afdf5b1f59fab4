//! The headers of a message as they are written.

use super::{Message, Name, Values};

/// One header line.
#[derive(Debug, Clone, Copy)]
pub struct FieldRef<'a> {
    /// Which header it is.
    pub name: Name,
    /// The name as it is written, perhaps compact; empty for a line that is no header.
    pub label: &'a [u8],
    /// The value without the white space around it, folds and commas as they are.
    pub value: &'a [u8],
}

impl Message {
    /// All header lines in order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldRef<'_>> {
        self.head.fields.iter().map(|field| FieldRef {
            name: field.name,
            label: field.label.of(&self.octets),
            value: field.value.of(&self.octets),
        })
    }

    /// The value of the first line with this name.
    #[must_use]
    #[inline]
    pub fn field(&self, name: Name) -> Option<&[u8]> {
        self.head.fields.iter().find(|field| field.name == name).map(|field| field.value.of(&self.octets))
    }

    /// The value of the first line with a name that [`Name`] doesn't have. Compared without case.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<&[u8]> {
        self.fields()
            .find(|field| field.name == Name::Other && field.label.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }

    /// All values of a header in order, over the commas of a list and over lines.
    ///
    /// A line without a value has none; a list's member that is empty is one.
    #[must_use]
    pub fn values(&self, name: Name) -> Values<'_> {
        Values::of(self, name)
    }

    /// Says whether a list of tokens, as in Supported and Require, holds this one. Compared without case.
    #[must_use]
    pub fn has_option(&self, name: Name, option: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(option.as_bytes()))
    }
}
