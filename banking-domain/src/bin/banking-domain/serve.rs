//! The bank over HTTP.

use std::error::Error as StdError;
use std::process::ExitCode;

use fluvius::DomainRuntime;
use fluvius::server::Server;
use tracing_subscriber::filter::LevelFilter;

/// Serves the bank on an address until the process is interrupted.
pub(crate) async fn run(
    domain: DomainRuntime,
    address: &str,
) -> Result<ExitCode, Box<dyn StdError>> {
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    Server::new().mount(domain).serve(address).await?;
    Ok(ExitCode::SUCCESS)
}
