use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::*;
use crate::dyn_store::DynStore;
use crate::json::Json;
use crate::memory::MemoryStore;
use crate::record::{CommandRecord, MessageRecord};

/// Returns the names of the methods that a store may implement.
fn method_names() -> BTreeSet<&'static str> {
    let source = include_str!("../store.rs");
    let start = source.find("pub trait Store").unwrap();
    let end = start + source[start..].find("\n}\n").unwrap();
    let names = source[start..end].lines().filter_map(|line| line.strip_prefix("    fn "));
    let names = names.map(|line| line.split(['(', '<']).next().unwrap());
    names.filter(|name| *name != "read_log").collect()
}

type Calls = Arc<Mutex<BTreeSet<&'static str>>>;

/// A store that records its calls.
struct Recorder(Calls);

/// Implements the methods of the table; each records its call.
macro_rules! record_calls {
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
        impl Store for Recorder {
            $(
                async fn $method(
                    &self
                    $(, $first: $First)* $(, $reference: &$Reference)* $(, $last: $Last)*
                ) -> $Output {
                    self.0.lock().unwrap().insert(stringify!($method));
                    let store = MemoryStore::new();
                    Store::$method(&store $(, $first)* $(, $reference)* $(, $last)*).await
                }
            )*

            fn changed(&self) -> impl Future<Output = ()> + Send {
                self.0.lock().unwrap().insert("changed");
                std::future::ready(())
            }

            fn capabilities(&self) -> Capabilities {
                self.0.lock().unwrap().insert("capabilities");
                Capabilities::all()
            }
        }
    };
}

crate::__store_methods! { [record_calls] {} }

struct Wrapper<S>(S);

impl<S: Store> Store for Wrapper<S> {
    crate::delegate_store! { self => self.0 }
}

struct TwoParts<S>(S);

impl<S: Store> TwoParts<S> {
    async fn readable(&self) -> Result<&S, StoreError> {
        Ok(&self.0)
    }
}

impl<S: Store> Store for TwoParts<S> {
    crate::delegate_store! { self => *self.readable().await?; only load, snapshot, query, log }
    crate::delegate_store! { self => self.0; except load, snapshot, query, log }
}

async fn call_all(store: &impl Store) {
    let aggregate_id = AggregateId::new("purse", Uuid::nil());
    store.register_domain("purses", &["purse"]).await.unwrap();
    store.declare_indexes("purse", &[]).await.unwrap();
    store.commit(Arc::new([])).await;
    store.acquire_lease(&aggregate_id).await;
    store.load(&aggregate_id).await.unwrap();
    store.snapshot(std::slice::from_ref(&aggregate_id)).await.unwrap();
    store.query(&StateQuery::every(1)).await.unwrap();
    store.scan(&StateQuery::every(1), 1).await.unwrap();
    store.command(Uuid::nil()).await.unwrap();
    store.history(&aggregate_id, 1, 1).await.unwrap();
    store.log(LogKind::Events, &LogQuery::all()).await.unwrap();
    store.changed().await;
    store.context(Uuid::nil()).await.unwrap();
    assert!(store.capabilities().subscriptions);
    store.incarnation().await.unwrap();
    store.work(&WorkQuery::new(DateTime::UNIX_EPOCH, ["process"])).await.unwrap();
    store.write_work(Arc::new([]), DateTime::UNIX_EPOCH).await;
    store.announce(Uuid::nil()).await.unwrap();
    store.ended(&[]).await.unwrap();
    store.close().await.unwrap();
    store.release().await;
}

#[tokio::test]
async fn wrappers_forward_every_method() {
    let calls = Calls::default();
    let recorder = || Recorder(Arc::clone(&calls));
    let passed_on = || std::mem::take(&mut *calls.lock().unwrap());
    call_all(&Wrapper(recorder())).await;
    assert_eq!(passed_on(), method_names());
    call_all(&TwoParts(recorder())).await;
    assert_eq!(passed_on(), method_names());
    call_all(&DynStore::new(recorder())).await;
    assert_eq!(passed_on(), method_names());
}

#[test]
fn row_of_another_log_fails_permanently() {
    let message = MessageRecord {
        id: Uuid::nil(),
        key: "purse-opened".into(),
        data: Json::from_value(&serde_json::json!({})).unwrap(),
        command_id: Uuid::nil(),
        aggregate_id: AggregateId::new("purse", Uuid::nil()),
    };
    let rows = vec![LogEntry { position: 1, record: AnyRecord::from(message) }];
    let page = LogPage::new(rows, 1.into(), 1);
    assert_eq!(typed_page::<MessageRecord>(page.clone()).unwrap().rows.len(), 1);
    let error = typed_page::<CommandRecord>(page).unwrap_err();
    let text = "the store returned a row of the message log for a page of the command log";
    assert!(error.to_string().contains(text), "{error}");
    assert!(!error.is_retryable());
}
