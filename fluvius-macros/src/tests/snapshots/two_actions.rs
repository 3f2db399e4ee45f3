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
mod merge_the_aggregate_blocks_of_account_into_one_0 {
    ::fluvius::__private::guard!(__fluvius_block_2a3e4e56dd96d6e1);
}
mod two_commands_are_named_open_account_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_2a3e4e56dd96d6e1);
}
/**Open a new bank account.

- Key: `open-account`
- Runs [`Account::open_account`], which creates the aggregate; where there is one, the answer is `already-exists`
- Event: [`AccountOpened`](type@AccountOpened), `account-opened`
- Resources: `bank-account`

# Example

```json
{ "owner_name": "text" }
```*/
pub struct OpenAccount {
    ///Parameter `owner_name` of `Account::open_account`.
    pub owner_name: String,
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    __fluvius::fields! {
        OpenAccount["OpenAccount" "for<'f> __Field0: _serde::PayloadField"
        deny_unknown_fields] { owner_name : __Field0 = String }
    }
    #[automatically_derived]
    impl __fluvius::Command for OpenAccount
    where
        for<'f> Account: __fluvius::AggregateState,
        for<'f> OpenAccount: __fluvius::PayloadField,
        for<'f> AccountError: __fluvius::ActionError,
    {
        type Aggregate = Account;
        type Output = __fluvius::Arc<Account>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "OpenAccount",
            method: "open_account",
            docs: "Open a new bank account.",
            lifecycle: __fluvius::Lifecycle::Create,
            event: __fluvius::probe!(AccountOpened, RECORDED),
            resources: &["bank-account"],
            fields: &[__fluvius::field!("owner_name", "String", "", String)],
            codes: __fluvius::probe!(AccountError, CODES),
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
    __fluvius::submit_action!(OpenAccount);
    __fluvius::assert_payload_field::<String>();
    __fluvius::assert_rejection::<AccountError>();
};
/**Event of a `bank-account`: account opened.

- Key: `account-opened`
- Comes from the command [`OpenAccount`](type@OpenAccount), run by [`Account::open_account`]*/
pub struct AccountOpened {
    ///Parameter `owner_name` of `Account::open_account`.
    pub owner_name: String,
}
::fluvius::__private::event! {
    [] AccountOpened of Account, "account-opened",
    "Event of a `bank-account`: account opened.", ["AccountOpened"
    "for<'f> __Field0: _serde::PayloadField"] { owner_name : __Field0 = String }
}
mod two_commands_are_named_deposit_money_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_2a3e4e56dd96d6e1);
}
/**Deposit money into the account.

- Key: `deposit-money`
- Runs [`Account::deposit_money`], which changes the aggregate; where there is none, the answer is `not-found`
- Event: [`MoneyDeposited`](type@MoneyDeposited), `money-deposited`
- Resources: `bank-account`

# Example

```json
{ "amount": "10.00" }
```*/
pub struct DepositMoney {
    ///Parameter `amount` of `Account::deposit_money`.
    pub amount: Decimal,
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    __fluvius::fields! {
        DepositMoney["DepositMoney" "for<'f> __Field0: _serde::PayloadField"
        deny_unknown_fields] { amount : __Field0 = Decimal }
    }
    #[automatically_derived]
    impl __fluvius::Command for DepositMoney
    where
        for<'f> Account: __fluvius::AggregateState,
        for<'f> DepositMoney: __fluvius::PayloadField,
        for<'f> AccountError: __fluvius::ActionError,
    {
        type Aggregate = Account;
        type Output = __fluvius::Arc<Account>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "DepositMoney",
            method: "deposit_money",
            docs: "Deposit money into the account.",
            lifecycle: __fluvius::Lifecycle::Update,
            event: __fluvius::probe!(MoneyDeposited, RECORDED),
            resources: &["bank-account"],
            fields: &[__fluvius::field!("amount", "Decimal", "", Decimal)],
            codes: __fluvius::probe!(AccountError, CODES),
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
            __fluvius::updated(__fluvius_state, __fluvius_result)
        });
    }
    __fluvius::submit_action!(DepositMoney);
    __fluvius::assert_payload_field::<Decimal>();
};
/**Event of a `bank-account`: money deposited.

- Key: `money-deposited`
- Comes from the command [`DepositMoney`](type@DepositMoney), run by [`Account::deposit_money`]*/
pub struct MoneyDeposited {
    ///Parameter `amount` of `Account::deposit_money`.
    pub amount: Decimal,
}
::fluvius::__private::event! {
    [] MoneyDeposited of Account, "money-deposited",
    "Event of a `bank-account`: money deposited.", ["MoneyDeposited"
    "for<'f> __Field0: _serde::PayloadField"] { amount : __Field0 = Decimal }
}
///All commands of [`Account`](type@Account), one variant each.
#[derive(::fluvius::__private::Clone, ::fluvius::__private::Debug)]
pub enum AccountCommand {
    ///Open a new bank account.
    OpenAccount(OpenAccount),
    ///Deposit money into the account.
    DepositMoney(DepositMoney),
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::CommandRecord>
    for AccountCommand {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "open-account" => __fluvius::read!(command, OpenAccount, __row),
                "deposit-money" => __fluvius::read!(command, DepositMoney, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__row, "Account"),
                    )
                }
            }
        }
    }
};
///All events of [`Account`](type@Account), one variant each.
#[derive(::fluvius::__private::Clone, ::fluvius::__private::Debug)]
pub enum AccountEvent {
    ///Event of a `bank-account`: account opened.
    AccountOpened(AccountOpened),
    ///Event of a `bank-account`: money deposited.
    MoneyDeposited(MoneyDeposited),
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for AccountEvent {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "account-opened" => __fluvius::read!(event, AccountOpened, __row),
                "money-deposited" => __fluvius::read!(event, MoneyDeposited, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__row, "Account"),
                    )
                }
            }
        }
    }
};
const _: () = {
    use ::fluvius::__private as __fluvius;
    use __fluvius::StandIn as _;
    let () = __fluvius::Probe::<()>::USED;
    #[automatically_derived]
    impl __fluvius::Aggregate for Account
    where
        for<'f> Account: __fluvius::AggregateState,
    {
        const RESOURCES: &'static [&'static str] = &["bank-account"];
        const REVISION: u32 = 1u32;
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            __fluvius::Probe::<OpenAccount>::ACTION,
            __fluvius::Probe::<DepositMoney>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            __fluvius::Probe::<AccountOpened>::EVENT,
            __fluvius::Probe::<MoneyDeposited>::EVENT,
        ];
        const STATE: __fluvius::TypeSchema = __fluvius::schema!(Account, "Account");
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = AccountCommand;
        type Event = AccountEvent;
    }
    #[automatically_derived]
    impl __fluvius::OneBlockForEachType for Account {
        type Actions = ();
        const DESCRIPTOR: &'static __fluvius::AggregateDescriptor = __fluvius::Probe::<
            Account,
        >::DESCRIPTOR;
    }
    __fluvius::assert_state::<Account>();
};
