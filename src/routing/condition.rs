//! What a rule asks of a message. One code decides and explains, so that an explanation can't differ from the decision.

use std::cell::OnceCell;

use codecs::text::{self, Capacity, Charset, Width};

use super::subject::Subject;
use crate::{
    config::{ContentKind, RouteConfig},
    domain::{Category, Content, International, Message, NumberPlan, OperatorSource, TenantId, TextEncoding},
};

/// Octets of one segment.
const SEGMENT_OCTETS: usize = 140;

/// A message as rules see it. What costs time is found out only for the rule that asks, and once.
pub(super) struct Facts<'a> {
    subject: Subject<'a>,
    numbers: &'a NumberPlan,
    recipient: International,
    operator: OnceCell<Option<(&'a str, OperatorSource)>>,
    is_long: OnceCell<bool>,
}

impl<'a> Facts<'a> {
    pub fn new(subject: Subject<'a>, numbers: &'a NumberPlan) -> Self {
        Self {
            subject,
            numbers,
            recipient: International::of(subject.to),
            operator: OnceCell::new(),
            is_long: OnceCell::new(),
        }
    }

    /// The operator that serves the recipient.
    pub fn operator(&self) -> Option<(&'a str, OperatorSource)> {
        *self.operator.get_or_init(|| self.numbers.operator(&self.recipient))
    }

    fn is_long(&self) -> bool {
        *self.is_long.get_or_init(|| self.subject.message.is_some_and(is_long))
    }
}

/// One condition of a rule. A rule without any takes every message.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Prefixes(Vec<String>),
    Operators(Vec<String>),
    Categories(Vec<Category>),
    Tenants(Vec<TenantId>),
    Senders(Vec<String>),
    Content(Vec<ContentKind>),
}

impl Condition {
    /// The conditions of a rule, the cheapest to judge first.
    pub fn of(rule: &RouteConfig) -> Vec<Self> {
        let mut conditions = Vec::new();
        let mut add = |is_said: bool, condition| conditions.extend(is_said.then_some(condition));
        add(!rule.categories.is_empty(), Self::Categories(rule.categories.clone()));
        add(!rule.tenants.is_empty(), Self::Tenants(rule.tenants.clone()));
        add(!rule.prefixes.is_empty(), Self::Prefixes(rule.prefixes.clone()));
        add(!rule.senders.is_empty(), Self::Senders(rule.senders.clone()));
        add(!rule.operators.is_empty(), Self::Operators(rule.operators.clone()));
        add(!rule.content.is_empty(), Self::Content(rule.content.clone()));
        conditions
    }

    /// The message meets it.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let subject = &facts.subject;
        match self {
            Self::Prefixes(prefixes) => {
                prefixes.iter().any(|prefix| facts.recipient.digits().starts_with(prefix.as_bytes()))
            }
            Self::Operators(operators) => {
                facts.operator().is_some_and(|(name, _)| operators.iter().any(|operator| operator == name))
            }
            Self::Categories(categories) => categories.contains(&subject.category),
            Self::Tenants(tenants) => tenants.contains(subject.tenant_id),
            Self::Senders(senders) => {
                senders.iter().any(|sender| subject.sender.starts_with(sender.as_str()))
            }
            Self::Content(kinds) => subject.message.is_some_and(|message| {
                kinds.iter().any(|kind| match kind {
                    ContentKind::Text => matches!(message.content, Content::Text(_)),
                    ContentKind::Binary => matches!(message.content, Content::Binary(_)),
                    ContentKind::Long => facts.is_long(),
                })
            }),
        }
    }

    /// Why the message does not meet it. Never shows the recipient.
    pub fn why_not(&self, facts: &Facts<'_>) -> String {
        let subject = &facts.subject;
        match self {
            Self::Prefixes(prefixes) => {
                format!("the recipient does not begin with {}", any_of(prefixes.iter()))
            }
            Self::Operators(operators) => {
                let wanted = any_of(operators.iter());
                match facts.operator() {
                    Some((name, source)) => {
                        format!("the recipient's operator is {name} ({}), not {wanted}", source_words(source))
                    }
                    None => format!("the recipient's operator is not known, and must be {wanted}"),
                }
            }
            Self::Categories(categories) => {
                let wanted = any_of(categories.iter().map(|category| category.name()));
                format!("the category is {}, not {wanted}", subject.category.name())
            }
            Self::Tenants(tenants) => {
                format!("the tenant is {}, not {}", subject.tenant_id, any_of(tenants.iter()))
            }
            Self::Senders(senders) if subject.sender.is_empty() => {
                format!("no sender is named, and it must begin with {}", any_of(senders.iter()))
            }
            Self::Senders(senders) => {
                format!("the sender does not begin with {}", any_of(senders.iter()))
            }
            Self::Content(kinds) => {
                let is = match subject.message.map(|message| &message.content) {
                    Some(Content::Text(_)) => "a text",
                    Some(Content::Binary(_)) => "binary",
                    None => return "a call has no content".to_owned(),
                };
                let wanted = any_of(kinds.iter().map(|kind| kind.name()));
                let size = if facts.is_long() { "several segments" } else { "one segment" };
                format!("the content is {is} of {size}, not {wanted}")
            }
        }
    }
}

/// How an operator was found, in words.
pub(super) fn source_words(source: OperatorSource) -> &'static str {
    match source {
        OperatorSource::Range => "by the number's range",
        OperatorSource::Portability => "the number was carried there",
    }
}

fn any_of(words: impl Iterator<Item = impl ToString>) -> String {
    let mut words: Vec<_> = words.map(|word| word.to_string()).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
    }
}

/// Whether a message takes several segments of a phone's usual size. Trunks may have alphabets of their own, and which
/// trunk it takes is what is to be decided here.
fn is_long(message: &Message) -> bool {
    let text = match &message.content {
        Content::Binary(binary) => {
            return binary.data.len() + binary.user_data_header.len() > SEGMENT_OCTETS;
        }
        Content::Text(text) => text,
    };
    let charset = match message.encoding {
        None => text::cheapest(text, &[Charset::Gsm7, Charset::Ucs2]).unwrap_or(Charset::Ucs2),
        Some(TextEncoding::Gsm7) => Charset::Gsm7,
        Some(TextEncoding::Ucs2) => Charset::Ucs2,
        Some(TextEncoding::Gbk) => Charset::Gbk,
        Some(TextEncoding::Ascii) => Charset::Ascii,
        Some(TextEncoding::Latin1) => Charset::Latin1,
    };
    let capacity = Capacity::gsm(charset, Width::Eight.header_octets());
    text::count(text, charset, capacity).is_ok_and(|count| count.parts > 1)
}
