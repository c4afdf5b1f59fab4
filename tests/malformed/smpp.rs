//! The rows of SMPP: the table of malformed input, and the worked examples N1 to N15 as a carrier can say them.

use crate::{
    octets::{DeliverSm, SEQUENCE, TEXT, smpp},
    row::{Fate, Row, SILENT, Told, UNREADABLE, When},
};

const GENERIC_NACK: u32 = 0x8000_0000;
const SUBMIT_SM_RESP: u32 = 0x8000_0004;
const DELIVER_SM_RESP: u32 = 0x8000_0005;
const ENQUIRE_LINK_RESP: u32 = 0x8000_0015;
const SUBMIT_MULTI_RESP: u32 = 0x8000_0021;
const DATA_SM_RESP: u32 = 0x8000_0103;
const QUERY_SM_RESP: u32 = 0x8000_0003;
/// What the daemon needs not look at: the sequence number is the submit's.
const OF_SUBMIT: u32 = 0;

fn row(trunk: &'static str, rule: &'static str, octets: Vec<u8>) -> Row {
    Row::new("smpp34", trunk, rule, octets)
}

/// A deliver_sm that is taken as it is.
fn taken(trunk: &'static str, rule: &'static str, sm: DeliverSm) -> Row {
    let text = sm.text;
    row(trunk, rule, sm.unit()).answered(DELIVER_SM_RESP, SEQUENCE, 0).told(Told::Inbound(text))
}

/// A deliver_sm that is refused with this status.
fn malformed(trunk: &'static str, rule: &'static str, octets: Vec<u8>, status: u32) -> Row {
    row(trunk, rule, octets).answered(DELIVER_SM_RESP, SEQUENCE, status).fault("malformed")
}

/// Octets after which no PDU can be found any more.
fn lost(trunk: &'static str, rule: &'static str, octets: Vec<u8>, sequence: u32) -> Row {
    row(trunk, rule, octets).answered(GENERIC_NACK, sequence, 0x02).fault("framing_lost").closes()
}

pub fn rows() -> Vec<Row> {
    let mut rows = framing();
    rows.extend(bodies());
    rows.extend(commands());
    rows.extend(answers());
    rows
}

fn framing() -> Vec<Row> {
    let header = |length: u32| [length, 0x15, 0, SEQUENCE].map(u32::to_be_bytes).concat();
    vec![
        lost(
            "length-15",
            "N1: command_length below a header, which is not whole",
            b"\0\0\0\x0f\0\0\0\x15\0\0\0\0\0\0\0".to_vec(),
            0,
        ),
        lost("length-4", "command_length below a header, which is there", header(4), SEQUENCE),
        lost("length-2g", "N3: command_length of two gigabytes", header(0x7FFF_FFFF), SEQUENCE),
        // The sequence number is where it would be: "1.1\r" and so on.
        lost(
            "http",
            "N2: octets of another protocol",
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            u32::from_be_bytes(*b".1\r\n"),
        ),
        row("half", "a PDU that is begun and not ended", header(4000)[..12].to_vec())
            .fault("unfinished")
            .closes(),
    ]
}

fn bodies() -> Vec<Row> {
    let sm = DeliverSm::new;
    let mut short = sm().body();
    short.truncate(short.len() - TEXT.len() - 4);
    vec![
        malformed(
            "short-body",
            "a body shorter than its mandatory fields",
            smpp(0x05, 0, SEQUENCE, &short),
            0x02,
        ),
        malformed(
            "stray-octets",
            "N5: stray octets at the end",
            DeliverSm { tail: &[1, 2], ..sm() }.unit(),
            0xC0,
        ),
        taken("stray-nul", "N15: one NUL too many at the end", DeliverSm { tail: &[0], ..sm() }),
        malformed(
            "long-source",
            "N6: a C-Octet String beyond its limit",
            DeliverSm { source: b"1234567890123456789012\0".to_vec(), ..sm() }.unit(),
            0x0A,
        ),
        malformed(
            "endless-field",
            "N10: a C-Octet String without its NUL",
            smpp(0x05, 0, SEQUENCE, &[b'A'; 20]),
            0x15,
        ),
        malformed(
            "sm-length",
            "N7: sm_length beyond the PDU",
            DeliverSm { sm_length: Some(50), ..sm() }.unit(),
            0x01,
        ),
        malformed(
            "tlv-length",
            "N4: the length of a TLV beyond the PDU",
            DeliverSm { tail: &[0x02, 0x04, 0x00, 0x0A, 0x00, 0x01], ..sm() }.unit(),
            0xC0,
        ),
        taken(
            "reserved",
            "reserved values in fields are ignored",
            DeliverSm {
                number_type: [0x1F, 0x7F],
                class: [0x03, 0xFF, 0xFF],
                registered_delivery: 0xE0,
                ..sm()
            },
        ),
        taken(
            "unknown-tlv",
            "an unknown TLV is ignored",
            DeliverSm { tail: &[0x3F, 0xFE, 0x00, 0x02, 0xAA, 0xBB], ..sm() },
        ),
        taken(
            "udh-length",
            "N14: a user data header longer than the text",
            DeliverSm { class: [0x40, 0, 0], text: &[9, 0, 3], ..sm() },
        ),
        row(
            "garbled-receipt",
            "a receipt whose text says nothing",
            DeliverSm { class: [0x04, 0, 0], text: b"\xFFid?:stat", ..sm() }.unit(),
        )
        .answered(DELIVER_SM_RESP, SEQUENCE, 0)
        .told(Told::Orphan(b"\xFFid?:stat")),
    ]
}

fn commands() -> Vec<Row> {
    let body = b"\0\x01\x0115550100\0\x01\x01447700900123\0\0\0\0";
    vec![
        row("unknown-request", "N8: a request of no known command", smpp(0x99, 0, SEQUENCE, b""))
            .answered(GENERIC_NACK, SEQUENCE, 0x03)
            .fault("unknown_command"),
        row("unknown-response", "N9: a response of no known command", smpp(0x8000_0099, 0, SEQUENCE, b""))
            .fault("unknown_command"),
        row("test-with-body", "N11: enquire_link with a body", smpp(0x15, 0, SEQUENCE, &[0])).answered(
            ENQUIRE_LINK_RESP,
            SEQUENCE,
            0,
        ),
        row("no-payload", "N12: data_sm without message_payload", smpp(0x103, 0, SEQUENCE, body))
            .answered(DATA_SM_RESP, SEQUENCE, 0xC3)
            .fault("malformed"),
        row("wrong-way", "N13: a request that only an ESME may send", smpp(0x21, 0, SEQUENCE, body))
            .answered(SUBMIT_MULTI_RESP, SEQUENCE, 0x04)
            .fault("misplaced_request"),
        row("before-bind", "a request before the bind is answered", DeliverSm::new().unit())
            .when(When::BeforeBind)
            .answered(DELIVER_SM_RESP, SEQUENCE, 0x04)
            .fault("misplaced_request"),
    ]
}

fn answers() -> Vec<Row> {
    let instead = |trunk, rule, octets| row(trunk, rule, octets).when(When::InsteadOfAnswer);
    vec![
        row("stray", "a response of an unknown sequence number", smpp(SUBMIT_SM_RESP, 0, SEQUENCE, b"1\0"))
            .fault("stray_answer"),
        row("twice", "a response that was there before", smpp(SUBMIT_SM_RESP, 0, OF_SUBMIT, b"1\0"))
            .when(When::AnswerAgain)
            .fault("stray_answer"),
        instead(
            "other-type",
            "a response of the wrong type",
            smpp(QUERY_SM_RESP, 0, OF_SUBMIT, b"1\0\0\x02\0"),
        )
        .message(UNREADABLE)
        .fault("mismatched_answer"),
        instead(
            "test-answer",
            "the answer to a link test for a submit",
            smpp(ENQUIRE_LINK_RESP, 0, OF_SUBMIT, b""),
        )
        .message(SILENT)
        .fault("stray_answer"),
        instead(
            "endless-id",
            "a good response whose body can't be read",
            smpp(SUBMIT_SM_RESP, 0, OF_SUBMIT, b"AAA"),
        )
        .message(UNREADABLE)
        .fault("unreadable_answer"),
        instead("no-id", "a good response without its body", smpp(SUBMIT_SM_RESP, 0, OF_SUBMIT, b""))
            .message(UNREADABLE)
            .fault("unreadable_answer"),
        instead("nack", "generic_nack for a submit", smpp(GENERIC_NACK, 0x02, OF_SUBMIT, b""))
            .message(Fate::Rejected("2")),
        row("nack-0", "generic_nack with sequence number 0", smpp(GENERIC_NACK, 0x02, 0, b""))
            .when(When::InsteadAsWritten)
            .message(SILENT)
            .fault("stray_answer"),
    ]
}
