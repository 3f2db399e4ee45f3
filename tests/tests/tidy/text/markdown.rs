//! The prose of Markdown, also of Markdown in documentation comments.

use super::Block;

/// Returns the paragraphs, list items and table cells of these lines, each with its number.
pub(super) fn prose<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut fence = None;
    for (number, line) in lines {
        let line = line.trim();
        if let Some(mark) = fence_of(line) {
            fence = if fence.is_none() { Some(mark) } else { fence.filter(|open| *open != mark) };
            is_open = false;
            continue;
        }
        let is_definition = line.starts_with('[') && line.contains("]: ");
        if fence.is_some() || line.is_empty() || line.starts_with('#') || is_definition {
            is_open = false;
        } else if line.starts_with('|') {
            let cells = line.trim_matches('|').split(" | ");
            blocks.extend(cells.map(|cell| Block { line: number, text: plain(cell.trim()) }));
            is_open = false;
        } else if let Some(item) = list_item(line) {
            blocks.push(Block { line: number, text: plain(item) });
            is_open = true;
        } else if let (true, Some(block)) = (is_open, blocks.last_mut()) {
            block.text.push(' ');
            block.text.push_str(&plain(line));
        } else {
            blocks.push(Block { line: number, text: plain(line) });
            is_open = true;
        }
    }
    blocks
}

/// Returns the lines inside of fences, of tables and of link definitions.
pub(super) fn data_lines(text: &str) -> Vec<usize> {
    let mut is_fenced = false;
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if fence_of(line).is_some() {
            is_fenced = !is_fenced;
        } else if is_fenced
            || line.starts_with('|')
            || line.starts_with('[') && line.contains("]: ")
        {
            lines.push(at + 1);
        }
    }
    lines
}

fn fence_of(line: &str) -> Option<&'static str> {
    ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark))
}

fn list_item(line: &str) -> Option<&str> {
    let bullet = ["- ", "* "].into_iter().find_map(|bullet| line.strip_prefix(bullet));
    let number = line.split_once(". ").filter(|(number, _)| {
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    bullet.or(number.map(|(_, item)| item))
}

/// Replaces code by a word that no rule concerns, and removes the marks of emphasis.
fn plain(line: &str) -> String {
    let parts = line.split('`').enumerate();
    let text: String = parts.map(|(at, part)| if at % 2 == 0 { part } else { "code" }).collect();
    text.replace("**", "").replace(['*', '_'], "")
}
