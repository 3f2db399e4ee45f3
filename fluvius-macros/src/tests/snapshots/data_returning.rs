/**# Commands and events

States and events are written at revision 1.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`ReadBalance`](type@ReadBalance) | `read-balance` | none | How much is there. |
///| [`AddInterest`](type@AddInterest) | `add-interest` | [`InterestAdded`](type@InterestAdded) | Add the interest of a month, and tell how much it was. |
impl SavingsAccount {
    #[allow(clippy::trivially_copy_pass_by_ref)]
    /// How much is there.
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
/**How much is there.

- Key: `read-balance`
- Runs [`SavingsAccount::read_balance`], which leaves the root as it is; where there is none, the answer is `not-found`
- Event: none; it answers, and changes nothing
- Resources: `savings-account`

# Example

```json
{}
```*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde", deny_unknown_fields)]
pub struct ReadBalance {}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Command for ReadBalance {
        type Aggregate = SavingsAccount;
        type Output = Decimal;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "ReadBalance",
            method: "read_balance",
            docs: "How much is there.",
            lifecycle: __fluvius::Lifecycle::Keeps,
            resources: &["savings-account"],
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
            __fluvius::kept_with_data::<Decimal, _>(__fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< ReadBalance as __fluvius::Command > ::ACTION)
    }
};
/**Add the interest of a month, and tell how much it was.

- Key: `add-interest`
- Runs [`SavingsAccount::add_interest`], which changes the root; where there is none, the answer is `not-found`
- Event: [`InterestAdded`](type@InterestAdded), `interest-added`
- Resources: `savings-account`

# Example

```text
{ "rate": "0.02", "at": <Option<Kind>> }
```*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde", deny_unknown_fields)]
pub struct AddInterest {
    /**Parameter `rate` of `SavingsAccount::add_interest`.

Left out, it is `Self::RATE`.*/
    #[serde(default = "__fluvius_default_12_add_interest_rate")]
    pub rate: Decimal,
    /**Parameter `as` of `SavingsAccount::add_interest`.

In JSON it is `at`.*/
    #[serde(rename = "at")]
    pub r#as: Option<Kind>,
}
/**What happened to a `savings-account`: interest added.

- Key: `interest-added`
- Comes from the command [`AddInterest`](type@AddInterest), run by [`SavingsAccount::add_interest`]*/
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
#[derive(::fluvius_core::__private::Serialize, ::fluvius_core::__private::Deserialize)]
#[serde(crate = "::fluvius_core::__private::serde")]
pub struct InterestAdded {
    /**Parameter `rate` of `SavingsAccount::add_interest`.

Left out, it is `Self::RATE`.*/
    #[serde(default = "__fluvius_default_12_add_interest_rate")]
    pub rate: Decimal,
    /**Parameter `as` of `SavingsAccount::add_interest`.

In JSON it is `at`.*/
    #[serde(rename = "at")]
    pub r#as: Option<Kind>,
    ///What [`SavingsAccount::add_interest`] returned.
    pub data: <BankResult<
        Interest<SavingsAccount>,
    > as ::fluvius_core::__private::ActionResult>::Data,
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
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for InterestAdded {
        type Aggregate = SavingsAccount;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "interest-added",
            "InterestAdded",
            "What happened to a `savings-account`: interest added.",
        );
    }
    #[automatically_derived]
    impl __fluvius::Command for AddInterest {
        type Aggregate = SavingsAccount;
        type Output = <BankResult<
            Interest<SavingsAccount>,
        > as __fluvius::ActionResult>::Data;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "AddInterest",
            method: "add_interest",
            docs: "Add the interest of a month, and tell how much it was.",
            lifecycle: __fluvius::Lifecycle::Changes,
            event: __fluvius::event_of::<InterestAdded>(),
            resources: &["savings-account"],
            fields: &[
                __fluvius::FieldDescriptor {
                    optional: true,
                    ..__fluvius::FieldDescriptor::of("rate", "Decimal", "")
                },
                __fluvius::FieldDescriptor {
                    optional: true,
                    ..__fluvius::FieldDescriptor::of("at", "Option<Kind>", "")
                },
            ],
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
            __fluvius::changed_with_data::<_, _, _>(__fluvius_state, __fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< AddInterest as __fluvius::Command > ::ACTION)
    }
    __fluvius::assert_payload_field::<Decimal>();
    __fluvius::assert_payload_field::<Option<Kind>>();
    __fluvius::assert_event_data::<
        <BankResult<Interest<SavingsAccount>> as __fluvius::ActionResult>::Data,
    >();
};
///All commands of [`SavingsAccount`](type@SavingsAccount), one variant each.
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
pub enum SavingsAccountCommand {
    ///How much is there.
    ReadBalance(ReadBalance),
    ///Add the interest of a month, and tell how much it was.
    AddInterest(AddInterest),
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::CommandRecord>
    for SavingsAccountCommand {
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_command_record as read;
            match __fluvius_record.key() {
                "read-balance" => read(__fluvius_record).map(Self::ReadBalance),
                "add-interest" => read(__fluvius_record).map(Self::AddInterest),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__fluvius_record, "SavingsAccount"),
                    )
                }
            }
        }
    }
};
///All events of [`SavingsAccount`](type@SavingsAccount), one variant each.
#[derive(::fluvius_core::__private::Clone, ::fluvius_core::__private::Debug)]
pub enum SavingsAccountEvent {
    ///What happened to a `savings-account`: interest added.
    InterestAdded(InterestAdded),
}
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for SavingsAccountEvent {
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_event as read;
            match __fluvius_record.key() {
                "interest-added" => read(__fluvius_record).map(Self::InterestAdded),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__fluvius_record, "SavingsAccount"),
                    )
                }
            }
        }
    }
};
const _: () = {
    use ::fluvius_core::__private as __fluvius;
    impl SavingsAccount {
        #[doc(hidden)]
        const __MERGE_THE_AGGREGATE_BLOCKS_OF_THIS_TYPE_INTO_ONE: () = ();
    }
    #[automatically_derived]
    impl __fluvius::Aggregate for SavingsAccount {
        const RESOURCES: &'static [&'static str] = &["savings-account"];
        const REVISION: u32 = 1u32;
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            <ReadBalance as __fluvius::Command>::ACTION,
            <AddInterest as __fluvius::Command>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            <InterestAdded as __fluvius::Event>::EVENT,
        ];
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = SavingsAccountCommand;
        type Event = SavingsAccountEvent;
    }
};
