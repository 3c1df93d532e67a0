//! Signatures over bytes: Ed25519, and ECDSA over P-256 with SHA-256 in ASN.1.

use ed25519_dalek::{Verifier as _, VerifyingKey};
use p256::ecdsa::Signature as EcdsaSignature;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::certificate::Curve;

/// Whether the signature fits; keys and signatures of the wrong length do not. Both forms of an ECDSA signature pass,
/// as they do in every Nebula.
pub(crate) fn verify(curve: Curve, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match curve {
        Curve::Curve25519 => verify_ed25519(public_key, message, signature),
        Curve::P256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key).verify(message, signature).is_ok(),
        Curve::Unknown(_) => false,
    }
}

fn verify_ed25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    // Not the strict variant: Nebula's verification (Go's) takes keys of low order, and so must this.
    let Ok(public_key) = <&[u8; 32]>::try_from(public_key) else { return false };
    let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
    VerifyingKey::from_bytes(public_key).is_ok_and(|key| key.verify(message, &signature).is_ok())
}

/// The other ECDSA signature that the same key and message have: `s` for `n - s`. `None` if this is no signature.
pub(crate) fn other_form(signature: &[u8]) -> Option<Vec<u8>> {
    let signature = EcdsaSignature::from_der(signature).ok()?;
    let (r, s) = signature.split_scalars();
    let other = EcdsaSignature::from_scalars(*r, -*s).ok()?;
    Some(other.to_der().as_bytes().to_vec())
}
