//! Any octets as a stream of SIP, in pieces whose sizes the first octet gives: the same units come out as of the whole, a
//! message has the length that it tells, and no more is held than the limits allow.
#![no_main]

use codecs::sip::framing::{Limits, Stream, Unit};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { head: 512, body: 128 };

fuzz_target!(|octets: &[u8]| {
    let Some((&size, octets)) = octets.split_first() else { return };
    let story = units(octets, usize::from(size) % 64 + 1);
    assert_eq!(story, units(octets, octets.len().max(1)));
});

fn units(octets: &[u8], size: usize) -> Vec<String> {
    let (mut stream, mut told) = (Stream::new(LIMITS), Vec::new());
    for piece in octets.chunks(size) {
        stream.push(piece);
        loop {
            match stream.poll() {
                Ok(Some(Unit::Message(message))) => {
                    assert_eq!(message.content_length(), Ok(Some(message.body().len())));
                    assert!(message.head().len() <= LIMITS.head && message.body().len() <= LIMITS.body);
                    told.push(format!("{:?}", message.octets()));
                }
                Ok(Some(unit)) => told.push(format!("{unit:?}")),
                Ok(None) => break,
                Err(fault) => {
                    assert!(matches!(stream.poll(), Ok(None)), "a fault is the last");
                    let answerable = fault.message.as_ref().is_some_and(|message| message.via().is_ok());
                    told.push(format!("{} {answerable}", fault.kind));
                }
            }
        }
    }
    told
}
