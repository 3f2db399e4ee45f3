//! A list that usually has one element.

use std::fmt;
use std::ops::{Deref, DerefMut, RangeBounds};

use smallvec::{Drain, IntoIter, SmallVec};

/// A list that stores its first element without an allocation.
///
/// A unit of work usually has one command, one event and one state. The list dereferences to a
/// slice, and converts from a `Vec`.
///
/// # Examples
///
/// ```
/// use fluvius_store::SmallList;
///
/// let mut versions: SmallList<u64> = SmallList::new();
/// versions.push(1);
/// versions.extend([2, 3]);
/// assert_eq!(versions.len(), 3);
/// assert_eq!(versions, SmallList::from(vec![1, 2, 3]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SmallList<T>(SmallVec<[T; 1]>);

impl<T> SmallList<T> {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self(SmallVec::new())
    }

    /// Appends an element.
    pub fn push(&mut self, element: T) {
        self.0.push(element);
    }

    /// Removes and returns the last element.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Inserts an element at an index.
    ///
    /// # Panics
    /// If the index is greater than the length.
    pub fn insert(&mut self, index: usize, element: T) {
        self.0.insert(index, element);
    }

    /// Removes and returns the element at an index.
    ///
    /// # Panics
    /// If the index is not less than the length.
    pub fn remove(&mut self, index: usize) -> T {
        self.0.remove(index)
    }

    /// Removes all elements from an index on.
    pub fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the elements for which the function returns true.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        self.0.retain(|element| is_kept(element));
    }

    /// Removes the elements of a range, and returns them.
    ///
    /// # Panics
    /// If the range is out of bounds.
    pub fn drain(&mut self, range: impl RangeBounds<usize>) -> impl Iterator<Item = T> {
        let drained: Drain<'_, [T; 1]> = self.0.drain(range);
        drained
    }
}

impl<T> Default for SmallList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SmallList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> Deref for SmallList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for SmallList<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> From<Vec<T>> for SmallList<T> {
    fn from(elements: Vec<T>) -> Self {
        Self(SmallVec::from_vec(elements))
    }
}

impl<T> FromIterator<T> for SmallList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

impl<T> Extend<T> for SmallList<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        self.0.extend(elements);
    }
}

impl<T> IntoIterator for SmallList<T> {
    type Item = T;
    type IntoIter = SmallListIntoIter<T>;

    fn into_iter(self) -> SmallListIntoIter<T> {
        SmallListIntoIter(self.0.into_iter())
    }
}

impl<'a, T> IntoIterator for &'a SmallList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> std::slice::Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut SmallList<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> std::slice::IterMut<'a, T> {
        self.iter_mut()
    }
}

/// The iterator over the elements of a [`SmallList`] by value.
#[derive(Debug)]
pub struct SmallListIntoIter<T>(IntoIter<[T; 1]>);

impl<T> Iterator for SmallListIntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for SmallListIntoIter<T> {
    fn next_back(&mut self) -> Option<T> {
        self.0.next_back()
    }
}

impl<T> ExactSizeIterator for SmallListIntoIter<T> {}
