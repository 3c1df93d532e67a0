//! Changes of sound bytes.

use bnna_mutation::Random;

/// What certificates and keys are made of.
pub const PIECES: [&[u8]; 12] =
    [&[0x00], &[0x01], &[0x7f], &[0x80], &[0x81], &[0x82], &[0x84], &[0xff], &[0x30], &[0xa0], b"-", b"\n"];

/// One byte changed, or two: what is left is often still read.
pub fn nudge(random: &mut Random, from: &[u8]) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        let bit = 1 << random.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if random.below(3) == 0 { random.byte() } else { *byte ^ bit };
        }
    }
    bytes
}
