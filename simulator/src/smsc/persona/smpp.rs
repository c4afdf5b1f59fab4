//! An SMPP message centre.

use std::{
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::BytesMut;
use codecs::{
    DecodeError, Now,
    error::DecodeErrorKind,
    session::{Frame, Refusal, ReplyTo, Session, SubmitError, Ticket},
    smpp::{
        Alphabet, Bind, Body, COctetString, CommandId, Credentials, DataCoding, DataSm, DeliverSm,
        DestAddress, EsmClass, MessageIdResp, MessageState, Npi, OctetString, Pdu, ReceiptText,
        ReceiptWanted, RegisteredDelivery, Smpp, Status, SubmitMulti, SubmitMultiResp, SubmitSm, Tag, TlvBuf,
        Tlvs, Ton, Version,
    },
    text::{Capacity, Charset, Width, cheapest},
};
use jiff::tz::Offset;

use super::{Persona, Reply, Request, encode, minute, without_header};
use crate::{
    behaviour::Wanted,
    config::{Account, Carrier, IdForm, Protocol, ReceiptForm},
    smsc::message::{Address, Content, Delivery, MessageId, Mobile, Part, Receipt, Segment, Short, Submit},
};

/// Octets of the bind response's system_id.
const NAME_OCTETS: usize = 15;

/// An SMPP message centre.
#[derive(Debug)]
pub struct SmppPersona {
    system_id: String,
    version: Version,
    form: ReceiptForm,
    ids: IdForm,
    /// congestion_state of every answer, as a whole TLV.
    congestion: Option<[u8; 5]>,
    next_id: AtomicU64,
}

impl Persona for SmppPersona {
    type Dialect = Smpp;

    const UNKNOWN_ACCOUNT: u32 = Status::RINVSYSID.0;
    const TOO_MANY_LINKS: u32 = Status::RALYBND.0;
    const THROTTLED: u32 = Status::RTHROTTLED.0;

    fn new(carrier: &Carrier, now: Now) -> Self {
        // Microseconds: a run would have to give a million ids a second before the next one repeats any.
        let from_clock = u64::try_from(now.wall.as_microsecond()).unwrap_or(1);
        Self {
            system_id: carrier.name[..carrier.name.floor_char_boundary(NAME_OCTETS)].to_owned(),
            version: if carrier.protocol == Protocol::Smpp50 { Version::V50 } else { Version::V34 },
            form: carrier.receipts.form,
            ids: carrier.receipts.id,
            congestion: carrier.answer.congestion.map(|state| [0x04, 0x28, 0x00, 0x01, state]),
            next_id: AtomicU64::new(carrier.first_id.unwrap_or(from_clock)),
        }
    }

    fn dialect(&self) -> Smpp {
        Smpp::server(self.system_id.clone(), self.version)
    }

    fn credentials(account: &Account) -> Credentials {
        Credentials {
            system_id: account.system_id.clone(),
            password: account.password.clone(),
            ..Credentials::default()
        }
    }

    fn account_of(bind: &[u8]) -> Option<&[u8]> {
        Bind::decode(bind).ok().map(|bind| bind.system_id.0)
    }

    fn version_of(bind: &[u8]) -> u8 {
        Bind::decode(bind).map_or(0, |bind| bind.interface_version)
    }

    fn next_id(&self, _: Now, _: u16) -> MessageId {
        MessageId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// SMPP 3.4 submit_multi: receipts for all destinations carry the same id.
    fn id_of_recipient(&self, id: MessageId, _: u16) -> MessageId {
        id
    }

    fn id_text(&self, id: MessageId) -> String {
        String::from_utf8_lossy(self.id_in_answer(id).as_slice()).into_owned()
    }

    fn read<'a>(&self, _: &Smpp, frame: &'a Frame<Smpp>) -> Request<'a> {
        let read = match frame.header.command_id {
            CommandId::SUBMIT_SM => SubmitSm::decode(&frame.octets).map(of_submit_sm),
            CommandId::DATA_SM => DataSm::decode(&frame.octets).and_then(of_data_sm),
            CommandId::SUBMIT_MULTI => SubmitMulti::decode(&frame.octets).and_then(of_submit_multi),
            _ => return Request::Other,
        };
        read.map_or_else(Request::Malformed, Request::Submit)
    }

    fn answer(&self, session: &mut Session<Smpp>, now: Now, reply: Reply, outcome: Result<MessageId, u32>) {
        let id = outcome.map(|id| self.id_in_answer(id));
        let message_id = id.as_ref().ok().map(|id| COctetString(id.as_slice()));
        let status = Status(id.as_ref().err().copied().unwrap_or(Status::ROK.0));
        // SMPP 3.4 submit_sm_resp: no body beside an error status.
        let tlvs = self.congestion.as_ref().and_then(|tlv| Tlvs::from_octets(tlv).ok()).unwrap_or(Tlvs::NONE);
        let single = message_id.map(|message_id| MessageIdResp { message_id, tlvs });
        let body = match CommandId(reply.command) {
            CommandId::DATA_SM => Body::DataSmResp(single),
            CommandId::SUBMIT_MULTI => Body::SubmitMultiResp(
                message_id.map(|message_id| SubmitMultiResp { message_id, ..SubmitMultiResp::default() }),
            ),
            _ => Body::SubmitSmResp(single),
        };
        // Only a session that is over takes no answer, and then there is nobody to tell.
        let _ = session.answer(now, reply.to, &Pdu { status, body });
    }

    /// Messages are gone as soon as they are taken: there is none to query, cancel or replace.
    fn answer_other(&self, session: &mut Session<Smpp>, now: Now, reply: ReplyTo, frame: &Frame<Smpp>) {
        let command = frame.header.command_id;
        let status = match command {
            CommandId::QUERY_SM => Status::RQUERYFAIL,
            CommandId::CANCEL_SM => Status::RCANCELFAIL,
            CommandId::REPLACE_SM => Status::RREPLACEFAIL,
            _ => Status::RINVCMDID,
        };
        match Pdu::refusal(command.response(), status) {
            Some(pdu) => {
                // As in `answer`.
                let _ = session.answer(now, reply, &pdu);
            }
            None => session.refuse(now, reply, Refusal::UnknownCommand),
        }
    }

    fn deliver(
        &self,
        session: &mut Session<Smpp>,
        now: Now,
        ticket: Ticket,
        delivery: &Delivery,
        scratch: &mut BytesMut,
    ) -> Result<(), SubmitError> {
        let mut tlvs = TlvBuf::new();
        let deliver = match &delivery.content {
            Content::Receipt(receipt) => {
                if self.form != ReceiptForm::Tlv {
                    self.write_text(receipt, scratch);
                }
                if self.form != ReceiptForm::Text {
                    tlvs.put_c_string(Tag::RECEIPTED_MESSAGE_ID, self.id_in_answer(receipt.id).as_slice())?
                        .put_u8(Tag::MESSAGE_STATE, state(receipt).0);
                }
                let short_message = OctetString(scratch);
                let tlvs = tlvs.as_tlvs();
                let esm_class = EsmClass::RECEIPT;
                DeliverSm { esm_class, short_message, tlvs, ..between(&receipt.recipient, &receipt.sender) }
            }
            Content::Mobile(mobile) => of_mobile(mobile),
        };
        session.submit(now, ticket, &Pdu::from(Body::DeliverSm(deliver))).map(|_| ())
    }

    fn status(&self, _: &Smpp, response: &Frame<Smpp>) -> Option<u32> {
        Some(response.header.command_status.0)
    }

    fn parts(&self, text: &str, reference: u8) -> Option<Vec<Part>> {
        let charset = cheapest(text, &[Charset::Gsm7, Charset::Ucs2])?;
        let coding = if charset == Charset::Ucs2 { DataCoding::UCS_2 } else { DataCoding::DEFAULT };
        encode(text, charset, coding.0, Capacity::gsm(charset, Width::Eight.header_octets()), reference)
    }
}

impl SmppPersona {
    fn id_in_answer(&self, id: MessageId) -> Short<20> {
        digits(id, matches!(self.ids, IdForm::Hex | IdForm::HexInAnswerDecimalInReceipt))
    }

    fn id_in_text(&self, id: MessageId) -> Short<20> {
        digits(id, matches!(self.ids, IdForm::Hex | IdForm::DecimalInAnswerHexInReceipt))
    }

    /// SMPP 3.4 appendix B: the text of a receipt.
    fn write_text(&self, receipt: &Receipt, out: &mut BytesMut) {
        let is_delivered = receipt.stat.as_slice() == b"DELIVRD";
        let mut err = *b"000";
        // Checked to be 999 at most with the scenario.
        let _ = write!(&mut err[..], "{:03}", receipt.err);
        ReceiptText {
            id: Some(self.id_in_text(receipt.id).as_slice()),
            sub: Some(b"001"),
            dlvrd: Some(if is_delivered { b"001" } else { b"000" }),
            submit_date: Some(&minute(receipt.submitted, Offset::UTC)),
            done_date: Some(&minute(receipt.done, Offset::UTC)),
            stat: Some(receipt.stat.as_slice()),
            err: Some(&err),
            text: Some(receipt.beginning.as_slice()),
        }
        .write(out);
    }
}

/// Decimal, or upper-case hexadecimal of at least eight digits. Twenty digits are enough for either.
fn digits(id: MessageId, hexadecimal: bool) -> Short<20> {
    let mut digits = [0; 20];
    let mut rest = &mut digits[..];
    // It fits, so it can't fail.
    let _ = if hexadecimal { write!(rest, "{:08X}", id.0) } else { write!(rest, "{}", id.0) };
    let unused = rest.len();
    Short::of(&digits[..digits.len() - unused])
}

fn state(receipt: &Receipt) -> MessageState {
    // A vendor's own word is a failure.
    MessageState::of_stat(receipt.stat.as_slice()).unwrap_or(MessageState::UNDELIVERABLE)
}

fn of_submit_sm(sm: SubmitSm<'_>) -> Submit<'_> {
    let (segment, body) = without_header(sm.user_data().0, sm.esm_class.udhi());
    Submit {
        sender: address(sm.source_addr_ton, sm.source_addr_npi, sm.source_addr),
        recipient: address(sm.dest_addr_ton, sm.dest_addr_npi, sm.destination_addr),
        others: Vec::new(),
        body,
        coding: sm.data_coding.0,
        charset: charset(sm.data_coding),
        segment: segment.or_else(|| sar(&sm.tlvs)),
        wanted: wanted(sm.registered_delivery),
        service: Short::of(&sm.service_type),
    }
}

fn of_data_sm(data: DataSm<'_>) -> Result<Submit<'_>, DecodeError> {
    let (segment, body) = without_header(data.needed_user_data()?.0, data.esm_class.udhi());
    Ok(Submit {
        sender: address(data.source_addr_ton, data.source_addr_npi, data.source_addr),
        recipient: address(data.dest_addr_ton, data.dest_addr_npi, data.destination_addr),
        others: Vec::new(),
        body,
        coding: data.data_coding.0,
        charset: charset(data.data_coding),
        segment: segment.or_else(|| sar(&data.tlvs)),
        wanted: wanted(data.registered_delivery),
        service: Short::of(&data.service_type),
    })
}

fn of_submit_multi(multi: SubmitMulti<'_>) -> Result<Submit<'_>, DecodeError> {
    let mut recipients = multi.dest_address.iter().map(|destination| match destination {
        DestAddress::Sme { dest_addr_ton, dest_addr_npi, destination_addr } => {
            address(dest_addr_ton, dest_addr_npi, destination_addr)
        }
        // There are no lists here; one counts as a number.
        DestAddress::DistributionList { dl_name } => Address::plain(&dl_name),
    });
    let none = DecodeError { field: "number_of_dests", offset: 16, kind: DecodeErrorKind::Value(0) };
    let recipient = recipients.next().ok_or(none)?;
    let octets = multi.tlvs.message_payload().unwrap_or(multi.short_message);
    let (segment, body) = without_header(octets.0, multi.esm_class.udhi());
    Ok(Submit {
        sender: address(multi.source_addr_ton, multi.source_addr_npi, multi.source_addr),
        recipient,
        others: recipients.collect(),
        body,
        coding: multi.data_coding.0,
        charset: charset(multi.data_coding),
        segment: segment.or_else(|| sar(&multi.tlvs)),
        wanted: wanted(multi.registered_delivery),
        service: Short::of(&multi.service_type),
    })
}

fn of_mobile(mobile: &Mobile) -> DeliverSm<'_> {
    DeliverSm {
        esm_class: if mobile.encoded.has_header { EsmClass::UDHI } else { EsmClass::NORMAL },
        data_coding: DataCoding(mobile.encoded.coding),
        short_message: OctetString(&mobile.encoded.octets),
        ..between(&mobile.sender, &mobile.recipient)
    }
}

/// An otherwise empty deliver_sm. A number of more than 20 octets (data_sm may have them) makes it refuse encoding.
fn between<'a>(source: &'a Address, destination: &'a Address) -> DeliverSm<'a> {
    DeliverSm {
        source_addr_ton: Ton(source.ton),
        source_addr_npi: Npi(source.npi),
        source_addr: COctetString(source.number.as_slice()),
        dest_addr_ton: Ton(destination.ton),
        dest_addr_npi: Npi(destination.npi),
        destination_addr: COctetString(destination.number.as_slice()),
        ..DeliverSm::default()
    }
}

fn address(ton: Ton, npi: Npi, number: COctetString<'_>) -> Address {
    Address { number: Short::of(&number), ton: ton.0, npi: npi.0 }
}

fn wanted(flags: RegisteredDelivery) -> Wanted {
    match flags.receipt() {
        ReceiptWanted::Never => Wanted::Never,
        ReceiptWanted::Always => Wanted::Always,
        ReceiptWanted::OnFailure => Wanted::OnFailure,
        ReceiptWanted::OnSuccess => Wanted::OnSuccess,
    }
}

fn sar(tlvs: &Tlvs<'_>) -> Option<Segment> {
    let sar = tlvs.sar()?;
    Some(Segment { reference: sar.reference, total: sar.total, part: sar.part })
}

/// Our default alphabet is GSM 7-bit.
fn charset(coding: DataCoding) -> Option<Charset> {
    match coding.alphabet() {
        Alphabet::Default | Alphabet::Gsm7 => Some(Charset::Gsm7),
        Alphabet::Ascii => Some(Charset::Ascii),
        Alphabet::Latin1 => Some(Charset::Latin1),
        Alphabet::Cyrillic => Some(Charset::Cyrillic),
        Alphabet::Hebrew => Some(Charset::Hebrew),
        Alphabet::Ucs2 => Some(Charset::Ucs2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_largest_ids_in_both_forms() {
        assert_eq!(digits(MessageId(u64::MAX), false).as_slice(), b"18446744073709551615");
        assert_eq!(digits(MessageId(u64::MAX), true).as_slice(), b"FFFFFFFFFFFFFFFF");
        assert_eq!(digits(MessageId(0x3F2A_9C01), false).as_slice(), b"1059757057");
        assert_eq!(digits(MessageId(0x2A), true).as_slice(), b"0000002A");
    }
}
