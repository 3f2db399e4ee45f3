//! The costs of the individual stages of a command. All code is in `benches/pieces`.
