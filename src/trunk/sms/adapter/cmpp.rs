//! Domain ⇄ CMPP.

use bytes::Bytes;
use codecs::{
    cmpp::{
        AccountPadding, Cmpp, Credentials, Deliver, DeliverResp, Fault, MsgId, Outcome as WireOutcome, Pdu,
        Recipients, Report as WireReport, State, Submit, SubmitResp, Version, command,
        status::{Reaction as Expected, ResultCode},
    },
    session::{BindRefusal, BindRefused, Frame, Refusal},
    text::{self, Capacity, Charset, Udh, Width},
};
use jiff::{Timestamp, civil::DateTime, tz::Offset};

use super::{
    Fallback, Inbound, MobileOriginated, Planner, PrepareError, Prepared, SmsAdapter, Verdict,
    offer::Offer,
    plan::{Cutting, encoding},
    statuses::{StatusRules, Statuses},
    validity::validity,
};
use crate::{
    clock,
    config::{CmppAccount, TrunkConfig},
    domain::{
        CarrierId, CarrierStatus, Content, FailureClass, Message, Number, Reaction, Report, ReportedState,
        StatusSource, SubmitOutcome, TextEncoding, UnknownCause,
    },
};

/// Beijing time in quarter hours: what CMPP's times are written in.
const BEIJING_QUARTER_HOURS: i8 = 32;

/// One CMPP account.
#[derive(Debug)]
pub struct CmppAdapter {
    account: CmppAccount,
    offer: Offer,
    protocol: &'static str,
    statuses: Statuses,
    offset: Offset,
    cutting: Cutting,
}

impl CmppAdapter {
    /// What its carrier's statuses mean, to be replaced.
    #[must_use]
    pub fn status_rules(&self) -> StatusRules {
        self.statuses.rules()
    }

    /// The adapter of an account.
    #[must_use]
    pub fn new(account: CmppAccount, trunk: &TrunkConfig, max_segments: u8) -> Self {
        let width = if trunk.reference_octets == 2 { Width::Sixteen } else { Width::Eight };
        let charsets = account.charsets.clone();
        Self {
            offer: Offer::new(account.version, account.version_fallback),
            account,
            protocol: trunk.protocol.name(),
            statuses: Statuses::new(trunk.protocol.name(), &trunk.statuses),
            offset: trunk.utc_offset,
            cutting: Cutting { charsets, width, max_segments },
        }
    }

    fn version(&self) -> Version {
        Version::from_octet(self.offer.version()).unwrap_or(Version::V30)
    }

    fn timestamp(&self, local: Option<DateTime>) -> Option<Timestamp> {
        self.offset.to_timestamp(local?).ok()
    }

    fn report(&self, deliver: &Deliver<'_>) -> Report {
        let receive_time = clock::wall();
        let raw = deliver.msg_content.to_vec();
        let Ok(body) = WireReport::decode(deliver.msg_content) else {
            return Report {
                carrier_ids: Vec::new(),
                recipient: Number::from_carrier(deliver.src_terminal_id),
                sender: lossy(deliver.dest_id),
                state: None,
                status: self.status(StatusSource::CarrierReport, FailureClass::Unmapped, true, "", ""),
                submit_time: None,
                done_time: None,
                receive_time,
                raw,
            };
        };
        let stat = lossy(body.stat);
        let state = body.state();
        let (reported, class) = match state.outcome() {
            WireOutcome::Delivered => (ReportedState::Delivered, FailureClass::None),
            WireOutcome::Expired => (ReportedState::Undelivered, FailureClass::Expired),
            WireOutcome::Pending => (ReportedState::Intermediate, FailureClass::None),
            WireOutcome::Unknown => (ReportedState::Unknown, FailureClass::NoResponse),
            WireOutcome::Failed => (ReportedState::Undelivered, failed_class(state)),
        };
        let recipient =
            if body.dest_terminal_id.is_empty() { deliver.src_terminal_id } else { body.dest_terminal_id };
        Report {
            carrier_ids: carrier_id(body.msg_id).into_iter().collect(),
            recipient: Number::from_carrier(recipient),
            sender: lossy(deliver.dest_id),
            state: Some(reported),
            status: self.status(
                StatusSource::CarrierReport,
                class,
                reported != ReportedState::Intermediate,
                "",
                &stat,
            ),
            submit_time: self.timestamp(body.submitted()),
            done_time: self.timestamp(body.done()),
            receive_time,
            raw,
        }
    }

    fn mobile(deliver: &Deliver<'_>) -> MobileOriginated {
        let (mut concat, mut octets) = (None, deliver.msg_content);
        if deliver.has_header()
            && let Ok((header, rest)) = Udh::parse(deliver.msg_content)
        {
            concat = header.concat();
            octets = rest;
        }
        MobileOriginated {
            from: deliver.src_terminal_id.to_vec(),
            to: deliver.dest_id.to_vec(),
            data_coding: deliver.msg_fmt,
            concat: concat.filter(|concat| concat.total > 1),
            octets: Bytes::copy_from_slice(octets),
        }
    }

    fn status(
        &self,
        source: StatusSource,
        class: FailureClass,
        permanent: bool,
        code: &str,
        text: &str,
    ) -> CarrierStatus {
        CarrierStatus {
            source,
            class,
            permanent,
            protocol: self.protocol.to_owned(),
            raw_code: code.to_owned(),
            raw_text: text.to_owned(),
        }
    }
}

impl SmsAdapter for CmppAdapter {
    type Dialect = Cmpp;
    type Reply = MsgId;

    fn open(&self, _: u32) -> (Cmpp, Credentials) {
        let credentials = Credentials {
            source_addr: self.account.source_addr.clone().into_bytes(),
            shared_secret: self.account.shared_secret.expose().as_bytes().to_vec(),
            padding: AccountPadding::Plain,
        };
        (Cmpp::new(self.version()), credentials)
    }

    fn bind_mode(&self, _: u32) -> &'static str {
        "connect"
    }

    fn refused(&self, dialect: &Cmpp, refused: &BindRefused) -> Fallback {
        let offered = dialect.version().octet();
        match refused.class {
            BindRefusal::Version => {
                // What the gateway names, if it is one of ours and not what it has just refused.
                let named = refused.version.and_then(Version::from_octet).map(Version::octet);
                let lower = named.filter(|named| *named < offered).unwrap_or(Version::V20.octet());
                self.offer.refused(offered, lower)
            }
            _ => self.offer.refused_anyhow(offered),
        }
    }

    fn accepted(&self) -> Option<String> {
        self.offer.accepted()
    }

    fn submit<R>(
        &self,
        message: &Message,
        prepared: &Prepared,
        segment: u8,
        send: impl FnOnce(&Pdu<'_>) -> R,
    ) -> R {
        let octets =
            prepared.parts.get(usize::from(segment).saturating_sub(1)).map_or(&[][..], Vec::as_slice);
        let validity = validity(self.account.validity, message, BEIJING_QUARTER_HOURS);
        let sender = match message.sender.as_str() {
            "" => self.account.access_number.as_str(),
            sender => sender,
        };
        let option = |name, otherwise| message.option(name).unwrap_or(otherwise).as_bytes();
        let submit = Submit {
            pk_total: prepared.plan.segments,
            pk_number: segment,
            registered_delivery: u8::from(message.report_requested),
            msg_level: message.priority,
            service_id: option("service_id", &self.account.service_id),
            fee_user_type: self.account.fee_user_type,
            fee_terminal_id: option("fee_terminal_id", ""),
            tp_udhi: u8::from(prepared.has_header),
            msg_fmt: prepared.data_coding,
            msg_src: self.account.source_addr.as_bytes(),
            fee_type: option("fee_type", &self.account.fee_type),
            fee_code: option("fee_code", &self.account.fee_code),
            valid_time: validity.as_ref().map_or(&[][..], |octets| octets),
            src_id: sender.as_bytes(),
            dest_terminal_id: Recipients::one(message.to.digits().as_bytes()),
            msg_content: octets,
            link_id: if self.version() == Version::V30 { option("link_id", "") } else { &[] },
            ..Submit::default()
        };
        send(&Pdu::Submit(submit))
    }

    fn outcome(&self, dialect: &Cmpp, answer: &Frame<Cmpp>) -> SubmitOutcome {
        let Ok(response) = SubmitResp::decode(&answer.octets, dialect.version()) else {
            return SubmitOutcome::Unknown { cause: UnknownCause::Unreadable };
        };
        let code = ResultCode::of_submit(response.result, dialect.version());
        let usual = match code.reaction() {
            Expected::Accepted => return SubmitOutcome::Accepted { carrier_id: carrier_id(response.msg_id) },
            // The first copy was most likely taken, but its id is lost: nobody can tell.
            Expected::Duplicate => return SubmitOutcome::Unknown { cause: UnknownCause::Unreadable },
            Expected::Throttle => (FailureClass::Throttled, Reaction::SlowDown),
            Expected::Malformed => (FailureClass::Protocol, Reaction::Never),
            Expected::Account => (FailureClass::SourceNotAllowed, Reaction::Elsewhere),
            Expected::OtherRoute => (FailureClass::RouteUnavailable, Reaction::Elsewhere),
            Expected::Recipient => (FailureClass::InvalidNumber, Reaction::Never),
            Expected::Reserved | Expected::Vendor => (FailureClass::Unmapped, Reaction::Never),
        };
        self.statuses.refusal(response.result, String::new(), usual)
    }

    fn inbound(&self, dialect: &Cmpp, request: &Frame<Cmpp>) -> Result<(Inbound, MsgId), Refusal> {
        if request.header.command_id != command::DELIVER {
            return Err(Refusal::UnknownCommand);
        }
        let deliver = Deliver::decode(&request.octets, dialect.version()).map_err(Refusal::Malformed)?;
        let inbound = if deliver.registered_delivery == 1 {
            Inbound::Report(Box::new(self.report(&deliver)))
        } else {
            Inbound::Mobile(Self::mobile(&deliver))
        };
        Ok((inbound, deliver.msg_id))
    }

    fn answer<R>(&self, msg_id: MsgId, verdict: Verdict, send: impl FnOnce(&Pdu<'_>) -> R) -> R {
        let result = match verdict {
            Verdict::Taken => ResultCode::Accepted,
            Verdict::Later => ResultCode::FlowControl,
        };
        send(&Pdu::DeliverResp(DeliverResp { msg_id, result: result.code() }))
    }
}

impl Planner for CmppAdapter {
    fn prepare(&self, message: &Message, reference: u16) -> Result<Prepared, PrepareError> {
        let sender = message.sender.as_str();
        if !sender.is_empty() && !sender.starts_with(&self.account.access_number) {
            let reason =
                format!("it must begin with the account's access number {}", self.account.access_number);
            return Err(PrepareError::SenderNotAllowed(reason));
        }
        match &message.content {
            Content::Binary(content) => self.cutting.binary(content, reference),
            Content::Text(text) => {
                let capacity = |charset| Capacity::cmpp(charset, self.cutting.width);
                self.cutting.text(text, message.encoding, reference, capacity, coding)
            }
        }
    }

    fn decode(&self, msg_fmt: u8, octets: &[u8]) -> Option<(String, Option<TextEncoding>)> {
        let charset = charset_of(msg_fmt)?;
        Some((text::decode(octets, charset).text, encoding(charset)))
    }
}

fn coding(charset: Charset) -> u8 {
    match charset {
        Charset::Ascii | Charset::Gsm7 | Charset::Latin1 => 0,
        Charset::Ucs2 => 8,
        Charset::Gbk | Charset::Gb18030 => 15,
        // Of these CMPP knows none: to a gateway they are octets.
        Charset::Cyrillic | Charset::Hebrew | Charset::Binary => 4,
    }
}

/// CMPP's own values first, the GSM data coding octet for all others.
fn charset_of(msg_fmt: u8) -> Option<Charset> {
    match msg_fmt {
        0 => Some(Charset::Ascii),
        15 => Some(Charset::Gb18030),
        3 | 4 => None,
        8..=11 | 24..=27 => Some(Charset::Ucs2),
        0x10..=0x13 | 0xf0..=0xf3 => Some(Charset::Gsm7),
        _ => None,
    }
}

/// 0 identifies nothing: some channels answer every submit with it.
fn carrier_id(id: MsgId) -> Option<CarrierId> {
    (id.0 != 0).then(|| id.0.to_string().into())
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn failed_class(state: State) -> FailureClass {
    match state {
        State::Unmapped => FailureClass::Unmapped,
        State::Hop(_, Fault::NoResponse) => FailureClass::Network,
        _ => FailureClass::CarrierPermanent,
    }
}
