//! CMPP_CONNECT and its answer.

use bytes::{BufMut, BytesMut};

use super::{
    Header, Layout, Version, command,
    field::{self, Digest, Field, Number, Text, VersionOctet, every},
};
use crate::{
    error::{DecodeError, EncodeError},
    octets::{self, Parsed},
};

field::unit! {
    /// CMPP_CONNECT: the SP, or another gateway, logs in. The same in every version.
    Connect<'a> = command::CONNECT, {
        /// The account: the SP's company code, or the gateway's code; at most 6 octets.
        source_addr: &'a [u8] = "Source_Addr", Text(every(6));
        /// The proof; see [`super::auth::authenticator_source`].
        authenticator_source: [u8; 16] = "AuthenticatorSource", Digest;
        /// The version asked for; see [`Version::from_octet`].
        version: u8 = "Version", VersionOctet;
        /// MMDDHHMMSS as a number; see [`super::auth::LoginStamp`].
        timestamp: u32 = "Timestamp", Number(every(4));
    }
}

/// CMPP_CONNECT_RESP. A gateway that refuses a version may answer in either layout, so the length tells which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectResp {
    /// The layout of this very unit, which is read from its length; on writing it counts, not the session's version.
    pub layout: Layout,
    /// 0: accepted; see [`super::status::ConnectStatus`]. At most 255 in [`Layout::V2`].
    pub status: u32,
    /// The gateway's proof; zero when it refuses. See [`super::auth::authenticator_ismg`].
    pub authenticator_ismg: [u8; 16],
    /// The highest version that the gateway supports. Some write 0 or less than what they then speak.
    pub version: u8,
}

impl ConnectResp {
    /// The command id of this unit.
    pub const COMMAND_ID: u32 = command::CONNECT | command::RESPONSE;

    /// Reads one complete unit of this command. `version` decides only about a length that neither layout has.
    ///
    /// # Errors
    /// When the unit is of another command or ends too early.
    pub fn decode(unit: &[u8], version: Version) -> Result<Self, DecodeError> {
        let body = Header::body(unit, Self::COMMAND_ID)?;
        octets::finish(unit, Self::read(body, version))
    }

    pub(super) fn read(rest: &[u8], version: Version) -> Parsed<'_, Self> {
        let layout = match rest.len() {
            18 => Layout::V2,
            21 => Layout::V3,
            _ => version.layout(),
        };
        let (rest, status) = Number(field::result_size(layout)).read("Status", version, rest)?;
        let (rest, authenticator_ismg) = Digest.read("AuthenticatorISMG", version, rest)?;
        let (rest, version) = octets::u8("Version")(rest)?;
        Ok((rest, Self { layout, status, authenticator_ismg, version }))
    }

    pub(super) fn put(&self, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        Number(field::result_size(self.layout)).put("Status", version, &self.status, out)?;
        out.put_slice(&self.authenticator_ismg);
        out.put_u8(self.version);
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ConnectResp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Status", &self.status)?;
        Digest.dump("AuthenticatorISMG", &self.authenticator_ismg, &mut map)?;
        VersionOctet.dump("Version", &self.version, &mut map)?;
        map.end()
    }
}
