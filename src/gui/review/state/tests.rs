use super::*;
use crate::review::project::Frames;
use std::path::Path;

fn state(frames: usize) -> State {
    let times_s = (0..frames).map(|i| i as f64 / 25.0).collect();
    State::new(Project::of_video(
        Path::new("a.mp4"),
        Frames {
            times_s,
            pictures: None,
            note: None,
        },
    ))
}

#[test]
fn steps_stay_within_the_video() {
    let mut s = state(100);
    s.step(-1);
    assert_eq!(s.at(), 0);
    s.step_s(1.0);
    assert_eq!(s.at(), 25);
    s.step(1000);
    assert_eq!(s.at(), 99);
    s.step_s(-1.0);
    assert_eq!(s.at(), 74);
}

#[test]
fn playing_follows_the_clock_and_ends_at_the_end() {
    let mut s = state(100);
    s.play(10.0, 2.0);
    assert!(s.tick(10.5));
    assert_eq!(s.at(), 25);
    assert!(!s.tick(20.0));
    assert_eq!(s.at(), 99);
    // From the end it begins anew; backwards it ends at the first frame.
    s.toggle(30.0);
    assert_eq!(s.at(), 0);
    s.go(50);
    s.shuttle(40.0, false);
    s.shuttle(40.0, false);
    assert_eq!(s.speed, -2.0);
    assert!(!s.tick(45.0));
    assert_eq!(s.at(), 0);
}

#[test]
fn the_view_stays_within_the_video_and_with_the_play_head() {
    let mut s = state(1000);
    s.zoom(10.0, 500.0);
    assert!((s.view.end - s.view.start - 100.0).abs() < 1e-9 && s.view.contains(&500.0));
    s.go(900);
    assert!(s.view.contains(&900.0) && s.view.end <= 1000.0);
    s.pan(-1e9);
    assert_eq!(s.view.start, 0.0);
    s.zoom(1e-9, 3.0);
    assert_eq!(s.view, 0.0..1000.0);
    s.zoom(1e9, 999.0);
    assert!(s.view.end - s.view.start >= 8.0 - 1e-9);
    let mut tiny = state(1);
    tiny.zoom(4.0, 0.0);
    tiny.play(0.0, 1.0);
    assert!(!tiny.is_playing());
}

#[test]
fn a_selection_is_made_by_marks() {
    let mut s = state(100);
    s.go(40);
    s.mark(false);
    assert_eq!(s.selection, Some(40..100));
    s.go(50);
    s.mark(true);
    assert_eq!(s.selection, Some(40..51));
    s.go(30);
    s.mark(true);
    assert_eq!(s.selection, Some(30..31));
    s.select(200, 90);
    assert_eq!(s.selection, Some(90..100));
}

#[test]
fn places_are_frames_or_times() {
    let s = state(100);
    assert_eq!(place("42", &s.project), Some(42));
    assert_eq!(place("1 000", &s.project), Some(99));
    assert_eq!(place("0:02", &s.project), Some(50));
    assert_eq!(place("1.5s", &s.project), Some(37));
    assert_eq!(place("x", &s.project), None);
    assert_eq!(place("-1:00", &s.project), None);
    assert_eq!(
        (clock(62.5), clock(3723.0)),
        ("01:02.500".to_owned(), "1:02:03.000".to_owned())
    );
}
