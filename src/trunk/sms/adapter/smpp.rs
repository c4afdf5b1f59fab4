//! Domain ⇄ SMPP.

mod addresses;
mod meaning;

use bytes::Bytes;
use codecs::{
    session::{BindRefusal, BindRefused, Frame, Refusal},
    smpp::{
        BindMode as WireBind, Body, COctetString, CommandId, Credentials, DataCoding, DataSm, DataSmResp,
        DeliverSm, DeliverSmResp, EsmClass, MessageState, OctetString, Pdu, Receipt, ReceiptReading,
        Recognition, RegisteredDelivery, Smpp, Status, SubmitSm, SubmitSmResp, Tag, TlvBuf, Version,
    },
    text::{self, Capacity, Charset, Concat, Udh, Width},
};
use jiff::{Timestamp, civil::DateTime, tz::Offset};

use self::meaning::{meaning, report_class, reported, words};
use super::{
    Fallback, Inbound, MobileOriginated, Planner, PrepareError, Prepared, SmsAdapter, Verdict,
    carrier_id::{SeenIn, normalise},
    offer::Offer,
    plan::{Cutting, encoding},
    roles::Roles,
    statuses::{StatusRules, Statuses},
    validity::{quarter_hours, validity},
};
use crate::{
    clock,
    config::{CarrierIdForm, LongMessages, ReceiptForm, SmppAccount, TlvRule, TrunkConfig},
    domain::{
        CarrierStatus, Content, FailureClass, Message, Number, Report, StatusSource, SubmitOutcome,
        TextEncoding, UnknownCause, tlv_tag,
    },
};

/// One SMPP account.
#[derive(Debug)]
pub struct SmppAdapter {
    account: SmppAccount,
    protocol: &'static str,
    statuses: Statuses,
    ids: CarrierIdForm,
    offset: Offset,
    quarter_hours: i8,
    cutting: Cutting,
    offer: Offer,
    roles: Roles,
}

/// What the answer to a deliver_sm or data_sm must repeat: which of them it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed(CommandId);

impl SmppAdapter {
    /// What its carrier's statuses mean, to be replaced.
    #[must_use]
    pub fn status_rules(&self) -> StatusRules {
        self.statuses.rules()
    }

    /// The adapter of an account.
    #[must_use]
    pub fn new(account: SmppAccount, trunk: &TrunkConfig, max_segments: u8) -> Self {
        let width = if trunk.reference_octets == 2 { Width::Sixteen } else { Width::Eight };
        let charsets = vec![account.default_charset, Charset::Ucs2];
        Self {
            protocol: trunk.protocol.name(),
            statuses: Statuses::new(trunk.protocol.name(), &trunk.statuses),
            ids: trunk.carrier_ids,
            offset: trunk.utc_offset,
            quarter_hours: quarter_hours(trunk.utc_offset),
            cutting: Cutting { charsets, width, max_segments },
            offer: Offer::new(account.version, account.version_fallback),
            roles: Roles::new(trunk.links, account.bind),
            account,
        }
    }

    fn coding(&self, charset: Charset) -> u8 {
        if charset == self.account.default_charset {
            return 0x00;
        }
        match charset {
            Charset::Gsm7 => 0x00,
            Charset::Ascii => 0x01,
            Charset::Latin1 => 0x03,
            Charset::Cyrillic => 0x06,
            Charset::Hebrew => 0x07,
            Charset::Ucs2 => 0x08,
            Charset::Gbk | Charset::Gb18030 | Charset::Binary => 0x04,
        }
    }

    fn charset_of(&self, data_coding: u8) -> Option<Charset> {
        match data_coding {
            0x00 => Some(self.account.incoming_charset),
            0x01 => Some(Charset::Ascii),
            0x03 => Some(Charset::Latin1),
            0x06 => Some(Charset::Cyrillic),
            0x07 => Some(Charset::Hebrew),
            0x08 | 0x18 | 0xe0..=0xef => Some(Charset::Ucs2),
            0xc0..=0xdf | 0xf0..=0xf3 | 0x10..=0x13 => Some(Charset::Gsm7),
            _ => None,
        }
    }

    fn recognition(&self) -> Recognition {
        if self.account.receipts.flagged { Recognition::Flagged } else { Recognition::TextToo }
    }

    /// A TLV that the carrier wants, that the account has no value for, and that the message does not bring.
    fn missing_tlv(&self, message: &Message) -> Option<&TlvRule> {
        let brought = |tag| vendor_tlvs(message).any(|(brought, _)| brought == Tag(tag));
        self.account.tlvs.iter().find(|rule| rule.value.is_none() && !brought(rule.tag))
    }

    /// The message's own TLVs, then those of the account that it does not bring. A value that is too long is left out:
    /// the carrier says so better than we could.
    fn put_vendor_tlvs(&self, tlvs: &mut TlvBuf, message: &Message) {
        let rules = &self.account.tlvs;
        for (tag, value) in vendor_tlvs(message) {
            let ends_with_nul = rules.iter().any(|rule| rule.nul && Tag(rule.tag) == tag);
            let _ = match value.strip_suffix(&[0]).unwrap_or(value) {
                bare if ends_with_nul => tlvs.put_c_string(tag, bare),
                _ => tlvs.put(tag, value),
            };
        }
        for rule in rules {
            if let Some(value) = &rule.value
                && vendor_tlvs(message).all(|(tag, _)| tag != Tag(rule.tag))
            {
                let _ = tlvs.put(Tag(rule.tag), value);
            }
        }
    }

    fn timestamp(&self, local: Option<DateTime>) -> Option<Timestamp> {
        self.offset.to_timestamp(local?).ok()
    }

    fn read(&self, sm: &ReadSm<'_>, reading: ReceiptReading<'_>) -> Inbound {
        match reading {
            ReceiptReading::Receipt(receipt) => Inbound::Report(Box::new(self.report(sm, &receipt, true))),
            ReceiptReading::Unparsed(receipt) => Inbound::Report(Box::new(self.report(sm, &receipt, false))),
            ReceiptReading::NotAReceipt => Inbound::Mobile(self.mobile(sm)),
        }
    }

    fn report(&self, sm: &ReadSm<'_>, receipt: &Receipt<'_>, readable: bool) -> Report {
        let text = receipt.text();
        let form = self.account.receipts.form;
        let tlv_id = receipt.receipted_message_id.map(|id| id.0).filter(|_| form != ReceiptForm::Text);
        let text_id = text.id.filter(|_| form != ReceiptForm::Tlv);
        let mut carrier_ids = Vec::with_capacity(2);
        for id in [tlv_id, text_id].into_iter().flatten() {
            // The TLV has the form of the answer; only the text is written in the report's own form.
            let seen_in = if Some(id) == tlv_id { SeenIn::Answer } else { SeenIn::Report };
            for candidate in [normalise(self.ids, seen_in, id), normalise(self.ids, SeenIn::Report, id)] {
                carrier_ids.extend(candidate.filter(|candidate| !carrier_ids.contains(candidate)));
            }
        }
        let state = match form {
            ReceiptForm::Both => receipt.message_state(),
            ReceiptForm::Text => text.stat.map(|_| text.message_state().unwrap_or(MessageState::UNKNOWN)),
            ReceiptForm::Tlv => receipt.state_tlv,
        };
        let state = state.filter(|_| readable);
        let intermediate = receipt.intermediate;
        let stat = text.stat.map(|stat| String::from_utf8_lossy(stat).into_owned());
        let err = text.err.map(|err| String::from_utf8_lossy(err).into_owned()).unwrap_or_default();
        let raw_text =
            stat.or_else(|| state.and_then(MessageState::stat).map(str::to_owned)).unwrap_or_default();
        let mapped = text.stat.is_none() || text.message_state().is_some() || receipt.state_tlv.is_some();
        Report {
            carrier_ids,
            recipient: Number::from_carrier(sm.source),
            sender: String::from_utf8_lossy(sm.destination).into_owned(),
            state: state.map(|state| reported(state, intermediate)),
            status: CarrierStatus {
                source: StatusSource::CarrierReport,
                class: state.map_or(FailureClass::Unmapped, |state| report_class(state, mapped)),
                permanent: !intermediate,
                protocol: self.protocol.to_owned(),
                raw_code: err,
                raw_text,
            },
            submit_time: self.timestamp(text.submitted()),
            done_time: self.timestamp(text.done()),
            receive_time: clock::wall(),
            raw: sm.user_data.to_vec(),
        }
    }

    fn mobile(&self, sm: &ReadSm<'_>) -> MobileOriginated {
        let (mut concat, mut octets) = (None, sm.user_data);
        if sm.esm_class.udhi()
            && let Ok((header, rest)) = Udh::parse(sm.user_data)
        {
            concat = header.concat();
            octets = rest;
        }
        if let Some(sar) = sm.sar.filter(|_| concat.is_none()) {
            concat = Some(sar);
        }
        MobileOriginated {
            from: sm.source.to_vec(),
            to: sm.destination.to_vec(),
            data_coding: sm.data_coding.0,
            concat: concat.filter(|concat| concat.total > 1),
            octets: Bytes::copy_from_slice(octets),
        }
    }
}

/// What deliver_sm and data_sm have in common.
struct ReadSm<'a> {
    source: &'a [u8],
    destination: &'a [u8],
    esm_class: EsmClass,
    data_coding: DataCoding,
    user_data: &'a [u8],
    sar: Option<Concat>,
}

fn sar(tlvs: codecs::smpp::Tlvs<'_>) -> Option<Concat> {
    let sar = tlvs.sar()?;
    let concat = Concat { reference: sar.reference, width: Width::Sixteen, total: sar.total, part: sar.part };
    concat.is_sound().then_some(concat)
}

impl SmsAdapter for SmppAdapter {
    type Dialect = Smpp;
    type Reply = Owed;

    fn open(&self, link: u32) -> (Smpp, Credentials) {
        let version = match self.offer.version() {
            0x33 => Version::V33,
            0x50 => Version::V50,
            _ => Version::V34,
        };
        let credentials = Credentials {
            system_id: self.account.system_id.clone(),
            password: self.account.password.expose().to_owned(),
            system_type: self.account.system_type.clone(),
            address_range: self.account.address_range.clone(),
            ..Credentials::default()
        };
        (Smpp::new(self.roles.of(link), version), credentials)
    }

    fn bind_mode(&self, link: u32) -> &'static str {
        match self.roles.of(link) {
            WireBind::Transmitter => "transmitter",
            WireBind::Receiver => "receiver",
            WireBind::Transceiver => "transceiver",
        }
    }

    fn refused(&self, dialect: &Smpp, refused: &BindRefused) -> Fallback {
        let offered = dialect.version().octet();
        match refused.class {
            BindRefusal::Mode => self.roles.without_transceivers(),
            BindRefusal::Version => self.offer.refused(offered, Version::V34.octet()),
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
        let sender = match message.sender.as_str() {
            "" => self.account.default_sender.as_str(),
            sender => sender,
        };
        let (source_ton, source_npi, source) = addresses::source(sender, self.account.sender_kind);
        let (dest_ton, dest_npi) = addresses::recipient(message.to.as_str(), self.account.recipient_kind);
        let validity = validity(self.account.validity, message, self.quarter_hours);
        let mut tlvs = TlvBuf::new();
        let mut body = octets;
        let mut esm_class = EsmClass(0);
        match self.account.long_messages {
            LongMessages::Udh if prepared.has_header => esm_class = esm_class.with_udhi(),
            LongMessages::Sar if prepared.plan.segments > 1 => {
                // The header was made for counting and for UDH; here its numbers go into TLVs instead.
                if let Ok((header, rest)) = Udh::parse(octets)
                    && let Some(concat) = header.concat()
                {
                    tlvs.put_sar(codecs::smpp::Sar {
                        reference: concat.reference,
                        total: concat.total,
                        part: concat.part,
                    });
                    body = rest;
                }
            }
            _ if prepared.has_header => esm_class = esm_class.with_udhi(),
            _ => {}
        }
        if body.len() > 254 {
            // A payload above the length octet's range; the TLV's own length holds 65,535.
            if tlvs.put(Tag::MESSAGE_PAYLOAD, body).is_ok() {
                body = &[];
            }
        }
        self.put_vendor_tlvs(&mut tlvs, message);
        let sm = SubmitSm {
            service_type: COctetString(
                message.option("service_type").unwrap_or(&self.account.service_type).as_bytes(),
            ),
            source_addr_ton: source_ton,
            source_addr_npi: source_npi,
            source_addr: COctetString(source.as_bytes()),
            dest_addr_ton: dest_ton,
            dest_addr_npi: dest_npi,
            destination_addr: COctetString(message.to.digits().as_bytes()),
            esm_class,
            validity_period: COctetString(validity.as_ref().map_or(&[][..], |octets| octets)),
            registered_delivery: RegisteredDelivery(if message.report_requested {
                self.account.registered_delivery
            } else {
                0
            }),
            data_coding: DataCoding(prepared.data_coding),
            short_message: OctetString(body),
            tlvs: tlvs.as_tlvs(),
            ..SubmitSm::default()
        };
        send(&Pdu::from(Body::SubmitSm(sm)))
    }

    fn outcome(&self, _: &Smpp, answer: &Frame<Smpp>) -> SubmitOutcome {
        let status = answer.header.command_status;
        if answer.header.command_id == CommandId::GENERIC_NACK || !status.is_ok() {
            let detail = SubmitSmResp::decode(&answer.octets)
                .ok()
                .and_then(|body| body.tlvs.additional_status_info_text())
                .map_or(&[][..], |text| text.0);
            return self.statuses.refusal(status.0, words(status, detail), meaning(status));
        }
        match SubmitSmResp::decode(&answer.octets) {
            Ok(body) => {
                SubmitOutcome::Accepted { carrier_id: normalise(self.ids, SeenIn::Answer, &body.message_id) }
            }
            Err(_) => SubmitOutcome::Unknown { cause: UnknownCause::Unreadable },
        }
    }

    fn congestion(&self, dialect: &Smpp, answer: &Frame<Smpp>) -> Option<u8> {
        // Only 5.0 has it, so the others' answers are not read twice.
        (dialect.version() == Version::V50)
            .then(|| SubmitSmResp::decode(&answer.octets).ok()?.tlvs.congestion_state())
            .flatten()
    }

    fn inbound(&self, _: &Smpp, request: &Frame<Smpp>) -> Result<(Inbound, Owed), Refusal> {
        let owed = Owed(request.header.command_id);
        let inbound = match request.header.command_id {
            CommandId::DELIVER_SM => {
                let sm = DeliverSm::decode(&request.octets).map_err(Refusal::Malformed)?;
                let user_data = sm.user_data();
                let read = ReadSm {
                    source: sm.source_addr.0,
                    destination: sm.destination_addr.0,
                    esm_class: sm.esm_class,
                    data_coding: sm.data_coding,
                    user_data: user_data.0,
                    sar: sar(sm.tlvs),
                };
                self.read(&read, Receipt::of_deliver_sm(&sm, self.recognition()))
            }
            CommandId::DATA_SM => {
                let sm = DataSm::decode(&request.octets).map_err(Refusal::Malformed)?;
                let reading = Receipt::of_data_sm(&sm, self.recognition());
                // A receipt may be all in its TLVs, a message can't.
                let user_data = match reading {
                    ReceiptReading::NotAReceipt => sm.needed_user_data().map_err(Refusal::Malformed)?,
                    _ => sm.user_data().unwrap_or_default(),
                };
                let read = ReadSm {
                    source: sm.source_addr.0,
                    destination: sm.destination_addr.0,
                    esm_class: sm.esm_class,
                    data_coding: sm.data_coding,
                    user_data: user_data.0,
                    sar: sar(sm.tlvs),
                };
                self.read(&read, reading)
            }
            _ => return Err(Refusal::WrongState),
        };
        Ok((inbound, owed))
    }

    fn answer<R>(&self, owed: Owed, verdict: Verdict, send: impl FnOnce(&Pdu<'_>) -> R) -> R {
        let status = match verdict {
            Verdict::Taken => Status::ROK,
            Verdict::Later => Status::RX_T_APPN,
        };
        // The one NUL of message_id: some message centres refuse an answer without it.
        let body = match owed.0 {
            CommandId::DATA_SM => Body::DataSmResp(Some(DataSmResp::default())),
            _ => Body::DeliverSmResp(Some(DeliverSmResp::default())),
        };
        send(&Pdu { status, body })
    }
}

impl Planner for SmppAdapter {
    fn prepare(&self, message: &Message, reference: u16) -> Result<Prepared, PrepareError> {
        let sender = message.sender.as_str();
        if sender.bytes().any(|octet| octet.is_ascii_alphabetic()) && sender.len() > 11 {
            let reason = "an alphanumeric sender has at most 11 characters".to_owned();
            return Err(PrepareError::SenderNotAllowed(reason));
        }
        if let Some(rule) = self.missing_tlv(message) {
            return Err(PrepareError::OptionMissing(format!("tlv.{:#06X}", rule.tag).replace("0X", "0x")));
        }
        match &message.content {
            Content::Binary(content) => self.cutting.binary(content, reference),
            Content::Text(text) => {
                let headers = self.cutting.width.header_octets();
                let capacity = |charset| match self.account.long_messages {
                    LongMessages::Udh | LongMessages::Sar => Capacity::gsm(charset, headers),
                    // One submit_sm carries it all; the carrier cuts it.
                    LongMessages::Payload => Capacity { single: 65_535 / charset.unit_octets(), part: 1 },
                };
                self.cutting.text(text, message.encoding, reference, capacity, |charset| self.coding(charset))
            }
        }
    }

    fn decode(&self, data_coding: u8, octets: &[u8]) -> Option<(String, Option<TextEncoding>)> {
        let charset = self.charset_of(data_coding)?;
        Some((text::decode(octets, charset).text, encoding(charset)))
    }
}

/// TLVs that the request itself brings: `tlv.0x1400` = text.
fn vendor_tlvs(message: &Message) -> impl Iterator<Item = (Tag, &[u8])> {
    message.protocol_options.iter().filter_map(|(key, value)| Some((Tag(tlv_tag(key)?), value.as_bytes())))
}

#[cfg(test)]
mod tests;
