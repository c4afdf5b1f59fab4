//! A CMPP gateway (ISMG).

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::BytesMut;
use codecs::{
    Now,
    cmpp::{
        self, AccountPadding, CancelResp, Cmpp, Connect, Credentials, Deliver, DeliverResp, MsgId,
        MsgIdParts, Pdu, QueryResp, Report, SubmitResp, Version, command, status::ResultCode,
    },
    session::{Frame, Refusal, ReplyTo, Session, SubmitError, Ticket},
    text::{Capacity, Charset, Width},
};
use jiff::tz::Offset;
use profiles::Habits;

use super::{Persona, Reply, Request, demands, encode, minute, without_header};
use crate::{
    behaviour::Wanted,
    config::{Account, Carrier, Protocol},
    smsc::message::{
        Address, Content, Delivery, Form, MessageId, Mobile, Part, Receipt, Segment, Short, Submit, Way,
    },
};

/// Gateways write Chinese local time.
const CHINA: Offset = Offset::constant(8);

/// A CMPP gateway.
#[derive(Debug)]
pub struct CmppPersona {
    version: Version,
    gateway: u32,
    sequence: AtomicU64,
    habits: Habits,
}

impl Persona for CmppPersona {
    type Dialect = Cmpp;

    // CMPP 3.0 CMPP_CONNECT_RESP: 2, illegal source address; 5, other error.
    const UNKNOWN_ACCOUNT: u32 = 2;
    const TOO_MANY_LINKS: u32 = 5;
    // CMPP 3.0 CMPP_SUBMIT_RESP: 8, flow control.
    const THROTTLED: u32 = 8;
    const SEQUENCE: Range<usize> = 8..12;

    fn new(carrier: &Carrier, _: Now) -> Self {
        let version = match carrier.speaks() {
            Protocol::Cmpp20 => Version::V20,
            Protocol::Cmpp21 => Version::V21,
            Protocol::Cmpp30 | Protocol::Smpp33 | Protocol::Smpp34 | Protocol::Smpp50 => Version::V30,
        };
        let habits = carrier.habits.clone();
        Self { version, gateway: carrier.gateway, sequence: AtomicU64::new(1), habits }
    }

    fn dialect(&self) -> Cmpp {
        Cmpp::server(self.version)
    }

    fn credentials(account: &Account) -> Credentials {
        Credentials {
            source_addr: account.system_id.clone().into_bytes(),
            shared_secret: account.password.clone().into_bytes(),
            padding: AccountPadding::default(),
        }
    }

    fn account_of(bind: &[u8]) -> Option<&[u8]> {
        // A login is the same in every version.
        Connect::decode(bind, Version::V30).ok().map(|connect| connect.source_addr)
    }

    fn version_of(bind: &[u8]) -> u8 {
        Connect::decode(bind, Version::V30).map_or(0, |connect| connect.version)
    }

    /// Unique for 65,536 recipients a second: the time is in it.
    fn next_id(&self, now: Now, recipients: u16) -> MessageId {
        let sequence = self.sequence.fetch_add(u64::from(recipients.max(1)), Ordering::Relaxed);
        let local = CHINA.to_datetime(now.wall);
        let parts = MsgIdParts {
            month: local.month().unsigned_abs(),
            day: local.day().unsigned_abs(),
            hour: local.hour().unsigned_abs(),
            minute: local.minute().unsigned_abs(),
            second: local.second().unsigned_abs(),
            gateway: self.gateway,
            sequence: sequence as u16,
        };
        // A calendar's parts fit, and the gateway's code was checked with the scenario.
        MessageId(MsgId::pack(parts).unwrap_or_default().0)
    }

    fn id_of_recipient(&self, id: MessageId, index: u16) -> MessageId {
        MessageId(MsgId(id.0).of_recipient(index).0)
    }

    fn id_text(&self, id: MessageId) -> String {
        MsgId(id.0).to_string()
    }

    fn objection(&self, submit: &Submit<'_>) -> Option<u32> {
        demands::of_cmpp(&self.habits, submit)
    }

    fn read<'a>(&self, dialect: &Cmpp, frame: &'a Frame<Cmpp>) -> Request<'a> {
        if frame.header.command_id != command::SUBMIT {
            return Request::Other;
        }
        cmpp::Submit::decode(&frame.octets, dialect.version())
            .map_or_else(Request::Malformed, |submit| Request::Submit(of_submit(submit)))
    }

    fn answer(&self, session: &mut Session<Cmpp>, now: Now, reply: Reply, outcome: Result<MessageId, u32>) {
        let response = match outcome {
            Ok(MessageId(id)) => SubmitResp { msg_id: MsgId(id), result: ResultCode::Accepted.code() },
            Err(result) => {
                SubmitResp { msg_id: MsgId::default(), result: fitting(result, session.dialect().version()) }
            }
        };
        // Only a session that is over takes no answer, and then there is nobody to tell.
        let _ = session.answer(now, reply.to, &Pdu::SubmitResp(response));
    }

    fn answer_other(&self, session: &mut Session<Cmpp>, now: Now, reply: ReplyTo, frame: &Frame<Cmpp>) {
        let version = session.dialect().version();
        let response = match Pdu::decode(&frame.octets, version) {
            Ok((_, Pdu::Query(query))) => Pdu::QueryResp(QueryResp {
                time: query.time,
                query_type: query.query_type,
                query_code: query.query_code,
                ..QueryResp::default()
            }),
            // Messages are gone as soon as they are taken: it is too late.
            Ok((_, Pdu::Cancel(_))) => Pdu::CancelResp(CancelResp { success_id: 1 }),
            Ok(_) => return session.refuse(now, reply, Refusal::UnknownCommand),
            Err(error) => return session.refuse(now, reply, Refusal::Malformed(error)),
        };
        // As in `answer`.
        let _ = session.answer(now, reply, &response);
    }

    fn deliver(
        &self,
        session: &mut Session<Cmpp>,
        now: Now,
        ticket: Ticket,
        delivery: &Delivery,
        scratch: &mut BytesMut,
    ) -> Result<(), SubmitError> {
        let deliver = match &delivery.content {
            Content::Receipt(receipt) => {
                let far_end = &self.habits.far_end;
                let is_old = far_end.report_octets == Some(60);
                report(receipt, if is_old { Version::V20 } else { session.dialect().version() }, scratch)?;
                Deliver {
                    msg_id: match far_end.reports_without_id {
                        Some(true) => MsgId::default(),
                        _ => MsgId(receipt.carried_by.0),
                    },
                    dest_id: receipt.sender.number.as_slice(),
                    service_id: receipt.service.as_slice(),
                    src_terminal_id: receipt.recipient.number.as_slice(),
                    registered_delivery: 1,
                    msg_content: scratch,
                    ..Deliver::default()
                }
            }
            Content::Mobile(mobile) => of_mobile(mobile, self.habits.far_end.udhi.unwrap_or(1)),
        };
        session.submit(now, ticket, &Pdu::Deliver(deliver)).map(|_| ())
    }

    fn status(&self, dialect: &Cmpp, response: &Frame<Cmpp>) -> Option<u32> {
        DeliverResp::decode(&response.octets, dialect.version()).ok().map(|response| response.result)
    }

    fn parts(&self, text: &str, reference: u8) -> Option<Vec<Part>> {
        let (charset, format) = if text.is_ascii() { (Charset::Ascii, 0) } else { (Charset::Ucs2, 8) };
        encode(text, charset, format, Capacity::cmpp(charset, Width::Eight), reference)
    }
}

/// A result that is too wide for its field is still told as another error.
fn fitting(result: u32, version: Version) -> u32 {
    match version {
        Version::V30 => result,
        Version::V20 | Version::V21 => result.min(u32::from(u8::MAX)),
    }
}

fn of_submit(submit: cmpp::Submit<'_>) -> Submit<'_> {
    let (segment, body) = without_header(submit.msg_content, submit.has_header());
    let counted = Segment { reference: 0, total: submit.pk_total, part: submit.pk_number };
    let mut recipients = submit.dest_terminal_id.iter().map(Address::plain);
    Submit {
        sender: Address::plain(submit.src_id),
        // A unit that was decoded has one at least.
        recipient: recipients.next().unwrap_or(Address::plain(&[])),
        others: recipients.collect(),
        body,
        coding: submit.msg_fmt,
        charset: charset(submit.msg_fmt),
        segment: segment.or((submit.pk_total > 1).then_some(counted)),
        wanted: if submit.registered_delivery == 1 { Wanted::Always } else { Wanted::Never },
        service: Short::of(submit.service_id),
        form: Form {
            way: submit.has_header().then_some(Way::Udh),
            validity: submit.valid_time,
            registered: submit.registered_delivery,
            tlvs: Vec::new(),
        },
    }
}

fn report(receipt: &Receipt, version: Version, out: &mut BytesMut) -> Result<(), SubmitError> {
    let report = Report {
        msg_id: MsgId(receipt.id.0),
        stat: receipt.stat.as_slice(),
        submit_time: &minute(receipt.submitted, CHINA),
        done_time: &minute(receipt.done, CHINA),
        dest_terminal_id: receipt.recipient.number.as_slice(),
        // Any number will do; the low half of the id tells messages apart.
        smsc_sequence: receipt.id.0 as u32,
    };
    Ok(report.encode(version, out)?)
}

fn of_mobile(mobile: &Mobile, udhi: u8) -> Deliver<'_> {
    Deliver {
        msg_id: MsgId(mobile.carried_by.0),
        dest_id: mobile.recipient.number.as_slice(),
        tp_udhi: if mobile.encoded.has_header { udhi } else { 0 },
        msg_fmt: mobile.encoded.coding,
        src_terminal_id: mobile.sender.number.as_slice(),
        msg_content: &mobile.encoded.octets,
        ..Deliver::default()
    }
}

fn charset(format: u8) -> Option<Charset> {
    match format {
        0 => Some(Charset::Ascii),
        8 => Some(Charset::Ucs2),
        15 => Some(Charset::Gb18030),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use codecs::cmpp::status::ConnectStatus;

    use super::*;

    #[test]
    fn refuses_with_the_codes_of_the_specification() {
        assert_eq!(CmppPersona::UNKNOWN_ACCOUNT, ConnectStatus::IllegalSource.code());
        assert_eq!(CmppPersona::THROTTLED, ResultCode::FlowControl.code());
        assert_eq!(fitting(0x1_0001, Version::V20), 255);
        assert_eq!(fitting(0x1_0001, Version::V30), 0x1_0001);
    }
}
