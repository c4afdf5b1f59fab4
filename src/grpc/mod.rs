//! The face towards gateway services: gRPC, decoded once into the domain's types.
//!
//! Each service decodes, calls one function and encodes; `status` is the only mapping from our errors to codes. What a
//! request means is left to `sms`, `events` and `trunk`.

mod admin;
mod calls;
mod credit;
mod decode;
mod encode;
mod events;
mod route;
mod sms;
mod status;
mod story;
#[cfg(test)]
mod tests;
mod trunks;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    calls::Calls,
    config::{CallConfig, MessageConfig},
    domain::TrunkId,
    events::Subscriptions,
    instance::{Instance, Reload},
    sms::{Acceptor, Diagnosis},
    store::Store,
    trunk::{TrunkBoard, sms::LinkControl},
};
use api::{
    admin_service_server::AdminServiceServer, call_service_server::CallServiceServer,
    event_service_server::EventServiceServer, sms_service_server::SmsServiceServer,
    trunk_service_server::TrunkServiceServer,
};

pub use crate::instance::Phase;
pub use status::{DOMAIN, Reason};

/// The generated API.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod api {
    tonic::include_proto!("carrierd.v1");
    /// The descriptor set, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/carrierd.bin"));
}

/// Largest request, octets.
const MAX_REQUEST: usize = 4 * 1024 * 1024;
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
const MAX_STREAMS: u32 = 1024;
/// Silence after which a connection is probed; dead clients must not hold events.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);
/// How long consumers may confirm after the end was announced.
const ACK_GRACE: Duration = Duration::from_secs(5);
/// How long connections may take to end after that.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// What the services work on.
#[derive(Clone)]
pub struct Parts {
    /// Takes messages.
    pub acceptor: Acceptor,
    /// Takes and knows calls; `None`: no trunk carries any.
    pub calls: Option<Calls>,
    /// Limits of calls.
    pub call_limits: CallConfig,
    /// Knows messages.
    pub store: Store,
    /// Tells events.
    pub subscriptions: Subscriptions,
    /// Shows trunks.
    pub board: TrunkBoard,
    /// Speaks to their links.
    pub links: Arc<HashMap<TrunkId, LinkControl>>,
    /// What is found about each trunk's reports.
    pub diagnoses: Vec<watch::Receiver<Diagnosis>>,
    /// Limits of messages.
    pub messages: MessageConfig,
    /// What the daemon as a whole is told.
    pub instance: Instance,
    /// Reads its configuration again.
    pub reload: Reload,
}

/// The services of the gateway listener, their health and their description.
///
/// # Errors
/// A descriptor set that can't be read, which the build made.
pub async fn routes(
    parts: &Parts,
    phase: &watch::Receiver<Phase>,
) -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let sms = sms::Sms::new(parts.acceptor.clone(), parts.store.clone(), &parts.messages, phase.clone());
    let calls = calls::CallFace::new(parts.calls.clone(), parts.call_limits.clone(), phase.clone());
    let events = events::Events::new(parts.subscriptions.clone(), phase.clone());
    let (links, diagnoses) = (parts.links.clone(), parts.diagnoses.clone());
    let trunks = trunks::Trunks::new(parts.board.clone(), links, diagnoses, parts.instance.clone());
    let admin = admin::Admin::new(parts.instance.clone(), parts.reload.clone(), parts.subscriptions.clone());
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<SmsServiceServer<sms::Sms<Acceptor>>>().await;
    reporter.set_serving::<CallServiceServer<calls::CallFace>>().await;
    reporter.set_serving::<EventServiceServer<events::Events>>().await;
    reporter.set_serving::<TrunkServiceServer<trunks::Trunks>>().await;
    reporter.set_serving::<AdminServiceServer<admin::Admin>>().await;
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(api::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        // Only what is served is listed: the descriptors also hold services that others import.
        [api::sms_service_server::SERVICE_NAME, api::call_service_server::SERVICE_NAME]
            .into_iter()
            .chain([api::event_service_server::SERVICE_NAME])
            .chain([api::trunk_service_server::SERVICE_NAME, api::admin_service_server::SERVICE_NAME])
            .chain(["grpc.health.v1.Health"])
            .fold(builder, tonic_reflection::server::Builder::with_service_name)
    };
    let routes = Routes::default()
        .add_service(SmsServiceServer::new(sms).max_decoding_message_size(MAX_REQUEST))
        .add_service(CallServiceServer::new(calls).max_decoding_message_size(MAX_REQUEST))
        .add_service(EventServiceServer::new(events).max_decoding_message_size(MAX_REQUEST))
        .add_service(TrunkServiceServer::new(trunks).max_decoding_message_size(MAX_REQUEST))
        .add_service(AdminServiceServer::new(admin).max_decoding_message_size(MAX_REQUEST))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok((routes, reporter))
}

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The API's own description can't be read.
    #[error("the API's description can't be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the gateway listener failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves gateway services until `phase` reaches [`Phase::Closing`] (or its sender is gone) and the streams have ended,
/// a few seconds at most.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    phase: watch::Receiver<Phase>,
) -> Result<(), ServeError> {
    let (routes, reporter) = routes(&parts, &phase).await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(PROBE_AFTER));
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(PROBE_AFTER))
        .http2_keepalive_timeout(Some(PROBE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, reached(phase.clone(), Phase::Closing));
    let ending = async {
        follow(phase.clone(), &reporter).await;
        let rest = [
            "",
            api::event_service_server::SERVICE_NAME,
            api::trunk_service_server::SERVICE_NAME,
            api::admin_service_server::SERVICE_NAME,
        ];
        for service in rest {
            reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
        parts.subscriptions.drain(ACK_GRACE).await;
        tokio::time::sleep(CLOSE_GRACE).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = ending => {
            tracing::warn!("gateway connections were still open at the end and are cut");
            Ok(())
        }
    }
}

/// Says by the health service whether messages are taken, until the daemon closes.
async fn follow(mut phase: watch::Receiver<Phase>, reporter: &HealthReporter) {
    loop {
        let now = *phase.borrow_and_update();
        let status = if now == Phase::Serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for takes in [api::sms_service_server::SERVICE_NAME, api::call_service_server::SERVICE_NAME] {
            reporter.set_service_status(takes, status).await;
        }
        if now == Phase::Closing || phase.changed().await.is_err() {
            return;
        }
    }
}

/// Waits until the daemon has come as far as `wanted`.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone means that nobody wants us to serve any more.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}
