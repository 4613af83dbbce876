//! `affectscope train manifest`: what a packed set holds.

use super::super::{Failure, print};
use crate::cli::train::ManifestArgs;
use crate::labels::Expression;
use crate::train::set::{Counts, Manifest, Set, SetError, Split};

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Self::bad_input(error.to_string())
    }
}

/// Prints the manifest of a set, which is opened and checked for it.
///
/// # Errors
/// When it is no set, or damaged.
pub fn run(args: &ManifestArgs) -> Result<(), Failure> {
    let set = Set::open(&args.set)?;
    set.verify()?;
    if args.json {
        let text = serde_json::to_string_pretty(set.manifest())
            .map_err(|e| Failure::broken(e.to_string()))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&table(set.manifest()))?;
    }
    Ok(())
}

/// A manifest to read.
pub(super) fn table(manifest: &Manifest) -> String {
    let made = &manifest.made;
    let mut text = format!(
        "{} faces of {} ({}){}, {} by {}\n",
        manifest.faces,
        made.format,
        made.input,
        if made.crops { ", crops" } else { "" },
        match made.color.channels() {
            1 => "grey",
            _ => "colour",
        },
        made.program,
    );
    let mut line = |what: &str, value: &dyn Fn(&Counts) -> u64| {
        text.push_str(&format!("{what:<24}"));
        for split in Split::ALL {
            text.push_str(&format!("{:>12}", value(manifest.splits.of(split))));
        }
        text.push('\n');
    };
    line("faces", &|c| c.faces);
    line("subjects", &|c| c.subjects);
    if Split::ALL
        .iter()
        .any(|s| manifest.splits.of(*s).sequences > 0)
    {
        line("sequences", &|c| c.sequences);
    }
    for expression in Expression::ALL {
        line(expression.name(), &|c| {
            c.expressions.in_order()[expression.index()]
        });
    }
    line("with expression", &|c| c.with_expression);
    line("with votes", &|c| c.with_votes);
    line("with valence, arousal", &|c| c.with_affect);
    line("with both", &|c| c.with_expression_and_affect);
    let first = text.find('\n').map_or(0, |end| end + 1);
    let names = Split::ALL.map(|split| format!("{:>12}", split.name()));
    text.insert_str(first, &format!("{:<24}{}\n", "", names.concat()));
    text.push_str(&format!(
        "split by: {}\nvalence and arousal: {}\nsubjects in two splits: {}, pictures in two splits: {}\n",
        made.split_by, made.affect_from, manifest.subjects_in_two_splits, manifest.pictures_in_two_splits
    ));
    for (reason, out) in &manifest.left_out {
        text.push_str(&format!(
            "left out: {:>8}  {reason} (first: {})\n",
            out.count, out.first
        ));
    }
    text
}
