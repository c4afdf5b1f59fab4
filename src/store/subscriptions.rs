//! Consumer groups and what they have confirmed.

use fjall::{Readable, Slice};

use super::{
    Cursor, StoreError, Subscription,
    rows::{Space, Spaces, decode},
    txn::failed,
    verbs::Verbs,
};
use crate::domain::SubscriptionId;

impl Verbs {
    pub(super) fn put_subscription(&mut self, subscription: &Subscription) -> Result<(), StoreError> {
        self.txn.put(Space::Subscription, key(&subscription.id), subscription)
    }

    /// Removes a group and what it had confirmed. `false`: there was none.
    pub(super) fn delete_subscription(&mut self, id: &SubscriptionId) -> Result<bool, StoreError> {
        let known = self.txn.get::<Subscription>(Space::Subscription, &key(id))?.is_some();
        if known {
            self.txn.remove(Space::Subscription, key(id));
            self.txn.remove(Space::Cursor, key(id));
        }
        Ok(known)
    }

    /// Saves what groups have confirmed. A group that is gone leaves nothing behind.
    pub(super) fn save_cursors(&mut self, cursors: Vec<(SubscriptionId, Cursor)>) -> Result<(), StoreError> {
        for (id, cursor) in cursors {
            if self.txn.get::<Subscription>(Space::Subscription, &key(&id))?.is_some() {
                self.txn.put(Space::Cursor, key(&id), &cursor)?;
            }
        }
        Ok(())
    }
}

/// All groups, by name.
pub(super) fn all(spaces: &Spaces) -> Result<Vec<Subscription>, StoreError> {
    let snapshot = spaces.db.snapshot();
    snapshot
        .iter(&spaces[Space::Subscription])
        .map(|row| {
            let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
            decode(Space::Subscription, &key, &row)
        })
        .collect()
}

/// What a group has confirmed.
pub(super) fn cursor(spaces: &Spaces, id: &SubscriptionId) -> Result<Option<Cursor>, StoreError> {
    let key = key(id);
    super::rows::check_key(Space::Cursor, &key)?;
    let row = spaces.db.snapshot().get(&spaces[Space::Cursor], &key).map_err(|error| failed(&error))?;
    row.map(|row| decode(Space::Cursor, &key, &row)).transpose()
}

fn key(id: &SubscriptionId) -> Slice {
    Slice::from(id.as_str())
}
