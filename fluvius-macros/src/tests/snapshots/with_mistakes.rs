/**# Commands and events

States and events are written at revision 1.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`DepositMoney`](type@DepositMoney) | `deposit-money` | [`MoneyDeposited`](type@MoneyDeposited) | Command `deposit-money`. |
///| [`CloseAccount`](type@CloseAccount) | `close-account` | [`AccountClosed`](type@AccountClosed) | Command `close-account`. |
impl Account {
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    pub fn deposit_money(
        &mut self,
        amount: Decimal,
        note: &str,
    ) -> Result<(), AccountError> {
        self.balance += amount;
        Ok(())
    }
    pub fn close_account(self) -> Result<(), AccountError> {
        Ok(())
    }
}
/**Command `deposit-money`.

- Key: `deposit-money`
- Runs [`Account::deposit_money`], which changes the root; where there is none, the answer is `not-found`
- Event: [`MoneyDeposited`](type@MoneyDeposited), `money-deposited`
- Resources: `bank-account`

# Example

```json
{ "amount": "10.00" }
```*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde", deny_unknown_fields)]
pub struct DepositMoney {
    ///Parameter `amount` of `Account::deposit_money`.
    pub amount: Decimal,
}
/**What happened to a `bank-account`: money deposited.

- Key: `money-deposited`
- Comes from the command [`DepositMoney`](type@DepositMoney), run by [`Account::deposit_money`]*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde")]
pub struct MoneyDeposited {
    ///Parameter `amount` of `Account::deposit_money`.
    pub amount: Decimal,
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for MoneyDeposited {
        type Aggregate = Account;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "money-deposited",
            "MoneyDeposited",
            "What happened to a `bank-account`: money deposited.",
        );
    }
    #[automatically_derived]
    impl __fluvius::Command for DepositMoney {
        type Aggregate = Account;
        type Output = Account;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "DepositMoney",
            method: "deposit_money",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Changes,
            event: __fluvius::event_of::<MoneyDeposited>(),
            resources: &["bank-account"],
            fields: &[__fluvius::FieldDescriptor::of("amount", "Decimal", "")],
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("deposit-money")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|_, _| {
            __fluvius::core::unreachable!()
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< DepositMoney as __fluvius::Command > ::ACTION)
    }
};
/**Command `close-account`.

- Key: `close-account`
- Runs [`Account::close_account`], which closes the root; where there is none, the answer is `not-found`, and so it is for every later command
- Event: [`AccountClosed`](type@AccountClosed), `account-closed`
- Resources: `bank-account`

# Example

```json
{}
```*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde", deny_unknown_fields)]
pub struct CloseAccount {}
/**What happened to a `bank-account`: account closed.

- Key: `account-closed`
- Comes from the command [`CloseAccount`](type@CloseAccount), run by [`Account::close_account`]*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde")]
pub struct AccountClosed {}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for AccountClosed {
        type Aggregate = Account;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "account-closed",
            "AccountClosed",
            "What happened to a `bank-account`: account closed.",
        );
    }
    #[automatically_derived]
    impl __fluvius::Command for CloseAccount {
        type Aggregate = Account;
        type Output = Account;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "CloseAccount",
            method: "close_account",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Closes,
            event: __fluvius::event_of::<AccountClosed>(),
            resources: &["bank-account"],
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("close-account")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_result = <Account>::close_account(
                __fluvius_call.state::<Account>(),
            );
            __fluvius::kept(__fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< CloseAccount as __fluvius::Command > ::ACTION)
    }
};
///All commands of [`Account`](type@Account), one variant each.
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
pub enum AccountCommand {
    ///Command `deposit-money`.
    DepositMoney(DepositMoney),
    ///Command `close-account`.
    CloseAccount(CloseAccount),
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::CommandRecord>
    for AccountCommand {
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_command_record as read;
            match __fluvius_record.key() {
                "deposit-money" => read(__fluvius_record).map(Self::DepositMoney),
                "close-account" => read(__fluvius_record).map(Self::CloseAccount),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__fluvius_record, "Account"),
                    )
                }
            }
        }
    }
};
///All events of [`Account`](type@Account), one variant each.
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
pub enum AccountEvent {
    ///What happened to a `bank-account`: money deposited.
    MoneyDeposited(MoneyDeposited),
    ///What happened to a `bank-account`: account closed.
    AccountClosed(AccountClosed),
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for AccountEvent {
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_event as read;
            match __fluvius_record.key() {
                "money-deposited" => read(__fluvius_record).map(Self::MoneyDeposited),
                "account-closed" => read(__fluvius_record).map(Self::AccountClosed),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__fluvius_record, "Account"),
                    )
                }
            }
        }
    }
};
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    impl Account {
        #[doc(hidden)]
        const __MERGE_THE_AGGREGATE_BLOCKS_OF_THIS_TYPE_INTO_ONE: () = ();
    }
    #[automatically_derived]
    impl __fluvius::Aggregate for Account {
        const RESOURCES: &'static [&'static str] = &["bank-account"];
        const REVISION: u32 = 1u32;
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            <DepositMoney as __fluvius::Command>::ACTION,
            <CloseAccount as __fluvius::Command>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            <MoneyDeposited as __fluvius::Event>::EVENT,
            <AccountClosed as __fluvius::Event>::EVENT,
        ];
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = AccountCommand;
        type Event = AccountEvent;
    }
};
compile_error! {
    "`#[acton]` is not known here; did you mean `#[action(..)]`?"
}
compile_error! {
    "an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is lent: `&mut ActionContext`)"
}
