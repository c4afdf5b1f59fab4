//! Judges one vector: octets to meaning and back, malformed octets to their answer.

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use codecs::{
    DecodeError, frame,
    session::{Dialect, Refusal, UnitKind},
};
use serde_json::Value;

use crate::{
    cmpp, smpp, text,
    vector::{Answer, Kind, Spec, Then, Vector},
};

/// What came of judging a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not, and how.
    Failed(String),
}

/// Judges a vector of `spec`.
#[must_use]
pub fn judge(spec: Spec, vector: &Vector) -> Verdict {
    match check(spec, vector) {
        Ok(()) => Verdict::Passed,
        Err(wrong) => Verdict::Failed(format!("{wrong:#}")),
    }
}

fn check(spec: Spec, vector: &Vector) -> Result<()> {
    match (vector.kind()?, spec) {
        (Kind::Sound, Spec::Smpp34 | Spec::Smpp50) => smpp::sound(vector),
        (Kind::Sound, Spec::Cmpp20 | Spec::Cmpp30) => cmpp::sound(vector),
        (Kind::Malformed, Spec::Smpp34 | Spec::Smpp50) => smpp::malformed(vector),
        (Kind::Malformed, Spec::Cmpp20 | Spec::Cmpp30) => cmpp::malformed(vector),
        (Kind::Text, _) => text::text(vector),
        (Kind::Digest, _) => cmpp::digest(vector),
    }
}

/// What an endpoint does with octets.
#[derive(Debug)]
pub(crate) struct Reaction {
    /// Units that were taken as they are.
    pub taken: usize,
    /// The one unit that goes back, if any.
    pub answer: Option<BytesMut>,
    /// What becomes of the connection.
    pub then: Then,
}

/// Feeds `octets` as they would come from a peer. `decode` reads the body of a unit.
pub(crate) fn react<D: Dialect>(
    dialect: &D,
    octets: &[u8],
    decode: impl Fn(&[u8]) -> Result<(), DecodeError>,
) -> Result<Reaction> {
    let mut buffer = BytesMut::from(octets);
    let mut reaction = Reaction { taken: 0, answer: None, then: Then::Wait };
    let mut answer = BytesMut::new();
    while !buffer.is_empty() {
        let Ok(next) = frame::next(&mut buffer, D::LIMITS) else {
            if let Some((pdu, sequence)) = dialect.framing_lost(&buffer) {
                dialect.encode(&pdu, sequence, &mut answer)?;
            }
            reaction.then = Then::Close;
            break;
        };
        let Some(unit) = next else {
            reaction.then = Then::Wait;
            break;
        };
        reaction.then = Then::Continue;
        let header = D::header(&unit).context("a whole unit with a header that is none")?;
        let refusal = match (D::kind(&header), decode(&unit)) {
            (UnitKind::UnknownRequest, _) => Some(Refusal::UnknownCommand),
            (
                UnitKind::UnknownResponse
                | UnitKind::Response
                | UnitKind::BindResponse
                | UnitKind::ProbeResponse
                | UnitKind::UnbindResponse
                | UnitKind::Nack,
                Err(_),
            ) => None,
            (_, Err(error)) => Some(Refusal::Malformed(error)),
            (_, Ok(())) => {
                reaction.taken += 1;
                None
            }
        };
        if let Some(pdu) = refusal.and_then(|why| dialect.refuse(&header, why)) {
            dialect.encode(&pdu, D::sequence(&header), &mut answer)?;
        }
    }
    reaction.answer = (!answer.is_empty()).then_some(answer);
    Ok(reaction)
}

/// Sets what an endpoint did against what the vector wants. `told` is the answer as the protocol's dump: its name, its
/// status and its sequence.
pub(crate) fn compare(wanted: &Answer, reaction: &Reaction, told: Option<&Told>) -> Result<()> {
    ensure!(reaction.then == wanted.then, "wanted to {:?}, got to {:?}", wanted.then, reaction.then);
    if let Some(packets) = wanted.packets {
        ensure!(reaction.taken == packets, "wanted {packets} units, got {}", reaction.taken);
        return Ok(());
    }
    if reaction.taken > 0 {
        ensure!(wanted.status.contains(&0), "was taken, though it must be answered by {:#x?}", wanted.status);
        return Ok(());
    }
    let Some(told) = told else {
        let silence = wanted.respond == "none" || wanted.or_nothing;
        ensure!(silence, "no answer, wanted {}", wanted.respond);
        return Ok(());
    };
    ensure!(told.name == wanted.respond, "wanted {}, got {}", wanted.respond, told.name);
    ensure!(wanted.status.contains(&told.status), "wanted {:#x?}, got {:#x}", wanted.status, told.status);
    if let Some(sequence) = wanted.sequence {
        ensure!(told.sequence == sequence, "wanted the sequence {sequence}, got {}", told.sequence);
    }
    Ok(())
}

/// An answer in short.
#[derive(Debug)]
pub(crate) struct Told {
    /// The PDU's name.
    pub name: String,
    /// Its status.
    pub status: u32,
    /// Its sequence.
    pub sequence: u32,
}

/// Fails with every difference between what the vector says and what was seen.
pub(crate) fn expect_no_differences(what: &str, wanted: Option<&toml::Table>, seen: &Value) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let differences = crate::compare::differences(wanted, seen);
    ensure!(differences.is_empty(), "{what}: {}", differences.join("; "));
    Ok(())
}

/// Fails when `again` is not `octets`, showing where they part.
pub(crate) fn expect_same_octets(octets: &[u8], again: &[u8]) -> Result<()> {
    let parts = octets.iter().zip(again).position(|(one, other)| one != other);
    let parts = parts.unwrap_or_else(|| octets.len().min(again.len()));
    ensure!(
        octets == again,
        "encoded again it has {} octets, not {}, and differs from octet {parts} on",
        again.len(),
        octets.len()
    );
    Ok(())
}
