//! Random operations on one session against a small reference of what must be true.
//!
//! The reference is a list of requests with their sequences, deadlines and places in the stream. Whatever the
//! session tells must fit it, and whatever the session wrote must come apart into units that fit what it told.
#![allow(clippy::unwrap_used, reason = "a test may panic, in what it shares with others too")]

#[allow(dead_code, reason = "every test file uses its part")]
#[path = "support/tiny.rs"]
mod tiny;
#[allow(dead_code, reason = "every test file uses its part")]
#[path = "support/wire.rs"]
mod wire;

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use codecs::{
    DecodeError, DecodeErrorKind, Now,
    session::{Config, Refusal, ReplyTo, Session, SubmitError, Ticket, Unanswered},
};
use proptest::prelude::*;
use tiny::*;
use wire::*;

/// The highest sequence: small, so that runs wrap.
const HIGHEST: u16 = 12;

#[derive(Debug, Clone)]
enum Step {
    /// Submits with a body of this many octets beside the ticket.
    Submit(usize),
    /// The peer answers with a command: the n-th lowest sequence in flight, or any sequence.
    Answer(u32, usize),
    Response(u32, u16),
    /// The peer asks something.
    Peer(u32, u16),
    /// The n-th waiting request of the peer is answered.
    Reply(usize),
    Refuse(usize),
    /// The driver takes this many octets.
    Take(usize),
    /// Milliseconds pass, and the driver serves every deadline on time.
    Pass(u64),
    Partial(bool),
    Window(usize),
    Unbind,
    FramingLost,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let response = prop_oneof![
        8 => Just(SUBMIT | RESPONSE),
        1 => Just(DATA | RESPONSE),
        1 => Just(NACK),
        1 => Just(0x77 | RESPONSE),
        1 => Just(PROBE | RESPONSE),
        1 => Just(UNBIND | RESPONSE),
        1 => Just(BIND | RESPONSE),
    ];
    let asks = prop_oneof![
        8 => Just(DELIVER), 2 => Just(DATA), 2 => Just(PROBE), 1 => Just(SUBMIT), 1 => Just(NOTICE),
        1 => Just(BIND), 1 => Just(OUTBIND), 1 => Just(0x77),
    ];
    prop_oneof![
        240 => (0..60_usize).prop_map(Step::Submit),
        160 => (response.clone(), 0..4_usize).prop_map(|(command, index)| Step::Answer(command, index)),
        80 => (response, 0..=HIGHEST).prop_map(|(command, sequence)| Step::Response(command, sequence)),
        60 => (asks, 0..200_u16).prop_map(|(command, sequence)| Step::Peer(command, sequence)),
        30 => (0..4_usize).prop_map(Step::Reply),
        10 => (0..4_usize).prop_map(Step::Refuse),
        100 => (0..150_usize).prop_map(Step::Take),
        60 => (0..8_000_u64).prop_map(Step::Pass),
        4 => any::<bool>().prop_map(Step::Partial),
        8 => (0..7_usize).prop_map(Step::Window),
        1 => Just(Step::Peer(UNBIND, 77)),
        1 => Just(Step::Unbind),
        1 => Just(Step::FramingLost),
        1 => Just(Step::End),
    ]
}

/// A request that the reference knows of.
#[derive(Debug, Clone, Copy)]
struct Known {
    ticket: u64,
    deadline: Instant,
    end: usize,
}

/// One run: the session, the reference, and all that was said.
struct Run {
    now: Now,
    session: Session<Tiny>,
    in_flight: HashMap<u16, Known>,
    late: HashMap<u16, (u64, Instant)>,
    waiting: Vec<ReplyTo>,
    handles: HashSet<ReplyTo>,
    ended: HashMap<u64, Option<Unanswered>>,
    told_late: HashSet<u64>,
    submitted: u64,
    stream: Vec<u8>,
    told: Vec<Seen>,
    link_ended: bool,
    /// What the present step said to the session, if it was a response.
    heard: Option<(u32, u16)>,
}

fn config() -> Config {
    Config {
        window: 4,
        inbound_window: 3,
        response_timeout: seconds(7),
        late_memory: seconds(40),
        ..Config::default()
    }
}

impl Run {
    fn new(now: Now) -> Self {
        let mut session = Session::binding(config(), Tiny::counting_to(HIGHEST), LOGIN, now);
        let stream = octets(&mut session).to_vec();
        session.handle_frame(now, unit(BIND | RESPONSE, 1, OK, b""));
        assert_eq!(events(&mut session).len(), 1);
        Self {
            now,
            session,
            in_flight: HashMap::new(),
            late: HashMap::new(),
            waiting: Vec::new(),
            handles: HashSet::new(),
            ended: HashMap::new(),
            told_late: HashSet::new(),
            submitted: 0,
            stream,
            told: Vec::new(),
            link_ended: false,
            heard: None,
        }
    }

    fn take(&mut self, octets: usize) {
        if let Some(waiting) = self.session.poll_transmit() {
            let octets = octets.min(waiting.len());
            self.stream.extend_from_slice(&waiting.split_to(octets));
        }
    }

    fn produced(&mut self) -> usize {
        self.stream.len() + self.session.poll_transmit().map_or(0, |waiting| waiting.len())
    }

    /// The number of the newest link test that was written.
    fn probing(&mut self) -> Option<u16> {
        let mut stream = self.stream.clone();
        stream.extend_from_slice(self.session.poll_transmit().map_or(&[], |waiting| &waiting[..]));
        units(&stream).iter().rev().find(|unit| unit.0 == PROBE).map(|unit| unit.1)
    }

    fn run(&mut self, step: &Step) {
        let now = self.now;
        self.heard = None;
        match *step {
            Step::Submit(octets) => self.submit(octets),
            Step::Answer(command, index) => {
                let mut sequences: Vec<u16> = self.in_flight.keys().copied().collect();
                sequences.sort_unstable();
                if let Some(sequence) = sequences.get(index) {
                    self.heard = Some((command, *sequence));
                    self.session.handle_frame(now, unit(command, *sequence, OK, b""));
                }
            }
            Step::Response(command, sequence) => {
                self.heard = Some((command, sequence));
                self.session.handle_frame(now, unit(command, sequence, OK, b""));
            }
            Step::Peer(command, sequence) => {
                self.session.handle_frame(now, unit(command, sequence, OK, b""));
            }
            Step::Reply(index) if index < self.waiting.len() => {
                let reply = self.waiting.remove(index);
                assert_eq!(self.session.answer(now, reply, &response(DELIVER, b"")), Ok(()));
                assert!(self.session.answer(now, reply, &response(DELIVER, b"")).is_err());
            }
            Step::Refuse(index) if index < self.waiting.len() => {
                let reply = self.waiting.remove(index);
                self.session.refuse(now, reply, Refusal::Overloaded);
            }
            Step::Reply(_) | Step::Refuse(_) => {}
            Step::Take(octets) => self.take(octets),
            Step::Pass(time) => return self.pass(time),
            Step::Partial(partial) => self.session.handle_partial(now, partial),
            Step::Window(window) => self.session.set_window(window),
            Step::Unbind => self.session.unbind(now),
            Step::FramingLost => {
                let kind = DecodeErrorKind::UnitLength(1);
                let error = DecodeError { field: "command_length", offset: 0, kind };
                self.session.handle_framing_lost(now, error, &[]);
            }
            Step::End => {
                self.link_ended |= !self.session.is_closed();
                self.session.handle_end(now);
            }
        }
        self.listen();
    }

    fn pass(&mut self, time: u64) {
        let end = self.now.after(millis(time));
        for served in 0.. {
            assert!(served < 1000, "a deadline that has passed is never served");
            let Some(next) = self.session.poll_timeout().filter(|next| *next <= end.mono) else { break };
            self.now = self.now.after(next.saturating_duration_since(self.now.mono));
            self.session.handle_timeout(self.now);
            self.listen();
        }
        self.now = end;
        self.listen();
    }

    fn submit(&mut self, octets: usize) {
        let ticket = self.submitted;
        let mut body = ticket.to_be_bytes().to_vec();
        body.resize(8 + octets, 0xEE);
        let headroom = self.session.headroom();
        match self.session.submit(self.now, Ticket(ticket), &request(SUBMIT, &body)) {
            Ok(sequence) => {
                assert!(headroom > 0, "the window was full");
                assert!(self.in_flight.len() < self.session.window(), "the window is exceeded");
                self.submitted += 1;
                let end = self.produced();
                let known = Known { ticket, deadline: self.now.mono + config().response_timeout, end };
                assert!(self.in_flight.insert(sequence, known).is_none(), "{sequence} is used twice");
                // The link test that is out holds a number too, one that the reference learns from the stream.
                let probing = self.probing();
                let now = self.now.mono;
                let remembered =
                    |sequence: &u16| self.late.get(sequence).is_some_and(|(_, until)| *until > now);
                let all_used = (1..=HIGHEST).all(|number| {
                    self.in_flight.contains_key(&number) || remembered(&number) || probing == Some(number)
                });
                assert!(!remembered(&sequence) || all_used, "an answer to {sequence} may still come");
                self.late.remove(&sequence);
            }
            Err(SubmitError::WindowFull) => assert_eq!(headroom, 0),
            Err(SubmitError::NotBound) => assert!(!self.session.is_bound()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Checks everything that the session tells against the reference.
    fn listen(&mut self) {
        for event in events(&mut self.session) {
            assert!(!matches!(self.told.last(), Some(Seen::Closed(_))), "{event:?} after the end");
            match &event {
                Seen::Answered(ticket, _) => {
                    let (command, sequence) = self.heard.expect("an answer needs a response");
                    assert!(command == SUBMIT | RESPONSE || command == NACK);
                    let known = self.in_flight.remove(&sequence).expect("it was in flight");
                    assert_eq!(known.ticket, *ticket);
                    self.ends(*ticket, None);
                }
                Seen::Unanswered(ticket, cause) => self.unanswered(*ticket, *cause),
                Seen::Late(ticket, _) => {
                    let (_, sequence) = self.heard.expect("an answer needs a response");
                    let (known, until) = self.late.remove(&sequence).expect("it was overdue");
                    assert!(known == *ticket && until > self.now.mono);
                    assert!(self.ended.contains_key(ticket) && self.told_late.insert(*ticket));
                }
                Seen::Request(reply, ..) => {
                    assert!(self.handles.insert(*reply), "{reply:?} is used twice");
                    self.waiting.push(*reply);
                }
                Seen::Closed(_) => self.waiting.clear(),
                Seen::Notice(_) | Seen::PeerUnbinding => {}
                Seen::Bound(_) | Seen::BindRequested => panic!("{event:?} on a bound session"),
            }
            self.told.push(event);
        }
        assert_eq!(self.session.in_flight(), self.in_flight.len());
        assert!(self.waiting.len() <= config().inbound_window);
        assert!(self.session.is_closed() == matches!(self.told.last(), Some(Seen::Closed(_))));
        if self.session.is_closed() {
            assert!(self.in_flight.is_empty() && self.session.poll_timeout().is_none());
            assert_eq!(self.ended.len() as u64, self.submitted, "every ticket ends");
        }
        let due = self.in_flight.values().any(|known| known.deadline < self.now.mono);
        assert!(!due, "a deadline passed unnoticed");
    }

    fn unanswered(&mut self, ticket: u64, cause: Unanswered) {
        let found = self.in_flight.iter().find(|(_, known)| known.ticket == ticket);
        let (sequence, known) = found.map(|(sequence, known)| (*sequence, *known)).expect("it was in flight");
        self.in_flight.remove(&sequence);
        let until = self.now.mono + config().late_memory;
        match cause {
            Unanswered::TimedOut => {
                assert!(known.deadline <= self.now.mono);
                self.late.insert(sequence, (ticket, until));
            }
            Unanswered::Mismatched => {
                assert_eq!(self.heard, Some((DATA | RESPONSE, sequence)));
                self.late.insert(sequence, (ticket, until));
            }
            Unanswered::LinkLost | Unanswered::NeverSent => {
                assert!(self.session.is_closed());
                let was_taken = known.end <= self.stream.len();
                assert!(!was_taken || cause == Unanswered::LinkLost, "{ticket} was handed over whole");
            }
        }
        self.ends(ticket, Some(cause));
    }

    fn ends(&mut self, ticket: u64, how: Option<Unanswered>) {
        assert!(self.ended.insert(ticket, how).is_none(), "{ticket} ends twice");
    }

    /// Ends what has not ended, and checks what went out against what was told.
    fn finish(mut self) -> (Vec<Seen>, Vec<u8>) {
        self.run(&Step::End);
        self.take(usize::MAX);
        let units = units(&self.stream);
        if !self.link_ended {
            let whole: usize = units.iter().map(|(.., body)| 9 + body.len()).sum();
            // A dead peer gets nothing more, so the stream may break off; otherwise what is begun is finished.
            let died = self.told.last() == Some(&Seen::Closed(codecs::session::CloseReason::ProbeTimeout));
            assert!(died || whole == self.stream.len(), "the stream breaks off");
        }
        let mut sent = HashSet::new();
        for (command, _, _, body) in units {
            if command == SUBMIT {
                let ticket = u64::from_be_bytes(*body.first_chunk().expect("the ticket leads the body"));
                assert!(sent.insert(ticket), "{ticket} is sent twice");
            }
        }
        for (ticket, how) in &self.ended {
            match how {
                Some(Unanswered::NeverSent) => assert!(!sent.contains(ticket), "{ticket} was sent after all"),
                Some(Unanswered::LinkLost) => assert!(sent.contains(ticket), "{ticket} was not sent whole"),
                _ => {}
            }
        }
        (self.told, self.stream)
    }
}

fn run_all(start: Now, steps: &[Step]) -> (Vec<Seen>, Vec<u8>) {
    let mut run = Run::new(start);
    steps.iter().for_each(|step| run.run(step));
    run.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_fits_the_reference_and_happens_again(steps in prop::collection::vec(step(), 0..250)) {
        let start = beginning();
        let first = run_all(start, &steps);
        prop_assert_eq!(run_all(start, &steps), first);
    }
}
