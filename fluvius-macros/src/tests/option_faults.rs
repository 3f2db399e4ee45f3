//! Repeated options, faults in option lists, and input that only resembles a mistake.

use expect_test::expect;
use quote::quote;

use super::messages::{block, block_options, check, domain, methods, options, params, rejection};

/// Every option, and every attribute with options, is given at most once.
#[test]
fn repeated_options_are_rejected() {
    check(
        [
            block(
                quote!(resource = "account"),
                quote!(
                    #[aggregate(revision = 1)]
                    impl Account {
                        #[action]
                        fn read(&self) -> Result<u8, Never> {}
                    }
                ),
            ),
            methods(quote!(
                #[action(key = "a")]
                #[action(key = "b")]
                fn read(&self) -> Result<u8, Never> {}
            )),
            options(quote!(evt_key = "a", internal, internal)),
            options(quote!(evt_key = "a", resources = "bank-account", resources = [])),
            params(quote!(#[arg(secret)] #[arg(secret, default, default = 1)] n: u8)),
            params(quote!(#[arg(rename = "a", rename = "b", example = 1, example = 2)] n: u8)),
            params(quote!(#[arg(alias = "who", alias = "who")] name: String)),
            params(quote!(#[arg(alias = "age")] age: u8)),
            block_options(quote!(index(a: text), index(b: text), crate = "::a", crate = "::a")),
            domain(quote! {
                #[domain(aggregates(Account), revision = 1)]
                #[domain(revision = 2, aggregates(Ledger))]
                struct BankDomain;
            }),
            rejection(quote! {
                #[rejection(crate = "::a")]
                #[rejection(crate = "::a")]
                enum Refusal {
                    #[rejection(code = "a")]
                    #[rejection(code = "a")]
                    One,
                    #[rejection(transparent, transparent)]
                    Two(Error),
                }
            }),
        ],
        expect![[r##"
            #[aggregate(resource = "account")] #[aggregate(revision = 1)] impl Account { #[action] fn read(&self) -> Result<u8, Never> { } }
                a block is one aggregate: put all options into one `#[aggregate]`
            #[action(key = "a")] #[action(key = "b")] fn read(&self) -> Result<u8, Never> { }
                a method is one action: remove this second `#[action]`
                the first one is here
            #[action(evt_key = "a", internal, internal)]
                `internal` is given twice
                `internal` is given here first
            #[action(evt_key = "a", resources = "bank-account", resources = [])]
                `resources` is given twice
                `resources` is given here first
            #[arg(secret)] #[arg(secret, default, default = 1)] n: u8
                `secret` is given twice
                `secret` is given here first
                `default` is given twice
                `default` is given here first
            #[arg(rename = "a", rename = "b", example = 1, example = 2)] n: u8
                `rename` is given twice
                `rename` is given here first
                `example` is given twice
                `example` is given here first
            #[arg(alias = "who", alias = "who")] name: String
                `who` is a name of this parameter already: remove the alias
            #[arg(alias = "age")] age: u8
                `age` is a name of this parameter already: remove the alias
            #[aggregate(index(a: text), index(b: text), crate = "::a", crate = "::a")]
                `index` is given twice
                `index` is given here first
                `crate` is given twice
                `crate` is given here first
            #[domain(aggregates(Account), revision = 1)] #[domain(revision = 2, aggregates(Ledger))] struct BankDomain;
                `revision` is given twice
                `revision` is given here first
                `aggregates` is given twice
                `aggregates` is given here first
            #[rejection(crate = "::a")] #[rejection(crate = "::a")] enum Refusal { #[rejection(code = "a")] #[rejection(code = "a")] One, #[rejection(transparent, transparent)] Two(Error), }
                `crate` is given twice
                `crate` is given here first
                `code` is given twice
                `code` is given here first
                `transparent` is given twice
                `transparent` is given here first
        "##]],
    );
}

/// STYLE P50: a fault in one option is reported once.
#[test]
fn faults_in_option_lists_are_reported_once() {
    check(
        [
            block_options(quote!(resource = "job" revision = 1)),
            options(quote!(evt_key = "job-failed" internal)),
            options(quote!(internal; evt_key = "job-failed")),
            options(quote!("evt", evt_key = "job-failed")),
            options(quote!(evt_key = , timeout = "5s")),
            options(quote!(evt_key = "a", timeout = 5)),
            params(quote!(#[arg(default = 1 secret)] n: u8)),
            params(quote!(#[arg(default = , secret)] n: u8)),
            block(
                quote!(resource = ),
                quote! {
                    impl Account {
                        #[action(resources = "bank-account")]
                        fn read(&self) -> Result<u8, Never> {}
                    }
                },
            ),
            block(
                quote!(name = ),
                quote!(impl Account<Eur> { #[action] fn read(&self) -> Result<u8, Never> {} }),
            ),
            domain(quote!(
                #[domain(aggregates(Account) revision = 1)]
                struct BankDomain;
            )),
            domain(quote!(
                #[domain(aggregates = )]
                struct BankDomain;
            )),
        ],
        expect![[r##"
            #[aggregate(resource = "job" revision = 1)]
                expected `,` between two options
            #[action(evt_key = "job-failed" internal)]
                expected `,` between two options
            #[action(internal; evt_key = "job-failed")]
                expected `,` between two options
            #[action("evt", evt_key = "job-failed")]
                expected the name of an option
            #[action(evt_key =, timeout = "5s")]
                a value is missing after `=`
            #[action(evt_key = "a", timeout = 5)]
                write a string: `timeout = ".."`
            #[arg(default = 1 secret)] n: u8
                expected `,` between two options
            #[arg(default =, secret)] n: u8
                a value is missing after `=`
            #[aggregate(resource =)] impl Account { #[action(resources = "bank-account")] fn read(&self) -> Result<u8, Never> { } }
                a value is missing after `=`
            #[aggregate(name =)] impl Account<Eur> { #[action] fn read(&self) -> Result<u8, Never> { } }
                a value is missing after `=`
            #[domain(aggregates(Account) revision = 1)] struct BankDomain;
                expected `,` between two options
            #[domain(aggregates =)] struct BankDomain;
                a value is missing after `=`
        "##]],
    );
}

#[test]
fn unusual_actions_give_the_expected_messages() {
    check(
        [
            methods(quote! {
                const ENABLED: bool = !action::DISABLED;
                const LABEL: &str = label!(action);
                forward!(to action read_it);
                #[action(evt_key = "sealed")]
                pub(self) fn seal(&mut self, #[arg(secret)] data: String) -> Result<usize, Never> {}
                #[action]
                fn look(&self) -> Result<u8, Never> {}
            }),
            methods(quote! {
                #[action]
                pub(in crate) fn look(&self) -> Result<u8, Never> {}
                #[action]
                pub(crate) fn see(&self) -> Result<u8, Never> {}
            }),
            methods(quote! {
                more! { #[action] fn look(&self) -> Result<u8, Never> {} }
                #[action]
                fn see(&self) -> Result<u8, Never> {}
            }),
            methods(quote! {
                #[action(key = "two-factor", evt_key = "given")]
                fn _2fa(&mut self) -> Result<(), Never> {}
            }),
        ],
        expect![[r#"
            const ENABLED: bool = ! action::DISABLED; const LABEL: &str = label!(action); forward!(to action read_it); #[action(evt_key = "sealed")] pub(self) fn seal(&mut self, #[arg(secret)] data: String) -> Result<usize, Never> { } #[action] fn look(&self) -> Result<u8, Never> { }
                fine
            #[action] pub(in crate) fn look(&self) -> Result<u8, Never> { } #[action] pub(crate) fn see(&self) -> Result<u8, Never> { }
                fine
            more ! { #[action] fn look(&self) -> Result<u8, Never> { } } #[action] fn see(&self) -> Result<u8, Never> { }
                actions made by a macro are not seen: write them out in the block
            #[action(key = "two-factor", evt_key = "given")] fn _2fa(&mut self) -> Result<(), Never> { }
                no struct can be named after this method: write `#[action(command = "..")]`
        "#]],
    );
}
