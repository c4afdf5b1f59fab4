//! Which transaction a message belongs to, and what belongs to none.

use super::*;

fn layer() -> Pair {
    Pair::udp()
}

/// An INVITE with this Via and To, everything else being the same.
fn invite(via: &str, to: &str) -> Message {
    message(&format!(
        "INVITE sip:b@192.0.2.2 SIP/2.0\nVia: {via}\nFrom: <sip:a@h>;tag=f\nTo: {to}\nCall-ID: c\n\
         CSeq: 1 INVITE\nContent-Length: 0\n\n"
    ))
}

#[test]
fn sent_by_counts_without_case_and_with_the_default_port() {
    let mut pair = layer();
    let same =
        ["SIP/2.0/UDP Host.example;branch=z9hG4bK1", "SIP / 2.0 / UDP host.EXAMPLE:5060 ;x;branch=z9hG4bK1"];
    for via in same {
        pair.arrive(B, invite(via, "<sip:b@h>;tag=t").octets().clone());
    }
    assert_eq!(pair.told(B), ["0 INVITE"]);
    let others = [
        "SIP/2.0/UDP host.example:5061;branch=z9hG4bK1",
        "SIP/2.0/UDP other.example;branch=z9hG4bK1",
        "SIP/2.0/UDP host.example;branch=z9hG4bk1x",
        "SIP/2.0/UDP host.example;branch=z9hG4bK2",
    ];
    for via in others {
        pair.arrive(B, invite(via, "<sip:b@h>;tag=t").octets().clone());
    }
    assert_eq!(pair.told(B).len(), 5);
}

#[test]
fn responses_need_our_via_alone_the_branch_and_the_method() {
    let mut pair = layer();
    let options = pair.request(A, "OPTIONS");
    pair.send_it(A, &options);
    let good = Writer::response_to(&options, &pair.flow(B), 200, None, Some("t")).finish();
    let text = String::from_utf8(good.octets().to_vec()).unwrap();
    let branch = str::from_utf8(options.via().unwrap().branch().unwrap()).unwrap().to_owned();
    for (bad, stray, misrouted, unreadable) in [
        (text.replace(&branch, "z9hG4bKother"), 1, 0, 0),
        (text.replace("192.0.2.1:5060", "192.0.2.9:5060"), 2, 0, 0),
        (text.replace("192.0.2.1:5060", "192.0.2.1:5070"), 3, 0, 0),
        (text.replace("1 OPTIONS", "1 INFO"), 4, 0, 0),
        (text.replace("1 OPTIONS", "1 CANCEL"), 5, 0, 0),
        (text.replace("From:", "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK0\r\nFrom:"), 5, 1, 0),
        (text.replacen(";branch=", ", SIP/2.0/UDP h;branch=", 1), 5, 1, 1),
        (text.replace("200 OK", "799 OK"), 5, 1, 2),
        (text.replace("CSeq: 1 OPTIONS\r\n", ""), 5, 1, 3),
    ] {
        pair.arrive(A, Bytes::from(bad.clone()));
        let counters = pair.ends[A].layer.counters();
        let counted = (counters.stray_responses, counters.misrouted_responses, counters.unreadable);
        assert_eq!(counted, (stray, misrouted, unreadable), "{bad}");
    }
    assert_eq!(pair.told(A), [""; 0]);
    pair.arrive(A, good.octets().clone());
    assert_eq!(pair.told(A), ["0 200 OPTIONS"]);
}

#[test]
fn a_response_of_a_transaction_that_is_over_is_dropped() {
    let mut pair = layer();
    let options = pair.request(A, "OPTIONS");
    pair.send_it(A, &options);
    let response = Writer::response_to(&options, &pair.flow(B), 200, None, Some("t")).finish();
    pair.faults.lost = 100;
    pair.run_until(32_000);
    pair.arrive(A, response.octets().clone());
    assert_eq!(pair.told(A), ["32000 timeout", "32000 ended"]);
    assert_eq!(pair.ends[A].layer.counters().stray_responses, 1);
}

#[test]
fn a_response_to_an_ack_is_dropped() {
    let mut pair = layer();
    let invite = pair.request(A, "INVITE");
    pair.send_it(A, &invite);
    let text = Writer::response_to(&invite, &pair.flow(B), 200, None, Some("t")).finish().octets().to_vec();
    let text = String::from_utf8(text).unwrap().replace("1 INVITE", "1 ACK");
    pair.arrive(A, Bytes::from(text));
    assert_eq!(pair.ends[A].layer.counters().stray_responses, 1);
}

#[test]
fn without_a_unique_branch_the_rest_of_the_request_identifies_it() {
    for via in ["SIP/2.0/UDP h", "SIP/2.0/UDP h;branch=1", "SIP/2.0/UDP h;branch=z9hG4bK"] {
        let mut pair = layer();
        let text = String::from_utf8(invite(via, "<sip:b@h>").octets().to_vec()).unwrap();
        pair.arrive(B, Bytes::from(text.clone()));
        pair.arrive(B, Bytes::from(text.clone()));
        assert_eq!(pair.told(B), ["0 INVITE"], "{via}");
        for other in [
            text.replace("sip:b@192.0.2.2", "sip:x@192.0.2.2").replace("tag=f", "tag=1"),
            text.replace("tag=f", "tag=g"),
            text.replace("Call-ID: c", "Call-ID: d"),
            text.replace("CSeq: 1", "CSeq: 2"),
            text.replace("UDP h", "UDP i").replace("tag=f", "tag=2"),
        ] {
            pair.arrive(B, Bytes::from(other));
        }
        assert_eq!(pair.told(B).len(), 6, "{via}");
    }
}

#[test]
fn rfc2543_an_ack_belongs_to_the_response_whose_tag_it_bears() {
    let mut pair = layer();
    let text = String::from_utf8(invite("SIP/2.0/UDP h;branch=1", "<sip:b@h>").octets().to_vec()).unwrap();
    pair.arrive(B, Bytes::from(text.clone()));
    let (_, invite) = pair.latest(B, Method::Invite);
    pair.respond(B, Method::Invite, 486);
    let ack = |tag: &str| {
        let text = text.replacen("INVITE", "ACK", 1).replace("1 INVITE", "1 ACK");
        Bytes::from(text.replace("To: <sip:b@h>", &format!("To: <sip:b@h>;tag={tag}")))
    };
    pair.arrive(B, ack("other"));
    assert_eq!(pair.told(B), ["0 INVITE", "0 ACK"], "it may be that of a dialog");
    pair.arrive(B, ack("tag"));
    pair.faults.lost = 100;
    pair.run_until(10_000);
    assert_eq!(pair.told(B), ["0 INVITE", "0 ACK", "5000 ended"]);
    assert_eq!(invite.to().unwrap().tag(), None);
}

#[test]
fn rfc2543_a_cancel_finds_its_invite_and_a_bye_is_no_invite() {
    let mut pair = layer();
    let text = String::from_utf8(invite("SIP/2.0/UDP h;branch=1", "<sip:b@h>").octets().to_vec()).unwrap();
    pair.arrive(B, Bytes::from(text.clone()));
    pair.arrive(B, Bytes::from(text.replace("INVITE", "CANCEL")));
    pair.arrive(B, Bytes::from(text.replace("INVITE", "BYE")));
    pair.arrive(B, Bytes::from(text.replace("INVITE", "BYE")));
    assert_eq!(pair.told(B), ["0 INVITE", "0 CANCEL of one", "0 BYE"]);
}

#[test]
fn a_request_that_comes_by_a_second_way_is_refused_as_merged_each_time_alike() {
    let mut pair = layer();
    let by = |branch: &str| invite(&format!("SIP/2.0/UDP h;rport;branch=z9hG4bK{branch}"), "<sip:b@h>");
    pair.arrive(B, by("1").octets().clone());
    let flow = pair.flow(B);
    let mut answers = Vec::new();
    for _ in 0..2 {
        pair.ends[B].layer.receive(pair.now, flow, by("2"));
        let transmit = pair.ends[B].layer.poll_transmit().unwrap();
        assert_eq!((transmit.target, transmit.transaction), (Target::from(flow), None));
        answers.push(transmit.octets);
    }
    assert_eq!(answers[0], answers[1]);
    let answer = Message::parse(answers[0].clone()).unwrap();
    assert_eq!(answer.status(), Some(482));
    assert!(answer.to().unwrap().tag().is_some());
    assert_eq!(pair.ends[B].layer.counters().merged_requests, 2);
    assert_eq!((pair.told(B), pair.ends[B].layer.servers()), (vec!["0 INVITE".to_owned()], 1));
    // The ACK of that 482 is nobody's.
    pair.arrive(
        B,
        Bytes::from(String::from_utf8(by("2").octets().to_vec()).unwrap().replace("INVITE", "ACK")),
    );
    assert_eq!(pair.told(B), ["0 INVITE", "0 ACK"]);
}

#[test]
fn merged_is_only_what_is_outside_of_dialogs_and_the_same_request() {
    let mut pair = layer();
    let text = |branch: &str| {
        let via = format!("SIP/2.0/UDP h;branch=z9hG4bK{branch}");
        String::from_utf8(invite(&via, "<sip:b@h>").octets().to_vec()).unwrap()
    };
    pair.arrive(B, Bytes::from(text("1")));
    for (number, other) in [
        text("2").replace("To: <sip:b@h>", "To: <sip:b@h>;tag=t"),
        text("3").replace("tag=f", "tag=g"),
        text("4").replace("Call-ID: c", "Call-ID: d"),
        text("5").replace("CSeq: 1", "CSeq: 2"),
        text("6").replace("INVITE", "OPTIONS"),
        text("1").replace("INVITE", "CANCEL"),
    ]
    .into_iter()
    .enumerate()
    {
        pair.arrive(B, Bytes::from(other));
        assert_eq!(pair.told(B).len(), number + 2);
    }
}

#[test]
fn who_was_refused_with_a_5xx_may_try_another_address_of_ours() {
    for (status, told) in [(503, 2), (486, 1), (200, 1), (180, 1)] {
        let mut pair = layer();
        pair.arrive(B, invite("SIP/2.0/UDP h;branch=z9hG4bK1", "<sip:b@h>").octets().clone());
        pair.respond(B, Method::Invite, status);
        pair.arrive(B, invite("SIP/2.0/UDP h;branch=z9hG4bK2", "<sip:b@h>").octets().clone());
        assert_eq!(pair.told(B).len(), told, "{status}");
    }
}

#[test]
fn what_cannot_be_identified_is_dropped_and_counted() {
    let mut pair = layer();
    for text in [
        "INVITE sip:b@h SIP/2.0\nFrom: <sip:a@h>;tag=f\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 1 INVITE\n\n",
        "INVITE sip:b@h SIP/2.0\nVia: nonsense\nFrom: <sip:a@h>\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 1 INVITE\n\n",
        "BYE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 1 BYE\n\n",
    ] {
        pair.arrive(B, message(text).octets().clone());
    }
    assert_eq!((pair.told(B), pair.ends[B].layer.counters().unreadable), (vec![], 3));
}
