//! A filter that is evaluated on many rows. Each state is read only once, whatever the number of
//! terms.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::{Column, Comparison, Field, FieldSource, Filter, Kind, Operand, read};
use crate::json::{members, unescape};
use crate::record::StateRecord;

/// A [`Filter`] prepared for many rows.
///
/// For each row, one pass over the state finds all fields of the filter, and each field is read at
/// most once. The result is that of [`Filter::holds`].
///
/// # Examples
/// ```
/// use fluvius_store::query::{CompiledFilter, Field};
///
/// let filter = Field::text("owner").contains("Ada") | Field::text("owner").contains("Grace");
/// let filter = CompiledFilter::new(&filter);
/// assert_eq!(filter.holds(r#"{"owner":"Ada Lovelace"}"#, |_| None), Some(true));
/// ```
#[derive(Debug, Clone)]
pub struct CompiledFilter {
    root: Node,
    /// The distinct fields. The source of a field in the state is the index of its path.
    fields: Vec<(CompiledSource, Kind)>,
    columns: Vec<Column>,
    paths: Branch,
    path_count: usize,
}

/// The source of a field; a path is given by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompiledSource {
    Column(Column),
    Path(usize),
}

/// A term of a filter; a field is given by its index.
#[derive(Debug, Clone)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { field: usize, comparison: Comparison, operand: Operand },
    OneOf { field: usize, operands: Vec<Operand> },
    Contains { field: usize, text: String },
    StartsWith { field: usize, text: String },
    IsNull { field: usize },
}

/// A trie of the paths that continue from one location in a state.
#[derive(Debug, Clone, Default)]
struct Branch {
    /// The index of the path that ends here.
    path: Option<usize>,
    members: BTreeMap<String, Branch>,
}

/// A row on which a filter is evaluated.
struct Row<'a, C> {
    fields: &'a [(CompiledSource, Kind)],
    values: Vec<OnceCell<Option<Operand>>>,
    /// The JSON texts at the paths.
    texts: Vec<Option<&'a str>>,
    column: C,
}

impl CompiledFilter {
    /// Prepares a filter.
    pub fn new(filter: &Filter) -> Self {
        let mut compiled = Self {
            root: Node::All(Vec::new()),
            fields: Vec::new(),
            columns: Vec::new(),
            paths: Branch::default(),
            path_count: 0,
        };
        let mut numbers = BTreeMap::new();
        compiled.root = compiled.node(filter, &mut numbers);
        compiled
    }

    /// Returns the distinct columns of the filter.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Evaluates the filter on a row, given by the JSON text of its state and the values of its
    /// columns. `None` is unknown.
    pub fn holds(&self, state: &str, column: impl Fn(Column) -> Option<Operand>) -> Option<bool> {
        let mut texts = vec![None; self.path_count];
        if self.path_count > 0 {
            self.paths.find(state.trim_ascii(), &mut texts);
        }
        let values = vec![OnceCell::new(); self.fields.len()];
        self.root.holds(&Row { fields: &self.fields, values, texts, column })
    }

    /// Evaluates the filter on a stored row; `None` is unknown.
    pub fn holds_of(&self, row: &StateRecord) -> Option<bool> {
        self.holds(row.data.as_str(), |column| column.of(row))
    }

    fn node(&mut self, filter: &Filter, numbers: &mut BTreeMap<(String, Kind), usize>) -> Node {
        match filter {
            Filter::All(filters) => {
                Node::All(filters.iter().map(|filter| self.node(filter, numbers)).collect())
            }
            Filter::Any(filters) => {
                Node::Any(filters.iter().map(|filter| self.node(filter, numbers)).collect())
            }
            Filter::Not(filter) => Node::Not(Box::new(self.node(filter, numbers))),
            Filter::Compare { field, comparison, operand } => Node::Compare {
                field: self.field(field, numbers),
                comparison: *comparison,
                operand: operand.clone(),
            },
            Filter::OneOf { field, operands } => {
                Node::OneOf { field: self.field(field, numbers), operands: operands.clone() }
            }
            Filter::Contains { field, text } => {
                Node::Contains { field: self.field(field, numbers), text: text.clone() }
            }
            Filter::StartsWith { field, text } => {
                Node::StartsWith { field: self.field(field, numbers), text: text.clone() }
            }
            Filter::IsNull { field } => Node::IsNull { field: self.field(field, numbers) },
        }
    }

    /// Returns the index of a field, which is added if it is new.
    fn field(&mut self, field: &Field, numbers: &mut BTreeMap<(String, Kind), usize>) -> usize {
        let source = match &field.source {
            FieldSource::Column(column) => {
                if !self.columns.contains(column) {
                    self.columns.push(*column);
                }
                CompiledSource::Column(*column)
            }
            FieldSource::Path(path) => {
                let branch = path.iter().fold(&mut self.paths, |branch, name| {
                    branch.members.entry(name.clone()).or_default()
                });
                let next = self.path_count;
                let number = *branch.path.get_or_insert(next);
                self.path_count = self.path_count.max(number + 1);
                CompiledSource::Path(number)
            }
        };
        let key = match source {
            CompiledSource::Column(column) => format!("column {}", column.name()),
            CompiledSource::Path(number) => format!("path {number}"),
        };
        *numbers.entry((key, field.kind)).or_insert_with(|| {
            self.fields.push((source, field.kind));
            self.fields.len() - 1
        })
    }
}

impl Branch {
    /// Finds the texts at all paths from here. If members share a name, the last one is used.
    fn find<'a>(&self, value: &'a str, texts: &mut [Option<&'a str>]) {
        if let Some(path) = self.path {
            texts[path] = Some(value);
        }
        if self.members.is_empty() || !value.starts_with('{') {
            return;
        }
        for (key, value) in members(value) {
            if let Some(branch) = self.members.get(unescape(key).as_ref()) {
                branch.clear(texts);
                branch.find(value, texts);
            }
        }
    }

    fn clear(&self, texts: &mut [Option<&str>]) {
        if let Some(path) = self.path {
            texts[path] = None;
        }
        self.members.values().for_each(|branch| branch.clear(texts));
    }
}

impl<C: Fn(Column) -> Option<Operand>> Row<'_, C> {
    fn value(&self, field: usize) -> Option<&Operand> {
        let value = self.values[field].get_or_init(|| {
            let (source, kind) = self.fields[field];
            match source {
                CompiledSource::Column(column) => {
                    (self.column)(column).filter(|value| value.kind() == kind)
                }
                CompiledSource::Path(path) => read(self.texts[path]?, kind),
            }
        });
        value.as_ref()
    }
}

impl Node {
    fn holds<C: Fn(Column) -> Option<Operand>>(&self, row: &Row<'_, C>) -> Option<bool> {
        match self {
            Self::All(nodes) => all(nodes, row, false),
            Self::Any(nodes) => all(nodes, row, true).map(|truth| !truth),
            Self::Not(node) => node.holds(row).map(|truth| !truth),
            Self::Compare { field, comparison, operand } => {
                Some(comparison.holds(row.value(*field)?.partial_cmp(operand)?))
            }
            Self::OneOf { field, operands } => match row.value(*field) {
                Some(value) => Some(operands.contains(value)),
                None => operands.is_empty().then_some(false),
            },
            Self::Contains { field, text } => match row.value(*field)? {
                Operand::Text(value) => Some(value.contains(text.as_str())),
                _ => None,
            },
            Self::StartsWith { field, text } => match row.value(*field)? {
                Operand::Text(value) => Some(value.starts_with(text.as_str())),
                _ => None,
            },
            Self::IsNull { field } => Some(row.value(*field).is_none()),
        }
    }
}

/// Returns false if one node is false, else unknown if one is unknown. If `is_negated`, this
/// applies to the negated nodes.
fn all<C: Fn(Column) -> Option<Operand>>(
    nodes: &[Node],
    row: &Row<'_, C>,
    is_negated: bool,
) -> Option<bool> {
    let mut is_known = true;
    for node in nodes {
        match node.holds(row) {
            Some(truth) if truth == is_negated => return Some(false),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::Field;
    use crate::query::state_query::tests::row;

    fn any_field() -> impl Strategy<Value = Field> {
        prop::sample::select(vec![
            Field::number("a"),
            Field::text("a"),
            Field::text("a.b"),
            Field::number("a.b"),
            Field::text("b"),
            Field::boolean("b.a"),
            Field::at(["a", "b", "a"], Kind::Number),
            Field::column(Column::Version),
            Field::column(Column::Resource),
            Field::column(Column::ClosedAt),
            Field { kind: Kind::Text, ..Field::column(Column::Version) },
        ])
    }

    fn any_operand() -> impl Strategy<Value = Operand> {
        prop_oneof![
            (0..3_i32).prop_map(Operand::from),
            "[ab]{0,2}".prop_map(Operand::from),
            any::<bool>().prop_map(Operand::from),
        ]
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let comparisons =
            prop::sample::select(vec![Comparison::Eq, Comparison::Ne, Comparison::Lt]);
        let leaf = prop_oneof![
            (any_field(), comparisons, any_operand()).prop_map(|(field, comparison, operand)| {
                Filter::Compare { field, comparison, operand }
            }),
            (any_field(), prop::collection::vec(any_operand(), 0..3))
                .prop_map(|(field, operands)| Filter::OneOf { field, operands }),
            (any_field(), "[ab]").prop_map(|(field, text)| Filter::Contains { field, text }),
            (any_field(), "[ab]").prop_map(|(field, text)| Filter::StartsWith { field, text }),
            any_field().prop_map(|field| Filter::IsNull { field }),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
                inner.prop_map(|filter| !filter),
            ]
        })
    }

    /// Generates JSON texts, some of them with duplicate members.
    fn any_state() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["1", "\"a\"", "\"ab\"", "null", "true", "[{}]", "{}"])
            .prop_map(str::to_owned);
        leaf.prop_recursive(3, 12, 3, |inner| {
            let names = prop::sample::select(vec!["\"a\"", "\"b\"", "\"\\u0061\"", "\"c\""]);
            prop::collection::vec((names, inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("{name} : {value}")).collect();
                format!("{{{}}}", members.join(", "))
            })
        })
    }

    proptest! {
        #[test]
        fn compiled_filter_agrees_with_the_filter(
            filter in any_filter(),
            state in any_state(),
        ) {
            let row = row(1, &state);
            let compiled = CompiledFilter::new(&filter);
            prop_assert_eq!(compiled.holds_of(&row), filter.holds(&row));
        }
    }

    #[test]
    fn each_field_is_read_once_for_all_terms() {
        let many = (0..500).map(|n| Field::number("a").eq(n)).reduce(|a, b| a | b).unwrap();
        let other =
            (0..400).map(|n| Field::text("b").contains(format!("{n}"))).reduce(|a, b| a | b);
        let compiled = CompiledFilter::new(&(many | other.unwrap()));
        assert_eq!((compiled.fields.len(), compiled.path_count), (2, 2));
    }
}
