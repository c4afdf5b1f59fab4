//! `[carrier.receipts]`: what becomes of messages, and how that is told.

use serde::Deserialize;

use super::{Delay, Ratio};

/// What becomes of messages, and how that is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receipts {
    /// Share of wanted receipts that are sent, 0 to 1.
    pub ratio: Ratio,
    /// From the answer to the receipt.
    pub delay: Delay,
    /// What becomes of messages, by weight.
    pub states: Vec<State>,
    /// SMPP: where a receipt says it. Default in both places.
    pub form: Option<ReceiptForm>,
    /// SMPP: how message ids are written. Default decimal.
    pub id: Option<IdForm>,
    /// The receipt overtakes the answer: it is sent first, whatever `delay` says.
    pub before_response: bool,
    /// Share of receipts that are sent twice, 0 to 1.
    pub duplicate: Ratio,
    /// Receipts go round over the account's links; else to the link of the submit, if that may receive.
    pub on_any_link: bool,
    /// Times a receipt is sent again after a link was lost with it, or it was refused.
    pub retries: u32,
    /// Receipts and other deliveries that one account may have waiting; beyond that the oldest goes out early, and
    /// is lost if no link takes it.
    pub pending: usize,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            ratio: Ratio::ALWAYS,
            delay: Delay::default(),
            states: vec![State { stat: "DELIVRD".to_owned(), weight: 1, err: None }],
            form: None,
            id: None,
            before_response: false,
            duplicate: Ratio::NEVER,
            on_any_link: false,
            retries: 5,
            // Ten seconds of 20,000 a second.
            pending: 200_000,
        }
    }
}

/// One thing that may become of a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The word, at most 7 octets: `DELIVRD`, `UNDELIV`, a vendor's `MK:0001`.
    pub stat: String,
    /// How often, against the others.
    #[serde(default = "one")]
    pub weight: u32,
    /// SMPP: `err` of the text, 0 to 999; by default 0 for `DELIVRD` and 1 for others.
    pub err: Option<u16>,
}

/// Where an SMPP receipt says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptForm {
    /// In short_message.
    Text,
    /// In receipted_message_id and message_state.
    Tlv,
    /// In both.
    #[default]
    Both,
}

/// How SMPP message ids are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// Decimal everywhere.
    #[default]
    AsIs,
    /// Upper-case hexadecimal everywhere.
    Hex,
    /// Upper-case hexadecimal with its leading zeros in the answer and in receipted_message_id, lower-case without them
    /// in the receipt's text.
    Folded,
    /// Hexadecimal in the answer and in receipted_message_id, decimal in the receipt's text.
    HexInAnswerDecimalInReceipt,
    /// Decimal in the answer and in receipted_message_id, hexadecimal in the receipt's text.
    DecimalInAnswerHexInReceipt,
}

fn one() -> u32 {
    1
}
