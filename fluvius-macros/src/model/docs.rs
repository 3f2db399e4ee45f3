//! The author's doc comments, ready to be shown on another item.

use syn::{Attribute, Expr, Lit, Meta};

/// A doc comment as lines without the comment's own indentation.
#[derive(Default)]
pub(crate) struct Docs {
    lines: Vec<String>,
    /// Docs that are no literal, such as `#[doc = include_str!("..")]`.
    computed: Vec<Attribute>,
    /// The first attribute, to point at.
    pub(crate) first: Option<Attribute>,
}

impl Docs {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut docs = Self::default();
        let mut blocks: Vec<String> = Vec::new();
        for attribute in attributes {
            let Meta::NameValue(pair) = &attribute.meta else {
                continue;
            };
            if !pair.path.is_ident("doc") {
                continue;
            }
            docs.first.get_or_insert_with(|| attribute.clone());
            match literal(&pair.value) {
                Some(text) => blocks.push(text),
                None => docs.computed.push(attribute.clone()),
            }
        }
        let lines = blocks.iter().flat_map(|block| block_lines(block)).collect();
        docs.lines = without_indent(lines);
        docs
    }

    /// The whole text, as it stands in the descriptor.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n").trim().to_owned()
    }

    /// The first paragraph in one line; empty without docs.
    pub(crate) fn summary(&self) -> String {
        let paragraph = self
            .lines
            .iter()
            .map(|line| line.trim())
            .skip_while(|line| line.is_empty())
            .take_while(|line| !line.is_empty());
        paragraph.collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn computed(&self) -> &[Attribute] {
        &self.computed
    }

    /// The text without examples in code, which run on the method only, and
    /// without the headings that stood above nothing else.
    pub(crate) fn prose(&self) -> String {
        let kept = without_empty_headings(without_code(&self.lines));
        kept.join("\n").trim().to_owned()
    }

    /// A link to `Self`, which would mean another type on a generated item.
    pub(crate) fn self_link(&self) -> Option<&'static str> {
        let prose = self.prose();
        ["[`Self`]", "[Self]", "[`Self::", "[Self::", "(Self::", "(Self)", "[`self.", "[self."]
            .into_iter()
            .find(|link| prose.contains(link))
    }
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

/// The lines of one attribute. A block comment brings its stars along.
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

fn without_indent(lines: Vec<String>) -> Vec<String> {
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    lines.into_iter().map(|line| line.get(indent..).unwrap_or("").trim_end().to_owned()).collect()
}

fn without_code(lines: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut after_blank = true;
    let mut in_list = false;
    for line in lines {
        let text = line.trim_start();
        let indented = line.len() - text.len() >= 4;
        let mark = ["```", "~~~"].into_iter().find(|mark| text.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => fence = Some(mark),
            // Indented code starts after a blank line; below a list item the
            // same indentation continues the item.
            (None, None) if indented && after_blank && !in_list => continue,
            (None, None) => {
                if !text.is_empty() && !indented {
                    in_list = is_list_item(text);
                }
                kept.push(line.clone());
            }
        }
        after_blank = text.is_empty();
    }
    kept
}

fn is_list_item(text: &str) -> bool {
    let bullet = ["- ", "* ", "+ "].iter().any(|mark| text.starts_with(mark));
    let numbered = text.split_once(['.', ')']).is_some_and(|(number, _)| {
        !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
    });
    bullet || numbered
}

fn without_empty_headings(lines: Vec<String>) -> Vec<String> {
    let is_heading = |line: &String| {
        let hashes = line.chars().take_while(|mark| *mark == '#').count();
        (1..=6).contains(&hashes) && line.chars().nth(hashes).is_none_or(|next| next == ' ')
    };
    let mut kept: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines[at + 1..].iter().find(|below| !below.is_empty());
        let stands_alone = next.is_none_or(is_heading);
        let blank_twice = line.is_empty() && kept.last().is_some_and(String::is_empty);
        if blank_twice || (is_heading(line) && stands_alone) {
            continue;
        }
        kept.push(line.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(text: &str) -> Docs {
        let lines = text.lines().map(|line| quote::quote!(#[doc = #line]));
        let item: syn::ItemStruct = syn::parse_quote!(#(#lines)* struct X;);
        Docs::of(&item.attrs)
    }

    #[test]
    fn code_stays_on_the_method() {
        let docs = docs(
            " Deposits money.\n\n See [`Account`].\n\n - one\n\n     more of one\n\n Then:\n\n     let x = 1;\n\n # Examples\n\n ```\n account.deposit()?;\n ```\n\n # Errors\n\n None.",
        );
        assert_eq!(
            docs.prose(),
            "Deposits money.\n\nSee [`Account`].\n\n- one\n\n    more of one\n\nThen:\n\n# Errors\n\nNone."
        );
        assert_eq!(docs.summary(), "Deposits money.");
        assert!(docs.text().contains("account.deposit()"));
    }

    #[test]
    fn block_comments_lose_their_stars() {
        let item: syn::ItemStruct = syn::parse_quote! {
            #[doc = "*\n     * Deposits\n     * money.\n     "]
            struct X;
        };
        assert!(Docs::of(&item.attrs).text().ends_with("Deposits\nmoney."));
    }

    #[test]
    fn links_to_self_are_found() {
        assert!(docs(" See [`Self::balance`].").self_link().is_some());
        assert!(docs(" See [the balance](Self::balance).").self_link().is_some());
        assert!(docs(" `Self` without a link.").self_link().is_none());
        assert!(docs(" ```\n // [Self]\n ```").self_link().is_none());
    }
}
