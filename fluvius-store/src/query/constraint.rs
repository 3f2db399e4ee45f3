//! Constraints that a query puts on one field, for stores that index it.

use super::{Comparison, Field, Filter, Operand, StateQuery};

/// A constraint on a field that every row in the result of a query meets.
///
/// Values compare as in the order of rows: null, which is `None`, is less than every other value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// A comparison of the field's value with this one.
    Compare(Comparison, Option<Operand>),
    /// A list that contains the field's value.
    OneOf(Vec<Operand>),
}

impl Constraint {
    /// Returns true if a value meets the constraint.
    pub fn holds(&self, value: Option<&Operand>) -> bool {
        match self {
            Self::Compare(comparison, other) => {
                value.partial_cmp(&other.as_ref()).is_some_and(|order| comparison.holds(order))
            }
            Self::OneOf(operands) => value.is_some_and(|value| operands.contains(value)),
        }
    }

    /// Returns true if the constraint is an equality, which leaves one value.
    pub fn is_equal(&self) -> bool {
        matches!(self, Self::Compare(Comparison::Eq, _))
    }
}

impl StateQuery {
    /// Returns the constraints that the filter puts on a field. A store may restrict its scan to
    /// the rows that meet them.
    ///
    /// The constraints are necessary, not sufficient: the store must still evaluate the filter.
    /// They omit much of it, such as conditions inside a negation or an alternative.
    ///
    /// # Examples
    /// ```
    /// use fluvius_store::StateQuery;
    /// use fluvius_store::query::{Comparison, Constraint, Field};
    ///
    /// let filter = Field::number("balance").eq(10) & Field::text("owner_name").contains("A");
    /// let query = StateQuery::for_resource("bank-account", 50).filter(filter);
    /// let index_constraints = query.index_constraints(&Field::number("balance"));
    /// assert_eq!(index_constraints, [Constraint::Compare(Comparison::Eq, Some(10.into()))]);
    /// assert!(query.index_constraints(&Field::text("owner_name")).is_empty());
    /// ```
    pub fn index_constraints(&self, field: &Field) -> Vec<Constraint> {
        let mut index_constraints = Vec::new();
        collect(&self.filter, field, &mut index_constraints);
        index_constraints
    }

    /// Returns the constraint that `after` puts on the first key of `sort`, if any. It includes
    /// equal values, which may be on either side of the cursor.
    pub fn cursor_constraint(&self) -> Option<Constraint> {
        let key = self.sort.first()?;
        let value = self.after.as_ref()?.values().first()?.clone();
        let comparison = if key.is_descending { Comparison::Le } else { Comparison::Ge };
        Some(Constraint::Compare(comparison, value))
    }
}

fn collect(filter: &Filter, field: &Field, index_constraints: &mut Vec<Constraint>) {
    match filter {
        Filter::All(filters) => {
            filters.iter().for_each(|filter| collect(filter, field, index_constraints))
        }
        Filter::Compare { field: of, comparison, operand } if of == field => {
            compared(*comparison, operand, index_constraints);
        }
        Filter::OneOf { field: of, operands } if of == field => {
            index_constraints.push(Constraint::OneOf(operands.clone()));
        }
        Filter::StartsWith { field: of, text } if of == field => {
            compared(Comparison::Ge, &Operand::Text(text.clone()), index_constraints);
            if let Some(behind) = behind_all_that_begin_with(text) {
                index_constraints
                    .push(Constraint::Compare(Comparison::Lt, Some(Operand::Text(behind))));
            }
        }
        Filter::IsNull { field: of } if of == field => {
            index_constraints.push(Constraint::Compare(Comparison::Eq, None));
        }
        _ => {}
    }
}

fn compared(comparison: Comparison, operand: &Operand, index_constraints: &mut Vec<Constraint>) {
    match comparison {
        // Excludes hardly any row.
        Comparison::Ne => return,
        // No comparison holds for null.
        Comparison::Lt | Comparison::Le => {
            index_constraints.push(Constraint::Compare(Comparison::Gt, None))
        }
        Comparison::Eq | Comparison::Gt | Comparison::Ge => {}
    }
    index_constraints.push(Constraint::Compare(comparison, Some(operand.clone())));
}

/// Returns the least text, by code point, after all texts with this prefix, or `None` if there is
/// none.
fn behind_all_that_begin_with(text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    while let Some(last) = letters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::state_query::tests::row;
    use super::*;
    use crate::query::{Cursor, Field};

    #[test]
    fn texts_with_a_prefix_have_an_upper_bound() {
        for (one, behind) in [
            ("a", Some("b")),
            ("ab", Some("ac")),
            ("a\u{10ffff}", Some("b")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(behind_all_that_begin_with(one).as_deref(), behind, "{one:?}");
        }
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let word = "[ab\u{10ffff}]{0,2}";
        let comparisons = prop::sample::select(vec![
            Comparison::Eq,
            Comparison::Ne,
            Comparison::Lt,
            Comparison::Le,
            Comparison::Gt,
            Comparison::Ge,
        ]);
        let leaf = prop_oneof![
            (comparisons, word).prop_map(|(comparison, word)| Filter::Compare {
                field: Field::text("a"),
                comparison,
                operand: word.into(),
            }),
            word.prop_map(|word| Field::text("a").starts_with(word)),
            word.prop_map(|word| Field::text("a").contains(word)),
            prop::collection::vec(word, 0..3).prop_map(|words| Field::text("a").one_of(words)),
            Just(Field::text("a").is_null()),
            Just(Field::number("a").gt(1)),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
                inner.prop_map(|filter| !filter),
            ]
        })
    }

    proptest! {
        #[test]
        fn constraints_hold_for_all_selected_rows(
            filter in any_filter(),
            is_descending: bool,
            words in prop::collection::vec(prop::option::of("[ab\u{10ffff}]{0,3}"), 2..8),
        ) {
            let rows: Vec<_> = (0..).zip(&words).map(|(id, word)| {
                row(id, &serde_json::json!({ "a": word }).to_string())
            }).collect();
            let field = Field::text("a");
            let sort = vec![if is_descending { field.descending() } else { field.ascending() }];
            let all = StateQuery::for_resource("account", usize::MAX);
            let mut query = StateQuery { filter, sort, ..all };
            query.after = Some(Cursor::of(&query, &rows[0]));
            let mut index_constraints = query.index_constraints(&Field::text("a"));
            index_constraints.extend(query.cursor_constraint());
            for given in query.select(rows) {
                let (path, kind) = (["a".to_owned()], crate::query::Kind::Text);
                let value = crate::query::read_at(given.data.as_str(), &path, kind);
                for bound in &index_constraints {
                    prop_assert!(bound.holds(value.as_ref()), "{bound:?} of {value:?}");
                }
            }
        }
    }

    #[test]
    fn only_conjunctions_give_constraints() {
        let index_constraints = |filter: Filter| {
            StateQuery { filter, ..StateQuery::for_resource("account", 1) }
                .index_constraints(&Field::number("a"))
        };
        let a = || Field::number("a");
        let compare = |comparison, value: Option<i32>| {
            Constraint::Compare(comparison, value.map(Operand::from))
        };
        assert_eq!(
            index_constraints(a().gt(1) & (a().le(3) & Field::text("a").eq("x"))),
            [
                compare(Comparison::Gt, Some(1)),
                compare(Comparison::Gt, None),
                compare(Comparison::Le, Some(3)),
            ]
        );
        assert_eq!(index_constraints(a().is_null()), [compare(Comparison::Eq, None)]);
        assert_eq!(index_constraints(a().eq(1) | a().eq(2)), []);
        assert_eq!(index_constraints(!a().eq(1)), []);
    }
}
