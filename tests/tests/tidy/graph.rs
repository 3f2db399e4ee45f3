//! A directed graph of names, its cycles and its layers.
//!
//! Both the modules of a crate and the crates of the workspace are such a graph. Each edge keeps
//! the places that cause it, so that a report says what to move.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

/// The nodes, and for each node the nodes that it uses.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    edges: BTreeMap<String, BTreeMap<String, Uses>>,
}

/// The causes of one edge, with the first line of each. A cause in a manifest has no line.
type Uses = BTreeMap<Use, Option<usize>>;

/// One cause of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) file: String,
    pub(crate) item: String,
}

/// Nodes that reach each other: at least two, or one that uses itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub(crate) nodes: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn add_node(&mut self, node: &str) {
        self.edges.entry(node.to_owned()).or_default();
    }

    pub(crate) fn add_edge(&mut self, from: &str, to: &str, cause: Use, line: Option<usize>) {
        self.add_node(to);
        let targets = self.edges.entry(from.to_owned()).or_default();
        let first = targets.entry(to.to_owned()).or_default().entry(cause).or_insert(line);
        *first = line.min(*first);
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.edges.keys().map(String::as_str)
    }

    /// Returns the nodes that `node` uses.
    pub(crate) fn uses(&self, node: &str) -> impl Iterator<Item = &str> {
        self.edges.get(node).into_iter().flat_map(|targets| targets.keys().map(String::as_str))
    }

    /// Returns the strongly connected components that are cycles, in the order of their first
    /// nodes.
    pub(crate) fn cycles(&self) -> Vec<Cycle> {
        let components = self.components();
        let is_cycle = |nodes: &BTreeSet<String>| {
            nodes.len() > 1 || nodes.iter().any(|node| self.uses(node).any(|used| used == node))
        };
        components.into_iter().filter(is_cycle).map(|nodes| Cycle { nodes }).collect()
    }

    /// Returns the strongly connected components: nodes are in one if each reaches the other.
    fn components(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.nodes().map(|node| (node, self.reached_from(node))).collect();
        let mut components = Vec::new();
        let mut placed = BTreeSet::new();
        for node in self.nodes() {
            if placed.contains(node) {
                continue;
            }
            let mut component = BTreeSet::from([node.to_owned()]);
            for other in &reached[node] {
                if reached[other].contains(node) {
                    component.insert((*other).to_owned());
                }
            }
            placed.extend(component.iter().cloned());
            components.push(component);
        }
        components
    }

    fn reached_from(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<&str> = self.uses(start).collect();
        while let Some(node) = pending.pop() {
            if reached.insert(node) {
                pending.extend(self.uses(node));
            }
        }
        reached
    }

    /// Returns the layers, lowest first. A node uses lower layers only; the nodes of a cycle share
    /// a layer.
    pub(crate) fn layers(&self) -> Vec<BTreeSet<String>> {
        let mut layers: Vec<BTreeSet<String>> = Vec::new();
        let mut pending = self.components();
        let mut placed: BTreeSet<String> = BTreeSet::new();
        while !pending.is_empty() {
            let (ready, rest) = pending.into_iter().partition::<Vec<_>, _>(|component| {
                let mut used = component.iter().flat_map(|node| self.uses(node));
                used.all(|node| placed.contains(node) || component.contains(node))
            });
            let layer: BTreeSet<String> = ready.into_iter().flatten().collect();
            placed.extend(layer.iter().cloned());
            layers.push(layer);
            pending = rest;
        }
        layers
    }

    /// Describes a cycle: its nodes, and each edge between them with up to `max_uses` causes,
    /// fewest causes first.
    pub(crate) fn describe(&self, cycle: &Cycle, max_uses: usize) -> String {
        let mut text = String::new();
        let names: Vec<&str> = cycle.nodes.iter().map(String::as_str).collect();
        let mut edges: Vec<(&str, &str, &Uses)> = Vec::new();
        for from in &names {
            let targets = self.edges[*from].iter();
            let inner = targets.filter(|(to, _)| cycle.nodes.contains(*to));
            edges.extend(inner.map(|(to, uses)| (*from, to.as_str(), uses)));
        }
        edges.sort_by_key(|(.., uses)| uses.len());
        line(&mut text, format_args!("cycle of {}: {}", names.len(), names.join(", ")));
        for (from, to, uses) in edges {
            line(&mut text, format_args!("  {from} -> {to}: {}", counted(uses.len())));
            for (Use { file, item }, at) in uses.iter().take(max_uses) {
                let at = at.map_or(String::new(), |at| format!(":{at}"));
                line(&mut text, format_args!("    {file}{at}: {item}"));
            }
        }
        text
    }

    /// Describes the layers, one a line.
    pub(crate) fn describe_layers(&self) -> String {
        let mut text = String::new();
        for (at, layer) in self.layers().iter().enumerate() {
            let names: Vec<&str> = layer.iter().map(String::as_str).collect();
            line(&mut text, format_args!("  {at}  {}", names.join("  ")));
        }
        text
    }
}

fn counted(uses: usize) -> String {
    if uses == 1 { "1 use".to_owned() } else { format!("{uses} uses") }
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a string takes all text");
}
