//! The tools of the bank on standard input and output, as a client starts them.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const KEY: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

/// A running bank. Dropping its input ends it.
struct Bank {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Bank {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_banking-domain"))
            .args(["serve", "--mcp-stdio", "--store", "memory"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.write(&request.to_string());
        let answer = self.read();
        assert_eq!(answer["id"], 7, "{answer}");
        answer["result"].clone()
    }

    fn call(&mut self, name: &str, arguments: &Value) -> Value {
        self.request("tools/call", &json!({ "name": name, "arguments": arguments }))
    }
}

#[test]
fn tools_work_over_standard_input_and_output() {
    let mut bank = Bank::start();
    let client = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    assert_eq!(bank.request("initialize", &client)["protocolVersion"], "2025-11-25");
    bank.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let tools = bank.request("tools/list", &json!({}));
    let names: Vec<&str> = tools["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"transfer-money"), "{names:?}");
    assert!(!names.contains(&"receive-transfer"), "{names:?}");

    let account = json!({ "account_number": "1", "owner_name": "Ada", "initial_deposit": "5.00" });
    let open = json!({ "payload": account, "idempotency_key": KEY });
    let opened = bank.call("open-account", &open);
    assert_eq!(opened["structuredContent"]["data"]["balance"], "5.00");
    assert_eq!(bank.call("open-account", &open), opened);
    let id = &opened["structuredContent"]["identifier"];
    let withdrawn = bank.call("withdraw-money", &json!({ "id": id, "payload": { "amount": "9" } }));
    assert_eq!(withdrawn["isError"], true);
    assert_eq!(withdrawn["structuredContent"]["rejection"], "insufficient-funds");

    // A number that a float would round is an error, and a line that is no message has an answer.
    bank.write(
        &format!(
            r#"{{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{{"name":"deposit-money",
        "arguments":{{"id":{id},"payload":{{"amount":0.12345678901234567890}}}}}}}}"#
        )
        .replace('\n', " "),
    );
    assert_eq!(bank.read()["result"]["structuredContent"]["code"], "invalid-payload");
    bank.write("{");
    assert_eq!(bank.read()["error"]["code"], -32700);
    let read = bank.call("bank-account_get", &json!({ "id": id }));
    assert_eq!(read["structuredContent"]["version"], 1);

    let Bank { mut process, input, .. } = bank;
    drop(input);
    assert!(process.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn signal_ends_a_bank_that_waits_for_input() {
    let mut bank = Bank::start();
    bank.write(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    bank.read();
    let id = bank.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(bank.process.wait().unwrap().success());
}
