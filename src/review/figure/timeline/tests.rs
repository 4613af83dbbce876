use super::*;
use crate::formats::labels::Label;
use crate::review::project::Frames;
use crate::review::{Rating, Track};

fn project(frames: usize) -> Project {
    let times_s = (0..frames).map(|i| i as f64 / 25.0).collect();
    let mut project = Project::of_video(
        "a <b> & c.mp4".as_ref(),
        Frames {
            times_s,
            pictures: None,
            note: None,
        },
    );
    let wave = |i: usize, by: f64| (i as f64 / by).sin() * 0.8;
    let labels: Vec<Label> = (0..frames)
        .filter(|i| i % 97 > 5)
        .map(|i| Label {
            frame: Some(i as u64),
            expression: Some(Expression::ALL[i / 40 % 7]),
            valence: Some(wave(i, 31.0)),
            arousal: Some(wave(i, 7.0)),
            ..Label::default()
        })
        .collect();
    project.set_model(Model::from_labels(&labels, None));
    for name in ["one", "two"] {
        let mut track = Track::empty(frames);
        for i in 0..frames {
            track.set(
                i,
                Rating {
                    expression: Some(Expression::ALL[i / 50 % 7]),
                    valence: Some(wave(i, 30.0)),
                    arousal: Some(wave(i, 3.0)),
                },
            );
        }
        project.add_rater(Rater::starting_from(name, track));
    }
    project
}

#[test]
fn a_million_frames_are_a_small_figure() {
    let project = project(1_000_000);
    let values: Vec<f32> = (0..1_000_000).map(|i| (i % 613) as f32 / 613.0).collect();
    let apart = Apart {
        values: &values,
        what: "model and labels",
    };
    let text = timeline(&project, 0..project.frames(), Some(apart));
    assert!(text.len() < 300_000, "{} bytes", text.len());
    assert!(text.contains("up to 1548 in each column"));
}

#[test]
fn names_are_text_and_rows_are_those_who_speak() {
    let project = project(300);
    let text = timeline(&project, 0..300, None);
    assert!(text.contains("a &lt;b&gt; &amp; c.mp4") && !text.contains("<b>"));
    for word in [
        "model",
        "one",
        "two",
        "valence",
        "arousal",
        "Happiness",
        "not read",
    ] {
        assert!(text.contains(&format!(">{word}<")), "{word}");
    }
    // No confidence, no band; no heat given, none drawn.
    assert!(!text.contains(">± one") && !text.contains(">apart<"));
    let empty = timeline(&Project::default(), 0..0, None);
    assert!(empty.contains("no frames") && empty.ends_with("</svg>\n"));
}
