//! `GET /version`, the same call on both products.

use serde::Deserialize;

/// What a server says it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct Release {
    /// The whole version (`9.2.4`). PBS gives only the release here (`4.2`).
    pub version: String,
    /// The release (`9.2`; on PBS the third number).
    pub release: String,
    /// The commit it was built from.
    pub repository_id: String,
    /// First number of the version.
    pub major: u16,
    /// Second number of the version.
    pub minor: u16,
}

#[derive(Deserialize)]
struct Wire {
    version: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    repoid: String,
}

impl From<Wire> for Release {
    fn from(wire: Wire) -> Self {
        let mut numbers = wire.version.split(['.', '-']).map(|part| part.parse().unwrap_or_default());
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        Self { version: wire.version, release: wire.release, repository_id: wire.repoid, major, minor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_style() {
        for (version, expected) in
            [("9.2.4", (9, 2)), ("8.4", (8, 4)), ("4.2", (4, 2)), ("7.4-16", (7, 4)), ("x", (0, 0))]
        {
            let release: Release = crate::lenient::from_value(serde_json::json!({"version": version})).unwrap();
            assert_eq!((release.major, release.minor), expected, "{version}");
        }
    }
}
