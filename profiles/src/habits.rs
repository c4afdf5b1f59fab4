//! What of a profile shows on the wire, for whoever plays the carrier.
//!
//! It takes the keys that it needs and leaves all others: whether a profile is sound is the daemon's to say.

use serde::{Deserialize, Deserializer, de};
use toml::{Table, Value};

use crate::{
    chain::{Fault, Layer},
    words::{
        BindMode, CarrierIdForm, DefaultCharset, IdSpelling, LongMessages, Protocol, ReceiptFields,
        ReceiptForm, StateWords, ValidityForm,
    },
};

/// The habits of one kind of carrier. `None` where the profile leaves it open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Habits {
    /// What it speaks. Some in every chain that was read.
    pub protocol: Option<Protocol>,
    /// Connections that an account may have.
    pub links: Option<usize>,
    /// Submits that may wait for an answer on one link.
    pub window: Option<usize>,
    /// Submits that it takes in a second.
    pub submits_per_second: Option<u32>,
    /// Its clock, such as `+08:00`.
    pub utc_offset: Option<String>,
    /// How its ids differ between answers and reports.
    pub carrier_ids: Option<CarrierIdForm>,
    /// What an account agrees on.
    pub account: Account,
    /// How SMPP receipts are made.
    pub receipts: Receipts,
    /// How long things take.
    pub timers: Timers,
    /// TLVs that every submit has, by tag.
    #[serde(rename = "tlv")]
    pub tlvs: Vec<Tlv>,
    /// What its statuses mean.
    #[serde(rename = "status")]
    pub statuses: Vec<Status>,
    /// What shows at its end alone.
    #[serde(rename = "carrier")]
    pub far_end: FarEnd,
}

/// What an account agrees on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// How links bind.
    pub bind: Option<BindMode>,
    /// What data_coding 0 of a submit means.
    pub default_charset: Option<DefaultCharset>,
    /// What data_coding 0 of a delivery means; the same by default.
    pub incoming_charset: Option<DefaultCharset>,
    /// How long texts travel.
    pub long_messages: Option<LongMessages>,
    /// How a submit says its validity.
    pub validity: Option<ValidityForm>,
    /// source_addr_ton of a sender that is a number without country code.
    pub sender_ton: Option<u8>,
    /// Its source_addr_npi.
    pub sender_npi: Option<u8>,
    /// dest_addr_ton.
    pub recipient_ton: Option<u8>,
    /// dest_addr_npi.
    pub recipient_npi: Option<u8>,
}

/// How long things take, as durations are written: `30s`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Timers {
    /// An answer to a request.
    pub response: Option<String>,
    /// Silence before a probe.
    pub probe_after: Option<String>,
}

/// How SMPP receipts are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Receipts {
    /// Where they say it.
    pub form: Option<ReceiptForm>,
    /// esm_class says that they are receipts.
    pub flagged: Option<bool>,
}

/// A TLV of every submit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tlv {
    /// Its tag.
    pub tag: u16,
}

/// What one status means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// SMPP command_status, CMPP Result.
    pub code: u32,
    /// What it asks for, in the daemon's words.
    pub then: String,
}

/// What shows at a carrier's end alone: the daemon reads it in any form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FarEnd {
    /// How ids are spelled that are the same in answers and reports.
    pub ids: Option<IdSpelling>,
    /// SMPP: most digits of an id, 1 to 20.
    #[serde(deserialize_with = "id_digits")]
    pub id_digits: Option<u8>,
    /// SMPP: digits of the dates of a receipt's text, 10 to the minute, 12 to the second or 14 with the century.
    #[serde(deserialize_with = "receipt_dates")]
    pub receipt_dates: Option<u8>,
    /// SMPP: the words for states in a receipt's text.
    pub receipt_words: Option<StateWords>,
    /// SMPP: the fields of a receipt's text.
    pub receipt_fields: Option<ReceiptFields>,
    /// SMPP: data_coding of a receipt's text: 0, 3 or, for UCS-2, 8; 0 by default.
    #[serde(deserialize_with = "receipt_coding")]
    pub receipt_coding: Option<u8>,
    /// SMPP: what a submit without one of the required TLVs is refused with; 0xC3 by default.
    pub missing_tlv_status: Option<u32>,
    /// CMPP 3.0: octets of a report, 71 or, as in 2.0, 60.
    #[serde(deserialize_with = "report_octets")]
    pub report_octets: Option<u8>,
    /// CMPP: TP_udhi of a delivery with a header; 1 by default.
    pub udhi: Option<u8>,
    /// CMPP: Msg_Id of the delivery around a report is 0 instead of an id of its own.
    pub reports_without_id: Option<bool>,
}

impl Habits {
    /// What the layers of a chain say together.
    ///
    /// # Errors
    /// A key that shows on the wire is at fault, or no layer names a protocol.
    pub fn of(layers: &[Layer]) -> Result<Self, Fault> {
        let mut whole = Table::new();
        for layer in layers {
            let fault = |error: toml::de::Error| {
                let before = error.span().and_then(|span| layer.text.get(..span.start));
                Fault {
                    file: Some(layer.file.clone()),
                    line: before.map(|before| 1 + before.matches('\n').count()),
                    key: String::new(),
                    what: error.message().to_owned(),
                }
            };
            let _: Self = toml::from_str(&layer.text).map_err(fault)?;
            add(&mut whole, toml::from_str(&layer.text).map_err(fault)?);
        }
        let nowhere = |what| Fault {
            file: layers.first().map(|layer| layer.file.clone()),
            line: None,
            key: "protocol".to_owned(),
            what,
        };
        let habits: Self = whole.try_into().map_err(|error: toml::de::Error| nowhere(error.to_string()))?;
        if habits.protocol.is_none() {
            return Err(nowhere("is missing, here and in what this extends".to_owned()));
        }
        Ok(habits)
    }

    /// The status that this carrier asks to slow down with.
    #[must_use]
    pub fn throttled(&self) -> Option<u32> {
        self.statuses.iter().find(|status| status.then == "slow-down").map(|status| status.code)
    }

    /// Its clock, in seconds ahead of UTC.
    #[must_use]
    pub fn utc_offset_seconds(&self) -> Option<i32> {
        self.utc_offset.as_deref().and_then(utc_offset)
    }
}

/// Adds what is not said yet. Entries of lists are told apart by their first key: a tag or a code.
fn add(above: &mut Table, below: Table) {
    for (key, value) in below {
        match (above.get_mut(&key), value) {
            (None, value) => {
                above.insert(key, value);
            }
            (Some(Value::Table(above)), Value::Table(below)) => add(above, below),
            (Some(Value::Array(above)), Value::Array(below)) => {
                let said = |entry: &Value| above.iter().any(|known| identity(known) == identity(entry));
                let more: Vec<_> = below.into_iter().filter(|entry| !said(entry)).collect();
                above.extend(more);
            }
            _ => {}
        }
    }
}

fn identity(entry: &Value) -> Option<&Value> {
    entry.get("tag").or_else(|| entry.get("code"))
}

/// Reads `+08:00` as seconds: no further from UTC than any place on Earth, in the quarter hours that SMPP can write.
#[must_use]
pub fn utc_offset(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let sound = minutes < 60 && minutes % 15 == 0 && hours * 60 + minutes <= 14 * 60;
    sound.then_some(sign * (hours * 3600 + minutes * 60))
}

fn two_digits(text: &str) -> Option<i32> {
    let digits = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn one_of<'de, D: Deserializer<'de>>(
    from: D,
    right: &str,
    fits: impl Fn(u8) -> bool,
) -> Result<Option<u8>, D::Error> {
    let number = u8::deserialize(from)?;
    let wrong = || de::Error::custom(format!("{number} is not allowed: {right}"));
    if fits(number) { Ok(Some(number)) } else { Err(wrong()) }
}

fn id_digits<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    one_of(from, "1 to 20 digits", |number| (1..=20).contains(&number))
}

fn receipt_dates<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    one_of(from, "10, 12 or 14 digits", |number| [10, 12, 14].contains(&number))
}

fn receipt_coding<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    one_of(from, "0, 3 or 8", |number| [0, 3, 8].contains(&number))
}

fn report_octets<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    one_of(from, "60 or 71 octets", |number| [60, 71].contains(&number))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn of(texts: &[&'static str]) -> Result<Habits, Fault> {
        let layer = |text: &&'static str| Layer { file: "a.toml".to_owned(), text: Cow::Borrowed(*text) };
        Habits::of(&texts.iter().map(layer).collect::<Vec<_>>())
    }

    #[test]
    fn the_layer_above_wins_key_by_key_and_lists_by_code() {
        let above = "[account]\nlong_messages = \"sar\"\n[[status]]\ncode = 20\nthen = \"slow-down\"\n";
        let below = "protocol = \"smpp34\"\nwindow = 5\n[account]\nlong_messages = \"udh\"\nvalidity = \"none\"\n\
                     [[status]]\ncode = 20\nthen = \"never\"\n[[status]]\ncode = 69\nthen = \"later\"\n";
        let habits = of(&[above, below]).unwrap();
        assert_eq!((habits.protocol, habits.window), (Some(Protocol::Smpp34), Some(5)));
        assert_eq!(habits.account.long_messages, Some(LongMessages::Sar));
        assert_eq!(habits.account.validity, Some(ValidityForm::None));
        let codes: Vec<_> = habits.statuses.iter().map(|status| status.code).collect();
        assert_eq!((codes, habits.throttled()), (vec![20, 69], Some(20)));
    }

    #[test]
    fn a_fault_names_its_line() {
        let fault = of(&["protocol = \"smpp34\"\n[account]\nvalidity = \"long\""]).unwrap_err().to_string();
        assert!(fault.starts_with("a.toml:3: unknown variant `long`"), "{fault}");
        let fault = of(&["window = 3"]).unwrap_err().to_string();
        assert_eq!(fault, "a.toml: protocol: is missing, here and in what this extends");
    }

    #[test]
    fn clocks_are_in_quarter_hours_and_on_this_planet() {
        assert_eq!((utc_offset("+08:00"), utc_offset("-03:30")), (Some(28_800), Some(-12_600)));
        for bad in ["", "08:00", "+8:00", "+08:10", "+15:00", "+08"] {
            assert_eq!(utc_offset(bad), None, "{bad}");
        }
    }
}
