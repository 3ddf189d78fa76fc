//! A tree from bare parent indices, in whatever order its nodes are numbered.

use super::{NO_PARENT, Names, Tree};
use crate::error::TreeError;

impl Tree {
    /// Builds a tree whose nodes `0..n_tips` are the tips, from each node's parent (-1 for the root).
    ///
    /// Nodes may be numbered in any order otherwise. Returned are the tree, its tips named by their old numbers, and
    /// for each of its tips (Newick order) the old number, `[n_tips]`.
    ///
    /// # Errors
    /// [`TreeError`] for a parent that is no node, no or several roots, a cycle, a tip with children, an internal
    /// node without any, or a length that is negative or not finite.
    pub fn from_parents(parent: &[i32], branch_length: &[f64], n_tips: usize) -> Result<(Self, Vec<u32>), TreeError> {
        let n_nodes = parent.len();
        if branch_length.len() != n_nodes {
            return Err(TreeError::ArrayLengths {
                parents: n_nodes,
                lengths: branch_length.len(),
                names: n_nodes,
            });
        }
        if n_tips == 0 || n_tips > n_nodes {
            return Err(TreeError::TipCount { n_tips, n_nodes });
        }
        let (root, start, children) = children_of(parent)?;
        let order = post_order(root, &start, &children);
        if order.len() != n_nodes {
            return Err(TreeError::Cycle {
                reached: order.len(),
                n_nodes,
            });
        }
        let mut number = vec![0_u32; n_nodes];
        for (new, &old) in order.iter().enumerate() {
            number[old as usize] = new as u32;
            if (start[old as usize] == start[old as usize + 1]) != ((old as usize) < n_tips) {
                return Err(TreeError::TipNumbering {
                    node: old as usize,
                    n_tips,
                });
            }
        }
        let above = |old: u32| u32::try_from(parent[old as usize]).map_or(NO_PARENT, |above| number[above as usize]);
        let names: Names = order
            .iter()
            .map(|&old| {
                if (old as usize) < n_tips {
                    old.to_string()
                } else {
                    String::new()
                }
            })
            .collect();
        let tree = Self::new(
            order.iter().map(|&old| above(old)).collect(),
            order
                .iter()
                .map(|&old| {
                    if old as usize == root {
                        0.0
                    } else {
                        branch_length[old as usize]
                    }
                })
                .collect(),
            names,
        )?;
        let tips = order.into_iter().filter(|&old| (old as usize) < n_tips).collect();
        Ok((tree, tips))
    }
}

fn children_of(parent: &[i32]) -> Result<(usize, Vec<u32>, Vec<u32>), TreeError> {
    let n_nodes = parent.len();
    let mut root = None;
    let mut start = vec![0_u32; n_nodes + 1];
    for (node, &above) in parent.iter().enumerate() {
        match usize::try_from(above) {
            Ok(above) if above < n_nodes && above != node => start[above + 1] += 1,
            Err(_) if above == -1 && root.is_none() => root = Some(node),
            _ => {
                return Err(TreeError::Parent {
                    node,
                    found: above,
                    n_nodes,
                });
            }
        }
    }
    let root = root.ok_or(TreeError::NoRoot)?;
    for node in 0..n_nodes {
        start[node + 1] += start[node];
    }
    let mut next = start.clone();
    let mut children = vec![0_u32; n_nodes - 1];
    for (node, &above) in parent.iter().enumerate() {
        if let Ok(above) = usize::try_from(above) {
            children[next[above] as usize] = node as u32;
            next[above] += 1;
        }
    }
    Ok((root, start, children))
}

fn post_order(root: usize, start: &[u32], children: &[u32]) -> Vec<u32> {
    let mut order = Vec::with_capacity(start.len() - 1);
    let mut open = vec![root as u32];
    // Parents before children, last child first; reversed, that is post-order.
    while let Some(node) = open.pop() {
        order.push(node);
        open.extend_from_slice(&children[start[node as usize] as usize..start[node as usize + 1] as usize]);
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_in_any_order_give_the_tree() {
        // Tips 0, 1, 2; root 3; node 4 above tips 0 and 2.
        let (tree, tips) = Tree::from_parents(&[4, 3, 4, -1, 3], &[1.0, 2.0, 3.0, 9.0, 5.0], 3).unwrap();
        let names: Vec<&str> = tree.tip_names().collect();
        let by_number: Vec<String> = tips.iter().map(u32::to_string).collect();
        assert_eq!(names, by_number);
        let of = |name: &str| tree.tips()[names.iter().position(|tip| *tip == name).unwrap()] as usize;
        assert_eq!(tree.branch_lengths()[of("2")], 3.0);
        assert_eq!(tree.parents()[of("0")], tree.parents()[of("2")]);
        assert_eq!(tree.branch_lengths()[tree.parents()[of("0")] as usize], 5.0);
        assert_eq!(tree.branch_lengths()[tree.root()], 0.0);
    }

    #[test]
    fn arrays_that_are_no_tree_are_refused() {
        let refused =
            |parent: &[i32], n_tips| Tree::from_parents(parent, &vec![1.0; parent.len()], n_tips).unwrap_err();
        assert_eq!(
            refused(&[2, 2, 7], 2),
            TreeError::Parent {
                node: 2,
                found: 7,
                n_nodes: 3
            }
        );
        assert_eq!(
            refused(&[2, 2, -1, -1], 2),
            TreeError::Parent {
                node: 3,
                found: -1,
                n_nodes: 4
            }
        );
        assert_eq!(refused(&[1, 2, 0], 1), TreeError::NoRoot);
        assert_eq!(
            refused(&[2, 2, -1, 4, 3], 2),
            TreeError::Cycle { reached: 3, n_nodes: 5 }
        );
        assert_eq!(refused(&[2, 2, -1], 1), TreeError::TipNumbering { node: 1, n_tips: 1 });
    }
}
