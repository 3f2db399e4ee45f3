//! The references of each module to items of other modules.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Stmt, TraitItem, Visibility};

use super::attributes::{self, holds_in_tests_only, is_exported_macro};
use super::modules::{Crate, Leaf, Module, ModuleId, ROOT, leaves};
use super::scopes::{Resolved, Target};
use super::tokens::{Found, scan};
use super::{CRATE_ROOT, ForeignUse, ImportGraph};
use crate::graph::{Graph, Use};

/// Macros whose tokens are data. Their paths are those of generated code.
const QUOTING_MACROS: &[&str] = &["quote", "quote_spanned", "parse_quote", "parse_quote_spanned"];

/// Collects the references of all modules.
pub(crate) fn collect(parsed: &Crate) -> ImportGraph {
    let mut graph = Graph::default();
    for module in &parsed.modules[1..] {
        graph.add_node(top(module));
    }
    let mut found = ImportGraph {
        graph,
        private_imports: Vec::new(),
        root_imports: Vec::new(),
        foreign_uses: Vec::new(),
    };
    for (id, module) in parsed.modules.iter().enumerate() {
        let mut references = References {
            parsed,
            id,
            found: &mut found,
            is_macro_body: false,
            is_exported_macro_body: false,
            frames: Vec::new(),
        };
        for item in &module.items {
            references.visit_item(item);
        }
    }
    found
}

/// Returns the name of the node to which a module belongs.
pub(crate) fn top(module: &Module) -> &str {
    module.path.first().map_or(CRATE_ROOT, String::as_str)
}

struct References<'a> {
    parsed: &'a Crate,
    id: ModuleId,
    found: &'a mut ImportGraph,
    /// Inside `macro_rules!`, where most names are those of the caller.
    is_macro_body: bool,
    /// Inside `macro_rules!` with `#[macro_export]`, where `$crate::__private` is for the users of
    /// the macro.
    is_exported_macro_body: bool,
    /// The names of the enclosing blocks, innermost last.
    frames: Vec<Frame>,
}

/// The names that the items of a block define.
#[derive(Default)]
struct Frame {
    imports: Vec<Leaf>,
    items: BTreeSet<String>,
}

impl References<'_> {
    /// Resolves a path and adds the edges to its targets.
    fn refer(&mut self, path: &[String], starts_with_colons: bool, line: usize) {
        let Some(path) = self.without_block_names(path, starts_with_colons) else { return };
        let resolved = self.parsed.resolve(self.id, &path, starts_with_colons);
        self.add(&resolved, path.len(), line);
    }

    fn add(&mut self, resolved: &Resolved, names: usize, line: usize) {
        let own = &self.parsed.modules[self.id];
        for target in &resolved.targets {
            if let Target::Foreign(path) = target {
                self.add_foreign(path, line);
            }
            let Some(home_id) = target.home() else { continue };
            // A lone name of a module is a name of a value that has a scope of its own.
            if *target == Target::Module(ROOT) || (names == 1 && target.module().is_some()) {
                continue;
            }
            let home = &self.parsed.modules[home_id];
            if top(home) == top(own) {
                continue;
            }
            let mut item = home.path.join("::");
            if let Target::Item { name, .. } = target {
                item = if item.is_empty() { name.clone() } else { format!("{item}::{name}") };
            }
            let cause = Use { file: own.file.clone(), item: item.clone() };
            self.found.graph.add_edge(top(own), top(home), cause, Some(line));
            if resolved.is_through_root && self.id != ROOT && home_id != ROOT {
                self.found.root_imports.push(format!("{}:{line}: {item}", own.file));
            }
        }
        if resolved.is_through_private && !self.is_exported_macro_body && self.id != ROOT {
            let item = resolved.targets.iter().map(|target| match target {
                Target::Module(id) => self.parsed.modules[*id].path.join("::"),
                Target::Item { name, .. } => name.clone(),
                Target::Foreign(path) => path.join("::"),
            });
            let item = item.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
            let import = format!("{}:{line}: {item}", own.file);
            if self.found.private_imports.last() != Some(&import) {
                self.found.private_imports.push(import);
            }
        }
    }

    /// Notes a path out of the crate. A lone name is a crate, a local variable or in the prelude.
    fn add_foreign(&mut self, path: &[String], line: usize) {
        if path.len() > 1 {
            let own = &self.parsed.modules[self.id];
            self.found.foreign_uses.push(ForeignUse {
                module: top(own).to_owned(),
                path: path.to_vec(),
                file: own.file.clone(),
                line,
            });
        }
    }

    /// Replaces a first name that a `use` of an enclosing block brings into scope. `None` if an
    /// item of a block has the name.
    fn without_block_names(
        &self,
        path: &[String],
        starts_with_colons: bool,
    ) -> Option<Vec<String>> {
        if let (Some((first, rest)), false) = (path.split_first(), starts_with_colons) {
            for frame in self.frames.iter().rev() {
                if frame.items.contains(first) {
                    return None;
                }
                let named = |leaf: &&Leaf| leaf.name.as_ref() == Some(first);
                if let Some(leaf) = frame.imports.iter().find(named) {
                    return Some(leaf.path.iter().chain(rest).cloned().collect());
                }
            }
        }
        Some(path.to_vec())
    }

    fn refer_to_leaf(&mut self, leaf: &Leaf) {
        let resolved = self.parsed.resolve(self.id, &leaf.path, leaf.starts_with_colons);
        if leaf.name.is_none() {
            for target in &resolved.targets {
                if let Target::Foreign(path) = target {
                    let glob: Vec<String> = path.iter().cloned().chain(["*".to_owned()]).collect();
                    self.add_foreign(&glob, leaf.line);
                }
            }
        }
        self.add(&resolved, leaf.path.len().max(2), leaf.line);
    }

    fn refer_to_macro(&mut self, name: &str, line: usize) {
        let path = [name.to_owned()];
        let mut resolved = self.parsed.resolve(self.id, &path, false);
        if resolved.targets.iter().all(Target::is_foreign) {
            resolved.targets = self.parsed.resolve_textual_macro(self.id, name);
        }
        self.add(&resolved, 1, line);
    }

    fn refer_to_tokens(&mut self, tokens: TokenStream, is_attribute: bool) {
        for found in scan(tokens) {
            match found {
                Found::Use(leaf) => self.refer_to_leaf(&leaf),
                Found::Path { path, starts_with_colons, is_macro_call, line } => {
                    let is_fixed = ["crate", "self", "super"].contains(&path[0].as_str());
                    // Other names of a macro body are those of its caller.
                    if self.is_macro_body && !is_fixed {
                        continue;
                    }
                    match path.as_slice() {
                        [name] if is_macro_call => self.refer_to_macro(name, line),
                        path => self.refer(path, starts_with_colons, line),
                    }
                }
                Found::Text { text, line } if is_attribute => self.refer_to_text(&text, line),
                Found::Text { .. } => {}
            }
        }
    }

    /// Refers to the path in a string, as `#[serde(with = "..")]` has it.
    fn refer_to_text(&mut self, text: &str, line: usize) {
        if let Ok(path) = syn::parse_str::<syn::Path>(text)
            && path.segments.len() > 1
        {
            let names: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
            self.refer(&names, path.leading_colon.is_some(), line);
        }
    }

    /// Tells if a `use` is a re-export of an export root, which is no edge.
    fn is_root_re_export(&self, item: &syn::ItemUse) -> bool {
        let is_root = self.id == ROOT || self.parsed.is_export_root_or_below(self.id);
        is_root && !matches!(item.vis, Visibility::Inherited)
    }
}

impl<'ast> Visit<'ast> for References<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !holds_in_tests_only(attributes::of_item(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !self.is_root_re_export(item) {
            for leaf in leaves(item) {
                self.refer_to_leaf(&leaf);
            }
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.ident.is_none() {
            visit::visit_item_macro(self, item);
            return;
        }
        self.is_macro_body = true;
        self.is_exported_macro_body = is_exported_macro(&item.attrs);
        self.refer_to_tokens(item.mac.tokens.clone(), false);
        self.is_macro_body = false;
        self.is_exported_macro_body = false;
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let last = call.path.segments.last().map(|segment| segment.ident.to_string());
        match call.path.get_ident() {
            Some(name) => {
                self.refer_to_macro(&name.unraw().to_string(), name.span().start().line);
            }
            None => self.visit_path(&call.path),
        }
        if !last.is_some_and(|name| QUOTING_MACROS.contains(&name.as_str())) {
            self.refer_to_tokens(call.tokens.clone(), false);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        self.visit_path(attribute.path());
        match &attribute.meta {
            Meta::List(list) => self.refer_to_tokens(list.tokens.clone(), true),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
            Meta::Path(_) => {}
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.refer(&names, path.leading_colon.is_some(), first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    /// Visits code that `syn` does not parse.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.refer_to_tokens(tokens.clone(), false);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let mut frame = Frame::default();
        for statement in &block.stmts {
            let Stmt::Item(item) = statement else { continue };
            match item {
                Item::Use(item) => frame.imports.extend(leaves(item)),
                Item::Const(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Enum(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Fn(item) => drop(frame.items.insert(item.sig.ident.to_string())),
                Item::Mod(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Static(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Struct(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Trait(item) => drop(frame.items.insert(item.ident.to_string())),
                Item::Type(item) => drop(frame.items.insert(item.ident.to_string())),
                _ => {}
            }
        }
        self.frames.push(frame);
        visit::visit_block(self, block);
        self.frames.pop();
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let is_left_out = match statement {
            Stmt::Local(local) => holds_in_tests_only(&local.attrs),
            Stmt::Macro(call) => holds_in_tests_only(&call.attrs),
            Stmt::Item(_) | Stmt::Expr(..) => false,
        };
        if !is_left_out {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        if !holds_in_tests_only(attributes::of_expr(expr)) {
            visit::visit_expr(self, expr);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !holds_in_tests_only(attributes::of_impl_item(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !holds_in_tests_only(attributes::of_trait_item(item)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !holds_in_tests_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !holds_in_tests_only(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_field_pat(&mut self, field: &'ast syn::FieldPat) {
        if !holds_in_tests_only(&field.attrs) {
            visit::visit_field_pat(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !holds_in_tests_only(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !holds_in_tests_only(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }
}
