//! What happens on a branch, given the states at its two ends: how often the family comes and goes, and when.
//!
//! States alternate, so the number of changes is the least that the ends ask for (0 or 1) plus two a return, and
//! gains and losses follow from the number of returns. Given that number the path is drawn by [`path`]. The draws are
//! exact, and their cost does not grow without bound however long the branch or however rare its ends:
//!
//! - up to [`PIECE`] expected points (the faster rate times the length) by inversion of the distribution ([`table`]);
//! - beyond, the branch is cut into pieces whose end states are drawn from the bridge, each as above;
//! - beyond [`MANY`] points most of the branch is drawn forward in one go, and kept with a probability that is never
//!   small ([`many`]); what is left is cut into pieces.

mod discrete;
mod many;
mod path;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use path::{TimePresent, change_times};

use super::chance::place;
use crate::kernel::transition;
use crate::parallel::Random;
use table::ReturnTable;

/// Expected points of a piece.
const PIECE: f64 = 32.0;
/// Expected points from which on a branch is drawn forward.
const MANY: f64 = 1024.0;

/// A branch and the two-state chain on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chain {
    /// Rate from 0 to 1.
    pub(crate) gain: f64,
    /// Rate from 1 to 0.
    pub(crate) loss: f64,
    pub(crate) length: f64,
}

impl Chain {
    /// Returns the expected points of uniformisation, the faster rate times the length.
    pub(crate) fn points(self) -> f64 {
        self.gain.max(self.loss) * self.length
    }

    /// Returns P(state below | state above) over a part of the length, at `[above][below]`.
    fn over(self, length: f64) -> [[f64; 2]; 2] {
        let [p00, p01, p10, p11] = transition(self.gain, self.loss, length);
        [[p00, p01], [p10, p11]]
    }
}

/// The number of returns on a branch, given its ends.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) chain: Chain,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Table(ReturnTable),
    Pieces,
    Forward,
}

impl Bridge {
    pub(crate) fn new(chain: Chain) -> Self {
        let points = chain.points();
        let never = chain.gain == 0.0 || chain.loss == 0.0;
        let way = if never || points <= PIECE {
            Way::Table(ReturnTable::new(chain))
        } else if points <= MANY || !many::reaches(chain) {
            Way::Pieces
        } else {
            Way::Forward
        };
        Self { chain, way }
    }

    /// Returns the probability that [`returns`](Self::returns) has to be asked; else there is no return.
    pub(crate) fn further(&self, above: usize, below: usize) -> f64 {
        match &self.way {
            Way::Table(table) => table.further(above, below),
            Way::Pieces | Way::Forward => 1.0,
        }
    }

    /// Draws the number of returns in a case that [`further`](Self::further) has picked.
    pub(crate) fn returns(&self, above: usize, below: usize, random: &mut Random) -> u64 {
        match &self.way {
            Way::Table(table) => table.returns(above, below, random),
            Way::Pieces => returns_of(in_pieces(self.chain, above, below, random)),
            Way::Forward => returns_of(many::changes(self.chain, above, below, random)),
        }
    }

    /// Draws the numbers of gains and losses between two states of which the one below can arise from that above.
    pub(crate) fn events(&self, above: usize, below: usize, random: &mut Random) -> [u64; 2] {
        let further = self.further(above, below);
        let asks = further > 0.0 && random.uniform() < further;
        let returns = if asks { self.returns(above, below, random) } else { 0 };
        [returns + u64::from(above < below), returns + u64::from(above > below)]
    }
}

/// Of the changes of a branch, one is no return if their number is odd.
fn returns_of(changes: u64) -> u64 {
    changes / 2
}

/// Draws the number of changes piece by piece.
fn in_pieces(chain: Chain, above: usize, below: usize, random: &mut Random) -> u64 {
    let n_pieces = (chain.points() / PIECE).ceil().max(1.0);
    let piece = Chain {
        length: chain.length / n_pieces,
        ..chain
    };
    let (bridge, here) = (Bridge::new(piece), chain.over(piece.length));
    let (mut changes, mut state, mut left) = (0, above, n_pieces);
    while left > 0.0 {
        left -= 1.0;
        let next = if left == 0.0 {
            below
        } else {
            let rest = chain.over(piece.length * left);
            let weights = [0, 1].map(|middle| here[state][middle] * rest[middle][below]);
            place(random, weights[0] + weights[1], weights.into_iter())
        };
        changes += bridge.events(state, next, random).iter().sum::<u64>();
        state = next;
    }
    changes
}
