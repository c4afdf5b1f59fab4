//! Calls between two transaction layers in memory, as users would make them: INVITE, 180, 200, ACK, BYE, 200.

use std::time::{Duration, Instant};

use bytes::Bytes;
use codecs::{
    Now,
    sip::{
        Flow, Message, Method, Name, Target, Transport, Writer,
        transaction::{BRANCH_OCTETS, Config, Event, TransactionId, Transactions},
    },
};

/// A caller and a callee.
pub struct Calls {
    pub now: Now,
    pub caller: Transactions,
    pub callee: Transactions,
    transport: Transport,
    made: u32,
}

impl Calls {
    #[expect(clippy::disallowed_methods, reason = "virtual time has to count from some instant")]
    pub fn over(transport: Transport) -> Self {
        let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        let layer = |seed| Transactions::new(Config::default(), seed);
        Self { now, caller: layer(1), callee: layer(2), transport, made: 0 }
    }

    /// Makes a call and ends it, and lets `after` pass.
    pub fn call(&mut self, after: Duration) {
        let invite = self.invite();
        let id = self.incoming(&invite);
        self.answer(id, &invite, 180);
        let answer = self.answer(id, &invite, 200);
        let ack = request(Method::Ack, self.transport, self.caller.branch(), self.made, Some(&answer));
        self.caller.send(self.target(), &ack);
        self.carry();
        assert!(matches!(self.callee.poll_event(), Some(Event::Ack { .. })));

        let bye = request(Method::Bye, self.transport, self.caller.branch(), self.made, Some(&answer));
        let id = self.incoming(&bye);
        self.answer(id, &bye, 200);
        self.pass(after);
    }

    /// Lets time pass, and whatever is due happen.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        for layer in [&mut self.caller, &mut self.callee] {
            layer.handle_timeout(self.now);
            while let Some(event) = layer.poll_event() {
                assert!(matches!(event, Event::Ended { .. }), "{event:?}");
            }
        }
    }

    /// A new INVITE.
    pub fn invite(&mut self) -> Message {
        self.made += 1;
        request(Method::Invite, self.transport, self.caller.branch(), self.made, None)
    }

    /// Sends a request, which arrives.
    pub fn incoming(&mut self, request: &Message) -> TransactionId {
        self.caller.request(self.now, request, self.target()).unwrap();
        self.carry();
        match self.callee.poll_event() {
            Some(Event::Request { id, .. }) => id,
            other => unreachable!("{other:?}"),
        }
    }

    /// Answers it, and has the answer arrive.
    pub fn answer(&mut self, id: TransactionId, request: &Message, status: u16) -> Message {
        let response = Writer::response_to(request, &self.flow(), status, None, Some("callee-tag")).finish();
        self.callee.respond(self.now, id, &response).unwrap();
        self.carry();
        loop {
            match self.caller.poll_event() {
                Some(Event::Response { response, .. }) => break response,
                Some(Event::Ended { .. }) => {}
                other => unreachable!("{other:?}"),
            }
        }
    }

    /// Moves what either has to send.
    fn carry(&mut self) {
        let flow = self.flow();
        while let Some(transmit) = self.caller.poll_transmit() {
            self.callee.receive(self.now, flow, parsed(transmit.octets));
        }
        while let Some(transmit) = self.callee.poll_transmit() {
            self.caller.receive(self.now, flow, parsed(transmit.octets));
        }
    }

    fn flow(&self) -> Flow {
        let (local, remote) = (([192, 0, 2, 2], 5060).into(), ([192, 0, 2, 1], 5060).into());
        Flow { transport: self.transport, local, remote, connection: None }
    }

    pub fn target(&self) -> Target {
        Target::new(self.transport, ([192, 0, 2, 2], 5060).into())
    }
}

pub fn parsed(octets: Bytes) -> Message {
    Message::parse(octets).unwrap()
}

/// A request of a call with the headers that trunks send; inside the dialog that `answer` made, if it is given.
pub fn request(
    method: Method,
    transport: Transport,
    branch: [u8; BRANCH_OCTETS],
    number: u32,
    answer: Option<&Message>,
) -> Message {
    let branch = str::from_utf8(&branch).unwrap();
    let mut writer = Writer::request(method.name(), "sip:+8613800138000@192.0.2.2;user=phone");
    writer
        .field(Name::Via, format!("SIP/2.0/{transport} 192.0.2.1:5060;rport;branch={branch}"))
        .field(Name::MaxForwards, "70")
        .field(Name::From, format!("<sip:+861012345678@192.0.2.1>;tag=caller-{number}"));
    match answer {
        Some(answer) => writer.copy(answer, Name::To),
        None => writer.field(Name::To, "<sip:+8613800138000@192.0.2.2>"),
    };
    writer
        .field(Name::CallId, format!("{number:032x}@192.0.2.1"))
        .cseq(1, method.name())
        .field(Name::Contact, "<sip:trunk@192.0.2.1:5060>")
        .field(Name::Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO")
        .field(Name::Supported, "100rel, timer");
    match method {
        Method::Invite => writer.body("application/sdp", SDP),
        _ => writer.finish(),
    }
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";
