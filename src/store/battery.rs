//! The store's contract, held to with a restart between any two steps.

mod bench;
mod calls;
mod damage;
mod lives;
mod log;
mod matching;
mod model;
mod retention;
mod story;
mod windows;
mod wire;
