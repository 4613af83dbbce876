//! The example project: the built-in demo as pictures, analysed, with labels that are made up to differ here and there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use super::analysis::Means;
use crate::analysis::Record;
use crate::formats::output::{OutputError, write_whole};
use crate::formats::rows::{RowFormat, RowWriter};
use crate::formats::sidecar::{Protocol, sidecar, sidecar_path};
use crate::labels::Expression;
use crate::live::bulk::{self, Batch, BulkError, Event};
use crate::review::session::Request;
use crate::session::Tuning;
use crate::source::demo::DemoSource;
use crate::source::{FrameSource, Next, SourceError, SourceInfo};

/// Frames of the example: twelve seconds.
const FRAMES: u64 = 360;
/// Of JPEG, 0..=100.
const QUALITY: u8 = 85;
/// What the pictures' folder and the files beside it are called.
const NAME: &str = "demo";

const READ_ME: &str = "An example for the annotator's bench, made by Affectscope from its built-in demo.\n\
The labels of anna and ben are made up from the predictions: late, weaker, and wrong in places. Nobody has rated this.\n\
This folder may be deleted; it is made again when the example is opened.\n";

/// The demo's first frames, which are kept as pictures on the way.
struct Filmed<'a> {
    demo: DemoSource,
    info: SourceInfo,
    folder: &'a Path,
    progress: &'a mut (dyn FnMut(f32) + Send),
    given: u64,
}

impl FrameSource for Filmed<'_> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        if self.given >= FRAMES {
            return Ok(Next::End { note: None });
        }
        let next = self.demo.next()?;
        if let Next::Frame(frame) = &next {
            let path = self.folder.join(format!("{:05}.jpg", self.given + 1));
            keep(frame, &path)
                .map_err(|reason| SourceError::Failed(format!("{}: {reason}", path.display())))?;
        }
        self.given += 1;
        (self.progress)(self.given as f32 / FRAMES as f32);
        Ok(next)
    }
}

fn keep(frame: &crate::frame::Frame, path: &Path) -> Result<(), String> {
    let size = (frame.width_px() as u32, frame.height_px() as u32);
    let picture = RgbImage::from_raw(size.0, size.1, frame.rgb().to_vec()).ok_or("no picture")?;
    let file = std::fs::File::create(path).map_err(|e| e.to_string())?;
    let mut out = std::io::BufWriter::new(file);
    let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    picture
        .write_with_encoder(encoder)
        .map_err(|e| e.to_string())
}

/// Where the example lies: in the user's own data folder.
pub fn base() -> PathBuf {
    let base = dirs::data_local_dir().unwrap_or_else(std::env::temp_dir);
    base.join("affectscope")
}

/// Makes the example in a folder, unless it is there, and gives what is to be opened. `progress` hears how far it is,
/// 0..=1.
///
/// # Errors
/// In words, when nothing can be written or the network fails.
pub fn make(
    base: &Path,
    means: &Means,
    progress: &mut (dyn FnMut(f32) + Send),
) -> Result<Request, String> {
    let folder = base.join("example");
    let request = request(&folder);
    let files = request.video.iter().chain(&request.predictions);
    let mut files = files.chain(&request.annotations);
    if files.all(|file| file.exists()) {
        return Ok(request);
    }
    // Beside its name, so that it is whole or not there.
    let part = base.join("example.part");
    let _ = std::fs::remove_dir_all(&part);
    fill(&part, means, progress)?;
    put(&part, &folder).map_err(|e| {
        format!(
            "{}: cannot be made ({e}). Check the folder.",
            folder.display()
        )
    })?;
    Ok(request)
}

/// The made example takes its place. Where one is already that lacks something (it was renamed, or thrown away), what it lacks
/// comes to it, and what it has stays.
fn put(part: &Path, folder: &Path) -> std::io::Result<()> {
    if !folder.is_dir() {
        return std::fs::rename(part, folder);
    }
    for entry in std::fs::read_dir(part)? {
        let entry = entry?;
        let place = folder.join(entry.file_name());
        if place.symlink_metadata().is_err() {
            std::fs::rename(entry.path(), place)?;
        }
    }
    std::fs::remove_dir_all(part)
}

fn request(folder: &Path) -> Request {
    let file = |name: &str| folder.join(name);
    Request {
        video: Some(file(NAME)),
        predictions: Some(file("demo.affect.csv")),
        annotations: vec![file("demo.anna.csv"), file("demo.ben.csv")],
        example: false,
    }
}

fn fill(
    folder: &Path,
    means: &Means,
    progress: &mut (dyn FnMut(f32) + Send),
) -> Result<(), String> {
    let pictures = folder.join(NAME);
    std::fs::create_dir_all(&pictures).map_err(|e| {
        format!(
            "{}: cannot be made ({e}). Check the folder, its permissions and the space left.",
            pictures.display()
        )
    })?;
    let demo = DemoSource::new();
    let info = SourceInfo {
        frames: Some(FRAMES),
        ..demo.info().clone()
    };
    let mut source = Filmed {
        demo,
        info: info.clone(),
        folder: &pictures,
        progress,
        given: 0,
    };
    let tuning = Tuning::default();
    let options = bulk::Options {
        tuning,
        cropped: false,
        batch: Batch::on(&means.device.device),
    };
    let mut records: Vec<Record> = Vec::new();
    let end = bulk::run(
        &mut source,
        &means.student,
        &options,
        &AtomicBool::new(false),
        &mut |event| {
            if let Event::Record(record) = event {
                records.push(record.clone());
            }
            Ok::<(), BulkError>(())
        },
    );
    end.map_err(|e| e.to_string())?;
    let table = folder.join("demo.affect.csv");
    let mut rows = RowWriter::new(Vec::new(), RowFormat::Csv, false).map_err(|e| e.to_string())?;
    for record in &records {
        rows.write(record).map_err(|e| e.to_string())?;
    }
    let value = sidecar(
        &means.student,
        &means.device.title,
        &tuning,
        NAME,
        &info,
        &Protocol::Offline,
        false,
    );
    let text = serde_json::to_string_pretty(&value).map_err(|e| e.to_string())?;
    let files: [(PathBuf, Vec<u8>); 5] = [
        (sidecar_path(&table), text.into_bytes()),
        (table, rows.into_inner()),
        (
            folder.join("demo.anna.csv"),
            labels(&records, &ANNA).into_bytes(),
        ),
        (
            folder.join("demo.ben.csv"),
            labels(&records, &BEN).into_bytes(),
        ),
        (folder.join("README.txt"), READ_ME.as_bytes().to_vec()),
    ];
    for (path, bytes) in files {
        write_whole(&path, &bytes, true).map_err(|e: OutputError| e.to_string())?;
    }
    Ok(())
}

/// How somebody who does not exist rates.
struct Made {
    /// Frames behind the network.
    late: usize,
    /// Parts of the network's valence and arousal, and what is added.
    scale: [f32; 2],
    shift: [f32; 2],
    /// Stretches with another expression; `None`: not labelled.
    other: &'static [(usize, usize, Option<Expression>)],
}

const ANNA: Made = Made {
    late: 5,
    scale: [0.8, 0.7],
    shift: [0.05, 0.0],
    other: &[
        (70, 100, Some(Expression::Surprise)),
        (250, 275, Some(Expression::Neutral)),
    ],
};

const BEN: Made = Made {
    late: 9,
    scale: [0.65, 0.9],
    shift: [-0.08, 0.1],
    other: &[
        (80, 110, Some(Expression::Fear)),
        (180, 210, None),
        (255, 290, Some(Expression::Sadness)),
    ],
};

fn labels(records: &[Record], made: &Made) -> String {
    let mut text = "frame,expression,valence,arousal\n".to_owned();
    for frame in 0..records.len() {
        let seen = records[frame.saturating_sub(made.late)].readings.first();
        let stretch = made
            .other
            .iter()
            .find(|(from, to, _)| (*from..*to).contains(&frame));
        let said = match (seen, stretch) {
            (None, _) | (_, Some((.., None))) => None,
            (Some(seen), Some((.., Some(other)))) => Some((seen, *other)),
            (Some(seen), None) => Some((seen, seen.estimate.expression())),
        };
        // A string takes everything.
        let _ = match said {
            Some((seen, expression)) => {
                let e = &seen.estimate;
                let [v, a] = [(e.valence, 0), (e.arousal, 1)]
                    .map(|(x, i)| (x * made.scale[i] + made.shift[i]).clamp(-1.0, 1.0));
                writeln!(text, "{frame},{expression},{v:.4},{a:.4}")
            }
            None => writeln!(text, "{frame},,,"),
        };
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::device::{DeviceChoice, choose};
    use crate::model::student::Student;
    use crate::model::weights::Weights;
    use crate::review::project::{Frames, Project};
    use crate::review::{Model, Reason, worst_first};
    use crate::source::film::Film;
    use candle_core::Device;
    use std::sync::Arc;

    #[test]
    fn it_is_made_once_and_has_something_to_look_at() {
        let base = tempfile::tempdir().unwrap();
        let student = Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap();
        let means = Means {
            student: Arc::new(student),
            device: choose(DeviceChoice::Cpu).unwrap(),
            wake: Arc::new(|| {}),
            closing: Default::default(),
        };
        let mut told = 0.0;
        let request = make(base.path(), &means, &mut |part| told = part).unwrap();
        assert_eq!(told, 1.0);
        let video = request.video.clone().unwrap();
        let film = Film::open(&video).unwrap();
        let frames = Frames {
            times_s: film.times_s().to_vec(),
            pictures: film.pictures().map(<[String]>::to_vec),
            note: film.note().map(str::to_owned),
        };
        let mut project = Project::of_video(&video, frames);
        project.set_model(Model::read(request.predictions.as_ref().unwrap()).unwrap());
        for path in &request.annotations {
            project.add_labels(path).unwrap();
        }
        let names: Vec<&str> = project.raters().iter().map(|r| r.name.as_str()).collect();
        assert_eq!((project.frames(), names), (360, vec!["anna", "ben"]));
        assert!(
            (project.rate_hz() - 30.0).abs() < 0.1,
            "the rows' own times"
        );
        assert_eq!(project.notes(), Vec::<String>::new());
        let scores = project.scores(0, 0..360);
        assert!(scores.valence.ccc().unwrap() > 0.3 && scores.expression.accuracy().unwrap() < 1.0);
        let worst = worst_first(&project, Some(0), 50);
        for reason in [Reason::OtherLabel, Reason::Raters] {
            assert!(worst.iter().any(|s| s.reason == reason), "{reason:?}");
        }
        // The second time it is there.
        let mut again = 0;
        let same = make(base.path(), &means, &mut |_| again += 1).unwrap();
        assert_eq!((&same, again), (&request, 0));
        // What was renamed or thrown away of it comes again; what is there stays.
        let [anna, ben] = [0, 1].map(|i| &request.annotations[i]);
        let mine = anna.with_file_name("mine.csv");
        std::fs::rename(anna, &mine).unwrap();
        std::fs::write(ben, "frame,expression\n0,fear\n").unwrap();
        assert_eq!(make(base.path(), &means, &mut |_| {}).unwrap(), request);
        assert!(anna.is_file() && mine.is_file());
        assert_eq!(std::fs::read_to_string(ben).unwrap().lines().count(), 2);
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 1);
    }
}
