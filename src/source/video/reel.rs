//! A video whose frames are known, and decoders that begin at any of them.
//!
//! A frame is known by its time stamp, never by counting from where a seek happened to land. A run begins at a frame that
//! needs none before it (a key), and takes only what is shown from there on: frames after it in the file that are shown
//! before it (of an open group) are not asked of it. A seek that lands behind the key is seen by the key's not coming;
//! the next try begins further back, the last one at the start of the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::decoder::{Begin, Decoded, Decoder, Ending, EveryFrame};
use super::index::{Index, Watch, by_decoding, by_packets, seek_s};
use super::probe::Probe;
use super::{Programs, Times, VideoSource, early_end, no_frame};
use crate::frame::{Frame, FrameStamp};
use crate::source::{SourceError, SourceInfo};

/// How far before a key each try seeks, in seconds; after the last, the start of the file.
const BACK_S: [f64; 4] = [0.0, 1.0, 5.0, 20.0];

/// So many frames in a row that only a run from the start could give: the file's stamps are others within than from the
/// start, and no further seek is tried.
const VAIN_SEEKS: u32 = 2;

/// A video file and its frames.
pub(in crate::source) struct Reel {
    path: PathBuf,
    probe: Probe,
    programs: Programs,
    every_frame: EveryFrame,
    info: SourceInfo,
    index: Index,
    note: Option<String>,
    ends_early: bool,
    /// The try that seeks begin with: one that landed well, after those before it had not.
    first_try: usize,
    /// Frames in a row for which no seek would do.
    vain: u32,
}

/// A try at a video's frames that did not agree with what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Off {
    /// The seek landed behind the key.
    Late,
    /// A frame came that was not the next one.
    Strange,
    /// No more frames came.
    Short,
}

/// What came of waiting for a run.
#[derive(Debug)]
pub(in crate::source) enum Step {
    /// The next frame.
    Frame(Frame),
    /// Nothing to show yet.
    Waiting,
    /// It is of no further use.
    Off(Off),
}

/// A count of a video's frames by decoding it, which can be made beside the reel.
pub(in crate::source) struct Count {
    path: PathBuf,
    probe: Probe,
    programs: Programs,
    every_frame: EveryFrame,
}

/// What a [`Count`] found.
pub(in crate::source) struct Counted {
    index: Index,
    note: Option<String>,
}

impl Count {
    /// Decodes all of it. `threads` as ffmpeg's option; `None`: as many as it likes.
    ///
    /// # Errors
    /// When ffmpeg cannot be run, when nothing can be decoded, and when `watch` said to stop.
    pub fn run(&self, threads: Option<usize>, watch: Watch<'_>) -> Result<Counted, SourceError> {
        let (index, ending) = by_decoding(
            &self.path,
            &self.probe,
            &self.programs,
            self.every_frame,
            threads,
            watch,
        )?;
        if index.len() == 0 {
            return Err(no_frame(&self.path, &ending));
        }
        let note = early_end_of(&self.probe, &index, &ending, &self.path);
        Ok(Counted { index, note })
    }
}

/// [`early_end`] of frames that are known.
fn early_end_of(probe: &Probe, index: &Index, ending: &Ending, path: &Path) -> Option<String> {
    let mut times = Times::new(probe.rate_hz);
    for ticks in &index.ticks {
        times.next_s(*ticks);
    }
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    early_end(probe, index.len() as u64, &times, ending, bytes)
}

impl Reel {
    /// Opens a video and finds its frames, by the packets where they can be trusted, else by decoding all of it. Gives a
    /// run from the first frame too, since that has been decoded already.
    ///
    /// # Errors
    /// As [`VideoSource::open`], and when `watch` said to stop.
    pub fn open(path: &Path, watch: Watch<'_>) -> Result<(Self, Option<Run>), SourceError> {
        let programs = Programs::default();
        let mut source = VideoSource::open_with(path, &programs)?;
        let first = source.first.take();
        let packets = by_packets(path, &source.probe, &programs, watch)?
            .filter(|index| first.as_ref().map(|f| f.ticks) == index.ticks.first().copied());
        let mut reel = Self {
            path: path.to_owned(),
            probe: source.probe,
            programs,
            every_frame: source.every_frame,
            info: source.info,
            index: Index {
                ticks: Vec::new(),
                times_s: Vec::new(),
                keys: Vec::new(),
                counted: false,
            },
            note: None,
            ends_early: false,
            first_try: 0,
            vain: 0,
        };
        match packets {
            Some(index) => {
                let words = Ending::quiet();
                let end = early_end_of(&reel.probe, &index, &words, path);
                reel.ends_early = end.is_some();
                reel.note = end.map(|end| format!("{} {end}", reel.info.title));
                reel.index = index;
            }
            None => {
                tracing::debug!("the video's packets do not tell its frames: it is decoded once");
                reel.recount(watch)?;
            }
        }
        let run = source.decoder.map(|decoder| Run {
            decoder,
            held: first,
            key: None,
            next: 0,
            tried: None,
        });
        Ok((reel, run))
    }

    /// What is known of the video, the number of its frames included.
    pub fn info(&self) -> SourceInfo {
        SourceInfo {
            frames: Some(self.frames() as u64),
            ..self.info.clone()
        }
    }

    /// Bytes of a decoded frame.
    pub fn frame_bytes(&self) -> usize {
        self.info.width_px * self.info.height_px * 3
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.index.len()
    }

    /// The time of each, in seconds.
    pub fn times_s(&self) -> Arc<[f64]> {
        self.index.times_s.as_slice().into()
    }

    /// What the user should know about how it ends, or how its frames were found.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether it stops before its end.
    pub fn ends_early(&self) -> bool {
        self.ends_early
    }

    /// Whether its frames were found by decoding them.
    pub fn counted(&self) -> bool {
        self.index.counted
    }

    /// The frame from which a frame would be decoded.
    pub fn key(&self, index: usize) -> usize {
        match self.vain {
            0..VAIN_SEEKS => self.index.key(index).unwrap_or(0),
            _ => 0,
        }
    }

    /// A count of the frames, to be made on another thread.
    pub fn count(&self) -> Count {
        Count {
            path: self.path.clone(),
            probe: self.probe.clone(),
            programs: self.programs.clone(),
            every_frame: self.every_frame,
        }
    }

    /// Takes a count for what is true. Says whether the frames are others than before.
    pub fn settle(&mut self, counted: Counted) -> bool {
        let (old, new) = (self.frames(), counted.index.len());
        let differs = self.index.ticks != counted.index.ticks;
        let title = &self.info.title;
        self.ends_early = counted.note.is_some();
        self.note = counted.note.map(|note| format!("{title} {note}"));
        if differs && old > 0 {
            let note = format!(
                "{title} has {new} frames when it is decoded, and its container tells of {old}: the frames were \
                 numbered again."
            );
            self.note = Some(match self.note.take() {
                Some(end) => format!("{note} {end}"),
                None => note,
            });
        }
        self.index = counted.index;
        differs
    }

    /// Finds the frames by decoding all of the video. Says whether they are others than before.
    ///
    /// # Errors
    /// As [`Count::run`].
    pub fn recount(&mut self, watch: Watch<'_>) -> Result<bool, SourceError> {
        let counted = self.count().run(None, watch)?;
        Ok(self.settle(counted))
    }

    /// Starts to decode at the frame `from`, or somewhat before. `tries` to do so have failed: each next one seeks further
    /// back, until [`Reel::may_retry`] says that the last one began at the start of the file.
    ///
    /// # Errors
    /// [`SourceError`] when ffmpeg cannot be started.
    pub fn start(&self, from: usize, tries: usize) -> Result<Run, SourceError> {
        let key = self.key(from);
        let tried = self.first_try + tries;
        let place = BACK_S.get(tried).and_then(|back_s| {
            let seek_s = seek_s(&self.index, key) - back_s;
            Some((seek_s, self.index.ticks[key]?)).filter(|_| key > 0 && seek_s > 0.0)
        });
        let (begin, next) = match (place, self.index.ticks[from]) {
            (None, _) => (Begin::Start { skip: from }, from),
            (Some((seek_s, key)), Some(from_ticks)) => {
                let begin = Begin::Within {
                    seek_s,
                    key,
                    from: from_ticks,
                };
                (begin, from)
            }
            // A frame without a stamp cannot be waited for: all from the key on come.
            (Some((seek_s, stamp)), None) => {
                let begin = Begin::Within {
                    seek_s,
                    key: stamp,
                    from: stamp,
                };
                (begin, key)
            }
        };
        let within = matches!(begin, Begin::Within { .. });
        let decoder = Decoder::start(
            &self.path,
            &self.probe,
            &self.programs,
            self.every_frame,
            begin,
            0,
        )?;
        Ok(Run {
            decoder,
            held: None,
            key: within.then_some(key),
            next,
            tried: within.then_some(tried),
        })
    }

    /// Whether a run that was off can be tried once more, from further back.
    pub fn may_retry(&mut self, run: &Run, off: Off) -> bool {
        let Some(tried) = run.tried else {
            return false;
        };
        if off != Off::Late && !self.index.counted {
            // The key came, and then other frames than the packets promise.
            return false;
        }
        if tried + 1 == BACK_S.len() {
            self.vain += 1;
        }
        true
    }

    /// Waits for a run's next frame up to this long.
    ///
    /// # Errors
    /// [`SourceError::Failed`] when the pipe breaks.
    pub fn step(&mut self, run: &mut Run, patience: Duration) -> Result<Step, SourceError> {
        let decoded = match run.held.take() {
            Some(held) => held,
            None if !run.decoder.ready(patience) => return Ok(Step::Waiting),
            None => match run.decoder.next()? {
                Some(decoded) => decoded,
                None if run.key.is_some() => return Ok(Step::Off(Off::Late)),
                None => return Ok(Step::Off(Off::Short)),
            },
        };
        if let Some(key) = run.key {
            let wanted = self.index.ticks[key];
            if decoded.ticks == wanted {
                run.key = None;
                self.vain = 0;
                self.first_try = self.first_try.max(run.tried.unwrap_or(0));
                if key != run.next {
                    return Ok(Step::Waiting);
                }
            } else if decoded.ticks > wanted {
                return Ok(Step::Off(Off::Late));
            } else {
                return Ok(Step::Waiting);
            }
        }
        let index = run.next;
        match self.index.ticks.get(index) {
            Some(ticks) if *ticks == decoded.ticks => {}
            // At a damaged place ffmpeg's threads do not always make the same frames: one that was not there when they
            // were counted has no number.
            Some(ticks) if self.index.counted && decoded.ticks < *ticks => {
                return Ok(Step::Waiting);
            }
            _ => return Ok(Step::Off(Off::Strange)),
        }
        run.next += 1;
        let stamp = FrameStamp {
            index: index as u64,
            time_s: self.index.times_s[index],
        };
        Frame::new(stamp, self.info.width_px, self.info.height_px, decoded.rgb)
            .map(Step::Frame)
            .map_err(|error| {
                SourceError::Failed(format!(
                    "{}: {error}. Please report it.",
                    self.path.display()
                ))
            })
    }
}

/// A decoder on its way through the video; dropped, it is ended.
pub(in crate::source) struct Run {
    decoder: Decoder,
    /// A frame that was decoded already.
    held: Option<Decoded>,
    /// The key that must come before anything is believed.
    key: Option<usize>,
    /// The frame that comes next.
    next: usize,
    /// Which try it is; `None`: from the start of the file.
    tried: Option<usize>,
}

impl Run {
    /// The frame that comes next.
    pub fn next(&self) -> usize {
        self.next
    }
}
