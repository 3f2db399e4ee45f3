//! Building a registry. All collisions are reported at once, each with its source locations.

use std::collections::BTreeMap;
use std::fmt;

use super::{Registry, features};
use crate::model::{AggregateDescriptor, DomainMetadata, Location};
use fluvius_store::StoreError;

/// An error in building a domain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BuildError {
    /// The aggregate types are incompatible; all problems are listed.
    Domain {
        /// The domain's namespace.
        namespace: &'static str,
        /// The problems, sorted.
        problems: Vec<Problem>,
    },
    /// The store does not accept the domain.
    ///
    /// The text includes that of the store's error, whose cause is the source.
    Store {
        /// The domain's namespace.
        namespace: &'static str,
        /// The error of the store.
        source: StoreError,
    },
    /// A setting of the builder is out of range.
    Setting {
        /// The domain's namespace.
        namespace: &'static str,
        /// The builder method of the setting.
        setting: &'static str,
        /// The allowed range, and its reason.
        range: &'static str,
    },
    /// There is no tokio runtime for the domain to run on.
    NoRuntime {
        /// The domain's namespace.
        namespace: &'static str,
    },
    /// The tokio runtime has no timers, which the domain needs.
    NoTimers {
        /// The domain's namespace.
        namespace: &'static str,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { namespace, problems } => {
                write!(f, "the domain `{namespace}` cannot be built:{}", lines(problems))
            }
            Self::Store { namespace, source } => {
                write!(f, "the domain `{namespace}` cannot use this store: {source}")
            }
            Self::Setting { namespace, setting, range } => {
                write!(
                    f,
                    "`{setting}` of the domain `{namespace}` is out of range: expected {range}"
                )
            }
            Self::NoRuntime { namespace } => write!(
                f,
                "the domain `{namespace}` is built outside of a tokio runtime: call `build` in an \
                async function that tokio runs, or inside `Runtime::block_on`"
            ),
            Self::NoTimers { namespace } => write!(
                f,
                "the domain `{namespace}` is built on a tokio runtime without timers: call \
                `enable_time` or `enable_all` on the runtime's builder"
            ),
        }
    }
}

// Implemented by hand, so that the source does not repeat the text of the store's error.
impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store { source, .. } => source.source(),
            Self::Domain { .. }
            | Self::Setting { .. }
            | Self::NoRuntime { .. }
            | Self::NoTimers { .. } => None,
        }
    }
}

/// A reason for a domain that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// The domain lists no aggregate type.
    NoAggregates,
    /// The namespace is not kebab case.
    Namespace(String),
    /// Two aggregate types, or one type listed twice, have the same resource.
    Resource {
        /// The resource.
        resource: &'static str,
        /// The type names of the aggregate types, with their source locations.
        places: Vec<(&'static str, Location)>,
    },
    /// A dependency is built with a feature that changes stored values.
    Feature {
        /// The dependency.
        package: &'static str,
        /// The feature.
        feature: &'static str,
        /// The effect of the feature.
        effect: &'static str,
    },
    /// Two actions have the same key.
    Key {
        /// The key.
        key: &'static str,
        /// The type names of the aggregate types, with the source locations of their actions.
        places: Vec<(&'static str, Location)>,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = match self {
            Self::NoAggregates => {
                return write!(f, "it lists no aggregate: write `#[domain(aggregates(..))]`");
            }
            Self::Namespace(namespace) => {
                return write!(f, "its namespace `{namespace}` is not kebab case");
            }
            Self::Feature { package, feature, effect } => {
                return write!(
                    f,
                    "`{package}` is built with its feature `{feature}`: {effect}. Find the crate \
                    that switches it on with `cargo tree -e features -i {package}`, and switch it \
                    off there"
                );
            }
            Self::Resource { resource, places } => {
                write!(f, "the resource `{resource}` is declared more than once:")?;
                places
            }
            Self::Key { key, places } => {
                write!(f, "the command key `{key}` is used more than once:")?;
                places
            }
        };
        for (type_name, location) in places {
            write!(f, "\n    by {type_name} at {location}")?;
        }
        Ok(())
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl Registry {
    /// Builds the registry of a domain.
    ///
    /// # Errors
    /// [`BuildError::Domain`] with all problems, each with all of its source locations.
    pub(crate) fn build(
        metadata: &'static DomainMetadata,
        aggregates: &[&'static AggregateDescriptor],
    ) -> Result<Self, BuildError> {
        let mut resources: BTreeMap<&'static str, Vec<&'static AggregateDescriptor>> =
            BTreeMap::new();
        let mut actions: BTreeMap<&'static str, Vec<_>> = BTreeMap::new();
        for aggregate in aggregates {
            for resource in aggregate.resources {
                resources.entry(resource).or_default().push(aggregate);
            }
            for action in aggregate.actions {
                actions.entry(action.key).or_default().push((*aggregate, *action));
            }
        }

        let mut problems = features::harmful();
        if aggregates.is_empty() {
            problems.push(Problem::NoAggregates);
        }
        if !is_kebab(metadata.namespace) {
            problems.push(Problem::Namespace(metadata.namespace.to_owned()));
        }
        for (resource, owners) in &resources {
            if owners.len() > 1 {
                let places = owners.iter().map(|owner| (owner.type_name(), owner.location));
                problems.push(Problem::Resource { resource, places: sorted(places) });
            }
        }
        for (key, owners) in &actions {
            if owners.len() > 1 {
                let places =
                    owners.iter().map(|(owner, action)| (owner.type_name(), action.location));
                problems.push(Problem::Key { key, places: sorted(places) });
            }
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(BuildError::Domain { namespace: metadata.namespace, problems });
        }
        Ok(Self {
            metadata,
            actions: actions
                .into_iter()
                .filter_map(|(key, owners)| Some((key, owners.first()?.1)))
                .collect(),
            resources: resources
                .into_iter()
                .filter_map(|(resource, owners)| Some((resource, *owners.first()?)))
                .collect(),
        })
    }
}

fn sorted(places: impl Iterator<Item = (&'static str, Location)>) -> Vec<(&'static str, Location)> {
    let mut places: Vec<_> = places.collect();
    places.sort();
    places
}

/// Returns true for kebab case: words of lower-case ASCII letters and digits, separated by single
/// hyphens, beginning with a letter.
pub(crate) const fn is_kebab(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut is_after_hyphen = true;
    while at < bytes.len() {
        match bytes[at] {
            b'a'..=b'z' => is_after_hyphen = false,
            b'0'..=b'9' if at > 0 => is_after_hyphen = false,
            b'-' if !is_after_hyphen => is_after_hyphen = true,
            _ => return false,
        }
        at += 1;
    }
    !is_after_hyphen
}
