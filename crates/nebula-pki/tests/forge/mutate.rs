//! Random changes, the same for the same seed.

/// xorshift64*, so that a seed gives the same inputs everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// One to eight small changes.
pub fn mutate(random: &mut Random, from: &[Vec<u8>]) -> Vec<u8> {
    const INTERESTING: [u8; 12] = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0xa0, b'-', b'\n'];
    let mut bytes = from[random.below(from.len())].clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next() as u8),
            2 => bytes.insert(at, INTERESTING[random.below(INTERESTING.len())]),
            3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            4 if at < bytes.len() => bytes[at] = INTERESTING[random.below(INTERESTING.len())],
            5 if at < bytes.len() => drop(bytes.remove(at)),
            6 => {
                let other = &from[random.below(from.len())];
                let cut = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[cut..]);
            }
            7 if at < bytes.len() => {
                let end = (at + 1 + random.below(16)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {}
        }
    }
    bytes.truncate(16_384);
    bytes
}

/// One byte changed, or two: what is left is often still read.
pub fn nudge(random: &mut Random, from: &[u8]) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        let bit = 1 << random.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if random.below(3) == 0 { random.next() as u8 } else { *byte ^ bit };
        }
    }
    bytes
}
