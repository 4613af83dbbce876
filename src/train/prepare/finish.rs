//! From the parts to the set.

use std::collections::HashMap;
use std::io::{Read as _, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::parts::{PartError, Parts};
use super::{Options, PrepareError};
use crate::formats::output::{Output, write_whole};
use crate::train::prepare::plan::Plan;
use crate::train::set::{
    Census, FACES_FILE, Files, MANIFEST_FILE, Made, Manifest, PICTURES_FILE, RowWriter, Split,
    VERSION, hex, leave_out,
};

/// A short checksum of a picture's pixels and size.
type Look = [u8; 16];

/// Writes through, counting and summing up.
struct Summed<W: Write> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Summed<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Joins the parts into the set's three files, the manifest last. Of pictures that are the same to the pixel in two
/// splits, those of the one that is less needed are left out: a network must not be scored on what it learned by heart.
///
/// # Errors
/// When a file cannot be written, a subject stands in two splits, or there is no face.
pub fn finish(
    options: &Options,
    plan: &Plan,
    parts: &Parts,
    count: usize,
) -> Result<Manifest, PrepareError> {
    let mut left_out = plan.left_out.clone();
    for part in 0..count {
        for (reason, more) in parts.left_out(part)? {
            leave_out(&mut left_out, &reason, &more.first);
            // One was counted just now.
            if let Some(all) = left_out.get_mut(&reason) {
                all.count += more.count - 1;
            }
        }
    }
    let strictest = strictest(parts, count)?;
    let set = &options.out;
    let mut pictures = Summed::new(Output::create(&set.join(PICTURES_FILE), true)?);
    let faces_path = set.join(FACES_FILE);
    let full = |e: csv::Error| PrepareError::Csv(faces_path.clone(), e);
    let faces = Output::create(&faces_path, true)?;
    let mut rows = RowWriter::new(Summed::new(faces)).map_err(full)?;
    let mut census = Census::default();
    each(parts, count, |mut row, pixels, look| {
        if strictest.get(&look).is_some_and(|split| *split > row.split) {
            leave_out(
                &mut left_out,
                "the same picture is in another split",
                &row.file,
            );
            return Ok(());
        }
        row.offset = pictures.bytes;
        let written = pictures.write_all(pixels);
        written.map_err(|e| io_at(&set.join(PICTURES_FILE), e))?;
        census.add(&row);
        rows.write(&row).map_err(full)
    })?;
    let (splits, in_two_splits) = census.done();
    if let Some(subject) = in_two_splits.first() {
        return Err(PrepareError::TwoSplits {
            subject: subject.clone(),
            count: in_two_splits.len(),
        });
    }
    let total = Split::ALL.map(|split| splits.of(split).faces).iter().sum();
    if total == 0 {
        return Err(PrepareError::Nothing {
            path: options.input.clone(),
            left_out: summary(&left_out),
        });
    }
    let rows = rows.finish().map_err(|e| io_at(&faces_path, e))?;
    let files = Files {
        pictures_bytes: pictures.bytes,
        pictures_sha256: hex(&pictures.hash.finalize()),
        faces_bytes: rows.bytes,
        faces_sha256: hex(&rows.hash.finalize()),
    };
    // What is there of another set is none any more from here on, until the new manifest says what is.
    let manifest_path = set.join(MANIFEST_FILE);
    match std::fs::remove_file(&manifest_path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(io_at(&manifest_path, e).into());
        }
        _ => {}
    }
    pictures.inner.finish()?;
    rows.inner.finish()?;
    let shown = |path: &Path| path.display().to_string();
    let manifest = Manifest {
        version: VERSION,
        made: Made {
            program: format!("affectscope {}", env!("CARGO_PKG_VERSION")),
            format: options.database.name().to_owned(),
            input: shown(&options.input),
            annotations: options.annotations.as_deref().map(shown),
            crops: options.crops,
            color: options.color,
            split_by: plan.split_by.clone(),
            affect_from: plan.affect_from.clone(),
            landmarks_from: plan.landmarks_from(),
        },
        faces: total,
        splits,
        subjects_in_two_splits: 0,
        pictures_in_two_splits: 0,
        left_out,
        files,
    };
    let mut text =
        serde_json::to_vec_pretty(&manifest).map_err(|e| io_at(&manifest_path, e.into()))?;
    text.push(b'\n');
    write_whole(&manifest_path, &text, true)?;
    Ok(manifest)
}

/// For each picture the split that needs it most.
fn strictest(parts: &Parts, count: usize) -> Result<HashMap<Look, Split>, PrepareError> {
    let mut splits = HashMap::new();
    each(parts, count, |row, _, look| {
        let known = splits.entry(look).or_insert(row.split);
        *known = row.split.max(*known);
        Ok(())
    })?;
    // Only those that say something.
    splits.retain(|_, split| *split > Split::Train);
    Ok(splits)
}

/// Every face of the parts in order, with its pixels and what they look like.
fn each(
    parts: &Parts,
    count: usize,
    mut take: impl FnMut(crate::train::set::Row, &[u8], Look) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    let mut pixels = Vec::new();
    for part in 0..count {
        let (path, mut pictures) = parts.pictures(part)?;
        for row in parts.rows(part)? {
            pixels.resize(row.bytes() as usize, 0);
            pictures
                .read_exact(&mut pixels)
                .map_err(|e| PartError::Damaged {
                    path: path.clone(),
                    reason: e.to_string(),
                })?;
            let mut hash = Sha256::new_with_prefix((row.width_px as u64).to_le_bytes());
            hash.update(&pixels);
            let whole: [u8; 32] = hash.finalize().into();
            let mut look = Look::default();
            look.copy_from_slice(&whole[..16]);
            take(row, &pixels, look)?;
        }
    }
    Ok(())
}

fn io_at(path: &Path, reason: std::io::Error) -> PartError {
    PartError::Io {
        path: path.to_owned(),
        reason,
    }
}

/// What was left out, in a line.
pub fn summary(
    left_out: &std::collections::BTreeMap<String, crate::train::set::LeftOut>,
) -> String {
    let each = left_out
        .iter()
        .map(|(reason, out)| format!("{reason}: {} (first {})", out.count, out.first));
    let all: Vec<String> = each.collect();
    all.join("; ")
}
