//! What foreign SIP programs need to be run on this machine: ports, and whether they are there at all.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// What carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection for all calls.
    Tcp,
}

/// Says whether a program is installed that shows its version with `-v`.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The same for a test that skips otherwise.
///
/// # Panics
/// When it is not, and CI is `true`.
#[must_use]
pub fn is_installed_or_skip(program: &str) -> bool {
    if is_installed(program) {
        return true;
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{program} is missing: run conformance/peers/setup.sh"
    );
    println!("skipped: {program} is missing; conformance/peers/setup.sh gets it");
    false
}

/// A port that neither a datagram socket nor a listener has now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let port = socket.local_addr()?.port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free for both datagrams and connections")
}

/// Says whether someone holds the port, by the system's own table.
///
/// # Errors
/// When the table can't be read.
pub fn is_bound(transport: Transport, port: u16) -> Result<bool> {
    // TCP: state 0A is a listener. UDP: state 07 is an unconnected socket.
    let (table, state) = match transport {
        Transport::Udp => ("/proc/net/udp", "07"),
        Transport::Tcp => ("/proc/net/tcp", "0A"),
    };
    let port = format!(":{port:04X}");
    let text = fs::read_to_string(table).context(table)?;
    Ok(text.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some(state)
    }))
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn knows_whether_a_port_is_held() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(is_bound(Transport::Udp, port).unwrap());
        drop(socket);
        // A process that another test starts at this moment has the socket too, from its fork to its exec.
        let released = (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !is_bound(Transport::Udp, port).unwrap()
        });
        assert!(released, "port {port} is still held");
    }
}
