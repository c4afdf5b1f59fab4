//! What a link says out of turn, and what comes back for it.

use std::{ops::Range, time::Instant};

use bytes::Bytes;
use codecs::{
    Now,
    session::{Dialect, Frame},
};

use super::Link;
use crate::{config::Sequence, record::Seen, smsc::persona::Persona};

/// The bit of command ids that makes a response.
const RESPONSE: u32 = 0x8000_0000;

impl<P: Persona> Link<'_, P> {
    /// Says what is to be said before a bind is answered.
    pub(super) fn inject_at_bind(&mut self) {
        for index in self.smsc.injections(|injections| injections.at_bind(self.id.0)) {
            self.inject(index, None);
        }
    }

    /// Remembers what is to be said some time after the bind.
    pub(super) fn inject_later(&mut self, now: Now) {
        let said = self.smsc.injections(|injections| injections.at_bound(self.id.0));
        self.injections.extend(said.into_iter().map(|(after, index)| (now.mono + after, index, None)));
    }

    /// Says what comes with a submit, or remembers it until the submit is answered at `due`.
    pub(super) fn inject_with(&mut self, now: Now, due: Instant, said: &[usize], submit: &Frame<P::Dialect>) {
        for index in said {
            self.injections.push((due, *index, Some(number(&submit.octets, P::SEQUENCE))));
        }
        self.inject_due(now);
    }

    /// Says what is due.
    pub(super) fn inject_due(&mut self, now: Now) {
        let due: Vec<_> = self.injections.extract_if(.., |(due, ..)| *due <= now.mono).collect();
        for (_, index, submit) in due {
            self.inject(index, submit);
        }
    }

    /// Says one of the scenario's injections; `submit` is the sequence number of the one that it comes with.
    fn inject(&mut self, index: usize, submit: Option<u32>) {
        let smsc = self.smsc;
        let inject = &smsc.carrier.injections[index];
        let mut octets = inject.octets.0.clone();
        if inject.sequence == Sequence::OfSubmit
            && let (Some(theirs), Some(ours)) = (submit, octets.get_mut(P::SEQUENCE))
        {
            ours.copy_from_slice(&theirs.to_be_bytes());
        }
        self.session.send_raw(&octets);
        let name = self.account.as_ref().map_or("", |account| &account.name);
        smsc.note(name, self.id, |note| note(Seen::Injected { number: index + 1 }));
    }

    /// Hands a unit to the session, and writes it down if it answers what only an injection can have asked.
    pub(super) fn handle_unit(&mut self, now: Now, unit: Bytes) {
        let unasked =
            |counters: &codecs::session::Counters| counters.stray_responses + counters.unknown_commands;
        let before = unasked(self.session.counters());
        self.session.handle_frame(now, unit.clone());
        if unasked(self.session.counters()) == before {
            return;
        }
        let Ok(header) = P::Dialect::header(&unit) else {
            return;
        };
        let command = P::Dialect::command(&header);
        if command & RESPONSE == 0 {
            return;
        }
        let sequence = number(&unit, P::SEQUENCE);
        let status = self.smsc.persona.status(self.session.dialect(), &Frame { header, octets: unit });
        let name = self.account.as_ref().map_or("", |account| &account.name);
        self.smsc.note(name, self.id, |note| note(Seen::Answered { command, sequence, status }));
    }
}

fn number(unit: &[u8], at: Range<usize>) -> u32 {
    unit.get(at).and_then(|octets| octets.try_into().ok()).map_or(0, u32::from_be_bytes)
}
