//! What a trunk wants of one of its links.

/// Whether a link shall be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// It shall be bound.
    #[default]
    Bound,
    /// It shall not, until it is wished again.
    Unbound {
        /// What is unanswered is not waited for.
        at_once: bool,
    },
    /// It shall end for good. One that is bound waits for what is unanswered, for a short while.
    End,
}
