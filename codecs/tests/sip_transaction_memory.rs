//! What live transactions take, and that timers take nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "the benchmarks use the rest")]
#[path = "support/sip_calls.rs"]
mod calls;

use std::time::Duration;

use allocation_counter::measure;
use calls::Calls;
use codecs::sip::{Transport, transaction::Event};

/// Transactions to take the mean of.
const MANY: u64 = 10_000;

/// Octets that each of `MANY` runs of `work` leaves allocated.
fn octets_each(mut work: impl FnMut()) -> u64 {
    let taken = measure(|| (0..MANY).for_each(|_| work())).bytes_current;
    u64::try_from(taken).unwrap() / MANY
}

#[test]
fn what_waits_for_repetitions_is_small() {
    let mut calls = Calls::over(Transport::Udp);
    // An INVITE and a BYE on each side: four transactions.
    let each = octets_each(|| calls.call(Duration::ZERO)) / 4;
    assert_eq!(calls.caller.clients() + calls.callee.servers(), 4 * MANY as usize);
    println!("{each} octets for a transaction that has its final response");
    // Among them are the answers to the BYEs, which may have to be repeated, in buffers of 1,024 octets.
    assert!(each < 1024, "{each}");
}

#[test]
fn what_waits_for_a_response_keeps_its_message_and_little_more() {
    let mut calls = Calls::over(Transport::Udp);
    let message = calls.invite().octets().len() as u64;
    let each = octets_each(|| {
        let invite = calls.invite();
        calls.caller.request(calls.now, &invite, calls.target()).unwrap();
        while calls.caller.poll_transmit().is_some() {}
    });
    println!("{each} octets for a waiting INVITE of {message} octets");
    // A message is written into a buffer that has room for more.
    assert!(each < 2048, "{each}");
}

#[test]
fn nothing_is_allocated_when_a_timer_fires() {
    let mut calls = Calls::over(Transport::Udp);
    for _ in 0..1000 {
        let invite = calls.invite();
        calls.caller.request(calls.now, &invite, calls.target()).unwrap();
    }
    let fire = |calls: &mut Calls, millis| {
        calls.now = calls.now.after(Duration::from_millis(millis));
        calls.caller.handle_timeout(calls.now);
        std::iter::from_fn(|| calls.caller.poll_transmit()).count()
    };
    fire(&mut calls, 500);
    let allocated = measure(|| assert_eq!(fire(&mut calls, 1000), 1000));
    assert_eq!(allocated.count_total, 0);
    let ended = measure(|| _ = fire(&mut calls, 40_000));
    assert_eq!(calls.caller.clients(), 0);
    let events =
        std::iter::from_fn(|| calls.caller.poll_event()).filter(|event| matches!(event, Event::Ended { .. }));
    assert_eq!(events.count(), 1000);
    // The queue of events and the list of free places grow: not once for each.
    assert!(ended.count_total < 40, "{}", ended.count_total);
}
