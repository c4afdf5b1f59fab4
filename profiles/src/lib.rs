//! Carriers' habits as data: one file for each kind of carrier, shipped here or somebody's own.
//!
//! A profile has the keys of the daemon's `[[trunk]]`, all but those that an account brings along (its name, hosts and
//! credentials), and three of its own: `about`, one line for people; `extends`, the profile that it goes on from; and
//! `[carrier]`, what only shows at the carrier's end because the daemon reads it in any form. A key holds wherever the
//! trunk, or a profile that extends this one, does not say it.
//!
//! - [`mod@chain`] finds the files that a reference leads to;
//! - [`words`] are the words that habits are written in;
//! - [`habits`] is what shows on the wire, for whoever plays the carrier.
//!
//! The daemon reads the files with its own configuration reader, so that a mistake is told like any other.
#![forbid(unsafe_code)]

pub mod chain;
pub mod habits;
pub mod words;

pub use self::{
    chain::{Fault, Layer, chain},
    habits::Habits,
};

/// A profile that comes with the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// What `profile = "…"` and `extends = "…"` name it by.
    pub name: &'static str,
    /// The whole file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// All that are shipped, by protocol and from the plain to the special.
        pub const SHIPPED: &[Shipped] =
            &[$(Shipped { name: $name, text: include_str!(concat!("../shipped/", $name, ".toml")) }),+];
    };
}

shipped![
    "smpp34",
    "smpp34-hex-answers",
    "smpp34-hex-reports",
    "smpp34-latin1",
    "smpp34-sar",
    "smpp34-registered",
    "smpp33",
    "smpp50",
    "cmpp20",
    "cmpp30",
    "cmpp30-gbk",
    "sip-sbc",
    "sip-ims",
];

/// The shipped profile of this name.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

impl Shipped {
    /// Its one line for people.
    #[must_use]
    pub fn about(&self) -> String {
        chain::header(self.name, self.text).map_or_else(|_| String::new(), |header| header.about)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_shipped_profile_is_sound_and_says_what_it_is_for() {
        for shipped in SHIPPED {
            let layers = chain(shipped.name, Path::new("")).unwrap_or_else(|fault| panic!("{fault}"));
            Habits::of(&layers).unwrap_or_else(|fault| panic!("{fault}"));
            let about = shipped.about();
            assert!((20..=110).contains(&about.chars().count()), "{}: {about}", shipped.name);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shipped");
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("a file").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            assert!(shipped(&name).is_some(), "{name} is missing in SHIPPED");
        }
    }
}
