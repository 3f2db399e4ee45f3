//! The request that the rules decide on, by the names of the original.

use fluvius_core::DomainContext;
use fluvius_core::uuid::Uuid;

/// The name of a user where the sender has none.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// A value of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    User,
    Profile,
    Organization,
    Realm,
    Roles,
    Domain,
    Resource,
    Aggregate,
    Kind,
    Action,
}

impl Field {
    pub(crate) const ALL: [(&str, Self); 10] = [
        ("usr", Self::User),
        ("pro", Self::Profile),
        ("org", Self::Organization),
        ("realm", Self::Realm),
        ("roles", Self::Roles),
        ("dom", Self::Domain),
        ("res", Self::Resource),
        ("rid", Self::Aggregate),
        ("cqrs", Self::Kind),
        ("act", Self::Action),
    ];

    pub(crate) fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, field)| *field == self);
        named.map(|(name, _)| *name).unwrap_or_default()
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(each, _)| *each == name).map(|(_, field)| *field)
    }
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Query,
    Operation,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Command => "COMMAND",
            Self::Query => "QUERY",
            Self::Operation => "OPERATION",
        }
    }
}

/// A command, a read or an operation of a sender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) context: &'a DomainContext,
    pub(crate) kind: Kind,
    /// The key of the command, or the name of the read or the operation.
    pub(crate) action: &'a str,
    pub(crate) resource: Option<&'a str>,
    pub(crate) id: Option<Uuid>,
}

impl<'a> Request<'a> {
    /// Returns the value of a field other than the roles. A sender without a profile, an
    /// organization or a realm has an empty text there.
    pub(crate) fn text(&self, field: Field, namespace: &str) -> String {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let actor = self.context.actor();
        match field {
            Field::User => actor.user_id.map_or_else(|| ANONYMOUS.to_owned(), |id| id.to_string()),
            Field::Profile => id(actor.profile_id),
            Field::Organization => id(actor.organization_id),
            Field::Realm => self.context.realm().unwrap_or_default().to_owned(),
            Field::Roles => String::new(),
            Field::Domain => namespace.to_owned(),
            Field::Resource => self.resource.unwrap_or_default().to_owned(),
            Field::Aggregate => match (self.resource, self.id) {
                (Some(resource), Some(id)) => format!("{resource}/{id}"),
                (Some(resource), None) => resource.to_owned(),
                (None, on) => id(on),
            },
            Field::Kind => self.kind.as_str().to_owned(),
            Field::Action => format!("{namespace}:{}", self.action),
        }
    }

    /// Returns the roles of the sender. An empty role counts as none, and so does one that could be
    /// taken for a user or a profile, as rules name these in the same place.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &'a str> {
        let is_role =
            |role: &&str| !role.is_empty() && *role != ANONYMOUS && Uuid::parse_str(role).is_err();
        self.context.roles().iter().map(String::as_str).filter(is_role)
    }

    /// Returns the values of some fields as the key of a verdict. Different values have different
    /// keys: the length of each text precedes it.
    pub(crate) fn key(&self, fields: &[Field]) -> Vec<u8> {
        let mut key = Vec::with_capacity(128);
        for field in fields {
            match field {
                Field::User => push_id(&mut key, self.context.actor().user_id),
                Field::Profile => push_id(&mut key, self.context.actor().profile_id),
                Field::Organization => push_id(&mut key, self.context.actor().organization_id),
                Field::Realm => push(&mut key, self.context.realm().unwrap_or_default()),
                Field::Roles => {
                    key.extend(self.roles().count().to_le_bytes());
                    self.roles().for_each(|role| push(&mut key, role));
                }
                // Of one policy, it is always the same.
                Field::Domain => {}
                Field::Resource => push(&mut key, self.resource.unwrap_or_default()),
                Field::Aggregate => {
                    push(&mut key, self.resource.unwrap_or_default());
                    push_id(&mut key, self.id);
                }
                Field::Kind => push(&mut key, self.kind.as_str()),
                Field::Action => push(&mut key, self.action),
            }
        }
        key
    }
}

fn push(key: &mut Vec<u8>, text: &str) {
    key.extend(text.len().to_le_bytes());
    key.extend(text.as_bytes());
}

fn push_id(key: &mut Vec<u8>, id: Option<Uuid>) {
    key.push(u8::from(id.is_some()));
    key.extend(id.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<&'static str> {
        vec![
            "",
            "a",
            "b",
            "ab",
            "a\0",
            "anonymous",
            "0190163d-8694-739b-aea5-966c26f8ad91",
            "\u{1}",
        ]
    }

    #[test]
    fn different_values_have_different_keys() {
        let fields = Field::ALL.map(|(_, field)| field);
        let mut seen = std::collections::HashMap::new();
        let id = Some(Uuid::from_u128(1));
        for realm in names() {
            for roles in
                [&[][..], &["a"], &["b"], &["a", "b"], &["b", "a"], &["ab", "c"], &["a", "bc"]]
            {
                for (action, resource) in [("a", "b"), ("ab", ""), ("", "ab"), ("b", "a")] {
                    for (user, profile, on) in
                        [(None, None, None), (id, None, None), (None, id, None), (None, None, id)]
                    {
                        let mut context = DomainContext::create("x").with_realm(realm);
                        for role in roles {
                            context = context.with_role(*role);
                        }
                        context = user.map_or(context.clone(), |id| context.with_user(id));
                        context = profile.map_or(context.clone(), |id| context.with_profile(id));
                        let (context, kind) = (&context, Kind::Command);
                        let resource = Some(resource);
                        let request = Request { context, kind, action, resource, id: on };
                        let about = format!("{request:?}");
                        if let Some(other) = seen.insert(request.key(&fields), about.clone()) {
                            panic!("{about} has the key of {other}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn role_that_could_be_an_actor_does_not_count() {
        let mut context = DomainContext::create("x");
        let ids = ["0190163D-8694-739b-aea5-966c26f8ad91", "0190163d8694739baea5966c26f8ad91"];
        for role in ["", "anonymous", "teller", ids[0], ids[1], "a,b\n\"c"] {
            context = context.with_role(role);
        }
        let (context, kind) = (&context, Kind::Query);
        let request = Request { context, kind, action: "state", resource: None, id: None };
        assert_eq!(request.roles().collect::<Vec<_>>(), ["teller", "a,b\n\"c"]);
    }
}
