//! What the carrier says of its media: sessions of G.711 and telephone-event on addresses that nobody sends from.

use std::net::IpAddr;

use bytes::Bytes;
use codecs::sip::sdp::{Ability, Direction, Local, NotAcceptable, Sdp, negotiate, offer};

use crate::config::sip::Offer;

/// The port of the first media gateway; each further one has the next thousand.
const FIRST_PORT: u16 = 40_000;

/// Media gateways that there are ports for.
const GATEWAYS: u16 = 20;

/// What the carrier's gateways can do.
const ABILITIES: [Ability; 3] = [Ability::PCMA, Ability::PCMU, Ability::TELEPHONE_EVENT];

/// The carrier's side of one session.
#[derive(Debug, Clone)]
pub struct Media {
    local: Local,
    gateway: u16,
    last: Bytes,
}

impl Media {
    /// A session that has not begun; the number tells it from others of the carrier.
    #[must_use]
    pub fn new(address: IpAddr, number: u64) -> Self {
        let local = Local {
            // Its lowest bit is not written.
            id: number << 1,
            version: 0,
            address,
            port: FIRST_PORT,
            direction: Direction::SendRecv,
            packet_time: 20,
        };
        Self { local, gateway: 1, last: Bytes::new() }
    }

    /// The session on this gateway: the answer to an offer, or an offer where there is none.
    ///
    /// # Errors
    /// Nothing of the offer can be used.
    pub fn on(&mut self, gateway: u16, their_offer: Option<&[u8]>) -> Result<Bytes, NotAcceptable> {
        self.gateway = gateway;
        self.answer(their_offer)
    }

    /// The answer to an offer, or an offer where there is none.
    ///
    /// # Errors
    /// Nothing of the offer can be used.
    pub fn answer(&mut self, their_offer: Option<&[u8]>) -> Result<Bytes, NotAcceptable> {
        let Some(octets) = their_offer else { return Ok(self.write(|local| offer(&ABILITIES, local))) };
        let their_offer = Sdp::parse(octets).map_err(|_| NotAcceptable)?;
        negotiate(&their_offer, &ABILITIES, &self.local)?;
        // It fits; only the version may differ now.
        Ok(self.write(|local| negotiate(&their_offer, &ABILITIES, local).unwrap_or_default()))
    }

    /// What the carrier offers next.
    pub fn offer(&mut self, what: Offer) -> Bytes {
        match what {
            Offer::Same => {}
            Offer::Hold => self.local.direction = Direction::SendOnly,
            Offer::Resume => self.local.direction = Direction::SendRecv,
            Offer::Move => self.gateway += 1,
        }
        self.write(|local| offer(&ABILITIES, local))
    }

    /// Writes it; the version grows when anything else has changed.
    fn write(&mut self, write: impl Fn(&Local) -> Bytes) -> Bytes {
        let gateway = self.gateway % GATEWAYS;
        self.local.port = FIRST_PORT + gateway * 1_000 + (self.local.id % 500) as u16 * 2;
        let same = write(&self.local);
        if same != self.last {
            self.local.version += 1;
            self.last = write(&self.local);
        }
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media() -> Media {
        Media::new(IpAddr::from([127, 0, 0, 1]), 7)
    }

    fn text(octets: Bytes) -> String {
        String::from_utf8(octets.to_vec()).expect("ASCII")
    }

    #[test]
    fn the_version_grows_with_every_change_and_only_then() {
        let mut media = media();
        let first = text(media.answer(None).expect("an offer"));
        assert!(first.contains(" 7 1 IN ") && first.contains("a=sendrecv"), "{first}");
        assert_eq!(text(media.offer(Offer::Same)), first);
        let held = text(media.offer(Offer::Hold));
        assert!(held.contains(" 7 2 IN ") && held.contains("a=sendonly"), "{held}");
        let moved = text(media.offer(Offer::Move));
        assert!(
            moved.contains(" 7 3 IN ") && !moved.contains(&first[first.find("m=").expect("media")..][..14])
        );
    }

    #[test]
    fn answers_a_hold_and_refuses_what_it_can_t_do() {
        let mut media = media();
        let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n";
        let held = format!("{offer}a=sendonly\r\n");
        assert!(text(media.answer(Some(held.as_bytes())).expect("an answer")).contains("a=recvonly"));
        let strange = offer.replace("RTP/AVP 8", "RTP/AVP 97");
        assert_eq!(media.answer(Some(strange.as_bytes())), Err(NotAcceptable));
    }
}
