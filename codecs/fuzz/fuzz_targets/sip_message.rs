//! Any datagram as a SIP message: whatever is found in it lies in it, everything that can be asked is answered, and a
//! message that is owed an answer gets one that is sound and holds no header of the sender's making.
#![no_main]

use bytes::Bytes;
use codecs::sip::{
    Flow, Message, Name, Transport, Writer,
    framing::{Datagram, datagram},
    message::{Address, MediaType, Params, Via, unquote},
    validate::{Abilities, Scope, Verdict, admit, form},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(Datagram::Message(message)) = datagram(Bytes::copy_from_slice(octets)) else { return };
    look_into(&message);
    let abilities = Abilities::default();
    let verdict = match form(&message, &abilities) {
        Verdict::Pass if message.is_request() => admit(&message, &abilities, Scope::Ours),
        verdict => verdict,
    };
    let flow = Flow {
        transport: Transport::Udp,
        local: ([192, 0, 2, 1], 5060).into(),
        remote: ([192, 0, 2, 2], 5061).into(),
        connection: None,
    };
    let response = match verdict {
        Verdict::Answer(refusal) => refusal.response(&message, &flow, "t1"),
        Verdict::Pass if message.is_request() => {
            let response = Writer::response_to(&message, &flow, 200, None, Some("t1")).finish();
            assert_eq!(response.via().expect("a sound Via").received(), Some(flow.remote.ip()));
            assert!(response.to().expect("a sound To").tag().is_some());
            response
        }
        _ => return,
    };
    let read = Message::parse(response.octets().clone()).expect("what we write we read");
    assert_eq!(read.fields().len(), response.fields().len(), "a value began another header");
    assert_eq!(read.values(Name::Via).count(), message.values(Name::Via).count());
    assert_eq!(read.content_length(), Ok(Some(0)));
});

fn look_into(message: &Message) {
    let octets = message.octets();
    assert_eq!(message.head().len() + message.body().len(), octets.len());
    for field in message.fields() {
        assert!(field.label.len() + field.value.len() < message.head().len());
        for value in message.values(field.name) {
            let _ = (MediaType::parse(value), unquote(value));
            if let Some(params) = Params::parse(value) {
                assert!(params.iter().all(|(name, _)| params.get(&String::from_utf8_lossy(name)).is_some()));
            }
            if let Some(via) = Via::parse(value) {
                assert!(Via::is_usable(value));
                let _ = (via.branch(), via.received(), via.rport(), via.maddr(), via.port_or_default());
            }
            if let Some(address) = Address::parse(value) {
                let _ = (address.uri(), address.display_name(), address.tag());
            }
        }
    }
    let _ = (message.via().is_ok(), message.from().is_ok(), message.to().is_ok(), message.contact().is_ok());
    let _ = (
        message.call_id(),
        message.cseq(),
        message.rack(),
        message.content_length(),
        message.session_expires(),
    );
    let _ =
        (message.max_forwards(), message.rseq(), message.min_se(), message.expires(), message.retry_after());
    let _ =
        (message.has_option(Name::Require, "100rel"), message.content_type().is_ok(), format!("{message:?}"));
}
