//! HTTP for operations: `/metrics` for Prometheus, `/livez` and `/readyz` for whatever keeps the daemon running.
//!
//! Leaves to others what the metrics are (`telemetry`) and when the daemon is ready (whoever holds the sender).

use std::{fmt, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch, time};

/// Prometheus's text format; without the version it guesses.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long an answer may still take once the end was asked for: a caller that stops halfway must not hold it up.
const GRACE: Duration = Duration::from_secs(2);

const INDEX: &str = "\
carrierd, for operations
  /metrics  metrics for Prometheus
  /livez    200: the process answers
  /readyz   200: new messages are taken; 503: they are not, and why
";

/// Whether new messages are taken: the store can be written and nobody drains it. A carrier that is down does not
/// count, or its outage would take every instance out of service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// They are.
    pub ready: bool,
    /// Why not, a sentence per line; empty when they are.
    pub reason: String,
}

impl Readiness {
    /// New messages are taken.
    #[must_use]
    pub fn ready() -> Self {
        Self { ready: true, reason: String::new() }
    }

    /// They are not; `reason` is a sentence.
    #[must_use]
    pub fn not_ready(reason: impl Into<String>) -> Self {
        Self { ready: false, reason: reason.into() }
    }
}

/// What the pages show.
#[derive(Clone)]
pub struct AdminParts {
    /// Writes all metrics in Prometheus's text format.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether the daemon is ready. When its sender is gone, the last word holds.
    pub readiness: watch::Receiver<Readiness>,
}

impl fmt::Debug for AdminParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminParts").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// Answers on `listener` until `shutdown` ends, and then for at most two seconds to those who have asked already.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    parts: AdminParts,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let pages = Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .fallback(nothing)
        .with_state(parts);
    let (ending, mut ended) = watch::channel(false);
    let shutdown = async move {
        shutdown.await;
        ending.send_replace(true);
    };
    let overdue = async move {
        // Whether it was said or its sender is gone: both are the end.
        let _ = ended.wait_for(|ended| *ended).await;
        time::sleep(GRACE).await;
    };
    tokio::select! {
        served = axum::serve(listener, pages).with_graceful_shutdown(shutdown) => served,
        () = overdue => Ok(()),
    }
}

async fn index() -> &'static str {
    INDEX
}

async fn metrics(State(parts): State<AdminParts>) -> impl IntoResponse {
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], (parts.render)())
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(parts): State<AdminParts>) -> impl IntoResponse {
    let Readiness { ready, reason } = parts.readiness.borrow().clone();
    if ready {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"))
    }
}

async fn nothing() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, INDEX)
}

#[cfg(test)]
mod tests;
