//! Which leg is which placement of which call.

use std::collections::HashMap;

use codecs::sip::{
    Target,
    ua::{LegId, PeerId},
};

use crate::{domain::CallDirection, trunk::calls::Placement};

/// A leg that lives.
#[derive(Debug)]
pub(super) struct Leg {
    pub placement: Placement,
    /// Its trunk. One with legs is never let go.
    pub trunk: PeerId,
    pub direction: CallDirection,
    /// Transport and address of whom it speaks with.
    pub remote: String,
    /// The gateway that has not said anything yet.
    pub target: Option<Target>,
}

/// All legs that live.
#[derive(Debug, Default)]
pub(super) struct Legs {
    of_id: HashMap<LegId, Leg>,
    of_placement: HashMap<Placement, LegId>,
}

impl Legs {
    pub fn add(&mut self, id: LegId, leg: Leg) {
        self.of_placement.insert(leg.placement, id);
        self.of_id.insert(id, leg);
    }

    pub fn get_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.of_id.get_mut(&id)
    }

    pub fn find(&self, placement: Placement) -> Option<LegId> {
        self.of_placement.get(&placement).copied()
    }

    pub fn remove(&mut self, id: LegId) -> Option<Leg> {
        let leg = self.of_id.remove(&id)?;
        self.of_placement.remove(&leg.placement);
        Some(leg)
    }

    pub fn is_empty(&self) -> bool {
        self.of_id.is_empty()
    }
}
