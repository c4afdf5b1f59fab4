//! User data headers: elements in front of the text, e.g. which part of a long message this is (3GPP TS 23.040
//! 9.2.3.24).
//!
//! A header that is not sound is an error here; the caller then treats all octets as text and counts it.

use thiserror::Error;

use super::gsm7::Language;

/// Concatenation, 8-bit reference.
const CONCAT_8: u8 = 0x00;
/// Ports, 8-bit.
const PORTS_8: u8 = 0x04;
/// Ports, 16-bit.
const PORTS_16: u8 = 0x05;
/// Concatenation, 16-bit reference.
const CONCAT_16: u8 = 0x08;
/// National language single shift.
const SINGLE_SHIFT: u8 = 0x24;
/// National language locking shift.
const LOCKING_SHIFT: u8 = 0x25;

/// Octets of a reference or of a port number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// One octet.
    Eight,
    /// Two octets.
    Sixteen,
}

impl Width {
    /// Octets of a header that holds only a concatenation element of this width: 6 or 7.
    #[must_use]
    pub fn header_octets(self) -> usize {
        match self {
            Self::Eight => 6,
            Self::Sixteen => 7,
        }
    }
}

/// Which part of which message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concat {
    /// The same in all parts of one message; up to 255 when `width` is `Eight`.
    pub reference: u16,
    /// How wide the reference is on the wire; 8-bit 7 and 16-bit 7 are different references.
    pub width: Width,
    /// Parts of the message, 1 or more.
    pub total: u8,
    /// This part's number, from 1 to `total`.
    pub part: u8,
}

impl Concat {
    /// Says whether the numbers can be: an element that is not sound is ignored.
    #[must_use]
    pub fn is_sound(self) -> bool {
        (1..=self.total).contains(&self.part)
    }

    /// The whole header that holds only this element.
    #[must_use]
    pub fn header(self) -> Vec<u8> {
        let [high, low] = self.reference.to_be_bytes();
        match self.width {
            Width::Eight => vec![5, CONCAT_8, 3, low, self.total, self.part],
            Width::Sixteen => vec![6, CONCAT_16, 4, high, low, self.total, self.part],
        }
    }
}

/// Which application of the phone the message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The receiving application, e.g. 2948 for WAP push.
    pub destination: u16,
    /// The sending application.
    pub originator: u16,
    /// How wide both are on the wire.
    pub width: Width,
}

/// Why octets are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UdhError {
    /// There is not even a length octet.
    #[error("no user data")]
    Empty,
    /// The header ends past the user data.
    #[error("a header of {claimed} octets, {left} are left")]
    PastEnd {
        /// What the length octet says.
        claimed: usize,
        /// What follows it.
        left: usize,
    },
    /// An element ends past the header.
    #[error("element {identifier:#04x} at octet {offset} ends past the header")]
    Element {
        /// Which element.
        identifier: u8,
        /// Where it starts, from the start of the user data.
        offset: usize,
    },
    /// A concatenation element has not the length that its identifier asks for.
    #[error("element {identifier:#04x} of {octets} octets can't be")]
    ElementLength {
        /// Which element.
        identifier: u8,
        /// Octets of its data.
        octets: usize,
    },
}

/// One information element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is.
    pub identifier: u8,
    /// Its data, without identifier and length.
    pub data: &'a [u8],
}

/// A sound header, borrowed from the user data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udh<'a> {
    elements: &'a [u8],
}

impl<'a> Udh<'a> {
    /// Reads the header that user data starts with; gives it and the octets that follow it.
    ///
    /// # Errors
    /// The header or an element of it does not end where it must; nothing can be said then about where text starts.
    pub fn parse(user_data: &'a [u8]) -> Result<(Self, &'a [u8]), UdhError> {
        let (&length, rest) = user_data.split_first().ok_or(UdhError::Empty)?;
        let claimed = usize::from(length);
        let Some((elements, rest)) = rest.split_at_checked(claimed) else {
            return Err(UdhError::PastEnd { claimed, left: rest.len() });
        };
        let mut unread = elements;
        while let [identifier, after @ ..] = unread {
            let Some((element, left)) = next_element(unread) else {
                let offset = 1 + elements.len() - after.len() - 1;
                return Err(UdhError::Element { identifier: *identifier, offset });
            };
            let octets = element.data.len();
            if matches!((element.identifier, octets), (CONCAT_8, 0..=2 | 4..) | (CONCAT_16, 0..=3 | 5..)) {
                return Err(UdhError::ElementLength { identifier: element.identifier, octets });
            }
            unread = left;
        }
        Ok((Self { elements }, rest))
    }

    /// The elements in their order.
    pub fn elements(self) -> Elements<'a> {
        Elements { unread: self.elements }
    }

    /// Octets of the whole header, its length octet included.
    #[must_use]
    pub fn octets(self) -> usize {
        1 + self.elements.len()
    }

    /// Which part this is: the last concatenation element that is sound, of either width.
    #[must_use]
    pub fn concat(self) -> Option<Concat> {
        self.last(|element| {
            let concat = match (element.identifier, element.data) {
                (CONCAT_8, &[reference, total, part]) => {
                    Concat { reference: reference.into(), width: Width::Eight, total, part }
                }
                (CONCAT_16, &[high, low, total, part]) => {
                    let reference = u16::from_be_bytes([high, low]);
                    Concat { reference, width: Width::Sixteen, total, part }
                }
                _ => return None,
            };
            concat.is_sound().then_some(concat)
        })
    }

    /// The ports, if the message is for an application: the last element of either width.
    #[must_use]
    pub fn ports(self) -> Option<Ports> {
        self.last(|element| match (element.identifier, element.data) {
            (PORTS_8, &[destination, originator]) => Some(Ports {
                destination: destination.into(),
                originator: originator.into(),
                width: Width::Eight,
            }),
            (PORTS_16, &[a, b, c, d]) => Some(Ports {
                destination: u16::from_be_bytes([a, b]),
                originator: u16::from_be_bytes([c, d]),
                width: Width::Sixteen,
            }),
            _ => None,
        })
    }

    /// The language whose table replaces the basic one, if it is one we know.
    #[must_use]
    pub fn locking_shift(self) -> Option<Language> {
        self.language(LOCKING_SHIFT)
    }

    /// The language whose table replaces the extension table, if it is one we know.
    #[must_use]
    pub fn single_shift(self) -> Option<Language> {
        self.language(SINGLE_SHIFT)
    }

    fn language(self, shift: u8) -> Option<Language> {
        self.last(|element| match element.data {
            &[code] if element.identifier == shift => Some(code),
            _ => None,
        })
        .and_then(Language::from_code)
    }

    fn last<T>(self, read: impl Fn(Element<'a>) -> Option<T>) -> Option<T> {
        self.elements().filter_map(read).last()
    }
}

/// See [`Udh::elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    unread: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (element, unread) = next_element(self.unread)?;
        self.unread = unread;
        Some(element)
    }
}

fn next_element(unread: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let [identifier, length, rest @ ..] = unread else { return None };
    let (data, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((Element { identifier: *identifier, data }, rest))
}

/// A header to be written; each element is there at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Which application the message is for.
    pub ports: Option<Ports>,
    /// The language whose table replaces the basic one.
    pub locking_shift: Option<Language>,
    /// The language whose table replaces the extension table.
    pub single_shift: Option<Language>,
    /// Which part this is.
    pub concat: Option<Concat>,
}

impl Header {
    /// Octets of the header, its length octet included: what to give to [`Capacity`](super::Capacity). 0 when it
    /// has no element.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.encode().len()
    }

    /// The header, its length octet included. Empty when it has no element.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut header = vec![0];
        if let Some(ports) = self.ports {
            let [[a, b], [c, d]] = [ports.destination.to_be_bytes(), ports.originator.to_be_bytes()];
            match ports.width {
                Width::Eight => header.extend_from_slice(&[PORTS_8, 2, b, d]),
                Width::Sixteen => header.extend_from_slice(&[PORTS_16, 4, a, b, c, d]),
            }
        }
        if let Some(language) = self.locking_shift {
            header.extend_from_slice(&[LOCKING_SHIFT, 1, language.code()]);
        }
        if let Some(language) = self.single_shift {
            header.extend_from_slice(&[SINGLE_SHIFT, 1, language.code()]);
        }
        if let Some(concat) = self.concat {
            header.extend_from_slice(&concat.header()[1..]);
        }
        if header.len() == 1 {
            return Vec::new();
        }
        // All four elements together take 18 octets.
        header[0] = (header.len() - 1) as u8;
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: Concat = Concat { reference: 0xA7, width: Width::Eight, total: 2, part: 1 };
    const SIXTEEN: Concat = Concat { reference: 0x1234, width: Width::Sixteen, total: 2, part: 2 };
    const WAP_PUSH: Ports = Ports { destination: 2948, originator: 9200, width: Width::Sixteen };

    fn concat(user_data: &[u8]) -> Option<Concat> {
        Udh::parse(user_data).unwrap().0.concat()
    }

    #[test]
    fn reads_and_writes_concatenation() {
        assert_eq!(EIGHT.header(), [5, 0, 3, 0xA7, 2, 1]);
        assert_eq!(SIXTEEN.header(), [6, 8, 4, 0x12, 0x34, 2, 2]);
        for (one, width) in [(EIGHT, Width::Eight), (SIXTEEN, Width::Sixteen)] {
            let mut user_data = one.header();
            assert_eq!(user_data.len(), width.header_octets());
            user_data.extend_from_slice(b"text");
            let (udh, rest) = Udh::parse(&user_data).unwrap();
            assert_eq!((udh.concat(), udh.octets(), rest), (Some(one), width.header_octets(), &b"text"[..]));
        }
    }

    #[test]
    fn reads_and_writes_several_elements() {
        // SMPP reference, example E42.
        let ports_first = Header { ports: Some(WAP_PUSH), concat: Some(SIXTEEN), ..Header::default() };
        let octets = ports_first.encode();
        assert_eq!(octets, [12, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 8, 4, 0x12, 0x34, 2, 2]);
        let (udh, rest) = Udh::parse(&octets).unwrap();
        assert_eq!((udh.ports(), udh.concat(), rest), (Some(WAP_PUSH), Some(SIXTEEN), &[][..]));

        let shifts = Header {
            locking_shift: Some(Language::Turkish),
            single_shift: Some(Language::Urdu),
            ..Header::default()
        };
        assert_eq!(shifts.encode(), [6, 0x25, 1, 1, 0x24, 1, 13]);
        let octets = shifts.encode();
        let udh = Udh::parse(&octets).unwrap().0;
        assert_eq!(udh.locking_shift(), Some(Language::Turkish));
        assert_eq!(udh.single_shift(), Some(Language::Urdu));
        assert_eq!(Header::default().encode(), []);
    }

    #[test]
    fn a_header_takes_the_octets_of_the_segment_limits() {
        let of = |ports, locking_shift, single_shift, concat| {
            Header { ports, locking_shift, single_shift, concat }.octets()
        };
        let language = Some(Language::Hindi);
        assert_eq!(of(Some(WAP_PUSH), None, None, None), 7);
        assert_eq!(of(Some(WAP_PUSH), None, None, Some(EIGHT)), 12);
        assert_eq!(of(Some(WAP_PUSH), None, None, Some(SIXTEEN)), 13);
        assert_eq!(of(None, None, language, None), 4);
        assert_eq!(of(None, None, language, Some(EIGHT)), 9);
        assert_eq!(of(None, language, language, None), 7);
        assert_eq!(of(None, language, language, Some(EIGHT)), 12);
    }

    #[test]
    fn the_last_concatenation_counts_whatever_its_width() {
        assert_eq!(concat(&[11, 0, 3, 0xA7, 2, 1, 8, 4, 0x12, 0x34, 2, 2]), Some(SIXTEEN));
        assert_eq!(concat(&[11, 8, 4, 0x12, 0x34, 2, 2, 0, 3, 0xA7, 2, 1]), Some(EIGHT));
        assert_eq!(concat(&[10, 0, 3, 1, 9, 9, 0, 3, 0xA7, 2, 1]), Some(EIGHT));
    }

    #[test]
    fn ignores_a_concatenation_that_cant_be() {
        for [total, part] in [[0, 0], [0, 1], [2, 0], [2, 3]] {
            assert_eq!(concat(&[5, 0, 3, 7, total, part]), None);
        }
        // The one before it still counts.
        assert_eq!(concat(&[10, 0, 3, 0xA7, 2, 1, 0, 3, 7, 2, 3]), Some(EIGHT));
        assert_eq!(concat(&[5, 0, 3, 7, 1, 1]).map(|concat| concat.total), Some(1));
    }

    #[test]
    fn skips_elements_it_does_not_know() {
        let header = [15, 2, 3, 0xFF, 0xFF, 0xFF, 2, 1, 0xFF, 0, 3, 0xA7, 2, 1, 2, 0];
        let (udh, _) = Udh::parse(&header).unwrap();
        assert_eq!(udh.concat(), Some(EIGHT));
        assert_eq!(udh.elements().map(|element| element.identifier).collect::<Vec<_>>(), [2, 2, 0, 2]);
    }

    #[test]
    fn refuses_a_header_that_is_not_sound() {
        let refused = |octets: &[u8]| Udh::parse(octets).unwrap_err();
        assert_eq!(refused(&[]), UdhError::Empty);
        assert_eq!(refused(&[9, 0, 3]), UdhError::PastEnd { claimed: 9, left: 2 });
        assert_eq!(refused(&[5, 0, 4, 1, 2, 1, 9]), UdhError::Element { identifier: 0, offset: 1 });
        assert_eq!(refused(&[4, 1, 1, 9, 7]), UdhError::Element { identifier: 7, offset: 4 });
        assert_eq!(refused(&[4, 0, 2, 9, 3]), UdhError::ElementLength { identifier: 0, octets: 2 });
        assert_eq!(Udh::parse(&[0, b'a']).unwrap().1, b"a");
    }
}
