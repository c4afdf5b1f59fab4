//! A foreign peer, or a program of ours, as a process that tells its steps as JSON lines.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Lines a peer may be ahead of its reader; beyond it the peer blocks on its own output.
const LINES_AHEAD: usize = 4096;

/// A running peer. Dropping it kills the process.
#[derive(Debug)]
pub struct Peer {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Peer {
    /// Starts `command`, whose standard output has one JSON object per line. What it says on standard error goes to
    /// ours.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} can't be started: {command:?}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a piped output")?;
        let (sender, lines) = sync_channel(LINES_AHEAD);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, stdin, lines, seen: Vec::new() })
    }

    /// Waits for the next line whose `step` is `step` and gives it; others are kept for [`Peer::seen`].
    ///
    /// # Errors
    /// When `within` passes or the output ends first, or the peer has a complaint; the error tells all that was seen.
    pub fn wait_for(&mut self, step: &str, within: Duration) -> Result<Value> {
        let deadline = Instant::now() + within;
        loop {
            let value = self.next(step, within, deadline)?;
            if value["step"] == step {
                return Ok(value.clone());
            }
        }
    }

    /// Waits until `count` lines whose `step` is `step` have come since the start, and gives them.
    ///
    /// # Errors
    /// As [`Peer::wait_for`].
    pub fn wait_for_all(&mut self, step: &str, count: usize, within: Duration) -> Result<Vec<Value>> {
        let deadline = Instant::now() + within;
        loop {
            let told: Vec<&Value> = self.seen.iter().filter(|line| line["step"] == step).collect();
            if told.len() >= count {
                return Ok(told.into_iter().cloned().collect());
            }
            self.next(step, within, deadline)?;
        }
    }

    /// The next line, whatever it tells; a complaint is an error.
    fn next(&mut self, step: &str, within: Duration, deadline: Instant) -> Result<&Value> {
        let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                bail!("{}: no {step} in {within:?}; {}", self.name, self.story())
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("{}: ended before {step}; {}", self.name, self.story())
            }
        };
        let value: Value =
            serde_json::from_str(&line).with_context(|| format!("{}: no JSON: {line}", self.name))?;
        let is_complaint = value["step"] == "complaint";
        self.seen.push(value);
        if is_complaint {
            bail!("{}: {}", self.name, self.story());
        }
        self.seen.last().context("a line was just kept")
    }

    /// Everything it told so far.
    #[must_use]
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Waits until it ends of itself.
    ///
    /// # Errors
    /// When `within` passes first, or it fails; the error tells all that was seen.
    pub fn finish(mut self, within: Duration) -> Result<Vec<Value>> {
        let deadline = Instant::now() + within;
        // The output ends with the process, so reading it to its end waits for the process without polling.
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.extend(serde_json::from_str::<Value>(&line).ok()),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{}: still runs after {within:?}; {}", self.name, self.story())
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status: ExitStatus = self.child.wait().with_context(|| self.name.clone())?;
        if !status.success() {
            bail!("{}: {status}; {}", self.name, self.story());
        }
        Ok(std::mem::take(&mut self.seen))
    }

    /// Closes its standard input, which ends our peers orderly, then waits as [`Peer::finish`] does.
    ///
    /// # Errors
    /// As [`Peer::finish`].
    pub fn stop(mut self, within: Duration) -> Result<Vec<Value>> {
        self.stdin = None;
        self.finish(within)
    }

    fn story(&self) -> String {
        let lines: Vec<String> = self.seen.iter().map(Value::to_string).collect();
        format!("it told: [{}]", lines.join(", "))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The foreign peers that `peers/setup.sh` installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// node-smpp as an SMSC.
    NodeSmpp,
    /// smpplib as an ESME.
    Smpplib,
    /// smsgate as an ISMG of CMPP 2.0 or 3.0.
    SmsgateIsmg,
    /// smsgate as an SP of CMPP 2.0 or 3.0.
    SmsgateSp,
    /// grpcio as a gateway service.
    Grpcio,
    /// A carrier of calls in Python that challenges and judges.
    SipCarrier,
    /// A caller in Python that splits and glues its messages.
    SipCaller,
}

impl Foreign {
    /// The command that runs it, without its own arguments; `None` when it is not installed.
    #[must_use]
    pub fn command(self) -> Option<Command> {
        let peers = installed_peers();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let (program, first) = match self {
            Self::NodeSmpp => (PathBuf::from("node"), peers.join("node-smpp/server.js")),
            Self::Smpplib => (peers.join("venv/bin/python"), source.join("smpplib/client.py")),
            Self::Grpcio => (peers.join("venv/bin/python"), source.join("grpc/client.py")),
            Self::SipCarrier => (peers.join("venv/bin/python"), source.join("sip/carrier.py")),
            Self::SipCaller => (peers.join("venv/bin/python"), source.join("sip/caller.py")),
            Self::SmsgateIsmg | Self::SmsgateSp => (PathBuf::from("java"), peers.join("smsgate/classes")),
        };
        if !first.exists() || (program.is_absolute() && !program.exists()) {
            return None;
        }
        let mut command = Command::new(program);
        match self {
            Self::NodeSmpp | Self::Smpplib | Self::Grpcio | Self::SipCarrier | Self::SipCaller => {
                command.arg(first)
            }
            Self::SmsgateIsmg | Self::SmsgateSp => {
                let path = format!("{}:{}/*", first.display(), peers.join("smsgate/lib").display());
                command.args(["-cp", &path, "Smsgate", if self == Self::SmsgateSp { "sp" } else { "ismg" }])
            }
        };
        Some(command)
    }

    /// As [`Foreign::command`] for a test: an absent peer fails it where CI is `true`, and skips it elsewhere.
    ///
    /// # Panics
    /// When the peer is absent and CI is `true`.
    #[must_use]
    pub fn command_or_skip(self) -> Option<Command> {
        let command = self.command();
        if command.is_none() {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{self:?} is missing: run conformance/peers/setup.sh"
            );
            println!("skipped: {self:?} is missing; conformance/peers/setup.sh gets it");
        }
        command
    }
}

/// Where `peers/setup.sh` puts them: `peers` in the folder of build results, unless CARRIERD_PEERS says otherwise.
fn installed_peers() -> PathBuf {
    if let Some(peers) = std::env::var_os("CARRIERD_PEERS") {
        return peers.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("peers")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Peer {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Peer::start("shell", command).unwrap()
    }

    #[test]
    fn gives_the_step_that_was_waited_for_and_keeps_the_others() {
        let mut peer = shell(r#"echo '{"step":"a"}'; echo '{"step":"listening","port":7}'; cat"#);
        assert_eq!(peer.wait_for("listening", SOON).unwrap()["port"], 7);
        assert_eq!(peer.seen().len(), 2);
        assert_eq!(peer.stop(SOON).unwrap().len(), 2);
    }

    #[test]
    fn counts_what_came_before_it_was_asked() {
        let mut peer =
            shell(r#"echo '{"step":"a","n":1}'; echo '{"step":"b"}'; echo '{"step":"a","n":2}'; cat"#);
        peer.wait_for("b", SOON).unwrap();
        let told = peer.wait_for_all("a", 2, SOON).unwrap();
        assert_eq!((told[0]["n"].as_u64(), told[1]["n"].as_u64()), (Some(1), Some(2)));
    }

    #[test]
    fn a_complaint_is_an_error_that_tells_it() {
        let mut peer = shell(r#"echo '{"step":"complaint","what":"no receipt"}'; cat"#);
        let told = peer.wait_for("bound", SOON).unwrap_err().to_string();
        assert!(told.contains("no receipt"), "{told}");
    }

    #[test]
    fn a_failed_exit_is_an_error() {
        assert!(shell("exit 3").finish(SOON).is_err());
    }

    #[test]
    fn silence_is_an_error_once_the_deadline_passed() {
        let told = shell("cat").wait_for("bound", Duration::from_millis(1)).unwrap_err().to_string();
        assert!(told.contains("no bound"), "{told}");
    }
}
