//! The rows of CMPP: the table of malformed input, as a gateway can say it.

use crate::{
    octets::{SEQUENCE, TEXT, cmpp, deliver},
    row::{Answer, Row, Told, UNREADABLE, When},
};

const SUBMIT_RESP: u32 = 0x8000_0004;
const DELIVER: u32 = 0x05;
const DELIVER_RESP: u32 = 0x8000_0005;
/// What the daemon needs not look at: the sequence number is the submit's.
const OF_SUBMIT: u32 = 0;

fn row(trunk: &'static str, rule: &'static str, octets: Vec<u8>) -> Row {
    Row::new("cmpp30", trunk, rule, octets)
}

pub fn rows() -> Vec<Row> {
    let header = |length: u32| [length, 0x08, SEQUENCE].map(u32::to_be_bytes).concat();
    let text = deliver(1, 0, None, TEXT.as_bytes());
    let two = [cmpp(DELIVER, SEQUENCE, &text), cmpp(DELIVER, SEQUENCE + 1, &deliver(2, 0, None, b"again"))]
        .concat();
    let both = |row: Row| {
        row.answered(DELIVER_RESP, SEQUENCE, 0)
            .answered(DELIVER_RESP, SEQUENCE + 1, 0)
            .told(Told::Inbound(TEXT.as_bytes()))
            .told(Told::Inbound(b"again"))
    };
    vec![
        row("length-11", "Total_Length below a header", header(11)).fault("framing_lost").closes(),
        row("length-4097", "Total_Length above the limit", header(4097)).fault("framing_lost").closes(),
        row("length-2g", "Total_Length of two gigabytes", header(0x7FFF_FFFF)).fault("framing_lost").closes(),
        row("half", "a packet that is begun and not ended within T", header(4000))
            .fault("unfinished")
            .closes(),
        row(
            "short-deliver",
            "CMPP_DELIVER shorter than its fixed part",
            cmpp(DELIVER, SEQUENCE, &text[..18]),
        )
        .answered(DELIVER_RESP, SEQUENCE, 4)
        .fault("malformed"),
        row(
            "short-answer",
            "CMPP_SUBMIT_RESP shorter than its fixed part",
            cmpp(SUBMIT_RESP, OF_SUBMIT, &[0x30; 4]),
        )
        .when(When::InsteadOfAnswer)
        .message(UNREADABLE)
        .fault("unreadable_answer"),
        row(
            "msg-length",
            "Msg_Length beyond the packet",
            cmpp(DELIVER, SEQUENCE, &deliver(1, 0, Some(200), TEXT.as_bytes())),
        )
        .answered(DELIVER_RESP, SEQUENCE, 4)
        .fault("malformed"),
        row("unknown-request", "a request of no known Command_Id", cmpp(0x99, SEQUENCE, b""))
            .fault("unknown_command"),
        row("unknown-response", "a response of no known Command_Id", cmpp(0x8000_0099, SEQUENCE, b""))
            .fault("unknown_command"),
        row("before-login", "a packet before the login is answered", cmpp(DELIVER, SEQUENCE, &text))
            .when(When::BeforeBind)
            .fault("misplaced_request")
            .closes(),
        both(row("glued", "several packets in one TCP segment", two.clone())),
        both(Row {
            behaviour: "faults = { split_octets = 1 }",
            ..row("split", "one packet over many TCP segments", two)
        }),
        // The table has no row for these; they follow from it.
        row("stray", "a response of an unknown Sequence_Id", cmpp(SUBMIT_RESP, SEQUENCE, &[0; 12]))
            .fault("stray_answer"),
        Row {
            answers: vec![Answer { command: 0x8000_0008, sequence: SEQUENCE, status: None }],
            ..row("test-with-body", "CMPP_ACTIVE_TEST with a body", cmpp(0x08, SEQUENCE, &[0]))
        },
        row(
            "garbled-receipt",
            "a report whose content says nothing",
            cmpp(DELIVER, SEQUENCE, &deliver(1, 1, None, b"\xFFid?:stat")),
        )
        .answered(DELIVER_RESP, SEQUENCE, 0)
        .told(Told::Orphan(b"\xFFid?:stat")),
    ]
}
