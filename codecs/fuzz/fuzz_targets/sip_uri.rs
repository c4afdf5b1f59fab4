//! Any octets as one or two URIs, parted by a space: a URI equals itself and what it is with its user written anew;
//! comparison is the same from both sides.
#![no_main]

use bytes::BytesMut;
use codecs::sip::uri::{Uri, put_user, unescape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut parts = octets.splitn(2, |&octet| octet == b' ');
    let (one, other) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(uri) = Uri::parse(one) else { return };
    assert!(uri.equivalent(&uri));
    if let Ok(other) = Uri::parse(other) {
        assert_eq!(uri.equivalent(&other), other.equivalent(&uri));
    }
    let _ = uri.number();
    let Uri::Sip(sip) = uri else { return };
    let _ = (sip.transport(), sip.is_phone(), sip.params.has("lr"), sip.headers.get("Route"));
    assert!(sip.params.iter().all(|(name, _)| str::from_utf8(name).is_ok()));
    let host = sip.host.to_string();
    let again = format!("sip:{host}");
    assert!(matches!(Uri::parse(again.as_bytes()), Ok(Uri::Sip(read)) if read.host == sip.host), "{again}");
    if let Some(user) = sip.user {
        let mut written = BytesMut::new();
        put_user(&mut written, &unescape(user));
        assert_eq!(unescape(&written), unescape(user));
    }
});
