//! NEXUS text of a tree.

use super::write::{push_label, write_quoting};
use crate::problem::Tree;

/// Returns a NEXUS file with the tips and the tree, rooted, as FigTree and others read it.
///
/// What `annotation` returns for a node stands as `[&...]` behind its label. Labels of other signs than letters and
/// digits are quoted: to NEXUS an underscore outside quotes is a blank.
///
/// # Examples
/// ```
/// use persiste_rust::io::newick::{TreeOptions, parse, write_nexus};
///
/// let tree = parse("(A_1:1,B:2)r;", &TreeOptions::default())?.tree;
/// let text = write_nexus(&tree, |node| (node == 0).then(|| "gains=0.25".to_owned()));
/// assert!(text.contains("tree persiste = [&R] ('A_1'[&gains=0.25]:1,B:2)r;"));
/// assert_eq!(parse(&text, &TreeOptions::default())?.tree, tree);
/// # Ok::<(), persiste_rust::error::NewickError>(())
/// ```
#[must_use]
pub fn write_nexus(tree: &Tree, annotation: impl Fn(usize) -> Option<String>) -> String {
    let mut text = format!(
        "#NEXUS\nbegin taxa;\n  dimensions ntax={};\n  taxlabels\n",
        tree.n_tips()
    );
    for name in tree.tip_names() {
        text.push_str("    ");
        push_label(&mut text, name, needs_quotes(name));
        text.push('\n');
    }
    text.push_str("  ;\nend;\nbegin trees;\n  tree persiste = [&R] ");
    // A node without a label has none, not an empty one.
    text.push_str(&write_quoting(tree, annotation, |label| {
        !label.is_empty() && needs_quotes(label)
    }));
    text.push_str("\nend;\n");
    text
}

fn needs_quotes(label: &str) -> bool {
    // A number alone could be taken for that of a taxon.
    let is_plain = |sign: char| sign.is_ascii_alphanumeric();
    !label.chars().all(is_plain) || label.chars().all(|sign| sign.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::newick::{TreeOptions, parse};

    #[test]
    fn trees_with_odd_labels_are_read_back() {
        for text in [
            "((A:0.1,B_2:0.2)x:0.3,('it''s (a) [b];':0.4,'17':0.5):0.6)'my root':7;",
            "('  lead':1e-7,end:2,tree:3);",
            "a;",
        ] {
            let tree = parse(text, &TreeOptions::default()).unwrap().tree;
            let written = write_nexus(&tree, |node| Some(format!("n={node}")));
            let again = parse(&written, &TreeOptions::default()).unwrap().tree;
            assert_eq!(again, tree, "{written}");
        }
    }
}
