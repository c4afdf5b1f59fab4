//! How a submit says until when its message is worth sending, in the form that the account's carrier takes.

use codecs::validity::{Absolute, Relative, Validity};
use jiff::tz::Offset;

use crate::{clock, config::ValidityForm, domain::Message};

/// The field on the wire; `None` leaves it empty, so that the carrier's own time holds. `quarter_hours` is how far the
/// carrier's clock is ahead of UTC.
pub(super) fn validity(
    form: ValidityForm,
    message: &Message,
    quarter_hours: i8,
) -> Option<[u8; Validity::SIZE]> {
    let validity = match form {
        ValidityForm::Relative => {
            Validity::Relative(message.validity_left(clock::wall()).and_then(Relative::new)?)
        }
        ValidityForm::Absolute => Validity::Absolute(Absolute::new(message.expire_time, quarter_hours)?),
        ValidityForm::None => return None,
    };
    Some(validity.to_octets())
}

/// An offset in quarter hours, in which a configured one is whole.
pub(super) fn quarter_hours(offset: Offset) -> i8 {
    i8::try_from(offset.seconds() / 900).unwrap_or(0)
}
