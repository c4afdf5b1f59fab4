//! Where a response goes (RFC 3261 §18.2.2, RFC 3581).

use std::net::SocketAddr;

use crate::sip::{Flow, Message, Target, Transport};

/// Where the responses to a request go that came by `flow`.
///
/// Over a stream that is the connection, and should it be lost, a new one to the source address and the port where the
/// sender listens. Over UDP it is what the top Via asks for: the address in `maddr` (a name there is not looked up), else
/// the source, at its own port when the Via has `rport` and else at the port where the sender listens. A request whose
/// top Via can't be read is answered to where it came from.
#[must_use]
pub fn way_back(request: &Message, flow: &Flow) -> Target {
    let mut target = Target::from(*flow);
    let Ok(via) = request.via() else { return target };
    let listening = via.port.unwrap_or_else(|| flow.transport.default_port());
    if flow.transport != Transport::Udp {
        target.remote.set_port(listening);
    } else if let Some(maddr) = via.maddr().and_then(|host| host.address()) {
        target.remote = SocketAddr::new(maddr, listening);
    } else if via.rport().is_none() {
        target.remote.set_port(listening);
    }
    target
}
