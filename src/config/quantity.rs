//! How durations, sizes and clock offsets are written in the file.

use std::time::Duration;

use jiff::tz::Offset;

/// Reads `500ms`, `30s`, `5m`, `72h` or `30d`: a whole number and one unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = parts(text)?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => None,
    }
}

/// Writes a duration as [`duration`] reads it, in the largest unit that holds it.
pub(super) fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.into_iter().find(|(size, _)| millis > 0 && millis.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", millis / size),
        None => format!("{millis}ms"),
    }
}

/// Reads octets: `512MiB`, with `KiB`, `MiB`, `GiB` or `TiB`.
pub(super) fn octets(text: &str) -> Option<u64> {
    let (number, unit) = parts(text)?;
    let shift = match unit {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Reads `+08:00`: no further from UTC than any place on Earth, in the quarter hours that SMPP can write.
pub(super) fn utc_offset(text: &str) -> Option<Offset> {
    Offset::from_seconds(profiles::habits::utc_offset(text)?).ok()
}

fn parts(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_durations_with_a_unit_and_nothing_else() {
        let seconds = |text| duration(text).map(|read| read.as_secs_f64());
        for (text, read) in
            [("500ms", 0.5), ("30s", 30.0), ("5m", 300.0), ("72h", 259_200.0), ("2d", 172_800.0)]
        {
            assert_eq!(seconds(text), Some(read), "{text}");
        }
        for bad in ["", "30", "s", "-1s", "1.5s", "30 s", "30S", "1h30m", "18446744073709551615h", "³s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_sizes_with_a_unit_and_nothing_else() {
        for (text, read) in [("1KiB", 1024), ("512MiB", 512 << 20), ("2GiB", 2 << 30), ("1TiB", 1 << 40)] {
            assert_eq!(octets(text), Some(read), "{text}");
        }
        for bad in ["", "512", "512MB", "512mib", "MiB", "99999999999TiB"] {
            assert_eq!(octets(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_offsets_that_exist() {
        for (text, seconds) in
            [("+08:00", 28_800), ("-03:30", -12_600), ("+00:00", 0), ("+05:45", 20_700), ("+14:00", 50_400)]
        {
            assert_eq!(utc_offset(text).map(Offset::seconds), Some(seconds), "{text}");
        }
        for bad in ["", "08:00", "+8:00", "+08:01", "+14:15", "+08:60", "Z", "+0800", "++1:00", "+08:+0"] {
            assert_eq!(utc_offset(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(millis in 0_u64..1_000_000_000_000) {
            let length = Duration::from_millis(millis);
            prop_assert_eq!(duration(&written(length)), Some(length));
        }
    }
}
