//! Incoming messages: parts kept until the message is whole, then told in one commit with their end.

use super::{
    InboundChange, StoreError,
    rows::{Space, id_key},
    verbs::Verbs,
};
use crate::domain::{Event, Payload};

impl Verbs {
    pub(super) fn record_inbound(&mut self, changes: Vec<InboundChange>) -> Result<(), StoreError> {
        for change in changes {
            match change {
                InboundChange::Keep(part) => self.txn.put(Space::Part, id_key(part.id), &part)?,
                InboundChange::Complete { owner, message, parts } => {
                    let time = message.receive_time;
                    let event = Event::of(Payload::Inbound(Box::new(message)), time);
                    self.tell(Event { tenant_id: owner.unwrap_or_else(|| "".into()), ..event })?;
                    for part in parts {
                        self.txn.remove(Space::Part, id_key(part));
                    }
                }
            }
        }
        Ok(())
    }
}
