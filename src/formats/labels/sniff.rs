//! Which format a file is in, told from its first lines.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::formats::rows::parquet;

use super::{LabelFormat, abaw, affectnet, darma, expw, ferplus, openface, plain, text};

/// Names of files that may hold labels end so; everything else in a folder (videos, pictures) is none.
pub const ENDINGS: [&str; 7] = ["txt", "csv", "tsv", "jsonl", "json", "lst", "parquet"];
/// So much of a file is looked at, bytes.
const HEAD: u64 = 64 << 10;

/// The format of a file that may hold labels, from its name's ending and its first lines; `None` for a video, a picture,
/// a folder, and for what cannot be read.
pub fn sniff_file(path: &Path) -> Option<LabelFormat> {
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    if !ENDINGS.contains(&ending.as_str()) || !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD).read_to_end(&mut bytes).ok()?;
    sniff(&bytes)
}

/// The format of a file with this content; `None` when it is none that is read. Only the first lines are looked at:
/// what follows may still be wrong.
pub fn sniff(bytes: &[u8]) -> Option<LabelFormat> {
    if parquet::is_parquet(bytes) {
        // Nothing else of ours, or that is read, is kept so.
        return Some(LabelFormat::Affectscope);
    }
    let text = text_of(bytes);
    let first = text.lines().next()?;
    if first.starts_with('{') {
        return json(text, first);
    }
    let names: Vec<String> = abaw::names_of(first)
        .into_iter()
        .map(|n| n.trim_matches('"').trim().to_owned())
        .collect();
    let has = |wanted: &[&str]| wanted.iter().all(|w| names.iter().any(|n| n == w));
    if let Some(format) = abaw::header_of(&names) {
        Some(format)
    } else if abaw::is_flat_header(&names) {
        Some(LabelFormat::AbawFlat)
    } else if has(&["frame", "status"]) {
        Some(LabelFormat::Affectscope)
    } else if has(&affectnet::HEADER) {
        Some(LabelFormat::Affectnet)
    } else if has(&ferplus::HEADER) {
        Some(LabelFormat::Ferplus)
    } else if has(&openface::HEADER) {
        Some(LabelFormat::Openface)
    } else if darma::has_rule(text) {
        Some(LabelFormat::Darma)
    } else if expw::is_line(first) {
        Some(LabelFormat::Expw)
    } else if plain::delimiter(first).is_some() {
        Some(LabelFormat::Plain)
    } else {
        None
    }
}

/// The text of a file from its first letter on, as far as it is text.
fn text_of(bytes: &[u8]) -> &str {
    let bytes = text::without_mark(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or(""),
    };
    text.trim_start()
}

fn json(text: &str, first: &str) -> Option<LabelFormat> {
    // One object a line, even when the first is cut off or wrong.
    if first.contains("\"status\"") && first.contains("\"frame\"") {
        Some(LabelFormat::Affectscope)
    } else if text.contains("\"frames\"") && !text.contains("\"affectscope\"") {
        Some(LabelFormat::AfewVa)
    } else {
        None
    }
}

/// Why a file's format is unknown: what was seen, and what would be read.
pub(super) fn unknown(text: &str) -> String {
    const READ: &str = "Formats that are read: Affectscope's own rows (csv, jsonl, Parquet), annotations of Aff-Wild2 and \
                        submissions of ABAW 2021, the flat file of ABAW 5 and 6, AffectNet's csv, ExpW's label.lst, \
                        AFEW-VA's json, FER+'s fer2013new.csv, ratings of DARMA and CARMA, OpenFace's csv, and a plain \
                        csv with a header (frame, time_s or picture, and expression, valence or arousal).";
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) if line.bytes().all(|b| b"0123456789.,-+eE \t".contains(&b)) => format!(
            "it begins with numbers ({}), and the header is missing. The first line of Aff-Wild2's files is \
             'Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise' or 'valence,arousal', that of a plain csv names its \
             columns (frame, time_s or picture; expression, valence, arousal).",
            text::short(line.trim())
        ),
        Some(line) => format!(
            "no format of labels is known that begins with {}. {READ}",
            text::short(line.trim())
        ),
        None => format!("the file is empty. {READ}"),
    }
}
