//! What trunks are made from: where we can be reached, what we listen on, and who is asked for names.

use std::collections::BTreeMap;

use codecs::{
    Now,
    sip::{
        locate::Settings,
        ua::{Limits, Listener, PeerId},
    },
};
use rand::{Rng, rngs::StdRng};
use tokio::sync::mpsc;
use tracing::warn;

use super::{
    locate::{self, Learnt, Lookup, Resolver},
    trunk::SipTrunk,
    wish::TrunkWish,
};
use crate::config::{DnsConfig, SipTrunkConfig};

/// What trunks are made from.
pub(super) struct Places {
    /// The listeners as peers reach them.
    pub reachable: Vec<Listener>,
    /// How gateways may be reached.
    pub settings: Settings,
    /// Who is asked for names, once there is one.
    pub resolver: Option<Resolver>,
    pub dns: DnsConfig,
    pub learnt: mpsc::Sender<Learnt>,
    pub random: StdRng,
    /// Trunks that there ever were.
    pub made: u32,
}

impl Places {
    /// Lets the trunk that is wanted be as it is wanted; one that is not there is made.
    pub fn furnish(&mut self, trunks: &mut BTreeMap<PeerId, SipTrunk>, wanted: &TrunkWish, now: Now) {
        let seed = self.random.random();
        let trunk = match trunks.values_mut().find(|trunk| trunk.id() == wanted.id()) {
            Some(trunk) => {
                trunk.heed(wanted, &self.reachable, seed, now);
                trunk
            }
            None => {
                let peer = PeerId(self.made);
                self.made += 1;
                let settings = self.settings.clone();
                let trunk = SipTrunk::new(wanted, peer, settings, &self.reachable, seed, now);
                trunks.entry(peer).or_insert(trunk)
            }
        };
        self.look_up(trunk);
    }

    /// Asks for the names of the gateways that the trunk has now, and no others.
    fn look_up(&mut self, trunk: &mut SipTrunk) {
        let names: Vec<_> = trunk.pool.names().map(|(id, name)| (id, name.clone())).collect();
        trunk.lookups.retain(|(id, lookup)| {
            let is_wanted = names.iter().any(|(wanted, _)| wanted == id);
            if !is_wanted {
                lookup.abort();
            }
            is_wanted
        });
        for (gateway, destination) in names {
            if trunk.lookups.iter().any(|(id, _)| *id == gateway) {
                continue;
            }
            let Some(resolver) = self.resolver() else { return };
            let (settings, trunk_id) = (self.settings.clone(), trunk.peer);
            let lookup = Lookup { trunk: trunk_id, gateway, destination, settings };
            let watching = locate::watch(resolver, lookup, self.learnt.clone());
            trunk.lookups.push((gateway, tokio::spawn(watching).abort_handle()));
        }
    }

    fn resolver(&mut self) -> Option<Resolver> {
        if self.resolver.is_none() {
            match Resolver::new(&self.dns) {
                Ok(resolver) => self.resolver = Some(resolver),
                Err(error) => warn!(%error, "nobody can be asked for the names of gateways"),
            }
        }
        self.resolver.clone()
    }
}

/// Legs that these trunks may need at once: a call over the limit is refused by a leg that lives for a moment. The endpoint's
/// usual limit is the least: ended legs wait for half a minute for repetitions and count too, and calls may be short.
pub(super) fn legs<'a>(trunks: impl Iterator<Item = &'a SipTrunkConfig>) -> usize {
    let calls = trunks.map(|trunk| usize::try_from(trunk.max_calls).unwrap_or(usize::MAX));
    calls.fold(0, usize::saturating_add).saturating_mul(2).max(Limits::default().legs)
}
