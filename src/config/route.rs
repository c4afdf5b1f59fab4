//! One `[[route]]`: which messages go where.

use super::{
    RouteConfig,
    section::{Section, one_of},
};
use crate::domain::{Category, TenantId, TrunkId};

/// Reads a route; `trunks` are those that the file has.
pub(super) fn read(mut section: Section<'_>, trunks: &[TrunkId]) -> RouteConfig {
    let categories = [Category::Otp, Category::Notification, Category::Interactive, Category::Marketing];
    let category = |text: &str| categories.into_iter().find(|category| category.name() == text);
    // What is not said restricts nothing.
    let route = RouteConfig {
        prefixes: section
            .list("prefixes", "1 to 21 digits in international form, without + or 00", prefix)
            .or(Vec::new()),
        categories: section
            .list("categories", &one_of(categories.iter().map(|category| category.name())), category)
            .or(Vec::new()),
        tenants: section
            .list("tenants", "a tenant's id, not empty", |text| {
                (!text.is_empty()).then(|| TenantId::from(text))
            })
            .or(Vec::new()),
        trunks: section
            .list("trunks", &one_of(trunks.iter().map(TrunkId::as_str)), |text| {
                trunks.iter().find(|trunk| trunk.as_str() == text).cloned()
            })
            .required()
            .unwrap_or_default(),
    };
    if section.is_sound() {
        check(&section, &route.trunks);
    }
    section.finish();
    route
}

fn check(section: &Section<'_>, trunks: &[TrunkId]) {
    if trunks.is_empty() {
        section.note("trunks", "an empty list is not allowed: a route needs at least one trunk");
    }
    if let Some((_, twice)) =
        trunks.iter().enumerate().find(|(index, trunk)| trunks[..*index].contains(trunk))
    {
        section.note(
            "trunks",
            format!("\"{twice}\" is there twice: name each trunk once, in order of preference"),
        );
    }
}

fn prefix(text: &str) -> Option<String> {
    let sound = (1..=21).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_digit())
        && !text.starts_with("00");
    sound.then(|| text.to_owned())
}
