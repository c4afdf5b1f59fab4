//! What the endpoint tells, and what the carrier does about it.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Name,
        ua::{Body, Event, Incoming, LegEvent, LegId, Request, Response},
    },
};

use super::{
    Call, REMEMBERED, Switch,
    gate::{number_in, number_of},
};
use crate::{
    sip::{note::CallSeen, registrar::Proof},
    stats::count,
};

impl Switch {
    pub(super) fn take_events(&mut self, now: Now) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Incoming(incoming) => self.handle_incoming(now, incoming),
                Event::Request(request) => self.handle_request(now, &request),
                Event::Leg { leg, at, what } => self.handle_leg(at, leg, what),
                Event::Malformed { .. } => count(&self.counters.unreadable),
                _ => {}
            }
        }
    }

    /// A call came in: it has to prove who it is, and then its script begins.
    fn handle_incoming(&mut self, now: Now, incoming: Incoming) {
        let Incoming { leg, call_id, request, sdp, .. } = incoming;
        if let Proof::Refused(response) = self.accounts.prove(now, &request) {
            count(&self.counters.challenged);
            let status = response.status;
            self.note(now, &call_id, CallSeen::Challenged { method: "INVITE".into(), status });
            // It may have been given up already.
            let _ = self.endpoint.respond(now, leg, response);
            return;
        }
        count(&self.counters.calls_in);
        let Some(call) = self.calls.get_mut(&call_id) else {
            // The gate let it through without a plan: there is no room for its script.
            let _ = self.endpoint.respond(now, leg, Response::new(503));
            return;
        };
        call.leg = Some(leg);
        call.offer = sdp;
        let script = Arc::clone(&call.script);
        self.legs.insert(leg, call_id.clone());
        let seen = CallSeen::CallIn {
            from: number_in(&request, Name::From).into(),
            to: number_of(request.request_uri()).into(),
            script: &script.name,
        };
        self.note(now, &call_id, seen);
        self.schedule(now, leg);
    }

    /// A REGISTER came in.
    fn handle_request(&mut self, now: Now, request: &Request) {
        let (response, account) = self.accounts.register(now, request.flow, &request.request);
        let status = response.status;
        match status {
            401 | 407 => count(&self.counters.challenged),
            200 => count(&self.counters.registrations),
            _ => {}
        }
        let account = account.unwrap_or_default();
        let contact = self.accounts.binding(now.mono, &account).map(|binding| binding.contact.clone());
        let contact = contact.as_ref().map(|contact| String::from_utf8_lossy(contact));
        let call_id = request.request.call_id().unwrap_or_default();
        self.note(now, call_id, CallSeen::Registration { account: &account, status, contact });
        self.endpoint.answer_request(now, request.id, response);
        if let Some(caller) = &mut self.caller {
            caller.registered(now.mono, &account);
        }
    }

    fn handle_leg(&mut self, now: Now, leg: LegId, what: LegEvent) {
        match what {
            LegEvent::Sent { call_id, .. } => self.handle_sent(now, leg, call_id),
            LegEvent::Answered { sdp, .. } => self.handle_answered(now, leg, sdp),
            LegEvent::SessionOffer { sdp } => {
                let Some(call) = self.call_of(leg) else { return };
                let answer = call.media.answer(Some(&sdp));
                self.note_leg(now, leg, CallSeen::SessionOffered { sdp: String::from_utf8_lossy(&sdp) });
                // Whoever hung up meanwhile needs no answer.
                let _ = match answer {
                    Ok(answer) => self.endpoint.accept_offer(now, leg, Body::sdp(answer)),
                    Err(_) => self.endpoint.refuse_offer(now, leg, 488),
                };
            }
            LegEvent::SessionChanged { sdp } => {
                self.note_leg(now, leg, CallSeen::SessionChanged { sdp: String::from_utf8_lossy(&sdp) });
            }
            LegEvent::OfferFailed { status } => {
                self.note_leg(now, leg, CallSeen::OfferRefused { status });
            }
            LegEvent::Dtmf { digit, .. } => {
                self.note_leg(now, leg, CallSeen::Digit { digit: char::from(digit) });
            }
            LegEvent::Ended(ended) => {
                self.note_leg(
                    now,
                    leg,
                    CallSeen::CallEnded {
                        answered: ended.evidence.answered,
                        status: ended.evidence.status,
                        how: format!("{:?}", ended.evidence.end),
                    },
                );
                self.handle_ended(now, leg, ended.evidence.answered);
            }
            _ => {}
        }
    }

    /// A call of ours goes out.
    fn handle_sent(&mut self, now: Now, leg: LegId, call_id: Bytes) {
        if self.legs.contains_key(&leg) {
            return;
        }
        let Some((number, media)) = self.placed.remove(&leg) else { return };
        let mut call = Call::new(Arc::clone(&self.caller_script), media);
        call.leg = Some(leg);
        call.placed = Some(now.mono);
        self.legs.insert(leg, call_id.clone());
        self.note(now, &call_id, CallSeen::CallOut { from: &number.from, to: &number.to });
        self.calls.insert(call_id, call);
    }

    fn handle_answered(&mut self, now: Now, leg: LegId, sdp: Option<Bytes>) {
        let Some(call) = self.call_of(leg) else { return };
        let placed = call.placed;
        let is_first = !std::mem::replace(&mut call.is_answered, true);
        call.offer = None;
        if !is_first {
            return;
        }
        count(&self.counters.answered);
        self.note_leg(
            now,
            leg,
            CallSeen::CallAnswered { sdp: sdp.as_ref().map(|sdp| String::from_utf8_lossy(sdp)) },
        );
        if let Some(placed) = placed {
            let length = now.mono.saturating_duration_since(placed);
            self.answer_times.lock().unwrap_or_else(PoisonError::into_inner).note(length);
            self.schedule(now, leg);
        }
    }

    fn handle_ended(&mut self, now: Now, leg: LegId, is_answered: bool) {
        let Some(call_id) = self.legs.remove(&leg) else { return };
        count(if is_answered { &self.counters.completed } else { &self.counters.unanswered });
        if let Some(call) = self.calls.get_mut(&call_id).filter(|call| call.leg == Some(leg)) {
            call.leg = None;
            self.forget.push_back((now.mono + REMEMBERED, call_id));
        }
    }

    fn note_leg(&self, now: Now, leg: LegId, seen: CallSeen<'_>) {
        if let Some(call_id) = self.legs.get(&leg) {
            self.note(now, call_id, seen);
        }
    }
}
