//! `TrunkService`: what the trunks show of themselves.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};
use tracing::info;

use super::{
    Phase, api, encode,
    events::page_size,
    reached,
    status::{Reason, Refusal},
};
use crate::{
    domain::{TrunkId, WantedState},
    instance::{Instance, WantedLimits},
    sms::{Diagnosis, ReportVerdict},
    trunk::{
        TrunkBoard,
        sms::{LinkControl, NotAsked},
    },
};

/// Characters of a reason that is kept.
const MAX_REASON: usize = 500;

/// The service.
#[derive(Clone)]
pub struct Trunks {
    board: TrunkBoard,
    links: Arc<HashMap<TrunkId, LinkControl>>,
    diagnoses: Vec<watch::Receiver<Diagnosis>>,
    phase: watch::Receiver<Phase>,
    instance: Instance,
}

impl Trunks {
    /// The service over the trunks' board, their links, and what is found about their reports.
    #[must_use]
    pub fn new(
        board: TrunkBoard,
        links: Arc<HashMap<TrunkId, LinkControl>>,
        diagnoses: Vec<watch::Receiver<Diagnosis>>,
        instance: Instance,
    ) -> Self {
        Self { board, links, diagnoses, phase: instance.phase(), instance }
    }

    fn rebind(&self, link_id: &str) -> Result<(), Refusal> {
        let wrong = || {
            let message = "is no link: write the trunk and the link's number, such as trunk-1/0";
            Refusal::field(Reason::InvalidField, "link_id", message)
        };
        let (trunk_id, slot) = link_id.rsplit_once('/').ok_or_else(wrong)?;
        let slot: u32 = slot.parse().map_err(|_| wrong())?;
        let links = self.links.get(&TrunkId::from(trunk_id)).ok_or_else(|| unknown(trunk_id))?;
        links.rebind(slot).map_err(|error| {
            let reason = match error {
                NotAsked::NoSuchLink { .. } => Reason::LinkNotFound,
                NotAsked::Ended => Reason::Draining,
            };
            Refusal::new(reason, error.to_string()).with("link_id", link_id)
        })
    }

    fn page(&self, request: &api::ListTrunksRequest) -> Result<api::ListTrunksResponse, Refusal> {
        let size = page_size(request.page_size)?;
        let all = self.board.all();
        let begin = match request.page_token.as_str() {
            "" => 0,
            token => {
                let last = all.iter().position(|trunk| trunk.id.as_str() == token);
                last.ok_or_else(|| {
                    Refusal::field(Reason::InvalidField, "page_token", "is none of this daemon's: begin anew")
                })? + 1
            }
        };
        let end = all.len().min(begin + size);
        let page = &all[begin..end];
        let last = page.last().filter(|_| end < all.len());
        Ok(api::ListTrunksResponse {
            trunks: page.iter().map(encode::trunk).collect(),
            next_page_token: last.map_or_else(String::new, |last| last.id.to_string()),
        })
    }
}

fn diagnosis(of: &Diagnosis) -> api::ReportDiagnosis {
    let count = |reports: usize| u32::try_from(reports).unwrap_or(u32::MAX);
    let verdict = match of.verdict() {
        ReportVerdict::TooFew => api::ReportVerdict::TooFew,
        ReportVerdict::Sound => api::ReportVerdict::Sound,
        ReportVerdict::ChangeForm(_) => api::ReportVerdict::ChangeForm,
        ReportVerdict::Mixed(_) => api::ReportVerdict::Mixed,
        ReportVerdict::Cut => api::ReportVerdict::Cut,
        ReportVerdict::Strangers => api::ReportVerdict::Strangers,
    };
    let others = of.others.iter().map(|(form, reports)| api::ReportsInOtherForm {
        carrier_ids: form.name().to_owned(),
        report_count: count(*reports),
    });
    let samples = of.samples.iter().map(|sample| api::CarrierIdPair {
        answered: sample.answered.clone(),
        reported: sample.reported.clone(),
    });
    api::ReportDiagnosis {
        trunk_id: of.trunk_id.to_string(),
        carrier_ids: of.form.name().to_owned(),
        verdict: verdict.into(),
        words: of.words(),
        config_line: of.config_line().unwrap_or_default(),
        report_count: count(of.reports),
        matched_count: count(of.matched),
        stranger_count: count(of.strangers),
        cut_count: count(of.cut),
        others: others.collect(),
        samples: samples.collect(),
    }
}

fn wanted_state(given: api::TrunkState) -> Result<WantedState, Refusal> {
    match given {
        api::TrunkState::Enabled => Ok(WantedState::Enabled),
        api::TrunkState::Draining => Ok(WantedState::Draining),
        api::TrunkState::Disabled => Ok(WantedState::Disabled),
        _ => Err(Refusal::field(Reason::InvalidField, "state", "must be ENABLED, DRAINING or DISABLED")),
    }
}

fn unknown(trunk_id: &str) -> Refusal {
    let message = format!("trunk {trunk_id} is not configured; `carrierctl trunks` lists those that are");
    Refusal::new(Reason::TrunkNotFound, message).with("trunk_id", trunk_id)
}

#[tonic::async_trait]
impl api::trunk_service_server::TrunkService for Trunks {
    async fn list_trunks(
        &self,
        request: Request<api::ListTrunksRequest>,
    ) -> Result<Response<api::ListTrunksResponse>, Status> {
        Ok(Response::new(self.page(request.get_ref())?))
    }

    async fn get_trunk(
        &self,
        request: Request<api::GetTrunkRequest>,
    ) -> Result<Response<api::GetTrunkResponse>, Status> {
        let trunk_id = &request.get_ref().trunk_id;
        let trunk = self.board.get(trunk_id).ok_or_else(|| unknown(trunk_id))?;
        Ok(Response::new(api::GetTrunkResponse { trunk: Some(encode::trunk(&trunk)) }))
    }

    type WatchTrunksStream = Pin<Box<dyn Stream<Item = Result<api::WatchTrunksResponse, Status>> + Send>>;

    async fn watch_trunks(
        &self,
        request: Request<api::WatchTrunksRequest>,
    ) -> Result<Response<Self::WatchTrunksStream>, Status> {
        let mut ids = request.into_inner().trunk_ids;
        if ids.is_empty() {
            ids = self.board.all().iter().map(|trunk| trunk.id.to_string()).collect();
        }
        let mut watched = Vec::with_capacity(ids.len());
        for id in &ids {
            watched.push(WatchStream::new(self.board.watch(id).ok_or_else(|| unknown(id))?));
        }
        let changes = stream::select_all(watched)
            .map(|trunk| Ok(api::WatchTrunksResponse { trunk: Some(encode::trunk(&trunk)) }))
            .take_until(Box::pin(reached(self.phase.clone(), Phase::Closing)));
        Ok(Response::new(Box::pin(changes)))
    }

    async fn diagnose_reports(
        &self,
        request: Request<api::DiagnoseReportsRequest>,
    ) -> Result<Response<api::DiagnoseReportsResponse>, Status> {
        let ids = request.into_inner().trunk_ids;
        let all: Vec<Diagnosis> = self.diagnoses.iter().map(|of| of.borrow().clone()).collect();
        let wanted: Vec<&Diagnosis> = if ids.is_empty() {
            all.iter().collect()
        } else {
            let found =
                |id: &String| all.iter().find(|of| of.trunk_id.as_str() == id).ok_or_else(|| unknown(id));
            ids.iter().map(found).collect::<Result<_, _>>()?
        };
        let diagnoses = wanted.into_iter().map(diagnosis).collect();
        Ok(Response::new(api::DiagnoseReportsResponse { diagnoses }))
    }

    async fn set_trunk_state(
        &self,
        request: Request<api::SetTrunkStateRequest>,
    ) -> Result<Response<api::SetTrunkStateResponse>, Status> {
        let request = request.into_inner();
        let state = wanted_state(request.state())?;
        if request.reason.chars().count() > MAX_REASON {
            let wrong = format!("must be at most {MAX_REASON} characters");
            return Err(Refusal::field(Reason::InvalidField, "reason", wrong).into());
        }
        let told = self.instance.set_trunk_state(&request.trunk_id.into(), state, request.reason).await;
        let trunk = Some(encode::trunk(&told.map_err(Refusal::from)?));
        Ok(Response::new(api::SetTrunkStateResponse { trunk }))
    }

    async fn update_trunk_limits(
        &self,
        request: Request<api::UpdateTrunkLimitsRequest>,
    ) -> Result<Response<api::UpdateTrunkLimitsResponse>, Status> {
        let api::UpdateTrunkLimitsRequest { trunk_id, limits, reason } = request.into_inner();
        let limits = limits.unwrap_or_default();
        let wanted = WantedLimits {
            links: Some(limits.max_links).filter(|links| *links > 0),
            window: usize::try_from(limits.window_size).ok().filter(|window| *window > 0),
            submits_per_second: Some(limits.max_submits_per_second).filter(|rate| *rate > 0),
            calls_per_second: Some(limits.max_calls_per_second).filter(|rate| *rate > 0),
            max_calls: Some(limits.max_concurrent_calls).filter(|calls| *calls > 0),
        };
        let told = self.instance.set_limits(&trunk_id.into(), wanted, &reason).await;
        let trunk = Some(encode::trunk(&told.map_err(Refusal::from)?));
        Ok(Response::new(api::UpdateTrunkLimitsResponse { trunk }))
    }

    async fn rebind_link(
        &self,
        request: Request<api::RebindLinkRequest>,
    ) -> Result<Response<api::RebindLinkResponse>, Status> {
        let api::RebindLinkRequest { link_id, reason } = request.into_inner();
        self.rebind(&link_id)?;
        info!(link_id, reason, "asked to rebind a link");
        Ok(Response::new(api::RebindLinkResponse {}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::{
        config,
        store::Store,
        trunk::{Limits, TrunkStatus},
    };

    fn store() -> Store {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("[store]\npath = {:?}\n", folder.path().join("store"));
        let config = config::parse(&format!("{TRUNK}{text}"), "test", &|_| None).expect("a configuration");
        Store::open(&config.store, &config.messages).expect("a store").0
    }

    const TRUNK: &str = r#"
allow_literal_secrets = true
[[trunk]]
id = "t"
protocol = "smpp34"
hosts = ["127.0.0.1:1"]
[trunk.account]
system_id = "a"
password = "literal:b"
"#;

    fn trunks(count: usize) -> (Trunks, Vec<watch::Sender<TrunkStatus>>) {
        let limits = Limits { links: 1, window: 16, ..Limits::default() };
        let status =
            |number: usize| TrunkStatus::blank(format!("t{number}").into(), "smpp34", "cmcc".into(), limits);
        let (senders, receivers) = (0..count).map(|number| watch::channel(status(number))).unzip();
        let board = TrunkBoard::new(receivers);
        let instance = Instance::new(Vec::new(), board.clone(), store(), Duration::ZERO);
        (Trunks::new(board, Arc::default(), Vec::new(), instance), senders)
    }

    #[test]
    fn pages_through_all_trunks_in_order() {
        let (trunks, _senders) = trunks(5);
        let mut seen = Vec::new();
        let mut request = api::ListTrunksRequest { page_size: 2, page_token: String::new() };
        loop {
            let page = trunks.page(&request).unwrap();
            seen.extend(page.trunks.into_iter().map(|trunk| trunk.trunk_id));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
        request.page_token = "gone".into();
        assert!(trunks.page(&request).is_err());
    }

    #[tokio::test]
    async fn watching_tells_each_trunk_now_and_then_its_changes() {
        use api::trunk_service_server::TrunkService;
        let (trunks, senders) = trunks(2);
        let (_keep, phase) = watch::channel(Phase::Serving);
        let trunks = Trunks { phase, ..trunks };
        let mut stream =
            trunks.watch_trunks(Request::new(api::WatchTrunksRequest::default())).await.unwrap().into_inner();
        let mut first = vec![];
        for _ in 0..2 {
            first.push(stream.next().await.unwrap().unwrap().trunk.unwrap().trunk_id);
        }
        first.sort();
        assert_eq!(first, ["t0", "t1"]);
        senders[1].send_modify(|trunk| trunk.queue_depth = 9);
        let changed = stream.next().await.unwrap().unwrap().trunk.unwrap();
        assert_eq!((changed.trunk_id.as_str(), changed.queue_depth), ("t1", 9));
        let one = api::WatchTrunksRequest { trunk_ids: vec!["t9".into()] };
        assert_eq!(trunks.watch_trunks(Request::new(one)).await.err().unwrap().code(), tonic::Code::NotFound);
    }
}
