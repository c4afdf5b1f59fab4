//! What headers mean.

use thiserror::Error;

use super::{
    Address, Head, Message, Name, Params, Via,
    grammar::{Parsed, is_white, number, refuse, separator, skip_white, token},
};
use crate::sip::Method;

/// A header that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{name} {fault}")]
pub struct HeaderError {
    /// Which one.
    pub name: Name,
    /// What is wrong with it.
    pub fault: HeaderFault,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderFault {
    /// It has to be there.
    #[error("is missing")]
    Missing,
    /// It may be there once, or its values contradict each other.
    #[error("is repeated")]
    Repeated,
    /// It is not what the grammar has there.
    #[error("can't be read")]
    Malformed,
    /// A number is out of its range.
    #[error("is out of range")]
    Range,
}

/// The value of CSeq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The number.
    pub number: u32,
    /// The method of the request.
    pub method: Method,
    /// The method as it is written.
    pub method_octets: &'a [u8],
}

/// The value of RAck: which provisional response a PRACK confirms (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The response's RSeq.
    pub rseq: u32,
    /// The response's CSeq.
    pub cseq: CSeq<'a>,
}

/// Who refreshes a session (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl Refresher {
    /// The value of the parameter.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// The value of Session-Expires (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// How long the session lives without a refresh.
    pub seconds: u32,
    /// Who refreshes it, if that is said.
    pub refresher: Option<Refresher>,
}

/// The value of Content-Type, or a range in Accept.
#[derive(Debug, Clone, Copy)]
pub struct MediaType<'a> {
    /// As in `application`.
    pub kind: &'a [u8],
    /// As in `sdp`.
    pub subtype: &'a [u8],
    /// `boundary`, `charset` and others.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one value; `value` is all of it.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (rest, kind) = token(skip_white(value)).ok()?;
        let (rest, ()) = separator(rest, b'/').ok()?;
        let (rest, subtype) = token(rest).ok()?;
        Some(Self { kind, subtype, params: Params::parse(rest)? })
    }

    /// Says whether it is this type, whatever the parameters. Compared without case.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
            && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }
}

impl Message {
    /// The only line with this name.
    fn single(&self, name: Name) -> Result<&[u8], HeaderError> {
        self.optional(name)?.ok_or(HeaderError { name, fault: HeaderFault::Missing })
    }

    /// The only line with this name, if there is one.
    #[inline]
    fn optional(&self, name: Name) -> Result<Option<&[u8]>, HeaderError> {
        let mut lines = self.head.fields.iter().filter(|field| field.name == name);
        let Some(first) = lines.next() else { return Ok(None) };
        match lines.next() {
            None => Ok(Some(first.value.of(&self.octets))),
            Some(_) => Err(HeaderError { name, fault: HeaderFault::Repeated }),
        }
    }

    /// The top Via.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing or can't be read. The values under it are not looked at.
    #[inline]
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        let value = self
            .values(Name::Via)
            .next()
            .ok_or(HeaderError { name: Name::Via, fault: HeaderFault::Missing })?;
        Via::parse(value).ok_or(malformed(Name::Via))
    }

    /// Who sent the request.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or can't be read.
    pub fn from(&self) -> Result<Address<'_>, HeaderError> {
        self.address(Name::From)
    }

    /// Whom the request was meant for at first.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or can't be read.
    pub fn to(&self) -> Result<Address<'_>, HeaderError> {
        self.address(Name::To)
    }

    fn address(&self, name: Name) -> Result<Address<'_>, HeaderError> {
        Address::parse(self.single(name)?).ok_or(malformed(name))
    }

    /// The first Contact, if there is one.
    ///
    /// # Errors
    /// [`HeaderError`] when it can't be read.
    pub fn contact(&self) -> Result<Option<Address<'_>>, HeaderError> {
        self.addresses(Name::Contact).next().transpose()
    }

    /// The addresses of a list in order: Contact, Route, Record-Route, P-Asserted-Identity, Diversion and others. A
    /// value that can't be read is an error in its place.
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Result<Address<'_>, HeaderError>> {
        self.values(name).map(move |value| Address::parse(value).ok_or(malformed(name)))
    }

    /// What all requests of a call have in common, with case.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated, empty or of several words.
    pub fn call_id(&self) -> Result<&[u8], HeaderError> {
        let value = self.single(Name::CallId)?;
        if value.is_empty() || value.iter().any(|&octet| is_white(octet)) {
            return Err(malformed(Name::CallId));
        }
        Ok(value)
    }

    /// The number and the method of the request.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or can't be read, or when the number has more than 32 bits.
    pub fn cseq(&self) -> Result<CSeq<'_>, HeaderError> {
        let (rest, cseq) = cseq(self.single(Name::CSeq)?).map_err(|_| malformed(Name::CSeq))?;
        if !rest.is_empty() {
            return Err(malformed(Name::CSeq));
        }
        cseq.ok_or(HeaderError { name: Name::CSeq, fault: HeaderFault::Range })
    }

    /// Which provisional response a PRACK confirms.
    ///
    /// # Errors
    /// [`HeaderError`] when it is missing, repeated or can't be read, or when a number has more than 32 bits.
    pub fn rack(&self) -> Result<RAck<'_>, HeaderError> {
        let name = Name::RAck;
        let parsed = number(self.single(name)?).and_then(|(rest, rseq)| {
            let (rest, cseq) = cseq(blank(rest)?)?;
            Ok((rest, rseq.zip(cseq)))
        });
        match parsed {
            Ok(([], Some((rseq, cseq)))) => Ok(RAck { rseq, cseq }),
            Ok(([], None)) => Err(HeaderError { name, fault: HeaderFault::Range }),
            _ => Err(malformed(name)),
        }
    }

    /// The octets of the body, if that is said.
    ///
    /// # Errors
    /// [`HeaderError`] when it is no number, or when it is repeated with another value.
    pub fn content_length(&self) -> Result<Option<usize>, HeaderError> {
        self.head.content_length(&self.octets)
    }

    /// The body's type, if that is said.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or can't be read.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, HeaderError> {
        let name = Name::ContentType;
        self.optional(name)?.map(|value| MediaType::parse(value).ok_or(malformed(name))).transpose()
    }

    /// How many hops are left; `None` when it is not said, or is no number up to 255.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        self.seconds(Name::MaxForwards).and_then(|hops| u8::try_from(hops).ok())
    }

    /// A number of up to 32 bits, as in Expires, Min-Expires, Min-SE and Retry-After, parameters and comments left out;
    /// `None` when it is not there, is none, or is above that range.
    #[must_use]
    pub fn seconds(&self, name: Name) -> Option<u32> {
        let (rest, number) = number(self.field(name)?).ok()?;
        match rest.first() {
            None | Some(b' ' | b'\t' | b'\r' | b';' | b'(') => number,
            Some(_) => None,
        }
    }

    /// For how many seconds something holds; `None` as for [`seconds`](Self::seconds), and the default is meant.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.seconds(Name::Expires)
    }

    /// The least that a registrar accepts for Expires, in seconds.
    #[must_use]
    pub fn min_expires(&self) -> Option<u32> {
        self.seconds(Name::MinExpires)
    }

    /// After how many seconds it may be tried again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds(Name::RetryAfter)
    }

    /// The least that a session may live without a refresh, in seconds (RFC 4028).
    #[must_use]
    pub fn min_se(&self) -> Option<u32> {
        self.seconds(Name::MinSe)
    }

    /// The number of a reliable provisional response, from 1 on (RFC 3262); `None` for one that can't be used.
    #[must_use]
    pub fn rseq(&self) -> Option<u32> {
        self.seconds(Name::RSeq).filter(|&number| number > 0)
    }

    /// How long the session lives without a refresh, and who refreshes it.
    ///
    /// # Errors
    /// [`HeaderError`] when it is repeated or can't be read.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        let name = Name::SessionExpires;
        let Some(value) = self.optional(name)? else { return Ok(None) };
        let (rest, seconds) = number(value).map_err(|_| malformed(name))?;
        let seconds = seconds.ok_or(HeaderError { name, fault: HeaderFault::Range })?;
        let params = Params::parse(rest).ok_or(malformed(name))?;
        let refresher = match params.get("refresher") {
            None => None,
            Some(value) if value.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(value) if value.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            Some(_) => return Err(malformed(name)),
        };
        Ok(Some(SessionExpires { seconds, refresher }))
    }

    /// Says whether Allow names this method.
    #[must_use]
    pub fn allows(&self, method: Method) -> bool {
        self.values(Name::Allow).any(|value| value == method.name().as_bytes())
    }
}

impl Head {
    /// See [`Message::content_length`]; `octets` are those that the head was read from.
    pub(in crate::sip) fn content_length(&self, octets: &[u8]) -> Result<Option<usize>, HeaderError> {
        let name = Name::ContentLength;
        let mut found = None;
        for field in self.fields.iter().filter(|field| field.name == name) {
            let Ok(([], length)) = number(field.value.of(octets)) else { return Err(malformed(name)) };
            let length = length.ok_or(HeaderError { name, fault: HeaderFault::Range })?;
            if found.is_some_and(|found| found != length) {
                return Err(HeaderError { name, fault: HeaderFault::Repeated });
            }
            found = Some(length);
        }
        Ok(found.map(|length| length as usize))
    }
}

fn malformed(name: Name) -> HeaderError {
    HeaderError { name, fault: HeaderFault::Malformed }
}

/// A number and a method; `None` when the number is out of range.
fn cseq(value: &[u8]) -> Parsed<'_, Option<CSeq<'_>>> {
    let (rest, number) = number(value)?;
    let (rest, method_octets) = token(blank(rest)?)?;
    Ok((rest, number.map(|number| CSeq { number, method: Method::of(method_octets), method_octets })))
}

/// What follows white space that has to be there.
fn blank(rest: &[u8]) -> Result<&[u8], nom::Err<()>> {
    let after = skip_white(rest);
    if after.len() == rest.len() { refuse::<()>().map(|(rest, ())| rest) } else { Ok(after) }
}
