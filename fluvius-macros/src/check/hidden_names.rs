//! Generated names that would hide a name used by the module.
//!
//! A generated type shadows the prelude and glob imports without a warning, so a field could
//! silently become another type.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

use super::collisions::types;
use crate::errors::Errors;
use crate::model::{Action, Aggregate, Argument};
use crate::parse::tokens::opened;

/// The types, traits and variants in the preludes of editions 2021 and 2024.
const PRELUDE: &[&str] = &[
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// A name that the block uses without a path.
struct Use {
    name: Ident,
    /// The `cfg`s of the action that uses it; empty for the block.
    cfgs: Vec<String>,
}

/// The names that a block uses.
pub(crate) struct Uses {
    list: Vec<Use>,
}

impl Uses {
    pub(crate) fn of(aggregate: &Aggregate) -> Self {
        let mut uses = Self { list: Vec::new() };
        uses.add(aggregate.written_type.to_token_stream(), &[]);
        if let Some(upcast) = &aggregate.upcast {
            uses.add(upcast.path.to_token_stream(), &[]);
        }
        for action in &aggregate.actions {
            let cfgs = action.cfg_text();
            for argument in &action.arguments {
                match argument {
                    Argument::Field(field) => {
                        uses.add(field.written.to_token_stream(), &cfgs);
                        if let Some(Some(expr)) = &field.default {
                            uses.add(expr.to_token_stream(), &cfgs);
                        }
                    }
                    Argument::Context(ty) => uses.add(ty.to_token_stream(), &cfgs),
                    Argument::Invalid(_) => {}
                }
            }
            if let Some(outcome) = &action.outcome {
                uses.add(outcome.written.to_token_stream(), &cfgs);
            }
        }
        uses
    }

    fn add(&mut self, tokens: TokenStream, cfgs: &[String]) {
        let names = bare_names(opened(tokens));
        self.list.extend(names.into_iter().map(|name| Use { name, cfgs: cfgs.to_vec() }));
    }

    /// Finds a use of `name` that may be in the same build as an item under `cfgs`.
    fn find(&self, name: &Ident, cfgs: &[String]) -> Option<&Ident> {
        let meets = |other: &[String]| other.is_empty() || cfgs.is_empty() || other == cfgs;
        self.list.iter().find(|found| found.name == *name && meets(&found.cfgs)).map(|it| &it.name)
    }
}

/// Reports the names that the types of one action hide. Returns true if there are any.
pub(crate) fn of_action(uses: &Uses, action: &Action, errors: &mut Errors) -> bool {
    let cfgs = action.cfg_text();
    let mut hides = false;
    for (name, place, kind) in types(action) {
        let way_out = match kind {
            "event" => "choose another `evt_key`",
            _ => "name it with `command = \"..\"`",
        };
        hides |= report(uses, name, &cfgs, place, &format!("the {kind}"), way_out, errors);
    }
    hides
}

/// Reports the names that the enums of the block hide.
pub(crate) fn of_enums(aggregate: &Aggregate, uses: &Uses, errors: &mut Errors) {
    let place = match (&aggregate.name_written, &aggregate.self_type) {
        (Some(written), _) => written.to_token_stream(),
        (None, Some(self_type)) => self_type.ident.to_token_stream(),
        (None, None) => return,
    };
    let enums = [(&aggregate.command_enum, "commands"), (&aggregate.event_enum, "events")];
    for (name, kind) in enums {
        report(
            uses,
            name,
            &[],
            place.clone(),
            &format!("the enum of the {kind}"),
            "choose another beginning with `#[aggregate(name = \"..\")]`",
            errors,
        );
    }
}

fn report(
    uses: &Uses,
    name: &Ident,
    cfgs: &[String],
    place: TokenStream,
    what: &str,
    way_out: &str,
    errors: &mut Errors,
) -> bool {
    let text = name.to_string();
    if PRELUDE.contains(&text.as_str()) {
        let message =
            format!("{what} would be named `{name}` and hide `{name}` of the standard library");
        errors.at(place, format!("{message} in this module: {way_out}"));
        return true;
    }
    let Some(used) = uses.find(name, cfgs) else {
        return false;
    };
    errors.at(
        place,
        format!(
            "{what} would be named `{name}` and hide the `{name}` that the block uses: {way_out}"
        ),
    );
    errors.at(
        used,
        format!("`{name}` is used here: write `self::{name}` where the generated type is meant"),
    );
    true
}

/// Collects the names that begin a path, but not the `b` and `C` of `a::b`, `x.b` and
/// `Trait<C = T>`.
fn bare_names(tokens: TokenStream) -> Vec<Ident> {
    let mut names = Vec::new();
    // The two punctuation characters directly before the token.
    let mut before = [' ', ' '];
    let mut stream = tokens.into_iter().peekable();
    while let Some(token) = stream.next() {
        let mut mark = ' ';
        match token {
            TokenTree::Ident(word) => {
                let goes_on = matches!(before, [':', ':'] | [_, '\'']);
                let is_member = before[1] == '.' && before[0] != '.';
                let next = stream.peek();
                let is_binding = matches!(next, Some(TokenTree::Punct(punct))
                    if punct.as_char() == '=' && punct.spacing() == Spacing::Alone);
                if !goes_on && !is_member && !is_binding {
                    names.push(word);
                }
            }
            TokenTree::Group(group) => names.extend(bare_names(group.stream())),
            TokenTree::Punct(punct) => mark = punct.as_char(),
            TokenTree::Literal(_) => {}
        }
        before = [before[1], mark];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::bare_names;
    use quote::quote;

    #[test]
    fn name_without_a_path_is_bare() {
        let table = [
            (quote!(Vec<Note>), "Vec Note"),
            (quote!(model::Note), "model"),
            (quote!(::model::Note), ""),
            (quote!(<Shelf as HasId>::Id), "Shelf as HasId"),
            (quote!(Box<dyn Iterator<Item = Note>>), "Box dyn Iterator Note"),
            (quote!(Cow<'Static, str>), "Cow str"),
            (quote!(Point { x: Colour::Red, ..Default::default() }), "Point x Colour Default"),
            (quote!(list![Note].First), "list Note"),
            (quote!([Note; 4]), "Note"),
        ];
        for (tokens, expected) in table {
            let names: Vec<String> = bare_names(tokens).iter().map(ToString::to_string).collect();
            assert_eq!(names.join(" "), expected);
        }
    }
}
