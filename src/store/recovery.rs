//! Opening: what the folder holds is checked and read, and what may have been on the wire is resolved.

use std::{
    fs,
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use fjall::{Database, PersistMode, Readable, Slice};

use super::{
    Attempt, ParkedReport, Recovered, StoreError,
    attempts::{Marks, is_stale},
    calls::OpenCalls,
    doubts::{Doubt, Doubts},
    events,
    retain::Lives,
    room::Room,
    rows::{Former, Space, Spaces, decode, encode, number_of, wire_of},
    spans::{Spans, day_of, days_in},
    sweep::Windows,
    txn::failed,
    usage::Gauges,
    verbs::Verbs,
};
use crate::{
    clock,
    config::{MessageConfig, StoreConfig},
    domain::{AmbiguityPolicy, MessageId, SegmentState, TrunkId},
};

/// Form of the whole folder. A daemon refuses a folder of a later form than its own.
///
/// In form 1 the keys of requests and carrier ids begin with no span. They are read where they are, and go as a whole when
/// the newest of them has lived its life.
pub(super) const FORMAT: u32 = 2;
/// The day on which the folder came to this form: no row of an earlier one is younger.
const FORMED_KEY: &[u8] = b"formed";
const FORMAT_KEY: &[u8] = b"format";
/// Number of open messages.
pub(super) const OPEN_KEY: &[u8] = b"open";
/// Where the search for closed report windows stands: [`MessageId`].
pub(super) const SWEPT_KEY: &[u8] = b"swept";
/// Threads that write and merge the engine's tables.
const ENGINE_THREADS: usize = 2;
/// Room for the engine's journals, octets: they are read again after a crash, so this decides how long opening takes. The
/// engine takes no less.
const JOURNAL_OCTETS: u64 = 64 * 1024 * 1024;

/// Opens the folder and makes its state ready for the first verb.
pub(super) fn open(config: &StoreConfig, messages: &MessageConfig) -> Result<(Verbs, Recovered), StoreError> {
    let refused = |reason: String| StoreError::Open { path: config.path.display().to_string(), reason };
    prepare_folder(&config.path).map_err(refused)?;
    let mut spaces = open_engine(config).map_err(refused)?;
    check_format(&spaces, &config.path)?;
    let lives = Lives::new(config, messages);
    drop_former(&mut spaces, lives)?;

    let gauges = Arc::<Gauges>::default();
    let mut room = Room::new(config.path.clone(), config.reserve_octets, gauges.clone());
    room.look();
    let mut verbs = Verbs::new(Arc::new(spaces), messages.clone(), room, gauges);
    if let Some(last) = events::last(verbs.txn.spaces())? {
        verbs.sequence = last.id.sequence;
        verbs.now = verbs.now.max(last.record_time);
    }
    verbs.requests = Spans::read(verbs.txn.spaces(), Space::Request, lives.requests)?;
    verbs.carriers = Spans::read(verbs.txn.spaces(), Space::Carrier, lives.carrier_ids)?;
    verbs.call_requests = Spans::read(verbs.txn.spaces(), Space::CallRequest, lives.requests)?;
    verbs.open_calls = OpenCalls::read(verbs.txn.spaces())?;
    let calls = verbs.open_calls.len();
    let open = count_open(&verbs)?;
    verbs.open_written = open;
    verbs.windows = Windows::from(verbs.txn.get::<MessageId>(Space::Meta, SWEPT_KEY)?);
    verbs.doubts = Doubts::read(verbs.txn.spaces())?;
    verbs.gauges.open.store(open, Ordering::Relaxed);
    let (ambiguous, resubmitted) = resolve_wire(&mut verbs)?;
    let parked = read_parked(&mut verbs)?;
    verbs.commit()?;
    Ok((verbs, Recovered { open, ambiguous, resubmitted, parked, calls }))
}

fn prepare_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "it is a file, or lies in one: name a folder in store.path".to_owned()
        }
        ErrorKind::PermissionDenied => {
            format!("the folder can't be made ({error}): let the daemon's user write there")
        }
        _ => format!("the folder can't be made: {error}"),
    })?;
    fs::read_dir(path).map(drop).map_err(|error| {
        format!("the folder can't be read ({error}): let the daemon's user read and write it")
    })
}

fn open_engine(config: &StoreConfig) -> Result<Spaces, String> {
    // The engine panics on some damaged files instead of refusing them.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = Database::builder(&config.path)
            .cache_size(config.cache_octets)
            .max_journaling_size(JOURNAL_OCTETS)
            .worker_threads(ENGINE_THREADS)
            .open()?;
        Spaces::open(db)
    }));
    match opened {
        Ok(Ok(spaces)) => Ok(spaces),
        Ok(Err(fjall::Error::Locked)) => {
            Err("another process has it open: end that one, or name another folder in store.path".into())
        }
        Ok(Err(fjall::Error::InvalidVersion(_))) => {
            Err("it was written by another version of the engine: use the daemon that wrote it".into())
        }
        Ok(Err(fjall::Error::Io(error))) => Err(format!("{error}")),
        Ok(Err(error)) => Err(format!("its files are damaged ({error}): restore them from a backup")),
        Err(_) => Err("its files are damaged: restore them from a backup".into()),
    }
}

/// Refuses a folder of a later form, and makes one of an earlier form, or a new one, one of ours.
fn check_format(spaces: &Spaces, path: &Path) -> Result<(), StoreError> {
    let meta = &spaces[Space::Meta];
    let format: Option<u32> = match meta.get(FORMAT_KEY).map_err(|error| failed(&error))? {
        Some(row) => Some(decode(Space::Meta, FORMAT_KEY, &row)?),
        None => None,
    };
    match format {
        Some(FORMAT) => return Ok(()),
        Some(later) if later > FORMAT => {
            let reason =
                format!("it has form {later} and this daemon knows forms up to {FORMAT}: use a later daemon");
            return Err(StoreError::Open { path: path.display().to_string(), reason });
        }
        _ => {}
    }
    for (key, number) in [(FORMED_KEY, day_of(clock::wall())), (FORMAT_KEY, FORMAT)] {
        let row = encode(Space::Meta, &mut Vec::new(), &number)?;
        meta.insert(Slice::from(key), row).map_err(|error| failed(&error))?;
    }
    spaces.db.persist(PersistMode::SyncAll).map_err(|error| failed(&error))
}

/// Drops what a folder of the first form left behind, once it has lived its life.
fn drop_former(spaces: &mut Spaces, lives: Lives) -> Result<(), StoreError> {
    let formed = spaces[Space::Meta].get(FORMED_KEY).map_err(|error| failed(&error))?;
    let Some(row) = formed else { return Ok(()) };
    let formed: u32 = decode(Space::Meta, FORMED_KEY, &row)?;
    let today = day_of(clock::wall());
    let Former { request, carrier } = &mut spaces.former;
    for (keyspace, life) in [(request, lives.requests), (carrier, lives.carrier_ids)] {
        if let Some(over) = keyspace.take_if(|_| formed.saturating_add(days_in(life)) < today) {
            spaces.db.delete_keyspace(over).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// How many messages are open. They are not read: what is to be sent is read in pages once the daemon serves, what
/// waits for a report when its report comes or its window closes, and a damaged row is told of then.
fn count_open(verbs: &Verbs) -> Result<u64, StoreError> {
    if let Some(open) = verbs.txn.get(Space::Meta, OPEN_KEY)? {
        return Ok(open);
    }
    // A folder that was written before they were counted.
    let spaces = verbs.txn.spaces();
    let open = spaces.db.snapshot().len(&spaces[Space::Open]).map_err(|error| failed(&error))?;
    Ok(open as u64)
}

/// Resolves what the marks name by each message's policy and removes them. Gives how many segments may have been on the
/// wire, and how many of these are sent again.
fn resolve_wire(verbs: &mut Verbs) -> Result<(u64, u64), StoreError> {
    let spaces = verbs.txn.spaces().clone();
    let mut on_wire = Vec::new();
    for row in spaces.db.snapshot().iter(&spaces[Space::Wire]) {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        let (trunk, number) = wire_of(&key)?;
        for attempt in decode::<Vec<Attempt>>(Space::Wire, &key, &row)? {
            verbs.marks.recall(&trunk, number, attempt.clone());
            on_wire.push((trunk.clone(), attempt));
        }
        verbs.txn.remove(Space::Wire, key);
    }
    let (mut ambiguous, mut resubmitted) = (0, 0);
    for (trunk, attempt) in on_wire {
        match resolve(verbs, &trunk, &attempt) {
            Ok(Some(AmbiguityPolicy::AwaitReport)) => ambiguous += 1,
            Ok(Some(AmbiguityPolicy::Resubmit)) => {
                ambiguous += 1;
                resubmitted += 1;
            }
            Ok(None) => {}
            Err(error @ StoreError::Corrupt { .. }) => {
                let message_id = attempt.message_id;
                tracing::error!(%message_id, %error, "a message that may have been on the wire can't be read: it is left as it is");
            }
            Err(error) => return Err(error),
        }
    }
    verbs.marks = Marks::default();
    Ok((ambiguous, resubmitted))
}

/// Gives what is done about a try; `None`: it had been settled.
fn resolve(
    verbs: &mut Verbs,
    trunk: &TrunkId,
    attempt: &Attempt,
) -> Result<Option<AmbiguityPolicy>, StoreError> {
    let Some(mut live) = verbs.take(attempt.message_id)? else { return Ok(None) };
    if live.delivery.ended.is_none() && live.delivery.plan != attempt.plan {
        live.delivery.replan(attempt.plan);
    }
    let ended = live.delivery.ended.is_some();
    let Some(segment) =
        live.delivery.segment_mut(attempt.segment).filter(|segment| !is_stale(segment, attempt))
    else {
        verbs.give_back(attempt.message_id, live);
        return Ok(None);
    };
    segment.trunk_id = Some(trunk.clone());
    segment.submit_time = Some(attempt.submit_time);
    segment.attempts = segment.attempts.max(attempt.attempts).saturating_add(1);
    if live.message.report_requested {
        verbs.doubts.add(&mut verbs.txn, trunk, &live.message.to, Doubt::from(attempt))?;
    }
    verbs.note_interrupted(trunk, attempt)?;
    let policy = if ended { AmbiguityPolicy::AwaitReport } else { live.message.ambiguity };
    match policy {
        AmbiguityPolicy::AwaitReport => {
            let time = verbs.now;
            let moved = live.delivery.move_segment(attempt.segment, SegmentState::Ambiguous, None, time);
            verbs.tell_move(&live, moved, Some(attempt.segment), time)?;
        }
        AmbiguityPolicy::Resubmit => live.delivery.possible_duplicate = true,
    }
    verbs.keep(attempt.message_id, live)?;
    Ok(Some(policy))
}

fn read_parked(verbs: &mut Verbs) -> Result<u64, StoreError> {
    let spaces = verbs.txn.spaces().clone();
    for row in spaces.db.snapshot().iter(&spaces[Space::Parked]) {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        let (trunk, report): ParkedReport = decode(Space::Parked, &key, &row)?;
        verbs.parked.remember(number_of(Space::Parked, &key)?, &trunk, &report);
    }
    Ok(verbs.parked.len())
}
