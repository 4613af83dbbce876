//! The labelled frames of a video: faces are followed through it as everywhere else, and matched with whom the labels
//! speak of.

use std::collections::BTreeMap;
use std::path::Path;

use super::cut::Cutter;
use super::parts::PartWriter;
use super::plan::{Cast, Clip};
use super::{PrepareError, TORN_VIDEO, UNREAD_VIDEO};
use crate::face::finder::{Finder, Found, Schedule};
use crate::formats::labels::Person;
use crate::frame::Frame;
use crate::model::config::{Color, StudentConfig};
use crate::model::weights::Weights;
use crate::session::{Faces, Tuning};
use crate::source::video::VideoSource;
use crate::source::{FrameSource, Next};
use crate::train::set::{Labels, Row};

/// As `analyze` looks for faces when nothing else is said.
const TUNING: Tuning = Tuning {
    faces: Faces::All,
    min_face: 0.08,
    lookahead: 0,
};
/// Frames between two reports.
const REPORT_EVERY: u64 = 64;

/// One worker's hands on videos.
pub struct Filmed<'a> {
    cutter: &'a mut Cutter,
    color: Color,
    halted: &'a dyn Fn() -> bool,
    through: &'a dyn Fn(u64),
    unread: &'a dyn Fn(String),
}

impl<'a> Filmed<'a> {
    /// `halted` is asked at every frame, `through` gets the count of faces since the last time, `unread` what cannot be
    /// read, and why.
    pub fn new(
        cutter: &'a mut Cutter,
        color: Color,
        halted: &'a dyn Fn() -> bool,
        through: &'a dyn Fn(u64),
        unread: &'a dyn Fn(String),
    ) -> Self {
        Self {
            cutter,
            color,
            halted,
            through,
            unread,
        }
    }

    /// Every labelled frame; false when it was halted. A video that cannot be read is left out, label by label.
    ///
    /// # Errors
    /// When the part cannot be written or a built-in model is damaged.
    pub fn clip(
        &mut self,
        root: &Path,
        clip: &Clip,
        part: &mut PartWriter<'_>,
    ) -> Result<bool, PrepareError> {
        let mut left: Vec<(&Cast, BTreeMap<u64, Labels>)> =
            clip.cast.iter().map(|c| (c, c.labels.clone())).collect();
        let mut why = "the video ends before this frame";
        match VideoSource::open(&root.join(&*clip.file)) {
            Ok(mut source) => {
                if !self.frames(&mut source, clip, &mut left, part, &mut why)? {
                    return Ok(false);
                }
            }
            Err(error) => {
                // Without ffmpeg nothing can be said of any video.
                if matches!(error, crate::source::SourceError::NoFfmpeg { .. }) {
                    return Err(PrepareError::Source(error));
                }
                (self.unread)(error.to_string());
                why = UNREAD_VIDEO;
            }
        }
        let mut missing = 0;
        for (cast, labels) in &left {
            for frame in labels.keys() {
                part.leave_out(why, &format!("{} frame {frame}", cast.sequence));
                missing += 1;
            }
        }
        (self.through)(missing);
        Ok(true)
    }

    fn frames(
        &mut self,
        source: &mut VideoSource,
        clip: &Clip,
        left: &mut [(&Cast, BTreeMap<u64, Labels>)],
        part: &mut PartWriter<'_>,
        why: &mut &'static str,
    ) -> Result<bool, PrepareError> {
        let mut finder = finder()?;
        let mut since = 0;
        let mut gone = 0;
        loop {
            if (self.halted)() {
                return Ok(false);
            }
            let frame = match source.next() {
                Ok(Next::Frame(frame)) => frame,
                Ok(Next::Unreadable { .. } | Next::Missing { .. }) => continue,
                Ok(Next::End { .. }) => break,
                Err(error) => {
                    (self.unread)(error.to_string());
                    *why = TORN_VIDEO;
                    break;
                }
            };
            let index = frame.stamp.index;
            let wanted = left.iter().any(|(_, labels)| labels.contains_key(&index));
            // Every frame is looked at, so that faces are followed; the labels' own are kept.
            let found = finder.find(&frame, &TUNING);
            if wanted {
                for (cast, labels) in left.iter_mut() {
                    if let Some(label) = labels.remove(&index) {
                        self.face(&frame, found, (clip, cast), label, part)?;
                        since += 1;
                    }
                }
            }
            gone += 1;
            if gone % REPORT_EVERY == 0 {
                (self.through)(std::mem::take(&mut since));
            }
            if left.iter().all(|(_, labels)| labels.is_empty()) {
                break;
            }
        }
        (self.through)(since);
        Ok(true)
    }

    fn face(
        &mut self,
        frame: &Frame,
        found: &[Found],
        (clip, cast): (&Clip, &Cast),
        labels: Labels,
        part: &mut PartWriter<'_>,
    ) -> Result<(), PrepareError> {
        let index = frame.stamp.index;
        let kept = choose(found, cast.person, clip.cast.len(), frame.width_px())
            .ok_or("no face was found")
            .and_then(|face| self.cutter.cut_at(frame, &face.landmarks_px));
        match kept {
            Ok(kept) => {
                let row = Row {
                    offset: 0,
                    width_px: kept.width_px,
                    height_px: kept.height_px,
                    channels: self.color.channels(),
                    landmarks: kept.landmarks,
                    split: clip.split,
                    subject: clip.subject.to_string(),
                    sequence: Some(cast.sequence.to_string()),
                    frame: Some(index),
                    file: clip.file.to_string(),
                    group: cast.group.as_deref().map(str::to_owned),
                    labels,
                };
                part.add(row, &kept.pixels)?;
            }
            Err(why) => part.leave_out(why, &format!("{} frame {index}", cast.sequence)),
        }
        Ok(())
    }
}

/// Faces as the built-in network takes them: only their landmarks are wanted.
fn finder() -> Result<Finder, PrepareError> {
    let weights = Weights::load(None)?;
    let config = StudentConfig::parse(&weights.config).map_err(|reason| weights.wrong(reason))?;
    Ok(Finder::new(Schedule::Thorough, &config)?)
}

/// Whom the labels speak of: the largest face, or of two people the one on that side. Where only one of two is found
/// and both have labels, it is whose half of the picture it is in.
fn choose(
    found: &[Found],
    person: Option<Person>,
    people: usize,
    width_px: usize,
) -> Option<&Found> {
    let x = |f: &Found| f.detection.box_px.center().0;
    let area = |f: &Found| f.detection.box_px.w * f.detection.box_px.h;
    let side = match person {
        None => return found.iter().max_by(|a, b| area(a).total_cmp(&area(b))),
        Some(side) => side,
    };
    let chosen = match side {
        Person::Left => found.iter().min_by(|a, b| x(a).total_cmp(&x(b))),
        Person::Right => found.iter().max_by(|a, b| x(a).total_cmp(&x(b))),
    }?;
    let on_left = x(chosen) < width_px as f32 / 2.0;
    let other = found.len() == 1 && people > 1 && on_left != (side == Person::Left);
    (!other).then_some(chosen)
}
