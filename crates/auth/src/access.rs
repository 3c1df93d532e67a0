//! Who may do what: one pure function, deny by default. Suspension and disabling are decided here and nowhere else.
//!
//! A route states its [`Access`]; [`authorize`] turns a principal and the state of the account in question into a
//! [`Grant`] or a [`Denied`]. A grant is proof: only this module makes one, and only a grant makes the handles
//! ([`MayRead`], [`MayWrite`], [`MayOperate`]) that look-ups and use cases ask for, so a forgotten check does not compile.

use std::sync::Arc;

use crate::principal::Principal;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// Anybody, without a credential.
    Public,
    /// Anybody with a valid credential.
    AnyCredential,
    /// Operators, also read-only ones when the call only reads.
    OperatorRead,
    /// Operators that are not read-only.
    Operator,
    /// Tokens of the account in the path, also while it is suspended; operators as for [`Access::OperatorRead`].
    AccountRead,
    /// Tokens of the account in the path while it is active; operators that are not read-only, while it is active.
    AccountWrite,
}

impl Access {
    /// Every access, from the widest to the narrowest.
    pub const ALL: [Self; 6] =
        [Self::Public, Self::AnyCredential, Self::OperatorRead, Self::Operator, Self::AccountRead, Self::AccountWrite];

    /// The word for it in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::AnyCredential => "any-credential",
            Self::OperatorRead => "operator-read",
            Self::Operator => "operator",
            Self::AccountRead => "account-read",
            Self::AccountWrite => "account-write",
        }
    }
}

/// What an account's status means for its callers: active reads and writes, suspended reads only, disabled nothing for its own
/// tokens and reads for operators.
pub use bnna_core::AccountStatus as Standing;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It changes nothing (GET and HEAD).
    Read,
    /// It may change something.
    Write,
}

/// What is asked: the route's access, what the call does, and the account of the path with its standing.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The route's access.
    pub access: Access,
    /// What the call does.
    pub verb: Verb,
    /// Whether the route hands out or takes in credentials (`/credentials`, `/impersonate`): never for read-only operators.
    pub credentials: bool,
    /// The account named in the path, if the route has one.
    pub account: Option<&'a str>,
    /// The standing of that account, or of the tenant's own where the path names none; nothing if there is no such account.
    pub standing: Option<Standing>,
}

/// Why a known caller is not allowed. Each has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// This kind of caller may not call this.
    #[error("this credential may not do that")]
    Forbidden,
    /// A tenant's token on another account's routes.
    #[error("this token is for another account")]
    WrongAccount,
    /// The account is suspended and the call writes.
    #[error("the account is suspended: it can be read, not changed")]
    AccountSuspended,
    /// The account is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The account gives the caller no role.
    #[error("no role of the account fits this caller")]
    NoRole,
    /// The feature is switched off in this installation.
    #[error("this is not enabled here")]
    NotEnabled,
}

impl Denied {
    /// The stable word for it in error bodies.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::WrongAccount => "wrong_account",
            Self::AccountSuspended => "account_suspended",
            Self::AccountDisabled => "account_disabled",
            Self::NoRole => "no_role",
            Self::NotEnabled => "not_enabled",
        }
    }
}

/// Proof that a call was authorised, and for whom. Only [`authorize`] makes one.
#[derive(Debug, Clone)]
pub struct Grant {
    access: Access,
    account: Option<String>,
    principal: Option<Arc<Principal>>,
}

/// Proof that the caller may read one account. Only a [`Grant`] makes one.
#[derive(Debug, Clone)]
pub struct MayRead {
    account: String,
}

/// Proof that the caller may change one account, which is active. Only a [`Grant`] makes one.
#[derive(Debug, Clone)]
pub struct MayWrite {
    account: String,
}

/// Proof that the caller is an operator that is not read-only, on a route for such. Only a [`Grant`] makes one.
#[derive(Debug, Clone)]
pub struct MayOperate(());

/// Proof that the caller is an operator. Only a [`Grant`] makes one.
#[derive(Debug, Clone)]
pub struct MayOversee(());

/// Whether a decision depends on how the account stands. What it does not depend on need not be looked up: an operator may look at
/// an account whatever its standing, a tenant's token is never worth more than its account.
#[must_use]
pub fn asks_standing(access: Access, principal: Option<&Principal>) -> bool {
    match principal {
        None => false,
        Some(Principal::Operator(_)) => access == Access::AccountWrite,
        Some(Principal::Tenant(_)) => true,
    }
}

/// Decides a call. `principal` is nothing for a caller without a credential.
///
/// # Errors
/// Why not. A caller without a credential is denied everything but [`Access::Public`]; the façade answers it 401 before.
pub fn authorize(question: &Question<'_>, principal: Option<Arc<Principal>>) -> Result<Grant, Denied> {
    match (question.access, principal.as_deref()) {
        (Access::Public, _) => {}
        (_, None) => return Err(Denied::Forbidden),
        (access, Some(Principal::Operator(operator))) => {
            if operator.read_only {
                let may_look = matches!(access, Access::AnyCredential | Access::OperatorRead | Access::AccountRead);
                if !may_look || question.verb != Verb::Read || question.credentials {
                    return Err(Denied::Forbidden);
                }
            }
            if matches!(access, Access::AccountRead | Access::AccountWrite) && question.account.is_none() {
                return Err(Denied::Forbidden);
            }
            if access == Access::AccountWrite {
                // An account that does not exist is told by the look-up behind, with 404.
                question.standing.map_or(Ok(()), must_be_active)?;
            }
        }
        (access, Some(Principal::Tenant(tenant))) => {
            match (access, question.account) {
                (Access::AnyCredential, None) => {}
                (Access::AccountRead | Access::AccountWrite, Some(account)) if account == tenant.account_slug => {}
                (Access::AccountRead | Access::AccountWrite, Some(_)) => return Err(Denied::WrongAccount),
                _ => return Err(Denied::Forbidden),
            }
            match question.standing {
                None => return Err(Denied::Forbidden),
                Some(Standing::Disabled) => return Err(Denied::AccountDisabled),
                Some(Standing::Suspended) if access == Access::AccountWrite => return Err(Denied::AccountSuspended),
                // A route that states too little must still not let a suspended account write.
                Some(Standing::Suspended) if question.verb == Verb::Write => return Err(Denied::AccountSuspended),
                Some(Standing::Active | Standing::Suspended) => {}
            }
            // What a role may is not known here: a token that names one may ask who it is, and nothing else.
            if tenant.role_id.is_some() && access != Access::AnyCredential {
                return Err(Denied::NoRole);
            }
        }
    }
    Ok(Grant { access: question.access, account: question.account.map(str::to_owned), principal })
}

fn must_be_active(standing: Standing) -> Result<(), Denied> {
    match standing {
        Standing::Active => Ok(()),
        Standing::Suspended => Err(Denied::AccountSuspended),
        Standing::Disabled => Err(Denied::AccountDisabled),
    }
}

impl Grant {
    /// What daemon-internal work (resuming an operation, garbage collection on a timer) acts under: full operator rights
    /// without a caller. Never made from a request.
    #[must_use]
    pub fn internal() -> Self {
        Self { access: Access::Operator, account: None, principal: None }
    }

    /// The caller; nothing on public routes without a credential, and for internal work.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_deref()
    }

    /// The access of the route that was authorised.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// The account named in the path.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Proof of reading an account with this slug and standing: the account of the path, or any for an operator.
    ///
    /// # Errors
    /// The grant does not reach to that account, or the account is disabled and the caller is its tenant.
    pub fn may_read(&self, account: &str, standing: Standing) -> Result<MayRead, Denied> {
        self.reaches(account, standing)?;
        Ok(MayRead { account: account.to_owned() })
    }

    /// Proof of changing an account with this slug and standing. Ask with the standing as it is now, in the transaction that
    /// writes: it may have changed since the route was authorised.
    ///
    /// # Errors
    /// The route was not authorised for writing, the grant does not reach to that account, or it is not active.
    pub fn may_write(&self, account: &str, standing: Standing) -> Result<MayWrite, Denied> {
        if !matches!(self.access, Access::Operator | Access::AccountWrite) {
            return Err(Denied::Forbidden);
        }
        self.reaches(account, standing)?;
        must_be_active(standing)?;
        Ok(MayWrite { account: account.to_owned() })
    }

    /// Proof of acting as a full operator, for what is not one account's or stays open while an account is suspended
    /// (lifecycle, settings, repair, deletion).
    ///
    /// # Errors
    /// The route was not [`Access::Operator`].
    pub fn may_operate(&self) -> Result<MayOperate, Denied> {
        if self.access == Access::Operator { Ok(MayOperate(())) } else { Err(Denied::Forbidden) }
    }

    /// Proof of looking at everything as an operator.
    ///
    /// # Errors
    /// The route was neither [`Access::OperatorRead`] nor [`Access::Operator`].
    pub fn may_oversee(&self) -> Result<MayOversee, Denied> {
        if matches!(self.access, Access::OperatorRead | Access::Operator) {
            Ok(MayOversee(()))
        } else {
            Err(Denied::Forbidden)
        }
    }

    fn reaches(&self, account: &str, standing: Standing) -> Result<(), Denied> {
        match (self.access, self.principal.as_deref()) {
            (Access::Operator | Access::OperatorRead, _) => Ok(()),
            (Access::AccountRead | Access::AccountWrite, Some(principal)) => {
                if self.account.as_deref() != Some(account) {
                    return Err(Denied::WrongAccount);
                }
                match principal {
                    Principal::Operator(_) => Ok(()),
                    Principal::Tenant(tenant) if tenant.account_slug != account => Err(Denied::WrongAccount),
                    Principal::Tenant(_) if standing == Standing::Disabled => Err(Denied::AccountDisabled),
                    Principal::Tenant(_) => Ok(()),
                }
            }
            _ => Err(Denied::Forbidden),
        }
    }
}

impl MayRead {
    /// The account's slug.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl MayWrite {
    /// The account's slug.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Who may change may look.
    #[must_use]
    pub fn and_read(&self) -> MayRead {
        MayRead { account: self.account.clone() }
    }
}

impl MayOperate {
    /// Who may operate may look at everything.
    #[must_use]
    pub fn and_oversee(&self) -> MayOversee {
        MayOversee(())
    }
}
