//! Sockets of our own against those of a peer, over loopback.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use codecs::sip::{Flow, Target, Transport, framing};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

use super::{Arrival, Transports, Wire, arrival};
use crate::config::{self, SipConfig};

const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 3\r\n\r\nabc";

/// The section `[sip]` with these keys.
fn sip(keys: &str) -> SipConfig {
    config_of(keys, "unused").sip
}

fn config_of(keys: &str, file: &str) -> config::Config {
    let text = format!(
        "store = {{ path = \"unused\" }}\n[[trunk]]\nid = \"a\"\nprotocol = \"sip\"\ngateway = [{{ host = \"192.0.2.1\" }}]\n\
         callers = {{ authorisation = \"c\", numbers = [\"95001\"] }}\n[sip]\n{keys}\n"
    );
    config::parse(&text, file, &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

async fn next(transports: &mut Transports) -> Arrival {
    timeout(Duration::from_secs(20), arrival(transports)).await.expect("something comes")
}

/// Lets the transports work until `done` is.
async fn until<T>(transports: &mut Transports, done: impl Future<Output = T>) -> T {
    tokio::pin!(done);
    let both = async {
        tokio::select! {
            result = &mut done => result,
            arrival = arrival(transports) => panic!("{arrival:?}"),
        }
    };
    timeout(Duration::from_secs(20), both).await.expect("it is done")
}

fn of_message(arrival: Arrival) -> (codecs::sip::Flow, Bytes) {
    match arrival {
        Arrival::Message(flow, message) => (flow, message.octets().clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn datagrams_come_and_go_on_the_socket_that_is_named() {
    let config = sip("listen = [\"udp:127.0.0.1:0\", \"udp:127.0.0.1:0\", \"udp:[::1]:0\"]\n");
    let mut transports = Transports::open(&config).unwrap();
    let locals: Vec<_> = transports.listeners().iter().map(|one| one.address).collect();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for local in &locals[..2] {
        peer.send_to(b"hello", local).await.unwrap();
        let Arrival::Datagram(flow, octets) = next(&mut transports).await else { panic!() };
        assert_eq!(
            (flow.local, flow.remote, &octets[..]),
            (*local, peer.local_addr().unwrap(), &b"hello"[..])
        );
        transports.send(&Target::from(flow), Bytes::from_static(b"back")).unwrap();
        let mut buffer = [0; 64];
        let (octets, from) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..octets], from), (&b"back"[..], *local));
    }
    let other = Target::new(Transport::Udp, "[::1]:9".parse().unwrap());
    assert!(transports.send(&other, Bytes::from_static(b"x")).is_ok());
    let mut unknown = Target::new(Transport::Udp, peer.local_addr().unwrap());
    unknown.local = Some("127.0.0.1:1".parse().unwrap());
    assert!(transports.send(&unknown, Bytes::from_static(b"x")).is_err());
    assert!(
        transports.send(&Target::new(Transport::Tcp, "127.0.0.1:1".parse().unwrap()), Bytes::new()).is_err()
    );
    assert_eq!(transports.counters().undelivered, 1);
}

#[tokio::test]
async fn messages_on_a_stream_are_cut_and_answered_on_the_same_connection() {
    let mut transports =
        Transports::open(&sip("listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]")).unwrap();
    let local = transports.listeners()[1].address;
    let mut peer = TcpStream::connect(local).await.unwrap();
    // One octet at a time, then two glued with a keep-alive between them.
    for octet in OPTIONS.bytes() {
        peer.write_all(&[octet]).await.unwrap();
    }
    peer.write_all(format!("\r\n\r\n{OPTIONS}{OPTIONS}").as_bytes()).await.unwrap();
    for _ in 0..3 {
        let (flow, octets) = of_message(next(&mut transports).await);
        assert_eq!((flow.local, flow.transport, &octets[..]), (local, Transport::Tcp, OPTIONS.as_bytes()));
        transports.send(&Target::from(flow), Bytes::from_static(b"answer")).unwrap();
    }
    let mut said = Vec::new();
    until(&mut transports, async {
        while said.len() < 20 {
            peer.read_buf(&mut said).await.unwrap();
        }
    })
    .await;
    let said = String::from_utf8(said).unwrap();
    assert_eq!((said.matches("answer").count(), said.replace("answer", "")), (3, "\r\n".to_owned()));
    drop(peer);
    let Arrival::Lost { flow, unmade: None } = next(&mut transports).await else { panic!() };
    assert_eq!(flow.transport, Transport::Tcp);
    assert_eq!(transports.connections(), 0);
}

#[tokio::test]
async fn a_connection_is_made_once_and_used_by_all() {
    let mut transports =
        Transports::open(&sip("listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]")).unwrap();
    let local = transports.listeners()[1].address;
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::new(Transport::Tcp, gateway.local_addr().unwrap());
    for _ in 0..2 {
        transports.send(&target, Bytes::from(OPTIONS)).unwrap();
    }
    let (mut peer, _) = gateway.accept().await.unwrap();
    let mut said = vec![0; 2 * OPTIONS.len()];
    until(&mut transports, peer.read_exact(&mut said)).await.unwrap();
    assert_eq!((said, transports.connections()), (OPTIONS.repeat(2).into_bytes(), 1));
    // A request of the gateway on it came to the listener that the connection stands for.
    peer.write_all(OPTIONS.as_bytes()).await.unwrap();
    let (flow, _) = of_message(next(&mut transports).await);
    assert_eq!((flow.local, flow.remote), (local, gateway.local_addr().unwrap()));
    drop((peer, gateway));
    assert!(matches!(next(&mut transports).await, Arrival::Lost { .. }));
    // A new one can't be made: that is told, and the next message tries again.
    transports.send(&target, Bytes::from(OPTIONS)).unwrap();
    let Arrival::Lost { flow: Flow { remote, .. }, .. } = next(&mut transports).await else { panic!() };
    assert_eq!((remote, transports.connections()), (target.remote, 0));
}

#[tokio::test]
async fn what_can_t_be_cut_is_told_answered_and_closed() {
    let mut transports =
        Transports::open(&sip("listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]")).unwrap();
    let mut peer = TcpStream::connect(transports.listeners()[1].address).await.unwrap();
    peer.write_all(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n").await.unwrap();
    let Arrival::Fault(flow, fault) = next(&mut transports).await else { panic!() };
    assert_eq!(fault.kind, framing::FaultKind::Length);
    transports.send(&Target::from(flow), Bytes::from_static(b"400")).unwrap();
    transports.finish(flow.connection.unwrap());
    assert!(transports.send(&Target::from(flow), Bytes::from_static(b"more")).is_ok(), "a new connection");
    let mut said = Vec::new();
    peer.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"400");
}

#[tokio::test]
async fn half_a_message_and_idleness_have_an_end() {
    for (keys, sent) in [("message = \"50ms\"", &OPTIONS[..9]), ("idle = \"50ms\"", "\r\n")] {
        let keys = format!("listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nstreams = {{ {keys} }}");
        let mut transports = Transports::open(&sip(&keys)).unwrap();
        let mut peer = TcpStream::connect(transports.listeners()[1].address).await.unwrap();
        peer.write_all(sent.as_bytes()).await.unwrap();
        assert!(matches!(next(&mut transports).await, Arrival::Lost { .. }), "{keys}");
        assert_eq!(peer.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_connection_of_ours_is_kept_alive_and_given_up_when_nothing_answers() {
    let keys = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nstreams = { ping = \"20ms\", pong = \"300ms\" }";
    let mut transports = Transports::open(&sip(keys)).unwrap();
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::new(Transport::Tcp, gateway.local_addr().unwrap());
    transports.send(&target, Bytes::from_static(b"x")).unwrap();
    let (mut peer, _) = gateway.accept().await.unwrap();
    let mut said = [0; 5];
    until(&mut transports, peer.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"x\r\n\r\n");
    peer.write_all(b"\r\n").await.unwrap();
    let mut again = [0; 4];
    until(&mut transports, peer.read_exact(&mut again)).await.unwrap();
    assert_eq!(&again, b"\r\n\r\n", "the first one was answered");
    assert!(matches!(next(&mut transports).await, Arrival::Lost { .. }));
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_connection_and_stops_nobody() {
    let keys = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nlimits = { write_queue = \"64KiB\" }";
    let mut transports = Transports::open(&sip(keys)).unwrap();
    let local = transports.listeners()[1].address;
    let mut deaf = TcpStream::connect(local).await.unwrap();
    let mut other = TcpStream::connect(local).await.unwrap();
    deaf.write_all(OPTIONS.as_bytes()).await.unwrap();
    let (flow, _) = of_message(next(&mut transports).await);
    let piece = Bytes::from(vec![b'x'; 16 << 10]);
    let mut sent = 0_usize;
    while transports.send(&Target::from(flow), piece.clone()).is_ok() {
        sent += piece.len();
        assert!(sent < 256 << 20, "more than a kernel takes");
        tokio::task::yield_now().await;
    }
    let Arrival::Lost { flow: lost, .. } = next(&mut transports).await else { panic!() };
    assert_eq!((lost.connection, transports.counters().stalled), (flow.connection, 1));
    other.write_all(OPTIONS.as_bytes()).await.unwrap();
    assert_ne!(of_message(next(&mut transports).await).0.connection, flow.connection);
}

#[tokio::test]
async fn one_source_and_all_together_have_so_many_connections_and_no_more() {
    let keys = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\nlimits = { connections = 3, connections_per_source = 2 }";
    let mut transports = Transports::open(&sip(keys)).unwrap();
    let local = transports.listeners()[1].address;
    let mut peers = Vec::new();
    for _ in 0..2 {
        let mut peer = TcpStream::connect(local).await.unwrap();
        peer.write_all(OPTIONS.as_bytes()).await.unwrap();
        of_message(next(&mut transports).await);
        peers.push(peer);
    }
    let mut third = TcpStream::connect(local).await.unwrap();
    let closed = until(&mut transports, third.read(&mut [0; 8])).await;
    assert_eq!((closed.unwrap_or(0), transports.counters().refused), (0, 1));
    peers.pop();
    assert!(matches!(next(&mut transports).await, Arrival::Lost { .. }));
    let mut again = TcpStream::connect(local).await.unwrap();
    again.write_all(OPTIONS.as_bytes()).await.unwrap();
    of_message(next(&mut transports).await);
    // The rest is for connections that we open: one, and no more.
    let gateways =
        [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let to = |gateway: &TcpListener| Target::new(Transport::Tcp, gateway.local_addr().unwrap());
    assert!(transports.send(&to(&gateways[0]), Bytes::from_static(b"x")).is_ok());
    assert!(transports.send(&to(&gateways[1]), Bytes::from_static(b"x")).is_err());
}

/// An authority, and certificates that it signed, in files beside a configuration.
struct Authority {
    folder: tempfile::TempDir,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { folder, issuer: rcgen::Issuer::new(params, key) }
    }

    /// Sockets for TLS with a certificate of this name.
    async fn transports(&self, name: &str, believed: &str, more: &str) -> Transports {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        let keys = format!(
            "listen = [\"udp:127.0.0.1:0\", \"tls:127.0.0.1:0\"]\n\
             tls = {{ certificate = \"{name}.pem\", key = \"{name}.key\", authorities = \"{believed}\"{more} }}"
        );
        let file = self.folder.path().join("carrierd.toml").display().to_string();
        Transports::open(&config_of(&keys, &file).sip).unwrap()
    }
}

fn secure(remote: SocketAddr, name: Option<&str>) -> Target {
    Target { server_name: name.map(Into::into), ..Target::new(Transport::Tls, remote) }
}

#[tokio::test]
async fn tls_believes_the_name_that_was_asked_for_and_no_other() {
    let authority = Authority::new();
    let mut ours = authority.transports("us.example.com", "ca.pem", "").await;
    let mut gateway =
        authority.transports("sbc.example.com", "ca.pem", ", client_authorities = \"ca.pem\"").await;
    let remote = gateway.listeners()[1].address;
    ours.send(&secure(remote, Some("sbc.example.com")), Bytes::from(OPTIONS)).unwrap();
    let serve = async {
        let (flow, octets) = of_message(next(&mut gateway).await);
        assert_eq!((flow.transport, octets), (Transport::Tls, Bytes::from(OPTIONS)));
        gateway.send(&Target::from(flow), Bytes::from(OPTIONS)).unwrap();
        gateway
    };
    let mut gateway = until(&mut ours, serve).await;
    of_message(next(&mut ours).await);
    // The same address by another name is another connection, and its certificate does not bear that name.
    for name in [Some("other.example.com"), None] {
        ours.send(&secure(remote, name), Bytes::from(OPTIONS)).unwrap();
        let lost = tokio::select! {
            arrival = next(&mut ours) => arrival,
            () = async { loop { assert!(matches!(arrival(&mut gateway).await, Arrival::Lost { .. })); } } => unreachable!(),
        };
        let Arrival::Lost { unmade: Some(cause), .. } = lost else { panic!("{lost:?}") };
        assert!(cause.contains("not valid for name"), "{cause}");
    }
}

#[tokio::test]
async fn tls_asks_its_callers_for_a_certificate_where_it_is_told_to() {
    let (authority, others) = (Authority::new(), Authority::new());
    let mut gateway =
        authority.transports("sbc.example.com", "ca.pem", ", client_authorities = \"ca.pem\"").await;
    let remote = gateway.listeners()[1].address;
    // It believes the gateway, but is vouched for by somebody else.
    std::fs::copy(authority.folder.path().join("ca.pem"), others.folder.path().join("theirs.pem")).unwrap();
    let mut stranger = others.transports("us.example.com", "theirs.pem", "").await;
    let lost = |arrival: Arrival| match arrival {
        Arrival::Lost { unmade, .. } => unmade,
        other => panic!("{other:?}"),
    };
    stranger.send(&secure(remote, Some("sbc.example.com")), Bytes::from(OPTIONS)).unwrap();
    let (one, other) = tokio::join!(next(&mut stranger), next(&mut gateway));
    // Whoever connects may hear of it only when the connection is there for him already.
    let (_, cause) = (lost(one), lost(other).unwrap());
    // The two authorities have one name: which of a wrong issuer and a wrong signature is found first is chance.
    assert!(cause.contains("invalid peer certificate"), "{cause}");
}

#[tokio::test]
async fn what_can_t_be_opened_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let config = sip(&format!("listen = [\"udp:{address}\"]"));
    let error = Transports::open(&config).err().unwrap().to_string();
    assert!(error.starts_with(&format!("can't listen on UDP {address}: ")), "{error}");
}
