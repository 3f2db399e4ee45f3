//! Messages about blocks of aggregates.

use expect_test::expect;
use quote::quote;

use super::{block, block_options, check, methods};

/// P20.
#[test]
fn aggregate_requires_an_inherent_impl() {
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
                quote! {
                    impl Actions for Account {
                        #[action]
                        fn read(&self) -> Result<u8, Never> { Ok(1) }
                    }
                },
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
            block_options(quote!(schema = "required")),
            block_options(quote!(schema = "optional")),
            block_options(quote!(schema)),
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
            #[aggregate(schema = "required")]
                fine
            #[aggregate(schema = "optional")]
                `schema` has one value: write `schema = "required"`, or leave it out
            #[aggregate(schema)]
                `schema` takes a string: `schema = ".."`
            #[aggregate(resorce = "bank-account")]
                `#[aggregate]` has no option `resorce`; did you mean `resource`?
            #[aggregate(colour = "red")]
                `#[aggregate]` has no option `colour`; it takes `resource`, `resources`, `revision`, `upcast`, `name`, `index`, `schema`, `crate`
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

#[test]
fn an_older_revision_needs_an_upcast_or_none() {
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
                two actions make the event `money-added`: the key identifies the event, so give this one its own `evt_key`
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
                the event and the command are both named `Add`: an `evt_key` states a fact in the past tense, such as `money-deposited`
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
