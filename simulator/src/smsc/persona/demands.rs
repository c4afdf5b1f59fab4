//! What a carrier of a profile refuses: submits that do not keep to its habits.

use profiles::{
    Habits,
    words::{LongMessages, ValidityForm},
};

use crate::smsc::message::{Address, Submit, Way};

// SMPP 3.4 command_status: one for each field that is not as it should be.
const BAD_ESM_CLASS: u32 = 0x43;
const BAD_SOURCE_TON: u32 = 0x48;
const BAD_SOURCE_NPI: u32 = 0x49;
const BAD_DESTINATION_TON: u32 = 0x50;
const BAD_DESTINATION_NPI: u32 = 0x51;
const BAD_EXPIRY: u32 = 0x62;
const TLV_NOT_ALLOWED: u32 = 0xC1;
const MISSING_TLV: u32 = 0xC3;
// CMPP 3.0 CMPP_SUBMIT_RESP: 1, bad message structure; no other code is nearer to a bad time.
const BAD_STRUCTURE: u32 = 1;
/// TON of a number with its country code, and of a name.
const SAY_WHAT_THEY_ARE: [u8; 2] = [1, 5];

/// What an SMPP message centre refuses a submit with.
pub(super) fn of_smpp(habits: &Habits, submit: &Submit<'_>) -> Option<u32> {
    let account = &habits.account;
    way(account.long_messages, submit.form.way)
        .or_else(|| (!is_validity(account.validity, submit.form.validity)).then_some(BAD_EXPIRY))
        .or_else(|| {
            let sender = Some(&submit.sender).filter(|sender| !SAY_WHAT_THEY_ARE.contains(&sender.ton));
            kind(sender, account.sender_ton, account.sender_npi, [BAD_SOURCE_TON, BAD_SOURCE_NPI])
        })
        .or_else(|| {
            let statuses = [BAD_DESTINATION_TON, BAD_DESTINATION_NPI];
            kind(Some(&submit.recipient), account.recipient_ton, account.recipient_npi, statuses)
        })
        .or_else(|| {
            let is_there = |tag| submit.form.tlvs.iter().any(|(there, _)| *there == tag);
            let missing = habits.tlvs.iter().any(|wanted| !is_there(wanted.tag));
            missing.then_some(habits.far_end.missing_tlv_status.unwrap_or(MISSING_TLV))
        })
}

/// What a CMPP gateway refuses a submit with.
pub(super) fn of_cmpp(habits: &Habits, submit: &Submit<'_>) -> Option<u32> {
    (!is_validity(habits.account.validity, submit.form.validity)).then_some(BAD_STRUCTURE)
}

fn way(wanted: Option<LongMessages>, way: Option<Way>) -> Option<u32> {
    match (wanted?, way?) {
        (LongMessages::Udh, Way::Udh)
        | (LongMessages::Sar, Way::Sar)
        | (LongMessages::Payload, Way::Payload) => None,
        (_, Way::Udh) => Some(BAD_ESM_CLASS),
        (_, Way::Sar | Way::Payload) => Some(TLV_NOT_ALLOWED),
    }
}

/// An empty field is right for everybody.
fn is_validity(wanted: Option<ValidityForm>, field: &[u8]) -> bool {
    let (Some(wanted), Some(sign)) = (wanted, field.last()) else { return true };
    match wanted {
        ValidityForm::Relative => *sign == b'R',
        ValidityForm::Absolute => b"+-".contains(sign),
        ValidityForm::None => false,
    }
}

fn kind(
    number: Option<&Address>,
    ton: Option<u8>,
    npi: Option<u8>,
    [bad_ton, bad_npi]: [u32; 2],
) -> Option<u32> {
    let number = number?;
    let is_other = |wanted: Option<u8>, there| wanted.is_some_and(|wanted| wanted != there);
    match () {
        () if is_other(ton, number.ton) => Some(bad_ton),
        () if is_other(npi, number.npi) => Some(bad_npi),
        () => None,
    }
}
