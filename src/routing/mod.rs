//! Where a message or a call may go, in what order, and when. Pure: a table, a message and the trunks' health give a route.
//!
//! [`RouteTable`] is built once from the configuration and never changes; [`Router`] is the one place where the present
//! table is found, and where a new one takes its place as a whole.

mod condition;
mod explain;
mod order;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use explain::{Alternative, Explanation, RuleVerdict, Verdict};
pub use order::{Candidate, Health};
pub use table::{RouteTable, Unroutable};
pub use window::{Closed, Windows, window_words};

/// The present route table. Cheap to clone; all clones see the same table.
#[derive(Debug, Clone)]
pub struct Router(Arc<ArcSwap<RouteTable>>);

impl Router {
    /// A router over a table.
    #[must_use]
    pub fn new(table: RouteTable) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(table)))
    }

    /// The table of now: what is decided by it stays decided, whatever comes after.
    #[must_use]
    pub fn table(&self) -> Arc<RouteTable> {
        self.0.load_full()
    }

    /// Puts another table in its place, for all that ask from now on.
    pub fn replace(&self, table: RouteTable) {
        self.0.store(Arc::new(table));
    }
}
