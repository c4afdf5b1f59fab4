//! What a process of ours counts, as Prometheus reads it.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

/// How long a value is waited for; a busy machine needs a part of it.
const WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked at.
const ASK: Duration = Duration::from_millis(20);

/// All series at one moment.
#[derive(Debug, Clone, Default)]
pub struct Metrics(HashMap<String, f64>);

impl Metrics {
    /// Asks the admin endpoint.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(admin: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(admin).await.context("the admin endpoint")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: daemon\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the admin endpoint said: {answer}");
        let series = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(Self(answer.lines().filter(|line| !line.starts_with('#')).filter_map(series).collect()))
    }

    /// A series by its name with labels, as in `calls{trunk="a"}`; 0 as long as nothing was counted.
    #[must_use]
    pub fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// Waits until a series is as `wanted`, and gives all.
    ///
    /// # Errors
    /// When it is not in a minute; the error tells what it is.
    pub async fn wait_for(admin: SocketAddr, series: &str, wanted: impl Fn(f64) -> bool) -> Result<Self> {
        let began = Instant::now();
        loop {
            let metrics = Self::of(admin).await?;
            if wanted(metrics.get(series)) {
                return Ok(metrics);
            }
            if began.elapsed() > WITHIN {
                bail!("{series} is {}, and not as wanted", metrics.get(series));
            }
            sleep(ASK).await;
        }
    }
}
