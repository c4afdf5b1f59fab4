//! What the demo sends: codes, notices and long texts in several scripts, at a rate that breathes a little.
//!
//! Repeatable by a seed. Sending it is left to [`super::client`].

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::ledger::Key;
use crate::{
    domain::mask,
    grpc::api::{MessageCategory, OutboundMessage, SubmitMessageRequest, outbound_message::Content},
};

/// The tenant that the demo sends for.
pub const TENANT: &str = "demo";
/// How often traffic is asked for.
pub const TICK: Duration = Duration::from_millis(50);
/// Most requests at a time: what one batch call takes.
const MOST: usize = 500;
/// How long the rate takes to rise and fall once.
const WAVE: Duration = Duration::from_secs(40);
/// How far the rate rises and falls, as a share of it.
const SWING: f64 = 0.35;

/// A message that is to be submitted.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its key.
    pub key: Key,
    /// The recipient, masked.
    pub to: String,
    /// What is submitted.
    pub request: SubmitMessageRequest,
}

/// The source of the traffic.
#[derive(Debug)]
pub struct Traffic {
    rng: SmallRng,
    rate_per_second: f64,
    started: Instant,
    before: Instant,
    owed: f64,
    run: i64,
    count: u64,
}

impl Traffic {
    /// Traffic that begins now. `wall` tells the keys of this run from those of others.
    #[must_use]
    pub fn new(rate_per_second: u32, seed: u64, now: Instant, wall: Timestamp) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            rate_per_second: rate_per_second.into(),
            started: now,
            before: now,
            owed: 0.0,
            run: wall.as_millisecond(),
            count: 0,
        }
    }

    /// What is due since the last call, a second's worth at most.
    pub fn due(&mut self, now: Instant) -> Vec<Draft> {
        let phase = now.saturating_duration_since(self.started).as_secs_f64() / WAVE.as_secs_f64();
        let wave = 1.0 + SWING * (phase * std::f64::consts::TAU).sin();
        let noise = self.rng.random_range(0.5..1.5);
        let passed = now.saturating_duration_since(self.before).as_secs_f64();
        self.before = now;
        self.owed =
            (self.owed + self.rate_per_second * wave * noise * passed).min(self.rate_per_second.max(1.0));
        let mut drafts = Vec::new();
        while self.owed >= 1.0 && drafts.len() < MOST {
            self.owed -= 1.0;
            drafts.push(self.draft());
        }
        drafts
    }

    fn draft(&mut self) -> Draft {
        self.count += 1;
        let key =
            Key { tenant_id: TENANT.to_owned(), request_id: format!("demo-{}-{}", self.run, self.count) };
        let message = self.message();
        Draft {
            to: mask(&message.to),
            request: SubmitMessageRequest {
                request_id: key.request_id.clone(),
                message: Some(message),
                validate_only: false,
            },
            key,
        }
    }

    fn message(&mut self) -> OutboundMessage {
        let sample = &SAMPLES[self.pick()];
        let code = format!("{:06}", self.rng.random_range(0..1_000_000));
        let text = sample.text.replace("{code}", &code).repeat(sample.times);
        OutboundMessage {
            tenant_id: TENANT.to_owned(),
            to: self.number(sample.to),
            signature: sample.signature.to_owned(),
            content: Some(Content::Text(text)),
            category: sample.category.into(),
            report_requested: true,
            priority: if sample.category == MessageCategory::Otp { 8 } else { 2 },
            ..OutboundMessage::default()
        }
    }

    fn pick(&mut self) -> usize {
        let whole: u32 = SAMPLES.iter().map(|sample| sample.weight).sum();
        let mut drawn = self.rng.random_range(0..whole);
        let hit = SAMPLES.iter().position(|sample| match drawn.checked_sub(sample.weight) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        hit.unwrap_or(0)
    }

    /// A number that is nobody's, where a country keeps such numbers; nothing leaves this machine anyway.
    fn number(&mut self, region: Region) -> String {
        match region {
            Region::China => format!("+8613900{:06}", self.rng.random_range(0..1_000_000)),
            Region::HongKong => format!("+8525550{:04}", self.rng.random_range(0..10_000)),
            Region::Britain => format!("+447700900{:03}", self.rng.random_range(0..1_000)),
            Region::America => format!("+1202555{:04}", self.rng.random_range(100..200)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Region {
    China,
    HongKong,
    Britain,
    America,
}

#[derive(Debug)]
struct Sample {
    weight: u32,
    to: Region,
    category: MessageCategory,
    signature: &'static str,
    text: &'static str,
    /// How often the text is repeated.
    times: usize,
}

const fn sample(weight: u32, to: Region, category: MessageCategory, text: &'static str) -> Sample {
    Sample { weight, to, category, signature: "", text, times: 1 }
}

impl Sample {
    const fn signed(mut self, signature: &'static str) -> Self {
        self.signature = signature;
        self
    }

    const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }
}

const SAMPLES: [Sample; 12] = [
    sample(26, Region::China, MessageCategory::Otp, "您的验证码是 {code}，5 分钟内有效，请勿告诉他人。").signed("云桥科技"),
    sample(6, Region::China, MessageCategory::Otp, "{code} is your code. It is good for 5 minutes."),
    sample(16, Region::Britain, MessageCategory::Otp, "{code} is your sign-in code. We will never ask you for it."),
    sample(8, Region::America, MessageCategory::Otp, "Your code: {code}"),
    sample(12, Region::China, MessageCategory::Notification, "您的快递已到达小区东门驿站，请凭取件码 {code} 在今晚八点前领取。")
        .signed("快驿"),
    sample(5, Region::China, MessageCategory::Notification, "尊敬的客户：您本月的账单已经生成，请登录手机银行查看明细并按时还款，以免影响您的信用记录。如有疑问请致电客服。")
        .signed("东方银行")
        .times(3),
    sample(9, Region::HongKong, MessageCategory::Notification, "閣下的預約已確認，編號 {code}。如需更改，請於一日前致電本中心。")
        .signed("港島診所"),
    sample(6, Region::Britain, MessageCategory::Notification, "Your parcel is on its way and comes tomorrow between 8 and 12. Somebody has to be in to sign for it; else the driver leaves it with a neighbour. ")
        .times(2),
    sample(3, Region::America, MessageCategory::Notification, "Flight CD 482 to Boston now leaves from gate B17 at 18:40. Boarding begins 40 minutes before. ")
        .times(4),
    sample(4, Region::Britain, MessageCategory::Notification, "Café Zoë: your table for 2 is booked at 19:30. Deposit paid: €20 [ref {code}]."),
    sample(3, Region::HongKong, MessageCategory::Interactive, "Happy birthday! 🎂🎉 See you at 7 tonight."),
    sample(2, Region::China, MessageCategory::Marketing, "周末会员日，全场满 200 减 50，到店还有小礼品。拒收请回复R").signed("悦购商城"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(rate: u32, now: Instant) -> Traffic {
        Traffic::new(rate, 7, now, Timestamp::UNIX_EPOCH)
    }

    fn minute(rate: u32) -> Vec<Draft> {
        let start = Instant::now();
        let mut traffic = traffic(rate, start);
        (1..=1200).flat_map(|tick| traffic.due(start + tick * TICK)).collect()
    }

    #[test]
    fn keeps_the_rate_within_its_swing() {
        let sent = minute(20).len();
        assert!((1_000..1_500).contains(&sent), "{sent} in a minute at 20/s");
    }

    #[test]
    fn the_same_seed_says_the_same() {
        let texts = |drafts: Vec<Draft>| drafts.into_iter().map(|draft| draft.request).collect::<Vec<_>>();
        assert_eq!(texts(minute(20)), texts(minute(20)));
    }

    #[test]
    fn a_pause_is_caught_up_with_a_second_at_most() {
        let start = Instant::now();
        assert_eq!(traffic(20, start).due(start + Duration::from_secs(3600)).len(), 20);
    }

    #[test]
    fn every_kind_comes_and_every_key_once() {
        let drafts = minute(20);
        let mut keys: Vec<_> = drafts.iter().map(|draft| draft.key.request_id.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), drafts.len());
        let has = |prefix: &str| {
            drafts
                .iter()
                .filter_map(|draft| draft.request.message.as_ref())
                .any(|sent| sent.to.starts_with(prefix))
        };
        assert!(["+86139", "+852", "+44", "+1202"].into_iter().all(has));
        assert!(drafts.iter().all(|draft| draft.to.contains("****")));
    }
}
