//! Cutting a message, as far as the protocols agree: charset, parts, concatenation headers.

use codecs::text::{self, Capacity, Charset, Concat, SplitError, Width};

use super::{PrepareError, Prepared};
use crate::domain::{BinaryContent, SegmentPlan, TextEncoding};

/// What a trunk can write and how much of it fits.
#[derive(Debug, Clone)]
pub struct Cutting {
    /// Charsets to choose from, preferred first.
    pub charsets: Vec<Charset>,
    /// Width of the reference.
    pub width: Width,
    /// Most segments of a message.
    pub max_segments: u8,
}

impl Cutting {
    /// Cuts a text; parts of a long one get their headers. `coding` names a charset on the wire.
    pub fn text(
        &self,
        text: &str,
        wanted: Option<TextEncoding>,
        reference: u16,
        capacity: impl Fn(Charset) -> Capacity,
        coding: impl Fn(Charset) -> u8,
    ) -> Result<Prepared, PrepareError> {
        let wanted_charset = wanted.map(charset);
        let allowed: &[Charset] = match &wanted_charset {
            Some(one) => std::slice::from_ref(one),
            None => &self.charsets,
        };
        let plan = text::plan(text, allowed, capacity, self.max_segments)
            .map_err(|error| self.refused(error, text, allowed))?;
        let segments = u8::try_from(plan.parts.len()).unwrap_or(u8::MAX);
        let units = u32::try_from(plan.units).unwrap_or(u32::MAX);
        Ok(Prepared {
            plan: SegmentPlan { encoding: encoding(plan.charset), segments, units },
            data_coding: coding(plan.charset),
            has_header: segments > 1,
            parts: self.with_headers(plan.parts, &[], reference),
            reference,
        })
    }

    /// Cuts octets; a header of the caller's own stays in front of each part.
    pub fn binary(&self, content: &BinaryContent, reference: u16) -> Result<Prepared, PrepareError> {
        let own = content.user_data_header.as_slice();
        let headers = own.len();
        let capacity = Capacity {
            single: 140_usize.saturating_sub(headers),
            part: 140_usize.saturating_sub(headers.max(1) + self.width.header_octets() - 1),
        };
        let parts = text::split_binary(content.data.clone(), capacity, self.max_segments)
            .map_err(|error| self.refused(error, "", &[Charset::Binary]))?;
        let segments = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        let units = u32::try_from(content.data.len()).unwrap_or(u32::MAX);
        Ok(Prepared {
            plan: SegmentPlan { encoding: None, segments, units },
            data_coding: content.data_coding,
            has_header: segments > 1 || !own.is_empty(),
            parts: self.with_headers(parts, own, reference),
            reference,
        })
    }

    fn with_headers(&self, parts: Vec<Vec<u8>>, own: &[u8], reference: u16) -> Vec<Vec<u8>> {
        let total = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        if total == 1 && own.is_empty() {
            return parts;
        }
        let reference = if self.width == Width::Eight { reference & 0xff } else { reference };
        let elements = own.get(1..).unwrap_or_default();
        let headed = |(number, part): (u8, Vec<u8>)| {
            let mut header = vec![0];
            header.extend_from_slice(elements);
            if total > 1 {
                let concat = Concat { reference, width: self.width, total, part: number };
                header.extend_from_slice(&concat.header()[1..]);
            }
            header[0] = u8::try_from(header.len() - 1).unwrap_or(u8::MAX);
            header.extend_from_slice(&part);
            header
        };
        (1..=total).zip(parts).map(headed).collect()
    }

    fn refused(&self, error: SplitError, text: &str, tried: &[Charset]) -> PrepareError {
        let names: Vec<_> = tried.iter().map(|charset| name(*charset)).collect();
        match error {
            SplitError::TooManyParts { needed } => {
                PrepareError::TooManySegments { needed, max: self.max_segments }
            }
            SplitError::Unencodable(unencodable) => PrepareError::EncodingNotPossible {
                encoding: names.join(", "),
                position: text.char_indices().take_while(|(index, _)| *index < unencodable.index).count(),
            },
            SplitError::NoRoom | SplitError::NoCharset => {
                PrepareError::EncodingNotPossible { encoding: names.join(", "), position: 0 }
            }
        }
    }
}

/// The charset of an encoding that the API knows.
#[must_use]
pub fn charset(encoding: TextEncoding) -> Charset {
    match encoding {
        TextEncoding::Gsm7 => Charset::Gsm7,
        TextEncoding::Ucs2 => Charset::Ucs2,
        TextEncoding::Gbk => Charset::Gbk,
        TextEncoding::Ascii => Charset::Ascii,
        TextEncoding::Latin1 => Charset::Latin1,
    }
}

/// The API's name of a charset; `None`: octets, or a charset that only phones choose.
#[must_use]
pub fn encoding(charset: Charset) -> Option<TextEncoding> {
    match charset {
        Charset::Gsm7 => Some(TextEncoding::Gsm7),
        Charset::Ucs2 => Some(TextEncoding::Ucs2),
        Charset::Gbk | Charset::Gb18030 => Some(TextEncoding::Gbk),
        Charset::Ascii => Some(TextEncoding::Ascii),
        Charset::Latin1 => Some(TextEncoding::Latin1),
        Charset::Cyrillic | Charset::Hebrew | Charset::Binary => None,
    }
}

fn name(charset: Charset) -> &'static str {
    match charset {
        Charset::Gsm7 => "GSM 7-bit",
        Charset::Ucs2 => "UCS-2",
        Charset::Gbk => "GBK",
        Charset::Gb18030 => "GB18030",
        Charset::Ascii => "ASCII",
        Charset::Latin1 => "Latin-1",
        Charset::Cyrillic => "ISO 8859-5",
        Charset::Hebrew => "ISO 8859-8",
        Charset::Binary => "octets",
    }
}
