//! Messages about actions: options, receivers and return types.

use expect_test::expect;
use proc_macro2::TokenStream;
use quote::quote;

use super::{check, methods, options};

/// P21, P29, P47.
#[test]
fn attributes_that_look_like_an_action() {
    check(
        [
            methods(quote! {
                #[acton(evt_key = "was-read")]
                fn read(&self) -> Result<u8, Never> { Ok(1) }
            }),
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
fn foreign_attributes_pass() {
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
            options(quote!(evt_key = "a", body_limit = 65_536)),
            options(quote!(evt_key = "a", body_limit = 0)),
            options(quote!(evt_key = "a", body_limit = "64 KiB")),
            options(quote!(evt_key = "a", body_limit)),
            options(quote!(evt_key = "a", internal, body_limit = 1)),
            options(quote!(evt_key = "a", sunset = "2027-06-30", mcp = false)),
            options(quote!(evt_key = "a", sunset = "2027-06-31", mcp = true)),
            options(quote!(evt_key = "a", sunset, mcp)),
            options(quote!(evt_key = "a", mcp = "no")),
            options(quote!(evt_key = "a", internal, sunset = "2027-06-30", mcp = false)),
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
            #[action(evt_key = "a", body_limit = 65_536)]
                fine
            #[action(evt_key = "a", body_limit = 0)]
                a body limit is a number of bytes above zero that fits in 32 bits: `body_limit = 65536`
            #[action(evt_key = "a", body_limit = "64 KiB")]
                a body limit is a number of bytes above zero that fits in 32 bits: `body_limit = 65536`
            #[action(evt_key = "a", body_limit)]
                a body limit is a number of bytes above zero that fits in 32 bits: `body_limit = 65536`
            #[action(evt_key = "a", internal, body_limit = 1)]
                an internal action is never sent, so it has no payload to limit: remove `body_limit`
            #[action(evt_key = "a", sunset = "2027-06-30", mcp = false)]
                fine
            #[action(evt_key = "a", sunset = "2027-06-31", mcp = true)]
                a sunset is a day of the calendar: write it as `2027-06-30`
                every action is a tool of MCP clients: leave `mcp` out, or write `mcp = false`
            #[action(evt_key = "a", sunset, mcp)]
                `sunset` takes a string: `sunset = ".."`
                `mcp` takes `true` or `false`: `mcp = false`
            #[action(evt_key = "a", mcp = "no")]
                `mcp` takes `true` or `false`: `mcp = false`
            #[action(evt_key = "a", internal, sunset = "2027-06-30", mcp = false)]
                an internal action is never sent, so no sender reads its sunset: remove `sunset`
                an internal action is never sent, so it is no tool of MCP clients: remove `mcp`
            #[action(evt_key = "a", colour = "red")]
                `#[action]` has no option `colour`; it takes `evt_key`, `resources`, `key`, `command`, `internal`, `if_match`, `timeout`, `body_limit`, `sunset`, `mcp`
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
            methods(quote! {
                #[action(evt_key = "opened", if_match = "required")]
                fn open() -> Result<Self, Never> { }
            }),
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
                the receiver declares the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
            #[action(evt_key = "closed")] fn close(self: &mut Self) -> Result<(), Never> { }
                the receiver declares the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
            #[action(evt_key = "closed")] fn close(&'static self) -> Result<(), Never> { }
                the receiver declares the life cycle: write `&mut self` to change the aggregate, `&self` to leave it as it is, `self` to close it, or no receiver to create it
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
                `rename` has a receiver, which becomes the new state: write `()` in place of `Self` (the answer is the state in both cases), or remove the receiver if it creates the aggregate
            #[action(evt_key = "closed")] fn close(self) -> Result<Account, Never> { }
                `close` has a receiver, which becomes the new state: write `()` in place of `Account` (the answer is the state in both cases), or remove the receiver if it creates the aggregate
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

#[test]
fn a_type_that_is_no_result_gets_a_suggestion() {
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
