//! What the platform says about calls, to a daemon that may be gone at any moment.

use std::time::Duration;

use tokio::time::sleep;
use tonic::transport::Channel;

use crate::api::{self, call_service_client::CallServiceClient};

/// How long a daemon that is not there is left alone.
const AGAIN: Duration = Duration::from_millis(100);
/// How often a word is said; by then the call it is about has been found and told as lost.
const TRIES: u32 = 200;

/// Something that the platform says about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Which.
    pub call_id: String,
    /// How long after what it answers.
    pub after: Duration,
    /// What.
    pub what: What,
}

/// What is said. Texts are session descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It rings.
    Ring(Option<&'static str>),
    /// Answer it.
    Answer(&'static str),
    /// Refuse it.
    Reject(u32),
    /// End it.
    HangUp,
    /// Offer the peer another session.
    Offer(&'static str),
    /// Take the peer's offer.
    AcceptOffer(&'static str),
    /// Refuse it.
    RefuseOffer(u32),
}

impl Word {
    /// Says it after its delay, again and again until the daemon has an answer. A call that is over or elsewhere by then
    /// makes no fault: its events say what became of it.
    pub async fn say(self, channel: Channel) {
        sleep(self.after).await;
        let mut client = CallServiceClient::new(channel);
        for _ in 0..TRIES {
            match self.say_once(&mut client).await {
                Err(status) if is_absence(&status) => sleep(AGAIN).await,
                Ok(()) | Err(_) => return,
            }
        }
    }

    async fn say_once(&self, client: &mut CallServiceClient<Channel>) -> Result<(), tonic::Status> {
        let call_id = self.call_id.clone();
        match self.what {
            What::Ring(sdp) => {
                let sdp = sdp.unwrap_or_default().to_owned();
                client.ring_call(api::RingCallRequest { call_id, sdp }).await?;
            }
            What::Answer(sdp) => {
                let sdp_answer = sdp.to_owned();
                client.answer_call(api::AnswerCallRequest { call_id, sdp_answer }).await?;
            }
            What::Reject(sip_status) => {
                client.reject_call(api::RejectCallRequest { call_id, sip_status }).await?;
            }
            What::HangUp => {
                let reason = "proof".to_owned();
                client.hangup_call(api::HangupCallRequest { call_id, reason }).await?;
            }
            What::Offer(sdp) => {
                let sdp_offer = sdp.to_owned();
                client.offer_sdp(api::OfferSdpRequest { call_id, sdp_offer }).await?;
            }
            What::AcceptOffer(sdp) => {
                let sdp_answer = sdp.to_owned();
                client.answer_sdp(api::AnswerSdpRequest { call_id, sdp_answer }).await?;
            }
            What::RefuseOffer(sip_status) => {
                client.refuse_sdp(api::RefuseSdpRequest { call_id, sip_status }).await?;
            }
        }
        Ok(())
    }
}

/// Says whether nobody was there to answer, or not yet.
#[must_use]
pub fn is_absence(status: &tonic::Status) -> bool {
    use tonic::Code::{Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown};
    // A connection that breaks half way is told as one of several codes by the transport.
    matches!(
        status.code(),
        Cancelled | DeadlineExceeded | Internal | ResourceExhausted | Unavailable | Unknown
    )
}
