//! `registered_delivery`: which receipts and acknowledgements are wanted.

use super::address::octet_values;

octet_values! {
    /// The `registered_delivery` octet, kept as it is on the wire.
    RegisteredDelivery {
        /// Nothing.
        NONE = 0x00,
        /// A receipt for every final state.
        RECEIPT = 0x01,
        /// A receipt for failures only.
        ON_FAILURE = 0x02,
        /// A receipt for success only (5.0).
        ON_SUCCESS = 0x03,
    }
}

/// Bits 1-0 of `registered_delivery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptWanted {
    /// None.
    Never,
    /// On success and on failure.
    Always,
    /// On failure only.
    OnFailure,
    /// On success only; reserved in 3.4.
    OnSuccess,
}

impl RegisteredDelivery {
    /// Which receipt of the message centre is wanted.
    #[must_use]
    pub fn receipt(self) -> ReceiptWanted {
        match self.0 & 0x03 {
            0 => ReceiptWanted::Never,
            1 => ReceiptWanted::Always,
            2 => ReceiptWanted::OnFailure,
            _ => ReceiptWanted::OnSuccess,
        }
    }

    /// An SME delivery acknowledgement is wanted.
    #[must_use]
    pub fn delivery_acknowledgement(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// An SME manual or user acknowledgement is wanted.
    #[must_use]
    pub fn user_acknowledgement(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Intermediate notifications are wanted. Bit 4, as the printed mask has it; 3.4's text calls it bit 5.
    #[must_use]
    pub fn intermediate(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same with intermediate notifications.
    #[must_use]
    pub fn with_intermediate(self) -> Self {
        Self(self.0 | 0x10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intermediate_notification_is_bit_4() {
        assert!(RegisteredDelivery(0x10).intermediate());
        assert!(!RegisteredDelivery(0x20).intermediate());
        assert_eq!(RegisteredDelivery(0x1D).receipt(), ReceiptWanted::Always);
        assert!(RegisteredDelivery(0x1D).delivery_acknowledgement());
        assert!(RegisteredDelivery(0x1D).user_acknowledgement());
        assert_eq!(RegisteredDelivery::RECEIPT.with_intermediate(), RegisteredDelivery(0x11));
    }
}
