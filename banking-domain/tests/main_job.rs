//! The main job as a user runs it, and the size of the library.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Upper bound of the library's lines, without blank lines and comments.
const MAX_LINES: usize = 130;

#[test]
fn main_job_prints_balances_transactions_and_events() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let stdout = text(&output.stdout);
    let (job, table) = stdout.split_once("\n\n").unwrap();
    let lines: Vec<&str> = job.lines().collect();
    let [initial, withdrawn, deposited, transferred, last, recipient] = lines[..] else {
        panic!("{job}");
    };
    assert_eq!(initial, "Initial balance: 1000.00");
    assert_transaction(withdrawn, "withdraw-money", 2, "money-withdrawn", "980.00");
    assert_transaction(deposited, "deposit-money", 3, "money-deposited", "990.00");
    assert_transaction(transferred, "transfer-money", 4, "money-transferred", "960.00");
    assert_eq!(last, "Final balance: 960.00");
    assert_eq!(recipient, "Recipient's balance: 30.00");
    assert_table(table);
}

#[test]
fn amounts_are_taken_from_the_arguments() {
    let output = run(&["--withdraw", "1000", "--deposit", "0.01", "--transfer", "0.01"]);
    assert_eq!(output.status.code(), Some(0));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("\nFinal balance: 0.00\nRecipient's balance: 0.01\n"), "{stdout}");
}

#[test]
fn rejected_command_prints_its_code_and_the_others_run() {
    let funds = "insufficient-funds: Insufficient funds";
    check_rejected(
        &["--transfer", "5000.00"],
        funds,
        &["withdraw-money", "deposit-money"],
        "990.00",
    );
    let positive = "withdrawal-not-positive: Withdrawal amount must be positive";
    check_rejected(&["--withdraw", "-1"], positive, &["deposit-money", "transfer-money"], "980.00");
    let positive = "deposit-not-positive: Deposit amount must be positive";
    check_rejected(&["--deposit", "0"], positive, &["withdraw-money", "transfer-money"], "950.00");
}

#[test]
fn amount_that_is_no_number_is_an_invalid_payload() {
    let output = run(&["--transfer", "ten"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with(
            "invalid-payload: the payload of `transfer-money` is not valid at `amount`"
        ),
        "{stderr}"
    );
}

#[test]
fn invalid_arguments_end_with_2_and_the_usage() {
    for args in [&["--borrow", "1"][..], &["--transfer"], &["1"], &[""]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains("Usage: banking-domain") || stderr.contains("--help"), "{stderr}");
    }
}

#[test]
fn help_lists_the_arguments() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let stdout = text(&output.stdout);
    for name in ["--withdraw", "--deposit", "--transfer", "--store", "sqlite:bank.db"] {
        assert!(stdout.contains(name), "{stdout}");
    }
}

#[test]
fn closed_pipe_ends_the_output_and_not_the_job() {
    let folder = tempfile::tempdir().unwrap();
    for (args, code) in [(&[][..], 0), (&["--transfer", "5000.00"], 1), (&["--help"], 0)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_banking-domain"))
            .args(args)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let stderr = text(&output.stderr);
        assert!(!stderr.contains("panicked") && !stderr.contains("pipe"), "{stderr}");
    }
    // Both jobs ran to their end: the second one without its transfer.
    let output = run_in(folder.path(), &["--store", "sqlite:bank.db"]);
    let stdout = text(&output.stdout);
    assert!(stdout.contains("Initial balance: 950.00"), "{stdout}");
}

#[test]
#[cfg(not(feature = "postgres"))]
fn postgres_store_requires_the_feature() {
    let output = run_in(Path::new("."), &["--store", "postgres://bank:s3cret@localhost/bank"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("cargo run -p banking-domain --features postgres -- --store"),
        "{stderr}"
    );
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
#[cfg(feature = "postgres")]
fn unreachable_postgres_server_is_reported_with_its_cause() {
    let output = run_in(Path::new("."), &["--store", "postgres://bank:s3cret@127.0.0.1:1/bank"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("the PostgreSQL server cannot be reached"), "{stderr}");
    assert!(stderr.contains(": Connection refused"), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn library_is_short_and_has_no_macros_of_its_own() {
    let mut line_count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("bin") {
            continue;
        }
        assert_eq!(path.extension(), Some("rs".as_ref()), "{}", path.display());
        let source = fs::read_to_string(&path).unwrap();
        assert!(!source.contains("macro_rules"), "{}", path.display());
        assert!(!source.contains("/*"), "block comments are not counted correctly");
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        line_count += source.lines().filter(is_code).count();
    }
    assert!(line_count > 0, "the library was not found");
    assert!(line_count < MAX_LINES, "{line_count} lines");
}

/// Runs the binary. Expects this error output, these applied commands, this final balance, and exit
/// code 1.
fn check_rejected(args: &[&str], error: &str, done: &[&str], balance: &str) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert_eq!(text(&output.stderr), format!("{error}\n"));
    let stdout = text(&output.stdout);
    let transactions: Vec<&str> =
        stdout.lines().filter_map(|line| line.strip_prefix("Transaction: ")).collect();
    assert_eq!(transactions.len(), done.len(), "{stdout}");
    assert!(transactions.iter().zip(done).all(|(line, key)| line.starts_with(key)), "{stdout}");
    assert!(stdout.contains(&format!("\nFinal balance: {balance}\n")), "{stdout}");
}

fn assert_transaction(line: &str, command: &str, version: u64, event: &str, balance: &str) {
    let (about, state) = line.split_once(": {").unwrap();
    let (start, end) = (
        format!("Transaction: {command} on bank-account/"),
        format!(", version {version}, {event}"),
    );
    assert!(about.starts_with(&start) && about.ends_with(&end), "{line}");
    assert!(state.contains(&format!("\"balance\":\"{balance}\"")), "{line}");
}

/// Compares the event log: a header and six events, in columns, ordered by position.
fn assert_table(table: &str) {
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["position", "account", "version", "event", "arguments"]);
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    let accounts: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    let [recipient, account] = [accounts[0], accounts[1]];
    let listed: Vec<(&str, &str, &str)> = rows.iter().map(|row| (row[1], row[2], row[3])).collect();
    let expected = [
        (recipient, "1", "account-opened"),
        (account, "1", "account-opened"),
        (account, "2", "money-withdrawn"),
        (account, "3", "money-deposited"),
        (account, "4", "money-transferred"),
        (recipient, "2", "transfer-received"),
    ];
    assert_eq!(listed, expected);
    assert_ne!(recipient, account);
    let positions: Vec<u64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(positions.is_sorted_by(|one, other| one < other), "{positions:?}");
    assert_eq!(rows[2][4], r#"{"amount":"20.00"}"#);
    assert!(rows[4][4].contains(recipient) && rows[5][4].contains(account), "{table}");
}

#[test]
fn second_run_continues_with_the_accounts_and_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let named = format!("sqlite:{}", folder.path().join("bank.db").display());
    // The default is the same file.
    let first = run_in(folder.path(), &[]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let second = run_in(folder.path(), &["--store", &named]);
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    let (first, second) = (text(&first.stdout), text(&second.stdout));
    assert!(
        second.starts_with(
            "Found account 987654321 of Jane Roe: 30.00\n\
             Found account 123456789 of John Doe: 960.00\n\
             Initial balance: 960.00\n"
        ),
        "{second}"
    );
    assert!(second.contains("\nFinal balance: 920.00\nRecipient's balance: 60.00\n"), "{second}");
    let [first, second] = [&first, &second].map(|out| out.split_once("\n\n").unwrap().1);
    let added = second.strip_prefix(first).unwrap();
    assert_eq!(added.lines().count(), 4, "{second}");
}

#[test]
fn store_that_cannot_be_opened_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "no database, but long enough for the check of the file header").unwrap();
    let output = run_in(folder.path(), &["--store", "sqlite:notes.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("notes.txt"), "{}", text(&output.stderr));
    assert!(fs::read_to_string(&file).unwrap().starts_with("no database"));
    for store in ["sqlite:", "oracle", ""] {
        let output = run_in(folder.path(), &["--store", store]);
        assert_eq!(output.status.code(), Some(2), "{store}");
        assert!(
            text(&output.stderr).contains("invalid value of `--store`"),
            "{}",
            text(&output.stderr)
        );
    }
}

/// Runs the binary with the memory store.
fn run(args: &[&str]) -> Output {
    run_in(Path::new("."), &[args, &["--store", "memory"]].concat())
}

fn run_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banking-domain"));
    command.current_dir(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
