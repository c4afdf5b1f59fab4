//! Q.850 cause: its name, the SIP status beside it, and what it means.

use std::ops::RangeInclusive;

use super::{Cause, Location, Means};

type Row = (RangeInclusive<u8>, &'static str, u16, Means);

/// RFC 3398 §7.2.4.1, with a row for every cause that it does not have.
const ROWS: &[Row] = &[
    (1..=1, "unallocated number", 404, Means::Always(Cause::Unallocated)),
    (2..=2, "no route to transit network", 404, Means::Always(Cause::NoRoute)),
    (3..=3, "no route to destination", 404, Means::Always(Cause::NoRoute)),
    (4..=4, "send special information tone", 480, Means::Always(Cause::Unallocated)),
    (5..=5, "misdialled trunk prefix", 404, Means::Always(Cause::InvalidNumber)),
    (6..=9, "channel unacceptable or pre-empted", 500, Means::Always(Cause::NetworkFailure)),
    (14..=14, "query on release: ported number", 500, Means::Always(Cause::NoRoute)),
    (16..=16, "normal call clearing", 480, Means::ByStatus(Cause::Unknown)),
    (17..=17, "user busy", 486, Means::Always(Cause::Busy)),
    (18..=18, "no user responding", 408, Means::AfterRinging(Cause::NoAnswer, Cause::Unreachable)),
    (19..=19, "no answer, user alerted", 480, Means::Always(Cause::NoAnswer)),
    (20..=20, "subscriber absent", 480, Means::Always(Cause::Unreachable)),
    (21..=21, "call rejected", 403, Means::Declined),
    (22..=22, "number changed", 410, Means::Always(Cause::Unallocated)),
    (23..=23, "redirection to new destination", 410, Means::Always(Cause::Redirected)),
    (25..=25, "exchange routing error", 483, Means::Always(Cause::NoRoute)),
    (26..=26, "non-selected user clearing", 404, Means::Always(Cause::NoRoute)),
    (27..=27, "destination out of order", 502, Means::Always(Cause::Unreachable)),
    (28..=28, "invalid number format", 484, Means::Always(Cause::InvalidNumber)),
    (29..=29, "facility rejected", 501, Means::Always(Cause::Barred)),
    (30..=30, "response to status enquiry", 500, Means::Always(Cause::Protocol)),
    (31..=31, "normal, unspecified", 480, Means::ByStatus(Cause::Unknown)),
    (34..=34, "no circuit available", 503, Means::Always(Cause::Congestion)),
    (38..=38, "network out of order", 503, Means::Always(Cause::NetworkFailure)),
    (41..=41, "temporary failure", 503, Means::Always(Cause::NetworkFailure)),
    (42..=42, "switching equipment congestion", 503, Means::Always(Cause::Congestion)),
    (43..=43, "access information discarded", 503, Means::Always(Cause::NetworkFailure)),
    (44..=44, "requested circuit not available", 503, Means::Always(Cause::Congestion)),
    (46..=46, "precedence call blocked", 503, Means::Always(Cause::NetworkFailure)),
    (47..=47, "resource unavailable", 503, Means::Always(Cause::Congestion)),
    (49..=49, "quality of service not available", 503, Means::Always(Cause::NetworkFailure)),
    (50..=50, "facility not subscribed", 403, Means::Always(Cause::Barred)),
    (53..=53, "outgoing calls barred within the group", 403, Means::Always(Cause::Barred)),
    (55..=55, "incoming calls barred within the group", 403, Means::Always(Cause::Barred)),
    (57..=57, "bearer capability not authorised", 403, Means::Always(Cause::Barred)),
    (58..=58, "bearer capability not presently available", 503, Means::Always(Cause::Congestion)),
    (62..=63, "service or option not available", 503, Means::Always(Cause::NetworkFailure)),
    (65..=66, "bearer capability or channel type not implemented", 488, Means::Always(Cause::Media)),
    (69..=70, "facility or bearer not implemented", 488, Means::Always(Cause::Media)),
    (79..=79, "service or option not implemented", 501, Means::Always(Cause::Protocol)),
    (81..=86, "call reference or identity not valid", 500, Means::Always(Cause::Protocol)),
    (87..=87, "user not member of the group", 403, Means::Always(Cause::Barred)),
    (88..=88, "incompatible destination", 503, Means::Always(Cause::Media)),
    (90..=91, "no such group, or transit network not valid", 404, Means::Always(Cause::NoRoute)),
    (95..=101, "invalid message or element", 500, Means::Always(Cause::Protocol)),
    (102..=102, "recovery on timer expiry", 504, Means::AfterRinging(Cause::NoAnswer, Cause::NetworkFailure)),
    (103..=103, "parameter not known, passed on", 500, Means::Always(Cause::Protocol)),
    (110..=110, "parameter not known, discarded", 500, Means::Always(Cause::Protocol)),
    (111..=111, "protocol error", 500, Means::Always(Cause::Protocol)),
    (127..=127, "interworking, unspecified", 500, Means::ByStatus(Cause::NetworkFailure)),
];

fn row(cause: u8) -> Option<&'static Row> {
    ROWS.iter().find(|(causes, ..)| causes.contains(&cause))
}

/// What a cause means; `None` for one that Q.850 does not have.
pub(super) fn means(cause: u8) -> Option<Means> {
    row(cause).map(|(.., means)| *means)
}

/// The name of a cause; `None` for one that Q.850 does not have.
#[must_use]
pub fn name(cause: u8) -> Option<&'static str> {
    row(cause).map(|(_, name, ..)| *name)
}

/// The SIP status that a release with this cause is told with. A cause that Q.850 does not have gives 500.
#[must_use]
pub fn to_status(cause: u8, location: Option<Location>) -> u16 {
    match (cause, location) {
        (21, Some(Location::User)) => 603,
        _ => row(cause).map_or(500, |(_, _, status, _)| *status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::cause::{Evidence, Policy, Reason, decide};

    /// The table as the reference has it, in its own order: causes, status, and what a call means that was refused with
    /// this cause and a status that says nothing (499), without ringing.
    const WANTED: &[(&[u8], u16, Cause)] = &[
        (&[1], 404, Cause::Unallocated),
        (&[2], 404, Cause::NoRoute),
        (&[3], 404, Cause::NoRoute),
        (&[4], 480, Cause::Unallocated),
        (&[5], 404, Cause::InvalidNumber),
        (&[6, 7, 8, 9], 500, Cause::NetworkFailure),
        (&[14], 500, Cause::NoRoute),
        (&[16], 480, Cause::Unknown),
        (&[17], 486, Cause::Busy),
        (&[18], 408, Cause::Unreachable),
        (&[19], 480, Cause::NoAnswer),
        (&[20], 480, Cause::Unreachable),
        (&[21], 403, Cause::Barred),
        (&[22], 410, Cause::Unallocated),
        (&[23], 410, Cause::Redirected),
        (&[25], 483, Cause::NoRoute),
        (&[26], 404, Cause::NoRoute),
        (&[27], 502, Cause::Unreachable),
        (&[28], 484, Cause::InvalidNumber),
        (&[29], 501, Cause::Barred),
        (&[30], 500, Cause::Protocol),
        (&[31], 480, Cause::Unknown),
        (&[34], 503, Cause::Congestion),
        (&[38], 503, Cause::NetworkFailure),
        (&[41], 503, Cause::NetworkFailure),
        (&[42], 503, Cause::Congestion),
        (&[43, 46, 49], 503, Cause::NetworkFailure),
        (&[44], 503, Cause::Congestion),
        (&[47], 503, Cause::Congestion),
        (&[50], 403, Cause::Barred),
        (&[53, 55], 403, Cause::Barred),
        (&[57], 403, Cause::Barred),
        (&[58], 503, Cause::Congestion),
        (&[62, 63], 503, Cause::NetworkFailure),
        (&[65, 66, 69, 70], 488, Cause::Media),
        (&[79], 501, Cause::Protocol),
        (&[81, 82, 83, 84, 85, 86], 500, Cause::Protocol),
        (&[87], 403, Cause::Barred),
        (&[88], 503, Cause::Media),
        (&[90, 91], 404, Cause::NoRoute),
        (&[95, 96, 97, 98, 99, 100, 101], 500, Cause::Protocol),
        (&[102], 504, Cause::NetworkFailure),
        (&[103, 110], 500, Cause::Protocol),
        (&[111], 500, Cause::Protocol),
        // By the SIP status, which here has no word of its own.
        (&[127], 500, Cause::Unknown),
    ];

    #[test]
    fn every_row_gives_its_status_and_its_cause() {
        for (causes, status, wanted) in WANTED {
            for cause in *causes {
                assert_eq!(to_status(*cause, None), *status, "{cause}");
                assert!(name(*cause).is_some(), "{cause}");
                let evidence = Evidence { reasons: vec![Reason::q850(*cause)], ..Evidence::refused(499) };
                assert_eq!(decide(&evidence, &Policy::default()), *wanted, "{cause}");
            }
        }
        let listed: usize = WANTED.iter().map(|(causes, ..)| causes.len()).sum();
        assert_eq!((0..=u8::MAX).filter(|cause| means(*cause).is_some()).count(), listed);
    }

    #[test]
    fn a_cause_that_q850_does_not_have_leaves_the_word_to_the_status() {
        for cause in [0, 10, 15, 24, 64, 126, 128, 255] {
            assert_eq!((name(cause), to_status(cause, None)), (None, 500), "{cause}");
            let evidence = Evidence { reasons: vec![Reason::q850(cause)], ..Evidence::refused(486) };
            assert_eq!(decide(&evidence, &Policy::default()), Cause::Busy, "{cause}");
        }
    }

    #[test]
    fn a_rejection_by_the_user_is_603() {
        assert_eq!(to_status(21, Some(Location::User)), 603);
        assert_eq!(to_status(21, Some(Location::Transit)), 403);
        assert_eq!(to_status(17, Some(Location::User)), 486);
    }
}
