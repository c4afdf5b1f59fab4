//! The service over calls whose trunk is the test's.

use std::{collections::HashMap, path::Path, sync::Arc};

use bytes::Bytes;
use tempfile::TempDir;
use tonic::Code;
use tonic_types::StatusExt;

use super::{api::call_service_server::CallService, *};
use crate::{
    calls::{CallControl, CallLane, CallParts, CallWays, Failover, IncomingRules},
    config::{RetentionConfig, StoreConfig},
    domain::{Cause, Evidence, LadderLine, Rung, TrunkId},
    routing::{Health, RouteTable, Router},
    store::{Committing, Store},
    trunk::calls::{CallFact, CallNews, CallOrder, CallSlots, Placement, TrunkSide, boundary},
};

const CALLER: &str = "02112345678";

struct Bench {
    face: CallFace,
    side: TrunkSide,
    _phase: watch::Sender<Phase>,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let config = StoreConfig {
            path: folder.path().join("store"),
            reserve_octets: 0,
            cache_octets: 4 << 20,
            commit_interval: Duration::ZERO,
            retention: RetentionConfig::default(),
        };
        let messages = crate::grpc::tests::message_config();
        let (store, _) = Store::open_with(&config, &messages, Committing::ByCaller).unwrap();
        let trunk = TrunkId::from("north");
        let lane = CallLane {
            permit: Arc::new(|number| number.as_str() == CALLER),
            headers: Vec::new(),
            slots: CallSlots::new(None),
            calls_per_second: None,
            failover: Arc::new(Failover::default()),
            hang_up_at: None,
        };
        let router = Router::new(RouteTable::new(&[], vec![trunk.clone()], Arc::default(), Vec::new()));
        let ways = CallWays::new(router, HashMap::from([(trunk, lane)]), Arc::new(|_| Health::Up));
        let (side, driver) = boundary(16);
        let (calls, _) = CallControl::spawn(CallParts {
            ways,
            store,
            side,
            incoming: IncomingRules {
                answer_deadline: Duration::from_secs(20),
                max_duration: Duration::from_secs(3600),
            },
            max_open: 2,
            refusing: watch::Sender::new(false).subscribe(),
        })
        .unwrap();
        let (phase_told, phase) = watch::channel(Phase::Serving);
        let face = CallFace::new(Some(calls), CallConfig::default(), phase);
        Self { face, side: driver, _phase: phase_told, _folder: folder }
    }

    async fn create(&self, request_id: &str) -> Result<api::CreateCallResponse, Status> {
        self.create_as(request_id, |_| {}).await
    }

    async fn create_as(
        &self,
        request_id: &str,
        change: impl FnOnce(&mut api::CallRequest),
    ) -> Result<api::CreateCallResponse, Status> {
        let mut call = api::CallRequest {
            tenant_id: "shop".into(),
            caller: CALLER.into(),
            callee: "13800138000".into(),
            media: Some(api::call_request::Media::SdpOffer("v=0\r\n".into())),
            ..Default::default()
        };
        change(&mut call);
        let request = api::CreateCallRequest { request_id: request_id.into(), call: Some(call) };
        self.face.create_call(Request::new(request)).await.map(Response::into_inner)
    }

    async fn placed(&mut self) -> Placement {
        match self.side.orders.recv().await {
            Some(CallOrder::Place(place)) => place.placement,
            other => panic!("not to place a call, but {other:?}"),
        }
    }

    async fn tell(&self, placement: Placement, fact: CallFact) {
        self.side.news.send(CallNews { placement, at: clock::now(), fact }).await.unwrap();
    }

    async fn get(&self, call_id: &str) -> Result<api::GetCallResponse, Status> {
        let request =
            api::GetCallRequest { call_id: call_id.into(), include_messages: true, ..Default::default() };
        self.face.get_call(Request::new(request)).await.map(Response::into_inner)
    }

    /// Asks until the call is in this state.
    async fn in_state(&self, call_id: &str, state: api::CallState) -> api::GetCallResponse {
        loop {
            let response = self.get(call_id).await.unwrap();
            if response.call.as_ref().is_some_and(|call| call.state() == state) {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn hang_up(&self, call_id: &str) -> Result<api::CallState, Status> {
        let request = api::HangupCallRequest { call_id: call_id.into(), reason: String::new() };
        self.face.hangup_call(Request::new(request)).await.map(|response| response.into_inner().state())
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().expect("a reason").reason
}

#[tokio::test]
async fn a_call_is_placed_seen_hung_up_and_kept() {
    let mut bench = Bench::new();
    let created = bench.create("r1").await.unwrap();
    let again = bench.create("r1").await.unwrap();
    assert_eq!((again.call_id.as_str(), again.replayed), (created.call_id.as_str(), true));
    let on = bench.placed().await;
    let sent = CallFact::Sent {
        gateway: "UDP 192.0.2.1:5060".into(),
        sip_call_id: "x@here".into(),
        snapshot: Bytes::from_static(b"i"),
    };
    bench.tell(on, sent).await;
    let rung = Rung {
        time: clock::wall(),
        sent: true,
        remote: "UDP 192.0.2.1:5060".into(),
        line: LadderLine::Request("INVITE".into()),
        cseq: 1,
        has_sdp: true,
        note: "".into(),
        again: true,
    };
    bench.tell(on, CallFact::Message(Box::new(rung))).await;
    let sdp = Some(crate::domain::Sdp::new(b"v=0 answer"));
    bench.tell(on, CallFact::Answered { sdp, snapshot: Bytes::from_static(b"d") }).await;
    let seen = bench.in_state(&created.call_id, api::CallState::InProgress).await;
    assert_eq!(seen.call.unwrap().sdp_remote, "v=0 answer");
    assert_eq!((seen.messages.len(), seen.messages[0].method.as_str()), (1, "INVITE"));
    assert!(seen.messages[0].repeated && seen.messages_before_gap == 1);
    let listed = bench.face.list_active_calls(Request::new(api::ListActiveCallsRequest::default())).await;
    assert_eq!(listed.unwrap().into_inner().calls[0].call_id, created.call_id);
    assert_eq!(bench.hang_up(&created.call_id).await.unwrap(), api::CallState::InProgress);
    assert!(matches!(bench.side.orders.recv().await, Some(CallOrder::Hangup { .. })));
    let evidence = Evidence { sip_status: Some(200), ..Evidence::default() };
    bench.tell(on, CallFact::Ended { cause: Cause::Normal, evidence, retry_after: None }).await;
    let kept = bench.in_state(&created.call_id, api::CallState::Completed).await;
    let record = kept.call.unwrap().record.unwrap();
    assert_eq!(record.hangup_party(), api::HangupParty::Platform);
    assert_eq!((record.attempts.len(), record.sip_call_id.as_str()), (1, "x@here"));
    assert_eq!(kept.messages.len(), 1);
    assert_eq!(bench.hang_up(&created.call_id).await.unwrap(), api::CallState::Completed);
}

#[tokio::test]
async fn refusals_have_their_reason_and_code() {
    let mut bench = Bench::new();
    let foreign = bench.create_as("r1", |call| call.caller = "10086".into()).await.unwrap_err();
    assert_eq!((reason(&foreign).as_str(), foreign.code()), ("CALLER_NOT_ALLOWED", Code::FailedPrecondition));
    let shown = bench.create_as("r1", |call| call.display_caller = "10086".into()).await.unwrap_err();
    assert_eq!(reason(&shown), "CALLER_NOT_ALLOWED");
    let nowhere = bench.create_as("r1", |call| call.trunk_ids = vec!["x".into()]).await.unwrap_err();
    assert_eq!((reason(&nowhere).as_str(), nowhere.code()), ("UNKNOWN_TRUNK", Code::InvalidArgument));
    let header = bench.create_as("r1", |call| drop(call.sip_headers.insert("X-A".into(), "1".into()))).await;
    assert_eq!(reason(&header.unwrap_err()), "INVALID_FIELD");

    let call_id = bench.create("r1").await.unwrap().call_id;
    bench.placed().await;
    let other = bench.create_as("r1", |call| call.callee = "13800138001".into()).await.unwrap_err();
    assert_eq!((reason(&other).as_str(), other.code()), ("REQUEST_ID_PAYLOAD_MISMATCH", Code::AlreadyExists));
    bench.create("r2").await.unwrap();
    let full = bench.create("r3").await.unwrap_err();
    assert_eq!((reason(&full).as_str(), full.code()), ("QUEUE_FULL", Code::ResourceExhausted));
    assert!(full.get_details_retry_info().is_some());

    let keys = |call_id: &str| api::SendDtmfRequest { call_id: call_id.into(), digits: "1".into() };
    let early = bench.face.send_dtmf(Request::new(keys(&call_id))).await.unwrap_err();
    assert_eq!((reason(&early).as_str(), early.code()), ("WRONG_CALL_STATE", Code::FailedPrecondition));
    let stranger = crate::domain::CallId::fresh().to_string();
    let unknown = bench.face.send_dtmf(Request::new(keys(&stranger))).await.unwrap_err();
    assert_eq!((reason(&unknown).as_str(), unknown.code()), ("CALL_NOT_FOUND", Code::NotFound));
    assert_eq!(reason(&bench.get(&stranger).await.unwrap_err()), "CALL_NOT_FOUND");
    assert_eq!(reason(&bench.get("x").await.unwrap_err()), "INVALID_FIELD");
}

#[tokio::test]
async fn without_a_trunk_for_calls_every_request_says_so() {
    let (_told, phase) = watch::channel(Phase::Serving);
    let face = CallFace::new(None, CallConfig::default(), phase);
    let listed = face.list_active_calls(Request::new(api::ListActiveCallsRequest::default())).await;
    assert_eq!(reason(&listed.unwrap_err()), "NO_ROUTE");
}
