//! The accounts of the protocols: what the carrier gave us, held against what its fields can hold.

use std::ops::RangeInclusive;

use codecs::text::Charset;
use profiles::words::{CmppCharset, DefaultCharset};

use super::{
    BindMode, CmppAccount, LongMessages, NumberKind, ReceiptConfig, ReceiptForm, SmppAccount, TlvRule,
    ValidityForm,
    secret::Secrets,
    section::{Found, Section, one_of},
};
use crate::domain::Sender;

/// What no profile says: every account has its own.
pub(super) const OWN_KEYS: [&str; 6] =
    ["system_id", "password", "source_addr", "shared_secret", "service_id", "access_number"];
/// Octets of the SMPP password without its NUL.
const SMPP_PASSWORD_OCTETS: usize = 8;

/// Reads an SMPP account of a version (0x33, 0x34, 0x50), with the tables beside it.
pub(super) fn smpp(
    mut section: Section<'_>,
    receipts: Section<'_>,
    tlvs: Vec<TlvRule>,
    version: u8,
    secrets: &Secrets<'_>,
) -> SmppAccount {
    let password = section.secret("password", secrets).required();
    if let Some(password) = &password
        && !is_ascii(password.expose(), 1..=SMPP_PASSWORD_OCTETS)
    {
        let octets = password.expose().len();
        section.note(
            "password",
            format!("a password of {octets} octets is not allowed: 1 to 8 printable ASCII characters"),
        );
    }
    // GSM 7-bit is what most message centres take data_coding 0 for, and both ways the same.
    let default_charset = charset(&mut section, "default_charset").or(Charset::Gsm7);
    let account = SmppAccount {
        version,
        // What we send in 5.0 can all be said in 3.4, so nothing is lost by it.
        version_fallback: section.flag("version_fallback").or(true),
        bind: bind(&mut section, version),
        system_id: ascii(&mut section, "system_id", 1..=15).required().unwrap_or_default(),
        password: password.unwrap_or_else(|| super::Secret::new(String::new())),
        // Empty unless the carrier says otherwise: its own default holds then.
        system_type: ascii(&mut section, "system_type", 0..=12).or(String::new()),
        address_range: ascii(&mut section, "address_range", 0..=40).or(String::new()),
        service_type: ascii(&mut section, "service_type", 0..=5).or(String::new()),
        default_charset,
        incoming_charset: charset(&mut section, "incoming_charset").or(default_charset),
        long_messages: long_messages(&mut section, version),
        // Many message centres take absolute times for their local time, whatever zone is written.
        validity: validity(&mut section, ValidityForm::Relative),
        registered_delivery: registered_delivery(&mut section),
        sender_kind: kind(&mut section, "sender_ton", "sender_npi"),
        recipient_kind: kind(&mut section, "recipient_ton", "recipient_npi"),
        // The carrier puts in the account's own sender.
        default_sender: ascii(&mut section, "default_sender", 0..=Sender::MAX_OCTETS).or(String::new()),
        receipts: self::receipts(receipts),
        tlvs,
    };
    section.finish();
    account
}

fn receipts(mut section: Section<'_>) -> ReceiptConfig {
    let forms = ReceiptForm::ALL.map(|form| (form.name(), form));
    let receipts = ReceiptConfig {
        // What is in neither place can't be found anyway.
        form: section.choice("form", &forms).or(ReceiptForm::Both),
        // A subscriber can type a text that looks like a receipt.
        flagged: section.flag("flagged").or(true),
    };
    section.finish();
    receipts
}

fn validity(section: &mut Section<'_>, usual: ValidityForm) -> ValidityForm {
    section.choice("validity", &ValidityForm::ALL.map(|form| (form.name(), form))).or(usual)
}

/// Bits that do not ask for the receipt of success and failure would leave messages without an end.
fn registered_delivery(section: &mut Section<'_>) -> u8 {
    let value = section.number("registered_delivery", 0x01..=0x1f, "as the protocol adds them up").or(0x01);
    if value & 0x03 != 0x01 {
        let what =
            format!("{value:#04x} is not allowed: its last two bits must be 01, a receipt in any case");
        section.note("registered_delivery", what);
    }
    value
}

/// None: what the number's own form says.
fn kind(section: &mut Section<'_>, ton: &'static str, npi: &'static str) -> NumberKind {
    NumberKind {
        ton: section.number(ton, 0..=6, "as the protocol numbers types of number").optional(),
        npi: section.number(npi, 0..=18, "as the protocol numbers numbering plans").optional(),
    }
}

/// Before version 3.4 there is no bind_transceiver. From there on one link that does both is the simplest.
fn bind(section: &mut Section<'_>, version: u8) -> BindMode {
    let pair = ("pair", BindMode::Pair);
    match version {
        0x33 => section.choice("bind", &[pair]).or(BindMode::Pair),
        _ => {
            section.choice("bind", &[("transceiver", BindMode::Transceiver), pair]).or(BindMode::Transceiver)
        }
    }
}

fn charset<'a>(section: &mut Section<'a>, key: &'static str) -> Found<'a, Charset> {
    section.choice(key, &DefaultCharset::ALL.map(|word| (word.name(), word.charset())))
}

/// Before version 3.4 there are no TLVs. The user data header is what every carrier passes on.
fn long_messages(section: &mut Section<'_>, version: u8) -> LongMessages {
    let udh = ("udh", LongMessages::Udh);
    let ways = [udh, ("sar", LongMessages::Sar), ("payload", LongMessages::Payload)];
    let ways = if version == 0x33 { &[udh][..] } else { &ways[..] };
    section.choice("long_messages", ways).or(LongMessages::Udh)
}

/// Reads a CMPP account of a version (0x20, 0x21, 0x30).
pub(super) fn cmpp(mut section: Section<'_>, version: u8, secrets: &Secrets<'_>) -> CmppAccount {
    // CMPP 3.0 CMPP_SUBMIT: FeeType 04 and 05 are gone.
    let fee_types = if version == 0x30 { "01 to 03" } else { "01 to 05" };
    let most = if version == 0x30 { b'3' } else { b'5' };
    let is_fee_type = |text: &str| matches!(text.as_bytes(), [b'0', kind] if (b'1'..=most).contains(kind));
    let account = CmppAccount {
        version,
        // 2.0 has no LinkID and other fees, and the contract names the version: whoever runs it decides.
        version_fallback: section.flag("version_fallback").or(false),
        source_addr: ascii(&mut section, "source_addr", 1..=6).required().unwrap_or_default(),
        shared_secret: section
            .secret("shared_secret", secrets)
            .required()
            .unwrap_or_else(|| super::Secret::new(String::new())),
        // Assigned with the account, so there is no default; "" is possible, but must be meant.
        service_id: ascii(&mut section, "service_id", 0..=10).required().unwrap_or_default(),
        access_number: section
            .text("access_number", "1 to 21 digits", |text| is_digits(text, 1..=21))
            .required()
            .unwrap_or_default(),
        // The SP pays the carrier and bills its own customers.
        fee_user_type: section
            .number(
                "fee_user_type",
                0..=3,
                "for who pays: recipient, sender, SP, the message's fee_terminal_id",
            )
            .or(2),
        // Free for the recipient, as belongs to "the SP pays".
        fee_type: section.text("fee_type", fee_types, is_fee_type).or("01".to_owned()),
        fee_code: section
            .text("fee_code", "1 to 6 digits, the price in fen", |text| is_digits(text, 1..=6))
            .or("000000".to_owned()),
        charsets: charsets(&mut section),
        // CMPP's own form.
        validity: validity(&mut section, ValidityForm::Absolute),
        // Several gateways compute AuthenticatorISMG wrongly; TCP's other end is the carrier's leased line.
        require_proof: section.flag("require_proof").or(false),
    };
    section.finish();
    account
}

/// Msg_Fmt 0 and 8 are what every gateway takes.
fn charsets(section: &mut Section<'_>) -> Vec<Charset> {
    let words = CmppCharset::ALL.map(CmppCharset::name);
    let of = |text: &str| CmppCharset::ALL.into_iter().find(|word| word.name() == text);
    let found = section.list("charsets", &one_of(words.into_iter()), of).optional();
    if found.as_ref().is_some_and(Vec::is_empty) && section.is_sound() {
        section.note("charsets", "an empty list is not allowed: texts must be written in something");
    }
    let charsets = found.unwrap_or_else(|| vec![CmppCharset::Ascii, CmppCharset::Ucs2]);
    charsets.into_iter().map(CmppCharset::charset).collect()
}

fn ascii<'a>(
    section: &mut Section<'a>,
    key: &'static str,
    octets: RangeInclusive<usize>,
) -> Found<'a, String> {
    let (least, most) = (*octets.start(), *octets.end());
    let right = match least {
        0 => format!("at most {most} printable ASCII characters"),
        _ => format!("{least} to {most} printable ASCII characters"),
    };
    section.text(key, &right, |text| is_ascii(text, octets.clone()))
}

fn is_ascii(text: &str, octets: RangeInclusive<usize>) -> bool {
    octets.contains(&text.len()) && text.bytes().all(|octet| (0x20..0x7f).contains(&octet))
}

fn is_digits(text: &str, octets: RangeInclusive<usize>) -> bool {
    octets.contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit())
}
