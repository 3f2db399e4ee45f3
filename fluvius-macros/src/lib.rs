//! The macros of fluvius: [`macro@aggregate`], [`macro@action`],
//! [`derive@Domain`] and [`derive@Rejection`].
//!
//! Use them through `fluvius_core`, which exports them next to the types that
//! they belong to. The guide in `docs/` introduces them one by one; this page
//! is their reference.
//!
//! A macro reads its tokens in phases, each a plain function of plain data:
//! *parse* (what is written), *model* (what the author meant, with every derived
//! name), *check* (the rules), *expand* (one file for each generated thing).
//! Mistakes of all phases are gathered, so that one compile shows them all, and
//! the author's code is put out even then, so that the editor keeps working.
//!
//! Generated code names only `::fluvius_core::__private`, the author's types and
//! generated items.

mod check;
mod clean;
mod errors;
mod expand;
mod fallback;
mod keywords;
mod misleading_lints;
mod model;
mod parse;
mod pipeline;
mod spelling;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes an aggregate of an `impl` block: each method under
/// [`#[action]`](macro@action) becomes a command.
///
/// ```ignore
/// # // Compiled where fluvius-core is at hand: see the guide.
/// #[aggregate(resource = "bank-account")]
/// impl Account {
///     /// Open a new bank account.
///     #[action(evt_key = "account-opened")]
///     pub fn open_account(owner_name: String) -> Result<Self, AccountError> { .. }
///
///     /// Deposit money into the account.
///     #[action(evt_key = "money-deposited")]
///     pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), AccountError> { .. }
/// }
/// ```
///
/// # Options
///
/// - `resource = ".."`: the name of the kind of aggregate, in kebab case. Without it,
///   the type's name in kebab case. `resources = ["..", ".."]` names several;
///   the first is the main one.
/// - `revision = 1`: in which shape states and events are written; stored with
///   each of them. The first is 1, which need not be written.
/// - `upcast = lift_account`: the function that lifts what an older revision
///   wrote, one revision at a time: `fn(from: u32, written: Written<'_>, json:
///   &mut serde_json::Value) -> Result<(), UpcastError>`. It runs whenever such
///   a state or event is read. It is needed from revision 2 on; `upcast = none`
///   says that nothing older is stored, and one that another revision wrote is
///   then `invalid-state`.
/// - `index(owner_name: text, balance: number)`: fields by which queries will
///   often ask, each with the kind as which it is read: `boolean`, `number`,
///   `text`, `time` or `uuid`. A store may keep an index for each; what a query
///   gives does not depend on it. A field stands for itself in JSON; where serde
///   renames it, or deeper inside, write the path: `index("address.city": text)`.
/// - `name = ".."`: the beginning of the enums' names, where it is not the
///   type's name. Needed for a type with arguments, such as `Account<Eur>`.
/// - `crate = "::path"`: where fluvius-core is found, if not at
///   `::fluvius_core`. The path is absolute.
///
/// # What it makes
///
/// Beside the block, which keeps its methods as they are, in the visibility of
/// the actions:
///
/// - a command struct for each action (`DepositMoney`, key `deposit-money`) with
///   the parameters as fields,
/// - an event struct for each `evt_key` (`MoneyDeposited`) with the same fields,
///   secrets left out, and the returned value as `data` unless the return type
///   is written `Result<(), ..>` or `Result<Self, ..>`,
/// - the enums `AccountCommand` and `AccountEvent`,
/// - `impl Aggregate for Account`, whose `ACTIONS` a domain runs,
/// - an entry for each action in the list of everything linked. An aggregate
///   inside of a function body is in that list too, whether the function runs
///   or not.
///
/// The page of the type gets a table of its commands and events.
///
/// # Rules
///
/// The type is one concrete type, `Clone + Send + Sync + 'static` and readable
/// and writable by serde. It has one such block; further `impl` blocks without
/// the attribute are fine. All actions of the block have one visibility. A
/// method without `#[action]` passes through untouched, and so does everything
/// else; actions made by a macro inside the block are refused, since they
/// would not be seen.
///
/// `#[cfg]`, `#[allow]` and `#[expect]` on an action go to everything that is
/// generated for it, those inside `#[cfg_attr]` too.
///
/// A generated type is an error if it would hide a name of the standard
/// library's prelude, or one that the block uses without a path.
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    let expand = |item| pipeline::aggregate(args.into(), item);
    pipeline::guarded(item.into(), clean::impl_block, expand).into()
}

/// Makes a command of a method, inside of a block under
/// [`#[aggregate]`](macro@aggregate).
///
/// ```ignore
/// # // Compiled where fluvius-core is at hand: see the guide.
/// #[action(evt_key = "money-transferred", timeout = "5s")]
/// pub async fn transfer_money(
///     &mut self,
///     cx: &mut ActionContext,
///     /// How much.
///     #[arg(example = "30.00")]
///     amount: Decimal,
///     /// Who gets it.
///     #[arg(alias = "recipient")]
///     recipient_id: Uuid,
/// ) -> Result<(), AccountError> { .. }
/// ```
///
/// # The receiver
///
/// It is the life cycle of the root: none creates it (and the method returns
/// `Result<Self, E>`), `&mut self` changes it, `&self` leaves it as it is,
/// `self` closes it.
///
/// # Options
///
/// - `evt_key = ".."`: the key of the event that the action records. Only a
///   `&self` action may leave it out, and is then a question.
/// - `resources = ["..", ".."]` or `resources = ".."`: where the action is
///   allowed. Without it, on all resources of the aggregate.
/// - `key = ".."`: the command's key, if not the method's name in kebab case.
/// - `command = ".."`: the name of the command's struct, if not the method's
///   name in upper camel case.
/// - `internal`: the action runs only when another one invokes it.
/// - `if_match = "required"`: the command carries the version that it expects,
///   also when another action invokes it. Not with `internal`.
/// - `timeout = "30s"`: its deadline, as `500ms`, `30s` or `2m`; that of an
///   invoked action counts within its caller's.
///
/// # Parameters
///
/// They are the command's fields: plain names and owned types. A reference to
/// `ActionContext` is the context and no field. `Option<T>` may be left out.
/// `#[arg(..)]` on a parameter takes
///
/// - `rename = ".."`: the name in JSON, if not the parameter's,
/// - `alias = ".."`: a further name under which it is read; may be repeated,
/// - `default` or `default = expr`: the value where it is left out; a string
///   literal is converted with `From<&str>`,
/// - `secret`: the rule uses it, and it is kept nowhere,
/// - `example = ".."`: a literal that stands for it in the generated docs.
///
/// # The return type
///
/// `Result<T, E>`, always, where `E: Rejection`; `Infallible` where nothing is
/// refused. For `()` and `Self` the response carries the state as it is after
/// the action, otherwise what was returned.
///
/// # Outside of an aggregate
///
/// The attribute is an error there, and the method is kept as it is.
#[proc_macro_attribute]
pub fn action(_args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::guarded(item.into(), clean::method, pipeline::stray_action).into()
}

/// Makes a domain of a type: a set of aggregates with metadata.
///
/// ```ignore
/// # // Compiled where fluvius-core is at hand: see the guide.
/// /// Domain for managing bank account transactions.
/// #[derive(Domain)]
/// #[domain(aggregates(Account), revision = 1, tags("banking", "finance"))]
/// pub struct TransactionManagerDomain;
/// ```
///
/// # Options of `#[domain(..)]`
///
/// - `aggregates(Account, Ledger)`: what the domain runs; at least one.
/// - `namespace = ".."`: in kebab case. Without it, the type's name without
///   `Domain`: `transaction-manager`.
/// - `revision = 1`: stored with each command and context; 0 without it.
/// - `tags("..", "..")`: words for tools that list domains.
/// - `title = ".."`: without it, the type's name in words.
/// - `description = ".."`: without it, the doc comment.
/// - `crate = "::path"`: where fluvius-core is found.
#[proc_macro_derive(Domain, attributes(domain))]
pub fn derive_domain(item: TokenStream) -> TokenStream {
    pipeline::guarded(item.into(), no_tokens, pipeline::domain).into()
}

/// Not for authors: the output of [`macro@aggregate`] uses it.
#[doc(hidden)]
#[proc_macro_derive(IndexedFields, attributes(fluvius_indexed))]
pub fn derive_indexed_fields(item: TokenStream) -> TokenStream {
    pipeline::guarded(item.into(), no_tokens, pipeline::indexed_fields).into()
}

/// Gives each variant of an error the stable code under which a rule refuses.
///
/// ```ignore
/// # // Compiled where fluvius-core is at hand: see the guide.
/// #[derive(Debug, thiserror::Error, Rejection)]
/// pub enum AccountError {
///     /// Its code is `insufficient-funds`.
///     #[error("Insufficient funds")]
///     InsufficientFunds,
///     #[error("The limit is {limit}")]
///     #[rejection(code = "over-limit")]
///     LimitReached { limit: Decimal },
///     #[error(transparent)]
///     #[rejection(transparent)]
///     Context(#[from] ContextError),
/// }
/// ```
///
/// # Options of `#[rejection(..)]`
///
/// - `code = ".."`: the code, if not the variant's name in kebab case. Two
///   variants may share a code where both write it.
/// - `transparent`: the variant holds one error, whose code it takes.
/// - `crate = "::path"`, on the type: where fluvius-core is found.
///
/// On a struct, `code` and `transparent` stand on the type. The type
/// implements `std::error::Error`, for example by `thiserror`.
#[proc_macro_derive(Rejection, attributes(rejection))]
pub fn derive_rejection(item: TokenStream) -> TokenStream {
    pipeline::guarded(item.into(), no_tokens, pipeline::rejection).into()
}

/// Returns nothing: the item of a derive stays in place.
fn no_tokens(_item: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    proc_macro2::TokenStream::new()
}
