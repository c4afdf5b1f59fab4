//! Kamailio between the daemon and SIPp: Record-Route and loose routing both ways, digest, registration, forks, and TLS with
//! certificates of both sides.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod authority;
mod rows;
mod secure;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use conformance::{
    call_subject::{CALLER, CallSubject, Listening, sip_trunk},
    calls::call_to,
    kamailio::{ACCOUNT, Kamailio, Proxy, Secured},
    part::{self, Do},
    sipp::Sipp,
    subject::Programs,
};
use futures_util::future::join_all;

use self::rows::{BY_CALLER, Behind, IN, NO_PROBES, Out, WITHIN, call, outs};

/// What is beside the machine's own is there.
fn are_here_or_skip() -> bool {
    Sipp::is_here_or_skip() && Kamailio::is_here_or_skip()
}

/// The daemon places every call of `outs`, each through a proxy of its own.
async fn daemon_calls(outs: &[Out], transport: &str, listening: &Listening<'_>, tls: Option<Secured<'_>>) {
    let behind: Vec<_> = outs.iter().map(|out| Behind::start(out, tls).unwrap()).collect();
    let trunk = |(place, (out, behind)): (usize, (&Out, &Behind))| {
        let gateway =
            if tls.is_some() { behind.proxy.tls_address().unwrap() } else { behind.proxy.address() };
        sip_trunk(&format!("row{place}"), gateway, transport, &format!("{NO_PROBES}\n{}", out.trunk))
    };
    let trunks: String = outs.iter().zip(&behind).enumerate().map(trunk).collect();
    let daemon = &Programs::for_tests().unwrap().daemon;
    let subject = CallSubject::start_with(daemon, listening, &trunks).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let rows = outs.iter().zip(behind).enumerate().map(|(place, (out, behind))| {
        let calls = &calls;
        async move {
            let call = call_to("+8613800138000", CALLER, &format!("row{place}"));
            let platform = part::place(calls, call, out.does, &out.end).await;
            let Behind { callees, proxy } = behind;
            // Whom the proxy lets nobody through to would wait for ever.
            let called: Vec<_> = if out.callee == "silence" { Vec::new() } else { callees };
            let finish = move || called.into_iter().try_for_each(|callee| callee.finish(WITHIN));
            let peer = tokio::task::spawn_blocking(finish).await?;
            let told = part::both(peer, platform);
            told.with_context(|| format!("{}, challenges {}\n{}", out.callee, out.challenges, proxy.story()))
        }
    });
    let failed: Vec<_> =
        join_all(rows).await.into_iter().filter_map(Result::err).map(|told| format!("{told:#}")).collect();
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
    assert_eq!(calls.audit().unwrap(), (outs.len(), 0));
    drop(calls);
    subject.stop().unwrap();
}

/// SIPp places every call of [`IN`] through this proxy.
async fn sipp_calls(subject: &CallSubject, proxy: &Kamailio) {
    let calls = subject.calls().await.unwrap();
    let rows = IN.iter().enumerate().map(|(place, (scenario, does, end))| {
        let calls = &calls;
        async move { call(proxy, calls, scenario, &format!("+861380013800{place}"), does, end).await }
    });
    let failed: Vec<_> =
        join_all(rows).await.into_iter().filter_map(Result::err).map(|told| format!("{told:#}")).collect();
    assert!(failed.is_empty(), "{} calls failed:\n{}", failed.len(), failed.join("\n\n"));
    assert_eq!(calls.audit().unwrap(), (IN.len(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_calls_sipp_over_udp() {
    if are_here_or_skip() {
        daemon_calls(&outs(), "udp", &Listening::default(), None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_calls_sipp_over_tcp() {
    if are_here_or_skip() {
        daemon_calls(&outs(), "tcp", &Listening::default(), None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_the_daemon() {
    if !are_here_or_skip() {
        return;
    }
    for transport in ["udp", "tcp"] {
        let nowhere = ([127, 0, 0, 1], 9).into();
        let subject = CallSubject::start(&sip_trunk("proxy", nowhere, transport, NO_PROBES)).await.unwrap();
        let upstream = format!("sip:{};transport={transport}", subject.address());
        let proxy = Kamailio::start(&Proxy { upstream, ..Proxy::default() }).unwrap();
        sipp_calls(&subject, &proxy).await;
        subject.stop().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_proved_refreshed_and_brings_calls() {
    const GRANTED: u32 = 12;
    if !are_here_or_skip() {
        return;
    }
    let upstream = "sip:127.0.0.1:9".to_owned();
    let proxy = Kamailio::start(&Proxy { upstream, granted: Some(GRANTED), ..Proxy::default() }).unwrap();
    let (user, password) = ACCOUNT;
    let account =
        format!("{NO_PROBES}\naccount = {{ username = \"{user}\", password = \"literal:{password}\" }}");
    let subject =
        CallSubject::start(&sip_trunk("registered", proxy.address(), "udp", &account)).await.unwrap();
    let calls = subject.calls().await.unwrap();
    let taken = || proxy.story().matches("registration taken").count();
    let until = async |wanted: usize| {
        let began = Instant::now();
        while taken() < wanted {
            ensure!(began.elapsed() < WITHIN, "{} registrations: {}", taken(), proxy.story());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    until(1).await.unwrap();
    let registered = Instant::now();
    call(&proxy, &calls, "answer", user, &[Do::Answer], &BY_CALLER).await.unwrap();
    // Without a refresh the proxy has forgotten us by then.
    until(3).await.unwrap();
    let longest = Duration::from_secs((GRANTED + 2).into());
    tokio::time::sleep(longest.saturating_sub(registered.elapsed())).await;
    call(&proxy, &calls, "answer", user, &[Do::Answer], &BY_CALLER).await.unwrap();
    assert_eq!(calls.audit().unwrap(), (2, 0));
    drop(calls);
    subject.stop().unwrap();
}
