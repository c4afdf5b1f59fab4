//! TLS: both sides show certificates, and only those that bear the right name are believed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use conformance::{
    api::{CallCause, CallState, HangupParty},
    call_subject::{CALLER, CallSubject, Listening, sip_trunk},
    calls::call_to,
    kamailio::{Kamailio, Proxy},
    part::{self, End},
    sipp::{Play, Sipp, Transport},
    subject::Programs,
};
use rcgen::SanType;

use super::{
    are_here_or_skip,
    authority::Authority,
    daemon_calls,
    rows::{Behind, NO_PROBES, OUT, Out, WITHIN, outs},
    sipp_calls,
};

fn loopback() -> SanType {
    SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

/// Whom the daemon believes, in both directions.
fn believes(authority: &Authority) -> String {
    format!("authorities = {:?}\nclient_authorities = {:?}", authority.file(), authority.file())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_calls_sipp_over_tls() {
    if !are_here_or_skip() {
        return;
    }
    let authority = Authority::new("carrier");
    let (ours, theirs) = (
        authority.sign("ours", "daemon", vec![dns("daemon.example")]),
        authority.sign("theirs", "proxy", vec![loopback()]),
    );
    let (tls_settings, file) = (believes(&authority), authority.file());
    let listening = Listening {
        tls: Some((&ours.certificate, &ours.key)),
        tls_settings: &tls_settings,
        ..Listening::default()
    };
    daemon_calls(&outs(), "tls", &listening, Some(theirs.for_proxy(&file))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_the_daemon_over_tls() {
    if !are_here_or_skip() {
        return;
    }
    let (authority, others) = (Authority::new("carrier"), Authority::new("somebody"));
    let ours = authority.sign("ours", "daemon", vec![loopback()]);
    let tls_settings = believes(&authority);
    let listening = Listening {
        tls: Some((&ours.certificate, &ours.key)),
        tls_settings: &tls_settings,
        ..Listening::default()
    };
    let nowhere = ([127, 0, 0, 1], 9).into();
    let trunk = sip_trunk("proxy", nowhere, "tls", NO_PROBES);
    let daemon = &Programs::for_tests().unwrap().daemon;
    let subject = CallSubject::start_with(daemon, &listening, &trunk).await.unwrap();
    let upstream = format!("sip:{};transport=tls", subject.tls_address().unwrap());
    let file = authority.file();
    let known = authority.sign("known", "proxy", vec![loopback()]);
    let proxy = Proxy { upstream, tls: Some(known.for_proxy(&file)), ..Proxy::default() };
    sipp_calls(&subject, &Kamailio::start(&proxy).unwrap()).await;
    // A certificate that our authority has not signed brings no call in.
    let unknown = others.sign("unknown", "proxy", vec![loopback()]);
    let proxy = Kamailio::start(&Proxy { tls: Some(unknown.for_proxy(&file)), ..proxy }).unwrap();
    let values = [("STATUS", "408"), ("EXPECTED", "SIP/2.0 408")];
    let caller =
        Sipp::call(&Play::once("uac/refused", Transport::Udp).with(&values), proxy.address()).unwrap();
    let refused = tokio::task::spawn_blocking(move || caller.finish(WITHIN)).await.unwrap();
    refused.unwrap_or_else(|told| panic!("{told:#}\n{}", proxy.story()));
    let log = subject.daemon().log();
    assert!(log.contains("a connection could not be made") && log.contains("UnknownIssuer"), "{log}");
    subject.stop().unwrap();
}

/// A server's certificate: its common name and other names, whether our authority has signed it, and what the log says if it
/// is not believed.
type Shown = (&'static str, Vec<SanType>, bool, Option<&'static str>);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_to_bear_the_name_that_is_configured() {
    if !are_here_or_skip() {
        return;
    }
    let (authority, others) = (Authority::new("carrier"), Authority::new("somebody"));
    let shown: [Shown; 7] = [
        ("x", vec![dns("localhost")], true, None),
        ("x", vec![uri("sip:localhost")], true, None),
        ("localhost", vec![], true, None),
        ("localhost", vec![dns("other.example.com")], true, Some("not valid for name")),
        ("x", vec![uri("sip:localhost.example.com")], true, Some("not valid for name")),
        // It is asked for by name, whatever its address.
        ("x", vec![loopback()], true, Some("not valid for name")),
        ("x", vec![dns("localhost")], false, Some("UnknownIssuer")),
    ];
    let ours = authority.sign("ours", "daemon", vec![dns("daemon.example")]);
    let (tls_settings, file) = (believes(&authority), authority.file());
    for (place, (common, names, is_known, refused)) in shown.into_iter().enumerate() {
        let signer = if is_known { &authority } else { &others };
        let theirs = signer.sign(&format!("theirs{place}"), common, names.clone());
        let out = match refused {
            None => OUT,
            Some(_) => Out {
                callee: "silence",
                does: &[],
                end: End {
                    states: &[CallState::Initiated, CallState::Failed],
                    cause: CallCause::Transport,
                    by: HangupParty::Lost,
                    status: 0,
                },
                ..OUT
            },
        };
        let behind = Behind::start(&out, Some(theirs.for_proxy(&file))).unwrap();
        let gateway: SocketAddr = behind.proxy.tls_address().unwrap();
        let trunk = sip_trunk("named", gateway, "tls", NO_PROBES)
            .replace("host = \"127.0.0.1\"", "host = \"localhost\"");
        let listening = Listening {
            tls: Some((&ours.certificate, &ours.key)),
            tls_settings: &tls_settings,
            ..Listening::default()
        };
        let daemon = &Programs::for_tests().unwrap().daemon;
        let subject = CallSubject::start_with(daemon, &listening, &trunk).await.unwrap();
        let calls = subject.calls().await.unwrap();
        let placed =
            part::place(&calls, call_to("+8613800138000", CALLER, "named"), out.does, &out.end).await;
        let log = subject.daemon().log();
        placed.unwrap_or_else(|told| panic!("{common} {names:?}: {told:#}\n{log}\n{}", behind.proxy.story()));
        let told = log.contains("a connection could not be made");
        assert_eq!(told, refused.is_some(), "{common} {names:?}: {log}");
        assert!(refused.is_none_or(|cause| log.contains(cause)), "{common} {names:?}: {log}");
    }
}
