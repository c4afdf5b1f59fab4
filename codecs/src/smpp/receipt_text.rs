//! The text of a receipt: `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.
//!
//! The layout is an example in SMPP 3.4 and no rule, so reading is tolerant: any order, missing keys, keys with and
//! without their space, any case, extra words. Nothing is guessed: a value stays as it came, and what is not there
//! is `None`.

use bytes::{BufMut, BytesMut};
use jiff::civil::DateTime;

use super::MessageState;
use crate::validity::{Reported, parse_local, parse_reported};

/// The fields of a receipt's text, each as it is in the text. `None`: the key is not there.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ReceiptText<'a> {
    /// `id`: the message centre's handle of the message.
    pub id: Option<&'a [u8]>,
    /// `sub`: messages submitted, for list submissions.
    pub sub: Option<&'a [u8]>,
    /// `dlvrd`: messages delivered.
    pub dlvrd: Option<&'a [u8]>,
    /// `submit date`, in a zone of the message centre's choice.
    pub submit_date: Option<&'a [u8]>,
    /// `done date`: when the state was reached.
    pub done_date: Option<&'a [u8]>,
    /// `stat`: the state as a word, see [`MessageState::of_stat`].
    pub stat: Option<&'a [u8]>,
    /// `err`: means nothing without the carrier's table.
    pub err: Option<&'a [u8]>,
    /// `text`: the beginning of the message, NULs at its end removed.
    pub text: Option<&'a [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
}

const KEYS: [(&[u8], Key); 9] = [
    (b"id:", Key::Id),
    (b"sub:", Key::Sub),
    (b"dlvrd:", Key::Dlvrd),
    (b"submit date:", Key::SubmitDate),
    (b"submitdate:", Key::SubmitDate),
    (b"done date:", Key::DoneDate),
    (b"donedate:", Key::DoneDate),
    (b"stat:", Key::Stat),
    (b"err:", Key::Err),
];
const TEXT: &[u8] = b"text:";

impl<'a> ReceiptText<'a> {
    /// Reads what it can of `octets`, one octet per character.
    ///
    /// Everything behind the first `text:` belongs to it, whatever it looks like. One exception: where `id` or
    /// `stat` has not come yet and a key follows `text:` at once, the text was empty and the keys go on, up to the
    /// next `text:`.
    #[must_use]
    pub fn parse(octets: &'a [u8]) -> Self {
        let mut read = Self::default();
        let mut left = Some(octets);
        while let Some(octets) = left {
            let (head, text) = split_text(octets);
            read.take_keys(head);
            let goes_on = text.is_some_and(|text| key_at(text.trim_ascii_start()).is_some());
            let lacks_some = read.id.is_none() || read.stat.is_none();
            left = text.filter(|_| goes_on && lacks_some);
            read.text = text.map(|text| if left.is_some() { &[] } else { trim_nul(text) }).or(read.text);
        }
        read
    }

    /// The state that `stat` means; `None` without `stat`, or for a carrier's own word.
    #[must_use]
    pub fn message_state(&self) -> Option<MessageState> {
        MessageState::of_stat(self.stat?)
    }

    /// `submit date` as a date, if it is one: 10, 12 or 14 digits or the sixteen-character form.
    #[must_use]
    pub fn submitted(&self) -> Option<DateTime> {
        date(self.submit_date?)
    }

    /// `done date` as a date, if it is one.
    #[must_use]
    pub fn done(&self) -> Option<DateTime> {
        date(self.done_date?)
    }

    /// Appends the text, keys in the order of the example, those that are `None` left out.
    pub fn write(&self, out: &mut BytesMut) {
        let fields = [
            ("id:", self.id),
            ("sub:", self.sub),
            ("dlvrd:", self.dlvrd),
            ("submit date:", self.submit_date),
            ("done date:", self.done_date),
            ("stat:", self.stat),
            ("err:", self.err),
            ("text:", self.text),
        ];
        let present = fields.into_iter().filter_map(|(key, value)| value.map(|value| (key, value)));
        for (index, (key, value)) in present.enumerate() {
            if index > 0 {
                out.put_u8(b' ');
            }
            out.put_slice(key.as_bytes());
            out.put_slice(value);
        }
    }

    /// Takes every known key in `octets` that stands at the beginning or behind a space; the first one counts.
    fn take_keys(&mut self, octets: &'a [u8]) {
        let mut open = None;
        let mut at = 0;
        while at < octets.len() {
            let at_boundary = at == 0 || is_space(octets[at - 1]);
            match at_boundary.then(|| key_at(&octets[at..])).flatten() {
                Some((key, length)) => {
                    self.close(open, &octets[..at]);
                    at += length;
                    open = Some((key, at));
                }
                None => at += 1,
            }
        }
        self.close(open, octets);
    }

    /// Gives the value that reaches from the open key to the end of `until` to its field.
    fn close(&mut self, open: Option<(Key, usize)>, until: &'a [u8]) {
        let Some((key, start)) = open else { return };
        let value = trim(&until[start..]);
        let slot = match key {
            Key::Id => &mut self.id,
            Key::Sub => &mut self.sub,
            Key::Dlvrd => &mut self.dlvrd,
            Key::SubmitDate => &mut self.submit_date,
            Key::DoneDate => &mut self.done_date,
            Key::Stat => &mut self.stat,
            Key::Err => &mut self.err,
        };
        let value = match key {
            // A date may be several words; one of digits is not.
            Key::SubmitDate | Key::DoneDate if !first_word(value).iter().all(u8::is_ascii_digit) => value,
            _ => first_word(value),
        };
        slot.get_or_insert(value);
    }
}

impl std::fmt::Debug for ReceiptText<'_> {
    /// Shows what is no one's secret: not the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        f.debug_struct("ReceiptText")
            .field("id", &shown(self.id))
            .field("submit_date", &shown(self.submit_date))
            .field("done_date", &shown(self.done_date))
            .field("stat", &shown(self.stat))
            .field("err", &shown(self.err))
            .finish_non_exhaustive()
    }
}

fn split_text(octets: &[u8]) -> (&[u8], Option<&[u8]>) {
    let found = octets.windows(TEXT.len()).position(|window| window.eq_ignore_ascii_case(TEXT));
    match found {
        Some(at) => (&octets[..at], Some(&octets[at + TEXT.len()..])),
        None => (octets, None),
    }
}

fn key_at(octets: &[u8]) -> Option<(Key, usize)> {
    KEYS.iter()
        .find(|(name, _)| octets.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
        .map(|(name, key)| (*key, name.len()))
}

fn is_space(octet: u8) -> bool {
    octet.is_ascii_whitespace() || octet == 0
}

fn trim(mut octets: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = octets
        && is_space(*first)
    {
        octets = rest;
    }
    while let [rest @ .., last] = octets
        && is_space(*last)
    {
        octets = rest;
    }
    octets
}

fn trim_nul(mut octets: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = octets {
        octets = rest;
    }
    octets
}

fn first_word(octets: &[u8]) -> &[u8] {
    octets.split(|&octet| is_space(octet)).next().unwrap_or_default()
}

fn date(value: &[u8]) -> Option<DateTime> {
    match parse_reported(value) {
        Ok(Some(Reported::At(at))) => Some(at.local),
        Ok(Some(Reported::Local(local))) => Some(local),
        _ => parse_local(value).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: &str = "id:0123456789 sub:001 dlvrd:001 submit date:2511221030 done date:2511221031 \
                         stat:DELIVRD err:000 text:Hello";

    fn text(value: Option<&[u8]>) -> Option<&str> {
        value.map(|value| std::str::from_utf8(value).unwrap())
    }

    #[test]
    fn reads_the_usual_form() {
        let read = ReceiptText::parse(USUAL.as_bytes());
        assert_eq!(text(read.id), Some("0123456789"));
        assert_eq!(text(read.sub), Some("001"));
        assert_eq!(text(read.dlvrd), Some("001"));
        assert_eq!(text(read.err), Some("000"));
        assert_eq!(text(read.text), Some("Hello"));
        assert_eq!(read.message_state(), Some(MessageState::DELIVERED));
        assert_eq!(read.submitted(), "2025-11-22T10:30:00".parse().ok());
        assert_eq!(read.done(), "2025-11-22T10:31:00".parse().ok());
    }

    #[test]
    fn reads_id_and_stat_of_every_variant() {
        for (octets, id, stat) in [
            (
                "id:3f2a9c01 submitdate:251122103001 donedate:251122103107 stat:UNDELIV err:0027 Text:",
                "3f2a9c01",
                "UNDELIV",
            ),
            ("ID:1 SUB:001 STAT:delivrd ERR:000 TEXT:x", "1", "delivrd"),
            ("id:74e02ee1-4e2f-4a6e stat:EXPIRED", "74e02ee1-4e2f-4a6e", "EXPIRED"),
            ("stat:ENROUTE id:a_b", "a_b", "ENROUTE"),
            ("id: 12  stat:  REJECTD   err:", "12", "REJECTD"),
            ("id:12\r\nstat:DELIVERED\r\nerr:0\r\n", "12", "DELIVERED"),
            ("id:\tstat:DELETED", "", "DELETED"),
            ("id:12 stat:BUFFRED err:0a1 extra:5 more words", "12", "BUFFRED"),
            ("id:12 smsc:3 stat:ACCEPTD", "12", "ACCEPTD"),
            ("id:12 stat:UNKNOWN text:id:99 stat:DELIVRD", "12", "UNKNOWN"),
            ("sub:001 id:12 err:000 text: stat:DELIVRD", "12", "DELIVRD"),
            ("id:12 stat:DELIVRD id:13 stat:UNDELIV", "12", "DELIVRD"),
            ("id:12 stat:FAILED\0", "12", "FAILED"),
        ] {
            let read = ReceiptText::parse(octets.as_bytes());
            assert_eq!(text(read.id), Some(id), "{octets}");
            assert_eq!(text(read.stat), Some(stat), "{octets}");
        }
    }

    #[test]
    fn a_missing_key_is_none_and_never_taken_from_a_text() {
        for (octets, id, stat) in [
            ("i:1 stat:DELIVRD text:x", None, Some("DELIVRD")),
            ("id:1 sat:DELIVRD text:the stat:DELIVRD", Some("1"), None),
            ("id:1 text:hi stat:DELIVRD", Some("1"), None),
            ("guid:1 xstat:DELIVRD", None, None),
            ("", None, None),
        ] {
            let read = ReceiptText::parse(octets.as_bytes());
            assert_eq!((text(read.id), text(read.stat)), (id, stat), "{octets}");
        }
    }

    #[test]
    fn reads_dates_of_every_length_and_keeps_those_it_cannot_read() {
        for (value, expected) in [
            ("2511221030", Some("2025-11-22T10:30:00")),
            ("251122103001", Some("2025-11-22T10:30:01")),
            ("20251122103001", Some("2025-11-22T10:30:01")),
            ("251122103001004+", Some("2025-11-22T10:30:01")),
            ("0000000000", None),
            ("2025-11-22 10:30", None),
            ("2513221030", None),
            ("", None),
        ] {
            let octets = format!("id:1 submit date:{value} done date:{value} stat:DELIVRD");
            let read = ReceiptText::parse(octets.as_bytes());
            assert_eq!(text(read.submit_date), Some(value));
            assert_eq!(text(read.done_date), Some(value));
            assert_eq!(read.done(), expected.map(|date| date.parse().unwrap()), "{value}");
        }
    }

    #[test]
    fn an_empty_text_in_front_of_the_keys_leaves_the_text_behind_them_to_itself() {
        let read = ReceiptText::parse(b"text: id:1 stat:DELIVRD done date:22 Nov 2025 text:see id:2");
        assert_eq!((text(read.id), text(read.stat)), (Some("1"), Some("DELIVRD")));
        assert_eq!((text(read.done_date), text(read.text)), (Some("22"), Some("see id:2")));
        let read = ReceiptText::parse(b"text:id:1 done date:Nov 22 text: stat:DELIVRD");
        assert_eq!((text(read.done_date), text(read.text)), (Some("Nov 22"), Some("")));
        assert_eq!(text(read.stat), Some("DELIVRD"));
    }

    #[test]
    fn the_text_keeps_its_colons_and_loses_a_nul_at_its_end() {
        let read = ReceiptText::parse(b"id:1 stat:DELIVRD err:000 Text:@$#!%&/: id:2 \0x\0");
        assert_eq!(read.text, Some(b"@$#!%&/: id:2 \0x".as_slice()));
    }

    #[test]
    fn maps_words_in_any_case_and_leaves_a_carriers_own_open() {
        for (word, expected) in [
            ("DELIVRD", Some(MessageState::DELIVERED)),
            ("delivered", Some(MessageState::DELIVERED)),
            ("Undeliverable", Some(MessageState::UNDELIVERABLE)),
            ("ACCEPTED", Some(MessageState::ACCEPTED)),
            ("REJECTED", Some(MessageState::REJECTED)),
            ("SCHEDLD", Some(MessageState::SCHEDULED)),
            ("SKIPPED", Some(MessageState::SKIPPED)),
            ("DND_REJECTED", None),
            ("FAILED", None),
            ("MK:0005", None),
            ("", None),
        ] {
            assert_eq!(MessageState::of_stat(word.as_bytes()), expected, "{word}");
        }
        for state in (0..=9).map(MessageState) {
            assert_eq!(MessageState::of_stat(state.stat().unwrap().as_bytes()), Some(state));
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let mut out = BytesMut::new();
        ReceiptText::parse(USUAL.as_bytes()).write(&mut out);
        assert_eq!(out, USUAL.as_bytes());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ReceiptText::parse(&octets).done();
        }

        #[test]
        fn any_order_of_keys_reads_the_same(
            order in Just([
                "id:77", "sub:001", "dlvrd:000", "submit date:2511221030", "donedate:2511221031", "stat:UNDELIV",
                "err:021",
            ]).prop_shuffle(),
            separator in "[ \r\n\t]{1,3}",
        ) {
            let joined = order.join(&separator);
            let read = ReceiptText::parse(joined.as_bytes());
            prop_assert_eq!(text(read.id), Some("77"));
            prop_assert_eq!(text(read.stat), Some("UNDELIV"));
            prop_assert_eq!(text(read.err), Some("021"));
            prop_assert_eq!(text(read.submit_date), Some("2511221030"));
            prop_assert_eq!(text(read.done_date), Some("2511221031"));
        }
    }
}
