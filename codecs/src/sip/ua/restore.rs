//! Ending what a crash left: from a snapshot, with CANCEL or BYE.

use std::sync::Arc;

use super::{
    DialogRouting, LegId, Policy, Refusal, Snapshot,
    core::Core,
    leg::{Call, Ending, Leg},
    session::Session,
    snapshot::Open,
};
use crate::{
    Now,
    sip::{
        Method, Name, Writer,
        cause::{self, End, Own},
        dialog::{Dialog, RouteSet, session_timer::SessionTimer},
    },
};

/// How far behind the number in a snapshot may be: requests since then took some.
const GAP: u32 = 1000;

impl Leg {
    /// Ends a leg of a process that is gone.
    pub fn restore(core: &mut Core, now: Now, id: LegId, snapshot: Snapshot) -> Result<Self, Refusal> {
        let Snapshot { peer, call_id, local, remote, sequence, target, routes, open } = snapshot;
        let routing = match &open {
            Open::Dialog { pinned: true, .. } => DialogRouting::Pinned,
            _ => DialogRouting::AsTold,
        };
        let policy = Policy { dialog_routing: routing, session_timer: None, ..Policy::default() };
        let mut leg = Self::new(id, peer, Arc::new(policy), Call::Restored(None));
        match open {
            Open::Invite { request_uri, via } => {
                let mut writer = Writer::request(Method::Invite.name(), request_uri);
                writer.field(Name::Via, via);
                for route in &routes {
                    writer.field(Name::Route, route);
                }
                writer.field(Name::From, local).field(Name::To, remote).field(Name::CallId, call_id);
                writer.cseq(sequence, Method::Invite.name());
                let invite = writer.finish();
                let resumed = core.transactions.resume(now, &invite, target).map_err(|_| Refusal::Full)?;
                leg.adopt(core, resumed);
                leg.call = Call::Restored(Some(Box::new(invite)));
                let reasons: Vec<_> =
                    cause::reasons(Own::Lost).iter().filter_map(cause::Reason::to_value).collect();
                let reason = reasons.join(", ");
                leg.cancel(core, now, resumed, Some(reason.into()));
                leg.end(core, now, Ending::of(End::CancelSent).own(Own::Lost));
            }
            Open::Dialog { remote_target, .. } => {
                let routes = RouteSet::of_values(routes);
                let dialog = Dialog::restored(call_id, local, remote, sequence + GAP, remote_target, routes);
                let session = leg.next_session();
                let tag = dialog.local_tag().clone();
                let timer = SessionTimer::new(leg.policy.timer_settings());
                leg.sessions.push(Session::new(session, dialog, target, timer, 0));
                leg.answered = Some(session);
                leg.seen.answer = Some(now.mono);
                core.tags.insert(tag.clone(), id);
                leg.tags.push(tag);
                leg.send_bye(core, now, session, Own::Lost, &[]);
                leg.end(core, now, Ending::of(End::ByeSent).own(Own::Lost));
            }
        }
        Ok(leg)
    }
}
