//! Messages of `#[derive(Domain)]` and `#[derive(Rejection)]`.

use expect_test::expect;
use quote::quote;

use super::{check, domain, rejection};

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
                    #[rejection(status = 451)]
                    A,
                    #[rejection(status = 404)]
                    B,
                    #[rejection(status = "402")]
                    C,
                    #[rejection(status)]
                    D,
                    #[rejection(transparent, status = 402)]
                    F(X),
                }
            )),
            rejection(quote!(
                enum E {
                    #[rejection(code = "a", status = 402)]
                    A,
                    #[rejection(code = "a")]
                    B,
                    #[rejection(code = "a", status = 402)]
                    C,
                }
            )),
            rejection(quote!(
                #[rejection(status = 402)]
                enum E {
                    A,
                }
            )),
            rejection(quote!(
                #[rejection(status = 402)]
                struct E;
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
            enum E { #[rejection(status = 451)] A, #[rejection(status = 404)] B, #[rejection(status = "402")] C, #[rejection(status)] D, #[rejection(transparent, status = 402)] F(X), }
                the HTTP status of a rejection is 400, 402, 403, 409 (if left out), 410, 422, 423 or 451: write `status = 422`, for example
                the HTTP status of a rejection is 400, 402, 403, 409 (if left out), 410, 422, 423 or 451: write `status = 422`, for example
                the HTTP status of a rejection is 400, 402, 403, 409 (if left out), 410, 422, 423 or 451: write `status = 422`, for example
                a transparent case takes the status of the error inside: remove `status` or `transparent`
            enum E { #[rejection(code = "a", status = 402)] A, #[rejection(code = "a")] B, #[rejection(code = "a", status = 402)] C, }
                a code has one status: write `status = 402` here too, or give the case another code
                `a` has another status here
                a code has one status: write `status = 409` here too, or give the case another code
                `a` has another status here
            #[rejection(status = 402)] enum E { A, }
                each variant has its own status: put this on a variant
            #[rejection(status = 402)] struct E;
                fine
            enum E { Context(#[from] ContextError), Boxed(Box<fluvius::ContextError>), #[rejection(code = "not-there")] Coded(ContextError), Several(ContextError, u8), }
                the code of a `ContextError` would be lost here: add `#[rejection(transparent)]`, or a code of its own with `#[rejection(code = "..")]`
                the code of a `ContextError` would be lost here: add `#[rejection(transparent)]`, or a code of its own with `#[rejection(code = "..")]`
        "#]],
    );
}
