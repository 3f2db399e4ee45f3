/**# Commands and events

States and events are written at revision 1.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`OpenAccount`](type@OpenAccount) | `open-account` | [`AccountOpened`](type@AccountOpened) | Open a new bank account. |
///| [`DepositMoney`](type@DepositMoney) | `deposit-money` | [`MoneyDeposited`](type@MoneyDeposited) | Deposit money into the account. |
impl Account {
    #[allow(clippy::needless_pass_by_value)]
    /// Open a new bank account.
    pub fn open_account(owner_name: String) -> Result<Self, AccountError> {
        Ok(Self {
            owner_name,
            balance: Decimal::ZERO,
        })
    }
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    /// Deposit money into the account.
    pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), AccountError> {
        self.balance += amount;
        Ok(())
    }
    /// Not an action: passes by as it is.
    pub fn is_empty<T: Into<Decimal>>(&self, limit: T) -> bool {
        self.balance <= limit.into()
    }
}
/**Open a new bank account.

- Key: `open-account`
- Runs [`Account::open_account`], which creates the root; where there is one, the answer is `already-exists`
- Event: [`AccountOpened`](type@AccountOpened), `account-opened`
- Resources: `bank-account`

# Example

```json
{ "owner_name": "text" }
```*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde", deny_unknown_fields)]
pub struct OpenAccount {
    ///Parameter `owner_name` of `Account::open_account`.
    pub owner_name: String,
}
/**What happened to a `bank-account`: account opened.

- Key: `account-opened`
- Comes from the command [`OpenAccount`](type@OpenAccount), run by [`Account::open_account`]*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde")]
pub struct AccountOpened {
    ///Parameter `owner_name` of `Account::open_account`.
    pub owner_name: String,
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for AccountOpened {
        type Aggregate = Account;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "account-opened",
            "AccountOpened",
            "What happened to a `bank-account`: account opened.",
        );
    }
    #[automatically_derived]
    impl __fluvius::Command for OpenAccount {
        type Aggregate = Account;
        type Output = Account;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "OpenAccount",
            method: "open_account",
            docs: "Open a new bank account.",
            lifecycle: __fluvius::Lifecycle::Creates,
            event: __fluvius::event_of::<AccountOpened>(),
            resources: &["bank-account"],
            fields: &[__fluvius::FieldDescriptor::of("owner_name", "String", "")],
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("open-account")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_command = __fluvius_call.command::<OpenAccount>();
            let __fluvius_result = <Account>::open_account(__fluvius_command.owner_name);
            __fluvius::created::<Account, _>(__fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< OpenAccount as __fluvius::Command > ::ACTION)
    }
    __fluvius::assert_payload_field::<String>();
};
/**Deposit money into the account.

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
            docs: "Deposit money into the account.",
            lifecycle: __fluvius::Lifecycle::Changes,
            event: __fluvius::event_of::<MoneyDeposited>(),
            resources: &["bank-account"],
            fields: &[__fluvius::FieldDescriptor::of("amount", "Decimal", "")],
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("deposit-money")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_command = __fluvius_call.command::<DepositMoney>();
            let mut __fluvius_state = __fluvius_call.state::<Account>();
            let __fluvius_result = <Account>::deposit_money(
                &mut __fluvius_state,
                __fluvius_command.amount,
            );
            __fluvius::changed(__fluvius_state, __fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< DepositMoney as __fluvius::Command > ::ACTION)
    }
    __fluvius::assert_payload_field::<Decimal>();
};
///All commands of [`Account`](type@Account), one variant each.
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
pub enum AccountCommand {
    ///Open a new bank account.
    OpenAccount(OpenAccount),
    ///Deposit money into the account.
    DepositMoney(DepositMoney),
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
                "open-account" => read(__fluvius_record).map(Self::OpenAccount),
                "deposit-money" => read(__fluvius_record).map(Self::DepositMoney),
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
    ///What happened to a `bank-account`: account opened.
    AccountOpened(AccountOpened),
    ///What happened to a `bank-account`: money deposited.
    MoneyDeposited(MoneyDeposited),
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
                "account-opened" => read(__fluvius_record).map(Self::AccountOpened),
                "money-deposited" => read(__fluvius_record).map(Self::MoneyDeposited),
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
            <OpenAccount as __fluvius::Command>::ACTION,
            <DepositMoney as __fluvius::Command>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            <AccountOpened as __fluvius::Event>::EVENT,
            <MoneyDeposited as __fluvius::Event>::EVENT,
        ];
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = AccountCommand;
        type Event = AccountEvent;
    }
};
