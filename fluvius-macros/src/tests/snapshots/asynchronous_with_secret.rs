/**# Commands and events

States and events are written at revision 3; `crate::lift_account` lifts those of older revisions.

| command | key | event | what it does |
|---|---|---|---|*/
///| [`TransferMoney`](type@TransferMoney) | `transfer-money` | [`MoneyTransferred`](type@MoneyTransferred) | Transfer money, see [`Account`]. |
#[cfg_attr(
    all(feature = "closing"),
    doc = "| [`EndAccount`](type@EndAccount) | `end` (internal: only other actions run it) | [`AccountClosed`](type@AccountClosed) | Command `end`. |"
)]
#[allow(clippy::missing_errors_doc)]
impl crate::Account<Eur> {
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    /// Transfer money, see [`Account`].
    ///
    /// ```
    /// account.transfer_money(cx, 1.into(), "1".into())?;
    /// ```
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
#[allow(clippy::missing_errors_doc)]
/**Transfer money, see [`Account`].

- Key: `transfer-money`
- Runs [`Account::transfer_money`](crate::Account::transfer_money), which changes the root; where there is none, the answer is `not-found`
- Event: [`MoneyTransferred`](type@MoneyTransferred), `money-transferred`
- Resources: `eur-account`, `usd-account`
- If-Match: the expected version must be sent along
- Ends after 2m at the latest

# Example

```json
{
  "amount": "10.00",
  "pin": "text",
  "recipient_id": "01890a5d-ac96-774b-bcce-b302099a8057"
}
```*/
#[derive(::facade::__private::Clone)]
#[derive(::facade::__private::Serialize, ::facade::__private::Deserialize)]
#[serde(crate = "::facade::__private::serde", deny_unknown_fields)]
pub struct TransferMoney {
    ///Parameter `amount` of `Account::transfer_money`.
    pub amount: Decimal,
    /**The PIN of the card.

Secret: the rule uses it, and it is kept nowhere.*/
    pub pin: String,
    /**Parameter `recipient_id` of `Account::transfer_money`.

Also read as `recipient`. Also read as `to`.*/
    #[serde(alias = "recipient", alias = "to")]
    pub recipient_id: Uuid,
}
#[allow(clippy::missing_errors_doc)]
/**What happened to a `eur-account`: money transferred.

- Key: `money-transferred`
- Comes from the command [`TransferMoney`](type@TransferMoney), run by [`Account::transfer_money`](crate::Account::transfer_money)*/
#[derive(::facade::__private::Clone, ::facade::__private::Debug)]
#[derive(::facade::__private::Serialize, ::facade::__private::Deserialize)]
#[serde(crate = "::facade::__private::serde")]
pub struct MoneyTransferred {
    ///Parameter `amount` of `Account::transfer_money`.
    pub amount: Decimal,
    /**Parameter `recipient_id` of `Account::transfer_money`.

Also read as `recipient`. Also read as `to`.*/
    #[serde(alias = "recipient", alias = "to")]
    pub recipient_id: Uuid,
}
#[allow(clippy::missing_errors_doc)]
const _: () = {
    use ::facade::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for MoneyTransferred {
        type Aggregate = crate::Account<Eur>;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "money-transferred",
            "MoneyTransferred",
            "What happened to a `eur-account`: money transferred.",
        );
    }
    #[automatically_derived]
    impl __fluvius::core::fmt::Debug for TransferMoney {
        fn fmt(
            &self,
            __fluvius_to: &mut __fluvius::core::fmt::Formatter<'_>,
        ) -> __fluvius::core::fmt::Result {
            __fluvius_to
                .debug_struct("TransferMoney")
                .field("amount", &self.amount)
                .field("pin", &__fluvius::core::format_args!("[secret]"))
                .field("recipient_id", &self.recipient_id)
                .finish()
        }
    }
    #[automatically_derived]
    impl __fluvius::Command for TransferMoney {
        type Aggregate = crate::Account<Eur>;
        type Output = crate::Account<Eur>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "TransferMoney",
            method: "transfer_money",
            docs: "Transfer money, see [`Account`].\n\n```\naccount.transfer_money(cx, 1.into(), \"1\".into())?;\n```",
            lifecycle: __fluvius::Lifecycle::Changes,
            event: __fluvius::event_of::<MoneyTransferred>(),
            resources: &["eur-account", "usd-account"],
            fields: &[
                __fluvius::FieldDescriptor::of("amount", "Decimal", ""),
                __fluvius::FieldDescriptor {
                    secret: true,
                    ..__fluvius::FieldDescriptor::of(
                        "pin",
                        "String",
                        "The PIN of the card.",
                    )
                },
                __fluvius::FieldDescriptor {
                    aliases: &["recipient", "to"],
                    ..__fluvius::FieldDescriptor::of("recipient_id", "Uuid", "")
                },
            ],
            if_match_required: true,
            timeout: __fluvius::core::option::Option::Some(
                __fluvius::core::time::Duration::from_millis(120000u64),
            ),
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
                            __fluvius_cx,
                            __fluvius_command.pin,
                            __fluvius_command.recipient_id,
                        ),
                    )
                    .await;
                __fluvius::changed(__fluvius_state, __fluvius_result)
            })
        });
        fn record(
            &self,
        ) -> __fluvius::core::result::Result<__fluvius::Json, __fluvius::JsonError> {
            #[derive(__fluvius::Serialize)]
            #[serde(crate = "__fluvius::serde")]
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
    __fluvius::submit! {
        __fluvius::Registration::action(< TransferMoney as __fluvius::Command > ::ACTION)
    }
    __fluvius::assert_payload_field::<Decimal>();
    __fluvius::assert_payload_field::<String>();
    __fluvius::assert_payload_field::<Uuid>();
    __fluvius::assert_context_type::<ActionContext>();
};
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
/**Command `end`.

- Key: `end`
- Runs [`Account::close_account`](crate::Account::close_account), which closes the root; where there is none, the answer is `not-found`, and so it is for every later command
- Event: [`AccountClosed`](type@AccountClosed), `account-closed`
- Resources: `eur-account`, `usd-account`
- Internal: runs only by `invoke` of another action

# Example

```json
{}
```*/
#[deprecated(note = "use `end`")]
#[derive(::facade::__private::Clone, ::facade::__private::Debug)]
#[derive(::facade::__private::Serialize, ::facade::__private::Deserialize)]
#[serde(crate = "::facade::__private::serde", deny_unknown_fields)]
pub struct EndAccount {}
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
/**What happened to a `eur-account`: account closed.

- Key: `account-closed`
- Comes from the command [`EndAccount`](type@EndAccount), run by [`Account::close_account`](crate::Account::close_account)*/
#[derive(::facade::__private::Clone, ::facade::__private::Debug)]
#[derive(::facade::__private::Serialize, ::facade::__private::Deserialize)]
#[serde(crate = "::facade::__private::serde")]
pub struct AccountClosed {}
#[cfg(feature = "closing")]
#[allow(clippy::missing_errors_doc)]
#[allow(deprecated)]
const _: () = {
    use ::facade::__private as __fluvius;
    #[automatically_derived]
    impl __fluvius::Event for AccountClosed {
        type Aggregate = crate::Account<Eur>;
        const EVENT: &'static __fluvius::EventDescriptor = &__fluvius::EventDescriptor::of(
            "account-closed",
            "AccountClosed",
            "What happened to a `eur-account`: account closed.",
        );
    }
    #[automatically_derived]
    impl __fluvius::Command for EndAccount {
        type Aggregate = crate::Account<Eur>;
        type Output = crate::Account<Eur>;
        const ACTION: &'static __fluvius::ActionDescriptor = &__fluvius::ActionDescriptor {
            command: "EndAccount",
            method: "close_account",
            docs: "",
            lifecycle: __fluvius::Lifecycle::Closes,
            event: __fluvius::event_of::<AccountClosed>(),
            resources: &["eur-account", "usd-account"],
            internal: true,
            deprecated: true,
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
            __fluvius::kept(__fluvius_result)
        });
    }
    __fluvius::submit! {
        __fluvius::Registration::action(< EndAccount as __fluvius::Command > ::ACTION)
    }
};
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
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::CommandRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_command_record as read;
            match __fluvius_record.key() {
                "transfer-money" => read(__fluvius_record).map(Self::TransferMoney),
                #[cfg(feature = "closing")]
                "end" => read(__fluvius_record).map(Self::EndAccount),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_command(__fluvius_record, "EurAccount"),
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
    ///What happened to a `eur-account`: money transferred.
    MoneyTransferred(MoneyTransferred),
    #[cfg(feature = "closing")]
    ///What happened to a `eur-account`: account closed.
    AccountClosed(AccountClosed),
}
#[allow(clippy::missing_errors_doc)]
const _: () = {
    use ::facade::__private as __fluvius;
    #[automatically_derived]
    impl<'a> __fluvius::core::convert::TryFrom<&'a __fluvius::EventRecord>
    for EurAccountEvent {
        type Error = __fluvius::RecordError;
        fn try_from(
            __fluvius_record: &'a __fluvius::EventRecord,
        ) -> __fluvius::core::result::Result<Self, __fluvius::RecordError> {
            use __fluvius::decode_event as read;
            match __fluvius_record.key() {
                "money-transferred" => read(__fluvius_record).map(Self::MoneyTransferred),
                #[cfg(feature = "closing")]
                "account-closed" => read(__fluvius_record).map(Self::AccountClosed),
                _ => {
                    __fluvius::core::result::Result::Err(
                        __fluvius::unknown_event(__fluvius_record, "EurAccount"),
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
    impl crate::Account<Eur> {
        #[doc(hidden)]
        const __MERGE_THE_AGGREGATE_BLOCKS_OF_THIS_TYPE_INTO_ONE: () = ();
    }
    #[derive(__fluvius::IndexedFields)]
    #[fluvius_indexed(crate::Account<Eur>;owner_name, r#type)]
    struct __FluviusIndexed;
    #[automatically_derived]
    impl __fluvius::Aggregate for crate::Account<Eur> {
        const RESOURCES: &'static [&'static str] = &["eur-account", "usd-account"];
        const REVISION: u32 = 3u32;
        const UPCAST: __fluvius::core::option::Option<__fluvius::Upcast> = {
            let lift: __fluvius::Upcast = crate::lift_account;
            __fluvius::core::option::Option::Some(lift)
        };
        const ACTIONS: &'static [&'static __fluvius::ActionDescriptor] = &[
            <TransferMoney as __fluvius::Command>::ACTION,
            #[cfg(feature = "closing")]
            <EndAccount as __fluvius::Command>::ACTION,
        ];
        const EVENTS: &'static [&'static __fluvius::EventDescriptor] = &[
            <MoneyTransferred as __fluvius::Event>::EVENT,
            #[cfg(feature = "closing")]
            <AccountClosed as __fluvius::Event>::EVENT,
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
        const LOCATION: __fluvius::Location = __fluvius::location!();
        const INSPECT: __fluvius::Inspect<Self> = __fluvius::inspect!(Self);
        type Command = EurAccountCommand;
        type Event = EurAccountEvent;
    }
};
