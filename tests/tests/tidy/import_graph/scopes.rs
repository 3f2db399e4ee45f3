//! Resolution of paths to the modules that define their items.

use super::EXPORT_ROOTS;
use super::modules::{Crate, DefinitionKind, Leaf, ModuleId, ROOT};

/// A module or an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Module(ModuleId),
    Item {
        home: ModuleId,
        name: String,
    },
    /// A path that begins with no name of the crate: of another crate, or of the standard library.
    Foreign(Vec<String>),
}

/// The result of a resolution. A name can be of several items, since types, values and macros have
/// scopes of their own.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) targets: Vec<Target>,
    /// The path, as written, goes through an export root other than the crate root.
    pub(crate) is_through_private: bool,
    /// The path, as written, names a re-export of the crate root.
    pub(crate) is_through_root: bool,
}

/// Lookups in progress, so that a `use` that leads to itself ends.
type Pending = Vec<(ModuleId, String)>;

impl Crate {
    /// Resolves a path that is written in the module `from`.
    pub(crate) fn resolve(
        &self,
        from: ModuleId,
        path: &[String],
        starts_with_colons: bool,
    ) -> Resolved {
        self.resolve_within(from, path, starts_with_colons, &mut Vec::new())
    }

    /// Resolves a name of a textual macro: defined in the module or above it, or under a
    /// `#[macro_use]`.
    pub(crate) fn resolve_textual_macro(&self, from: ModuleId, name: &str) -> Vec<Target> {
        let modules = self.modules.iter().enumerate();
        let is_in_scope = |(id, module): &(ModuleId, &super::modules::Module)| {
            module.textual_macros.contains(name)
                && (module.is_macro_use || self.is_within(from, *id))
        };
        let homes = modules.filter(is_in_scope).map(|(id, _)| id);
        homes.map(|home| Target::Item { home, name: name.to_owned() }).collect()
    }

    fn resolve_within(
        &self,
        from: ModuleId,
        path: &[String],
        starts_with_colons: bool,
        pending: &mut Pending,
    ) -> Resolved {
        let Some((first, mut rest)) = path.split_first() else { return Resolved::default() };
        let targets = match first.as_str() {
            name if starts_with_colons && !self.own_names.contains(name) => {
                vec![Target::Foreign(vec![name.to_owned()])]
            }
            "crate" => vec![Target::Module(ROOT)],
            "self" | "super" => {
                let mut module = if first == "self" { from } else { self.above(from) };
                while let Some((name, after)) = rest.split_first()
                    && name == "super"
                {
                    module = self.above(module);
                    rest = after;
                }
                vec![Target::Module(module)]
            }
            "Self" => Vec::new(),
            name => {
                let found = self.lookup(from, name, from, pending);
                if !found.is_empty() {
                    found
                } else if self.own_names.contains(name) {
                    vec![Target::Module(ROOT)]
                } else {
                    vec![Target::Foreign(vec![name.to_owned()])]
                }
            }
        };
        let mut resolved = Resolved { targets, ..Resolved::default() };
        self.note_export_root(from, &mut resolved);
        for name in rest {
            let targets = std::mem::take(&mut resolved.targets);
            let has_module = targets.iter().any(|target| target.module().is_some());
            for target in targets {
                match target {
                    Target::Module(module) => {
                        let is_defined = self.modules[module].definitions.contains_key(name);
                        resolved.is_through_root |= module == ROOT && !is_defined;
                        let found = self.lookup(module, name, from, pending);
                        resolved.targets.extend(self.with_own_item(module, name, found));
                    }
                    Target::Foreign(mut path) => {
                        path.push(name.clone());
                        resolved.targets.push(Target::Foreign(path));
                    }
                    // A function or macro with the name of a module has nothing below it.
                    Target::Item { .. } if has_module => {}
                    // A path below an item belongs to the item.
                    item @ Target::Item { .. } => resolved.targets.push(item),
                }
            }
            self.note_export_root(from, &mut resolved);
        }
        resolved
    }

    /// Adds `name` as an item of `module` if a macro call defines it, or if it is a re-export of
    /// another crate's item.
    fn with_own_item(&self, module: ModuleId, name: &str, mut found: Vec<Target>) -> Vec<Target> {
        let is_export_root = module == ROOT || self.is_export_root_or_below(module);
        if found.is_empty() || (found.iter().any(Target::is_foreign) && !is_export_root) {
            found.push(Target::Item { home: module, name: name.to_owned() });
        }
        found
    }

    fn above(&self, module: ModuleId) -> ModuleId {
        self.modules[module].parent.unwrap_or(ROOT)
    }

    fn note_export_root(&self, from: ModuleId, resolved: &mut Resolved) {
        let modules = resolved.targets.iter().filter_map(Target::module);
        resolved.is_through_private |= modules
            .into_iter()
            .any(|module| self.is_export_root(module) && !self.is_within(from, module));
    }

    pub(crate) fn is_export_root(&self, module: ModuleId) -> bool {
        let path = &self.modules[module].path;
        path.len() == 1 && EXPORT_ROOTS.contains(&path[0].as_str())
    }

    /// Tells if the module is an export root other than the crate root, or below one.
    pub(crate) fn is_export_root_or_below(&self, module: ModuleId) -> bool {
        self.modules[module].path.first().is_some_and(|name| EXPORT_ROOTS.contains(&name.as_str()))
    }

    /// Finds a name in the scope of `module`, as far as it is visible from `from`.
    fn lookup(
        &self,
        module: ModuleId,
        name: &str,
        from: ModuleId,
        pending: &mut Pending,
    ) -> Vec<Target> {
        let key = (module, name.to_owned());
        if pending.contains(&key) {
            return Vec::new();
        }
        pending.push(key);
        let mut found = self.lookup_named(module, name, from, pending);
        if found.is_empty() {
            found = self.lookup_in_globs(module, name, from, pending);
        }
        pending.pop();
        found
    }

    fn lookup_named(
        &self,
        module: ModuleId,
        name: &str,
        from: ModuleId,
        pending: &mut Pending,
    ) -> Vec<Target> {
        let scope = &self.modules[module];
        let mut found = Vec::new();
        let definitions = scope.definitions.get(name).into_iter().flatten();
        for definition in definitions {
            if self.is_within(from, definition.visible_in) {
                found.push(match definition.kind {
                    DefinitionKind::Module(id) => Target::Module(id),
                    DefinitionKind::Item { home } => Target::Item { home, name: name.to_owned() },
                });
            }
        }
        for import in &scope.imports {
            if import.leaf.name.as_deref() == Some(name) && self.is_within(from, import.visible_in)
            {
                found.extend(self.resolve_leaf(module, &import.leaf, pending));
            }
        }
        found
    }

    fn lookup_in_globs(
        &self,
        module: ModuleId,
        name: &str,
        from: ModuleId,
        pending: &mut Pending,
    ) -> Vec<Target> {
        let mut found = Vec::new();
        for import in &self.modules[module].imports {
            if import.leaf.name.is_some() || !self.is_within(from, import.visible_in) {
                continue;
            }
            for target in self.resolve_leaf(module, &import.leaf, pending) {
                if let Target::Module(source) = target {
                    found.extend(self.lookup(source, name, module, pending));
                }
            }
        }
        found
    }

    fn resolve_leaf(&self, module: ModuleId, leaf: &Leaf, pending: &mut Pending) -> Vec<Target> {
        let path = &leaf.path;
        let targets = self.resolve_within(module, path, leaf.starts_with_colons, pending).targets;
        if path.len() == 1 && targets.iter().all(Target::is_foreign) {
            // `pub(crate) use name;` for a macro of the module.
            let macros = self.resolve_textual_macro(module, &path[0]);
            return if macros.is_empty() { targets } else { macros };
        }
        targets
    }
}

impl Target {
    pub(crate) fn module(&self) -> Option<ModuleId> {
        match self {
            Self::Module(id) => Some(*id),
            Self::Item { .. } | Self::Foreign(_) => None,
        }
    }

    /// Returns the module itself, or the one that defines the item.
    pub(crate) fn home(&self) -> Option<ModuleId> {
        match self {
            Self::Module(id) | Self::Item { home: id, .. } => Some(*id),
            Self::Foreign(_) => None,
        }
    }

    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }
}
