#[automatically_derived]
impl ::fluvius::__private::Rejection for AccountError {
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
