//! A small domain of two aggregate types that uses everything that a scenario checks.

use chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::{
    ActionContext, Activity, Authorization, ContextError, Domain, Policy, PolicyRequest, Rejection,
    aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A book that readers borrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub title: String,
    pub loan: Option<Loan>,
}

/// Reader of a book, and the day of return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loan {
    pub id: Uuid,
    pub reader: Uuid,
    pub lender: Option<Uuid>,
    pub until: DateTime<Utc>,
}

/// Reasons to reject a command on a book.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum BookError {
    #[error("{title} is lent")]
    Lent { title: String },
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "book")]
impl Book {
    /// Buy a book.
    #[action(evt_key = "book-bought")]
    pub fn buy_book(title: String) -> Result<Self, BookError> {
        Ok(Self { title, loan: None })
    }

    /// Lend a book.
    #[action(evt_key = "book-lent")]
    pub async fn lend_book(
        &mut self,
        cx: &mut ActionContext,
        reader: Uuid,
        days: i64,
    ) -> Result<Uuid, BookError> {
        if self.loan.is_some() {
            return Err(BookError::Lent { title: self.title.clone() });
        }
        cx.invoke(reader, CarryBook { book: cx.aggregate_id().id }).await?;
        let until = cx.now() + TimeDelta::days(days);
        let loan = Loan { id: cx.new_id(), reader, lender: cx.actor().user_id, until };
        cx.message("loan-begun", &serde_json::json!({ "title": self.title, "days": days }));
        cx.activity(Activity::new("lent a book").code("lent"));
        let id = loan.id;
        self.loan = Some(loan);
        Ok(id)
    }

    /// Return true if the book is there.
    #[action]
    pub fn ask_availability(&self) -> Result<bool, BookError> {
        Ok(self.loan.is_none())
    }

    /// Throw a book away.
    #[action(evt_key = "book-discarded")]
    pub fn discard_book(self) -> Result<(), BookError> {
        Ok(())
    }
}

/// A reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reader {
    pub books: Vec<Uuid>,
}

/// Reasons to reject a command on a reader.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum ReaderError {
    #[error("two books are enough")]
    TooManyBooks,
}

#[aggregate(resource = "reader")]
impl Reader {
    /// Sign a reader up.
    #[action(evt_key = "reader-signed-up")]
    pub fn sign_up() -> Result<Self, ReaderError> {
        Ok(Self { books: Vec::new() })
    }

    /// Carry a book home.
    #[action(evt_key = "book-carried", internal)]
    pub fn carry_book(&mut self, book: Uuid) -> Result<(), ReaderError> {
        if self.books.len() >= 2 {
            return Err(ReaderError::TooManyBooks);
        }
        self.books.push(book);
        Ok(())
    }
}

/// Domain for books and readers.
#[derive(Domain)]
#[domain(aggregates(Book, Reader))]
pub struct LibraryDomain;

/// Allows staff to lend.
#[derive(Debug, Clone)]
pub struct StaffLends;

impl Policy for StaffLends {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        let is_staff = request.context.roles().iter().any(|role| role == "staff");
        if request.action.key == "lend-book" && !is_staff {
            return Authorization::deny("only staff lends");
        }
        Authorization::Allow
    }
}
