//! Writes units into a capture file, as if they had been seen on TCP connections: classic pcap, Ethernet, IPv4. Only
//! what a dissector needs is right; there is no handshake.
//!
//! # Why
//! Each unit has a connection of its own. On one connection a dissector that stumbles over a unit takes those behind it
//! down, too.

use std::io::{self, Write};

/// Octets of Ethernet, IPv4 and TCP headers in front of each unit.
const HEADERS: usize = 14 + 20 + 20;
/// The client's port on the first connection.
const FIRST_CLIENT_PORT: u16 = 20_000;

/// A capture of connections to and from a server's port.
#[derive(Debug)]
pub struct Capture<W: Write> {
    out: W,
    port: u16,
    packets: u16,
}

/// Who sent a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that dialled: an ESME, an SP.
    Client,
    /// The one that was dialled: an SMSC, an ISMG.
    Server,
}

impl<W: Write> Capture<W> {
    /// Begins a capture with the file header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, port: u16) -> io::Result<Self> {
        out.write_all(&0xA1B2_C3D4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?; // version 2.4
        out.write_all(&[0; 8])?; // UTC; no accuracy
        out.write_all(&65_535_u32.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?; // Ethernet
        Ok(Self { out, port, packets: 0 })
    }

    /// Writes one unit as one segment of a new connection, a millisecond after the one before.
    ///
    /// # Errors
    /// Those of the writer, a unit that no IPv4 packet can hold, and more units than there are ports.
    pub fn write(&mut self, side: Side, unit: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::new(io::ErrorKind::InvalidInput, "a unit too large for one packet");
        let total = u16::try_from(unit.len() + HEADERS - 14).map_err(too_large)?;
        let frame_octets = (u32::from(total) + 14).to_le_bytes();
        let client_port = FIRST_CLIENT_PORT.checked_add(self.packets);
        let client_port = client_port.ok_or_else(|| io::Error::other("more units than ports"))?;
        let milliseconds = u32::from(self.packets);
        self.out.write_all(&(milliseconds / 1000).to_le_bytes())?;
        self.out.write_all(&(milliseconds % 1000 * 1000).to_le_bytes())?;
        self.out.write_all(&frame_octets)?;
        self.out.write_all(&frame_octets)?;
        self.packets += 1;

        let (from, to, from_port, to_port) = match side {
            Side::Client => (1_u8, 2_u8, client_port, self.port),
            Side::Server => (2, 1, self.port, client_port),
        };
        self.out.write_all(&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x08, 0x00])?;
        self.out.write_all(&ipv4_header(total, from, to))?;

        let mut tcp = Vec::with_capacity(20);
        tcp.extend_from_slice(&from_port.to_be_bytes());
        tcp.extend_from_slice(&to_port.to_be_bytes());
        tcp.extend_from_slice(&1_u32.to_be_bytes());
        tcp.extend_from_slice(&1_u32.to_be_bytes());
        tcp.extend_from_slice(&[0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]); // push, acknowledge; no checksum
        self.out.write_all(&tcp)?;
        self.out.write_all(unit)?;
        Ok(())
    }

    /// Ends the capture and gives the writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn ipv4_header(total: u16, from: u8, to: u8) -> [u8; 20] {
    let [high, low] = total.to_be_bytes();
    let mut header = [0x45, 0, high, low, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, from, 192, 0, 2, to];
    let sum: u32 = header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xFFFF) + (folded >> 16)).unwrap_or(u16::MAX);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_its_length_and_a_checksum_that_adds_up() {
        let mut capture = Capture::new(Vec::new(), 2775).unwrap();
        capture.write(Side::Client, &[7; 16]).unwrap();
        let file = capture.finish().unwrap();
        assert_eq!(file.len(), 24 + 16 + HEADERS + 16);
        let ip = &file[24 + 16 + 14..][..20];
        let sum: u32 = ip.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        assert_eq!((sum & 0xFFFF) + (sum >> 16), 0xFFFF);
    }
}
