//! `esm_class`: message mode, message type and GSM features.

use super::address::octet_values;

octet_values! {
    /// The `esm_class` octet, kept as it is on the wire.
    EsmClass {
        /// Default mode, normal message, no GSM features.
        NORMAL = 0x00,
        /// A normal message whose user data starts with a header.
        UDHI = 0x40,
        /// A delivery receipt.
        RECEIPT = 0x04,
        /// An intermediate notification.
        INTERMEDIATE = 0x20,
    }
}

/// Bits 1-0 of `esm_class`. Without meaning in deliver_sm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageMode {
    /// As the message centre is configured, usually store and forward.
    Default,
    /// One attempt, no receipt.
    Datagram,
    /// Transaction: the response comes after the delivery attempt.
    Forward,
    /// Until delivered or expired.
    StoreAndForward,
}

/// Bits 5-2 of `esm_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// A normal, or mobile-originated, message.
    Normal,
    /// A delivery receipt of the message centre.
    Receipt,
    /// An SME (or ESME) delivery acknowledgement.
    DeliveryAcknowledgement,
    /// An SME (or ESME) manual or user acknowledgement.
    UserAcknowledgement,
    /// Conversation abort (Korean CDMA).
    ConversationAbort,
    /// An intermediate notification.
    Intermediate,
    /// A reserved value: the four bits in place, e.g. 0x24.
    Reserved(u8),
}

impl EsmClass {
    /// The message mode.
    #[must_use]
    pub fn mode(self) -> MessageMode {
        match self.0 & 0x03 {
            0 => MessageMode::Default,
            1 => MessageMode::Datagram,
            2 => MessageMode::Forward,
            _ => MessageMode::StoreAndForward,
        }
    }

    /// The message type. The four bits are one value: 0x24 is no receipt although bit 2 is set.
    #[must_use]
    pub fn message_type(self) -> MessageType {
        match self.0 & 0x3C {
            0x00 => MessageType::Normal,
            0x04 => MessageType::Receipt,
            0x08 => MessageType::DeliveryAcknowledgement,
            0x10 => MessageType::UserAcknowledgement,
            0x18 => MessageType::ConversationAbort,
            0x20 => MessageType::Intermediate,
            other => MessageType::Reserved(other),
        }
    }

    /// User data starts with a header.
    #[must_use]
    pub fn udhi(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Reply path is set.
    #[must_use]
    pub fn reply_path(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// The same with the user data header indicator set.
    #[must_use]
    pub fn with_udhi(self) -> Self {
        Self(self.0 | 0x40)
    }

    /// The same with this message mode.
    #[must_use]
    pub fn with_mode(self, mode: MessageMode) -> Self {
        let bits = match mode {
            MessageMode::Default => 0,
            MessageMode::Datagram => 1,
            MessageMode::Forward => 2,
            MessageMode::StoreAndForward => 3,
        };
        Self(self.0 & !0x03 | bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_the_message_type_as_a_whole() {
        for (octet, expected) in [
            (0x00, MessageType::Normal),
            (0x03, MessageType::Normal),
            (0x04, MessageType::Receipt),
            (0x07, MessageType::Receipt),
            (0x44, MessageType::Receipt),
            (0x08, MessageType::DeliveryAcknowledgement),
            (0x10, MessageType::UserAcknowledgement),
            (0x18, MessageType::ConversationAbort),
            (0xA1, MessageType::Intermediate),
            (0x24, MessageType::Reserved(0x24)),
            (0x28, MessageType::Reserved(0x28)),
        ] {
            assert_eq!(EsmClass(octet).message_type(), expected, "{octet:#04x}");
        }
        assert!(EsmClass(0xC0).udhi() && EsmClass(0xC0).reply_path());
        assert!(!EsmClass(0x81).udhi() && !EsmClass(0x40).reply_path());
        assert_eq!(EsmClass(0x43).with_mode(MessageMode::Datagram), EsmClass(0x41));
    }
}
