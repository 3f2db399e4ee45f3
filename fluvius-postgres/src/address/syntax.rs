//! The syntax of addresses, as in libpq: a URL or a list of `name=value`.

use std::collections::BTreeMap;

use super::{Invalid, settings};

/// The settings of an address by their names in libpq.
pub(super) type Settings = BTreeMap<String, String>;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Splits an address into its settings. If a setting is given twice, the later value holds.
pub(super) fn settings(text: &str) -> Result<Settings, Invalid> {
    match SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => of_url(rest),
        None => match text.split_once('=') {
            Some((name, _)) if !name.contains("://") => of_pairs(text),
            _ => Err(no_address()),
        },
    }
}

fn no_address() -> Invalid {
    Invalid {
        part: "expected".to_owned(),
        problem:
            "`postgres://user:password@host:port/database?sslmode=verify-full` or `host=.. user=..`"
                .to_owned(),
    }
}

fn of_url(rest: &str) -> Result<Settings, Invalid> {
    let mut settings = Settings::new();
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before.split_once('/').unwrap_or((before, ""));
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    if login.contains('@') || database.contains('@') {
        return Err(Invalid::new(
            "user:password",
            "has a character that must be percent-encoded: `%40` for `@`, `%2F` for `/`",
        ));
    }
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if !user.is_empty() {
        settings.insert("user".to_owned(), decoded("user", user)?);
    }
    if let Some(password) = password {
        settings.insert("password".to_owned(), decoded("password", password)?);
    }
    if !hosts.is_empty() {
        add_hosts(&mut settings, hosts)?;
    }
    if !database.is_empty() {
        settings.insert("dbname".to_owned(), decoded("dbname", database)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = checked(name)?;
        settings.insert(name.to_owned(), decoded(name, value)?);
    }
    Ok(settings)
}

/// Adds `host`, and `port` if there is one: several are separated by commas.
fn add_hosts(settings: &mut Settings, text: &str) -> Result<(), Invalid> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for host in text.split(',') {
        let (host, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let split = rest.split_once(']');
                split.ok_or_else(|| Invalid::new("host", "has a `[` without `]`"))?
            }
            None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port,
            None if port.is_empty() => "",
            None => return Err(Invalid::new("host", "has text between `]` and the port")),
        };
        if port.contains(':') {
            return Err(Invalid::new("host", "is an IPv6 address: write it in brackets, `[::1]`"));
        }
        hosts.push(decoded("host", host)?);
        ports.push(decoded("port", port)?);
    }
    settings.insert("host".to_owned(), hosts.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        settings.insert("port".to_owned(), ports.join(","));
    }
    Ok(())
}

/// Returns the text without its percent-encoding.
fn decoded(part: &str, text: &str) -> Result<String, Invalid> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let byte = match after {
            [high, low, after @ ..] => {
                rest = after;
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        bytes.push(byte.ok_or_else(|| {
            Invalid::new(
                part,
                "has a `%` without two hexadecimal digits behind it: write `%25` for `%`",
            )
        })?);
    }
    if bytes.contains(&0) {
        return Err(Invalid::new(part, "contains U+0000"));
    }
    String::from_utf8(bytes).map_err(|_| Invalid::new(part, "is not UTF-8 once it is decoded"))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Parses `name=value name='a value'`, in which `\` escapes the next character.
fn of_pairs(text: &str) -> Result<Settings, Invalid> {
    let mut settings = Settings::new();
    let mut last = None;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else { return Err(no_pair(last)) };
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(no_pair(last));
        }
        let name = checked(name)?;
        let (value, after) = value(name, after.trim_start())?;
        settings.insert(name.to_owned(), value);
        last = Some(name);
        rest = after.trim_start();
    }
    Ok(settings)
}

/// The error of a word without `=`. It does not quote the word, which may be the rest of a
/// password.
fn no_pair(last: Option<&str>) -> Invalid {
    match last {
        Some(last) => Invalid::new(
            last,
            "is followed by a word without `=`: put a value with blanks into quotes, `'..'`",
        ),
        None => no_address(),
    }
}

/// Splits a text into the value at its beginning and the rest.
fn value<'t>(name: &str, text: &'t str) -> Result<(String, &'t str), Invalid> {
    let (is_quoted, text) = match text.strip_prefix('\'') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '\'' if is_quoted => return Ok((value, &text[place + 1..])),
            '\\' => value.extend(characters.next().map(|(_, character)| character)),
            '\0' => return Err(Invalid::new(name, "contains U+0000")),
            _ if !is_quoted && character.is_whitespace() => return Ok((value, &text[place..])),
            _ => value.push(character),
        }
    }
    match is_quoted {
        true => Err(Invalid::new(name, "has a `'` without another one at its end")),
        false => Ok((value, "")),
    }
}

/// Returns true if a text has the form of a name, so that an error may quote it.
fn checked(name: &str) -> Result<&str, Invalid> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match !name.is_empty() && name.len() <= 40 && name.bytes().all(is_name) {
        true if settings::is_known(name) => Ok(name),
        true => Err(Invalid::unknown(name)),
        false => Err(Invalid {
            part: "a setting".to_owned(),
            problem: "has no valid name: names have lower-case letters, digits and `_`; in a user \
                name or a password, write `%3F` for `?` and `%26` for `&`"
                .to_owned(),
        }),
    }
}
