//! The requests that are made from an INVITE: its CANCEL, and the ACK of its failure.

use bytes::Bytes;

use crate::sip::{Message, Method, Name, Writer};

/// What Max-Forwards begins with.
const MAX_FORWARDS: u32 = 70;

/// The ACK of a response of 300 to 699: the INVITE's way and identity, the response's To.
pub(super) fn ack(invite: &Bytes, response: &Message) -> Option<Message> {
    let invite = Message::parse(invite.clone()).ok()?;
    let to = if response.field(Name::To).is_some() { response } else { &invite };
    Some(begin(&invite, to, Method::Ack)?.finish())
}

/// The CANCEL of an INVITE. `reason`: values of Reason that say why.
pub(super) fn cancel(invite: &Bytes, reason: Option<&[u8]>) -> Option<Message> {
    let invite = Message::parse(invite.clone()).ok()?;
    let mut writer = begin(&invite, &invite, Method::Cancel)?;
    if let Some(reason) = reason {
        writer.field(Name::Reason, reason);
    }
    Some(writer.finish())
}

/// A request with everything that it shares with the INVITE: one Via, the same branch, the same route.
fn begin(invite: &Message, to: &Message, method: Method) -> Option<Writer> {
    let number = invite.cseq().ok()?.number;
    let mut writer = Writer::request(method.name(), invite.request_uri());
    writer.field(Name::Via, invite.values(Name::Via).next()?);
    writer.number(Name::MaxForwards, MAX_FORWARDS);
    writer.copy(invite, Name::Route).copy(invite, Name::From).copy(to, Name::To).copy(invite, Name::CallId);
    writer.cseq(number, method.name());
    Some(writer)
}
