//! Lists in pieces: from where, how many, and what comes next. The cursor is the natural key of the last item shown, so
//! that rows added or deleted between two pages neither repeat nor hide others.

/// The most rows that one listing returns, whatever was asked.
pub(crate) const MOST: u32 = 100_000;

/// Which piece of a list is wanted. The default is the whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<K> {
    /// Only what comes after this key in the order of the list.
    pub after: Option<K>,
    /// At most so many; never more than 100,000.
    pub limit: Option<u32>,
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { after: None, limit: None }
    }
}

impl<K> Window<K> {
    /// The whole list, up to the bound of one listing.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The first `limit` rows.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit: Some(limit) }
    }

    /// The next `limit` rows after `key`.
    #[must_use]
    pub fn next(key: K, limit: u32) -> Self {
        Self { after: Some(key), limit: Some(limit) }
    }

    pub(crate) fn bound(&self) -> u32 {
        self.limit.unwrap_or(MOST).clamp(1, MOST)
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// The key to continue after; `None` when the list ends here.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// From one row more than asked for: the surplus row only tells that there is a next page.
    pub(crate) fn cut(mut items: Vec<T>, bound: u32, key: impl Fn(&T) -> K) -> Self {
        let bound = bound as usize;
        let more = items.len() > bound;
        items.truncate(bound);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}
