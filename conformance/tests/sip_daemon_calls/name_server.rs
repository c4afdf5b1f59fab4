//! A name server with the records that a test gives it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode},
    rr::{
        Name, RData, Record,
        rdata::{A, SRV},
    },
};
use tokio::{net::UdpSocket, task::JoinHandle};

/// How long what it says holds, seconds.
const TTL: u32 = 60;

/// A running name server. Dropping it ends it.
pub struct NameServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl NameServer {
    /// Serves these records; every other question has no answer.
    pub async fn start(records: Vec<Record>) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a port")?;
        let address = socket.local_addr()?;
        let task = tokio::spawn(async move {
            let mut octets = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut octets).await {
                let Some(answer) = answer(&records, &octets[..length]) else { continue };
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Ok(Self { address, task })
    }

    /// Where it listens, for datagrams.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One server of a service; the lowest priority goes first.
pub fn srv(service: &str, priority: u16, port: u16, target: &str) -> Record {
    let data = SRV::new(priority, 1, port, name(target));
    Record::from_rdata(name(service), TTL, RData::SRV(data))
}

/// An address of this machine.
pub fn local(host: &str) -> Record {
    Record::from_rdata(name(host), TTL, RData::A(A(Ipv4Addr::LOCALHOST)))
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn answer(records: &[Record], octets: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(octets).ok()?;
    let query = asked.queries.first()?;
    let fits = |record: &&Record| record.name == *query.name() && record.record_type() == query.query_type();
    let mut message = Message::new(asked.id, MessageType::Response, OpCode::Query);
    message.add_query(query.clone());
    message.add_answers(records.iter().filter(fits).cloned());
    message.to_vec().ok()
}
