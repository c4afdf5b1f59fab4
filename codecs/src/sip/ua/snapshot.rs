//! What a crash must leave behind so that the next process can end a call on the wire.
//!
//! It is written once per INVITE, once per answer and once per change of routing, not once per request: a restored
//! dialog leaves a gap in its sequence numbers instead, which is legal.

use std::{net::SocketAddr, str, sync::Arc};

use bytes::{Buf, BufMut, Bytes};

use super::PeerId;
use crate::sip::{Target, Transport};

/// The form of the octets. Another one is refused.
const FORM: u8 = 1;

/// What it takes to end a leg from nothing: CANCEL for an INVITE without a final response, BYE for a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// On whose account.
    pub(super) peer: PeerId,
    pub(super) call_id: Bytes,
    /// From of what we send: URI and tag.
    pub(super) local: Bytes,
    /// To of what we send.
    pub(super) remote: Bytes,
    /// The INVITE's, or the last one used in the dialog so far as is known.
    pub(super) sequence: u32,
    /// The peer's address that spoke last.
    pub(super) target: Target,
    /// Route values, in order.
    pub(super) routes: Vec<Bytes>,
    pub(super) open: Open,
}

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    /// An INVITE of ours without a final response.
    Invite { request_uri: Bytes, via: Bytes },
    /// A confirmed dialog, or our 2xx whose ACK is still missing.
    Dialog { remote_target: Bytes, pinned: bool },
}

/// Octets that are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a snapshot of a SIP call, or one of another version")]
pub struct BadSnapshot;

impl Snapshot {
    /// On whose account the call was.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// The SIP Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &Bytes {
        &self.call_id
    }

    /// Says whether the call had been answered: BYE will end it, not CANCEL.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self.open, Open::Dialog { .. })
    }

    /// The snapshot as octets for a store.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(FORM);
        out.put_u32(self.peer.0);
        for text in [&self.call_id, &self.local, &self.remote] {
            put(&mut out, text);
        }
        out.put_u32(self.sequence);
        put_target(&mut out, &self.target);
        out.put_u32(u32::try_from(self.routes.len()).unwrap_or(0));
        for route in &self.routes {
            put(&mut out, route);
        }
        match &self.open {
            Open::Invite { request_uri, via } => {
                out.push(0);
                put(&mut out, request_uri);
                put(&mut out, via);
            }
            Open::Dialog { remote_target, pinned } => {
                out.push(if *pinned { 2 } else { 1 });
                put(&mut out, remote_target);
            }
        }
        out
    }

    /// Reads what [`Snapshot::to_octets`] wrote.
    ///
    /// # Errors
    /// If the octets are something else.
    pub fn from_octets(octets: &[u8]) -> Result<Self, BadSnapshot> {
        read(octets).ok_or(BadSnapshot)
    }
}

fn put(out: &mut Vec<u8>, text: &[u8]) {
    out.put_u32(u32::try_from(text.len()).unwrap_or(0));
    out.put_slice(text);
}

fn put_target(out: &mut Vec<u8>, target: &Target) {
    put(out, target.transport.name().as_bytes());
    put(out, target.remote.to_string().as_bytes());
    put(out, target.local.map(|local| local.to_string()).unwrap_or_default().as_bytes());
    put(out, target.server_name.as_deref().unwrap_or_default().as_bytes());
}

fn read(mut octets: &[u8]) -> Option<Snapshot> {
    let input = &mut octets;
    if octet(input)? != FORM {
        return None;
    }
    let peer = PeerId(number(input)?);
    let (call_id, local, remote) = (text(input)?, text(input)?, text(input)?);
    let sequence = number(input)?;
    let target = read_target(input)?;
    let count = number(input)?;
    let routes = (0..count).map(|_| text(input)).collect::<Option<Vec<_>>>()?;
    let open = match octet(input)? {
        0 => Open::Invite { request_uri: text(input)?, via: text(input)? },
        kind @ (1 | 2) => Open::Dialog { remote_target: text(input)?, pinned: kind == 2 },
        _ => return None,
    };
    input.is_empty().then_some(Snapshot { peer, call_id, local, remote, sequence, target, routes, open })
}

fn read_target(input: &mut &[u8]) -> Option<Target> {
    let transport = match &text(input)?[..] {
        b"UDP" => Transport::Udp,
        b"TCP" => Transport::Tcp,
        b"TLS" => Transport::Tls,
        _ => return None,
    };
    let address = |octets: &[u8]| str::from_utf8(octets).ok()?.parse::<SocketAddr>().ok();
    let remote = address(&text(input)?)?;
    let local = match text(input)? {
        none if none.is_empty() => None,
        given => Some(address(&given)?),
    };
    let server_name = match text(input)? {
        none if none.is_empty() => None,
        given => Some(Arc::from(str::from_utf8(&given).ok()?)),
    };
    // A connection did not outlive the process.
    Some(Target { transport, local, remote, connection: None, server_name })
}

fn octet(input: &mut &[u8]) -> Option<u8> {
    input.has_remaining().then(|| input.get_u8())
}

fn number(input: &mut &[u8]) -> Option<u32> {
    (input.remaining() >= 4).then(|| input.get_u32())
}

fn text(input: &mut &[u8]) -> Option<Bytes> {
    let octets = usize::try_from(number(input)?).ok()?;
    (input.remaining() >= octets).then(|| input.copy_to_bytes(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(open: Open) -> Snapshot {
        let mut target = Target::new(Transport::Tls, "[2001:db8::7]:5061".parse().unwrap());
        target.server_name = Some(Arc::from("sbc.example"));
        target.local = Some("[2001:db8::5]:5061".parse().unwrap());
        Snapshot {
            peer: PeerId(7),
            call_id: Bytes::from_static(b"c1@192.0.2.5"),
            local: Bytes::from_static(b"<sip:a@h>;tag=f1"),
            remote: Bytes::from_static(b"<sip:b@h>;tag=t1"),
            sequence: 102,
            target,
            routes: vec![Bytes::from_static(b"<sip:p1;lr>"), Bytes::from_static(b"<sip:p2;lr>")],
            open,
        }
    }

    #[test]
    fn octets_round_trip_and_every_truncation_is_refused() {
        for open in [
            Open::Invite {
                request_uri: Bytes::from_static(b"sip:b@h"),
                via: Bytes::from_static(b"SIP/2.0/UDP h;branch=z9hG4bKa1"),
            },
            Open::Dialog { remote_target: Bytes::from_static(b"sip:mg7@h"), pinned: false },
            Open::Dialog { remote_target: Bytes::from_static(b"sip:mg7@h"), pinned: true },
        ] {
            let snapshot = of(open);
            let octets = snapshot.to_octets();
            assert_eq!(Snapshot::from_octets(&octets), Ok(snapshot));
            for end in 0..octets.len() {
                assert_eq!(Snapshot::from_octets(&octets[..end]), Err(BadSnapshot), "{end}");
            }
            let mut longer = octets.clone();
            longer.push(0);
            assert_eq!(Snapshot::from_octets(&longer), Err(BadSnapshot));
            let mut other = octets;
            other[0] = 0xFF;
            assert_eq!(Snapshot::from_octets(&other), Err(BadSnapshot));
        }
    }
}
