//! The generated documentation: the text of the bank's pages, as a reader sees it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::OnceLock;

use banking_domain::{
    Account, CloseAccount, DepositMoney, OpenAccount, ReceiveTransfer, TransferMoney, WithdrawMoney,
};
use fluvius_core::{Aggregate, Command};

#[test]
fn the_page_of_a_command_has_its_key_event_and_fields() {
    let page = Page::of("struct.DepositMoney.html");
    assert_eq!(page.summary(), "Deposit money into the account.");
    page.assert_shows(&["Key: deposit-money", "Event: MoneyDeposited, money-deposited"]);
    page.assert_shows(&["Resources: bank-account"]);
    page.assert_links("struct.Account.html#method.deposit_money", "Account::deposit_money");
    page.assert_links("struct.MoneyDeposited.html", "MoneyDeposited");
    let field = "Amount to deposit, in the account’s currency; more than zero.";
    assert_eq!(page.field("amount"), ("amount: Decimal".to_owned(), field.to_owned()));
    let example: DepositMoney = serde_json::from_str(&page.example()).unwrap();
    assert_eq!(example.amount.to_string(), "10.00");
}

#[test]
fn the_page_of_a_command_has_each_field_and_its_aliases() {
    let page = Page::of("struct.TransferMoney.html");
    let summary = "Transfer money to another account, which receives it in the same unit of work.";
    assert_eq!(page.summary(), summary);
    page.assert_shows(&["Key: transfer-money", "Event: MoneyTransferred, money-transferred"]);
    page.assert_links("struct.Account.html#method.transfer_money", "Account::transfer_money");
    let amount = "Amount to transfer, in the account’s currency; more than zero.";
    assert_eq!(page.field("amount"), ("amount: Decimal".to_owned(), amount.to_owned()));
    let (_, recipient) = page.field("recipient_id");
    assert!(recipient.starts_with("Account that receives the amount."), "{recipient}");
    assert!(recipient.contains("Also read as recipient."), "{recipient}");
    let example: TransferMoney = serde_json::from_str(&page.example()).unwrap();
    assert!(!example.recipient_id.is_nil());
    assert!(!page.text().contains("cx"), "the context is no field");
}

#[test]
fn every_command_has_a_page_with_an_example_that_decodes() {
    check_command::<OpenAccount>();
    check_command::<DepositMoney>();
    check_command::<WithdrawMoney>();
    check_command::<TransferMoney>();
    check_command::<ReceiveTransfer>();
    check_command::<CloseAccount>();
}

#[test]
fn the_page_of_an_aggregate_lists_commands_and_events() {
    let page = Page::of("struct.Account.html");
    let revision = "States and events are written at revision 1.";
    assert!(page.text().contains(revision), "{}", page.text());
    let rows = page.table();
    let expected = [
        ["OpenAccount", "open-account", "AccountOpened", "Open a new bank account."],
        ["DepositMoney", "deposit-money", "MoneyDeposited", "Deposit money into the account."],
        ["WithdrawMoney", "withdraw-money", "MoneyWithdrawn", "Withdraw money from the account."],
        [
            "TransferMoney",
            "transfer-money",
            "MoneyTransferred",
            "Transfer money to another account, which receives it in the same unit of work.",
        ],
        [
            "ReceiveTransfer",
            "receive-transfer (internal: only other actions run it)",
            "TransferReceived",
            "Receive the money of another account’s transfer.",
        ],
        ["CloseAccount", "close-account", "AccountClosed", "Close an empty account."],
    ];
    assert_eq!(rows, expected);
    for [command, _, event, _] in expected {
        page.assert_links(&format!("struct.{command}.html"), command);
        page.assert_links(&format!("struct.{event}.html"), event);
    }
}

#[test]
fn the_page_of_an_event_has_its_key_and_links_its_command() {
    let page = Page::of("struct.MoneyDeposited.html");
    page.assert_shows(&["money deposited", "Key: money-deposited"]);
    page.assert_links("struct.DepositMoney.html", "DepositMoney");
    page.assert_links("struct.Account.html#method.deposit_money", "Account::deposit_money");
    let field = "Amount to deposit, in the account’s currency; more than zero.";
    assert_eq!(page.field("amount").1, field);
}

/// Compares the page of a command with its descriptor.
fn check_command<C: Command>() {
    let action = C::ACTION;
    let page = Page::of(&format!("struct.{}.html", action.command));
    let docs = action.docs.replace('\'', "’");
    assert_eq!(page.summary(), docs.lines().next().unwrap(), "{}", action.command);
    page.assert_shows(&[&format!("Key: {}", action.key)]);
    let event = action.event.unwrap();
    page.assert_shows(&[&format!("Event: {}, {}", event.name, event.key)]);
    page.assert_shows(&[&format!("Resources: {}", action.resources.join(", "))]);
    let method = format!("struct.{}.html#method.{}", "Account", action.method);
    page.assert_links(&method, &format!("Account::{}", action.method));
    for field in action.fields {
        let (declared, docs) = page.field(field.name);
        assert_eq!(declared, format!("{}: {}", field.name, field.type_name));
        assert!(docs.starts_with(&field.docs.replace('\'', "’")), "{docs}");
    }
    if let Err(error) = serde_json::from_str::<C>(&page.example()) {
        panic!("the example of {} does not decode: {error}", action.command);
    }
    assert!(Account::ACTIONS.iter().any(|listed| listed.key == action.key));
}

/// One page of the documentation.
struct Page {
    name: String,
    /// The main part, without the navigation.
    html: String,
}

impl Page {
    fn of(name: &str) -> Self {
        let path = folder().join(name);
        let html =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let start = html.find("<section id=\"main-content\"").unwrap();
        // The trait implementations are not the author's text.
        let end = html.find("id=\"trait-implementations\"").unwrap_or(html.len());
        Self { name: name.to_owned(), html: html[start..end].to_owned() }
    }

    fn text(&self) -> String {
        text_of(&self.html)
    }

    /// Returns the first paragraph.
    fn summary(&self) -> String {
        text_of(between(self.docs(), "<p>", "</p>"))
    }

    /// Returns the documentation of the item itself.
    fn docs(&self) -> &str {
        between(&self.html, "<details class=\"toggle top-doc\" open>", "</details>")
    }

    /// Returns the JSON in the first code block.
    fn example(&self) -> String {
        text_of(between(self.docs(), "<pre class=\"language-json\"><code>", "</code></pre>"))
    }

    /// Returns the declaration and the documentation of a field.
    fn field(&self, name: &str) -> (String, String) {
        let id = format!("id=\"structfield.{name}\"");
        let at = self.html.find(&id).unwrap_or_else(|| panic!("{}: no {name}", self.name));
        let rest = &self.html[at..];
        let declared = text_of(between(rest, "<code>", "</code>"));
        (declared, text_of(between(rest, "<div class=\"docblock\">", "</div>")))
    }

    /// Returns the rows of the first table under "Commands and events", without its header.
    fn table(&self) -> Vec<[String; 4]> {
        let at = self.html.find("Commands and events").unwrap();
        let table = between(&self.html[at..], "<tbody>", "</tbody>");
        let rows = table.split("</tr>").filter(|row| row.contains("<td>"));
        rows.map(|row| {
            let cells: Vec<String> =
                row.split("</td>").map(text_of).filter(|cell| !cell.is_empty()).collect();
            cells.try_into().unwrap()
        })
        .collect()
    }

    fn assert_shows(&self, texts: &[&str]) {
        let shown = text_of(self.docs());
        for text in texts {
            assert!(shown.contains(text), "{}: `{text}` is not in {shown}", self.name);
        }
    }

    fn assert_links(&self, target: &str, shown: &str) {
        let is_linked = self.html.split("<a ").any(|link| {
            let link = link.split("</a>").next().unwrap_or_default();
            link.contains(&format!("href=\"{target}\""))
                && link.split_once('>').is_some_and(|(_, inner)| text_of(inner) == shown)
        });
        assert!(is_linked, "{}: no link `{shown}` to {target}", self.name);
    }
}

fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(start).unwrap_or_else(|| panic!("no {start} in {html}"));
    rest.split_once(end).map_or(rest, |(inner, _)| inner)
}

/// Returns the visible text: no tags, entities as characters, each run of white space as one space.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if !is_tag => text.push(letter),
            _ => {}
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let text = text.replace("&#39;", "'").replace("&nbsp;", " ").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the folder with the documentation of the bank. It is built once per run, in a target
/// folder of its own, so that cargo rebuilds only changed crates.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs_text");
        let output = Process::new(env!("CARGO"))
            .args(["doc", "--package", "banking-domain", "--no-deps", "--quiet", "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("RUSTDOCFLAGS", "-D warnings")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        target.join("doc").join("banking_domain")
    })
}
