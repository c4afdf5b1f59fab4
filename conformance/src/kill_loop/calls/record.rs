//! What the carriers saw of calls, read from the simulator's record.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::traffic::number_in;

/// One line; what is not named here does not matter here.
#[derive(Debug, Deserialize)]
struct Line {
    carrier: String,
    call_id: String,
    kind: String,
    to: Option<String>,
    way: Option<String>,
    method: Option<String>,
    status: Option<u16>,
}

/// One call at a carrier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtCarrier {
    /// The carrier.
    pub carrier: String,
    /// The request that the daemon placed it for; `None`: the carrier called.
    pub request: Option<usize>,
    /// It was answered.
    pub answered: bool,
    /// The daemon sent CANCEL or BYE.
    pub ended_by_daemon: bool,
    /// It is over.
    pub ended: bool,
}

/// What the carriers saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Each call, by the Call-ID on the wire.
    pub calls: HashMap<String, AtCarrier>,
    /// Lines that name no request of ours.
    pub strange: Vec<String>,
}

impl Seen {
    /// Reads a record, the line that is being written left out.
    ///
    /// # Errors
    /// When the file can't be read or a line is none of the simulator's.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = BufReader::new(File::open(path).context("the simulator's record")?);
        let (mut seen, mut line) = (Self::default(), Vec::new());
        while file.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            let read = serde_json::from_slice(&line);
            let whole = || String::from_utf8_lossy(&line).into_owned();
            seen.add(read.with_context(whole)?, whole);
            line.clear();
        }
        Ok(seen)
    }

    /// Calls that are not over, by the Call-ID on the wire.
    pub fn open(&self) -> impl Iterator<Item = (&str, &AtCarrier)> {
        self.calls.iter().filter(|(_, call)| !call.ended).map(|(id, call)| (id.as_str(), call))
    }

    fn add(&mut self, line: Line, whole: impl Fn() -> String) {
        let Line { carrier, call_id, kind, to, way, method, status } = line;
        match kind.as_str() {
            "call_in" => {
                let request = to.as_deref().and_then(number_in);
                if request.is_none() {
                    self.strange.push(whole());
                }
                self.calls.entry(call_id).or_default().begin(carrier, request);
            }
            "call_out" => self.calls.entry(call_id).or_default().begin(carrier, None),
            _ => {
                let Some(call) = self.calls.get_mut(&call_id) else { return };
                match kind.as_str() {
                    "call_answered" => call.answered = true,
                    "call_ended" => call.ended = true,
                    "sip_message" if way.as_deref() == Some("in") && status.is_none() => {
                        call.ended_by_daemon |= matches!(method.as_deref(), Some("BYE" | "CANCEL"));
                    }
                    _ => {}
                }
            }
        }
    }
}

impl AtCarrier {
    fn begin(&mut self, carrier: String, request: Option<usize>) {
        (self.carrier, self.request, self.ended) = (carrier, request, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_each_call_from_its_beginning_to_its_end() {
        let lines = [
            r#"{"at":"x","carrier":"udp","call_id":"a","kind":"call_in","from":"95001","to":"+8613100000007","script":"talk"}"#,
            r#"{"at":"x","carrier":"udp","call_id":"a","kind":"call_answered","sdp":null}"#,
            r#"{"at":"x","carrier":"udp","call_id":"b","kind":"call_out","from":"1","to":"+861088880001"}"#,
            r#"{"at":"x","carrier":"udp","call_id":"a","kind":"sip_message","way":"in","method":"BYE","status":null,"lost":false}"#,
            r#"{"at":"x","carrier":"udp","call_id":"a","kind":"call_ended","answered":true,"status":null,"how":"x"}"#,
            r#"{"at":"x","carrier":"udp","call_id":"b","kind":"sip_message","way":"in","method":"BYE","status":200,"lost":false}"#,
            r#"{"at":"x","carrier":"tcp","call_id":"c","kind":"call_in","from":"95001","to":"110","script":"talk"}"#,
        ];
        let mut seen = Seen::default();
        for line in lines {
            seen.add(serde_json::from_str(line).unwrap(), || line.to_owned());
        }
        let a = &seen.calls["a"];
        assert_eq!((a.request, a.answered, a.ended_by_daemon, a.ended), (Some(7), true, true, true));
        let mut open: Vec<_> = seen.open().map(|(id, call)| (id, call.ended_by_daemon)).collect();
        open.sort_unstable();
        assert_eq!(open, [("b", false), ("c", false)]);
        assert_eq!(seen.strange.len(), 1);
    }
}
