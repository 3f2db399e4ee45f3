//! The bank over HTTP, or its tools for models on standard input and output.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use fluvius::server::{JwtAuthenticator, KeySource, Server};
use fluvius::{DomainContext, DomainRuntime};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

pub(crate) const NAME: &str = "serve";
pub(crate) const POLICY: &str = "policy";
const LISTEN: &str = "listen";
const JWKS: &str = "jwks";
const SECRET: &str = "jwt-secret-file";
const ISSUER: &str = "issuer";
const AUDIENCE: &str = "audience";
const PUBLIC_URL: &str = "public-url";
const MCP_STDIO: &str = "mcp-stdio";

/// Describes the arguments.
pub(crate) fn command() -> Command {
    let argument = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let listen =
        argument(LISTEN, "ADDRESS", "Address to listen on; without tokens, of this machine");
    let jwks = argument(JWKS, "URL|FILE", "Keys of the issuer of the tokens (JWKS)");
    let secret =
        argument(SECRET, "FILE", "File with the secret of the tokens, of 32 bytes or more");
    let policy = argument(POLICY, "FILE", "Roles and what they may do, as JSON");
    let mcp_stdio = Arg::new(MCP_STDIO)
        .long(MCP_STDIO)
        .action(ArgAction::SetTrue)
        .conflicts_with_all([LISTEN, JWKS, SECRET])
        .help("Offer the tools for models on standard input and output, in place of HTTP");
    Command::new(NAME)
        .about("Offers the bank over HTTP, until it is interrupted")
        .arg(listen.default_value("127.0.0.1:8080"))
        .arg(jwks.requires(ISSUER).requires(AUDIENCE).conflicts_with(SECRET))
        .arg(secret.requires(ISSUER).requires(AUDIENCE).value_parser(value_parser!(PathBuf)))
        .arg(argument(ISSUER, "TEXT", "Claim `iss` of the tokens"))
        .arg(argument(AUDIENCE, "TEXT", "Claim `aud` of the tokens"))
        .arg(policy.value_parser(value_parser!(PathBuf)))
        .arg(argument(
            PUBLIC_URL,
            "URL",
            "URL of the server for its clients: `https://bank.example`",
        ))
        .arg(mcp_stdio)
}

/// Serves the bank until the process is interrupted.
pub(crate) async fn run(
    domain: DomainRuntime,
    matches: &ArgMatches,
) -> Result<ExitCode, Box<dyn StdError>> {
    // `rmcp` adds three records to each call.
    let levels =
        Targets::new().with_default(LevelFilter::INFO).with_target("rmcp", LevelFilter::WARN);
    let records = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(records.with_filter(levels)).init();
    let text = |name| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let mut server = Server::new().mount(domain);
    if matches.get_flag(MCP_STDIO) {
        server.serve_mcp_stdio(DomainContext::create("mcp-stdio")).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(url) = matches.get_one::<String>(PUBLIC_URL) {
        server = server.public_url(url);
    }
    if let Some(keys) = keys(matches)? {
        let tokens = JwtAuthenticator::new(text(ISSUER), text(AUDIENCE), keys);
        server = server.authenticate(tokens.realm_claim("realm").roles_claim("roles"));
    }
    server.serve(text(LISTEN)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the keys of the tokens, if the arguments name any.
fn keys(matches: &ArgMatches) -> Result<Option<KeySource>, Box<dyn StdError>> {
    if let Some(path) = matches.get_one::<PathBuf>(SECRET) {
        let secret = std::fs::read(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        return Ok(Some(KeySource::secret(secret.trim_ascii())?));
    }
    Ok(match matches.get_one::<String>(JWKS) {
        Some(url) if url.contains("://") => Some(KeySource::url(url)?),
        Some(path) => Some(KeySource::file(path)),
        None => None,
    })
}
