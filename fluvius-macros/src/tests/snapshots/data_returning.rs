/**# Commands and events

States and events are written at revision 1.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`ReadBalance`](type@ReadBalance) | `read-balance` | none | Read the balance. |
///| [`AddInterest`](type@AddInterest) | `add-interest` | [`InterestAdded`](type@InterestAdded) | Add the interest of a month, and tell how much it was. |
impl SavingsAccount {
    #[allow(clippy::trivially_copy_pass_by_ref)]
    /// Read the balance.
    pub fn read_balance(&self) -> Result<Decimal, Infallible> {
        Ok(self.balance)
    }
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    /// Add the interest of a month, and tell how much it was.
    pub fn add_interest(
        &mut self,
        rate: Decimal,
        r#as: Option<Kind>,
    ) -> BankResult<Interest<Self>> {
        self.add(rate)
    }
}
mod merge_the_aggregate_blocks_of_savings_account_into_one_0 {
    ::fluvius::__private::guard!(__fluvius_block_65098cc073a74e5c);
}
mod two_commands_are_named_read_balance_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_65098cc073a74e5c);
}
/**Read the balance.

- Key: `read-balance`
- Runs [`SavingsAccount::read_balance`], which leaves the aggregate as it is; where there is none, the answer is `not-found`
- Event: none; it answers, and changes nothing
- Resources: `savings-account`

# Example

```json
{}
```*/
pub struct ReadBalance {}
const _: () = {
    use ::fluvius::__private as __fluvius;
    __fluvius::fields! {
        ReadBalance["ReadBalance" "" deny_unknown_fields] {}
    }
    #[automatically_derived]
    impl __fluvius::Command for ReadBalance
    where
        for<'f> SavingsAccount: __fluvius::AggregateState,
        for<'f> ReadBalance: __fluvius::PayloadField,
        for<'f> Infallible: __fluvius::ActionError,
        for<'f> Decimal: __fluvius::Answer,
    {
        type Aggregate = SavingsAccount;
        type Output = Decimal;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "ReadBalance",
            method: "read_balance",
            docs: "Read the balance.",
            lifecycle: __fluvius::Lifecycle::Unchanged,
            resources: &["savings-account"],
            output: __fluvius::core::option::Option::Some(
                __fluvius::schema!(Decimal, "Decimal"),
            ),
            codes: __fluvius::probe!(Infallible, CODES),
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("read-balance")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_result = <SavingsAccount>::read_balance(
                __fluvius_call.state_ref::<SavingsAccount>(),
            );
            __fluvius::unchanged_with_data::<Decimal, _>(__fluvius_result)
        });
    }
    __fluvius::submit_action!(ReadBalance);
    __fluvius::assert_answer::<Decimal>();
    __fluvius::assert_rejection::<Infallible>();
};
mod two_commands_are_named_add_interest_so_name_one_with_command_0 {
    ::fluvius::__private::guard!(__fluvius_block_65098cc073a74e5c);
}
/**Add the interest of a month, and tell how much it was.

- Key: `add-interest`
- Runs [`SavingsAccount::add_interest`], which changes the aggregate; where there is none, the answer is `not-found`
- Event: [`InterestAdded`](type@InterestAdded), `interest-added`
- Resources: `savings-account`

# Example

```text
{ "rate": "0.02", "at": <Option<Kind>> }
```*/
pub struct AddInterest {
    /**Parameter `rate` of `SavingsAccount::add_interest`.

Left out, it is `Self::RATE`.*/
    pub rate: Decimal,
    /**Parameter `as` of `SavingsAccount::add_interest`.

In JSON it is `at`.*/
    pub r#as: Option<Kind>,
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    __fluvius::fields! {
        AddInterest["AddInterest"
        "for<'f> __Field0: _serde::PayloadField, for<'f> __Field1: _serde::PayloadField"
        deny_unknown_fields] { #[serde(default =
        "__fluvius_default_12_add_interest_rate")] rate : __Field0 = Decimal,
        #[serde(rename = "at")] r#as : __Field1 = Option < Kind > }
    }
    #[automatically_derived]
    impl __fluvius::Command for AddInterest
    where
        for<'f> SavingsAccount: __fluvius::AggregateState,
        for<'f> AddInterest: __fluvius::PayloadField,
        for<'f> <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::Returned<
            { __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) },
        >>::Error: __fluvius::ActionError,
        for<'f> <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::Returned<
            { __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) },
        >>::Data: __fluvius::EventData,
    {
        type Aggregate = SavingsAccount;
        type Output = <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::Returned<
            { __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) },
        >>::Data;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "AddInterest",
            method: "add_interest",
            docs: "Add the interest of a month, and tell how much it was.",
            lifecycle: __fluvius::Lifecycle::Update,
            event: __fluvius::probe!(InterestAdded, RECORDED),
            resources: &["savings-account"],
            fields: &[
                __fluvius::FieldDescriptor {
                    optional: true,
                    example: __fluvius::core::option::Option::Some("\"0.02\""),
                    ..__fluvius::field!("rate", "Decimal", "", Decimal)
                },
                __fluvius::FieldDescriptor {
                    optional: true,
                    ..__fluvius::field!("at", "Option<Kind>", "", Option < Kind >)
                },
            ],
            output: __fluvius::core::option::Option::Some(
                __fluvius::schema!(
                    < BankResult < Interest < SavingsAccount > > as __fluvius::Returned <
                    { __fluvius::probe!(BankResult < Interest < SavingsAccount > >,
                    IS_RESULT) } >> ::Data, "BankResult<Interest<Self>>"
                ),
            ),
            codes: __fluvius::probe!(
                < BankResult < Interest < SavingsAccount > > as __fluvius::Returned < {
                __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT)
                } >> ::Error, CODES
            ),
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("add-interest")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_command = __fluvius_call.command::<AddInterest>();
            let mut __fluvius_state = __fluvius_call.state::<SavingsAccount>();
            let __fluvius_result = <SavingsAccount>::add_interest(
                &mut __fluvius_state,
                __fluvius_command.rate,
                __fluvius_command.r#as,
            );
            __fluvius::probe!(
                BankResult < Interest < SavingsAccount > >, updated_with_data
            )(__fluvius_state, __fluvius_result)
        });
    }
    __fluvius::submit_action!(AddInterest);
    __fluvius::assert_payload_field::<Decimal>();
    __fluvius::assert_payload_field::<Option<Kind>>();
    __fluvius::assert_action_result::<BankResult<Interest<SavingsAccount>>>();
    __fluvius::assert_event_data::<
        <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::Returned<
            { __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) },
        >>::Data,
    >();
    __fluvius::assert_rejection::<
        <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::Returned<
            { __fluvius::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) },
        >>::Error,
    >();
};
/**Event of a `savings-account`: interest added.

- Key: `interest-added`
- Comes from the command [`AddInterest`](type@AddInterest), run by [`SavingsAccount::add_interest`]*/
pub struct InterestAdded {
    /**Parameter `rate` of `SavingsAccount::add_interest`.

Left out, it is `Self::RATE`.*/
    pub rate: Decimal,
    /**Parameter `as` of `SavingsAccount::add_interest`.

In JSON it is `at`.*/
    pub r#as: Option<Kind>,
    ///Return value of [`SavingsAccount::add_interest`].
    pub data: <BankResult<
        Interest<SavingsAccount>,
    > as ::fluvius::__private::Returned<
        {
            ::fluvius::__private::probe!(
                BankResult < Interest < SavingsAccount > >, IS_RESULT
            )
        },
    >>::Data,
}
::fluvius::__private::event! {
    [] InterestAdded of SavingsAccount, "interest-added",
    "Event of a `savings-account`: interest added.", ["InterestAdded"
    "for<'f> __Field0: _serde::PayloadField, for<'f> __Field1: _serde::PayloadField, for<'f> __Field2: _serde::PayloadField"]
    { #[serde(default = "__fluvius_default_12_add_interest_rate")] rate : __Field0 =
    Decimal, #[serde(rename = "at")] r#as : __Field1 = Option < Kind >, data : __Field2 =
    < BankResult < Interest < SavingsAccount > > as ::fluvius::__private::Returned < {
    ::fluvius::__private::probe!(BankResult < Interest < SavingsAccount > >, IS_RESULT) }
    >> ::Data }
}
impl SavingsAccount {
    #[doc(hidden)]
    fn __fluvius_default_12_add_interest_rate() -> Decimal {
        Self::RATE
    }
}
#[doc(hidden)]
fn __fluvius_default_12_add_interest_rate() -> Decimal {
    <SavingsAccount>::__fluvius_default_12_add_interest_rate()
}
///All commands of [`SavingsAccount`](type@SavingsAccount), one variant each.
#[derive(::fluvius::__private::Clone, ::fluvius::__private::Debug)]
pub enum SavingsAccountCommand {
    ///Read the balance.
    ReadBalance(ReadBalance),
    ///Add the interest of a month, and tell how much it was.
    AddInterest(AddInterest),
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::CommandRecord>
    for SavingsAccountCommand {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "read-balance" => __fluvius::read!(command, ReadBalance, __row),
                "add-interest" => __fluvius::read!(command, AddInterest, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__row, "SavingsAccount"),
                    )
                }
            }
        }
    }
};
///All events of [`SavingsAccount`](type@SavingsAccount), one variant each.
#[derive(::fluvius::__private::Clone, ::fluvius::__private::Debug)]
pub enum SavingsAccountEvent {
    ///Event of a `savings-account`: interest added.
    InterestAdded(InterestAdded),
}
const _: () = {
    use ::fluvius::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for SavingsAccountEvent {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "interest-added" => __fluvius::read!(event, InterestAdded, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__row, "SavingsAccount"),
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
    impl __fluvius::Aggregate for SavingsAccount
    where
        for<'f> SavingsAccount: __fluvius::AggregateState,
    {
        const RESOURCES: &'static [&'static str] = &["savings-account"];
        const REVISION: u32 = 1u32;
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            __fluvius::Probe::<ReadBalance>::ACTION,
            __fluvius::Probe::<AddInterest>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            __fluvius::Probe::<InterestAdded>::EVENT,
        ];
        const STATE: __fluvius::TypeSchema = __fluvius::schema!(
            SavingsAccount, "SavingsAccount"
        );
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = SavingsAccountCommand;
        type Event = SavingsAccountEvent;
    }
    #[automatically_derived]
    impl __fluvius::OneBlockForEachType for SavingsAccount {
        type Actions = ();
        const DESCRIPTOR: &'static __fluvius::AggregateDescriptor = __fluvius::Probe::<
            SavingsAccount,
        >::DESCRIPTOR;
    }
    __fluvius::assert_state::<SavingsAccount>();
};
