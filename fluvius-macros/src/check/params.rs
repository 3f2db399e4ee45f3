//! Checks of parameters, which are the fields of the command.

use quote::ToTokens;
use syn::{Pat, Type};

use crate::errors::Errors;
use crate::model::action::contexts;
use crate::model::param::Why;
use crate::model::types::{self, Flaw};
use crate::model::{Action, Argument, Field, InvalidParam, example};
use crate::parse::token_text::type_text;

pub(crate) fn params(action: &Action, errors: &mut Errors) {
    for argument in &action.arguments {
        match argument {
            Argument::Field(field) => self::field(field, errors),
            Argument::Invalid(param) => invalid(param, errors),
            Argument::Context(_) => {}
        }
    }
    for second in contexts(action).skip(1) {
        errors.at(second, "an action has one context: remove this parameter");
    }
    json_names(action, errors);
}

fn field(field: &Field, errors: &mut Errors) {
    if types::is_double_option(&field.written) {
        errors.at(
            &field.written,
            format!(
                "an absent field and `null` are the same in JSON: write `{}`",
                types::arguments(&field.written)
                    .first()
                    .map(|inner| type_text(inner))
                    .unwrap_or_default()
            ),
        );
    }
    for written in field.rename.iter().chain(&field.aliases) {
        if written.value().is_empty() {
            errors.at(written, "a name in JSON is not empty");
        }
    }
    if let Some(example) = &field.example
        && example::of_literal(example).is_none()
    {
        errors.at(example, "the example is shown as JSON: write a string, a number or a boolean");
    }
}

fn invalid(param: &InvalidParam, errors: &mut Errors) {
    let InvalidParam { pat, ty, why } = param;
    match why {
        Why::Pattern => errors.at(
            pat,
            "a parameter of an action is a field of its command: give it a plain name, and take \
             the value apart in the body",
        ),
        Why::Unnamed => errors.at(pat, unnamed(pat, ty)),
        Why::ContextByValue => {
            errors.at(ty, format!("an action borrows the context: write `&mut {}`", type_text(ty)))
        }
        Why::OfPrograms(instead) => errors.at(
            ty,
            format!(
                "the context of an action is `cx: &mut ActionContext`: write it in place of `{}`; \
                 {instead}",
                type_text(ty)
            ),
        ),
        Why::ContextWithOptions(place) => {
            errors.at_span(*place, "the context is no field of the command: remove `#[arg(..)]`")
        }
        Why::Type => {
            if let Some(flaw) = types::flaw(ty, false) {
                flawed(ty, &flaw, errors);
            }
        }
    }
}

fn unnamed(pat: &Pat, ty: &Type) -> String {
    let Pat::Ident(written) = pat else {
        return format!(
            "name the parameter, it is part of the wire shape: write `name: {}`",
            type_text(ty)
        );
    };
    if written.by_ref.is_some() || written.subpat.is_some() {
        return "a parameter of an action is a field of its command: write its name alone"
            .to_owned();
    }
    let name = written.ident.to_string();
    format!(
        "name the parameter, it is part of the wire shape: write `{0}`, and `let _ = {0};` where \
         the body does not use it",
        name.trim_start_matches('_')
    )
}

fn flawed(whole: &Type, flaw: &Flaw<'_>, errors: &mut Errors) {
    match flaw {
        Flaw::Reference(reference) => {
            let owned = types::owned_form(&reference.elem);
            let written = type_text(&Type::Reference((*reference).clone()));
            errors.at(
                reference,
                format!(
                    "an action owns its parameters, because they are stored in the command: write \
                     `{owned}` in place of `{written}` (only the context is borrowed: `&mut \
                     ActionContext`)"
                ),
            );
        }
        Flaw::Lifetime(lifetime) => errors.at(
            lifetime,
            "an action owns its parameters, because they are stored in the command: write an \
             owned type, or the lifetime `'static`",
        ),
        Flaw::ImplTrait(impl_trait) => errors.at(
            impl_trait,
            "a field of the command has one concrete type: write it in place of `impl ..`",
        ),
        Flaw::Inferred(ty) => errors.at(ty, "write the type out: it is a field of the command"),
        Flaw::Never(ty) => errors.at(ty, "no command could ever hold a value of this type"),
        Flaw::HiddenSelf(tokens) => errors.at(
            tokens,
            format!(
                "`Self` cannot be replaced here, and it would mean the command: write the type's \
                 name (in `{}`)",
                type_text(whole)
            ),
        ),
    }
}

/// Rejects two fields that read the same name, since only one of them would get the value.
fn json_names(action: &Action, errors: &mut Errors) {
    let mut seen: Vec<(String, &Field)> = Vec::new();
    for field in action.fields() {
        for name in field.json_names() {
            let earlier = seen.iter().find(|(other, _)| *other == name);
            if let Some((_, earlier)) = earlier {
                errors.at(last_place(field, &name), same_name(earlier, field, &name));
            }
            seen.push((name, field));
        }
    }
}

fn same_name(first: &Field, second: &Field, name: &str) -> String {
    if first.ident == second.ident {
        return format!("`{name}` is a name of this parameter already: remove the alias");
    }
    format!(
        "the parameters `{}` and `{}` both read the JSON name `{name}`: give one of them another \
         name, `#[arg(rename = \"..\")]`, or remove the alias",
        first.ident, second.ident
    )
}

/// Returns the last tokens in which the author wrote a JSON name.
fn last_place(field: &Field, name: &str) -> proc_macro2::TokenStream {
    let mut written = field.rename.iter().chain(&field.aliases);
    written
        .rfind(|written| written.value() == name)
        .map_or_else(|| field.ident.to_token_stream(), ToTokens::to_token_stream)
}

/// Returns the tokens in which the author wrote a JSON name: the option, or the parameter itself.
pub(crate) fn place(field: &Field, name: &str) -> proc_macro2::TokenStream {
    field
        .aliases
        .iter()
        .chain(&field.rename)
        .find(|written| written.value() == name)
        .map_or_else(|| field.ident.to_token_stream(), ToTokens::to_token_stream)
}
