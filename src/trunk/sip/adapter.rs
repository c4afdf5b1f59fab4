//! Between the platform's calls and SIP: who calls whom in which header, and what a carrier's INVITE says. Pure.
//!
//! # Why nothing of a request names the caller
//! Every header that says who calls is written from numbers of the trunk's permitted list, and from nothing else: a number
//! that is not in it makes no INVITE, whatever let it come so far.

use bytes::Bytes;
use codecs::sip::{
    Name, Target,
    dialog::session_timer::Unanswered,
    message::Address,
    sdp,
    ua::{self, Body, Field},
    uri::{Uri, put_user, unescape},
};

use super::numbers;
use crate::{
    config::{CallHeader, NumberScheme, ReliableProvisional, SessionTimerUse, SipTrunkConfig, WhoseNumber},
    domain::{Call, Number, Sdp},
};

/// It is tried elsewhere without a policy that names it.
const UNAVAILABLE: u16 = 503;

/// Why a call makes no INVITE on a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A caller's number is not among those that the carrier has assigned.
    #[error("a caller's number is not among those that the carrier has assigned")]
    Caller,
    /// The offer is none, or has no codec that the trunk allows.
    #[error("the offer is no session description, or has no codec that the trunk allows")]
    Media,
}

/// The INVITE of a call.
///
/// # Errors
/// See [`Unfit`].
pub fn invite(
    trunk: &SipTrunkConfig,
    peer: ua::PeerId,
    call: &Call,
    offer: &Sdp,
    targets: Vec<Target>,
    policy: std::sync::Arc<ua::Policy>,
) -> Result<ua::Invite, Unfit> {
    let shown = call.display_caller.as_ref().unwrap_or(&call.caller);
    if ![&call.caller, shown].into_iter().all(|number| trunk.callers.permit(number)) {
        return Err(Unfit::Caller);
    }
    check_offer(trunk, offer)?;
    let caller = Callers { trunk, caller: &call.caller, shown };
    let callee = |header| {
        let number = numbers::written(&trunk.numbers, header, &call.callee);
        match trunk.identity.scheme {
            NumberScheme::Sip => sip_uri(trunk, &number),
            NumberScheme::Tel => tel_uri(trunk, &number),
        }
    };
    let mut fields = Vec::new();
    let mut add = |name: &'static str, value: Option<String>| {
        fields.extend(value.map(|value| Field::new(name, value)));
    };
    let address =
        |header, whose| caller.user(header, whose).map(|user| format!("<{}>", sip_uri(trunk, &user)));
    add("P-Asserted-Identity", address(CallHeader::Identity, trunk.identity.asserted));
    add("P-Preferred-Identity", address(CallHeader::Identity, trunk.identity.preferred));
    let diverted = address(CallHeader::Diversion, trunk.identity.diversion);
    add("Diversion", diverted.map(|address| format!("{address};reason=unconditional;counter=1")));
    let allowed = |name: &str| trunk.headers.iter().any(|header| header.eq_ignore_ascii_case(name));
    let own = call.headers.iter().filter(|(name, _)| allowed(name));
    fields.extend(own.map(|(name, value)| Field::new(name.clone(), value.clone())));
    let from = address(CallHeader::From, trunk.identity.from).ok_or(Unfit::Caller)?;
    Ok(ua::Invite {
        peer,
        targets,
        request_uri: callee(CallHeader::RequestUri).into(),
        from: from.into(),
        to: format!("<{}>", callee(CallHeader::To)).into(),
        contact_user: caller.user(CallHeader::Contact, trunk.identity.contact).unwrap_or_default().into(),
        routes: Vec::new(),
        fields,
        body: Some(Body::sdp(Bytes::copy_from_slice(offer.octets()))),
        policy,
    })
}

/// Whose numbers there are to choose from.
struct Callers<'a> {
    trunk: &'a SipTrunkConfig,
    caller: &'a Number,
    shown: &'a Number,
}

impl Callers<'_> {
    /// The user part of a header's URI.
    fn user(&self, header: CallHeader, whose: WhoseNumber) -> Option<String> {
        let written = |number| numbers::written(&self.trunk.numbers, header, number);
        match whose {
            WhoseNumber::Shown => Some(written(self.shown)),
            WhoseNumber::Caller => Some(written(self.caller)),
            WhoseNumber::Account => self.trunk.account.as_ref().map(|account| account.user.clone()),
            WhoseNumber::None => None,
        }
    }
}

fn sip_uri(trunk: &SipTrunkConfig, user: &str) -> String {
    let host = if trunk.domain.contains(':') { format!("[{}]", trunk.domain) } else { trunk.domain.clone() };
    let is_number = user.strip_prefix('+').unwrap_or(user).bytes().all(|octet| octet.is_ascii_digit());
    let phone = if trunk.identity.user_phone && is_number { ";user=phone" } else { "" };
    let mut escaped = bytes::BytesMut::new();
    put_user(&mut escaped, user.as_bytes());
    format!("sip:{}@{host}{phone}", String::from_utf8_lossy(&escaped))
}

/// RFC 3966 §5.1.5: what is not global is so in some context.
fn tel_uri(trunk: &SipTrunkConfig, number: &str) -> String {
    if number.starts_with('+') {
        format!("tel:{number}")
    } else {
        format!("tel:{number};phone-context={}", trunk.domain)
    }
}

fn check_offer(trunk: &SipTrunkConfig, offer: &Sdp) -> Result<(), Unfit> {
    let offer = sdp::Sdp::parse(offer.octets()).map_err(|_| Unfit::Media)?;
    let fits =
        |codec: &sdp::Codec<'_>| !codec.is_event() && trunk.codecs.iter().any(|allowed| codec.is(allowed));
    let any = trunk.codecs.is_empty() || offer.media().any(|media| media.codecs().any(|codec| fits(&codec)));
    if any { Ok(()) } else { Err(Unfit::Media) }
}

/// Who calls and who is called, as a carrier's INVITE says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// Who calls: the asserted identity, else From.
    pub caller: Number,
    /// Who is called: the Request-URI, else To.
    pub callee: Number,
    /// Headers that the trunk lets through.
    pub headers: Vec<(String, String)>,
}

/// Reads who calls whom. A header that holds no number says nothing.
#[must_use]
pub fn parties(trunk: &SipTrunkConfig, incoming: &ua::Incoming) -> Parties {
    let of_uri = |header, uri: &[u8]| {
        let uri = Uri::parse(uri).ok()?;
        let number = unescape(uri.number()?).into_owned();
        Some(numbers::read(&trunk.numbers, header, &number))
    };
    let of_address = |header, value: &[u8]| of_uri(header, Address::parse(value)?.uri);
    let asserted = incoming.request.values(Name::PAssertedIdentity);
    let asserted = asserted.into_iter().find_map(|value| of_address(CallHeader::Identity, value));
    let caller = asserted.or_else(|| of_address(CallHeader::From, &incoming.from));
    let callee = of_uri(CallHeader::RequestUri, &incoming.request_uri)
        .or_else(|| of_address(CallHeader::To, &incoming.to));
    let nobody = || Number::from_carrier(b"");
    let allowed =
        |label: &[u8]| trunk.headers.iter().find(|name| name.as_bytes().eq_ignore_ascii_case(label));
    let headers = incoming.request.fields().filter_map(|field| {
        let name = allowed(field.label)?;
        Some((name.clone(), String::from_utf8_lossy(field.value).into_owned()))
    });
    Parties {
        caller: caller.unwrap_or_else(nobody),
        callee: callee.unwrap_or_else(nobody),
        headers: headers.collect(),
    }
}

/// How the calls of a trunk are run.
#[must_use]
pub fn policy(trunk: &SipTrunkConfig) -> ua::Policy {
    let seconds = |length: std::time::Duration| u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    let timer = trunk.session_timer;
    let offers = timer.usage == SessionTimerUse::Offer;
    ua::Policy {
        session_timer: Some(ua::SessionTimer {
            interval: offers.then(|| seconds(timer.expires)),
            min_se: seconds(timer.least),
            unanswered: if offers { Unanswered::RefreshAlone } else { Unanswered::Off },
        }),
        reliable: match trunk.reliable_provisional {
            ReliableProvisional::Supported => ua::Reliable::Supported,
            ReliableProvisional::Required => ua::Reliable::Required,
            ReliableProvisional::Off => ua::Reliable::Off,
        },
        ring_time: Some(trunk.timers.ring),
        answer_time: None,
        failover: ua::Failover {
            statuses: trunk.failover_statuses.iter().copied().filter(|one| *one != UNAVAILABLE).collect(),
            first_response: Some(trunk.timers.no_response),
            progress: trunk.timers.no_progress,
        },
        dialog_routing: ua::DialogRouting::AsTold,
        ..ua::Policy::default()
    }
}

#[cfg(test)]
mod tests;
