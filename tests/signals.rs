//! The daemon's own process, and the signals that end it.

mod support;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use carrierd::grpc::api::{
    self, MessageState, sms_service_client::SmsServiceClient, trunk_service_client::TrunkServiceClient,
};
use simulator::Scenario;
use support::{ACCOUNT, PATIENCE, Platform, SECRET, request, soon};
use tonic::transport::Channel;

/// A process whose log is read as it runs.
struct Daemon {
    process: Child,
    log: mpsc::Receiver<String>,
    port: u16,
}

impl Daemon {
    fn start(folder: &std::path::Path, smsc: std::net::SocketAddr) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
        let (port, admin) = (free(), free());
        let text = format!(
            "allow_literal_secrets = true\n[listen]\ngateway = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [store]\npath = {:?}\nreserve = \"1MiB\"\n[drain]\nlimit = \"1h\"\n\
             [[trunk]]\nid = \"carrier\"\nprotocol = \"smpp34\"\nhosts = [\"{smsc}\"]\n\
             utc_offset = \"+00:00\"\n\
             [trunk.account]\nsystem_id = \"{ACCOUNT}\"\npassword = \"literal:{SECRET}\"\n\
             [trunk.timers]\nresponse = \"100s\"\n",
            folder.join("store")
        );
        let path = folder.join("carrierd.toml");
        std::fs::write(&path, text).expect("a file");
        let mut process = Command::new(env!("CARGO_BIN_EXE_carrierd"))
            .args(["run", "--config"])
            .arg(&path)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        let lines = BufReader::new(process.stderr.take().expect("a log")).lines();
        let (told, log) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { process, log, port }
    }

    /// The next line of the log that has these words.
    fn until(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    }

    fn channel(&self) -> Channel {
        let address = Channel::from_shared(format!("http://127.0.0.1:{}", self.port)).expect("an address");
        address.connect_lazy()
    }

    async fn until_on_the_wire(&self) {
        let mut trunks = TrunkServiceClient::new(self.channel());
        let sent = async {
            loop {
                let listed = trunks.list_trunks(api::ListTrunksRequest::default()).await.expect("trunks");
                if listed.into_inner().trunks[0].links[0].in_flight == 1 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon("it is on the wire", sent).await;
    }

    fn platform(&self) -> Platform {
        let channel = self.channel();
        let events = api::event_service_client::EventServiceClient::new(channel.clone());
        Platform { sms: SmsServiceClient::new(channel), events }
    }

    fn ends(&mut self) -> bool {
        for _ in 0..PATIENCE.as_millis() / 10 {
            if let Some(status) = self.process.try_wait().expect("a process") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_drains_and_shows_it_and_the_second_ends_at_once_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // It answers nothing, and reports when the next daemon runs.
    let scenario = format!(
        "[[carrier]]\nname = \"carrier\"\nprotocol = \"smpp34\"\nanswer = {{ silence = 1.0 }}\n\
         receipts = {{ delay = \"8s\" }}\n\
         [[carrier.account]]\nsystem_id = \"{ACCOUNT}\"\npassword = \"{SECRET}\"\n"
    );
    let carriers = simulator::start(Scenario::parse(&scenario).expect("a scenario")).await.expect("carriers");
    let smsc = carriers.address("carrier").expect("a carrier");
    let mut daemon = Daemon::start(folder.path(), smsc);
    daemon.until("bound");
    let mut platform = daemon.platform();
    let id = platform.accepted(request("a", "a")).await;
    daemon.until_on_the_wire().await;
    daemon.signal("-TERM");
    // Once a second, in words.
    for _ in 0..2 {
        let line = daemon.until("s left: ");
        assert!(line.contains("carrier: 1 segment unanswered, 1 link bound"), "{line}");
    }
    assert_eq!(platform.refused(request("b", "b")).await, "DRAINING");
    daemon.signal("-TERM");
    let line = daemon.until("ends at once");
    assert!(line.contains("unanswered=1"), "{line}");
    assert!(soon("the process ends", async { daemon.ends() }).await);
    drop(daemon);

    let mut daemon = Daemon::start(folder.path(), smsc);
    let line = daemon.until("store opened");
    assert!(line.contains("open=1") && line.contains("ambiguous=1"), "{line}");
    daemon.until("bound");
    let mut platform = daemon.platform();
    let message = platform.message_when(&id, |message| message.final_time.is_some()).await;
    assert_eq!((message.state(), message.possible_duplicate), (MessageState::Delivered, false));
    daemon.signal("-INT");
    assert!(soon("the process ends", async { daemon.ends() }).await);
    carriers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reads_the_configuration_again_and_a_fault_in_it_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = format!(
        "[[carrier]]\nname = \"carrier\"\nprotocol = \"smpp34\"\n\
         [[carrier.account]]\nsystem_id = \"{ACCOUNT}\"\npassword = \"{SECRET}\"\n"
    );
    let carriers = simulator::start(Scenario::parse(&scenario).expect("a scenario")).await.expect("carriers");
    let mut daemon = Daemon::start(folder.path(), carriers.address("carrier").expect("a carrier"));
    daemon.until("bound");
    let path = folder.path().join("carrierd.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let edit = |old: &str, new: &str| std::fs::write(&path, text.replace(old, new)).expect("a file");
    edit("[[trunk]]", "[[trunk]]\nwindow = 0");
    daemon.signal("-HUP");
    let line = daemon.until("was not reloaded");
    assert!(line.contains("nothing has changed") && line.contains("trunk.window"), "{line}");
    edit("[[trunk]]", "[[trunk]]\nwindow = 3");
    daemon.signal("-HUP");
    let line = daemon.until("configuration: ");
    assert!(line.contains("trunk.carrier.window: at once, links stay"), "{line}");
    daemon.until("the configuration was reloaded");
    daemon.platform().accepted(request("a", "a")).await;
    daemon.signal("-TERM");
    assert!(soon("the process ends", async { daemon.ends() }).await);
    carriers.shutdown().await;
}
