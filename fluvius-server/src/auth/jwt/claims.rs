//! The claims of a verified token: the checks of RFC 7519, section 4.1, and the sender.

use std::time::Duration;

use fluvius_core::DomainContext;
use fluvius_core::chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::serde_json::{Map, Value};
use fluvius_core::uuid::Uuid;

use super::super::Authenticated;
use super::token_fault::TokenFault;

/// The difference between the clocks of issuer and server that is tolerated.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// The expected claims, and the names of those that describe the sender.
#[derive(Debug, Clone)]
pub(super) struct ClaimRules {
    issuer: String,
    audience: String,
    pub(super) realm: Option<String>,
    pub(super) roles: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) organization: Option<String>,
    /// Set if a subject that is a UUID is the user.
    pub(super) takes_uuids: bool,
    /// The source of the contexts.
    pub(super) source: String,
}

type Claims = Map<String, Value>;

impl ClaimRules {
    pub(super) fn new(issuer: String, audience: String) -> Self {
        Self {
            issuer,
            audience,
            realm: None,
            roles: None,
            profile: None,
            organization: None,
            takes_uuids: false,
            source: "jwt".to_owned(),
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the sender that the claims describe.
    ///
    /// # Errors
    /// The first claim that is missing, of another type, or has another value than expected.
    pub(super) fn sender(
        &self,
        claims: &Claims,
        now: DateTime<Utc>,
    ) -> Result<Authenticated, TokenFault> {
        if required_text(claims, "iss")? != self.issuer {
            return Err(TokenFault::Issuer);
        }
        self.check_audience(claims)?;
        let expires_at = required(claims, "exp").and_then(|value| time(value, "exp"))?;
        if now.signed_duration_since(expires_at) >= LEEWAY {
            return Err(TokenFault::Expired);
        }
        if let Some(value) = claims.get("nbf") {
            let not_before = time(value, "nbf")?;
            if not_before.signed_duration_since(now) > LEEWAY {
                return Err(TokenFault::NotYetValid);
            }
        }
        Ok(Authenticated::new(self.context(claims)?).expires_at(expires_at))
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenFault> {
        let is_ours = match required(claims, "aud")? {
            Value::String(audience) => *audience == self.audience,
            Value::Array(audiences) => audiences.iter().any(|each| *each == *self.audience),
            _ => return Err(TokenFault::claim("aud")),
        };
        if is_ours { Ok(()) } else { Err(TokenFault::Audience) }
    }

    fn context(&self, claims: &Claims) -> Result<DomainContext, TokenFault> {
        let user = self.id(required_text(claims, "sub")?);
        let mut context = DomainContext::create(self.source.as_str()).with_user(user);
        if let Some(name) = &self.realm {
            context = context.with_realm(text(find(claims, name), name)?);
        }
        for role in self.role_names(claims)? {
            context = context.with_role(role);
        }
        if let Some(profile) = self.optional_id(claims, self.profile.as_deref())? {
            context = context.with_profile(profile);
        }
        if let Some(organization) = self.optional_id(claims, self.organization.as_deref())? {
            context = context.with_organization(organization);
        }
        Ok(context)
    }

    fn role_names<'a>(&self, claims: &'a Claims) -> Result<Vec<&'a str>, TokenFault> {
        let Some(name) = &self.roles else { return Ok(Vec::new()) };
        match find(claims, name) {
            None => Ok(Vec::new()),
            Some(Value::Array(roles)) => roles.iter().map(|role| text(Some(role), name)).collect(),
            Some(Value::String(roles)) if is_storable(roles) => {
                Ok(roles.split_ascii_whitespace().collect())
            }
            Some(_) => Err(TokenFault::claim(name)),
        }
    }

    fn optional_id(&self, claims: &Claims, name: Option<&str>) -> Result<Option<Uuid>, TokenFault> {
        let Some(name) = name else { return Ok(None) };
        match find(claims, name) {
            None | Some(Value::Null) => Ok(None),
            value => Ok(Some(self.id(text(value, name)?))),
        }
    }

    /// Returns the id of a subject: the UUIDv5 of issuer and subject, or the subject itself.
    fn id(&self, subject: &str) -> Uuid {
        // Other forms of a UUID are other subjects.
        let own = Uuid::try_parse(subject).ok().filter(|id| id.to_string() == subject);
        own.filter(|_| self.takes_uuids).unwrap_or_else(|| {
            // In two steps, so that no issuer and subject have the text of another pair.
            let issuer = Uuid::new_v5(&Uuid::NAMESPACE_URL, self.issuer.as_bytes());
            Uuid::new_v5(&issuer, subject.as_bytes())
        })
    }
}

fn required<'a>(claims: &'a Claims, name: &str) -> Result<&'a Value, TokenFault> {
    claims.get(name).ok_or_else(|| TokenFault::claim(name))
}

fn required_text<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, TokenFault> {
    text(claims.get(name), name)
}

/// Returns a value that is a text, is not empty and can be stored.
fn text<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a str, TokenFault> {
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty() && is_storable(text));
    text.ok_or_else(|| TokenFault::claim(name))
}

fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Returns a claim by its name, or else by its path. Names of claims may be URLs, which have dots
/// too.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
}

/// Returns the time of a `NumericDate`, which may have a fraction. It is truncated to seconds.
fn time(value: &Value, name: &str) -> Result<DateTime<Utc>, TokenFault> {
    let seconds = value.as_u64().or_else(|| {
        let duration = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
        Some(duration.as_secs())
    });
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.ok_or_else(|| TokenFault::claim(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn sender(rules: &ClaimRules, claims: &Value) -> Result<Authenticated, TokenFault> {
        let mut all = json!({ "iss": "https://issuer", "aud": "api", "sub": "ada", "exp": NOW });
        for (name, value) in claims.as_object().unwrap() {
            let all = all.as_object_mut().unwrap();
            match value {
                Value::Null => drop(all.remove(name)),
                value => drop(all.insert(name.clone(), value.clone())),
            }
        }
        rules.sender(all.as_object().unwrap(), DateTime::from_timestamp(NOW, 0).unwrap())
    }

    fn rules() -> ClaimRules {
        ClaimRules::new("https://issuer".to_owned(), "api".to_owned())
    }

    #[track_caller]
    fn check(claims: Value, expected: Result<(), TokenFault>) {
        assert_eq!(sender(&rules(), &claims).map(drop), expected, "{claims}");
    }

    #[test]
    fn issuer_and_audience_must_be_equal() {
        check(json!({}), Ok(()));
        check(json!({ "iss": "https://issuer/" }), Err(TokenFault::Issuer));
        check(json!({ "iss": ["https://issuer"] }), Err(TokenFault::claim("iss")));
        check(json!({ "aud": ["other", "api"] }), Ok(()));
        check(json!({ "aud": ["other"] }), Err(TokenFault::Audience));
        check(json!({ "aud": [] }), Err(TokenFault::Audience));
        check(json!({ "aud": "API" }), Err(TokenFault::Audience));
        check(json!({ "aud": 1 }), Err(TokenFault::claim("aud")));
    }

    #[test]
    fn each_required_claim_is_missed() {
        for name in ["iss", "aud", "sub", "exp"] {
            check(json!({ name: null }), Err(TokenFault::claim(name)));
        }
        check(json!({ "sub": "" }), Err(TokenFault::claim("sub")));
        check(json!({ "sub": 7 }), Err(TokenFault::claim("sub")));
    }

    #[test]
    fn times_have_a_leeway_of_one_minute() {
        check(json!({ "exp": NOW - 59 }), Ok(()));
        check(json!({ "exp": NOW - 60 }), Err(TokenFault::Expired));
        check(json!({ "nbf": NOW + 60 }), Ok(()));
        check(json!({ "nbf": NOW + 61 }), Err(TokenFault::NotYetValid));
        check(json!({ "exp": 1_799_999_950.5 }), Ok(()));
        for wrong in [json!("1800000000"), json!(-1), json!(1e300), json!(u64::MAX), json!(true)] {
            check(json!({ "exp": wrong }), Err(TokenFault::claim("exp")));
            check(json!({ "nbf": wrong }), Err(TokenFault::claim("nbf")));
        }
    }

    #[test]
    fn expiry_of_the_sender_is_that_of_the_token() {
        let sender = sender(&rules(), &json!({})).unwrap();
        assert_eq!(sender.expires_at.unwrap().timestamp(), NOW);
    }

    #[test]
    fn user_depends_on_the_issuer_unless_uuids_are_trusted() {
        let id = Uuid::from_u128(7);
        let user = |rules: &ClaimRules, subject: &str| {
            sender(rules, &json!({ "sub": subject })).unwrap().context.actor().user_id.unwrap()
        };
        let other = ClaimRules { source: "other".to_owned(), ..rules() };
        assert_eq!(user(&rules(), "ada"), user(&other, "ada"));
        assert_ne!(user(&rules(), &id.to_string()), id);
        let trusting = ClaimRules { takes_uuids: true, ..rules() };
        assert_eq!(user(&trusting, &id.to_string()), id);
        assert_eq!(user(&trusting, "ada"), user(&rules(), "ada"));
        // Another form is another subject.
        assert_ne!(user(&trusting, &id.simple().to_string()), id);
    }

    #[test]
    fn configured_realm_is_never_omitted() {
        let rules = ClaimRules { realm: Some("tenant".to_owned()), ..rules() };
        let north = sender(&rules, &json!({ "tenant": "north" })).unwrap();
        assert_eq!(north.context.realm(), Some("north"));
        for wrong in [json!(null), json!(""), json!(3), json!(["north"]), json!("a\0b")] {
            let refused = sender(&rules, &json!({ "tenant": wrong })).unwrap_err();
            assert_eq!(refused, TokenFault::claim("tenant"));
        }
    }

    #[test]
    fn claims_are_found_by_name_or_path() {
        let mut rules = ClaimRules {
            roles: Some("realm_access.roles".to_owned()),
            organization: Some("https://example.org/org".to_owned()),
            profile: Some("profile".to_owned()),
            ..rules()
        };
        let claims = json!({
            "realm_access": { "roles": ["teller", "auditor"] },
            "https://example.org/org": "acme",
        });
        let context = sender(&rules, &claims).unwrap().context;
        assert_eq!(context.roles(), ["teller", "auditor"]);
        assert!(context.actor().organization_id.is_some());
        assert_eq!(context.actor().profile_id, None);
        rules.roles = Some("scope".to_owned());
        let context = sender(&rules, &json!({ "scope": "read  write" })).unwrap().context;
        assert_eq!(context.roles(), ["read", "write"]);
        let refused = sender(&rules, &json!({ "scope": ["read", 1] })).unwrap_err();
        assert_eq!(refused, TokenFault::claim("scope"));
    }
}
