//! Frames that are files of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cache::Cache;
use super::roll::{Broken, Done};
use super::{Travel, Work};
use crate::frame::Frame;
use crate::source::images::{ImageSource, crops::CropSource};
use crate::source::{FrameSource, Next, SourceInfo};

/// Pictures that are read ahead.
const AHEAD: usize = 8;

enum Source {
    Images(ImageSource),
    Crops(CropSource),
}

/// Pictures or crops.
pub(super) struct Stills {
    source: Source,
    frames: usize,
    /// Those that reading ahead lets be while this frame is wanted: they cannot be read, or there is no room for them.
    let_be: BTreeSet<usize>,
    let_be_at: usize,
}

impl Stills {
    pub fn of_images(source: ImageSource) -> Self {
        Self::new(Source::Images(source))
    }

    pub fn of_crops(source: CropSource) -> Self {
        Self::new(Source::Crops(source))
    }

    fn new(source: Source) -> Self {
        let mut stills = Self {
            source,
            frames: 0,
            let_be: BTreeSet::new(),
            let_be_at: 0,
        };
        stills.frames = stills.info().frames.unwrap_or(0) as usize;
        stills
    }

    pub fn info(&self) -> &SourceInfo {
        match &self.source {
            Source::Images(source) => source.info(),
            Source::Crops(source) => source.info(),
        }
    }

    pub fn times_s(&self) -> Arc<[f64]> {
        (0..self.frames as u64)
            .map(|index| match &self.source {
                Source::Images(source) => source.time_s(index),
                Source::Crops(source) => source.time_s(index),
            })
            .collect()
    }

    pub fn names(&self) -> Arc<[String]> {
        match &self.source {
            Source::Images(source) => source.file_names(),
            Source::Crops(source) => source.file_names(),
        }
        .into()
    }

    fn read(&mut self, index: usize) -> Result<Frame, String> {
        let next = match &mut self.source {
            Source::Images(source) => source.at(index as u64),
            Source::Crops(source) => source.at(index as u64),
        };
        match next {
            Next::Frame(frame) => Ok(frame),
            Next::Unreadable { file, reason, .. } => Err(match file {
                Some(file) => format!("{file}: {reason}"),
                None => reason,
            }),
            Next::Missing { .. } => {
                Err("there is no picture of it: no face was cut out there".to_owned())
            }
            Next::End { .. } => Err("there are fewer pictures".to_owned()),
        }
    }

    /// Reads one picture: the wanted one, else one of those next to it.
    pub fn work(&mut self, cache: &mut Cache, want: usize, travel: Travel) -> Result<Done, Broken> {
        if !cache.has(want) {
            // Tried afresh: the file may have been mended.
            let frame = self.read(want).map_err(Broken::Frame)?;
            cache.put(frame, want, travel);
            return Ok(Done::Work(Work::Busy));
        }
        if self.let_be_at != want {
            self.let_be.clear();
            self.let_be_at = want;
        }
        let info = self.info();
        let room = cache.room(info.width_px * info.height_px * 3);
        let ahead = AHEAD.min(room / 2);
        let near = (1..=ahead).filter_map(|n| match travel {
            Travel::Forward => Some(want + n).filter(|&i| i < self.frames),
            Travel::Backward => want.checked_sub(n),
        });
        let missing = near
            .filter(|i| !cache.has(*i) && !self.let_be.contains(i))
            .min_by_key(|i| i.abs_diff(want));
        let Some(index) = missing else {
            return Ok(Done::Work(Work::Idle));
        };
        if let Ok(frame) = self.read(index) {
            cache.put(frame, want, travel);
        }
        if !cache.has(index) {
            self.let_be.insert(index);
        }
        Ok(Done::Work(Work::Busy))
    }
}
