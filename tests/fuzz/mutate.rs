//! Small changes of kept inputs, the same for the same seed.

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit.max(1)
    }
}

/// What headers, tables, requests and settings are made of.
const PIECES: [&str; 32] = [
    ":",
    "/",
    "//",
    "..",
    "%2f",
    "%00",
    "?",
    "&",
    "=",
    "\t",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "[[",
    ",",
    " ",
    "0",
    "-1",
    "99999999999999999999",
    "null",
    "ä",
    "\0",
    "Bearer ",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: x\r\n",
];

/// The longest input, bytes.
const LONGEST: usize = 8192;

/// One to six small changes of one of them.
pub fn mutate(random: &mut Random, from: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = from[random.below(from.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => {
                let other = &from[random.below(from.len())];
                let cut = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[cut..]);
            }
            5 if at < bytes.len() => {
                let end = (at + 1 + random.below(24)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
