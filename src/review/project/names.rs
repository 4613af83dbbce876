//! What annotators are called.

use std::path::Path;

use super::{Project, file_stem};
use crate::evaluate::files::Loaded;
use crate::formats::labels::LabelFormat;

/// Whoever's file has no more of a name than the video.
const LABELS: &str = "labels";

/// What a file's name has beyond the video's; `None` where it only begins with the same letters, as `anna` does with `a`.
pub(super) fn beyond<'a>(name: &'a str, video: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(video)?;
    (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

impl Project {
    /// Whose labels a file has: what its name has beyond the video's.
    pub(super) fn rater_name(&self, loaded: &Loaded) -> String {
        let stem = file_stem(&loaded.path);
        let own = self.stem();
        let stem = stem.strip_suffix(".affect").unwrap_or(&stem).to_owned();
        let rest = beyond(&stem, &own).unwrap_or(&stem);
        let rest = rest.trim_matches(|c: char| matches!(c, '.' | '_' | '-' | ' '));
        match rest {
            "" if loaded.format == LabelFormat::Affectscope => "rows".to_owned(),
            "" => LABELS.to_owned(),
            "left" | "right" => format!("{LABELS} {rest}"),
            rest => rest.to_owned(),
        }
    }

    /// Files of one name in folders of their own are told apart by the folders: `eva/talk.csv` and `bob/talk.csv` are
    /// eva's and bob's. Gives what the newer one's is called.
    pub(super) fn told_apart(&mut self, name: &str, path: &Path) -> String {
        let folders = |other: &Path| {
            let name = |folder: &Path| Some(folder.file_name()?.to_str()?.to_owned());
            let both = other.ancestors().skip(1).zip(path.ancestors().skip(1));
            both.map_while(|(a, b)| name(a).zip(name(b)))
                .find(|(a, b)| a != b)
        };
        if name != LABELS {
            return name.to_owned();
        }
        let alike = |other: &Path| other.file_name() == path.file_name();
        for before in &mut self.raters {
            let Some(first) = before.origins.first().filter(|o| alike(&o.path)) else {
                continue;
            };
            if let Some((theirs, own)) = folders(&first.path) {
                if before.name == LABELS {
                    before.name = theirs;
                }
                return own;
            }
        }
        name.to_owned()
    }

    /// This name, or this name with a number, so that no rater has it.
    pub fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| self.raters.iter().any(|r| r.name == name);
        let numbered = (2..).map(|n| format!("{name} {n}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|n| !taken(n)).unwrap_or_default()
    }
}
