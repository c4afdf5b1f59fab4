//! SIPp, a foreign carrier and a foreign caller: one scenario file of `peers/sipp` each, as a process on the loopback.
//!
//! A scenario is played for a number of calls; it fails when a message comes that it does not expect, lacks what it asks
//! for, or does not come. What was said is in the error then. `<?include name?>` in it stands for a file of
//! `peers/sipp/parts`.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

pub use crate::loopback::Transport;
use crate::{
    loopback::{free_port, is_bound, is_installed_or_skip},
    subject::cpu_of_tree,
};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How much of its messages an error tells.
const TOLD: usize = 6_000;

/// What every scenario wants: each call of it is watched, and what was said can be told.
const WATCHED: [&str; 9] = [
    "-timer_resol",
    "1",
    "-trace_err",
    "-error_file",
    "errors.log",
    "-trace_msg",
    "-message_file",
    "messages.log",
    "-default_behaviors",
];

/// What load wants: nothing is written but counts, and bursts find room in the kernel.
const COUNTED: [&str; 10] = [
    "-trace_stat",
    "-stf",
    "counts.csv",
    "-fd",
    "1",
    "-buff_size",
    "4194304",
    "-l",
    "15000",
    "-default_behaviors",
];

/// What stands for names that are given no value.
const USUAL: [(&str, &str); 6] = [
    ("NUMBER", "+8613800138000"),
    ("DISPLAY", ""),
    ("USER", "861088880000"),
    ("PASSWORD", "s3cret-Trunk"),
    ("HEADERS", "X-Note: none"),
    ("REASON", "Q.850;cause=16"),
];

/// How a scenario is played.
#[derive(Debug, Clone)]
pub struct Play<'a> {
    /// The file in `peers/sipp`, without its end: `uac/answer`.
    pub scenario: &'a str,
    /// What carries it.
    pub transport: Transport,
    /// What stands for the names between per cent signs in the file.
    pub values: &'a [(&'a str, &'a str)],
    /// How many calls.
    pub calls: u32,
    /// How many a second.
    pub rate: u32,
    /// Its own address, one of the loopback.
    pub from: Ipv4Addr,
    /// Datagrams that come again count as messages of the scenario, and none is sent again but by it.
    pub counts_repeats: bool,
}

impl<'a> Play<'a> {
    /// One call of a scenario.
    #[must_use]
    pub fn once(scenario: &'a str, transport: Transport) -> Self {
        Self {
            scenario,
            transport,
            values: &[],
            calls: 1,
            rate: 10,
            from: Ipv4Addr::LOCALHOST,
            counts_repeats: false,
        }
    }

    /// The same for as many calls, as they come.
    #[must_use]
    pub fn times(self, calls: u32) -> Self {
        Self { calls, ..self }
    }

    /// The same with these values.
    #[must_use]
    pub fn with(self, values: &'a [(&'a str, &'a str)]) -> Self {
        Self { values, ..self }
    }

    /// The same from another address of the loopback.
    #[must_use]
    pub fn from(self, from: Ipv4Addr) -> Self {
        Self { from, ..self }
    }

    /// All values, those that are not given included.
    fn values(&self) -> impl Iterator<Item = &(&'a str, &'a str)> {
        self.values.iter().chain(&USUAL)
    }

    fn value(&self, wanted: &str) -> &'a str {
        self.values().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
    }
}

/// A running SIPp. Dropping it kills the process.
#[derive(Debug)]
pub struct Sipp {
    name: String,
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Sipp {
    /// Says whether it is installed.
    ///
    /// # Panics
    /// When it is not, and CI is `true`.
    #[must_use]
    pub fn is_here_or_skip() -> bool {
        is_installed_or_skip("sipp")
    }

    /// Waits for calls on a free port.
    ///
    /// # Errors
    /// When it can't be started or does not listen.
    pub fn answer(play: &Play<'_>) -> Result<Self> {
        Self::start(play, &WATCHED, &[])?.listening(play)
    }

    /// The same under load: of what was said only counts are kept.
    ///
    /// # Errors
    /// As [`Sipp::answer`].
    pub fn answer_load(play: &Play<'_>) -> Result<Self> {
        Self::start(play, &COUNTED, &[])?.listening(play)
    }

    fn listening(mut self, play: &Play<'_>) -> Result<Self> {
        let sipp = &mut self;
        let deadline = Instant::now() + START;
        while !is_bound(play.transport, sipp.address.port())? {
            if let Some(status) = sipp.child.try_wait()? {
                bail!("{} ended before it listened: {status}; {}", sipp.name, sipp.story());
            }
            ensure!(Instant::now() < deadline, "{} does not listen", sipp.name);
            thread::sleep(LOOK);
        }
        Ok(self)
    }

    /// Calls an address.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn call(play: &Play<'_>, to: SocketAddr) -> Result<Self> {
        let mut last = vec![to.to_string()];
        // What its credentials are for is the Request-URI, which it takes to be the address alone.
        let number = play.value("NUMBER");
        if text_of(play.scenario)?.contains("INVITE sip") {
            last.splice(0..0, ["-auth_uri".to_owned(), format!("{number}@{to}")]);
        }
        Self::start(play, &WATCHED, &last)
    }

    /// Puts calls on an address as load.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn load(play: &Play<'_>, to: SocketAddr) -> Result<Self> {
        Self::start(play, &COUNTED, &[to.to_string()])
    }

    fn start(play: &Play<'_>, manner: &[&str], last: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for sipp")?;
        let path = folder.path().join("scenario.xml");
        fs::write(&path, scenario(play)?).context("the scenario")?;
        let address = SocketAddr::from((play.from, free_port()?));
        let mut command = Command::new("sipp");
        command
            .current_dir(folder.path())
            .args(["-sf", "scenario.xml", "-i", &play.from.to_string(), "-p", &address.port().to_string()])
            .args(["-t", if play.transport == Transport::Udp { "u1" } else { "t1" }])
            .args(["-m", &play.calls.to_string(), "-r", &play.rate.to_string()])
            .args(["-nostdin", "-recv_timeout", "20000"])
            .args(play.counts_repeats.then_some("-nr"))
            .args(manner)
            .arg("none")
            .args(last)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("sipp can't be started: {command:?}"))?;
        Ok(Self { name: format!("sipp {}", play.scenario), folder, child, address })
    }

    /// Where it listens and sends from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of_tree(self.child.id()).with_context(|| self.name.clone())
    }

    /// Waits until all calls of a load are over, whatever came of them, and gives the counts.
    ///
    /// # Errors
    /// When they are not over `within` this time, or nothing was counted.
    pub fn finish_load(mut self, within: Duration) -> Result<Counts> {
        let deadline = Instant::now() + within;
        while self.child.try_wait().with_context(|| self.name.clone())?.is_none() {
            ensure!(Instant::now() < deadline, "{}: still runs after {within:?}", self.name);
            thread::sleep(LOOK);
        }
        let table = fs::read_to_string(self.folder.path().join("counts.csv")).context("sipp's counts")?;
        Counts::of(&table).with_context(|| format!("{}: can't read its counts", self.name))
    }

    /// Waits until all its calls are over.
    ///
    /// # Errors
    /// When one of them failed, or `within` passes; the error tells what was said.
    pub fn finish(mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().with_context(|| self.name.clone())? {
                ensure!(status.success(), "{}: {status}; {}", self.name, self.story());
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("{}: still runs after {within:?}; {}", self.name, self.story());
            }
            thread::sleep(LOOK);
        }
    }

    /// What went wrong and what was said, as far as its files tell.
    fn story(&self) -> String {
        let read = |name: &str| {
            let octets = fs::read(self.folder.path().join(name)).unwrap_or_default();
            let start = octets.len().saturating_sub(TOLD);
            String::from_utf8_lossy(&octets[start..]).into_owned()
        };
        format!("errors:\n{}\nmessages:\n{}", read("errors.log"), read("messages.log"))
    }
}

/// What a load came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Calls that went as the scenario has it.
    pub good: usize,
    /// Others.
    pub failed: usize,
    /// Messages that were sent again.
    pub repeated: usize,
    /// From its start to its end.
    pub took: Duration,
}

impl Counts {
    /// Reads the last line of a table of counts.
    fn of(table: &str) -> Option<Self> {
        let mut lines = table.lines();
        let names: Vec<&str> = lines.next()?.split(';').collect();
        let last: Vec<&str> = lines.next_back()?.split(';').collect();
        let field = |wanted: &str| last.get(names.iter().position(|name| *name == wanted)?).copied();
        let count = |wanted: &str| field(wanted)?.parse().ok();
        // Date, time of day, and seconds since 1970, between tabs.
        let seconds = |wanted: &str| field(wanted)?.rsplit('\t').next()?.parse::<f64>().ok();
        let took = seconds("CurrentTime")? - seconds("StartTime")?;
        Some(Self {
            good: count("SuccessfulCall(C)")?,
            failed: count("FailedCall(C)")?,
            repeated: count("Retransmissions(C)")?,
            took: Duration::try_from_secs_f64(took).ok()?,
        })
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file with its values. Their octets need not be UTF-8, so a value may be written with escapes as `\xB0`.
fn scenario(play: &Play<'_>) -> Result<Vec<u8>> {
    let mut text = text_of(play.scenario)?;
    for (name, value) in play.values() {
        text = text.replace(&format!("%{name}%"), value);
    }
    let open = text.split('%').nth(1).filter(|name| name.bytes().all(|b| b.is_ascii_uppercase()));
    ensure!(open.is_none_or(str::is_empty), "{}: %{}% has no value", play.scenario, open.unwrap_or_default());
    Ok(unescape(&text))
}

/// Octets of a text in which `\xHH` stands for one octet.
fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        octets.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// A scenario with the parts that it includes.
fn text_of(scenario: &str) -> Result<String> {
    const INCLUDE: &str = "<?include ";
    let mut text = read(&file(scenario))?;
    while let Some((before, after)) = text.split_once(INCLUDE) {
        let (part, rest) = after.split_once("?>").with_context(|| format!("{scenario}: an open include"))?;
        text = [before, read(&file(&format!("parts/{part}")))?.trim(), rest].concat();
    }
    Ok(text)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn file(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/sipp").join(format!("{scenario}.xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_have_octets_that_are_no_utf_8() {
        assert_eq!(unescape("a\\xB0\\xa1b\\xzz"), b"a\xB0\xA1b\\xzz");
    }

    #[test]
    fn counts_are_those_of_the_last_line() {
        let table = "StartTime;CurrentTime;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n\
                     d\tt\t10.5;d\tt\t11.5;1;2;3;\nd\tt\t10.5;d\tt\t12.5;40;5;6;\n";
        let took = Duration::from_secs(2);
        assert_eq!(Counts::of(table), Some(Counts { good: 40, failed: 5, repeated: 6, took }));
        assert_eq!(Counts::of("StartTime;\n"), None);
    }

    #[test]
    fn parts_stand_where_they_are_included() {
        let text = text_of("uac/answer").unwrap();
        assert!(
            text.contains("INVITE sip:") && text.contains("BYE") && !text.contains("<?include"),
            "{text}"
        );
        assert!(text.find("INVITE sip:") < text.find("BYE"));
    }

    #[test]
    fn every_name_in_a_file_needs_a_value() {
        let play = Play::once("uac/refused", Transport::Udp);
        let told = scenario(&play).unwrap_err().to_string();
        assert!(told.contains("has no value"), "{told}");
        let values = [("STATUS", "486"), ("EXPECTED", "486 Busy")];
        assert!(scenario(&play.with(&values)).is_ok());
    }
}
