//! The platform's part in a call, step by step, and how the call has to end: what rows of tests are made of.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::{
    api::{
        CallCause, CallMessage, CallRequest, CallState, CallStateEvent, HangupParty, InboundCall, SdpKind,
    },
    calls::{Calls, Ended, SDP},
};

/// How long a call may last: the longest one is ended by its session timer, after a minute.
const LONGEST: Duration = Duration::from_secs(150);

/// A step of the platform.
#[derive(Debug, Clone, Copy)]
pub enum Do {
    /// An incoming call's caller is told that it rings.
    Ring,
    /// It hears something meanwhile.
    Play,
    /// It is answered.
    Answer,
    /// It is refused with this status.
    Reject(u32),
    /// The call is ended.
    HangUp,
    /// Another session is offered, in this direction.
    Offer(&'static str),
    /// The peer's offer is answered, in this direction.
    Accept(&'static str),
    /// The peer's offer is refused with this status.
    Refuse(u32),
    /// Keys are pressed.
    Press(&'static str),
    /// Waits until the call is, or was, in this state.
    Until(CallState),
    /// Waits for a description of this kind that came after the last one waited for, and has this in it.
    Hear(SdpKind, &'static str),
    /// Waits for the peer to press this key.
    Feel(&'static str),
    /// Lets so many milliseconds pass: what shall happen on the other side meanwhile tells nothing here.
    Pause(u64),
}

/// How a call has to end.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// The states that are told, in order.
    pub states: &'static [CallState],
    /// Why it ended.
    pub cause: CallCause,
    /// Who ended it.
    pub by: HangupParty,
    /// The SIP status in its record; 0: none.
    pub status: u32,
}

impl End {
    /// Holds it against what was told.
    ///
    /// # Errors
    /// It ended in another way.
    pub fn check(&self, ended: &Ended) -> Result<()> {
        let record = &ended.record;
        let told = (record.cause(), record.hangup_party(), record.sip_status);
        ensure!(told == (self.cause, self.by, self.status), "not {self:?} but {told:?}: {record:#?}");
        ensure!(ended.states() == self.states, "not {:?} but {:?}", self.states, ended.states());
        Ok(())
    }
}

/// A description of ours: its version, and `sendrecv`, `sendonly`, `recvonly` or `inactive`.
#[must_use]
pub fn sdp(version: u32, direction: &str) -> String {
    SDP.replace(" 4711 1 ", &format!(" 4711 {version} ")).replace("a=sendrecv", &format!("a={direction}"))
}

/// Plays the platform's part.
///
/// # Errors
/// The daemon refuses a step, or what is waited for does not come; the error tells the step.
pub async fn play(calls: &Calls, call_id: &str, part: &[Do]) -> Result<()> {
    let (mut version, mut heard) = (1, 0);
    for (place, step) in part.iter().enumerate() {
        let done = async {
            match *step {
                Do::Ring => calls.ring(call_id, None).await?,
                Do::Play => calls.ring(call_id, Some(SDP)).await?,
                Do::Answer => calls.answer(call_id, SDP).await?,
                Do::Reject(status) => calls.reject(call_id, status).await?,
                Do::HangUp => calls.hang_up(call_id).await?,
                Do::Offer(direction) => {
                    version += 1;
                    calls.offer(call_id, &sdp(version, direction)).await?;
                }
                Do::Accept(direction) => {
                    version += 1;
                    calls.accept_offer(call_id, &sdp(version, direction)).await?;
                }
                Do::Refuse(status) => calls.refuse_offer(call_id, status).await?,
                Do::Press(digits) => calls.press(call_id, digits).await?,
                Do::Until(state) => _ = calls.state(call_id, state).await?,
                Do::Hear(kind, text) => {
                    let after = heard;
                    let is_it = move |event: &CallStateEvent| {
                        let fits = event.sdp_kind() == kind && event.sdp_remote.contains(text);
                        (fits && event.call_sequence > after).then_some(event.call_sequence)
                    };
                    heard = calls.event(call_id, kind.as_str_name(), is_it).await?;
                }
                Do::Feel(key) => {
                    let is_it = |event: &CallStateEvent| (event.dtmf_digits == key).then_some(());
                    calls.event(call_id, "a key", is_it).await?;
                }
                Do::Pause(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            }
            anyhow::Ok(())
        };
        done.await.with_context(|| format!("step {place}, {step:?}"))?;
    }
    Ok(())
}

/// Takes the incoming call to a number, plays the platform's part in it, and holds its end against what it has to be. Gives
/// what was told of the call first.
///
/// # Errors
/// Something of it is otherwise; the error tells the call's messages.
pub async fn take(calls: &Calls, number: &str, part: &[Do], end: &End) -> Result<InboundCall> {
    let inbound = calls.incoming(|call| call.callee == number).await?;
    follow(calls, &inbound.call_id, part, end).await?;
    Ok(inbound)
}

/// Places a call, plays the platform's part in it, and holds its end against what it has to be.
///
/// # Errors
/// As [`take`].
pub async fn place(calls: &Calls, call: CallRequest, part: &[Do], end: &End) -> Result<()> {
    let call_id = calls.create(call).await?;
    follow(calls, &call_id, part, end).await
}

/// Plays the platform's part in a call, and holds its end against what it has to be.
///
/// # Errors
/// As [`take`].
pub async fn follow(calls: &Calls, call_id: &str, part: &[Do], end: &End) -> Result<()> {
    let played = play(calls, call_id, part).await;
    let ended = match played {
        Ok(()) => calls.ended_within(call_id, LONGEST).await.and_then(|ended| end.check(&ended)),
        Err(told) => Err(told),
    };
    match ended {
        Ok(()) => Ok(()),
        Err(told) => {
            let (_, messages) = calls.get(call_id).await?;
            Err(told.context(format!("its messages: {}", ladder(&messages))))
        }
    }
}

/// A call's messages, one in a line.
fn ladder(messages: &[CallMessage]) -> String {
    let line = |message: &CallMessage| {
        let way = if message.sent { "->" } else { "<-" };
        let CallMessage { method, sip_status, sequence_number, note, .. } = message;
        format!("\n  {way} {sip_status} {method} {sequence_number} {note}")
    };
    messages.iter().map(line).collect()
}

/// What both sides of a call say of it: the first fault, with the other's beside it.
///
/// # Errors
/// One of them found fault.
pub fn both<T, U>(peer: Result<T>, platform: Result<U>) -> Result<()> {
    match (peer, platform) {
        (Ok(_), Ok(_)) => Ok(()),
        (Err(peer), Ok(_)) => Err(peer),
        (Ok(_), Err(platform)) => Err(platform),
        (Err(peer), Err(platform)) => Err(platform.context(format!("{peer:#}"))),
    }
}
