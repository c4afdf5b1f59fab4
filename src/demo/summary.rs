//! The last words: where every accepted message is, and which are still open.

use std::{fmt::Write, path::Path, time::Duration};

use super::{
    calls::CallTotals,
    ledger::{Key, Ledger, Open},
    measure::grouped,
    picture::Picture,
};
use crate::grpc::api::MessageState;

/// Open messages that are listed one by one.
const LISTED: usize = 20;

/// Everything that is to be said at the end.
#[must_use]
pub fn summary(ledger: &Ledger, picture: &Picture, ran: Duration, folder: &Path) -> String {
    let inbound = picture.inbound;
    let totals = ledger.totals();
    let mut text = format!("\nThe demo has ended after {}.\n\n", span(ran));
    let mut figure = |name: &str, count: u64| {
        let _ = writeln!(text, "  {name:<32}{:>12}", grouped(count));
    };
    if totals.carried > 0 {
        figure("open from the last run", totals.carried);
    }
    figure("accepted in this run", totals.accepted);
    figure("  delivered", totals.delivered);
    figure("  undelivered", totals.undelivered);
    figure("  rejected", totals.rejected);
    figure("  expired", totals.expired);
    figure("  unknown", totals.unknown);
    if totals.canceled > 0 {
        figure("  canceled", totals.canceled);
    }
    if totals.sent > 0 {
        figure("  sent, no report was wanted", totals.sent);
    }
    figure("  still open", totals.open);
    let all = grouped(totals.carried + totals.accepted);
    let verdict = if totals.is_balanced() {
        format!("{all} = {} ended + {} open: ", grouped(totals.ended()), grouped(totals.open))
            + "every accepted message is accounted for."
    } else {
        format!("{all} accepted, {} ended, {} open: ", grouped(totals.ended()), grouped(totals.open))
            + "these do not agree, which is a fault of the demo."
    };
    let _ = writeln!(text, "\n{verdict}");
    let _ = writeln!(
        text,
        "Refused before acceptance: {}. From phones: {}.",
        grouped(totals.refused),
        grouped(inbound)
    );
    list_open(&mut text, &ledger.open(), folder);
    account_for_calls(&mut text, &picture.calls.totals());
    text
}

fn account_for_calls(text: &mut String, calls: &CallTotals) {
    let verdict = if calls.is_balanced() {
        "every call is accounted for."
    } else {
        "these do not agree, which is a fault of the demo."
    };
    let left = match calls.carried {
        0 => String::new(),
        carried => format!(", {} left by the last run", grouped(carried)),
    };
    let _ = writeln!(
        text,
        "\nCalls: {} placed, {} from phones{left}, {} refused before acceptance.",
        grouped(calls.placed),
        grouped(calls.inbound),
        grouped(calls.refused),
    );
    let _ = writeln!(
        text,
        "{} = {} completed + {} not answered + {} lost + {} open: {verdict}",
        grouped(calls.all()),
        grouped(calls.completed),
        grouped(calls.unanswered),
        grouped(calls.lost),
        grouped(calls.open),
    );
}

fn list_open(text: &mut String, open: &[(&Key, &Open)], folder: &Path) {
    if open.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nStill open; the next run with --data {} goes on with them:", folder.display());
    for (key, open) in open.iter().take(LISTED) {
        let why = match open.state {
            Some(MessageState::Submitted) if open.segments > 1 => "reports incomplete",
            Some(MessageState::Submitted) => "no report yet",
            Some(MessageState::Submitting) => "no answer yet",
            Some(_) => "not sent yet",
            None => "acceptance unknown",
        };
        let _ = writeln!(
            text,
            "  {}  {:<15}  {why:<18}  {}",
            open.since.strftime("%H:%M:%SZ"),
            open.to,
            key.request_id
        );
    }
    if open.len() > LISTED {
        let _ = writeln!(text, "  and {} more", grouped((open.len() - LISTED) as u64));
    }
}

fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use jiff::Timestamp;

    use super::*;
    use crate::demo::picture::tests::sample;

    #[test]
    fn accounts_for_every_message_and_lists_what_is_open() {
        let mut ledger = Ledger::new("demo");
        let key = |number: usize| Key { tenant_id: "demo".into(), request_id: format!("r{number}") };
        let at = Timestamp::UNIX_EPOCH;
        for number in 0..30 {
            ledger.offered(key(number), "138****8000".into(), at);
            ledger.accepted(&key(number), 1);
        }
        ledger.moved(&key(0), MessageState::Delivered, "", at);
        ledger.moved(&key(1), MessageState::Rejected, "", at);
        ledger.moved(&key(2), MessageState::Submitted, "", at);
        let picture = Picture { inbound: 5, ..sample(Instant::now()) };
        let text = summary(&ledger, &picture, Duration::from_secs(83), Path::new("./x"));
        for part in [
            "after 1 min 23 s",
            "accepted in this run                      30",
            "30 = 2 ended + 28 open: every accepted message is accounted for.",
            "From phones: 5.",
            "--data ./x",
            "00:00:00Z  138****8000      no report yet       r2",
            "not sent yet        r10",
            "and 8 more",
            "Calls: 4 placed, 0 from phones, 0 refused before acceptance.",
            "4 = 2 completed + 1 not answered + 0 lost + 1 open: every call is accounted for.",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
        assert!(!text.contains("canceled") && !text.contains("last run"), "{text}");
    }

    #[test]
    fn lists_nothing_when_nothing_is_open() {
        let text = summary(&Ledger::new("demo"), &sample(Instant::now()), Duration::ZERO, Path::new("x"));
        assert!(!text.contains("Still open"), "{text}");
        assert!(text.contains("0 = 0 ended + 0 open"), "{text}");
    }
}
