//! `CallService`: decode, say it to calls, encode.

use std::time::Duration;

use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{
    Phase, api,
    decode::calls as decode,
    encode,
    events::page_size,
    sms::context,
    status::{Reason, Refusal},
};
use crate::{
    calls::{CallFilter, CallRefused, Calls, KnownCall, LiveCall, Word, WordRefused},
    clock,
    config::CallConfig,
    domain::CallState,
};

/// When an acceptance is given up as unknown.
const DEADLINE: Duration = Duration::from_secs(5);
/// What a call is refused with where the platform names nothing.
const DECLINE: u16 = 603;
/// What an offer is refused with where the platform names nothing.
const NOT_ACCEPTABLE_HERE: u16 = 488;

/// The service.
#[derive(Clone)]
pub struct CallFace {
    /// `None`: no trunk carries calls.
    calls: Option<Calls>,
    config: CallConfig,
    phase: watch::Receiver<Phase>,
}

impl CallFace {
    /// The service over its parts.
    #[must_use]
    pub fn new(calls: Option<Calls>, config: CallConfig, phase: watch::Receiver<Phase>) -> Self {
        Self { calls, config, phase }
    }

    fn calls(&self) -> Result<&Calls, Status> {
        let none = "no trunk of this daemon carries calls: configure one with protocol = \"sip\"";
        self.calls.as_ref().ok_or_else(|| Refusal::new(Reason::NoRoute, none).into())
    }

    async fn say(&self, call_id: &str, word: Word) -> Result<CallState, Status> {
        let id = decode::call_id(call_id)?;
        Ok(self.calls()?.say(id, word).await.map_err(Refusal::from)?)
    }
}

#[tonic::async_trait]
impl api::call_service_server::CallService for CallFace {
    async fn create_call(
        &self,
        request: Request<api::CreateCallRequest>,
    ) -> Result<Response<api::CreateCallResponse>, Status> {
        let context = context(request.metadata());
        let request = decode::create(request.into_inner(), &self.config, &context, clock::wall())?;
        let calls = self.calls()?;
        if *self.phase.borrow() != Phase::Serving {
            return Err(Refusal::from(CallRefused::Draining).into());
        }
        // Given up, the call may still become durable and be placed: that is what an unknown outcome says.
        let answer = tokio::time::timeout(DEADLINE, calls.create(request)).await.map_err(|_| {
            let message = "the store did not answer in time: ask again with the same request_id";
            Refusal::new(Reason::DeadlineExceeded, message)
        })?;
        let answer = answer.map_err(Refusal::from)?;
        Ok(Response::new(api::CreateCallResponse {
            call_id: answer.call_id.to_string(),
            replayed: answer.replayed,
            accept_time: Some(encode::time(answer.accept_time)),
        }))
    }

    async fn ring_call(
        &self,
        request: Request<api::RingCallRequest>,
    ) -> Result<Response<api::RingCallResponse>, Status> {
        let api::RingCallRequest { call_id, sdp } = request.into_inner();
        let sdp = if sdp.is_empty() { None } else { Some(decode::sdp_of("sdp", &sdp)?) };
        self.say(&call_id, Word::Ring(sdp)).await?;
        Ok(Response::new(api::RingCallResponse {}))
    }

    async fn answer_call(
        &self,
        request: Request<api::AnswerCallRequest>,
    ) -> Result<Response<api::AnswerCallResponse>, Status> {
        let api::AnswerCallRequest { call_id, sdp_answer } = request.into_inner();
        self.say(&call_id, Word::Answer(decode::sdp_of("sdp_answer", &sdp_answer)?)).await?;
        Ok(Response::new(api::AnswerCallResponse {}))
    }

    async fn reject_call(
        &self,
        request: Request<api::RejectCallRequest>,
    ) -> Result<Response<api::RejectCallResponse>, Status> {
        let api::RejectCallRequest { call_id, sip_status } = request.into_inner();
        self.say(&call_id, Word::Reject(decode::refusing_status(sip_status, DECLINE)?)).await?;
        Ok(Response::new(api::RejectCallResponse {}))
    }

    async fn hangup_call(
        &self,
        request: Request<api::HangupCallRequest>,
    ) -> Result<Response<api::HangupCallResponse>, Status> {
        let api::HangupCallRequest { call_id, reason } = request.into_inner();
        let state = self.say(&call_id, Word::HangUp(decode::reason(reason)?)).await?;
        Ok(Response::new(api::HangupCallResponse { state: encode::call_state(state).into() }))
    }

    async fn send_dtmf(
        &self,
        request: Request<api::SendDtmfRequest>,
    ) -> Result<Response<api::SendDtmfResponse>, Status> {
        let api::SendDtmfRequest { call_id, digits } = request.into_inner();
        self.say(&call_id, Word::Press(decode::digits(digits)?)).await?;
        Ok(Response::new(api::SendDtmfResponse {}))
    }

    async fn offer_sdp(
        &self,
        request: Request<api::OfferSdpRequest>,
    ) -> Result<Response<api::OfferSdpResponse>, Status> {
        let api::OfferSdpRequest { call_id, sdp_offer } = request.into_inner();
        self.say(&call_id, Word::Offer(decode::sdp_of("sdp_offer", &sdp_offer)?)).await?;
        Ok(Response::new(api::OfferSdpResponse {}))
    }

    async fn answer_sdp(
        &self,
        request: Request<api::AnswerSdpRequest>,
    ) -> Result<Response<api::AnswerSdpResponse>, Status> {
        let api::AnswerSdpRequest { call_id, sdp_answer } = request.into_inner();
        self.say(&call_id, Word::Reply(Ok(decode::sdp_of("sdp_answer", &sdp_answer)?))).await?;
        Ok(Response::new(api::AnswerSdpResponse {}))
    }

    async fn refuse_sdp(
        &self,
        request: Request<api::RefuseSdpRequest>,
    ) -> Result<Response<api::RefuseSdpResponse>, Status> {
        let api::RefuseSdpRequest { call_id, sip_status } = request.into_inner();
        let status = decode::refusing_status(sip_status, NOT_ACCEPTABLE_HERE)?;
        self.say(&call_id, Word::Reply(Err(status))).await?;
        Ok(Response::new(api::RefuseSdpResponse {}))
    }

    async fn get_call(
        &self,
        request: Request<api::GetCallRequest>,
    ) -> Result<Response<api::GetCallResponse>, Status> {
        let api::GetCallRequest { call_id, request_key, include_messages } = request.into_inner();
        let key = decode::call_key(&call_id, request_key)?;
        let known = self.calls()?.get(key).await.map_err(Refusal::from)?;
        let not_found =
            || Refusal::new(Reason::CallNotFound, "there is no such call, or it is no longer kept");
        let (call, ladder) = match known.ok_or_else(not_found)? {
            KnownCall::Open(open, remote, ladder) => {
                (encode::open_call(&open.call, &open.progress, remote.as_ref()), ladder)
            }
            KnownCall::Ended(ended) => (encode::ended_call(&ended.0), ended.1),
        };
        let messages = if include_messages { encode::ladder(&ladder) } else { Vec::new() };
        Ok(Response::new(api::GetCallResponse {
            call: Some(call),
            messages,
            left_out_message_count: ladder.left_out,
            messages_before_gap: u32::try_from(ladder.before_gap()).unwrap_or(u32::MAX),
        }))
    }

    async fn list_active_calls(
        &self,
        request: Request<api::ListActiveCallsRequest>,
    ) -> Result<Response<api::ListActiveCallsResponse>, Status> {
        let api::ListActiveCallsRequest { tenant_id, trunk_id, page_size: size, page_token } =
            request.into_inner();
        let after = match page_token.as_str() {
            "" => None,
            token => Some(token.parse().map_err(|_| {
                Refusal::field(Reason::InvalidField, "page_token", "is none that this daemon gave")
            })?),
        };
        let size = page_size(size)?;
        let filter = CallFilter {
            tenant: (!tenant_id.is_empty()).then(|| tenant_id.into()),
            trunk: (!trunk_id.is_empty()).then(|| trunk_id.into()),
            after,
            limit: size + 1,
        };
        let mut calls = self.calls()?.list(filter).await.map_err(Refusal::from)?;
        let more = calls.len() > size;
        calls.truncate(size);
        let last = calls.last().filter(|_| more);
        let encode = |live: &LiveCall| encode::open_call(&live.call, &live.progress, live.remote.as_ref());
        Ok(Response::new(api::ListActiveCallsResponse {
            next_page_token: last.map_or_else(String::new, |last| last.call.id.to_string()),
            calls: calls.iter().map(encode).collect(),
        }))
    }
}

impl From<CallRefused> for Refusal {
    fn from(refused: CallRefused) -> Self {
        let message = refused.to_string();
        match refused {
            CallRefused::UnknownTrunk(trunk_id) => {
                Self::new(Reason::UnknownTrunk, message).with("trunk_id", trunk_id).on_field("call.trunk_ids")
            }
            CallRefused::NoRoute => Self::new(Reason::NoRoute, message),
            CallRefused::CallerNotAllowed { trunk_id, field } => {
                Self::new(Reason::CallerNotAllowed, message).with("trunk_id", trunk_id).with("field", field)
            }
            CallRefused::HeaderNotAllowed { trunk_id, header } => Self::new(Reason::InvalidField, message)
                .with("trunk_id", trunk_id)
                .with("header", header)
                .on_field("call.sip_headers"),
            CallRefused::WindowClosed { category, opens, retry_after, .. } => {
                Self::new(Reason::WindowClosed, message)
                    .with("category", category)
                    .with("open_time", opens)
                    .retry_after(retry_after)
            }
            CallRefused::KeyReused => Self::new(Reason::RequestIdPayloadMismatch, message),
            CallRefused::Full { max } => Self::new(Reason::QueueFull, message)
                .with("scope", "calls")
                .with("max", max)
                .retry_after(Duration::from_secs(1)),
            CallRefused::Draining => Self::new(Reason::Draining, message),
            CallRefused::Store(error) => error.into(),
        }
    }
}

impl From<WordRefused> for Refusal {
    fn from(refused: WordRefused) -> Self {
        let message = refused.to_string();
        match refused {
            WordRefused::NotFound(id) => Self::new(Reason::CallNotFound, message).with("call_id", id),
            WordRefused::State(_) => Self::new(Reason::WrongCallState, message),
            WordRefused::Ending => Self::new(Reason::Draining, message),
            WordRefused::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
