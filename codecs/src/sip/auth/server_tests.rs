//! The server against our client, and against what a client must not do.

use super::*;
use crate::sip::auth::{Asker, Attempt, Client, Credentials, GiveUp};

const INVITE: Request<'_> = Request { method: b"INVITE", uri: b"sip:bob@biloxi.com", body: b"v=0\r\n" };

#[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
fn start() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

fn password(user: &str) -> Option<String> {
    (user == "bob").then(|| "zanzibar".to_owned())
}

fn client(password: &str) -> Client {
    Client::new(vec![Credentials::new("bob", password)], 3)
}

fn challenge(
    server: &mut Server,
    now: Now,
    stale: bool,
    client: &mut Client,
    attempt: &mut Attempt,
) -> Result<(), GiveUp> {
    let values = server.challenge(now, stale);
    client.challenged(attempt, values.iter().map(|value| (Asker::Server, value.as_bytes())))
}

fn verify(server: &mut Server, now: Now, value: &[u8]) -> Verdict {
    server.verify(now, [value], INVITE, password)
}

#[test]
fn client_and_server_agree_on_every_algorithm_and_protection() {
    for algorithm in Algorithm::all() {
        for qop in [Qop::Auth, Qop::AuthInt] {
            let now = start();
            let config =
                ServerConfig { algorithms: vec![algorithm], qop: vec![qop], ..ServerConfig::new("a \"b\"") };
            let (mut server, mut client, mut attempt) =
                (Server::new(config, 1, now), client("zanzibar"), Attempt::default());
            challenge(&mut server, now, false, &mut client, &mut attempt).unwrap();
            for _ in 0..3 {
                let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
                let verdict = verify(&mut server, now, &value);
                assert_eq!(verdict, Verdict::Good("bob".into()), "{algorithm:?} {qop:?}");
            }
        }
    }
}

#[test]
fn a_wrong_password_or_another_request_is_bad() {
    let now = start();
    let mut server = Server::new(ServerConfig::new("r"), 1, now);
    let (mut wrong, mut attempt) = (client("guess"), Attempt::default());
    challenge(&mut server, now, false, &mut wrong, &mut attempt).unwrap();
    let (_, value) = wrong.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut server, now, &value), Verdict::Bad);
    assert_eq!(challenge(&mut server, now, false, &mut wrong, &mut attempt), Err(GiveUp::Refused));

    let (mut right, mut attempt) = (client("zanzibar"), Attempt::default());
    challenge(&mut server, now, false, &mut right, &mut attempt).unwrap();
    for request in [Request { method: b"BYE", ..INVITE }, Request { uri: b"sip:eve@biloxi.com", ..INVITE }] {
        let (_, value) = right.authorize(&mut attempt, request).remove(0);
        assert_eq!(verify(&mut server, now, &value), Verdict::Bad);
    }
    let mut stranger = Client::new(vec![Credentials::new("eve", "zanzibar")], 3);
    let mut attempt = Attempt::default();
    challenge(&mut server, now, false, &mut stranger, &mut attempt).unwrap();
    let (_, value) = stranger.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut server, now, &value), Verdict::Bad);
}

#[test]
fn integrity_holds_the_body() {
    let now = start();
    let config = ServerConfig { qop: vec![Qop::AuthInt], ..ServerConfig::new("r") };
    let (mut server, mut client, mut attempt) =
        (Server::new(config, 1, now), client("zanzibar"), Attempt::default());
    challenge(&mut server, now, false, &mut client, &mut attempt).unwrap();
    let (_, value) = client.authorize(&mut attempt, Request { body: b"v=1\r\n", ..INVITE }).remove(0);
    assert_eq!(verify(&mut server, now, &value), Verdict::Bad);
}

#[test]
fn a_replay_is_stale_and_so_is_a_count_that_goes_back() {
    let now = start();
    let mut server = Server::new(ServerConfig::new("r"), 1, now);
    let (mut client, mut attempt) = (client("zanzibar"), Attempt::default());
    challenge(&mut server, now, false, &mut client, &mut attempt).unwrap();
    let sent: Vec<_> = (0..3).map(|_| client.authorize(&mut attempt, INVITE).remove(0).1).collect();
    for (index, wanted) in [(1, true), (1, false), (0, false), (2, true), (2, false)] {
        let wanted = if wanted { Verdict::Good("bob".into()) } else { Verdict::Stale };
        assert_eq!(verify(&mut server, now, &sent[index]), wanted, "{index}");
    }
}

#[test]
fn a_nonce_grows_old_and_a_new_one_is_taken_without_a_failure() {
    let now = start();
    let mut server = Server::new(ServerConfig::new("r"), 1, now);
    let (mut client, mut attempt) = (client("zanzibar"), Attempt::default());
    challenge(&mut server, now, false, &mut client, &mut attempt).unwrap();
    let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
    let later = now.after(Duration::from_secs(301));
    assert_eq!(verify(&mut server, later, &value), Verdict::Stale);
    challenge(&mut server, later, true, &mut client, &mut attempt).unwrap();
    let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut server, later, &value), Verdict::Good("bob".into()));
}

#[test]
fn a_nonce_of_another_life_is_stale_and_a_made_up_one_too() {
    let now = start();
    let (mut old, mut new) =
        (Server::new(ServerConfig::new("r"), 1, now), Server::new(ServerConfig::new("r"), 2, now));
    let (mut client, mut attempt) = (client("zanzibar"), Attempt::default());
    challenge(&mut old, now, false, &mut client, &mut attempt).unwrap();
    let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut new, now, &value), Verdict::Stale);

    let mut attempt = Attempt::default();
    let own = b"Digest realm=\"r\", nonce=\"1.0.00000000000000000000000000000000\", qop=\"auth\"";
    client.challenged(&mut attempt, [(Asker::Server, own.as_slice())]).unwrap();
    let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut old, now, &value), Verdict::Stale);
}

#[test]
fn credentials_of_an_old_client_open_once() {
    let now = start();
    let mut server = Server::new(ServerConfig::new("r"), 1, now);
    let nonce = server.nonce(1, 0);
    let key = Algorithm::Md5.key(b"bob", b"r", b"zanzibar");
    let response = Algorithm::Md5.response(&key, nonce.as_bytes(), None, INVITE);
    let response = std::str::from_utf8(response.as_ref()).unwrap();
    let value = format!(
        "Digest username=\"bob\", realm=\"r\", nonce=\"{nonce}\", uri=\"sip:bob@biloxi.com\", response=\"{response}\""
    );
    assert_eq!(verify(&mut server, now, value.as_bytes()), Verdict::Good("bob".into()));
    assert_eq!(verify(&mut server, now, value.as_bytes()), Verdict::Stale);
}

#[test]
fn what_is_not_for_us_is_absent() {
    let now = start();
    let mut server = Server::new(ServerConfig::new("r"), 1, now);
    for value in
        ["", "Basic Ym9iOnphbnppYmFy", "Digest realm=\"other\", nonce=\"n\"", "Digest realm=\"r", "Digest"]
    {
        assert_eq!(verify(&mut server, now, value.as_bytes()), Verdict::Absent, "{value}");
    }
    assert_eq!(server.verify(now, [], INVITE, password), Verdict::Absent);
    assert_eq!(verify(&mut server, now, b"Digest realm=\"r\""), Verdict::Bad);
}

#[test]
fn a_count_has_eight_digits() {
    for (digits, wanted) in [
        ("00000001", Some(1)),
        ("0000000A", Some(10)),
        ("ffffffff", Some(u32::MAX)),
        ("00000000", None),
        ("1", None),
        ("+0000001", None),
        ("000000001", None),
        ("", None),
    ] {
        assert_eq!(parse_count(digits.as_bytes()), wanted, "{digits}");
    }
}

#[test]
fn memory_is_bounded_and_what_it_forgot_is_stale() {
    let now = start();
    let config = ServerConfig { nonces: 10, ..ServerConfig::new("r") };
    let (mut server, mut first) = (Server::new(config, 1, now), None);
    for _ in 0..100 {
        let (mut client, mut attempt) = (client("zanzibar"), Attempt::default());
        challenge(&mut server, now, false, &mut client, &mut attempt).unwrap();
        let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
        assert_eq!(verify(&mut server, now, &value), Verdict::Good("bob".into()));
        first.get_or_insert((client, attempt));
        assert!(server.used.len() <= 10);
    }
    let (mut client, mut attempt) = first.unwrap();
    let (_, value) = client.authorize(&mut attempt, INVITE).remove(0);
    assert_eq!(verify(&mut server, now, &value), Verdict::Stale);
}
