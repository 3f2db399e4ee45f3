//! Messages about parameters of actions.

use expect_test::expect;
use quote::quote;

use super::{check, methods, params};

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
                an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is borrowed: `&mut ActionContext`)
            names: &[String]
                an action owns its parameters, because they are stored in the command: write `Vec<String>` in place of `&[String]` (only the context is borrowed: `&mut ActionContext`)
            path: &Path
                an action owns its parameters, because they are stored in the command: write `PathBuf` in place of `&Path` (only the context is borrowed: `&mut ActionContext`)
            other: &mut Account
                an action owns its parameters, because they are stored in the command: write `Account` in place of `&mut Account` (only the context is borrowed: `&mut ActionContext`)
            name: Option<&str>
                an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is borrowed: `&mut ActionContext`)
            name: &'static str
                an action owns its parameters, because they are stored in the command: write `String` in place of `&'static str` (only the context is borrowed: `&mut ActionContext`)
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
                an action borrows the context: write `&mut ActionContext`
            cx: &mut ActionContext, other: &fluvius::ActionContext
                an action has one context: remove this parameter
            #[arg(secret)] cx: &ActionContext
                the context is no field of the command: remove `#[arg(..)]`
            cx: &mut Context
                an action owns its parameters, because they are stored in the command: write `Context` in place of `&mut Context` (only the context is borrowed: `&mut ActionContext`)
        "#]],
    );
}

/// P30 and the options of `#[arg]`.
#[test]
fn attributes_on_parameters() {
    check(
        [
            params(quote!(#[arg(schema = country_schema, secret)] country: String)),
            params(quote!(#[arg(schema = "country_schema")] country: String)),
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
            #[arg(schema = country_schema, secret)] country: String
                fine
            #[arg(schema = "country_schema")] country: String
                `schema` takes the path of a function: `schema = amount_schema`
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
fn types_of_programs_are_no_parameters() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "a-done")]
                pub fn a(&mut self, cx: &DomainContext) -> Result<(), AccountError> { Ok(()) }
            }),
            methods(quote! {
                #[action(evt_key = "b-done")]
                pub fn b(
                    &mut self, cx: fluvius::DomainContext
                ) -> Result<(), AccountError> { Ok(()) }
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
