//! What is sent: a seeded mix in which every part of every text carries the request it belongs to, so that what a
//! carrier saw can be told apart.

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    api::{self, AmbiguityPolicy, outbound_message::Content},
    rig::SENDER,
};

/// The trunks of the rig.
pub const TRUNKS: [&str; 2] = ["smpp", "cmpp"];
/// Whose messages they are.
pub const TENANT: &str = "proof";
/// Recipients that many messages share, so that circumstances alone can't tell them apart.
const SHARED: u32 = 20;

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
    pub fn request(&self, number: usize) -> api::SubmitMessageRequest {
        let mut rng =
            SmallRng::seed_from_u64(self.seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let request_id = request_id(number);
        let token = format!("({request_id})");
        let text = match rng.random_range(0..100) {
            0..70 => format!("{token} Your code is {:06}", rng.random_range(0..1_000_000)),
            70..85 => format!("{token} 您的验证码是 {:06}", rng.random_range(0..1_000_000)),
            // Whichever way it is cut, every part holds a whole token.
            85..95 => format!("{token} ").repeat(400 / (token.len() + 1)),
            _ => format!("{token}包裹").repeat(180 / (token.len() + 2)),
        };
        let to = match rng.random_range(0..20) {
            0 => format!("1390000{:04}", rng.random_range(0..SHARED)),
            _ => format!("138{:08}", number % 100_000_000),
        };
        let trunk_ids = match rng.random_range(0..4) {
            0 => vec![],
            choice => vec![TRUNKS[choice % 2].to_owned()],
        };
        let policy = if rng.random() { AmbiguityPolicy::Resubmit } else { AmbiguityPolicy::AwaitReport };
        let message = api::OutboundMessage {
            tenant_id: TENANT.to_owned(),
            to,
            sender: SENDER.to_owned(),
            content: Some(Content::Text(text)),
            category: api::MessageCategory::Notification as i32,
            report_requested: rng.random_range(0..30) > 0,
            trunk_ids,
            ambiguity_policy: policy as i32,
            ..Default::default()
        };
        api::SubmitMessageRequest { request_id, message: Some(message), validate_only: false }
    }

    /// Whether a request may reach the carrier at most once.
    #[must_use]
    pub fn is_at_most_once(&self, number: usize) -> bool {
        let policy = self.request(number).message.map(|message| message.ambiguity_policy());
        policy == Some(AmbiguityPolicy::AwaitReport)
    }
}

/// The key of a number.
#[must_use]
pub fn request_id(number: usize) -> String {
    format!("r{number}")
}

/// The number of a key.
#[must_use]
pub fn number_of(request_id: &str) -> Option<usize> {
    request_id.strip_prefix('r')?.parse().ok()
}

/// The number in a text, or in a part of one.
#[must_use]
pub fn number_in(text: &str) -> Option<usize> {
    text.split('(').skip(1).find_map(|rest| number_of(rest.split_once(')')?.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(request: &api::SubmitMessageRequest) -> &str {
        match &request.message.as_ref().unwrap().content {
            Some(Content::Text(text)) => text,
            _ => panic!("no text"),
        }
    }

    proptest! {
        #[test]
        fn a_request_is_the_same_whenever_it_is_made(seed: u64, number in 0..10_000_000_usize) {
            let traffic = Traffic::new(seed);
            prop_assert_eq!(traffic.request(number), traffic.request(number));
            prop_assert_eq!(number_in(text(&traffic.request(number))), Some(number));
        }

        #[test]
        fn any_part_of_a_long_text_names_its_request(seed: u64, number in 0..10_000_000_usize, cut in 0..70_usize) {
            let request = Traffic::new(seed).request(number);
            let characters: Vec<char> = text(&request).chars().collect();
            // The shortest parts hold 66 characters; the last one of a text may hold less.
            for part in characters[cut.min(characters.len())..].chunks(66).filter(|part| part.len() == 66) {
                prop_assert_eq!(number_in(&part.iter().collect::<String>()), Some(number));
            }
        }
    }

    #[test]
    fn text_without_a_request_names_none() {
        assert_eq!(number_in("(r12 hello (x) r5)"), None);
        assert_eq!(number_in("12)(r7)(r"), Some(7));
    }
}
