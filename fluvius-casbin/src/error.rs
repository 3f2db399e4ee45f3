//! The faults of a model and of rules.

use std::fmt;
use std::path::PathBuf;

/// A policy that cannot be built, or rules that cannot be loaded again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasbinError {
    /// A file of the model or of the rules cannot be read.
    #[error("cannot read {}: check its path and its permissions", path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The failure of the read.
        source: std::io::Error,
    },
    /// The model or the rules are not valid.
    #[error("the policy is not valid: {}", Listed(faults))]
    Invalid {
        /// All faults that were found.
        faults: Vec<Fault>,
    },
}

impl CasbinError {
    /// Returns the error of one fault.
    pub(crate) fn at(file: &str, line: usize, message: String) -> Self {
        Self::Invalid { faults: vec![Fault { file: file.to_owned(), line: Some(line), message }] }
    }
}

/// A fault of a model or of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The path of the file; `model` or `rules` for a text.
    pub file: String,
    /// The number of the line, from 1; `None` if the fault has no single line.
    pub line: Option<usize>,
    /// The fault, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

struct Listed<'a>(&'a [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// The faults of one file, in the order of their lines.
pub(crate) struct Faults<'a> {
    file: &'a str,
    found: Vec<Fault>,
}

impl<'a> Faults<'a> {
    pub(crate) fn of(file: &'a str) -> Self {
        Self { file, found: Vec::new() }
    }

    pub(crate) fn push(&mut self, line: impl Into<Option<usize>>, message: impl Into<String>) {
        let (file, line) = (self.file.to_owned(), line.into());
        self.found.push(Fault { file, line, message: message.into() });
    }

    /// Returns the value, unless a fault was found.
    pub(crate) fn or<T>(self, value: T) -> Result<T, CasbinError> {
        match self.found.is_empty() {
            true => Ok(value),
            false => Err(CasbinError::Invalid { faults: self.found }),
        }
    }
}
