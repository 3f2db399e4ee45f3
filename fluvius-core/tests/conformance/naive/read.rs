//! Reading the logs.

use fluvius_core::{LogQuery, Logged, RealmFilter};

use super::content::Row;
use super::{Content, Naive};
use crate::mutation::Mutation;

impl Naive {
    pub(super) fn read<T>(
        &self,
        query: &LogQuery,
        of: impl Fn(&Row) -> Option<T>,
    ) -> Vec<Logged<T>> {
        let content = self.shown();
        let mut limit = query.limit;
        let mut after = query.after;
        if self.is(Mutation::BoundsSigned) && i64::try_from(after).is_err() {
            after = 0;
        }
        if self.is(Mutation::LimitOverrun) {
            limit = limit.saturating_add(1);
        }
        let is_behind = |position: u64| match self.is(Mutation::AfterIncluded) {
            true => position >= after,
            false => position > after,
        };
        let rows = content.rows.iter().filter(|row| is_behind(row.position));
        let rows = rows.filter_map(|row| Some((row, of(&row.record)?)));
        let early = if self.is(Mutation::LimitBeforeConditions) { limit } else { usize::MAX };
        rows.take(early)
            .filter(|(row, _)| self.belongs(&content, query, &row.record))
            .take(limit)
            .map(|(row, record)| Logged { position: row.position, record })
            .collect()
    }

    fn belongs(&self, content: &Content, query: &LogQuery, row: &Row) -> bool {
        let same = |one: &str, other: &str| match self.is(Mutation::NamesCompared) {
            true => one.trim_end().eq_ignore_ascii_case(other.trim_end()),
            false => one == other,
        };
        let root = query.root.as_ref().is_none_or(|root| {
            same(&root.resource, &row.root().resource) && root.identifier == row.root().identifier
        });
        let realm = match self.mutation {
            Some(Mutation::RealmOfTheRoot) => {
                let state = content.states.get(row.root());
                state.and_then(|state| state.realm.as_deref().map(str::to_owned))
            }
            _ => row.realm(content),
        };
        let realm = match &query.realm {
            RealmFilter::Only(None) if self.is(Mutation::NoRealmIsAllRealms) => true,
            filter => filter.admits(realm.as_deref()) || self.is(Mutation::RealmsIgnored),
        };
        (root || self.is(Mutation::RootsIgnored)) && realm
    }
}
