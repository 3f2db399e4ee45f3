//! A subset of Markdown, to show a doc comment on another item: code, links with their definitions,
//! footnotes and HTML tags. It is not a full parser.

/// Returns the lines without code blocks, since an example runs on the method only.
pub(crate) fn without_code(lines: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut fence: Option<Fence> = None;
    let mut after_blank = true;
    let mut in_list = false;
    for line in lines {
        let text = line.trim_start();
        let indented = line.len() - text.len() >= 4;
        if let Some(open) = &fence {
            let closes = open.is_closed_by(line);
            let quote_ends = open.in_quote && !text.starts_with('>');
            if closes || quote_ends {
                fence = None;
            }
            after_blank = text.is_empty();
            if closes || !quote_ends {
                continue;
            }
        }
        if let Some(open) = Fence::opened_by(line) {
            fence = Some(open);
        } else if indented && after_blank && !in_list {
            // Indented code starts after a blank line; below a list item the same indentation
            // continues the item.
            continue;
        } else {
            if !text.is_empty() && !indented {
                in_list = is_list_item(text);
            }
            kept.push(line.clone());
        }
        after_blank = text.is_empty();
    }
    kept
}

/// The opening line of a code block.
struct Fence {
    mark: char,
    length: usize,
    in_quote: bool,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let (text, in_quote) = without_quote(line);
        let text = without_bullet(text);
        let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let length = text.chars().take_while(|letter| *letter == mark).count();
        // A line with further backticks is inline code.
        let is_code = mark == '`' && text.trim_start_matches(mark).contains(mark);
        (length >= 3 && !is_code).then_some(Self { mark, length, in_quote })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let text = without_quote(line).0.trim();
        text.len() >= self.length && text.chars().all(|letter| letter == self.mark)
    }
}

/// Strips the markers of a block quote. Returns true if there were any.
fn without_quote(line: &str) -> (&str, bool) {
    let text = line.trim_start_matches([' ', '>']);
    (text, line.trim_start().starts_with('>'))
}

fn without_bullet(text: &str) -> &str {
    match text.strip_prefix(['-', '*', '+']) {
        Some(rest) if rest.starts_with(' ') => rest.trim_start(),
        _ => text,
    }
}

fn is_list_item(text: &str) -> bool {
    let bullet = ["- ", "* ", "+ "].iter().any(|mark| text.starts_with(mark));
    let numbered = text.split_once(['.', ')']).is_some_and(|(number, _)| {
        !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
    });
    bullet || numbered
}

/// Returns the lines without headings that have no text below them.
pub(crate) fn without_empty_headings(lines: Vec<String>) -> Vec<String> {
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

/// Returns the first paragraph as one self-contained line. Links include their targets. Footnotes
/// and HTML tags are removed, because the rest of their text is not shown.
pub(crate) fn summary(lines: &[String]) -> String {
    let definitions = definitions(lines);
    let paragraph = lines
        .iter()
        .map(|line| line.trim())
        .skip_while(|line| line.is_empty() || definition(line).is_some())
        .take_while(|line| !line.is_empty());
    let text = paragraph.collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for piece in pieces(&text) {
        match piece {
            Piece::Code(code) => out.push_str(code),
            Piece::Text(text) => out.push_str(&without_tags(text)),
            Piece::Link(link) if link.is_footnote() => {}
            Piece::Link(link) => match link.target(&definitions) {
                Some(target) if link.rest.is_none_or(|rest| !rest.starts_with('(')) => {
                    out.push_str(&format!("[{}]({target})", link.shown));
                }
                _ => out.push_str(link.written),
            },
        }
    }
    out.trim().to_owned()
}

/// Finds a link whose target begins with `Self`, and returns it as written.
pub(crate) fn self_link(lines: &[String]) -> Option<String> {
    let is_self = |target: &str| {
        let target = target.trim_matches('`');
        let path = target.split_once('@').map_or(target, |(_, path)| path);
        path == "Self" || path.starts_with("Self::") || path.starts_with("self.")
    };
    for line in lines {
        if definition(line).is_some_and(|(_, target)| is_self(target)) {
            return Some(line.trim().to_owned());
        }
    }
    let text = lines.join("\n");
    let definitions = definitions(lines);
    pieces(&text).into_iter().find_map(|piece| match piece {
        Piece::Link(link) => {
            let target = link.target(&definitions).unwrap_or_else(|| link.label());
            is_self(target).then(|| link.written.to_owned())
        }
        Piece::Text(_) | Piece::Code(_) => None,
    })
}

/// Formats text as inline code, with double backticks if it contains a backtick.
pub(crate) fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Collects the link definitions, `[label]: target`.
fn definitions(lines: &[String]) -> Vec<(&str, &str)> {
    lines.iter().filter_map(|line| definition(line)).collect()
}

fn definition(line: &str) -> Option<(&str, &str)> {
    let (label, target) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    let target = target.trim();
    (!label.contains([']', '[']) && !target.is_empty()).then_some((label, target))
}

enum Piece<'a> {
    Text(&'a str),
    /// Inline code, with its backticks.
    Code(&'a str),
    Link(Link<'a>),
}

/// `[shown]`, optionally followed by `(target)` or `[label]`.
struct Link<'a> {
    written: &'a str,
    shown: &'a str,
    rest: Option<&'a str>,
}

impl<'a> Link<'a> {
    fn is_footnote(&self) -> bool {
        self.shown.starts_with('^')
    }

    /// Returns the label to look up. Without a definition, rustdoc reads it as a path.
    fn label(&self) -> &'a str {
        match self.rest.and_then(|rest| rest.get(1..rest.len() - 1)) {
            Some(label) if !label.is_empty() => label,
            _ => self.shown,
        }
    }

    fn target(&self, definitions: &[(&'a str, &'a str)]) -> Option<&'a str> {
        if self.rest.is_some_and(|rest| rest.starts_with('(')) {
            return Some(self.label());
        }
        let label = self.label();
        let found = definitions.iter().find(|(name, _)| name.eq_ignore_ascii_case(label));
        found.map(|(_, target)| *target)
    }
}

/// Splits a text into inline code, links and plain text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (piece, length) = match rest.as_bytes()[0] {
            b'\\' => {
                at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
                continue;
            }
            b'`' => match code_length(rest) {
                Some(length) => (Piece::Code(&rest[..length]), length),
                None => {
                    at += rest.len() - rest.trim_start_matches('`').len();
                    continue;
                }
            },
            b'[' => match link(rest) {
                Some(link) => {
                    let length = link.written.len();
                    (Piece::Link(link), length)
                }
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        if begin < at {
            pieces.push(Piece::Text(&text[begin..at]));
        }
        pieces.push(piece);
        at += length;
        begin = at;
    }
    if begin < text.len() {
        pieces.push(Piece::Text(&text[begin..]));
    }
    pieces
}

/// Returns the length of the inline code at the start, with its backticks, if it is closed.
fn code_length(text: &str) -> Option<usize> {
    let open = text.len() - text.trim_start_matches('`').len();
    let mut at = open;
    while let Some(next) = text.get(at..)?.find('`') {
        at += next;
        let run = text[at..].len() - text[at..].trim_start_matches('`').len();
        at += run;
        if run == open {
            return Some(at);
        }
    }
    None
}

/// Reads the link at the start: `[..]`, optionally followed by `(..)` or `[..]`.
fn link(text: &str) -> Option<Link<'_>> {
    let length = bracketed(text, '[', ']')?;
    let shown = &text[1..length - 1];
    let behind = &text[length..];
    let rest = bracketed(behind, '(', ')').or_else(|| bracketed(behind, '[', ']'));
    let rest = rest.map(|rest| &behind[..rest]);
    let written = &text[..length + rest.map_or(0, str::len)];
    Some(Link { written, shown, rest })
}

/// Returns the length of the bracketed text at the start. Brackets in inline code do not count.
fn bracketed(text: &str, open: char, close: char) -> Option<usize> {
    if !text.starts_with(open) {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(letter) = text.get(at..)?.chars().next() {
        if letter == '`'
            && let Some(length) = code_length(&text[at..])
        {
            at += length;
            continue;
        }
        at += letter.len_utf8();
        if letter == '\\' {
            at += text.get(at..)?.chars().next().map_or(0, char::len_utf8);
        } else if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Removes HTML tags, which may be closed in another paragraph.
fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let length = tag.find('>').map(|end| end + 1).filter(|length| is_tag(&tag[..*length]));
        match length {
            Some(length) => rest = &tag[length..],
            None => {
                out.push('<');
                rest = &tag[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Returns true for a tag, and false for an autolink such as `<https://example.org>`.
fn is_tag(text: &str) -> bool {
    let name = text.trim_start_matches(['<', '/']);
    let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
    let behind = text.trim_start_matches(['<', '/']).strip_prefix(name.as_str());
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && behind.is_some_and(|rest| rest.starts_with([' ', '>', '/']))
}

#[cfg(test)]
mod tests;
