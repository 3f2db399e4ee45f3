//! The arguments of a call.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::input::params::short;
use crate::problem::Problem;

/// The arguments of a call. Each is taken once; [`finish`](Self::finish) fails if one is left. A
/// null is like an absent argument.
#[derive(Debug)]
#[must_use = "call `finish`, so that an unknown argument is an error"]
pub(super) struct Arguments {
    left: Map<String, Value>,
}

impl Arguments {
    pub(super) fn new(arguments: Map<String, Value>) -> Self {
        Self { left: arguments }
    }

    /// Takes an argument that is read as `T`.
    ///
    /// # Errors
    /// `invalid-parameter` if it is no `T`, described as `expected`.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        let value = self.left.remove(name).filter(|value| !value.is_null());
        let read = value.map(serde_json::from_value).transpose();
        read.map_err(|_| Problem::parameter(format!("`{name}` is {expected}")).at(pointer(name)))
    }

    /// Takes an argument that must be given.
    ///
    /// # Errors
    /// `invalid-parameter` if it is absent, or no `T`.
    pub(super) fn require<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<T, Problem> {
        let missing = || Problem::parameter(format!("`{name}` is missing")).at(pointer(name));
        self.take(name, expected)?.ok_or_else(missing)
    }

    /// Takes the number of rows of a page: from 1 to `max`.
    ///
    /// # Errors
    /// `invalid-parameter`.
    pub(super) fn take_limit(&mut self, default: usize, max: usize) -> Result<usize, Problem> {
        match self.take("limit", "a number of rows")?.unwrap_or(default) {
            limit @ 1.. if limit <= max => Ok(limit),
            _ => Err(Problem::parameter(format!("`limit` is from 1 to {max}")).at("/limit")),
        }
    }

    /// Checks that no argument is left.
    ///
    /// # Errors
    /// `invalid-parameter` with the name of an unknown one.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name = short(name);
                Err(Problem::parameter(format!("the tool has no argument `{name}`")))
            }
        }
    }
}

fn pointer(name: &str) -> String {
    format!("/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(value: Value) -> Arguments {
        Arguments::new(value.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn faults_name_the_argument() {
        let mut given = arguments(json!({ "a": 1, "b": null, "c": "x" }));
        assert_eq!(given.take("a", "a number").ok(), Some(Some(1)));
        assert_eq!(given.take::<u32>("b", "a number").ok(), Some(None));
        let problem = given.take::<u32>("c", "a number").err();
        assert!(problem.is_some_and(|problem| problem.path.as_deref() == Some("/c")));
        assert!(given.require::<u32>("d", "a number").is_err());
        assert!(given.finish().is_ok());
        assert!(arguments(json!({ "x": null })).finish().is_err());
        for limit in [json!(0), json!(501), json!(-1), json!("5")] {
            assert!(arguments(json!({ "limit": limit })).take_limit(50, 500).is_err(), "{limit}");
        }
    }
}
