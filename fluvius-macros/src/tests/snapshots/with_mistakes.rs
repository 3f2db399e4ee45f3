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
mod merge_the_aggregate_blocks_of_account_into_one_0 {
    ::fluvius::__private::guard!(__fluvius_block_141ce10a0ac2f3d1);
}
mod two_commands_are_named_deposit_money_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_141ce10a0ac2f3d1);
}
/**Command `deposit-money`.

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
    {
        type Aggregate = Account;
        type Output = __fluvius::Arc<Account>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "DepositMoney",
            method: "deposit_money",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Update,
            event: __fluvius::probe!(MoneyDeposited, RECORDED),
            resources: &["bank-account"],
            fields: &[__fluvius::field!("amount", "Decimal", "", Decimal)],
            codes: __fluvius::probe!(AccountError, CODES),
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("deposit-money")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|_, _| {
            __fluvius::core::unreachable!()
        });
    }
    __fluvius::submit_action!(DepositMoney);
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
mod two_commands_are_named_close_account_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_141ce10a0ac2f3d1);
}
/**Command `close-account`.

- Key: `close-account`
- Runs [`Account::close_account`], which closes the aggregate; where there is none, the answer is `not-found`, and so it is for every later command
- Event: [`AccountClosed`](type@AccountClosed), `account-closed`
- Resources: `bank-account`

# Example

```json
{}
```*/
pub struct CloseAccount {}
const _: () = {
    use ::fluvius::__private as __fluvius;
    __fluvius::fields! {
        CloseAccount["CloseAccount" "" deny_unknown_fields] {}
    }
    #[automatically_derived]
    impl __fluvius::Command for CloseAccount
    where
        for<'f> Account: __fluvius::AggregateState,
        for<'f> CloseAccount: __fluvius::PayloadField,
        for<'f> AccountError: __fluvius::ActionError,
    {
        type Aggregate = Account;
        type Output = __fluvius::Arc<Account>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "CloseAccount",
            method: "close_account",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Close,
            event: __fluvius::probe!(AccountClosed, RECORDED),
            resources: &["bank-account"],
            codes: __fluvius::probe!(AccountError, CODES),
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
            __fluvius::unchanged(__fluvius_result)
        });
    }
    __fluvius::submit_action!(CloseAccount);
    __fluvius::assert_rejection::<AccountError>();
};
/**Event of a `bank-account`: account closed.

- Key: `account-closed`
- Comes from the command [`CloseAccount`](type@CloseAccount), run by [`Account::close_account`]*/
pub struct AccountClosed {}
::fluvius::__private::event! {
    [] AccountClosed of Account, "account-closed",
    "Event of a `bank-account`: account closed.", ["AccountClosed" ""] {}
}
///All commands of [`Account`](type@Account), one variant each.
#[derive(::fluvius::__private::Clone, ::fluvius::__private::Debug)]
pub enum AccountCommand {
    ///Command `deposit-money`.
    DepositMoney(DepositMoney),
    ///Command `close-account`.
    CloseAccount(CloseAccount),
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
                "deposit-money" => __fluvius::read!(command, DepositMoney, __row),
                "close-account" => __fluvius::read!(command, CloseAccount, __row),
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
    ///Event of a `bank-account`: money deposited.
    MoneyDeposited(MoneyDeposited),
    ///Event of a `bank-account`: account closed.
    AccountClosed(AccountClosed),
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
                "money-deposited" => __fluvius::read!(event, MoneyDeposited, __row),
                "account-closed" => __fluvius::read!(event, AccountClosed, __row),
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
            __fluvius::Probe::<DepositMoney>::ACTION,
            __fluvius::Probe::<CloseAccount>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            __fluvius::Probe::<MoneyDeposited>::EVENT,
            __fluvius::Probe::<AccountClosed>::EVENT,
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
compile_error! {
    "`#[acton]` is not known here; did you mean `#[action(..)]`?"
}
compile_error! {
    "an action owns its parameters, because they are stored in the command: write `String` in place of `&str` (only the context is borrowed: `&mut ActionContext`)"
}
