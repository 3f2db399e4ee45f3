//! The members of the workspace, as `cargo metadata` lists them: their sources and their
//! dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::import_graph::SourceFile;

/// A member of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    /// Path of the manifest from the folder of the workspace.
    pub(crate) manifest: String,
    pub(crate) roots: Vec<CrateRoot>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A library or a binary of a member, with all files of its folder.
pub(crate) struct CrateRoot {
    /// The package's name; of a binary, with the binary's name in brackets.
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) sources: Vec<SourceFile>,
}

/// A dependency on a member, as the manifest declares it.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dependency`, `dev-dependency` or `build-dependency`, and `optional` if it is.
    pub(crate) kind: String,
}

/// Reads the members of the workspace.
///
/// `TIDY_WORKSPACE` names the folder of another workspace, for instance of a worktree that does not
/// compile now.
pub(crate) fn members() -> Vec<Member> {
    let folder = std::env::var_os("TIDY_WORKSPACE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(&folder)
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = list(&metadata, "packages");
    let names: Vec<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let root = Path::new(text(&metadata, "workspace_root"));
    packages.iter().map(|package| member(package, root, &names)).collect()
}

fn member(package: &Value, root: &Path, names: &[&str]) -> Member {
    let name = text(package, "name");
    let manifest = relative(Path::new(text(package, "manifest_path")), root);
    let targets = list(package, "targets").iter();
    let roots = targets.filter_map(|target| crate_root(name, target)).collect();
    let dependencies = list(package, "dependencies")
        .iter()
        .filter(|dependency| dependency["path"].is_string())
        .filter(|dependency| names.contains(&text(dependency, "name")))
        .map(|dependency| {
            let kind = dependency["kind"].as_str().map_or(String::new(), |kind| format!("{kind}-"));
            let optional = if dependency["optional"] == true { "optional " } else { "" };
            Dependency {
                name: text(dependency, "name").to_owned(),
                kind: format!("{optional}{kind}dependency"),
            }
        })
        .collect();
    Member { name: name.to_owned(), manifest, roots, dependencies }
}

/// Reads the sources of a library or a binary; of other targets it returns `None`.
fn crate_root(package: &str, target: &Value) -> Option<CrateRoot> {
    let kinds = list(target, "kind");
    let is_library = kinds.iter().any(|kind| kind == "lib" || kind == "proc-macro");
    if !is_library && !kinds.iter().any(|kind| kind == "bin") {
        return None;
    }
    let path = Path::new(text(target, "src_path"));
    let folder = path.parent().expect("a file has a folder");
    let mut sources = Vec::new();
    read_sources(folder, folder, &mut sources);
    let name = if is_library {
        package.to_owned()
    } else {
        format!("{package} ({})", text(target, "name"))
    };
    Some(CrateRoot { name, file: relative(path, folder), sources })
}

fn read_sources(folder: &Path, root: &Path, sources: &mut Vec<SourceFile>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("the folder stays while it is read").path();
        if path.is_dir() {
            read_sources(&path, root, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            sources.push(SourceFile { path: relative(&path, root), text });
        }
    }
}

/// Returns the path from the folder `root`, with `/` between its parts.
pub(crate) fn relative(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).expect("the file is in the folder");
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("cargo metadata has no list `{key}`"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("cargo metadata has no text `{key}`"))
}
