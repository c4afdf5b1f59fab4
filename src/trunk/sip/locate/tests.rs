//! The resolver against a name server of the test's own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use codecs::sip::{
    Transport,
    locate::{Destination, NotFound, Place, Settings},
};
use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{A, NAPTR, SRV},
    },
};
use tokio::{net::UdpSocket, sync::mpsc, time::timeout};

use super::{GatewayId, Known, Lookup, PeerId, Resolver, look, watch as keep};
use crate::config::DnsConfig;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What the server knows.
fn zone() -> Vec<(Name, RData)> {
    let srv = |priority, weight, port, host: &str| RData::SRV(SRV::new(priority, weight, port, name(host)));
    let naptr = |order, service: &str, to: &str| {
        let text = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
        RData::NAPTR(NAPTR::new(order, 0, text("s"), text(service), text(""), name(to)))
    };
    vec![
        (name("carrier.example."), naptr(20, "SIP+D2U", "_sip._udp.carrier.example.")),
        (name("carrier.example."), naptr(10, "SIP+D2T", "_sip._tcp.carrier.example.")),
        (name("_sip._tcp.carrier.example."), srv(2, 1, 5062, "far.carrier.example.")),
        (name("_sip._tcp.carrier.example."), srv(1, 30, 5060, "a.carrier.example.")),
        (name("_sip._tcp.carrier.example."), srv(1, 10, 5061, "b.carrier.example.")),
        (name("a.carrier.example."), RData::A(A::new(192, 0, 2, 1))),
        (name("b.carrier.example."), RData::A(A::new(192, 0, 2, 2))),
        (name("far.carrier.example."), RData::A(A::new(192, 0, 2, 3))),
    ]
}

/// Starts the server. While it fails it answers SERVFAIL.
async fn server(fails: Arc<AtomicBool>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (zone, mut buffer) = (zone(), [0; 1500]);
        loop {
            let (octets, from) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = Message::from_vec(&buffer[..octets]).unwrap();
            let query = asked.queries[0].clone();
            let mut said = Message::response(asked.metadata.id, asked.metadata.op_code);
            said.add_query(query.clone());
            if fails.load(Ordering::SeqCst) {
                said.metadata.response_code = ResponseCode::ServFail;
            } else {
                let of_query = zone
                    .iter()
                    .filter(|(name, data)| name == query.name() && data.record_type() == query.query_type());
                let records: Vec<_> =
                    of_query.map(|(name, data)| Record::from_rdata(name.clone(), 60, data.clone())).collect();
                if !zone.iter().any(|(name, _)| name == query.name()) {
                    said.metadata.response_code = ResponseCode::NXDomain;
                }
                said.add_answers(records);
            }
            socket.send_to(&said.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

fn resolver(server: SocketAddr) -> Resolver {
    Resolver::new(&DnsConfig { servers: vec![server], timeout: Duration::from_secs(5) }).unwrap()
}

fn destination(host: &str) -> Destination {
    Destination { host: Place::Name(host.into()), port: None, transport: None, secure: false }
}

fn settings() -> Settings {
    Settings { transports: vec![Transport::Udp, Transport::Tcp], ipv4: true, ipv6: false }
}

fn remotes(known: &Known, host: &str, seed: u64) -> Vec<String> {
    let targets = known.targets(&destination(host), &settings(), seed).unwrap();
    assert!(targets.iter().all(|target| target.transport == Transport::Tcp));
    targets.into_iter().map(|target| target.remote.to_string()).collect()
}

#[tokio::test]
async fn a_name_leads_over_naptr_and_srv_to_addresses_by_weight() {
    let resolver = resolver(server(Arc::default()).await);
    let found = look(&resolver, &destination("carrier.example"), &settings()).await;
    assert_eq!((found.found, found.lives), (Ok(()), Duration::from_secs(60)));
    let mut firsts = [0; 2];
    for seed in 0..400 {
        let order = remotes(&found.known, "carrier.example", seed);
        assert_eq!((order.len(), order[2].as_str()), (3, "192.0.2.3:5062"), "the other priority comes last");
        firsts[usize::from(order[0] == "192.0.2.2:5061")] += 1;
    }
    // Three of four, as the weights say.
    assert!((250..350).contains(&firsts[0]), "{firsts:?}");
    let nowhere = look(&resolver, &destination("nobody.example"), &settings()).await;
    assert_eq!(nowhere.found, Err(NotFound::NoSuchHost));
}

#[tokio::test]
async fn what_was_known_holds_while_dns_fails() {
    let fails = Arc::new(AtomicBool::new(false));
    let resolver = resolver(server(fails.clone()).await);
    let (tell, mut known) = mpsc::channel(1);
    let (trunk, gateway) = (PeerId(1), GatewayId::default());
    let lookup = Lookup { trunk, gateway, destination: destination("carrier.example"), settings: settings() };
    let task = tokio::spawn(keep(resolver.clone(), lookup, tell));
    let learnt = timeout(Duration::from_secs(20), known.recv()).await.unwrap().unwrap();
    assert_eq!((learnt.trunk, learnt.gateway), (trunk, gateway));
    assert_eq!(remotes(&learnt.known, "carrier.example", 0).len(), 3);
    fails.store(true, Ordering::SeqCst);
    let failed = look(&resolver, &destination("carrier.example"), &settings()).await;
    assert_eq!(failed.found, Err(NotFound::Failed));
    assert!(known.try_recv().is_err(), "nothing that is worse than what was known");
    drop(known);
    timeout(Duration::from_secs(20), task).await.expect("nobody wants to know").unwrap();
}
