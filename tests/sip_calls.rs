//! Calls through the whole daemon: the platform's API on one side, a carrier's SIP endpoint on the other.

use std::{path::Path, sync::Arc, time::Duration};

use carrierd::{
    app::App,
    clock, config,
    grpc::{
        self,
        api::{
            self, call_service_client::CallServiceClient, event::Payload,
            event_service_client::EventServiceClient,
        },
    },
    trunk::sip::transport::{Arrival, Transports, Wire, arrival},
};
use codecs::sip::{
    Transport,
    cause::Own,
    ua::{self, Event, Hangup, LegEvent, PeerId, Response},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tonic::transport::{Channel, Endpoint};

const PATIENCE: Duration = Duration::from_secs(30);
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
/// The carrier hangs calls to it up once they are answered.
const SHORT: &str = "+8613800138001";
/// Calls to it last.
const LONG: &str = "+8613800138002";

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A carrier that answers every call, and hangs up those to [`SHORT`]. Gives the port that it listens on.
fn carrier(transport: Transport) -> (u16, JoinHandle<()>) {
    let text = "store = { path = \"unused\" }\nsip = { listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"] }\n\
                [[trunk]]\nid = \"unused\"\nprotocol = \"sip\"\ngateway = [{ host = \"192.0.2.1\" }]\n\
                callers = { authorisation = \"c\", numbers = [\"95001\"] }\n";
    let config = config::parse(text, "carrier", &|_| None).expect("a configuration");
    let mut transports = Transports::open(&config.sip).expect("sockets");
    let listeners: Vec<_> =
        transports.listeners().iter().map(|one| ua::Listener::new(one.transport, one.address)).collect();
    let port = listeners.iter().find(|one| one.transport == transport).expect("a listener").bound.port();
    let config =
        ua::Config { listeners, strangers: ua::Strangers::Serve(PeerId(1)), ..ua::Config::default() };
    let mut endpoint = ua::Endpoint::new(config, 7);
    endpoint.set_peers(vec![ua::Peer::new(PeerId(1), Arc::new(ua::Policy::default()))]);
    let task = tokio::spawn(async move {
        let mut short = Vec::new();
        loop {
            let due = endpoint.poll_timeout();
            tokio::select! {
                arrival = arrival(&mut transports) => match arrival {
                    Arrival::Datagram(flow, octets) => endpoint.handle_datagram(clock::now(), flow, octets),
                    Arrival::Message(flow, message) => endpoint.handle_message(clock::now(), flow, message),
                    Arrival::Fault(..) | Arrival::Lost { .. } => {}
                },
                () = sleep_until(due.map_or_else(|| Instant::now() + PATIENCE, Instant::from_std)) => {
                    endpoint.handle_timeout(clock::now());
                }
            }
            while let Some(event) = endpoint.poll_event() {
                let now = clock::now();
                match event {
                    Event::Incoming(call) => {
                        if call.request_uri.starts_with(format!("sip:{SHORT}@").as_bytes()) {
                            short.push(call.leg);
                        }
                        endpoint.respond(now, call.leg, Response::new(180)).expect("it rings");
                        endpoint
                            .respond(now, call.leg, Response::new(200).with_sdp(SDP))
                            .expect("it is answered");
                    }
                    Event::Leg { leg, what: LegEvent::Confirmed, .. } if short.contains(&leg) => {
                        endpoint.hangup(now, leg, Hangup::new(Own::HungUp)).expect("it is hung up");
                    }
                    _ => {}
                }
            }
            while let Some(transmit) = endpoint.poll_transmit() {
                let _ = transports.send(&transmit.target, transmit.octets);
            }
        }
    });
    (port, task)
}

/// The daemon with one trunk, and a platform's client.
struct Bed {
    _folder: tempfile::TempDir,
    app: App,
    face: JoinHandle<()>,
    calls: CallServiceClient<Channel>,
    events: EventServiceClient<Channel>,
}

impl Bed {
    async fn new(port: u16, transport: Transport) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "[store]\npath = {:?}\nreserve = \"1MiB\"\n[drain]\nlimit = \"1s\"\n[sip]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n\
             [[trunk]]\nid = \"carrier\"\nprotocol = \"sip\"\ngateway = [{{ host = \"127.0.0.1\", port = {port}, transport = \"{}\" }}]\n\
             callers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\n",
            folder.path().join("store"),
            transport.parameter()
        );
        let config =
            config::parse(&text, "carrierd.toml", &|_| None).unwrap_or_else(|error| panic!("{error}"));
        let app = App::start(&config).expect("a daemon");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = grpc::serve(listener, app.grpc_parts(), app.phase());
        let face = tokio::spawn(async move { serving.await.expect("the gateway listener") });
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        let (calls, mut events) = (CallServiceClient::new(channel.clone()), EventServiceClient::new(channel));
        let subscription = api::Subscription { subscription_id: "s".to_owned(), ..Default::default() };
        let request = api::CreateSubscriptionRequest { subscription: Some(subscription) };
        soon("a subscription", events.create_subscription(request)).await.expect("a subscription");
        Self { _folder: folder, app, face, calls, events }
    }

    async fn call(&mut self, key: &str, callee: &str) -> String {
        let call = api::CallRequest {
            tenant_id: "shop".to_owned(),
            caller: "95001".to_owned(),
            callee: callee.to_owned(),
            media: Some(api::call_request::Media::SdpOffer(SDP.to_owned())),
            ..Default::default()
        };
        let request = api::CreateCallRequest { request_id: key.to_owned(), call: Some(call) };
        soon("an answer", self.calls.create_call(request)).await.expect("accepted").into_inner().call_id
    }

    /// The states of a call up to this one.
    async fn states(&mut self, id: &str, last: api::CallState) -> Vec<api::CallState> {
        let mut states = Vec::new();
        let told = async {
            loop {
                let pull = api::PullEventsRequest {
                    subscription_id: "s".to_owned(),
                    max_events: 1,
                    wait: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
                };
                let events = self.events.pull_events(pull).await.expect("events").into_inner().events;
                for event in events {
                    let ids = vec![event.event_id.clone()];
                    let batch = Some(api::AckBatch { ack_event_ids: ids, ..Default::default() });
                    let ack = api::AckEventsRequest { subscription_id: "s".to_owned(), batch };
                    self.events.ack_events(ack).await.expect("an ack");
                    if let Some(Payload::CallState(moved)) = event.payload
                        && moved.call_id == id
                    {
                        states.push(moved.state());
                        if moved.state() == last {
                            return;
                        }
                    }
                }
            }
        };
        soon("the call's last state", told).await;
        states
    }

    async fn record(&mut self, id: &str) -> api::CallRecord {
        let request = api::GetCallRequest { call_id: id.to_owned(), ..Default::default() };
        let known = soon("a call", self.calls.get_call(request)).await.expect("a call").into_inner();
        known.call.and_then(|call| call.record).expect("a record")
    }

    async fn end(self) {
        soon("the daemon drains", self.app.drain(vec![self.face])).await;
    }
}

#[tokio::test]
async fn a_call_is_placed_answered_and_hung_up_by_either_side() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (port, carrier) = carrier(transport);
        let mut bed = Bed::new(port, transport).await;
        let id = bed.call("by-carrier", SHORT).await;
        let states = bed.states(&id, api::CallState::Completed).await;
        assert!(states.contains(&api::CallState::InProgress), "{states:?}");
        let record = bed.record(&id).await;
        assert_eq!(record.final_state(), api::CallState::Completed);
        assert_eq!((record.hangup_party(), record.trunk_id.as_str()), (api::HangupParty::Callee, "carrier"));
        let id = bed.call("by-platform", LONG).await;
        bed.states(&id, api::CallState::InProgress).await;
        let hangup = api::HangupCallRequest { call_id: id.clone(), ..Default::default() };
        soon("an answer", bed.calls.hangup_call(hangup)).await.expect("hung up");
        bed.states(&id, api::CallState::Completed).await;
        assert_eq!(bed.record(&id).await.hangup_party(), api::HangupParty::Platform);
        bed.end().await;
        carrier.abort();
    }
}

/// Every message of RFC 4475 and RFC 5118, as the suite keeps them.
fn torture() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/vectors/sip-torture");
    let mut messages = Vec::new();
    for source in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(folder.join(source)).expect("the folder") {
            let path = entry.expect("a file").path();
            messages.push((path.display().to_string(), std::fs::read(&path).expect("a message")));
        }
    }
    messages
}

#[tokio::test]
async fn tortured_messages_keep_nobody_from_calling() {
    let (port, carrier) = carrier(Transport::Udp);
    let mut bed = Bed::new(port, Transport::Udp).await;
    let [udp, tcp] = [0, 1].map(|index| bed.app.sip_listeners()[index].address);
    let messages = torture();
    assert!(messages.len() >= 61, "{}", messages.len());
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    for (name, octets) in &messages {
        socket.send_to(octets, udp).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut stream = TcpStream::connect(tcp).await.expect("a connection");
        stream.write_all(octets).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        stream.shutdown().await.expect("its end");
    }
    let id = bed.call("after", SHORT).await;
    bed.states(&id, api::CallState::Completed).await;
    assert_eq!(bed.record(&id).await.final_state(), api::CallState::Completed);
    bed.end().await;
    carrier.abort();
}
