//! What CMPP tells the session engine, on both ends of a link.
//!
//! # Why
//! The version asked for in CMPP_CONNECT and accepted is the version of the whole connection: gateways that answer
//! with another one, or 0, still go on in the one asked for. So the answer's Version only counts when they refuse.

use std::fmt;

use bytes::BytesMut;

use super::{
    AccountPadding, ActiveTest, ActiveTestResp, CancelResp, Connect, ConnectResp, DeliverResp, FwdResp,
    Header, Layout, MsgId, Pdu, SubmitResp, Terminate, TerminateResp, Version,
    auth::{self, LoginStamp},
    command,
    status::{self, ConnectStatus, ResultCode},
};
use crate::{
    error::{DecodeError, EncodeError},
    frame::Limits,
    session::{BindRefusal, BindRefused, Bound, Dialect, Direction, Refusal, UnitKind},
    time::Now,
};

/// What a login proves.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account, at most six octets.
    pub source_addr: Vec<u8>,
    /// The secret of the account, as its plain octets.
    pub shared_secret: Vec<u8>,
    /// How we write an account shorter than six octets. The accepting side takes both.
    pub padding: AccountPadding,
}

impl fmt::Debug for Credentials {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source_addr", &String::from_utf8_lossy(&self.source_addr))
            .field("padding", &self.padding)
            .finish_non_exhaustive()
    }
}

/// CMPP on one connection: its version, its sequence, and the proof that its login rests on.
#[derive(Debug)]
pub struct Cmpp {
    /// The highest version we accept, or the one we ask for.
    highest: Version,
    /// The version in use: until the login what we would use.
    version: Version,
    sequence: u32,
    /// The AuthenticatorSource of the login that we sent.
    authenticator: [u8; 16],
}

impl Cmpp {
    /// The side that dials and asks for `version`.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self { highest: version, version, sequence: 0, authenticator: [0; 16] }
    }

    /// The side that accepts logins of `highest` and of any version below.
    #[must_use]
    pub fn server(highest: Version) -> Self {
        Self::new(highest)
    }

    /// The version of this connection; on the accepting side settled by [`Dialect::verify`].
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    fn accepted(&self, unproven: bool) -> Bound {
        Bound { version: self.version.octet(), traffic: Direction::Either, unproven }
    }
}

impl Dialect for Cmpp {
    type Pdu<'a> = Pdu<'a>;
    type Header = Header;
    type Sequence = u32;
    type Credentials = Credentials;

    const NAME: &'static str = "cmpp";
    // CMPP 3.0 CMPP_SUBMIT: 3491 octets at most.
    const LIMITS: Limits = Limits { min: Header::SIZE, max: 4096 };
    const STRICT_BEFORE_BIND: bool = true;

    fn header(unit: &[u8]) -> Result<Header, DecodeError> {
        Header::decode(unit)
    }

    fn kind(header: &Header) -> UnitKind {
        command::kind(header.command_id)
    }

    fn command(header: &Header) -> u32 {
        header.command_id
    }

    fn sequence(header: &Header) -> u32 {
        header.sequence_id
    }

    fn command_of(pdu: &Pdu<'_>) -> u32 {
        pdu.command_id()
    }

    /// From 1, and past 0 on the wrap: some peers take 0 for none.
    fn next_sequence(&mut self, _: Now) -> u32 {
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.sequence
    }

    fn encode(&self, pdu: &Pdu<'_>, sequence: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        pdu.encode(self.version, sequence, out)
    }

    fn bind<'a>(&mut self, with: &'a Credentials, now: Now) -> Pdu<'a> {
        let stamp = LoginStamp::at(now.wall);
        self.authenticator =
            auth::authenticator_source(&with.source_addr, with.padding, &with.shared_secret, stamp);
        Pdu::Connect(Connect {
            source_addr: &with.source_addr,
            authenticator_source: self.authenticator,
            version: self.version.octet(),
            timestamp: stamp.number(),
        })
    }

    /// Takes either width of Status in the gateway's proof: widespread gateways always use four octets.
    fn bound(&mut self, with: &Credentials, response: &[u8]) -> Result<Bound, BindRefused> {
        let response = ConnectResp::decode(response, self.version).map_err(malformed)?;
        if response.status != ConnectStatus::Accepted.code() {
            return Err(refused(response.status, response.version));
        }
        let proven = [Layout::V2, Layout::V3].into_iter().any(|layout| {
            let proof =
                auth::authenticator_ismg(layout, response.status, &self.authenticator, &with.shared_secret);
            proof == response.authenticator_ismg
        });
        Ok(self.accepted(!proven))
    }

    fn verify(&mut self, with: &Credentials, bind: &[u8], _: Now) -> Result<Bound, BindRefused> {
        let connect = Connect::decode(bind, self.version).map_err(malformed)?;
        let Some(version) = asked_for(&connect, self.highest) else {
            return Err(refused(ConnectStatus::VersionTooHigh.code(), self.highest.octet()));
        };
        // Before the proof: a refusal too is written in the layout that the peer reads.
        self.version = version;
        if connect.source_addr != with.source_addr {
            return Err(refused(ConnectStatus::IllegalSource.code(), 0));
        }
        let stamp = LoginStamp::from_number(connect.timestamp);
        let proven = [AccountPadding::Plain, AccountPadding::Padded].into_iter().any(|padding| {
            let proof = auth::authenticator_source(connect.source_addr, padding, &with.shared_secret, stamp);
            proof == connect.authenticator_source
        });
        if !proven {
            return Err(refused(ConnectStatus::AuthenticationFailed.code(), 0));
        }
        Ok(self.accepted(false))
    }

    /// A refusal has a proof of zeros, and so has an acceptance without `with`, which can prove nothing.
    fn bind_response<'a>(
        &'a self,
        with: Option<&'a Credentials>,
        bind: &'a [u8],
        verdict: Result<(), u32>,
    ) -> Pdu<'a> {
        let connect = Connect::decode(bind, self.version);
        let asked = connect.ok().and_then(|connect| asked_for(&connect, self.highest));
        let layout = asked.unwrap_or(self.highest).layout();
        let authenticator_ismg = match (verdict, connect, with) {
            (Ok(()), Ok(connect), Some(with)) => {
                auth::authenticator_ismg(layout, 0, &connect.authenticator_source, &with.shared_secret)
            }
            _ => [0; 16],
        };
        // A status beyond the one octet of the layout is still told as another error.
        let status = match layout {
            Layout::V2 => verdict.err().unwrap_or(0).min(u32::from(u8::MAX)),
            Layout::V3 => verdict.err().unwrap_or(0),
        };
        Pdu::ConnectResp(ConnectResp { layout, status, authenticator_ismg, version: self.highest.octet() })
    }

    fn probe(&self) -> Option<Pdu<'static>> {
        Some(Pdu::ActiveTest(ActiveTest {}))
    }

    fn unbind(&self) -> Pdu<'static> {
        Pdu::Terminate(Terminate {})
    }

    fn acknowledge(&self, request: &Header) -> Pdu<'static> {
        match request.command_id {
            command::TERMINATE => Pdu::TerminateResp(TerminateResp {}),
            _ => Pdu::ActiveTestResp(ActiveTestResp::default()),
        }
    }

    /// CMPP has no generic negative answer, and only some answers have a Result; their Msg_Id is then 0.
    fn refuse(&self, request: &Header, why: Refusal) -> Option<Pdu<'static>> {
        let result = match (why, request.command_id) {
            (Refusal::AlreadyBound, command::CONNECT) => return Some(self.second_bind()),
            (Refusal::Malformed(_), command::DELIVER) => status::owed_to_deliver(),
            (Refusal::Malformed(error), _) => status::owed_to_submit(&error),
            (Refusal::Overloaded, _) => ResultCode::FlowControl,
            (Refusal::UnknownCommand | Refusal::WrongState | Refusal::AlreadyBound, _) => return None,
        };
        let (msg_id, result) = (MsgId::default(), result.code());
        match request.command_id {
            command::SUBMIT => Some(Pdu::SubmitResp(SubmitResp { msg_id, result })),
            command::DELIVER => Some(Pdu::DeliverResp(DeliverResp { msg_id, result })),
            command::FWD => Some(Pdu::FwdResp(FwdResp { msg_id, result, ..FwdResp::default() })),
            // Its answer knows only success and failure.
            command::CANCEL => Some(Pdu::CancelResp(CancelResp { success_id: 1 })),
            _ => None,
        }
    }

    /// Nothing: CMPP has no answer that could say so.
    fn framing_lost(&self, _: &[u8]) -> Option<(Pdu<'static>, u32)> {
        None
    }
}

impl Cmpp {
    /// The answer to a login on a session that has one: the session goes on as it was.
    fn second_bind(&self) -> Pdu<'static> {
        Pdu::ConnectResp(ConnectResp {
            layout: self.version.layout(),
            status: 5,
            authenticator_ismg: [0; 16],
            version: self.highest.octet(),
        })
    }
}

/// The version that a login asks for, if it is one of ours.
fn asked_for(connect: &Connect<'_>, highest: Version) -> Option<Version> {
    Version::from_octet(connect.version).filter(|&version| version <= highest)
}

/// A login, or the answer to one, that can't be read.
fn malformed(error: DecodeError) -> BindRefused {
    BindRefused {
        status: ConnectStatus::BadStructure.code(),
        class: BindRefusal::Malformed(error),
        version: None,
    }
}

/// A refusal with a status. `offered` is the version beside it, which counts only where the version was the reason.
///
/// Bad structure is classed with wrong credentials: the login is alike in every version, so falling back can't help and
/// a person has to act. 5 is what gateways say to a connection too many, and half-dead ones count; they also say it to a
/// closed account, which a long wait suits as well.
fn refused(status: u32, offered: u8) -> BindRefused {
    let (class, version) = match ConnectStatus::from_code(status) {
        ConnectStatus::VersionTooHigh => (BindRefusal::Version, (offered != 0).then_some(offered)),
        ConnectStatus::BadStructure | ConnectStatus::IllegalSource | ConnectStatus::AuthenticationFailed => {
            (BindRefusal::Credentials, None)
        }
        ConnectStatus::Other(5) => (BindRefusal::AlreadyBound, None),
        ConnectStatus::Accepted | ConnectStatus::Other(_) => (BindRefusal::Unexplained, None),
    };
    BindRefused { status, class, version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_begin_at_1_and_pass_0_on_the_wrap() {
        #[allow(clippy::disallowed_methods, reason = "virtual time starts somewhere")]
        let now = Now { mono: std::time::Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        let mut dialect = Cmpp::new(Version::V30);
        assert_eq!([dialect.next_sequence(now), dialect.next_sequence(now)], [1, 2]);
        dialect.sequence = u32::MAX - 1;
        assert_eq!([dialect.next_sequence(now), dialect.next_sequence(now)], [u32::MAX, 1]);
    }
}
