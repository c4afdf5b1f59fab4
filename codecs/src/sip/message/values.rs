//! The members of a comma list, over commas and lines.

use super::{
    Field, Message, Name,
    grammar::{closing_quote, trim},
};

/// The values of one header in order, trimmed. See [`Message::values`].
#[derive(Debug, Clone)]
pub struct Values<'a> {
    octets: &'a [u8],
    fields: std::slice::Iter<'a, Field>,
    name: Name,
    rest: Option<&'a [u8]>,
}

impl<'a> Values<'a> {
    pub(super) fn of(message: &'a Message, name: Name) -> Self {
        Self { octets: &message.octets, fields: message.head.fields.iter(), name, rest: None }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = loop {
            if let Some(rest) = self.rest.take() {
                break rest;
            }
            let name = self.name;
            let value = self.fields.find(|field| field.name == name)?.value.of(self.octets);
            // An empty line has no members; what is empty between commas is a member.
            self.rest = (!value.is_empty()).then_some(value);
        };
        if !self.name.is_list() {
            return Some(rest);
        }
        let (member, rest) = split_member(rest);
        self.rest = rest;
        Some(trim(member))
    }
}

/// Splits at the first comma that is neither quoted nor inside `<>`. An open quote or `<` hides all commas behind it.
#[inline]
fn split_member(list: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b',', b'"', b'<', &list[at..]) {
        at += found;
        let inside = &list[at + 1..];
        let end = match list[at] {
            b',' => return (&list[..at], Some(inside)),
            b'"' => closing_quote(inside),
            _ => memchr::memchr(b'>', inside),
        };
        match end {
            Some(end) => at += end + 2,
            None => break,
        }
    }
    (list, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(list: &str) -> Vec<&str> {
        let mut members = Vec::new();
        let mut rest = Some(list.as_bytes());
        while let Some(list) = rest {
            let (member, after) = split_member(list);
            members.push(str::from_utf8(trim(member)).unwrap());
            rest = after;
        }
        members
    }

    #[test]
    fn commas_inside_quotes_and_brackets_separate_nothing() {
        assert_eq!(members("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(
            members(r#""x, \"y," <sip:a,b@c>;p="1,2", <sip:d>"#),
            [r#""x, \"y," <sip:a,b@c>;p="1,2""#, "<sip:d>"]
        );
        assert_eq!(members("a,,b,"), ["a", "", "b", ""]);
        assert_eq!(members("\"a, b"), ["\"a, b"]);
        assert_eq!(members("<a, b"), ["<a, b"]);
    }
}
