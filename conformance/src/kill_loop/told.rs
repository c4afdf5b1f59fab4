//! What whoever asks was told.

use std::collections::HashMap;

/// What the generator was told.
#[derive(Debug, Default)]
pub struct Told {
    /// The message or call of each answered request.
    pub accepted: HashMap<usize, String>,
    /// Requests made.
    pub made: usize,
    /// Requests asked more than once.
    pub asked_again: u64,
    /// Answers that said that they were given before.
    pub replayed: u64,
    /// Answers that can't be.
    pub faults: Vec<String>,
}

impl Told {
    /// Takes down that a request was accepted; says whether that is what it was told before, if it was.
    pub fn accept(&mut self, number: usize, id: String, replayed: bool) -> bool {
        self.replayed += u64::from(replayed);
        match self.accepted.get(&number) {
            Some(first) if *first != id => {
                self.faults.push(format!("r{number} became two, {first} and {id}"));
                false
            }
            Some(_) => true,
            None => {
                self.accepted.insert(number, id);
                true
            }
        }
    }
}

/// How far a generator is, for whoever waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Requests answered.
    pub answered: usize,
    /// It was told to stop and every request has been answered.
    pub is_done: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_becomes_another_is_a_fault() {
        let mut told = Told::default();
        assert!(told.accept(7, "a".to_owned(), false) && told.accept(7, "a".to_owned(), true));
        assert!(!told.accept(7, "b".to_owned(), false));
        assert_eq!((told.replayed, told.faults.len(), told.accepted[&7].as_str()), (1, 1, "a"));
    }
}
