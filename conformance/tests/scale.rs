//! The daemon started on a store with a stock of messages, killed, and started again: nothing is lost. How fast that is,
//! and with how much memory, the command `scale` tells of a large one.

use conformance::{
    scale::{self, Options},
    subject::Programs,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_of_messages_outlives_a_kill_whole() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { open: 5000, records: 20_000, traffic: 2, no_build: true, data: None };
    let programs = Programs::for_tests().unwrap().clone();
    let figures = scale::measure(&options, programs, folder.path()).await.unwrap();
    assert_eq!(figures.faults, [""; 0]);
    assert!(figures.octets_on_disk > 0 && figures.memory > 0);
}
