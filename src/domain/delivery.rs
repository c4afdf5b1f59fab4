//! The life of a message as state: pure merging of outcomes and reports, segment by segment.
//!
//! Final states stay final: the first failure of a segment, or the arrival of all, decides the message once. Segments
//! that have left by then go on by themselves: what comes of them later is noted there and changes nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CarrierId, CarrierStatus, FailureClass, MessageState, Report, ReportedState, SegmentPlan, TrunkId,
};

/// The state of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SegmentState {
    /// To be sent, for the first time or again.
    Queued,
    /// Taken by the carrier.
    Submitted,
    /// It may have reached the carrier; a report or a late answer will tell, or nobody.
    Ambiguous,
    /// Arrived.
    Delivered,
    /// The carrier says it did not arrive.
    Undelivered,
    /// Refused.
    Rejected,
    /// Its validity ended first.
    Expired,
    /// Withdrawn, or not sent any more because another segment failed.
    Canceled,
    /// No report came in time.
    Unknown,
}

impl SegmentState {
    /// Nothing changes it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Submitted | Self::Ambiguous)
    }

    fn message_state(self) -> MessageState {
        match self {
            Self::Queued => MessageState::Accepted,
            Self::Submitted => MessageState::Submitted,
            Self::Ambiguous => MessageState::Submitting,
            Self::Delivered => MessageState::Delivered,
            Self::Undelivered => MessageState::Undelivered,
            Self::Rejected => MessageState::Rejected,
            Self::Expired => MessageState::Expired,
            Self::Canceled => MessageState::Canceled,
            Self::Unknown => MessageState::Unknown,
        }
    }
}

impl From<SegmentState> for MessageState {
    fn from(state: SegmentState) -> Self {
        state.message_state()
    }
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Where it stands.
    pub state: SegmentState,
    /// The trunk of its last try.
    pub trunk_id: Option<TrunkId>,
    /// What the carrier calls it.
    pub carrier_id: Option<CarrierId>,
    /// Tries that may have left the house.
    pub attempts: u16,
    /// When the last try was handed to a link.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub submit_time: Option<Timestamp>,
    /// When its answer came.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub response_time: Option<Timestamp>,
    /// The carrier's own time of the end.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub done_time: Option<Timestamp>,
    /// When its report came in.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub report_time: Option<Timestamp>,
    /// What was last said of it.
    pub status: Option<CarrierStatus>,
}

impl Segment {
    fn queued() -> Self {
        Self {
            state: SegmentState::Queued,
            trunk_id: None,
            carrier_id: None,
            attempts: 0,
            submit_time: None,
            response_time: None,
            done_time: None,
            report_time: None,
            status: None,
        }
    }
}

/// How a message moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// From.
    pub previous: MessageState,
    /// To.
    pub state: MessageState,
    /// It ended with this.
    pub ended: bool,
}

/// What a report did to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportEffect {
    /// It moved the segment, and perhaps the message.
    Applied(Transition),
    /// It says nothing final; noted.
    Intermediate,
    /// It says again what is known.
    Repeated,
    /// It says something else than what is final; noted, not applied.
    Contradicts,
}

/// How and when a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// In which state.
    pub state: MessageState,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub time: Timestamp,
}

/// The state of a message over all its segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How the message is cut.
    pub plan: SegmentPlan,
    /// The segments, first to last.
    pub segments: Vec<Segment>,
    /// Whether reports are awaited. Without them the carrier's acceptance of all segments is the end.
    pub report_requested: bool,
    /// A segment was sent again although an earlier try may have reached the carrier.
    pub possible_duplicate: bool,
    /// The reference of its concatenation headers, the same at every try.
    pub reference: u16,
    /// The end, once there is one.
    pub ended: Option<End>,
    /// What was last said of the message.
    pub status: Option<CarrierStatus>,
}

impl Delivery {
    /// A message that was just accepted.
    #[must_use]
    pub fn accepted(plan: SegmentPlan, report_requested: bool, reference: u16) -> Self {
        Self {
            plan,
            segments: vec![Segment::queued(); usize::from(plan.segments.max(1))],
            report_requested,
            possible_duplicate: false,
            reference,
            ended: None,
            status: None,
        }
    }

    /// Cuts the message anew, for another trunk. Only while nothing of it can be with a carrier: every try was refused.
    pub fn replan(&mut self, plan: SegmentPlan) {
        let refused =
            |segment: &Segment| segment.state == SegmentState::Queued && segment.carrier_id.is_none();
        if !self.possible_duplicate && self.segments.iter().all(refused) {
            let attempts = self.segments.iter().map(|segment| segment.attempts).max().unwrap_or(0);
            let anew = Segment { attempts, ..Segment::queued() };
            self.segments = vec![anew; usize::from(plan.segments.max(1))];
            self.plan = plan;
        }
    }

    /// The state of the whole message.
    #[must_use]
    pub fn state(&self) -> MessageState {
        if let Some(end) = self.ended {
            return end.state;
        }
        let any = |state| self.segments.iter().any(|segment| segment.state == state);
        let all = |state| self.segments.iter().all(|segment| segment.state == state);
        if all(SegmentState::Queued) {
            MessageState::Accepted
        } else if any(SegmentState::Queued) || any(SegmentState::Ambiguous) {
            MessageState::Submitting
        } else {
            MessageState::Submitted
        }
    }

    /// Segments that arrived.
    #[must_use]
    pub fn delivered(&self) -> u8 {
        let count = self.segments.iter().filter(|segment| segment.state == SegmentState::Delivered).count();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// The segment of a number from 1.
    pub fn segment_mut(&mut self, number: u8) -> Option<&mut Segment> {
        self.segments.get_mut(usize::from(number).checked_sub(1)?)
    }

    /// Moves one segment to `state` and the message with it.
    pub fn move_segment(
        &mut self,
        number: u8,
        state: SegmentState,
        status: Option<CarrierStatus>,
        now: Timestamp,
    ) -> Transition {
        let previous = self.state();
        if let Some(segment) = self.segment_mut(number) {
            if !segment.state.is_final() {
                segment.state = state;
            }
            if status.is_some() {
                segment.status = status.clone();
            }
        }
        self.conclude(previous, state, status, now)
    }

    /// Ends the message by our own decision: every segment that is queued and, by `on_wire`, has not left takes `state`.
    /// The others go on by themselves. `None`: all have left, so the carrier is to end it.
    pub fn end_unsent(
        &mut self,
        state: SegmentState,
        status: Option<CarrierStatus>,
        now: Timestamp,
        on_wire: impl Fn(u8) -> bool,
    ) -> Option<Transition> {
        let previous = self.state();
        let mut any = false;
        for segment in self.unsent_mut(on_wire) {
            segment.state = state;
            any = true;
        }
        any.then(|| self.conclude(previous, state, status, now))
    }

    /// Ends the message because nothing more was heard of it: every segment that is not final is unknown.
    pub fn give_up(&mut self, status: CarrierStatus, now: Timestamp) -> Transition {
        let previous = self.state();
        for segment in self.segments.iter_mut().filter(|segment| !segment.state.is_final()) {
            segment.state = SegmentState::Unknown;
        }
        self.conclude(previous, SegmentState::Unknown, Some(status), now)
    }

    /// Once the message has ended, what has not left stays here.
    pub fn cancel_unsent(&mut self, on_wire: impl Fn(u8) -> bool) {
        for segment in self.unsent_mut(on_wire) {
            segment.state = SegmentState::Canceled;
            segment.status =
                Some(CarrierStatus::ours(FailureClass::None, true, "not sent: the message had ended"));
        }
    }

    fn unsent_mut(&mut self, on_wire: impl Fn(u8) -> bool) -> impl Iterator<Item = &mut Segment> {
        let numbered = (1..).zip(&mut self.segments);
        let unsent = numbered
            .filter(move |(number, segment)| segment.state == SegmentState::Queued && !on_wire(*number));
        unsent.map(|(_, segment)| segment)
    }

    /// Applies a report about the segment of a number from 1.
    pub fn report(&mut self, number: u8, report: &Report) -> ReportEffect {
        let Some(segment) = self.segment_mut(number) else { return ReportEffect::Contradicts };
        let state = match report.state {
            Some(ReportedState::Delivered) => SegmentState::Delivered,
            Some(ReportedState::Undelivered) => SegmentState::Undelivered,
            Some(ReportedState::Unknown) => SegmentState::Unknown,
            Some(ReportedState::Intermediate) | None => {
                segment.status = Some(report.status.clone());
                return ReportEffect::Intermediate;
            }
        };
        if segment.state == state {
            return ReportEffect::Repeated;
        }
        // What ended only for want of a report may still be told; what the carrier said stands.
        let open = !segment.state.is_final() || segment.state == SegmentState::Unknown;
        if !open {
            return ReportEffect::Contradicts;
        }
        segment.state = state;
        segment.done_time = report.done_time;
        segment.report_time = Some(report.receive_time);
        segment.status = Some(report.status.clone());
        if segment.carrier_id.is_none() {
            segment.carrier_id = report.carrier_ids.first().cloned();
        }
        let previous = self.state();
        ReportEffect::Applied(self.conclude(
            previous,
            state,
            Some(report.status.clone()),
            report.receive_time,
        ))
    }

    fn conclude(
        &mut self,
        previous: MessageState,
        moved: SegmentState,
        status: Option<CarrierStatus>,
        now: Timestamp,
    ) -> Transition {
        if self.ended.is_some() {
            return Transition { previous, state: previous, ended: false };
        }
        let all = |state| self.segments.iter().all(|segment| segment.state == state);
        let taken =
            |segment: &Segment| matches!(segment.state, SegmentState::Submitted | SegmentState::Delivered);
        let end = if all(SegmentState::Delivered) {
            Some(MessageState::Delivered)
        } else if moved.is_final() && moved != SegmentState::Delivered {
            Some(moved.message_state())
        } else if !self.report_requested && self.segments.iter().all(taken) {
            Some(MessageState::Submitted)
        } else {
            None
        };
        if status.is_some() {
            self.status = status;
        }
        if let Some(state) = end {
            self.ended = Some(End { state, time: now });
        }
        Transition { previous, state: self.state(), ended: end.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Number, StatusSource};

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn delivery(segments: u8) -> Delivery {
        Delivery::accepted(SegmentPlan { encoding: None, segments, units: 1 }, true, 7)
    }

    fn report(state: ReportedState) -> Report {
        Report {
            carrier_ids: vec!["a".into()],
            recipient: Number::from_carrier(b"13800138000"),
            sender: String::new(),
            state: Some(state),
            status: CarrierStatus {
                source: StatusSource::CarrierReport,
                ..CarrierStatus::ours(FailureClass::None, true, "X")
            },
            submit_time: None,
            done_time: None,
            receive_time: now(),
            raw: Vec::new(),
        }
    }

    #[test]
    fn a_message_is_delivered_when_its_last_segment_is() {
        let mut delivery = delivery(2);
        delivery.move_segment(1, SegmentState::Submitted, None, now());
        assert_eq!(delivery.state(), MessageState::Submitting);
        delivery.move_segment(2, SegmentState::Submitted, None, now());
        assert_eq!(delivery.state(), MessageState::Submitted);
        let ReportEffect::Applied(first) = delivery.report(2, &report(ReportedState::Delivered)) else {
            panic!("not applied")
        };
        assert!(!first.ended);
        let ReportEffect::Applied(last) = delivery.report(1, &report(ReportedState::Delivered)) else {
            panic!("not applied")
        };
        assert!(last.ended && last.state == MessageState::Delivered);
    }

    #[test]
    fn a_refused_segment_ends_the_message_and_stops_what_has_not_left() {
        let mut delivery = delivery(4);
        delivery.move_segment(1, SegmentState::Submitted, None, now());
        let moved = delivery.move_segment(2, SegmentState::Rejected, None, now());
        assert!(moved.ended && moved.state == MessageState::Rejected);
        // The fourth is on the wire: nobody may say that it was not sent.
        delivery.cancel_unsent(|number| number == 4);
        assert_eq!(delivery.segments[2].state, SegmentState::Canceled);
        assert_eq!(delivery.segments[3].state, SegmentState::Queued);
        delivery.move_segment(4, SegmentState::Submitted, None, now());
        for number in [1, 4] {
            let ReportEffect::Applied(later) = delivery.report(number, &report(ReportedState::Delivered))
            else {
                panic!("a segment's report is noted after the end")
            };
            assert!(!later.ended && delivery.state() == MessageState::Rejected);
        }
    }

    #[test]
    fn our_own_end_leaves_alone_what_the_carrier_may_have() {
        let mut delivery = delivery(3);
        delivery.move_segment(1, SegmentState::Submitted, None, now());
        let moved = delivery.end_unsent(SegmentState::Expired, None, now(), |number| number == 2).unwrap();
        assert!(moved.ended && moved.state == MessageState::Expired);
        let states = delivery.segments.iter().map(|segment| segment.state).collect::<Vec<_>>();
        assert_eq!(states, [SegmentState::Submitted, SegmentState::Queued, SegmentState::Expired]);
        let mut sent = Delivery::accepted(delivery.plan, true, 7);
        assert_eq!(sent.end_unsent(SegmentState::Expired, None, now(), |_| true), None);
        assert_eq!(sent.ended, None);
    }

    #[test]
    fn final_states_stay_final() {
        let mut delivery = delivery(1);
        delivery.move_segment(1, SegmentState::Submitted, None, now());
        delivery.report(1, &report(ReportedState::Delivered));
        assert_eq!(delivery.report(1, &report(ReportedState::Delivered)), ReportEffect::Repeated);
        assert_eq!(delivery.report(1, &report(ReportedState::Undelivered)), ReportEffect::Contradicts);
        assert_eq!(delivery.report(1, &report(ReportedState::Intermediate)), ReportEffect::Intermediate);
        assert_eq!(delivery.state(), MessageState::Delivered);
    }

    #[test]
    fn without_a_report_the_carriers_acceptance_is_the_end() {
        let mut delivery = delivery(2);
        delivery.report_requested = false;
        assert!(!delivery.move_segment(1, SegmentState::Submitted, None, now()).ended);
        let last = delivery.move_segment(2, SegmentState::Submitted, None, now());
        assert!(last.ended && last.state == MessageState::Submitted);
    }

    #[test]
    fn the_end_of_the_report_window_is_told_as_unknown() {
        let mut delivery = delivery(1);
        delivery.move_segment(1, SegmentState::Ambiguous, None, now());
        assert_eq!(delivery.state(), MessageState::Submitting);
        let status = CarrierStatus::ours(FailureClass::NoResponse, true, "");
        let moved = delivery.give_up(status, now());
        assert!(moved.ended && moved.state == MessageState::Unknown);
    }
}
