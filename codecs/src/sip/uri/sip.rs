//! SIP and SIPS URIs.

use super::{Host, UriError, UriHeaders, UriParams, compare, escape::is_well_escaped, host::port};
use crate::sip::{Transport, message::grammar::is_user};

/// A `sip` or `sips` URI. Everything is as it was written, escapes included.
#[derive(Debug, Clone, Copy)]
pub struct SipUri<'a> {
    /// `sips`: every hop must be secure.
    pub secure: bool,
    /// What stands before the `@`, without a password. May hold parameters of a telephone number.
    pub user: Option<&'a [u8]>,
    /// What stands behind the user's colon.
    pub password: Option<&'a [u8]>,
    /// Where it is.
    pub host: Host<'a>,
    /// The port, if it is given; 0 can be read and is no destination.
    pub port: Option<u16>,
    /// `transport`, `user`, `lr` and others.
    pub params: UriParams<'a>,
    /// Headers for a request to this URI. Not allowed in a Request-URI.
    pub headers: UriHeaders<'a>,
}

impl<'a> SipUri<'a> {
    /// Reads what follows the scheme.
    #[inline]
    pub(super) fn read(secure: bool, text: &'a [u8]) -> Result<Self, UriError> {
        // The user part may hold `;` and `?`, so the `@` comes first. It can't hold `@` itself: two are a fault.
        let (userinfo, rest) = match memchr::memrchr(b'@', text) {
            Some(at) => (Some(&text[..at]), &text[at + 1..]),
            None => (None, text),
        };
        let (user, password) = match userinfo {
            None => (None, None),
            Some(userinfo) => {
                let (user, password) = match memchr::memchr(b':', userinfo) {
                    Some(colon) => (&userinfo[..colon], Some(&userinfo[colon + 1..])),
                    None => (userinfo, None),
                };
                let fits = |part: &[u8]| part.iter().all(|&octet| is_user(octet)) && is_well_escaped(part);
                if !fits(user) || !password.is_none_or(fits) {
                    return Err(UriError::User);
                }
                (Some(user), password)
            }
        };
        let (rest, host) = Host::read(rest).map_err(|_| UriError::Host)?;
        let (rest, port) = port(rest).map_err(|_| UriError::Host)?;
        let (params, headers) = match memchr::memchr(b'?', rest) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        let params = match params.split_first() {
            None => UriParams::default(),
            Some((b';', params)) => UriParams::read(params).ok_or(UriError::Parameters)?,
            Some(_) => return Err(UriError::Host),
        };
        let headers = UriHeaders::read(headers).ok_or(UriError::Parameters)?;
        Ok(Self { secure, user, password, host, port, params, headers })
    }

    /// The transport that the URI asks for; `Err` when it names one that we don't have.
    ///
    /// # Errors
    /// The parameter's value.
    pub fn transport(&self) -> Result<Option<Transport>, &'a [u8]> {
        let Some(name) = self.params.get("transport") else { return Ok(None) };
        let known = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let found = known.into_iter().find(|known| known.parameter().as_bytes().eq_ignore_ascii_case(name));
        found.map(Some).ok_or(name)
    }

    /// Says whether the user part is a telephone number (`user=phone`).
    #[must_use]
    pub fn is_phone(&self) -> bool {
        self.params.get("user").is_some_and(|user| user.eq_ignore_ascii_case(b"phone"))
    }

    /// Equality as RFC 3261 §19.1.4 defines it. A port that is absent differs from 5060 that is given.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        compare::sip(self, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::uri::Uri;

    fn parsed(text: &'static str) -> SipUri<'static> {
        match Uri::parse(text.as_bytes()) {
            Ok(Uri::Sip(uri)) => uri,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn reads_every_part() {
        let uri = parsed("sip:alice:se=cret@[2001:db8::10]:5070;transport=tcp;lr?Subject=a%20b&to=x");
        assert_eq!((uri.user, uri.password), (Some(&b"alice"[..]), Some(&b"se=cret"[..])));
        assert_eq!((uri.host.to_string().as_str(), uri.port), ("[2001:db8::10]", Some(5070)));
        assert_eq!((uri.transport(), uri.params.has("LR")), (Ok(Some(Transport::Tcp)), true));
        assert_eq!(uri.headers.get("subject").unwrap().as_ref(), b"a b");
    }

    #[test]
    fn the_user_part_may_look_like_anything() {
        let uri = parsed("sip:user;par=u%40example.net@example.com");
        assert_eq!(uri.user, Some(&b"user;par=u%40example.net"[..]));
        assert_eq!(parsed("sip:a?b/c,d@h").user, Some(&b"a?b/c,d"[..]));
        assert_eq!(parsed("sip:*21#@h").user, Some(&b"*21#"[..]));
        assert_eq!(parsed("sip:%00@h").user, Some(&b"%00"[..]));
    }

    #[test]
    fn refuses_what_it_can_not_hold() {
        for (text, error) in [
            ("sip:2001:db8::10", UriError::Host),
            ("sip:a@b:65536", UriError::Host),
            ("sip:a@", UriError::Host),
            ("sip:", UriError::Host),
            ("sip:a@b c", UriError::Host),
            ("sip:a b@c", UriError::User),
            ("sip:a%4@c", UriError::User),
            ("sip:a@b@c", UriError::User),
            ("sip:a@b; lr", UriError::Parameters),
            ("sip:a@b;x=%zz", UriError::Parameters),
            ("sip:a@b?x=\"", UriError::Parameters),
        ] {
            assert_eq!(Uri::parse(text.as_bytes()).unwrap_err(), error, "{text}");
        }
    }
}
