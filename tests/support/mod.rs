//! The daemon and simulated carriers in one process, over loopback TCP; a platform's client of its API.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::{
    collections::BTreeMap, fmt::Write as _, future::Future, net::SocketAddr, path::PathBuf, time::Duration,
};

use carrierd::{
    app::App,
    config,
    grpc::{
        self,
        api::{
            self, admin_service_client::AdminServiceClient, call_service_client::CallServiceClient,
            event::Payload, event_service_client::EventServiceClient, sms_service_client::SmsServiceClient,
            trunk_service_client::TrunkServiceClient,
        },
    },
};
use simulator::{Scenario, Simulator};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt;

/// Far longer than anything here takes; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The account at every carrier here.
pub const ACCOUNT: &str = "901234";
/// Its secret, in the words that a log must not have.
pub const SECRET: &str = "hUsH7890";
/// Where messages come from.
pub const SENDER: &str = "10690001";
/// Who may call over every SIP trunk here.
pub const CALLERS: [&str; 2] = ["95001", "95002"];
/// Whose messages they are.
pub const TENANT: &str = "shop";
const SUBSCRIPTION: &str = "test";
/// How long a poll waits before it asks again.
const ASK: Duration = Duration::from_millis(10);

/// Waits for what a test needs; fails when it takes too long.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// A carrier with its trunk, both named `name`: what goes beyond the ordinary, as lines of TOML.
#[derive(Clone, Copy)]
pub struct Carrier {
    pub name: &'static str,
    pub protocol: &'static str,
    /// Further keys of the scenario's `[[carrier]]`.
    pub behaviour: &'static str,
    /// Further keys of the configuration's `[[trunk]]`.
    pub trunk: &'static str,
    /// Further keys of its `[trunk.account]`.
    pub account: &'static str,
    /// Further keys of its `[trunk.timers]`.
    pub timers: &'static str,
}

impl Carrier {
    pub fn smpp(name: &'static str) -> Self {
        Self { name, protocol: "smpp34", behaviour: "", trunk: "", account: "", timers: "" }
    }

    pub fn cmpp(name: &'static str) -> Self {
        Self { protocol: "cmpp30", ..Self::smpp(name) }
    }

    /// A carrier of calls. Its `trunk` may call from [`CALLERS`]; of `account` and `timers` it has none.
    pub fn sip(name: &'static str) -> Self {
        Self { protocol: "sip", ..Self::smpp(name) }
    }

    fn scenario(&self, listen: Option<SocketAddr>) -> String {
        if self.protocol == "sip" {
            let listen = listen.map(|listen| format!("udp = [\"{listen}\"]\n")).unwrap_or_default();
            let (name, behaviour) = (self.name, self.behaviour);
            return format!("[[carrier]]\nname = \"{name}\"\nprotocol = \"sip\"\n{listen}{behaviour}\n");
        }
        let listen = listen.map(|listen| format!("listen = \"{listen}\"\n")).unwrap_or_default();
        format!(
            "[[carrier]]\nname = \"{}\"\nprotocol = \"{}\"\n{listen}{}\n\
             [[carrier.account]]\nsystem_id = \"{ACCOUNT}\"\npassword = \"{SECRET}\"\n",
            self.name, self.protocol, self.behaviour
        )
    }

    fn config(&self, host: SocketAddr) -> String {
        if self.protocol == "sip" {
            return format!(
                "[[trunk]]\nid = \"{}\"\nprotocol = \"sip\"\n\
                 gateway = [{{ host = \"{}\", port = {}, transport = \"udp\" }}]\n\
                 callers = {{ authorisation = \"contract 1\", numbers = [\"{}\", \"{}\"] }}\n{}\n",
                self.name,
                host.ip(),
                host.port(),
                CALLERS[0],
                CALLERS[1],
                self.trunk
            );
        }
        let (account, offset) = if self.protocol.starts_with("cmpp") {
            let account = format!(
                "source_addr = \"{ACCOUNT}\"\nshared_secret = \"literal:{SECRET}\"\nservice_id = \"TEST\"\n\
                 access_number = \"{SENDER}\""
            );
            (account, "+08:00")
        } else {
            (format!("system_id = \"{ACCOUNT}\"\npassword = \"literal:{SECRET}\""), "+00:00")
        };
        format!(
            "[[trunk]]\nid = \"{}\"\nprotocol = \"{}\"\nhosts = [\"{host}\"]\nutc_offset = \"{offset}\"\n{}\n\
             [trunk.account]\n{account}\n{}\n[trunk.timers]\nreconnect_min = \"10ms\"\nreconnect_max = \"50ms\"\n{}\n",
            self.name, self.protocol, self.trunk, self.account, self.timers
        )
    }
}

/// Carriers, and a daemon with a trunk to each, on a folder that is removed in the end.
pub struct Bed {
    folder: TempDir,
    carriers: Vec<Carrier>,
    messages: &'static str,
    addresses: BTreeMap<&'static str, SocketAddr>,
    simulator: Option<Simulator>,
    daemon: Option<Daemon>,
}

struct Daemon {
    app: App,
    face: JoinHandle<()>,
    address: SocketAddr,
}

impl Bed {
    /// Starts carriers and daemon and waits until every trunk is up.
    pub async fn new(carriers: &[Carrier]) -> Self {
        Self::with(carriers, "").await
    }

    /// The same, with further keys of the configuration's `[messages]`.
    pub async fn with(carriers: &[Carrier], messages: &'static str) -> Self {
        let bed = Self::started(carriers, messages).await;
        bed.until_up().await;
        bed
    }

    /// Starts carriers and daemon, whose links may never come up.
    pub async fn started(carriers: &[Carrier], messages: &'static str) -> Self {
        let mut bed = Self {
            folder: tempfile::tempdir().expect("a folder"),
            carriers: carriers.to_vec(),
            messages,
            addresses: BTreeMap::new(),
            simulator: None,
            daemon: None,
        };
        bed.start_carriers().await;
        bed.start_daemon().await;
        bed
    }

    /// Starts the carriers, on the ports that they had before, if any.
    pub async fn start_carriers(&mut self) {
        self.start_carriers_but("").await;
    }

    /// The same, without one of them.
    pub async fn start_carriers_but(&mut self, absent: &str) {
        let mut text = format!("seed = 1\nrecord = {:?}\n", self.record_path());
        let present: Vec<_> = self.carriers.iter().filter(|carrier| carrier.name != absent).collect();
        for carrier in &present {
            text.push_str(&carrier.scenario(self.addresses.get(carrier.name).copied()));
        }
        let simulator =
            simulator::start(Scenario::parse(&text).expect("a scenario")).await.expect("carriers");
        for carrier in &present {
            self.addresses.insert(carrier.name, simulator.address(carrier.name).expect("a carrier"));
        }
        self.simulator = Some(simulator);
    }

    /// Takes the carriers away. What they saw so far can be read with [`Bed::recorded`] until they start again.
    pub async fn stop_carriers(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            soon("the carriers end", simulator.shutdown()).await;
        }
    }

    pub async fn start_daemon(&mut self) {
        let mut text = format!(
            "allow_literal_secrets = true\n[store]\npath = {:?}\nreserve = \"1MiB\"\n[drain]\nlimit = \"5s\"\n[messages]\n{}\n",
            self.folder.path().join("store"),
            self.messages
        );
        if self.carriers.iter().any(|carrier| carrier.protocol == "sip") {
            text.push_str("[sip]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n");
        }
        for carrier in &self.carriers {
            write!(text, "{}", carrier.config(self.addresses[carrier.name])).expect("a text");
        }
        std::fs::write(self.config_path(), &text).expect("a file");
        let config = config::load(&self.config_path()).expect("a configuration");
        let app = App::start(&config).expect("a daemon");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = grpc::serve(listener, app.grpc_parts(), app.phase());
        let face = tokio::spawn(async move { serving.await.expect("the gateway listener") });
        self.daemon = Some(Daemon { app, face, address });
    }

    /// Ends the daemon in good order.
    pub async fn stop_daemon(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            soon("the daemon drains", daemon.app.drain(vec![daemon.face])).await;
        }
    }

    /// Ends everything and gives what the carriers saw.
    pub async fn end(mut self) -> Vec<serde_json::Value> {
        self.stop_daemon().await;
        self.stop_carriers().await;
        self.recorded()
    }

    /// What the carriers saw until they were stopped.
    pub fn recorded(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.record_path()).expect("a record");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the record")).collect()
    }

    pub fn simulator(&self) -> &Simulator {
        self.simulator.as_ref().expect("running carriers")
    }

    /// Waits until every link of every trunk is bound.
    pub async fn until_up(&self) {
        self.until_trunks("every link is bound", |trunk| trunk.bound_link_count == trunk.wanted_link_count)
            .await;
    }

    /// Waits until no link of any trunk is bound.
    pub async fn until_down(&self) {
        self.until_trunks("every link is down", |trunk| trunk.bound_link_count == 0).await;
    }

    /// Waits until every trunk is as it should be.
    pub async fn until_trunks(&self, what: &str, is_right: impl Fn(&api::Trunk) -> bool) {
        let mut trunks = self.trunks();
        let all = async {
            loop {
                let listed = trunks.list_trunks(api::ListTrunksRequest::default()).await.expect("trunks");
                if listed.into_inner().trunks.iter().all(&is_right) {
                    return;
                }
                tokio::time::sleep(ASK).await;
            }
        };
        soon(what, all).await;
    }

    /// A client of the daemon's trunks.
    pub fn trunks(&self) -> TrunkServiceClient<Channel> {
        TrunkServiceClient::new(self.channel())
    }

    /// A client of the daemon as a whole.
    pub fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel())
    }

    /// A client of the daemon's calls.
    pub fn calls(&self) -> CallServiceClient<Channel> {
        CallServiceClient::new(self.channel())
    }

    pub fn platform(&self) -> Platform {
        let channel = self.channel();
        Platform { sms: SmsServiceClient::new(channel.clone()), events: EventServiceClient::new(channel) }
    }

    /// Where the daemon's gateway listener is, as a URL.
    pub fn address(&self) -> String {
        format!("http://{}", self.daemon.as_ref().expect("a running daemon").address)
    }

    fn channel(&self) -> Channel {
        Channel::from_shared(self.address()).expect("an address").connect_lazy()
    }

    /// The daemon's configuration. It is written anew whenever the daemon is started.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("carrierd.toml")
    }

    fn record_path(&self) -> PathBuf {
        self.folder.path().join("record.ndjson")
    }
}

/// A platform's client.
#[derive(Clone)]
pub struct Platform {
    pub sms: SmsServiceClient<Channel>,
    pub events: EventServiceClient<Channel>,
}

impl Platform {
    /// Subscribes to everything from now on; asked again, changes nothing.
    pub async fn subscribe(&mut self) {
        let subscription =
            api::Subscription { subscription_id: SUBSCRIPTION.to_owned(), ..Default::default() };
        let request = api::CreateSubscriptionRequest { subscription: Some(subscription) };
        soon("a subscription", self.events.create_subscription(request)).await.expect("a subscription");
    }

    pub async fn submit(
        &mut self,
        request: api::SubmitMessageRequest,
    ) -> Result<api::SubmitMessageResponse, Status> {
        soon("an answer", self.sms.submit_message(request)).await.map(tonic::Response::into_inner)
    }

    /// Submits what must be accepted; gives the message's id.
    pub async fn accepted(&mut self, request: api::SubmitMessageRequest) -> String {
        self.submit(request).await.expect("accepted").message_id
    }

    /// The reason of a refusal.
    pub async fn refused(&mut self, request: api::SubmitMessageRequest) -> String {
        reason(&self.submit(request).await.expect_err("refused"))
    }

    pub async fn message(&mut self, message_id: &str) -> api::Message {
        let key = Some(api::get_message_request::Key::MessageId(message_id.to_owned()));
        let answer = soon("a message", self.sms.get_message(api::GetMessageRequest { key })).await;
        answer.expect("a message").into_inner().message.expect("a message")
    }

    /// Waits until a message is as it should be.
    pub async fn message_when(
        &mut self,
        message_id: &str,
        is_right: impl Fn(&api::Message) -> bool,
    ) -> api::Message {
        let found = async {
            loop {
                let message = self.message(message_id).await;
                if is_right(&message) {
                    return message;
                }
                tokio::time::sleep(ASK).await;
            }
        };
        soon("a message in the wanted state", found).await
    }

    /// The next event that `wanted` takes; those before it are acked and gone.
    pub async fn event<T>(&mut self, what: &str, wanted: impl Fn(Payload) -> Option<T>) -> T {
        let next = async {
            loop {
                let pull = api::PullEventsRequest {
                    subscription_id: SUBSCRIPTION.to_owned(),
                    max_events: 1,
                    wait: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
                };
                let events = self.events.pull_events(pull).await.expect("events").into_inner().events;
                for event in events {
                    let batch =
                        api::AckBatch { ack_event_ids: vec![event.event_id.clone()], ..Default::default() };
                    let ack = api::AckEventsRequest {
                        subscription_id: SUBSCRIPTION.to_owned(),
                        batch: Some(batch),
                    };
                    self.events.ack_events(ack).await.expect("an ack");
                    if let Some(found) = event.payload.and_then(&wanted) {
                        return found;
                    }
                }
            }
        };
        soon(what, next).await
    }

    /// The final event of a message.
    pub async fn end_of(&mut self, message_id: &str) -> api::MessageStateEvent {
        let is_it = |payload| match payload {
            Payload::MessageState(moved) if moved.r#final && moved.message_id == message_id => Some(moved),
            _ => None,
        };
        self.event("the message's final event", is_it).await
    }

    /// The next message from a phone.
    pub async fn inbound(&mut self) -> api::InboundMessage {
        let is_it = |payload| match payload {
            Payload::InboundMessage(message) => Some(message),
            _ => None,
        };
        self.event("a message from a phone", is_it).await
    }
}

/// A sound request with this key.
pub fn request(request_id: &str, text: &str) -> api::SubmitMessageRequest {
    let message = api::OutboundMessage {
        tenant_id: TENANT.to_owned(),
        to: "13800138000".to_owned(),
        sender: SENDER.to_owned(),
        content: Some(api::outbound_message::Content::Text(text.to_owned())),
        category: api::MessageCategory::Notification as i32,
        report_requested: true,
        ..Default::default()
    };
    api::SubmitMessageRequest {
        request_id: request_id.to_owned(),
        message: Some(message),
        validate_only: false,
    }
}

/// The same, changed.
pub fn request_with(
    request_id: &str,
    change: impl FnOnce(&mut api::OutboundMessage),
) -> api::SubmitMessageRequest {
    let mut request = request(request_id, "Your parcel has arrived.");
    if let Some(message) = &mut request.message {
        change(message);
    }
    request
}

/// The same, over one trunk.
pub fn over(trunk: &str, request_id: &str, text: &str) -> api::SubmitMessageRequest {
    let mut request = request(request_id, text);
    if let Some(message) = &mut request.message {
        message.trunk_ids = vec![trunk.to_owned()];
    }
    request
}

/// The reason that an error names.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_else(|| panic!("no reason: {status:?}"))
}

/// The lines of a record of one kind.
pub fn lines_of<'a>(record: &'a [serde_json::Value], kind: &str) -> Vec<&'a serde_json::Value> {
    record.iter().filter(|line| line["kind"] == kind).collect()
}
