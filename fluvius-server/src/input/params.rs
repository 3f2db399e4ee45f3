//! The query parameters of a request. An unknown one is an error on every route.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// The parameters of a request, in their order. Each is taken once; [`finish`](Self::finish) fails
/// if one is left.
#[derive(Debug)]
#[must_use = "call `finish`, so that an unknown parameter is an error"]
pub(crate) struct Params<'a> {
    left: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    /// Reads the part of a URL after `?`.
    ///
    /// # Errors
    /// `invalid-parameter` if it is not UTF-8 after decoding.
    pub(crate) fn read(query: Option<&'a str>) -> Result<Self, Problem> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let left = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        Ok(Self { left: left.collect::<Result<_, Problem>>()? })
    }

    /// Takes the value of a parameter that may be given once.
    ///
    /// # Errors
    /// `invalid-parameter` if it is given twice.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Problem> {
        let mut values = self.left.extract_if(.., |(each, _)| each == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Problem::parameter(format!("`{name}` is given twice")));
        }
        Ok(value)
    }

    /// Takes a parameter that is read as `T`, such as a number.
    ///
    /// # Errors
    /// `invalid-parameter` if it is given twice, or is no `T`, described as `expected`.
    pub(crate) fn take_as<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.take(name)? else { return Ok(None) };
        let read = value.parse().map_err(|_| {
            Problem::parameter(format!("`{name}` is {expected}, and `{}` is not", short(&value)))
        });
        read.map(Some)
    }

    /// Takes all values of a parameter that may be repeated.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<Cow<'a, str>> {
        self.left.extract_if(.., |(each, _)| each == name).map(|(_, value)| value).collect()
    }

    /// Takes the parameters that are left.
    pub(crate) fn take_rest(&mut self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        std::mem::take(&mut self.left)
    }

    /// Takes a flag: `true` or `false`; absent is false.
    ///
    /// # Errors
    /// `invalid-parameter`.
    pub(crate) fn take_flag(&mut self, name: &str) -> Result<bool, Problem> {
        Ok(self.take_as(name, "`true` or `false`")?.unwrap_or(false))
    }

    /// Takes the number of rows of a page: from 1 to `max`.
    ///
    /// # Errors
    /// `invalid-parameter`.
    pub(crate) fn take_limit(&mut self, default: usize, max: usize) -> Result<usize, Problem> {
        let limit = self.take_as("limit", "a number of rows")?.unwrap_or(default);
        match limit {
            1.. if limit <= max => Ok(limit),
            _ => Err(Problem::parameter(format!("`limit` is from 1 to {max}"))),
        }
    }

    /// Checks that no parameter is left.
    ///
    /// # Errors
    /// `invalid-parameter` with the name of an unknown one.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Problem::parameter(format!("the route has no parameter `{}`", short(name))))
            }
        }
    }
}

/// Decodes a name or a value, in which `+` is a space.
fn decoded(text: &str) -> Result<Cow<'_, str>, Problem> {
    let spaced = match text.contains('+') {
        true => Cow::Owned(text.replace('+', " ")),
        false => Cow::Borrowed(text),
    };
    let not_utf_8 = |_| Problem::parameter("a query parameter is not UTF-8");
    match spaced {
        Cow::Borrowed(text) => percent_decode_str(text).decode_utf8().map_err(not_utf_8),
        Cow::Owned(text) => {
            let decoded = percent_decode_str(&text).decode_utf8().map_err(not_utf_8)?;
            Ok(Cow::Owned(decoded.into_owned()))
        }
    }
}

/// Returns the beginning of a text of the client, for a message.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_once() {
        let mut params = Params::read(Some("a=1&b=x+y%2Fz&c&a=2&&d=%C3%A4")).ok().unwrap();
        assert_eq!(params.take("b").ok().flatten().as_deref(), Some("x y/z"));
        assert_eq!(params.take("c").ok().flatten().as_deref(), Some(""));
        assert_eq!(params.take("d").ok().flatten().as_deref(), Some("ä"));
        let rest = [("a".into(), "1".into()), ("a".into(), "2".into())];
        assert_eq!(params.take_rest(), rest);
        assert!(params.finish().is_ok());
    }

    #[test]
    fn faults_name_the_parameter() {
        let detail = |query, check: fn(Params<'_>) -> Result<(), Problem>| {
            Params::read(Some(query)).and_then(check).map_err(|problem| problem.detail.clone())
        };
        let finish = |params: Params<'_>| params.finish();
        assert_eq!(detail("x=1", finish), Err("the route has no parameter `x`".to_owned()));
        let once = |mut params: Params<'_>| params.take("x").map(drop);
        assert_eq!(detail("x=1&x=1", once), Err("`x` is given twice".to_owned()));
        let limit = |mut params: Params<'_>| params.take_limit(10, 500).map(drop);
        assert_eq!(detail("limit=501", limit), Err("`limit` is from 1 to 500".to_owned()));
        assert_eq!(detail("limit=0", limit), Err("`limit` is from 1 to 500".to_owned()));
        let message = "`limit` is a number of rows, and `-1` is not".to_owned();
        assert_eq!(detail("limit=-1", limit), Err(message));
        assert!(detail("x=%FF", finish).is_err());
    }
}
