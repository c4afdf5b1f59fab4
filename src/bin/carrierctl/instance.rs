//! `info`, `drain`, `resume`: the client of `AdminService` for the daemon as a whole.

use std::{
    collections::HashMap,
    io::{IsTerminal, Write},
    time::Duration,
};

use carrierd::grpc::api::{self, admin_service_client::AdminServiceClient};
use clap::Args;
use tonic::transport::Channel;

use crate::{Form, failure::Failure, json, show};

/// Arguments of `info`.
#[derive(Args)]
pub struct Info {}

/// Arguments of `drain`.
#[derive(Args)]
#[command(
    after_help = "The process stays, without links, and events are still served: end it with SIGTERM (as \
                        `systemctl stop` does), which has nothing left to wait for then, or let it go on with \
                        `carrierctl resume`.\n\nExit codes: 0 all that was sent is answered, 3 the limit ended the \
                        drain or cut calls off, 1 it failed, 2 wrong arguments."
)]
pub struct Drain {
    /// How long answers are waited for, in seconds or as 500ms, 30s, 5m, 1h; by default as the daemon's configuration says.
    #[arg(long, value_parser = parse_span)]
    limit: Option<Duration>,
    /// Hang calls up at once; otherwise they may go on until the limit.
    #[arg(long)]
    hang_up_calls: bool,
    /// Why, for the daemon's log.
    #[arg(long, default_value = "")]
    reason: String,
}

/// Arguments of `resume`.
#[derive(Args)]
pub struct Resume {}

impl Info {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let request = api::GetServerInfoRequest {};
        let info = AdminServiceClient::new(channel).get_server_info(request).await?.into_inner();
        match form {
            Form::Json => println!("{}", json::server_info(&info)),
            Form::Plain => print!("{}", told(&info)),
        }
        Ok(())
    }
}

fn told(info: &api::GetServerInfoResponse) -> String {
    let row = |name: &str, value: &str| vec![name.to_owned(), show::line(value)];
    let state =
        if info.draining { "draining, or drained: `carrierctl resume` lets it go on" } else { "serving" };
    let rows = [
        row("instance", &info.instance_id),
        row("version", &info.version),
        row("revision", &info.git_revision),
        row("configuration", &info.config_path),
        row("its digest", &info.config_digest),
        row("started", &show::time(info.start_time.as_ref())),
        row("store", &info.store_kind),
        row("state", state),
    ];
    let rows: Vec<_> = rows.into_iter().filter(|row| !row[1].is_empty()).collect();
    show::table(&rows)
}

impl Resume {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        AdminServiceClient::new(channel).resume_instance(api::ResumeInstanceRequest {}).await?;
        if form == Form::Plain {
            println!(
                "the daemon takes messages and calls again; `carrierctl trunks --watch` shows its links"
            );
        }
        Ok(())
    }
}

impl Drain {
    pub async fn run(self, channel: Channel, form: Form) -> Result<(), Failure> {
        let timeout = self.limit.and_then(|limit| prost_types::Duration::try_from(limit).ok());
        let Self { hang_up_calls, reason, .. } = self;
        let request = api::DrainInstanceRequest { timeout, hang_up_calls, reason };
        let mut stream = AdminServiceClient::new(channel).drain_instance(request).await?.into_inner();
        let mut view = View::new(std::io::stdout().is_terminal());
        while let Some(told) = stream.message().await? {
            match form {
                Form::Json => println!("{}", json::drain(&told)),
                Form::Plain => view.show(&told, &mut std::io::stdout()),
            }
            if told.done {
                return if told.ended_by_limit { Err(Failure::Limit(told.words)) } else { Ok(()) };
            }
        }
        Err(Failure::Other("the daemon ended before the drain was over: look at its log".into()))
    }
}

/// What is shown of a drain: in a terminal one line per trunk that is written over, elsewhere a line per change.
struct View {
    terminal: bool,
    /// Lines that the next drawing begins above.
    drawn: usize,
    told: HashMap<String, String>,
}

impl View {
    fn new(terminal: bool) -> Self {
        Self { terminal, drawn: 0, told: HashMap::new() }
    }

    fn show(&mut self, told: &api::DrainInstanceResponse, out: &mut impl Write) {
        // Nobody may read it, and the drain goes on.
        let _ = match self.terminal {
            true => self.draw(told, out),
            false => self.print(told, out),
        };
        if told.done && !told.ended_by_limit {
            let _ = writeln!(out, "{}", show::line(&told.words));
        }
        let _ = out.flush();
    }

    fn draw(&mut self, told: &api::DrainInstanceResponse, out: &mut impl Write) -> std::io::Result<()> {
        if self.drawn > 0 {
            write!(out, "\u{1b}[{}A", self.drawn)?;
        }
        for trunk in &told.trunks {
            writeln!(out, "\u{1b}[2K{}", show::line(&trunk.words))?;
        }
        self.drawn = told.trunks.len();
        if !told.done {
            writeln!(out, "\u{1b}[2K{} left until the limit", show::span(told.remaining.as_ref()))?;
            self.drawn += 1;
        } else {
            write!(out, "\u{1b}[2K")?;
        }
        Ok(())
    }

    fn print(&mut self, told: &api::DrainInstanceResponse, out: &mut impl Write) -> std::io::Result<()> {
        for trunk in &told.trunks {
            let words = show::line(&trunk.words);
            if self.told.get(&trunk.trunk_id) != Some(&words) {
                writeln!(out, "{words}")?;
                self.told.insert(trunk.trunk_id.clone(), words);
            }
        }
        Ok(())
    }
}

/// A whole number of seconds, or of ms, s, m or h.
fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: Option<u64> = number.parse().ok();
    let span = match (number, unit) {
        (Some(number), "ms") => Some(Duration::from_millis(number)),
        (Some(number), "" | "s") => Some(Duration::from_secs(number)),
        (Some(number), "m") => number.checked_mul(60).map(Duration::from_secs),
        (Some(number), "h") => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    };
    span.filter(|span| *span <= Duration::from_secs(3600))
        .ok_or_else(|| "write a whole number with ms, s, m or h, at most an hour, such as 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str, done: bool) -> api::DrainInstanceResponse {
        let trunk = api::TrunkDrain { trunk_id: "north".into(), words: words.into(), ..Default::default() };
        api::DrainInstanceResponse {
            done,
            trunks: vec![trunk],
            words: if done { "drained".into() } else { String::new() },
            ..Default::default()
        }
    }

    #[test]
    fn a_pipe_gets_a_line_for_each_change_and_a_terminal_the_same_lines_again() {
        let steps = [told("north: 2", false), told("north: 2", false), told("north: unbound", true)];
        let (mut plain, mut drawn) = (Vec::new(), Vec::new());
        let (mut pipe, mut terminal) = (View::new(false), View::new(true));
        for step in &steps {
            pipe.show(step, &mut plain);
            terminal.show(step, &mut drawn);
        }
        assert_eq!(String::from_utf8(plain).unwrap(), "north: 2\nnorth: unbound\ndrained\n");
        let drawn = String::from_utf8(drawn).unwrap();
        assert_eq!(drawn.matches("\u{1b}[2A").count(), 2, "{drawn:?}");
        assert!(drawn.ends_with("north: unbound\n\u{1b}[2Kdrained\n"), "{drawn:?}");
    }

    #[test]
    fn a_limit_has_a_unit_or_is_in_seconds() {
        let parsed = ["30", "30s", "500ms", "2m", "1h"].map(|text| parse_span(text).unwrap().as_millis());
        assert_eq!(parsed, [30_000, 30_000, 500, 120_000, 3_600_000]);
        assert!(["", "s", "1d", "-1s", "2h", "1.5s"].iter().all(|text| parse_span(text).is_err()));
    }
}
