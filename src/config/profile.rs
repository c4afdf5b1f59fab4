//! `profile = "…"` of a trunk: the files of its kind of carrier, laid below the trunk's own keys.

use std::path::Path;

use toml::de::DeTable;

use super::{layer::Document, section::Section};

/// Reads a trunk's section with the profile that it names below it; `folder` is that of the configuration file. `None`:
/// the profile can't be used, so nothing can be said of the trunk.
pub(super) fn with<T>(
    mut section: Section<'_>,
    folder: &Path,
    read: impl FnOnce(Section<'_>) -> Option<T>,
) -> Option<T> {
    let is_reference = |text: &str| !text.is_empty() && !text.contains('\0');
    let Some(reference) = section.text("profile", profiles::chain::RIGHT, is_reference).optional() else {
        return read(section);
    };
    let layers = match profiles::chain(&reference, folder) {
        Ok(layers) => layers,
        Err(fault) => {
            match fault.file {
                Some(file) => section.note_in(file, fault.line, fault.key, fault.what),
                None => section.note("profile", fault.what),
            }
            return None;
        }
    };
    let faults = section.faults();
    let documents: Vec<_> =
        layers.iter().map(|layer| Document::new(&layer.file, &layer.text, faults)).collect();
    // They were read before, or there would have been a fault.
    let tables: Vec<_> = layers.iter().filter_map(|layer| DeTable::parse(&layer.text).ok()).collect();
    let mut section = section;
    for (document, table) in documents.iter().zip(&tables) {
        section.lay_below(document, table.get_ref(), &profiles::chain::OWN_KEYS);
    }
    read(section)
}

#[cfg(test)]
mod tests;
