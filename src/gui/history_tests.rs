use super::*;
use crate::analysis::Reading;
use crate::frame::FrameStamp;

fn estimate(valence: f32) -> Estimate {
    Estimate {
        probabilities: [1.0 / 7.0; 7],
        valence,
        arousal: 0.0,
        valence_sd: 0.1,
        arousal_sd: 0.1,
    }
}

fn record(time_s: f64, faces: &[u32]) -> Record {
    let stamp = FrameStamp {
        index: (time_s * 30.0) as u64,
        time_s,
    };
    let mut record = Record::empty(stamp, None, Status::NoFace);
    if !faces.is_empty() {
        record.status = Status::Ok;
    }
    record.readings = faces
        .iter()
        .map(|&face_id| Reading {
            face_id,
            place: None,
            estimate: estimate(face_id as f32 / 10.0),
        })
        .collect();
    record
}

fn fill(history: &mut History, frames: std::ops::Range<u32>, faces: &[u32]) {
    for i in frames {
        history.push(&record(f64::from(i) / 30.0, faces));
    }
}

#[test]
fn a_stretch_without_a_face_is_a_gap_with_its_word() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..30, &[1]);
    fill(&mut history, 30..60, &[]);
    fill(&mut history, 60..90, &[1]);
    let (runs, gaps) = history.runs(0.0);
    assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [30, 30]);
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].why, GapReason::NoFace);
    assert_eq!(gaps[0].why.word(), "no face");
    assert!((gaps[0].from_s - 29.0 / 30.0).abs() < 1e-9);
    assert!((gaps[0].to_s - 2.0).abs() < 1e-9);
}

#[test]
fn one_frame_without_a_face_breaks_the_line() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..10, &[1]);
    fill(&mut history, 10..11, &[]);
    fill(&mut history, 11..20, &[1]);
    assert_eq!(history.runs(0.0).0.len(), 2);
}

#[test]
fn dropped_frames_are_no_gap() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    for i in 0..60_u32 {
        let mut r = record(f64::from(i) / 30.0, &[1]);
        if i % 3 != 0 {
            r = Record::empty(r.stamp, None, Status::Dropped);
        }
        history.push(&r);
    }
    let (runs, gaps) = history.runs(0.0);
    assert_eq!((runs.len(), gaps.len()), (1, 0));
}

#[test]
fn a_followed_face_may_blink_but_not_stay_away() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..30, &[1, 2]);
    fill(&mut history, 30..40, &[2]);
    fill(&mut history, 40..60, &[1, 2]);
    assert_eq!(history.runs(0.0).1.len(), 0);
    fill(&mut history, 60..90, &[2]);
    fill(&mut history, 90..100, &[1, 2]);
    let (runs, gaps) = history.runs(0.0);
    assert_eq!(runs.len(), 2);
    assert_eq!(gaps[0].why, GapReason::Away);
}

#[test]
fn nothing_at_the_end_is_a_gap_up_to_now() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..30, &[1]);
    fill(&mut history, 30..90, &[]);
    let (_, gaps) = history.runs(0.0);
    assert_eq!(gaps.len(), 1);
    assert!((gaps[0].to_s - 89.0 / 30.0).abs() < 1e-9);
    assert!(history.current(1).is_none());
}

#[test]
fn a_silent_camera_is_no_picture() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..30, &[1]);
    fill(&mut history, 90..120, &[1]);
    let (_, gaps) = history.runs(0.0);
    assert_eq!(gaps[0].why, GapReason::NoPicture);
}

#[test]
fn it_is_bounded_in_time_number_and_faces() {
    let mut history = History::new(Smoothing::OneEuro);
    for i in 0..40_000_u32 {
        history.push(&record(f64::from(i) / 60.0, &[1, 100 + i / 1000]));
    }
    assert!(history.frames.len() <= MAX_SAMPLES + 1);
    assert!(history.tracks.len() <= MAX_FACES);
    assert!(
        history
            .tracks
            .values()
            .all(|t| t.samples.len() <= MAX_SAMPLES + 1)
    );
    let oldest = history.tracks[&1].samples[0].time_s;
    assert!(history.latest_s().unwrap() - oldest <= KEEP_S + 0.1);
}

#[test]
fn a_face_that_takes_over_continues_the_line_and_a_chosen_one_rules_the_past_too() {
    let mut history = History::new(Smoothing::Off);
    history.follow(1, false);
    fill(&mut history, 0..30, &[1, 2]);
    history.follow(2, false);
    fill(&mut history, 30..60, &[2]);
    let ids: Vec<f32> = history.followed(0.0).map(|s| s.raw.valence).collect();
    assert_eq!((ids[0], ids[ids.len() - 1]), (0.1, 0.2));
    history.follow(2, true);
    assert!(history.followed(0.0).all(|s| s.raw.valence == 0.2));
    assert_eq!(history.followed(0.0).count(), 60);
}

#[test]
fn going_back_in_time_begins_anew() {
    let mut history = History::new(Smoothing::Off);
    fill(&mut history, 0..30, &[1]);
    history.push(&record(0.0, &[1]));
    assert_eq!(history.frames.len(), 1);
}

#[test]
fn unrelated_pictures_are_neither_joined_nor_smoothed() {
    let mut history = History::new(Smoothing::Exponential);
    history.set_stills(true);
    for index in 0..4 {
        let mut record = record(index as f64, &[1]);
        record.stamp.index = index;
        record.readings[0].estimate = estimate(if index % 2 == 0 { 0.9 } else { -0.9 });
        history.push(&record);
        history.follow(1, false);
    }
    let (runs, gaps) = history.runs(f64::MIN);
    assert!(gaps.is_empty());
    assert_eq!(runs.len(), 4);
    for run in &runs {
        assert_eq!(run.len(), 1);
        assert_eq!(run[0].shown, run[0].raw);
    }
    history.set_smoothing(Smoothing::OneEuro);
    let (runs, _) = history.runs(f64::MIN);
    assert!(runs.iter().all(|r| r[0].shown == r[0].raw));
    history.clear();
    assert!(history.is_stills() && history.latest_s().is_none());
}
