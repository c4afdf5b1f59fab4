//! The worked values of one user, computed with other tools, and those of RFC 7616.

use super::*;

const NONCE: &[u8] = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
const BODY: &[u8] = b"v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\n\
c=IN IP4 media.biloxi.com\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

const INVITE: Request<'_> = Request { method: b"INVITE", uri: b"sip:bob@biloxi.com", body: BODY };
const REGISTER: Request<'_> = Request { method: b"REGISTER", uri: b"sip:biloxi.com", body: b"" };

fn of(qop: Qop, count: u32) -> Option<Use<'static>> {
    Some(Use { qop, count, cnonce: b"0a4f113b" })
}

/// Every worked value by its name, as this code computes it.
fn computed(algorithm: Algorithm) -> Vec<(&'static str, Hex)> {
    let key = algorithm.key(b"bob", b"biloxi.com", b"zanzibar");
    let session = algorithm.session_key(&key, NONCE, b"0a4f113b");
    let response = |key, of, request| algorithm.response(key, NONCE, of, request);
    let second = Some(Use { qop: Qop::Auth, count: 2, cnonce: b"1b5a224c" });
    let bye = Request { method: b"BYE", uri: b"sip:bob@192.0.2.4", body: b"" };
    let body = algorithm.hash(&[BODY]);
    vec![
        ("key", key),
        ("session key", session),
        ("what, auth", algorithm.hash(&[INVITE.method, INVITE.uri])),
        ("body", body),
        ("what, auth-int", algorithm.hash(&[INVITE.method, INVITE.uri, body.as_ref()])),
        ("no qop", response(&key, None, INVITE)),
        ("auth", response(&key, of(Qop::Auth, 1), INVITE)),
        ("auth, tenth request", response(&key, of(Qop::Auth, 10), INVITE)),
        ("auth-int", response(&key, of(Qop::AuthInt, 1), INVITE)),
        ("session, auth", response(&session, of(Qop::Auth, 1), INVITE)),
        ("session, auth-int", response(&session, of(Qop::AuthInt, 1), INVITE)),
        ("session, second request", response(&session, second, bye)),
        ("REGISTER, auth", response(&key, of(Qop::Auth, 1), REGISTER)),
        ("REGISTER, auth-int", response(&key, of(Qop::AuthInt, 1), REGISTER)),
        ("rspauth", response(&key, of(Qop::Auth, 1), Request { method: b"", ..INVITE })),
        ("nothing", algorithm.hash(&[b""])),
    ]
}

fn assert_all(algorithm: Algorithm, wanted: [&str; 16]) {
    for ((name, hash), wanted) in computed(algorithm).iter().zip(wanted) {
        assert_eq!(std::str::from_utf8(hash.as_ref()).unwrap(), wanted, "{algorithm:?}: {name}");
    }
}

#[test]
fn md5_gives_every_worked_value() {
    assert_eq!(BODY.len(), 144);
    let wanted = [
        "12af60467a33e8518da5c68bbff12b11",
        "4f36886771c77832be5c5a8de5a7ec82",
        "13a14a3eb5e2c24732a1a04fff543e92",
        "4de1355c8589dcdcddbdeef3b514afb4",
        "1b3bea9da823a53e2dc3d5bd69e02803",
        "bf57e4e0d0bffc0fbaedce64d59add5e",
        "89eb0059246c02b2f6ee02c7961d5ea3",
        "da61920429f958b1fe4eb4f5eebbc2cf",
        "c2a6f5525110ebc1f6080353fc3b5656",
        "e4e4ea61d186d07a92c9e1f6919902e9",
        "c81b083628d861fa7f29daad5d879c1c",
        "6c3ce6e61cc7d69b002f83b004cdd0d7",
        "9e2d1006810044fd79f39476209ae31a",
        "21b30cb3720f1d6f22eba30b35c52265",
        "9175a7857f138ef9768651f475f1d73a",
        "d41d8cd98f00b204e9800998ecf8427e",
    ];
    assert_all(Algorithm::Md5, wanted);
    assert_all(Algorithm::Md5Sess, wanted);
}

#[test]
fn sha_256_gives_every_worked_value() {
    let wanted = [
        "e65db393e748c5228939a6b4b2879e9ea5625cd79fd5267868cb568d69f6b97e",
        "9749626be58775eccb9c91d925cd15189ccc426e4318bbfee7a4c0991a58b64c",
        "915a04cb507dbcc1bb0b79e3b65d35307a1146249e12d2dae42d15d5e0d06251",
        "c35d291d9597d8085ad3a934486e981b73f5eb67a987499d066c2cb65d640e9f",
        "3fbe724a79ea8c4b13fbc9960a634745805cb532863ceb9e1fe9f89faed0b86c",
        "38aad98c50c33abe72c5f88dd17246ffcfa6b1f68852c855719ff0659386c0ca",
        "b3b5a6c69453abafaab9ae4dccdac90a076b6c80615d5f3498e7433b6e93bf4f",
        "a0e65c11fd66ca05992cce3870640a3bf3b9cbec4819ab4d69d0065c2133db16",
        "f2a5721f9e8354da9bd94171c0accac89cf1d38e5379e4fc3806283eb92eb2d3",
        "5da59c9ca40954be9d5063a15a174066c8251be2c10cf47c144c366dc7daf792",
        "949ee21b38a3e2250b951b7e1c2351e453e6964142745582a94bd96fbfb54791",
        "e9da98c519120939c3a0082280a0723dca5fd59cf738d693c2ab2af0b452d2f8",
        "93e0e23c30bf2e3b139a3410a7edc9a5b15b1cfd8fd557ca8ee303e4372339a1",
        "85dcdc3f7d95d01fca2dd129a2d5ac0e11e3a850e1aac725c427ebaab24b6ce7",
        "eac28e17b8d5d63e96e148e02f1b50afcf750aeecb3856ac20399028c0ee51e6",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ];
    assert_all(Algorithm::Sha256, wanted);
    assert_all(Algorithm::Sha256Sess, wanted);
}

#[test]
fn sha_512_256_has_its_own_initial_values() {
    let computed = computed(Algorithm::Sha512t256);
    for (name, wanted) in [
        ("key", "a969680ab364e333ec5c93ff823d570a79841c8d40270655dd42f37b755dfc38"),
        ("what, auth", "62f3a8d9e5f63b561756dc0f40c8139ad021a54602ae4141ced4342b3b60cea6"),
        ("auth", "7f1a09de0f19af0a1eac2b28d33e3f2fb89cca1ad8fb01bba5e1883b288bac14"),
    ] {
        let (_, hash) = computed.iter().find(|(known, _)| *known == name).unwrap();
        assert!(hash.is(wanted.as_bytes()), "{name}");
    }
}

#[test]
fn rfc7616_3_9_1_gives_its_two_responses() {
    let request = Request { method: b"GET", uri: b"/dir/index.html", body: b"" };
    let cnonce = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let of = Some(Use { qop: Qop::Auth, count: 1, cnonce });
    for (algorithm, wanted) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let key = algorithm.key(b"Mufasa", b"http-auth@example.org", b"Circle of Life");
        let response = algorithm.response(&key, b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", of, request);
        assert!(response.is(wanted.as_bytes()), "{algorithm:?}");
        assert!(response.is(wanted.to_uppercase().as_bytes()));
        assert!(!response.is(&wanted.as_bytes()[1..]));
    }
}

#[test]
fn names_are_read_without_case_and_come_back() {
    for (algorithm, name) in NAMES {
        assert_eq!(Algorithm::of(name.to_uppercase().as_bytes()), Some(algorithm));
        assert_eq!(Algorithm::of(name.to_lowercase().as_bytes()), Some(algorithm));
        assert_eq!(algorithm.name(), name);
    }
    assert_eq!(Algorithm::of(b"CHACHA123"), None);
    assert_eq!(Qop::of(b"Auth-Int"), Some(Qop::AuthInt));
    assert_eq!(Qop::of(b"auth-conf"), None);
}

#[test]
fn a_key_does_not_show() {
    let key = Algorithm::Md5.key(b"bob", b"biloxi.com", b"zanzibar");
    assert_eq!(format!("{key:?}"), "Hex(…)");
}
