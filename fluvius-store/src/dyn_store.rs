//! Type-erased stores.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::outcome::CommitOutcome;
use crate::store::Store;
use crate::unit_of_work::UnitOfWork;
use crate::work::Capabilities;

/// A type-erased handle to a store. Clones share the store and count as one handle to it.
///
/// Use it if the type of the store is known only at run time, for example because the configuration
/// selects it. Each call boxes its future.
///
/// # Examples
///
/// ```
/// use fluvius_store::{DynStore, MemoryStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), fluvius_store::StoreError> {
/// let store = match std::env::var("STORE").as_deref() {
///     // Ok("sqlite") => DynStore::new(SqliteStore::open("bank.db").await?),
///     _ => DynStore::new(MemoryStore::new()),
/// };
/// store.register_domain("bank", &["bank-account"]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DynStore(Arc<dyn ErasedStore>);

impl DynStore {
    /// Returns a handle to a store.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }

    /// Commits as [`Store::commit`] does. The future owns the store, so it can be moved into a
    /// task.
    pub fn commit_owned(&self, batch: Arc<[UnitOfWork]>) -> BoxFuture<'static, Vec<CommitOutcome>> {
        Arc::clone(&self.0).commit_owned(batch)
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynStore").finish_non_exhaustive()
    }
}

/// Declares `ErasedStore` and implements it for every store, and `Store` for `DynStore`.
macro_rules! erase_store {
    (
        {}
        $(
            fn $method:ident(
                $($first:ident: $First:ty),*;
                $($reference:ident: $Reference:ty),*;
                $($last:ident: $Last:ty),*
            ) -> $Output:ty;
        )*
    ) => {
        /// The object-safe form of `Store`: the same methods with boxed futures.
        pub(crate) trait ErasedStore: Send + Sync {
            fn commit_owned(
                self: Arc<Self>,
                batch: Arc<[UnitOfWork]>,
            ) -> BoxFuture<'static, Vec<CommitOutcome>>;
            fn changed(&self) -> BoxFuture<'_, ()>;
            fn capabilities(&self) -> Capabilities;
            $(
                fn $method<'a>(
                    &'a self
                    $(, $first: $First)* $(, $reference: &'a $Reference)* $(, $last: $Last)*
                ) -> BoxFuture<'a, $Output>;
            )*
        }

        impl<S: Store> ErasedStore for S {
            fn commit_owned(
                self: Arc<Self>,
                batch: Arc<[UnitOfWork]>,
            ) -> BoxFuture<'static, Vec<CommitOutcome>> {
                Box::pin(async move { Store::commit(&*self, batch).await })
            }

            fn changed(&self) -> BoxFuture<'_, ()> {
                Box::pin(Store::changed(self))
            }

            fn capabilities(&self) -> Capabilities {
                Store::capabilities(self)
            }
            $(
                fn $method<'a>(
                    &'a self
                    $(, $first: $First)* $(, $reference: &'a $Reference)* $(, $last: $Last)*
                ) -> BoxFuture<'a, $Output> {
                    Box::pin(Store::$method(self $(, $first)* $(, $reference)* $(, $last)*))
                }
            )*
        }

        impl Store for DynStore {
            fn changed(&self) -> impl Future<Output = ()> + Send {
                self.0.changed()
            }

            fn capabilities(&self) -> Capabilities {
                self.0.capabilities()
            }
            $(
                async fn $method(
                    &self
                    $(, $first: $First)* $(, $reference: &$Reference)* $(, $last: $Last)*
                ) -> $Output {
                    self.0.$method($($first,)* $($reference,)* $($last,)*).await
                }
            )*
        }
    };
}

crate::__store_methods! { [erase_store] {} }
