//! The lines of the README that call the server.

use std::path::Path;
use std::process::Command;

use crate::process::Bank;

#[test]
fn lines_of_the_readme_work_in_order() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let section = readme.split("## Serve it").nth(1).expect("the README has the section");
    let block = section.split("```sh\n").nth(2).unwrap().split("```").next().unwrap();
    let lines = block.replace("\\\n", " ");
    let lines: Vec<&str> = lines.lines().filter(|line| line.starts_with("curl")).collect();
    assert_eq!(lines.len(), 3, "{block}");

    let folder = tempfile::tempdir().unwrap();
    let bank = Bank::start(folder.path());
    let mut answers = Vec::new();
    for line in lines {
        assert!(line.contains("localhost:8080"), "{line}");
        let line = line.replace("localhost:8080", &bank.address.to_string());
        let line = line.replacen("curl", "curl --silent --show-error --fail-with-body", 1);
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        answers.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(answers[1].contains(r#""balance":"125.50""#), "{}", answers[1]);
    assert!(answers[2].contains("money-deposited"), "{}", answers[2]);
}
