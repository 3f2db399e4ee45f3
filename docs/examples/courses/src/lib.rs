//! Courses that people can book.
