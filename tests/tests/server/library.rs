//! A small domain with an action of each kind: a library of books.

use fluvius::{ActionContext, Domain, DomainRuntime, MemoryStore, Rejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A book of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Book {
    pub title: String,
    pub price: Decimal,
    pub pages: u32,
    pub lender: Option<Uuid>,
    pub tags: Vec<String>,
    pub shelf: Shelf,
}

/// The place of a book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Shelf {
    pub room: String,
    pub row: u32,
}

/// Reasons to reject a command on a book.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum BookError {
    /// A reader has the book.
    #[error("the book is lent")]
    #[rejection(status = 423)]
    Lent,
    /// The code is wrong.
    #[error("the code is wrong")]
    #[rejection(status = 403)]
    WrongCode,
    /// A book without pages.
    #[error("a book has pages")]
    NoPages,
}

#[aggregate(resource = "book", index(title: text))]
impl Book {
    /// Add a book to the library.
    #[action(evt_key = "book-added")]
    pub fn add_book(
        /// The title.
        #[arg(example = "Emma")]
        title: String,
        /// The price.
        price: Decimal,
        /// The number of pages.
        pages: u32,
        /// Words about the book.
        #[arg(default)]
        tags: Vec<String>,
    ) -> Result<Self, BookError> {
        if pages == 0 {
            return Err(BookError::NoPages);
        }
        let shelf = Shelf { room: "main".to_owned(), row: pages % 10 };
        Ok(Self { title, price, pages, lender: None, tags, shelf })
    }

    /// Lend the book.
    #[action(evt_key = "book-lent", if_match = "required")]
    pub fn lend_book(&mut self, lender: Uuid) -> Result<(), BookError> {
        if self.lender.is_some() {
            return Err(BookError::Lent);
        }
        self.lender = Some(lender);
        Ok(())
    }

    /// Take the book back.
    #[deprecated(since = "2.0.0", note = "use the machine")]
    #[action(evt_key = "book-returned", sunset = "2027-06-30")]
    pub fn return_book(&mut self) -> Result<u32, BookError> {
        self.lender = None;
        Ok(self.pages)
    }

    /// Count the words of the title.
    #[action]
    pub fn count_words(&self, _cx: &ActionContext) -> Result<usize, BookError> {
        Ok(self.title.split(' ').count())
    }

    /// Open the locked shelf.
    #[action(evt_key = "shelf-opened")]
    pub fn open_shelf(
        &self,
        /// The code of the shelf.
        #[arg(secret)]
        code: String,
    ) -> Result<(), BookError> {
        if code == "sesame" { Ok(()) } else { Err(BookError::WrongCode) }
    }

    /// Fail like a program with a bug.
    #[action(evt_key = "book-burnt")]
    pub fn burn_book(&mut self, reason: String) -> Result<(), BookError> {
        panic!("the secret plan: {reason}");
    }

    /// Remove the book from the library.
    #[action(evt_key = "book-removed")]
    pub fn remove_book(self) -> Result<(), BookError> {
        if self.lender.is_some() { Err(BookError::Lent) } else { Ok(()) }
    }
}

/// A library of books.
#[derive(Debug, Domain)]
#[domain(aggregates(Book), namespace = "library")]
pub struct LibraryDomain;

/// Returns the library on a store in memory.
pub async fn library() -> DomainRuntime {
    LibraryDomain::runtime(MemoryStore::new()).await.unwrap()
}

/// Returns the payload of a book.
pub fn emma() -> serde_json::Value {
    serde_json::json!({ "title": "Emma", "price": "12.50", "pages": 474 })
}
