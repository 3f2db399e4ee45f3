//! The sources of a model and of rules: files and texts.

use std::path::{Path, PathBuf};

use crate::error::CasbinError;

/// A file, or a text.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Text(String),
}

/// A text with the names that errors and reasons use.
pub(crate) struct NamedText {
    /// The path of the file, for those who run the program.
    pub(crate) path: String,
    /// The name of the file without its folders, for senders.
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// Reads the text. `name` is that of a text without a file.
    ///
    /// # Errors
    /// [`CasbinError::Unreadable`].
    pub(crate) async fn read(&self, name: &str) -> Result<NamedText, CasbinError> {
        match self {
            Self::Text(text) => {
                let (path, name) = (name.to_owned(), name.to_owned());
                Ok(NamedText { path, name, text: text.clone() })
            }
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await;
                let unreadable = |source| CasbinError::Unreadable { path: path.clone(), source };
                let text = text.map_err(unreadable)?;
                let name = path.file_name().map(Path::new).unwrap_or(path).display().to_string();
                Ok(NamedText { path: path.display().to_string(), name, text })
            }
        }
    }
}

/// Returns the lines with their numbers, from 1. A byte order mark is not part of the first.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()))
}
