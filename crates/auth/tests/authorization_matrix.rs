//! Every access against every kind of caller, standing and verb: the rules of `access`, written out a second time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::Arc;

use bnna_auth::{
    Access, Denied, Grant, Operator, OperatorSource, Principal, Question, Standing, Tenant, Verb, asks_standing,
    authorize,
};
use uuid::Uuid;

fn operator(roles: &[&str]) -> Option<Arc<Principal>> {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    Some(Arc::new(Principal::Operator(Operator::new("ops~QSY6rqTE", "ops", &roles, OperatorSource::Csvauth))))
}

fn pve_root() -> Option<Arc<Principal>> {
    Some(Arc::new(Principal::Operator(Operator::pve_root("root@pam!bnpd", "pve1"))))
}

fn tenant(slug: &str) -> Option<Arc<Principal>> {
    Some(Arc::new(Principal::Tenant(Tenant {
        token_id: Uuid::nil(),
        account_id: Uuid::nil(),
        account_slug: slug.to_owned(),
        role_id: None,
        label: "ci".to_owned(),
        subject: None,
        expires_at: None,
    })))
}

fn ask(
    access: Access,
    verb: Verb,
    account: Option<&str>,
    standing: Option<Standing>,
    principal: Option<Arc<Principal>>,
) -> Result<Grant, Denied> {
    authorize(&Question { access, verb, credentials: false, account, standing }, principal)
}

const VERBS: [Verb; 2] = [Verb::Read, Verb::Write];
const STANDINGS: [Option<Standing>; 4] =
    [Some(Standing::Active), Some(Standing::Suspended), Some(Standing::Disabled), None];

/// The path's account for an access: account routes name one, the others may.
fn account_of(access: Access) -> Option<&'static str> {
    matches!(access, Access::AccountRead | Access::AccountWrite).then_some("acme")
}

#[test]
fn without_a_credential_only_public_routes_answer() {
    for access in Access::ALL {
        for verb in VERBS {
            for standing in STANDINGS {
                let got = ask(access, verb, account_of(access), standing, None).map(drop);
                let want = if access == Access::Public { Ok(()) } else { Err(Denied::Forbidden) };
                assert_eq!(got, want, "{access:?} {verb:?} {standing:?}");
            }
        }
    }
}

#[test]
fn a_full_operator_does_everything_but_change_an_account_that_is_not_active() {
    for principal in [operator(&[]), operator(&["admin"]), operator(&["viewer", "admin"]), pve_root()] {
        for access in Access::ALL {
            for verb in VERBS {
                for standing in STANDINGS {
                    let got = ask(access, verb, account_of(access), standing, principal.clone()).map(drop);
                    let want = match (access, standing) {
                        (Access::AccountWrite, Some(Standing::Suspended)) => Err(Denied::AccountSuspended),
                        (Access::AccountWrite, Some(Standing::Disabled)) => Err(Denied::AccountDisabled),
                        _ => Ok(()),
                    };
                    assert_eq!(got, want, "{access:?} {verb:?} {standing:?}");
                }
            }
        }
    }
}

#[test]
fn a_read_only_operator_reads_and_nothing_else() {
    for principal in [operator(&["viewer"]), operator(&["readonly", "audit"])] {
        for access in Access::ALL {
            for verb in VERBS {
                for standing in STANDINGS {
                    let got = ask(access, verb, account_of(access), standing, principal.clone()).map(drop);
                    let reads = verb == Verb::Read
                        && matches!(access, Access::AnyCredential | Access::OperatorRead | Access::AccountRead);
                    let want = if access == Access::Public || reads { Ok(()) } else { Err(Denied::Forbidden) };
                    assert_eq!(got, want, "{access:?} {verb:?} {standing:?}");
                }
            }
        }
    }
}

#[test]
fn a_read_only_operator_never_sees_credentials() {
    let question =
        Question { access: Access::OperatorRead, verb: Verb::Read, credentials: true, account: None, standing: None };
    assert_eq!(authorize(&question, operator(&["viewer"])).map(drop), Err(Denied::Forbidden));
    assert!(authorize(&question, operator(&["admin"])).is_ok());
}

#[test]
fn a_standing_that_is_not_asked_for_decides_nothing() {
    let principals = [None, operator(&[]), operator(&["viewer"]), pve_root(), tenant("acme"), tenant("umbrella")];
    for principal in principals {
        for access in Access::ALL {
            for verb in VERBS {
                let mut answers: Vec<_> = STANDINGS
                    .map(|standing| ask(access, verb, account_of(access), standing, principal.clone()).map(drop))
                    .into();
                answers.dedup();
                let decides = answers.len() > 1;
                assert!(!decides || asks_standing(access, principal.as_deref()), "{access:?} {verb:?} {principal:?}");
            }
        }
    }
    assert!(asks_standing(Access::AccountRead, tenant("acme").as_deref()));
    assert!(!asks_standing(Access::AccountRead, operator(&[]).as_deref()), "a read of an operator's costs no look-up");
}

#[test]
fn a_tenant_reaches_its_own_account_and_nothing_else() {
    for access in Access::ALL {
        for verb in VERBS {
            for standing in STANDINGS {
                for (slug, account) in
                    [("acme", account_of(access)), ("other", account_of(access)), ("acme", Some("acme"))]
                {
                    let got = ask(access, verb, account, standing, tenant(slug)).map(drop);
                    let want = match (access, account) {
                        (Access::Public, _) => Ok(()),
                        (Access::OperatorRead | Access::Operator, _) | (Access::AnyCredential, Some(_)) => {
                            Err(Denied::Forbidden)
                        }
                        (Access::AccountRead | Access::AccountWrite, Some(account)) if account != slug => {
                            Err(Denied::WrongAccount)
                        }
                        _ => match standing {
                            Some(Standing::Active) => Ok(()),
                            Some(Standing::Suspended) if access == Access::AccountWrite || verb == Verb::Write => {
                                Err(Denied::AccountSuspended)
                            }
                            Some(Standing::Suspended) => Ok(()),
                            Some(Standing::Disabled) => Err(Denied::AccountDisabled),
                            None => Err(Denied::Forbidden),
                        },
                    };
                    assert_eq!(got, want, "{access:?} {verb:?} {standing:?} {slug} on {account:?}");
                }
            }
        }
    }
}

#[test]
fn a_token_with_a_role_may_nothing_while_nobody_knows_what_roles_may() {
    let with_role = || {
        let Some(Principal::Tenant(known)) = tenant("acme").as_deref().cloned() else { panic!("a tenant") };
        Some(Arc::new(Principal::Tenant(Tenant { role_id: Some(Uuid::nil()), ..known })))
    };
    let active = Some(Standing::Active);
    for (access, verb) in [(Access::AccountRead, Verb::Read), (Access::AccountWrite, Verb::Write)] {
        assert_eq!(ask(access, verb, Some("acme"), active, with_role()).map(drop), Err(Denied::NoRole));
        assert_eq!(ask(access, verb, Some("other"), active, with_role()).map(drop), Err(Denied::WrongAccount));
    }
    assert!(ask(Access::AnyCredential, Verb::Read, None, active, with_role()).is_ok());
}

#[test]
fn an_account_route_without_an_account_denies_everybody() {
    for access in [Access::AccountRead, Access::AccountWrite] {
        for principal in [operator(&[]), operator(&["viewer"]), tenant("acme"), None] {
            assert_eq!(
                ask(access, Verb::Read, None, Some(Standing::Active), principal).map(drop),
                Err(Denied::Forbidden)
            );
        }
    }
}

#[test]
fn handles_reach_no_further_than_their_grant() {
    let active = Standing::Active;
    let read = ask(Access::AccountRead, Verb::Read, Some("acme"), Some(active), tenant("acme")).unwrap();
    assert_eq!(read.may_read("acme", active).unwrap().account(), "acme");
    assert_eq!(read.may_read("other", active).unwrap_err(), Denied::WrongAccount);
    assert_eq!(read.may_read("acme", Standing::Disabled).unwrap_err(), Denied::AccountDisabled);
    assert_eq!(read.may_write("acme", active).unwrap_err(), Denied::Forbidden);
    assert!(read.may_operate().is_err() && read.may_oversee().is_err());

    let write = ask(Access::AccountWrite, Verb::Write, Some("acme"), Some(active), tenant("acme")).unwrap();
    assert_eq!(write.may_write("acme", active).unwrap().account(), "acme");
    assert_eq!(write.may_write("acme", Standing::Suspended).unwrap_err(), Denied::AccountSuspended);
    assert_eq!(write.may_write("other", active).unwrap_err(), Denied::WrongAccount);

    let operate = ask(Access::Operator, Verb::Write, None, None, operator(&[])).unwrap();
    assert!(operate.may_operate().is_ok() && operate.may_oversee().is_ok());
    assert!(operate.may_write("any", active).is_ok());
    assert_eq!(operate.may_write("any", Standing::Suspended).unwrap_err(), Denied::AccountSuspended);
    assert!(operate.may_read("any", Standing::Disabled).is_ok());

    let oversee = ask(Access::OperatorRead, Verb::Read, None, None, operator(&["viewer"])).unwrap();
    assert!(oversee.may_oversee().is_ok() && oversee.may_read("any", active).is_ok());
    assert!(oversee.may_operate().is_err() && oversee.may_write("any", active).is_err());

    let public = ask(Access::Public, Verb::Read, None, None, operator(&[])).unwrap();
    assert!(public.may_oversee().is_err() && public.may_read("any", active).is_err());
    let any = ask(Access::AnyCredential, Verb::Read, None, Some(active), tenant("acme")).unwrap();
    assert!(any.may_read("acme", active).is_err());
}
