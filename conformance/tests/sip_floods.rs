//! Floods on a live daemon: its limits hold, each request is owed what the limit says, calls of others go on, memory stays
//! bounded, and the metrics tell of it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use codecs::sip::{Message, Name};
use conformance::{
    api::CallState,
    call_subject::{CallSubject, Listening, sip_trunk},
    calls::{Calls, SDP},
    loopback::Transport,
    metrics::Metrics,
    raw_sip::{Line, Request, inside},
    subject::Programs,
};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// After which a request without an answer goes out again, as its sender would send it.
const AGAIN: Duration = Duration::from_millis(500);
/// Requests that are out at once: what the kernel keeps for a socket.
const AT_ONCE: usize = 40;
/// What a flood may make the daemon hold beyond what it held before, with everything that its limits grant: octets.
const ROOM: u64 = 64 << 20;
const FLOODER: [u8; 4] = [127, 8, 0, 1];
const FRIEND: [u8; 4] = [127, 8, 1, 1];
const STRANGER: [u8; 4] = [127, 9, 0, 1];

/// A daemon with a trunk whose carrier floods it, and one whose carrier has a call there all the while.
struct Bed {
    subject: CallSubject,
    calls: Calls,
    friend: Friend,
    before: u64,
}

impl Bed {
    /// `flooder`: further keys of the flooding trunk. `settings`: of `[sip]`.
    async fn new(settings: &str, flooder: &str) -> Self {
        let nowhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let trunks = [
            "[calls]\nanswer_deadline = \"3s\"\n".to_owned(),
            sip_trunk(
                "flooder",
                nowhere,
                "udp",
                &format!("sources = [\"127.8.0.0/24\"]\nprobe = {{ interval = \"0s\" }}\n{flooder}"),
            ),
            sip_trunk(
                "friend",
                nowhere,
                "udp",
                "sources = [\"127.8.1.0/24\"]\nprobe = { interval = \"0s\" }",
            ),
        ];
        let listening = Listening { settings, ..Listening::default() };
        let programs = Programs::for_tests().unwrap();
        let subject = CallSubject::start_with(&programs.daemon, &listening, &trunks.concat()).await.unwrap();
        let calls = subject.calls().await.unwrap();
        let friend = Friend::call(&subject, &calls).await;
        let before = subject.daemon().subject().memory().unwrap();
        Self { subject, calls, friend, before }
    }

    fn admin(&self) -> SocketAddr {
        self.subject.daemon().admin()
    }

    async fn metrics(&self) -> Metrics {
        Metrics::of(self.admin()).await.unwrap()
    }

    async fn wait_for(&self, series: &str, wanted: impl Fn(f64) -> bool) -> Metrics {
        Metrics::wait_for(self.admin(), series, wanted).await.unwrap()
    }

    /// The friend's call went on through everything; nothing is left, and every call had one end.
    async fn end(mut self) {
        self.friend.options().await;
        self.friend.hang_up(&self.calls).await;
        self.wait_for("carrierd_calls_open", |open| open == 0.0).await;
        for side in ["client", "server"] {
            let series = format!("carrierd_sip_transactions{{side=\"{side}\"}}");
            self.wait_for(&series, |live| live == 0.0).await;
        }
        let (_, open) = self.calls.audit().unwrap();
        assert_eq!(open, 0);
        let after = self.subject.daemon().subject().peak_memory().unwrap();
        assert!(after < self.before + ROOM, "{} octets before, {after} at most", self.before);
        self.subject.stop().unwrap();
    }
}

/// A carrier with one call, over a connection.
struct Friend {
    line: Line,
    call_id: String,
    answer: Message,
    asked: u32,
}

impl Friend {
    async fn call(subject: &CallSubject, calls: &Calls) -> Self {
        let mut line = Line::open(Transport::Tcp, (FRIEND, 0).into(), subject.address()).await.unwrap();
        let invite = Request::new("INVITE", "friend").over(Transport::Tcp).with_sdp(SDP).octets();
        line.send(&[&invite]).await.unwrap();
        let incoming = calls.incoming(|call| call.trunk_id == "friend").await.unwrap();
        calls.answer(&incoming.call_id, SDP).await.unwrap();
        let answer = final_response(&mut line).await;
        assert_eq!(answer.status(), Some(200));
        line.send(&[&inside("ACK", 1, Transport::Tcp, &answer).unwrap()]).await.unwrap();
        calls.state(&incoming.call_id, CallState::InProgress).await.unwrap();
        Self { line, call_id: incoming.call_id, answer, asked: 1 }
    }

    /// Asks inside its call whether that lives.
    async fn options(&mut self) {
        self.asked += 1;
        let options = inside("OPTIONS", self.asked, Transport::Tcp, &self.answer).unwrap();
        self.line.send(&[&options]).await.unwrap();
        assert_eq!(final_response(&mut self.line).await.status(), Some(200));
    }

    async fn hang_up(&mut self, calls: &Calls) {
        let bye = inside("BYE", self.asked + 1, Transport::Tcp, &self.answer).unwrap();
        self.line.send(&[&bye]).await.unwrap();
        assert_eq!(final_response(&mut self.line).await.status(), Some(200));
        assert_eq!(calls.ended(&self.call_id).await.unwrap().record.final_state(), CallState::Completed);
    }
}

async fn final_response(line: &mut Line) -> Message {
    loop {
        let message =
            timeout(PATIENCE, line.hear()).await.expect("an answer").expect("the connection stands");
        if message.status().is_some_and(|status| status >= 200) {
            return message;
        }
    }
}

/// Sends requests over UDP, each until something answers it, and gives the first answer of each. They are told apart by
/// their Call-ID. Nothing that comes is acknowledged.
async fn flood(line: &mut Line, requests: &[(String, Vec<u8>)]) -> HashMap<String, Message> {
    let mut answers: HashMap<String, Message> = HashMap::new();
    let began = Instant::now();
    for piece in requests.chunks(AT_ONCE) {
        while piece.iter().any(|(id, _)| !answers.contains_key(id)) {
            assert!(began.elapsed() < PATIENCE * 2, "{} of {} answered", answers.len(), requests.len());
            let out: Vec<_> = piece.iter().filter(|(id, _)| !answers.contains_key(id)).collect();
            for (_, octets) in &out {
                line.send(&[octets]).await.unwrap();
            }
            let mut left = out.len();
            while left > 0
                && let Ok(Some(message)) = timeout(AGAIN, line.hear()).await
            {
                let id = String::from_utf8(message.call_id().unwrap().to_vec()).unwrap();
                if message.status().is_some() && answers.insert(id, message).is_none() {
                    left -= 1;
                }
            }
        }
    }
    answers
}

fn invites(name: &str, number: usize) -> Vec<(String, Vec<u8>)> {
    let invite = |index| {
        let id = format!("{name}-{index}");
        let octets = Request::new("INVITE", &id).with_sdp(SDP).octets();
        (id, octets)
    };
    (0..number).map(invite).collect()
}

/// How many were answered so; each 503 says when to come again.
fn count(answers: &HashMap<String, Message>, is: impl Fn(u16) -> bool) -> usize {
    for answer in answers.values().filter(|answer| answer.status() == Some(503)) {
        assert_eq!(answer.field(Name::RetryAfter), Some(&b"5"[..]));
    }
    answers.values().filter(|answer| answer.status().is_some_and(&is)).count()
}

async fn flooding(bed: &Bed) -> Line {
    Line::open(Transport::Udp, (FLOODER, 0).into(), bed.subject.address()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_contract_are_refused_before_anything_is_kept_of_them() {
    let mut bed = Bed::new("timers = { t1 = \"20ms\" }", "max_calls = 20").await;
    let mut line = flooding(&bed).await;
    let answers = flood(&mut line, &invites("calls", 600)).await;
    let (rang, refused) = (count(&answers, |status| status < 200), count(&answers, |status| status == 503));
    // Places become free again as calls end unanswered while the flood goes on.
    assert!(rang >= 20 && rang + refused == 600, "{rang} rang, {refused} refused");
    let metrics = bed.metrics().await;
    assert!(metrics.get("carrierd_sip_overloaded_total") >= refused as f64);
    assert!(metrics.get("carrierd_calls_active{trunk=\"flooder\",direction=\"inbound\"}") <= 20.0);
    let taken = metrics.get("carrierd_call_attempts_total{trunk=\"flooder\",direction=\"inbound\"}");
    assert_eq!(taken, rang as f64);
    // Another trunk's calls find their places.
    bed.friend.options().await;
    let mut other = Line::open(Transport::Tcp, (FRIEND, 0).into(), bed.subject.address()).await.unwrap();
    other
        .send(&[&Request::new("INVITE", "second").over(Transport::Tcp).with_sdp(SDP).octets()])
        .await
        .unwrap();
    let second = bed.calls.incoming(|call| call.trunk_id == "friend").await.unwrap();
    bed.calls.reject(&second.call_id, 486).await.unwrap();
    let busy = final_response(&mut other).await;
    assert_eq!(busy.status(), Some(486));
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_transactions_are_refused_and_calls_can_still_end() {
    let mut bed = Bed::new("timers = { t1 = \"20ms\" }\nlimits = { transactions = 100 }", "").await;
    let mut line = flooding(&bed).await;
    let answers = flood(&mut line, &invites("transactions", 500)).await;
    let (rang, refused) = (count(&answers, |status| status < 200), count(&answers, |status| status == 503));
    assert!(rang >= 90 && rang + refused == 500 && refused > 0, "{rang} rang, {refused} refused");
    let metrics = bed.metrics().await;
    assert!(metrics.get("carrierd_sip_overloaded_total") >= refused as f64);
    assert!(metrics.get("carrierd_sip_transactions{side=\"server\"}") <= 125.0);
    bed.friend.options().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_never_acknowledged_end_their_calls() {
    const CALLS: usize = 60;
    let bed = Bed::new("timers = { t1 = \"20ms\" }", "").await;
    let mut line = flooding(&bed).await;
    let answering = tokio::spawn({
        let calls = bed.calls.clone();
        async move {
            let mut ids = Vec::new();
            while ids.len() < CALLS {
                let call = calls.incoming(|call| call.trunk_id == "flooder").await.unwrap();
                calls.answer(&call.call_id, SDP).await.unwrap();
                ids.push(call.call_id);
            }
            ids
        }
    });
    flood(&mut line, &invites("mute", CALLS)).await;
    let ids = answering.await.unwrap();
    for id in &ids {
        let record = bed.calls.ended(id).await.unwrap().record;
        assert!(record.answer_time.is_some() && record.final_state() == CallState::Completed, "{record:#?}");
    }
    let metrics = bed.wait_for("carrierd_sip_unacknowledged_total", |calls| calls == CALLS as f64).await;
    assert_eq!(metrics.get("carrierd_calls_active{trunk=\"flooder\",direction=\"inbound\"}"), 0.0);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_their_limits_and_half_messages_their_time() {
    let settings = "limits = { connections = 60, connections_per_source = 20 }\nstreams = { message = \"2s\" }\ntimers = { t1 = \"20ms\" }";
    let mut bed = Bed::new(settings, "").await;
    let half = &Request::new("INVITE", "half").over(Transport::Tcp).octets()[..100];
    let mut lines = Vec::new();
    for source in 1..=4 {
        for _ in 0..25 {
            let mut line = Line::open(Transport::Tcp, ([127, 8, 0, source], 0).into(), bed.subject.address())
                .await
                .unwrap();
            // One that is refused may be closed by now.
            let _ = line.send(&[half]).await;
            lines.push(line);
        }
    }
    // Of each source 20, and with the friend's 60 of all.
    let metrics = bed.wait_for("carrierd_sip_connections_refused_total", |refused| refused >= 41.0).await;
    assert!(metrics.get("carrierd_sip_connections") <= 60.0);
    bed.friend.options().await;
    for line in &mut lines {
        assert!(timeout(PATIENCE, line.hear()).await.expect("it is closed").is_none());
        bed.friend.options().await;
    }
    let metrics = bed.wait_for("carrierd_sip_connections", |connections| connections == 1.0).await;
    let (refused, unfinished) = (
        metrics.get("carrierd_sip_connections_refused_total"),
        metrics.get("carrierd_sip_connections_unfinished_total"),
    );
    assert_eq!((refused, unfinished), (41.0, 59.0));
    // There is room again.
    let mut line = Line::open(Transport::Tcp, (FLOODER, 0).into(), bed.subject.address()).await.unwrap();
    line.send(&[&Request::new("OPTIONS", "again").over(Transport::Tcp).octets()]).await.unwrap();
    assert_eq!(final_response(&mut line).await.status(), Some(200));
    drop(line);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_that_fail_are_slow_and_those_of_others_are_refused() {
    // A registrar that fails, and one that refuses; what comes is kept with its time.
    let registrar = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = registrar.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let mut buffer = vec![0; 65_535];
        let mut seen: Vec<(String, String, Instant)> = Vec::new();
        while seen.iter().filter(|(user, ..)| user == "failing-0").count() < 4 {
            let (length, from) = registrar.recv_from(&mut buffer).await.unwrap();
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let user = request.split("From: <sip:").nth(1).unwrap().split('@').next().unwrap().to_owned();
            let status = if user.starts_with("failing") { "500 No" } else { "403 No" };
            let shown: String = request
                .lines()
                .filter(|line| {
                    ["Via", "From", "To", "Call-ID", "CSeq"]
                        .iter()
                        .any(|name| line.starts_with(&format!("{name}:")))
                })
                .map(|line| format!("{line}\r\n"))
                .collect();
            let response = format!("SIP/2.0 {status}\r\n{shown}Content-Length: 0\r\n\r\n");
            registrar.send_to(response.as_bytes(), from).await.unwrap();
            // On a slow machine one may come again before its answer.
            let sequence = shown.lines().find(|line| line.starts_with("CSeq:")).unwrap().to_owned();
            if !seen.iter().any(|(of, number, _)| (of, number) == (&user, &sequence)) {
                seen.push((user, sequence, Instant::now()));
            }
        }
        seen
    });
    let mut trunks = String::new();
    for index in 0..40 {
        let user = format!("{}-{}", if index % 2 == 0 { "failing" } else { "refused" }, index / 2);
        let account = format!(
            "account = {{ username = \"{user}\", password = \"literal:x\" }}\nprobe = {{ interval = \"0s\" }}"
        );
        trunks.push_str(&sip_trunk(&user, address, "udp", &account));
    }
    // `flooder` is the last key of a trunk: those of the registrar follow it.
    let mut bed = Bed::new("", &trunks).await;
    let seen = timeout(PATIENCE, answering).await.expect("the registrar is asked").unwrap();
    let times = |user: &str| seen.iter().filter(|one| one.0 == user).map(|one| one.2).collect::<Vec<_>>();
    // Between tries at least half of 1, 2 and 4 seconds passes.
    let failing = times("failing-0");
    assert!(failing[3] - failing[0] >= Duration::from_millis(3400), "{failing:?}");
    assert!(seen.len() <= 20 * 6 + 20, "{} REGISTERs of 40 trunks", seen.len());
    for index in 0..20 {
        assert_eq!(times(&format!("refused-{index}")).len(), 1);
    }
    let metrics = bed.metrics().await;
    let failures = |user: &str, status| {
        metrics
            .get(&format!("carrierd_sip_registration_failures_total{{trunk=\"{user}\",status=\"{status}\"}}"))
    };
    assert!(failures("failing-0", 500) >= 3.0);
    assert_eq!(
        (failures("refused-3", 403), metrics.get("carrierd_sip_registered{trunk=\"refused-3\"}")),
        (1.0, 0.0)
    );

    // What a carrier sends of that kind is refused, each for itself.
    let mut line = flooding(&bed).await;
    let register = |index| {
        (format!("register-{index}"), Request::new("REGISTER", &format!("register-{index}")).octets())
    };
    let answers = flood(&mut line, &(0..400).map(register).collect::<Vec<_>>()).await;
    assert_eq!(count(&answers, |status| status == 405), 400);
    bed.friend.options().await;
    bed.friend.hang_up(&bed.calls).await;
    let peak = bed.subject.daemon().subject().peak_memory().unwrap();
    assert!(peak < bed.before + ROOM, "{} octets before, {peak} at most", bed.before);
    bed.subject.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_a_few_times_or_ignored_and_always_counted() {
    const SENT: usize = 300;
    for (way, is_answered) in [("refuse", true), ("ignore", false)] {
        let settings = format!(
            "strangers = \"{way}\"\nlimits = {{ bad_answers_per_second = 10 }}\ntimers = {{ t1 = \"20ms\" }}"
        );
        let mut bed = Bed::new(&settings, "").await;
        let mut line = Line::open(Transport::Udp, (STRANGER, 0).into(), bed.subject.address()).await.unwrap();
        for index in 0..SENT {
            let method = ["OPTIONS", "INVITE", "REGISTER"][index % 3];
            line.send(&[&Request::new(method, &format!("stranger-{index}")).octets()]).await.unwrap();
            if index % AT_ONCE == 0 {
                // What was sent before has been read.
                bed.friend.options().await;
            }
        }
        let told = |metrics: &Metrics| {
            (metrics.get("carrierd_sip_strangers_total"), metrics.get("carrierd_sip_dropped_total"))
        };
        let began = Instant::now();
        let (strangers, dropped) = loop {
            let (strangers, dropped) = told(&bed.metrics().await);
            if strangers + dropped == SENT as f64 {
                break (strangers, dropped);
            }
            assert!(began.elapsed() < PATIENCE, "{strangers} strangers, {dropped} dropped");
            sleep(AGAIN).await;
        };
        assert!(strangers >= 10.0 && dropped > 0.0, "{strangers} strangers, {dropped} dropped");
        let mut answers = 0;
        while let Ok(Some(message)) = timeout(AGAIN, line.hear()).await {
            assert_eq!(message.status(), Some(403));
            answers += 1;
        }
        assert_eq!(answers as f64, if is_answered { strangers } else { 0.0 });
        let taken = "carrierd_call_attempts_total{trunk=\"flooder\",direction=\"inbound\"}";
        assert_eq!(bed.metrics().await.get(taken), 0.0);
        bed.friend.options().await;
        bed.end().await;
    }
}
