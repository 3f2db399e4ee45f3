//! Checks of the indexed fields.

use std::collections::BTreeSet;

use crate::errors::Errors;
use crate::model::Aggregate;
use crate::{keywords, spelling};

/// Maximum number of names in a path, as in the core.
const MAX_PATH_LENGTH: usize = 16;

pub(crate) fn indexes(aggregate: &Aggregate, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for index in &aggregate.indexes {
        let kinds = keywords::KINDS.join("`, `");
        match &index.kind {
            Some(kind) if keywords::KINDS.contains(&kind.to_string().as_str()) => {}
            Some(kind) => {
                let written = kind.to_string();
                errors.at(
                    kind,
                    match spelling::nearest(&written, keywords::KINDS) {
                        Some(near) => {
                            format!("no field is read as `{written}`; did you mean `{near}`?")
                        }
                        None => format!("no field is read as `{written}`: write one of `{kinds}`"),
                    },
                );
            }
            None => errors.at(
                &index.place,
                format!("say as what the field is read, as queries do: one of `{kinds}`"),
            ),
        }
        let names = index.path.split('.').count();
        if index.path.split('.').any(str::is_empty) || names > MAX_PATH_LENGTH {
            errors.at(
                &index.place,
                format!(
                    "a path is from 1 to {MAX_PATH_LENGTH} names with dots between them: \
                     `\"address.city\"`"
                ),
            );
        }
        if !seen.insert((&index.path, index.kind.as_ref().map(ToString::to_string))) {
            errors.at(&index.place, format!("`{}` is listed twice", index.path));
        }
    }
}
