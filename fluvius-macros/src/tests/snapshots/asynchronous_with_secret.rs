/**# Commands and events

States and events are written at revision 3; `crate::upcast_account` converts those of older revisions.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`TransferMoney`](type@TransferMoney) | `transfer-money` (deprecated) | [`MoneyTransferred`](type@MoneyTransferred) | Transfer money, see [`Account`]. |
#[cfg_attr(
    all(feature = "closing"),
    doc = "| [`EndAccount`](type@EndAccount) | `end` (internal: only other actions run it) (deprecated) | [`AccountClosed`](type@AccountClosed) | Command `end`. |"
)]
/// Accounts in euros.
#[allow(clippy::missing_errors_doc)]
impl crate::Account<Eur> {
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    /// Transfer money, see [`Account`].
    ///
    /// ```
    /// account.transfer_money(cx, 1.into(), "1".into())?;
    /// ```
    #[deprecated(since = "1.2.0", note = "use `pay`")]
    pub async fn transfer_money(
        &mut self,
        amount: Decimal,
        cx: &mut ActionContext,
        pin: String,
        recipient_id: Uuid,
    ) -> Result<(), AccountError> {
        Ok(())
    }
    #[cfg(feature = "closing")]
    #[deprecated(note = "use `end`")]
    pub fn close_account(self) -> Result<(), Infallible> {
        Ok(())
    }
}
mod merge_the_aggregate_blocks_of_eur_account_into_one_0 {
    ::facade::__private::guard!(__fluvius_block_c78972149f5e0d8e);
}
mod two_commands_are_named_transfer_money_so_name_one_with_command_0 {
    ::facade::__private::guard!(__fluvius_block_c78972149f5e0d8e);
}
#[allow(clippy::missing_errors_doc)]
/**Transfer money, see [`Account`].

- Key: `transfer-money`
- Runs [`Account::transfer_money`](crate::Account::transfer_money), which changes the aggregate; where there is none, the answer is `not-found`
- Event: [`MoneyTransferred`](type@MoneyTransferred), `money-transferred`
- Resources: `eur-account`, `usd-account`
- If-Match: the expected version must be sent along
- Ends after 2m at the latest
- Payload: at most 65536 bytes of JSON
- Deprecated since 1.2.0: use `pay`
- Sunset: it is removed on 2027-06-30
- MCP: it is no tool

# Example

```json
{
  "amount": "10.00",
  "pin": "text",
  "recipient_id": "01890a5d-ac96-774b-bcce-b302099a8057"
}
```*/
#[deprecated(since = "1.2.0", note = "use `pay`")]
pub struct TransferMoney {
    ///Parameter `amount` of `Account::transfer_money`.
    pub amount: Decimal,
    /**The PIN of the card.

Left out, it is `"0000"`. Secret: the action uses it, and it is stored nowhere.*/
    pub pin: String,
    /**Parameter `recipient_id` of `Account::transfer_money`.

Also read as `recipient`. Also read as `to`.*/
    pub recipient_id: Uuid,
}
#[allow(clippy::missing_errors_doc)]
#[allow(deprecated)]
const _: () = {
    use ::facade::__private as __fluvius;
    __fluvius::fields! {
        (serde) TransferMoney["TransferMoney"
        "for<'f> __Field0: _serde::PayloadField, for<'f> __Field1: _serde::PayloadField, for<'f> __Field2: _serde::PayloadField"
        deny_unknown_fields] { amount : __Field0 = Decimal, #[serde(default =
        "__fluvius_default_14_transfer_money_pin")] pin : __Field1 = String,
        #[serde(alias = "recipient", alias = "to")] recipient_id : __Field2 = Uuid }
    }
    #[automatically_derived]
    impl __fluvius::core::fmt::Debug for TransferMoney {
        fn fmt(
            &self,
            __fluvius_to: &mut __fluvius::core::fmt::Formatter<'_>,
        ) -> __fluvius::core::fmt::Result {
            __fluvius_to
                .debug_struct("TransferMoney")
                .field("amount", __fluvius::probe!(Decimal, shown)(&self.amount))
                .field("pin", &__fluvius::core::format_args!("[secret]"))
                .field(
                    "recipient_id",
                    __fluvius::probe!(Uuid, shown)(&self.recipient_id),
                )
                .finish()
        }
    }
    #[automatically_derived]
    impl __fluvius::Command for TransferMoney
    where
        for<'f> crate::Account<Eur>: __fluvius::AggregateState,
        for<'f> TransferMoney: __fluvius::PayloadField,
        for<'f> AccountError: __fluvius::ActionError,
        for<'f> ActionContext: __fluvius::IsActionContext,
        for<'f> Decimal: __fluvius::PayloadField,
        for<'f> Uuid: __fluvius::PayloadField,
    {
        type Aggregate = crate::Account<Eur>;
        type Output = __fluvius::Arc<crate::Account<Eur>>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "TransferMoney",
            method: "transfer_money",
            docs: "Transfer money, see [`Account`].\n\n```\naccount.transfer_money(cx, 1.into(), \"1\".into())?;\n```",
            lifecycle: __fluvius::Lifecycle::Update,
            event: __fluvius::probe!(MoneyTransferred, RECORDED),
            resources: &["eur-account", "usd-account"],
            fields: &[
                __fluvius::field!("amount", "Decimal", "", Decimal),
                __fluvius::FieldDescriptor {
                    optional: true,
                    secret: true,
                    ..__fluvius::field!(
                        "pin", "String", "The PIN of the card.", = crate ::pin_schema
                    )
                },
                __fluvius::FieldDescriptor {
                    aliases: &["recipient", "to"],
                    ..__fluvius::field!("recipient_id", "Uuid", "", Uuid)
                },
            ],
            codes: __fluvius::probe!(AccountError, CODES),
            if_match_required: true,
            timeout: __fluvius::core::option::Option::Some(
                __fluvius::core::time::Duration::from_millis(120000u64),
            ),
            body_limit: __fluvius::core::option::Option::Some(65536),
            deprecated: __fluvius::core::option::Option::Some(
                __fluvius::Deprecation::of(
                    __fluvius::core::option::Option::Some("1.2.0"),
                    __fluvius::core::option::Option::Some("use `pay`"),
                ),
            ),
            sunset: __fluvius::core::option::Option::Some("2027-06-30"),
            mcp: false,
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("transfer-money")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Later(|
            __fluvius_call,
            __fluvius_cx|
        {
            __fluvius::Box::pin(async move {
                let __fluvius_command = __fluvius_call.command::<TransferMoney>();
                let mut __fluvius_state = __fluvius_call.state::<crate::Account<Eur>>();
                let __fluvius_result = __fluvius::assert_send(
                        <crate::Account<
                            Eur,
                        >>::transfer_money(
                            &mut __fluvius_state,
                            __fluvius_command.amount,
                            <ActionContext as __fluvius::IsActionContext>::of(
                                __fluvius_cx,
                            ),
                            __fluvius_command.pin,
                            __fluvius_command.recipient_id,
                        ),
                    )
                    .await;
                __fluvius::updated(__fluvius_state, __fluvius_result)
            })
        });
        fn record(
            &self,
        ) -> __fluvius::core::result::Result<__fluvius::Json, __fluvius::JsonError> {
            type __Field0 = Decimal;
            type __Field1 = Uuid;
            #[derive(__fluvius::Serialize)]
            #[serde(
                crate = "__fluvius::serde",
                bound = "for<'f> __Field0: _serde::PayloadField, for<'f> __Field1: _serde::PayloadField"
            )]
            struct __FluviusRecorded<'a> {
                amount: &'a Decimal,
                recipient_id: &'a Uuid,
            }
            __fluvius::encode(
                &__FluviusRecorded {
                    amount: &self.amount,
                    recipient_id: &self.recipient_id,
                },
            )
        }
    }
    __fluvius::submit_action!(TransferMoney);
    __fluvius::assert_payload_field::<Decimal>();
    __fluvius::assert_payload_field::<String>();
    __fluvius::assert_payload_field::<Uuid>();
    __fluvius::assert_context_type::<ActionContext>();
    __fluvius::assert_rejection::<AccountError>();
    __fluvius::assert_schema::<Decimal>();
    __fluvius::assert_schema::<Uuid>();
};
#[allow(clippy::missing_errors_doc)]
/**Event of a `eur-account`: money transferred.

- Key: `money-transferred`
- Comes from the command [`TransferMoney`](type@TransferMoney), run by [`Account::transfer_money`](crate::Account::transfer_money)*/
pub struct MoneyTransferred {
    ///Parameter `amount` of `Account::transfer_money`.
    pub amount: Decimal,
    /**Parameter `recipient_id` of `Account::transfer_money`.

Also read as `recipient`. Also read as `to`.*/
    pub recipient_id: Uuid,
}
::facade::__private::event! {
    [#[allow(clippy::missing_errors_doc)] #[allow(deprecated)]] MoneyTransferred of crate
    ::Account < Eur >, "money-transferred",
    "Event of a `eur-account`: money transferred.", ["MoneyTransferred"
    "for<'f> __Field0: _serde::PayloadField, for<'f> __Field1: _serde::PayloadField"] {
    amount : __Field0 = Decimal, #[serde(alias = "recipient", alias = "to")] recipient_id
    : __Field1 = Uuid }
}
#[allow(clippy::missing_errors_doc)]
impl crate::Account<Eur> {
    #[doc(hidden)]
    fn __fluvius_default_14_transfer_money_pin() -> String {
        <String as ::facade::__private::core::convert::From<&str>>::from("0000")
    }
}
#[allow(clippy::missing_errors_doc)]
#[doc(hidden)]
fn __fluvius_default_14_transfer_money_pin() -> String {
    <crate::Account<Eur>>::__fluvius_default_14_transfer_money_pin()
}
#[cfg(feature = "closing")]
mod two_commands_are_named_end_account_so_name_one_with_command_0 {
    ::facade::__private::guard!(__fluvius_block_c78972149f5e0d8e);
}
#[cfg(feature = "closing")]
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
/**Command `end`.

- Key: `end`
- Runs [`Account::close_account`](crate::Account::close_account), which closes the aggregate; where there is none, the answer is `not-found`, and so it is for every later command
- Event: [`AccountClosed`](type@AccountClosed), `account-closed`
- Resources: `eur-account`, `usd-account`
- Internal: runs only by `invoke` of another action
- Deprecated: use `end`

# Example

```json
{}
```*/
#[deprecated(note = "use `end`")]
pub struct EndAccount {}
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
#[allow(deprecated)]
const _: () = {
    use ::facade::__private as __fluvius;
    __fluvius::fields! {
        EndAccount["EndAccount" "" deny_unknown_fields] {}
    }
    #[automatically_derived]
    impl __fluvius::Command for EndAccount
    where
        for<'f> crate::Account<Eur>: __fluvius::AggregateState,
        for<'f> EndAccount: __fluvius::PayloadField,
        for<'f> Infallible: __fluvius::ActionError,
    {
        type Aggregate = crate::Account<Eur>;
        type Output = __fluvius::Arc<crate::Account<Eur>>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "EndAccount",
            method: "close_account",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Close,
            event: __fluvius::probe!(AccountClosed, RECORDED),
            resources: &["eur-account", "usd-account"],
            codes: __fluvius::probe!(Infallible, CODES),
            internal: true,
            deprecated: __fluvius::core::option::Option::Some(
                __fluvius::Deprecation::of(
                    __fluvius::core::option::Option::None,
                    __fluvius::core::option::Option::Some("use `end`"),
                ),
            ),
            location: __fluvius::location!(),
            ..__fluvius::ActionDescriptor::of::<Self>("end")
        };
        const RUN: __fluvius::Handler = __fluvius::Handler::Now(|
            __fluvius_call,
            __fluvius_cx|
        {
            let __fluvius_result = <crate::Account<
                Eur,
            >>::close_account(__fluvius_call.state::<crate::Account<Eur>>());
            __fluvius::unchanged(__fluvius_result)
        });
    }
    __fluvius::submit_action!(EndAccount);
    __fluvius::assert_rejection::<Infallible>();
};
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
/**Event of a `eur-account`: account closed.

- Key: `account-closed`
- Comes from the command [`EndAccount`](type@EndAccount), run by [`Account::close_account`](crate::Account::close_account)*/
pub struct AccountClosed {}
::facade::__private::event! {
    [#[cfg(feature = "closing")] #[allow(clippy::missing_errors_doc)]
    #[allow(deprecated)]] AccountClosed of crate ::Account < Eur >, "account-closed",
    "Event of a `eur-account`: account closed.", ["AccountClosed" ""] {}
}
#[allow(clippy::missing_errors_doc)]
///All commands of [`Account`](type@crate::Account), one variant each.
#[allow(deprecated)]
#[derive(::facade::__private::Clone, ::facade::__private::Debug)]
pub enum EurAccountCommand {
    ///Transfer money, see [`Account`].
    TransferMoney(TransferMoney),
    #[cfg(feature = "closing")]
    ///Command `end`.
    EndAccount(EndAccount),
}
#[allow(clippy::missing_errors_doc)]
#[allow(deprecated)]
const _: () = {
    use ::facade::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::CommandRecord>
    for EurAccountCommand {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "transfer-money" => __fluvius::read!(command, TransferMoney, __row),
                #[cfg(feature = "closing")]
                "end" => __fluvius::read!(command, EndAccount, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__row, "EurAccount"),
                    )
                }
            }
        }
    }
};
#[allow(clippy::missing_errors_doc)]
///All events of [`Account`](type@crate::Account), one variant each.
#[derive(::facade::__private::Clone, ::facade::__private::Debug)]
pub enum EurAccountEvent {
    ///Event of a `eur-account`: money transferred.
    MoneyTransferred(MoneyTransferred),
    #[cfg(feature = "closing")]
    ///Event of a `eur-account`: account closed.
    AccountClosed(AccountClosed),
}
#[allow(clippy::missing_errors_doc)]
const _: () = {
    use ::facade::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for EurAccountEvent {
        type Error = __fluvius::DecodeError;
        fn try_from(
            __row: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::DecodeError> {
            use __fluvius::StandIn as _;
            let () = __fluvius::Probe::<()>::USED;
            match __row.key() {
                "money-transferred" => __fluvius::read!(event, MoneyTransferred, __row),
                #[cfg(feature = "closing")]
                "account-closed" => __fluvius::read!(event, AccountClosed, __row),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__row, "EurAccount"),
                    )
                }
            }
        }
    }
};
#[allow(clippy::missing_errors_doc)]
#[allow(deprecated)]
const _: () = {
    use ::facade::__private as __fluvius;
    use __fluvius::StandIn as _;
    let () = __fluvius::Probe::<()>::USED;
    #[derive(__fluvius::IndexedFields)]
    #[fluvius_indexed(crate::Account<Eur>;owner_name, r#type)]
    struct __FluviusIndexed;
    #[automatically_derived]
    impl __fluvius::Aggregate for crate::Account<Eur>
    where
        for<'f> crate::Account<Eur>: __fluvius::AggregateState,
    {
        const RESOURCES: &'static [&'static str] = &["eur-account", "usd-account"];
        const REVISION: u32 = 3u32;
        const UPCAST: __fluvius::core::option::Option<__fluvius::Upcast> = {
            let upcast: __fluvius::Upcast = crate::upcast_account;
            __fluvius::core::option::Option::Some(upcast)
        };
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            __fluvius::Probe::<TransferMoney>::ACTION,
            #[cfg(feature = "closing")]
            __fluvius::Probe::<EndAccount>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            __fluvius::Probe::<MoneyTransferred>::EVENT,
            #[cfg(feature = "closing")]
            __fluvius::Probe::<AccountClosed>::EVENT,
        ];
        const INDEXES: &'static [__fluvius::FieldIndex] = &[
            __fluvius::FieldIndex {
                path: "owner_name",
                kind: __fluvius::Kind::Text,
            },
            __fluvius::FieldIndex {
                path: "type",
                kind: __fluvius::Kind::Number,
            },
            __fluvius::FieldIndex {
                path: "address.city",
                kind: __fluvius::Kind::Text,
            },
        ];
        const DOCS: &'static str = "Accounts in euros.";
        const STATE: __fluvius::TypeSchema = __fluvius::schema!(
            crate ::Account < Eur >, "crate::Account<Eur>"
        );
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = EurAccountCommand;
        type Event = EurAccountEvent;
    }
    #[automatically_derived]
    impl __fluvius::OneBlockForEachType for crate::Account<Eur> {
        type Actions = ();
        const DESCRIPTOR: &'static __fluvius::AggregateDescriptor = __fluvius::Probe::<
            crate::Account<Eur>,
        >::DESCRIPTOR;
    }
    __fluvius::assert_state::<crate::Account<Eur>>();
    __fluvius::assert_schema::<crate::Account<Eur>>();
};
