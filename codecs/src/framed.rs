//! `tokio_util::codec` over the same framing, for tools that want a stream of units rather than a session.

use std::{io, marker::PhantomData};

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    frame,
    session::{Dialect, Frame},
};

/// Splits a byte stream into the units of one protocol, headers read. Encoding takes whole units as octets.
#[derive(Debug)]
pub struct UnitCodec<D>(PhantomData<fn() -> D>);

impl<D> Default for UnitCodec<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<D: Dialect> Decoder for UnitCodec<D> {
    type Item = Frame<D>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame<D>>, io::Error> {
        let refused = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let Some(octets) = frame::next(buffer, D::LIMITS).map_err(refused)? else {
            return Ok(None);
        };
        let header = D::header(&octets).map_err(refused)?;
        Ok(Some(Frame { header, octets }))
    }
}

impl<D> Encoder<Bytes> for UnitCodec<D> {
    type Error = io::Error;

    fn encode(&mut self, unit: Bytes, out: &mut BytesMut) -> Result<(), io::Error> {
        out.extend_from_slice(&unit);
        Ok(())
    }
}
