//! What one carrier counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[$outer:meta])* $reading:ident, $counters:ident, $($(#[$doc:meta])* $name:ident,)+) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct $reading {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The counters of one carrier, counted from several tasks.
        #[derive(Debug, Default)]
        pub(crate) struct $counters {
            $($(#[$doc])* pub $name: AtomicU64,)+
        }

        impl $counters {
            /// Reads them all.
            pub fn read(&self) -> $reading {
                $reading { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// One reading of the counters of a carrier of calls.
    CallStats, CallCounters,
    /// Calls open now, both ways.
    open,
    /// Calls that came in.
    calls_in,
    /// Calls placed.
    calls_out,
    /// Of all these, answered.
    answered,
    /// Calls that ended without an answer.
    unanswered,
    /// Calls that ended after their answer.
    completed,
    /// Requests that were challenged.
    challenged,
    /// Registrations taken, refreshes and ends included.
    registrations,
    /// Messages that came in, as far as they can be read.
    messages_in,
    /// Messages sent, repetitions included.
    messages_out,
    /// Messages lost by a script's rules, both ways.
    swallowed,
    /// Datagrams lost by the network, both ways.
    datagrams_lost,
    /// Datagrams and streams that could not be read.
    unreadable,
}

counters! {
    /// One reading of the counters of a carrier of messages.
    CarrierStats, Counters,
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
