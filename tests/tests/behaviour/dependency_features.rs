//! Features of dependencies that other crates may enable, and that break a domain: `build` reports
//! them.

use std::path::Path;
use std::process::Command;

/// Cargo unifies features, so this builds a crate outside the workspace, with the versions of the
/// workspace's lock file.
#[test]
fn harmful_features_of_dependencies_fail_the_build() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let source = workspace.join("tests/feature_clash");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("feature_clash");
    std::fs::create_dir_all(copy.join("src")).unwrap();
    let manifest = std::fs::read_to_string(source.join("Cargo.toml")).unwrap();
    let facade = workspace.join("fluvius");
    let manifest = manifest.replace("../../fluvius", facade.to_str().unwrap());
    std::fs::write(copy.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(source.join("src/main.rs"), copy.join("src/main.rs")).unwrap();
    std::fs::copy(workspace.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();

    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--offline"])
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", copy.join("target"));
    let output = cargo.output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "the domain `scale` cannot be built:",
        "`serde_json` is built with its feature `arbitrary_precision`: ",
        "`cargo tree -e features -i serde_json`",
        "`rust_decimal` is built with its feature `serde-float` or ",
        "`cargo tree -e features -i rust_decimal`",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
}
