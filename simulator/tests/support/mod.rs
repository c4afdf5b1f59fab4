//! The other end of a link, one step at a time: a session on a socket that a test asks for its next event.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::{net::SocketAddr, time::Duration};

use bytes::BytesMut;
use codecs::{
    Now, cmpp, frame,
    session::{Bound, CloseReason, Config, Dialect, Event, Frame, ReplyTo, Session, Ticket},
    smpp,
};
use simulator::{Scenario, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Far longer than anything here takes; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An ESME or SP.
pub struct Peer<D: Dialect> {
    pub session: Session<D>,
    pub bound: Bound,
    stream: TcpStream,
    input: BytesMut,
    tickets: u64,
}

impl<D: Dialect + std::fmt::Debug> Peer<D> {
    /// Connects and binds; the status if it is refused.
    pub async fn bind(to: SocketAddr, dialect: D, credentials: D::Credentials) -> Result<Self, u32> {
        match Self::attempt(to, dialect, credentials).await {
            Ok(peer) => Ok(peer),
            Err(CloseReason::Refused(refused)) => Err(refused.status),
            Err(other) => panic!("neither bound nor refused: {other:?}"),
        }
    }

    /// Connects and binds; how the session ended if it came to nothing.
    pub async fn attempt(
        to: SocketAddr,
        dialect: D,
        credentials: D::Credentials,
    ) -> Result<Self, CloseReason> {
        let session = Session::binding(Config::default(), dialect, credentials, now());
        let stream = TcpStream::connect(to).await.expect("a listener");
        let bound = Bound { version: 0, traffic: codecs::session::Direction::Either, unproven: false };
        let mut peer = Self { session, bound, stream, input: BytesMut::new(), tickets: 0 };
        match peer.event().await {
            Event::Bound(bound) => Ok(Self { bound, ..peer }),
            Event::Closed(reason) => Err(reason),
            other => panic!("neither bound nor closed: {other:?}"),
        }
    }

    /// The next event, whatever it takes.
    pub async fn event(&mut self) -> Event<D> {
        tokio::time::timeout(PATIENCE, self.next_event()).await.expect("an event in time")
    }

    async fn next_event(&mut self) -> Event<D> {
        loop {
            self.flush().await;
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            while let Ok(Some(unit)) = frame::next(&mut self.input, D::LIMITS) {
                self.session.handle_frame(now(), unit);
            }
            self.flush().await;
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => self.session.handle_end(now()),
                Ok(_) => {}
            }
        }
    }

    /// Writes everything that waits.
    pub async fn flush(&mut self) {
        if let Some(octets) = self.session.poll_transmit() {
            // A peer that is gone shows when it is read.
            let _ = self.stream.write_all_buf(octets).await;
        }
    }

    /// Sends a request.
    pub fn submit(&mut self, pdu: &D::Pdu<'_>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.session.submit(now(), ticket, pdu).expect("a request that fits");
        ticket
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) {
        self.flush().await;
        self.stream.write_all(octets).await.expect("a peer that reads");
    }

    /// The next event, which is an answer.
    pub async fn answer(&mut self) -> Frame<D> {
        match self.event().await {
            Event::Answered { response, .. } => response,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// The next event, which is a request of the carrier.
    pub async fn request(&mut self) -> (ReplyTo, Frame<D>) {
        match self.event().await {
            Event::Request { reply, frame } => (reply, frame),
            other => panic!("no request: {other:?}"),
        }
    }
}

/// An SMPP ESME.
pub type Esme = Peer<smpp::Smpp>;

impl Esme {
    /// Binds as a transceiver of 3.4.
    pub async fn transceiver(to: SocketAddr) -> Self {
        Self::of_mode(to, smpp::BindMode::Transceiver).await
    }

    pub async fn of_mode(to: SocketAddr, mode: smpp::BindMode) -> Self {
        let dialect = smpp::Smpp::new(mode, smpp::Version::V34);
        Self::bind(to, dialect, esme_credentials("esme", "secret")).await.expect("a bind that is taken")
    }

    /// Submits a text to a number and asks for a receipt.
    pub fn submit_text(&mut self, to: &str, text: &str) -> Ticket {
        let submit = smpp::SubmitSm {
            source_addr_ton: smpp::Ton::ALPHANUMERIC,
            source_addr: "Sender".into(),
            dest_addr_ton: smpp::Ton::INTERNATIONAL,
            dest_addr_npi: smpp::Npi::ISDN,
            destination_addr: to.into(),
            registered_delivery: smpp::RegisteredDelivery::RECEIPT,
            short_message: smpp::OctetString(text.as_bytes()),
            ..smpp::SubmitSm::default()
        };
        self.submit(&smpp::Pdu::from(smpp::Body::SubmitSm(submit)))
    }

    /// The next event, which is a submit_sm_resp: its id, or the status of the refusal.
    pub async fn submit_answer(&mut self) -> Result<String, u32> {
        let answer = self.answer().await;
        submit_answer(&answer)
    }

    /// Answers a deliver_sm.
    pub async fn acknowledge(&mut self, reply: ReplyTo) {
        let response = smpp::Body::DeliverSmResp(Some(smpp::DeliverSmResp::default()));
        self.session.answer(now(), reply, &smpp::Pdu::from(response)).expect("an open session");
        self.flush().await;
    }
}

pub fn submit_answer(answer: &Frame<smpp::Smpp>) -> Result<String, u32> {
    let (_, pdu) = smpp::Pdu::decode(&answer.octets).expect("an answer");
    match pdu.body {
        smpp::Body::SubmitSmResp(Some(body)) if pdu.status.is_ok() => {
            Ok(body.message_id.to_str().expect("ASCII").to_owned())
        }
        _ => Err(pdu.status.0),
    }
}

/// An SMPP account.
pub fn esme_credentials(system_id: &str, password: &str) -> smpp::Credentials {
    smpp::Credentials {
        system_id: system_id.to_owned(),
        password: password.to_owned(),
        ..smpp::Credentials::default()
    }
}

/// A CMPP SP.
pub type Sp = Peer<cmpp::Cmpp>;

impl Sp {
    pub async fn of_version(to: SocketAddr, version: cmpp::Version) -> Self {
        Self::bind(to, cmpp::Cmpp::new(version), sp_credentials("secret"))
            .await
            .expect("a login that is taken")
    }

    /// Submits a text to some numbers and asks for receipts.
    pub fn submit_text(&mut self, to: &[&[u8]], text: &str) -> Ticket {
        let submit = cmpp::Submit {
            pk_total: 1,
            pk_number: 1,
            registered_delivery: 1,
            msg_src: b"900001",
            fee_type: b"01",
            src_id: b"10690000",
            dest_terminal_id: cmpp::Recipients::new(to),
            msg_content: text.as_bytes(),
            ..cmpp::Submit::default()
        };
        self.submit(&cmpp::Pdu::Submit(submit))
    }

    pub fn version(&self) -> cmpp::Version {
        self.session.dialect().version()
    }

    /// Answers a CMPP_DELIVER.
    pub async fn acknowledge(&mut self, reply: ReplyTo, msg_id: cmpp::MsgId) {
        let response = cmpp::Pdu::DeliverResp(cmpp::DeliverResp { msg_id, result: 0 });
        self.session.answer(now(), reply, &response).expect("an open session");
        self.flush().await;
    }
}

/// A CMPP account.
pub fn sp_credentials(secret: &str) -> cmpp::Credentials {
    cmpp::Credentials {
        source_addr: b"900001".to_vec(),
        shared_secret: secret.as_bytes().to_vec(),
        padding: cmpp::AccountPadding::default(),
    }
}

/// Both clocks.
pub fn now() -> Now {
    Now { mono: std::time::Instant::now(), wall: jiff::Timestamp::now() }
}

/// One SMPP 3.4 carrier with the account `esme` / `secret`, and further lines of its own.
pub async fn smpp_carrier(lines: &str) -> (Simulator, SocketAddr) {
    carrier("smpp34", "system_id = \"esme\"\npassword = \"secret\"", lines).await
}

/// One CMPP carrier with the account `900001` / `secret`, and further lines of its own.
pub async fn cmpp_carrier(protocol: &str, lines: &str) -> (Simulator, SocketAddr) {
    carrier(protocol, "source_addr = \"900001\"\nshared_secret = \"secret\"", lines).await
}

async fn carrier(protocol: &str, account: &str, lines: &str) -> (Simulator, SocketAddr) {
    let text = format!(
        "[[carrier]]\nname = \"a\"\nprotocol = \"{protocol}\"\n{lines}\n[[carrier.account]]\n{account}\n"
    );
    started(&text).await
}

/// Starts a scenario; the address is that of its carrier `a`.
pub async fn started(scenario: &str) -> (Simulator, SocketAddr) {
    let scenario = Scenario::parse(scenario).expect("a scenario");
    let simulator = simulator::start(scenario).await.expect("a free port");
    let address = simulator.address("a").expect("the carrier");
    (simulator, address)
}

/// Waits until the counters say so.
pub async fn until(simulator: &Simulator, holds: impl Fn(&simulator::CarrierStats) -> bool) {
    let wait = async {
        while !holds(&simulator.stats()[0].1) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{:?}", simulator.stats()[0].1));
}
