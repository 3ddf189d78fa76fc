//! Newick text of a tree.

use super::scan::needs_quotes;
use crate::problem::Tree;
use std::fmt::Write;

/// Returns the Newick text of a tree, on one line and ended by `;`.
///
/// [`parse`](super::parse) reads the same tree back: labels are quoted where they must be, lengths have the fewest
/// digits that give the same float (with an exponent below 1e-5 and from 1e16 on), and the root's length is left out
/// where it is 0. What `annotation` returns for a node stands as `[&...]` between its label and its length; brackets
/// in it become parentheses, since a comment cannot hold them.
///
/// # Examples
/// ```
/// use persiste_rust::io::newick::{TreeOptions, parse, write};
///
/// let tree = parse("(A:1.50,'B 2':1e-7)r;", &TreeOptions::default())?.tree;
/// assert_eq!(write(&tree, |_| None), "(A:1.5,'B 2':1e-7)r;");
/// let gains = |node| (node == 0).then(|| "gains=0.25".to_owned());
/// assert_eq!(write(&tree, gains), "(A[&gains=0.25]:1.5,'B 2':1e-7)r;");
/// # Ok::<(), persiste_rust::error::NewickError>(())
/// ```
#[must_use]
pub fn write(tree: &Tree, annotation: impl Fn(usize) -> Option<String>) -> String {
    // A text of one label alone is quoted: `#` or a byte-order mark at its start would be taken for a header.
    let is_one = tree.n_nodes() == 1;
    write_with(tree, annotation, |node, text| {
        let label = tree.names().get(node);
        push_label(text, label, is_one || needs_quotes(label));
    })
}

/// As [`write`], with the labels that `label` appends.
pub(super) fn write_with(
    tree: &Tree,
    annotation: impl Fn(usize) -> Option<String>,
    label: impl Fn(usize, &mut String),
) -> String {
    let n_opened = groups_opened_before(tree);
    let mut text = String::with_capacity(tree.n_nodes() * 24);
    for (node, &n_opened) in n_opened.iter().enumerate() {
        if tree.is_tip(node) {
            // Whatever stands before a tip is a finished sibling of it or of a node above it.
            if node > 0 {
                text.push(',');
            }
            text.extend(std::iter::repeat_n('(', n_opened as usize));
        } else {
            text.push(')');
        }
        label(node, &mut text);
        if let Some(annotation) = annotation(node) {
            text.push_str("[&");
            text.push_str(&annotation.replace('[', "(").replace(']', ")"));
            text.push(']');
        }
        let length = tree.branch_lengths()[node];
        if node != tree.root() || length > 0.0 {
            text.push(':');
            push_length(&mut text, length);
        }
    }
    text.push(';');
    text
}

/// Returns for each tip the number of groups whose first tip it is, `[n_nodes]`; 0 for other nodes.
fn groups_opened_before(tree: &Tree) -> Vec<u32> {
    let mut first_tip: Vec<u32> = Vec::with_capacity(tree.n_nodes());
    let mut n_opened = vec![0_u32; tree.n_nodes()];
    for node in 0..tree.n_nodes() {
        match tree.children(node).first() {
            None => first_tip.push(node as u32),
            Some(&child) => {
                let tip = first_tip[child as usize];
                first_tip.push(tip);
                n_opened[tip as usize] += 1;
            }
        }
    }
    n_opened
}

pub(super) fn push_label(text: &mut String, label: &str, in_quotes: bool) {
    if in_quotes {
        text.push('\'');
        text.push_str(&label.replace('\'', "''"));
        text.push('\'');
    } else {
        text.push_str(label);
    }
}

fn push_length(text: &mut String, length: f64) {
    let plain = length == 0.0 || (1e-5..1e16).contains(&length);
    // Writing to a string cannot fail.
    let _ = if plain {
        write!(text, "{}", length + 0.0)
    } else {
        write!(text, "{length:e}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::newick::{TreeOptions, parse};

    fn rewritten(text: &str) -> String {
        write(&parse(text, &TreeOptions::default()).unwrap().tree, |_| None)
    }

    #[test]
    fn text_in_shortest_form_is_written_as_it_was_read() {
        for text in [
            "((A:0.1,B:0.2)x:0.3,(C:0.4,D:0.5):0.6)root:7;",
            "(((A:1):1):1,B:3,(C:0,D:1e-6,E:1e16,F:2.5e300):123456.75);",
            "('it''s (a) [b]:c;,d':1,'  lead':2,'''':3,6731_3#18:4,'say \"x\"':5)'95 %';",
            "'#A':1;",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn quotes_that_are_not_needed_are_dropped() {
        assert_eq!(rewritten("(\"A\":1,'B_1':2)'';"), "(A:1,B_1:2);");
    }

    #[test]
    fn annotations_stand_behind_the_label_and_cannot_close_their_comment() {
        let tree = parse("(A:1,B:2)r;", &TreeOptions::default()).unwrap().tree;
        let text = write(&tree, |node| Some(format!("n={node}][x]")));
        assert_eq!(text, "(A[&n=0)(x)]:1,B[&n=1)(x)]:2)r[&n=2)(x)];");
        assert_eq!(parse(&text, &TreeOptions::default()).unwrap().tree, tree);
    }
}
