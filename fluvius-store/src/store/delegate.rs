//! The methods of `Store` as one table, and `delegate_store!`, which implements them by delegation.

/// Passes the methods of `Store` to a macro, except `changed` and `capabilities`,
/// which are not `async fn`s.
///
/// The parameters of a method are in three groups: values, references (without the `&`), values.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_methods {
    ([$($callback:tt)*] $arguments:tt) => {
        $($callback)*! {
            $arguments
            fn register_domain(; domain: str, resources: [&'static str];)
                -> Result<(), $crate::StoreError>;
            fn declare_indexes(; resource: str, fields: [$crate::query::Field];)
                -> Result<(), $crate::StoreError>;
            fn commit(batch: ::std::sync::Arc<[$crate::UnitOfWork]>;;)
                -> ::std::vec::Vec<$crate::CommitOutcome>;
            fn acquire_lease(; aggregate_id: $crate::AggregateId;)
                -> ::std::option::Option<$crate::Lease>;
            fn load(; aggregate_id: $crate::AggregateId;)
                -> Result<::std::option::Option<$crate::StateRecord>, $crate::StoreError>;
            fn snapshot(; aggregate_ids: [$crate::AggregateId];)
                -> Result<
                    ::std::vec::Vec<::std::option::Option<$crate::StateRecord>>,
                    $crate::StoreError,
                >;
            fn query(; query: $crate::StateQuery;)
                -> Result<::std::vec::Vec<$crate::StateRecord>, $crate::StoreError>;
            fn scan(; query: $crate::StateQuery; scan_limit: usize)
                -> Result<$crate::query::StateScan, $crate::StoreError>;
            fn command(id: $crate::uuid::Uuid;;)
                -> Result<::std::option::Option<$crate::StoredCommand>, $crate::StoreError>;
            fn history(; aggregate_id: $crate::AggregateId; first: u64, last: u64)
                -> Result<
                    ::std::vec::Vec<$crate::LogEntry<$crate::EventRecord>>,
                    $crate::StoreError,
                >;
            fn log(kind: $crate::LogKind; query: $crate::LogQuery;)
                -> Result<$crate::LogPage<$crate::AnyRecord>, $crate::StoreError>;
            fn context(id: $crate::uuid::Uuid;;)
                -> Result<
                    ::std::option::Option<::std::sync::Arc<$crate::ContextRecord>>,
                    $crate::StoreError,
                >;
            fn incarnation(;;) -> Result<$crate::work::Incarnation, $crate::StoreError>;
            fn work(; query: $crate::work::WorkQuery;)
                -> Result<$crate::work::WorkPage, $crate::StoreError>;
            fn write_work(
                units: ::std::sync::Arc<[$crate::work::WorkUnit]>,
                now: $crate::chrono::DateTime<$crate::chrono::Utc>;;
            ) -> ::std::vec::Vec<$crate::work::WorkOutcome>;
            fn announce(process: $crate::uuid::Uuid;;)
                -> ::std::option::Option<$crate::work::Announcement>;
            fn ended(; processes: [$crate::uuid::Uuid];)
                -> Result<::std::vec::Vec<$crate::uuid::Uuid>, $crate::StoreError>;
            fn close(;;) -> Result<(), $crate::StoreError>;
            fn release(;;) -> ();
        }
    };
}

/// Implements methods of [`Store`](crate::Store) by delegation to another store, in an `impl` block
/// of a wrapper.
///
/// It also delegates the methods that have a default, including those that a later release adds. A
/// wrapper that is written by hand gets the defaults of the methods that it omits: then the inner
/// store never releases its connections, or never receives a request for a lease.
///
/// # Shape
/// `self => place` names the inner store, as a place expression that may use `self`, `?` and
/// `.await`. Then:
///
/// | list | methods |
/// |---|---|
/// | none | all |
/// | `; except load, commit` | all but these, which the block implements |
/// | `; only load, query` | these |
///
/// The place is evaluated in each call. With `?` it fits only methods that return a `Result`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use fluvius_store::{CommitOutcome, Store, UnitOfWork, delegate_store};
///
/// /// A store that counts its batches.
/// struct Counting<S> {
///     inner: S,
///     batches: AtomicUsize,
/// }
///
/// impl<S: Store> Store for Counting<S> {
///     async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
///         self.batches.fetch_add(1, Ordering::Relaxed);
///         self.inner.commit(batch).await
///     }
///
///     delegate_store! { self => self.inner; except commit }
/// }
/// ```
#[macro_export]
macro_rules! delegate_store {
    ($this:ident => $inner:expr) => {
        $crate::delegate_store! { $this => $inner; except }
    };
    ($this:ident => $inner:expr; except $($method:ident),* $(,)?) => {
        $crate::delegate_store! { @each $this [$inner] except [$($method)*] }
    };
    ($this:ident => $inner:expr; only $($method:ident),+ $(,)?) => {
        $crate::delegate_store! { @each $this [$inner] only [$($method)*] }
    };
    (@each $this:ident [$inner:expr] $mode:ident $listed:tt) => {
        $crate::__store_methods! {
            [$crate::__delegate_methods] { $this [$inner] $mode $listed }
        }
        $crate::__delegate_method! {
            changed $mode $listed
            {
                fn changed(&$this) -> impl ::std::future::Future<Output = ()> + Send {
                    $crate::Store::changed(&$inner)
                }
            }
        }
        $crate::__delegate_method! {
            capabilities $mode $listed
            {
                fn capabilities(&$this) -> $crate::work::Capabilities {
                    $crate::Store::capabilities(&$inner)
                }
            }
        }
    };
}

/// Generates the methods that `delegate_store!` selects.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_methods {
    (
        { $this:ident [$inner:expr] $mode:ident $listed:tt }
        $(
            fn $method:ident(
                $($first:ident: $First:ty),*;
                $($reference:ident: $Reference:ty),*;
                $($last:ident: $Last:ty),*
            ) -> $Output:ty;
        )*
    ) => {
        $(
            $crate::__delegate_method! {
                $method $mode $listed
                {
                    async fn $method(
                        &$this
                        $(, $first: $First)* $(, $reference: &$Reference)* $(, $last: $Last)*
                    ) -> $Output {
                        $crate::Store::$method(
                            &$inner $(, $first)* $(, $reference)* $(, $last)*
                        ).await
                    }
                }
            }
        )*
    };
}

/// Generates a method if it is listed (`only`), or if it is not (`except`).
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_method {
    (register_domain $mode:ident [register_domain $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (declare_indexes $mode:ident [declare_indexes $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (commit $mode:ident [commit $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (acquire_lease $mode:ident [acquire_lease $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (load $mode:ident [load $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (snapshot $mode:ident [snapshot $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (query $mode:ident [query $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (scan $mode:ident [scan $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (command $mode:ident [command $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (history $mode:ident [history $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (log $mode:ident [log $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (changed $mode:ident [changed $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (context $mode:ident [context $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (capabilities $mode:ident [capabilities $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (incarnation $mode:ident [incarnation $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (work $mode:ident [work $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (write_work $mode:ident [write_work $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (announce $mode:ident [announce $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (ended $mode:ident [ended $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (close $mode:ident [close $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    (release $mode:ident [release $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { @found $mode $item }
    };
    ($method:ident $mode:ident [$other:ident $($rest:ident)*] $item:tt) => {
        $crate::__delegate_method! { $method $mode [$($rest)*] $item }
    };
    ($method:ident except [] { $($item:tt)* }) => { $($item)* };
    ($method:ident only [] $item:tt) => {};
    (@found except $item:tt) => {};
    (@found only { $($item:tt)* }) => { $($item)* };
}
