//! What both sides of a login prove: the digests, and the clock reading in them.
//!
//! # Why
//! Two readings of the specification live side by side, each in its own enum: how an account shorter than its field
//! enters the digest, and how wide the Status in the answer's digest is.

use jiff::{Timestamp, tz::Offset};
use md5::{Digest as _, Md5};

use super::Layout;

/// Octets of Source_Addr, the account.
pub const ACCOUNT_SIZE: usize = 6;

/// How an account shorter than six octets enters the digest. For one of six both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccountPadding {
    /// As text, then nine zeros: what most software does.
    #[default]
    Plain,
    /// As the padded field, then nine zeros: what the specification's layout suggests.
    Padded,
}

/// The ten digits MMDDHHMMSS, Chinese local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginStamp(u32);

impl LoginStamp {
    /// Takes the stamp from one reading of the clock.
    ///
    /// The specification names no zone; gateways that compare use their own clock, which is UTC+8.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        let local = Offset::constant(8).to_datetime(wall);
        let parts = [local.month(), local.day(), local.hour(), local.minute(), local.second()];
        Self(parts.into_iter().fold(0, |stamp, part| stamp * 100 + u32::from(part.unsigned_abs())))
    }

    /// Takes the stamp from the field Timestamp, whatever the number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The field Timestamp: the digits as a number, so that the month's leading zero is lost.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The ten digits, the leading zero kept: what the digest is made of.
    #[must_use]
    pub fn digits(self) -> String {
        format!("{:010}", self.0)
    }
}

/// AuthenticatorSource: the SP's proof that it knows the secret.
///
/// `account` is without padding.
#[must_use]
pub fn authenticator_source(
    account: &[u8],
    padding: AccountPadding,
    shared_secret: &[u8],
    stamp: LoginStamp,
) -> [u8; 16] {
    let padded = match padding {
        AccountPadding::Plain => 0,
        AccountPadding::Padded => ACCOUNT_SIZE.saturating_sub(account.len()),
    };
    Md5::new()
        .chain_update(account)
        .chain_update(&[0; ACCOUNT_SIZE][..padded])
        .chain_update([0; 9])
        .chain_update(shared_secret)
        .chain_update(stamp.digits())
        .finalize()
        .into()
}

/// AuthenticatorISMG: the gateway's proof. The width of the Status in it is that of `layout`.
#[must_use]
pub fn authenticator_ismg(
    layout: Layout,
    status: u32,
    authenticator_source: &[u8; 16],
    shared_secret: &[u8],
) -> [u8; 16] {
    let status = status.to_be_bytes();
    let status = match layout {
        Layout::V2 => &status[3..],
        Layout::V3 => &status[..],
    };
    Md5::new()
        .chain_update(status)
        .chain_update(authenticator_source)
        .chain_update(shared_secret)
        .finalize()
        .into()
}
