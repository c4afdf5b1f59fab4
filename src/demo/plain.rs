//! The demo without a terminal: plain lines, one per carrier and second, and some of the events.

use std::{
    io::{self, Write},
    time::Instant,
};

use jiff::Timestamp;

use super::{
    measure::{Percentiles, grouped, short},
    picture::{Carrier, Line, Picture, trunk_state},
};

/// Prints lines to the standard output.
#[derive(Debug, Default)]
pub struct Printer;

impl Printer {
    /// Prints the carriers and the totals.
    ///
    /// # Errors
    /// Nobody reads them any more.
    pub fn second(&self, picture: &Picture, wall: Timestamp, now: Instant) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let time = wall.strftime("%H:%M:%S");
        for carrier in &picture.carriers {
            writeln!(out, "{time} {}", status(carrier, now))?;
        }
        writeln!(out, "{time} {}", calls(picture, now))?;
        writeln!(out, "{time} {}", totals(picture))?;
        out.flush()
    }

    /// Prints an event.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn event(&self, line: &Line) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{} event {}", line.at.strftime("%H:%M:%S"), event(line))
    }
}

fn status(carrier: &Carrier, now: Instant) -> String {
    let trunk = &carrier.trunk;
    let (in_flight, window) = carrier.window();
    let both = |delays: Option<Percentiles>| match delays {
        Some(both) => format!("p50 {} p95 {}", short(both.p50), short(both.p95)),
        None => "none".to_owned(),
    };
    let arrived =
        carrier.arrived().map_or_else(|| "nothing".to_owned(), |share| format!("{:.1} %", share * 100.0));
    format!(
        "{}: {}, links {}/{} to {}, window {in_flight}/{window}, submits {:.0}/s, arrived {arrived}, answers {}, \
         reports {}, queue {}",
        trunk.trunk_id,
        carrier.state().0,
        trunk.bound_link_count,
        trunk.wanted_link_count,
        carrier.remote(),
        carrier.submits.rate(),
        both(carrier.answers.percentiles(now)),
        both(carrier.reports.percentiles(now)),
        trunk.queue_depth,
    )
}

fn calls(picture: &Picture, now: Instant) -> String {
    let (ledger, totals) = (&picture.calls, picture.calls.totals());
    let ratio = totals
        .answer_ratio()
        .map_or_else(|| "none yet".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let answers = match ledger.answers.percentiles(now) {
        Some(both) => format!("p50 {} p95 {}", short(both.p50), short(both.p95)),
        None => "none".to_owned(),
    };
    let causes: Vec<_> = ledger.causes().iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    format!(
        "{}: {}, calls {:.1}/s, open {}, placed {}, inbound {}, answered {ratio}, answers {answers}, lost {}, causes: {}",
        picture.call_trunk.trunk_id,
        trunk_state(&picture.call_trunk).0,
        ledger.rate.rate(),
        grouped(totals.open),
        grouped(totals.placed),
        grouped(totals.inbound),
        grouped(totals.lost),
        if causes.is_empty() { "none yet".to_owned() } else { causes.join(", ") },
    )
}

fn totals(picture: &Picture) -> String {
    let totals = &picture.totals;
    format!(
        "all: accepted {}, delivered {}, failed {}, unknown {}, open {}, refused {}, inbound {}",
        grouped(totals.carried + totals.accepted),
        grouped(totals.delivered + totals.sent),
        grouped(totals.failed()),
        grouped(totals.unknown),
        grouped(totals.open),
        grouped(totals.refused),
        grouped(picture.inbound),
    )
}

fn event(line: &Line) -> String {
    let mut text = format!("{} {}", line.who, line.what);
    if !line.trunk.is_empty() {
        text.push_str(&format!(" over {}", line.trunk));
    }
    if !line.reason.is_empty() {
        text.push_str(&format!(", {}", line.reason));
    }
    if line.segments > 1 {
        text.push_str(&format!(", {} parts", line.segments));
    }
    if let Some(took) = line.took {
        text.push_str(&format!(", after {}", short(took)));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::picture::tests::sample;

    #[test]
    fn a_carrier_is_one_line() {
        let now = Instant::now();
        let picture = sample(now);
        assert_eq!(
            status(&picture.carriers[0], now + Duration::from_secs(9)),
            "smpp: up, links 2/2 to 127.0.0.1:40123, window 3/32, submits 53/s, arrived 100.0 %, \
             answers p50 180 ms p95 180 ms, reports p50 900 ms p95 900 ms, queue 5"
        );
        assert_eq!(
            calls(&picture, now + Duration::from_secs(9)),
            "sip: up, calls 4.0/s, open 1, placed 4, inbound 0, answered 66.7 %, answers p50 2.0 s p95 2.0 s, lost 0, \
             causes: normal 2, busy 1"
        );
        assert_eq!(
            totals(&picture),
            "all: accepted 1,234, delivered 1,150, failed 43, unknown 0, open 41, refused 0, inbound 1"
        );
    }

    #[test]
    fn an_event_is_one_line() {
        let picture = sample(Instant::now());
        let lines: Vec<_> = picture.lines().into_iter().map(event).collect();
        assert_eq!(
            lines,
            [
                "139****1234 inbound over cmpp, to 1069000012",
                "+86*******0001 delivered over smpp, DELIVRD, 3 parts, after 1.5 s",
                "+86*******0001 undelivered over cmpp, MK:0005 (unmapped), 3 parts, after 1.5 s",
            ]
        );
    }
}
