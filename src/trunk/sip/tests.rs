//! The task of SIP against a carrier: another endpoint on other sockets, over loopback.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use codecs::sip::{
    Target, Transport,
    cause::Own,
    ua::{self, Event, Hangup, Invite, LegEvent, LegId, PeerId, Response},
};
use jiff::Timestamp;
use tokio::{sync::watch, time::timeout};

use super::{
    Duty, OpenSip, TrunkWish, Wish, open,
    transport::{Arrival, Sockets, Transports, Wire, arrival},
};
use crate::{
    clock,
    config::{self, Config},
    domain::{Call, CallDirection, CallId, Category, Cause, HangupParty, Number, Sdp, TrunkId},
    trunk::{
        TrunkState, TrunkStatus,
        calls::{CallFact, CallNews, CallOrder, CallSide, HangupWhy, Incoming, Place, Placement, boundary},
    },
};

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const LONG: Duration = Duration::from_secs(20);

fn sdp() -> Sdp {
    Sdp::new(SDP)
}

/// The carrier's side: it serves whoever comes.
struct Far {
    transports: Transports,
    endpoint: ua::Endpoint,
    events: std::collections::VecDeque<Event>,
}

impl Far {
    fn new() -> Self {
        let config = parse("").sip;
        let transports = Transports::open(&config).unwrap();
        let listeners = transports.listeners().iter();
        let listeners = listeners.map(|one| ua::Listener::new(one.transport, one.address)).collect();
        let config = ua::Config {
            listeners,
            strangers: ua::Strangers::Serve(PeerId(1)),
            serves: vec![codecs::sip::Method::Register],
            ..ua::Config::default()
        };
        let mut endpoint = ua::Endpoint::new(config, 7);
        endpoint.set_peers(vec![ua::Peer::new(PeerId(1), Arc::new(ua::Policy::default()))]);
        Self { transports, endpoint, events: std::collections::VecDeque::new() }
    }

    fn port(&self, transport: Transport) -> u16 {
        let listener = self.transports.listeners().iter().find(|one| one.transport == transport);
        listener.unwrap().address.port()
    }

    fn pump(&mut self) {
        let now = clock::now();
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.endpoint.handle_timeout(now);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.transports.send(&transmit.target, transmit.octets).unwrap();
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.events.push_back(event);
        }
    }

    async fn run(&mut self) {
        self.pump();
        let due = self.endpoint.poll_timeout();
        let due = due.map_or_else(|| tokio::time::Instant::now() + LONG, tokio::time::Instant::from_std);
        tokio::select! {
            arrival = arrival(&mut self.transports) => match arrival {
                Arrival::Datagram(flow, octets) => self.endpoint.handle_datagram(clock::now(), flow, octets),
                Arrival::Message(flow, message) => self.endpoint.handle_message(clock::now(), flow, message),
                Arrival::Fault(..) | Arrival::Lost { .. } => {}
            },
            () = tokio::time::sleep_until(due) => {}
        }
        self.pump();
    }

    /// The next event that `choose` takes; others are passed over.
    async fn event<T>(&mut self, mut choose: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                while let Some(event) = self.events.pop_front() {
                    if let Some(found) = choose(event) {
                        return found;
                    }
                }
                self.run().await;
            }
        };
        timeout(LONG, found).await.expect("the carrier sees it")
    }

    async fn incoming(&mut self) -> ua::Incoming {
        self.event(|event| if let Event::Incoming(incoming) = event { Some(incoming) } else { None }).await
    }

    async fn leg(&mut self, wanted: fn(&LegEvent) -> bool) -> LegEvent {
        self.event(|event| match event {
            Event::Leg { what, .. } if wanted(&what) => Some(what),
            _ => None,
        })
        .await
    }

    fn respond(&mut self, leg: LegId, response: Response) {
        self.endpoint.respond(clock::now(), leg, response).unwrap();
        self.pump();
    }
}

/// The daemon's side.
struct Bed {
    open: OpenSip,
    calls: CallSide,
    /// How each trunk shows itself.
    statuses: Vec<watch::Receiver<TrunkStatus>>,
}

fn parse(trunks: &str) -> Config {
    let text = format!(
        "allow_literal_secrets = true\nstore = {{ path = \"unused\" }}\n[sip]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n{trunks}\n\
         [[trunk]]\nid = \"unused\"\nprotocol = \"sip\"\ngateway = [{{ host = \"192.0.2.1\" }}]\nprobe = {{ interval = \"0s\" }}\n\
         callers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\n"
    );
    config::parse(&text, "test", &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

/// A trunk to these ports, in order.
fn to(ports: &[u16], transport: Transport, more: &str) -> String {
    let gateway = |port: &u16| {
        format!("{{ host = \"127.0.0.1\", port = {port}, transport = \"{}\" }}", transport.parameter())
    };
    let gateways: Vec<_> = ports.iter().map(gateway).collect();
    format!(
        "[[trunk]]\nid = \"carrier\"\nprotocol = \"sip\"\ndomain = \"carrier.example.com\"\ngateway = [{}]\n\
         callers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\n{more}",
        gateways.join(", ")
    )
}

impl Bed {
    fn new(trunks: &str) -> Self {
        let config = parse(trunks);
        let (calls, side) = boundary(64);
        let trunks: Vec<_> =
            config.sip_trunks.iter().map(|trunk| TrunkWish::new(Arc::new(trunk.clone()))).collect();
        let statuses = trunks.iter().map(|trunk| trunk.status.subscribe()).collect();
        let open = open(&config.sip, Wish { trunks, ends: false }, side, &Sockets, 1).unwrap();
        Self { open, calls, statuses }
    }

    /// Lets the first trunk do something else.
    fn tell(&self, duty: Duty) {
        self.open.wish.send_modify(|wish| wish.trunks[0].duty = duty);
    }

    fn target(&self, transport: Transport) -> Target {
        let listener = self.open.listeners.iter().find(|one| one.transport == transport);
        Target::new(transport, listener.unwrap().address)
    }

    async fn order(&self, order: CallOrder) {
        self.calls.orders.send(order).await.unwrap();
    }

    async fn place(&self, caller: &str) -> Placement {
        let number = |text: &str| Number::parse(text).unwrap();
        let placement = Placement { call: CallId::fresh(), number: 1 };
        let call = Call {
            id: placement.call,
            direction: CallDirection::Outbound,
            request_id: String::new(),
            tenant_id: "t".into(),
            caller: number(caller),
            display_caller: None,
            callee: number("13800138000"),
            category: Category::Notification,
            trunk_ids: Vec::new(),
            ring_timeout: LONG,
            max_duration: LONG,
            client_reference: String::new(),
            labels: Vec::new(),
            headers: Vec::new(),
            trace_parent: String::new(),
            accept_time: Timestamp::UNIX_EPOCH,
        };
        let trunk = TrunkId::from("carrier");
        let place = Place { placement, trunk, call: Arc::new(call), sdp: sdp(), ring_left: LONG };
        self.order(CallOrder::Place(Box::new(place))).await;
        placement
    }

    /// The next fact but rungs of the ladder, while the carrier lives on.
    async fn fact(&mut self, far: &mut Far) -> (Placement, CallFact) {
        let found = async {
            loop {
                tokio::select! {
                    news = self.calls.news.recv() => match news.expect("news") {
                        CallNews { fact: CallFact::Message(_), .. } => {}
                        CallNews { placement, fact, .. } => return (placement, fact),
                    },
                    () = far.run() => {}
                }
            }
        };
        timeout(LONG, found).await.expect("a fact comes")
    }

    async fn end(&mut self, far: &mut Far) -> (Cause, crate::domain::Evidence) {
        loop {
            if let (_, CallFact::Ended { cause, evidence, .. }) = self.fact(far).await {
                return (cause, evidence);
            }
        }
    }

    async fn status(&self, far: &mut Far, wanted: impl FnMut(&TrunkStatus) -> bool) -> TrunkStatus {
        let mut status = self.statuses[0].clone();
        let shown = status.wait_for(wanted);
        tokio::pin!(shown);
        let shown = async {
            loop {
                tokio::select! {
                    shown = &mut shown => return shown.unwrap().clone(),
                    () = far.run() => {}
                }
            }
        };
        timeout(LONG, shown).await.expect("it shows")
    }
}

/// A call up to its answer.
async fn answered(bed: &mut Bed, far: &mut Far) -> (Placement, LegId) {
    let placement = bed.place("95001").await;
    let incoming = far.incoming().await;
    assert_eq!(incoming.sdp.as_deref(), Some(SDP));
    far.respond(incoming.leg, Response::new(180));
    far.respond(incoming.leg, Response::new(200).with_sdp(SDP));
    let (sent, CallFact::Sent { gateway, .. }) = bed.fact(far).await else { panic!() };
    assert_eq!((sent, gateway.split(' ').next()), (placement, Some(incoming.flow.transport.name())));
    loop {
        match bed.fact(far).await.1 {
            CallFact::Answered { sdp: Some(sdp), snapshot } => {
                assert_eq!((sdp.octets(), snapshot.is_empty()), (SDP, false));
                return (placement, incoming.leg);
            }
            CallFact::Progress | CallFact::Ringing => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_call_is_placed_answered_and_hung_up_by_either_side() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut far = Far::new();
        let mut bed = Bed::new(&to(&[far.port(transport)], transport, ""));
        let (placement, _) = answered(&mut bed, &mut far).await;
        bed.order(CallOrder::Hangup { placement, why: HangupWhy::Platform(String::new()) }).await;
        far.leg(|what| matches!(what, LegEvent::Ended(_))).await;
        let (cause, evidence) = bed.end(&mut far).await;
        assert_eq!((cause, evidence.released_by), (Cause::Normal, Some(HangupParty::Platform)));
        let (_, leg) = answered(&mut bed, &mut far).await;
        far.endpoint.hangup(clock::now(), leg, Hangup::new(Own::HungUp)).unwrap();
        let (cause, evidence) = bed.end(&mut far).await;
        assert_eq!((cause, evidence.released_by), (Cause::Normal, Some(HangupParty::Callee)));
        let status = bed.status(&mut far, |status| status.rests).await;
        assert_eq!((status.protocol, status.state), ("sip", TrunkState::Up));
    }
}

#[tokio::test]
async fn a_gateway_that_fails_is_told_and_the_next_one_tried() {
    let mut far = Far::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut bed = Bed::new(&to(&[nobody, far.port(Transport::Tcp)], Transport::Tcp, ""));
    bed.place("95001").await;
    let incoming = far.incoming().await;
    far.respond(incoming.leg, Response::new(486));
    let mut told = Vec::new();
    let cause = loop {
        match bed.fact(&mut far).await.1 {
            CallFact::Sent { .. } => told.push("sent".to_owned()),
            CallFact::AttemptFailed { cause, .. } => told.push(cause.name().to_owned()),
            CallFact::Ended { cause, evidence, .. } => {
                assert_eq!(evidence.sip_status, Some(486));
                break cause;
            }
            _ => {}
        }
    };
    assert_eq!(cause, Cause::Busy);
    assert_eq!(told[..3], ["sent", "transport", "sent"], "{told:?}");
}

#[tokio::test]
async fn a_caller_that_is_not_permitted_never_leaves() {
    let mut far = Far::new();
    let mut bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, "probe = { interval = \"0s\" }"));
    bed.place("95002").await;
    assert_eq!(bed.end(&mut far).await.0, Cause::Barred);
    assert!(far.events.is_empty(), "{:?}", far.events);
}

fn call_of_carrier(far: &mut Far, target: Target) -> LegId {
    let invite = Invite {
        peer: PeerId(1),
        targets: vec![target],
        request_uri: Bytes::from_static(b"sip:95001@daemon.example.com"),
        from: Bytes::from_static(b"<sip:+8613800138000@carrier.example.com>"),
        to: Bytes::from_static(b"<sip:95001@daemon.example.com>"),
        contact_user: Bytes::new(),
        routes: Vec::new(),
        fields: Vec::new(),
        body: Some(ua::Body::sdp(SDP)),
        policy: Arc::new(ua::Policy::default()),
    };
    let leg = far.endpoint.invite(clock::now(), invite).unwrap();
    far.pump();
    leg
}

async fn incoming(bed: &mut Bed, far: &mut Far) -> (Placement, Box<Incoming>) {
    match bed.fact(far).await {
        (placement, CallFact::Incoming(incoming)) => (placement, incoming),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_carriers_call_is_told_answered_and_refused_when_there_is_no_place() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut far = Far::new();
        let mut bed = Bed::new(&to(&[far.port(transport)], transport, "max_calls = 1"));
        let target = bed.target(transport);
        call_of_carrier(&mut far, target.clone());
        let (placement, told) = incoming(&mut bed, &mut far).await;
        assert_eq!((told.caller.as_str(), told.callee.as_str()), ("+8613800138000", "95001"));
        assert_eq!(told.sdp.as_ref().map(Sdp::octets), Some(SDP));
        // Its place is taken.
        call_of_carrier(&mut far, target.clone());
        let LegEvent::Ended(refused) = far.leg(|what| matches!(what, LegEvent::Ended(_))).await else {
            panic!()
        };
        assert_eq!(refused.evidence.status, Some(503));
        bed.order(CallOrder::Ring { placement, sdp: None }).await;
        far.leg(|what| matches!(what, LegEvent::Ringing(_))).await;
        assert!(matches!(bed.fact(&mut far).await, (rang, CallFact::Ringing) if rang == placement));
        bed.order(CallOrder::Ring { placement, sdp: Some(sdp()) }).await;
        far.leg(|what| matches!(what, LegEvent::EarlyMedia { .. })).await;
        assert!(matches!(bed.fact(&mut far).await.1, CallFact::EarlyMedia { sdp: None }));
        bed.order(CallOrder::Answer { placement, sdp: sdp() }).await;
        far.leg(|what| matches!(what, LegEvent::Answered { sdp: Some(_), .. })).await;
        bed.order(CallOrder::Hangup { placement, why: HangupWhy::MaxDuration }).await;
        assert_eq!(bed.end(&mut far).await.0, Cause::MaxDuration);
        far.leg(|what| matches!(what, LegEvent::Ended(_))).await;
        // The place is free again once calls have let go of it.
        drop(told);
        call_of_carrier(&mut far, target);
        let (placement, _told) = incoming(&mut bed, &mut far).await;
        bed.order(CallOrder::Reject { placement, status: 480 }).await;
        let LegEvent::Ended(refused) = far.leg(|what| matches!(what, LegEvent::Ended(_))).await else {
            panic!()
        };
        assert_eq!(refused.evidence.status, Some(480));
    }
}

#[tokio::test]
async fn a_trunk_registers_and_shows_that_it_did() {
    let mut far = Far::new();
    let account = "account = { username = \"u@carrier.example.com\", password = \"literal:p\" }\nprobe = { interval = \"0s\" }";
    let bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, account));
    let asked = far.event(|event| if let Event::Request(asked) = event { Some(asked) } else { None }).await;
    assert_eq!(asked.request.request_uri(), b"sip:carrier.example.com");
    assert_eq!(asked.request.to().unwrap().uri, b"sip:u@carrier.example.com");
    let contact = asked.request.contact().unwrap().unwrap();
    let contact = format!("<{}>;expires=600", String::from_utf8_lossy(contact.uri));
    assert_eq!(bed.statuses[0].borrow().state, TrunkState::Down);
    far.endpoint.answer_request(clock::now(), asked.id, Response::new(200).with_field("Contact", contact));
    let status = bed.status(&mut far, |status| status.state == TrunkState::Up).await;
    let links: Vec<_> =
        status.links.iter().map(|link| (link.bind_mode, link.bound_since.is_some())).collect();
    assert_eq!(links, [("gateway", false), ("registration", true)]);
}

#[tokio::test]
async fn a_drain_refuses_what_is_new_and_ends_after_what_lives() {
    let mut far = Far::new();
    let mut bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, ""));
    let (placement, _) = answered(&mut bed, &mut far).await;
    bed.tell(Duty::Rest);
    bed.open.wish.send_modify(|wish| wish.ends = true);
    let status = bed.status(&mut far, |status| status.state == TrunkState::Draining).await;
    assert!(!status.rests);
    let target = bed.target(Transport::Udp);
    call_of_carrier(&mut far, target);
    let LegEvent::Ended(refused) = far.leg(|what| matches!(what, LegEvent::Ended(_))).await else { panic!() };
    assert_eq!(refused.evidence.status, Some(503));
    bed.order(CallOrder::Hangup { placement, why: HangupWhy::Drain }).await;
    assert_eq!(bed.end(&mut far).await.1.released_by, Some(HangupParty::Platform));
    timeout(LONG, bed.open.task).await.expect("it ends").unwrap();
}

/// The next REGISTER, answered so.
async fn registers(far: &mut Far, status: u16) -> (String, u32) {
    let asked = far
        .event(|event| match event {
            Event::Request(asked) => Some(asked),
            _ => None,
        })
        .await;
    let contact = asked.request.contact().unwrap().unwrap();
    let contact = String::from_utf8_lossy(contact.uri).into_owned();
    let expires = asked.request.expires().unwrap();
    let response = Response::new(status).with_field("Contact", format!("<{contact}>;expires={expires}"));
    far.endpoint.answer_request(clock::now(), asked.id, response);
    far.pump();
    (contact, expires)
}

const ACCOUNT: &str = "account = { username = \"u@carrier.example.com\", password = \"literal:p\" }\n\
                       probe = { interval = \"0s\" }";

#[tokio::test]
async fn a_trunk_that_rests_removes_its_registration_after_its_calls_and_registers_again() {
    let mut far = Far::new();
    let mut bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, ACCOUNT));
    assert_eq!(registers(&mut far, 200).await.1, 3600);
    bed.status(&mut far, |status| status.state == TrunkState::Up).await;
    let (placement, _) = answered(&mut bed, &mut far).await;
    bed.tell(Duty::Rest);
    let status = bed.status(&mut far, |status| status.state == TrunkState::Draining).await;
    assert_eq!((status.rests, status.calls_now()), (false, 1));
    assert!(status.links[1].bound_since.is_some(), "calls are not cut off by a registration that is gone");
    bed.order(CallOrder::Hangup { placement, why: HangupWhy::Drain }).await;
    bed.end(&mut far).await;
    assert_eq!(registers(&mut far, 200).await.1, 0);
    let status = bed.status(&mut far, |status| status.rests).await;
    assert_eq!((status.abandoned, status.links[1].bound_since), (1, None));
    bed.tell(Duty::Carry);
    assert_eq!(registers(&mut far, 200).await.1, 3600);
    bed.status(&mut far, |status| status.state == TrunkState::Up).await;
}

#[tokio::test]
async fn a_registration_that_is_refused_says_what_to_do_and_another_password_is_tried_at_once() {
    let mut far = Far::new();
    let bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, ACCOUNT));
    registers(&mut far, 403).await;
    let status = bed.status(&mut far, |status| status.links[1].last_error.is_some()).await;
    let error = status.links[1].last_error.clone().unwrap();
    assert_eq!((error.raw_code.as_str(), error.permanent, status.state), ("403", true, TrunkState::Down));
    let trouble = status.calls.unwrap().trouble;
    assert!(
        trouble[0].starts_with("the registrar refuses the registration with a 403: correct"),
        "{trouble:?}"
    );
    let mended = ACCOUNT.replace("literal:p", "literal:q");
    let config = parse(&to(&[far.port(Transport::Udp)], Transport::Udp, &mended)).sip_trunks.remove(0);
    bed.open.wish.send_modify(|wish| wish.trunks[0].config = Arc::new(config));
    registers(&mut far, 200).await;
    let status = bed.status(&mut far, |status| status.state == TrunkState::Up).await;
    assert_eq!((status.links[1].last_error.clone(), status.calls.unwrap().trouble), (None, Vec::new()));
}

#[tokio::test]
async fn a_trunk_that_is_not_wanted_any_more_goes_after_its_calls() {
    let mut far = Far::new();
    let mut bed = Bed::new(&to(&[far.port(Transport::Udp)], Transport::Udp, ""));
    let (placement, _) = answered(&mut bed, &mut far).await;
    bed.open.wish.send_modify(|wish| drop(wish.trunks.remove(0)));
    let status = bed.status(&mut far, |status| status.state == TrunkState::Draining).await;
    assert!(!status.gone && status.calls.unwrap().trouble[0].contains("not in the configuration any more"));
    bed.order(CallOrder::Hangup { placement, why: HangupWhy::Platform(String::new()) }).await;
    assert_eq!(bed.end(&mut far).await.0, Cause::Normal);
    far.leg(|what| matches!(what, LegEvent::Ended(_))).await;
    bed.status(&mut far, |status| status.gone).await;
    // What comes from there now is a stranger's.
    let target = bed.target(Transport::Udp);
    call_of_carrier(&mut far, target);
    let LegEvent::Ended(refused) = far.leg(|what| matches!(what, LegEvent::Ended(_))).await else { panic!() };
    assert_eq!(refused.evidence.status, Some(403));
}

#[tokio::test]
async fn a_gateway_that_answers_probes_is_shown_up() {
    let mut far = Far::new();
    let probe = "probe = { interval = \"50ms\", interval_down = \"50ms\" }";
    // An OPTIONS without an answer is given up after 64 times T1.
    let timers = "timers = { t1 = \"5ms\", t2 = \"10ms\" }\n";
    let bed = Bed::new(&format!("{timers}{}", to(&[far.port(Transport::Udp)], Transport::Udp, probe)));
    let is_up = |status: &TrunkStatus| status.links[0].bound_since.is_some();
    bed.status(&mut far, is_up).await;
    // A carrier that is gone says nothing any more.
    drop(far);
    let mut other = Far::new();
    bed.status(&mut other, |status| status.state == TrunkState::Down).await;
}

#[tokio::test]
async fn strangers_are_answered_a_few_times_and_then_not_heard() {
    let mut far = Far::new();
    let keys = "limits = { bad_answers_per_second = 3 }\n";
    let bed = Bed::new(
        &format!("{keys}{}", to(&[1], Transport::Udp, "sources = [\"192.0.2.7\"]"))
            .replace("127.0.0.1\"", "192.0.2.8\""),
    );
    let target = bed.target(Transport::Udp);
    for _ in 0..20 {
        call_of_carrier(&mut far, target.clone());
    }
    let mut refused = 0;
    let heard = async {
        loop {
            while let Some(event) = far.events.pop_front() {
                if let Event::Leg { what: LegEvent::Ended(ended), .. } = event {
                    assert_eq!(ended.evidence.status, Some(403));
                    refused += 1;
                }
            }
            if refused >= 3 {
                return;
            }
            far.run().await;
        }
    };
    timeout(LONG, heard).await.expect("the first ones are answered");
}
