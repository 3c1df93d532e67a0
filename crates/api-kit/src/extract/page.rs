//! Paging of lists: `?limit=` and an opaque `?cursor=`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::ApiError;

/// Most entries of a page.
const MAX_LIMIT: u32 = 1000;

/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 1024;

/// The paging parameters of a list; [`PagedQuery`](super::PagedQuery) reads them beside the filters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Most entries of the answer, 1 to 1000. Without it the list is complete, or as long as its route says.
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}

/// Where a page begins: the key of the last entry of the page before, opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor after an entry with this key.
    pub fn after(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key of the last entry of the page before.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The text that clients get.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// 400 `invalid_cursor`.
    pub fn decode(text: &str) -> Result<Self, ApiError> {
        let bytes = (text.len() <= MAX_CURSOR).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        key.map(Self).ok_or_else(|| ApiError::invalid("cursor", "cursor: not one that was given out"))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(|_| serde::de::Error::custom("not one that was given out"))
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl Page {
    /// Cuts a list that is sorted by `key` to this page, and gives the cursor of the next one.
    pub fn cut<T>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        let after = self.cursor.as_ref().map(Cursor::key);
        let mut rest = items.into_iter().skip_while(|item| after.is_some_and(|after| key(item).as_str() <= after));
        let Some(limit) = self.limit else { return (rest.collect(), None) };
        let page: Vec<T> = rest.by_ref().take(limit as usize).collect();
        let next = rest.next().and_then(|_| page.last()).map(|last| Cursor::after(key(last)).encode());
        (page, next)
    }
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let limit = Option::<u32>::deserialize(deserializer)?;
    match limit {
        Some(limit) if !(1..=MAX_LIMIT).contains(&limit) => {
            Err(serde::de::Error::custom(format!("must be 1 to {MAX_LIMIT}")))
        }
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Page};

    #[test]
    fn pages_follow_each_other_and_the_last_has_no_cursor() {
        let items: Vec<u32> = (10..15).collect();
        let key = |item: &u32| item.to_string();
        let mut page = Page { limit: Some(2), cursor: None };
        let mut seen = Vec::new();
        loop {
            let (part, next) = page.cut(items.clone(), key);
            assert!(part.len() <= 2);
            seen.extend(part);
            let Some(next) = next else { break };
            page.cursor = Some(Cursor::decode(&next).unwrap());
        }
        assert_eq!(seen, items);
        assert_eq!(Page::default().cut(items.clone(), key), (items, None));
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_refused() {
        assert!(Cursor::decode("***").is_err());
        assert!(Cursor::decode(&"A".repeat(4000)).is_err());
        assert_eq!(Cursor::decode(&Cursor::after("1104209/pve1").encode()).unwrap().key(), "1104209/pve1");
    }
}
