//! Requests other than INVITE.

use super::*;

#[test]
fn an_answered_request_is_absorbed_on_both_sides_over_udp() {
    for (transport, a_ends, b_ends) in [(Transport::Udp, 5011, 32_010), (Transport::Tcp, 11, 10)] {
        for method in ["BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "FROBNICATE"] {
            let mut pair = Pair::over(transport);
            pair.send(A, method);
            pair.run_until(10);
            pair.respond(B, Method::of(method.as_bytes()), 200);
            pair.run_until(100_000);
            let shown = Method::of(method.as_bytes());
            assert_eq!(pair.told(A), [format!("11 200 {shown}"), format!("{a_ends} ended")]);
            assert_eq!(pair.told(B), [format!("1 {shown}"), format!("{b_ends} ended")]);
            assert!(pair.is_idle());
        }
    }
}

#[test]
fn a_request_into_silence_is_sent_eleven_times() {
    let mut pair = Pair::udp();
    pair.faults.lost = 100;
    pair.send(A, "BYE");
    pair.run_until(100_000);
    let instants = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(pair.carried, instants.map(|at| format!("{at} > BYE")));
    assert_eq!(pair.told(A), ["32000 timeout", "32000 ended"]);
    assert!(pair.is_idle());
}

#[test]
fn a_lost_answer_is_sent_again_and_the_request_told_once() {
    let mut pair = Pair::udp();
    pair.swallows = vec![1, 3];
    pair.send(A, "BYE");
    pair.run_until(1);
    pair.respond(B, Method::Bye, 200);
    pair.run_until(100_000);
    assert_eq!(
        pair.carried,
        ["0 > BYE", "1 < 200 BYE", "500 > BYE", "501 < 200 BYE", "1500 > BYE", "1501 < 200 BYE"]
    );
    assert_eq!(pair.told(A), ["1502 200 BYE", "6502 ended"]);
    assert_eq!(pair.told(B), ["1 BYE", "32001 ended"]);
}

#[test]
fn rfc4320_a_slow_answer_is_preceded_by_one_100_at_3_5_s_and_a_missing_one_by_nothing_else() {
    for transport in [Transport::Udp, Transport::Tls] {
        let mut pair = Pair::over(transport);
        pair.send(A, "OPTIONS");
        pair.run_until(100_000);
        let answers: Vec<_> = pair.carried.iter().filter(|line| line.contains('<')).collect();
        assert_eq!(answers[0], "3501 < 100 OPTIONS");
        assert!(answers.iter().all(|line| line.ends_with("100 OPTIONS")), "{answers:?}");
        assert_eq!(pair.told(B), ["1 OPTIONS", "32001 timeout", "32001 ended"]);
        assert_eq!(pair.told(A)[0], "3502 100 OPTIONS");
        assert_eq!(pair.told(A)[pair.told(A).len() - 2..], ["32000 timeout", "32000 ended"]);
        assert!(pair.is_idle());
    }
}

#[test]
fn rfc4320_what_must_not_be_sent_is_refused() {
    let mut pair = Pair::udp();
    pair.send(A, "OPTIONS");
    pair.run_until(10);
    let (id, options) = pair.latest(B, Method::Options);
    for status in [100, 180, 199, 408] {
        let response = Writer::response_to(&options, &pair.flow(B), status, None, Some("t")).finish();
        let refused = pair.ends[B].layer.respond(pair.now, id, &response);
        assert_eq!(refused, Err(CannotRespond::Forbidden));
    }
    assert_eq!(pair.ends[B].layer.respond(pair.now, id, &options), Err(CannotRespond::NoResponse));
    pair.respond(B, Method::Options, 200);
    let response = Writer::response_to(&options, &pair.flow(B), 404, None, Some("t")).finish();
    assert_eq!(pair.ends[B].layer.respond(pair.now, id, &response), Err(CannotRespond::Answered));
    assert_eq!(pair.carried, ["0 > OPTIONS", "10 < 200 OPTIONS"]);
}

#[test]
fn an_abandoned_request_is_not_repeated_and_its_late_answer_is_told() {
    let mut pair = Pair::udp();
    let options = pair.request(A, "OPTIONS");
    let id = pair.send_it(A, &options);
    pair.faults.lost = 100;
    pair.run_until(600);
    pair.ends[A].layer.abandon(id);
    pair.run_until(31_000);
    assert_eq!(pair.carried.iter().filter(|line| line.contains('>')).count(), 2);
    let response = Writer::response_to(&options, &pair.flow(B), 200, None, Some("t")).finish();
    pair.arrive(A, response.octets().clone());
    pair.run_until(100_000);
    assert_eq!(pair.told(A), ["31000 200 OPTIONS", "36000 ended"]);
}
