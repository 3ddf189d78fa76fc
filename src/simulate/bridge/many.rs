//! The number of changes on a branch of very many points, at a cost that does not grow with them.
//!
//! The branch less its last part, over which the chain forgets where it was, is drawn forward, whatever state it ends
//! in; that is kept with a probability in proportion to the last part's leading from there to the state below. With
//! `exp(-(g + l) d) = exp(-2) pi`, d the length of the last part and pi the equilibrium frequency of the state below, at
//! least three draws in four are kept.
//!
//! Forward: the points of the faster rate are a Poisson number; at a point the state that is left faster always
//! changes, the other with probability p, the ratio of the rates. From the slower state every change takes its point
//! and the next, so that among N points N / 2 such trials always have room: their number of successes is binomial, the
//! points that remain are treated likewise, and few times halve any number.

use super::discrete::{binomial, poisson};
use super::{Chain, in_pieces};
use crate::parallel::Random;

/// Expected points, beyond the two last parts, from which on it is worth it.
const ROOM: f64 = 1024.0;

/// Returns the length of the part over which the chain forgets, so that it may end as `below`.
fn last_part(chain: Chain, below: usize) -> f64 {
    let total = chain.gain + chain.loss;
    let towards = if below == 1 { chain.gain } else { chain.loss };
    (2.0 + total.ln() - towards.ln()) / total
}

/// Returns whether the branch is so long.
pub(super) fn reaches(chain: Chain) -> bool {
    let longest = last_part(chain, 0).max(last_part(chain, 1));
    (chain.gain + chain.loss) * (chain.length - 2.0 * longest) > ROOM
}

/// Draws the number of changes between two states.
pub(super) fn changes(chain: Chain, above: usize, below: usize, random: &mut Random) -> u64 {
    let last = Chain {
        length: last_part(chain, below),
        ..chain
    };
    let arrives = [0, 1].map(|state| last.over(last.length)[state][below]);
    let greatest = arrives[0].max(arrives[1]);
    let forward = Chain {
        length: chain.length - last.length,
        ..chain
    };
    loop {
        let (changes, state) = forward_changes(forward, above, random);
        if random.uniform() * greatest < arrives[state] {
            return changes + in_pieces(last, state, below, random);
        }
    }
}

/// Draws the number of changes and the state they lead to.
fn forward_changes(chain: Chain, above: usize, random: &mut Random) -> (u64, usize) {
    let fast = usize::from(chain.loss > chain.gain);
    let p = (chain.gain / chain.loss).min(chain.loss / chain.gain);
    let mut points = poisson(chain.points(), random);
    let mut changes = 0;
    if above == fast && points > 0 {
        points -= 1;
        changes += 1;
    } else if above == fast {
        return (0, fast);
    }
    while points > 1 {
        let trials = points / 2;
        let successes = binomial(trials, p, random);
        points -= trials + successes;
        changes += 2 * successes;
    }
    if points == 1 && random.uniform() < p {
        return (changes + 1, fast);
    }
    (changes, 1 - fast)
}
