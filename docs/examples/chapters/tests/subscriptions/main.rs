//! The code of the guide's chapter "Subscriptions".

mod handlers;
mod operators;
mod streams;
