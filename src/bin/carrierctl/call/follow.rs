//! Places a call and follows it to its end.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use carrierd::grpc::api::{self, call_service_client::CallServiceClient};
use clap::Args;
use tonic::transport::Channel;

use super::{category, get, hang_up, is_final};
use crate::{Form, failure::Failure, json, show, sms::Category};

/// How often the call is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `call` without a subcommand.
#[derive(Args)]
pub struct Place {
    /// Who calls: a number that the carrier has assigned.
    #[arg(long, required = true)]
    from: Option<String>,
    /// Who is called: digits, with or without +.
    #[arg(long, required = true)]
    to: Option<String>,
    /// The number to show instead of the caller's; one that the carrier has assigned, too.
    #[arg(long, default_value = "")]
    show_number: String,
    /// The tenant it is placed for.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What it is for.
    #[arg(long, value_enum, default_value = "notification")]
    category: Category,
    /// A trunk it may take; more than one in order of preference. By default by route.
    #[arg(long)]
    trunk: Vec<String>,
    /// A file with the session description to offer.
    #[arg(long, conflicts_with = "media")]
    sdp: Option<PathBuf>,
    /// Where media are to be sent, for an offer of G.711 and telephone events; by default nobody hears them.
    #[arg(long, default_value = "127.0.0.1:9")]
    media: SocketAddr,
    /// Seconds that it may wait and ring; by default the daemon's.
    #[arg(long)]
    ring: Option<u32>,
    /// Hang up so many seconds after the answer.
    #[arg(long)]
    talk: Option<u64>,
    /// The idempotency key: the same key again places nothing new. By default a fresh one.
    #[arg(long)]
    request_id: Option<String>,
    /// Only place it, and follow nothing.
    #[arg(long)]
    no_follow: bool,
}

impl Place {
    pub async fn run(self, client: &mut CallServiceClient<Channel>, form: Form) -> Result<(), Failure> {
        let request_id = self.request_id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let call = Some(self.call()?);
        let request = api::CreateCallRequest { request_id: request_id.clone(), call };
        let response = client.create_call(request).await?.into_inner();
        match form {
            Form::Json => println!("{}", json::call_created(&request_id, &response)),
            Form::Plain => {
                let replayed = if response.replayed { " (placed before under this request-id)" } else { "" };
                println!("accepted {}{replayed}", response.call_id);
            }
        }
        if self.no_follow {
            return Ok(());
        }
        let ended = self.follow(client, &response.call_id, form).await?;
        if form == Form::Json {
            println!("{}", json::call(&ended));
        }
        match ended.state() {
            api::CallState::Completed => Ok(()),
            state => {
                let said = show::status(ended.status.as_ref());
                let state = show::call_state(state);
                Err(Failure::Other(format!(
                    "the call is {state}: {said}; `carrierctl call show {}` tells more",
                    ended.call_id
                )))
            }
        }
    }

    fn call(&self) -> Result<api::CallRequest, Failure> {
        let sdp = match &self.sdp {
            Some(path) => read(path)?,
            None => offer(self.media),
        };
        Ok(api::CallRequest {
            tenant_id: self.tenant.clone(),
            caller: self.from.clone().unwrap_or_default(),
            callee: self.to.clone().unwrap_or_default(),
            display_caller: self.show_number.clone(),
            trunk_ids: self.trunk.clone(),
            ring_timeout: self.ring.map(|ring| prost_types::Duration { seconds: ring.into(), nanos: 0 }),
            category: category(self.category),
            media: Some(api::call_request::Media::SdpOffer(sdp)),
            ..Default::default()
        })
    }

    /// Shows each state as it comes. Ctrl-C hangs up, and the end is waited for.
    async fn follow(
        &self,
        client: &mut CallServiceClient<Channel>,
        id: &str,
        form: Form,
    ) -> Result<api::Call, Failure> {
        let begin = Instant::now();
        let (mut shown, mut answered, mut hung_up) = (api::CallState::Unspecified, None, false);
        loop {
            let call = get(client, id).await?;
            let state = call.state();
            if state != shown {
                shown = state;
                if form == Form::Plain {
                    println!("{}", line(begin.elapsed(), &call));
                }
            }
            if is_final(state) {
                return Ok(call);
            }
            if state == api::CallState::InProgress {
                let since = *answered.get_or_insert_with(Instant::now);
                let over = self.talk.is_some_and(|talk| since.elapsed() >= Duration::from_secs(talk));
                if over && !hung_up {
                    hung_up = true;
                    hang_up(client, id, String::new()).await?;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = tokio::signal::ctrl_c() => {
                    hung_up = true;
                    hang_up(client, id, String::new()).await?;
                }
            }
        }
    }
}

fn line(after: Duration, call: &api::Call) -> String {
    let record = call.record.clone().unwrap_or_default();
    let trunk = match record.trunk_id.as_str() {
        "" => String::new(),
        trunk => format!(" on {}", show::line(trunk)),
    };
    let state = show::call_state(call.state());
    let why = if is_final(call.state()) {
        let talk = record.talk_duration.as_ref().filter(|_| record.answer_time.is_some());
        let talk = talk.map_or_else(String::new, |talk| format!(", talked {}", show::span(Some(talk))));
        let cause = show::bare(record.cause().as_str_name(), "CALL_CAUSE_");
        let status = show::status(call.status.as_ref());
        format!(
            "  {cause} by {}  {status}{talk}",
            show::bare(record.hangup_party().as_str_name(), "HANGUP_PARTY_")
        )
    } else {
        String::new()
    };
    format!("+{:>6.1}s  {state}{trunk}{why}", after.as_secs_f64())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("--sdp {}: can't be read: {error}", path.display())))
}

/// An offer of G.711 and telephone events at an address.
fn offer(media: SocketAddr) -> String {
    let (family, address) = (if media.is_ipv4() { "IP4" } else { "IP6" }, media.ip());
    format!(
        "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio {} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
        media.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_names_its_address_in_its_family() {
        let offered = offer("192.0.2.7:4000".parse().unwrap());
        assert!(offered.contains("c=IN IP4 192.0.2.7\r\n") && offered.contains("m=audio 4000 RTP/AVP"));
        assert!(offer("[2001:db8::1]:4000".parse().unwrap()).contains("c=IN IP6 2001:db8::1\r\n"));
        assert!(offered.ends_with("\r\n") && !offered.contains("\n "));
    }

    #[test]
    fn a_line_tells_the_end_with_the_carriers_words() {
        let call = api::Call {
            state: api::CallState::Busy.into(),
            status: Some(api::CarrierStatus {
                failure_class: api::FailureClass::Busy.into(),
                protocol: "sip".into(),
                raw_code: "486".into(),
                raw_text: "Busy Here".into(),
                ..Default::default()
            }),
            record: Some(api::CallRecord {
                trunk_id: "north".into(),
                cause: api::CallCause::Busy.into(),
                hangup_party: api::HangupParty::Callee.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(
            line(Duration::from_millis(4200), &call),
            "+   4.2s  busy on north  busy by callee  busy (sip 486 Busy Here)"
        );
    }
}
