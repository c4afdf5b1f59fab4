//! An SMPP message centre.

mod submits;

use std::{
    io::Write,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::BytesMut;
use codecs::{
    Now,
    session::{Frame, Refusal, ReplyTo, Session, SubmitError, Ticket},
    smpp::{
        Bind, Body, COctetString, CommandId, Credentials, DataCoding, DataSm, DeliverSm, EsmClass,
        MessageIdResp, MessageState, Npi, OctetString, Pdu, ReceiptText, Smpp, Status, SubmitMulti,
        SubmitMultiResp, SubmitSm, Tag, TlvBuf, Tlvs, Ton, Version,
    },
    text::{Capacity, Charset, Width, cheapest},
};
use jiff::{Timestamp, tz::Offset};
use profiles::{
    Habits,
    words::{DefaultCharset, ReceiptFields, StateWords},
};

use self::submits::{of_data_sm, of_submit_multi, of_submit_sm};
use super::{Persona, Reply, Request, demands, encode, minute};
use crate::{
    config::{Account, Carrier, IdForm, Protocol, ReceiptForm},
    smsc::message::{Address, Content, Delivery, MessageId, Mobile, Part, Receipt, Short, Submit},
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
    /// `None`: UTC.
    clock: Option<Offset>,
    /// What data_coding 0 means, in submits and in deliveries.
    charset: Charset,
    mobile_charset: Charset,
    /// Ids stay below this.
    most_ids: Option<u64>,
    habits: Habits,
    /// congestion_state of every answer, as a whole TLV.
    congestion: Option<[u8; 5]>,
    next_id: AtomicU64,
}

impl Persona for SmppPersona {
    type Dialect = Smpp;

    const UNKNOWN_ACCOUNT: u32 = Status::RINVSYSID.0;
    const TOO_MANY_LINKS: u32 = Status::RALYBND.0;
    const THROTTLED: u32 = Status::RTHROTTLED.0;
    const SEQUENCE: Range<usize> = 12..16;

    fn new(carrier: &Carrier, now: Now) -> Self {
        // Microseconds: a run would have to give a million ids a second before the next one repeats any.
        let habits = carrier.habits.clone();
        let from_clock = u64::try_from(now.wall.as_microsecond()).unwrap_or(1);
        Self {
            system_id: carrier.name[..carrier.name.floor_char_boundary(NAME_OCTETS)].to_owned(),
            version: match carrier.speaks() {
                Protocol::Smpp50 => Version::V50,
                Protocol::Smpp33 => Version::V33,
                _ => Version::V34,
            },
            form: carrier.receipts.form.unwrap_or_default(),
            ids: carrier.receipts.id.unwrap_or_default(),
            // Offsets were read to be on this planet.
            clock: habits.utc_offset_seconds().and_then(|ahead| Offset::from_seconds(ahead).ok()),
            charset: charset_of(habits.account.default_charset),
            mobile_charset: charset_of(habits.account.incoming_charset.or(habits.account.default_charset)),
            most_ids: habits.far_end.id_digits.map(|digits| 16_u64.saturating_pow(digits.into())),
            habits,
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
        let next = self.next_id.fetch_add(1, Ordering::Relaxed);
        MessageId(self.most_ids.map_or(next, |most| next % most))
    }

    /// SMPP 3.4 submit_multi: receipts for all destinations carry the same id.
    fn id_of_recipient(&self, id: MessageId, _: u16) -> MessageId {
        id
    }

    fn id_text(&self, id: MessageId) -> String {
        String::from_utf8_lossy(self.id_in_answer(id).as_slice()).into_owned()
    }

    fn objection(&self, submit: &Submit<'_>) -> Option<u32> {
        demands::of_smpp(&self.habits, submit)
    }

    fn read<'a>(&self, _: &Smpp, frame: &'a Frame<Smpp>) -> Request<'a> {
        let read = match frame.header.command_id {
            CommandId::SUBMIT_SM => SubmitSm::decode(&frame.octets).map(|sm| of_submit_sm(sm, self.charset)),
            CommandId::DATA_SM => DataSm::decode(&frame.octets).and_then(|sm| of_data_sm(sm, self.charset)),
            CommandId::SUBMIT_MULTI => {
                SubmitMulti::decode(&frame.octets).and_then(|multi| of_submit_multi(multi, self.charset))
            }
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
                let coding = DataCoding(self.habits.far_end.receipt_coding.unwrap_or(0));
                if self.form != ReceiptForm::Tlv {
                    self.write_text(receipt, scratch);
                    if coding == DataCoding::UCS_2 {
                        widen(scratch);
                    }
                }
                if self.form != ReceiptForm::Text {
                    tlvs.put_c_string(Tag::RECEIPTED_MESSAGE_ID, self.id_in_answer(receipt.id).as_slice())?
                        .put_u8(Tag::MESSAGE_STATE, state(receipt).0);
                }
                let short_message = OctetString(scratch);
                let tlvs = tlvs.as_tlvs();
                let is_flagged = self.habits.receipts.flagged != Some(false);
                let esm_class = if is_flagged { EsmClass::RECEIPT } else { EsmClass::NORMAL };
                let data_coding = coding;
                DeliverSm {
                    esm_class,
                    data_coding,
                    short_message,
                    tlvs,
                    ..between(&receipt.recipient, &receipt.sender)
                }
            }
            Content::Mobile(mobile) => of_mobile(mobile),
        };
        session.submit(now, ticket, &Pdu::from(Body::DeliverSm(deliver))).map(|_| ())
    }

    fn status(&self, _: &Smpp, response: &Frame<Smpp>) -> Option<u32> {
        Some(response.header.command_status.0)
    }

    fn parts(&self, text: &str, reference: u8) -> Option<Vec<Part>> {
        let charset = cheapest(text, &[self.mobile_charset, Charset::Ucs2])?;
        let coding = if charset == Charset::Ucs2 { DataCoding::UCS_2 } else { DataCoding::DEFAULT };
        encode(text, charset, coding.0, Capacity::gsm(charset, Width::Eight.header_octets()), reference)
    }
}

impl SmppPersona {
    fn id_in_answer(&self, id: MessageId) -> Short<20> {
        match self.ids {
            IdForm::Folded => {
                let width = usize::from(self.habits.far_end.id_digits.unwrap_or(16));
                written(format_args!("{:0width$X}", id.0))
            }
            form => digits(id, matches!(form, IdForm::Hex | IdForm::HexInAnswerDecimalInReceipt)),
        }
    }

    fn id_in_text(&self, id: MessageId) -> Short<20> {
        match self.ids {
            IdForm::Folded => written(format_args!("{:x}", id.0)),
            form => digits(id, matches!(form, IdForm::Hex | IdForm::DecimalInAnswerHexInReceipt)),
        }
    }

    /// SMPP 3.4 appendix B: the text of a receipt.
    fn write_text(&self, receipt: &Receipt, out: &mut BytesMut) {
        let is_delivered = receipt.stat.as_slice() == b"DELIVRD";
        let mut err = *b"000";
        // Checked to be 999 at most with the scenario.
        let _ = write!(&mut err[..], "{:03}", receipt.err);
        let far_end = &self.habits.far_end;
        let date = |at| self.date(at, far_end.receipt_dates.unwrap_or(10));
        let is_whole = far_end.receipt_fields != Some(ReceiptFields::Few);
        let stat = match far_end.receipt_words {
            Some(StateWords::Long) => {
                let state = MessageState::of_stat(receipt.stat.as_slice());
                state.and_then(MessageState::name).map(str::as_bytes)
            }
            _ => None,
        };
        ReceiptText {
            id: Some(self.id_in_text(receipt.id).as_slice()),
            sub: is_whole.then_some(b"001"),
            dlvrd: is_whole.then_some(if is_delivered { b"001" } else { b"000" }),
            submit_date: Some(date(receipt.submitted).as_slice()),
            done_date: Some(date(receipt.done).as_slice()),
            // A vendor's own word has no other.
            stat: Some(stat.unwrap_or(receipt.stat.as_slice())),
            err: Some(&err),
            text: is_whole.then_some(receipt.beginning.as_slice()),
        }
        .write(out);
    }

    /// A date of so many digits, on our clock.
    fn date(&self, at: Timestamp, digits: u8) -> Short<20> {
        let offset = self.clock.unwrap_or(Offset::UTC);
        let (local, minute) = (offset.to_datetime(at), minute(at, offset));
        let minute = std::str::from_utf8(&minute).unwrap_or_default();
        match digits {
            14 => written(format_args!("{:02}{minute}{:02}", local.year() / 100, local.second())),
            12 => written(format_args!("{minute}{:02}", local.second())),
            _ => written(format_args!("{minute}")),
        }
    }
}

/// Decimal, or upper-case hexadecimal of at least eight digits. Twenty digits are enough for either.
fn digits(id: MessageId, hexadecimal: bool) -> Short<20> {
    if hexadecimal { written(format_args!("{:08X}", id.0)) } else { written(format_args!("{}", id.0)) }
}

/// From one octet for each character to two.
fn widen(text: &mut BytesMut) {
    let narrow = text.split();
    narrow.iter().for_each(|octet| text.extend_from_slice(&[0, *octet]));
}

/// At most twenty octets.
fn written(what: std::fmt::Arguments<'_>) -> Short<20> {
    let mut octets = [0; 20];
    let mut rest = &mut octets[..];
    // What is longer ends there.
    let _ = rest.write_fmt(what);
    let unused = rest.len();
    Short::of(&octets[..octets.len() - unused])
}

fn charset_of(word: Option<DefaultCharset>) -> Charset {
    word.map_or(Charset::Gsm7, DefaultCharset::charset)
}

fn state(receipt: &Receipt) -> MessageState {
    // A vendor's own word is a failure.
    MessageState::of_stat(receipt.stat.as_slice()).unwrap_or(MessageState::UNDELIVERABLE)
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
