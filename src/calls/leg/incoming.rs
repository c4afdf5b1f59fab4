//! How an incoming call begins, and how we refuse it.

use super::*;
use crate::{
    domain::{CallId, Category, TenantId},
    trunk::calls::Incoming,
};

/// What decides of incoming calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingRules {
    /// How long the platform may take to answer or reject one.
    pub answer_deadline: Duration,
    /// How long one may last.
    pub max_duration: Duration,
}

impl Leg {
    /// A call that came in. Its slot stays with the caller of this. `owner`: whose number is called.
    #[must_use]
    pub fn incoming(
        id: CallId,
        incoming: &Incoming,
        owner: Option<TenantId>,
        rules: IncomingRules,
        now: Now,
        effects: &mut Effects,
    ) -> Self {
        let call = Call {
            id,
            direction: CallDirection::Inbound,
            request_id: String::new(),
            tenant_id: owner.unwrap_or_else(|| "".into()),
            caller: incoming.caller.clone(),
            display_caller: None,
            callee: incoming.callee.clone(),
            category: Category::Interactive,
            trunk_ids: Vec::new(),
            ring_timeout: rules.answer_deadline,
            max_duration: rules.max_duration,
            client_reference: String::new(),
            labels: Vec::new(),
            headers: incoming.headers.clone(),
            trace_parent: String::new(),
            accept_time: now.wall,
        };
        let mut leg = Self::new(Arc::new(call), Sdp::default(), now.mono + rules.answer_deadline);
        leg.placed = 1;
        leg.tried.push(incoming.trunk.clone());
        let failover = Arc::new(Failover { max_trunks: 1, ..Failover::default() });
        leg.on = Some(OnTrunk { number: 1, trunk: incoming.trunk.clone(), failover, silent_until: None });
        leg.begin_attempt(incoming.gateway.clone(), incoming.sip_call_id.clone(), now);
        leg.keep_dialog(1, &incoming.snapshot);
        leg.marks.invite = Some(now.mono);
        leg.progress.times.invite = Some(now.wall);
        leg.remote.clone_from(&incoming.sdp);
        leg.progress.sequence = 1;
        let inbound = InboundCall {
            call_id: id,
            trunk_id: incoming.trunk.clone(),
            caller: incoming.caller.clone(),
            callee: incoming.callee.clone(),
            sdp: incoming.sdp.clone(),
            headers: incoming.headers.clone(),
            answer_by: now.wall.checked_add(rules.answer_deadline).unwrap_or(jiff::Timestamp::MAX),
            sequence: 1,
        };
        effects.told.push((Told::Inbound(Box::new(inbound)), now.wall));
        effects.changed = true;
        leg
    }

    /// Refuses an incoming call.
    pub(super) fn refuse(&mut self, own: Own, status: u16, now: Now, effects: &mut Effects) {
        self.own = Some(own);
        self.gone_by = Some(now.mono + LAST_WORD);
        effects.orders.push(CallOrder::Reject { placement: self.placement(self.placed), status });
    }
}
