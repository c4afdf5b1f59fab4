//! What was seen, for assertions: one JSON object a line, in the order in which it happened.
//!
//! Links append to one buffer in memory; a thread of its own writes it to the file every few ten milliseconds, so
//! that a slow disk never holds up a link.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use crate::smsc::Way;

/// How long a line may stay in memory.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Octets that may wait for the disk; lines beyond that are lost and counted.
const BUFFER: usize = 64 << 20;

/// One line of the record.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// When, UTC.
    pub at: Timestamp,
    /// The carrier.
    pub carrier: &'a str,
    /// The account.
    pub account: &'a str,
    /// The link, counted from 1 in the order of connections.
    pub link: u64,
    /// What happened.
    #[serde(flatten)]
    pub seen: Seen<'a>,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen<'a> {
    /// A bind was answered.
    Bind {
        /// 0: accepted.
        status: u32,
        /// The version asked for, as the protocol writes it; 0 if the bind can't be read.
        version: u8,
        /// The bind's command id: 1, 2 and 9 are SMPP's receiver, transmitter and transceiver.
        command: u32,
    },
    /// A bound link ended.
    End {
        /// How, as the session engine calls it.
        reason: String,
    },
    /// A submit came in; one line for each recipient.
    Submit {
        /// As on the wire.
        sender: &'a str,
        /// As on the wire.
        recipient: &'a str,
        /// The text, if it is one.
        text: Option<&'a str>,
        /// The user data without its header, if it is no text.
        hex: Option<&'a str>,
        /// data_coding or Msg_Fmt.
        coding: u8,
        /// Reference of the long message that it is a part of.
        reference: Option<u16>,
        /// Which part, from 1.
        part: Option<u8>,
        /// Of how many parts.
        total: Option<u8>,
        /// How it is a part of a long message, or all of it: `udh`, `sar` or `payload`.
        way: Option<Way>,
        /// validity_period or ValId_Time as it is on the wire.
        validity: &'a str,
        /// registered_delivery or Registered_Delivery.
        registered: u8,
        /// SMPP: TON and NPI of the sender, then those of the recipient.
        kinds: [u8; 4],
        /// SMPP: TLVs of the vendors' range, the tag and the octets in hexadecimal digits.
        tlvs: &'a [(u16, String)],
        /// The id given, as the answer has it.
        id: Option<&'a str>,
        /// What is answered; `null`: nothing.
        status: Option<u32>,
    },
    /// A receipt was handed to the link.
    Receipt {
        /// The id of its message, as the answer had it.
        id: &'a str,
        /// The recipient of its message.
        recipient: &'a str,
        /// What became of the message.
        stat: &'a str,
        /// 1 for the first time.
        attempt: u32,
    },
    /// A receipt was answered.
    ReceiptAnswered {
        /// The id of its message, as the answer had it.
        id: &'a str,
        /// The status of the answer.
        status: u32,
    },
    /// A message from a phone was handed to the link; one line for each part.
    Mo {
        /// The phone.
        sender: &'a str,
        /// Where it goes.
        recipient: &'a str,
        /// Counts the messages from phones of one carrier; parts of one share it.
        number: u64,
        /// Which part, from 1.
        part: u8,
        /// Of how many parts.
        total: u8,
        /// 1 for the first time.
        attempt: u32,
    },
    /// Something was said out of turn.
    Injected {
        /// Which `[[carrier.inject]]` of the carrier, from 1.
        number: usize,
    },
    /// A response came in that belongs to no request of the carrier: to something injected, as a rule.
    Answered {
        /// Its command id.
        command: u32,
        /// Its sequence number.
        sequence: u32,
        /// SMPP: its command_status. CMPP: the Result of a CMPP_DELIVER_RESP.
        status: Option<u32>,
    },
    /// A part of a message from a phone was answered.
    MoAnswered {
        /// See `mo`.
        number: u64,
        /// See `mo`.
        part: u8,
        /// The status of the answer.
        status: u32,
    },
}

/// The open record. Dropping it writes what waits.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    wake: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Buffer {
    lines: Vec<u8>,
    is_over: bool,
}

impl Recorder {
    /// Creates the file, or empties it, and starts the writer.
    ///
    /// # Errors
    /// The file or the thread can't be created.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let file = File::create(path)?;
        let shared = Arc::new(Shared::default());
        let writer = std::thread::Builder::new().name("record".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_until_over(file)
        })?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Appends one line.
    pub fn note(&self, line: &impl Serialize) {
        let mut buffer = self.shared.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let before = buffer.lines.len();
        if before < BUFFER && serde_json::to_writer(&mut buffer.lines, line).is_ok() {
            buffer.lines.push(b'\n');
        } else {
            buffer.lines.truncate(before);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that found no room, or that the disk refused.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.buffer.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        self.shared.wake.notify_one();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told so; there is nothing left to write with.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn write_until_over(&self, mut file: File) {
        let mut lines = Vec::new();
        loop {
            let buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut buffer, _) = self
                .wake
                .wait_timeout_while(buffer, FLUSH_AFTER, |buffer| !buffer.is_over)
                .unwrap_or_else(PoisonError::into_inner);
            lines.clear();
            std::mem::swap(&mut lines, &mut buffer.lines);
            let is_over = buffer.is_over;
            drop(buffer);
            if file.write_all(&lines).is_err() {
                let count = lines.iter().filter(|&&octet| octet == b'\n').count();
                self.lost.fetch_add(count as u64, Ordering::Relaxed);
            }
            if is_over {
                return;
            }
        }
    }
}
