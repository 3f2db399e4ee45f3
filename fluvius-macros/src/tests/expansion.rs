//! The expansion of each kind of action, as snapshot files.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Root;

use super::{aggregate, deposit, pretty};

fn check_expansion(tokens: TokenStream, expected: ExpectFile) {
    expected.assert_eq(&pretty(tokens));
}

#[test]
fn expands_two_actions() {
    let deposit = deposit();
    check_expansion(
        aggregate(
            quote!(resource = "bank-account"),
            quote! {
                impl Account {
                    /// Open a new bank account.
                    #[action(evt_key = "account-opened", resources = ["bank-account"])]
                    pub fn open_account(owner_name: String) -> Result<Self, AccountError> {
                        Ok(Self { owner_name, balance: Decimal::ZERO })
                    }

                    #deposit

                    /// Not an action: passes by as it is.
                    pub fn is_empty<T: Into<Decimal>>(&self, limit: T) -> bool {
                        self.balance <= limit.into()
                    }
                }
            },
        ),
        expect_file!["./snapshots/two_actions.rs"],
    );
}

#[test]
fn expands_an_asynchronous_action_with_context_and_secret() {
    check_expansion(
        aggregate(
            quote!(
                name = "EurAccount",
                resources = ["eur-account", "usd-account"],
                revision = 3,
                schema = "required",
                upcast = crate::upcast_account,
                index(owner_name: text, r#type: number, "address.city": text),
                crate = "::facade"
            ),
            quote! {
                /// Accounts in euros.
                #[allow(clippy::missing_errors_doc)]
                impl crate::Account<Eur> {
                    /// Transfer money, see [`Account`].
                    ///
                    /// ```
                    /// account.transfer_money(cx, 1.into(), "1".into())?;
                    /// ```
                    #[deprecated(since = "1.2.0", note = "use `pay`")]
                    #[action(
                        evt_key = "money-transferred", timeout = "2m", if_match = "required",
                        body_limit = 65_536, sunset = "2027-06-30", mcp = false
                    )]
                    pub async fn transfer_money(
                        &mut self,
                        amount: Decimal,
                        cx: &mut ActionContext,
                        /// The PIN of the card.
                        #[arg(secret, default = "0000", schema = crate::pin_schema)]
                        pin: String,
                        #[arg(alias = "recipient", alias = "to")] recipient_id: Uuid,
                    ) -> Result<(), AccountError> {
                        Ok(())
                    }

                    #[cfg(feature = "closing")]
                    #[deprecated(note = "use `end`")]
                    #[action(
                        evt_key = "account-closed", internal, key = "end", command = "EndAccount"
                    )]
                    pub fn close_account(self) -> Result<(), Infallible> {
                        Ok(())
                    }
                }
            },
        ),
        expect_file!["./snapshots/asynchronous_with_secret.rs"],
    );
}

#[test]
fn expands_actions_that_return_data() {
    check_expansion(
        aggregate(
            quote!(),
            quote! {
                impl SavingsAccount {
                    /// Read the balance.
                    #[action]
                    pub fn read_balance(&self) -> Result<Decimal, Infallible> {
                        Ok(self.balance)
                    }

                    /// Add the interest of a month, and tell how much it was.
                    #[action(evt_key = "interest-added")]
                    pub fn add_interest(
                        &mut self,
                        #[arg(default = Self::RATE, example = "0.02")] rate: Decimal,
                        #[arg(rename = "at")] r#as: Option<Kind>,
                    ) -> BankResult<Interest<Self>> {
                        self.add(rate)
                    }
                }
            },
        ),
        expect_file!["./snapshots/data_returning.rs"],
    );
}

#[test]
fn keeps_the_sound_actions_of_a_block_with_mistakes() {
    check_expansion(
        aggregate(
            quote!(resource = "bank-account"),
            quote! {
                impl Account {
                    #[action(evt_key = "money-deposited")]
                    pub fn deposit_money(
                        &mut self, amount: Decimal, note: &str
                    ) -> Result<(), AccountError> {
                        self.balance += amount;
                        Ok(())
                    }

                    #[acton(evt_key = "account-closed")]
                    pub fn close_account(self) -> Result<(), AccountError> { Ok(()) }
                }
            },
        ),
        expect_file!["./snapshots/with_mistakes.rs"],
    );
}

#[test]
fn cleans_a_block_for_which_nothing_can_be_generated() {
    check_expansion(
        aggregate(
            quote!(),
            quote! {
                impl<T> Account<T> {
                    #[action(evt_key = "money-deposited")]
                    pub fn deposit_money(
                        &mut self, /** Amount. */ #[arg(secret)] amount: T
                    ) -> Result<(), AccountError> {
                        Ok(())
                    }
                }
            },
        ),
        expect_file!["./snapshots/generic_block.rs"],
    );
}

/// STYLE P50.
#[test]
fn keeps_the_block_while_a_method_is_half_typed() {
    let tokens = aggregate(
        quote!(resource = "bank-account"),
        quote! {
            impl Account {
                #![allow(dead_code)]

                #[action(evt_key = "money-deposited")]
                pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), AccountError> {
                    self.balance.
                }

                #[action(evt_key = "money-withdrawn")]
                pub fn withdraw_money(&mut self, amount: ) -> Result<(), AccountError> {}
            }
        },
    );
    let text = tokens.to_string();
    assert!(text.contains("self . balance . }"), "bodies are never inspected");
    assert!(text.contains("fn withdraw_money (& mut self , amount :)"), "heads are kept");
    assert!(text.contains("struct DepositMoney"), "sound heads yield their structs");
    assert!(text.contains("impl Account { # ! [allow (dead_code)]"));
    assert!(!text.contains("[action"));
}

/// The page of the event shows the type as written, not a projection of it.
#[test]
fn data_of_an_event_has_the_type_as_written() {
    let tokens = aggregate(
        quote!(),
        quote! {
            impl Account {
                #[action(evt_key = "others-merged")]
                pub fn merge(&mut self) -> Result<Vec<Self>, Never> {}
            }
        },
    );
    let text = tokens.to_string();
    assert!(text.contains("pub data : Vec < Account >"));
    assert!(text.contains("type Output = Vec < Account >"));
}

/// STYLE P49.
#[test]
fn names_the_framework_only_by_the_given_path() {
    let tokens = aggregate(
        quote!(crate = "::facade"),
        quote! {
            impl Account {
                #[action(evt_key = "pin-set")]
                pub async fn set_pin(&mut self, #[arg(secret)] pin: u8) -> Result<u8, Never> {}
            }
        },
    );
    let text = tokens.to_string();
    assert!(text.contains("facade"));
    assert!(!text.contains(":: fluvius ::"));
}

#[test]
fn each_root_has_its_own_path() {
    let domain = || {
        quote! {
            #[domain(aggregates(Account))]
            pub struct BankDomain;
        }
    };
    let of_root = |root| crate::pipeline::domain(root, domain()).to_string();
    let (facade, core) = (of_root(Root::Facade), of_root(Root::Core));
    assert!(facade.contains(":: fluvius :: __private"), "{facade}");
    assert!(core.contains(":: fluvius_core :: __private"), "{core}");
    assert_eq!(core.replace("fluvius_core", "fluvius"), facade);
}

#[test]
fn expands_a_domain() {
    check_expansion(
        crate::pipeline::domain(
            Root::Facade,
            quote! {
                /// Domain for managing bank account transactions.
                #[domain(
                    aggregates(Account, crate::Ledger), revision = 1, tags("banking", "finance")
                )]
                pub struct TransactionManagerDomain;
            },
        ),
        expect_file!["./snapshots/domain.rs"],
    );
}

#[test]
fn expands_a_rejection() {
    check_expansion(
        crate::pipeline::rejection(
            Root::Facade,
            quote! {
                pub enum AccountError {
                    /// The balance is less than the amount.
                    #[error("Insufficient funds")]
                    InsufficientFunds,
                    #[error("{} is over the limit of {limit}", amount)]
                    #[rejection(code = "limit", status = 402)]
                    LimitReached { amount: Decimal, limit: Decimal },
                    #[rejection(transparent)]
                    Context(#[from] ContextError),
                }
            },
        ),
        expect_file!["./snapshots/rejection.rs"],
    );
}
