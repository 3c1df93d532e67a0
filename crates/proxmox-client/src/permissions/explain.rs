//! Why: the entries that decided, and those that might have but did not.

use std::fmt;

use super::{Access, AclEntry, Dialect, Permissions};
use crate::ids::{AclPath, AuthId, PoolId};

/// What became of one ACL entry on the way to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its role counts.
    Decides,
    /// It stands above the path and does not propagate.
    NotPropagated,
    /// A deeper path has an entry for the subject, which replaces it.
    ReplacedBelow,
    /// It names a group, and the same path has an entry that names the user itself.
    HiddenByOwnEntry,
    /// `NoAccess` leaves nothing beside it.
    BeatenByNoAccess,
}

/// One ACL entry that names the subject, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The entry.
    pub entry: AclEntry,
    /// The pool through which it bears on the path, when it does so through one.
    pub via_pool: Option<PoolId>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What a subject may do on a path, and what that follows from.
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    /// Who asks.
    pub subject: AuthId,
    /// Where.
    pub path: AclPath,
    /// The answer.
    pub permissions: Permissions<'a>,
    /// Whether the subject has everything because it is, or acts as, `root@pam`.
    pub superuser: bool,
    /// Whether the subject is a token that does not exist.
    pub unknown_token: bool,
    /// The entries that name the subject, or its owner when it acts as that, from `/` down, pools last.
    pub evidence: Vec<Evidence>,
    /// For a separated token: the same question about its owner, which limits the answer.
    pub limited_by: Option<Box<Explanation<'a>>>,
}

impl Explanation<'_> {
    /// The entries that grant `privilege` (before a token is cut to its owner).
    pub fn granting<'e>(&'e self, access: &'e Access, privilege: &'e str) -> impl Iterator<Item = &'e Evidence> {
        let holds = move |role: &str| {
            access.bit(privilege).zip(access.role_bits(role)).is_some_and(|(bit, set)| set & bit != 0)
        };
        self.evidence.iter().filter(move |evidence| evidence.verdict == Verdict::Decides && holds(&evidence.entry.role))
    }

    /// One sentence on why `privilege` is or is not granted.
    #[must_use]
    pub fn why(&self, access: &Access, privilege: &str) -> String {
        let (who, path) = (&self.subject, &self.path);
        if self.unknown_token {
            return format!("{who} does not exist");
        }
        if self.superuser {
            return format!("{who} has every privilege: it acts as root@pam");
        }
        let grants: Vec<String> = self.granting(access, privilege).map(ToString::to_string).collect();
        if self.permissions.contains(privilege) {
            return format!("{who} has {privilege} on {path}: {}", grants.join("; "));
        }
        if let (false, Some(owner)) = (grants.is_empty(), &self.limited_by) {
            return format!(
                "{who} is given {privilege} on {path} ({}), but it is limited to its owner: {}",
                grants.join("; "),
                owner.why(access, privilege)
            );
        }
        let denied = self.evidence.iter().find(|e| e.verdict == Verdict::Decides && e.entry.role == super::NO_ACCESS);
        if let Some(denied) = denied {
            return format!("{who} has nothing on {path}: {denied}");
        }
        if self.evidence.is_empty() {
            return format!("{who} lacks {privilege} on {path}: no entry names it there or above");
        }
        let seen: Vec<String> = self.evidence.iter().map(ToString::to_string).collect();
        format!("{who} lacks {privilege} on {path}: {}", seen.join("; "))
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AclEntry { path, subject, role, propagate } = &self.entry;
        write!(f, "{role} for {subject} on {path}{}", if *propagate { "" } else { " (not propagating)" })?;
        if let Some(pool) = &self.via_pool {
            write!(f, " through pool {pool}")?;
        }
        f.write_str(match self.verdict {
            Verdict::Decides => "",
            Verdict::NotPropagated => ", which does not reach below its path",
            Verdict::ReplacedBelow => ", replaced by an entry further down",
            Verdict::HiddenByOwnEntry => ", hidden by an entry for the user itself",
            Verdict::BeatenByNoAccess => ", beaten by NoAccess",
        })
    }
}

impl Access {
    /// What `subject` may do on `path`, with the entries that it follows from.
    #[must_use]
    pub fn explain(&self, subject: &AuthId, path: &AclPath) -> Explanation<'_> {
        let mut evidence = Vec::new();
        let permissions = self.resolve(subject, path, &mut Some(&mut evidence));
        let acting_as = self.acting_as(subject);
        let limited_by = match &acting_as {
            Some(AuthId::Token(token)) if self.dialect() == Dialect::Pbs || !token.user().is_root() => {
                Some(Box::new(self.explain(&AuthId::User(token.user().clone()), path)))
            }
            _ => None,
        };
        Explanation {
            subject: subject.clone(),
            path: path.clone(),
            permissions,
            superuser: acting_as.as_ref().is_some_and(AuthId::is_root_user),
            unknown_token: acting_as.is_none(),
            evidence,
            limited_by,
        }
    }
}
