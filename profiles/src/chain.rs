//! From a reference to the files that it leads to: a profile, the one that it extends, and so on.

use std::{
    borrow::Cow,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use crate::{SHIPPED, habits::FarEnd, shipped};

/// What a reference may look like.
pub const RIGHT: &str =
    "the name of a shipped profile (see carrierd profile list) or file:PATH (relative to this file)";
/// Keys of a profile that no trunk has.
pub const OWN_KEYS: [&str; 3] = ["about", "extends", "carrier"];

/// One file of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What messages call it: its path, or `NAME (shipped profile)`.
    pub file: String,
    /// The whole file. It is valid TOML, and its own keys are sound.
    pub text: Cow<'static, str>,
}

/// What is wrong with a reference or with a file that it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Fault {
    /// The file, as messages call it; `None`: the reference itself is at fault, wherever it stands.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// The key; empty where the file is no TOML.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Fault {
    /// `file:line: key: what`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// The files that `reference` leads to, the most special first. `folder` is that of the file with the reference.
///
/// # Errors
/// The first thing that is wrong: a file is not there or no TOML, one extends itself, a key of its own is at fault.
pub fn chain(reference: &str, folder: &Path) -> Result<Vec<Layer>, Fault> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut known: Vec<Origin> = Vec::new();
    let mut next = Some((reference.to_owned(), folder.to_owned(), None));
    while let Some((reference, folder, named_in)) = next.take() {
        let at_fault = |what| Fault { what, ..named_in.clone().unwrap_or_else(Fault::of_the_reference) };
        let (origin, layer, folder) = find(&reference, &folder).map_err(at_fault)?;
        if let Some(first) = known.iter().position(|one| *one == origin) {
            let round: Vec<_> = layers[first..].iter().map(|layer| layer.file.as_str()).collect();
            let what = format!(
                "{reference:?} is not allowed: it leads back to itself ({})",
                round.join(" extends ")
            );
            return Err(at_fault(what));
        }
        let header = header(&layer.file, &layer.text)?;
        next = header.extends.map(|extends| {
            let key = "extends".to_owned();
            let place =
                Fault { file: Some(layer.file.clone()), line: extends.line, key, what: String::new() };
            (extends.reference, folder, Some(place))
        });
        known.push(origin);
        layers.push(layer);
    }
    Ok(layers)
}

impl Fault {
    fn of_the_reference() -> Self {
        Self { file: None, line: None, key: String::new(), what: String::new() }
    }
}

/// What tells files apart, however they are named.
#[derive(PartialEq, Eq)]
enum Origin {
    Shipped(&'static str),
    File(PathBuf),
}

fn find(reference: &str, folder: &Path) -> Result<(Origin, Layer, PathBuf), String> {
    let Some(path) = reference.strip_prefix("file:") else {
        let found = shipped(reference).ok_or_else(|| {
            let names: Vec<_> = SHIPPED.iter().map(|shipped| shipped.name).collect();
            format!("{reference:?} is not allowed: file:PATH or one of {}", names.join(", "))
        })?;
        let file = format!("{} (shipped profile)", found.name);
        let layer = Layer { file, text: Cow::Borrowed(found.text) };
        return Ok((Origin::Shipped(found.name), layer, PathBuf::new()));
    };
    let path = folder.join(path);
    let unreadable = |error| format!("the profile can't be read from {}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    let origin = Origin::File(fs::canonicalize(&path).map_err(unreadable)?);
    let layer = Layer { file: path.display().to_string(), text: Cow::Owned(text) };
    Ok((origin, layer, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// What a profile says of itself.
pub(crate) struct Header {
    /// One line for people; may be empty.
    pub about: String,
    extends: Option<Extends>,
}

struct Extends {
    reference: String,
    line: Option<usize>,
}

/// The one table whose keys nobody else checks.
#[derive(Deserialize)]
struct OnlyFarEnd {
    #[serde(default, rename = "carrier")]
    _far_end: FarEnd,
}

/// Reads what a profile says of itself.
///
/// # Errors
/// It is no TOML, or one of [`OWN_KEYS`] is at fault.
pub(crate) fn header(file: &str, text: &str) -> Result<Header, Fault> {
    let line = |offset: usize| {
        1 + text.as_bytes().get(..offset).unwrap_or_default().iter().filter(|octet| **octet == b'\n').count()
    };
    let fault = |offset: Option<usize>, key: &str, what: String| Fault {
        file: Some(file.to_owned()),
        line: offset.map(line),
        key: key.to_owned(),
        what,
    };
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map(|span| span.start);
        fault(offset, "", format!("no valid TOML: {}", error.message()))
    })?;
    let text_of = |key: &str, right: &str| match table.get_ref().get_key_value(key) {
        None => Ok(None),
        Some((name, value)) => match value.get_ref() {
            DeValue::String(words) if !words.is_empty() && !words.contains('\n') => {
                Ok(Some((words.clone().into_owned(), name.span().start)))
            }
            _ => Err(fault(Some(name.span().start), key, format!("must be {right}"))),
        },
    };
    let about = text_of("about", "one line of text: what kind of carrier this is")?;
    let extends = text_of("extends", RIGHT)?;
    toml::from_str::<OnlyFarEnd>(text).map_err(|error| {
        let offset = error.span().map(|span| span.start);
        fault(offset, "carrier", error.message().to_owned())
    })?;
    Ok(Header {
        about: about.map_or_else(String::new, |(about, _)| about),
        extends: extends.map(|(reference, offset)| Extends { reference, line: Some(line(offset)) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn fault(files: &[(&str, &str)], reference: &str) -> String {
        let folder = folder(files);
        let fault = chain(reference, folder.path()).expect_err("a fault").to_string();
        fault.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_file_leads_to_what_it_extends_relative_to_its_own_folder() {
        let folder = folder(&[
            ("mine.toml", "extends = \"file:kinds/north.toml\""),
            ("kinds/north.toml", "extends = \"file:base.toml\""),
            ("kinds/base.toml", "extends = \"smpp34-hex-answers\""),
        ]);
        let layers = chain("file:mine.toml", folder.path()).unwrap();
        let names: Vec<_> =
            layers.iter().map(|layer| layer.file.rsplit('/').next().unwrap_or_default()).collect();
        let shipped = ["smpp34-hex-answers (shipped profile)", "smpp34 (shipped profile)"];
        assert_eq!(names, [&["mine.toml", "north.toml", "base.toml"][..], &shipped[..]].concat());
    }

    #[test]
    fn a_circle_is_refused_where_it_closes() {
        let files = [
            ("a.toml", "about = \"a\"\nextends = \"file:b.toml\""),
            ("b.toml", "extends = \"file:./a.toml\""),
        ];
        let told = "b.toml:1: extends: \"file:./a.toml\" is not allowed: it leads back to itself (a.toml extends b.toml)";
        assert_eq!(fault(&files, "file:a.toml"), told);
        let told = fault(&[("a.toml", "extends = \"file:a.toml\"")], "file:a.toml");
        assert!(told.starts_with("a.toml:1: extends: "), "{told}");
    }

    #[test]
    fn what_leads_nowhere_is_told_at_its_place() {
        let told = fault(&[], "smpp35");
        assert!(told.starts_with("\"smpp35\" is not allowed: file:PATH or one of smpp34, "), "{told}");
        let told = fault(&[], "file:none.toml");
        assert!(told.starts_with("the profile can't be read from none.toml: "), "{told}");
        let told = fault(&[("a.toml", "\nextends = \"none\"")], "file:a.toml");
        assert!(told.starts_with("a.toml:2: extends: \"none\" is not allowed"), "{told}");
    }

    #[test]
    fn its_own_keys_are_held_against_what_they_may_be() {
        for (text, told) in [
            ("about = 1", "a.toml:1: about: must be one line of text: what kind of carrier this is"),
            ("extends = []", "a.toml:1: extends: must be the name of a shipped profile"),
            ("x = ", "a.toml:1: no valid TOML: "),
            ("[carrier]\nreceipt_dates = 11", "a.toml:2: carrier: "),
            ("[carrier]\nreceipt_fields = \"most\"", "a.toml:2: carrier: unknown variant `most`"),
            ("[carrier]\n\nspeed = 1", "a.toml:3: carrier: unknown field `speed`"),
        ] {
            let found = fault(&[("a.toml", text)], "file:a.toml");
            assert!(found.starts_with(told), "{found}");
        }
    }
}
