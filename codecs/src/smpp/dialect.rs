//! SMPP as the session engine sees it: what each command is, binds and their answers, refusals.

use std::fmt;

use bytes::BytesMut;

use super::{
    Bind, BindResp, Body, COctetString, CommandId, Header, HeaderOnly, MessageIdResp, Npi, Pdu, Status, Tag,
    Tlvs, Ton, Version,
};
use crate::{
    error::{DecodeError, DecodeErrorKind, EncodeError},
    frame::Limits,
    session::{BindRefusal, BindRefused, Bound, Dialect, Direction, Refusal, UnitKind},
    time::Now,
};

/// Which bind an ESME sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindMode {
    /// bind_transmitter: submits only.
    Transmitter,
    /// bind_receiver: deliveries only.
    Receiver,
    /// bind_transceiver: both.
    Transceiver,
}

impl BindMode {
    /// Which way requests may travel.
    #[must_use]
    pub fn traffic(self) -> Direction {
        match self {
            Self::Transmitter => Direction::ToCarrier,
            Self::Receiver => Direction::FromCarrier,
            Self::Transceiver => Direction::Either,
        }
    }

    fn of_command(command: CommandId) -> Option<Self> {
        match command {
            CommandId::BIND_TRANSMITTER => Some(Self::Transmitter),
            CommandId::BIND_RECEIVER => Some(Self::Receiver),
            CommandId::BIND_TRANSCEIVER => Some(Self::Transceiver),
            _ => None,
        }
    }
}

/// What a bind says and proves. Values longer than their field fail when the bind is encoded.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The account, at most 15 octets.
    pub system_id: String,
    /// At most 8 octets.
    pub password: String,
    /// At most 12 octets. The accepting side checks it only if it is not empty.
    pub system_type: String,
    /// The addresses to serve, at most 40 octets. The accepting side does not look at it, nor at TON and NPI.
    pub address_range: String,
    /// Type of number of `address_range`.
    pub addr_ton: Ton,
    /// Numbering plan of `address_range`.
    pub addr_npi: Npi,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("system_id", &self.system_id).finish_non_exhaustive()
    }
}

/// SMPP on one connection: who we are, the version agreed on, and our sequence numbers.
#[derive(Debug, Clone)]
pub struct Smpp {
    role: Role,
    offered: Version,
    agreed: Version,
    last_sequence: u32,
}

#[derive(Debug, Clone)]
enum Role {
    Esme(BindMode),
    MessageCentre { system_id: String },
}

impl Smpp {
    /// The side that binds, with the highest version it speaks.
    #[must_use]
    pub fn new(mode: BindMode, version: Version) -> Self {
        Self::with_role(Role::Esme(mode), version)
    }

    /// The side that is bound to. `system_id` (at most 15 octets) is its name in bind responses.
    #[must_use]
    pub fn server(system_id: impl Into<String>, version: Version) -> Self {
        Self::with_role(Role::MessageCentre { system_id: system_id.into() }, version)
    }

    /// The version in use; before the bind, the one offered.
    #[must_use]
    pub fn version(&self) -> Version {
        self.agreed
    }

    fn with_role(role: Role, version: Version) -> Self {
        Self { role, offered: version, agreed: version, last_sequence: 0 }
    }

    fn mode(&self) -> BindMode {
        match self.role {
            Role::Esme(mode) => mode,
            Role::MessageCentre { .. } => BindMode::Transceiver,
        }
    }

    /// What a refused bind asks of us. Beside the status it counts what we asked for: some message centres refuse
    /// version 5.0 with a general error or with their own version beside the status, so that is worth one try with 3.4.
    fn refusal_class(&self, status: Status, theirs: Option<u8>) -> BindRefusal {
        let asked_too_much = self.offered == Version::V50;
        match status {
            Status::RALYBND => BindRefusal::AlreadyBound,
            Status::RINVCMDID if self.mode() == BindMode::Transceiver => BindRefusal::Mode,
            Status::RINVCMDID | Status::RINVCMDLEN => BindRefusal::Version,
            Status::RINVPASWD
            | Status::RINVSYSID
            | Status::RINVSYSTYP
            | Status::RINVSRCADR
            | Status::RINVSERTYP
            | Status::RSERTYPUNAUTH
            | Status::RPROHIBITED => BindRefusal::Credentials,
            Status::RBINDFAIL | Status::RSYSERR if asked_too_much => BindRefusal::Version,
            _ if asked_too_much && theirs.is_some_and(|theirs| theirs < self.offered.octet()) => {
                BindRefusal::Version
            }
            Status::RSYSERR
            | Status::RMSGQFUL
            | Status::RSUBMITFAIL
            | Status::RTHROTTLED
            | Status::RX_T_APPN
            | Status::RUNKNOWNERR
            | Status::RINVBNDSTS => BindRefusal::Temporary,
            _ => BindRefusal::Unexplained,
        }
    }
}

fn malformed(status: Status, error: DecodeError) -> BindRefused {
    BindRefused { status: status.0, class: BindRefusal::Malformed(error), version: None }
}

fn wrong(status: Status) -> BindRefused {
    BindRefused { status: status.0, class: BindRefusal::Credentials, version: None }
}

fn not_a(field: &'static str, command: CommandId) -> DecodeError {
    DecodeError { field, offset: 4, kind: DecodeErrorKind::Value(command.0) }
}

/// Compares without telling by its time where the first difference is.
fn same_secret(ours: &[u8], theirs: &[u8]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

/// sc_interface_version as a whole TLV.
fn version_tlv(version: Version) -> Tlvs<'static> {
    let octets: &[u8] = match version {
        Version::V33 => &[],
        Version::V34 => &[0x02, 0x10, 0x00, 0x01, 0x34],
        Version::V50 => &[0x02, 0x10, 0x00, 0x01, 0x50],
    };
    Tlvs::from_octets(octets).unwrap_or_default()
}

impl Dialect for Smpp {
    type Pdu<'a> = Pdu<'a>;
    type Header = Header;
    type Sequence = u32;
    type Credentials = Credentials;

    const NAME: &'static str = "smpp";
    /// A maximal message_payload makes a submit_sm of 65,649 octets; the rest is room for its other TLVs.
    const LIMITS: Limits = Limits { min: Header::SIZE, max: 70_000 };

    fn header(unit: &[u8]) -> Result<Header, DecodeError> {
        Header::decode(unit)
    }

    fn kind(header: &Header) -> UnitKind {
        match header.command_id {
            CommandId::BIND_TRANSMITTER | CommandId::BIND_RECEIVER | CommandId::BIND_TRANSCEIVER => {
                UnitKind::Bind
            }
            CommandId::BIND_TRANSMITTER_RESP
            | CommandId::BIND_RECEIVER_RESP
            | CommandId::BIND_TRANSCEIVER_RESP => UnitKind::BindResponse,
            CommandId::OUTBIND => UnitKind::Outbind,
            CommandId::ALERT_NOTIFICATION => UnitKind::Notice,
            CommandId::ENQUIRE_LINK => UnitKind::Probe,
            CommandId::ENQUIRE_LINK_RESP => UnitKind::ProbeResponse,
            CommandId::UNBIND => UnitKind::Unbind,
            CommandId::UNBIND_RESP => UnitKind::UnbindResponse,
            CommandId::GENERIC_NACK => UnitKind::Nack,
            CommandId::DELIVER_SM => UnitKind::Request(Direction::FromCarrier),
            CommandId::DATA_SM => UnitKind::Request(Direction::Either),
            CommandId::SUBMIT_SM
            | CommandId::SUBMIT_MULTI
            | CommandId::QUERY_SM
            | CommandId::CANCEL_SM
            | CommandId::REPLACE_SM
            | CommandId::BROADCAST_SM
            | CommandId::QUERY_BROADCAST_SM
            | CommandId::CANCEL_BROADCAST_SM => UnitKind::Request(Direction::ToCarrier),
            known if known.name().is_some() => UnitKind::Response,
            unknown if unknown.is_response() => UnitKind::UnknownResponse,
            _ => UnitKind::UnknownRequest,
        }
    }

    fn command(header: &Header) -> u32 {
        header.command_id.0
    }

    fn sequence(header: &Header) -> u32 {
        header.sequence_number
    }

    fn command_of(pdu: &Pdu<'_>) -> u32 {
        pdu.body.command_id().0
    }

    fn next_sequence(&mut self, _: Now) -> u32 {
        self.last_sequence = if self.last_sequence == 0x7FFF_FFFF { 1 } else { self.last_sequence + 1 };
        self.last_sequence
    }

    /// Below 3.4 no TLV is sent. Those that only describe are left out; without message_payload or the SAR TLVs the
    /// message would be another one, so that is an error.
    fn encode(&self, pdu: &Pdu<'_>, sequence: u32, out: &mut BytesMut) -> Result<(), EncodeError> {
        if self.agreed.has_tlvs() {
            return pdu.encode(sequence, out);
        }
        for (tag, field) in
            [(Tag::MESSAGE_PAYLOAD, "message_payload"), (Tag::SAR_MSG_REF_NUM, "sar_msg_ref_num")]
        {
            if let Some(tlv) = pdu.body.tlvs().get(tag) {
                return Err(EncodeError { field, octets: tlv.value.len(), max: 0 });
            }
        }
        pdu.encode_with(Tlvs::NONE, sequence, out)
    }

    fn bind<'a>(&mut self, with: &'a Credentials, _: Now) -> Pdu<'a> {
        let bind = Bind {
            system_id: with.system_id.as_str().into(),
            password: with.password.as_str().into(),
            system_type: with.system_type.as_str().into(),
            interface_version: self.offered.octet(),
            addr_ton: with.addr_ton,
            addr_npi: with.addr_npi,
            address_range: with.address_range.as_str().into(),
            tlvs: Tlvs::NONE,
        };
        Pdu::from(match self.mode() {
            BindMode::Transmitter => Body::BindTransmitter(bind),
            BindMode::Receiver => Body::BindReceiver(bind),
            BindMode::Transceiver => Body::BindTransceiver(bind),
        })
    }

    fn bound(&mut self, _: &Credentials, response: &[u8]) -> Result<Bound, BindRefused> {
        let (header, pdu) = Pdu::decode(response).map_err(|error| malformed(Status::ROK, error))?;
        let sc_interface_version = pdu.body.tlvs().sc_interface_version();
        let status = pdu.status;
        if !status.is_ok() {
            let class = self.refusal_class(status, sc_interface_version);
            return Err(BindRefused { status: status.0, class, version: sc_interface_version });
        }
        if Self::kind(&header) != UnitKind::BindResponse {
            return Err(malformed(status, not_a("command_id", header.command_id)));
        }
        self.agreed = Version::agreed(self.offered, sc_interface_version);
        Ok(Bound { version: self.agreed.octet(), traffic: self.mode().traffic(), unproven: false })
    }

    fn verify(&mut self, with: &Credentials, bind: &[u8], _: Now) -> Result<Bound, BindRefused> {
        let refused = |error: DecodeError| malformed(Status::from(&error), error);
        let header = Header::decode(bind).map_err(refused)?;
        let Some(mode) = BindMode::of_command(header.command_id) else {
            return Err(malformed(Status::RINVCMDID, not_a("command_id", header.command_id)));
        };
        let bind = Bind::decode(bind).map_err(refused)?;
        if *bind.system_id != *with.system_id.as_bytes() {
            return Err(wrong(Status::RINVSYSID));
        }
        if !same_secret(with.password.as_bytes(), &bind.password) {
            return Err(wrong(Status::RINVPASWD));
        }
        if !with.system_type.is_empty() && *bind.system_type != *with.system_type.as_bytes() {
            return Err(wrong(Status::RINVSYSTYP));
        }
        self.agreed = self.offered.min(Version::of_octet(bind.interface_version));
        Ok(Bound { version: self.agreed.octet(), traffic: mode.traffic(), unproven: false })
    }

    fn bind_response<'a>(
        &'a self,
        _: Option<&'a Credentials>,
        bind: &'a [u8],
        verdict: Result<(), u32>,
    ) -> Pdu<'a> {
        let accepted = || BindResp {
            system_id: match &self.role {
                Role::MessageCentre { system_id } => COctetString::from(system_id.as_str()),
                Role::Esme(_) => COctetString::default(),
            },
            tlvs: if self.agreed.has_tlvs() { version_tlv(self.offered) } else { Tlvs::NONE },
        };
        let (status, resp) = match verdict {
            Ok(()) => (Status::ROK, Some(accepted())),
            Err(status) => (Status(status), None),
        };
        let mode = Header::decode(bind).ok().and_then(|header| BindMode::of_command(header.command_id));
        let body = match mode {
            Some(BindMode::Transmitter) => Body::BindTransmitterResp(resp),
            Some(BindMode::Receiver) => Body::BindReceiverResp(resp),
            Some(BindMode::Transceiver) => Body::BindTransceiverResp(resp),
            None => Body::GenericNack(HeaderOnly::default()),
        };
        Pdu { status, body }
    }

    fn probe(&self) -> Option<Pdu<'static>> {
        Some(Pdu::from(Body::EnquireLink(HeaderOnly::default())))
    }

    fn unbind(&self) -> Pdu<'static> {
        Pdu::from(Body::Unbind(HeaderOnly::default()))
    }

    fn acknowledge(&self, request: &Header) -> Pdu<'static> {
        let body = match request.command_id {
            // Some message centres refuse a deliver_sm_resp without its one NUL.
            CommandId::DELIVER_SM => Body::DeliverSmResp(Some(MessageIdResp::default())),
            other => {
                Body::bare_response(other.response()).unwrap_or(Body::GenericNack(HeaderOnly::default()))
            }
        };
        Pdu::from(body)
    }

    fn refuse(&self, request: &Header, why: Refusal) -> Option<Pdu<'static>> {
        let command = request.command_id;
        // A response is never answered, and two requests have no response to be refused with.
        if command.is_response() || matches!(command, CommandId::ALERT_NOTIFICATION | CommandId::OUTBIND) {
            return None;
        }
        let (status, nack) = match why {
            Refusal::Malformed(error) => (Status::from(&error), Status::RINVCMDLEN),
            Refusal::UnknownCommand => return Pdu::refusal(CommandId::GENERIC_NACK, Status::RINVCMDID),
            Refusal::WrongState => (Status::RINVBNDSTS, Status::RINVBNDSTS),
            Refusal::AlreadyBound => (Status::RALYBND, Status::RALYBND),
            Refusal::Overloaded => (Status::RTHROTTLED, Status::RTHROTTLED),
        };
        Pdu::refusal(command.response(), status).or_else(|| Pdu::refusal(CommandId::GENERIC_NACK, nack))
    }

    /// With the sequence of the request that has the unusable length, or 0 where there is none to name: the header is
    /// not whole, or is a response's, whose sequence would be taken for that of a request of the peer's.
    fn framing_lost(&self, stream: &[u8]) -> Option<(Pdu<'static>, u32)> {
        let sequence = Header::at_start_of(stream)
            .filter(|header| !header.command_id.is_response())
            .map_or(0, |header| header.sequence_number);
        Pdu::refusal(CommandId::GENERIC_NACK, Status::RINVCMDLEN).map(|pdu| (pdu, sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any instant will do")]
    fn sequence_numbers_wrap_to_1() {
        let now = Now { mono: std::time::Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        let mut dialect = Smpp::new(BindMode::Transceiver, Version::V34);
        dialect.last_sequence = 0x7FFF_FFFD;
        assert_eq!([(); 3].map(|()| dialect.next_sequence(now)), [0x7FFF_FFFE, 0x7FFF_FFFF, 1]);
    }
}
