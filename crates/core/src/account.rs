//! An account's states and which change leads where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an account's tenants may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// Everything its rights allow.
    Active,
    /// Reads only; guests keep running.
    Suspended,
    /// Nothing at all.
    Disabled,
}

impl AccountStatus {
    /// The word in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }

    /// What asking for another state means: `suspend` of a disabled account is refused, since it would give rights back.
    pub fn to(self, wanted: AccountStatus) -> Transition {
        match (self, wanted) {
            (from, to) if from == to => Transition::InEffect,
            (Self::Disabled, Self::Suspended) => Transition::Refused,
            _ => Transition::Change,
        }
    }
}

impl fmt::Display for AccountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a request to change an account's state leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The state changes.
    Change,
    /// It is so already.
    InEffect,
    /// Not from here: enable first.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountStatus::{Active, Disabled, Suspended};

    #[test]
    fn suspending_a_disabled_account_is_refused_and_everything_else_is_idempotent() {
        assert_eq!(Disabled.to(Suspended), Transition::Refused);
        for state in [Active, Suspended, Disabled] {
            assert_eq!(state.to(state), Transition::InEffect);
        }
        for (from, to) in
            [(Active, Suspended), (Active, Disabled), (Suspended, Disabled), (Suspended, Active), (Disabled, Active)]
        {
            assert_eq!(from.to(to), Transition::Change);
        }
    }
}
