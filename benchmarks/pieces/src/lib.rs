//! What the stages of a command cost, one by one; everything is in `benches/pieces`.
