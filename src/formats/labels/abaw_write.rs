//! Submissions to the ABAW competitions: a file a video with a line a frame (2021), and the flat file of ABAW 5 and 6.

use crate::labels::Expression;

/// First line of a valence-arousal file.
pub const VA_HEADER: &str = "valence,arousal";
/// First line of an expression file.
pub const EXPR_HEADER: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise";
/// First line of a flat valence-arousal file.
pub const FLAT_VA_HEADER: &str = "image_location,valence,arousal";
/// First line of a flat expression file. The last class is none of ours and never written.
pub const FLAT_EXPR_HEADER: &str =
    "image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other";

/// What is submitted for one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameLabel {
    /// The expression.
    pub expression: Expression,
    /// Valence; written in -1..=1, and as invalid where it is no number.
    pub valence: f32,
    /// Arousal, likewise.
    pub arousal: f32,
}

/// What is submitted for one video.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The video's name as the competition lists it, `_left` / `_right` included.
    pub video: String,
    /// Every frame of the video from 0; `None` where there is no estimate.
    pub frames: Vec<Option<FrameLabel>>,
}

/// Which frames [`Submission::fill`] filled, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filled {
    /// With the nearest estimate before.
    pub from_before: u64,
    /// With the first estimate of the video, which comes after.
    pub from_after: u64,
    /// With neutral, 0 and 0: the video has no estimate at all.
    pub invented: u64,
}

impl Submission {
    /// Gives every frame without an estimate the nearest one before it, and those before the first estimate that
    /// one: a submission needs a line for every frame. Without any estimate, each gets neutral, 0 and 0. What was
    /// filled is counted.
    pub fn fill(&mut self) -> Filled {
        let mut filled = Filled::default();
        let first = self.frames.iter().flatten().next().copied();
        let mut before = None;
        for frame in &mut self.frames {
            if frame.is_some() {
                before = *frame;
                continue;
            }
            *frame = Some(match (before, first) {
                (Some(estimate), _) => {
                    filled.from_before += 1;
                    estimate
                }
                (None, Some(estimate)) => {
                    filled.from_after += 1;
                    estimate
                }
                (None, None) => {
                    filled.invented += 1;
                    FrameLabel {
                        expression: Expression::Neutral,
                        valence: 0.0,
                        arousal: 0.0,
                    }
                }
            });
        }
        filled
    }

    /// The expression file of 2021: a header, a class number a frame, no newline at the end. A frame without an
    /// estimate is -1.
    pub fn expr_text(&self) -> String {
        lines(EXPR_HEADER, self.frames.iter().map(class))
    }

    /// The valence-arousal file of 2021: a header, two values with 4 decimals a frame, no newline at the end. A frame
    /// without an estimate is -5,-5.
    pub fn va_text(&self) -> String {
        lines(VA_HEADER, self.frames.iter().map(values))
    }

    /// The video's rows of a flat valence-arousal file; its header is [`FLAT_VA_HEADER`].
    pub fn flat_va_rows(&self) -> String {
        self.flat(values)
    }

    /// The video's rows of a flat expression file; its header is [`FLAT_EXPR_HEADER`].
    pub fn flat_expr_rows(&self) -> String {
        self.flat(class)
    }

    fn flat(&self, cell: fn(&Option<FrameLabel>) -> String) -> String {
        let row = |(number, frame)| format!("{}/{number:05}.jpg,{}\n", self.video, cell(frame));
        (1u64..).zip(&self.frames).map(row).collect()
    }
}

fn lines(header: &str, rows: impl Iterator<Item = String>) -> String {
    let mut text = header.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(&row);
    }
    text
}

fn class(frame: &Option<FrameLabel>) -> String {
    match frame {
        Some(label) => label.expression.index().to_string(),
        None => "-1".to_owned(),
    }
}

fn values(frame: &Option<FrameLabel>) -> String {
    match frame {
        Some(label) => format!("{},{}", value(label.valence), value(label.arousal)),
        None => "-5,-5".to_owned(),
    }
}

/// 4 decimals, and never a minus before nothing but zeros.
fn value(value: f32) -> String {
    if value.is_nan() {
        return "-5".to_owned();
    }
    let text = format!("{:.4}", value.clamp(-1.0, 1.0));
    match text.strip_prefix('-') {
        Some(zero @ "0.0000") => zero.to_owned(),
        _ => text,
    }
}
