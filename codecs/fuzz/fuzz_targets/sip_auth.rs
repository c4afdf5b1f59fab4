//! Any two values as a challenge and as credentials: nothing is kept without end, and what the client answers to a
//! challenge of our server is right.
#![no_main]

use std::time::Instant;

use codecs::{
    Now,
    sip::auth::{Asker, Attempt, Client, Credentials, Request, Server, ServerConfig, Verdict},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let [split, rest @ ..] = octets else { return };
    let (challenge, given) = rest.split_at(rest.len().min((*split).into()));
    let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let request = Request { method: b"INVITE", uri: given, body: challenge };

    let mut client = Client::new(vec![Credentials::new("bob", "zanzibar")], 7);
    let mut attempt = Attempt::default();
    if client.challenged(&mut attempt, [(Asker::Proxy, challenge)]).is_ok() {
        assert!(!client.authorize(&mut attempt, request).is_empty());
    }
    let _ = client.authenticated(&attempt, Asker::Proxy, given, challenge);

    let realm = String::from_utf8_lossy(challenge).into_owned();
    let password = |user: &str| (user == "bob").then(|| "zanzibar".to_owned());
    let mut server = Server::new(ServerConfig::new("r"), 7, now);
    assert!(!matches!(server.verify(now, [given], request, password), Verdict::Good(_)), "guessed");

    // Whatever the realm is called, both sides mean the same.
    let mut server = Server::new(ServerConfig::new(realm), 7, now);
    let values = server.challenge(now, false);
    let mut attempt = Attempt::default();
    client
        .challenged(&mut attempt, values.iter().map(|value| (Asker::Server, value.as_bytes())))
        .expect("ours");
    let plain = Request { uri: b"sip:a@b", ..request };
    let sent = client.authorize(&mut attempt, plain);
    let ours = sent.iter().filter(|(asker, _)| *asker == Asker::Server).map(|(_, value)| value.as_slice());
    assert_eq!(server.verify(now, ours, plain, password), Verdict::Good("bob".to_owned()));
});
