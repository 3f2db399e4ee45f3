//! An action: its names, its receiver, its parameters, its outcome.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Generics, LitBool, LitStr, ReceiverKind, Safety, Type, Visibility};

use super::docs::Docs;
use super::inherited::{Deprecated, Inherited};
use super::names;
use super::outcome::{Answer, Outcome};
use super::param::{self, Argument, Field};
use super::self_type::SelfType;
use crate::parse::SourceAction;
use crate::parse::options::Integer;
use crate::parse::token_text::identity_text;

pub(crate) struct Action {
    /// The span of the word `action` in its attribute.
    pub(crate) marker: Span,
    /// Set if a fault was reported, so that an option may only seem to be missing.
    pub(crate) options_flawed: bool,
    pub(crate) method: Ident,
    /// The method's name without `r#`.
    pub(crate) method_name: String,
    pub(crate) key: String,
    pub(crate) key_written: Option<LitStr>,
    pub(crate) command: Ident,
    pub(crate) command_written: Option<LitStr>,
    pub(crate) event: Option<EventModel>,
    /// The resources of the action; `None` for all resources of the aggregate type.
    pub(crate) resources: Option<Vec<LitStr>>,
    pub(crate) resources_place: Option<Span>,
    pub(crate) internal: bool,
    pub(crate) if_match: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) body_limit: Option<Integer>,
    pub(crate) sunset: Option<LitStr>,
    pub(crate) mcp: Option<LitBool>,
    pub(crate) vis: Visibility,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) allows: Vec<Attribute>,
    pub(crate) deprecated: Option<Deprecated>,
    pub(crate) docs: Docs,
    pub(crate) is_async: bool,
    /// Words that an action must not have: `unsafe`, `extern`, `...`.
    pub(crate) invalid_keywords: Vec<(Span, &'static str)>,
    pub(crate) generics: Generics,
    pub(crate) receiver: Receiver,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) outcome: Option<Outcome>,
}

/// The event of an action with an `evt_key`.
pub(crate) struct EventModel {
    pub(crate) key: LitStr,
    pub(crate) ident: Ident,
}

/// The receiver as written.
pub(crate) enum Receiver {
    Form(Lifecycle),
    Other(Box<syn::Receiver>),
}

/// The effect of the action on its aggregate, as declared by the receiver.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Create,
    Update,
    Unchanged,
    Close,
}

impl Action {
    pub(crate) fn lower(source: SourceAction, self_type: Option<&SelfType>) -> Self {
        let method = source.ident().clone();
        let method_name = names::plain(&method);
        let receiver = lower_receiver(source.receiver.as_ref());
        let creates = matches!(receiver, Receiver::Form(Lifecycle::Create));
        let outcome = source.output().map(|written| Outcome::lower(written, creates, self_type));
        let signature = &source.signature;
        let inherited = Inherited::of(&source.attributes);
        let args = source.args;
        let command = args
            .command
            .as_ref()
            .and_then(|written| names::type_ident(&written.value(), written.span()))
            .unwrap_or_else(|| derived_ident(&method_name, "Command", &method));
        let (resources, resources_place) = match args.resources {
            Some(strings) => (Some(strings.list), Some(strings.place)),
            None => (None, None),
        };
        Self {
            marker: source.marker,
            options_flawed: args.flawed,
            key: match &args.key {
                Some(written) => written.value(),
                None => names::kebab(&method_name),
            },
            key_written: args.key,
            command,
            command_written: args.command,
            event: args.evt_key.map(|key| EventModel {
                ident: derived_ident(&key.value(), "Event", &method),
                key,
            }),
            resources,
            resources_place,
            internal: args.internal.is_some(),
            if_match: args.if_match,
            timeout: args.timeout,
            body_limit: args.body_limit,
            sunset: args.sunset,
            mcp: args.mcp,
            vis: source.vis,
            cfgs: inherited.cfgs,
            allows: inherited.allows,
            deprecated: inherited.deprecated,
            docs: Docs::of(&source.attributes),
            is_async: signature.asyncness.is_some(),
            invalid_keywords: invalid_keywords(signature),
            generics: signature.generics.clone(),
            receiver,
            arguments: source
                .params
                .into_iter()
                .map(|source| param::lower(source, self_type))
                .collect(),
            outcome,
            method,
            method_name,
        }
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Field(field) => Some(&**field),
            Argument::Context(_) | Argument::Invalid(_) => None,
        })
    }

    pub(crate) fn lifecycle(&self) -> Option<Lifecycle> {
        match self.receiver {
            Receiver::Form(lifecycle) => Some(lifecycle),
            Receiver::Other(_) => None,
        }
    }

    /// Returns true if the event contains the data that the action returned.
    pub(crate) fn event_has_data(&self) -> bool {
        self.event.is_some()
            && self.outcome.as_ref().is_some_and(|outcome| {
                outcome.answer == Answer::Data && outcome.is_sound_in_event()
            })
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.fields().any(|field| field.secret)
    }

    /// Returns the `cfg`s as text, to compare actions.
    pub(crate) fn cfg_text(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.cfgs.iter().map(identity_text).collect();
        texts.sort();
        texts
    }
}

/// Returns a type name with the span of the method, so that the compiler's messages about the
/// generated item point there. If the text is not a valid name, which is reported separately,
/// returns a placeholder.
fn derived_ident(text: &str, kind: &str, method: &Ident) -> Ident {
    names::type_ident(&names::upper_camel(text), method.span())
        .unwrap_or_else(|| Ident::new(&format!("FluviusUnnamed{kind}"), method.span()))
}

fn lower_receiver(written: Option<&syn::Receiver>) -> Receiver {
    let Some(receiver) = written else {
        return Receiver::Form(Lifecycle::Create);
    };
    match &receiver.kind {
        ReceiverKind::Value => Receiver::Form(Lifecycle::Close),
        ReceiverKind::Reference(_, None, Some(_)) => Receiver::Form(Lifecycle::Update),
        ReceiverKind::Reference(_, None, None) => Receiver::Form(Lifecycle::Unchanged),
        _ => Receiver::Other(Box::new(receiver.clone())),
    }
}

fn invalid_keywords(signature: &syn::Signature) -> Vec<(Span, &'static str)> {
    let mut words = Vec::new();
    if let Safety::Unsafe(word) = &signature.safety {
        words.push((word.span, "unsafe"));
    }
    if let Some(abi) = &signature.abi {
        words.push((abi.extern_token.span, "extern"));
    }
    if let Some(variadic) = &signature.variadic
        && let Some(dot) = variadic.dots.spans.first()
    {
        words.push((*dot, "..."));
    }
    words
}

/// Returns the type behind the reference of the context parameter, if there is one.
pub(crate) fn contexts(action: &Action) -> impl Iterator<Item = &Type> {
    action.arguments.iter().filter_map(|argument| match argument {
        Argument::Context(ty) => Some(&**ty),
        Argument::Field(_) | Argument::Invalid(_) => None,
    })
}
