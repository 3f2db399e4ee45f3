//! Holds nothing: the suites are the test targets of this package.
