//! Checkpoints of a gradient: how many results it holds at a time.
//!
//! A gradient needs the results of all joins in reverse order. Where together they leave the caches, they are not all
//! kept: joins are divided into segments, only results that a later segment needs are kept, and a segment is computed
//! again before its derivatives are.

use super::build::ClassJoin;
use super::joins::{Joins, Operand};
use crate::kernel::dispatch::Pair;
use std::ops::Range;

/// How many bytes of results are held at a time.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Held {
    /// So many, if that is all.
    pub(in crate::kernel) all: usize,
    /// Else so many, unless a single join has more.
    pub(in crate::kernel) segment: usize,
}

/// What a core's share of the third-level cache, and what its second-level cache has room for.
pub(super) const HELD: Held = Held {
    all: 4 << 20,
    segment: 1 << 20,
};

/// Divides the joins of a stretch into segments and marks the results that later ones need.
pub(super) fn segments(joins: &Joins, classes: &mut [ClassJoin], held: Held) -> Vec<Range<usize>> {
    let bytes = |join: &ClassJoin| join.n_classes * size_of::<Pair>();
    let total: usize = classes.iter().map(bytes).sum();
    let most = if total <= held.all { total } else { held.segment };
    let mut segments = Vec::with_capacity(total / most.max(1) + 1);
    let (mut start, mut size) = (0, 0);
    for (number, join) in classes.iter().enumerate() {
        if size > 0 && size + bytes(join) > most {
            segments.push(start..number);
            (start, size) = (number, 0);
        }
        size += bytes(join);
    }
    segments.push(start..classes.len());
    let mut n_kept = 0;
    classes.iter_mut().for_each(|join| join.kept = None);
    for segment in &segments {
        for join in &joins.list[segment.clone()] {
            for operand in [join.left, join.right] {
                if let Operand::Join(below) = operand
                    && (below as usize) < segment.start
                {
                    classes[below as usize].kept = Some(n_kept);
                    n_kept += 1;
                }
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::classes::build::Pairing;
    use crate::kernel::classes::joins::Join;

    fn join(number: u32, left: Operand, right: Operand) -> Join {
        Join {
            left,
            right,
            climbs: Some(number),
            slot: number,
        }
    }

    fn classes(n_classes: usize) -> ClassJoin {
        ClassJoin {
            pairing: Pairing::Single,
            swapped: false,
            n_classes,
            kept: None,
        }
    }

    #[test]
    fn few_results_are_one_segment_and_many_keep_what_later_ones_need() {
        let tip = |tip| Operand::Tip { tip, node: tip };
        let joins = Joins {
            list: vec![
                join(0, tip(0), tip(1)),
                join(1, tip(2), tip(3)),
                join(2, Operand::Join(1), tip(4)),
                join(3, Operand::Join(0), Operand::Join(2)),
            ],
            n_slots: 4,
        };
        let held = |all| Held { all, segment: 1000 };
        let mut classes: Vec<_> = (0..4).map(|_| classes(40)).collect();
        let whole = segments(&joins, &mut classes, held(4 * 40 * 16));
        assert_eq!((whole.len(), whole[0].clone()), (1, 0..4));
        assert!(classes.iter().all(|join| join.kept.is_none()));
        // A join has 640 bytes, so that two do not share a segment.
        assert_eq!(segments(&joins, &mut classes, held(0)), [0..1, 1..2, 2..3, 3..4]);
        let kept: Vec<Option<u32>> = classes.iter().map(|join| join.kept).collect();
        assert_eq!(kept, [Some(1), Some(0), Some(2), None]);
    }
}
