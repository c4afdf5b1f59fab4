//! Command identifiers.

use std::fmt;

/// A `command_id`. Bit 31 says that it is a response.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u32);

macro_rules! commands {
    ($($constant:ident = $value:literal $name:literal,)+) => {
        #[allow(missing_docs, reason = "the names are the specification's and say all there is")]
        impl CommandId {
            $(pub const $constant: Self = Self($value);)+
        }

        impl CommandId {
            /// Every command of SMPP 3.4 and 5.0.
            pub const ALL: &'static [Self] = &[$(Self::$constant),+];

            /// The name in the specification, e.g. `submit_sm`; `None` for an id that is none of its.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)+
                    _ => None,
                }
            }
        }
    };
}

commands! {
    GENERIC_NACK = 0x8000_0000 "generic_nack",
    BIND_RECEIVER = 0x0000_0001 "bind_receiver",
    BIND_RECEIVER_RESP = 0x8000_0001 "bind_receiver_resp",
    BIND_TRANSMITTER = 0x0000_0002 "bind_transmitter",
    BIND_TRANSMITTER_RESP = 0x8000_0002 "bind_transmitter_resp",
    QUERY_SM = 0x0000_0003 "query_sm",
    QUERY_SM_RESP = 0x8000_0003 "query_sm_resp",
    SUBMIT_SM = 0x0000_0004 "submit_sm",
    SUBMIT_SM_RESP = 0x8000_0004 "submit_sm_resp",
    DELIVER_SM = 0x0000_0005 "deliver_sm",
    DELIVER_SM_RESP = 0x8000_0005 "deliver_sm_resp",
    UNBIND = 0x0000_0006 "unbind",
    UNBIND_RESP = 0x8000_0006 "unbind_resp",
    REPLACE_SM = 0x0000_0007 "replace_sm",
    REPLACE_SM_RESP = 0x8000_0007 "replace_sm_resp",
    CANCEL_SM = 0x0000_0008 "cancel_sm",
    CANCEL_SM_RESP = 0x8000_0008 "cancel_sm_resp",
    BIND_TRANSCEIVER = 0x0000_0009 "bind_transceiver",
    BIND_TRANSCEIVER_RESP = 0x8000_0009 "bind_transceiver_resp",
    OUTBIND = 0x0000_000B "outbind",
    ENQUIRE_LINK = 0x0000_0015 "enquire_link",
    ENQUIRE_LINK_RESP = 0x8000_0015 "enquire_link_resp",
    SUBMIT_MULTI = 0x0000_0021 "submit_multi",
    SUBMIT_MULTI_RESP = 0x8000_0021 "submit_multi_resp",
    ALERT_NOTIFICATION = 0x0000_0102 "alert_notification",
    DATA_SM = 0x0000_0103 "data_sm",
    DATA_SM_RESP = 0x8000_0103 "data_sm_resp",
    BROADCAST_SM = 0x0000_0111 "broadcast_sm",
    BROADCAST_SM_RESP = 0x8000_0111 "broadcast_sm_resp",
    QUERY_BROADCAST_SM = 0x0000_0112 "query_broadcast_sm",
    QUERY_BROADCAST_SM_RESP = 0x8000_0112 "query_broadcast_sm_resp",
    CANCEL_BROADCAST_SM = 0x0000_0113 "cancel_broadcast_sm",
    CANCEL_BROADCAST_SM_RESP = 0x8000_0113 "cancel_broadcast_sm_resp",
}

impl CommandId {
    const RESPONSE: u32 = 0x8000_0000;

    /// Says whether bit 31 is set, known command or not.
    #[must_use]
    pub fn is_response(self) -> bool {
        self.0 & Self::RESPONSE != 0
    }

    /// The id that answers this request: the same with bit 31 set.
    #[must_use]
    pub fn response(self) -> Self {
        Self(self.0 | Self::RESPONSE)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for CommandId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#010x}", self.0))
    }
}
