//! Addresses as tools and hosting providers write them.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, TargetSessionAttrs};

use super::*;
use crate::tls::{Mode, Roots};

fn parse(text: &str) -> Address {
    Address::parse(text, false).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
}

/// Checks that an address is rejected, with a text that names this part of it.
fn check_rejected(text: &str, part: &str) {
    let invalid = Address::parse(text, false).expect_err(text);
    let message = invalid.to_string();
    assert!(message.starts_with(&format!("`{part}` ")), "{text}: {message}");
    for secret in ["s3cret", "s3", "cret"] {
        assert!(!message.contains(secret), "{text}: {message}");
    }
}

#[test]
fn both_forms_are_equivalent() {
    let url =
        "postgresql://us%20er:p%40ss@db.example:5433/ba%2Fnk?application_name=x&connect_timeout=3";
    let pairs = r"user='us er' password = p@ss host=db.example port=5433 dbname=ba/nk
                  application_name=x connect_timeout=3";
    for text in [url, pairs] {
        let config = parse(text).config;
        assert_eq!(config.get_user(), Some("us er"), "{text}");
        assert_eq!(config.get_password(), Some(b"p@ss".as_slice()), "{text}");
        assert_eq!(config.get_hosts(), [Host::Tcp("db.example".to_owned())], "{text}");
        assert_eq!(config.get_ports(), [5433], "{text}");
        assert_eq!(config.get_dbname(), Some("ba/nk"), "{text}");
        assert_eq!(config.get_application_name(), Some("x"), "{text}");
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)), "{text}");
    }
    let quoted = parse(r"host=h password='it\'s a \\' user=a\ b");
    assert_eq!(quoted.config.get_password(), Some(br"it's a \".as_slice()));
    assert_eq!(quoted.config.get_user(), Some("a b"));
}

#[test]
fn hosts_may_be_several_sockets_and_addresses() {
    let tcp = |name: &str| Host::Tcp(name.to_owned());
    let config = parse("postgres://one:1,[::1]:2,three/b").config;
    assert_eq!(config.get_hosts(), [tcp("one"), tcp("::1"), tcp("three")]);
    assert_eq!(config.get_ports(), [1, 2, 5432]);
    let socket = Host::Unix(PathBuf::from("/run/pg"));
    for text in ["postgres://u@%2Frun%2Fpg/b", "postgres://u@/b?host=/run/pg", "host=/run/pg"] {
        assert_eq!(parse(text).config.get_hosts(), std::slice::from_ref(&socket), "{text}");
    }
    let config = parse("hostaddr=10.0.0.1 user=u").config;
    assert_eq!(config.get_hosts(), [tcp("10.0.0.1")]);
    // The later value holds.
    assert_eq!(parse("postgres://one/b?host=two").config.get_hosts(), [tcp("two")]);
}

#[test]
fn supported_settings_of_other_tools_are_accepted() {
    let tail = "sslmode=require&channel_binding=require&gssencmode=disable&client_encoding=UTF8\
                &pgbouncer=false\
                &keepalives=1&keepalives_idle=10&keepalives_count=3&tcp_user_timeout=1000&sslsni=1\
                &target_session_attrs=primary&fallback_application_name=tool\
                &options=-c%20statement_timeout%3D1000";
    let config = parse(&format!("postgres://u@h/b?{tail}")).config;
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(1)));
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    assert_eq!(config.get_application_name(), Some("tool"));
    assert_eq!(config.get_options(), Some("-c statement_timeout=1000"));
    assert_eq!(parse("postgres://u@h/b").config.get_application_name(), Some("fluvius"));
}

#[test]
fn error_names_the_part_and_quotes_no_value() {
    for (text, part) in [
        ("postgres://u:p@s3cret@h/b", "user:password"),
        ("postgres://u:s3/cret@h/b", "user:password"),
        ("postgres://u:s3%cret@h/b", "password"),
        ("postgres://u:s3%0@h/b", "password"),
        ("postgres://u:%FF@h/b", "password"),
        ("postgres://u:%00@h/b", "password"),
        ("postgres://u%@h/b", "user"),
        ("postgres://u:s3cret@h:p/b", "port"),
        ("postgres://u:s3cret@h:0/b", "port"),
        ("postgres://u:s3cret@h:70000/b", "port"),
        ("postgres://u:s3cret@::1/b", "host"),
        ("postgres://u:s3cret@[::1/b", "host"),
        ("postgres://u:s3cret@/b", "host"),
        ("postgres://u:s3cret@h,/b", "host"),
        ("postgres://u@one,two/b?port=1,2,3", "port"),
        ("postgres://u@one,two/b?hostaddr=10.0.0.1", "hostaddr"),
        ("postgres://u@h/b?hostaddr=h", "hostaddr"),
        ("postgres://u@h/b?sslmode=on", "sslmode"),
        ("postgres://u@h/b?sslmode=", "sslmode"),
        ("postgres://u@h/b?sslcert=c.pem", "sslkey"),
        ("postgres://u@h/b?sslkey=k.pem", "sslcert"),
        ("postgres://u@h/b?sslpassword=s3cret", "sslpassword"),
        ("postgres://u@h/b?sslcrl=l.pem", "sslcrl"),
        ("postgres://u@h/b?sslrootcert=system&sslmode=require", "sslmode"),
        ("postgres://u@localhost/b?sslnegotiation=direct", "sslnegotiation"),
        ("postgres://u@h/b?pgbouncer=true", "pgbouncer"),
        ("postgres://u@h/b?schema=public", "schema"),
        ("postgres://u@h/b?gssencmode=require", "gssencmode"),
        ("postgres://u@h/b?client_encoding=LATIN1", "client_encoding"),
        ("postgres://u@h/b?target_session_attrs=standby", "target_session_attrs"),
        ("postgres://u@h/b?connect_timeout=9223372036854775807", "connect_timeout"),
        ("postgres://u@h/b?connect_timeout=-1", "connect_timeout"),
        ("postgres://u@h/b?tcp_user_timeout=18446744073709551615", "tcp_user_timeout"),
        ("postgres://u@h/b?keepalives_idle=x", "keepalives_idle"),
        ("postgres://u@h/b?sslmod=require", "sslmod"),
        ("host=h password=s3 cret", "password"),
        ("host=h password='s3cret", "password"),
        ("host=h sslmod=s3cret", "sslmod"),
        ("user=u", "host"),
    ] {
        check_rejected(text, part);
    }
    for text in ["", "nowhere", "mysql://s3cret@h/b", "jdbc:postgresql://h/b", "postgres+ssl://h/b"]
    {
        let message = StoreError::from(Address::parse(text, false).unwrap_err()).to_string();
        let wanted = "the address of the database is not valid: expected `postgres://";
        assert!(message.starts_with(wanted) && !message.contains("s3cret"), "{message}");
    }
}

#[test]
fn misspelt_setting_is_corrected_and_unknown_one_is_not_quoted() {
    let message = |text: &str| Address::parse(text, false).unwrap_err().to_string();
    for (name, nearest) in [("sslmod", "sslmode"), ("ssl_mode", "sslmode"), ("pasword", "password")]
    {
        let expected = format!("`{name}` is not known: did you mean `{nearest}`?");
        assert_eq!(message(&format!("postgres://u@h/b?{name}=require")), expected);
    }
    // A password with `?` or `&` ends early: its rest looks like a setting.
    for text in [
        "postgres://u:123?s3cret=1@h/b",
        "postgres://u:123?s3cret@h/b",
        "postgres://u@h/b?password=ge&s3cret",
        "postgres://u@h/b?password=ge&s3cret=%zz",
        "postgres://u@h/b?password=ge&S3cret=1",
        "host=h s3cret=1",
    ] {
        let message = message(text);
        assert!(
            message.starts_with("a setting has") && message.contains("`%26` for `&`"),
            "{message}"
        );
        assert!(!message.to_lowercase().contains("s3cret"), "{message}");
    }
}

#[test]
fn blanks_around_an_address_are_ignored() {
    let config = parse(" postgres://u@h/b\n").config;
    assert_eq!((config.get_user(), config.get_dbname()), (Some("u"), Some("b")));
}

#[test]
fn default_verification_depends_on_the_host() {
    let file = || Roots::File(PathBuf::from("ca.pem"));
    for (host, tail, mode, roots) in [
        ("localhost", "", Mode::Prefer, Roots::System),
        ("127.0.0.2", "", Mode::Prefer, Roots::System),
        ("[::1]", "", Mode::Prefer, Roots::System),
        ("localhost,127.0.0.1", "", Mode::Prefer, Roots::System),
        ("db.example", "hostaddr=127.0.0.1", Mode::Prefer, Roots::System),
        ("db.example", "", Mode::VerifyFull, Roots::System),
        ("localhost,db.example", "", Mode::VerifyFull, Roots::System),
        ("localhost", "hostaddr=10.0.0.1", Mode::VerifyFull, Roots::System),
        ("localhost", "sslrootcert=ca.pem", Mode::VerifyFull, file()),
        ("%2Frun", "sslmode=verify-full", Mode::Disable, Roots::System),
        ("h", "sslmode=disable", Mode::Disable, Roots::System),
        ("h", "sslmode=allow", Mode::Allow, Roots::System),
        ("h", "sslmode=prefer", Mode::Prefer, Roots::System),
        ("h", "sslmode=prefer&sslrootcert=ca.pem", Mode::Prefer, file()),
        ("h", "sslmode=require", Mode::Require, Roots::System),
        ("h", "sslmode=require&sslrootcert=ca.pem", Mode::VerifyCa, file()),
        ("h", "sslmode=verify-ca", Mode::VerifyCa, Roots::System),
        ("h", "sslmode=verify-full", Mode::VerifyFull, Roots::System),
        ("h", "sslmode=verify-full&sslrootcert=system", Mode::VerifyFull, Roots::System),
        ("localhost", "sslrootcert=system", Mode::VerifyFull, Roots::System),
        ("h", "ssl=true", Mode::Require, Roots::System),
    ] {
        let tls = parse(&format!("postgres://u@{host}/b?{tail}")).tls;
        assert_eq!((tls.mode, &tls.roots), (mode, &roots), "{host} {tail}");
    }
    // With `root_certificates`.
    for (tail, mode) in [
        ("", Mode::VerifyFull),
        ("sslmode=require", Mode::VerifyCa),
        ("sslmode=prefer", Mode::Prefer),
    ] {
        let tls = Address::parse(&format!("postgres://u@localhost/b?{tail}"), true).unwrap().tls;
        assert_eq!((tls.mode, tls.roots), (mode, Roots::SystemAndOption), "{tail}");
    }
}
