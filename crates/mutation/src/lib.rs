//! Small changes of kept inputs, the same for the same seed, for tests that feed parsers for a bounded time.
//!
//! A development dependency without a version: crates that stand alone are published without it. It knows nothing of what is fed: what a
//! format is made of comes from the test.

/// The longest input that is made, bytes.
const LONGEST: usize = 16 * 1024;

/// Numbers that look random (xorshift64*), so that a seed gives the same inputs everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed; 0 is taken as 1.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// Any number below this one; 0 for 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or_default();
        number % limit.max(1)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }

    /// One of these; nothing where there are none.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// One of the inputs with one to seven small changes. `pieces` are what such inputs are made of.
pub fn mutate(random: &mut Random, from: &[Vec<u8>], pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = random.one(from).cloned().unwrap_or_default();
    for _ in 0..=random.below(7) {
        change(random, &mut bytes, from, pieces);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, from: &[Vec<u8>], pieces: &[&[u8]]) {
    let at = random.below(bytes.len() + 1);
    let end = |bytes: &Vec<u8>, length: usize| (at + length).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => {
            let piece = random.one(pieces).copied().unwrap_or_default();
            bytes.splice(at..at, piece.iter().copied());
        }
        2 => {
            let piece = random.one(pieces).copied().unwrap_or_default();
            bytes.splice(at..end(bytes, piece.len()), piece.iter().copied());
        }
        3 => {
            let bit = 1 << random.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
        4 => drop(bytes.drain(at..end(bytes, 1))),
        5 => {
            let other = random.one(from).map(Vec::as_slice).unwrap_or_default();
            let rest = other.get(random.below(other.len() + 1)..).unwrap_or_default();
            bytes.truncate(at);
            bytes.extend_from_slice(rest);
        }
        6 => {
            let again = bytes.get(at..end(bytes, 1 + random.below(24))).unwrap_or_default().to_vec();
            bytes.splice(at..at, again);
        }
        _ => bytes.insert(at, random.byte()),
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Random, mutate};

    #[test]
    fn a_seed_gives_the_same_inputs_and_another_one_others() {
        let from = [b"one input".to_vec(), b"another".to_vec()];
        let made = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| mutate(&mut random, &from, &[b":", b"//"])).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
        assert!(made(7).iter().any(|input| input.windows(2).any(|pair| pair == b"//")), "pieces are put in");
    }

    #[test]
    fn anything_can_be_changed_and_nothing_grows_without_end() {
        let mut random = Random::new(0);
        let mut inputs = vec![Vec::new(), vec![b'x'; LONGEST]];
        for _ in 0..2000 {
            let made = mutate(&mut random, &inputs, &[]);
            assert!(made.len() <= LONGEST);
            inputs.push(made);
        }
        assert!(mutate(&mut random, &[], &[]).len() < 300);
    }
}
