//! The model of an `#[aggregate]` block.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Generics, ItemImpl, LitStr, Path, Type, Visibility};

use super::action::Action;
use super::docs::Docs;
use super::inherited::Inherited;
use super::names;
use super::private_path::{PrivatePath, Root};
use super::self_type::SelfType;
use crate::errors::Errors;
use crate::parse::options::FunctionPath;
use crate::parse::{IndexPlace, SourceBlock, SourceIndex};

pub(crate) struct Aggregate {
    pub(crate) private: PrivatePath,
    /// Set if a fault was reported, so that an option may only seem to be missing.
    pub(crate) options_flawed: bool,
    pub(crate) impl_place: Span,
    pub(crate) trait_path: Option<Path>,
    pub(crate) generics: Generics,
    pub(crate) written_type: Type,
    /// `None` if the type is not written as a path.
    pub(crate) self_type: Option<SelfType>,
    /// The name used in enums and docs, such as `Account`.
    pub(crate) name: String,
    pub(crate) name_written: Option<LitStr>,
    pub(crate) resources: Vec<LitStr>,
    pub(crate) resources_place: Option<Span>,
    pub(crate) revision: u32,
    pub(crate) revision_place: Option<Span>,
    pub(crate) upcast: Option<FunctionPath>,
    /// The span of `upcast = none`.
    pub(crate) upcast_waived: Option<Span>,
    pub(crate) indexes: Vec<Index>,
    /// The value of `schema = ".."`.
    pub(crate) schema: Option<LitStr>,
    pub(crate) docs: Docs,
    /// The attributes of the block that every generated item inherits.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) allows: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) actions: Vec<Action>,
    pub(crate) command_enum: Ident,
    pub(crate) event_enum: Ident,
}

/// A field of the state to be indexed.
pub(crate) struct Index {
    pub(crate) place: IndexPlace,
    /// The path to the field in JSON: names joined by dots.
    pub(crate) path: String,
    pub(crate) kind: Option<Ident>,
}

impl Index {
    fn lower(source: SourceIndex) -> Self {
        let SourceIndex { place, kind } = source;
        let path = match &place {
            IndexPlace::Field(field) => names::plain(field),
            IndexPlace::Path(path) => path.value(),
        };
        Self { place, path, kind }
    }
}

pub(crate) fn lower(root: Root, source: SourceBlock, errors: &mut Errors) -> Aggregate {
    let SourceBlock { args, header, actions } = source;
    let ItemImpl { attrs, generics, trait_, self_ty, impl_token, .. } = header;
    let self_type = SelfType::lower(&self_ty);
    let place = self_type.as_ref().map_or(impl_token.span, |self_type| self_type.ident.span());
    let name = match (&args.name, &self_type) {
        (Some(written), _) => written.value(),
        (None, Some(self_type)) => names::plain(&self_type.ident),
        (None, None) => "Aggregate".to_owned(),
    };
    let (resources, resources_place) = match args.resources {
        Some(strings) => (strings.list, Some(strings.place)),
        None => (vec![LitStr::new(&names::kebab(&name), place)], None),
    };
    let Inherited { cfgs, allows, .. } = Inherited::of(&attrs);
    let actions: Vec<Action> =
        actions.into_iter().map(|source| Action::lower(source, self_type.as_ref())).collect();
    Aggregate {
        private: PrivatePath::lower(root, args.crate_path.as_ref(), errors),
        options_flawed: args.flawed,
        impl_place: impl_token.span,
        trait_path: trait_.map(|(path, _)| path),
        generics,
        written_type: *self_ty,
        command_enum: enum_ident(&name, "Command", place),
        event_enum: enum_ident(&name, "Event", place),
        vis: widest(&actions),
        self_type,
        name,
        name_written: args.name,
        resources,
        resources_place,
        revision: args.revision.as_ref().map_or(1, |revision| revision.value),
        revision_place: args.revision.map(|revision| revision.place),
        upcast: args.upcast,
        upcast_waived: args.upcast_waived,
        indexes: args.indexes.into_iter().map(Index::lower).collect(),
        schema: args.schema,
        docs: Docs::of(&attrs),
        cfgs,
        allows,
        actions,
    }
}

/// Returns the visibility of the enums: that of the most visible action.
fn widest(actions: &[Action]) -> Visibility {
    let mut widest = Visibility::Inherited;
    for action in actions {
        if rank(&action.vis) > rank(&widest) {
            widest = action.vis.clone();
        }
    }
    widest
}

fn rank(vis: &Visibility) -> u8 {
    match vis {
        Visibility::Public(_) => 3,
        Visibility::Restricted(restricted) if restricted.path.is_ident("crate") => 2,
        Visibility::Restricted(restricted) if !restricted.path.is_ident("self") => 1,
        _ => 0,
    }
}

fn enum_ident(name: &str, suffix: &str, place: Span) -> Ident {
    names::type_ident(&format!("{name}{suffix}"), place)
        .unwrap_or_else(|| Ident::new(&format!("Fluvius{suffix}"), place))
}

impl Aggregate {
    /// Returns true if each type of the block must have a JSON schema.
    pub(crate) fn requires_schemas(&self) -> bool {
        self.schema.as_ref().is_some_and(|written| written.value() == "required")
    }

    /// Returns true if docs may link from the type's page to the generated items. A link from a
    /// public page to a less visible item is a rustdoc warning.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.vis, Visibility::Public(_))
    }
}
