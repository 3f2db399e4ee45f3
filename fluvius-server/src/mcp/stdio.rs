//! The tools on standard input and output, for a client that starts the program.

use std::sync::Arc;

use fluvius_core::DomainContext;
use rmcp::ServiceExt;

use super::handler::Handler;
use super::http::max_message;
use super::line_transport::LineTransport;
use super::toolbox::Toolbox;
use crate::app::App;

/// Serves one client on standard input and output, until the input ends.
pub(crate) async fn serve(app: &Arc<App>, toolbox: &Arc<Toolbox>, sender: DomainContext) {
    // Unlike tokio's standard input, a pipe can be waited for without a thread that blocks the end
    // of the program.
    let (reader, writer) = rmcp::transport::io::stdio_pipes();
    let transport = LineTransport::new(reader, writer, max_message(app, toolbox));
    match Handler::new(app, toolbox).of_sender(sender).serve(transport).await {
        Ok(running) => drop(running.waiting().await),
        // A client that ends before the handshake has nothing to be told.
        Err(error) => tracing::debug!(error = %error, "no client"),
    }
}
