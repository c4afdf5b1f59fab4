//! The pages as a caller sees them, over loopback.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

struct Running {
    address: SocketAddr,
    readiness: watch::Sender<Readiness>,
    end: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (readiness, receiver) = watch::channel(Readiness::not_ready("The store is being opened."));
    let parts = AdminParts { render: Arc::new(|| "carrierd_build_info 1\n".to_owned()), readiness: receiver };
    let (end, ended) = oneshot::channel();
    let shutdown = async {
        let _ = ended.await;
    };
    Running { address, readiness, end, task: tokio::spawn(serve(listener, parts, shutdown)) }
}

/// Sends one request; gives back the head of the answer, in lower case, and its body.
async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn prometheus_gets_the_metrics_in_its_own_format() {
    let running = start().await;
    let (head, body) = ask(running.address, "GET", "/metrics").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert_eq!(body, "carrierd_build_info 1\n");
}

#[tokio::test]
async fn readiness_follows_what_the_daemon_says_and_liveness_does_not() {
    let running = start().await;
    let (head, body) = ask(running.address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "The store is being opened.\n");
    running.readiness.send_replace(Readiness::ready());
    let (head, body) = ask(running.address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "ready\n");
    running.readiness.send_replace(Readiness::not_ready("The daemon is draining."));
    let (head, body) = ask(running.address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "The daemon is draining.\n");
    let (head, _) = ask(running.address, "GET", "/livez").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
}

#[tokio::test]
async fn the_last_word_on_readiness_outlives_its_sender() {
    let running = start().await;
    drop(running.readiness);
    let (head, body) = ask(running.address, "GET", "/readyz").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "The store is being opened.\n");
}

#[tokio::test]
async fn other_paths_name_those_that_exist_and_nothing_can_be_posted() {
    let running = start().await;
    for (path, status) in [("/", "200"), ("/status", "404"), ("/metrics/", "404")] {
        let (head, body) = ask(running.address, "GET", path).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{path}: {head}");
        for named in ["/metrics", "/livez", "/readyz"] {
            assert!(body.contains(named), "{path}: {body}");
        }
    }
    let (head, _) = ask(running.address, "POST", "/readyz").await;
    assert!(head.starts_with("http/1.1 405 "), "{head}");
}

#[tokio::test]
async fn ends_when_it_is_told_to_although_a_caller_keeps_a_connection() {
    let running = start().await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: admin\r\n\r\n").await.unwrap();
    let mut octets = [0; 12];
    idle.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"HTTP/1.1 200");
    running.end.send(()).unwrap();
    running.task.await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn ends_although_a_caller_stopped_in_the_middle_of_a_request() {
    let running = start().await;
    let mut stuck = TcpStream::connect(running.address).await.unwrap();
    stuck.write_all(b"GET /livez HTTP/1.1\r\nho").await.unwrap();
    // Accepted in order: once the next caller has its answer, the stuck one is being served.
    ask(running.address, "GET", "/livez").await;
    running.end.send(()).unwrap();
    running.task.await.unwrap().unwrap();
}
