//! Plain words for people: names of enums, times, aligned columns.

use carrierd::grpc::api;
use jiff::Timestamp;

/// The bare name of an enum's value: `MESSAGE_STATE_DELIVERED` → `delivered`.
pub fn bare(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// A message's state.
pub fn message_state(state: api::MessageState) -> String {
    bare(state.as_str_name(), "MESSAGE_STATE_")
}

/// A call's state.
pub fn call_state(state: api::CallState) -> String {
    bare(state.as_str_name(), "CALL_STATE_")
}

/// A trunk's state.
pub fn trunk_state(state: api::TrunkState) -> String {
    bare(state.as_str_name(), "TRUNK_STATE_")
}

/// An encoding; `binary` where there is none.
pub fn encoding(encoding: api::TextEncoding) -> String {
    match encoding {
        api::TextEncoding::Unspecified => "binary".to_owned(),
        known => bare(known.as_str_name(), "TEXT_ENCODING_"),
    }
}

/// A moment to the millisecond, UTC; empty if there is none.
pub fn time(time: Option<&prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    time.map_or_else(String::new, |time| format!("{time:.3}"))
}

/// Reads a moment with its offset from UTC.
pub fn parse_time(text: &str) -> Result<prost_types::Timestamp, String> {
    let wrong = "not a time with its offset, such as 2026-03-01T09:00:00+08:00";
    let time: Timestamp = text.parse().map_err(|_| wrong.to_owned())?;
    Ok(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// A span in its shortest form; `-` if there is none.
pub fn span(span: Option<&prost_types::Duration>) -> String {
    let Some(span) = span.and_then(|span| std::time::Duration::try_from(*span).ok()) else {
        return "-".to_owned();
    };
    match span.as_secs() {
        0 => format!("{:.1}ms", span.as_secs_f64() * 1000.0),
        1..60 => format!("{:.1}s", span.as_secs_f64()),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// What a carrier said: the class, and its own words behind it.
pub fn status(status: Option<&api::CarrierStatus>) -> String {
    let Some(status) = status else { return String::new() };
    let class = bare(status.failure_class().as_str_name(), "FAILURE_CLASS_");
    let words: Vec<&str> =
        [&status.protocol, &status.raw_code, &status.raw_text].into_iter().map(String::as_str).collect();
    let words = words.join(" ");
    match (class.as_str(), words.trim()) {
        ("none" | "unspecified", words) => words.to_owned(),
        (class, "") => class.to_owned(),
        (class, words) => format!("{class} ({words})"),
    }
}

/// A text from outside on one line, without what could move the cursor.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Rows with aligned columns, two spaces between them.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut shown = String::new();
        for (cell, wanted) in row.iter().zip(&widths) {
            shown.push_str(cell);
            shown.push_str(&" ".repeat(wanted + 2 - width(cell)));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// Columns on a terminal: characters of Chinese, Japanese and Korean take two.
fn width(text: &str) -> usize {
    let wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}');
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_even_with_wide_characters() {
        let rows = [vec!["a".into(), "中文".into(), "x".into()], vec!["bbb".into(), "ab".into(), "y".into()]];
        assert_eq!(table(&rows), "a    中文  x\nbbb  ab    y\n");
    }

    #[test]
    fn a_time_needs_its_offset() {
        let read = |text| parse_time(text).map(|read| time(Some(&read)));
        assert_eq!(read("2026-03-01T09:00:00+08:00").as_deref(), Ok("2026-03-01T01:00:00.000Z"));
        assert!(read("2026-03-01T09:00:00").is_err() && read("tomorrow").is_err());
    }

    #[test]
    fn spans_are_short() {
        let show = |seconds, nanos| span(Some(&prost_types::Duration { seconds, nanos }));
        assert_eq!(show(0, 1_500_000), "1.5ms");
        assert_eq!(show(2, 0), "2.0s");
        assert_eq!((show(125, 0), span(None)), ("2m05s".to_owned(), "-".to_owned()));
    }

    #[test]
    fn a_text_from_outside_stays_on_its_line() {
        assert_eq!(line("a\n\u{1b}[2Jb"), "a  [2Jb");
    }
}
