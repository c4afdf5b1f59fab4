//! Two SIP transaction layers that call each other in memory. A figure for one transaction is both ends of it: the
//! messages are written, carried, parsed, matched and told, and its timers end it, among 64,000 others on each side.

use std::time::Duration;

use codecs::sip::{Method, Transport, Writer};
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::sip_calls::{Calls, parsed, request};

/// What passes between calls: 1,000 a second.
const APART: Duration = Duration::from_millis(1);
/// Calls of which something still waits for repetitions: those of the last 32 s.
const LIVE: usize = 32_000;
/// Calls at a time.
const CALLS: usize = 100;

/// Calls with an INVITE and a BYE each.
#[divan::bench(args = [Transport::Udp, Transport::Tcp])]
fn calls(bencher: Bencher<'_, '_>, transport: Transport) {
    let mut calls = Calls::over(transport);
    (0..LIVE).for_each(|_| calls.call(APART));
    bencher.counter(ItemsCount::new(2 * CALLS)).bench_local(|| (0..CALLS).for_each(|_| calls.call(APART)));
}

/// Only the messages of as many calls, written and parsed: what is left of `calls` is the layers'.
#[divan::bench]
fn messages_of_calls(bencher: Bencher<'_, '_>) {
    let mut calls = Calls::over(Transport::Udp);
    let flow = calls.target();
    let flow = codecs::sip::Flow {
        transport: flow.transport,
        local: flow.remote,
        remote: flow.remote,
        connection: None,
    };
    bencher.counter(ItemsCount::new(2 * CALLS)).bench_local(|| {
        for number in 0..CALLS as u32 {
            let invite = parsed(calls.invite().octets().clone());
            let answer = [180, 200].map(|status| {
                let response = Writer::response_to(&invite, &flow, status, None, Some("callee-tag")).finish();
                parsed(response.octets().clone())
            });
            for method in [Method::Ack, Method::Bye] {
                let branch = calls.caller.branch();
                let request = request(method, Transport::Udp, branch, number, Some(&answer[1]));
                black_box(parsed(request.octets().clone()));
            }
            let response = Writer::response_to(&invite, &flow, 200, None, Some("callee-tag")).finish();
            black_box(parsed(response.octets().clone()));
        }
    });
}
