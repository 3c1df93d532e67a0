//! From what a use case gave to an answer.

use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use bnna_api_kit::{Answer, Page};
use bnna_platform::operations::Accepted;
use bnna_platform::views::Listing;
use bnna_platform::{Page as Rows, Run};
use serde::Serialize;

use crate::request::Key;

/// What an operation led to, or its id while it goes on.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome<T> {
    /// It is done.
    Done(T),
    /// It goes on.
    Accepted(Accepted),
}

/// The answer to a call that became an operation: `done` once that is over, else 202 with its id and where to look.
pub(crate) fn ran<T: Serialize>(
    run: Run<T>,
    done: impl FnOnce(Outcome<T>) -> Answer<Outcome<T>>,
) -> Answer<Outcome<T>> {
    let operation_id = match run {
        Run::Done(result) => return done(Outcome::Done(result)),
        Run::Accepted(operation_id) => operation_id,
    };
    let answer = Answer::accepted(Outcome::Accepted(Accepted { operation_id }));
    match HeaderValue::from_str(&format!("/api/platform/operations/{operation_id}")) {
        Ok(place) => answer.with_header(LOCATION, place),
        Err(_) => answer,
    }
}

/// A page of a list that the store cut.
pub(crate) fn rows<T: Serialize, K: Key>(rows: Rows<T, K>) -> Answer<Vec<T>> {
    let next = rows.next.map(|key| bnna_api_kit::Cursor::after(key.write()).encode());
    Answer::ok(rows.items).with_next_cursor(next)
}

/// A page of a list that came whole from the clusters, sorted by `key`; the clusters that are missing from it are named.
pub(crate) fn listed<T: Serialize>(listing: Listing<T>, page: &Page, key: impl Fn(&T) -> String) -> Answer<Vec<T>> {
    let (items, next) = page.cut(listing.items, key);
    Answer::ok(items).with_next_cursor(next).with_warnings(listing.warnings)
}

/// The key of something on a cluster. A blank sorts before every character of a host, as the end of a host does.
pub(crate) fn on_cluster(cluster: &str, rest: impl std::fmt::Display) -> String {
    format!("{cluster} {rest}")
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::http::header::LOCATION;
    use axum::response::IntoResponse as _;
    use bnna_api_kit::Answer;
    use bnna_platform::Run;
    use uuid::Uuid;

    use super::{on_cluster, ran};

    #[test]
    fn work_that_goes_on_is_202_with_where_to_look_and_work_that_is_done_is_what_it_led_to() {
        let goes_on = ran(Run::<u32>::Accepted(Uuid::nil()), Answer::created).into_response();
        assert_eq!(goes_on.status(), StatusCode::ACCEPTED);
        let place = format!("/api/platform/operations/{}", Uuid::nil());
        assert_eq!(goes_on.headers().get(LOCATION).unwrap(), place.as_str());
        let done = ran(Run::Done(7), Answer::created).into_response();
        assert_eq!((done.status(), done.headers().get(LOCATION)), (StatusCode::CREATED, None));
    }

    #[test]
    fn keys_of_things_on_clusters_sort_as_clusters_and_numbers_do() {
        let sorted = [("a", 9), ("a", 10), ("a-b", 1), ("a.b", 1), ("a.b:8006", 1), ("b", 1)];
        let keys: Vec<String> =
            sorted.iter().map(|(host, vmid)| on_cluster(host, format_args!("{vmid:010}"))).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(sorted.is_sorted());
    }
}
