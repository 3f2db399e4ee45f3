//! What the author is told. One line for each message; the place is checked
//! by the tests that run the compiler.

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::model::Root;
use crate::parse::token_text::token_text;
use crate::{check, model, parse};

/// One input under test, and how it is shown in the table.
pub(super) struct Input {
    shown: String,
    messages: Vec<String>,
}

/// A table: each input, and below it what the author is told.
pub(super) fn check<const N: usize>(inputs: [Input; N], expected: Expect) {
    let mut table = String::new();
    for Input { shown, messages } in inputs {
        table.push_str(&shown);
        table.push('\n');
        if messages.is_empty() {
            table.push_str("    fine\n");
        }
        for message in messages {
            table.push_str(&format!("    {message}\n"));
        }
    }
    expected.assert_eq(&table);
}

pub(super) fn block(args: TokenStream, item: TokenStream) -> Input {
    let shown = token_text(&quote!(#[aggregate(#args)] #item));
    Input { messages: block_messages(args, item), shown }
}

/// Methods of a sound block.
pub(super) fn methods(methods: TokenStream) -> Input {
    Input {
        shown: token_text(&methods),
        messages: block_messages(
            quote!(resource = "bank-account"),
            quote!(impl Account { #methods }),
        ),
    }
}

/// Options of a sound method.
pub(super) fn options(options: TokenStream) -> Input {
    let method = quote! {
        #[action(#options)]
        pub fn deposit_money(&mut self) -> Result<(), AccountError> { Ok(()) }
    };
    Input { shown: token_text(&quote!(#[action(#options)])), ..methods(method) }
}

/// Options of a sound block.
pub(super) fn block_options(args: TokenStream) -> Input {
    let item = quote!(impl Account { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } });
    Input { shown: token_text(&quote!(#[aggregate(#args)])), ..block(args, item) }
}

/// Parameters of a sound method.
pub(super) fn params(params: TokenStream) -> Input {
    let method = quote! {
        #[action(evt_key = "money-deposited")]
        pub fn deposit_money(&mut self, #params) -> Result<(), AccountError> { Ok(()) }
    };
    Input { shown: token_text(&params), ..methods(method) }
}

/// A derive's input.
pub(super) fn domain(item: TokenStream) -> Input {
    let shown = token_text(&item);
    let mut errors = Errors::new();
    if let Some(source) = parse::derive_domain::parse(item, &mut errors) {
        let model = model::domain::lower(Root::Facade, source, &mut errors);
        check::domain::domain(&model, &mut errors);
    }
    Input { shown, messages: errors.finish_as_messages() }
}

pub(super) fn rejection(item: TokenStream) -> Input {
    let shown = token_text(&item);
    let mut errors = Errors::new();
    if let Some(source) = parse::derive_rejection::parse(item, &mut errors) {
        let model = model::rejection::lower(Root::Facade, source, &mut errors);
        check::rejection::rejection(&model, &mut errors);
    }
    Input { shown, messages: errors.finish_as_messages() }
}

fn block_messages(args: TokenStream, item: TokenStream) -> Vec<String> {
    let mut errors = Errors::new();
    if let Some(source) = parse::impl_block::parse(args, item, &mut errors) {
        let model = model::aggregate::lower(Root::Facade, source, &mut errors);
        check::block(&model, &mut errors);
        check::actions(&model, &mut errors);
    }
    errors.finish_as_messages()
}

/// P20.
#[test]
fn an_aggregate_stands_on_an_inherent_impl() {
    check(
        [
            block(
                quote!(),
                quote!(
                    pub struct Account {
                        balance: Decimal,
                    }
                ),
            ),
            block(
                quote!(),
                quote!(
                    pub struct Account;
                ),
            ),
            block(
                quote!(),
                quote!(
                    enum Account {
                        Open,
                    }
                ),
            ),
            block(
                quote!(),
                quote!(
                    pub fn open() {}
                ),
            ),
            block(
                quote!(),
                quote!(
                    trait Account {}
                ),
            ),
            block(
                quote!(),
                quote!(impl Actions for Account { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }),
            ),
            block(
                quote!(),
                quote!(
                    impl (Account, Account) {
                        #[action]
                        fn read(&self) -> Result<u8, Never> {
                            Ok(1)
                        }
                    }
                ),
            ),
        ],
        expect![[r#"
            #[aggregate()] pub struct Account { balance: Decimal, }
                put `#[aggregate]` on `impl Account { .. }`; the struct itself takes `#[derive(Debug, Clone, Serialize, Deserialize)]`
            #[aggregate()] pub struct Account;
                put `#[aggregate]` on `impl Account { .. }`; the struct itself takes `#[derive(Debug, Clone, Serialize, Deserialize)]`
            #[aggregate()] enum Account { Open, }
                put `#[aggregate]` on `impl Account { .. }`; the struct itself takes `#[derive(Debug, Clone, Serialize, Deserialize)]`
            #[aggregate()] pub fn open() { }
                put `#[aggregate]` on `impl Account { .. }`; the struct itself takes `#[derive(Debug, Clone, Serialize, Deserialize)]`
            #[aggregate()] trait Account { }
                put `#[aggregate]` on `impl Account { .. }`; the struct itself takes `#[derive(Debug, Clone, Serialize, Deserialize)]`
            #[aggregate()] impl Actions for Account { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                put `#[aggregate]` on `impl Account { .. }`: actions are methods of the type itself, not of the trait `Actions`
            #[aggregate()] impl(Account, Account) { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                an aggregate is a struct or an enum with a name: write `impl Account { .. }`
        "#]],
    );
}

/// P22, P23.
#[test]
fn an_aggregate_is_one_concrete_type() {
    let read = quote!(
        #[action]
        fn read(&self) -> Result<u8, Never> {
            Ok(1)
        }
    );
    check(
        [
            block(quote!(), quote!(impl<T: Clone> Account<T> where T: Copy { #read })),
            block(quote!(), quote!(impl<'a> Account<'a> { #read })),
            block(quote!(), quote!(impl Account<Eur> { #read })),
            block(quote!(name = "EurAccount"), quote!(impl Account<Eur> { #read })),
        ],
        expect![[r##"
            #[aggregate()] impl<T: Clone> Account<T> where T: Copy { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                an aggregate is one concrete type: write `impl Account<Eur>` with `#[aggregate(name = "EurAccount")]`, or register it through a type alias
                an aggregate is one concrete type: remove the `where` clause
            #[aggregate()] impl<'a> Account<'a> { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                the state outlives the command, so an aggregate borrows nothing: give the type owned fields
            #[aggregate()] impl Account<Eur> { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                `Account<Eur>` is one of several types with this name: give it its own by `#[aggregate(name = "..")]`
            #[aggregate(name = "EurAccount")] impl Account<Eur> { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }
                fine
        "##]],
    );
}

#[test]
fn options_of_aggregate() {
    check(
        [
            block_options(quote!(resorce = "bank-account")),
            block_options(quote!(colour = "red")),
            block_options(quote!(resource = "bank-account", resource = "other")),
            block_options(quote!(resource = "bank-account", resources = ["other"])),
            block_options(quote!(resources = [])),
            block_options(quote!(resources = ["a", "a"])),
            block_options(quote!(resource = "BankAccount")),
            block_options(quote!(resource = 5)),
            block_options(quote!(resource)),
            block_options(quote!(revision = "1")),
            block_options(quote!(revision = 4294967296)),
            block_options(quote!(revision = -1)),
            block_options(quote!(revision = 0)),
            block_options(quote!(revision = 0, upcast = upcast_it)),
            block_options(quote!(revision = 2, upcast = upcast_it)),
            block_options(quote!(upcast = Self::upcast_it, revision = 2)),
            block_options(quote!(upcast = upcast_it)),
            block_options(quote!(revision = 1, upcast = upcast_it)),
            block_options(quote!(revision = "2", upcast = upcast_it)),
            block_options(quote!(revision = 2, upcast = upcast_it, upcast = upcast_it)),
            block_options(quote!(revision = 2, upcast)),
            block_options(quote!(revision = 2, upcast(upcast_it))),
            block_options(quote!(revision = 2, upcast = "upcast_it")),
            block_options(quote!(revision = 2, upcast = |_, _, _| Ok(()))),
            block_options(quote!(revision = 2, upcast = upcast_it())),
            block_options(quote!(revision = 2, upcats = upcast_it)),
            block_options(quote!(index(owner_name: text, balance: number, "address.city": text))),
            block_options(quote!(index)),
            block_options(quote!(index = "balance")),
            block_options(quote!(index(balance))),
            block_options(quote!(index(balance: decimal, owner_name: txet, "due": color))),
            block_options(quote!(index(balance: number, "balance": number, balance: text))),
            block_options(quote!(index("": text, "a..b": text))),
            block_options(quote!(index(5: text))),
            block_options(quote!(index(balance: "number"))),
            block_options(quote!(index(balance: number owner_name: text))),
            block_options(quote!(name = "not a name")),
            block_options(quote!(crate = "facade")),
            block_options(quote!(crate = facade::core)),
            block_options(quote!(crate = crate::facade)),
            block_options(quote!(crate = 5)),
            block(quote!(), quote!(impl Account {})),
        ],
        expect![[r##"
            #[aggregate(resorce = "bank-account")]
                `#[aggregate]` has no option `resorce`; did you mean `resource`?
            #[aggregate(colour = "red")]
                `#[aggregate]` has no option `colour`; it takes `resource`, `resources`, `revision`, `upcast`, `name`, `index`, `crate`
            #[aggregate(resource = "bank-account", resource = "other")]
                `resource` is given twice
                `resource` is given here first
            #[aggregate(resource = "bank-account", resources = ["other"])]
                write `resource = ".."` for one resource or `resources = [..]` for several, not both
                the other list of resources is here
            #[aggregate(resources = [])]
                an aggregate has at least one resource: leave the option out to take the type's name
            #[aggregate(resources = ["a", "a"])]
                `a` is listed twice
            #[aggregate(resource = "BankAccount")]
                a resource is kebab case: write `bank-account`
            #[aggregate(resource = 5)]
                write a string: `resource = ".."`
            #[aggregate(resource)]
                `resource` takes a string: `resource = ".."`
            #[aggregate(revision = "1")]
                `revision` takes a whole number that fits in 32 bits: `revision = 1`
            #[aggregate(revision = 4294967296)]
                `revision` takes a whole number that fits in 32 bits: `revision = 1`
            #[aggregate(revision = - 1)]
                `revision` takes a whole number that fits in 32 bits: `revision = 1`
            #[aggregate(revision = 0)]
                revisions count from 1: write `revision = 1`, or leave the option out
            #[aggregate(revision = 0, upcast = upcast_it)]
                revisions count from 1: write `revision = 1`, or leave the option out
            #[aggregate(revision = 2, upcast = upcast_it)]
                fine
            #[aggregate(upcast = Self::upcast_it, revision = 2)]
                fine
            #[aggregate(upcast = upcast_it)]
                `upcast` needs the current revision: add `revision = 2`
            #[aggregate(revision = 1, upcast = upcast_it)]
                nothing is older than revision 1: write `revision = 2`, or remove `upcast`
            #[aggregate(revision = "2", upcast = upcast_it)]
                `revision` takes a whole number that fits in 32 bits: `revision = 1`
            #[aggregate(revision = 2, upcast = upcast_it, upcast = upcast_it)]
                `upcast` is given twice
                `upcast` is given here first
            #[aggregate(revision = 2, upcast)]
                `upcast` takes the path of a function: `upcast = upcast_account`
            #[aggregate(revision = 2, upcast(upcast_it))]
                `upcast` takes the path of a function: `upcast = upcast_account`
            #[aggregate(revision = 2, upcast = "upcast_it")]
                `upcast` takes the path of a function: `upcast = upcast_account`
            #[aggregate(revision = 2, upcast = | _, _, _ | Ok(()))]
                `upcast` takes the path of a function: `upcast = upcast_account`
            #[aggregate(revision = 2, upcast = upcast_it())]
                `upcast` takes the path of a function: `upcast = upcast_account`
            #[aggregate(revision = 2, upcats = upcast_it)]
                `#[aggregate]` has no option `upcats`; did you mean `upcast`?
            #[aggregate(index(owner_name: text, balance: number, "address.city": text))]
                fine
            #[aggregate(index)]
                `index` takes a list: `index(owner_name: text)`
            #[aggregate(index = "balance")]
                `index` takes a list: `index(owner_name: text)`
            #[aggregate(index(balance))]
                say as what the field is read, as queries do: one of `boolean`, `number`, `text`, `time`, `uuid`
            #[aggregate(index(balance: decimal, owner_name: txet, "due": color))]
                no field is read as `decimal`: write one of `boolean`, `number`, `text`, `time`, `uuid`
                no field is read as `txet`; did you mean `text`?
                no field is read as `color`: write one of `boolean`, `number`, `text`, `time`, `uuid`
            #[aggregate(index(balance: number, "balance": number, balance: text))]
                `balance` is listed twice
            #[aggregate(index("": text, "a..b": text))]
                a path is from 1 to 16 names with dots between them: `"address.city"`
                a path is from 1 to 16 names with dots between them: `"address.city"`
            #[aggregate(index(5: text))]
                write a field and as what it is read: `owner_name: text`
            #[aggregate(index(balance: "number"))]
                the kind is a word: `owner_name: text`
            #[aggregate(index(balance: number owner_name: text))]
                expected `,`
            #[aggregate(name = "not a name")]
                `name` is the beginning of type names: write it as one, such as `EurAccount`
            #[aggregate(crate = "facade")]
                the path is used in every module, so it is absolute: write `crate = "::facade"`
            #[aggregate(crate = facade::core)]
                the path is used in every module, so it is absolute: write `crate = "::facade::core"`
            #[aggregate(crate = crate::facade)]
                fine
            #[aggregate(crate = 5)]
                `crate` takes a path: `crate = "::fluvius"`
            #[aggregate()] impl Account { }
                an aggregate has at least one action: put `#[action(evt_key = "..")]` on a method
        "##]],
    );
}

/// P21, P29, P47.
#[test]
fn attributes_that_look_like_an_action() {
    check(
        [
            methods(
                quote! { #[acton(evt_key = "was-read")] fn read(&self) -> Result<u8, Never> { Ok(1) } },
            ),
            methods(quote! { #[fluvius::actoin] fn read(&self) -> Result<u8, Never> { Ok(1) } }),
            methods(
                quote! { #[cfg_attr(test, action)] fn read(&self) -> Result<u8, Never> { Ok(1) } },
            ),
            methods(quote! { #[action] #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } }),
            methods(quote! { #[action] const LIMIT: u8 = { 1 }; }),
            methods(quote! { #[action = "read"] fn read(&self) -> Result<u8, Never> { Ok(1) } }),
            methods(quote! { make_actions! { #[action] fn read(&self) {} } }),
            methods(quote! { include!("action.rs"); }),
            methods(quote! { fn plain(&self, #[arg(secret)] pin: String) {} }),
        ],
        expect![[r##"
            #[acton(evt_key = "was-read")] fn read(&self) -> Result<u8, Never> { Ok(1) }
                `#[acton]` is not known here; did you mean `#[action(..)]`?
            #[fluvius::actoin] fn read(&self) -> Result<u8, Never> { Ok(1) }
                `#[actoin]` is not known here; did you mean `#[action(..)]`?
            #[cfg_attr(test, action)] fn read(&self) -> Result<u8, Never> { Ok(1) }
                an attribute macro cannot see through `cfg_attr`: split this into two methods with `#[cfg(..)]`, one with `#[action(..)]` and one without
            #[action] #[action] fn read(&self) -> Result<u8, Never> { Ok(1) }
                a method is one action: remove this second `#[action]`
                the first one is here
            #[action] const LIMIT: u8 = { 1 };
                `#[action]` belongs on a method
            #[action = "read"] fn read(&self) -> Result<u8, Never> { Ok(1) }
                options are in parentheses: write `#[action(..)]`
            make_actions ! { #[action] fn read(&self) { } }
                actions made by a macro are not seen: write them out in the block
            include!("action.rs");
                an aggregate has at least one action: put `#[action(evt_key = "..")]` on a method
            fn plain(&self, #[arg(secret)] pin: String) { }
                `#[arg]` belongs on a parameter of an action: put `#[action(..)]` on the method
        "##]],
    );
}

#[test]
fn what_is_not_ours_passes() {
    check(
        [methods(quote! {
            #[fluvius::action(evt_key = "was-read", )]
            #[cfg_attr(feature = "x", inline)]
            #[tracing::instrument]
            fn read(&self) -> Result<u8, Never> { half. typed(); }
            helpers! { fn more() {} }
            const LIMIT: Limit<{ 1 }> = Limit { most: 5 };
            type Alias = u8;
            fn generic<T: Fn(u8) -> u8>(&self, run: impl Fn(T)) where T: Copy { { } }
        })],
        expect![[r##"
            #[fluvius::action(evt_key = "was-read",)] #[cfg_attr(feature = "x", inline)] #[tracing::instrument] fn read(&self) -> Result<u8, Never> { half.typed(); } helpers ! { fn more() { } } const LIMIT: Limit<{ 1 }> = Limit { most: 5 }; type Alias = u8; fn generic<T: Fn(u8) -> u8>(&self, run: impl Fn(T)) where T: Copy { { } }
                fine
        "##]],
    );
}

#[test]
fn options_of_action() {
    check(
        [
            options(quote!(event_key = "a")),
            options(quote!(evt_key = "Money_Deposited")),
            options(quote!(evt_key = "€")),
            options(quote!(evt_key = "a", evt_key = "b")),
            options(quote!(evt_key = money)),
            options(quote!(evt_key)),
            options(quote!(evt_key = "a" resources = ["bank-account"])),
            options(quote!()),
            options(quote!(evt_key = "a", resources = [])),
            options(quote!(evt_key = "a", resources = ["bank-acount"])),
            options(quote!(evt_key = "a", resources = ["wallet", "wallet"])),
            options(quote!(evt_key = "a", resources = "bank-account")),
            options(quote!(evt_key = "a", key = "depositMoney")),
            options(quote!(evt_key = "a", command = "deposit")),
            options(quote!(evt_key = "a", internal = true)),
            options(quote!(evt_key = "a", if_match = "always")),
            options(quote!(evt_key = "a", timeout = "1h")),
            options(quote!(evt_key = "a", timeout = "0s")),
            options(quote!(evt_key = "a", timeout = 5)),
            options(quote!(evt_key = "a", colour = "red")),
        ],
        expect![[r##"
            #[action(event_key = "a")]
                `#[action]` has no option `event_key`; did you mean `evt_key`?
            #[action(evt_key = "Money_Deposited")]
                an event's key is kebab case: write `money-deposited`
            #[action(evt_key = "€")]
                an event's key is kebab case: write lower-case ASCII words joined by hyphens, such as `money-deposited`
            #[action(evt_key = "a", evt_key = "b")]
                `evt_key` is given twice
                `evt_key` is given here first
            #[action(evt_key = money)]
                write a string: `evt_key = ".."`
            #[action(evt_key)]
                `evt_key` takes a string: `evt_key = ".."`
            #[action(evt_key = "a" resources = ["bank-account"])]
                expected `,` between two options
            #[action()]
                `deposit_money` changes the aggregate, and every stored change is an event: name it with `#[action(evt_key = "..")]`; only an action with `&self` may do without
            #[action(evt_key = "a", resources = [])]
                an action without resources could not run: leave `resources` out to allow all of the aggregate
            #[action(evt_key = "a", resources = ["bank-acount"])]
                the aggregate does not declare the resource `bank-acount`: did you mean `bank-account`?
            #[action(evt_key = "a", resources = ["wallet", "wallet"])]
                the aggregate does not declare the resource `wallet`: it has `bank-account`; add it to `#[aggregate(resources = [..])]`
                `wallet` is listed twice
                the aggregate does not declare the resource `wallet`: it has `bank-account`; add it to `#[aggregate(resources = [..])]`
            #[action(evt_key = "a", resources = "bank-account")]
                fine
            #[action(evt_key = "a", key = "depositMoney")]
                a command's key is kebab case: write `deposit-money`
            #[action(evt_key = "a", command = "deposit")]
                `command` names the struct: write it as a type, such as `DepositMoney`
            #[action(evt_key = "a", internal = true)]
                `internal` has no value: write `internal`
            #[action(evt_key = "a", if_match = "always")]
                `if_match` has one value: write `if_match = "required"`, or leave it out
            #[action(evt_key = "a", timeout = "1h")]
                a timeout is a whole number above zero with its unit: `500ms`, `30s` or `2m`
            #[action(evt_key = "a", timeout = "0s")]
                a timeout is a whole number above zero with its unit: `500ms`, `30s` or `2m`
            #[action(evt_key = "a", timeout = 5)]
                write a string: `timeout = ".."`
            #[action(evt_key = "a", colour = "red")]
                `#[action]` has no option `colour`; it takes `evt_key`, `resources`, `key`, `command`, `internal`, `if_match`, `timeout`
        "##]],
    );
}

/// P45: what each receiver needs.
#[test]
fn every_stored_change_is_an_event() {
    check(
        [
            methods(quote! { #[action] fn open() -> Result<Self, Never> { } }),
            methods(quote! { #[action] fn close(self) -> Result<(), Never> { } }),
            methods(quote! { #[action] fn read(&self) -> Result<(), Never> { } }),
            methods(
                quote! { #[action(evt_key = "opened", if_match = "required")] fn open() -> Result<Self, Never> { } },
            ),
        ],
        expect![[r##"
            #[action] fn open() -> Result<Self, Never> { }
                `open` creates the aggregate, and every stored change is an event: name it with `#[action(evt_key = "..")]`; only an action with `&self` may do without
            #[action] fn close(self) -> Result<(), Never> { }
                `close` closes the aggregate, and every stored change is an event: name it with `#[action(evt_key = "..")]`; only an action with `&self` may do without
            #[action] fn read(&self) -> Result<(), Never> { }
                fine
            #[action(evt_key = "opened", if_match = "required")] fn open() -> Result<Self, Never> { }
                an aggregate that is created has no version to expect yet: remove `if_match`
        "##]],
    );
}

/// P26.
#[test]
fn receivers() {
    let with = |receiver: TokenStream| {
        methods(quote!(#[action(evt_key = "closed")] fn close(#receiver) -> Result<(), Never> { }))
    };
    check(
        [
            with(quote!(self: Box<Self>)),
            with(quote!(self: &mut Self)),
            with(quote!(&'static self)),
            with(quote!(mut self)),
        ],
        expect![[r##"
            #[action(evt_key = "closed")] fn close(self: Box<Self>) -> Result<(), Never> { }
                the receiver tells the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
            #[action(evt_key = "closed")] fn close(self: &mut Self) -> Result<(), Never> { }
                the receiver tells the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
            #[action(evt_key = "closed")] fn close(&'static self) -> Result<(), Never> { }
                the receiver tells the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
            #[action(evt_key = "closed")] fn close(mut self) -> Result<(), Never> { }
                fine
        "##]],
    );
}

/// P24.
#[test]
fn an_action_is_not_generic() {
    let with = |method: TokenStream| methods(quote!(#[action] #method));
    check(
        [
            with(quote!(
                fn read<T>(&self, x: T) -> Result<u8, Never> {}
            )),
            with(quote!(
                fn read<'a>(&self) -> Result<u8, Never> {}
            )),
            with(quote!(
                fn read<const N: usize>(&self) -> Result<u8, Never> {}
            )),
            with(quote!(
                fn read(&self) -> Result<u8, Never>
                where
                    Self: Sized,
                {
                }
            )),
            with(quote!(
                unsafe fn read(&self) -> Result<u8, Never> {}
            )),
            with(quote!(
                extern "C" fn read(&self) -> Result<u8, Never> {}
            )),
        ],
        expect![[r##"
            #[action] fn read<T>(&self, x: T) -> Result<u8, Never> { }
                an action is not generic, because its command is one type: write the types out
            #[action] fn read<'a>(&self) -> Result<u8, Never> { }
                an action is not generic, because its command is one type: write the types out
            #[action] fn read<const N: usize>(&self) -> Result<u8, Never> { }
                an action is not generic, because its command is one type: write the types out
            #[action] fn read(&self) -> Result<u8, Never> where Self: Sized, { }
                an action is not generic: remove the `where` clause
            #[action] unsafe fn read(&self) -> Result<u8, Never> { }
                an action is a plain `fn` or `async fn`: remove `unsafe`
            #[action] extern "C" fn read(&self) -> Result<u8, Never> { }
                an action is a plain `fn` or `async fn`: remove `extern`
        "##]],
    );
}

/// P39, P40, P41, P27.
#[test]
fn parameters() {
    check(
        [
            params(quote!((a, b): (u8, u8))),
            params(quote!(_: u8)),
            params(quote!(_amount: Decimal)),
            params(quote!(ref amount: Decimal)),
            params(quote!(mut amount: Decimal)),
            params(quote!(name: &str)),
            params(quote!(names: &[String])),
            params(quote!(path: &Path)),
            params(quote!(other: &mut Account)),
            params(quote!(name: Option<&str>)),
            params(quote!(name: &'static str)),
            params(quote!(name: Cow<'_, str>)),
            params(quote!(name: Cow<'static, str>)),
            params(quote!(name: impl Into<String>)),
            params(quote!(name: Vec<impl Into<String>>)),
            params(quote!(name: _)),
            params(quote!(name: !)),
            params(quote!(note: Option<Option<String>>)),
            params(quote!(other: [u8; Self::LENGTH])),
            params(quote!(other: Vec<Self>)),
            params(quote!(other: types!(Self))),
            params(quote!(cx: ActionContext)),
            params(quote!(cx: &mut ActionContext, other: &fluvius::ActionContext)),
            params(quote!(#[arg(secret)] cx: &ActionContext)),
            params(quote!(cx: &mut Context)),
        ],
        expect![[r#"
            (a, b) :(u8, u8)
                a parameter of an action is a field of its command: give it a plain name, and take the value apart in the body
            _: u8
                name the parameter, it is part of the wire shape: write `name: u8`
            _amount: Decimal
                name the parameter, it is part of the wire shape: write `amount`, and `let _ = amount;` where the body does not use it
            ref amount: Decimal
                a parameter of an action is a field of its command: write its name alone
            mut amount: Decimal
                fine
            name: &str
                an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is lent: `&mut ActionContext`)
            names: &[String]
                an action owns its parameters, because they are stored in the command: write `Vec<String>` in place of `&[String]` (only the context is lent: `&mut ActionContext`)
            path: &Path
                an action owns its parameters, because they are stored in the command: write `PathBuf` in place of `&Path` (only the context is lent: `&mut ActionContext`)
            other: &mut Account
                an action owns its parameters, because they are stored in the command: write `Account` in place of `&mut Account` (only the context is lent: `&mut ActionContext`)
            name: Option<&str>
                an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is lent: `&mut ActionContext`)
            name: &'static str
                an action owns its parameters, because they are stored in the command: write `String` in place of `&'static str` (only the context is lent: `&mut ActionContext`)
            name: Cow<'_, str>
                an action owns its parameters, because they are stored in the command: write an owned type, or the lifetime `'static`
            name: Cow<'static, str>
                fine
            name: impl Into<String>
                a field of the command has one concrete type: write it in place of `impl ..`
            name: Vec<impl Into<String>>
                a field of the command has one concrete type: write it in place of `impl ..`
            name: _
                write the type out: it is a field of the command
            name: !
                no command could ever hold a value of this type
            note: Option<Option<String>>
                an absent field and `null` are the same in JSON: write `Option<String>`
            other: [u8; Self::LENGTH]
                `Self` cannot be replaced here, and it would mean the command: write the type's name (in `[u8; Self::LENGTH]`)
            other: Vec<Self>
                fine
            other: types!(Self)
                `Self` cannot be replaced here, and it would mean the command: write the type's name (in `types!(Self)`)
            cx: ActionContext
                the context is lent to an action: write `&mut ActionContext`
            cx: &mut ActionContext, other: &fluvius::ActionContext
                an action has one context: remove this parameter
            #[arg(secret)] cx: &ActionContext
                the context is no field of the command: remove `#[arg(..)]`
            cx: &mut Context
                an action owns its parameters, because they are stored in the command: write `Context` in place of `&mut Context` (only the context is lent: `&mut ActionContext`)
        "#]],
    );
}

/// P30 and the options of `#[arg]`.
#[test]
fn attributes_on_parameters() {
    check(
        [
            params(quote!(#[cfg(test)] a: u8)),
            params(quote!(#[cfg_attr(test, arg(secret))] a: u8)),
            params(quote!(#[serde(rename = "b")] a: u8)),
            params(quote!(#[args(secret)] a: u8)),
            params(quote!(#[inline] a: u8)),
            params(quote!(#[allow(unused)] #[doc = "fine"] a: u8)),
            params(quote!(#[arg(secert)] a: u8)),
            params(quote!(#[arg(rename = "")] a: u8)),
            params(quote!(#[arg(rename = 5)] a: u8)),
            params(quote!(#[arg(default())] a: u8)),
            params(quote!(#[arg(example = path)] a: u8)),
            params(quote!(#[arg(example = b"x")] a: u8)),
            params(quote!(#[arg(alias = "x", alias = "y")] #[arg(secret)] a: u8)),
            params(quote!(#[arg(alias = "b")] a: u8, b: u8)),
            params(quote!(#[arg(rename = "c")] a: u8, #[arg(rename = "c")] b: u8)),
        ],
        expect![[r##"
            #[cfg(test)] a: u8
                a parameter of an action is there in every build, because it is part of the command: remove the `cfg`, or write two actions with `#[cfg]` on each
            #[cfg_attr(test, arg(secret))] a: u8
                a parameter of an action is there in every build, because it is part of the command: remove the `cfg`, or write two actions with `#[cfg]` on each
            #[serde(rename = "b")] a: u8
                write `#[arg(rename = "..")]`, `#[arg(alias = "..")]` or `#[arg(default)]`: the command's serde attributes are generated
            #[args(secret)] a: u8
                `#[args]` is not known on a parameter; did you mean `#[arg(..)]`?
            #[inline] a: u8
                `#[inline]` is not known on a parameter of an action; it takes doc comments and `#[arg(..)]`
            #[allow(unused)] #[doc = "fine"] a: u8
                fine
            #[arg(secert)] a: u8
                `#[arg]` has no option `secert`; did you mean `secret`?
            #[arg(rename = "")] a: u8
                a name in JSON is not empty
            #[arg(rename = 5)] a: u8
                write a string: `rename = ".."`
            #[arg(default())] a: u8
                write `default` or `default = ..`
            #[arg(example = path)] a: u8
                `example` takes a literal: `example = ".."`
            #[arg(example = b"x")] a: u8
                the example is shown as JSON: write a string, a number or a boolean
            #[arg(alias = "x", alias = "y")] #[arg(secret)] a: u8
                fine
            #[arg(alias = "b")] a: u8, b: u8
                the parameters `a` and `b` both read the JSON name `b`: give one of them another name, `#[arg(rename = "..")]`, or remove the alias
            #[arg(rename = "c")] a: u8, #[arg(rename = "c")] b: u8
                the parameters `a` and `b` both read the JSON name `c`: give one of them another name, `#[arg(rename = "..")]`, or remove the alias
        "##]],
    );
}

#[test]
fn an_internal_action_has_a_timeout_and_no_precondition() {
    check(
        [methods(quote! {
            #[action(evt_key = "seen", internal, timeout = "1s", if_match = "required")]
            fn see(&self) -> Result<(), Never> { }
        })],
        expect![[r##"
            #[action(evt_key = "seen", internal, timeout = "1s", if_match = "required")] fn see(&self) -> Result<(), Never> { }
                an internal action is never sent, so no sender has a version of it to expect: remove `if_match` here, and call `cx.invoke(..).if_match(version)` where a caller expects one
        "##]],
    );
}

#[test]
fn an_action_with_a_receiver_returns_no_second_state() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "renamed")] fn rename(&mut self) -> Result<Self, Never> { }
            }),
            methods(quote! {
                #[action(evt_key = "closed")] fn close(self) -> Result<Account, Never> { }
            }),
        ],
        expect![[r##"
            #[action(evt_key = "renamed")] fn rename(&mut self) -> Result<Self, Never> { }
                `rename` has a receiver, which is the state that it leaves: write `()` in place of `Self` (the answer is the state all the same), or leave the receiver out where it creates the aggregate
            #[action(evt_key = "closed")] fn close(self) -> Result<Account, Never> { }
                `close` has a receiver, which is the state that it leaves: write `()` in place of `Account` (the answer is the state all the same), or leave the receiver out where it creates the aggregate
        "##]],
    );
}

/// P44.
#[test]
fn return_types() {
    let with = |output: TokenStream| methods(quote!(#[action] fn read(&self) #output { }));
    check(
        [
            with(quote!()),
            with(quote!(-> impl Future)),
            with(quote!(-> !)),
            with(quote!(-> Result<&str, Never>)),
            with(quote!(-> Result<&'static str, Never>)),
            with(quote!(-> Result<Cow<'_, str>, Never>)),
            with(quote!(-> Result<_, Never>)),
            with(quote!(-> Result<[u8; Self::N], Never>)),
            with(quote!(-> u8)),
        ],
        expect![[r#"
            #[action] fn read(&self) { }
                an action returns a `Result`: write `-> Result<(), YourError>` (`Infallible` where it cannot fail)
            #[action] fn read(&self) -> impl Future { }
                the answer has one concrete type: write `Result<T, E>` with the types written out, and `async fn` in place of `impl Future`
            #[action] fn read(&self) -> ! { }
                an action returns a `Result`: write `Infallible` for what cannot happen
            #[action] fn read(&self) -> Result<&str, Never> { }
                an answer owns its data, because it is stored: write `String` in place of `&str`
            #[action] fn read(&self) -> Result<&'static str, Never> { }
                fine
            #[action] fn read(&self) -> Result<Cow<'_, str>, Never> { }
                an answer owns its data, because it is stored: write an owned type
            #[action] fn read(&self) -> Result<_, Never> { }
                write the type out: it is the answer's
            #[action] fn read(&self) -> Result<[u8; Self::N], Never> { }
                `Self` cannot be replaced here: write the type's name
            #[action] fn read(&self) -> u8 { }
                an action returns a `Result`: write `Result<u8, YourError>` in place of `u8` (`Infallible` if it cannot fail)
        "#]],
    );
    let with =
        |output: TokenStream| methods(quote!(#[action(evt_key = "opened")] fn open() #output { }));
    check(
        [
            with(quote!()),
            with(quote!(-> Result<(), Never>)),
            with(quote!(-> Result<Other, Never>)),
            with(quote!(-> Result<Account, Never>)),
            with(quote!(-> BankResult<Self>)),
        ],
        expect![[r##"
            #[action(evt_key = "opened")] fn open() { }
                an action without a receiver creates the root: write `-> Result<Self, YourError>` (`Infallible` where it cannot fail)
            #[action(evt_key = "opened")] fn open() -> Result<(), Never> { }
                `open` has no receiver, so it creates the aggregate and returns it: write `Self` in place of `()`, or give it a receiver (`&mut self`, `&self`, `self`)
            #[action(evt_key = "opened")] fn open() -> Result<Other, Never> { }
                `open` has no receiver, so it creates the aggregate and returns it: write `Self` in place of `Other`, or give it a receiver (`&mut self`, `&self`, `self`)
            #[action(evt_key = "opened")] fn open() -> Result<Account, Never> { }
                fine
            #[action(evt_key = "opened")] fn open() -> BankResult<Self> { }
                fine
        "##]],
    );
}

#[test]
fn data_is_a_name_of_the_event() {
    let with = |params: TokenStream, output: TokenStream| {
        methods(quote!(#[action(evt_key = "added")] fn add(&mut self, #params) -> #output { }))
    };
    check(
        [
            with(quote!(data: u8), quote!(Result<u8, Never>)),
            with(quote!(#[arg(alias = "data")] x: u8), quote!(Result<u8, Never>)),
            with(quote!(#[arg(rename = "other")] data: u8), quote!(Result<u8, Never>)),
            with(quote!(data: u8), quote!(Result<(), Never>)),
        ],
        expect![[r##"
            #[action(evt_key = "added")] fn add(&mut self, data: u8) -> Result<u8, Never> { }
                the event holds what the action returns as `data`: give this parameter another name, or return `Result<(), ..>`
            #[action(evt_key = "added")] fn add(&mut self, #[arg(alias = "data")] x: u8) -> Result<u8, Never> { }
                the event holds what the action returns as `data`: give this parameter another name, or return `Result<(), ..>`
            #[action(evt_key = "added")] fn add(&mut self, #[arg(rename = "other")] data: u8) -> Result<u8, Never> { }
                the event holds what the action returns as `data`: give this parameter another name, or return `Result<(), ..>`
            #[action(evt_key = "added")] fn add(&mut self, data: u8) -> Result<(), Never> { }
                fine
        "##]],
    );
}

/// P35.
#[test]
fn one_visibility() {
    check(
        [methods(quote! {
            #[action] fn read(&self) -> Result<u8, Never> { }
            #[action] pub(crate) fn count(&self) -> Result<u8, Never> { }
            #[action] pub fn list(&self) -> Result<u8, Never> { }
        })],
        expect![[r#"
            #[action] fn read(&self) -> Result<u8, Never> { } #[action] pub(crate) fn count(&self) -> Result<u8, Never> { } #[action] pub fn list(&self) -> Result<u8, Never> { }
                all actions of a block have one visibility: write `pub fn read`; an action that only other actions may run is marked `#[action(.., internal)]`
                all actions of a block have one visibility: write `pub fn count`; an action that only other actions may run is marked `#[action(.., internal)]`
        "#]],
    );
}

/// P31.
#[test]
fn links_to_self() {
    check(
        [methods(quote! {
            /// See [`Self::count`].
            #[action] fn read(&self, #[doc = " Of [Self]."] a: u8) -> Result<u8, Never> { }
        })],
        expect![[r##"
            #[doc = r" See [`Self::count`]."] #[action] fn read(&self, #[doc = " Of [Self]."] a: u8) -> Result<u8, Never> { }
                these docs are shown on the command as well, where `[`Self::count`]` means another type: write the type's name in the link
                these docs are shown on the command as well, where `[Self]` means another type: write the type's name in the link
        "##]],
    );
}

/// P28, P36, P37.
#[test]
fn names_and_keys_are_used_once() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "money-added")] fn add(&mut self) -> Result<(), Never> { }
                #[action(evt_key = "money-added")] fn put(&mut self) -> Result<(), Never> { }
            }),
            methods(quote! {
                #[action] fn add(&self) -> Result<(), Never> { }
                #[action(key = "add")] fn put(&self) -> Result<(), Never> { }
            }),
            methods(quote! {
                #[action] fn add(&self) -> Result<(), Never> { }
                #[action(command = "Add")] fn put(&self) -> Result<(), Never> { }
            }),
            methods(quote! {
                #[action] fn pay_2(&self) -> Result<(), Never> { }
                #[action] fn pay2(&self) -> Result<(), Never> { }
            }),
            methods(quote! {
                #[action(evt_key = "put")] fn add(&self) -> Result<(), Never> { }
                #[action] fn put(&self) -> Result<(), Never> { }
            }),
            methods(quote! { #[action(evt_key = "add")] fn add(&self) -> Result<(), Never> { } }),
            methods(quote! { #[action] fn account_command(&self) -> Result<(), Never> { } }),
            methods(quote! { #[action] fn account(&self) -> Result<(), Never> { } }),
            methods(
                quote! { #[action(evt_key = "self")] fn self_(&self) -> Result<(), Never> { } },
            ),
            methods(quote! { #[action] fn ändern(&self) -> Result<(), Never> { } }),
            methods(quote! { #[action(key = "change")] fn ändern(&self) -> Result<(), Never> { } }),
            methods(quote! {
                #[cfg(unix)] #[action] fn add(&self) -> Result<(), Never> { }
                #[cfg(not(unix))] #[action] fn add(&self) -> Result<(), Never> { }
            }),
        ],
        expect![[r##"
            #[action(evt_key = "money-added")] fn add(&mut self) -> Result<(), Never> { } #[action(evt_key = "money-added")] fn put(&mut self) -> Result<(), Never> { }
                two actions make the event `money-added`: what happened is told by its key alone, so give this one its own `evt_key`
                the name is used here first
            #[action] fn add(&self) -> Result<(), Never> { } #[action(key = "add")] fn put(&self) -> Result<(), Never> { }
                two actions use the key `add`
                the key is used here first
            #[action] fn add(&self) -> Result<(), Never> { } #[action(command = "Add")] fn put(&self) -> Result<(), Never> { }
                this command and the command of `add` are both named `Add`: choose another `evt_key`, or name the command with `command = ".."`
                the name is used here first
            #[action] fn pay_2(&self) -> Result<(), Never> { } #[action] fn pay2(&self) -> Result<(), Never> { }
                this command and the command of `pay_2` are both named `Pay2`: choose another `evt_key`, or name the command with `command = ".."`
                the name is used here first
            #[action(evt_key = "put")] fn add(&self) -> Result<(), Never> { } #[action] fn put(&self) -> Result<(), Never> { }
                this command and the event of `add` are both named `Put`: choose another `evt_key`, or name the command with `command = ".."`
                the name is used here first
            #[action(evt_key = "add")] fn add(&self) -> Result<(), Never> { }
                the event and the command are both named `Add`: an `evt_key` tells what has happened, such as `money-deposited`
            #[action] fn account_command(&self) -> Result<(), Never> { }
                the command would be named `AccountCommand`, as the enum of the whole aggregate is: choose another name
            #[action] fn account(&self) -> Result<(), Never> { }
                the command would be named `Account`, as the aggregate itself is: choose another name
            #[action(evt_key = "self")] fn self_(&self) -> Result<(), Never> { }
                no struct can be named after this method: write `#[action(command = "..")]`
                no struct can be named after this event: choose another key
            #[action] fn ändern(&self) -> Result<(), Never> { }
                no key can be made of this name, since keys are ASCII words: write `#[action(key = "..")]`
            #[action(key = "change")] fn ändern(&self) -> Result<(), Never> { }
                fine
            #[cfg(unix)] #[action] fn add(&self) -> Result<(), Never> { } #[cfg(not(unix))] #[action] fn add(&self) -> Result<(), Never> { }
                fine
        "##]],
    );
}

#[test]
fn domains() {
    check(
        [
            domain(quote!(
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates())]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates = "Account")]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account, Account))]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(agregates(Account))]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account), namespace = "My Bank")]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account), tags(banking))]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account), crate = "core")]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account))]
                struct BankDomain<T>(T);
            )),
            domain(quote!(
                #[domain(aggregates(Account))]
                struct ÄDomain;
            )),
            domain(quote!(
                #[domain(aggregates(Account))]
                #[domain(tags("a"))]
                struct BankDomain;
            )),
        ],
        expect![[r#"
            struct BankDomain;
                a domain runs the aggregates that it lists: write `#[domain(aggregates(Account))]`
            #[domain(aggregates())] struct BankDomain;
                a domain runs the aggregates that it lists: write `#[domain(aggregates(Account))]`
            #[domain(aggregates = "Account")] struct BankDomain;
                `aggregates` takes types: `aggregates(Account)`
            #[domain(aggregates(Account, Account))] struct BankDomain;
                `Account` is listed twice
            #[domain(agregates(Account))] struct BankDomain;
                `#[domain]` has no option `agregates`; did you mean `aggregates`?
            #[domain(aggregates(Account), namespace = "My Bank")] struct BankDomain;
                a namespace is kebab case: write `my-bank`
            #[domain(aggregates(Account), tags(banking))] struct BankDomain;
                write a string: `".."`
            #[domain(aggregates(Account), crate = "core")] struct BankDomain;
                the path is used in every module, so it is absolute: write `crate = "::core"`
            #[domain(aggregates(Account))] struct BankDomain<T>(T);
                a domain is one concrete type: remove the generics
            #[domain(aggregates(Account))] struct ÄDomain;
                no namespace can be made of this name: write `#[domain(namespace = "..")]`
            #[domain(aggregates(Account))] #[domain(tags("a"))] struct BankDomain;
                fine
        "#]],
    );
}

#[test]
fn rejections() {
    check(
        [
            rejection(quote!(
                enum E {
                    #[rejection(transparent)]
                    A,
                    #[rejection(transparent)]
                    B(X, Y),
                }
            )),
            rejection(quote!(
                enum E {
                    #[rejection(transparent, code = "a")]
                    A(X),
                }
            )),
            rejection(quote!(
                enum E {
                    #[rejection(code = "NotKebab")]
                    A,
                    #[rejection(cod = "a")]
                    B,
                }
            )),
            rejection(quote!(
                enum E {
                    HTTPError,
                    HttpError,
                    #[rejection(code = "http-error")]
                    C,
                }
            )),
            rejection(quote!(
                enum E {
                    #[rejection(code = "a")]
                    A,
                    #[rejection(code = "a")]
                    B,
                }
            )),
            rejection(quote!(
                enum SeatError {
                    NotFound,
                    #[rejection(code = "rejected")]
                    Taken,
                }
            )),
            rejection(quote!(
                struct Conflict;
            )),
            rejection(quote!(
                #[rejection(code = "a")]
                enum E {
                    A,
                }
            )),
            rejection(quote!(
                #[rejection(transparent)]
                enum E {
                    A,
                }
            )),
            rejection(quote!(
                #[rejection(transparent)]
                struct E(X);
            )),
            rejection(quote!(union E { a: u8 })),
            rejection(quote!(
                enum E {
                    Ä,
                }
            )),
            rejection(quote!(
                enum E {}
            )),
            rejection(quote!(
                enum E {
                    Context(#[from] ContextError),
                    Boxed(Box<fluvius::ContextError>),
                    #[rejection(code = "not-there")]
                    Coded(ContextError),
                    Several(ContextError, u8),
                }
            )),
        ],
        expect![[r#"
            enum E { #[rejection(transparent)] A, #[rejection(transparent)] B(X, Y), }
                a transparent case holds one error: write `A(#[from] ContextError)`
                a transparent case holds one error: write `B(#[from] ContextError)`
            enum E { #[rejection(transparent, code = "a")] A(X), }
                a transparent case takes the code of the error inside: remove `code` or `transparent`
            enum E { #[rejection(code = "NotKebab")] A, #[rejection(cod = "a")] B, }
                `#[rejection]` has no option `cod`; did you mean `code`?
                a rejection's code is kebab case: write `not-kebab`
            enum E { HTTPError, HttpError, #[rejection(code = "http-error")] C, }
                two cases have the code `http-error`
                the code is used here first
                two cases have the code `http-error`
                the code is used here first
                two cases have the code `http-error`
                the code is used here first
            enum E { #[rejection(code = "a")] A, #[rejection(code = "a")] B, }
                fine
            enum SeatError { NotFound, #[rejection(code = "rejected")] Taken, }
                `not-found` is a code of the framework: write another one, such as `#[rejection(code = "seat-not-found")]`
                `rejected` is a code of the framework: write another one, such as `#[rejection(code = "seat-rejected")]`
            struct Conflict;
                `conflict` is a code of the framework: write another one, such as `#[rejection(code = "my-conflict")]`
            #[rejection(code = "a")] enum E { A, }
                each variant has its own code: put this on a variant
            #[rejection(transparent)] enum E { A, }
                put `#[rejection(transparent)]` on a variant
            #[rejection(transparent)] struct E(X);
                fine
            union E { a: u8 }
                a rejection is an enum or a struct: a union has no variant to give a code
            enum E { Ä, }
                no code can be made of this name: write `#[rejection(code = "..")]`
            enum E { }
                fine
            enum E { Context(#[from] ContextError), Boxed(Box<fluvius::ContextError>), #[rejection(code = "not-there")] Coded(ContextError), Several(ContextError, u8), }
                the code of a `ContextError` would be lost here: add `#[rejection(transparent)]`, or a code of its own with `#[rejection(code = "..")]`
                the code of a `ContextError` would be lost here: add `#[rejection(transparent)]`, or a code of its own with `#[rejection(code = "..")]`
        "#]],
    );
}

#[test]
fn an_older_revision_is_lifted_or_known_to_be_gone() {
    check(
        [
            block_options(quote!(revision = 2)),
            block_options(quote!(revision = 2, upcast = upcast_it)),
            block_options(quote!(revision = 2, upcast = none)),
            block_options(quote!(revision = 1, upcast = none)),
            block_options(quote!(upcast = none)),
        ],
        expect![[r#"
            #[aggregate(revision = 2)]
                nothing reads what revision 1 wrote: name the function that converts it, `upcast = upcast_account`, or write `upcast = none` if nothing older is stored
            #[aggregate(revision = 2, upcast = upcast_it)]
                fine
            #[aggregate(revision = 2, upcast = none)]
                fine
            #[aggregate(revision = 1, upcast = none)]
                nothing is older than revision 1: write `revision = 2`, or remove `upcast`
            #[aggregate(upcast = none)]
                `upcast` needs the current revision: add `revision = 2`
        "#]],
    );
}

#[test]
fn types_of_programs_are_no_parameters() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "a-done")]
                pub fn a(&mut self, cx: &DomainContext) -> Result<(), AccountError> { Ok(()) }
            }),
            methods(quote! {
                #[action(evt_key = "b-done")]
                pub fn b(&mut self, cx: fluvius::DomainContext) -> Result<(), AccountError> { Ok(()) }
            }),
            methods(quote! {
                #[action(evt_key = "c-done")]
                pub fn c(&mut self, session: &Session) -> Result<(), AccountError> { Ok(()) }
            }),
        ],
        expect![[r##"
            #[action(evt_key = "a-done")] pub fn a(&mut self, cx: &DomainContext) -> Result<(), AccountError> { Ok(()) }
                the context of an action is `cx: &mut ActionContext`: write it in place of `&DomainContext`; `cx.domain_context()` is the sender's
            #[action(evt_key = "b-done")] pub fn b(&mut self, cx: fluvius::DomainContext) -> Result<(), AccountError> { Ok(()) }
                the context of an action is `cx: &mut ActionContext`: write it in place of `fluvius::DomainContext`; `cx.domain_context()` is the sender's
            #[action(evt_key = "c-done")] pub fn c(&mut self, session: &Session) -> Result<(), AccountError> { Ok(()) }
                the context of an action is `cx: &mut ActionContext`: write it in place of `&Session`; `cx.fetch`, `cx.find` and `cx.invoke` reach other aggregates
        "##]],
    );
}

#[test]
fn what_is_no_result_is_told_the_one_to_write() {
    check(
        [
            methods(quote! {
                #[action]
                pub fn a(&self) -> Option<u8> { None }
            }),
            methods(quote! {
                #[action(evt_key = "b-done")]
                pub fn b() -> Self { Self }
            }),
            methods(quote! {
                #[action(evt_key = "c-done")]
                pub fn c() -> Account { Account }
            }),
            methods(quote! {
                #[action(evt_key = "d-done")]
                pub fn d(&mut self) -> Pin<Box<dyn Future<Output = u8>>> { todo() }
            }),
            methods(quote! {
                #[action]
                pub fn e(&self) -> Result<&'static str, Infallible> { Ok("e") }
                #[action(evt_key = "f-done")]
                pub fn f(&self) -> Result<&'static str, Infallible> { Ok("f") }
            }),
        ],
        expect![[r##"
            #[action] pub fn a(&self) -> Option<u8> { None }
                an action returns a `Result`: write `Result<Option<u8>, YourError>` in place of `Option<u8>` (`Infallible` if it cannot fail)
            #[action(evt_key = "b-done")] pub fn b() -> Self { Self }
                an action returns a `Result`: write `Result<Self, YourError>` in place of `Self` (`Infallible` if it cannot fail)
            #[action(evt_key = "c-done")] pub fn c() -> Account { Account }
                an action returns a `Result`: write `Result<Self, YourError>` in place of `Account` (`Infallible` if it cannot fail)
            #[action(evt_key = "d-done")] pub fn d(&mut self) -> Pin<Box<dyn Future<Output = u8>>> { todo() }
                an action returns a `Result`: write `async fn` with the `Result` of the future in place of `Pin<Box<dyn Future<Output = u8>>>` (`Infallible` if it cannot fail)
            #[action] pub fn e(&self) -> Result<&'static str, Infallible> { Ok("e") } #[action(evt_key = "f-done")] pub fn f(&self) -> Result<&'static str, Infallible> { Ok("f") }
                an answer owns its data, because it is stored: write `String` in place of `&'static str`
        "##]],
    );
}

#[test]
fn an_aggregate_borrows_nothing() {
    let method = quote! {
        #[action]
        pub fn read(&self) -> Result<u8, AccountError> { Ok(1) }
    };
    check(
        [
            block(quote!(), quote!(impl<'a> Account<'a> { #method })),
            block(quote!(), quote!(impl Account<'_> { #method })),
            block(quote!(name = "StaticAccount"), quote!(impl Account<'static> { #method })),
        ],
        expect![[r##"
            #[aggregate()] impl<'a> Account<'a> { #[action] pub fn read(&self) -> Result<u8, AccountError> { Ok(1) } }
                the state outlives the command, so an aggregate borrows nothing: give the type owned fields
            #[aggregate()] impl Account<'_> { #[action] pub fn read(&self) -> Result<u8, AccountError> { Ok(1) } }
                the state outlives the command, so an aggregate borrows nothing: give the type owned fields
            #[aggregate(name = "StaticAccount")] impl Account<'static> { #[action] pub fn read(&self) -> Result<u8, AccountError> { Ok(1) } }
                fine
        "##]],
    );
}
