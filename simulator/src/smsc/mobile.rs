//! Messages from phones: made up at a steady rate, or injected.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{
    Smsc,
    account::Account,
    deliveries::For,
    message::{Address, Content, Delivery, Mobile},
    persona::Persona,
};
use crate::{
    InjectError,
    behaviour::{hits, mix},
    config::Mo,
};

/// How often messages are made.
const TICK: Duration = Duration::from_millis(10);

/// A long text has more characters than any single message takes, and no more than a few parts.
const LONG: usize = 200;

/// Makes messages at the scenario's rate until told to stop.
pub(super) async fn run<P: Persona>(smsc: Arc<Smsc<P>>, over: CancellationToken) {
    let Some(mo) = smsc.carrier.mo.clone() else {
        return;
    };
    let seed = mix(0, [smsc.carrier.name.as_str(), "mo"]);
    let seed = smsc
        .accounts
        .first()
        .map_or(seed, |account| seed ^ account.decide(|rules| rules.rng().random::<u64>()));
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = tokio::time::Instant::now();
    let mut owed = 0.0;
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => return,
            now = ticks.tick() => {
                // After a long sleep we catch up with a second at most.
                owed = f64::min(owed + mo.per_second * (now - last).as_secs_f64(), mo.per_second.max(1.0));
                last = now;
            }
        }
        while owed >= 1.0 {
            owed -= 1.0;
            make(&smsc, &mo, &mut rng);
        }
    }
}

fn make<P: Persona>(smsc: &Smsc<P>, mo: &Mo, rng: &mut SmallRng) {
    let account = &smsc.accounts[rng.random_range(0..smsc.accounts.len())];
    let first: u64 = mo.from.parse().unwrap_or(0);
    let number = first.saturating_add(rng.random_range(0..mo.numbers));
    let from = format!("{number:0width$}", width = mo.from.len());
    let text = &mo.texts[rng.random_range(0..mo.texts.len())];
    let sent = if hits(mo.long, rng) {
        let count = LONG.div_ceil(text.chars().count().max(1));
        send(smsc, account, &from, &mo.to, &text.repeat(count.max(2)))
    } else {
        send(smsc, account, &from, &mo.to, text)
    };
    if sent.is_err() {
        crate::stats::count(&smsc.counters.lost);
    }
}

/// Sends one text from a phone, in as many parts as it takes.
pub(super) fn send<P: Persona>(
    smsc: &Smsc<P>,
    account: &Account,
    from: &str,
    to: &str,
    text: &str,
) -> Result<(), InjectError> {
    let now = smsc.clock.now();
    let number = smsc.mobiles.fetch_add(1, Ordering::Relaxed) + 1;
    let parts = smsc.persona.parts(text, number as u8).ok_or(InjectError::Unsayable)?;
    let total = u8::try_from(parts.len()).map_err(|_| InjectError::Unsayable)?;
    // E.164 in international form, to a number of the account's own.
    let sender = Address { ton: 1, npi: 1, ..Address::plain(from.as_bytes()) };
    let recipient = Address { ton: 0, npi: 1, ..Address::plain(to.as_bytes()) };
    for (part, encoded) in (1..=total).zip(parts) {
        let carried_by = smsc.persona.next_id(now, 1);
        let mobile = Mobile { number, carried_by, sender, recipient, part, total, encoded };
        let delivery = Box::new(Delivery { content: Content::Mobile(mobile), attempts: 0 });
        account.add(&smsc.counters, For::Any, None, now.mono, now.mono, delivery);
    }
    Ok(())
}
