//! The policy of a domain, by rules of casbin.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use fluvius_core::{
    ActionDescriptor, Authorization, Domain, DomainContext, Operation, Policy, PolicyRequest,
    ReadRequest,
};
use tokio::sync::Mutex;

use crate::DEFAULT_MODEL;
use crate::error::CasbinError;
use crate::request::{Kind, Request};
use crate::rules::Rules;
use crate::source::Source;
use crate::verdict::Verdict;

/// A policy by rules of casbin. A request that no rule allows is denied.
///
/// A clone shares the rules, so a program keeps one to [`reload`](Self::reload) them.
///
/// # Examples
///
/// ```
/// use fluvius_casbin::CasbinPolicy;
/// # use std::convert::Infallible;
/// # use fluvius_core::{Domain, aggregate};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Account {}
/// # #[aggregate(resource = "bank-account")]
/// # impl Account {
/// #     /// Open a new bank account.
/// #     #[action(evt_key = "account-opened")]
/// #     pub fn open_account() -> Result<Self, Infallible> {
/// #         Ok(Self {})
/// #     }
/// # }
/// # /// Domain of a bank.
/// # #[derive(Domain)]
/// # #[domain(aggregates(Account))]
/// # pub struct BankDomain;
/// use fluvius_core::{DomainContext, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = "
///     ## role, realm, resource, kind, action
///     p, teller, north, bank-account, COMMAND, bank:open-account
///     p, auditor, *, *, QUERY, *
///     ## A teller is an auditor too.
///     g2, teller, auditor
/// ";
/// let policy = CasbinPolicy::from_text::<BankDomain>(rules).build().await?;
/// let domain = BankDomain::builder(MemoryStore::new()).policy(policy.clone()).build().await?;
/// let teller = DomainContext::create("desk").with_role("teller").with_realm("north");
/// let id = fluvius_core::uuid::Uuid::from_u128(1);
/// domain.session(teller).send(id, OpenAccount {}).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CasbinPolicy {
    shared: Arc<Shared>,
}

struct Shared {
    namespace: &'static str,
    cache_capacity: usize,
    /// Replaced as a whole. A request takes the set that is here when it starts.
    current: RwLock<Arc<Rules>>,
    /// Locked while rules are loaded, so that the newest text is the one that stays.
    sources: Mutex<Sources>,
}

#[derive(Debug, Clone)]
struct Sources {
    model: Source,
    rules: Source,
}

impl Sources {
    async fn load(
        &self,
        namespace: &'static str,
        cache_capacity: usize,
    ) -> Result<Rules, CasbinError> {
        let model = self.model.read("model").await?;
        let rules = self.rules.read("rules").await?;
        Rules::load(namespace, &model, &rules, cache_capacity).await
    }
}

impl CasbinPolicy {
    /// Returns the builder of a policy with the rules in a file.
    pub fn from_file<D: Domain>(path: impl Into<PathBuf>) -> CasbinPolicyBuilder {
        CasbinPolicyBuilder::new(D::METADATA.namespace, Source::File(path.into()))
    }

    /// Returns the builder of a policy with the rules in a text.
    pub fn from_text<D: Domain>(rules: impl Into<String>) -> CasbinPolicyBuilder {
        CasbinPolicyBuilder::new(D::METADATA.namespace, Source::Text(rules.into()))
    }

    /// Reads the files again, and replaces all rules at once. Each request is decided by one set of
    /// rules, and each later one by the new set.
    ///
    /// # Errors
    /// [`CasbinError`], with the faults. The policy then keeps its rules.
    ///
    /// # Cancellation
    /// Dropping the future keeps the old rules, or has replaced them.
    pub async fn reload(&self) -> Result<(), CasbinError> {
        let sources = self.shared.sources.lock().await;
        self.replace(&sources).await
    }

    /// Replaces all rules at once by those of a text, which a program may read from anywhere. Later
    /// calls of [`reload`](Self::reload) use this text.
    ///
    /// # Errors
    /// [`CasbinError`], with the faults. The policy then keeps its rules, and their source.
    ///
    /// # Cancellation
    /// As for [`reload`](Self::reload).
    pub async fn replace_rules(&self, rules: impl Into<String>) -> Result<(), CasbinError> {
        let mut sources = self.shared.sources.lock().await;
        let new = Sources { rules: Source::Text(rules.into()), ..sources.clone() };
        self.replace(&new).await?;
        *sources = new;
        Ok(())
    }

    async fn replace(&self, sources: &Sources) -> Result<(), CasbinError> {
        let Shared { namespace, cache_capacity, current, .. } = &*self.shared;
        let loaded = sources.load(namespace, *cache_capacity).await?;
        tracing::info!(domain = namespace, rules = loaded.len(), "rules of the policy replaced");
        let loaded = Arc::new(loaded);
        // The verdicts are those of one set of rules, so the new set starts without any.
        let replaced = {
            let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, loaded)
        };
        drop(replaced);
        Ok(())
    }

    /// Returns the set of rules for one request.
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn decide(&self, request: &Request<'_>) -> Verdict {
        self.rules().decide(request)
    }
}

impl Policy for CasbinPolicy {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        let PolicyRequest { action, aggregate_id, context, .. } = request;
        let (resource, id) = (Some(&*aggregate_id.resource), Some(aggregate_id.id));
        let kind = Kind::Command;
        self.decide(&Request { context, kind, action: action.key, resource, id }).into()
    }

    async fn may_read(&self, request: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        let (action, kind) = (request.kind.as_str(), Kind::Query);
        let ReadRequest { resource, id, .. } = *request;
        self.decide(&Request { context, kind, action, resource, id }).into()
    }

    async fn may_operate(&self, operation: Operation, context: &DomainContext) -> Authorization {
        let (action, kind) = (operation.as_str(), Kind::Operation);
        self.decide(&Request { context, kind, action, resource: None, id: None }).into()
    }

    /// Hides an action that is denied on each aggregate. If rules name single aggregates, it shows
    /// all.
    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool {
        let rules = self.rules();
        let is_allowed = |resource: &&str| {
            let (resource, kind) = (Some(*resource), Kind::Command);
            rules
                .decide(&Request { context, kind, action: action.key, resource, id: None })
                .is_allowed
        };
        rules.depend_on_id() || action.resources.iter().any(is_allowed)
    }
}

impl fmt::Debug for CasbinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CasbinPolicy")
            .field("domain", &self.shared.namespace)
            .field("rules", &self.rules().len())
            .finish_non_exhaustive()
    }
}

/// The builder of a [`CasbinPolicy`].
#[derive(Debug)]
#[must_use = "a policy is built by `build`"]
pub struct CasbinPolicyBuilder {
    namespace: &'static str,
    cache_capacity: usize,
    sources: Sources,
}

impl CasbinPolicyBuilder {
    fn new(namespace: &'static str, rules: Source) -> Self {
        let model = Source::Text(DEFAULT_MODEL.to_owned());
        Self { namespace, cache_capacity: 10_000, sources: Sources { model, rules } }
    }

    /// Sets the model to that in a file.
    pub fn model_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.model = Source::File(path.into());
        self
    }

    /// Sets the model to that in a text. The default is [`DEFAULT_MODEL`].
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.sources.model = Source::Text(model.into());
        self
    }

    /// Sets the maximum number of verdicts that are kept, the last used ones. The default is
    /// 10,000. With 0, casbin decides on each request.
    pub fn cache_capacity(mut self, verdicts: usize) -> Self {
        self.cache_capacity = verdicts;
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    /// [`CasbinError::Unreadable`] for a file; [`CasbinError::Invalid`] with all faults of the
    /// model, or else all faults of the rules.
    pub async fn build(self) -> Result<CasbinPolicy, CasbinError> {
        let Self { namespace, cache_capacity, sources } = self;
        let rules = Arc::new(sources.load(namespace, cache_capacity).await?);
        let (current, sources) = (RwLock::new(rules), Mutex::new(sources));
        let shared = Shared { namespace, cache_capacity, current, sources };
        Ok(CasbinPolicy { shared: Arc::new(shared) })
    }
}
