//! The faults of a token, and their answers.

use super::super::Unauthenticated;

/// The reason to refuse a request. It holds nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenFault {
    /// The request has no bearer token.
    Missing,
    Malformed,
    /// The algorithm is not allowed, or not one of the key.
    Algorithm,
    /// The header has `crit`.
    Critical,
    UnknownKey,
    /// The keys of the issuer cannot be read.
    NoKeys,
    Signature,
    Expired,
    NotYetValid,
    Audience,
    Issuer,
    /// A claim, by its configured name, is missing or has another type.
    Claim(String),
}

impl TokenFault {
    /// Creates the fault of a claim.
    pub(super) fn claim(name: &str) -> Self {
        Self::Claim(name.to_owned())
    }

    fn detail(&self) -> String {
        let text = match self {
            Self::Missing => "the request has no bearer token",
            Self::Malformed => "the token is malformed",
            Self::Algorithm => "the algorithm of the token is not allowed",
            Self::Critical => "the token has a critical header parameter, which is not supported",
            Self::UnknownKey => "the key of the token is unknown",
            Self::NoKeys => "the keys of the issuer are not available",
            Self::Signature => "the signature of the token is invalid",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not yet valid",
            Self::Audience => "the token is for another audience",
            Self::Issuer => "the token is from another issuer",
            Self::Claim(name) => {
                return format!("the claim `{name}` of the token is missing or invalid");
            }
        };
        text.to_owned()
    }
}

impl From<TokenFault> for Unauthenticated {
    /// Returns the error with the challenge of RFC 6750, section 3: a request without a token gets
    /// no error code.
    fn from(fault: TokenFault) -> Self {
        let detail = fault.detail();
        if fault == TokenFault::Missing {
            return Self::new("Bearer", detail);
        }
        let is_allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let quoted: String = detail.chars().filter(is_allowed).collect();
        let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{quoted}\"");
        Self::new(challenge, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_is_valid_for_each_name_of_a_claim() {
        let fault = Unauthenticated::from(TokenFault::claim("a\"b\\c\r\nd\u{e9}"));
        assert_eq!(
            fault.challenge(),
            "Bearer error=\"invalid_token\", \
             error_description=\"the claim `abcd` of the token is missing or invalid\""
        );
    }

    #[test]
    fn request_without_a_token_gets_no_error_code() {
        assert_eq!(Unauthenticated::from(TokenFault::Missing).challenge(), "Bearer");
    }
}
