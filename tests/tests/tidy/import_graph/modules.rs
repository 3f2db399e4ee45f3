//! The tree of modules of a crate: which file each has, and which names it defines.

use std::collections::{BTreeMap, BTreeSet};

use syn::ext::IdentExt as _;
use syn::{Item, UseTree, Visibility};

use super::SourceFile;
use super::attributes::{holds_in_tests_only, is_exported_macro, of_item, path_attribute};

/// Index into [`Crate::modules`].
pub(crate) type ModuleId = usize;

/// The crate root.
pub(crate) const ROOT: ModuleId = 0;

/// A parsed crate without its test code.
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
    /// Names under which the crate names itself: `extern crate self as name;`.
    pub(crate) own_names: BTreeSet<String>,
}

/// One module, of a file or inline.
pub(crate) struct Module {
    /// Names from the crate root; of the root itself none.
    pub(crate) path: Vec<String>,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) file: String,
    /// The items, without child modules and without test code.
    pub(crate) items: Vec<Item>,
    pub(crate) definitions: BTreeMap<String, Vec<Definition>>,
    pub(crate) imports: Vec<Import>,
    /// Names of `macro_rules!`, which are in scope by the order of the text.
    pub(crate) textual_macros: BTreeSet<String>,
    /// `#[macro_use]`: the textual macros are in scope after the module too.
    pub(crate) is_macro_use: bool,
}

/// A name that a module defines.
pub(crate) struct Definition {
    pub(crate) kind: DefinitionKind,
    /// The module in whose descendants the name is visible.
    pub(crate) visible_in: ModuleId,
}

#[derive(Clone, Copy)]
pub(crate) enum DefinitionKind {
    Module(ModuleId),
    /// An item that `home` defines.
    Item {
        home: ModuleId,
    },
}

/// One leaf of a `use` at the level of a module.
pub(crate) struct Import {
    pub(crate) leaf: Leaf,
    pub(crate) visible_in: ModuleId,
}

/// One leaf of a `use` tree.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// The path from its first name; of a glob, the path before `*`.
    pub(crate) path: Vec<String>,
    /// The name in scope; `None` for a glob.
    pub(crate) name: Option<String>,
    pub(crate) starts_with_colons: bool,
    pub(crate) line: usize,
}

/// The place where the files of child modules are.
struct Folders {
    /// For a plain `mod x;`.
    children: Vec<String>,
    /// For `#[path = ".."]`: the folder of the file, with inline modules below it.
    attribute: Vec<String>,
}

struct Parser<'a> {
    files: BTreeMap<&'a str, &'a str>,
    crate_: Crate,
}

impl Crate {
    pub(crate) fn parse(root: &str, files: &[SourceFile]) -> Result<Self, String> {
        let files = files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
        let crate_ = Self { modules: Vec::new(), own_names: BTreeSet::new() };
        let mut parser = Parser { files, crate_ };
        let id = parser.new_module(Vec::new(), None, root.to_owned());
        parser.read_file(id, root, true)?;
        Ok(parser.crate_)
    }

    /// Tells if `module` is `ancestor` or below it.
    pub(crate) fn is_within(&self, module: ModuleId, ancestor: ModuleId) -> bool {
        self.modules[module].path.starts_with(&self.modules[ancestor].path)
    }
}

impl Parser<'_> {
    fn new_module(
        &mut self,
        path: Vec<String>,
        parent: Option<ModuleId>,
        file: String,
    ) -> ModuleId {
        self.crate_.modules.push(Module {
            path,
            parent,
            file,
            items: Vec::new(),
            definitions: BTreeMap::new(),
            imports: Vec::new(),
            textual_macros: BTreeSet::new(),
            is_macro_use: false,
        });
        self.crate_.modules.len() - 1
    }

    /// Reads the file of a module. One that `owns_folder` has the files of its children beside it:
    /// a crate root, a `mod.rs`, and each file that a `#[path]` names.
    fn read_file(&mut self, id: ModuleId, path: &str, owns_folder: bool) -> Result<(), String> {
        let text = self.files.get(path).ok_or_else(|| format!("{path}: no such file"))?;
        let file = syn::parse_file(text)
            .map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        if holds_in_tests_only(&file.attrs) {
            return Ok(());
        }
        let mut folder: Vec<String> = path.split('/').map(str::to_owned).collect();
        let name = folder.pop().unwrap_or_default();
        let mut folders = Folders { children: folder.clone(), attribute: folder };
        if !owns_folder {
            folders.children.push(name.trim_end_matches(".rs").to_owned());
        }
        self.read_items(id, file.items, &folders)
    }

    fn read_items(
        &mut self,
        id: ModuleId,
        items: Vec<Item>,
        folders: &Folders,
    ) -> Result<(), String> {
        for item in items {
            if holds_in_tests_only(of_item(&item)) {
                continue;
            }
            match item {
                Item::Mod(module) => self.read_module(id, module, folders)?,
                item => {
                    self.define(id, &item);
                    self.crate_.modules[id].items.push(item);
                }
            }
        }
        Ok(())
    }

    fn read_module(
        &mut self,
        parent: ModuleId,
        module: syn::ItemMod,
        folders: &Folders,
    ) -> Result<(), String> {
        let name = module.ident.unraw().to_string();
        let mut path = self.crate_.modules[parent].path.clone();
        path.push(name.clone());
        let file = self.crate_.modules[parent].file.clone();
        let id = self.new_module(path, Some(parent), file);
        self.crate_.modules[id].is_macro_use =
            module.attrs.iter().any(|attribute| attribute.path().is_ident("macro_use"));
        let visible_in = self.visible_in(parent, &module.vis);
        let definition = Definition { kind: DefinitionKind::Module(id), visible_in };
        self.add(parent, &name, definition);

        let mut child_folder = folders.children.clone();
        let attribute = path_attribute(&module.attrs);
        if let Some((_, items)) = module.content {
            let mut attribute_folder = folders.children.clone();
            let own = attribute.unwrap_or(name);
            child_folder.push(own.clone());
            attribute_folder.push(own);
            let inner = Folders { children: child_folder, attribute: attribute_folder };
            return self.read_items(id, items, &inner);
        }
        let (path, owns_folder) = match attribute {
            Some(given) => (joined(&folders.attribute, &given), true),
            None => {
                let beside = joined(&folders.children, &format!("{name}.rs"));
                let inside = joined(&folders.children, &format!("{name}/mod.rs"));
                if self.files.contains_key(beside.as_str()) {
                    (beside, false)
                } else {
                    (inside, true)
                }
            }
        };
        self.crate_.modules[id].file.clone_from(&path);
        self.read_file(id, &path, owns_folder)
    }

    /// Adds the names that an item brings into scope.
    fn define(&mut self, id: ModuleId, item: &Item) {
        match item {
            Item::Use(item) => {
                let visible_in = self.visible_in(id, &item.vis);
                let leaves = leaves(item);
                let imports = leaves.into_iter().map(|leaf| Import { leaf, visible_in });
                self.crate_.modules[id].imports.extend(imports);
            }
            Item::ExternCrate(item) if item.ident == "self" => {
                if let Some((_, name)) = &item.rename {
                    self.crate_.own_names.insert(name.unraw().to_string());
                }
            }
            Item::Macro(item) => {
                let Some(name) = &item.ident else { return };
                let name = name.unraw().to_string();
                let definition =
                    Definition { kind: DefinitionKind::Item { home: id }, visible_in: ROOT };
                if is_exported_macro(&item.attrs) {
                    self.add(ROOT, &name, definition);
                }
                self.crate_.modules[id].textual_macros.insert(name);
            }
            item => {
                let Some((name, visibility)) = named(item) else { return };
                let visible_in = self.visible_in(id, visibility);
                let kind = DefinitionKind::Item { home: id };
                self.add(id, &name.unraw().to_string(), Definition { kind, visible_in });
            }
        }
    }

    fn add(&mut self, module: ModuleId, name: &str, definition: Definition) {
        let definitions = &mut self.crate_.modules[module].definitions;
        definitions.entry(name.to_owned()).or_default().push(definition);
    }

    /// Returns the module in whose descendants a name with this visibility is visible.
    /// `pub(in path)` counts as `pub(crate)`.
    fn visible_in(&self, module: ModuleId, visibility: &Visibility) -> ModuleId {
        match visibility {
            Visibility::Public(_) => ROOT,
            Visibility::Inherited => module,
            Visibility::Restricted(restricted) if restricted.path.is_ident("self") => module,
            Visibility::Restricted(restricted) if restricted.path.is_ident("super") => {
                self.crate_.modules[module].parent.unwrap_or(ROOT)
            }
            Visibility::Restricted(_) => ROOT,
        }
    }
}

/// Returns the leaves of a `use`.
pub(crate) fn leaves(item: &syn::ItemUse) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let start = Leaf {
        path: Vec::new(),
        name: None,
        starts_with_colons: item.leading_colon.is_some(),
        line: 0,
    };
    add_leaves(&item.tree, &start, &mut leaves);
    leaves
}

fn add_leaves(tree: &UseTree, before: &Leaf, leaves: &mut Vec<Leaf>) {
    let with = |ident: &syn::Ident| {
        let mut leaf = before.clone();
        leaf.line = ident.span().start().line;
        // `{self}` is the path before it.
        if ident != "self" || leaf.path.is_empty() {
            leaf.path.push(ident.unraw().to_string());
        }
        leaf
    };
    match tree {
        UseTree::Path(tree) => add_leaves(&tree.tree, &with(&tree.ident), leaves),
        UseTree::Name(tree) => {
            let mut leaf = with(&tree.ident);
            leaf.name = leaf.path.last().cloned();
            leaves.push(leaf);
        }
        UseTree::Rename(tree) => {
            let mut leaf = with(&tree.ident);
            leaf.name = Some(tree.rename.unraw().to_string());
            leaves.push(leaf);
        }
        UseTree::Glob(tree) => {
            let line = tree.star_token.spans[0].start().line;
            leaves.push(Leaf { line, ..before.clone() });
        }
        UseTree::Group(tree) => {
            for tree in &tree.items {
                add_leaves(tree, before, leaves);
            }
        }
    }
}

/// Joins a folder and a relative path, and removes `.` and `..`.
fn joined(folder: &[String], relative: &str) -> String {
    let mut parts: Vec<&str> = folder.iter().map(String::as_str).collect();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the name of an item that is neither module, `use` nor macro.
fn named(item: &Item) -> Option<(&syn::Ident, &Visibility)> {
    Some(match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::TraitAlias(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    })
}
