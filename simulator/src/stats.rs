//! What one carrier counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One reading of a carrier's counters.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct CarrierStats {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The counters of one carrier, counted from several tasks.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)+
        }

        impl Counters {
            /// Reads them all.
            pub fn read(&self) -> CarrierStats {
                CarrierStats { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Links bound now.
    links_bound,
    /// Binds accepted so far.
    binds,
    /// Binds refused so far.
    binds_refused,
    /// Submits that came in, one per unit.
    submits,
    /// Of these, accepted.
    accepted,
    /// Of these, refused, malformed ones included.
    refused,
    /// Of these, taken and never answered.
    silent,
    /// Receipts sent, repeats included.
    receipts_sent,
    /// Receipts answered with 0.
    receipts_acked,
    /// Messages from phones sent, one per part, repeats included.
    mo_sent,
    /// Of these, answered with 0.
    mo_acked,
    /// Deliveries sent once more.
    redelivered,
    /// Deliveries sent before their time, because too many waited.
    early,
    /// Deliveries given up: out of tries, too many waiting, or not encodable.
    lost,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Adds several.
pub(crate) fn count_many(counter: &AtomicU64, many: u64) {
    if many > 0 {
        counter.fetch_add(many, Ordering::Relaxed);
    }
}
