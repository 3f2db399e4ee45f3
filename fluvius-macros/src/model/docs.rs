//! The author's doc comments, prepared for another item.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Lit, Meta};

use super::inherited::{self, Conditional};
use super::markdown;
use super::private_path::PrivatePath;

/// A doc comment as lines, without the indentation of the comment itself.
#[derive(Default)]
pub(crate) struct Docs {
    parts: Vec<Part>,
    /// Docs that are not literals, such as `#[doc = include_str!("..")]`, or are conditional.
    computed: Vec<Attribute>,
    /// The first attribute, for diagnostics.
    pub(crate) first: Option<Attribute>,
}

/// Docs in the order of the source.
enum Part {
    Lines(Vec<String>),
    Computed(Expr),
}

impl Docs {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut docs = Self::default();
        for Conditional { condition, attribute } in inherited::flat(attributes) {
            let Meta::NameValue(pair) = &attribute.meta else {
                continue;
            };
            if !pair.path.is_ident("doc") {
                continue;
            }
            docs.first.get_or_insert_with(|| attribute.clone());
            if condition.is_some() {
                docs.computed.extend(inherited::under(condition.as_ref(), &attribute.meta));
                continue;
            }
            match literal(&pair.value) {
                Some(text) => {
                    let lines = block_lines(&text);
                    match docs.parts.last_mut() {
                        Some(Part::Lines(last)) => last.extend(lines),
                        _ => docs.parts.push(Part::Lines(lines)),
                    }
                }
                None => {
                    docs.parts.push(Part::Computed(pair.value.clone()));
                    docs.computed.push(attribute.clone());
                }
            }
        }
        without_indent(&mut docs.parts);
        docs
    }

    /// Returns the whole text, for the descriptor.
    pub(crate) fn text(&self, private: &PrivatePath) -> TokenStream {
        self.tokens(private, |lines| lines.join("\n").trim().to_owned())
    }

    /// Returns the text without code examples.
    pub(crate) fn description(&self, private: &PrivatePath) -> TokenStream {
        self.tokens(private, prose)
    }

    /// Returns the text as a literal. The compiler inserts the computed parts.
    fn tokens(&self, private: &PrivatePath, text: impl Fn(&[String]) -> String) -> TokenStream {
        if !self.parts.iter().any(|part| matches!(part, Part::Computed(_))) {
            let text = text(&self.lines());
            return quote!(#text);
        }
        let pieces = self.parts.iter().enumerate().map(|(at, part)| {
            let line_end = (at > 0).then(|| quote!("\n",));
            match part {
                Part::Lines(lines) => {
                    let text = text(lines);
                    quote!(#line_end #text)
                }
                Part::Computed(expr) => quote!(#line_end #expr),
            }
        });
        quote!(#private::core::concat!(#(#pieces),*))
    }

    /// Returns the first paragraph as one line; empty without docs.
    pub(crate) fn summary(&self) -> String {
        markdown::summary(&markdown::without_code(&self.lines()))
    }

    pub(crate) fn computed(&self) -> &[Attribute] {
        &self.computed
    }

    /// Returns the text without code examples, which run on the method only, and without headings
    /// that are empty as a result.
    pub(crate) fn prose(&self) -> String {
        prose(&self.lines())
    }

    /// Finds a link to `Self`, which would mean another type on a generated item.
    pub(crate) fn self_link(&self) -> Option<String> {
        markdown::self_link(&markdown::without_code(&self.lines()))
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.parts.iter().filter_map(|part| match part {
            Part::Lines(lines) => Some(lines),
            Part::Computed(_) => None,
        });
        lines.flatten().cloned().collect()
    }
}

fn prose(lines: &[String]) -> String {
    let kept = markdown::without_empty_headings(markdown::without_code(lines));
    kept.join("\n").trim().to_owned()
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// Returns the lines of one attribute, without the stars of a block comment.
fn block_lines(block: &str) -> Vec<String> {
    let lines: Vec<&str> = block.lines().collect();
    let starred = lines.len() > 1
        && lines
            .iter()
            .skip(1)
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('*'));
    if block.is_empty() {
        return vec![String::new()];
    }
    let unstarred = |line: &str| match line.trim_start().strip_prefix('*') {
        Some(rest) if starred => rest.to_owned(),
        _ => line.to_owned(),
    };
    lines.into_iter().map(unstarred).collect()
}

fn without_indent(parts: &mut [Part]) {
    let lines = || {
        parts.iter().filter_map(|part| match part {
            Part::Lines(lines) => Some(lines),
            Part::Computed(_) => None,
        })
    };
    let indent = lines()
        .flatten()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    for part in parts {
        if let Part::Lines(lines) = part {
            for line in lines {
                *line = line.get(indent..).unwrap_or("").trim_end().to_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::private_path::Root;
    use super::*;

    fn docs(text: &str) -> Docs {
        let lines = text.lines().map(|line| quote::quote!(#[doc = #line]));
        let item: syn::ItemStruct = syn::parse_quote!(#(#lines)* struct X;);
        Docs::of(&item.attrs)
    }

    fn text(docs: &Docs) -> String {
        let mut errors = crate::errors::Errors::new();
        let private = PrivatePath::lower(Root::Facade, None, &mut errors);
        errors.finish();
        docs.text(&private).to_string()
    }

    #[test]
    fn computed_docs_keep_their_position() {
        let item: syn::ItemStruct = syn::parse_quote! {
            /// Before.
            #[doc = concat!("Asks ", "a word.")]
            /// After.
            struct X;
        };
        let expected = quote::quote! {
            ::fluvius::__private::core::concat!(
                "Before.", "\n", concat!("Asks ", "a word."), "\n", "After."
            )
        };
        assert_eq!(text(&Docs::of(&item.attrs)), expected.to_string());
    }

    #[test]
    fn code_examples_stay_on_the_method() {
        let docs = docs(
            " Deposits money.\n\n See [`Account`].\n\n - one\n\n     more of one\n\n\
             \x20Then:\n\n     let x = 1;\n\n # Examples\n\n ```\n account.deposit()?;\n ```\n\n \
             # Errors\n\n None.",
        );
        assert_eq!(
            docs.prose(),
            "Deposits money.\n\nSee [`Account`].\n\n- one\n\n    more of one\n\nThen:\n\n\
            # Errors\n\nNone."
        );
        assert_eq!(docs.summary(), "Deposits money.");
        assert!(text(&docs).contains("account.deposit()"));
    }

    #[test]
    fn block_comments_lose_their_stars() {
        let item: syn::ItemStruct = syn::parse_quote! {
            #[doc = "*\n     * Deposits\n     * money.\n     "]
            struct X;
        };
        assert_eq!(Docs::of(&item.attrs).prose(), "Deposits\nmoney.");
    }

    #[test]
    fn links_to_self_in_code_are_ignored() {
        assert!(docs(" See [`Self::balance`].").self_link().is_some());
        assert!(docs(" ```\n // [Self]\n ```").self_link().is_none());
    }
}
