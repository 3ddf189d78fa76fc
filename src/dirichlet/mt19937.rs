//! The Mersenne Twister, whose stream decides the first labels of the soft k-means.
//!
//! Source: Matsumoto and Nishimura 1998, doi:10.1145/272991.272995, with the seeding of 2002. The choice of a label is
//! the one of GSL's `gsl_rng_uniform_int`, so that a seed gives the labels it gives in R's DirichletMultinomial.

const N: usize = 624;
const M: usize = 397;

/// A generator of 32-bit words; the words are those of NumPy's `RandomState(seed)`.
#[derive(Debug, Clone)]
pub struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// Returns the generator of a seed; 0 stands for 4357, as in GSL.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut state = [0; N];
        state[0] = if seed == 0 { 4357 } else { seed };
        for i in 1..N {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    /// Returns the next word.
    pub fn word(&mut self) -> u32 {
        if self.next == N {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// Returns a number below `n`, each equally likely; `n` is at least 1.
    pub fn below(&mut self, n: u32) -> u32 {
        let scale = u32::MAX / n;
        loop {
            let drawn = self.word() / scale;
            if drawn < n {
                return drawn;
            }
        }
    }

    /// Returns a number in [0, 1), a multiple of 2^-32.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.word()) / 4_294_967_296.0
    }
}
