//! A message's story in the order in which a support engineer asks: what became of it and why, what was asked for, what
//! happened part by part, what is still awaited, and what to do.

mod facts;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;
mod words;

use carrierd::grpc::api;
use jiff::Timestamp;

/// The whole story as text, with the age of what is open counted until `now`.
pub fn tell(message: &api::Message, now: Timestamp) -> String {
    let sections = [
        verdict::verdict(message, now),
        facts::facts(message),
        timeline::timeline(message, now),
        verdict::awaited(message, now),
        verdict::advice(message, now),
    ];
    let told: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    told.join("\n")
}
