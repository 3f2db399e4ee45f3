//! Parts of the texts of errors.

use fluvius_store::UnitOfWork;
use fluvius_store::json::JsonPath;

pub(super) fn did_you_mean(nearest: &[&'static str]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", list(nearest)) }
}

pub(super) fn list(names: &[&'static str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

pub(super) fn at(path: &JsonPath) -> String {
    if path.is_root() { String::new() } else { format!(" at `{path}`") }
}

pub(super) fn newest_version(newest: Option<u64>) -> String {
    newest.map_or_else(String::new, |newest| format!("; its newest version is {newest}"))
}

pub(super) fn too_large(rows: usize, bytes: Option<usize>) -> String {
    let (max_rows, max_bytes) = (UnitOfWork::MAX_ROWS, UnitOfWork::MAX_BYTES);
    match bytes {
        Some(bytes) if bytes > max_bytes => {
            format!("the unit of work has about {bytes} bytes, and the limit is {max_bytes}")
        }
        _ => format!("the unit of work has {rows} rows, and the limit is {max_rows}"),
    }
}
