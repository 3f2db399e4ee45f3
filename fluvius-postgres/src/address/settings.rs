//! The meaning of the settings of an address.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{
    ChannelBinding, Host, LoadBalanceHosts, SslNegotiation, TargetSessionAttrs,
};

use super::syntax::Settings;
use super::{Address, Invalid};
use crate::tls::{Mode, Roots, Tls};

/// The longest time in an address, in seconds.
const MAX_SECONDS: u64 = 24 * 60 * 60;

/// Unsupported settings of libpq and of other tools, each with the remedy.
const UNSUPPORTED: [(&str, &str); 15] = [
    ("schema", "is no setting of libpq: name the schema by `PostgresOptions::schema`"),
    ("connection_limit", "is no setting of libpq: set `PostgresOptions::max_readers`"),
    ("pool_timeout", "is no setting of libpq: set `PostgresOptions::read_timeout`"),
    ("statement_cache_size", "is no setting of libpq: leave it out"),
    ("service", "cannot be used: service files are not read; write the settings into the address"),
    (
        "servicefile",
        "cannot be used: service files are not read; write the settings into the address",
    ),
    (
        "passfile",
        "cannot be used: password files are not read; write the password into the address",
    ),
    ("require_auth", "cannot be enforced: use `channel_binding=require`, or leave it out"),
    ("sslcrl", "cannot be used: lists of revoked certificates are not read"),
    ("sslcrldir", "cannot be used: lists of revoked certificates are not read"),
    ("sslpassword", "cannot be used: the key in `sslkey` must not be encrypted"),
    ("ssl_max_protocol_version", "cannot be used: leave it out"),
    ("requirepeer", "cannot be enforced: leave it out"),
    ("krbsrvname", "cannot be used: GSSAPI and Kerberos are not supported"),
    ("gsslib", "cannot be used: GSSAPI and Kerberos are not supported"),
];

/// The supported settings.
const KNOWN: [&str; 31] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "pgbouncer",
    "port",
    "ssl",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcompression",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Returns the known name nearest to a text, if one is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let scored = KNOWN.iter().map(|known| (strsim::jaro_winkler(name, known), *known));
    let nearest = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(score, _)| *score > 0.87).map(|(_, known)| known)
}

/// Returns true if a setting is supported, or has an error text of its own.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || UNSUPPORTED.iter().any(|(unsupported, _)| *unsupported == name)
}

/// The remaining settings.
struct Rest(Settings);

impl Rest {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a whole number.
    fn number(&mut self, name: &str, max: u64) -> Result<Option<u64>, Invalid> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if number <= max => Ok(Some(number)),
            _ => Err(Invalid::new(name, format!("must be a number from 0 to {max}"))),
        }
    }

    /// Takes one of these words, and returns its value.
    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Invalid> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let words: Vec<String> =
                    words.iter().map(|(word, _)| format!("`{word}`")).collect();
                Err(Invalid::new(name, format!("must be one of {}", words.join(", "))))
            }
        }
    }

    /// Takes a setting that is supported with one of these values only.
    fn only(&mut self, name: &str, values: &[&str], otherwise: &str) -> Result<(), Invalid> {
        match self.take(name) {
            Some(text) if !values.contains(&text.to_ascii_lowercase().as_str()) => {
                Err(Invalid::new(name, otherwise))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the address with these settings.
pub(super) fn address(settings: Settings, has_roots: bool) -> Result<Address, Invalid> {
    let mut rest = Rest(settings);
    let mut config = Config::new();
    set_login(&mut rest, &mut config);
    set_hosts(&mut rest, &mut config)?;
    set_times(&mut rest, &mut config)?;
    set_session(&mut rest, &mut config)?;
    let tls = tls(&mut rest, &mut config, has_roots)?;
    check_fixed(&mut rest)?;
    match rest.0.into_keys().next() {
        None => Ok(Address { config, tls }),
        Some(name) => {
            let unsupported = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == name);
            Err(unsupported
                .map_or_else(|| Invalid::unknown(&name), |(_, why)| Invalid::new(&name, *why)))
        }
    }
}

fn set_login(rest: &mut Rest, config: &mut Config) {
    if let Some(user) = rest.take("user") {
        config.user(user);
    }
    if let Some(password) = rest.take("password") {
        config.password(password);
    }
    if let Some(name) = rest.take("dbname") {
        config.dbname(name);
    }
    if let Some(options) = rest.take("options") {
        config.options(options);
    }
    let fallback = rest.take("fallback_application_name");
    let name = rest.take("application_name").or(fallback);
    config.application_name(name.unwrap_or_else(|| "fluvius".to_owned()));
}

fn set_hosts(rest: &mut Rest, config: &mut Config) -> Result<(), Invalid> {
    let hosts = rest.take("host").unwrap_or_default();
    let addresses = rest.take("hostaddr").unwrap_or_default();
    let addresses: Result<Vec<IpAddr>, _> = list(&addresses).into_iter().map(str::parse).collect();
    let addresses = addresses.map_err(|_| Invalid::new("hostaddr", "must be an IP address"))?;
    let mut hosts: Vec<String> = list(&hosts).into_iter().map(str::to_owned).collect();
    if hosts.is_empty() {
        // The server is then identified by its address, as in libpq.
        hosts.extend(addresses.iter().map(ToString::to_string));
    }
    if hosts.is_empty() || hosts.iter().any(String::is_empty) {
        return Err(Invalid::new(
            "host",
            "is missing: name a host, or the folder of a Unix socket",
        ));
    }
    let count = hosts.len();
    if !addresses.is_empty() && addresses.len() != count {
        return Err(Invalid::new(
            "hostaddr",
            format!("must have {count} addresses, one for each host"),
        ));
    }
    for host in hosts {
        config.host(host);
    }
    for address in addresses {
        config.hostaddr(address);
    }
    let ports = rest.take("port").unwrap_or_default();
    let ports = list(&ports);
    if ports.len() > 1 && ports.len() != count {
        return Err(Invalid::new(
            "port",
            format!("must be one number, or {count}: one for each host"),
        ));
    }
    for port in ports {
        let port = if port.is_empty() { Ok(5432) } else { port.parse() };
        match port {
            Ok(port) if port > 0 => config.port(port),
            _ => return Err(Invalid::new("port", "must be a number from 1 to 65535")),
        };
    }
    Ok(())
}

fn list(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// Sets the timeouts of connections. As in libpq, 0 means the default.
fn set_times(rest: &mut Rest, config: &mut Config) -> Result<(), Invalid> {
    let is_set = |seconds: &u64| *seconds > 0;
    if let Some(seconds) = rest.number("connect_timeout", MAX_SECONDS)?.filter(is_set) {
        config.connect_timeout(Duration::from_secs(seconds));
    }
    if let Some(millis) = rest.number("tcp_user_timeout", MAX_SECONDS * 1_000)?.filter(is_set) {
        config.tcp_user_timeout(Duration::from_millis(millis));
    }
    if let Some(number) = rest.number("keepalives", 1)? {
        config.keepalives(number == 1);
    }
    let idle = rest.number("keepalives_idle", MAX_SECONDS)?.filter(is_set);
    config.keepalives_idle(Duration::from_secs(idle.unwrap_or(super::KEEPALIVES_IDLE_SECONDS)));
    if let Some(seconds) = rest.number("keepalives_interval", MAX_SECONDS)?.filter(is_set) {
        config.keepalives_interval(Duration::from_secs(seconds));
    }
    // The second name is that of the Rust client.
    for name in ["keepalives_count", "keepalives_retries"] {
        let count = rest.number(name, 127)?.and_then(|count| u32::try_from(count).ok());
        if let Some(count) = count.filter(|count| *count > 0) {
            config.keepalives_retries(count);
        }
    }
    Ok(())
}

fn set_session(rest: &mut Rest, config: &mut Config) -> Result<(), Invalid> {
    let attributes = [
        ("any", TargetSessionAttrs::Any),
        ("read-write", TargetSessionAttrs::ReadWrite),
        // A store needs a server that writes: neither a standby nor a read-only primary.
        ("primary", TargetSessionAttrs::ReadWrite),
    ];
    if let Some(attributes) = rest.word("target_session_attrs", &attributes)? {
        config.target_session_attrs(attributes);
    }
    let bindings = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    if let Some(binding) = rest.word("channel_binding", &bindings)? {
        config.channel_binding(binding);
    }
    let orders = [("disable", LoadBalanceHosts::Disable), ("random", LoadBalanceHosts::Random)];
    if let Some(order) = rest.word("load_balance_hosts", &orders)? {
        config.load_balance_hosts(order);
    }
    Ok(())
}

/// Checks the settings that are supported with some values only.
fn check_fixed(rest: &mut Rest) -> Result<(), Invalid> {
    let encodings = ["utf8", "utf-8", "unicode", "auto"];
    rest.only("client_encoding", &encodings, "must be `UTF8`")?;
    rest.only(
        "gssencmode",
        &["disable", "prefer"],
        "must be `disable` or `prefer`: GSSAPI is not supported",
    )?;
    rest.only(
        "pgbouncer",
        &["false"],
        "announces a pooler that assigns a session per transaction, which a store cannot use: name \
        the server itself, or a pool with `pool_mode = session`",
    )?;
    rest.only("sslcompression", &["0"], "must be `0`: TLS without compression is used")?;
    let versions = ["tlsv1", "tlsv1.1", "tlsv1.2"];
    let problem =
        "must be at most `TLSv1.2`: TLS 1.2 and 1.3 are used, the newer one if the server has it";
    rest.only("ssl_min_protocol_version", &versions, problem)
}

fn tls(rest: &mut Rest, config: &mut Config, has_roots: bool) -> Result<Tls, Invalid> {
    let modes = [
        ("disable", Mode::Disable),
        ("allow", Mode::Allow),
        ("prefer", Mode::Prefer),
        ("require", Mode::Require),
        ("verify-ca", Mode::VerifyCa),
        ("verify-full", Mode::VerifyFull),
    ];
    // Tools of Java write it, and libpq reads it in the same way.
    let ssl = rest.word("ssl", &[("true", Some(Mode::Require)), ("false", None)])?.flatten();
    let mode = rest.word("sslmode", &modes)?.or(ssl);
    let file = rest.take("sslrootcert").filter(|file| !file.is_empty());
    let is_system = file.as_deref() == Some("system");
    if is_system && mode.is_some_and(|mode| mode != Mode::VerifyFull) {
        // Any host may have a certificate of such an authority. libpq rejects it too.
        return Err(Invalid::new("sslmode", "must be `verify-full` with `sslrootcert=system`"));
    }
    let roots = match file {
        Some(file) if !is_system => Roots::File(PathBuf::from(file)),
        _ if has_roots => Roots::SystemAndOption,
        _ => Roots::System,
    };
    let is_named = is_system || roots != Roots::System;
    let mode = match mode {
        _ if are_sockets(config) => Mode::Disable,
        // A file of authorities implies verification, as in libpq.
        Some(Mode::Require) if is_named => Mode::VerifyCa,
        Some(mode) => mode,
        None if is_named || !are_local(config) => Mode::VerifyFull,
        None => Mode::Prefer,
    };
    let certificate = rest.take("sslcert").filter(|file| !file.is_empty()).map(PathBuf::from);
    let key = rest.take("sslkey").filter(|file| !file.is_empty()).map(PathBuf::from);
    let client = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, Some(_)) => return Err(Invalid::new("sslcert", "is missing with `sslkey`")),
        (Some(_), None) => return Err(Invalid::new("sslkey", "is missing with `sslcert`")),
    };
    let sends_name = rest.number("sslsni", 1)? != Some(0);
    let negotiations = [("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)];
    let negotiation = rest.word("sslnegotiation", &negotiations)?.unwrap_or_default();
    let is_direct = negotiation == SslNegotiation::Direct;
    if is_direct && !mode.needs_tls() {
        return Err(Invalid::new("sslnegotiation", "needs `sslmode=require` or a stronger one"));
    }
    config.ssl_negotiation(negotiation);
    Ok(Tls { mode, roots, client, sends_name, is_direct })
}

/// Returns true if all hosts are Unix sockets, over which a server offers no TLS.
fn are_sockets(config: &Config) -> bool {
    config.get_hostaddrs().is_empty()
        && config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)))
}

/// Returns true if all hosts are this machine.
fn are_local(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Tcp(name) if name == "localhost" => true,
        Host::Tcp(name) => name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(is_local),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}
