//! The demo while it runs: one task that owns ledger, journal, traffic and picture, and whatever shows it.

use std::{
    future::Future,
    io,
    path::Path,
    pin::pin,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tonic::{Status, transport::Channel};

use super::{
    calls::{CallTraffic, Word},
    carriers::Rates,
    client::{Client, Happening},
    journal::Journal,
    ledger::{Ending, Key, Ledger, Open},
    picture::{Line, Phase, Picture, Setting, Tone, reason, timestamp},
    plain::Printer,
    traffic::{TENANT, TICK, Traffic},
    view::{Input, Screen},
};
use crate::{
    clock,
    domain::mask,
    grpc::api::{self, event::Payload},
};

/// How long what is open is waited for at the end.
pub const DRAIN: Duration = Duration::from_secs(10);
const DRAW: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);

/// What shows the demo.
pub enum Face {
    /// A terminal, and the keys pressed on it.
    Terminal(Screen, mpsc::Receiver<Input>),
    /// Plain lines.
    Plain(Printer),
    /// Nobody looks any more.
    Nobody,
}

/// Everything that the demo keeps.
pub struct Stage {
    pub ledger: Ledger,
    pub picture: Picture,
    journal: Journal,
    traffic: Traffic,
    call_traffic: CallTraffic,
    client: Client,
    happenings: mpsc::Receiver<Happening>,
    face: Face,
    /// The last event that was counted.
    sequence: u64,
    failure: Option<String>,
}

/// What an earlier run left open.
pub struct Carried {
    open: Vec<(Key, Open)>,
    /// Messages that ended while no demo looked.
    pub ended: usize,
}

impl Carried {
    /// Asks the daemon what became of the messages in the journal.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn look_up(channel: &Channel, keys: Vec<Key>) -> Result<Self, Status> {
        let mut carried = Self { open: Vec::new(), ended: 0 };
        for key in keys {
            // What is not known was offered, but never accepted.
            let Some(message) = Client::look_up(channel, &key).await? else { continue };
            match ending(&message) {
                Some(_) => carried.ended += 1,
                None => carried.open.push((key, open(&message))),
            }
        }
        Ok(carried)
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.len()
    }
}

impl Stage {
    /// Sets the stage: the journal begins anew with what is still open.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn new(
        setting: Setting,
        carried: Carried,
        journal: &Path,
        client: Client,
        happenings: mpsc::Receiver<Happening>,
        face: Face,
    ) -> io::Result<Self> {
        let now = clock::now();
        let Rates { messages, calls } = setting.rates;
        let traffic = Traffic::new(messages, setting.seed, now.mono, now.wall);
        let call_traffic = CallTraffic::new(calls, setting.seed, now.mono, now.wall);
        let journal = Journal::create(journal, carried.open.iter().map(|(key, _)| key))?;
        let mut stage = Self {
            ledger: Ledger::new(TENANT),
            picture: Picture::new(setting, now.mono),
            journal,
            traffic,
            call_traffic,
            client,
            happenings,
            face,
            sequence: 0,
            failure: None,
        };
        if carried.count() > 0 {
            let (tone, who, what) = (Tone::Odd, "the last run".to_owned(), "continuing".to_owned());
            let reason = format!("{} messages are still open from it", carried.count());
            let line =
                Line { at: now.wall, tone, who, what, trunk: String::new(), reason, segments: 0, took: None };
            stage.picture.latest.offer(&line, now.mono);
        }
        for (key, open) in carried.open {
            stage.ledger.carry(key, open);
        }
        Ok(stage)
    }

    /// Sends and shows until it is told to end (by a key or by `stop`, which may be asked again and again), then waits for what
    /// is open; told once more, it waits no longer.
    pub async fn play(&mut self, stop: &mut mpsc::Receiver<()>, daemon: impl Future<Output = ()>) {
        let mut daemon = pin!(daemon);
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            ticks
        };
        let (mut traffic, mut draw, mut second) = (every(TICK), every(DRAW), every(SECOND));
        while !self.is_over() {
            tokio::select! {
                happening = self.happenings.recv() => match happening {
                    Some(happening) => self.note(happening),
                    None => self.fail("the tasks that talk to the daemon have ended"),
                },
                () = &mut daemon => self.fail("the daemon has ended by itself"),
                Some(()) = stop.recv() => self.end(),
                input = next_input(&mut self.face) => self.obey(input),
                _ = traffic.tick() => {
                    self.send();
                    self.speak();
                }
                _ = draw.tick() => self.draw(),
                _ = second.tick() => self.count(),
            }
        }
    }

    /// Asks the daemon for what is not known to have ended: the last word on every message.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn settle(&mut self) -> Result<(), Status> {
        let channel = self.client.channel();
        let open: Vec<Key> = self.ledger.open().into_iter().map(|(key, _)| key.clone()).collect();
        for key in open {
            match Client::look_up(&channel, &key).await? {
                None => {
                    self.ledger.refused(&key);
                    self.journal.ended([&key].into_iter());
                }
                Some(message) => match ending(&message) {
                    Some(ending) => {
                        self.ledger.end(&key, ending);
                        self.journal.ended([&key].into_iter());
                    }
                    None => {
                        let at = clock::wall();
                        self.ledger.moved(&key, message.state(), &reason(message.status.as_ref()), at);
                    }
                },
            }
        }
        self.picture.totals = self.ledger.totals();
        for call_id in self.picture.calls.open() {
            if let Some(call) = Client::look_up_call(&channel, call_id).await? {
                let now = clock::now();
                self.picture.calls.look(&call, now.wall, now.mono);
            }
        }
        Ok(())
    }

    /// Gives the terminal back and ends the connection. Gives back why it ended, if nobody asked for it.
    pub async fn close(self) -> (Ledger, Picture, Option<String>) {
        drop(self.face);
        self.client.end().await;
        (self.ledger, self.picture, self.failure)
    }

    fn is_over(&self) -> bool {
        match self.picture.phase {
            Phase::Running => self.failure.is_some(),
            Phase::Draining(until) => {
                let is_settled = self.ledger.is_settled() && self.picture.calls.is_settled();
                self.failure.is_some() || is_settled || Instant::now() >= until
            }
        }
    }

    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_owned());
    }

    fn end(&mut self) {
        let now = clock::now().mono;
        self.client.stop_submitting();
        self.picture.calls.open().into_iter().for_each(|call_id| self.say(Word::HangUp(call_id)));
        self.picture.phase = match self.picture.phase {
            Phase::Running => Phase::Draining(now + DRAIN),
            Phase::Draining(_) => Phase::Draining(now),
        };
        self.draw();
    }

    fn obey(&mut self, input: Input) {
        match input {
            Input::End => self.end(),
            Input::Hold => self.picture.toggle_hold(),
            Input::OnlyFailures => self.picture.only_failures = !self.picture.only_failures,
            Input::Redraw => {}
        }
        self.draw();
    }

    fn send(&mut self) {
        if self.picture.phase != Phase::Running {
            return;
        }
        let now = clock::now();
        let Some(room) = self.client.room() else { return };
        let drafts = self.traffic.due(now.mono);
        if drafts.is_empty() {
            return;
        }
        self.journal.offered(drafts.iter().map(|draft| &draft.key));
        let mut requests = Vec::with_capacity(drafts.len());
        for draft in drafts {
            self.ledger.offered(draft.key, draft.to, now.wall);
            requests.push(draft.request);
        }
        room.send(requests);
    }

    /// Says about calls what is due.
    fn speak(&mut self) {
        let now = clock::now();
        let is_running = self.picture.phase == Phase::Running;
        for word in self.call_traffic.due(now.mono, is_running) {
            if let Word::Place(request) = &word {
                self.picture.calls.offered(request, now.wall);
            }
            self.say(word);
        }
    }

    fn say(&mut self, word: Word) {
        let placed = match &word {
            Word::Place(request) => Some(request.request_id.clone()),
            _ => None,
        };
        if !self.client.say(word)
            && let Some(request_id) = placed
        {
            self.picture.calls.answered_for(&request_id, Err(()));
        }
    }

    fn note(&mut self, happening: Happening) {
        match happening {
            Happening::Called(request_id, answer) => self.note_call(&request_id, answer),
            Happening::Answered(answers) => self.note_answers(answers),
            Happening::Events(events) => self.note_events(events),
            Happening::Trunks(trunks) => self.picture.note_trunks(trunks),
            Happening::Failed(why) => self.fail(&why),
        }
    }

    fn note_answers(&mut self, answers: Vec<(Key, Result<api::SubmitMessageResponse, String>)>) {
        let now = clock::now();
        for (key, answer) in answers {
            match answer {
                Ok(response) => {
                    let segments = response.plan.map_or(0, |plan| plan.segment_count);
                    self.ledger.accepted(&key, segments);
                }
                Err(reason) => {
                    self.ledger.refused(&key);
                    self.journal.ended([&key].into_iter());
                    let (tone, what) = (Tone::Bad, "refused".to_owned());
                    let who = format!("of {}", key.tenant_id);
                    let trunk = String::new();
                    let line = Line { at: now.wall, tone, who, what, trunk, reason, segments: 0, took: None };
                    if self.picture.latest.offer(&line, now.mono) {
                        self.tell(&line);
                    }
                }
            }
        }
    }

    fn note_call(&mut self, request_id: &str, answer: Result<String, String>) {
        let now = clock::now();
        self.picture.calls.answered_for(request_id, answer.as_deref().map_err(|_| ()));
        match answer {
            // It was placed before the end was asked for.
            Ok(call_id) if self.picture.phase != Phase::Running => self.say(Word::HangUp(call_id)),
            Ok(_) => {}
            Err(reason) => {
                let (tone, who, what) = (Tone::Bad, format!("of {TENANT}"), "call refused".to_owned());
                let trunk = String::new();
                let line = Line { at: now.wall, tone, who, what, trunk, reason, segments: 0, took: None };
                if self.picture.latest.offer(&line, now.mono) {
                    self.tell(&line);
                }
            }
        }
    }

    fn note_events(&mut self, events: Vec<api::Event>) {
        let mut ids = Vec::with_capacity(events.len());
        for event in events {
            // The first time, events come in order; what comes again was counted.
            if event.sequence > self.sequence {
                self.sequence = event.sequence;
                if let Some(line) = self.note_event(&event) {
                    self.tell(&line);
                }
            }
            ids.push(event.event_id);
        }
        self.client.acknowledge(ids);
    }

    fn note_event(&mut self, event: &api::Event) -> Option<Line> {
        let now = clock::now();
        let at = event.occur_time.as_ref().and_then(timestamp).unwrap_or(now.wall);
        let payload = event.payload.as_ref()?;
        let moved = match payload {
            Payload::MessageState(moved) => moved,
            Payload::InboundCall(inbound) => {
                let word = self.call_traffic.came_in(&inbound.call_id, now.mono);
                self.say(word);
                let line = self.picture.calls.came_in(inbound, at)?;
                return self.picture.latest.offer(&line, now.mono).then_some(line);
            }
            Payload::CallState(moved) => {
                if let Some(word) = self.call_traffic.moved(moved, now.mono) {
                    self.say(word);
                }
                let line = self.picture.calls.moved(moved, at, now.mono)?;
                return self.picture.latest.offer(&line, now.mono).then_some(line);
            }
            payload => return self.picture.note_other(payload, at, now.mono),
        };
        let key = Key { tenant_id: event.tenant_id.clone(), request_id: moved.request_id.clone() };
        let is_new = !self.ledger.knows(&key);
        let known = self.ledger.moved(&key, moved.state(), &reason(moved.status.as_ref()), at)?;
        match Ending::of(moved.state()) {
            Some(_) => self.journal.ended([&key].into_iter()),
            None if is_new => self.journal.offered([&key].into_iter()),
            None => {}
        }
        self.picture.note_move(moved, at, &known, &key.tenant_id, now.mono)
    }

    fn count(&mut self) {
        self.picture.note_second();
        if self.journal.is_long() {
            self.journal.shorten(self.ledger.open().into_iter().map(|(key, _)| key));
        }
        self.picture.totals = self.ledger.totals();
        if let Face::Plain(printer) = &self.face {
            let now = clock::now();
            let printed = printer.second(&self.picture, now.wall, now.mono);
            self.look(&printed);
        }
    }

    fn tell(&mut self, line: &Line) {
        if let Face::Plain(printer) = &self.face {
            let printed = printer.event(line);
            self.look(&printed);
        }
    }

    fn draw(&mut self) {
        self.picture.totals = self.ledger.totals();
        if let Face::Terminal(screen, _) = &mut self.face {
            let drawn = screen.draw(&self.picture);
            self.look(&drawn);
        }
    }

    /// Without anybody who looks, the demo ends in good order.
    fn look(&mut self, shown: &io::Result<()>) {
        if let Err(error) = shown {
            tracing::warn!(%error, "nobody looks at the demo any more; it ends");
            self.face = Face::Nobody;
            self.end();
        }
    }
}

/// The next key. Pending for ever without a terminal.
async fn next_input(face: &mut Face) -> Input {
    match face {
        Face::Terminal(_, inputs) => match inputs.recv().await {
            Some(input) => input,
            None => std::future::pending().await,
        },
        Face::Plain(_) | Face::Nobody => std::future::pending().await,
    }
}

/// How a message has ended. A message that nobody wants a report on ends when the carrier takes it.
fn ending(message: &api::Message) -> Option<Ending> {
    message.final_time.as_ref()?;
    Some(Ending::of(message.state()).unwrap_or(Ending::Sent))
}

fn open(message: &api::Message) -> Open {
    Open {
        to: message.outbound.as_ref().map_or_else(String::new, |outbound| mask(&outbound.to)),
        since: message.accept_time.as_ref().and_then(timestamp).unwrap_or(Timestamp::UNIX_EPOCH),
        state: Some(message.state()),
        reason: reason(message.status.as_ref()),
        segments: message.plan.map_or(0, |plan| plan.segment_count),
        left: true,
    }
}
