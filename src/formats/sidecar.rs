//! The sidecar: what a table of rows was made from and with, so that it can be made again.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::rows::columns;
use crate::model::student::Student;
use crate::session::Tuning;
use crate::source::SourceInfo;

/// Where the sidecar of a table lies: the table's name with the ending `.json`, or `.sidecar.json` where that is the
/// table itself.
pub fn sidecar_path(rows: &Path) -> PathBuf {
    let beside = rows.with_extension("json");
    if beside == rows {
        rows.with_extension("sidecar.json")
    } else {
        beside
    }
}

/// How the rows of a table came to be.
pub enum Protocol {
    /// The paper's windows over a whole file.
    Offline,
    /// Unrelated pictures: each is a sequence of its own.
    Stills,
    /// A video's faces, given as crops.
    Crops {
        /// The side that a crop is resized to before its centre is cut out.
        resize_px: usize,
        /// Whether times are the video's own.
        timed: bool,
    },
    /// The live policy, with its look-ahead.
    Live,
}

/// The sidecar of a table.
pub fn sidecar(
    student: &Student,
    device: &str,
    tuning: &Tuning,
    source: &str,
    info: &SourceInfo,
    protocol: &Protocol,
    with_file: bool,
) -> Value {
    let config = student.config();
    let card = student.card();
    let protocol = match (protocol, student.window()) {
        (&Protocol::Crops { resize_px, timed }, window) => json!({
            "name": "crops",
            "window_frames": window.map(|(window, _)| window),
            "resize_px": resize_px,
            "note": "no detection: each picture is resized and its centre of 112 pixels cut out; the pictures that are there follow one another in the windows, whatever numbers are missing between them",
            "times": if timed {
                "the video's own time stamps"
            } else {
                "frame / 30: crops carry no clock"
            },
        }),
        (_, None) => json!({"name": "cnn", "note": "each frame by itself"}),
        (&Protocol::Offline, Some((window, _))) => json!({
            "name": "offline",
            "window_frames": window,
            "note": "windows that do not overlap, the last one shifted back; a gap of more than 1 s starts a new sequence",
        }),
        (&Protocol::Stills, Some((window, _))) => json!({
            "name": "stills",
            "window_frames": window,
            "note": "each picture by itself, repeated over the window; time_s counts the pictures",
        }),
        (&Protocol::Live, Some((window, rate_hz))) => json!({
            "name": "live",
            "window_frames": window,
            "rate_hz": rate_hz,
            "lookahead_frames": tuning.lookahead,
            "note": "each frame read within its recent past, sampled at rate_hz",
        }),
    };
    let columns: serde_json::Map<String, Value> = columns(with_file)
        .into_iter()
        .map(|c| (c.name, Value::from(c.unit)))
        .collect();
    json!({
        "program": "affectscope",
        "version": env!("CARGO_PKG_VERSION"),
        "source": {
            "given": source,
            "title": info.title,
            "width_px": info.width_px,
            "height_px": info.height_px,
            "rate_hz": info.rate_hz,
            "format": info.format,
        },
        "weights": {
            "name": card.name,
            "origin": card.origin,
            "sha256": student.sha256(),
            "network": card.network,
            "trained_on": config.trained_on,
            "affect_labels": config.affect_labels,
            "licence": card.licence,
        },
        "device": device,
        "protocol": protocol,
        "settings": {
            "faces": tuning.faces,
            // As it was typed, not as f32 keeps it.
            "smallest_face_of_height": (f64::from(tuning.min_face) * 1e4).round() / 1e4,
            "smoothing": "none: rows are raw",
        },
        "columns": columns,
        "note": "What a face shows to a trained network, not what a person feels.",
    })
}
