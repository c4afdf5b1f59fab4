//! One transaction: what a group of verbs has written so far, over what is committed.

use std::{collections::hash_map::Entry, sync::Arc};

use fjall::{PersistMode, Slice, UserKey};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    StoreError,
    hashing::IdMap,
    rows::{Space, Spaces, check_key, decode, encode},
};

/// A row written and not yet committed; `None`: removed.
struct Written {
    space: Space,
    key: UserKey,
    row: Option<Slice>,
}

/// What a group of verbs reads and writes. Used by the committer's thread alone.
pub(super) struct Txn {
    spaces: Arc<Spaces>,
    /// In the order of their first writing, which is about that of their keys: the engine finds their places faster.
    written: Vec<Written>,
    /// Per keyspace: where in `written` a key is.
    places: Vec<IdMap<UserKey, usize>>,
    octets: usize,
    scratch: Vec<u8>,
    /// Makes the next commit fail as a disk would.
    #[cfg(test)]
    pub(super) disk_fails: bool,
}

impl Txn {
    pub(super) fn new(spaces: Arc<Spaces>) -> Self {
        let places = Space::ALL.iter().map(|_| IdMap::default()).collect();
        Self {
            spaces,
            written: Vec::new(),
            places,
            octets: 0,
            scratch: Vec::new(),
            #[cfg(test)]
            disk_fails: false,
        }
    }

    /// Rows to be written.
    pub(super) fn rows(&self) -> usize {
        self.written.len()
    }

    /// Octets to be written, about.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// The engine, for scans over what is committed.
    pub(super) fn spaces(&self) -> &Arc<Spaces> {
        &self.spaces
    }

    /// Reads a row, as this transaction would leave it.
    pub(super) fn get<T: DeserializeOwned>(&self, space: Space, key: &[u8]) -> Result<Option<T>, StoreError> {
        check_key(space, key)?;
        if let Some(place) = self.places[space as usize].get(key) {
            return self.written[*place].row.as_ref().map(|row| decode(space, key, row)).transpose();
        }
        let row = self.spaces[space].get(key).map_err(|error| failed(&error))?;
        row.map(|row| decode(space, key, &row)).transpose()
    }

    /// Writes a row.
    pub(super) fn put<T: Serialize>(
        &mut self,
        space: Space,
        key: UserKey,
        value: &T,
    ) -> Result<(), StoreError> {
        check_key(space, &key)?;
        let row = encode(space, &mut self.scratch, value)?;
        self.octets += key.len() + row.len();
        self.write(space, key, Some(row));
        Ok(())
    }

    /// Removes a row, whether or not it is there.
    pub(super) fn remove(&mut self, space: Space, key: UserKey) {
        self.octets += key.len();
        self.write(space, key, None);
    }

    fn write(&mut self, space: Space, key: UserKey, row: Option<Slice>) {
        match self.places[space as usize].entry(key) {
            Entry::Occupied(place) => self.written[*place.get()].row = row,
            Entry::Vacant(place) => {
                let key = place.key().clone();
                place.insert(self.written.len());
                self.written.push(Written { space, key, row });
            }
        }
    }

    /// Makes everything durable at once and starts anew.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        self.octets = 0;
        self.places.iter_mut().for_each(IdMap::clear);
        #[cfg(test)]
        if self.disk_fails {
            return Err(StoreError::Failed("the test's disk failed".into()));
        }
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.spaces.db.clone(), self.written.len())
            .durability(Some(PersistMode::SyncData));
        for Written { space, key, row } in self.written.drain(..) {
            match row {
                Some(row) => batch.insert(&self.spaces[space], key, row),
                None => batch.remove(&self.spaces[space], key),
            }
        }
        batch.commit().map_err(|error| failed(&error))
    }
}

/// The engine could not do it.
pub(super) fn failed(error: &fjall::Error) -> StoreError {
    StoreError::Failed(match error {
        fjall::Error::Io(error) => error.to_string(),
        fjall::Error::Poisoned => "an earlier write did not reach the disk".into(),
        other => other.to_string(),
    })
}
