//! What one message can carry, and cutting a long text into such pieces.
//!
//! A cut never goes through an escape sequence, a surrogate pair or a multi-octet character. It may go between a
//! letter and its combining mark, or through an emoji of several characters: phones join the parts before they show
//! them. The headers of the parts are left to [`udh`](super::udh).

use thiserror::Error;

use super::{
    charset::{self, Charset, Unencodable},
    udh::Width,
};

/// Octets of user data that reach a phone.
const USER_DATA: usize = 140;

/// How much fits into one message, in the charset's units: septets, UTF-16 units or octets. Headers are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Of a message that is alone.
    pub single: usize,
    /// Of each part of a longer one. No more than `single` is used.
    pub part: usize,
}

impl Capacity {
    /// What a phone takes, `header_octets` being the header of each part, its length octet included.
    ///
    /// ASCII and Latin-1 count as octets: the SMSC converts them to septets only if it can.
    #[must_use]
    pub fn gsm(charset: Charset, header_octets: usize) -> Self {
        Self::gsm_with_headers(charset, 0, header_octets)
    }

    /// Like [`Capacity::gsm`] for messages that have a header even alone, e.g. ports or a language shift.
    #[must_use]
    pub fn gsm_with_headers(
        charset: Charset,
        single_header_octets: usize,
        part_header_octets: usize,
    ) -> Self {
        let left = |header_octets: usize| {
            let octets = USER_DATA.saturating_sub(header_octets);
            match charset {
                Charset::Gsm7 => octets * 8 / 7,
                Charset::Ucs2 => octets / 2,
                _ => octets,
            }
        };
        Self { single: left(single_header_octets), part: left(part_header_octets) }
    }

    /// What a CMPP gateway takes: 140 octets with the header, and alone ASCII of fewer than 160 octets.
    #[must_use]
    pub fn cmpp(charset: Charset, width: Width) -> Self {
        let octets = USER_DATA - width.header_octets();
        match charset {
            Charset::Ascii | Charset::Gsm7 => Self { single: 159, part: octets },
            Charset::Ucs2 => Self { single: USER_DATA / 2, part: octets / 2 },
            _ => Self { single: USER_DATA, part: octets },
        }
    }
}

/// Why a text could not be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SplitError {
    /// The charset lacks a character.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
    /// The text is too long.
    #[error("the text takes {needed} parts")]
    TooManyParts {
        /// Parts that the whole text would take.
        needed: usize,
    },
    /// A part is too small for one of the characters.
    #[error("a part can't hold one character")]
    NoRoom,
    /// There is no charset to choose from.
    #[error("no charset is allowed")]
    NoCharset,
}

/// What a text takes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Messages, at least 1.
    pub parts: usize,
    /// The charset's units in all of them together.
    pub units: usize,
}

/// Counts what [`split`] would give, without encoding or allocating.
///
/// # Errors
/// The charset lacks a character, or a part can't hold one.
pub fn count(text: &str, charset: Charset, capacity: Capacity) -> Result<Count, SplitError> {
    let mut cutter = Cutter::new(capacity);
    for (index, character) in text.char_indices() {
        let width = charset::width(character, charset).ok_or(Unencodable { character, index })?;
        cutter.add(width);
    }
    cutter.count()
}

/// Encodes a text and cuts it: one piece when it fits into one message, else parts without their headers.
///
/// # Errors
/// The charset lacks a character, a part can't hold one, or the text takes more than `max_parts`.
pub fn split(
    text: &str,
    charset: Charset,
    capacity: Capacity,
    max_parts: u8,
) -> Result<Vec<Vec<u8>>, SplitError> {
    split_octets(charset::encode(text, charset)?, charset, capacity, max_parts)
}

/// Cuts text that is encoded already, e.g. septets of a national language ([`Charset::Gsm7`] then).
///
/// # Errors
/// A part can't hold one character, or the text takes more than `max_parts`.
pub fn split_octets(
    octets: Vec<u8>,
    charset: Charset,
    capacity: Capacity,
    max_parts: u8,
) -> Result<Vec<Vec<u8>>, SplitError> {
    let unit_octets = charset.unit_octets();
    let mut cutter = Cutter::new(capacity);
    let mut cuts = Vec::new();
    let mut at = 0;
    while at < octets.len() {
        let size = charset::character_octets(&octets[at..], charset);
        if cutter.add(size.div_ceil(unit_octets)) {
            cuts.push(at);
        }
        at += size;
    }
    let needed = cutter.count()?.parts;
    if needed > usize::from(max_parts) {
        return Err(SplitError::TooManyParts { needed });
    }
    if needed == 1 {
        return Ok(vec![octets]);
    }
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([octets.len()]);
    Ok(starts.zip(ends).map(|(start, end)| octets[start..end].to_vec()).collect())
}

/// Cuts octets that are no text.
///
/// # Errors
/// They take more than `max_parts`, or a part holds nothing.
pub fn split_binary(octets: Vec<u8>, capacity: Capacity, max_parts: u8) -> Result<Vec<Vec<u8>>, SplitError> {
    split_octets(octets, Charset::Binary, capacity, max_parts)
}

/// Goes over the characters of a text and says where a new part has to begin.
struct Cutter {
    capacity: Capacity,
    units: usize,
    parts: usize,
    in_part: usize,
    too_wide: bool,
}

impl Cutter {
    fn new(capacity: Capacity) -> Self {
        let part = capacity.part.min(capacity.single);
        let capacity = Capacity { part, ..capacity };
        Self { capacity, units: 0, parts: 1, in_part: 0, too_wide: false }
    }

    /// Takes one character. True: it begins a part, if the text is longer than one message.
    fn add(&mut self, width: usize) -> bool {
        self.units += width;
        self.too_wide |= width > self.capacity.part;
        let begins = self.in_part + width > self.capacity.part && self.in_part > 0;
        if begins {
            self.parts += 1;
            self.in_part = 0;
        }
        self.in_part += width;
        begins
    }

    fn count(&self) -> Result<Count, SplitError> {
        if self.units <= self.capacity.single {
            return Ok(Count { parts: 1, units: self.units });
        }
        if self.too_wide {
            return Err(SplitError::NoRoom);
        }
        Ok(Count { parts: self.parts, units: self.units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: usize = 6;

    fn sizes(text: &str, charset: Charset) -> Vec<usize> {
        let capacity = Capacity::gsm(charset, EIGHT);
        split(text, charset, capacity, 255).unwrap().iter().map(Vec::len).collect()
    }

    #[test]
    fn a_segment_holds_what_its_header_leaves() {
        // SMPP reference, segment limits: header octets, septets, octets, UTF-16 units.
        let limits = [
            (0, 160, 140, 70),
            (6, 153, 134, 67),
            (7, 152, 133, 66),
            (12, 146, 128, 64),
            (13, 145, 127, 63),
            (4, 155, 136, 68),
            (9, 149, 131, 65),
        ];
        for (header, septets, octets, units) in limits {
            let part = |charset| Capacity::gsm(charset, header).part;
            assert_eq!(part(Charset::Gsm7), septets);
            assert_eq!(part(Charset::Binary), octets);
            assert_eq!(part(Charset::Gbk), octets);
            assert_eq!(part(Charset::Ucs2), units);
        }
        assert_eq!(Capacity::gsm(Charset::Gsm7, 200).part, 0);
        let shifted = Capacity::gsm_with_headers(Charset::Gsm7, 4, 9);
        assert_eq!(shifted, Capacity { single: 155, part: 149 });
    }

    #[test]
    fn a_cmpp_part_is_140_octets_with_its_header() {
        let cmpp = |charset, width| {
            let Capacity { single, part } = Capacity::cmpp(charset, width);
            (single, part)
        };
        assert_eq!(cmpp(Charset::Ascii, Width::Eight), (159, 134));
        assert_eq!(cmpp(Charset::Ascii, Width::Sixteen), (159, 133));
        assert_eq!(cmpp(Charset::Ucs2, Width::Eight), (70, 67));
        assert_eq!(cmpp(Charset::Ucs2, Width::Sixteen), (70, 66));
        assert_eq!(cmpp(Charset::Gbk, Width::Eight), (140, 134));
        assert_eq!(cmpp(Charset::Binary, Width::Sixteen), (140, 133));
    }

    #[test]
    fn part_counts_at_the_limits() {
        for (units, parts) in [(0, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)] {
            assert_eq!(sizes(&"a".repeat(units), Charset::Gsm7).len(), parts, "{units} septets");
        }
        for (units, parts) in [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)] {
            assert_eq!(sizes(&"你".repeat(units), Charset::Ucs2).len(), parts, "{units} units");
        }
    }

    #[test]
    fn at_most_255_parts_carry_39015_septets() {
        let capacity = Capacity::gsm(Charset::Gsm7, EIGHT);
        assert_eq!(split(&"a".repeat(39_015), Charset::Gsm7, capacity, 255).unwrap().len(), 255);
        let refused = split(&"a".repeat(39_016), Charset::Gsm7, capacity, 255);
        assert_eq!(refused, Err(SplitError::TooManyParts { needed: 256 }));
    }

    #[test]
    fn ends_a_part_early_rather_than_cut_a_character() {
        let escape = format!("{}€{}", "a".repeat(152), "b".repeat(20));
        assert_eq!(sizes(&escape, Charset::Gsm7), [152, 22]);
        let pair = format!("{}😀{}", "你".repeat(66), "好".repeat(10));
        assert_eq!(sizes(&pair, Charset::Ucs2), [132, 24]);
        let gbk = format!("a{}", "你".repeat(70));
        assert_eq!(sizes(&gbk, Charset::Gbk), [133, 8]);
        let gb18030 = format!("aaa{}", "😀".repeat(40));
        assert_eq!(sizes(&gb18030, Charset::Gb18030), [131, 32]);
    }

    #[test]
    fn part_counts_come_from_splitting_and_not_from_division() {
        // 306 septets would fit two parts of 153, if the escape did not fall on the boundary.
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(152));
        assert_eq!(charset::units(&text, Charset::Gsm7), Some(306));
        assert_eq!(sizes(&text, Charset::Gsm7), [152, 153, 1]);
        let counted = count(&text, Charset::Gsm7, Capacity::gsm(Charset::Gsm7, EIGHT));
        assert_eq!(counted, Ok(Count { parts: 3, units: 306 }));
    }

    #[test]
    fn a_part_too_small_for_a_character_is_refused() {
        let tiny = Capacity { single: 1, part: 1 };
        assert_eq!(split("😀", Charset::Ucs2, tiny, 255), Err(SplitError::NoRoom));
        assert_eq!(count("😀", Charset::Ucs2, tiny), Err(SplitError::NoRoom));
        let none = Capacity { single: 0, part: 0 };
        assert_eq!(split_binary(vec![1], none, 255), Err(SplitError::NoRoom));
        assert_eq!(split("", Charset::Gsm7, none, 1), Ok(vec![vec![]]));
    }

    #[test]
    fn an_odd_octet_at_the_end_of_ucs2_is_kept() {
        let octets = vec![0; 141];
        let parts = split_octets(octets, Charset::Ucs2, Capacity::gsm(Charset::Ucs2, EIGHT), 9).unwrap();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [134, 7]);
    }
}
