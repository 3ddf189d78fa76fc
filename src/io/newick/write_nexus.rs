//! NEXUS text of a tree.

use super::write::{push_label, write_with};
use crate::problem::Tree;
use std::fmt::Write;

/// Returns a NEXUS file with the tips and the tree, rooted, as FigTree and others read it.
///
/// In the tree tips are numbers that the file translates. What `annotation` returns for a node stands as `[&...]` behind
/// its label. Labels of other signs than letters and digits are quoted: to NEXUS an underscore outside quotes is a blank.
///
/// # Examples
/// ```
/// use persiste_rust::io::newick::{TreeOptions, parse, write_nexus};
///
/// let tree = parse("(A_1:1,B:2)r;", &TreeOptions::default())?.tree;
/// let text = write_nexus(&tree, |node| (node == 0).then(|| "gains=0.25".to_owned()));
/// assert!(text.contains("1 'A_1',\n"));
/// assert!(text.contains("tree persiste = [&R] (1[&gains=0.25]:1,2:2)r;"));
/// assert_eq!(parse(&text, &TreeOptions::default())?.tree, tree);
/// # Ok::<(), persiste_rust::error::NewickError>(())
/// ```
#[must_use]
pub fn write_nexus(tree: &Tree, annotation: impl Fn(usize) -> Option<String>) -> String {
    let mut number = vec![0; tree.n_nodes()];
    let mut text = format!(
        "#NEXUS\nbegin taxa;\n  dimensions ntax={};\n  taxlabels\n",
        tree.n_tips()
    );
    let mut translation = String::from("  translate\n");
    for (index, (&tip, name)) in tree.tips().iter().zip(tree.tip_names()).enumerate() {
        number[tip as usize] = index + 1;
        let mut label = String::new();
        push_label(&mut label, name, needs_quotes(name));
        let comma = if index + 1 < tree.n_tips() { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {label}");
        let _ = writeln!(translation, "    {} {label}{comma}", index + 1);
    }
    text.push_str("  ;\nend;\nbegin trees;\n");
    text.push_str(&translation);
    text.push_str("  ;\n  tree persiste = [&R] ");
    text.push_str(&write_with(tree, annotation, |node, text| {
        let label = tree.names().get(node);
        if number[node] > 0 {
            text.push_str(&number[node].to_string());
        } else if !label.is_empty() {
            push_label(text, label, needs_quotes(label));
        }
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
            "((A:0.1,B_2:0.2)2:0.3,('it''s (a) [b];':0.4,'17':0.5):0.6)'my root':7;",
            "('  lead':1e-7,end:2,tree:3)3;",
            "a;",
        ] {
            let tree = parse(text, &TreeOptions::default()).unwrap().tree;
            let written = write_nexus(&tree, |node| Some(format!("n={node}")));
            let again = parse(&written, &TreeOptions::default()).unwrap().tree;
            assert_eq!(again, tree, "{written}");
        }
    }
}
