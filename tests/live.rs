//! The live session on a synthetic camera: it runs, is unplugged, falls silent, is refused, comes back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use affectscope::analysis::{Record, Status};
use affectscope::clock::Clock;
use affectscope::frame::{Frame, FrameStamp};
use affectscope::live::Live;
use affectscope::model::device::{DeviceChoice, choose};
use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use affectscope::session::{Command, Engine, SourceState, Update};
use affectscope::source::{FrameSource, Next, Pace, SourceError, SourceInfo, SourceSpec};
use candle_core::Device;

use super::checkpoints::CNN_GRU;
use super::pipeline::canvas;

/// What a synthetic camera does when it is opened.
#[derive(Debug, Clone)]
enum Act {
    Refuse(&'static str),
    /// So many frames, so far apart, then this.
    Frames(u64, Duration, Then),
}

#[derive(Debug, Clone)]
enum Then {
    Unplugged,
    Silent,
    End,
}

struct Synthetic {
    info: SourceInfo,
    picture: Vec<u8>,
    left: u64,
    every: Duration,
    then: Then,
    clock: Clock,
    given: u64,
}

impl FrameSource for Synthetic {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        if self.left == 0 {
            return match self.then {
                Then::Unplugged => Err(SourceError::CameraLost(
                    "Synthetic was unplugged. Plug it in again.".into(),
                )),
                Then::End => Ok(Next::End { note: None }),
                Then::Silent => loop {
                    std::thread::sleep(Duration::from_secs(3600));
                },
            };
        }
        self.left -= 1;
        std::thread::sleep(self.every);
        let stamp = FrameStamp {
            index: self.given,
            time_s: self.clock.now_s(),
        };
        self.given += 1;
        let mut frame = Frame::new(stamp, 320, 240, self.picture.clone()).unwrap();
        frame.captured_s = Some(self.clock.now_s());
        Ok(Next::Frame(frame))
    }
}

fn live(pace: Pace, acts: Vec<Act>) -> Live {
    live_with(&Weights::load(None).unwrap(), pace, acts)
}

fn live_with(weights: &Weights, pace: Pace, acts: Vec<Act>) -> Live {
    let acts = Mutex::new(VecDeque::from(acts));
    let picture = canvas((320, 240), 0.6, &[(0, -20)]).into_raw();
    let opener =
        Arc::new(
            move |_: &SourceSpec, clock: &Clock| match acts.lock().unwrap().pop_front() {
                None => Err(SourceError::NoCamera(
                    "No camera was found. Connect one.".into(),
                )),
                Some(Act::Refuse(why)) => Err(SourceError::CameraRefused(why.into())),
                Some(Act::Frames(left, every, then)) => Ok(Box::new(Synthetic {
                    info: SourceInfo {
                        title: "Synthetic".into(),
                        pace,
                        width_px: 320,
                        height_px: 240,
                        rate_hz: Some(30.0),
                        frames: None,
                        stills: false,
                        format: None,
                    },
                    picture: picture.clone(),
                    left,
                    every,
                    then,
                    clock: *clock,
                    given: 0,
                })
                    as Box<dyn FrameSource>),
            },
        );
    let student = Student::new(weights, &Device::Cpu).unwrap();
    let device = choose(DeviceChoice::Cpu).unwrap();
    Live::start_with(student, &device, Arc::new(|| {}), opener).unwrap()
}

/// Polls until something holds; gives every record on the way.
#[track_caller]
fn until(live: &mut Live, what: &str, mut holds: impl FnMut(&Update) -> bool) -> Vec<Arc<Record>> {
    let end = Instant::now() + Duration::from_secs(30);
    let mut records = Vec::new();
    loop {
        let update = live.poll();
        records.extend(update.records.iter().cloned());
        if holds(&update) {
            return records;
        }
        assert!(
            Instant::now() < end,
            "waited in vain for: {what}; {:?}",
            update.status
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

const SLOW: Duration = Duration::from_millis(50);
const CAMERA: SourceSpec = SourceSpec::Camera(None);

#[test]
fn a_camera_that_is_unplugged_is_taken_up_again_and_frames_go_on_counting() {
    let mut live = live(
        Pace::Camera,
        vec![
            Act::Frames(10, SLOW, Then::Unplugged),
            Act::Refuse("Synthetic is in use."),
            Act::Frames(1000, SLOW, Then::Silent),
        ],
    );
    live.send(Command::Open(CAMERA));
    let mut records = until(
        &mut live,
        "the loss",
        |u| matches!(&u.status.state, SourceState::Waiting { reason } if reason.contains("unplugged")),
    );
    let mut after = 0;
    records.extend(until(&mut live, "the return", |u| {
        after += u.records.len();
        u.status.state == SourceState::Running && after > 5
    }));
    let numbers: Vec<u64> = records.iter().map(|r| r.stamp.index).collect();
    assert_eq!(
        numbers,
        (0..numbers.len() as u64).collect::<Vec<_>>(),
        "every captured frame has its record, in order"
    );
    assert!(
        records
            .windows(2)
            .all(|w| w[0].stamp.time_s < w[1].stamp.time_s)
    );
    assert!(records.iter().any(|r| r.status == Status::Ok));
}

#[test]
fn a_silent_camera_is_told_within_five_seconds_and_the_session_ends_all_the_same() {
    let mut live = live(Pace::Camera, vec![Act::Frames(5, SLOW, Then::Silent)]);
    live.send(Command::Open(CAMERA));
    until(&mut live, "frames", |u| !u.records.is_empty());
    let since = Instant::now();
    until(
        &mut live,
        "the word",
        |u| matches!(&u.status.state, SourceState::Waiting { reason } if reason.contains("gives no frames")),
    );
    assert!(since.elapsed() < Duration::from_secs(5));
    let since = Instant::now();
    drop(live);
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "a hanging read holds up nothing"
    );
}

#[test]
fn a_camera_that_is_refused_is_told_and_taken_once_it_is_free() {
    let mut live = live(
        Pace::Camera,
        vec![
            Act::Refuse("Synthetic is in use."),
            Act::Frames(1000, SLOW, Then::Silent),
        ],
    );
    live.send(Command::Open(CAMERA));
    until(
        &mut live,
        "the refusal",
        |u| matches!(&u.status.state, SourceState::Failed { reason } if reason.contains("in use")),
    );
    until(&mut live, "frames", |u| {
        u.status.state == SourceState::Running
    });
}

#[test]
fn a_fast_camera_drops_frames_and_says_which() {
    let mut live = live(
        Pace::Camera,
        vec![Act::Frames(400, Duration::from_millis(1), Then::Silent)],
    );
    live.send(Command::Open(CAMERA));
    let mut last = Update::default();
    let records = until(&mut live, "all frames", |u| {
        last = u.clone();
        u.status.rates.dropped + u.status.rates.analysed == 400
    });
    let mut records = records;
    records.extend(live.poll().records);
    assert_eq!(
        records.iter().map(|r| r.stamp.index).collect::<Vec<_>>(),
        (0..400).collect::<Vec<_>>()
    );
    let dropped = records
        .iter()
        .filter(|r| r.status == Status::Dropped)
        .count() as u64;
    assert_eq!(dropped, last.status.rates.dropped);
    assert!(
        dropped > 0,
        "a thousand a second is more than the network reads"
    );
}

#[test]
fn the_papers_weights_behind_a_camera_skip_frames_count_them_and_stay_with_the_newest() {
    let weights = Weights::from_bytes(&CNN_GRU, "paper.pth", "paper").unwrap();
    let mut live = live_with(
        &weights,
        Pace::Camera,
        vec![Act::Frames(120, Duration::from_millis(4), Then::Silent)],
    );
    live.send(Command::Open(CAMERA));
    let mut last = Update::default();
    let mut records = until(&mut live, "all frames", |u| {
        last = u.clone();
        u.status.rates.dropped + u.status.rates.analysed == 120
    });
    records.extend(live.poll().records);
    assert_eq!(last.status.weights.input, "RGB 112×112, window 32");
    assert!(last.status.rates.dropped > 0);
    // The newest frame wins: behind each frame that was read, only the one that waited while it was read is older.
    let read: Vec<u64> = records
        .iter()
        .filter(|r| r.status != Status::Dropped)
        .map(|r| r.stamp.index)
        .collect();
    assert_eq!(
        read.last(),
        Some(&119),
        "the last frame is never the one that is skipped"
    );
    assert_eq!(records.len(), 120, "skipped frames have their rows");
}

#[test]
fn a_file_loses_no_frame_and_ends() {
    let mut live = live(
        Pace::File,
        vec![Act::Frames(60, Duration::from_millis(1), Then::End)],
    );
    live.send(Command::Open(CAMERA));
    let records = until(&mut live, "the end", |u| {
        matches!(u.status.state, SourceState::Ended { .. })
    });
    assert_eq!(records.len(), 60);
    assert!(
        records
            .iter()
            .all(|r| r.status == Status::Ok && r.latency_ms.is_none())
    );
}

#[test]
fn a_pause_holds_the_records_and_another_source_begins_anew() {
    let mut live = live(
        Pace::Camera,
        vec![
            Act::Frames(1000, SLOW, Then::Silent),
            Act::Frames(1000, SLOW, Then::Silent),
        ],
    );
    live.send(Command::Open(CAMERA));
    until(&mut live, "frames", |u| !u.records.is_empty());
    live.send(Command::Pause(true));
    std::thread::sleep(Duration::from_millis(300));
    live.poll();
    std::thread::sleep(Duration::from_millis(300));
    let update = live.poll();
    assert!(update.records.is_empty() && update.status.state == SourceState::Paused);
    let generation = update.source_generation;
    live.send(Command::Open(CAMERA));
    let records = until(&mut live, "the new one", |u| {
        !u.records.is_empty() && u.source_generation > generation
    });
    assert_eq!(records[0].stamp.index, 0);
}

#[test]
fn a_recording_holds_every_frame_and_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.csv");
    let mut live = live(
        Pace::Camera,
        vec![Act::Frames(1000, Duration::from_millis(20), Then::Silent)],
    );
    live.send(Command::Open(CAMERA));
    until(&mut live, "frames", |u| u.status.rates.analysed > 3);
    live.send(Command::Record {
        path: path.clone(),
        picture: true,
    });
    until(&mut live, "rows on disk", |u| {
        u.status.recording.as_ref().is_some_and(|r| r.rows > 10)
    });
    assert!(!path.exists(), "beside its name until it is whole");
    live.send(Command::StopRecording);
    until(&mut live, "the end", |u| u.status.recording.is_none());
    live.finish_recording();
    let text = std::fs::read_to_string(&path).unwrap();
    let frames: Vec<u64> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(frames, (0..frames.len() as u64).collect::<Vec<_>>());
    assert!(frames.len() > 10);
    let sidecar: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
    assert_eq!(sidecar["picture"]["file"], "session.mkv");
    let probe = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
        ])
        .arg(path.with_extension("mkv"))
        .output()
        .unwrap();
    let pictures: usize = String::from_utf8_lossy(&probe.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!(
        pictures == frames.len(),
        "{pictures} pictures, {} rows",
        frames.len()
    );
}

#[test]
fn a_recording_onto_an_existing_file_is_refused_and_the_file_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken.csv");
    std::fs::write(&path, "mine").unwrap();
    let mut live = live(Pace::Camera, vec![Act::Frames(1000, SLOW, Then::Silent)]);
    live.send(Command::Open(CAMERA));
    live.send(Command::Record {
        path: path.clone(),
        picture: false,
    });
    until(&mut live, "the refusal", |u| {
        u.status
            .recording
            .as_ref()
            .and_then(|r| r.failed.as_ref())
            .is_some_and(|f| f.contains("exists"))
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
