//! What a look at a server tells: is it there, what is it, what may its administrator not do, what stands open.

use time::{Duration, OffsetDateTime};

/// A server that answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The engine's version, as it says it.
    pub version: String,
    /// What the administrator would need and does not have. Empty: all that the adapter does can be done.
    pub missing_rights: Vec<Right>,
    /// The server's clock less ours, as of the middle of the round trip.
    pub clock_skew: Duration,
    /// Whether this session is encrypted, by the server's word.
    pub encrypted: bool,
    /// Databases that any user of the server may enter. Those made here are never among them.
    pub open_to_all: Vec<String>,
}

/// Something that the administrator of an instance needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// To make databases.
    CreateDatabase,
    /// To make users and set their passwords.
    CreateUser,
    /// To hand rights to users.
    Grant,
    /// To end other users' sessions.
    EndSessions,
    /// To see the sessions and sizes of all databases.
    ReadStatistics,
    /// To read and write what is in the tenants' databases, for copies and dumps.
    ReadAndWriteData,
}

impl Right {
    /// What it is for, in a message to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateDatabase => "create databases",
            Self::CreateUser => "create users",
            Self::Grant => "grant rights",
            Self::EndSessions => "end sessions",
            Self::ReadStatistics => "read statistics",
            Self::ReadAndWriteData => "read and write the tenants' data",
        }
    }
}

/// The server's clock less ours: its time is compared with the middle of the round trip.
pub fn clock_skew(sent: OffsetDateTime, server: OffsetDateTime, received: OffsetDateTime) -> Duration {
    server - (sent + (received - sent) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_measured_from_the_middle_of_the_round_trip() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let skew = clock_skew(start, start + Duration::seconds(5), start + Duration::seconds(2));
        assert_eq!(skew, Duration::seconds(4));
    }
}
