//! Labels are mended, kept and saved.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use affectscope::labels::Expression;
use affectscope::review::edit::{Edit, Stroke};
use affectscope::review::mark::SegmentState;
use affectscope::review::project::Frames;
use affectscope::review::{Editor, Marks, Project, Reason, Start, Track};

mod editing;
mod journal;
mod killed;
mod saving;

/// A time that tests give.
pub const WHEN: &str = "2026-03-04T05:06:07Z";
/// Frames of the tests' video.
pub const FRAMES: usize = 300;

/// Two people's labels of a clip, one with all kinds, one with valence and arousal by the clock.
pub fn write_labels(folder: &Path) -> [PathBuf; 2] {
    let mut table = "frame,expression,valence,arousal\n".to_owned();
    for frame in 0..FRAMES {
        let name = Expression::ALL[frame / 20 % 7].name();
        let (v, a) = ((frame as f64 / 40.0).sin(), (frame as f64 / 25.0).cos());
        match frame % 50 {
            48 | 49 => {}
            0..10 => table.push_str(&format!("{frame},{name},,\n")),
            _ => table.push_str(&format!("{frame},{name},{v},{a}\n")),
        }
    }
    let mut ratings = "Magnitude,100,\nSecond,X,Y\n%%%%%%,%%%%%%,%%%%%%\n".to_owned();
    for i in 0..120 {
        ratings.push_str(&format!(
            "{},{},{}\n",
            f64::from(i) / 10.0,
            i % 90,
            -(i % 80)
        ));
    }
    let paths = [folder.join("clip_anna.csv"), folder.join("clip_ben.csv")];
    std::fs::write(&paths[0], table).unwrap();
    std::fs::write(&paths[1], ratings).unwrap();
    paths
}

/// A clip at 25 Hz, with those labels.
pub fn project(folder: &Path) -> Project {
    let times_s = (0..FRAMES).map(|i| i as f64 / 25.0).collect();
    let frames = Frames {
        times_s,
        pictures: None,
        note: None,
    };
    let mut project = Project::of_video(&folder.join("clip.mp4"), frames);
    for path in write_labels(folder) {
        project.add_labels(&path).unwrap();
    }
    project
}

/// All that an annotator can see of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub tracks: Vec<Track>,
    pub names: Vec<String>,
    pub offsets: Vec<i64>,
    pub marks: Marks,
}

pub fn state(project: &Project, editor: &Editor) -> State {
    let raters = project.raters();
    State {
        tracks: raters.iter().map(|r| r.track().clone()).collect(),
        names: raters.iter().map(|r| r.name.clone()).collect(),
        offsets: raters.iter().map(|r| r.offset_frames()).collect(),
        marks: editor.marks().clone(),
    }
}

/// The same, short, with what an undo and a redo would do.
pub fn fingerprint(project: &Project, editor: &Editor) -> u64 {
    let mut hash = DefaultHasher::new();
    let state = state(project, editor);
    for track in &state.tracks {
        for frame in 0..track.len() {
            let r = track.get(frame);
            r.expression.hash(&mut hash);
            r.valence.map(f64::to_bits).hash(&mut hash);
            r.arousal.map(f64::to_bits).hash(&mut hash);
        }
    }
    (state.names, state.offsets).hash(&mut hash);
    for (frames, mark) in state.marks.iter() {
        (frames, mark.state, &mark.note).hash(&mut hash);
    }
    (editor.undo_title(), editor.redo_title()).hash(&mut hash);
    for rater in 0..project.raters().len() {
        editor.edits_since_saved(rater).hash(&mut hash);
    }
    hash.finish()
}

/// Somebody who does all sorts of things, the same ones for the same seed.
pub struct Annotator(pub u64);

impl Annotator {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    fn frames(&mut self) -> Range<usize> {
        let start = self.below(FRAMES);
        // Some reach beyond the end.
        start..start + self.below(40)
    }

    fn values(&mut self, n: usize) -> Vec<Option<f64>> {
        let value = |a: &mut Self| match a.below(8) {
            0 => None,
            _ => Some(a.below(2_000_001) as f64 / 1e6 - 1.0),
        };
        (0..n).map(|_| value(self)).collect()
    }

    fn stroke(&mut self) -> Stroke {
        let Range { start, end } = self.frames();
        let (v, a) = (end - start, self.below(3));
        Stroke {
            start,
            valence: self.values(if a == 0 { 0 } else { v }),
            arousal: self.values(if a == 1 { 0 } else { v }),
        }
    }

    pub fn edit(&mut self) -> Edit {
        let frames = self.frames();
        match self.below(8) {
            0 => Edit::Clear { frames },
            1 => Edit::Restore { frames },
            2 | 3 => Edit::Values(self.stroke()),
            4 => Edit::Rated {
                rate_hz: 30.0,
                strokes: vec![self.stroke(), self.stroke()],
            },
            _ => Edit::Expression {
                frames,
                to: Expression::ALL.get(self.below(8)).copied(),
            },
        }
    }

    /// Does something; says whether anything came of it, and whether it was a step.
    pub fn act(&mut self, project: &mut Project, editor: &mut Editor) -> (bool, Act) {
        let rater = self.below(project.raters().len());
        editor.set_blind(self.below(3) == 0);
        match self.below(20) {
            0..3 => (editor.undo(project, WHEN).is_some(), Act::Undo),
            3..5 => (editor.redo(project, WHEN).is_some(), Act::Redo),
            5 => {
                let state = SegmentState::ALL[self.below(4)];
                let note = ["", "a \"note\"\nof two lines, ü"][self.below(2)];
                let start = self.below(5) * 10;
                let reason = [None, Some(Reason::Raters), Some(Reason::Unsure)][self.below(3)];
                let made = editor.mark((start..start + 10, reason), state, note, WHEN);
                (made.is_some(), Act::Step)
            }
            6 => {
                let offset = self.below(21) as i64 - 10;
                let made = editor.set_offset(project, rater, offset, WHEN);
                (made.is_some(), Act::Step)
            }
            7 => {
                let name = ["Anna", "Ben", "somebody", " "][self.below(4)];
                (
                    editor.rename(project, rater, name, WHEN).is_some(),
                    Act::Step,
                )
            }
            8 if project.raters().len() < 5 => {
                let start = match self.below(3) {
                    0 => Start::Empty,
                    1 => Start::CopyOfModel,
                    _ => Start::CopyOf(rater),
                };
                let made = editor.new_rater(project, "new", start, WHEN);
                (made.is_some(), Act::Other)
            }
            9 => {
                editor.saved(project, rater, &[Path::new("out/saved.csv")], WHEN);
                (true, Act::Other)
            }
            _ => {
                let edit = self.edit();
                let made = editor.apply(project, rater, edit, WHEN);
                (made.is_some(), Act::Step)
            }
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Step,
    Undo,
    Redo,
    Other,
}
