//! What the platform says of a call.

use thiserror::Error;

use super::*;

/// A word that does not fit the call's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WrongState {
    /// It is over, or ends.
    #[error("the call has ended, or is being ended")]
    Ended,
    /// Only incoming calls are answered, rejected, and told that they ring.
    #[error("the call is not an incoming one")]
    NotIncoming,
    /// It was answered or refused already.
    #[error("the call was answered already")]
    Answered,
    /// It has no session yet.
    #[error("the call has not been answered yet")]
    NotAnswered,
    /// Nobody offered anything.
    #[error("the peer has made no offer that waits for an answer")]
    NotOffered,
    /// The peer's own offer goes first.
    #[error("the peer has made an offer: answer that one first")]
    OfferWaits,
}

impl Leg {
    /// Ends it, with the request that its state asks for.
    pub fn hang_up(&mut self, reason: HangupWhy, now: Now, effects: &mut Effects) {
        if self.ended || self.own.is_some() {
            return;
        }
        if self.on.is_none() {
            self.own = Some(Own::Hangup(reason));
            return self.end(now, Cause::Cancelled, Evidence::default(), effects);
        }
        if self.call.direction == CallDirection::Inbound && self.waits_for_answer() {
            let status = if reason == HangupWhy::Drain { 503 } else { 603 };
            return self.refuse(Own::Rejected, status, now, effects);
        }
        self.order_end(reason, now, effects);
    }

    /// Tells an incoming call's carrier that it rings, or lets the caller hear something.
    ///
    /// # Errors
    /// It is no incoming call that waits for an answer.
    pub fn ring_back(&mut self, sdp: Option<Sdp>, effects: &mut Effects) -> Result<(), WrongState> {
        let placement = self.unanswered()?;
        effects.orders.push(CallOrder::Ring { placement, sdp });
        Ok(())
    }

    /// Answers an incoming call.
    ///
    /// # Errors
    /// It is no incoming call that waits for an answer.
    pub fn answer(&mut self, sdp: Sdp, effects: &mut Effects) -> Result<(), WrongState> {
        let placement = self.unanswered()?;
        self.replied = true;
        effects.orders.push(CallOrder::Answer { placement, sdp });
        Ok(())
    }

    /// Refuses an incoming call.
    ///
    /// # Errors
    /// It is no incoming call that waits for an answer.
    pub fn reject(&mut self, status: u16, now: Now, effects: &mut Effects) -> Result<(), WrongState> {
        self.unanswered()?;
        self.refuse(Own::Rejected, status, now, effects);
        Ok(())
    }

    /// Offers the peer another session.
    ///
    /// # Errors
    /// There is no session, or the peer's own offer waits.
    pub fn offer(&mut self, sdp: Sdp, effects: &mut Effects) -> Result<(), WrongState> {
        let placement = self.in_session()?;
        if self.offered {
            return Err(WrongState::OfferWaits);
        }
        effects.orders.push(CallOrder::Offer { placement, sdp });
        Ok(())
    }

    /// Answers the peer's offer; `Err(status)` refuses it.
    ///
    /// # Errors
    /// There is no offer that waits.
    pub fn reply(&mut self, answer: Result<Sdp, u16>, effects: &mut Effects) -> Result<(), WrongState> {
        let placement = self.in_session()?;
        if !std::mem::take(&mut self.offered) {
            return Err(WrongState::NotOffered);
        }
        effects.orders.push(match answer {
            Ok(sdp) => CallOrder::AcceptOffer { placement, sdp },
            Err(status) => CallOrder::RefuseOffer { placement, status },
        });
        Ok(())
    }

    /// Presses keys.
    ///
    /// # Errors
    /// There is no session.
    pub fn press(&mut self, digits: String, effects: &mut Effects) -> Result<(), WrongState> {
        let placement = self.in_session()?;
        effects.orders.push(CallOrder::Dtmf { placement, digits });
        Ok(())
    }

    fn unanswered(&self) -> Result<Placement, WrongState> {
        if self.ended || self.own.is_some() {
            Err(WrongState::Ended)
        } else if self.call.direction != CallDirection::Inbound {
            Err(WrongState::NotIncoming)
        } else if self.replied || self.marks.answer.is_some() {
            Err(WrongState::Answered)
        } else {
            Ok(self.placement(self.placed))
        }
    }

    fn in_session(&self) -> Result<Placement, WrongState> {
        if self.ended || self.own.is_some() {
            Err(WrongState::Ended)
        } else if self.marks.answer.is_none() {
            Err(WrongState::NotAnswered)
        } else {
            Ok(self.placement(self.placed))
        }
    }
}
