//! A live endpoint under the torture messages: the daemon as a process, asked over UDP and TCP.
//!
//! Each message goes out as it stands, from an address of its own and from the port that its Via names, so that an answer
//! which goes where RFC 3261 §18.2.2 says comes back here. Behind each goes a sound OPTIONS, which is answered in every
//! case: what has not been answered before it is not answered at all, and no clock has to say so.
//!
//! Several of the messages share their branch or Call-ID. Before one of them the endpoint is let forget the earlier ones,
//! as its own metrics tell.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use codecs::sip::{
    Message, Method, Name,
    framing::{Datagram, datagram},
};
use tokio::time::timeout;

use super::{Outcome, Torture, Way, answer::check_answer, list, on_datagram};
use crate::{
    call_subject::{CallSubject, Listening, sip_trunk},
    loopback::{self, Transport},
    metrics::Metrics,
    raw_sip::{Line, Request, follow_up},
};

/// How long anything may take; a busy machine needs a part of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a message that lacks its end is left alone before it gets it.
const QUIET: Duration = Duration::from_millis(500);
/// Transactions are forgotten 64 times T1 after their end.
const TIMERS: &str = "timers = { t1 = \"5ms\", t4 = \"5ms\" }";
/// Calls that nobody answers end soon.
const CALLS: &str = "[calls]\nanswer_deadline = \"2s\"\n";
/// The trunk's requests come from every address of this machine; none goes to it.
const EVERYBODY: &str = "sources = [\"127.0.0.0/8\"]\nprobe = { interval = \"0s\" }";
/// What the daemon counts as transactions that peers began.
const SERVERS: &str = "carrierd_sip_transactions{side=\"server\"}";
/// What it counts as calls of the trunk.
const TAKEN: &str = "carrierd_call_attempts_total{trunk=\"torturer\",direction=\"inbound\"}";

/// The trunk that everybody on this machine is.
const TRUNK: &str = "torturer";

/// What became of each message, over UDP and over TCP. What is wrong with one stands in its place.
pub type Played = Vec<[Result<Seen>; 2]>;

/// Plays all messages to a daemon, over UDP and then over TCP. That the daemon took as many calls as rang is seen to.
///
/// # Errors
/// When the daemon can't be started, serves no more, or took other calls.
pub async fn play(program: &Path, all: &[Torture]) -> Result<Played> {
    let mut live = Live::start(program).await?;
    let udp = live.play(all, Transport::Udp).await?;
    let tcp = live.play(all, Transport::Tcp).await?;
    let calls = f64::from(live.calls);
    Metrics::wait_for(live.subject.daemon().admin(), TAKEN, |taken| taken == calls).await?;
    live.stop()?;
    Ok(udp.into_iter().zip(tcp).map(<[_; 2]>::from).collect())
}

/// The endpoint, and what was asked of it.
#[derive(Debug)]
pub struct Live {
    subject: CallSubject,
    asked: u16,
    /// Calls that rang.
    calls: u32,
}

/// What became of a message.
#[derive(Debug)]
pub struct Seen {
    /// The outcome, in the words of the table.
    pub outcome: Outcome,
    /// Its first answer.
    pub answer: Option<Message>,
    /// Answers to neither it nor what was sent behind it.
    pub further: usize,
}

impl Live {
    /// Starts a daemon whose one trunk is everybody on this machine.
    ///
    /// # Errors
    /// When it does not serve.
    pub async fn start(program: &Path) -> Result<Self> {
        let listening = Listening { settings: TIMERS, ..Listening::default() };
        let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, loopback::free_port()?));
        let trunk = sip_trunk(TRUNK, gateway, "udp", EVERYBODY);
        let subject = CallSubject::start_with(program, &listening, &format!("{CALLS}{trunk}")).await?;
        // The API answers once everything listens.
        subject.calls().await?;
        Ok(Self { subject, asked: 0, calls: 0 })
    }

    /// Ends the daemon.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(self) -> Result<()> {
        self.subject.stop()
    }

    /// Every message in turn.
    async fn play(&mut self, all: &[Torture], transport: Transport) -> Result<Vec<Result<Seen>>> {
        let (mut known, mut seen) = (HashSet::new(), Vec::with_capacity(all.len()));
        for torture in all {
            let names = names(&torture.octets);
            if names.iter().any(|name| known.contains(name)) {
                self.wait_until_it_forgot().await?;
                known.clear();
            }
            known.extend(names);
            seen.push(self.ask(&torture.octets, transport).await);
        }
        self.wait_until_it_forgot().await?;
        Ok(seen)
    }

    /// Sends one message and says what became of it. A call that it begins is ended again.
    ///
    /// # Errors
    /// When it gets neither an answer nor silence that can be told, or an answer that does not fit.
    pub async fn ask(&mut self, octets: &[u8], transport: Transport) -> Result<Seen> {
        self.asked += 1;
        let request = parsed(octets);
        let probe = format!("probe-{}-{transport:?}", self.asked);
        let behind = Request::new("OPTIONS", &probe).over(transport).octets();
        // Where its sender listens: there a datagram is answered.
        let port = match (transport, &request) {
            (Transport::Udp, Some(request)) => request.via().map_or(0, |via| via.port.unwrap_or(5060)),
            _ => 0,
        };
        let from = SocketAddr::from((our_address(self.asked), port));
        let mut line = Line::open(transport, from, self.subject.address()).await?;
        line.send(&[octets, &behind]).await?;
        let missing = match transport {
            Transport::Udp => 0,
            Transport::Tcp => missing(request.as_ref()).saturating_sub(behind.len()),
        };
        // On a stream what stands behind its body is a message of its own.
        let another = request.as_ref().and_then(|request| parsed(octets.get(request.octets().len()..)?));
        let calls_again = transport == Transport::Tcp && another.as_ref().is_some_and(is_call);
        let is_owed = request.as_ref().is_some_and(is_call);
        let mut heard = Heard { request, is_owed, ..Heard::default() };
        heard.listen(&mut line, &probe, if missing > 0 { QUIET } else { PATIENCE }).await;
        let waited = missing > 0 && heard.answer.is_none() && !heard.is_closed;
        if waited {
            line.send(&[&vec![b' '; missing]]).await?;
            (heard.is_probed, heard.is_owed) = (true, true);
            heard.listen(&mut line, &probe, PATIENCE).await;
            ensure!(heard.answer.is_some(), "it is not answered when all of it is there");
        }
        ensure!(heard.is_closed || heard.is_probed, "neither what follows is answered nor the stream closed");
        if let (Some(request), Some(answer)) = (&heard.request, &heard.answer) {
            check_answer(request, answer)?;
            if request.method() == Some(Method::Invite) && !heard.is_closed {
                end_call(&mut line, request, answer).await?;
            }
        }
        self.calls += u32::from(heard.rang()) + u32::from(calls_again);
        let outcome = if waited { Outcome::Waits } else { heard.outcome() };
        Ok(Seen { outcome, answer: heard.answer, further: heard.further })
    }

    async fn wait_until_it_forgot(&self) -> Result<()> {
        Metrics::wait_for(self.subject.daemon().admin(), SERVERS, |servers| servers == 0.0).await?;
        Ok(())
    }
}

impl Torture {
    /// The outcomes of a live endpoint that are right.
    #[must_use]
    pub fn wanted_live(&self, way: Way) -> &[Outcome] {
        match (way, &self.live, &self.live_on_stream) {
            (Way::Stream, _, Some(wanted)) | (_, Some(wanted), _) => wanted,
            _ => self.wanted(way),
        }
    }

    /// Whether what became of the message at a live endpoint is right: the outcome, or what is wrong.
    ///
    /// # Errors
    /// When it is another outcome, or the answer lacks what the table wants it to carry.
    pub fn judge_live(&self, way: Way, seen: &Seen) -> Result<Outcome> {
        let wanted = self.wanted_live(way);
        ensure!(wanted.contains(&seen.outcome), "{}, wanted: {}", seen.outcome, list(wanted));
        if let Some(answer) = &seen.answer {
            for line in &self.carries {
                let is_it = |field: codecs::sip::message::FieldRef<'_>| {
                    let label = String::from_utf8_lossy(field.label);
                    format!("{label}: {}", String::from_utf8_lossy(field.value)) == *line
                };
                ensure!(answer.fields().any(is_it), "{} without {line}", seen.outcome);
            }
        }
        ensure!(seen.further == 0, "{} answers to something else", seen.further);
        Ok(seen.outcome)
    }
}

/// What was heard after a message.
#[derive(Default)]
struct Heard {
    request: Option<Message>,
    /// It is a call, which is answered a moment later than anything else.
    is_owed: bool,
    answer: Option<Message>,
    further: usize,
    /// What was sent behind it has been answered.
    is_probed: bool,
    is_closed: bool,
}

impl Heard {
    /// Listens until nothing more can come, or for so long.
    async fn listen(&mut self, line: &mut Line, probe: &str, patience: Duration) {
        let is_enough = |heard: &Self| {
            let is_settled = heard.answer.is_some() || !heard.is_owed;
            heard.is_closed || (heard.is_probed && is_settled)
        };
        while !is_enough(self) {
            match timeout(patience, line.hear()).await {
                Ok(Some(message)) => self.take(message, probe),
                Ok(None) => self.is_closed = true,
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, message: Message, probe: &str) {
        let of = |name| message.field(name);
        let is_it = |request: &Message| {
            [Name::CallId, Name::CSeq].iter().all(|name| {
                request.field(*name).is_none_or(|own| {
                    of(*name).is_some_and(|theirs| {
                        own.split(u8::is_ascii_whitespace).eq(theirs.split(u8::is_ascii_whitespace))
                    })
                })
            })
        };
        if of(Name::CallId) == Some(probe.as_bytes()) {
            self.is_probed = true;
        } else if self.request.as_ref().is_some_and(is_it) {
            self.answer.get_or_insert(message);
        } else {
            self.further += 1;
        }
    }

    fn rang(&self) -> bool {
        let method = self.request.as_ref().and_then(Message::method);
        let status = self.answer.as_ref().and_then(Message::status);
        method == Some(Method::Invite) && status.is_some_and(|status| status < 200)
    }

    fn outcome(&self) -> Outcome {
        let method = self.request.as_ref().and_then(Message::method);
        let status = self.answer.as_ref().and_then(Message::status);
        match (status, method) {
            (status, _) if self.is_closed => Outcome::Closed(status),
            (None, _) => Outcome::Dropped,
            _ if self.rang() => Outcome::Taken,
            (Some(200), Some(Method::Options)) => Outcome::Taken,
            (Some(status), _) => Outcome::Answered(status),
        }
    }
}

/// Ends what an INVITE began: acknowledges a refusal, cancels a call.
async fn end_call(line: &mut Line, invite: &Message, answer: &Message) -> Result<()> {
    let mut last = answer.clone();
    if answer.status().is_some_and(|status| status < 200) {
        let cancel = follow_up("CANCEL", invite, invite).context("a call that can't be cancelled")?;
        line.send(&[&cancel]).await?;
        let (mut is_cancelled, mut ended) = (false, None);
        while !is_cancelled || ended.is_none() {
            let heard = timeout(PATIENCE, line.hear()).await.context("its CANCEL does not end it")?;
            let message = heard.context("its CANCEL is answered with the end of the connection")?;
            match (message.cseq().map(|cseq| cseq.method), message.status()) {
                (Ok(Method::Cancel), Some(200)) => is_cancelled = true,
                (Ok(Method::Invite), Some(100..=199)) => {}
                (Ok(Method::Invite), Some(487)) => ended = Some(message),
                (_, status) => anyhow::bail!("its CANCEL was answered {status:?}"),
            }
        }
        last = ended.context("an end")?;
    }
    if let Some(ack) = follow_up("ACK", invite, &last) {
        line.send(&[&ack]).await?;
    }
    Ok(())
}

/// An address of this machine that no other process of these tests sends from.
fn our_address(number: u16) -> Ipv4Addr {
    let [.., third, fourth] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + third % 128, fourth, (number % 254 + 1) as u8)
}

fn parsed(octets: &[u8]) -> Option<Message> {
    match datagram(Bytes::copy_from_slice(octets)) {
        Ok(Datagram::Message(message) | Datagram::Torn(message)) => Some(message),
        Ok(Datagram::KeepAlive) | Err(_) => None,
    }
}

/// Whether it begins a call as it stands.
fn is_call(request: &Message) -> bool {
    request.method() == Some(Method::Invite) && on_datagram(request.octets()) == Outcome::Taken
}

/// Octets of the body that its length promises and that are not there.
fn missing(request: Option<&Message>) -> usize {
    let missing = |request: &Message| {
        request.content_length().ok().flatten().map(|length| length.saturating_sub(request.body().len()))
    };
    request.and_then(missing).unwrap_or_default()
}

/// By what a message may be taken for a repetition or a copy of another.
fn names(octets: &[u8]) -> Vec<Vec<u8>> {
    let Some(message) = parsed(octets) else { return Vec::new() };
    let via = message.via().ok().map(|via| {
        let sent_by = via.host.to_string().to_ascii_lowercase();
        [via.branch().unwrap_or_default(), sent_by.as_bytes()].join(&b' ')
    });
    via.into_iter().chain(message.field(Name::CallId).map(<[u8]>::to_vec)).collect()
}
