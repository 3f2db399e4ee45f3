//! Checks of `#[rejection(..)]`.

use super::framework_codes::FRAMEWORK_CODES;
use super::keys::require_kebab;
use crate::errors::Errors;
use crate::model::rejection::{Case, CaseAnswer, Rejection};
use crate::model::{names, types};
use crate::parse::derive_rejection::{STATUSES, STATUSES_ALLOWED};

pub(crate) fn rejection(rejection: &Rejection, errors: &mut Errors) {
    for (at, case) in rejection.cases.iter().enumerate() {
        transparent(case, errors);
        code(case, errors);
        status(case, errors);
        reserved(rejection, case, errors);
        for earlier in rejection.cases.iter().take(at) {
            same_code(earlier, case, errors);
            same_status(earlier, case, errors);
        }
    }
}

fn transparent(case: &Case, errors: &mut Errors) {
    let Some(place) = case.transparent else {
        return forgotten(case, errors);
    };
    if let Some(code) = &case.code_written {
        errors.at(
            code,
            "a transparent case takes the code of the error inside: remove `code` or `transparent`",
        );
    }
    if let Some(status) = &case.status_written {
        errors.at_span(
            status.place,
            "a transparent case takes the status of the error inside: remove `status` or \
             `transparent`",
        );
    }
    if case.fields.len() != 1 {
        errors.at_span(
            place,
            format!(
                "a transparent case holds one error: write `{}(#[from] ContextError)`",
                case.ident
            ),
        );
    }
}

/// Rejects a context error without `transparent`: every such error would have the code of this
/// case.
fn forgotten(case: &Case, errors: &mut Errors) {
    let mut fields = case.fields.iter();
    if let (Some(field), None) = (fields.next(), fields.next())
        && case.code_written.is_none()
        && is_context_error(&field.ty)
    {
        errors.at(
            &case.ident,
            "the code of a `ContextError` would be lost here: add `#[rejection(transparent)]`, or \
            a code of its own with `#[rejection(code = \"..\")]`",
        );
    }
}

fn is_context_error(ty: &syn::Type) -> bool {
    types::is_named(ty, "ContextError")
        || types::is_named(ty, "Box") && types::arguments(ty).into_iter().any(is_context_error)
}

fn code(case: &Case, errors: &mut Errors) {
    match (&case.code_written, &case.answer) {
        (Some(written), _) => require_kebab(written, "a rejection's code", errors),
        (None, CaseAnswer::Code(code)) if !names::is_kebab(code) => errors.at(
            &case.ident,
            "no code can be made of this name: write `#[rejection(code = \"..\")]`",
        ),
        _ => {}
    }
}

fn status(case: &Case, errors: &mut Errors) {
    if let Some(written) = &case.status_written
        && !STATUSES.contains(&written.value)
    {
        errors.at_span(written.place, STATUSES_ALLOWED);
    }
}

/// Rejects the codes of the framework, so that a caller can rely on their meaning.
fn reserved(rejection: &Rejection, case: &Case, errors: &mut Errors) {
    let CaseAnswer::Code(code) = &case.answer else { return };
    if !FRAMEWORK_CODES.contains(&code.as_str()) {
        return;
    }
    let name = names::plain(&rejection.ident);
    let stem = name.strip_suffix("Error").or(name.strip_suffix("Rejection"));
    let prefix = names::kebab(stem.filter(|stem| !stem.is_empty()).unwrap_or("my"));
    let message = format!(
        "`{code}` is a code of the framework: write another one, such as \
         `#[rejection(code = \"{prefix}-{code}\")]`"
    );
    match &case.code_written {
        Some(written) => errors.at(written, message),
        None => errors.at(&case.ident, message),
    }
}

/// Rejects a derived code that equals another one. Two cases may share a code if both state it.
fn same_code(first: &Case, second: &Case, errors: &mut Errors) {
    let (CaseAnswer::Code(one), CaseAnswer::Code(other)) = (&first.answer, &second.answer) else {
        return;
    };
    let both_written = first.code_written.is_some() && second.code_written.is_some();
    if one != other || both_written {
        return;
    }
    match &second.code_written {
        Some(written) => errors.at(written, format!("two cases have the code `{one}`")),
        None => errors.at(&second.ident, format!("two cases have the code `{one}`")),
    }
    errors.at(&first.ident, "the code is used here first");
}

/// Rejects two statuses of one code: a caller that reads the log knows only the code.
fn same_status(first: &Case, second: &Case, errors: &mut Errors) {
    let (CaseAnswer::Code(one), CaseAnswer::Code(other)) = (&first.answer, &second.answer) else {
        return;
    };
    if one != other || first.status() == second.status() {
        return;
    }
    let place = |case: &Case| {
        let written = case.status_written.as_ref().map(|written| written.place);
        written.unwrap_or_else(|| case.ident.span())
    };
    let message = format!(
        "a code has one status: write `status = {}` here too, or give the case another code",
        first.status()
    );
    errors.at_span(place(second), message);
    errors.at_span(place(first), format!("`{one}` has another status here"));
}
