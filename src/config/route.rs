//! One `[[route]]`: which messages go where.

use super::{
    ContentKind, RouteConfig, RouteOrder,
    numbers::Numbers,
    section::{Section, one_of},
};
use crate::domain::{Category, Sender, TenantId, TrunkId};

/// How the trunks of a route are ordered, before their numbers are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Listed,
    Weighted,
    Cheapest,
}

/// Reads a route; `trunks` are those that the file has, `costs` what those say of themselves that could be read,
/// `is_for_calls` tells the two kinds of trunks apart.
pub(super) fn read(
    number: usize,
    mut section: Section<'_>,
    trunks: &[TrunkId],
    costs: &[(TrunkId, Option<u32>)],
    numbers: &Numbers,
    is_for_calls: &dyn Fn(&TrunkId) -> bool,
) -> RouteConfig {
    let kinds = [ContentKind::Text, ContentKind::Binary, ContentKind::Long];
    let content = |text: &str| kinds.into_iter().find(|kind| kind.name() == text);
    // What is not said restricts nothing.
    let mut route = RouteConfig {
        name: section.text("name", "1 to 64 printable characters", is_title).or(format!("route {number}")),
        prefixes: section
            .list("prefixes", "1 to 21 digits in international form, without + or 00", prefix)
            .or(Vec::new()),
        operators: operators(&mut section, numbers),
        categories: categories(&mut section),
        tenants: tenants(&mut section),
        senders: section
            .list("senders", "what a sender begins with, 1 to 20 printable ASCII characters", sender)
            .or(Vec::new()),
        content: section
            .list("content", &one_of(kinds.iter().map(|kind| kind.name())), content)
            .or(Vec::new()),
        trunks: section
            .list("trunks", &one_of(trunks.iter().map(TrunkId::as_str)), |text| {
                trunks.iter().find(|trunk| trunk.as_str() == text).cloned()
            })
            .required()
            .unwrap_or_default(),
        order: RouteOrder::Listed,
    };
    let orders = [("listed", Order::Listed), ("weighted", Order::Weighted), ("cheapest", Order::Cheapest)];
    let order = section.choice("order", &orders).or(Order::Listed);
    let weights = section.numbers("weights", 0..=1000, "as a trunk's share").optional();
    let own_costs = section.numbers("costs", 0..=1_000_000_000, "of any unit").optional();
    if section.is_sound() {
        check(&section, &route.trunks);
        check_kind(&section, &route, is_for_calls);
    }
    if section.is_sound() {
        let costs_of_trunks = || {
            // A trunk that could not be read is at fault already, and for another reason.
            let cost =
                |id: &TrunkId| costs.iter().find(|(trunk, _)| trunk == id).map_or(Some(0), |(_, cost)| *cost);
            route.trunks.iter().map(|id| cost(id).ok_or(id)).collect::<Result<Vec<u32>, _>>()
        };
        let checked = match order {
            Order::Listed => Ok(RouteOrder::Listed),
            Order::Weighted => weighted(&route.trunks, weights.as_deref()),
            Order::Cheapest => cheapest(&route.trunks, own_costs.as_deref(), costs_of_trunks()),
        };
        match checked {
            Ok(order) => route.order = order,
            Err((key, what)) => section.note(key, what),
        }
        for (key, is_there, wanted, name) in [
            ("weights", weights.is_some(), Order::Weighted, "weighted"),
            ("costs", own_costs.is_some(), Order::Cheapest, "cheapest"),
        ] {
            if is_there && order != wanted {
                section.note(key, format!("has no effect here: set order = \"{name}\", or remove it"));
            }
        }
    }
    section.finish();
    route
}

/// The categories of a route or window.
pub(super) fn categories(section: &mut Section<'_>) -> Vec<Category> {
    let categories = [Category::Otp, Category::Notification, Category::Interactive, Category::Marketing];
    let category = |text: &str| categories.into_iter().find(|category| category.name() == text);
    let right = one_of(categories.iter().map(|category| category.name()));
    section.list("categories", &right, category).or(Vec::new())
}

/// The tenants of a route or window.
pub(super) fn tenants(section: &mut Section<'_>) -> Vec<TenantId> {
    let tenant = |text: &str| (!text.is_empty()).then(|| TenantId::from(text));
    section.list("tenants", "a tenant's id, not empty", tenant).or(Vec::new())
}

fn operators(section: &mut Section<'_>, numbers: &Numbers) -> Vec<String> {
    let known = numbers.plan.operators();
    let right = if numbers.is_known && !known.is_empty() {
        format!("an operator that the files of [numbers] name: {}", one_of(known.iter().map(String::as_str)))
    } else {
        "an operator that the files of [numbers] name".to_owned()
    };
    let operator = |text: &str| {
        let fits = !numbers.is_known || known.iter().any(|operator| operator == text);
        fits.then(|| text.to_owned())
    };
    let operators = section.list("operators", &right, operator).or(Vec::new());
    if !operators.is_empty() && !numbers.is_known && !numbers.is_broken {
        let what =
            "needs [numbers] with a file of ranges or ported numbers: without one no operator is known";
        section.note("operators", what);
    }
    operators
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

/// A route is for messages or for calls.
fn check_kind(section: &Section<'_>, route: &RouteConfig, is_for_calls: &dyn Fn(&TrunkId) -> bool) {
    let [first, others @ ..] = &route.trunks[..] else { return };
    if let Some(other) = others.iter().find(|other| is_for_calls(other) != is_for_calls(first)) {
        let what = format!(
            "\"{other}\" is not allowed beside \"{first}\": one carries messages and the other calls, and each needs a route of its own"
        );
        section.note("trunks", what);
    }
    if is_for_calls(first) && !route.content.is_empty() {
        section.note("content", "is not allowed: the route's trunks carry calls, which have none");
    }
}

type Fault = (&'static str, String);

fn weighted(trunks: &[TrunkId], weights: Option<&[u32]>) -> Result<RouteOrder, Fault> {
    let right = format!("order = \"weighted\" needs {} of them, one for each of trunks", trunks.len());
    match weights {
        None => Err(("weights", format!("is missing: {right}"))),
        Some(weights) if weights.len() != trunks.len() => {
            Err(("weights", format!("a list of {} is not allowed: {right}", weights.len())))
        }
        Some(weights) if weights.iter().all(|weight| *weight == 0) => {
            Err(("weights", "all 0 is not allowed: some trunk must have a share".to_owned()))
        }
        Some(weights) => Ok(RouteOrder::Weighted(weights.to_vec())),
    }
}

fn cheapest(
    trunks: &[TrunkId],
    own: Option<&[u32]>,
    of_trunks: Result<Vec<u32>, &TrunkId>,
) -> Result<RouteOrder, Fault> {
    match (own, of_trunks) {
        (Some(costs), _) if costs.len() != trunks.len() => {
            let (given, needed) = (costs.len(), trunks.len());
            let right = format!("order = \"cheapest\" needs {needed} of them, one for each of trunks");
            Err(("costs", format!("a list of {given} is not allowed: {right}")))
        }
        (Some(costs), _) => Ok(RouteOrder::Cheapest(costs.to_vec())),
        (None, Ok(costs)) => Ok(RouteOrder::Cheapest(costs)),
        (None, Err(trunk)) => Err((
            "costs",
            format!(
                "is missing: order = \"cheapest\" needs them here, or cost in each trunk; \"{trunk}\" has none"
            ),
        )),
    }
}

fn is_title(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn sender(text: &str) -> Option<String> {
    Sender::parse(text).filter(|sender| !sender.as_str().is_empty()).map(|sender| sender.as_str().to_owned())
}

fn prefix(text: &str) -> Option<String> {
    let sound = (1..=21).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_digit())
        && !text.starts_with("00");
    sound.then(|| text.to_owned())
}
