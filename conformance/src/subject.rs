//! A process of ours: built, started, measured from outside, ended or killed.
//!
//! What is asked of it, and what its answers mean, is left to [`crate::bench`] and [`crate::kill_loop`].

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Linux shows processor time in hundredths of a second, whatever its own clock.
const TICKS_PER_SECOND: u64 = 100;

/// Where the programs lie.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `carrierd`.
    pub daemon: PathBuf,
    /// `carrier-sim`.
    pub simulator: PathBuf,
}

impl Programs {
    /// Builds both, optimised, and says where they are.
    ///
    /// # Errors
    /// When the build fails; its own words are on standard error.
    pub fn build() -> Result<Self> {
        let only =
            ["--release", "-p", "carrierd", "--bin", "carrierd", "-p", "simulator", "--bin", "carrier-sim"];
        Self::build_with(&only)
    }

    /// Builds both as the tests are built, once in this process, and says where they are.
    ///
    /// # Errors
    /// As [`Programs::build`].
    pub fn for_tests() -> Result<&'static Self> {
        static BUILT: Mutex<Option<&'static Programs>> = Mutex::new(None);
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(programs) = *built {
            return Ok(programs);
        }
        // One test among the targets makes cargo choose the features that it chose for the whole workspace's tests;
        // so after those were built nothing is built again.
        let mut arguments = vec!["--workspace", "--bins", "--test", "layers"];
        if cfg!(feature = "all-features") {
            arguments.push("--all-features");
        }
        let programs: &'static Self = Box::leak(Box::new(Self::build_with(&arguments)?));
        Ok(*built.insert(programs))
    }

    fn build_with(arguments: &[&str]) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let mut command = Command::new(cargo);
        // What cargo says of the package whose test this is. A build script that looks at it (ring's) would take it for a
        // change, and half of the workspace would be built anew.
        let of_package = |name: &OsString| {
            let name = name.as_encoded_bytes();
            name.starts_with(b"CARGO_PKG_") || name.starts_with(b"CARGO_MANIFEST_")
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| of_package(name)) {
            command.env_remove(name);
        }
        let output = command
            .args(["build", "--manifest-path", manifest])
            .args(arguments)
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo can't be started")?;
        ensure!(output.status.success(), "the build failed: {}", output.status);
        let told: Vec<Value> = output
            .stdout
            .split(|octet| *octet == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let find = |name: &str| {
            let is_it = |line: &&Value| line["target"]["name"] == name && line["target"]["kind"][0] == "bin";
            let path = told.iter().filter(is_it).filter_map(|line| line["executable"].as_str()).next();
            path.map(PathBuf::from).with_context(|| format!("the build made no {name}"))
        };
        Ok(Self { daemon: find("carrierd")?, simulator: find("carrier-sim")? })
    }

    /// Takes those beside this program.
    ///
    /// # Errors
    /// When one is missing.
    pub fn beside_us() -> Result<Self> {
        let ours = std::env::current_exe().context("this program's own path is not known")?;
        let find = |name: &str| {
            let path = ours.with_file_name(name);
            ensure!(path.is_file(), "{} is missing: leave --no-build out", path.display());
            Ok(path)
        };
        Ok(Self { daemon: find("carrierd")?, simulator: find("carrier-sim")? })
    }
}

/// A running process of ours. Dropping it kills the process.
#[derive(Debug)]
pub struct Subject {
    name: &'static str,
    child: Child,
}

impl Subject {
    /// Starts `command`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(name: &'static str, mut command: Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self { name, child: child.with_context(|| format!("{name} can't be started: {command:?}"))? })
    }

    /// Starts the daemon on a configuration file; what it says is appended to `log`.
    ///
    /// # Errors
    /// When it can't be started, or the log can't be written.
    pub fn daemon(program: &Path, config: &Path, log: &Path) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log).context("the daemon's log")?;
        let mut command = Command::new(program);
        command.args(["run", "--config"]).arg(config).stdout(log.try_clone()?).stderr(log);
        Self::start("carrierd", command)
    }

    /// Starts the simulator on a scenario and waits until every carrier listens; gives their addresses by name.
    ///
    /// # Errors
    /// When it can't be started, or ends before all of them listen.
    pub fn simulator(
        program: &Path,
        scenario: &Path,
        carriers: usize,
        record: Option<&Path>,
    ) -> Result<(Self, Vec<(String, SocketAddr)>)> {
        let mut command = Command::new(program);
        command.arg("run").arg(scenario).stdout(Stdio::piped());
        if let Some(record) = record {
            command.arg("--record").arg(record);
        }
        let mut subject = Self::start("carrier-sim", command)?;
        let stdout = subject.child.stdout.take().context("a piped output")?;
        let mut listening = Vec::with_capacity(carriers);
        for line in BufReader::new(stdout).lines().take(carriers) {
            let line: Value = serde_json::from_str(&line?).context("carrier-sim's own words")?;
            let name = line["carrier"].as_str().context("a carrier's name")?;
            let address = line["listen"].as_str().context("a carrier's address")?.parse()?;
            listening.push((name.to_owned(), address));
        }
        ensure!(listening.len() == carriers, "carrier-sim ended before all {carriers} carriers listened");
        Ok((subject, listening))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says how it ended, if it did.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| self.name)
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended before of itself: that is a fault of its own.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended of itself: {status}", self.name);
        }
        self.child.kill().with_context(|| self.name)?;
        self.child.wait().with_context(|| self.name)?;
        Ok(())
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// When it fails.
    pub fn terminate(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().context("kill")?;
        ensure!(asked.success(), "{} can't be asked to end", self.name);
        let status = self.child.wait().with_context(|| self.name)?;
        ensure!(status.success(), "{} did not end well: {status}", self.name);
        Ok(())
    }

    /// Processor time so far, user and system.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.id().to_string()).with_context(|| self.name)
    }

    /// The most memory it ever held, octets.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn peak_memory(&self) -> Result<u64> {
        self.memory_as("VmHWM:")
    }

    /// The memory that it holds now, octets.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory(&self) -> Result<u64> {
        self.memory_as("VmRSS:")
    }

    fn memory_as(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).context(self.name)?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).context("no memory in its status")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of this process so far.
///
/// # Errors
/// When the system does not tell.
pub fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

/// A port of this machine that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// Processor time so far of a process and of those that it made.
///
/// # Errors
/// When it is gone.
pub fn cpu_of_tree(process: u32) -> Result<Duration> {
    let mut sum = cpu_of(&process.to_string())?;
    for entry in fs::read_dir("/proc").context("/proc")?.flatten() {
        // Others come and go meanwhile.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if parent(&stat) == Some(process) {
            sum += ticks(&stat).map(of_ticks).context("no times in its stat")?;
        }
    }
    Ok(sum)
}

fn cpu_of(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks(&stat).map(of_ticks).context("no times in its stat")
}

fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// The process that made this one: the second field behind the name.
fn parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// utime and stime: the 12th and 13th field behind the name, which may hold anything but ends at the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
        assert_eq!(parent(stat), Some(1));
    }

    #[test]
    fn measures_what_a_process_made_with_it() {
        let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let mut command = Command::new("sh");
        command.args(["-c", &format!("sh -c '{work}' & exec sleep 60")]);
        let subject = Subject::start("sh", command).unwrap();
        let worked = (0..6000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            cpu_of_tree(subject.id()).unwrap() >= Duration::from_millis(50)
        });
        assert!(worked);
    }

    #[test]
    fn measures_this_process() {
        assert!(own_cpu().is_ok());
    }

    #[test]
    fn a_process_that_ended_of_itself_is_told_when_it_is_to_be_killed() {
        let mut subject = Subject::start("true", Command::new("true")).unwrap();
        subject.child.wait().unwrap();
        assert!(subject.kill().unwrap_err().to_string().contains("of itself"));
    }

    #[test]
    fn a_killed_process_is_gone() {
        let subject = Subject::start("sleep", {
            let mut c = Command::new("sleep");
            c.arg("60");
            c
        })
        .unwrap();
        let id = subject.id();
        subject.kill().unwrap();
        assert!(cpu_of(&id.to_string()).is_err());
    }
}
