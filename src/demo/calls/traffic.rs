//! What the platform does with calls: it places some, answers those that come in, and hangs up.
//!
//! Repeatable by a seed. Saying it to the daemon is left to [`crate::demo::client`].

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    demo::{carriers::CALLER, traffic::TENANT},
    grpc::api::{self, CallState, MessageCategory, call_request::Media},
};

/// How long a call may wait and ring.
const RING: Duration = Duration::from_secs(12);
/// How long the platform lets a voice code last: it is said twice.
const CODE: Duration = Duration::from_secs(9);
/// How long it lets others last, at most.
const TALK: Duration = Duration::from_secs(40);
/// What the platform's media server offers, and answers. No media flow in the demo.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 101\r\n\
                   a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

/// What the platform says to the daemon.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// Call somebody.
    Place(Box<api::CreateCallRequest>),
    /// An incoming call rings.
    Ring(String),
    /// Answer it.
    Answer(api::AnswerCallRequest),
    /// Answer what the other side offers anew.
    AnswerSdp(api::AnswerSdpRequest),
    /// Hang up.
    HangUp(String),
}

/// What is to be said to a call later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Answer,
    HangUp,
}

/// The source of calls, and of what is said to them.
#[derive(Debug)]
pub struct CallTraffic {
    rng: SmallRng,
    per_second: f64,
    before: Instant,
    owed: f64,
    run: i64,
    count: u64,
    /// How long each call that was placed is to last once it is answered, by its request.
    lasting: HashMap<String, Duration>,
    due: BTreeSet<(Instant, String, Act)>,
}

impl CallTraffic {
    /// Calls that begin now. `wall` tells the keys of this run from those of others.
    #[must_use]
    pub fn new(per_second: u32, seed: u64, now: Instant, wall: Timestamp) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed ^ 0xCA11),
            per_second: per_second.into(),
            before: now,
            owed: 0.0,
            run: wall.as_millisecond(),
            count: 0,
            lasting: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// What is to be said by now; `places`: new calls too.
    pub fn due(&mut self, now: Instant, places: bool) -> Vec<Word> {
        let passed = now.saturating_duration_since(self.before).as_secs_f64();
        self.before = now;
        let noise = self.rng.random_range(0.5..1.5);
        self.owed = (self.owed + self.per_second * noise * passed).min(self.per_second.max(1.0));
        let mut words = Vec::new();
        while places && self.owed >= 1.0 {
            self.owed -= 1.0;
            words.push(Word::Place(Box::new(self.place())));
        }
        while self.due.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, call_id, act)) = self.due.pop_first() else { break };
            words.push(match act {
                Act::Answer => Word::Answer(api::AnswerCallRequest { call_id, sdp_answer: SDP.to_owned() }),
                Act::HangUp => Word::HangUp(call_id),
            });
        }
        words
    }

    /// A call came in: it rings at once and is answered after a while.
    pub fn came_in(&mut self, call_id: &str, now: Instant) -> Word {
        let rings = Duration::from_millis(self.rng.random_range(800..4_000));
        self.due.insert((now + rings, call_id.to_owned(), Act::Answer));
        Word::Ring(call_id.to_owned())
    }

    /// A call moved.
    pub fn moved(&mut self, moved: &api::CallStateEvent, now: Instant) -> Option<Word> {
        let call_id = &moved.call_id;
        if moved.r#final {
            self.due.retain(|(_, id, _)| id != call_id);
            self.lasting.remove(&moved.request_id);
            return None;
        }
        if moved.sdp_kind() == api::SdpKind::Offer {
            let answer = api::AnswerSdpRequest { call_id: call_id.clone(), sdp_answer: SDP.to_owned() };
            return Some(Word::AnswerSdp(answer));
        }
        if moved.state() == CallState::InProgress && moved.previous_state() != CallState::InProgress {
            let lasts = self.lasting.get(&moved.request_id).copied().unwrap_or(TALK);
            self.due.insert((now + lasts, call_id.clone(), Act::HangUp));
        }
        None
    }

    fn place(&mut self) -> api::CreateCallRequest {
        self.count += 1;
        let request_id = format!("demo-call-{}-{}", self.run, self.count);
        let is_code = self.rng.random_bool(0.6);
        let lasts = if is_code { CODE } else { TALK.mul_f64(self.rng.random_range(0.2..1.0)) };
        self.lasting.insert(request_id.clone(), lasts);
        let call = api::CallRequest {
            tenant_id: TENANT.to_owned(),
            caller: CALLER.to_owned(),
            callee: format!("+86138001{:05}", self.rng.random_range(0..100_000)),
            ring_timeout: prost_types::Duration::try_from(RING).ok(),
            category: if is_code { MessageCategory::Otp } else { MessageCategory::Interactive }.into(),
            client_reference: if is_code { "voice code" } else { "click to call" }.to_owned(),
            media: Some(Media::SdpOffer(SDP.to_owned())),
            ..api::CallRequest::default()
        };
        api::CreateCallRequest { request_id, call: Some(call) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(now: Instant) -> CallTraffic {
        CallTraffic::new(2, 7, now, Timestamp::UNIX_EPOCH)
    }

    fn moved(request: &str, state: CallState, r#final: bool) -> api::CallStateEvent {
        api::CallStateEvent {
            call_id: "c".into(),
            request_id: request.into(),
            state: state.into(),
            r#final,
            ..Default::default()
        }
    }

    #[test]
    fn calls_are_placed_at_the_rate_and_the_same_from_the_same_seed() {
        let now = Instant::now();
        let minute = || {
            let mut traffic = traffic(now);
            (1..=600).flat_map(|tick| traffic.due(now + tick * Duration::from_millis(100), true)).collect()
        };
        let words: Vec<Word> = minute();
        assert!((100..140).contains(&words.len()), "{} in a minute at 2/s", words.len());
        assert_eq!(words, minute());
        assert!(traffic(now).due(now + Duration::from_secs(5), false).is_empty());
    }

    #[test]
    fn an_incoming_call_rings_and_is_answered_once_unless_it_ends() {
        let now = Instant::now();
        let mut traffic = traffic(now);
        assert_eq!(traffic.came_in("c", now), Word::Ring("c".into()));
        assert!(traffic.due(now, false).is_empty());
        let words = traffic.due(now + Duration::from_secs(4), false);
        assert!(matches!(&words[..], [Word::Answer(answer)] if answer.call_id == "c"), "{words:?}");
        traffic.came_in("c", now);
        traffic.moved(&moved("", CallState::Canceled, true), now);
        assert!(traffic.due(now + Duration::from_secs(4), false).is_empty());
    }

    #[test]
    fn an_answered_call_is_hung_up_after_its_time() {
        let now = Instant::now();
        let mut traffic = traffic(now);
        traffic.lasting.insert("r".into(), CODE);
        assert_eq!(traffic.moved(&moved("r", CallState::InProgress, false), now), None);
        assert!(traffic.due(now + CODE - Duration::from_millis(1), false).is_empty());
        assert_eq!(traffic.due(now + CODE, false), [Word::HangUp("c".into())]);
    }

    #[test]
    fn what_the_other_side_offers_anew_is_answered() {
        let now = Instant::now();
        let offer = api::CallStateEvent {
            sdp_kind: api::SdpKind::Offer.into(),
            ..moved("r", CallState::InProgress, false)
        };
        assert!(matches!(traffic(now).moved(&offer, now), Some(Word::AnswerSdp(_))));
    }
}
