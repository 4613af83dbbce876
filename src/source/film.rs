//! Any frame of a video or of pictures, at any time: what an annotator's bench shows.
//!
//! Frame `n` of a [`Film`] is frame `n` of the [`super::FrameSource`] on the same path read from its start: the same pixels
//! and the same time. For a video, which frames there are is known before they are decoded (see the films' index in
//! `video/index.rs`: by the file's packets where those can be trusted, else by decoding all once), and each frame that
//! is decoded is compared with it. What was decoded is kept up to a number of bytes; one decoder goes on ahead of the
//! frame that is looked at, another fetches what lies before it, a piece at a time.

mod cache;
mod roll;
mod stills;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::cache::Cache;
use self::roll::Roll;
use self::stills::Stills;
use super::images::{self, crops};
use super::video::reel::{self, Reel};
use super::{SourceError, SourceInfo};
use crate::frame::Frame;

/// Bytes of pictures that are kept: 86 of 1920x1080 pixels. Going backwards through a long group of pictures that each
/// need those before them, more room means fewer times through it.
pub const CACHE_BYTES: usize = 512 << 20;

/// A step back by at most so many frames is on the way backwards; a longer one is a jump.
const NEAR: usize = 64;

/// How long one piece of work may wait for a decoder, where nobody else waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// Told how far the search for a video's frames is, 0..=1; says whether to go on.
pub type Watch = Box<dyn FnMut(f64) -> bool + Send>;

/// Which way somebody goes through the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Travel {
    /// To later frames.
    Forward,
    /// To earlier ones.
    Backward,
}

/// What a piece of work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// There is more to do.
    Busy,
    /// Everything near the frame that was asked for is there.
    Idle,
}

/// Where the frames come from.
enum Material {
    Video(Box<Roll>),
    Pictures(Box<Stills>),
}

/// How the pictures of a folder are numbered. What was read of them before was read in one way, and goes on so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// By their names where they are all numbers of five digits from 00001 on, as crops of a video are, else by their order.
    #[default]
    AsItLooks,
    /// By their names: pictures that are missing are frames, too.
    ByName,
    /// By their order.
    ByOrder,
}

impl Numbering {
    /// How predictions number the pictures that they are of, by their sidecar.
    pub fn of_predictions(sidecar: Option<&serde_json::Value>) -> Self {
        let protocol = sidecar.and_then(|s| s["protocol"]["name"].as_str());
        match protocol {
            Some("crops") => Self::ByName,
            Some("stills") => Self::ByOrder,
            _ => Self::AsItLooks,
        }
    }

    /// Whether the pictures of this folder are the frames of their names.
    pub fn is_by_name(self, folder: &Path) -> bool {
        folder.is_dir()
            && match self {
                Self::AsItLooks => crops::is_crops(folder),
                Self::ByName => true,
                Self::ByOrder => false,
            }
    }
}

/// A video, a picture, a folder of pictures or of crops, for random access.
///
/// Not shared between threads: one thread owns it. Dropped, it ends its decoders.
pub struct Film {
    path: PathBuf,
    info: SourceInfo,
    times_s: Arc<[f64]>,
    pictures: Option<Arc<[String]>>,
    note: Option<String>,
    material: Material,
    cache: Cache,
    want: usize,
    travel: Travel,
    /// The wanted frame could not be had, or decoding ahead has failed: nothing is tried until a frame is asked for.
    resting: bool,
    numbering: u64,
    watch: Watch,
}

impl Film {
    /// Opens a video, a picture, a folder of pictures, a pattern such as `frame_%05d.png`, or a video's folder of crops:
    /// one whose pictures are all named by numbers of five digits from 00001 on. Finds a video's frames, which may take as long as
    /// decoding it where its container does not tell them reliably.
    ///
    /// # Errors
    /// As [`super::open_path`].
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_watched(path, CACHE_BYTES, Box::new(|_| true))
    }

    /// As [`Film::open_watched`], with the pictures of a folder numbered in this way; where that is by their names `times_s` are
    /// the frames' times, where they are known.
    ///
    /// # Errors
    /// As there, and as [`crops::CropSource::open`].
    pub fn open_numbered(
        path: &Path,
        (numbering, times_s): (Numbering, Option<Vec<f64>>),
        cache_bytes: usize,
        watch: Watch,
    ) -> Result<Self, SourceError> {
        if numbering.is_by_name(path) {
            return Self::of_crops(path, times_s, cache_bytes);
        }
        Self::open_by_order(path, cache_bytes, watch)
    }

    /// As [`Film::open`], with so many bytes of pictures kept (four pictures at least), and with somebody who hears how far the
    /// search for the frames is and can end it, now and whenever they must be searched for again.
    ///
    /// # Errors
    /// As [`Film::open`]; [`SourceError::Failed`] when `watch` said to stop.
    pub fn open_watched(
        path: &Path,
        cache_bytes: usize,
        watch: Watch,
    ) -> Result<Self, SourceError> {
        Self::open_numbered(path, (Numbering::AsItLooks, None), cache_bytes, watch)
    }

    fn open_by_order(
        path: &Path,
        cache_bytes: usize,
        mut watch: Watch,
    ) -> Result<Self, SourceError> {
        if images::is_images(path) {
            let source = images::ImageSource::open(path)?;
            let note = source.note().map(str::to_owned);
            return Ok(Self::new(
                path,
                cache_bytes,
                watch,
                Stills::of_images(source),
                note,
            ));
        }
        let (reel, run) = Reel::open(path, &mut watch)?;
        let mut film = Self {
            path: path.to_owned(),
            info: reel.info(),
            times_s: Arc::default(),
            pictures: None,
            note: None,
            cache: Cache::new(cache_bytes),
            material: Material::Video(Box::new(Roll::new(reel, run))),
            want: 0,
            travel: Travel::Forward,
            resting: false,
            numbering: 0,
            watch,
        };
        film.look();
        Ok(film)
    }

    fn of_crops(
        folder: &Path,
        times_s: Option<Vec<f64>>,
        cache_bytes: usize,
    ) -> Result<Self, SourceError> {
        let source = crops::CropSource::open(folder, times_s)?;
        let stills = Stills::of_crops(source);
        Ok(Self::new(
            folder,
            cache_bytes,
            Box::new(|_| true),
            stills,
            None,
        ))
    }

    fn new(
        path: &Path,
        cache_bytes: usize,
        watch: Watch,
        stills: Stills,
        note: Option<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            info: stills.info().clone(),
            times_s: stills.times_s(),
            pictures: Some(stills.names()),
            note,
            material: Material::Pictures(Box::new(stills)),
            cache: Cache::new(cache_bytes),
            want: 0,
            travel: Travel::Forward,
            resting: false,
            numbering: 0,
            watch,
        }
    }

    /// Takes over what the reel knows.
    fn look(&mut self) {
        if let Material::Video(roll) = &self.material {
            let reel = roll.reel();
            self.info = reel.info();
            self.times_s = reel.times_s();
            self.note = reel.note().map(str::to_owned);
        }
    }

    /// What is known of it; the number of frames is the true one.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// How many frames there are, at least 1.
    pub fn frames(&self) -> usize {
        self.times_s.len()
    }

    /// The time of each frame in the order of showing, in seconds since the container's start: what
    /// [`super::FrameSource`] gives.
    pub fn times_s(&self) -> &[f64] {
        &self.times_s
    }

    /// The same times, to keep.
    pub fn shared_times_s(&self) -> Arc<[f64]> {
        self.times_s.clone()
    }

    /// Names of the files where each frame is one, by frame; empty where there is no picture of a frame.
    pub fn pictures(&self) -> Option<&[String]> {
        self.pictures.as_deref()
    }

    /// The same names, to keep.
    pub fn shared_pictures(&self) -> Option<Arc<[String]>> {
        self.pictures.clone()
    }

    /// What the user should know: that the video ends early, or that its container was wrong about its frames.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether the video stops before its end, as a file that was cut off does.
    pub fn ends_early(&self) -> bool {
        match &self.material {
            Material::Video(roll) => roll.reel().ends_early(),
            Material::Pictures(_) => false,
        }
    }

    /// Whether the frames were found by decoding all of them (or are pictures) rather than by what the container says.
    pub fn counted(&self) -> bool {
        match &self.material {
            Material::Video(roll) => roll.reel().counted(),
            Material::Pictures(_) => true,
        }
    }

    /// Rises whenever the frames were numbered again, since the container had been wrong: the times and the number of
    /// frames are others then, and frame `n` may be another.
    pub fn numbering(&self) -> u64 {
        self.numbering
    }

    /// A frame: its pixels and its time. Waits until it is decoded.
    ///
    /// # Errors
    /// [`SourceError::NoFrame`] when there is none of that number or it cannot be decoded; others when the file or
    /// ffmpeg is gone. The film can be asked for others after each.
    pub fn frame(&mut self, index: usize) -> Result<Frame, SourceError> {
        loop {
            if let Some(frame) = self.ask(index)? {
                return Ok(frame);
            }
            self.work(PATIENCE)?;
        }
    }

    /// Says which frame is wanted from now on; gives it where it is there already. [`Film::work`] fetches it otherwise.
    ///
    /// # Errors
    /// [`SourceError::NoFrame`] when there is none of that number.
    pub fn ask(&mut self, index: usize) -> Result<Option<Frame>, SourceError> {
        let frames = self.frames();
        if index >= frames {
            let early = self
                .note
                .as_ref()
                .map_or(String::new(), |n| format!(" ({})", n.trim_end_matches('.')));
            return Err(SourceError::NoFrame {
                path: self.path.clone(),
                index,
                reason: format!(
                    "there are {frames}, the last is frame {}{early}. Ask for another",
                    frames - 1
                ),
            });
        }
        if index != self.want {
            let back = self.want.saturating_sub(index);
            self.travel = match back {
                1..=NEAR => Travel::Backward,
                _ => Travel::Forward,
            };
            self.want = index;
        }
        self.resting = false;
        Ok(self.cache.get(index))
    }

    /// Whether a frame is there already.
    pub fn has(&self, index: usize) -> bool {
        self.cache.has(index)
    }

    /// Does a piece of work, at most one frame's decoding and at most `patience` of waiting: towards the frame that was
    /// asked for, then towards those that will be asked for next.
    ///
    /// # Errors
    /// When the frame that was asked for cannot be had.
    pub fn work(&mut self, patience: Duration) -> Result<Work, SourceError> {
        if self.resting {
            return Ok(Work::Idle);
        }
        let urgent = !self.cache.has(self.want);
        let done = match &mut self.material {
            Material::Video(roll) => roll.work(
                &mut self.cache,
                self.want,
                self.travel,
                patience,
                &mut *self.watch,
            ),
            Material::Pictures(stills) => stills.work(&mut self.cache, self.want, self.travel),
        };
        match done {
            Ok(roll::Done::Work(work)) => Ok(work),
            Ok(roll::Done::Renumbered) => {
                self.look();
                self.numbering += 1;
                Ok(Work::Busy)
            }
            Err(reason) => {
                self.resting = true;
                match reason {
                    _ if !urgent => Ok(Work::Idle),
                    roll::Broken::Source(error) => Err(error),
                    roll::Broken::Frame(reason) => Err(SourceError::NoFrame {
                        path: self.path.clone(),
                        index: self.want,
                        reason,
                    }),
                }
            }
        }
    }

    /// A count of the frames by decoding all of them, to be made on another thread and given to [`Film::settle`];
    /// `None` where nothing is in doubt.
    pub fn count(&self) -> Option<Count> {
        match &self.material {
            Material::Video(roll) if !self.counted() => Some(Count(roll.reel().count())),
            _ => None,
        }
    }

    /// Takes a count for what is true. Says whether the frames were numbered again.
    pub fn settle(&mut self, counted: Counted) -> bool {
        let Material::Video(roll) = &mut self.material else {
            return false;
        };
        let renumbered = roll.settle(&mut self.cache, counted.0);
        self.numbering += u64::from(renumbered);
        self.look();
        self.want = self.want.min(self.frames().saturating_sub(1));
        renumbered
    }
}

/// A count of a video's frames that is yet to be made.
pub struct Count(reel::Count);

/// What a [`Count`] found.
pub struct Counted(reel::Counted);

impl Count {
    /// Decodes all of the video on one core. `watch` hears how far it is and says whether to go on.
    ///
    /// # Errors
    /// [`SourceError`] when ffmpeg fails, and when `watch` said to stop.
    pub fn run(self, watch: &mut dyn FnMut(f64) -> bool) -> Result<Counted, SourceError> {
        self.0.run(Some(1), watch).map(Counted)
    }
}
