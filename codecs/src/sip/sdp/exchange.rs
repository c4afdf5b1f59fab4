//! Whose turn it is in the offers and answers of one dialog, and what a description in a message means (RFC 6337 §2).

use thiserror::Error;

/// One of the two sides of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// We.
    Us,
    /// The peer.
    Peer,
}

/// The message that carries a description, or should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// An INVITE.
    Invite,
    /// A provisional response to it, sent once and perhaps lost.
    Provisional,
    /// A provisional response that is acknowledged (RFC 3262).
    Reliable,
    /// A 2xx to the INVITE. A repetition is not told.
    Success,
    /// The ACK to that 2xx.
    Ack,
    /// The PRACK.
    Prack,
    /// The 2xx to the PRACK.
    PrackSuccess,
    /// An UPDATE.
    Update,
    /// The 2xx to the UPDATE.
    UpdateSuccess,
}

/// What a message means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// It has no description, and none was due.
    Nothing,
    /// An offer: the other side must answer it.
    Offer,
    /// The answer: the session is as described from now on.
    Answer,
    /// What the answer will probably be. Media may flow; no new offer may be made yet.
    Preview,
    /// No description is in it, so the last preview is the answer.
    PreviewStands,
    /// A description that repeats what was agreed, or stands where none can.
    Ignored,
}

/// How a message breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Violation {
    /// It brings an offer while another one is open.
    #[error("an offer while another one is open")]
    OfferOpen,
    /// It brings an offer before the first exchange is complete.
    #[error("an offer before the first exchange is complete")]
    TooEarly,
    /// It should bring the answer and has none. After a 2xx or in an ACK: acknowledge, then end the call.
    #[error("no answer where one was due")]
    NoAnswer,
    /// It should bring the offer and has none: acknowledge, then end the call.
    #[error("no offer where one was due")]
    NoOffer,
}

/// The exchanges of one dialog. Each dialog that an INVITE forks into begins with a copy of what the INVITE began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OfferAnswer {
    open: Option<Open>,
    invite: Option<Invite>,
    is_complete: bool,
}

/// An offer without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    by: Side,
    carrier: Carrier,
}

/// The INVITE that is open. One exchange belongs to it, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Invite {
    by: Side,
    has_exchanged: bool,
    has_preview: bool,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Us => Self::Peer,
            Self::Peer => Self::Us,
        }
    }
}

impl OfferAnswer {
    /// A dialog in which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A dialog whose first exchange is done, as a snapshot of it says.
    #[must_use]
    pub fn established() -> Self {
        Self { is_complete: true, ..Self::default() }
    }

    /// Says whether the first exchange is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whose offer has no answer yet.
    #[must_use]
    pub fn open_offer(&self) -> Option<Side> {
        self.open.map(|open| open.by)
    }

    /// Notes a message of `from`, with a description in it or without, and says what that means.
    ///
    /// # Errors
    /// When the message breaks the rules. What was open and can't be answered any more is closed then.
    pub fn note(&mut self, from: Side, carrier: Carrier, has_sdp: bool) -> Result<Meaning, Violation> {
        match carrier {
            Carrier::Invite => self.note_invite(from, has_sdp),
            Carrier::Provisional if has_sdp => Ok(self.note_provisional(from)),
            Carrier::Reliable if has_sdp => Ok(self.note_reliable(from)),
            Carrier::Provisional | Carrier::Reliable => Ok(Meaning::Nothing),
            Carrier::Success => self.note_success(from, has_sdp),
            Carrier::Ack => {
                self.invite = None;
                self.answer_or(from, Carrier::Success, has_sdp, |_| Ok(Meaning::Ignored))
            }
            Carrier::Prack => {
                let meaning =
                    self.answer_or(from, Carrier::Reliable, has_sdp, |own| own.begin(from, carrier))?;
                if meaning == Meaning::Answer
                    && let Some(invite) = &mut self.invite
                {
                    invite.has_exchanged = true;
                }
                Ok(meaning)
            }
            Carrier::Update if has_sdp => self.begin(from, carrier),
            Carrier::Update => Ok(Meaning::Nothing),
            Carrier::PrackSuccess => self.answer_or(from, Carrier::Prack, has_sdp, |_| Ok(Meaning::Ignored)),
            Carrier::UpdateSuccess => {
                self.answer_or(from, Carrier::Update, has_sdp, |_| Ok(Meaning::Ignored))
            }
        }
    }

    /// Notes that an INVITE, PRACK or UPDATE was refused: the session is as it was.
    pub fn refused(&mut self, request: Carrier) {
        let belongs = |open: &Open| match request {
            Carrier::Invite => matches!(open.carrier, Carrier::Invite | Carrier::Reliable | Carrier::Success),
            _ => open.carrier == request,
        };
        if self.open.is_some_and(|open| belongs(&open)) {
            self.open = None;
        }
        if request == Carrier::Invite {
            self.invite = None;
        }
    }

    fn note_invite(&mut self, from: Side, has_sdp: bool) -> Result<Meaning, Violation> {
        if has_sdp && self.open.is_some() {
            return Err(Violation::OfferOpen);
        }
        self.invite = Some(Invite { by: from, has_exchanged: false, has_preview: false });
        if !has_sdp {
            return Ok(Meaning::Nothing);
        }
        self.open = Some(Open { by: from, carrier: Carrier::Invite });
        Ok(Meaning::Offer)
    }

    fn note_provisional(&mut self, from: Side) -> Meaning {
        let is_answered = self.awaits(from, Carrier::Invite);
        match &mut self.invite {
            Some(invite) if is_answered => {
                invite.has_preview = true;
                Meaning::Preview
            }
            _ => Meaning::Ignored,
        }
    }

    fn note_reliable(&mut self, from: Side) -> Meaning {
        let is_answer = self.awaits(from, Carrier::Invite);
        match &mut self.invite {
            Some(invite) if is_answer => {
                invite.has_exchanged = true;
                self.close()
            }
            Some(invite) if invite.by != from && !invite.has_exchanged && self.open.is_none() => {
                self.open = Some(Open { by: from, carrier: Carrier::Reliable });
                Meaning::Offer
            }
            _ => Meaning::Ignored,
        }
    }

    fn note_success(&mut self, from: Side, has_sdp: bool) -> Result<Meaning, Violation> {
        let Some(invite) = self.invite.take().filter(|invite| invite.by != from) else {
            return Ok(if has_sdp { Meaning::Ignored } else { Meaning::Nothing });
        };
        if self.awaits(from, Carrier::Invite) {
            self.close();
            return match has_sdp {
                true => Ok(Meaning::Answer),
                false if invite.has_preview => Ok(Meaning::PreviewStands),
                false => Err(Violation::NoAnswer),
            };
        }
        match (invite.has_exchanged || self.open.is_some(), has_sdp) {
            (true, true) => Ok(Meaning::Ignored),
            (true, false) => Ok(Meaning::Nothing),
            (false, false) => Err(Violation::NoOffer),
            (false, true) => {
                self.open = Some(Open { by: from, carrier: Carrier::Success });
                Ok(Meaning::Offer)
            }
        }
    }

    /// The answer to an offer in `offered`, if one is open there; else, with a description, what `otherwise` says.
    fn answer_or(
        &mut self,
        from: Side,
        offered: Carrier,
        has_sdp: bool,
        otherwise: impl FnOnce(&mut Self) -> Result<Meaning, Violation>,
    ) -> Result<Meaning, Violation> {
        match (self.awaits(from, offered), has_sdp) {
            (true, true) => Ok(self.close()),
            (true, false) => {
                self.open = None;
                Err(Violation::NoAnswer)
            }
            (false, true) => otherwise(self),
            (false, false) => Ok(Meaning::Nothing),
        }
    }

    /// An offer where none can be the first one.
    fn begin(&mut self, by: Side, carrier: Carrier) -> Result<Meaning, Violation> {
        if self.open.is_some() {
            return Err(Violation::OfferOpen);
        }
        if !self.is_complete {
            return Err(Violation::TooEarly);
        }
        self.open = Some(Open { by, carrier });
        Ok(Meaning::Offer)
    }

    /// Whether an offer that the other side of `from` made in `carrier` waits for its answer.
    fn awaits(&self, from: Side, carrier: Carrier) -> bool {
        self.open == Some(Open { by: from.other(), carrier })
    }

    fn close(&mut self) -> Meaning {
        self.open = None;
        self.is_complete = true;
        Meaning::Answer
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
