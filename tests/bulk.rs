//! Files through stages that run side by side: what comes out is what one frame after the other gives, to the bit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use affectscope::analysis::{Record, Status};
use affectscope::face::finder::{Finder, Schedule};
use affectscope::frame::{Frame, FrameStamp};
use affectscope::live::bulk::{self, Batch, BulkError, Event, Options, Summary};
use affectscope::model::student::{NetworkError, Student};
use affectscope::model::weights::{self, Weights};
use affectscope::offline::Offline;
use affectscope::pipeline::{Face, PipelineError, find_faces, given_face, read_faces};
use affectscope::session::Tuning;
use affectscope::source::{FrameSource, Next, Pace, SourceError, SourceInfo};
use candle_core::Device;
use image::RgbImage;

use super::checkpoints::CNN_GRU;
use super::pipeline::canvas;

/// What a made source gives next.
#[derive(Clone)]
enum Given {
    Picture(Arc<RgbImage>),
    Unreadable,
    Missing,
}

/// How it ends.
#[derive(Clone, Copy)]
enum Then {
    End,
    Broken,
    Panic,
    /// It gives an empty picture for ever.
    Endless,
}

struct Made {
    info: SourceInfo,
    given: VecDeque<Given>,
    then: Then,
    next: u64,
    read: Arc<AtomicU64>,
}

impl Made {
    fn new(given: &[Given], then: Then) -> Self {
        Self {
            info: SourceInfo {
                title: "made".to_owned(),
                pace: Pace::File,
                width_px: 480,
                height_px: 360,
                rate_hz: Some(30.0),
                frames: None,
                stills: false,
                format: None,
            },
            given: given.iter().cloned().collect(),
            then,
            next: 0,
            read: Arc::default(),
        }
    }

    fn stills(given: &[Given]) -> Self {
        let mut made = Self::new(given, Then::End);
        made.info.stills = true;
        made
    }
}

impl FrameSource for Made {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        let stamp = FrameStamp {
            index: self.next,
            time_s: self.next as f64 / 30.0,
        };
        self.next += 1;
        self.read.fetch_add(1, Ordering::SeqCst);
        let frame = |picture: &RgbImage| {
            let (w, h) = picture.dimensions();
            let rgb = picture.as_raw().clone();
            Next::Frame(Frame::new(stamp, w as usize, h as usize, rgb).unwrap())
        };
        Ok(match (self.given.pop_front(), self.then) {
            (Some(Given::Picture(picture)), _) => frame(&picture),
            (Some(Given::Unreadable), _) => Next::Unreadable {
                stamp,
                file: None,
                reason: "torn".to_owned(),
            },
            (Some(Given::Missing), _) => Next::Missing { stamp },
            (None, Then::End) => Next::End {
                note: Some("over".to_owned()),
            },
            (None, Then::Broken) => return Err(SourceError::Failed("it broke".to_owned())),
            (None, Then::Panic) => panic!("a mistake, made on purpose by a test"),
            (None, Then::Endless) => frame(&RgbImage::new(64, 48)),
        })
    }
}

fn student() -> Arc<Student> {
    Arc::new(Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap())
}

fn options(batch: Batch) -> Options {
    Options {
        tuning: Tuning::default(),
        cropped: false,
        batch,
    }
}

/// One frame after the other, on this thread.
fn in_turn(mut source: Made, student: &Student, cropped: bool) -> Vec<Record> {
    let mut finder = Finder::new(Schedule::Thorough, student.config()).unwrap();
    let mut offline = if cropped {
        Offline::unbroken()
    } else {
        Offline::default()
    };
    let mut records = Vec::new();
    loop {
        let (stamp, status, faces) = match source.next().unwrap() {
            Next::Frame(frame) => {
                if source.info.stills {
                    finder.reset();
                }
                let faces = if cropped {
                    vec![given_face(&frame, student.config())]
                } else {
                    find_faces(&mut finder, &frame, &Tuning::default())
                };
                let status = if faces.is_empty() {
                    Status::NoFace
                } else {
                    Status::Ok
                };
                // Each face by itself.
                let faces = faces
                    .into_iter()
                    .map(|face| read_faces(student, vec![face]).unwrap().remove(0))
                    .collect();
                (frame.stamp, status, faces)
            }
            Next::Unreadable { stamp, .. } => (stamp, Status::Unreadable, Vec::new()),
            Next::Missing { stamp } => (stamp, Status::Missing, Vec::new()),
            Next::End { .. } => break,
        };
        records.extend(offline.push(student, stamp, None, status, faces).unwrap());
        if source.info.stills {
            records.extend(offline.finish(student).unwrap());
        }
    }
    records.extend(offline.finish(student).unwrap());
    records
}

/// Side by side; the records that came, and how it ended.
fn side_by_side(
    source: &mut Made,
    student: &Arc<Student>,
    options: &Options,
) -> (Vec<Record>, Result<Summary, BulkError>) {
    let mut records = Vec::new();
    let end = bulk::run(
        source,
        student,
        options,
        &AtomicBool::new(false),
        &mut |event| {
            if let Event::Record(record) = event {
                records.push(record.clone());
            }
            Ok(())
        },
    );
    (records, end)
}

/// A face that wanders, a second one for a while, nobody for a while, and frames that are torn or missing.
fn a_clip() -> Vec<Given> {
    (0..75i64)
        .map(|i| {
            let picture = match i {
                20 | 21 => return Given::Unreadable,
                40 => return Given::Missing,
                50..56 => canvas((480, 240), 0.4, &[]),
                10..35 => canvas((480, 240), 0.4, &[(2 * i, 10), (250 - i, 20)]),
                _ => canvas((480, 240), 0.4, &[(2 * i, 10)]),
            };
            Given::Picture(Arc::new(picture))
        })
        .collect()
}

#[test]
fn whatever_the_batches_are_every_bit_is_as_if_frames_were_taken_in_turn() {
    let (student, clip) = (student(), a_clip());
    let wanted = in_turn(Made::new(&clip, Then::End), &student, false);
    assert_eq!(wanted.len(), 75);
    assert!(wanted.iter().any(|r| r.readings.len() == 2));
    let faces: usize = wanted.iter().map(|r| r.readings.len()).sum();
    for (faces_at_once, full) in [(1, false), (1, true), (3, true), (16, false), (64, true)] {
        let batch = Batch {
            faces: faces_at_once,
            full,
        };
        let mut source = Made::new(&clip, Then::End);
        let (records, end) = side_by_side(&mut source, &student, &options(batch));
        let end = end.unwrap();
        assert_eq!(records, wanted, "{batch:?}");
        assert_eq!(end.note.as_deref(), Some("over"));
        assert!(!end.interrupted);
        let times = end.times;
        assert_eq!(
            (times.frames, times.faces, times.finders),
            (75, faces as u64, 1)
        );
        assert!(times.slowest_s() > 0.0 && times.slowest_s() <= times.wall_s);
    }
}

#[test]
fn crops_go_the_same_way_and_no_gap_ends_their_sequence() {
    let student = student();
    let given: Vec<Given> = (0..90u32)
        .map(|n| match n {
            // More than a second.
            30..65 => Given::Missing,
            _ => Given::Picture(Arc::new(RgbImage::from_fn(112, 112, |x, y| {
                image::Rgb([(x * n % 256) as u8, (y + n) as u8, (x + y) as u8])
            }))),
        })
        .collect();
    let wanted = in_turn(Made::new(&given, Then::End), &student, true);
    for batch in [Batch::CPU, Batch::GPU] {
        let options = Options {
            cropped: true,
            ..options(batch)
        };
        let (records, end) = side_by_side(&mut Made::new(&given, Then::End), &student, &options);
        assert_eq!(records, wanted);
        assert_eq!(end.unwrap().times.faces, 55);
    }
}

#[test]
fn unrelated_pictures_keep_their_order_however_many_search_them() {
    let student = student();
    // Some take much longer than others.
    let given: Vec<Given> = (0..17)
        .map(|i| match i % 4 {
            0 => Given::Picture(Arc::new(canvas((900, 500), 0.8, &[(0, 20), (450, 30)]))),
            1 => Given::Unreadable,
            2 => Given::Picture(Arc::new(canvas((120, 90), 0.1, &[]))),
            _ => Given::Picture(Arc::new(canvas((300, 300), 0.5, &[(10 + i, 10)]))),
        })
        .collect();
    let wanted = in_turn(Made::stills(&given), &student, false);
    let (records, end) = side_by_side(&mut Made::stills(&given), &student, &options(Batch::CPU));
    assert_eq!(records, wanted);
    assert!(end.unwrap().times.finders >= 1);
    for record in &records {
        let ids: Vec<u32> = record.readings.iter().map(|r| r.face_id).collect();
        assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn what_came_before_a_failure_comes_out_before_it() {
    let student = student();
    let empty = Given::Picture(Arc::new(canvas((160, 120), 0.1, &[])));
    let given = vec![empty; 30];
    let wanted = in_turn(Made::new(&given, Then::End), &student, false);
    for batch in [Batch::CPU, Batch::GPU] {
        let mut broken = Made::new(&given, Then::Broken);
        let (records, end) = side_by_side(&mut broken, &student, &options(batch));
        assert_eq!(records, wanted);
        assert!(matches!(
            end,
            Err(BulkError::Source(SourceError::Failed(_)))
        ));
        let mut torn = Made::new(&given, Then::Panic);
        let (records, end) = side_by_side(&mut torn, &student, &options(batch));
        assert_eq!(records, wanted);
        assert!(matches!(end, Err(BulkError::Panicked("read"))));
    }
}

#[test]
fn an_interruption_keeps_what_has_come_through_and_lets_the_rest_go() {
    let student = student();
    let clip = a_clip();
    for batch in [Batch::CPU, Batch::GPU] {
        let mut source = Made::new(&clip, Then::Endless);
        let (flag, mut records, mut frames) = (AtomicBool::new(false), Vec::new(), 0);
        let end = bulk::run::<BulkError>(
            &mut source,
            &student,
            &options(batch),
            &flag,
            &mut |event| {
                match event {
                    Event::Record(record) => records.push(record.clone()),
                    Event::Frames(so_far) => {
                        frames = so_far;
                        flag.store(so_far >= 45, Ordering::SeqCst);
                    }
                    Event::Unreadable { reason, .. } => assert_eq!(reason, "torn"),
                }
                Ok(())
            },
        )
        .unwrap();
        assert!(end.interrupted);
        assert_eq!((end.times.frames, frames), (45, 45));
        let indices: Vec<u64> = records.iter().map(|r| r.stamp.index).collect();
        assert_eq!(indices, (0..45).collect::<Vec<_>>());
    }
}

#[test]
fn a_source_is_never_read_far_ahead_of_the_rows() {
    let student = student();
    for batch in [Batch::CPU, Batch::GPU] {
        let mut source = Made::new(&[], Then::Endless);
        let (read, flag) = (source.read.clone(), AtomicBool::new(false));
        let mut furthest = 0;
        bulk::run::<BulkError>(
            &mut source,
            &student,
            &options(batch),
            &flag,
            &mut |event| {
                if let Event::Frames(frames) = event {
                    // Whoever could run ahead now does.
                    std::thread::sleep(std::time::Duration::from_micros(300));
                    furthest = furthest.max(read.load(Ordering::SeqCst) - frames);
                    flag.store(frames >= 1500, Ordering::SeqCst);
                }
                Ok(())
            },
        )
        .unwrap();
        // The queues together, a batch in hand, and a frame in each other hand.
        assert!(furthest < 450, "{furthest} with {batch:?}");
    }
}

#[test]
fn whoever_takes_the_records_may_refuse_and_everything_ends() {
    #[derive(Debug)]
    enum Mine {
        Full,
        Bulk,
    }
    impl From<BulkError> for Mine {
        fn from(_: BulkError) -> Self {
            Self::Bulk
        }
    }
    let mut source = Made::new(&[], Then::Endless);
    let mut taken = 0;
    let end = bulk::run(
        &mut source,
        &student(),
        &options(Batch::CPU),
        &AtomicBool::new(false),
        &mut |event| match event {
            Event::Record(_) if taken == 20 => Err(Mine::Full),
            Event::Record(_) => {
                taken += 1;
                Ok(())
            }
            _ => Ok(()),
        },
    );
    assert!(matches!(end, Err(Mine::Full)), "{end:?}");
    assert_eq!(taken, 20);
}

#[test]
fn an_answer_that_is_no_number_is_told_once_and_ends_everything() {
    let mut bytes = weights::STUDENT.to_vec();
    let header_bytes = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_bytes]).unwrap();
    let [from, to] = [0, 1].map(|i| {
        let offset = &header["heads.expression.fc1.weight"]["data_offsets"][i];
        8 + header_bytes + offset.as_u64().unwrap() as usize
    });
    // Finite, so that they load, and too large to be added up.
    for value in bytes[from..to].as_chunks_mut::<4>().0 {
        *value = f32::MAX.to_le_bytes();
    }
    let weights = Weights::from_bytes(&bytes, "damaged", "damaged").unwrap();
    let student = Arc::new(Student::new(&weights, &Device::Cpu).unwrap());
    let mut given = vec![Given::Missing; 20];
    given.extend(a_clip());
    for batch in [Batch::CPU, Batch::GPU] {
        let mut source = Made::new(&given, Then::Endless);
        let (records, end) = side_by_side(&mut source, &student, &options(batch));
        assert!(records.len() <= 20);
        let told = end.unwrap_err();
        assert!(matches!(
            told,
            BulkError::Pipeline(PipelineError::Network(NetworkError::NotANumber))
        ));
    }
}

#[test]
fn a_face_has_the_same_features_in_any_company() {
    let paper = Weights::from_bytes(&CNN_GRU, "paper.pth", "paper").unwrap();
    for weights in [Weights::load(None).unwrap(), paper] {
        let student = Student::new(&weights, &Device::Cpu).unwrap();
        let faces: Vec<Face> = (0..6u32)
            .map(|n| {
                let picture = canvas((200, 200), 0.4, &[(i64::from(n) * 3, 0)]);
                let stamp = FrameStamp {
                    index: 0,
                    time_s: 0.0,
                };
                let frame = Frame::new(stamp, 200, 200, picture.into_raw()).unwrap();
                given_face(&frame, student.config())
            })
            .collect();
        let together = read_faces(&student, faces.clone()).unwrap();
        for (face, together) in faces.into_iter().zip(together) {
            let alone = read_faces(&student, vec![face]).unwrap().remove(0);
            assert_eq!(alone.features, together.features);
        }
    }
}
