//! Logs: one line per event to stderr, for people or for machines. What may stand in them is each type's `Debug`:
//! numbers masked, texts and secrets never.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// The variable of the environment that holds the filter, such as `warn` or `info,carrierd::trunk=debug`.
pub const FILTER_VARIABLE: &str = "CARRIERD_LOG";
/// Without a filter: what an operator should know, and nothing per message.
const DEFAULT_FILTER: &str = "info";

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people; with colours on a terminal.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter can't be read.
    #[error(
        "{FILTER_VARIABLE}={filter:?} is no filter: {reason}; write a level such as \"info\", or \"info,carrierd::trunk=debug\""
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The process has a log already.
    #[error("the log is set up already")]
    Twice,
}

/// Starts the process's log on stderr; `filter` is what [`FILTER_VARIABLE`] holds, if anything.
///
/// # Errors
/// The filter can't be read, or the process has a log already.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), LogError> {
    let dispatch = dispatch(format, filter, io::stderr, io::stderr().is_terminal())?;
    dispatcher::set_global_default(dispatch).map_err(|_| LogError::Twice)
}

fn dispatch<W>(
    format: LogFormat,
    filter: Option<&str>,
    writer: W,
    colours: bool,
) -> Result<Dispatch, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let given = filter.filter(|filter| !filter.trim().is_empty()).unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(given)
        .map_err(|error| LogError::Filter { filter: given.to_owned(), reason: error.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match format {
        LogFormat::Text => lines.with_ansi(colours).into(),
        LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).into(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
            Ok(octets.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: Option<&str>, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let dispatch = dispatch(format, filter, move || writer.clone(), false).unwrap();
        dispatcher::with_default(&dispatch, log);
        let octets = lines.0.lock().unwrap().clone();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn machines_get_one_object_per_line() {
        let text = written(LogFormat::Json, None, || {
            tracing::info!(trunk = "cmcc-bj-1", links = 2, "up\nand running");
            tracing::warn!("down");
        });
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "up\nand running");
        assert_eq!((&lines[0]["trunk"], &lines[0]["links"]), (&"cmcc-bj-1".into(), &2.into()));
        assert_eq!((&lines[0]["level"], &lines[1]["level"]), (&"INFO".into(), &"WARN".into()));
    }

    #[test]
    fn people_get_info_and_above_unless_they_ask_for_more() {
        let log = || {
            tracing::debug!("detail");
            tracing::info!("news");
        };
        let text = written(LogFormat::Text, None, log);
        assert!(text.contains("news") && !text.contains("detail") && !text.contains('\x1b'), "{text}");
        assert!(written(LogFormat::Text, Some("debug"), log).contains("detail"));
        assert_eq!(written(LogFormat::Text, Some("warn"), log), "");
        assert!(written(LogFormat::Text, Some(" "), log).contains("news"));
    }

    #[test]
    fn a_wrong_filter_is_told_with_what_would_be_right() {
        let error =
            dispatch(LogFormat::Text, Some("carrierd=loud"), io::sink, false).unwrap_err().to_string();
        assert!(error.starts_with("CARRIERD_LOG=\"carrierd=loud\" is no filter: "), "{error}");
        assert!(error.contains("\"info\""), "{error}");
    }
}
