//! What carriers send us: made durable first, answered then.
//!
//! One task per trunk. It takes what waits, writes it in one commit, and answers; while the disk works the next group
//! gathers. When the store can't take it, the carrier is told to send it again later.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codecs::text::{
    Concat, Reassembly, Width,
    reassembly::{Added, Assembled, Config as ReassemblyConfig},
};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tracing::{debug, error, warn};

use super::{Diagnosis, Doctor};
use crate::{
    clock,
    domain::{CarrierId, CarrierStatus, InboundMessage, MessageId, Number, Report, ReportedState, TrunkId},
    routing::Router,
    store::{InboundChange, InboundPart, ReportFate, Store, StoreError},
    telemetry::metrics::{self, TrunkMetrics, seconds},
    trunk::{
        TrunkStatus,
        sms::{
            InboundBatch,
            adapter::{Inbound, MobileOriginated, Planner, Verdict},
        },
    },
};

/// Batches taken at once.
const BATCHES: usize = 32;
/// How often incomplete messages are looked at when nothing comes in.
const IDLE: Duration = Duration::from_secs(30);

/// What the task needs.
pub struct InboundParts {
    /// The trunk.
    pub trunk_id: TrunkId,
    /// Decodes texts.
    pub planner: Arc<dyn Planner>,
    /// Knows whose the numbers are that are written to.
    pub router: Router,
    /// Where everything becomes durable.
    pub store: Store,
    /// What the links bring. The task ends when they have all ended.
    pub inbox: mpsc::Receiver<InboundBatch>,
    /// How long a long message may lack a part.
    pub reassembly_timeout: Duration,
    /// Where the trunk's counts are seen.
    pub status: watch::Sender<TrunkStatus>,
    /// Its metrics.
    pub metrics: TrunkMetrics,
    /// Looks into reports that find no message.
    pub doctor: Doctor,
    /// Where its findings are seen.
    pub diagnosis: watch::Sender<Diagnosis>,
}

/// Who wrote to whom.
type Conversation = (Vec<u8>, Vec<u8>);

/// What is kept with a part: its row, and how it is coded.
#[derive(Debug, Clone, Copy)]
struct Kept {
    id: MessageId,
    data_coding: u8,
}

/// Incomplete messages: what their parts in the store are made whole by.
type PartsByMessage = Reassembly<Conversation, Kept>;

/// Takes what the links bring until they have all ended.
pub async fn run(mut parts: InboundParts) {
    let mut reassembly = empty_reassembly(&parts);
    if let Err(failed) = restore(&parts, &mut reassembly).await {
        error!(trunk = %parts.trunk_id, error = %failed, "parts of incoming messages could not be read again");
    }
    let mut batches = Vec::with_capacity(BATCHES);
    loop {
        let wake = [reassembly.poll_timeout(), parts.doctor.poll_timeout()].into_iter().flatten().min();
        let wake = wake.map_or_else(|| tokio::time::Instant::now() + IDLE, tokio::time::Instant::from_std);
        tokio::select! {
            biased;
            () = sleep_until(wake) => {
                reassembly.handle_timeout(clock::now().mono);
                let given_up = assembled(&parts, &mut reassembly);
                if let Err(failed) = record(&parts, given_up).await {
                    warn!(trunk = %parts.trunk_id, error = %failed, "incomplete messages stay until the next start");
                }
                if let Err(failed) = examine(&mut parts).await {
                    warn!(trunk = %parts.trunk_id, error = %failed, "reports without a message could not be looked into");
                }
            }
            taken = parts.inbox.recv_many(&mut batches, BATCHES) => {
                if taken == 0 { return; }
                take(&mut parts, &mut reassembly, std::mem::take(&mut batches)).await;
            }
        }
    }
}

fn empty_reassembly(parts: &InboundParts) -> PartsByMessage {
    Reassembly::new(ReassemblyConfig { timeout: parts.reassembly_timeout, ..ReassemblyConfig::default() })
}

/// Parts that an earlier run kept.
async fn restore(parts: &InboundParts, reassembly: &mut PartsByMessage) -> Result<(), StoreError> {
    let now = clock::now().mono;
    for part in parts.store.inbound_parts().await? {
        if part.trunk_id != parts.trunk_id {
            continue;
        }
        let (reference, width, total, number) = part.concat;
        let width = if width == 2 { Width::Sixteen } else { Width::Eight };
        let concat = Concat { reference, width, total, part: number };
        let key = (part.from.into_bytes(), part.to.into_bytes());
        let kept = Kept { id: part.id, data_coding: part.data_coding };
        let _ = reassembly.add(now, key, concat, Bytes::from(part.octets), kept);
    }
    Ok(())
}

async fn take(parts: &mut InboundParts, reassembly: &mut PartsByMessage, batches: Vec<InboundBatch>) {
    let mut reports = Vec::new();
    let mut changes = Vec::new();
    let mut answers = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut tickets = Vec::with_capacity(batch.items.len());
        for (ticket, inbound) in batch.items {
            let is_report = matches!(inbound, Inbound::Report(_));
            tickets.push((ticket, is_report));
            match inbound {
                Inbound::Report(report) => reports.push(*report),
                Inbound::Mobile(mobile) => mobile_originated(parts, reassembly, mobile, &mut changes),
            }
        }
        answers.push((batch.answers, tickets));
    }
    let unmatched = |report: &Report| (report.carrier_ids.clone(), report.recipient.clone());
    let named: Vec<_> = reports.iter().map(unmatched).collect();
    let (applied, recorded) = tokio::join!(apply(parts, reports), record(parts, changes));
    let reported = applied.map(|fates| note(parts, named, &fates));
    let verdict = |done: &Result<(), StoreError>| if done.is_ok() { Verdict::Taken } else { Verdict::Later };
    for failed in [&reported, &recorded].into_iter().filter_map(|done| done.as_ref().err()) {
        error!(trunk = %parts.trunk_id, error = %failed, "the carrier is asked to send again what could not be stored");
    }
    if recorded.is_err() {
        // Memory is ahead of the disk now, and would take what the carrier sends again for a repeat. What is durable is
        // found at the next start.
        *reassembly = empty_reassembly(parts);
    }
    for (answers, tickets) in answers {
        let verdicts = tickets
            .into_iter()
            .map(|(ticket, is_report)| (ticket, verdict(if is_report { &reported } else { &recorded })))
            .collect();
        // The link has room for as many answers as it has requests waiting; a link that is gone needs none.
        let _ = answers.send(verdicts).await;
    }
}

async fn apply(parts: &InboundParts, reports: Vec<Report>) -> Result<Vec<ReportFate>, StoreError> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let facts: Vec<_> = reports.iter().map(facts).collect();
    let fates = parts.store.apply_reports(parts.trunk_id.clone(), reports).await?;
    let (mut delivered, mut failed, mut parked) = (0, 0, 0);
    for ((state, delay, status), fate) in facts.into_iter().zip(&fates) {
        if let Some(delay) = delay {
            parts.metrics.report_delay.record(seconds(delay));
        }
        match fate {
            ReportFate::Applied { state: message_state, ended } => {
                parts.metrics.reports_applied.increment(1);
                match state {
                    Some(ReportedState::Delivered) => delivered += 1,
                    _ => failed += 1,
                }
                if *ended {
                    parts.metrics.ended(*message_state, Some(&status));
                }
            }
            ReportFate::ResolvedUnknown => parts.metrics.reports_applied.increment(1),
            ReportFate::Intermediate | ReportFate::Repeated => parts.metrics.reports_repeated.increment(1),
            ReportFate::Contradicts => {
                parts.metrics.reports_contradicting.increment(1);
                debug!(trunk = %parts.trunk_id, "a report contradicts a final state and is only noted");
            }
            // The worker counts it again when the answer to its submit comes.
            ReportFate::Parked => {
                parked += 1;
                parts.metrics.reports_parked.increment(1);
            }
        }
    }
    parts.status.send_modify(|status| {
        status.reported.delivered += delivered;
        status.reported.failed += failed;
        status.reported.unmatched += parked;
    });
    Ok(fates)
}

/// Tells the doctor which reports found a message by their ids and which did not.
fn note(parts: &mut InboundParts, named: Vec<(Vec<CarrierId>, Number)>, fates: &[ReportFate]) {
    let now = clock::now().mono;
    for ((ids, recipient), fate) in named.into_iter().zip(fates) {
        match fate {
            ReportFate::Parked => parts.doctor.unmatched(&ids, &recipient, now),
            // Nobody knew its id, so it says nothing of ids.
            ReportFate::ResolvedUnknown => {}
            _ => parts.doctor.matched(now),
        }
    }
}

/// Asks the store about reports without a message, and says what is found.
async fn examine(parts: &mut InboundParts) -> Result<(), StoreError> {
    let now = clock::now().mono;
    let questions = parts.doctor.questions(now);
    if !questions.is_empty() {
        let answers = parts.store.known_ids(parts.trunk_id.clone(), questions).await?;
        for form in parts.doctor.answered(&answers, now) {
            metrics::misread(parts.trunk_id.as_str(), form.name());
        }
        if let Some(warning) = parts.doctor.poll_warning(now) {
            warn!(trunk = %parts.trunk_id, "{warning}");
        }
    }
    if let Some(diagnosis) = parts.doctor.poll_diagnosis(now) {
        parts.diagnosis.send_replace(diagnosis);
    }
    Ok(())
}

type Facts = (Option<ReportedState>, Option<Duration>, CarrierStatus);

/// What is counted of a report, before the store takes it.
fn facts(report: &Report) -> Facts {
    let since = |submitted: Timestamp| Duration::try_from(report.receive_time.duration_since(submitted)).ok();
    (report.state, report.submit_time.and_then(since), report.status.clone())
}

async fn record(parts: &InboundParts, changes: Vec<InboundChange>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    parts.store.record_inbound(changes).await
}

/// A whole message is told at once; a part is kept, and told when it was the last one missing.
fn mobile_originated(
    parts: &InboundParts,
    reassembly: &mut PartsByMessage,
    mobile: MobileOriginated,
    changes: &mut Vec<InboundChange>,
) {
    let now = clock::now();
    let Some(concat) = mobile.concat else {
        let message = whole(parts, &mobile, now.wall);
        parts.metrics.inbound_complete.increment(1);
        return changes.push(complete(parts, message, Vec::new()));
    };
    let id = clock::fresh_id();
    let key = (mobile.from.clone(), mobile.to.clone());
    let kept = Kept { id, data_coding: mobile.data_coding };
    match reassembly.add(now.mono, key, concat, mobile.octets.clone(), kept) {
        // The carrier repeats what is durable already.
        Added::Repeated(_) => {}
        Added::Kept => {
            let width = if concat.width == Width::Sixteen { 2 } else { 1 };
            changes.push(InboundChange::Keep(InboundPart {
                id,
                trunk_id: parts.trunk_id.clone(),
                from: lossy(&mobile.from),
                to: lossy(&mobile.to),
                data_coding: mobile.data_coding,
                concat: (concat.reference, width, concat.total, concat.part),
                octets: mobile.octets.to_vec(),
                receive_time: now.wall,
            }));
        }
    }
    changes.extend(assembled(parts, reassembly));
}

fn assembled(parts: &InboundParts, reassembly: &mut PartsByMessage) -> Vec<InboundChange> {
    let mut changes = Vec::new();
    while let Some(message) = reassembly.poll_assembled() {
        let counter = if message.complete {
            &parts.metrics.inbound_complete
        } else {
            &parts.metrics.inbound_incomplete
        };
        counter.increment(1);
        let rows = message.parts.iter().flatten().map(|part| part.payload.id).collect();
        changes.push(complete(parts, joined(parts, &message), rows));
    }
    changes
}

/// A message that is whole, for the tenant whose number it was written to.
fn complete(parts: &InboundParts, message: InboundMessage, rows: Vec<MessageId>) -> InboundChange {
    let owner = parts.router.table().owner(&Number::from_carrier(message.to.as_bytes()));
    InboundChange::Complete { owner, message, parts: rows }
}

fn whole(parts: &InboundParts, mobile: &MobileOriginated, receive_time: Timestamp) -> InboundMessage {
    let (text, encoding) = parts.planner.decode(mobile.data_coding, &mobile.octets).unwrap_or_default();
    InboundMessage {
        id: clock::fresh_id(),
        trunk_id: parts.trunk_id.clone(),
        from: Number::from_carrier(&mobile.from),
        to: lossy(&mobile.to),
        text,
        raw: mobile.octets.to_vec(),
        encoding,
        segments: 1,
        complete: true,
        receive_time,
    }
}

fn joined(parts: &InboundParts, message: &Assembled<Conversation, Kept>) -> InboundMessage {
    let mut text = String::new();
    let mut encoding = None;
    let there: Vec<_> = message.parts.iter().flatten().collect();
    // Senders that change the charset within one message exist; a run of one charset is read as one text.
    for run in there.chunk_by(|a, b| a.payload.data_coding == b.payload.data_coding) {
        let octets: Vec<&[u8]> = run.iter().map(|part| &part.octets[..]).collect();
        if let Some((decoded, found)) = parts.planner.decode(run[0].payload.data_coding, &octets.concat()) {
            text.push_str(&decoded);
            encoding = found;
        }
    }
    let (from, to) = &message.key;
    InboundMessage {
        id: clock::fresh_id(),
        trunk_id: parts.trunk_id.clone(),
        from: Number::from_carrier(from),
        to: lossy(to),
        text,
        raw: message.joined(),
        encoding,
        segments: message.concat.total,
        complete: message.complete,
        receive_time: clock::wall(),
    }
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{CarrierIdForm, MessageConfig, RetentionConfig, StoreConfig},
        domain::{Message, TextEncoding},
        routing::RouteTable,
        trunk::{
            Limits,
            sms::adapter::{PrepareError, Prepared},
        },
    };

    /// Sends nothing and reads nothing.
    struct Mute;

    impl Planner for Mute {
        fn prepare(&self, _: &Message, _: u16) -> Result<Prepared, PrepareError> {
            Err(PrepareError::SenderNotAllowed("mute".into()))
        }

        fn decode(&self, _: u8, _: &[u8]) -> Option<(String, Option<TextEncoding>)> {
            None
        }
    }

    fn parts(store: Store) -> InboundParts {
        let id = TrunkId::from("north");
        let blank = TrunkStatus::blank(id.clone(), "smpp34", String::new(), Limits::default());
        let (status, _) = watch::channel(blank);
        InboundParts {
            trunk_id: id.clone(),
            planner: Arc::new(Mute),
            router: Router::new(RouteTable::new(&[], vec![id.clone()], Arc::default(), Vec::new())),
            store,
            inbox: mpsc::channel(1).1,
            reassembly_timeout: IDLE,
            status,
            metrics: TrunkMetrics::new("north"),
            doctor: Doctor::new("north".into(), CarrierIdForm::Plain, true),
            diagnosis: watch::channel(Diagnosis::new("north".into(), CarrierIdForm::Plain)).0,
        }
    }

    #[tokio::test]
    async fn a_part_that_could_not_be_stored_is_refused_each_time_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            path: folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 1 << 20,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let messages = MessageConfig {
            default_validity: IDLE,
            max_validity: IDLE,
            max_schedule: Duration::from_secs(7 * 86_400),
            report_window: IDLE,
            orphan_hold: IDLE,
            reassembly_timeout: IDLE,
            max_segments: 10,
            intermediate_events: false,
        };
        let (store, _) = Store::open(&config, &messages).unwrap();
        let mut parts = parts(store.clone());
        let mut reassembly = empty_reassembly(&parts);
        // As good as a disk that fails: no verb is taken any more.
        store.close().await;
        let (answers, mut answered) = mpsc::channel(1);
        for _ in 0..2 {
            let part = MobileOriginated {
                from: b"13800138000".to_vec(),
                to: b"1069".to_vec(),
                data_coding: 0,
                concat: Some(Concat { reference: 1, width: Width::Eight, total: 2, part: 1 }),
                octets: Bytes::from_static(b"half"),
            };
            let batch = InboundBatch { answers: answers.clone(), items: vec![(7, Inbound::Mobile(part))] };
            take(&mut parts, &mut reassembly, vec![batch]).await;
            assert_eq!(answered.recv().await.unwrap(), [(7, Verdict::Later)]);
        }
    }
}
