//! The same seed gives the same run.

use carrierd::domain::AmbiguityPolicy;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    bed::{Bed, carrier, message, seconds, trunk, virtually},
    network::Dial,
};

const HABITS: &str = r#"
answer = { delay = { from = "5ms", to = "900ms" }, silence = 0.1 }
receipts = { delay = { mean = "90s" }, ratio = 0.9, duplicate = 0.1, on_any_link = true }
refuse = [{ on = "submit", ratio = 0.1, status = 0x58 }, { on = "submit", ratio = 0.1, status = 0x45 }]
"#;

/// Everything that can be seen of a run, as text.
#[derive(PartialEq, Eq)]
struct Run {
    events: Vec<String>,
    record: Vec<String>,
    dials: Vec<Dial>,
}

/// Half an hour with everything that goes wrong.
fn run(seed: u64) -> Run {
    virtually(async {
        let keys = "links = 3\nwindow = 5\nsubmits_per_second = 20";
        let configuration = format!("[messages]\nintermediate_events = true\n{}", trunk("smpp34", keys));
        let mut bed = Bed::new(seed, &carrier("smpp34", HABITS), &configuration).await;
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..300 {
            let mut message = message(&format!("parcel {number}"));
            if random.random_bool(0.5) {
                message.ambiguity = AmbiguityPolicy::Resubmit;
            }
            bed.submit(message).await;
            bed.pass(seconds(1).mul_f64(random.random_range(0.0..5.0))).await;
            match random.random_range(0..100) {
                0..3 => bed.network().cut("north"),
                3 => bed.network().take_down("north"),
                4..8 => bed.network().bring_up("north"),
                8 => {
                    bed.kill_daemon().await;
                    bed.start_daemon();
                }
                9 => {
                    bed.stop_daemon().await;
                    bed.start_daemon();
                }
                _ => {}
            }
        }
        bed.network().bring_up("north");
        bed.pass(seconds(900)).await;
        let dials = bed.network().dials("north");
        let seen = bed.end().await;
        let events = seen.events.iter().map(|event| serde_json::to_string(event).expect("an event"));
        Run { events: events.collect(), record: seen.record.lines().map(str::to_owned).collect(), dials }
    })
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first.events.len() > 500 && first.record.len() > 500 && first.dials.len() > 10);
    for (kind, one, two) in
        [("events", &first.events, &again.events), ("record", &first.record, &again.record)]
    {
        let differs = one.iter().zip(two).find(|(one, two)| one != two);
        assert!(one == two, "{kind} of {} and {}: {differs:#?}", one.len(), two.len());
    }
    assert!(first.dials == again.dials, "the attempts to connect");
    assert!(first.record != other.record);
}
