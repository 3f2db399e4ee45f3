//! Domains: a set of aggregate types with metadata, and its running form.

mod builder;
mod command_stream;
mod dry_run;
mod log_reader;
mod log_stream;
mod prepared_command;
mod runtime;
mod session;

use crate::model::Sealed;
use futures_core::future::BoxFuture;

pub use builder::RuntimeBuilder;
pub use command_stream::CommandProcessor;
pub use dry_run::DryRun;
pub use log_reader::{LogReader, Page};
pub use log_stream::LogStream;
pub use prepared_command::PreparedCommand;
pub use runtime::DomainRuntime;
pub use session::Session;

use crate::model::AggregateDescriptor;
use crate::model::{BuildError, DomainMetadata};
use fluvius_store::Store;

/// A set of aggregate types that belong together.
///
/// Implemented by `#[derive(Domain)]` with `#[domain(aggregates(..), ..)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a domain",
    label = "not a domain",
    note = "add `#[derive(Domain)]` and `#[domain(aggregates(..))]` to `{Self}`"
)]
pub trait Domain: Sealed + Send + Sync + 'static {
    /// Namespace, title, description, tags and revision.
    const METADATA: &'static DomainMetadata;
    /// The aggregate types of the domain.
    const AGGREGATES: &'static [&'static AggregateDescriptor];

    /// Builds the runtime of the domain on a store, with default settings.
    ///
    /// # Errors
    /// All collisions between the aggregate types at once, or the error of the store when it
    /// registers the domain.
    fn runtime(store: impl Store) -> BoxFuture<'static, Result<DomainRuntime, BuildError>>
    where
        Self: Sized,
    {
        // Boxed: a future that names the type of the store would report an unmet `Store` bound
        // again at the `.await`.
        Box::pin(Self::builder(store).build())
    }

    /// Returns a builder of the runtime, for other settings.
    fn builder(store: impl Store) -> RuntimeBuilder
    where
        Self: Sized,
    {
        RuntimeBuilder::new(Self::METADATA, Self::AGGREGATES, store)
    }
}
