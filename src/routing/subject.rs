//! What rules and windows ask about, the same for messages and calls.

use crate::domain::{Call, Category, Message, Number, TenantId, TrunkId};

/// A message or a call, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// Its id: what shares are drawn by.
    pub id: &'a [u8; 16],
    pub to: &'a Number,
    pub tenant_id: &'a TenantId,
    /// The number that is shown as its origin, or a name.
    pub sender: &'a str,
    pub category: Category,
    pub trunk_ids: &'a [TrunkId],
    /// The message, whose content rules may ask for; a call has none.
    pub message: Option<&'a Message>,
}

impl<'a> From<&'a Message> for Subject<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id.octets(),
            to: &message.to,
            tenant_id: &message.tenant_id,
            sender: message.sender.as_str(),
            category: message.category,
            trunk_ids: &message.trunk_ids,
            message: Some(message),
        }
    }
}

impl<'a> From<&'a Call> for Subject<'a> {
    fn from(call: &'a Call) -> Self {
        Self {
            id: call.id.octets(),
            to: &call.callee,
            tenant_id: &call.tenant_id,
            sender: call.display_caller.as_ref().unwrap_or(&call.caller).as_str(),
            category: call.category,
            trunk_ids: &call.trunk_ids,
            message: None,
        }
    }
}
