//! More than an account can carry: who waits, and who does not.

use std::collections::BTreeMap;

use carrierd::{clock, domain::Category};
use jiff::{SignedDuration, Timestamp};

use crate::bed::{Bed, carrier, message, millis, most_in_a_second, seconds, trunk, virtually};

const RATE: usize = 100;
const BACKLOG: usize = 100_000;
const CODES: usize = 1000;
/// The weight of one of the two tenants; the other has 1.
const WEIGHT: f64 = 3.0;

#[test]
fn codes_leave_within_a_second_and_tenants_share_the_rest_by_weight() {
    virtually(async {
        let keys = format!("links = 2\nwindow = 50\nsubmits_per_second = {RATE}\nmax_queue = {BACKLOG}");
        let habits = "answer = { delay = \"30ms\" }\nreceipts = { delay = \"5s\" }";
        let configuration = format!("[shares.tenants]\nheavy = {WEIGHT}\n{}", trunk("cmpp30", &keys));
        let bed = Bed::new(7, &carrier("cmpp30", habits), &configuration).await;
        bed.pass(seconds(10)).await;
        let advert = |number: usize| {
            let tenant = if number.is_multiple_of(2) { "heavy" } else { "light" };
            let mut advert = message(&format!("{tenant} {number}"));
            (advert.category, advert.tenant_id) = (Category::Marketing, tenant.into());
            advert
        };
        for first in (0..BACKLOG).step_by(500) {
            bed.submit_all((first..first + 500).map(advert)).await;
        }
        let mut accepted = BTreeMap::new();
        for number in 0..CODES {
            let mut code = message(&format!("code {number}"));
            (code.category, code.tenant_id) = (Category::Otp, "light".into());
            accepted.insert(format!("code {number}"), clock::wall());
            bed.submit(code).await;
            bed.pass(millis(50)).await;
        }
        bed.pass(seconds(2)).await;
        let seen = bed.end().await;

        let submits = seen.submits();
        let mut waited: Vec<SignedDuration> =
            accepted.iter().map(|(code, at)| submits[code].1.duration_since(*at)).collect();
        waited.sort_unstable();
        let p99 = waited[CODES * 99 / 100];
        assert!(p99 < SignedDuration::from_secs(1), "p99 {p99:?}, longest {:?}", waited[CODES - 1]);

        let during = |at: Timestamp| accepted.values().next().is_some_and(|first| at >= *first);
        let of = |tenant: &str| {
            let sent =
                |(text, (_, at)): &(&String, &(usize, Timestamp))| text.starts_with(tenant) && during(*at);
            submits.iter().filter(sent).count()
        };
        let (heavy, light) = (of("heavy"), of("light"));
        let share = heavy as f64 / light as f64 / WEIGHT;
        assert!((0.95..=1.05).contains(&share), "{heavy} to {light}");
        // Nothing of the account's rate is left unused for it, and no second has more.
        let left = RATE * 52 - CODES;
        assert!(heavy + light > left * 95 / 100, "{heavy} and {light} of {left}");
        let times: Vec<_> = seen.lines("submit").into_iter().map(|(time, _)| time).collect();
        assert!(most_in_a_second(&times) <= RATE);
    });
}
