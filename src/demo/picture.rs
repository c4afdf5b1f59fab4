//! All that the demo shows at one moment, kept up to date from what the daemon tells. Pure: drawing it is left to
//! `view` and `plain`.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    calls::CallLedger,
    carriers::Rates,
    ledger::{Ending, Open, Totals},
    measure::{Delays, PerSecond, share},
};
use crate::{
    domain::mask,
    grpc::api::{self, MessageState, TrunkState},
};

/// What is shown.
#[derive(Debug)]
pub struct Picture {
    /// What does not change.
    pub setting: Setting,
    /// Where the demo is on its way.
    pub phase: Phase,
    /// Since when it runs.
    pub started: Instant,
    /// The trunks for messages, in the order of the configuration.
    pub carriers: Vec<Carrier>,
    /// The trunk for calls.
    pub call_trunk: api::Trunk,
    /// How many calls are where.
    pub calls: CallLedger,
    /// How many messages are where.
    pub totals: Totals,
    /// Messages from phones.
    pub inbound: u64,
    /// The latest events.
    pub latest: Latest,
    /// The list is held as it is.
    pub held: Option<Vec<Line>>,
    /// Only what went wrong is listed.
    pub only_failures: bool,
}

/// What does not change while the demo runs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Messages and calls per second, about.
    pub rates: Rates,
    /// Start of every random decision.
    pub seed: u64,
    /// The folder of all state.
    pub folder: PathBuf,
    /// The API.
    pub gateway: SocketAddr,
    /// Metrics.
    pub admin: SocketAddr,
}

/// Where the demo is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It sends.
    Running,
    /// It waits for what is open, until then at most.
    Draining(Instant),
}

/// One trunk with what was seen of it.
#[derive(Debug, Default)]
pub struct Carrier {
    /// As the daemon tells it.
    pub trunk: api::Trunk,
    /// Segments answered.
    pub submits: PerSecond,
    /// From handing a segment to a link to its answer.
    pub answers: Delays,
    /// From handing a segment to a link to its report.
    pub reports: Delays,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that ended over this trunk.
    pub ended: u64,
}

impl Carrier {
    /// The protocol as people write it.
    #[must_use]
    pub fn protocol(&self) -> String {
        let name = self.trunk.protocol.as_str();
        match name.split_at_checked(4) {
            Some((family, version)) if version.len() == 2 => {
                let (major, minor) = version.split_at(1);
                format!("{} {major}.{minor}", family.to_uppercase())
            }
            _ => name.to_owned(),
        }
    }

    /// Its state in a word.
    #[must_use]
    pub fn state(&self) -> (&'static str, Tone) {
        trunk_state(&self.trunk)
    }

    /// Where its links are connected to.
    #[must_use]
    pub fn remote(&self) -> &str {
        self.trunk.links.first().map_or("", |link| link.remote.as_str())
    }

    /// Submits in flight, and how many may be over all links that are wanted.
    #[must_use]
    pub fn window(&self) -> (u64, u64) {
        let in_flight = self.trunk.links.iter().map(|link| u64::from(link.in_flight)).sum();
        let size = self.trunk.limits.as_ref().map_or(0, |limits| u64::from(limits.window_size));
        (in_flight, size * u64::from(self.trunk.wanted_link_count))
    }

    /// The share of ended messages that arrived.
    #[must_use]
    pub fn arrived(&self) -> Option<f64> {
        share(self.delivered, self.ended)
    }
}

/// How something looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Odd,
    /// Something went wrong.
    Bad,
    /// From a phone.
    Inbound,
    /// Nothing special.
    Plain,
}

/// One event in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it happened.
    pub at: Timestamp,
    /// How it looks.
    pub tone: Tone,
    /// The number, masked, or whose it is.
    pub who: String,
    /// What happened, in a word.
    pub what: String,
    /// Over which trunk.
    pub trunk: String,
    /// The carrier's words.
    pub reason: String,
    /// Segments; 0: there are none.
    pub segments: u32,
    /// From being offered to its end.
    pub took: Option<Duration>,
}

/// The latest events, as many as a person can follow, and those first that are special.
#[derive(Debug, Default)]
pub struct Latest {
    lines: VecDeque<Line>,
    /// When the last line was taken.
    taken: Option<Instant>,
    /// When the last few special ones were.
    special: VecDeque<Instant>,
    told: u64,
}

impl Latest {
    /// Lines that are kept.
    const KEPT: usize = 200;
    /// Ordinary lines come no faster.
    const PACE: Duration = Duration::from_millis(350);
    /// Special ones come no faster than so many in a second.
    const SPECIAL: usize = 5;

    /// Takes an event, or leaves it out and says so.
    pub fn offer(&mut self, line: &Line, now: Instant) -> bool {
        self.told += 1;
        let is_past = |at: &Instant, rest| now.saturating_duration_since(*at) >= rest;
        if line.tone == Tone::Good {
            if self.taken.is_some_and(|taken| !is_past(&taken, Self::PACE)) {
                return false;
            }
        } else {
            if self.special.len() >= Self::SPECIAL {
                if self.special.front().is_some_and(|first| !is_past(first, Duration::from_secs(1))) {
                    return false;
                }
                self.special.pop_front();
            }
            self.special.push_back(now);
        }
        self.taken = Some(now);
        self.lines.push_front(line.clone());
        self.lines.truncate(Self::KEPT);
        true
    }

    /// The lines, the newest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// Events offered so far.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }
}

impl Picture {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(setting: Setting, started: Instant) -> Self {
        Self {
            setting,
            phase: Phase::Running,
            started,
            carriers: Vec::new(),
            call_trunk: api::Trunk::default(),
            calls: CallLedger::default(),
            totals: Totals::default(),
            inbound: 0,
            latest: Latest::default(),
            held: None,
            only_failures: false,
        }
    }

    /// Takes the trunks as the daemon tells them.
    pub fn note_trunks(&mut self, trunks: Vec<api::Trunk>) {
        for trunk in trunks {
            if trunk.protocol == "sip" {
                self.call_trunk = trunk;
                continue;
            }
            match self.carriers.iter_mut().find(|carrier| carrier.trunk.trunk_id == trunk.trunk_id) {
                Some(carrier) => carrier.trunk = trunk,
                None => self.carriers.push(Carrier { trunk, ..Carrier::default() }),
            }
        }
    }

    /// A second has passed.
    pub fn note_second(&mut self) {
        self.calls.note_second();
        for carrier in &mut self.carriers {
            if let Some(submits) = &carrier.trunk.submits {
                carrier.submits.note(submits.accepted_count + submits.refused_count + submits.unknown_count);
            }
        }
    }

    /// A message moved; `known` is what the ledger knew of it before. Gives back its line, if it is listed.
    pub fn note_move(
        &mut self,
        moved: &api::MessageStateEvent,
        at: Timestamp,
        known: &Open,
        tenant: &str,
        now: Instant,
    ) -> Option<Line> {
        let state = moved.state();
        let segment = moved.segment.as_ref();
        let trunk = segment.map_or("", |segment| segment.trunk_id.as_str());
        let ending = Ending::of(state);
        let carrier = self.carriers.iter_mut().find(|carrier| carrier.trunk.trunk_id == trunk);
        if let (Some(carrier), Some(segment)) = (carrier, segment) {
            let since_submit = |until: Option<&prost_types::Timestamp>| {
                between(timestamp(segment.submit_time.as_ref()?)?, timestamp(until?)?)
            };
            if state == MessageState::Submitted
                && let Some(delay) = since_submit(segment.response_time.as_ref())
            {
                carrier.answers.note(now, delay);
            }
            if ending.is_some() {
                carrier.ended += 1;
                carrier.delivered += u64::from(ending == Some(Ending::Delivered));
                if let Some(delay) = since_submit(segment.report_time.as_ref()) {
                    carrier.reports.note(now, delay);
                }
            }
        }
        let mut reason = reason(moved.status.as_ref());
        if moved.possible_duplicate {
            reason.push_str(", possible duplicate");
        }
        let line = Line {
            at,
            tone: if ending? == Ending::Delivered { Tone::Good } else { Tone::Bad },
            who: if known.to.is_empty() { format!("of {tenant}") } else { known.to.clone() },
            what: state_name(state).to_owned(),
            trunk: trunk.to_owned(),
            reason,
            segments: moved.segment_count,
            took: between(known.since, at),
        };
        self.latest.offer(&line, now).then_some(line)
    }

    /// Something else happened than that a message moved. Gives back its line, if it is listed.
    pub fn note_other(&mut self, payload: &api::event::Payload, at: Timestamp, now: Instant) -> Option<Line> {
        use api::event::Payload;
        let line = match payload {
            Payload::InboundMessage(inbound) => {
                self.inbound += 1;
                Line {
                    at,
                    tone: Tone::Inbound,
                    who: mask(&inbound.from),
                    what: if inbound.complete { "inbound" } else { "incomplete" }.to_owned(),
                    trunk: inbound.trunk_id.clone(),
                    reason: format!("to {}", inbound.to),
                    segments: inbound.segment_count,
                    took: None,
                }
            }
            Payload::TrunkState(moved) => Line {
                at,
                tone: if moved.bound_link_count > 0 { Tone::Plain } else { Tone::Bad },
                who: "trunk".to_owned(),
                what: if moved.bound_link_count > 0 { "up" } else { "down" }.to_owned(),
                trunk: moved.trunk_id.clone(),
                reason: match &moved.status {
                    Some(status) => reason(Some(status)),
                    None => format!("{}/{} links", moved.bound_link_count, moved.wanted_link_count),
                },
                segments: 0,
                took: None,
            },
            Payload::OrphanReport(orphan) => Line {
                at,
                tone: Tone::Odd,
                who: mask(&orphan.recipient),
                what: "orphan".to_owned(),
                trunk: orphan.trunk_id.clone(),
                reason: format!("a report of no message: {}", reason(orphan.status.as_ref())),
                segments: 0,
                took: None,
            },
            _ => return None,
        };
        self.latest.offer(&line, now).then_some(line)
    }

    /// Holds the list, or lets it go on.
    pub fn toggle_hold(&mut self) {
        self.held = match self.held {
            None => Some(self.latest.lines().cloned().collect()),
            Some(_) => None,
        };
    }

    /// The lines to list, the newest first.
    #[must_use]
    pub fn lines(&self) -> Vec<&Line> {
        let wanted = |line: &&Line| !self.only_failures || matches!(line.tone, Tone::Bad | Tone::Odd);
        match &self.held {
            Some(held) => held.iter().filter(wanted).collect(),
            None => self.latest.lines().filter(wanted).collect(),
        }
    }
}

/// A trunk's state in a word.
#[must_use]
pub fn trunk_state(trunk: &api::Trunk) -> (&'static str, Tone) {
    match trunk.state() {
        TrunkState::Enabled => ("up", Tone::Good),
        TrunkState::Degraded => ("degraded", Tone::Odd),
        TrunkState::Draining => ("draining", Tone::Odd),
        TrunkState::Down => ("down", Tone::Bad),
        TrunkState::Disabled => ("disabled", Tone::Bad),
        TrunkState::Unspecified => ("starting", Tone::Plain),
    }
}

/// A state in a word.
#[must_use]
pub fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Unspecified => "offered",
        MessageState::Accepted => "accepted",
        MessageState::Submitting => "submitting",
        MessageState::Submitted => "submitted",
        MessageState::Delivered => "delivered",
        MessageState::Undelivered => "undelivered",
        MessageState::Rejected => "rejected",
        MessageState::Expired => "expired",
        MessageState::Canceled => "canceled",
        MessageState::Unknown => "unknown",
    }
}

/// The carrier's words, or ours, with the class of failure.
#[must_use]
pub fn reason(status: Option<&api::CarrierStatus>) -> String {
    let Some(status) = status else { return String::new() };
    // A code of zeros says no more than the words do.
    let is_zero = |code: &str| code.bytes().all(|digit| digit == b'0');
    let words = match (status.raw_text.as_str(), status.raw_code.as_str()) {
        ("", code) => code.to_owned(),
        (text, code) if is_zero(code) => text.to_owned(),
        (text, code) => format!("{text} {code}"),
    };
    let class = status.failure_class();
    let class = class.as_str_name().trim_start_matches("FAILURE_CLASS_").to_lowercase().replace('_', " ");
    match (words.as_str(), class.as_str()) {
        (_, "none" | "unspecified") => words,
        ("", _) => class,
        _ => format!("{words} ({class})"),
    }
}

/// A moment of the API. `None`: it is none.
#[must_use]
pub fn timestamp(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// From one moment to another. `None`: they are the other way round.
#[must_use]
pub fn between(from: Timestamp, until: Timestamp) -> Option<Duration> {
    Duration::try_from(until.duration_since(from)).ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::demo::calls;

    /// A picture with something of everything.
    pub fn sample(started: Instant) -> Picture {
        let gateway = SocketAddr::from(([127, 0, 0, 1], 7300));
        let admin = SocketAddr::from(([127, 0, 0, 1], 7301));
        let rates = Rates { messages: 20, calls: 1 };
        let setting = Setting { rates, seed: 7, folder: "./carrierd-demo".into(), gateway, admin };
        let mut picture = Picture::new(setting, started);
        picture.note_trunks(vec![
            trunk("smpp", "smpp34", 2),
            trunk("cmpp", "cmpp30", 1),
            trunk("sip", "sip", 2),
        ]);
        for accepted in 0..30 {
            for carrier in &mut picture.carriers {
                let counts = api::SubmitCounts { accepted_count: accepted * accepted, ..Default::default() };
                carrier.trunk.submits = Some(counts);
            }
            picture.note_second();
        }
        picture.calls = calls::tests::sample(started);
        picture.totals = Totals {
            accepted: 1_234,
            delivered: 1_150,
            undelivered: 40,
            rejected: 3,
            open: 41,
            ..Totals::default()
        };
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        let known = Open {
            to: "+86*******0001".into(),
            since: at - jiff::SignedDuration::from_millis(1_500),
            state: Some(MessageState::Submitted),
            reason: String::new(),
            segments: 3,
            left: false,
        };
        for (second, state, words, trunk) in [
            (1, MessageState::Submitted, "", "smpp"),
            (2, MessageState::Undelivered, "MK:0005", "cmpp"),
            (3, MessageState::Delivered, "DELIVRD", "smpp"),
        ] {
            let now = started + Duration::from_secs(second);
            picture.note_move(&moved(state, words, trunk), at, &known, "demo", now);
        }
        let inbound = api::InboundMessage {
            trunk_id: "cmpp".into(),
            from: "13900001234".into(),
            to: "1069000012".into(),
            segment_count: 1,
            complete: true,
            ..Default::default()
        };
        let inbound = api::event::Payload::InboundMessage(inbound);
        picture.note_other(&inbound, at, started + Duration::from_secs(20));
        picture
    }

    fn trunk(id: &str, protocol: &str, bound: u32) -> api::Trunk {
        let link = api::Link { remote: "127.0.0.1:40123".into(), in_flight: 3, ..Default::default() };
        api::Trunk {
            trunk_id: id.into(),
            protocol: protocol.into(),
            state: if bound == 2 { TrunkState::Enabled } else { TrunkState::Degraded }.into(),
            limits: Some(api::TrunkLimits { window_size: 16, ..Default::default() }),
            links: vec![link],
            queue_depth: 5,
            wanted_link_count: 2,
            bound_link_count: bound,
            ..Default::default()
        }
    }

    pub fn moved(state: MessageState, words: &str, trunk: &str) -> api::MessageStateEvent {
        let at = |nanos| Some(prost_types::Timestamp { seconds: 1, nanos });
        let segment = api::SegmentStatus {
            trunk_id: trunk.into(),
            submit_time: at(0),
            response_time: at(180_000_000),
            report_time: at(900_000_000),
            ..Default::default()
        };
        let class = if state == MessageState::Delivered {
            api::FailureClass::None
        } else {
            api::FailureClass::Unmapped
        };
        let status =
            api::CarrierStatus { raw_text: words.into(), failure_class: class.into(), ..Default::default() };
        api::MessageStateEvent {
            state: state.into(),
            status: Some(status),
            segment: Some(segment),
            segment_count: 3,
            ..Default::default()
        }
    }

    #[test]
    fn a_move_is_counted_for_its_trunk() {
        let started = Instant::now();
        let picture = sample(started);
        let [smpp, cmpp] = picture.carriers.as_slice() else { panic!("two carriers") };
        assert_eq!((smpp.delivered, smpp.ended, smpp.arrived()), (1, 1, Some(1.0)));
        assert_eq!((cmpp.delivered, cmpp.ended, cmpp.arrived()), (0, 1, Some(0.0)));
        let answers = smpp.answers.percentiles(started + Duration::from_secs(9)).unwrap();
        assert_eq!(answers.p50, Duration::from_millis(180));
        let reports = cmpp.reports.percentiles(started + Duration::from_secs(9)).unwrap();
        assert_eq!(reports.p50, Duration::from_millis(900));
        assert_eq!(smpp.window(), (3, 32));
        assert_eq!((smpp.protocol(), cmpp.protocol()), ("SMPP 3.4".to_owned(), "CMPP 3.0".to_owned()));
    }

    #[test]
    fn events_are_listed_at_a_pace_that_can_be_read_and_special_ones_first() {
        let now = Instant::now();
        let mut latest = Latest::default();
        let line = |tone| Line { tone, ..sample(now).lines()[0].clone() };
        for tick in 0..20 {
            let now = now + tick * Duration::from_millis(100);
            for _ in 0..10 {
                latest.offer(&line(Tone::Good), now);
                latest.offer(&line(Tone::Bad), now);
            }
        }
        let count = |tone| latest.lines().filter(|line| line.tone == tone).count();
        assert_eq!((count(Tone::Good), count(Tone::Bad), latest.told()), (5, 10, 400));
    }

    #[test]
    fn a_held_list_stands_still() {
        let now = Instant::now();
        let mut picture = sample(now);
        let lines = picture.lines().len();
        picture.toggle_hold();
        let line = picture.lines()[0].clone();
        picture.latest.offer(&Line { tone: Tone::Bad, ..line }, now + Duration::from_secs(60));
        assert_eq!(picture.lines().len(), lines);
        picture.toggle_hold();
        assert_eq!(picture.lines().len(), lines + 1);
        picture.only_failures = true;
        assert_eq!(picture.lines().len(), 2, "the one that failed before and the one since");
    }

    #[test]
    fn a_reason_has_the_carriers_own_words_first() {
        let told = |text: &str, code: &str, class: api::FailureClass| {
            let (raw_text, raw_code) = (text.to_owned(), code.to_owned());
            let failure_class = class.into();
            reason(Some(&api::CarrierStatus { raw_text, raw_code, failure_class, ..Default::default() }))
        };
        assert_eq!(told("DELIVRD", "000", api::FailureClass::None), "DELIVRD");
        assert_eq!(
            told("UNDELIV", "027", api::FailureClass::AbsentSubscriber),
            "UNDELIV 027 (absent subscriber)"
        );
        assert_eq!(told("", "13", api::FailureClass::InvalidNumber), "13 (invalid number)");
        assert_eq!(told("", "", api::FailureClass::Expired), "expired");
        assert_eq!(reason(None), "");
    }

    #[test]
    fn no_number_is_shown_whole() {
        let picture = sample(Instant::now());
        assert!(picture.lines().iter().all(|line| line.who.contains("****")), "{:?}", picture.lines());
    }
}
