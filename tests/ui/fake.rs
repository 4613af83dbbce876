//! A session that says what a test tells it to, and remembers what it was told.

use std::sync::{Arc, Mutex};

use super::bench::FakeBench;
use affectscope::analysis::{Analysis, BoxPx, Crop, Place, Reading, Record, Status};
use affectscope::frame::{Frame, FrameStamp};
use affectscope::labels::{Estimate, Expression};
use affectscope::session::{Command, Engine, LiveStatus, Rates, SourceState, Update, WeightsCard};
use affectscope::source::camera::CameraInfo;
use affectscope::source::{Pace, SourceInfo, SourceSpec};

/// What the session says next, and what it was told.
#[derive(Default)]
pub struct Stage {
    pub update: Update,
    pub commands: Vec<Command>,
    pub cameras: Vec<CameraInfo>,
    /// The threads of the annotator's bench, given out once.
    pub bench: Option<FakeBench>,
}

/// The engine that hands it out.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Stage>>);

impl Fake {
    pub fn with(&self, change: impl FnOnce(&mut Stage)) {
        change(&mut self.0.lock().unwrap());
    }

    pub fn commands(&self) -> Vec<Command> {
        self.0.lock().unwrap().commands.clone()
    }
}

impl Engine for Fake {
    fn poll(&mut self) -> Update {
        let mut stage = self.0.lock().unwrap();
        let update = stage.update.clone();
        stage.update.records.clear();
        stage.update.picture = None;
        update
    }

    fn send(&mut self, command: Command) {
        self.0.lock().unwrap().commands.push(command);
    }

    fn bench(&mut self) -> Option<Box<dyn affectscope::review::session::Engine>> {
        let bench = self.0.lock().unwrap().bench.take()?;
        Some(Box::new(bench))
    }

    fn now_s(&self) -> f64 {
        100.0
    }

    fn cameras(&mut self) -> Vec<CameraInfo> {
        self.0.lock().unwrap().cameras.clone()
    }
}

fn reading(face_id: u32, x: f32) -> Reading {
    let mut probabilities = [0.02; 7];
    probabilities[Expression::Happiness.index()] = 0.81;
    probabilities[Expression::Surprise.index()] = 0.09;
    Reading {
        face_id,
        place: Some(Place {
            detection_score: 38.2,
            box_px: BoxPx {
                x,
                y: 20.0,
                w: 30.0 - face_id as f32,
                h: 30.0,
            },
            landmarks_px: [[x + 5.0, 30.0]; 5],
        }),
        estimate: Estimate {
            probabilities,
            valence: 0.64,
            arousal: -0.37,
            valence_sd: 0.18,
            arousal_sd: 0.12,
        },
    }
}

/// What was read of these faces on a frame.
pub fn record(stamp: FrameStamp, faces: &[u32]) -> Arc<Record> {
    let mut record = Record::empty(stamp, None, Status::NoFace);
    record.readings = faces
        .iter()
        .map(|&id| reading(id, 40.0 * id as f32))
        .collect();
    if !faces.is_empty() {
        record.status = Status::Ok;
    }
    Arc::new(record)
}

/// A session that runs and shows these faces on its newest picture.
pub fn running(faces: &[u32]) -> Fake {
    let stamp = FrameStamp {
        index: 7,
        time_s: 7.0,
    };
    let mut frame = Frame::new(stamp, 160, 90, vec![128; 160 * 90 * 3]).unwrap();
    frame.captured_s = Some(99.979);
    let record = record(stamp, faces);
    let crops = faces
        .iter()
        .map(|&face_id| Crop {
            face_id,
            side_px: 112,
            channels: 1,
            pixels: vec![90; 112 * 112].into(),
        })
        .collect();
    let fake = Fake::default();
    fake.with(|stage| {
        stage.update = Update {
            status: LiveStatus {
                spec: Some(SourceSpec::Camera(None)),
                info: Some(SourceInfo {
                    title: "Front camera".into(),
                    pace: Pace::Camera,
                    width_px: 160,
                    height_px: 90,
                    rate_hz: Some(30.0),
                    frames: None,
                    format: Some("MJPEG".into()),
                    stills: false,
                }),
                state: SourceState::Running,
                rates: Rates {
                    captured_hz: 30.0,
                    analysed_hz: 29.5,
                    latency_median_ms: 18.0,
                    latency_p95_ms: 24.0,
                    dropped: 1234,
                    analysed: 9000,
                    lookahead_ms: 0.0,
                },
                recording: None,
                weights: WeightsCard {
                    input: "grey 112×112, window 32".to_owned(),
                    licence: "made for tests".to_owned(),
                    name: "student-thin".into(),
                    origin: "built in".into(),
                    hash: "0123456789ab".into(),
                    network: "CNN-GRU".into(),
                    trained_on: "pictures with labels".into(),
                    affect_labels: "a teacher".into(),
                    scores: vec![("FER+ accuracy".into(), "0.81".into())],
                    weak_spots: Vec::new(),
                },
                device: "CPU, 1 thread".into(),
                device_note: None,
            },
            picture: Some(Arc::new(Analysis {
                frame: Arc::new(frame),
                record: Arc::clone(&record),
                crops,
            })),
            records: vec![record],
            records_missed: 0,
            source_generation: 1,
        };
        stage.cameras = vec![
            camera("usb-1", "Front camera"),
            camera("usb-2", "Desk camera"),
        ];
    });
    fake
}

fn camera(id: &str, name: &str) -> CameraInfo {
    CameraInfo {
        id: id.into(),
        index: 0,
        name: name.into(),
        formats: vec!["640x480 30/s MJPEG".into()],
    }
}
