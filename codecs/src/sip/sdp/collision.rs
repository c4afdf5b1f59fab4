//! What a request is answered that comes while another exchange of its dialog is open, and what not to send meanwhile
//! (RFC 3261 §14.2, RFC 3311 §5.2, RFC 6337 §4.3).

/// A request inside a dialog that may carry an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// A re-INVITE, with or without an offer.
    Invite,
    /// An UPDATE that carries an offer.
    UpdateWithOffer,
    /// An UPDATE that only refreshes.
    Update,
}

/// The INVITE that we sent in this dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OurInvite {
    /// None, or one that is done with.
    #[default]
    None,
    /// It has no final response.
    Open,
    /// Its 2xx brought an offer, and our ACK with the answer is not out.
    AnswerDue,
}

/// The INVITE that the peer sent in this dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PeerInvite {
    /// None, or one that is done with.
    #[default]
    None,
    /// We have not sent its final response.
    Open,
    /// Our 2xx carried an offer, and its ACK is not here.
    AnswerAwaited,
    /// Our 2xx carried the answer, and its ACK is not here.
    AckAwaited,
}

/// The UPDATE that we sent and that has no final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OurUpdate {
    /// None.
    #[default]
    None,
    /// One that only refreshes.
    Open,
    /// One that carries an offer.
    WithOffer,
}

/// What is open in a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Facts {
    /// Our INVITE.
    pub our_invite: OurInvite,
    /// The peer's INVITE.
    pub peer_invite: PeerInvite,
    /// Our UPDATE.
    pub our_update: OurUpdate,
    /// The peer's UPDATE has no final response from us.
    pub peer_update: bool,
    /// An offer of ours has no answer, or a PRACK or ACK of ours that belongs to an exchange is not done.
    pub our_exchange: bool,
    /// An offer of the peer has no answer, or its PRACK or ACK that belongs to an exchange is not here.
    pub peer_exchange: bool,
    /// A BYE was sent or received.
    pub ended: bool,
}

/// What to do with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// Carry on.
    Process,
    /// 491: an exchange that we began is open.
    Pending,
    /// 500 with a random Retry-After of 0 to 10 s: an exchange that the peer began is open.
    RetryAfter,
    /// 481: the dialog is over.
    Gone,
}

impl Ruling {
    /// The status to answer with; `None`: the request is processed.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Process => None,
            Self::Pending => Some(491),
            Self::RetryAfter => Some(500),
            Self::Gone => Some(481),
        }
    }
}

/// What a request of the peer is answered. A CSeq number below the last one is 500 before any of this.
#[must_use]
pub fn collision(facts: &Facts, request: Request) -> Ruling {
    let carries_exchange = request != Request::Update;
    if facts.ended {
        return Ruling::Gone;
    }
    if facts.our_invite != OurInvite::None {
        match request {
            Request::Invite => return Ruling::Pending,
            Request::UpdateWithOffer if facts.our_exchange => return Ruling::Pending,
            _ => {}
        }
    }
    match facts.our_update {
        OurUpdate::None => {}
        OurUpdate::Open if !carries_exchange => {}
        OurUpdate::Open | OurUpdate::WithOffer => return Ruling::Pending,
    }
    if matches!(facts.peer_invite, PeerInvite::Open | PeerInvite::AnswerAwaited) {
        match request {
            Request::Invite => return Ruling::RetryAfter,
            Request::UpdateWithOffer if facts.peer_exchange => return Ruling::RetryAfter,
            _ => {}
        }
    }
    if facts.peer_update {
        return Ruling::RetryAfter;
    }
    // An ACK that is missing to our answer holds nothing up: a new request proves that the 2xx arrived.
    Ruling::Process
}

/// Says whether a request of ours may go out now without risking a collision.
#[must_use]
pub fn may_send(facts: &Facts, request: Request) -> bool {
    let has_update = facts.our_update != OurUpdate::None || facts.peer_update;
    let has_invite = facts.our_invite != OurInvite::None
        || matches!(facts.peer_invite, PeerInvite::Open | PeerInvite::AnswerAwaited);
    !facts.ended
        && match request {
            Request::Invite => !has_invite && !has_update && !facts.our_exchange && !facts.peer_exchange,
            Request::UpdateWithOffer => !has_update && !facts.our_exchange && !facts.peer_exchange,
            Request::Update => facts.our_update == OurUpdate::None,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Request::{Invite, Update, UpdateWithOffer};
    use Ruling::{Gone, Pending, Process, RetryAfter};

    const IDLE: Facts = Facts {
        our_invite: OurInvite::None,
        peer_invite: PeerInvite::None,
        our_update: OurUpdate::None,
        peer_update: false,
        our_exchange: false,
        peer_exchange: false,
        ended: false,
    };

    /// The table of collisions, row by row: our state; a re-INVITE; an UPDATE with an offer; one without.
    const TABLE: &[(Facts, [Ruling; 3])] = &[
        (IDLE, [Process, Process, Process]),
        // Our INVITE has no final yet, or its 2xx brought an offer and our ACK is not out.
        (Facts { our_invite: OurInvite::Open, ..IDLE }, [Pending, Process, Process]),
        (Facts { our_invite: OurInvite::Open, our_exchange: true, ..IDLE }, [Pending, Pending, Process]),
        (Facts { our_invite: OurInvite::AnswerDue, our_exchange: true, ..IDLE }, [Pending, Pending, Process]),
        // We process an INVITE, or our 2xx carried an offer and its ACK is not here.
        (Facts { peer_invite: PeerInvite::Open, ..IDLE }, [RetryAfter, Process, Process]),
        (
            Facts { peer_invite: PeerInvite::Open, peer_exchange: true, ..IDLE },
            [RetryAfter, RetryAfter, Process],
        ),
        (
            Facts { peer_invite: PeerInvite::AnswerAwaited, peer_exchange: true, ..IDLE },
            [RetryAfter, RetryAfter, Process],
        ),
        // Our UPDATE has no final yet.
        (Facts { our_update: OurUpdate::WithOffer, our_exchange: true, ..IDLE }, [Pending, Pending, Pending]),
        (Facts { our_update: OurUpdate::Open, ..IDLE }, [Pending, Pending, Process]),
        // We process an UPDATE.
        (Facts { peer_update: true, ..IDLE }, [RetryAfter, RetryAfter, RetryAfter]),
        // Our 2xx carried the answer, its ACK is not here.
        (Facts { peer_invite: PeerInvite::AckAwaited, ..IDLE }, [Process, Process, Process]),
        // BYE.
        (Facts { ended: true, ..IDLE }, [Gone, Gone, Gone]),
        (Facts { ended: true, our_invite: OurInvite::Open, peer_update: true, ..IDLE }, [Gone, Gone, Gone]),
        // What we began comes before what the peer began.
        (Facts { our_invite: OurInvite::Open, peer_update: true, ..IDLE }, [Pending, RetryAfter, RetryAfter]),
    ];

    #[test]
    fn every_row_of_the_table_holds() {
        for (facts, rulings) in TABLE {
            for (request, ruling) in [Invite, UpdateWithOffer, Update].into_iter().zip(rulings) {
                assert_eq!(collision(facts, request), *ruling, "{facts:?} {request:?}");
            }
        }
        assert_eq!(
            [Process, Pending, RetryAfter, Gone].map(Ruling::status),
            [None, Some(491), Some(500), Some(481)]
        );
    }

    #[test]
    fn nothing_is_sent_into_an_open_exchange() {
        for (facts, allowed) in [
            (IDLE, [true, true, true]),
            (Facts { our_invite: OurInvite::Open, ..IDLE }, [false, true, true]),
            (Facts { our_invite: OurInvite::Open, our_exchange: true, ..IDLE }, [false, false, true]),
            (Facts { our_invite: OurInvite::AnswerDue, our_exchange: true, ..IDLE }, [false, false, true]),
            (Facts { peer_invite: PeerInvite::Open, ..IDLE }, [false, true, true]),
            (
                Facts { peer_invite: PeerInvite::AnswerAwaited, peer_exchange: true, ..IDLE },
                [false, false, true],
            ),
            (Facts { peer_invite: PeerInvite::AckAwaited, ..IDLE }, [true, true, true]),
            (Facts { our_update: OurUpdate::Open, ..IDLE }, [false, false, false]),
            (Facts { peer_update: true, ..IDLE }, [false, false, true]),
            (Facts { ended: true, ..IDLE }, [false, false, false]),
        ] {
            let may = [Invite, UpdateWithOffer, Update].map(|request| may_send(&facts, request));
            assert_eq!(may, allowed, "{facts:?}");
        }
    }
}
