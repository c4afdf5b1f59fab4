//! A registration against a registrar's answers, in virtual time.

use super::*;
use crate::sip::Writer;

const CONTACT: &str = "sip:1001@192.0.2.5:5060";

#[allow(clippy::disallowed_methods, reason = "the one reading from which virtual time goes on")]
fn start() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn begin(now: Now) -> Registration {
    Registration::new(Settings::new("sip:example.com", "sip:1001@example.com", CONTACT), 0, 7, now)
}

fn response(status: u16, fields: &[(Name, &str)]) -> Message {
    let mut writer = Writer::response(status, None);
    for (name, value) in fields {
        writer.field(*name, value);
    }
    writer.finish()
}

fn granted(expires: u64) -> Message {
    response(200, &[(Name::Contact, &format!("<{CONTACT}>;expires={expires}"))])
}

/// Sends what is due and tells its outcome.
fn turn(registration: &mut Registration, now: Now, outcome: Outcome<'_>) -> Register {
    let register = registration.poll_request(now).expect("a REGISTER is due");
    assert_eq!(registration.poll_request(now), None, "one at a time");
    registration.handle_outcome(now, outcome);
    register
}

fn wait(registration: &Registration, now: Now) -> Duration {
    registration.poll_timeout().unwrap() - now.mono
}

#[test]
fn the_first_request_goes_out_at_once_and_says_what_it_must() {
    let now = start();
    let mut registration = begin(now);
    assert_eq!(registration.poll_timeout(), Some(now.mono));
    let register = turn(&mut registration, now, Outcome::Response(&granted(3600)));
    assert_eq!(
        register,
        Register {
            request_uri: "sip:example.com".into(),
            address_of_record: "sip:1001@example.com".into(),
            contact: CONTACT.into(),
            expires: 3600,
            sequence: 1,
        }
    );
    assert_eq!(registration.state(), State::Registered);
}

#[test]
fn it_is_refreshed_at_half_of_the_granted_time() {
    for granted_seconds in [60, 120, 600, 3600] {
        let mut waits = std::collections::HashSet::new();
        for seed in 0..50 {
            let now = start();
            let settings = Settings::new("sip:example.com", "sip:1001@example.com", CONTACT);
            let mut registration = Registration::new(settings, 0, seed, now);
            turn(&mut registration, now, Outcome::Response(&granted(granted_seconds)));
            let wait = wait(&registration, now).as_millis() as u64;
            let half = granted_seconds * 500;
            assert!((half * 9 / 10..=half * 11 / 10).contains(&wait), "{granted_seconds}: {wait}");
            assert!(wait <= granted_seconds * 1000 - 5000);
            waits.insert(wait);
        }
        assert!(waits.len() > 20, "no jitter");
    }
    // A time that is too short for the margin.
    let now = start();
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&granted(6)));
    assert!(wait(&registration, now) <= seconds(3));
}

#[test]
fn our_binding_is_found_among_all_of_them() {
    let now = start();
    let mut registration = begin(now);
    let answer = response(
        200,
        &[
            (Name::Contact, "<sip:1001@198.51.100.9>;expires=9, <SIP:1001@192.0.2.5:5060>;q=0.5;expires=77"),
            (Name::Contact, "\"other\" <sip:1001@203.0.113.1;transport=tcp>"),
            (Name::Expires, "500"),
            (Name::ServiceRoute, "<sip:edge.example.com;lr>, <sip:core.example.com;lr>"),
            (Name::PAssociatedUri, "<tel:+861012345678>"),
        ],
    );
    turn(&mut registration, now, Outcome::Response(&answer));
    let Some(Event::Registered { granted, bindings, is_listed: true }) = registration.poll_event() else {
        panic!()
    };
    assert_eq!(granted, seconds(77));
    let times: Vec<_> = bindings.iter().map(|binding| binding.expires).collect();
    assert_eq!(times, [Some(9), Some(77), None]);
    assert_eq!(registration.service_route(), ["<sip:edge.example.com;lr>", "<sip:core.example.com;lr>"]);
    assert_eq!(registration.identities(), ["<tel:+861012345678>"]);
    // The next answer replaces the routes.
    let later = now.after(seconds(42));
    turn(&mut registration, later, Outcome::Response(&response(200, &[(Name::Expires, "500")])));
    assert!(registration.service_route().is_empty());
    let Some(Event::Registered { granted, is_listed: false, .. }) = registration.poll_event() else {
        panic!()
    };
    assert_eq!(granted, seconds(500));
}

#[test]
fn a_time_that_is_too_short_is_raised_at_once() {
    let now = start();
    let mut registration = begin(now);
    let short = response(423, &[(Name::MinExpires, "7200")]);
    assert_eq!(turn(&mut registration, now, Outcome::Response(&short)).expires, 3600);
    let second = turn(&mut registration, now, Outcome::Response(&granted(7200)));
    assert_eq!((second.expires, second.sequence), (7200, 2));
    // A registrar that is never content is no loop.
    let mut registration = begin(now);
    for least in 0..3 {
        let value = (10_000 + least).to_string();
        turn(&mut registration, now, Outcome::Response(&response(423, &[(Name::MinExpires, &value)])));
    }
    turn(&mut registration, now, Outcome::Response(&response(423, &[(Name::MinExpires, "20000")])));
    assert!(wait(&registration, now) > Duration::ZERO);
    // One that does not say how long is a failure.
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&response(423, &[])));
    assert!(matches!(
        registration.poll_event(),
        Some(Event::Failed { status: Some(423), is_refusal: false, .. })
    ));
}

#[test]
fn failures_wait_longer_each_time() {
    let mut now = start();
    let mut registration = begin(now);
    for most in [1, 2, 4, 8, 16, 32, 60, 60] {
        turn(&mut registration, now, Outcome::Nothing);
        let wait = wait(&registration, now);
        assert!(wait >= seconds(most) / 2 && wait <= seconds(most), "{most}: {wait:?}");
        let Some(Event::Failed { status: None, retry_in, is_refusal: false }) = registration.poll_event()
        else {
            panic!()
        };
        assert_eq!(retry_in, wait);
        assert_eq!(registration.poll_request(now), None);
        now = now.after(wait);
    }
    turn(&mut registration, now, Outcome::Response(&granted(600)));
    now = now.after(wait(&registration, now));
    turn(&mut registration, now, Outcome::Nothing);
    assert!(wait(&registration, now) <= seconds(1), "a success begins anew");
}

#[test]
fn a_registrar_may_say_how_long_to_wait() {
    let now = start();
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&response(503, &[(Name::RetryAfter, "40")])));
    assert_eq!(wait(&registration, now), seconds(40));
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&response(503, &[(Name::RetryAfter, "4000000")])));
    assert_eq!(wait(&registration, now), seconds(1800));
}

#[test]
fn a_refusal_is_told_loudly_and_retried_slowly() {
    let now = start();
    for status in [403, 404] {
        let mut registration = begin(now);
        turn(&mut registration, now, Outcome::Response(&response(status, &[])));
        assert_eq!((registration.state(), wait(&registration, now)), (State::Refused, seconds(1800)));
        let told = registration.poll_event().unwrap();
        assert_eq!(told, Event::Failed { status: Some(status), retry_in: seconds(1800), is_refusal: true });
        // Someone has acted.
        let later = now.after(seconds(1800));
        turn(&mut registration, later, Outcome::Response(&granted(60)));
        assert_eq!(registration.state(), State::Registered);
    }
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Unauthorized);
    assert!(matches!(
        registration.poll_event(),
        Some(Event::Failed { status: Some(401), is_refusal: true, .. })
    ));
}

#[test]
fn a_challenged_request_is_still_out_and_has_used_the_next_number() {
    let now = start();
    let mut registration = begin(now);
    assert_eq!(turn(&mut registration, now, Outcome::Challenged).sequence, 1);
    assert_eq!((registration.poll_request(now), registration.poll_timeout()), (None, None));
    registration.handle_outcome(now, Outcome::Response(&granted(60)));
    assert!(matches!(registration.poll_event(), Some(Event::Registered { .. })));
    assert_eq!(registration.poll_event(), None);
    let later = now.after(wait(&registration, now));
    assert_eq!(registration.poll_request(later).unwrap().sequence, 3);
}

#[test]
fn a_binding_stands_until_it_lapses() {
    let now = start();
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&granted(60)));
    let mut later = now.after(wait(&registration, now));
    turn(&mut registration, later, Outcome::Nothing);
    assert_eq!(registration.state(), State::Registered);
    while later.mono < now.mono + seconds(60) {
        later = later.after(wait(&registration, later));
        registration.handle_timeout(later);
        if registration.poll_request(later).is_some() {
            registration.handle_outcome(later, Outcome::Nothing);
        }
    }
    assert_eq!(registration.state(), State::Unregistered);
    let events: Vec<_> = std::iter::from_fn(|| registration.poll_event()).collect();
    assert_eq!(events.iter().filter(|event| **event == Event::Lapsed).count(), 1);
    // It goes on trying.
    assert!(registration.poll_timeout().is_some());
}

#[test]
fn a_binding_granted_for_no_time_is_none() {
    let now = start();
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&granted(0)));
    assert_eq!(registration.state(), State::Unregistered);
    assert!(wait(&registration, now) > Duration::ZERO);
}

#[test]
fn removal_asks_for_no_time_and_ends_everything() {
    let now = start();
    let mut registration = begin(now);
    turn(&mut registration, now, Outcome::Response(&granted(600)));
    registration.poll_event();
    registration.unregister(now);
    registration.unregister(now);
    assert_eq!(turn(&mut registration, now, Outcome::Challenged).expires, 0);
    assert_eq!(registration.poll_request(now), None);
    registration.handle_outcome(now, Outcome::Response(&response(200, &[])));
    assert_eq!(registration.state(), State::Removed);
    assert_eq!(registration.poll_event(), Some(Event::Removed { confirmed: true }));
    assert_eq!((registration.poll_timeout(), registration.poll_request(now)), (None, None));
}

#[test]
fn removal_waits_for_the_request_that_is_out() {
    let now = start();
    let mut registration = begin(now);
    assert!(registration.poll_request(now).is_some());
    registration.unregister(now);
    assert_eq!((registration.poll_request(now), registration.poll_timeout()), (None, None));
    registration.handle_outcome(now, Outcome::Response(&granted(600)));
    assert_eq!(turn(&mut registration, now, Outcome::Nothing).expires, 0);
    assert_eq!(registration.poll_event(), Some(Event::Removed { confirmed: false }));
}

#[test]
fn an_outcome_that_nobody_waits_for_changes_nothing() {
    let now = start();
    let mut registration = begin(now);
    registration.handle_outcome(now, Outcome::Response(&granted(600)));
    assert_eq!((registration.state(), registration.poll_event()), (State::Unregistered, None));
}
