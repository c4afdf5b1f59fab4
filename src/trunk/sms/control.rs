//! What may be asked of single links from outside, while the pool belongs to its worker.

use thiserror::Error;
use tokio::sync::mpsc;

/// Why a link was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAsked {
    /// The pool has no link at this place.
    #[error("the trunk has no such link: its links are numbered from 0 to {last}")]
    NoSuchLink {
        /// The last place.
        last: usize,
    },
    /// The trunk's links have ended.
    #[error("the trunk's links have ended")]
    Ended,
}

/// Speaks to the links of one trunk.
#[derive(Debug, Clone)]
pub struct LinkControl {
    links: Vec<mpsc::Sender<()>>,
}

impl LinkControl {
    pub(super) fn new(links: Vec<mpsc::Sender<()>>) -> Self {
        Self { links }
    }

    /// Asks a link to unbind in order, what is unanswered first, and to connect again; one that waits to connect does
    /// so now. Asked again before that, it is asked once.
    ///
    /// # Errors
    /// There is no such link, or the trunk has ended.
    pub fn rebind(&self, link: u32) -> Result<(), NotAsked> {
        let index = usize::try_from(link).unwrap_or(usize::MAX);
        let Some(sender) = self.links.get(index) else {
            return Err(NotAsked::NoSuchLink { last: self.links.len().saturating_sub(1) });
        };
        match sender.try_send(()) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(())) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(())) => Err(NotAsked::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_a_link_once_and_names_those_that_there_are() {
        let (sender, mut asked) = mpsc::channel(1);
        let control = LinkControl::new(vec![sender]);
        assert_eq!([control.rebind(0), control.rebind(0)], [Ok(()), Ok(())]);
        assert_eq!((asked.try_recv(), asked.try_recv().is_err()), (Ok(()), true));
        assert_eq!(control.rebind(1), Err(NotAsked::NoSuchLink { last: 0 }));
        drop(asked);
        assert_eq!(control.rebind(0), Err(NotAsked::Ended));
    }
}
