//! To and from the types of the `rsip` crate, for whoever speaks in them. Nothing on the wire path comes by here.
//!
//! Ours become theirs by being written plainly, with long names and without folds, and read there: what those types can't
//! hold is an error. Theirs become ours header by header, their values on one line each.

use rsip::{Header, SipMessage, StatusCode};
use thiserror::Error;

use super::{
    message::{Message, Name, Writer},
    uri::{Host, SipUri},
};

/// A message or a URI that the types of `rsip` can't hold.
#[derive(Debug, Error)]
pub enum InteropError {
    /// `rsip` refuses it.
    #[error("rsip can't hold it: {0}")]
    Theirs(#[from] rsip::Error),
    /// It isn't text, which `rsip` takes for granted.
    #[error("rsip can't hold octets that are no UTF-8")]
    NoText,
}

impl TryFrom<&Message> for SipMessage {
    type Error = InteropError;

    fn try_from(message: &Message) -> Result<Self, InteropError> {
        let text = |octets| str::from_utf8(octets).map_err(|_| InteropError::NoText);
        let mut writer = match message.status() {
            Some(status) => Writer::response(status, Some(text(message.reason_phrase())?)),
            None => Writer::request(message.method_octets(), message.request_uri()),
        };
        for field in message.fields().filter(|field| field.name != Name::ContentLength) {
            text(field.value)?;
            writer.other(text(field.label)?, field.value);
        }
        let plain = writer.end(message.body());
        Ok(Self::try_from(plain.octets().as_ref())?)
    }
}

impl From<&SipMessage> for Message {
    fn from(message: &SipMessage) -> Self {
        let (mut writer, headers, body) = match message {
            SipMessage::Request(request) => {
                let writer = Writer::request(request.method.to_string(), request.uri.to_string());
                (writer, &request.headers, &request.body)
            }
            SipMessage::Response(response) => {
                // Of a status that it knows, `rsip` has no phrase to be written.
                let reason = match &response.status_code {
                    StatusCode::Other(_, reason) => Some(reason.as_str()),
                    _ => None,
                };
                (Writer::response(response.status_code.code(), reason), &response.headers, &response.body)
            }
        };
        for header in headers.iter().filter(|header| !matches!(header, Header::ContentLength(_))) {
            let line = header.to_string();
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            writer.other(name, value.trim());
        }
        writer.end(body)
    }
}

impl TryFrom<&SipUri<'_>> for rsip::Uri {
    type Error = InteropError;

    /// Without the URI's headers, for which there is no place.
    fn try_from(uri: &SipUri<'_>) -> Result<Self, InteropError> {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).map_err(|_| InteropError::NoText);
        let auth = match uri.user {
            None => None,
            Some(user) => {
                Some(rsip::uri::Auth { user: text(user)?, password: uri.password.map(text).transpose()? })
            }
        };
        let host = match uri.host {
            Host::V4(address) => rsip::Host::IpAddr(address.into()),
            // An address of IPv6 would be written without its brackets.
            Host::Name(_) | Host::V6(_) => rsip::Host::Domain(uri.host.to_string().into()),
        };
        let params = uri.params.iter().map(|(name, value)| {
            let (name, value) = (text(name)?, value.map(text).transpose()?);
            Ok(rsip::Param::try_from((name.as_str(), value.as_deref()))?)
        });
        Ok(Self {
            scheme: Some(if uri.secure { rsip::Scheme::Sips } else { rsip::Scheme::Sip }),
            auth,
            host_with_port: (host, uri.port).into(),
            params: params.collect::<Result<_, InteropError>>()?,
            headers: Vec::new(),
        })
    }
}
