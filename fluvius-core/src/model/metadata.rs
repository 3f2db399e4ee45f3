//! The metadata of a domain.

use super::Location;

/// Metadata of a domain: its names, revision and tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainMetadata {
    /// The namespace, in kebab case.
    pub namespace: &'static str,
    /// The title.
    pub title: &'static str,
    /// The purpose of the domain.
    pub description: &'static str,
    /// Tags, for listing and filtering domains.
    pub tags: &'static [&'static str],
    /// The revision of the domain.
    pub revision: u32,
    /// The name of the Rust type.
    pub type_name: &'static str,
    /// Source location of the type.
    pub location: Location,
}
