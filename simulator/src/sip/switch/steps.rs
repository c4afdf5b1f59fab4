//! The steps of scripts, each at its time.

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        cause::Own,
        ua::{Body, Field, Hangup, LegId, Reliability, Response as Answer},
    },
};

use super::Switch;
use crate::config::sip::{Act, Header, Offer, Response};

/// How long a digit of ours is held, milliseconds.
const DIGIT: u32 = 160;

impl Switch {
    /// The next step of a call is due after its delay.
    pub(super) fn schedule(&mut self, now: Now, leg: LegId) {
        let Some(call) = self.legs.get(&leg).and_then(|call_id| self.calls.get(call_id)) else { return };
        let Some(step) = call.script.steps.get(call.next) else { return };
        let due = now.mono + step.after.draw(self.plan.rng());
        self.numbers += 1;
        self.steps.insert((due, self.numbers), leg);
    }

    /// Takes one step that is due; says whether there was one.
    pub(super) fn take_due_step(&mut self, now: Now) -> bool {
        let Some(entry) = self.steps.first_entry().filter(|entry| entry.key().0 <= now.mono) else {
            return false;
        };
        let leg = entry.remove();
        let step = self.legs.get(&leg).and_then(|call_id| self.calls.get_mut(call_id)).and_then(|call| {
            let step = call.script.steps.get(call.next).cloned();
            call.next += 1;
            step
        });
        if let Some(step) = step {
            self.take_step(now, leg, step.act);
            self.schedule(now, leg);
        }
        true
    }

    fn take_step(&mut self, now: Now, leg: LegId, act: Act) {
        match act {
            Act::Respond(response) => self.respond(now, leg, response),
            Act::Offer(offer) => self.offer(now, leg, offer),
            Act::Dtmf(digits) => {
                for digit in digits.chars() {
                    let body = format!("Signal={digit}\r\nDuration={DIGIT}\r\n");
                    let body = Body {
                        content_type: Bytes::from_static(b"application/dtmf-relay"),
                        octets: Bytes::from(body),
                    };
                    // A call that is over meanwhile gets no digits.
                    let _ = self.endpoint.info(now, leg, body);
                }
            }
            Act::Hangup(headers) => self.hang_up(now, leg, &headers),
            Act::Silence => {
                if let Some(call) = self.call_of(leg) {
                    call.rules.silence();
                }
            }
        }
    }

    fn respond(&mut self, now: Now, leg: LegId, response: Response) {
        let Response { status, reason, headers, media, reliable, fork } = response;
        let fields = self.fields(&headers);
        let reason_phrase = reason.map(Bytes::from);
        let Some(call) = self.call_of(leg) else { return };
        let reliability = if reliable { Reliability::Reliable } else { Reliability::AsPolicy };
        let mut answer = Answer { reason_phrase, fields, reliability, fork, ..Answer::new(status) };
        if let Some(gateway) = media {
            answer = match call.media.on(gateway, call.offer.as_deref()) {
                Ok(sdp) => answer.with_sdp(sdp),
                Err(_) => Answer::new(488),
            };
        }
        // The caller may have given up meanwhile; then nothing is left to answer.
        if let Err(refusal) = self.endpoint.respond(now, leg, answer) {
            tracing::debug!(carrier = self.carrier.name, status, %refusal, "a step came to nothing");
        }
    }

    fn offer(&mut self, now: Now, leg: LegId, offer: Offer) {
        let Some(call) = self.call_of(leg) else { return };
        let body = Body::sdp(call.media.offer(offer));
        if let Err(refusal) = self.endpoint.offer(now, leg, body) {
            tracing::debug!(carrier = self.carrier.name, %refusal, "an offer came to nothing");
        }
    }

    pub(super) fn hang_up(&mut self, now: Now, leg: LegId, headers: &[Header]) {
        let hangup = Hangup { fields: self.fields(headers), ..Hangup::new(Own::HungUp) };
        // A call that is over meanwhile need not be ended.
        let _ = self.endpoint.hangup(now, leg, hangup);
    }

    pub(super) fn fields(&self, headers: &[Header]) -> Vec<Field> {
        let field =
            |header: &Header| Field::new(header.name.clone(), self.carrier.charset.encode(&header.value));
        headers.iter().map(field).collect()
    }

    pub(super) fn call_of(&mut self, leg: LegId) -> Option<&mut super::Call> {
        self.calls.get_mut(self.legs.get(&leg)?)
    }
}
