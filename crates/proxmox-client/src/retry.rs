//! What may be tried again, as a function of when the call failed and what it does. Nothing else decides.

use crate::call::Method;
use crate::error::Class;

/// What may be done with a failed call without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Sending it again, to this or another address, cannot do anything twice.
    SendAgain,
    /// It may have been done. Look first.
    LookFirst,
    /// The server has decided; the same again gives the same.
    TakeTheAnswer,
}

/// What may be done with a call of `method` that failed in `class`.
///
/// Only reading is repeated after a request may have been sent: PUT and DELETE are idempotent on paper, but a task
/// started by one would be started twice.
#[must_use]
pub const fn decide(class: Class, method: Method) -> Decision {
    match (class, method) {
        (Class::NeverSent, _) | (Class::MaybeSent, Method::Get) => Decision::SendAgain,
        (Class::MaybeSent, Method::Post | Method::Put | Method::Delete) => Decision::LookFirst,
        (Class::Answered, _) => Decision::TakeTheAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        use Class::{Answered, MaybeSent, NeverSent};
        use Decision::{LookFirst, SendAgain, TakeTheAnswer};
        let table = [
            (NeverSent, Method::Get, SendAgain),
            (NeverSent, Method::Post, SendAgain),
            (NeverSent, Method::Put, SendAgain),
            (NeverSent, Method::Delete, SendAgain),
            (MaybeSent, Method::Get, SendAgain),
            (MaybeSent, Method::Post, LookFirst),
            (MaybeSent, Method::Put, LookFirst),
            (MaybeSent, Method::Delete, LookFirst),
            (Answered, Method::Get, TakeTheAnswer),
            (Answered, Method::Post, TakeTheAnswer),
            (Answered, Method::Put, TakeTheAnswer),
            (Answered, Method::Delete, TakeTheAnswer),
        ];
        for (class, method, expected) in table {
            assert_eq!(decide(class, method), expected, "{class:?} {method}");
        }
    }
}
