//! Reading and writing a random binary tree of a million tips: `cargo bench --bench newick [-- N_TIPS]`.

use persiste_rust::io::newick::{TreeOptions, parse, write};
use std::fmt::Write;
use std::time::{Duration, Instant};

const ROUNDS: usize = 10;

/// Pseudo-random numbers by xorshift (Marsaglia 2003, doi:10.18637/jss.v008.i14).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Returns Newick text of a tree split at random from the root down, with names in random order and lengths of 6 to
/// 10 decimals.
fn random_text(n_tips: usize) -> String {
    enum Part {
        Tips(usize),
        Mark(char),
        Length,
    }
    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut names: Vec<usize> = (0..n_tips).collect();
    for last in (1..n_tips).rev() {
        names.swap(last, numbers.below(last + 1));
    }
    let mut text = String::new();
    let mut parts = vec![Part::Mark(';'), Part::Tips(n_tips)];
    while let Some(part) = parts.pop() {
        match part {
            Part::Mark(mark) => text.push(mark),
            Part::Length => {
                let (length, decimals) = (numbers.below(10_000_000_000) as f64 / 1e11, 6 + numbers.below(5));
                write!(text, ":{length:.decimals$}").expect("a string takes all text");
            }
            Part::Tips(1) => {
                let name = names.pop().expect("one name a tip");
                write!(text, "taxon_{name}").expect("a string takes all text");
            }
            Part::Tips(n) => {
                let left = 1 + numbers.below(n - 1);
                text.push('(');
                let (comma, close) = (Part::Mark(','), Part::Mark(')'));
                parts.extend([
                    close,
                    Part::Length,
                    Part::Tips(n - left),
                    comma,
                    Part::Length,
                    Part::Tips(left),
                ]);
            }
        }
    }
    text
}

fn shortest<T>(mut work: impl FnMut() -> T) -> (T, Duration) {
    let mut best: Option<(T, Duration)> = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        if best.as_ref().is_none_or(|(_, shortest)| time < *shortest) {
            best = Some((result, time));
        }
    }
    best.expect("at least one round")
}

fn main() {
    let n_tips = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let text = random_text(n_tips);
    let read = || parse(&text, &TreeOptions::default()).expect("a valid tree").tree;
    let (tree, reading) = shortest(read);
    let (written, writing) = shortest(|| write(&tree, |_| None));
    assert_eq!(tree.n_tips(), n_tips);
    assert_eq!(
        parse(&written, &TreeOptions::default()).expect("a valid tree").tree,
        tree
    );
    println!(
        "{n_tips} tips, {} bytes, best of {ROUNDS}: read {reading:.3?}, write {writing:.3?}",
        text.len()
    );
}
