//! Replacing CAs: whom to sign with, whom to sign again, what can go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use nebula_pki::{
    Authority, AuthorityError, CaRequest, Certificate, HostRequest, LifePolicy, ReissueReason, Timestamp, TrustBundle,
    VerifyError,
};

const DAY: i64 = 86_400;
const START: Timestamp = Timestamp::from_unix(1_795_000_000);
const POLICY: LifePolicy = LifePolicy { overlap: DAY, host_lifetime: 90 * DAY, renew_before: 30 * DAY };

fn day(number: i64) -> Timestamp {
    START.plus(number * DAY)
}

fn ca(name: &str, from: i64) -> Authority {
    Authority::create(&CaRequest::new(name, day(from), day(from + 365))).unwrap()
}

fn host(ca: &Authority, name: &str, from: i64) -> Certificate {
    let mut request = HostRequest::new(name, ["10.42.0.7/16".parse().unwrap()]);
    request.not_after = Some(day(from + 90));
    ca.issue(&request, day(from)).unwrap().certificate
}

fn bundle(cas: &[&Authority]) -> TrustBundle {
    let mut bundle = TrustBundle::new();
    for ca in cas {
        bundle.add(ca.certificate().clone()).unwrap();
    }
    bundle
}

#[test]
fn a_bundle_has_the_same_bytes_in_whatever_order_it_was_filled() {
    let (old, new) = (ca("old", 0), ca("new", 10));
    let text = bundle(&[&old, &new]).to_pem();
    assert_eq!(text, bundle(&[&new, &old, &new]).to_pem());
    assert_eq!(TrustBundle::from_pem(text.as_bytes()).unwrap(), bundle(&[&old, &new]));
    assert!(text.starts_with(&old.certificate().to_pem()), "oldest first");
}

#[test]
fn a_bundle_takes_self_signed_cas_only() {
    let ca = ca("lab", 0);
    let host = host(&ca, "web1", 0);
    assert!(matches!(TrustBundle::new().add(host.clone()), Err(AuthorityError::NotCa(_))));
    assert!(TrustBundle::from_pem(host.to_pem().as_bytes()).is_err());
    let mut bundle = bundle(&[&ca]);
    assert!(bundle.remove(ca.fingerprint()) && !bundle.remove(ca.fingerprint()));
}

#[test]
fn a_new_ca_signs_only_after_the_overlap() {
    let (old, new) = (ca("old", 0), ca("new", 100));
    let both = bundle(&[&old, &new]);
    let signer = |now| both.signer(now, &POLICY).map(Certificate::fingerprint);
    assert_eq!(signer(day(99)), Some(old.fingerprint()), "the new one has not begun");
    assert_eq!(signer(day(100)), Some(old.fingerprint()));
    assert_eq!(signer(day(101).plus(-1)), Some(old.fingerprint()));
    assert_eq!(signer(day(101)), Some(new.fingerprint()));
    assert_eq!(signer(day(366)), Some(new.fingerprint()), "the old one ended");
    assert_eq!(signer(day(466)), None);
    assert_eq!(bundle(&[&new]).signer(day(100), &POLICY).map(Certificate::fingerprint), Some(new.fingerprint()));
}

#[test]
fn hosts_of_both_cas_verify_while_both_are_trusted() {
    let (old, new) = (ca("old", 0), ca("new", 100));
    let (first, second) = (host(&old, "web1", 50), host(&new, "web2", 101));
    let both = bundle(&[&old, &new]).pool().unwrap();
    both.verify(&first, day(101)).unwrap();
    both.verify(&second, day(101)).unwrap();
    let after = bundle(&[&new]).pool().unwrap();
    assert!(matches!(after.verify(&first, day(101)), Err(VerifyError::UnknownIssuer { .. })));
}

#[test]
fn hosts_are_signed_again_before_they_end_soonest_first() {
    let ca = ca("lab", 0);
    let hosts = [host(&ca, "late", 20), host(&ca, "soon", 5), host(&ca, "also", 5)];
    let plan = bundle(&[&ca]).plan(&hosts, day(21), &POLICY).unwrap();
    let due: Vec<_> = plan.reissue.iter().map(|next| (next.name.to_string(), next.due)).collect();
    assert_eq!(due, [("also".into(), day(65)), ("soon".into(), day(65)), ("late".into(), day(80))]);
    assert!(plan.reissue.iter().all(|next| matches!(next.reason, ReissueReason::Ends { .. })));
}

#[test]
fn a_host_of_the_replaced_ca_is_signed_again_at_once_and_holds_the_old_ca_until_then() {
    let (old, new) = (ca("old", 0), ca("new", 100));
    let both = bundle(&[&old, &new]);
    let web = host(&old, "web1", 90);
    let before = both.plan(std::slice::from_ref(&web), day(100), &POLICY).unwrap();
    assert!(matches!(before.reissue[0].reason, ReissueReason::Ends { .. }), "still the old CA's turn");
    assert!(before.retire.is_empty(), "neither the signer nor the one that waits");
    let plan = both.plan(std::slice::from_ref(&web), day(102), &POLICY).unwrap();
    let reason = ReissueReason::CaReplaced { issuer: old.fingerprint(), signer: new.fingerprint() };
    assert_eq!((plan.reissue[0].due, &plan.reissue[0].reason), (day(102), &reason));
    assert!(plan.retire.is_empty());
    let done = both.plan(&[host(&new, "web1", 102)], day(102), &POLICY).unwrap();
    assert_eq!(done.retire, [old.fingerprint()]);
}

#[test]
fn refused_and_expired_hosts_are_signed_again_at_once() {
    let (ours, theirs) = (ca("ours", 0), ca("theirs", 0));
    let hosts = [host(&ours, "ended", 0), host(&theirs, "stranger", 80)];
    let plan = bundle(&[&ours]).plan(&hosts, day(95), &POLICY).unwrap();
    assert!(plan.reissue.iter().all(|next| next.due == day(95)));
    assert!(matches!(plan.reissue[0].reason, ReissueReason::Refused(VerifyError::Expired { .. })));
    assert!(matches!(plan.reissue[1].reason, ReissueReason::Refused(VerifyError::UnknownIssuer { .. })));
}

#[test]
fn the_next_ca_is_due_while_the_present_one_can_still_give_hosts_their_full_life() {
    let ca = ca("lab", 0);
    let plan = bundle(&[&ca]).plan(&[], day(0), &POLICY).unwrap();
    assert_eq!(plan.next_ca_due, Some(day(365 - 90 - 1)));
    let ended = bundle(&[&ca]).plan(&[], day(366), &POLICY).unwrap();
    assert_eq!((ended.signer, ended.next_ca_due, ended.retire), (None, None, vec![ca.fingerprint()]));
}

#[test]
fn what_ends_is_listed_soonest_first() {
    let ca = ca("lab", 0);
    let plan = bundle(&[&ca]).plan(&[host(&ca, "b", 20), host(&ca, "a", 0)], day(30), &POLICY).unwrap();
    let ends: Vec<_> = plan.expiries.iter().map(|end| (end.name.to_string(), end.not_after, end.is_ca)).collect();
    assert_eq!(ends, [("a".into(), day(90), false), ("b".into(), day(110), false), ("lab".into(), day(365), true)]);
}
