//! Commit: a unit of work to the store, and what became of it.

use std::sync::Arc;

use super::Environment;
use crate::error::Error;
use crate::rejection::{Rejection, storable};
use crate::store::{Fate, StoreError};
use crate::unit_of_work::UnitOfWork;

/// Commits one unit beside the sequencer. The store answers with one fate a unit, by its contract.
pub(crate) async fn alone(environment: &Environment, unit: UnitOfWork) -> Fate {
    let batch: Arc<[UnitOfWork]> = Arc::from([unit]);
    let mut fates = Arc::clone(&environment.store).commit(batch).await;
    let none = || Fate::Failed(StoreError::permanent("the store gave no fate for a unit of work"));
    fates.pop().unwrap_or_else(none)
}

/// Asks every listener about a unit; the first veto counts.
///
/// # Errors
/// The veto as the command's rejection.
pub(crate) fn ask(environment: &Environment, unit: &UnitOfWork) -> Result<(), Error> {
    for listener in &environment.listeners {
        let asked = std::panic::AssertUnwindSafe(|| listener.committing(unit));
        match std::panic::catch_unwind(asked) {
            Ok(Ok(())) => {}
            Ok(Err(veto)) => {
                let root = unit.commands.first().map(|command| command.root.clone());
                let Some(root) = root else { continue };
                return Err(Error::Rejected {
                    root,
                    code: storable(veto.code()),
                    message: storable(&veto.to_string()),
                    source: Arc::new(veto),
                });
            }
            Err(_) => tracing::error!(domain = environment.meta.namespace, "a listener panicked"),
        }
    }
    Ok(())
}
