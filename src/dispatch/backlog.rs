//! How much waits for a trunk: reserved where requests are accepted, given back by itself where they leave.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::{Category, TenantId};

/// Codes may go beyond every limit by one part in this many: others that wait must not keep them out.
const FOR_CODES: usize = 10;

/// Messages that wait for a trunk or are on its links, over all tenants and of each.
#[derive(Debug)]
pub struct Backlog {
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    max: usize,
    tenant_max: usize,
    all: usize,
    tenants: HashMap<TenantId, usize>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// So many messages wait for the trunk already.
    Trunk(usize),
    /// So many messages of this tenant wait for the trunk already.
    Tenant(usize),
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trunk(max) => write!(f, "{max} messages"),
            Self::Tenant(max) => write!(f, "{max} messages of this tenant"),
        }
    }
}

impl Backlog {
    /// An empty backlog: at most `max` messages, `tenant_max` of one tenant.
    #[must_use]
    pub fn new(max: usize, tenant_max: usize) -> Self {
        Self { count: Mutex::new(Count { max, tenant_max, ..Count::default() }) }
    }

    /// Changes how many messages there may be at most, and of one tenant. Those that are there stay.
    pub fn set_limits(&self, max: usize, tenant_max: usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        (count.max, count.tenant_max) = (max, tenant_max);
    }

    /// Reserves room for one message.
    ///
    /// # Errors
    /// There is none for this tenant, or none at all.
    pub fn reserve(self: &Arc<Self>, tenant: &TenantId, category: Category) -> Result<Room, Full> {
        let most = |max: usize| match category {
            Category::Otp => max.saturating_add(max.div_ceil(FOR_CODES)),
            _ => max,
        };
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.all >= most(count.max) {
            return Err(Full::Trunk(count.max));
        }
        if count.tenants.get(tenant).is_some_and(|waiting| *waiting >= most(count.tenant_max)) {
            return Err(Full::Tenant(count.tenant_max));
        }
        count.add(tenant);
        Ok(self.room(tenant))
    }

    /// Takes room even where there is none: for what a restart finds, or what comes back.
    #[must_use]
    pub fn force(self: &Arc<Self>, tenant: &TenantId) -> Room {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).add(tenant);
        self.room(tenant)
    }

    /// Messages waiting or on the wire.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn room(self: &Arc<Self>, tenant: &TenantId) -> Room {
        Room { backlog: Arc::clone(self), tenant: tenant.clone() }
    }
}

impl Count {
    fn add(&mut self, tenant: &TenantId) {
        self.all += 1;
        match self.tenants.get_mut(tenant) {
            Some(waiting) => *waiting += 1,
            None => drop(self.tenants.insert(tenant.clone(), 1)),
        }
    }

    fn remove(&mut self, tenant: &TenantId) {
        self.all = self.all.saturating_sub(1);
        let Some(waiting) = self.tenants.get_mut(tenant) else { return };
        *waiting -= 1;
        if *waiting == 0 {
            self.tenants.remove(tenant);
        }
    }
}

/// One message's room in a backlog, given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    backlog: Arc<Backlog>,
    tenant: TenantId,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.backlog.count.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(backlog: &Arc<Backlog>, tenant: &str, category: Category) -> (Vec<Room>, Full) {
        let mut rooms = Vec::new();
        loop {
            match backlog.reserve(&tenant.into(), category) {
                Ok(room) => rooms.push(room),
                Err(full) => return (rooms, full),
            }
        }
    }

    #[test]
    fn a_tenant_can_fill_its_own_part_and_codes_still_enter() {
        let backlog = Arc::new(Backlog::new(100, 60));
        let (one, full) = fill(&backlog, "one", Category::Marketing);
        assert_eq!((one.len(), full), (60, Full::Tenant(60)));
        let (two, full) = fill(&backlog, "two", Category::Marketing);
        assert_eq!((two.len(), full), (40, Full::Trunk(100)));
        let (codes, full) = fill(&backlog, "one", Category::Otp);
        assert_eq!((codes.len(), full), (6, Full::Tenant(60)));
        let (more, full) = fill(&backlog, "three", Category::Otp);
        assert_eq!((more.len(), full), (4, Full::Trunk(100)));
        let forced = backlog.force(&"four".into());
        drop((one, two, codes, more));
        assert_eq!(backlog.len(), 1);
        drop(forced);
        assert!(backlog.is_empty() && backlog.count.lock().unwrap().tenants.is_empty());
    }
}
