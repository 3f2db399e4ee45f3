//! Veto: consults every observer about a unit of work before the unit is admitted.

use std::sync::Arc;

use super::Services;
use crate::error::Error;
use crate::model::{Rejection, storable};
use crate::unwind;
use fluvius_store::UnitOfWork;

/// Consults the observers about a unit of work. The first veto counts.
///
/// # Errors
/// The veto, as a rejection of the command.
pub(crate) fn ask(services: &Services, unit: &UnitOfWork) -> Result<(), Error> {
    for observer in &services.observers {
        match unwind::catch(|| observer.before_commit(unit)) {
            Some(Ok(())) => {}
            Some(Err(veto)) => {
                let aggregate_id =
                    unit.commands.first().map(|command| command.aggregate_id.clone());
                let Some(aggregate_id) = aggregate_id else { continue };
                return Err(Error::Rejected {
                    aggregate_id,
                    code: storable(veto.code()),
                    message: storable(&veto.to_string()),
                    source: Arc::new(veto),
                    recorded: None,
                });
            }
            None => tracing::error!(domain = services.metadata.namespace, "an observer panicked"),
        }
    }
    Ok(())
}
