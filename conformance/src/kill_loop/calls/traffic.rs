//! Which calls there are and what the platform says in them: functions of a seed and of what names a call.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::words::{What, Word};
use crate::api::{self, CallState, SdpKind, event::Payload};

/// Whose calls they are.
pub const TENANT: &str = "proof";
/// Who calls.
pub const CALLER: &str = "95001";
/// The carriers and their trunks: the first over datagrams, the second over a stream.
pub const TRUNKS: [&str; 2] = ["udp", "tcp"];
/// The session of the platform's media server.
const SESSION: &str =
    "v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";
/// The same, changed once.
const CHANGED: &str = "v=0\r\no=- 7 2 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\na=sendonly\r\n";

/// What becomes of a call that the platform asks for, as its carrier's script and the platform's words have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Answered; the callee hangs up.
    Short,
    /// Answered; the platform hangs up.
    Talk,
    /// Answered; the platform changes the session and hangs up later.
    Changed,
    /// Answered after early media; the callee changes the session, presses keys and hangs up.
    Restless,
    /// Refused.
    Busy,
    /// An announcement, then refused.
    Off,
    /// The first trunk has no room.
    Full,
    /// It rings until its time is over.
    Unanswered,
    /// It rings until the platform gives it up.
    GivenUp,
    /// Nobody says anything.
    Silent,
}

impl Course {
    /// Each with its share of a hundred and the digit by which carriers know it.
    const ALL: [(Self, u32, char); 10] = [
        (Self::Short, 15, '0'),
        (Self::Talk, 25, '1'),
        (Self::Changed, 10, '2'),
        (Self::Restless, 10, '3'),
        (Self::Busy, 8, '4'),
        (Self::Off, 7, '5'),
        (Self::Full, 10, '6'),
        (Self::Unanswered, 5, '7'),
        (Self::GivenUp, 8, '8'),
        (Self::Silent, 2, '9'),
    ];

    fn draw(rng: &mut SmallRng) -> Self {
        let mut left = rng.random_range(0..100);
        for (course, share, _) in Self::ALL {
            match left < share {
                true => return course,
                false => left -= share,
            }
        }
        Self::Short
    }

    fn digit(self) -> char {
        Self::ALL.iter().find(|(course, ..)| *course == self).map_or('0', |(_, _, digit)| *digit)
    }

    fn of_callee(callee: &str) -> Option<Self> {
        let digit = callee.strip_prefix("+8613")?.chars().next()?;
        Self::ALL.iter().find(|(.., of)| *of == digit).map(|(course, ..)| *course)
    }
}

/// Requests, each made anew from the seed and its number whenever it is asked for again.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    seed: u64,
}

impl Traffic {
    /// The traffic of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The request of a number, always the same.
    #[must_use]
    pub fn request(&self, number: usize) -> api::CreateCallRequest {
        let mut rng = self.drawn(number);
        let course = Course::draw(&mut rng);
        let trunk_ids: &[&str] = match rng.random_range(0..4) {
            0 => &[],
            1 => &TRUNKS[..1],
            2 => &TRUNKS[1..],
            _ => &[TRUNKS[1], TRUNKS[0]],
        };
        let ring_timeout = if course == Course::Unanswered { 3 } else { 12 };
        let call = api::CallRequest {
            tenant_id: TENANT.to_owned(),
            caller: CALLER.to_owned(),
            callee: format!("+8613{}{number:08}", course.digit()),
            trunk_ids: trunk_ids.iter().map(ToString::to_string).collect(),
            media: Some(api::call_request::Media::SdpOffer(SESSION.to_owned())),
            ring_timeout: Some(prost_types::Duration { seconds: ring_timeout, nanos: 0 }),
            ..Default::default()
        };
        api::CreateCallRequest { request_id: request_id(number), call: Some(call) }
    }

    /// Whether a request is asked once more although it was answered, and after how long.
    #[must_use]
    pub fn asks_again(&self, number: usize) -> Option<Duration> {
        let mut rng = self.drawn(number.wrapping_add(1 << 40));
        rng.random_ratio(1, 5).then(|| Duration::from_millis(rng.random_range(0..6000)))
    }

    /// What the platform says about an event, each after its delay. An event of which it says nothing is the rule.
    #[must_use]
    pub fn react(&self, event: &api::Event) -> Vec<Word> {
        match &event.payload {
            Some(Payload::InboundCall(inbound)) => self.react_to_caller(inbound),
            Some(Payload::CallState(moved)) if !moved.r#final => self.react_to_move(moved),
            _ => Vec::new(),
        }
    }

    fn react_to_caller(&self, inbound: &api::InboundCall) -> Vec<Word> {
        let mut rng = self.of_call(&inbound.call_id);
        let mut at = |from: u64, to: u64, what| Word {
            call_id: inbound.call_id.clone(),
            after: Duration::from_millis(rng.random_range(from..to)),
            what,
        };
        let answer = What::Answer(SESSION);
        match Called::of(&inbound.callee) {
            Called::Answered => vec![at(0, 100, answer)],
            Called::RungFirst => vec![at(0, 50, What::Ring(None)), at(300, 2000, answer)],
            Called::HeardFirst => vec![at(0, 50, What::Ring(Some(SESSION))), at(500, 2500, answer)],
            Called::Rejected => vec![at(0, 500, What::Reject(486))],
            Called::Ignored => Vec::new(),
        }
    }

    fn react_to_move(&self, moved: &api::CallStateEvent) -> Vec<Word> {
        let mut rng = self.of_call(&moved.call_id);
        let mut at = |from: u64, to: u64, what| Word {
            call_id: moved.call_id.clone(),
            after: Duration::from_millis(rng.random_range(from..to)),
            what,
        };
        if moved.sdp_kind() == SdpKind::Offer {
            let what = match moved.call_sequence % 3 {
                0 => What::RefuseOffer(488),
                _ => What::AcceptOffer(SESSION),
            };
            return vec![at(0, 200, what)];
        }
        let moves = moved.state != moved.previous_state;
        match (moved.state(), self.course(&moved.request_id)) {
            (CallState::Ringing, Some(Course::GivenUp)) if moves => vec![at(0, 2000, What::HangUp)],
            // A caller's call: the platform hangs up in the end, if nobody else has.
            (CallState::InProgress, None) if moves => match at(0, 2, What::HangUp).after.is_zero() {
                true => vec![at(100, 1000, What::Offer(CHANGED)), at(1500, 6000, What::HangUp)],
                false => vec![at(300, 6000, What::HangUp)],
            },
            (CallState::InProgress, Some(Course::Talk | Course::Full)) if moves => {
                vec![at(0, 7000, What::HangUp)]
            }
            (CallState::InProgress, Some(Course::Changed)) if moves => {
                vec![at(100, 1500, What::Offer(CHANGED)), at(2000, 5000, What::HangUp)]
            }
            _ => Vec::new(),
        }
    }

    fn course(&self, request: &str) -> Option<Course> {
        let number = number_of(request)?;
        Some(Course::draw(&mut self.drawn(number)))
    }

    fn drawn(&self, number: usize) -> SmallRng {
        SmallRng::seed_from_u64(self.seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn of_call(&self, call_id: &str) -> SmallRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, call_id).hash(&mut hasher);
        SmallRng::seed_from_u64(hasher.finish())
    }
}

/// What the platform does with a call that comes in, by the number that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    Answered,
    RungFirst,
    HeardFirst,
    Rejected,
    Ignored,
}

impl Called {
    fn of(callee: &str) -> Self {
        match callee.chars().next_back() {
            Some('1' | '2') => Self::RungFirst,
            Some('3') => Self::HeardFirst,
            Some('4') => Self::Rejected,
            Some('5') => Self::Ignored,
            _ => Self::Answered,
        }
    }
}

/// The numbers that carriers call.
#[must_use]
pub fn called_numbers() -> Vec<String> {
    (0..10).map(|last| format!("+86108888000{last}")).collect()
}

/// What carriers do with the calls of each course, as lines of a scenario. The second has room for what the first refuses.
#[must_use]
pub fn scripts(trunk: &str) -> String {
    let full = if trunk == TRUNKS[0] { "full" } else { "talk" };
    format!(
        r#"script = [
    {{ name = "short", steps = [{{ after = {{ from = "0s", to = "300ms" }}, respond = 180 }}, {{ after = {{ from = "0s", to = "1s" }}, respond = 200 }},
        {{ after = {{ from = "0s", to = "3s" }}, hangup = true }}] }},
    {{ name = "talk", steps = [{{ respond = 180 }}, {{ after = {{ from = "0s", to = "800ms" }}, respond = 200 }}] }},
    {{ name = "restless", steps = [{{ respond = 183, reliable = true }}, {{ after = {{ from = "0s", to = "800ms" }}, respond = 200, media = 2 }},
        {{ after = {{ from = "0s", to = "500ms" }}, offer = "hold" }}, {{ after = {{ from = "0s", to = "1s" }}, offer = "resume" }}, {{ dtmf = "4#" }},
        {{ after = {{ from = "0s", to = "2s" }}, hangup = true }}] }},
    {{ name = "busy", steps = [{{ respond = 180 }}, {{ after = {{ from = "0s", to = "1s" }}, respond = 486, headers = ["Reason: Q.850;cause=17"] }}] }},
    {{ name = "off", steps = [{{ after = {{ from = "0s", to = "200ms" }}, respond = 183 }}, {{ after = {{ from = "0s", to = "2s" }}, respond = 480 }}] }},
    {{ name = "full", steps = [{{ respond = 503 }}] }},
    {{ name = "rings", steps = [{{ respond = 180 }}] }},
    {{ name = "silent", steps = [{{ silence = true }}] }},
    {{ name = "restless caller", steps = [{{ after = {{ from = "0s", to = "2s" }}, offer = "hold" }}, {{ after = {{ from = "0s", to = "1s" }}, offer = "resume" }}] }},
]
answer = [
    {{ prefix = "+86130", script = "short" }}, {{ prefix = "+86131", script = "talk" }}, {{ prefix = "+86132", script = "talk" }},
    {{ prefix = "+86133", script = "restless" }}, {{ prefix = "+86134", script = "busy" }}, {{ prefix = "+86135", script = "off" }},
    {{ prefix = "+86136", script = "{full}" }}, {{ prefix = "+86137", script = "rings" }}, {{ prefix = "+86138", script = "rings" }},
    {{ prefix = "+86139", script = "silent" }},
]"#
    )
}

/// The key of a number.
#[must_use]
pub fn request_id(number: usize) -> String {
    format!("c{number}")
}

/// The number of a key.
#[must_use]
pub fn number_of(request_id: &str) -> Option<usize> {
    request_id.strip_prefix('c')?.parse().ok()
}

/// The number of the request that a callee belongs to.
#[must_use]
pub fn number_in(callee: &str) -> Option<usize> {
    Course::of_callee(callee)?;
    callee.get("+8613x".len()..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_request_is_the_same_whenever_it_is_made_and_its_callee_names_it(seed: u64, number in 0..100_000_000_usize) {
            let traffic = Traffic::new(seed);
            let request = traffic.request(number);
            prop_assert_eq!(&request, &traffic.request(number));
            let callee = request.call.unwrap().callee;
            prop_assert_eq!((number_of(&request.request_id), number_in(&callee)), (Some(number), Some(number)));
            prop_assert_eq!(Course::of_callee(&callee), traffic.course(&request.request_id));
        }
    }

    #[test]
    fn shares_are_a_hundred_and_every_course_has_a_script() {
        assert_eq!(Course::ALL.iter().map(|(_, share, _)| share).sum::<u32>(), 100);
        for (.., digit) in Course::ALL {
            assert!(scripts(TRUNKS[0]).contains(&format!("\"+8613{digit}\"")), "{digit}");
        }
        assert_eq!(number_in("+861088880001"), None);
    }

    #[test]
    fn the_platform_answers_rejects_and_hangs_up() {
        let traffic = Traffic::new(1);
        let whats = |payload| -> Vec<What> {
            let event = api::Event { payload: Some(payload), ..Default::default() };
            traffic.react(&event).into_iter().map(|word| word.what).collect()
        };
        let called = |callee: &str| {
            whats(Payload::InboundCall(api::InboundCall { callee: callee.to_owned(), ..Default::default() }))
        };
        assert_eq!(called("+861088880004"), [What::Reject(486)]);
        assert!(called("+861088880005").is_empty());
        assert!(matches!(called("+861088880002")[..], [What::Ring(None), What::Answer(_)]));
        let given_up = (0..).find(|number| traffic.course(&request_id(*number)) == Some(Course::GivenUp));
        let rings = api::CallStateEvent {
            request_id: request_id(given_up.unwrap()),
            previous_state: CallState::Initiated.into(),
            state: CallState::Ringing.into(),
            ..Default::default()
        };
        assert_eq!(whats(Payload::CallState(rings.clone())), [What::HangUp]);
        assert!(whats(Payload::CallState(api::CallStateEvent { r#final: true, ..rings })).is_empty());
    }
}
