//! Domains: a set of aggregate types with metadata, and its running form.

mod builder;
mod command;
mod follow;
mod log;
mod processor;
mod runtime;
mod session;

use futures_core::future::BoxFuture;

pub use builder::RuntimeBuilder;
pub use command::PreparedCommand;
pub use follow::LogStream;
pub use log::{LogReader, Page};

pub use processor::CommandProcessor;
pub use runtime::DomainRuntime;
pub use session::Session;

use crate::model::AggregateDescriptor;
use crate::model::BuildError;
use crate::model::DomainMetadata;
use fluvius_store::Store;

/// A set of aggregate types that belong together.
///
/// Derived: `#[derive(Domain)]` with `#[domain(aggregates(..), ..)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no domain",
    label = "not a domain",
    note = "add `#[derive(Domain)]` and `#[domain(aggregates(..))]` to `{Self}`"
)]
pub trait Domain: Send + Sync + 'static {
    /// What the domain says of itself.
    const METADATA: &'static DomainMetadata;
    /// The aggregate types that it runs.
    const AGGREGATES: &'static [&'static AggregateDescriptor];

    /// The running form of the domain over a store, with the usual settings.
    ///
    /// # Errors
    /// All collisions between the aggregate types at once, or that the store does not take the
    /// domain.
    fn runtime(store: impl Store) -> BoxFuture<'static, Result<DomainRuntime, BuildError>>
    where
        Self: Sized,
    {
        // A future that names the store would repeat at the `.await` that it is none.
        Box::pin(Self::builder(store).build())
    }

    /// A builder of the running form, for other settings.
    fn builder(store: impl Store) -> RuntimeBuilder
    where
        Self: Sized,
    {
        RuntimeBuilder::new(Self::METADATA, Self::AGGREGATES, store)
    }
}
