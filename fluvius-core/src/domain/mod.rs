//! Domains: a set of aggregate types with metadata, and its running form.

mod builder;
mod command;
mod follow;
mod log;
mod outage;
mod processor;
mod runtime;
mod session;

use futures_core::future::BoxFuture;

pub use builder::RuntimeBuilder;
pub use command::PreparedCommand;
pub use follow::LogStream;
pub use log::{LogReader, Page};
pub(crate) use outage::Outages;
pub use processor::CommandProcessor;
pub use runtime::DomainRuntime;
pub use session::Session;

use crate::action::Location;
use crate::aggregate::AggregateDescriptor;
use crate::registry::BuildError;
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

/// What a domain says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainMetadata {
    /// The namespace, in kebab case.
    pub namespace: &'static str,
    /// The title.
    pub title: &'static str,
    /// What the domain is for.
    pub description: &'static str,
    /// Tags, for lists of domains.
    pub tags: &'static [&'static str],
    /// The revision of the domain.
    pub revision: u32,
    /// The name of the type.
    pub type_name: &'static str,
    /// Where the type stands.
    pub location: Location,
}
