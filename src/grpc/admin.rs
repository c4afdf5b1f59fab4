//! `AdminService`: the daemon as a whole.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use tokio::{sync::watch, time::timeout};
use tonic::{Request, Response, Status};
use tracing::info;

use super::{
    api, encode,
    status::{Reason, Refusal, not_served},
};
use crate::{
    events::Subscriptions,
    instance::{Change, Instance, NotReloaded, OpenCalls, Phase, Progress, Reload, TrunkProgress},
};

/// A drain is told of at least so often, while it lasts,
const TELL: Duration = Duration::from_secs(1);
/// and no more often than this.
const REST: Duration = Duration::from_millis(200);
const MAX_LIMIT: Duration = Duration::from_secs(3600);
/// Subscriptions that are asked how far they are behind.
const SUBSCRIPTIONS: usize = 1000;

/// The service.
#[derive(Clone)]
pub struct Admin {
    instance: Instance,
    reload: Reload,
    subscriptions: Subscriptions,
}

impl Admin {
    /// The service over the daemon.
    #[must_use]
    pub fn new(instance: Instance, reload: Reload, subscriptions: Subscriptions) -> Self {
        Self { instance, reload, subscriptions }
    }

    /// Events that the subscription furthest behind has not confirmed.
    async fn unacked(&self) -> u64 {
        let all = self.subscriptions.list(String::new(), SUBSCRIPTIONS).await.unwrap_or_default();
        all.iter().map(|one| one.backlog).max().unwrap_or(0)
    }

    async fn told(&self, progress: &Progress) -> api::DrainInstanceResponse {
        let sum = |of: fn(&TrunkProgress) -> u64| progress.trunks.iter().map(of).sum();
        api::DrainInstanceResponse {
            open_window_count: sum(|trunk| trunk.unanswered),
            active_call_count: sum(|trunk| trunk.calls.map_or(0, |calls| calls.open)),
            held_slot_count: sum(|trunk| trunk.bound),
            unacked_event_count: self.unacked().await,
            done: progress.done,
            queued_count: sum(|trunk| trunk.queued),
            ended_by_limit: progress.ended_by_limit(),
            trunks: progress.trunks.iter().map(trunk).collect(),
            words: progress.words(),
            remaining: Some(encode::duration(progress.remaining)),
        }
    }

    /// The progress of a drain, until it is done or the daemon is resumed.
    fn tell(
        self,
        progress: watch::Receiver<Progress>,
    ) -> impl Stream<Item = Result<api::DrainInstanceResponse, Status>> {
        let phase = self.instance.phase();
        let state = (self, progress, phase, Told::Nothing);
        stream::unfold(state, |(admin, mut progress, phase, told)| async move {
            match told {
                Told::Nothing => {}
                Told::Progress => {
                    tokio::time::sleep(REST).await;
                    // Nothing new within the second is told too: it says that we live.
                    let _ = timeout(TELL - REST, progress.changed()).await;
                }
                Told::End => return None,
            }
            let now = progress.borrow_and_update().clone();
            if !now.done && *phase.borrow() == Phase::Serving {
                let refusal =
                    Refusal::new(Reason::Resumed, "the daemon was resumed before the drain was over");
                return Some((Err(refusal.into()), (admin, progress, phase, Told::End)));
            }
            let response = admin.told(&now).await;
            let told = if now.done { Told::End } else { Told::Progress };
            Some((Ok(response), (admin, progress, phase, told)))
        })
    }
}

/// What a client of a drain knows.
enum Told {
    Nothing,
    Progress,
    End,
}

fn trunk(of: &TrunkProgress) -> api::TrunkDrain {
    api::TrunkDrain {
        trunk_id: of.trunk_id.to_string(),
        open_window_count: of.unanswered,
        queued_count: of.queued,
        bound_link_count: u32::try_from(of.bound).unwrap_or(u32::MAX),
        done: of.rests,
        abandoned_count: of.abandoned,
        words: of.words(),
        active_call_count: of.calls.map_or(0, |calls| calls.open),
        hung_up_call_count: of.calls.map_or(0, |calls| calls.hung_up),
    }
}

fn changes(found: &[Change]) -> Vec<api::ConfigChange> {
    let change = |change: &Change| api::ConfigChange {
        path: change.path.clone(),
        needs_restart: change.needs_restart,
        needs_rebind: false,
        words: change.words(),
    };
    found.iter().map(change).collect()
}

fn limit(given: Option<prost_types::Duration>) -> Result<Option<Duration>, Refusal> {
    match given.map(Duration::try_from) {
        None => Ok(None),
        Some(Ok(limit)) if limit <= MAX_LIMIT => Ok(Some(limit)),
        Some(_) => Err(Refusal::field(Reason::InvalidField, "timeout", "must be 0 to 3600 seconds")),
    }
}

/// The machine's name and the process's number.
fn instance_id() -> String {
    let name = rustix::system::uname();
    format!("{}/{}", name.nodename().to_string_lossy(), std::process::id())
}

#[tonic::async_trait]
impl api::admin_service_server::AdminService for Admin {
    async fn get_server_info(
        &self,
        _request: Request<api::GetServerInfoRequest>,
    ) -> Result<Response<api::GetServerInfoResponse>, Status> {
        let (config_path, config_digest) = self.reload.loaded();
        Ok(Response::new(api::GetServerInfoResponse {
            instance_id: instance_id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            git_revision: option_env!("CARRIERD_REVISION").unwrap_or_default().to_owned(),
            config_digest,
            start_time: Some(encode::time(self.instance.started())),
            store_kind: "embedded".to_owned(),
            draining: *self.instance.phase().borrow() != Phase::Serving,
            config_path,
        }))
    }

    type DrainInstanceStream = Pin<Box<dyn Stream<Item = Result<api::DrainInstanceResponse, Status>> + Send>>;

    async fn drain_instance(
        &self,
        request: Request<api::DrainInstanceRequest>,
    ) -> Result<Response<Self::DrainInstanceStream>, Status> {
        let api::DrainInstanceRequest { timeout, hang_up_calls, reason } = request.into_inner();
        let calls = if hang_up_calls { OpenCalls::HangUp } else { OpenCalls::GoOn };
        let progress = self.instance.drain(limit(timeout)?, calls, &reason);
        Ok(Response::new(self.clone().tell(progress).boxed()))
    }

    async fn resume_instance(
        &self,
        _request: Request<api::ResumeInstanceRequest>,
    ) -> Result<Response<api::ResumeInstanceResponse>, Status> {
        self.instance.resume().map_err(|ending| Refusal::new(Reason::Draining, ending.to_string()))?;
        info!("asked to resume");
        Ok(Response::new(api::ResumeInstanceResponse {}))
    }

    async fn validate_config(
        &self,
        request: Request<api::ValidateConfigRequest>,
    ) -> Result<Response<api::ValidateConfigResponse>, Status> {
        let response = match self.reload.check(request.into_inner().toml).await {
            Ok(found) => api::ValidateConfigResponse { errors: vec![], changes: changes(&found) },
            Err(NotReloaded::Faults(error)) => {
                let errors = error.faults().iter().map(ToString::to_string).collect();
                api::ValidateConfigResponse { errors, changes: vec![] }
            }
            Err(error) => return Err(Refusal::from(error).into()),
        };
        Ok(Response::new(response))
    }

    async fn reload_config(
        &self,
        request: Request<api::ReloadConfigRequest>,
    ) -> Result<Response<api::ReloadConfigResponse>, Status> {
        let expected = request.into_inner().expected_digest;
        let (config_digest, found) = self.reload.run(&expected).await.map_err(Refusal::from)?;
        Ok(Response::new(api::ReloadConfigResponse { config_digest, changes: changes(&found) }))
    }

    async fn set_log_filter(
        &self,
        _request: Request<api::SetLogFilterRequest>,
    ) -> Result<Response<api::SetLogFilterResponse>, Status> {
        Err(not_served("setting the log's filter"))
    }

    type CaptureTrafficStream = stream::Empty<Result<api::CaptureTrafficResponse, Status>>;

    async fn capture_traffic(
        &self,
        _request: Request<api::CaptureTrafficRequest>,
    ) -> Result<Response<Self::CaptureTrafficStream>, Status> {
        Err(not_served("capturing traffic"))
    }

    async fn set_tenant_state(
        &self,
        _request: Request<api::SetTenantStateRequest>,
    ) -> Result<Response<api::SetTenantStateResponse>, Status> {
        Err(not_served("setting a tenant's state"))
    }

    async fn list_tenants(
        &self,
        _request: Request<api::ListTenantsRequest>,
    ) -> Result<Response<api::ListTenantsResponse>, Status> {
        Err(not_served("listing tenants"))
    }

    async fn update_blocklist(
        &self,
        _request: Request<api::UpdateBlocklistRequest>,
    ) -> Result<Response<api::UpdateBlocklistResponse>, Status> {
        Err(not_served("a blocklist"))
    }

    async fn check_number(
        &self,
        _request: Request<api::CheckNumberRequest>,
    ) -> Result<Response<api::CheckNumberResponse>, Status> {
        Err(not_served("a blocklist"))
    }

    async fn list_audit_entries(
        &self,
        _request: Request<api::ListAuditEntriesRequest>,
    ) -> Result<Response<api::ListAuditEntriesResponse>, Status> {
        Err(not_served("an audit log"))
    }
}
