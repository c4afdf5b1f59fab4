//! `[shares]`: how classes and tenants share what an account can carry.

use std::{collections::HashMap, ops::RangeInclusive};

use super::section::Section;
use crate::domain::{Category, TenantId};

/// Weights: of the classes that share what the codes leave, and of the tenants within each class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareConfig {
    /// Of conversations. Default 8.
    pub interactive: u32,
    /// Of notices. Default 4.
    pub notification: u32,
    /// Of advertising. Default 1.
    pub marketing: u32,
    /// Of tenants; those not named have 1.
    pub tenants: HashMap<TenantId, u32>,
}

const WEIGHTS: RangeInclusive<u32> = 1..=1000;
/// What all weights are counted in.
const WHAT: &str = "parts";

impl Default for ShareConfig {
    fn default() -> Self {
        // A person waits for an answer, somebody reads a notice the same hour, and advertising has all day.
        Self { interactive: 8, notification: 4, marketing: 1, tenants: HashMap::new() }
    }
}

impl ShareConfig {
    /// The weight of a category among classes. Codes are served before all and share with nobody.
    #[must_use]
    pub fn of_class(&self, category: Category) -> u32 {
        match category {
            Category::Otp => 1,
            Category::Interactive => self.interactive,
            Category::Notification => self.notification,
            Category::Marketing => self.marketing,
        }
    }

    /// The weight of a tenant within each class.
    #[must_use]
    pub fn of_tenant(&self, tenant: &TenantId) -> u32 {
        self.tenants.get(tenant).copied().unwrap_or(1)
    }
}

pub(super) fn read(mut section: Section<'_>) -> ShareConfig {
    let default = ShareConfig::default();
    let mut weight = |key, default| section.number(key, WEIGHTS, WHAT).or(default);
    let (interactive, notification, marketing) = (
        weight("interactive", default.interactive),
        weight("notification", default.notification),
        weight("marketing", default.marketing),
    );
    let tenants = section.section("tenants").number_of_each(WEIGHTS, WHAT);
    section.finish();
    let tenants = tenants.into_iter().map(|(tenant, weight)| (tenant.into(), weight)).collect();
    ShareConfig { interactive, notification, marketing, tenants }
}
