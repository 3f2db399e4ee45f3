//! The actions and reads of the domains as tools of the Model Context Protocol.
//!
//! | module | contents |
//! |---|---|
//! | `names` | the name of each tool, and the faults of names |
//! | `tool_schemas`, `tool_docs` | the JSON schemas of a tool, its description and annotations |
//! | `toolbox` | all tools of a server, made when it is built |
//! | `arguments`, `call` | a call of a tool, as an operation of a domain |
//! | `raw_payload` | the payload of a call as the client wrote it |
//! | `handler` | the methods of the protocol |
//! | `http`, `resource_metadata` | `/mcp`, and where its tokens come from |
//! | `stdio`, `line_transport` | standard input and output |
//!
//! The types of `rmcp` stay inside this module.
//!
//! # Source
//! Model Context Protocol, revisions 2025-11-25 and 2026-07-28.

mod arguments;
mod call;
mod handler;
mod http;
mod line_transport;
mod names;
mod raw_payload;
mod resource_metadata;
mod stdio;
mod tool_docs;
mod tool_schemas;
mod toolbox;

pub(crate) use http::routes;
pub(crate) use names::faults;
pub(crate) use stdio::serve;
pub(crate) use toolbox::Toolbox;
