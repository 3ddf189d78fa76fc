//! The links between nodes, grown in post-order.

use super::NO_PARENT;

/// Parents, children and tips of the nodes added so far; each node is added after its children.
#[derive(Debug)]
pub(crate) struct PostOrder {
    pub(super) parent: Vec<u32>,
    pub(super) child_start: Vec<u32>,
    pub(super) children: Vec<u32>,
    pub(super) tips: Vec<u32>,
    /// Nodes that still lack a parent, in order.
    waiting: Vec<u32>,
}

impl PostOrder {
    /// Returns no nodes, with room for `n_nodes`.
    pub(crate) fn with_capacity(n_nodes: usize) -> Self {
        let mut child_start = Vec::with_capacity(n_nodes + 1);
        child_start.push(0);
        Self {
            parent: Vec::with_capacity(n_nodes),
            child_start,
            children: Vec::with_capacity(n_nodes),
            tips: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn n_nodes(&self) -> usize {
        self.parent.len()
    }

    /// Returns the nodes that still lack a parent, in order.
    pub(crate) fn waiting(&self) -> &[u32] {
        &self.waiting
    }

    /// Adds the parent of `waiting()[first_child..]`; a tip if there are none.
    #[inline]
    pub(crate) fn add_node(&mut self, first_child: usize) {
        let node = self.parent.len() as u32;
        let children = &self.waiting[first_child..];
        if children.is_empty() {
            self.tips.push(node);
        } else {
            for &child in children {
                self.parent[child as usize] = node;
            }
            self.children.extend_from_slice(children);
            self.waiting.truncate(first_child);
        }
        self.child_start.push(self.children.len() as u32);
        self.parent.push(NO_PARENT);
        self.waiting.push(node);
    }
}
