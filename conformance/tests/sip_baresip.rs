//! baresip, a phone that shares no code with us: the daemon calls it and is called by it, directly and through Kamailio.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use anyhow::Result;
use conformance::{
    api::{CallCause, CallState, HangupParty, SdpKind},
    baresip::{Baresip, NUMBER},
    call_subject::{CALLER, CallSubject, sip_trunk},
    calls::{Calls, call_to},
    kamailio::{Kamailio, Proxy},
    part::{self, Do, End},
};

const TALK: &[CallState] = &[CallState::InProgress, CallState::Completed];
/// The phone was called, and hung up.
const BY_PHONE: End = End {
    states: &[CallState::Initiated, CallState::Ringing, CallState::InProgress, CallState::Completed],
    cause: CallCause::Normal,
    by: HangupParty::Callee,
    status: 0,
};

/// What the phone does about a call.
#[derive(Debug, Clone, Copy)]
enum Key {
    Accept,
    Hold,
    Resume,
    HangUp,
    /// It waits until the other side has hung up.
    Wait,
}

async fn press(phone: &mut Baresip, keys: &[Key]) -> Result<()> {
    for key in keys {
        match key {
            Key::Accept => {
                phone.press("accept", "").await?;
                phone.event("CALL_ESTABLISHED").await?;
            }
            // Each is over when the other side has answered it.
            Key::Hold => {
                phone.press("hold", "").await?;
                phone.event("CALL_REMOTE_SDP").await?;
            }
            Key::Resume => {
                phone.press("resume", "").await?;
                phone.event("CALL_REMOTE_SDP").await?;
            }
            Key::HangUp => phone.press("hangup", "").await?,
            Key::Wait => phone.event("CALL_CLOSED").await?,
        }
    }
    Ok(())
}

/// The daemon calls the phone.
async fn call_the_phone(
    phone: &mut Baresip,
    calls: &Calls,
    keys: &[Key],
    does: &[Do],
    end: End,
) -> Result<()> {
    let played = async {
        phone.event("CALL_INCOMING").await?;
        press(phone, keys).await
    };
    let call = call_to(NUMBER, CALLER, "phone");
    let (played, platform) = tokio::join!(played, part::place(calls, call, does, &end));
    part::both(played, platform)
}

/// The phone calls the daemon.
async fn called_by_the_phone(
    phone: &mut Baresip,
    calls: &Calls,
    to: &str,
    keys: &[Key],
    does: &[Do],
    by: HangupParty,
) -> Result<()> {
    phone.press("dial", to).await?;
    let played = async {
        phone.event("CALL_ESTABLISHED").await?;
        press(phone, keys).await
    };
    let end = End { states: TALK, cause: CallCause::Normal, by, status: 0 };
    let (played, platform) = tokio::join!(played, part::take(calls, "+8613800138000", does, &end));
    part::both(played, platform)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_and_a_phone_call_each_other() {
    if !Baresip::is_here_or_skip() || !Kamailio::is_here_or_skip() {
        return;
    }
    let mut failed = Vec::new();
    for through_proxy in [false, true] {
        for transport in ["udp", "tcp"] {
            let mut phone = Baresip::start().await.unwrap();
            let proxy = through_proxy.then(|| Kamailio::start(&Proxy::to(phone.address())).unwrap());
            let gateway = proxy.as_ref().map_or(phone.address(), Kamailio::address);
            let trunk = sip_trunk("phone", gateway, transport, "probe = { interval = \"0s\" }");
            let subject = CallSubject::start(&trunk).await.unwrap();
            let calls = subject.calls().await.unwrap();
            // What the phone dials is for the daemon, so it needs a proxy of its own.
            let inwards = through_proxy.then(|| Kamailio::start(&Proxy::to(subject.address())).unwrap());
            let dialled = inwards.as_ref().map_or(subject.address(), Kamailio::address);
            let dialled = format!("sip:+8613800138000@{dialled};transport={transport}");
            let by_us = End { by: HangupParty::Platform, ..BY_PHONE };
            let hold = [
                Do::Hear(SdpKind::Offer, "a=sendonly"),
                Do::Accept("recvonly"),
                Do::Hear(SdpKind::Offer, "a=sendrecv"),
                Do::Accept("sendrecv"),
            ];
            let talked = Do::Until(CallState::InProgress);
            let mut note = |what: &str, played: Result<()>| {
                failed.extend(
                    played.err().map(|told| format!("{what}, {transport}, proxy {through_proxy}: {told:#}")),
                );
            };
            let keys = [Key::Accept, Key::HangUp];
            note("it hangs up", call_the_phone(&mut phone, &calls, &keys, &[talked], BY_PHONE).await);
            let keys = [Key::Accept, Key::Wait];
            let does = [
                talked,
                Do::Offer("sendonly"),
                Do::Hear(SdpKind::Changed, "a=recvonly"),
                Do::Offer("sendrecv"),
                Do::Hear(SdpKind::Changed, "a=sendrecv"),
                Do::HangUp,
            ];
            note("we hold and hang up", call_the_phone(&mut phone, &calls, &keys, &does, by_us).await);
            let states = &[CallState::Initiated, CallState::Ringing, CallState::Busy];
            let refused = End { states, cause: CallCause::Busy, status: 486, ..BY_PHONE };
            note("it refuses", call_the_phone(&mut phone, &calls, &[Key::HangUp], &[], refused).await);
            let states = &[CallState::Initiated, CallState::Ringing, CallState::Canceled];
            let given_up = End { states, cause: CallCause::Cancelled, status: 487, ..by_us };
            let does = [Do::Until(CallState::Ringing), Do::HangUp];
            note("we give up", call_the_phone(&mut phone, &calls, &[Key::Wait], &does, given_up).await);
            let does = [&[Do::Answer, talked][..], &hold[..]].concat();
            let keys = [Key::Hold, Key::Resume, Key::HangUp];
            let called =
                called_by_the_phone(&mut phone, &calls, &dialled, &keys, &does, HangupParty::Caller).await;
            note("it calls, holds and hangs up", called);
            let does = [Do::Answer, talked, Do::HangUp];
            let called =
                called_by_the_phone(&mut phone, &calls, &dialled, &[Key::Wait], &does, HangupParty::Platform)
                    .await;
            note("it calls and we hang up", called);
            assert_eq!(calls.audit().unwrap().1, 0);
            subject.stop().unwrap();
        }
    }
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
}
