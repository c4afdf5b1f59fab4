//! A client against challenges as servers send them.

use super::*;

const INVITE: Request<'_> = Request { method: b"INVITE", uri: b"sip:bob@biloxi.com", body: b"" };

fn client() -> Client {
    Client::new(vec![Credentials::new("bob", "zanzibar")], 7)
}

fn challenge(client: &mut Client, attempt: &mut Attempt, value: &str) -> Result<(), GiveUp> {
    client.challenged(attempt, [(Asker::Server, value.as_bytes())])
}

fn send(client: &mut Client, attempt: &mut Attempt) -> Vec<String> {
    let written = client.authorize(attempt, INVITE);
    written.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect()
}

/// The value of one parameter, without quotes.
fn get(value: &str, name: &str) -> Option<String> {
    Items::new(value.as_bytes()).find_map(|item| match item {
        Item::Parameter(own, value) if own == name.as_bytes() => {
            Some(String::from_utf8(value.to_vec()).unwrap())
        }
        _ => None,
    })
}

/// The count and the nonce of a header.
fn counted(value: &str) -> (String, String) {
    (get(value, "nc").unwrap(), get(value, "nonce").unwrap())
}

#[test]
fn nothing_is_sent_before_a_challenge() {
    assert!(send(&mut client(), &mut Attempt::default()).is_empty());
}

#[test]
fn answers_as_rfc_2069_had_it_when_no_qop_is_offered() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let value = "Digest realm=\"biloxi.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    challenge(&mut client, &mut attempt, value).unwrap();
    assert_eq!(
        send(&mut client, &mut attempt),
        ["Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
          uri=\"sip:bob@biloxi.com\", response=\"bf57e4e0d0bffc0fbaedce64d59add5e\""]
    );
}

#[test]
fn writes_quotes_where_they_belong_and_a_response_that_can_be_checked() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let value = "Digest realm=\"biloxi.com\", nonce=\"n\", algorithm=SHA-256, qop=\"auth-int,auth\", opaque=\"o\\\"p\"";
    challenge(&mut client, &mut attempt, value).unwrap();
    let sent = send(&mut client, &mut attempt).remove(0);
    for part in
        [", algorithm=SHA-256,", ", qop=auth,", ", nc=00000001,", ", opaque=\"o\\\"p\"", "username=\"bob\""]
    {
        assert!(sent.contains(part), "{part} in {sent}");
    }
    let cnonce = get(&sent, "cnonce").unwrap();
    let of = Some(Use { qop: Qop::Auth, count: 1, cnonce: cnonce.as_bytes() });
    let key = Algorithm::Sha256.key(b"bob", b"biloxi.com", b"zanzibar");
    let wanted = Algorithm::Sha256.response(&key, b"n", of, INVITE);
    assert!(wanted.is(get(&sent, "response").unwrap().as_bytes()));
}

#[test]
fn a_count_is_never_used_twice_over_parallel_calls() {
    let mut client = client();
    let (mut a, mut b) = (Attempt::default(), Attempt::default());
    let value = |nonce: &str| format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
    let mut seen = Vec::new();
    // Both calls are challenged with one nonce, then another comes, then the first comes back.
    for nonce in ["1", "1", "2", "1", "2"] {
        for attempt in [&mut a, &mut b] {
            *attempt = Attempt::default();
            challenge(&mut client, attempt, &value(nonce)).unwrap();
            seen.push(counted(&send(&mut client, attempt)[0]));
            // A later request of the same dialog uses it again at once.
            seen.push(counted(&send(&mut client, attempt)[0]));
        }
    }
    let distinct: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    assert_eq!(seen[0], ("00000001".into(), "1".into()));
    assert_eq!(seen[7], ("00000008".into(), "1".into()));
    assert_eq!(seen[8], ("00000001".into(), "2".into()));
}

#[test]
fn a_sessions_key_is_made_by_its_first_request_and_stays() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let value = "Digest realm=\"biloxi.com\", nonce=\"n\", qop=\"auth\", algorithm=MD5-sess";
    challenge(&mut client, &mut attempt, value).unwrap();
    let sent = [send(&mut client, &mut attempt).remove(0), send(&mut client, &mut attempt).remove(0)];
    let cnonces = sent.each_ref().map(|value| get(value, "cnonce").unwrap());
    assert_ne!(cnonces[0], cnonces[1]);
    let key = Algorithm::Md5Sess.key(b"bob", b"biloxi.com", b"zanzibar");
    let key = Algorithm::Md5Sess.session_key(&key, b"n", cnonces[0].as_bytes());
    for (index, value) in sent.iter().enumerate() {
        let of = Some(Use { qop: Qop::Auth, count: index as u32 + 1, cnonce: cnonces[index].as_bytes() });
        let wanted = Algorithm::Md5Sess.response(&key, b"n", of, INVITE);
        assert!(wanted.is(get(value, "response").unwrap().as_bytes()), "{value}");
    }
}

#[test]
fn of_several_challenges_for_one_realm_the_topmost_that_we_have_is_answered() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let values: [&[u8]; 4] = [
        b"Digest realm=\"r\", nonce=\"0\", algorithm=CHACHA123, qop=\"auth\"",
        b"Basic realm=\"r\"",
        b"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"",
        b"Digest realm=\"r\", nonce=\"2\", algorithm=MD5, qop=\"auth\"",
    ];
    client.challenged(&mut attempt, values.map(|value| (Asker::Server, value))).unwrap();
    let sent = send(&mut client, &mut attempt);
    assert_eq!(sent.len(), 1);
    assert_eq!(get(&sent[0], "nonce").unwrap(), "1");
}

#[test]
fn every_realm_with_credentials_is_answered_in_its_own_header() {
    let of = |realm: &str, username: &str| Credentials {
        realm: Some(realm.into()),
        ..Credentials::new(username, "secret")
    };
    let mut client = Client::new(vec![of("edge", "e"), of("core \"1\"", "c")], 7);
    let mut attempt = Attempt::default();
    let proxy = |value: &'static str| (Asker::Proxy, value.as_bytes());
    client
        .challenged(
            &mut attempt,
            [
                proxy("Digest realm=\"edge\", nonce=\"1\""),
                (Asker::Server, b"Digest realm=\"core \\\"1\\\"\", nonce=\"2\""),
                proxy("Digest realm=\"nobody's\", nonce=\"3\""),
            ],
        )
        .unwrap();
    let written = client.authorize(&mut attempt, INVITE);
    let askers: Vec<_> = written.iter().map(|(asker, _)| *asker).collect();
    assert_eq!(askers, [Asker::Proxy, Asker::Server]);
    let core = String::from_utf8(written[1].1.clone()).unwrap();
    assert!(core.starts_with("Digest username=\"c\", realm=\"core \\\"1\\\"\""), "{core}");
    let key = Algorithm::Md5.key(b"c", b"core \"1\"", b"secret");
    let wanted = Algorithm::Md5.response(&key, b"2", None, INVITE);
    assert!(wanted.is(get(&core, "response").unwrap().as_bytes()));

    let strange = client.challenged(&mut Attempt::default(), [proxy("Digest realm=\"x\", nonce=\"3\"")]);
    assert_eq!(strange, Err(GiveUp::NoCredentials));
}

#[test]
fn gives_up_when_fresh_credentials_are_refused() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    challenge(&mut client, &mut attempt, "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"").unwrap();
    assert_eq!(send(&mut client, &mut attempt).len(), 1);
    for nonce in ["1", "2"] {
        let value = format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
        assert_eq!(challenge(&mut client, &mut attempt, &value), Err(GiveUp::Refused));
    }
}

#[test]
fn a_stale_nonce_is_no_failure_but_no_endless_reason_either() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let value = |nonce| format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\", stale=true");
    for nonce in 1..=3 {
        challenge(&mut client, &mut attempt, &value(nonce)).unwrap();
        assert_eq!(counted(&send(&mut client, &mut attempt)[0]), ("00000001".into(), nonce.to_string()));
    }
    assert_eq!(challenge(&mut client, &mut attempt, &value(4)), Err(GiveUp::TooManyRounds));
}

#[test]
fn credentials_sent_unasked_may_be_challenged_once_more() {
    let mut client = client();
    challenge(&mut client, &mut Attempt::default(), "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"").unwrap();
    let mut attempt = Attempt::default();
    assert_eq!(send(&mut client, &mut attempt).len(), 1);
    // A server that has forgotten the nonce, and does not call it stale.
    challenge(&mut client, &mut attempt, "Digest realm=\"r\", nonce=\"2\", qop=\"auth\"").unwrap();
    assert_eq!(counted(&send(&mut client, &mut attempt)[0]), ("00000001".into(), "2".into()));
    // The very nonce that was used: nothing would be different.
    let again = challenge(&mut client, &mut attempt, "Digest realm=\"r\", nonce=\"2\", qop=\"auth\"");
    assert_eq!(again, Err(GiveUp::Refused));
}

#[test]
fn a_proxy_may_ask_after_the_server_did() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    challenge(&mut client, &mut attempt, "Digest realm=\"r\", nonce=\"1\"").unwrap();
    client.challenged(&mut attempt, [(Asker::Proxy, b"Digest realm=\"r\", nonce=\"2\"".as_slice())]).unwrap();
    assert_eq!(send(&mut client, &mut attempt).len(), 2);
}

#[test]
fn what_cannot_be_answered_is_not() {
    for value in ["", "Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\", algorithm=CHACHA123"] {
        let answer = challenge(&mut client(), &mut Attempt::default(), value);
        assert_eq!(answer, Err(GiveUp::NoChallenge), "{value}");
    }
    assert_eq!(client().challenged(&mut Attempt::default(), []), Err(GiveUp::NoChallenge));
}

#[test]
fn the_next_nonce_is_used_and_counted_from_one() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    challenge(&mut client, &mut attempt, "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"").unwrap();
    assert_eq!(counted(&send(&mut client, &mut attempt)[0]).0, "00000001");
    let told = |client: &mut Client, attempt: &Attempt, asker, value: &[u8]| {
        assert!(client.authenticated(attempt, asker, value, b""), "nothing is proved wrong");
    };
    told(&mut client, &attempt, Asker::Server, b"nextnonce=\"2\", nc=00000001");
    assert_eq!(counted(&send(&mut client, &mut attempt)[0]), ("00000001".into(), "2".into()));
    told(&mut client, &attempt, Asker::Server, b"qop=auth");
    told(&mut client, &attempt, Asker::Proxy, b"nextnonce=\"3\"");
    assert_eq!(counted(&send(&mut client, &mut attempt)[0]), ("00000002".into(), "2".into()));
    told(&mut client, &attempt, Asker::Server, b"nextnonce=\"1\"");
    assert_eq!(counted(&send(&mut client, &mut attempt)[0]), ("00000002".into(), "1".into()));
}

#[test]
fn an_answer_whose_proof_is_wrong_says_nothing_of_the_next_nonce() {
    for (offered, algorithm, qop) in [
        ("qop=\"auth\", algorithm=SHA-256", Algorithm::Sha256, Some(Qop::Auth)),
        ("qop=\"auth-int\", algorithm=MD5-sess", Algorithm::Md5Sess, Some(Qop::AuthInt)),
        ("algorithm=MD5", Algorithm::Md5, None),
    ] {
        let (mut client, mut attempt) = (client(), Attempt::default());
        let value = format!("Digest realm=\"biloxi.com\", nonce=\"1\", {offered}");
        challenge(&mut client, &mut attempt, &value).unwrap();
        let sent = send(&mut client, &mut attempt).remove(0);
        let cnonce = get(&sent, "cnonce").unwrap_or_default();
        let mut key = algorithm.key(b"bob", b"biloxi.com", b"zanzibar");
        if algorithm.is_session() {
            key = algorithm.session_key(&key, b"1", cnonce.as_bytes());
        }
        let of = qop.map(|qop| Use { qop, count: 1, cnonce: cnonce.as_bytes() });
        let answer = Request { method: b"", uri: INVITE.uri, body: b"v=0" };
        let proof = algorithm.response(&key, b"1", of, answer);
        let proof = String::from_utf8_lossy(proof.as_ref()).into_owned();
        let wrong = proof.replace(|digit: char| digit.is_ascii_digit(), "a");
        for (proof, is_right) in [(&wrong, false), (&proof, true)] {
            let shown =
                if qop.is_some() { format!(", cnonce=\"{cnonce}\", nc=00000001") } else { String::new() };
            let told = format!("rspauth=\"{proof}\", nextnonce=\"2\"{shown}");
            assert_eq!(
                client.authenticated(&attempt, Asker::Server, told.as_bytes(), b"v=0"),
                is_right,
                "{told}"
            );
            let nonce = get(&send(&mut client, &mut attempt.clone())[0], "nonce").unwrap();
            assert_eq!(nonce, if is_right { "2" } else { "1" });
        }
    }
}

#[test]
fn a_username_is_hashed_when_the_server_asks_for_it() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let value = "Digest realm=\"r\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256, userhash=true";
    challenge(&mut client, &mut attempt, value).unwrap();
    let sent = send(&mut client, &mut attempt).remove(0);
    let user = Algorithm::Sha256.hash(&[b"bob", b"r"]);
    assert_eq!(get(&sent, "username").unwrap().as_bytes(), user.as_ref());
    assert_eq!(get(&sent, "userhash").as_deref(), Some("true"));
}

#[test]
fn a_nonce_goes_back_octet_by_octet_however_long_it_is() {
    let (mut client, mut attempt) = (client(), Attempt::default());
    let nonce = format!("\\\"{}=%41", "n".repeat(3000));
    challenge(&mut client, &mut attempt, &format!("Digest realm=\"r\", nonce=\"{nonce}\"")).unwrap();
    assert_eq!(get(&send(&mut client, &mut attempt)[0], "nonce").unwrap(), nonce);
}

#[test]
fn memory_is_bounded_whatever_servers_ask() {
    let mut client = client();
    for number in 0..1000 {
        let mut attempt = Attempt::default();
        let value = format!("Digest realm=\"r{}\", nonce=\"{number}\", qop=\"auth\"", number % 20);
        challenge(&mut client, &mut attempt, &value).unwrap();
        assert!(send(&mut client, &mut attempt).len() <= MOST_REALMS);
    }
    assert!(client.retired.len() <= MOST_RETIRED);
}
