use super::*;
use crate::kill_loop::calls::record::AtCarrier;

const ID: &str = "id-0";
const WIRE: &str = "wire-0";

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// One answered call that was killed in, found lost and ended at its carrier.
fn sound() -> Evidence {
    let attempt = api::CallAttempt { sip_call_id: WIRE.to_owned(), ..Default::default() };
    let record = api::CallRecord {
        call_id: ID.to_owned(),
        request_id: "c0".to_owned(),
        final_state: CallState::Lost.into(),
        estimated: true,
        answer_time: at(90),
        end_time: at(99),
        latest_end_time: at(101),
        attempts: vec![attempt],
        last_sequence: 2,
        ..Default::default()
    };
    let moved = api::CallStateEvent {
        call_id: ID.to_owned(),
        request_id: "c0".to_owned(),
        state: CallState::InProgress.into(),
        call_sequence: 1,
        ..Default::default()
    };
    let last = api::CallStateEvent {
        state: CallState::Lost.into(),
        r#final: true,
        call_sequence: 2,
        ..moved.clone()
    };
    let call = api::Call {
        call_id: ID.to_owned(),
        state: CallState::Lost.into(),
        record: Some(record.clone()),
        ..Default::default()
    };
    let payloads = [Payload::CallState(moved), Payload::CallState(last), Payload::CallRecord(record)];
    let events = payloads.into_iter().zip(1..).map(|(payload, sequence)| {
        (sequence, api::Event { sequence, payload: Some(payload), ..Default::default() })
    });
    let seen = AtCarrier {
        carrier: "udp".to_owned(),
        request: Some(0),
        answered: true,
        ended_by_daemon: true,
        ended: true,
    };
    Evidence {
        told: Told { accepted: [(0, ID.to_owned())].into(), made: 1, ..Default::default() },
        heard: Heard { events: events.collect(), ..Default::default() },
        seen: Seen { calls: [(WIRE.to_owned(), seen)].into(), strange: Vec::new() },
        calls: [(ID.to_owned(), call)].into(),
        kills: [40, 100, 200].map(|second| Timestamp::from_second(second).unwrap()).to_vec(),
    }
}

fn violations(change: impl FnOnce(&mut Evidence)) -> Vec<String> {
    let mut evidence = sound();
    change(&mut evidence);
    evidence.judge().violations
}

/// Changes the record, as it is told and as it is in the store.
fn with_record(change: impl Fn(&mut api::CallRecord)) -> Vec<String> {
    violations(|evidence| {
        change(evidence.calls.get_mut(ID).unwrap().record.as_mut().unwrap());
        let Some(Payload::CallRecord(record)) = &mut evidence.heard.events.get_mut(&3).unwrap().payload
        else {
            panic!("no record")
        };
        change(record);
    })
}

fn carrier(evidence: &mut Evidence) -> &mut AtCarrier {
    evidence.seen.calls.get_mut(WIRE).unwrap()
}

#[test]
fn kept_promises_are_no_violations() {
    assert_eq!(violations(|_| {}), Vec::<String>::new());
}

#[test]
fn an_accepted_call_must_be_told_and_kept() {
    assert!(violations(|evidence| evidence.heard.events.clear())[0].contains("no event tells of it"));
    assert!(violations(|evidence| evidence.calls.clear())[0].contains("unknown to the daemon"));
    let other = violations(|evidence| drop(evidence.told.accepted.insert(0, "id-1".to_owned())));
    assert!(other.iter().any(|what| what.contains("is told under c0")), "{other:?}");
}

#[test]
fn a_second_final_event_and_a_missing_record_are_told() {
    let again = violations(|evidence| {
        let event = api::Event { sequence: 4, ..evidence.heard.events[&2].clone() };
        evidence.heard.events.insert(4, event);
    });
    assert!(again[0].contains("2 final events and 1 records"), "{again:?}");
    let none = violations(|evidence| drop(evidence.heard.events.remove(&3)));
    assert!(none[0].contains("1 final events and 0 records"), "{none:?}");
}

#[test]
fn what_is_told_is_what_is_kept_and_nothing_of_it_is_missing() {
    let kept =
        |evidence: &mut Evidence| evidence.calls.get_mut(ID).unwrap().state = CallState::Completed.into();
    assert!(violations(kept)[0].contains("not the one in the store"));
    assert!(with_record(|record| record.last_sequence = 3)[0].contains("events [1, 2]"));
}

#[test]
fn an_estimate_must_be_near_its_kill() {
    assert!(with_record(|record| record.end_time = at(94))[0].contains("6s before the kill"));
    assert!(with_record(|record| record.end_time = at(101))[0].contains("after the kill"));
    assert!(with_record(|record| record.latest_end_time = at(30))[0].contains("nobody had killed"));
    assert!(with_record(|record| record.estimated = false)[0].contains("says estimated = false"));
}

#[test]
fn a_second_call_at_a_carrier_must_be_in_the_record() {
    let once_more = |evidence: &mut Evidence, times: usize| {
        for time in 0..times {
            let call = carrier(evidence).clone();
            evidence.seen.calls.insert(format!("wire-{}", time + 1), call);
        }
    };
    assert_eq!(violations(|evidence| once_more(evidence, 1)), Vec::<String>::new(), "the moment of the kill");
    assert!(violations(|evidence| once_more(evidence, 2))[0].contains("does not say so"));
    let unasked = violations(|evidence| evidence.told.accepted.clear());
    assert!(unasked.iter().any(|what| what.contains("never accepted")), "{unasked:?}");
}

#[test]
fn carrier_and_record_must_agree_on_the_answer() {
    assert!(violations(|evidence| carrier(evidence).answered = false)[0].contains("told as answered"));
    let unanswered = violations(|evidence| {
        for event in evidence.heard.events.values_mut() {
            match &mut event.payload {
                Some(Payload::CallState(moved)) if moved.r#final => moved.state = CallState::NoAnswer.into(),
                Some(Payload::CallRecord(record)) => {
                    record.final_state = CallState::NoAnswer.into();
                    (record.estimated, record.answer_time) = (false, None);
                    evidence.calls.get_mut(ID).unwrap().record = Some(record.clone());
                }
                _ => {}
            }
        }
        evidence.calls.get_mut(ID).unwrap().state = CallState::NoAnswer.into();
    });
    assert_eq!(unanswered.len(), 1, "{unanswered:?}");
    assert!(unanswered[0].contains("was answered at udp, and is told as CALL_STATE_NO_ANSWER"));
}

#[test]
fn what_could_be_ended_must_not_stay_open() {
    let open = |evidence: &mut Evidence| {
        let call = carrier(evidence);
        (call.ended, call.ended_by_daemon) = (false, false);
    };
    assert!(violations(open)[0].contains("still open at udp, and never ended"));
    let unknown = violations(|evidence| {
        open(evidence);
        let call = evidence.seen.calls.remove(WIRE).unwrap();
        evidence.seen.calls.insert("wire-9".to_owned(), call);
    });
    assert_eq!(unknown, Vec::<String>::new(), "nothing durable told of it");
}
