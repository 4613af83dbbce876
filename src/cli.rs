//! The flags, exactly.

mod bench;
mod common;
pub mod train;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::bench::{BenchArgs, PeerArg};
pub use self::common::{FaceArgs, FacesArg, LookArgs, NetworkArgs, ThemeArg};
pub use self::values::FaceArg;
use self::values::{at_least_one, frame_size, positive_seconds, time_s};
use crate::formats::labels::LabelFormat;
use crate::formats::rows::{RowFormat, TableFormat};
use crate::source::SourceSpec;

/// An oscilloscope for facial affect: seven expression probabilities and valence-arousal of every face, live in a
/// window or frame by frame in a file. Frames never leave this machine.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without INPUT the window opens the last source, else a camera, else the built-in demo.\n\
                  Exit codes: 0 all well, 2 an input, an option or a device is wrong, 1 something broke on the way, 130 interrupted."
)]
pub struct Cli {
    /// What to do; without one, the window opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The window's options.
    #[command(flatten)]
    pub window: WindowArgs,
}

/// `affectscope [INPUT]`
#[derive(Debug, Args)]
pub struct WindowArgs {
    /// A video, a picture, a folder of pictures, `demo`, `camera` or `camera:ID`
    pub input: Option<String>,
    /// The same as INPUT: camera[:ID], demo or a path
    #[arg(long, value_name = "SOURCE", conflicts_with = "input")]
    pub source: Option<String>,
    /// Network and device.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How the window looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse files without a window: one row per frame and face
    Analyze(AnalyzeArgs),
    /// Record rows from a camera without a window, as they come
    Record(RecordArgs),
    /// List cameras with their formats, and compute devices
    Devices,
    /// Show what a weights file is: its network, training data and scores
    Info(InfoArgs),
    /// Score predictions against annotations, frame by frame
    Evaluate(EvaluateArgs),
    /// Open the annotator's bench: a video with its predictions and labels, and where they differ
    Review(ReviewArgs),
    /// A video with the predictions and labels drawn into its frames, to show to others
    Render(RenderArgs),
    /// List recordings and analysed files
    Sessions(SessionsArgs),
    /// Predictions beside people's labels as one page: scores, timeline, confusion, the worst segments with their faces
    Report(ReportArgs),
    /// Turn a table of rows into another format (csv, jsonl, Parquet), or a PyTorch checkpoint of the paper's student
    /// into a safetensors file with its config
    Convert(ConvertArgs),
    /// Write a student's backbone and heads as an ONNX model, for other runtimes (its recurrent heads are not in it)
    ExportOnnx(ExportOnnxArgs),
    /// Calibrate weights for 8-bit arithmetic (about half the time on a CPU), and measure what it costs
    Quantize(QuantizeArgs),
    /// Measure how fast it is on this machine: the network, the stages of a frame, the live session
    Bench(BenchArgs),
    /// Train a network: from a database to weights
    Train(train::TrainArgs),
}

/// `affectscope analyze`
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Videos, pictures or folders of pictures; with --crops, folders of crops
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The table: a file, a folder, or - for standard output; the folder of a submission [default: NAME.affect.csv, or
    /// the submission, in this folder]
    #[arg(long, short, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// What is written [default: what the ending of --out says (.csv, .jsonl, .parquet), else csv]
    #[arg(long, value_enum)]
    pub format: Option<AnalyzeFormat>,
    /// INPUT holds faces already cropped and aligned, named by frame from 00001.jpg: one video's folder, or a folder
    /// of such folders (Aff-Wild2's cropped_aligned)
    #[arg(long)]
    pub crops: bool,
    /// The video that the crops were cut from, or a folder of such videos: its frames are counted, and its times used
    #[arg(long, value_name = "FILE|DIR", requires = "crops")]
    pub video: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// How faces are looked for.
    #[command(flatten)]
    pub faces: FaceArgs,
    /// Network and device.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// `analyze --format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnalyzeFormat {
    /// Comma-separated rows, with a header line.
    Csv,
    /// One JSON object a line, with the same names; absent values are `null`.
    Jsonl,
    /// Parquet with the same columns: whole numbers, doubles and strings; absent values are null.
    Parquet,
    /// A submission of 2021: EXPR_Set/VIDEO.txt and VA_Set/VIDEO.txt, a line for every frame
    Abaw2021,
    /// The flat files of ABAW 5 and 6: predictions_EXPR.txt and predictions_VA.txt over all videos
    AbawFlat,
}

impl AnalyzeArgs {
    /// What is written.
    pub fn format(&self) -> AnalyzeFormat {
        self.format.unwrap_or_else(
            || match self.out.as_deref().and_then(TableFormat::of_path) {
                Some(TableFormat::Rows(RowFormat::Jsonl)) => AnalyzeFormat::Jsonl,
                Some(TableFormat::Parquet) => AnalyzeFormat::Parquet,
                Some(TableFormat::Rows(RowFormat::Csv)) | None => AnalyzeFormat::Csv,
            },
        )
    }
}

/// `affectscope record`
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// camera, camera:ID (see `affectscope devices`), demo or a path
    #[arg(long, value_name = "SOURCE", default_value = "camera")]
    pub source: String,
    /// The table
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Stop after so many seconds
    #[arg(long, value_name = "N", value_parser = positive_seconds)]
    pub seconds: Option<f64>,
    /// Stop after so many captured frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// Also write the picture, beside the table (needs ffmpeg)
    #[arg(long)]
    pub picture: bool,
    /// Seconds to wait for a camera that fell silent or was unplugged
    #[arg(long, value_name = "N", default_value_t = 30.0, value_parser = positive_seconds)]
    pub wait: f64,
    /// Future frames (at 30 a second) that each reading waits for: 0 to 16
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=16))]
    pub lookahead: u8,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// How rows are written
    #[arg(long, value_enum, default_value_t)]
    pub format: RowFormat,
    /// How faces are looked for.
    #[command(flatten)]
    pub faces: FaceArgs,
    /// Network and device.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// `affectscope info`
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// A weights file of a student or of a landmark network, .safetensors or .pth [default: the built-in student]
    pub weights: Option<PathBuf>,
    /// Print the card as Markdown, as weights/README.md has it
    #[arg(long)]
    pub markdown: bool,
}

/// `affectscope evaluate`
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Predictions: a table of `analyze`, a submission, or a folder of such
    #[arg(long, value_name = "FILE|DIR")]
    pub predictions: PathBuf,
    /// Annotations: a file or a folder (Aff-Wild2's own tree too); paired with predictions by the videos' names
    #[arg(long, value_name = "FILE|DIR")]
    pub annotations: PathBuf,
    /// What the annotations are written in [default: told from their content]
    #[arg(long, value_enum)]
    pub format: Option<LabelFormat>,
    /// Write the whole report, JSON; - for standard output in place of the table
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// Score only this face of the predictions, by its id or the name it was given [default: the labelled box's, else the
    /// largest on each frame]
    #[arg(long, value_name = "ID|NAME")]
    pub face: Option<FaceArg>,
    /// Give a frame without a prediction the nearest one before it, as the reference code fills a submission
    #[arg(long)]
    pub fill: bool,
}

/// `affectscope review`
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// A video, a picture, a folder of pictures or crops, or `demo`: the example, made from the built-in demo; or a
    /// table or labels, which are shown without pictures
    #[arg(value_name = "VIDEO")]
    pub video: Option<PathBuf>,
    /// Predictions for it: a table of `analyze` or `record`, or a submission [default: VIDEO's table beside it, if
    /// there is one]
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// Annotations for it: a file or a folder for each annotator (several may follow)
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub annotations: Vec<PathBuf>,
    /// Who annotates [default: as it was said in the window last, else the user of this machine]
    #[arg(long, value_name = "NAME")]
    pub annotator: Option<String>,
    /// Network and device, for an analysis from within the window.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How the window looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// `affectscope render`
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The video, or the pictures, that predictions and labels are of
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,
    /// Predictions: a table of `analyze` or `record`, or a submission's file [default: VIDEO's table beside it]
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// Annotations: a file or a folder for each annotator (several may follow); of a folder, the files of this video
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub annotations: Vec<PathBuf>,
    /// The video to write: .mp4, .mov or .mkv
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Begin at this time: seconds, MIN:SEC or H:MIN:SEC
    #[arg(long, value_name = "TIME", value_parser = time_s)]
    pub from: Option<f64>,
    /// End at this time
    #[arg(long, value_name = "TIME", value_parser = time_s)]
    pub to: Option<f64>,
    /// Width and height in pixels; higher than wide puts bars and circumplex below the picture
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = frame_size)]
    pub size: (u32, u32),
    /// On a light ground
    #[arg(long)]
    pub light: bool,
    /// The face whose values are shown, by its id or the name it was given [default: the one on the labels' side, else
    /// the largest on each frame]
    #[arg(long, value_name = "ID|NAME")]
    pub face: Option<FaceArg>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// `affectscope sessions`
#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Folders to look through [default: that of the recordings, and those that something was opened from]
    #[arg(value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Count faces and score against the labels beside: reads every table through
    #[arg(long)]
    pub scores: bool,
    /// As JSON, with everything that is known
    #[arg(long)]
    pub json: bool,
}

/// `affectscope report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The video, or the pictures, that predictions and labels are of
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,
    /// Predictions: a table of `analyze` or `record`, or a submission's file
    #[arg(long, value_name = "FILE")]
    pub predictions: PathBuf,
    /// Annotations: a file or a folder for each annotator (several may follow); of a folder, the files of this video
    #[arg(long, value_name = "FILE|DIR", required = true, num_args = 1..)]
    pub annotations: Vec<PathBuf>,
    /// The page (HTML); - for standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Also write the figures into this folder, each as SVG and as PNG for print: timeline, circumplex, confusion
    #[arg(long, value_name = "DIR")]
    pub figures: Option<PathBuf>,
    /// Only this face of the predictions, by its id or the name it was given [default: the one on the labels' side, else
    /// the largest on each frame]
    #[arg(long, value_name = "ID|NAME")]
    pub face: Option<FaceArg>,
    /// No pictures of faces in the page
    #[arg(long)]
    pub no_faces: bool,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// `affectscope convert`
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// A table of `analyze` or `record`, or a checkpoint (.pth)
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// What to write: a table (.csv, .jsonl or .parquet) of a table, weights (.safetensors) of a checkpoint
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// What they were trained on, for the card
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub trained_on: String,
    /// Where their valence and arousal labels came from, for the card
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub affect_labels: String,
    /// Under which terms they may be used, for the card
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub licence: String,
}

/// `affectscope export-onnx`
#[derive(Debug, Args)]
pub struct ExportOnnxArgs {
    /// The model to write
    #[arg(value_name = "OUT.onnx")]
    pub output: PathBuf,
    /// Student weights in place of the built-in ones: .safetensors, or the paper's own checkpoints (.pth)
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// `affectscope quantize`
#[derive(Debug, Args)]
pub struct QuantizeArgs {
    /// The weights file to write
    #[arg(value_name = "OUT.safetensors")]
    pub output: PathBuf,
    /// Faces to calibrate on: a folder of pictures that are a face box each, or a split of FER+ (label.csv beside them)
    #[arg(long, value_name = "DIR")]
    pub calibrate: PathBuf,
    /// Faces to check on, likewise; with FER+'s votes the scores are against them [default: those of --calibrate]
    #[arg(long, value_name = "DIR")]
    pub check: Option<PathBuf>,
    /// The most faces that are checked
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one)]
    pub faces: usize,
    /// Student weights in place of the built-in ones: .safetensors, or the paper's own checkpoints (.pth)
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

impl WindowArgs {
    /// What the user asked to open, if anything.
    pub fn spec(&self) -> Option<SourceSpec> {
        let text = self.input.as_deref().or(self.source.as_deref())?;
        let Ok(spec) = text.parse::<SourceSpec>();
        Some(spec)
    }
}
