//! What operators want of trunks, kept until they want something else.

use fjall::{Readable, Slice};

use super::{
    StoreError,
    rows::{Space, Spaces, corrupt, decode},
    txn::failed,
    verbs::Verbs,
};
use crate::domain::{TrunkId, Wanted};

/// What the keys begin with, among those of what the store knows of itself.
const PREFIX: &str = "wanted/";

impl Verbs {
    pub(super) fn want(&mut self, trunk: &TrunkId, wanted: &Wanted) -> Result<(), StoreError> {
        self.txn.put(Space::Meta, Slice::from(format!("{PREFIX}{trunk}")), wanted)
    }
}

/// What is wanted of each trunk of which anything was ever said, configured or not.
pub(super) fn wanted(spaces: &Spaces) -> Result<Vec<(TrunkId, Wanted)>, StoreError> {
    let read = |row: fjall::Guard| {
        let (key, row) = row.into_inner().map_err(|error| failed(&error))?;
        let name = std::str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(PREFIX));
        let name = name.ok_or_else(|| corrupt(Space::Meta, &key, "its key names no trunk".into()))?;
        Ok((TrunkId::from(name), decode(Space::Meta, &key, &row)?))
    };
    spaces.db.snapshot().prefix(&spaces[Space::Meta], PREFIX).map(read).collect()
}
