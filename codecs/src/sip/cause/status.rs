//! SIP status: the Q.850 cause beside it, and what it means.

use std::ops::RangeInclusive;

use super::{Cause, Means, Warning};

/// The first row that holds a status is its row.
type Row = (RangeInclusive<u16>, Option<u8>, Means);

/// RFC 3398 §8.2.6.1, with a cause for every status that it does not have.
const ROWS: &[Row] = &[
    (300..=399, Some(23), Means::Always(Cause::Redirected)),
    (400..=400, Some(41), Means::Always(Cause::Protocol)),
    (401..=401, Some(21), Means::Always(Cause::AuthFailed)),
    (402..=402, Some(21), Means::Always(Cause::Suspended)),
    (403..=403, Some(21), Means::Always(Cause::Barred)),
    (404..=404, Some(1), Means::Always(Cause::Unallocated)),
    (405..=405, Some(63), Means::Always(Cause::Protocol)),
    (406..=406, Some(79), Means::Always(Cause::Media)),
    (407..=407, Some(21), Means::Always(Cause::AuthFailed)),
    (408..=408, Some(102), Means::AfterProgress(Cause::NoAnswer, Cause::NetworkFailure)),
    (410..=410, Some(22), Means::Always(Cause::Unallocated)),
    (413..=414, Some(127), Means::Always(Cause::Protocol)),
    (415..=415, Some(79), Means::Always(Cause::Media)),
    (416..=416, Some(127), Means::Always(Cause::InvalidNumber)),
    (420..=421, Some(127), Means::Always(Cause::Protocol)),
    (422..=422, Some(31), Means::Always(Cause::Protocol)),
    (423..=423, Some(127), Means::Always(Cause::Protocol)),
    (428..=428, Some(31), Means::Always(Cause::Barred)),
    (436..=438, Some(31), Means::Always(Cause::Barred)),
    (480..=480, Some(18), Means::AfterLongRinging(Cause::NoAnswer, Cause::Unreachable)),
    (481..=481, Some(41), Means::Always(Cause::Protocol)),
    (482..=483, Some(25), Means::Always(Cause::NoRoute)),
    (484..=484, Some(28), Means::Always(Cause::InvalidNumber)),
    (485..=485, Some(1), Means::Always(Cause::Unallocated)),
    (486..=486, Some(17), Means::Always(Cause::Busy)),
    // One that follows a CANCEL of ours never comes this far; any other is the carrier's own time that ran out.
    (487..=487, None, Means::Always(Cause::NoAnswer)),
    (488..=488, Some(31), Means::Always(Cause::Media)),
    (491..=491, Some(31), Means::Always(Cause::Protocol)),
    (493..=494, Some(31), Means::Always(Cause::Protocol)),
    (400..=499, Some(31), Means::Always(Cause::Unknown)),
    (500..=500, Some(41), Means::Always(Cause::NetworkFailure)),
    (501..=501, Some(79), Means::Always(Cause::Protocol)),
    (502..=502, Some(38), Means::Always(Cause::NetworkFailure)),
    (503..=503, Some(41), Means::Always(Cause::Congestion)),
    (504..=504, Some(102), Means::Always(Cause::NetworkFailure)),
    (505..=505, Some(127), Means::Always(Cause::Protocol)),
    (513..=513, Some(127), Means::Always(Cause::Protocol)),
    (580..=580, Some(31), Means::Always(Cause::Media)),
    (500..=599, Some(31), Means::Always(Cause::NetworkFailure)),
    (600..=600, Some(17), Means::Always(Cause::Busy)),
    (603..=603, Some(21), Means::Always(Cause::Rejected)),
    (604..=604, Some(1), Means::Always(Cause::Unallocated)),
    (606..=606, Some(31), Means::Always(Cause::Media)),
    (607..=608, Some(21), Means::Always(Cause::Barred)),
    (600..=699, Some(31), Means::Always(Cause::Rejected)),
];

fn row(status: u16) -> Option<&'static Row> {
    ROWS.iter().find(|(statuses, ..)| statuses.contains(&status))
}

/// What a status means; `None` for one that is no failure.
pub(super) fn means(status: u16) -> Option<Means> {
    row(status).map(|(.., means)| *means)
}

/// The Q.850 cause to tell the other network for a failure; `None` for 487, which belongs to a CANCEL with a Reason of
/// its own, and for a status that is no failure.
#[must_use]
pub fn to_q850(status: u16, warnings: &[Warning]) -> Option<u8> {
    let (_, cause, _) = row(status)?;
    if matches!(status, 488 | 606) && warnings.iter().any(Warning::names_the_bearer) {
        return Some(65);
    }
    *cause
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::cause::{Evidence, Policy, decide};

    /// The table as the reference has it, written out a second time in its own order.
    const WANTED: &[(&[u16], Option<u8>, Cause)] = &[
        (&[300, 301, 302, 305, 380], Some(23), Cause::Redirected),
        (&[400], Some(41), Cause::Protocol),
        (&[401, 407], Some(21), Cause::AuthFailed),
        (&[402], Some(21), Cause::Suspended),
        (&[403], Some(21), Cause::Barred),
        (&[404], Some(1), Cause::Unallocated),
        (&[405], Some(63), Cause::Protocol),
        (&[406], Some(79), Cause::Media),
        (&[408], Some(102), Cause::NetworkFailure),
        (&[410], Some(22), Cause::Unallocated),
        (&[413, 414, 420, 421, 423, 505, 513], Some(127), Cause::Protocol),
        (&[416], Some(127), Cause::InvalidNumber),
        (&[415], Some(79), Cause::Media),
        (&[422, 491, 493, 494], Some(31), Cause::Protocol),
        (&[428, 436, 437, 438], Some(31), Cause::Barred),
        (&[480], Some(18), Cause::Unreachable),
        (&[481], Some(41), Cause::Protocol),
        (&[482, 483], Some(25), Cause::NoRoute),
        (&[484], Some(28), Cause::InvalidNumber),
        (&[485], Some(1), Cause::Unallocated),
        (&[486], Some(17), Cause::Busy),
        (&[487], None, Cause::NoAnswer),
        (&[488, 606], Some(31), Cause::Media),
        (&[489, 499, 409, 411, 429, 440, 470], Some(31), Cause::Unknown),
        (&[500], Some(41), Cause::NetworkFailure),
        (&[501], Some(79), Cause::Protocol),
        (&[502], Some(38), Cause::NetworkFailure),
        (&[503], Some(41), Cause::Congestion),
        (&[504], Some(102), Cause::NetworkFailure),
        (&[580], Some(31), Cause::Media),
        (&[506, 555, 599], Some(31), Cause::NetworkFailure),
        (&[600], Some(17), Cause::Busy),
        (&[603], Some(21), Cause::Rejected),
        (&[604], Some(1), Cause::Unallocated),
        (&[607, 608], Some(21), Cause::Barred),
        (&[601, 605, 699], Some(31), Cause::Rejected),
    ];

    #[test]
    fn every_row_gives_its_cause_without_ringing_and_without_a_reason() {
        for (statuses, q850, cause) in WANTED {
            for status in *statuses {
                let evidence = Evidence::refused(*status);
                assert_eq!(decide(&evidence, &Policy::default()), *cause, "{status}");
                assert_eq!(to_q850(*status, &[]), *q850, "{status}");
            }
        }
    }

    #[test]
    fn every_failure_has_a_row_and_nothing_else_has() {
        for status in 300..700 {
            assert!(means(status).is_some(), "{status}");
        }
        for status in [0, 100, 180, 200, 299, 700, 999] {
            assert_eq!((means(status), to_q850(status, &[])), (None, None), "{status}");
        }
    }

    #[test]
    fn media_that_a_warning_blames_on_the_bearer_are_cause_65() {
        let warnings = [Warning::parse(b"304 gw.example \"Media type not available\"").unwrap()];
        assert_eq!(to_q850(488, &warnings), Some(65));
        assert_eq!(to_q850(606, &warnings), Some(65));
        assert_eq!(to_q850(486, &warnings), Some(17));
        let other = [Warning::parse(b"399 gw.example \"no\"").unwrap()];
        assert_eq!(to_q850(488, &other), Some(31));
    }
}
