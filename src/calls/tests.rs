//! The whole of calls with a trunk of the test's, on a store of its own.

mod bench;
mod lives;
mod model;
