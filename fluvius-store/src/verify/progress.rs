//! The progress of a verification.

use super::Verification;

/// The progress of a [`verify`](super::verify), for its callback.
///
/// No number decreases from one call to the next. In the last call `position` equals `last`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Number of aggregates checked so far.
    pub aggregates: u64,
    /// Number of rows of the four logs checked so far.
    pub rows: u64,
    /// The position up to which the logs are checked.
    pub position: u64,
    /// The last position to check: the newest one, or the end of the range if that is lower. In a
    /// check of the whole store, it rises with rows that are stored during the check.
    pub last: u64,
}

/// The function that is called with the progress.
pub(super) type OnProgress<'a> = Box<dyn FnMut(Progress) + Send + 'a>;

/// The progress and its callback.
pub(super) struct Reporter<'a> {
    pub(super) on_progress: Option<OnProgress<'a>>,
    pub(super) progress: Progress,
}

impl Reporter<'_> {
    /// Raises the last position to check.
    pub(super) fn raise_last(&mut self, last: u64) {
        self.progress.last = self.progress.last.max(last);
    }

    /// Reports the numbers of a verification that has checked the logs up to a position.
    pub(super) fn report(&mut self, found: &Verification, position: u64) {
        let progress = &mut self.progress;
        progress.aggregates = found.aggregates;
        progress.rows = found.rows();
        progress.position = progress.position.max(position);
        progress.last = progress.last.max(progress.position);
        if let Some(on_progress) = &mut self.on_progress {
            on_progress(*progress);
        }
    }
}
