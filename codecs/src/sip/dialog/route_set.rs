//! Through which proxies the requests of a dialog go.

use bytes::{BufMut, Bytes, BytesMut};

use crate::sip::{
    message::{Address, Message, Name},
    uri::Uri,
};

/// The proxies of a dialog in the order in which a request passes them, each as it wrote itself into Record-Route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteSet(Vec<Bytes>);

/// How one request is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The Request-URI.
    pub request_uri: Bytes,
    /// The values of Route, in order.
    pub routes: Vec<Bytes>,
    /// The URI of the next hop.
    pub next_hop: Bytes,
}

impl RouteSet {
    /// The caller's: what the response recorded, reversed.
    #[must_use]
    pub fn of_response(response: &Message) -> Self {
        let mut routes = recorded(response);
        routes.reverse();
        Self(routes)
    }

    /// The callee's: what the request recorded, in order.
    #[must_use]
    pub fn of_request(request: &Message) -> Self {
        Self(recorded(request))
    }

    /// Values of Route that are known already.
    #[must_use]
    pub fn of_values(values: Vec<Bytes>) -> Self {
        Self(values)
    }

    /// The values in order.
    #[must_use]
    pub fn values(&self) -> &[Bytes] {
        &self.0
    }

    /// Addresses a request to `target` along this set. A first route without `lr` is a strict router of RFC 2543: it wants
    /// itself in the Request-URI and the target as the last route.
    #[must_use]
    pub fn address(&self, target: &Bytes) -> Addressed {
        let Some((first, rest)) = self.0.split_first() else {
            return Addressed { request_uri: target.clone(), routes: Vec::new(), next_hop: target.clone() };
        };
        let first_uri = uri_of(first);
        if is_loose(&first_uri) {
            return Addressed { request_uri: target.clone(), routes: self.0.clone(), next_hop: first_uri };
        }
        let request_uri = fit_for_request(&first_uri);
        let mut routes = rest.to_vec();
        routes.push(in_brackets(target));
        Addressed { next_hop: request_uri.clone(), request_uri, routes }
    }
}

fn recorded(message: &Message) -> Vec<Bytes> {
    message.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect()
}

fn uri_of(route: &Bytes) -> Bytes {
    Address::parse(route).map_or_else(|| route.clone(), |address| route.slice_ref(address.uri))
}

fn is_loose(uri: &[u8]) -> bool {
    matches!(Uri::parse(uri), Ok(Uri::Sip(uri)) if uri.params.has("lr"))
}

/// A URI without what may not stand in a Request-URI: headers and the parameter `method`.
fn fit_for_request(uri: &Bytes) -> Bytes {
    let end = uri.iter().rposition(|&octet| octet == b'@').unwrap_or(0);
    let headers = uri[end..].iter().position(|&octet| octet == b'?').map_or(uri.len(), |at| end + at);
    let (before, params) = match uri[end..headers].iter().position(|&octet| octet == b';') {
        Some(at) => (&uri[..end + at], &uri[end + at + 1..headers]),
        None => return uri.slice(..headers),
    };
    let mut out = BytesMut::from(before);
    for param in params.split(|&octet| octet == b';') {
        if !param.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"method=")) {
            out.put_u8(b';');
            out.put_slice(param);
        }
    }
    out.freeze()
}

fn in_brackets(uri: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(uri.len() + 2);
    out.put_u8(b'<');
    out.put_slice(uri);
    out.put_u8(b'>');
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(routes: &[&'static str]) -> RouteSet {
        RouteSet(routes.iter().map(|route| Bytes::from_static(route.as_bytes())).collect())
    }

    fn addressed(routes: &[&'static str], target: &'static str) -> (String, Vec<String>, String) {
        let text = |octets: &Bytes| String::from_utf8(octets.to_vec()).unwrap();
        let addressed = set(routes).address(&Bytes::from_static(target.as_bytes()));
        let routes = addressed.routes.iter().map(text).collect();
        (text(&addressed.request_uri), routes, text(&addressed.next_hop))
    }

    #[test]
    fn without_routes_the_target_is_all() {
        assert_eq!(addressed(&[], "sip:u@h"), ("sip:u@h".into(), vec![], "sip:u@h".into()));
    }

    #[test]
    fn a_loose_first_route_leaves_the_target_in_the_request_uri() {
        let routes = ["\"P\" <sip:p1;lr>;x=1", "<sip:p2>"];
        let (uri, sent, hop) = addressed(&routes, "sip:u@h");
        assert_eq!((uri.as_str(), hop.as_str()), ("sip:u@h", "sip:p1;lr"));
        assert_eq!(sent, routes, "in order, with all parameters");
        assert_eq!(addressed(&["<sip:p1;lr=on>"], "sip:u@h").2, "sip:p1;lr=on");
    }

    #[test]
    fn a_strict_first_route_takes_the_request_uri() {
        let (uri, routes, hop) = addressed(&["<sip:p1>", "<sip:p2>", "<sip:p3;lr>"], "sip:u@h");
        assert_eq!((uri.as_str(), hop.as_str()), ("sip:p1", "sip:p1"));
        assert_eq!(routes, ["<sip:p2>", "<sip:p3;lr>", "<sip:u@h>"]);
    }

    #[test]
    fn a_strict_route_loses_what_no_request_uri_may_have() {
        let (uri, ..) =
            addressed(&["<sip:a;method=x@p1:5070;Method=INVITE;transport=tcp?Subject=x>"], "sip:u@h");
        assert_eq!(uri, "sip:a;method=x@p1:5070;transport=tcp");
        assert_eq!(addressed(&["<sip:p1?Subject=x>"], "sip:u@h").0, "sip:p1");
    }
}
