use super::decoder::{Complaints, TICKS_PER_S};
use super::*;

fn probe(frames: Option<u64>, duration_s: Option<f64>) -> Probe {
    Probe {
        stream: 0,
        codec: None,
        container: "matroska,webm".to_owned(),
        width_px: 64,
        height_px: 48,
        rate_hz: Some(10.0),
        frames,
        duration_s,
    }
}

fn ending(success: bool, cut: Option<&str>) -> Ending {
    Ending {
        success,
        complaints: Complaints {
            count: u64::from(cut.is_some()),
            undecoded: 0,
            cut: cut.map(str::to_owned),
            last: cut.map(str::to_owned),
            too_old: false,
        },
    }
}

/// Frames ten a second up to this time, of which some may be lost within.
fn seen(last_s: f64) -> Times {
    Times {
        last_s: Some(last_s),
        ..Times::new(Some(10.0))
    }
}

#[test]
fn frames_that_are_missing_within_are_told_from_uneven_ones() {
    let mut times = Times::new(Some(10.0));
    for ticks in [0, 1, 2, 5, 6, 9] {
        times.next_s(Some(ticks * i64::from(TICKS_PER_S) / 10));
    }
    assert_eq!(times.lost, 4);
    let complained = ending(true, Some("error while decoding MB 29 10"));
    let mut complained = Ending {
        complaints: Complaints {
            undecoded: 1,
            cut: None,
            ..complained.complaints
        },
        ..complained
    };
    let note = early_end(&probe(Some(10), Some(1.0)), 6, &times, &complained, 0).unwrap();
    assert!(note.contains("is damaged: 4 frames"), "{note}");
    // One that only lies at uneven times, one whose container counts what is hidden, one of which nothing is missing.
    complained.complaints.undecoded = 0;
    assert_eq!(
        early_end(&probe(None, None), 6, &times, &complained, 0),
        None
    );
    complained.complaints.undecoded = 3;
    assert_eq!(
        early_end(&probe(Some(6), Some(1.0)), 6, &times, &complained, 0),
        None
    );
    let mut edited = probe(Some(14), Some(1.0));
    edited.container = "mov,mp4,m4a,3gp,3g2,mj2".to_owned();
    assert_eq!(early_end(&edited, 10, &seen(0.9), &complained, 0), None);
}

#[test]
fn an_early_end_is_told_from_a_whole_video() {
    let fine = ending(true, None);
    let cut = ending(true, Some("File ended prematurely"));
    // All frames counted, and none missing in time.
    assert_eq!(
        early_end(&probe(Some(20), Some(2.0)), 20, &seen(1.9), &fine, 0),
        None
    );
    assert_eq!(
        early_end(&probe(None, None), 20, &seen(1.9), &fine, 0),
        None
    );
    // An edit list hides ten frames: the length is that of what is shown.
    let mut edited = probe(Some(30), Some(2.0));
    edited.container = "mov,mp4,m4a,3gp,3g2,mj2".to_owned();
    assert_eq!(early_end(&edited, 20, &seen(1.9), &fine, 0), None);
    // Frames that a capture program left out leave gaps, and the last one is there.
    assert_eq!(
        early_end(&probe(Some(20), Some(1.0)), 18, &seen(1.9), &fine, 0),
        None
    );
    // The sound alone is cut.
    assert_eq!(
        early_end(&probe(Some(20), Some(2.0)), 20, &seen(1.9), &cut, 0),
        None
    );
    // Frames are missing.
    let note = early_end(&probe(Some(20), Some(2.0)), 9, &seen(0.8), &fine, 0).unwrap();
    assert!(
        note.contains("after 9 of 20 frames") && note.contains("truncated"),
        "{note}"
    );
    assert!(early_end(&probe(None, None), 9, &seen(0.8), &cut, 0).is_some());
    // ffmpeg fell over.
    let note = early_end(&probe(None, None), 9, &seen(0.8), &ending(false, None), 0).unwrap();
    assert!(note.contains("gave up"), "{note}");
    // Half a packet of a transport stream.
    let mut stream = probe(None, None);
    stream.container = "mpegts".to_owned();
    assert_eq!(early_end(&stream, 9, &seen(0.8), &fine, 188 * 100), None);
    assert!(early_end(&stream, 9, &seen(0.8), &fine, 188 * 100 + 1).is_some());
}

#[test]
fn a_missing_program_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "x").unwrap();
    let programs = Programs {
        ffmpeg: "no-such-program-here".into(),
        ffprobe: "no-such-program-here".into(),
    };
    let error = VideoSource::open_with(file.path(), &programs)
        .err()
        .unwrap();
    assert!(
        matches!(error, SourceError::NoFfmpeg { program: "ffprobe" }),
        "{error}"
    );
}
