//! What the panels are given: the state of the session as the window knows it. Panels read it and change nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::history::{History, Sample};
use crate::analysis::{Analysis, Reading};
use crate::frame::Frame;
use crate::session::{LiveStatus, SourceState, Update};
use crate::settings::{FollowMode, Settings, ThemeChoice};
use crate::source::SourceSpec;
use crate::source::camera::CameraInfo;

/// How many pictures the latency to the screen is taken over.
const LATENCY_PICTURES: usize = 120;
/// A followed face that is away for longer gives up its place to another, seconds.
const GIVE_UP_AFTER_S: f64 = 2.0;
/// Mean luminance (0..=255) below which the picture is called dark.
const DARK_BELOW: f32 = 40.0;
/// A face lower than this part of the picture is called small.
const SMALL_BELOW: f32 = 0.10;
/// This long without a face before the picture says so, seconds.
const NO_FACE_AFTER_S: f64 = 1.0;

/// What the picture may say under itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Nobody is found for a while, and whoever watches is likely the one to be found.
    NoFace,
    /// Nobody is found for a while, and nothing can be done about it: a file, the demo.
    NoFaceThere,
    /// The picture is dark.
    Dark,
    /// The followed face is small.
    Small,
}

impl Hint {
    /// What it says.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoFace => "No face found: face the camera, more light, come nearer",
            Self::NoFaceThere => "No face found",
            Self::Dark => "Dark: more light on the face gives a steadier reading",
            Self::Small => "Small: come nearer for a steadier reading",
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Model {
    /// How everything stands.
    pub status: LiveStatus,
    /// The newest picture of the present source.
    pub picture: Option<Arc<Analysis>>,
    /// Counts the pictures taken up; tells the painter when to load a new one.
    pub pictures: u64,
    /// What was read.
    pub history: History,
    /// The face whose state is shown.
    pub followed: Option<u32>,
    /// The user chose it.
    pub pinned: bool,
    /// Cameras, as last seen.
    pub cameras: Vec<CameraInfo>,
    /// The theme in use, which may have been asked for this once and not be the one of the settings.
    pub theme: ThemeChoice,
    /// What to say of a source that nobody asked for.
    pub fallback: Option<String>,
    /// Records that the window never saw, since the source was opened.
    pub missed: u64,
    /// The trace begins here, seconds of the source: where the user cleared it.
    pub trace_from_s: f64,
    generation: u64,
    latencies_ms: VecDeque<f64>,
    followed_seen_s: f64,
    last_face_s: Option<f64>,
    first_frame_s: Option<f64>,
    luminance: Option<f32>,
}

impl Model {
    /// Nothing is known.
    pub fn new(settings: &Settings) -> Self {
        Self {
            status: LiveStatus::default(),
            picture: None,
            pictures: 0,
            history: History::new(settings.smoothing),
            followed: None,
            pinned: false,
            cameras: Vec::new(),
            theme: settings.theme,
            fallback: None,
            missed: 0,
            trace_from_s: f64::NEG_INFINITY,
            generation: 0,
            latencies_ms: VecDeque::with_capacity(LATENCY_PICTURES),
            followed_seen_s: 0.0,
            last_face_s: None,
            first_frame_s: None,
            luminance: None,
        }
    }

    /// Takes up what has happened; `now_s` is the session's clock. True when something on screen changes.
    pub fn take(&mut self, update: Update, now_s: f64, follow: FollowMode) -> bool {
        let mut changed = update.status != self.status;
        self.status = update.status;
        if update.source_generation != self.generation {
            self.generation = update.source_generation;
            self.forget_source();
            changed = true;
        }
        if let Some(info) = &self.status.info {
            self.history.set_stills(info.stills);
        }
        self.missed += update.records_missed;
        for record in &update.records {
            changed = true;
            let time_s = self.history.time_of(record);
            if self.history.latest_s().is_some_and(|t| time_s < t) {
                self.forget_source();
            }
            self.history.push(record);
            self.first_frame_s.get_or_insert(time_s);
            if !record.readings.is_empty() {
                self.last_face_s = Some(time_s);
            }
            self.choose_followed(&record.readings, time_s, follow);
        }
        if let Some(picture) = update.picture {
            changed = true;
            if let Some(captured_s) = picture.frame.captured_s {
                if self.latencies_ms.len() == LATENCY_PICTURES {
                    self.latencies_ms.pop_front();
                }
                self.latencies_ms
                    .push_back(((now_s - captured_s) * 1e3).max(0.0));
            }
            let dark = mean_luminance(&picture.frame);
            // A slow mean, so that a flicker does not switch the hint.
            self.luminance = Some(self.luminance.map_or(dark, |old| old + 0.1 * (dark - old)));
            self.picture = Some(picture);
            self.pictures += 1;
        }
        changed
    }

    /// Everything that belongs to the source that was.
    fn forget_source(&mut self) {
        self.history.clear();
        self.picture = None;
        self.pictures += 1;
        self.followed = None;
        self.pinned = false;
        self.missed = 0;
        self.trace_from_s = f64::NEG_INFINITY;
        self.latencies_ms.clear();
        self.last_face_s = None;
        self.first_frame_s = None;
        self.luminance = None;
    }

    fn choose_followed(&mut self, readings: &[Reading], time_s: f64, follow: FollowMode) {
        let area = Reading::area_px2;
        let largest = readings
            .iter()
            .max_by(|a, b| area(a).total_cmp(&area(b)))
            .map(|r| r.face_id);
        let seen = self
            .followed
            .is_some_and(|id| readings.iter().any(|r| r.face_id == id));
        if seen {
            self.followed_seen_s = time_s;
        }
        let gone = !seen && time_s - self.followed_seen_s > GIVE_UP_AFTER_S;
        let change = match (self.followed, largest) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(_), Some(_)) if gone => true,
            // Nobody goes from one unrelated picture to the next.
            (Some(_), Some(_)) if !seen && self.history.is_stills() => true,
            // Someone who has just come and is alone in the picture is most likely the same one.
            (Some(_), Some(id)) if !seen && readings.len() == 1 && self.is_new(id) => true,
            (Some(_), Some(_)) => follow == FollowMode::Largest && !self.pinned,
        };
        if change {
            if largest != self.followed {
                self.pinned = false;
            }
            self.followed = largest;
            self.followed_seen_s = time_s;
        }
        if let Some(id) = self.followed {
            self.history.follow(id, false);
        }
    }

    fn is_new(&self, face_id: u32) -> bool {
        self.history.seen_for_s(face_id).is_none_or(|s| s < 0.25)
    }

    /// The user wants to see this face.
    pub fn follow(&mut self, face_id: u32) {
        self.followed = Some(face_id);
        self.pinned = true;
        self.followed_seen_s = self.history.latest_s().unwrap_or(0.0);
        self.history.follow(face_id, true);
    }

    /// True when the last picture is on screen and says nothing of the present: the source is gone.
    pub fn is_stale(&self) -> bool {
        matches!(
            self.status.state,
            SourceState::Starting | SourceState::Waiting { .. } | SourceState::Failed { .. }
        )
    }

    /// The present sample of the followed face, if it is there.
    pub fn current(&self) -> Option<&Sample> {
        if self.is_stale() {
            return None;
        }
        self.history.current(self.followed?)
    }

    /// The readings on the newest picture, by id.
    pub fn readings(&self) -> &[Reading] {
        self.picture
            .as_ref()
            .filter(|_| !self.is_stale())
            .map_or(&[], |p| p.record.readings.as_slice())
    }

    /// Median and 95th percentile of the time from capture to the window, milliseconds; of capture to analysed where
    /// the frames carry no time of capture. `None` when nothing is known, as for a file.
    pub fn latency_ms(&self) -> Option<(f64, f64)> {
        if self.latencies_ms.is_empty() {
            let rates = &self.status.rates;
            return (rates.latency_median_ms > 0.0)
                .then_some((rates.latency_median_ms, rates.latency_p95_ms));
        }
        let mut sorted: Vec<f64> = self.latencies_ms.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part).round() as usize];
        Some((at(0.5), at(0.95)))
    }

    /// The times from capture to the window that [`Model::latency_ms`] is taken over, oldest first, milliseconds.
    pub fn latencies_ms(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.latencies_ms.iter().copied()
    }

    /// True when the source is one picture, and it is there.
    pub fn is_single_picture(&self) -> bool {
        let info = self.status.info.as_ref();
        self.picture.is_some() && info.is_some_and(|i| i.stills && i.frames == Some(1))
    }

    /// What the picture should say, if anything.
    pub fn hint(&self) -> Option<Hint> {
        if !matches!(
            self.status.state,
            SourceState::Running | SourceState::Paused
        ) {
            return None;
        }
        let is_camera = matches!(self.status.spec, Some(SourceSpec::Camera(_)));
        // Advice is for whoever sits before the camera; a file can only be told of.
        let dark = is_camera && self.luminance.is_some_and(|l| l < DARK_BELOW);
        let since_s = self.last_face_s.or(self.first_frame_s)?;
        let latest_s = self.history.latest_s()?;
        if latest_s - since_s > NO_FACE_AFTER_S {
            return Some(match (dark, is_camera) {
                (true, _) => Hint::Dark,
                (false, true) => Hint::NoFace,
                (false, false) => Hint::NoFaceThere,
            });
        }
        let picture = self.picture.as_ref()?;
        let face = picture.record.face(self.followed?)?;
        if dark {
            return Some(Hint::Dark);
        }
        let height = picture.frame.height_px() as f32;
        (is_camera
            && face
                .place
                .is_some_and(|p| p.box_px.h < SMALL_BELOW * height))
        .then_some(Hint::Small)
    }

    /// True when the source is the built-in demo.
    pub fn is_demo(&self) -> bool {
        self.status.spec == Some(SourceSpec::Demo)
    }

    /// True while frames are held by the user.
    pub fn is_paused(&self) -> bool {
        self.status.state == SourceState::Paused
    }

    /// Why nothing could be recorded now, in words; `None` when frames come or may yet come.
    pub fn cannot_record(&self) -> Option<&'static str> {
        match self.status.state {
            SourceState::Failed { .. } => {
                Some("Nothing to record: the source cannot be used. Choose another, or try again.")
            }
            SourceState::Ended { .. } => {
                Some("Nothing to record: it is at its end. Play it again first.")
            }
            _ if self.status.spec.is_none() => Some("Nothing to record: nothing is open."),
            _ => None,
        }
    }

    /// True while rows are being written.
    pub fn is_recording(&self) -> bool {
        self.status
            .recording
            .as_ref()
            .is_some_and(|r| r.failed.is_none())
    }
}

/// Mean luminance of about a thousand pixels, 0..=255.
fn mean_luminance(frame: &Frame) -> f32 {
    let pixels = frame.rgb().len() / 3;
    // An odd step wanders over the columns.
    let step = (pixels / 1024).max(1) | 1;
    let (mut sum, mut count) = (0_u64, 0_u64);
    for rgb in frame.rgb().chunks_exact(3).step_by(step) {
        sum += 2 * u64::from(rgb[0]) + 5 * u64::from(rgb[1]) + u64::from(rgb[2]);
        count += 8;
    }
    sum as f32 / count.max(1) as f32
}
