//! Checks of the parts of a signature, and of the words before it, that an action cannot have.

use syn::Visibility;

use crate::errors::Errors;
use crate::model::{Action, Aggregate};
use crate::parse::token_text::token_text;

pub(crate) fn signature(action: &Action, errors: &mut Errors) {
    for (place, word) in &action.invalid_keywords {
        errors.at_span(*place, format!("an action is a plain `fn` or `async fn`: remove `{word}`"));
    }
    let generics = &action.generics;
    if !generics.params.is_empty() {
        errors.at(
            generics,
            "an action is not generic, because its command is one type: write the types out",
        );
    }
    if let Some(clause) = &generics.where_clause {
        errors.at(clause, "an action is not generic: remove the `where` clause");
    }
}

pub(crate) fn visibility(aggregate: &Aggregate, action: &Action, errors: &mut Errors) {
    let common = scope_of(&aggregate.vis);
    if common == scope_of(&action.vis) {
        return;
    }
    let written = format!("{common} fn {}", action.method);
    let message = format!(
        "all actions of a block have one visibility: write `{}`; an action that only other \
         actions may run is marked `#[action(.., internal)]`",
        written.trim_start()
    );
    match &action.vis {
        Visibility::Inherited => errors.at(&action.method, message),
        vis => errors.at(vis, message),
    }
}

/// Returns the visibility in its usual form: `pub(self)` is none, `pub(in crate)` is `pub(crate)`.
fn scope_of(vis: &Visibility) -> String {
    match token_text(vis).replace("(in ", "(").as_str() {
        "pub(self)" => String::new(),
        word @ ("pub(crate)" | "pub(super)") => word.to_owned(),
        _ => token_text(vis),
    }
}

/// Rejects links to `Self` in docs, which would mean the command's struct there.
pub(crate) fn docs(action: &Action, errors: &mut Errors) {
    let on_method = [&action.docs].into_iter();
    let on_fields = action.fields().map(|field| &field.docs);
    for docs in on_method.chain(on_fields) {
        if let Some(link) = docs.self_link() {
            errors.at(
                &docs.first,
                format!(
                    "these docs are shown on the command as well, where `{link}` means another \
                     type: write the type's name in the link"
                ),
            );
        }
    }
}
