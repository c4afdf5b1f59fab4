//! What a link writes into the record about messages.

use codecs::text;

use super::Link;
use crate::{
    record::Seen,
    smsc::{
        account::Account,
        message::{Content, Delivery, MessageId, Submit},
        persona::Persona,
    },
};

impl<P: Persona> Link<'_, P> {
    pub(super) fn note_submit(
        &self,
        account: &Account,
        submit: &Submit<'_>,
        id: Option<MessageId>,
        status: Option<u32>,
    ) {
        let smsc = self.smsc;
        smsc.note(&account.name, self.id, |note| {
            let text =
                submit.charset.map(|charset| text::decode(submit.body, charset)).filter(|read| !read.lossy);
            let hex = text.is_none().then(|| hexadecimal(submit.body));
            let tlvs: Vec<_> =
                submit.form.tlvs.iter().map(|(tag, octets)| (*tag, hexadecimal(octets))).collect();
            let recipients = std::iter::once(&submit.recipient).chain(&submit.others);
            for (index, recipient) in (0..).zip(recipients) {
                let id = id.map(|id| smsc.persona.id_text(smsc.persona.id_of_recipient(id, index)));
                note(Seen::Submit {
                    sender: &submit.sender.number.text(),
                    recipient: &recipient.number.text(),
                    text: text.as_ref().map(|read| read.text.as_str()),
                    hex: hex.as_deref(),
                    coding: submit.coding,
                    reference: submit.segment.map(|segment| segment.reference),
                    part: submit.segment.map(|segment| segment.part),
                    total: submit.segment.map(|segment| segment.total),
                    way: submit.form.way,
                    validity: &String::from_utf8_lossy(submit.form.validity),
                    registered: submit.form.registered,
                    kinds: [submit.sender.ton, submit.sender.npi, recipient.ton, recipient.npi],
                    tlvs: &tlvs,
                    id: id.as_deref(),
                    status,
                });
            }
        });
    }

    pub(super) fn note_delivery(&self, account: &Account, delivery: &Delivery) {
        let smsc = self.smsc;
        let attempt = delivery.attempts;
        smsc.note(&account.name, self.id, |note| match &delivery.content {
            Content::Receipt(receipt) => note(Seen::Receipt {
                id: &smsc.persona.id_text(receipt.id),
                recipient: &receipt.recipient.number.text(),
                stat: &receipt.stat.text(),
                attempt,
            }),
            Content::Mobile(mobile) => note(Seen::Mo {
                sender: &mobile.sender.number.text(),
                recipient: &mobile.recipient.number.text(),
                number: mobile.number,
                part: mobile.part,
                total: mobile.total,
                attempt,
            }),
        });
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
