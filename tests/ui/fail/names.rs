//! Names that would hide others, names of which nothing can be made, and defaults.

use std::convert::Infallible;

use fluvius::aggregate;
use serde::{Deserialize, Serialize};

pub mod model {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Note(pub String);
}

use model::*;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Colour {
    Red,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub notes: Vec<String>,
}

#[aggregate]
impl Shelf {
    // The prelude's.
    #[action(evt_key = "shelf-strung")]
    pub fn string(&mut self, words: Vec<String>) -> Result<(), Infallible> {
        self.notes.extend(words);
        Ok(())
    }

    #[action(evt_key = "option")]
    pub fn choose(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // One that comes from a glob import.
    #[action(evt_key = "shelf-noted")]
    pub fn note(&mut self, notes: Vec<Note>) -> Result<(), Infallible> {
        drop(notes);
        Ok(())
    }

    #[action(key = "two-factor", evt_key = "second-factor-given")]
    pub fn _2fa(&mut self, code: u32) -> Result<(), Infallible> {
        let _ = code;
        Ok(())
    }

    // A resource that is not declared.
    #[action(resources = ["shelff", "drawer"])]
    pub fn count(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // Defaults.
    #[action(evt_key = "shelf-painted")]
    pub fn paint(
        &mut self,
        coats: u8,
        #[arg(default)] colour: Colour,
        #[arg(default = "red")] trim: Colour,
        #[arg(default = 1)] name: String,
    ) -> Result<(), Infallible> {
        let _ = (coats, colour, trim, name);
        Ok(())
    }
}

fn main() {}
