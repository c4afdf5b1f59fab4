//! SIPp as the registrar: a challenge, a time that is too short, a grant, and its refresh.

use conformance::{
    api::TrunkState,
    call_subject::{CallSubject, sip_trunk},
    loopback::Transport,
    platform::Platform,
    sipp::{Play, Sipp},
};

use crate::stage::AFTER;

const ACCOUNT: &str = "probe = { interval = \"0s\" }\n\
    account = { username = \"861088880000\", password = \"literal:s3cret-Trunk\", expires = \"60s\" }";

#[tokio::test]
async fn a_trunk_registers_and_stays_registered() {
    if !Sipp::is_here_or_skip() {
        return;
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        let registrar = Sipp::answer(&Play::once("uas/registrar", transport)).unwrap();
        let by = if transport == Transport::Udp { "udp" } else { "tcp" };
        let trunk = sip_trunk("registered", registrar.address(), by, ACCOUNT);
        let subject = CallSubject::start(&trunk).await.unwrap();
        let platform = Platform::connect(subject.daemon().gateway()).await.unwrap();
        let stands = |trunk: &conformance::api::Trunk| trunk.state() == TrunkState::Enabled;
        platform.wait_for_trunk("registered", stands).await.unwrap();
        tokio::task::spawn_blocking(move || registrar.finish(AFTER)).await.unwrap().unwrap();
        // The refresh was granted too.
        platform.wait_for_trunk("registered", stands).await.unwrap();
        drop(subject);
    }
}
