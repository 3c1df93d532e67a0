//! `?dry_run=1` of every call that changes something. The query of such a call is looked through here, for handlers that take
//! none too: a misspelt `dry_run` must not become the real thing.

use axum::extract::Request;
use axum::http::Uri;

use crate::error::ApiError;
use crate::extract::query_pairs;
use crate::routes::RouteInfo;

/// The parameter.
pub(crate) const DRY_RUN: &str = "dry_run";

/// Whether a call is to be tried only; takes the parameter out of its address.
pub(crate) fn dry_run(route: &RouteInfo, request: &mut Request) -> Result<bool, ApiError> {
    let (uri, asked) = split(request.uri(), &route.query)?;
    *request.uri_mut() = uri;
    Ok(asked)
}

/// The address without the parameter, and whether it was on. Parameters that the route does not have are refused.
fn split(uri: &Uri, known: &[String]) -> Result<(Uri, bool), ApiError> {
    let Some(query) = uri.query() else { return Ok((uri.clone(), false)) };
    let (mut asked, mut rest) = (None, Vec::new());
    for (pair, name, value) in query_pairs(query)? {
        match name.as_str() {
            DRY_RUN => asked = Some(flag(&value)?),
            known_name if known.iter().any(|known| known == known_name) => rest.push(pair),
            unknown => return Err(ApiError::unknown_in_query(unknown)),
        }
    }
    let Some(asked) = asked else { return Ok((uri.clone(), false)) };
    let path = uri.path();
    let address = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let address = address.parse().map_err(|_| ApiError::bad_request("the query cannot be read"))?;
    Ok((address, asked))
}

fn flag(value: &str) -> Result<bool, ApiError> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(ApiError::invalid(DRY_RUN, "dry_run must be true, false, 1 or 0")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::split;

    #[test]
    fn the_parameter_is_taken_out_and_nothing_unknown_passes() {
        let known = ["force".to_owned()];
        let ask = |uri: &'static str| {
            split(&Uri::from_static(uri), &known)
                .map(|(uri, asked)| (uri.to_string(), asked))
                .map_err(|e| e.code.word())
        };
        assert_eq!(ask("/x"), Ok(("/x".to_owned(), false)));
        assert_eq!(ask("/x?force=1"), Ok(("/x?force=1".to_owned(), false)));
        assert_eq!(ask("/x?dry_run=1"), Ok(("/x".to_owned(), true)));
        assert_eq!(ask("/x?force=%31&dry_run=true"), Ok(("/x?force=%31".to_owned(), true)));
        assert_eq!(ask("/x?dry%5Frun=1&force=1"), Ok(("/x?force=1".to_owned(), true)));
        assert_eq!(ask("/x?dry_run=0"), Ok(("/x".to_owned(), false)));
        for (uri, code) in [
            ("/x?dryrun=1", "unknown_field"),
            ("/x?dry_run", "invalid_dry_run"),
            ("/x?dry_run=yes", "invalid_dry_run"),
            ("/x?dry_run=1&dry_run=1", "bad_request"),
            ("/x?force=%zz", "bad_request"),
        ] {
            assert_eq!(ask(uri), Err(code.to_owned()), "{uri}");
        }
    }
}
