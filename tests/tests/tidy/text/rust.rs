//! The prose of Rust sources: comments, and the documentation that the macros generate.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

use super::{Block, markdown};

/// A token with its place.
struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
    /// The first line, from 1.
    line: usize,
    /// Set if only blanks are before it in its line.
    is_first: bool,
}

/// Returns the comments; with `with_strings`, string literals too.
pub(super) fn prose(text: &str, with_strings: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    // The lines of a comment, with their mark and their place.
    let mut comment: Vec<(usize, &str)> = Vec::new();
    let mut mark = "";
    let end = |comment: &mut Vec<(usize, &str)>, blocks: &mut Vec<Block>| {
        blocks.extend(markdown::prose(std::mem::take(comment).into_iter()));
    };
    for token in tokens(text) {
        match token.kind {
            TokenKind::LineComment { .. } => {
                let own =
                    ["///", "//!", "//"].into_iter().find(|mark| token.text.starts_with(mark));
                let own = own.expect("a line comment begins with slashes");
                let goes_on = comment.last().is_some_and(|(line, _)| line + 1 == token.line);
                if !goes_on || own != mark || !token.is_first {
                    end(&mut comment, &mut blocks);
                }
                mark = own;
                comment.push((token.line, &token.text[own.len()..]));
            }
            TokenKind::BlockComment { .. } => {
                end(&mut comment, &mut blocks);
                let inner = token.text.trim_start_matches(['/', '*', '!']).trim_end_matches("*/");
                let lines = inner.lines().map(|line| line.trim_start().trim_start_matches("* "));
                blocks.extend(markdown::prose((token.line..).zip(lines)));
            }
            TokenKind::Literal { kind: LiteralKind::Str { .. }, .. } if with_strings => {
                let inner = token.text.trim_matches('"').replace("\\\n", " ");
                blocks.extend(markdown::prose((token.line..).zip(inner.split("\\n"))));
            }
            _ => {}
        }
    }
    end(&mut comment, &mut blocks);
    blocks
}

/// Returns the lines of raw strings (JSON, SQL or expected output), and of tables in comments.
pub(super) fn data_lines(text: &str) -> Vec<usize> {
    let is_data = |token: &Token<'_>| match token.kind {
        TokenKind::Literal { kind: LiteralKind::RawStr { .. }, .. } => true,
        TokenKind::LineComment { .. } => {
            token.text.trim_start_matches(['/', '!', ' ']).starts_with('|')
        }
        _ => false,
    };
    let of = |token: Token<'_>| token.line..=token.line + token.text.matches('\n').count();
    tokens(text).filter(is_data).flat_map(of).collect()
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let (mut offset, mut line, mut line_start) = (0, 1, 0);
    tokenize(text, FrontmatterAllowed::No).map(move |token| {
        let end = offset + token.len as usize;
        let found = Token {
            kind: token.kind,
            text: &text[offset..end],
            line,
            is_first: text[line_start..offset].trim().is_empty(),
        };
        line += found.text.matches('\n').count();
        if let Some(last) = found.text.rfind('\n') {
            line_start = offset + last + 1;
        }
        offset = end;
        found
    })
}
