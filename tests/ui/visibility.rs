//! Actions that are less visible than their aggregate.

use std::convert::Infallible;

use fluvius_core::aggregate;
use serde::{Deserialize, Serialize};

// P35: the enums have the visibility of the actions, and the aggregate names them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Journal;

#[aggregate]
impl Journal {
    #[action]
    fn read_lines(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {}
