//! Crashes, damaged files and failing disks: refused with a clear word or recovered, and nothing invented.

use std::{fs::OpenOptions, io::Write, path::Path, time::Duration};

use fjall::{Database, KeyspaceCreateOptions, PersistMode};

use super::bench::*;
use crate::{
    domain::{MessageId, MessageState, Payload, ReportedState},
    store::{
        Accepted, MessageKey, Store, StoreError,
        recovery::FORMAT,
        rows::{Space, encode},
    },
};

/// Puts octets where a row belongs, behind the store's back.
fn overwrite(bench: &Bench, keyspace: &str, key: &[u8], row: &[u8]) {
    let db = Database::builder(&bench.config.path).open().unwrap();
    let keyspace = db.keyspace(keyspace, KeyspaceCreateOptions::default).unwrap();
    keyspace.insert(key, row).unwrap();
    db.persist(PersistMode::SyncAll).unwrap();
}

fn hex(id: MessageId) -> String {
    id.octets().iter().map(|octet| format!("{octet:02x}")).collect()
}

#[tokio::test]
async fn a_damaged_open_message_is_named_and_holds_no_other_back() {
    let mut bench = Bench::new();
    let (first, bad) = (bench.accept(new("r1")).await, bench.accept(new("r2")).await);
    let (last, sent) = (bench.accept(new("r3")).await, bench.accept(new("r4")).await);
    bench.begin(&attempt(bad, 1)).await;
    bench.submit(sent, "c4").await;
    bench.crash();
    overwrite(&bench, "open", bad.octets(), b"rubbish rubbish");
    bench.open().unwrap();
    assert_eq!((bench.recovered.open, bench.recovered.ambiguous), (4, 0));
    let page = bench.store().queued(None, 10).await.unwrap();
    let ids: Vec<_> = page.messages.iter().map(|stored| stored.message.id).collect();
    assert_eq!((ids, page.damaged), (vec![first, last], 1));
    let error = bench.store().message(MessageKey::Id(bad)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { keyspace: "open", .. }));
    assert!(error.to_string().contains(&hex(bad)), "{error}");
    let closed = now() + bench.messages.report_window + Duration::from_secs(1);
    for _ in 0..2 {
        bench.store().sweep(closed, 100).await.unwrap();
    }
    assert_eq!(bench.moves().await, [(sent, MessageState::Unknown)]);
}

#[tokio::test]
async fn a_folder_that_does_not_know_how_much_is_open_is_counted() {
    let mut bench = Bench::new();
    for request in ["r1", "r2", "r3"] {
        bench.accept(new(request)).await;
    }
    let forgetting = bench.store().call(|verbs| {
        verbs.txn.remove(Space::Meta, fjall::Slice::from("open"));
        Ok(())
    });
    forgetting.await.unwrap();
    bench.restart();
    assert_eq!((bench.recovered.open, bench.store().usage().open), (3, 3));
    let id = bench.accept(new("r4")).await;
    bench.restart();
    assert_eq!(bench.recovered.open, 4);
    bench.store().withdraw(id).await.unwrap();
    bench.restart();
    assert_eq!(bench.recovered.open, 3);
}

#[tokio::test]
async fn a_damaged_row_met_later_fails_its_verb_and_no_other() {
    let mut bench = Bench::new();
    let (bad, good) = (bench.accept(new("r1")).await, bench.accept(new("r2")).await);
    bench.submit(bad, "c1").await;
    bench.submit(good, "c2").await;
    bench.crash();
    overwrite(&bench, "message", bad.octets(), b"");
    bench.open().unwrap();
    let error = bench.store().message(MessageKey::Id(bad)).await.unwrap_err();
    assert!(error.to_string().contains(&hex(bad)), "{error}");
    let error = bench.store().apply_reports(trunk(), vec![report("c1", ReportedState::Delivered)]).await;
    assert!(matches!(error, Err(StoreError::Corrupt { keyspace: "message", .. })));
    bench.report(report("c2", ReportedState::Delivered)).await;
    assert_eq!(bench.moves().await, [(good, MessageState::Delivered)]);
}

#[tokio::test]
async fn a_folder_of_a_later_form_is_refused() {
    let mut bench = Bench::new();
    bench.crash();
    let row = encode(Space::Meta, &mut Vec::new(), &(FORMAT + 1)).unwrap();
    overwrite(&bench, "meta", b"format", &row);
    let error = bench.open().unwrap_err().to_string();
    assert!(error.contains(&format!("form {}", FORMAT + 1)) && error.contains("later daemon"), "{error}");
}

#[tokio::test]
async fn a_path_that_is_no_folder_of_ours_is_refused_with_what_to_do() {
    let mut bench = Bench::new();
    let file = bench.folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let mut config = bench.config.clone();
    for path in [file.clone(), file.join("below")] {
        config.path = path;
        let error = Store::open(&config, &bench.messages).err().unwrap();
        assert!(matches!(error, StoreError::Open { .. }), "{error}");
        assert!(error.to_string().contains("name a folder in store.path"), "{error}");
    }
    let error = Store::open(&bench.config, &bench.messages).err().unwrap().to_string();
    assert!(error.contains("another process has it open"), "{error}");
    bench.crash();
    // The engine's own files damaged.
    for entry in std::fs::read_dir(&bench.config.path).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == "version") {
            OpenOptions::new().write(true).truncate(true).open(path).unwrap().write_all(b"?").unwrap();
        }
    }
    assert!(matches!(bench.open(), Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn after_a_failed_commit_nothing_more_is_taken_until_the_next_start() {
    let mut bench = Bench::new();
    let before = bench.accept(new("r1")).await;
    let lost = new("r2");
    let failing = bench.store().call(move |verbs| {
        verbs.txn.disk_fails = true;
        verbs.accept(vec![lost])
    });
    assert!(matches!(failing.await, Err(StoreError::Failed(_))));
    for _ in 0..2 {
        let refused = bench.store().accept(vec![new("r3")]).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    }
    assert!(matches!(bench.store().withdraw(before).await, Err(StoreError::Failed(_))));
    bench.restart();
    assert_eq!(bench.recovered.open, 1);
    assert_eq!(bench.store().accept(vec![new("r2")]).await.unwrap(), [Accepted::New]);
}

#[tokio::test]
async fn a_verb_that_panics_is_told_as_a_failure() {
    let mut bench = Bench::new();
    let id = bench.accept(new("r1")).await;
    let failing = bench.store().call::<()>(|_| panic!("a fault that the test makes"));
    assert!(matches!(failing.await, Err(StoreError::Failed(_))));
    assert!(matches!(bench.store().withdraw(id).await, Err(StoreError::Failed(_))));
    bench.restart();
    assert_eq!(bench.state(id).await, MessageState::Accepted);
}

/// A journal without the zeros that were set aside behind its data.
fn data_of(journal: &Path) -> Vec<u8> {
    let mut octets = std::fs::read(journal).unwrap();
    let end = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    octets.truncate(end);
    octets
}

/// What was told before the damage must be a beginning of what was told after, whole verb by whole verb.
async fn check_nothing_is_invented(bench: &Bench, ids: &[MessageId]) -> usize {
    let mut present = Vec::new();
    for id in ids {
        let stored = bench.store().message(MessageKey::Id(*id)).await.unwrap();
        present.push(stored.is_some());
    }
    assert!(present.is_sorted_by(|one, next| one >= next), "a later message without an earlier one");
    for event in bench.log().await {
        let Payload::Message(moved) = event.payload else { panic!("an event that nobody made") };
        assert_eq!(bench.state(moved.message_id).await, moved.state);
    }
    present.iter().filter(|present| **present).count()
}

#[tokio::test]
async fn a_journal_cut_anywhere_at_its_end_loses_whole_commits_only() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    for number in 0..4 {
        let id = bench.accept(new(&format!("r{number}"))).await;
        bench.submit(id, &format!("c{number}")).await;
        bench.report(report(&format!("c{number}"), ReportedState::Delivered)).await;
        ids.push(id);
    }
    bench.crash();
    let journal = bench.journal();
    let whole = data_of(&journal);
    let mut last = ids.len();
    for cut in (1..whole.len().min(2_000)).step_by(37) {
        std::fs::write(&journal, &whole[..whole.len() - cut]).unwrap();
        bench.open().unwrap();
        let left = check_nothing_is_invented(&bench, &ids).await;
        assert!(left <= last, "cutting more brought something back");
        last = left;
        bench.crash();
        std::fs::write(bench.journal(), &whole).unwrap();
    }
    assert!(last < ids.len(), "the cuts reached no message");
}

#[tokio::test]
async fn a_changed_octet_in_the_journal_is_refused_or_loses_whole_commits() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(bench.accept(new(&format!("r{number}"))).await);
    }
    bench.crash();
    let journal = bench.journal();
    let whole = data_of(&journal);
    let (mut refused, mut opened) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x5a;
        std::fs::write(bench.journal(), changed).unwrap();
        match bench.open() {
            Ok(()) => {
                opened += 1;
                check_nothing_is_invented(&bench, &ids).await;
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
        bench.crash();
    }
    assert!(refused > 0, "no change was noticed, {opened} opened");
}
