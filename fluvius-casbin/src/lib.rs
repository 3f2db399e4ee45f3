//! Rules of [casbin](https://casbin.org) as the policy of a domain. Programs use this crate as
//! `fluvius::casbin`.
//!
//! [`CasbinPolicy`] decides on commands, reads and operations. It reads a model and rules from
//! files or texts. They are replaced while commands run, and verdicts are kept in a bounded cache.
//! The rule that matched is in the activity log.
//!
//! # Requests
//!
//! The definition `r` of a model names some of these fields, in any order:
//!
//! | field | content |
//! |---|---|
//! | `usr` | the user; `anonymous` without one |
//! | `pro`, `org` | the profile, the organization; empty without one |
//! | `realm` | the realm; empty without one |
//! | `roles` | the roles of the sender, with those that they inherit: `p.role in r.roles` |
//! | `dom` | the namespace of the domain |
//! | `res` | the resource; empty without one |
//! | `rid` | the aggregate, as `bank-account/0190163d-..`; the resource or the id without the other |
//! | `cqrs` | `COMMAND`, `QUERY` or `OPERATION` |
//! | `act` | the namespace and a name: `bank:deposit-money`, `bank:state`, `bank:export` |
//!
//! The name in `act` is the key of the command, the kind of the read, or the name of the operation.
//!
//! A sender with an empty realm is denied. A role of the sender that is empty, `anonymous` or a
//! UUID does not count, because rules name roles and users in the same place.
//!
//! # Rules
//!
//! A rule is a line of values between commas. They are `p` and one value for each name of the
//! definition `p`, or the name of a role definition and its two or three names. A value with a
//! comma is in double quotes; two quotes in it are one, and `""` is an empty value. A line that
//! starts with `#` is a comment.
//!
//! Roles inherit by the first role definition with two places. Names of different role definitions
//! are separate, unlike in the crate `casbin` alone. A matcher cannot call `eval`.
//!
//! # Cost
//!
//! A verdict that is not in the cache evaluates the matcher for rule after rule, so it costs more
//! the more rules there are. The verdicts are kept by the fields that the matcher uses. The
//! aggregate is one of them only if a rule can depend on it. With the default model, that is if
//! there are `g3` rules.
//!
//! # Effect on other code
//!
//! casbin depends on `smartstring`, which implements one more `Add` for `String`. So in a program
//! with this crate, `text + &other` of two `String`s is a type error: write
//! `text + other.as_str()`, or use `format!`.

mod error;
mod matched;
mod model;
mod policy;
mod request;
mod role_names;
mod rule;
mod rules;
mod source;
mod verdict;

pub use error::{CasbinError, Fault};
pub use policy::{CasbinPolicy, CasbinPolicyBuilder};

/// The model of a policy without a model of its own. Its requests have the fields of the original,
/// and the realm, the roles and the resource.
///
/// `*` in a rule stands for any realm, resource, kind or action. A sender has a role by its
/// context, by its user (`g2`), or by a profile of its user in its organization (`g`), on all
/// aggregates (`g2`) or on one (`g3`).
///
/// ```text
#[doc = include_str!("default_model.conf")]
/// ```
pub const DEFAULT_MODEL: &str = include_str!("default_model.conf");
