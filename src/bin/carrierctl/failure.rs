//! What went wrong, as one sentence with what to do about it.

use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The arguments can't be right.
    Usage(String),
    /// Nobody listens there.
    Unreachable(String),
    /// The daemon refused or failed.
    Refused(Box<Status>),
    /// The command ran, but its end is not the one wanted.
    Other(String),
    /// A drain was ended by its limit, in the daemon's words.
    Limit(String),
}

impl Failure {
    /// 2 for what the caller must type differently, 3 for a drain that its limit ended, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Limit(_) => 3,
            Self::Unreachable(_) | Self::Refused(_) | Self::Other(_) => 1,
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Other(what) | Self::Limit(what) => f.write_str(what),
            Self::Unreachable(address) => {
                write!(f, "no daemon answers at {address}: start one, or name another with --address")
            }
            Self::Refused(status) => refused(status, f),
        }
    }
}

fn refused(status: &Status, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let info = status.get_details_error_info();
    let reason = info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason);
    write!(f, "{} ({reason})", status.message())?;
    if let Some(delay) = status.get_details_retry_info().and_then(|retry| retry.retry_delay) {
        write!(f, "; try again in {delay:?}")?;
    } else if status.code() == Code::Unavailable {
        write!(f, "; the connection was lost: try again")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn says_the_reason_and_what_to_do() {
        let mut details = ErrorDetails::with_error_info("QUEUE_FULL", "carrierd", HashMap::new());
        details.set_retry_info(Some(Duration::from_secs(2)));
        let status = Status::with_error_details(Code::ResourceExhausted, "the queue is full", details);
        assert_eq!(Failure::from(status).to_string(), "the queue is full (QUEUE_FULL); try again in 2s");
        let bare = Failure::from(Status::unavailable("gone"));
        assert_eq!(bare.to_string(), "gone (Unavailable); the connection was lost: try again");
        assert_eq!((bare.exit_code(), Failure::Usage(String::new()).exit_code()), (1, 2));
    }
}
