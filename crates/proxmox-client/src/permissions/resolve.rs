//! The resolution itself.
//!
//! Roles: walk from `/` to the path. At each level the entries count that propagate, and on the last level all. Entries
//! of the token beat entries of the user beat those of all its groups together; whatever a level gives **replaces** what
//! came from above. `NoAccess` in the end result leaves nothing else. Rights follow from the roles; PVE adds the roles
//! that the subject has on pools which hold the guest or storage, and a separated token is cut to what its owner has.

use std::collections::BTreeMap;

use super::explain::{Evidence, Verdict};
use super::{Access, AclEntry, AclNode, AclSubject, Dialect, NO_ACCESS};
use crate::ids::{AclPath, AuthId};

/// Roles with their propagation flags.
pub type Roles<'a> = BTreeMap<&'a str, bool>;

/// The privileges on one path: which are granted, and which of them reach below it.
#[derive(Clone, Copy)]
pub struct Permissions<'a> {
    access: &'a Access,
    granted: u128,
    propagated: u128,
}

impl<'a> Permissions<'a> {
    /// Whether the privilege is granted.
    #[must_use]
    pub fn contains(&self, privilege: &str) -> bool {
        self.access.bit(privilege).is_some_and(|bit| self.granted & bit != 0)
    }

    /// Whether the privilege is granted here and on everything below.
    #[must_use]
    pub fn propagates(&self, privilege: &str) -> bool {
        self.access.bit(privilege).is_some_and(|bit| self.propagated & bit != 0)
    }

    /// Whether nothing is granted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.granted == 0
    }

    /// Every granted privilege in the product's order (alphabetical), with its propagation flag.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, bool)> {
        let (granted, propagated) = (self.granted, self.propagated);
        let names = self.access.privilege_names().iter().enumerate();
        names
            .filter(move |&(at, _)| granted & (1 << at) != 0)
            .map(move |(at, name)| (name.as_str(), propagated & (1 << at) != 0))
    }

    fn cut_to(self, owner: Self) -> Self {
        let granted = self.granted & owner.granted;
        Self { granted, propagated: granted & self.propagated & owner.propagated, ..self }
    }
}

impl std::fmt::Debug for Permissions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Permissions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Where a walk notes what it saw; nowhere when nobody asked why.
pub(super) type Notes<'n> = Option<&'n mut Vec<Evidence>>;

impl Access {
    /// The roles of `subject` on `path` that follow from the ACL alone: pools add nothing, and a separated token is not
    /// cut to its owner. For what it may do ask [`Self::permissions`].
    #[must_use]
    pub fn roles(&self, subject: &AuthId, path: &AclPath) -> Roles<'_> {
        self.walk(subject, path, &mut None)
    }

    /// What `subject` may do on `path`.
    #[must_use]
    pub fn permissions(&self, subject: &AuthId, path: &AclPath) -> Permissions<'_> {
        self.resolve(subject, path, &mut None)
    }

    /// Whether `subject` has all of `privileges` on `path`.
    #[must_use]
    pub fn allows(&self, subject: &AuthId, path: &AclPath, privileges: &[&str]) -> bool {
        let permissions = self.permissions(subject, path);
        privileges.iter().all(|privilege| permissions.contains(privilege))
    }

    /// Whose rights count for `subject`: the owner's for a token without separation, nobody's for a token that
    /// does not exist.
    pub(super) fn acting_as(&self, subject: &AuthId) -> Option<AuthId> {
        match (subject, self.dialect()) {
            (AuthId::User(_), _) | (AuthId::Token(_), Dialect::Pbs) => Some(subject.clone()),
            (AuthId::Token(id), Dialect::Pve) => {
                let token = self.token(id)?;
                Some(if token.privsep { subject.clone() } else { AuthId::User(id.user().clone()) })
            }
        }
    }

    pub(super) fn resolve(&self, subject: &AuthId, path: &AclPath, notes: &mut Notes<'_>) -> Permissions<'_> {
        let nothing = Permissions { access: self, granted: 0, propagated: 0 };
        let Some(subject) = self.acting_as(subject) else { return nothing };
        if subject.is_root_user() {
            let all = self.role_bits(self.dialect().superuser_role()).unwrap_or_default();
            return Permissions { granted: all, propagated: all, ..nothing };
        }
        let mut roles = self.walk(&subject, path, notes);
        if self.dialect() == Dialect::Pve {
            self.add_pool_roles(&mut roles, &subject, path, notes);
        }
        let (mut granted, mut propagated) = (0, 0);
        for (role, propagate) in roles {
            let set = self.role_bits(role).unwrap_or_default();
            granted |= set;
            propagated |= if propagate { set } else { 0 };
        }
        let own = Permissions { granted, propagated, ..nothing };
        match &subject {
            AuthId::Token(token) if !token.user().is_root() => {
                own.cut_to(self.resolve(&AuthId::User(token.user().clone()), path, &mut None))
            }
            _ => own,
        }
    }

    /// Rights on a pool count on its members too: added to the others, on exactly the member's path, never below it.
    fn add_pool_roles<'a>(&'a self, roles: &mut Roles<'a>, subject: &AuthId, path: &AclPath, notes: &mut Notes<'_>) {
        let mut from_pools: BTreeMap<&str, ()> = BTreeMap::new();
        let denied_before = roles.contains_key(NO_ACCESS);
        for pool in self.pools.bearing_on(path.as_str()) {
            let mut seen = notes.is_some().then(Vec::new);
            let pool_roles = self.walk(subject, &pool.acl_path(), &mut seen.as_mut());
            if let (Some(notes), Some(seen)) = (notes.as_deref_mut(), seen) {
                notes.extend(seen.into_iter().map(|mut evidence| {
                    evidence.via_pool = Some(pool.clone());
                    if denied_before && evidence.verdict == Verdict::Decides {
                        evidence.verdict = Verdict::BeatenByNoAccess;
                    }
                    evidence
                }));
            }
            from_pools.extend(pool_roles.into_keys().map(|role| (role, ())));
        }
        if denied_before || from_pools.is_empty() {
            return;
        }
        if from_pools.contains_key(NO_ACCESS) {
            *roles = Roles::from([(NO_ACCESS, false)]);
            for evidence in notes.iter_mut().flat_map(|notes| notes.iter_mut()) {
                if evidence.verdict == Verdict::Decides && evidence.entry.role != NO_ACCESS {
                    evidence.verdict = Verdict::BeatenByNoAccess;
                }
            }
        } else {
            for role in from_pools.into_keys() {
                roles.entry(role).or_insert(false);
            }
        }
    }

    /// The walk from `/` to `path`.
    fn walk<'a>(&'a self, subject: &AuthId, path: &AclPath, notes: &mut Notes<'_>) -> Roles<'a> {
        let Some(subject) = self.acting_as(subject) else { return Roles::new() };
        if subject.is_root_user() {
            return Roles::from([(self.dialect().superuser_role(), true)]);
        }
        let from = notes.as_ref().map_or(0, |notes| notes.len());
        let mut roles = Roles::new();
        for level in path.ancestors() {
            let Some(node) = self.node(level) else { continue };
            let last = level == path.as_str();
            let (own, by_groups) = self.at_node(node, &subject, level, last, notes);
            let chosen = if own.is_empty() { by_groups } else { own };
            if chosen.is_empty() {
                continue;
            }
            roles = chosen;
            // What stood further up is replaced.
            for evidence in notes.iter_mut().flat_map(|notes| notes.iter_mut().skip(from)) {
                if evidence.verdict == Verdict::Decides && evidence.entry.path.as_str() != level {
                    evidence.verdict = Verdict::ReplacedBelow;
                }
            }
        }
        if let Some(&propagate) = roles.get(NO_ACCESS) {
            for evidence in notes.iter_mut().flat_map(|notes| notes.iter_mut().skip(from)) {
                if evidence.verdict == Verdict::Decides && evidence.entry.role != NO_ACCESS {
                    evidence.verdict = Verdict::BeatenByNoAccess;
                }
            }
            return Roles::from([(NO_ACCESS, propagate)]);
        }
        roles
    }

    /// What the entries of one level give: those naming the subject, and those naming its groups.
    fn at_node<'a>(
        &self,
        node: &'a AclNode,
        subject: &AuthId,
        level: &str,
        last: bool,
        notes: &mut Notes<'_>,
    ) -> (Roles<'a>, Roles<'a>) {
        let mut note = |who: AclSubject, role: &str, propagate: bool, verdict: Verdict| {
            if let Some(notes) = notes.as_deref_mut() {
                let path = AclPath::from_trusted(level.to_owned());
                let entry = AclEntry { path, subject: who, role: role.to_owned(), propagate };
                notes.push(Evidence { entry, via_pool: None, verdict });
            }
        };
        let entries = match subject {
            AuthId::User(user) => node.users.get(user),
            AuthId::Token(token) => node.tokens.get(token),
        };
        let mut own = Roles::new();
        for (role, &propagate) in entries.into_iter().flatten() {
            let counts = propagate || last;
            if counts {
                own.insert(role, propagate);
            }
            let verdict = if counts { Verdict::Decides } else { Verdict::NotPropagated };
            note(subject.clone().into(), role, propagate, verdict);
        }
        let mut by_groups = Roles::new();
        let AuthId::User(user) = subject else { return (own, by_groups) };
        for (group, entries) in &node.groups {
            if !self.groups.get(group).is_some_and(|members| members.contains(user)) {
                continue;
            }
            for (role, &propagate) in entries {
                let counts = propagate || last;
                if counts {
                    *by_groups.entry(role).or_default() |= propagate;
                }
                let verdict = match (counts, own.is_empty()) {
                    (false, _) => Verdict::NotPropagated,
                    (true, true) => Verdict::Decides,
                    (true, false) => Verdict::HiddenByOwnEntry,
                };
                note(AclSubject::Group(group.clone()), role, propagate, verdict);
            }
        }
        (own, by_groups)
    }
}
