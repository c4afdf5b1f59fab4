//! What the machine can do at best: durable appends on the disk of the store, and a tonic stream with nothing behind.

use std::{
    fs::File,
    io::Write,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

use super::{
    figures::BareStream,
    load::{open_submits, request},
};
use crate::{
    api::{
        self,
        sms_service_server::{SmsService, SmsServiceServer},
        submit_result::Outcome,
    },
    rig::Gateway,
    subject::{Subject, free_port},
};

/// How long the disk is measured.
const DISK: Duration = Duration::from_secs(2);
/// Octets of one append.
const APPEND: usize = 512;
/// Answers that may wait for the connection.
const ANSWERS: usize = 32;
/// How long the serving process may take to listen.
const START: Duration = Duration::from_secs(10);

/// Small appends made durable one after the other in `folder`, per second.
///
/// # Errors
/// When the disk refuses.
pub fn syncs_per_second(folder: &Path) -> Result<f64> {
    let path = folder.join("floor");
    let mut file = File::create(&path).context("the disk's floor")?;
    let octets = [0x5A; APPEND];
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < DISK {
        file.write_all(&octets)?;
        file.sync_data()?;
        count += 1;
    }
    let took = began.elapsed();
    std::fs::remove_file(path)?;
    Ok(f64::from(count) / took.as_secs_f64())
}

/// Sends `messages` requests through a bare stream, served by a process of its own.
///
/// # Errors
/// When the process does not start or the stream breaks.
pub async fn bare_stream(messages: usize, group: usize, in_flight: usize) -> Result<BareStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare-stream", "--listen", &address.to_string()]).stdout(Stdio::null());
    let server = Subject::start("bare stream", command)?;
    let gateway = Gateway { address };
    let began = Instant::now();
    let channel = loop {
        match gateway.connect().await {
            Ok(channel) => break channel,
            Err(refused) if began.elapsed() > START => return Err(refused),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let (requests, mut results) = open_submits(channel).await?;
    let before = server.cpu()?;
    let began = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    while answered < messages {
        while sent < messages && sent - answered < in_flight {
            let count = group.min(messages - sent).min(in_flight - (sent - answered));
            let Ok(place) = requests.try_reserve() else { break };
            let frame = (sent..sent + count).map(request).collect();
            place.send(api::StreamSubmitMessagesRequest { requests: frame });
            sent += count;
        }
        let frame = results.message().await?.context("the bare stream ended")?;
        answered += frame.results.len();
    }
    let took = began.elapsed();
    let cpu = server.cpu()?.saturating_sub(before);
    Ok(BareStream {
        per_second: messages as f64 / took.as_secs_f64(),
        cpu_seconds_per_1000: cpu.as_secs_f64() * 1e3 / messages.max(1) as f64,
    })
}

/// Serves the bare stream until killed.
///
/// # Errors
/// When the address is taken.
pub fn serve(listen: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let incoming = TcpIncoming::from(TcpListener::bind(listen).await?).with_nodelay(Some(true));
        let service = SmsServiceServer::new(Bare);
        Ok(Server::builder().add_service(service).serve_with_incoming(incoming).await?)
    })
}

/// Answers at once, and keeps nothing.
struct Bare;

impl Bare {
    fn answer(request: api::SubmitMessageRequest) -> api::SubmitResult {
        let response = api::SubmitMessageResponse {
            // As long as a real one.
            message_id: "0192f0c1-7b1e-7000-8000-000000000000".to_owned(),
            accept_time: Some(prost_types::Timestamp { seconds: 1_772_366_400, nanos: 1 }),
            plan: Some(api::SegmentPlan { encoding: 1, segment_count: 1, unit_count: 80 }),
            replayed: false,
        };
        api::SubmitResult { request_id: request.request_id, outcome: Some(Outcome::Response(response)) }
    }
}

fn not_here<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("only the stream is served here"))
}

#[tonic::async_trait]
impl SmsService for Bare {
    type StreamSubmitMessagesStream = ReceiverStream<Result<api::StreamSubmitMessagesResponse, Status>>;

    async fn stream_submit_messages(
        &self,
        request: Request<Streaming<api::StreamSubmitMessagesRequest>>,
    ) -> Result<Response<Self::StreamSubmitMessagesStream>, Status> {
        let (answers, stream) = mpsc::channel(ANSWERS);
        let mut frames = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(frame)) = frames.message().await {
                let credit = u32::try_from(frame.requests.len()).unwrap_or(u32::MAX);
                let results = frame.requests.into_iter().map(Self::answer).collect();
                if answers
                    .send(Ok(api::StreamSubmitMessagesResponse { results, credit, closing: None }))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn submit_message(
        &self,
        _: Request<api::SubmitMessageRequest>,
    ) -> Result<Response<api::SubmitMessageResponse>, Status> {
        not_here()
    }

    async fn batch_submit_messages(
        &self,
        _: Request<api::BatchSubmitMessagesRequest>,
    ) -> Result<Response<api::BatchSubmitMessagesResponse>, Status> {
        not_here()
    }

    async fn estimate_message(
        &self,
        _: Request<api::EstimateMessageRequest>,
    ) -> Result<Response<api::EstimateMessageResponse>, Status> {
        not_here()
    }

    async fn explain_route(
        &self,
        _: Request<api::ExplainRouteRequest>,
    ) -> Result<Response<api::ExplainRouteResponse>, Status> {
        not_here()
    }

    async fn get_message(
        &self,
        _: Request<api::GetMessageRequest>,
    ) -> Result<Response<api::GetMessageResponse>, Status> {
        not_here()
    }

    async fn cancel_message(
        &self,
        _: Request<api::CancelMessageRequest>,
    ) -> Result<Response<api::CancelMessageResponse>, Status> {
        not_here()
    }
}
