//! Conversion to and from `phylotree::tree::Tree`, for programs that already hold such trees.
//!
//! Links the GPL-3.0 crate `phylotree`, so a build with this feature is under its licence too. The conversions use an
//! explicit stack; several of that crate's own methods recurse and overflow on deep trees.

use crate::error::TreeError;
use crate::problem::{NO_PARENT, Names, Tree};
use phylotree::tree::{Node, NodeId, Tree as PhyloTree, TreeError as PhyloTreeError};

/// A `phylotree` tree that cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum PhylotreeError {
    /// No node, or only deleted ones.
    #[error("the phylotree tree has no root")]
    NoRoot,
    /// More than one node without a parent.
    #[error("the phylotree tree has more than one root: nodes {first} and {second}")]
    SeveralRoots {
        /// The root with the lowest id.
        first: NodeId,
        /// The next one.
        second: NodeId,
    },
    /// A node that the links from the root do not meet exactly once.
    #[error("node {node} of the phylotree tree is not the child of exactly one node")]
    NotATree {
        /// Its id.
        node: NodeId,
    },
    /// A branch without a length.
    #[error("the branch above node {node} ('{name}') of the phylotree tree has no length")]
    MissingLength {
        /// Id of the node below.
        node: NodeId,
        /// Its name; empty if it has none.
        name: String,
    },
    /// A link to a node that does not exist, found by that crate.
    #[error("phylotree: {0}")]
    Phylotree(#[from] PhyloTreeError),
    /// The tree breaks a promise of [`Tree`].
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Returns the same tree as `phylotree` holds it; the root comes first and children keep their order.
///
/// Unnamed nodes have no name there, and a root of length 0 has no length.
///
/// # Errors
/// [`PhylotreeError::Phylotree`] if that crate refuses a link, which it does for no tree known.
pub fn to_phylotree(tree: &Tree) -> Result<PhyloTree, PhylotreeError> {
    let node_of = |node: usize| match tree.names().get(node) {
        "" => Node::new(),
        name => Node::new_named(name),
    };
    let mut converted = PhyloTree::new();
    let mut root = node_of(tree.root());
    root.parent_edge = Some(tree.branch_lengths()[tree.root()]).filter(|&length| length > 0.0);
    let root = converted.add(root);
    let mut ids = vec![root; tree.n_nodes()];
    let mut stack: Vec<u32> = tree.children(tree.root()).iter().rev().copied().collect();
    while let Some(node) = stack.pop() {
        let node = node as usize;
        let above = ids[tree.parents()[node] as usize];
        ids[node] = converted.add_child(node_of(node), above, Some(tree.branch_lengths()[node]))?;
        stack.extend(tree.children(node).iter().rev());
    }
    Ok(converted)
}

/// Returns a tree that `phylotree` holds as a [`Tree`]; children keep their order.
///
/// Names are taken as they stand: that crate keeps the quotes of a quoted label.
///
/// # Errors
/// [`PhylotreeError`] for a tree without exactly one root, links that do not form a tree, a branch other than the
/// root's without a length, or what [`Tree::new`] refuses.
pub fn from_phylotree(tree: &PhyloTree) -> Result<Tree, PhylotreeError> {
    let order = post_order(tree)?;
    let mut number = vec![NO_PARENT; tree.size()];
    for (index, &(id, _)) in order.iter().enumerate() {
        number[id] = index as u32;
    }
    let (mut parent, mut length, mut names) = (Vec::new(), Vec::new(), Names::default());
    for &(id, above) in &order {
        let node = tree.get(&id)?;
        let name = node.name.as_deref().unwrap_or_default();
        parent.push(above.map_or(NO_PARENT, |above| number[above]));
        length.push(match node.parent_edge {
            Some(length) => length,
            None if above.is_none() => 0.0,
            None => {
                let name = name.to_owned();
                return Err(PhylotreeError::MissingLength { node: id, name });
            }
        });
        names.push(name);
    }
    Ok(Tree::new(parent, length, names)?)
}

/// Returns the id and the parent of each node, children before parents and in their order.
fn post_order(tree: &PhyloTree) -> Result<Vec<(NodeId, Option<NodeId>)>, PhylotreeError> {
    // Nodes that were deleted cannot be had.
    let nodes = || (0..tree.size()).filter_map(|id| tree.get(&id).ok().map(|node| (id, node)));
    let mut roots = nodes().filter(|(_, node)| node.parent.is_none()).map(|(id, _)| id);
    let root = roots.next().ok_or(PhylotreeError::NoRoot)?;
    if let Some(second) = roots.next() {
        return Err(PhylotreeError::SeveralRoots { first: root, second });
    }
    // Parents first and last children before others is post-order read backwards.
    let mut order = Vec::new();
    let mut seen = vec![false; tree.size()];
    let mut stack = vec![(root, None)];
    while let Some((id, above)) = stack.pop() {
        let children = &tree.get(&id)?.children;
        if std::mem::replace(&mut seen[id], true) {
            return Err(PhylotreeError::NotATree { node: id });
        }
        order.push((id, above));
        stack.extend(children.iter().map(|&child| (child, Some(id))));
    }
    if let Some((node, _)) = nodes().find(|&(id, _)| !seen[id]) {
        return Err(PhylotreeError::NotATree { node });
    }
    order.reverse();
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::newick::{TreeOptions, parse};

    fn tree(text: &str) -> Tree {
        parse(text, &TreeOptions::default()).unwrap().tree
    }

    #[test]
    fn trees_survive_the_way_there_and_back() {
        for text in [
            "((A:1,B:2)x:3,C:4,('it''s D':5)y:6)r:7;",
            "(A:1);",
            "A;",
            "(A:0,(B:1,(C:1,D:2,E:3):4):5);",
        ] {
            let tree = tree(text);
            assert_eq!(from_phylotree(&to_phylotree(&tree).unwrap()).unwrap(), tree, "{text}");
        }
    }

    #[test]
    fn deep_trees_do_not_overflow_the_stack() {
        let n = 100_000;
        let deep = tree(&format!("{}A:1,B:1{};", "(".repeat(n), "):1".repeat(n)));
        assert_eq!(from_phylotree(&to_phylotree(&deep).unwrap()).unwrap(), deep);
    }

    #[test]
    fn what_is_no_tree_with_lengths_is_refused() {
        let empty = PhyloTree::new();
        assert!(matches!(from_phylotree(&empty), Err(PhylotreeError::NoRoot)));

        let missing = PhyloTree::from_newick("(A,B:1);").unwrap();
        let result = from_phylotree(&missing);
        assert!(
            matches!(&result, Err(PhylotreeError::MissingLength { name, .. }) if name == "A"),
            "{result:?}"
        );

        let negative = PhyloTree::from_newick("(A:-1,B:1);").unwrap();
        assert!(matches!(
            from_phylotree(&negative),
            Err(PhylotreeError::Tree(TreeError::BranchLength { .. }))
        ));

        let mut two_roots = to_phylotree(&tree("(A:1,B:1);")).unwrap();
        two_roots.add(Node::new());
        assert!(matches!(
            from_phylotree(&two_roots),
            Err(PhylotreeError::SeveralRoots { first: 0, second: 3 })
        ));

        let mut shared = to_phylotree(&tree("(A:1,B:1);")).unwrap();
        shared.get_mut(&0).unwrap().children.push(1);
        assert!(matches!(
            from_phylotree(&shared),
            Err(PhylotreeError::NotATree { node: 1 })
        ));

        let mut detached = to_phylotree(&tree("(A:1,B:1);")).unwrap();
        detached.get_mut(&0).unwrap().children.pop();
        assert!(matches!(
            from_phylotree(&detached),
            Err(PhylotreeError::NotATree { node: 2 })
        ));

        let mut cyclic = to_phylotree(&tree("(A:1,B:1);")).unwrap();
        cyclic.get_mut(&1).unwrap().children.push(0);
        assert!(matches!(
            from_phylotree(&cyclic),
            Err(PhylotreeError::NotATree { node: 0 })
        ));

        let mut dangling = to_phylotree(&tree("(A:1,B:1);")).unwrap();
        dangling.get_mut(&1).unwrap().children.push(9);
        assert!(matches!(from_phylotree(&dangling), Err(PhylotreeError::Phylotree(_))));
    }
}
