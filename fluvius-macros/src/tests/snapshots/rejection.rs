#[automatically_derived]
impl ::fluvius::__private::Rejection for AccountError {
    const CODES: ::fluvius::__private::core::option::Option<
        &'static [::fluvius::__private::CodeInfo],
    > = ::fluvius::__private::core::option::Option::Some(
        &[
            ::fluvius::__private::CodeInfo::of(
                "insufficient-funds",
                "Insufficient funds",
                409,
                "The balance is less than the amount.",
            ),
            ::fluvius::__private::CodeInfo::of(
                "limit",
                "{} is over the limit of {limit}",
                402,
                "",
            ),
            ::fluvius::__private::CodeInfo::Inner(|| {
                ::fluvius::__private::probe!(ContextError, CODES)
            }),
        ],
    );
    fn code(&self) -> &str {
        match self {
            Self::InsufficientFunds { .. } => "insufficient-funds",
            Self::LimitReached { .. } => "limit",
            Self::Context { 0: __fluvius_inner } => {
                ::fluvius::__private::Rejection::code(__fluvius_inner)
            }
        }
    }
}
