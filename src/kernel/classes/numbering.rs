//! Numbers for distinct pairs of classes, in the order in which they are first seen.

/// Pairs of classes up to which a direct table finds them; more go through a hash table.
const DIRECT: usize = 1 << 17;
/// No class yet.
const NONE: u16 = u16::MAX;

/// Finds pairs of classes again.
pub(super) struct Numbering {
    /// The number of each pair, where all possible pairs are few; `NONE` for all of them between two joins.
    direct: Box<[u16; DIRECT]>,
    hashed: Vec<u16>,
    /// Left and right class of each number.
    pub(super) firsts: Vec<[u16; 2]>,
}

/// Where the pairs of one join are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// In a table of all possible pairs, so many to a left class.
    Direct { stride: u32 },
    /// In a hash table of `1 << bits` places.
    Hashed { bits: u32 },
}

impl Numbering {
    pub(super) fn new() -> Self {
        let direct: Box<[u16]> = vec![NONE; DIRECT].into();
        let Ok(direct) = direct.try_into() else {
            unreachable!("it has this length")
        };
        Self {
            direct,
            hashed: Vec::new(),
            firsts: Vec::new(),
        }
    }

    /// Begins a join of sides with so many classes in which at most `most` pairs occur.
    pub(super) fn begin(&mut self, n_left: usize, n_right: usize, most: usize) -> Way {
        self.firsts.clear();
        if n_left * n_right <= DIRECT {
            return Way::Direct { stride: n_right as u32 };
        }
        let bits = (2 * most).next_power_of_two().trailing_zeros().max(1);
        self.hashed.clear();
        self.hashed.resize(1 << bits, NONE);
        Way::Hashed { bits }
    }

    /// Returns the number of a pair where the table is direct.
    #[inline(always)]
    pub(super) fn directly(&mut self, stride: u32, pair: [u16; 2]) -> u16 {
        // The remainder changes nothing: it tells the compiler that no check is needed.
        let place = (u32::from(pair[0]) * stride + u32::from(pair[1])) as usize % DIRECT;
        if self.direct[place] == NONE {
            self.direct[place] = self.add(pair);
        }
        self.direct[place]
    }

    /// Returns the number of a pair where the table is hashed.
    #[inline(always)]
    pub(super) fn by_hash(&mut self, bits: u32, pair: [u16; 2]) -> u16 {
        let key = u32::from(pair[0]) << 16 | u32::from(pair[1]);
        let mask = (1_usize << bits) - 1;
        // Fibonacci hashing: the high bits of the product are the mixed ones.
        let mut place = (key.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize;
        loop {
            let entry = self.hashed[place];
            if entry == NONE {
                let number = self.add(pair);
                self.hashed[place] = number;
                return number;
            }
            if self.firsts[entry as usize] == pair {
                return entry;
            }
            place = (place + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, pair: [u16; 2]) -> u16 {
        self.firsts.push(pair);
        self.firsts.len() as u16 - 1
    }

    /// Ends a join: forgets its pairs, at a cost that is theirs.
    pub(super) fn end(&mut self, way: Way) {
        if let Way::Direct { stride } = way {
            for pair in &self.firsts {
                self.direct[(u32::from(pair[0]) * stride + u32::from(pair[1])) as usize % DIRECT] = NONE;
            }
        }
    }
}
