//! Folders of faces as networks are calibrated and checked on: pictures that are a face box each, with votes where
//! FER+'s `label.csv` lies beside them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::analysis::{BoxPx, Crop, Landmarks};
use crate::face::align;
use crate::face::gray::Gray;
use crate::face::landmarks::LandmarkNet;
use crate::frame::PixelPool;
use crate::labels::Expression;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};
use crate::source::images::ImageSource;
use crate::source::{FrameSource, Next, SourceError};
use crate::train::prepare::unfinished;
use crate::train::set::PICTURES_FILE;

/// The file of votes in a split of FER+.
pub const VOTES_FILE: &str = "label.csv";
/// Its columns of votes; the last three are none of ours.
const COLUMNS: [Option<Expression>; 10] = [
    Some(Expression::Neutral),
    Some(Expression::Happiness),
    Some(Expression::Surprise),
    Some(Expression::Sadness),
    Some(Expression::Anger),
    Some(Expression::Disgust),
    Some(Expression::Fear),
    None, // contempt
    None, // unknown
    None, // no face
];
/// What the last three are.
const OTHERS: [&str; 3] = ["contempt", "unknown", "no face"];

/// What people's votes make of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The expression with most votes.
    pub expression: Expression,
    /// The share of each expression in the votes for one of the seven, in the order of [`Expression::ALL`]; sums to 1.
    pub votes: [f32; Expression::COUNT],
    /// The circumplex norms of the expressions, averaged by their votes; -1..=1. A projection of the votes: nobody
    /// rated valence.
    pub valence: f32,
    /// Likewise.
    pub arousal: f32,
}

/// Why votes make no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// There is nothing but single votes.
    #[error("no answer has more than a single vote")]
    Strays,
    /// Most votes are for this, which is none of the seven.
    #[error("most votes are for {0}")]
    Other(&'static str),
}

/// Valence and arousal of an expression after Russell and Mehrabian 1977, as in the first weights' training.
pub fn norm(expression: Expression) -> (f32, f32) {
    match expression {
        Expression::Neutral => (0.0, 0.0),
        Expression::Anger => (-0.51, 0.59),
        Expression::Disgust => (-0.60, 0.35),
        Expression::Fear => (-0.64, 0.60),
        Expression::Happiness => (0.81, 0.51),
        Expression::Sadness => (-0.63, -0.27),
        Expression::Surprise => (0.40, 0.67),
    }
}

impl Target {
    /// From ten votes in FER+'s order, after its customary clean-up: single votes are strays; a face has no target that
    /// more people call unknown or no face than any of the seven expressions, or contempt as many. Of two expressions
    /// that share the most it is the first in FER+'s order, as in its authors' own code: every face counts.
    ///
    /// # Errors
    /// Why it has none.
    pub fn of_votes(votes: [u32; 10]) -> Result<Self, NoTarget> {
        let votes = votes.map(|n| if n == 1 { 0 } else { n });
        if votes == [0; 10] {
            return Err(NoTarget::Strays);
        }
        let (mut expression, mut most) = (Expression::Neutral, 0);
        for (column, votes) in COLUMNS.iter().zip(votes) {
            if let Some(other) = column.filter(|_| votes > most) {
                (expression, most) = (other, votes);
            }
        }
        let [contempt, unknown, no_face] = [votes[7], votes[8], votes[9]];
        for (what, beats) in [
            (OTHERS[1], unknown > most),
            (OTHERS[2], no_face > most),
            (OTHERS[0], contempt >= most),
        ] {
            if beats {
                return Err(NoTarget::Other(what));
            }
        }
        let (mut sum, mut valence, mut arousal) = (0.0, 0.0, 0.0);
        let mut shares = [0.0; Expression::COUNT];
        for (expression, votes) in COLUMNS.iter().zip(votes) {
            if let Some(expression) = expression {
                let (v, a) = norm(*expression);
                let weight = votes as f32;
                sum += weight;
                valence += weight * v;
                arousal += weight * a;
                shares[expression.index()] = weight;
            }
        }
        Ok(Self {
            expression,
            votes: shares.map(|share| share / sum),
            valence: valence / sum,
            arousal: arousal / sum,
        })
    }
}

/// A face, cropped as a network takes it.
#[derive(Debug, Clone)]
pub struct Face {
    /// The picture's name.
    pub file: String,
    /// Its five points, in pixels of the picture.
    pub landmarks_px: Landmarks,
    /// The crop.
    pub crop: Crop,
    /// What people say of it, where the folder tells.
    pub target: Option<Target>,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FacesError {
    /// A picture or the folder.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file of votes.
    #[error("{path}: line {line}: {reason}. A line is a picture's name, its box and ten votes, as FER+ has it.", path = path.display())]
    Votes {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a packed set.
    #[error(
        "{path}: this is a set of `train prepare`. Give the folder of pictures that it is made from: faces are aligned here anew, as the \
         program does it.",
        path = .0.display()
    )]
    Packed(PathBuf),
    /// There is no face in it.
    #[error("{path}: no face in it can be used. Give a folder of pictures, each of them a face; where there is a label.csv, a picture counts when most of its votes agree on one expression.", path = .0.display())]
    Empty(PathBuf),
}

/// Reads the faces of a folder, aligned by what `landmarks` finds within the whole picture: at most `most`, evenly spread,
/// of all pictures, or of those that have a target where the folder has FER+'s votes. A picture that cannot be decoded is
/// passed over; `unread` is told which, and why.
///
/// # Errors
/// [`FacesError`]
pub fn read(
    folder: &Path,
    most: usize,
    config: &StudentConfig,
    landmarks: &mut LandmarkNet,
    unread: &mut dyn FnMut(&str),
) -> Result<Vec<Face>, FacesError> {
    if folder.join(PICTURES_FILE).is_file() || unfinished(folder).is_some() {
        return Err(FacesError::Packed(folder.to_owned()));
    }
    let targets = targets(&folder.join(VOTES_FILE))?;
    let mut gray = Gray::default();
    // Every crop is kept: there is nothing to use again.
    let mut pool = PixelPool::new(0);
    let mut source = ImageSource::open(folder)?;
    let known = source.info().frames.unwrap_or(0) as usize;
    let whole = targets.as_ref().map_or(known, HashMap::len);
    let (mut seen, mut faces) = (0usize, Vec::new());
    loop {
        let frame = match source.next()? {
            Next::Frame(frame) => frame,
            Next::Unreadable { file, reason, .. } => {
                let path = folder.join(file.as_deref().unwrap_or_default());
                unread(&format!("{}: {reason}", path.display()));
                continue;
            }
            Next::Missing { .. } => continue,
            Next::End { .. } => break,
        };
        let target = match &targets {
            Some(targets) => {
                let name = frame.file.as_deref().unwrap_or_default();
                match targets.get(name) {
                    Some(target) => Some(*target),
                    None => continue,
                }
            }
            None => None,
        };
        // The i-th of n is taken where i * most / n grows.
        let taken = whole <= most || (seen + 1) * most / whole > seen * most / whole;
        seen += 1;
        if !taken {
            continue;
        }
        gray.fill(&frame);
        let points = landmarks.find(
            &gray,
            BoxPx {
                x: 0.0,
                y: 0.0,
                w: frame.width_px() as f32,
                h: frame.height_px() as f32,
            },
        );
        let color = config.backbone.color;
        if let Some(pixels) = align::crop(
            &frame,
            &gray,
            &points,
            (color, config.resize_px()),
            &mut pool,
        ) {
            faces.push(Face {
                file: frame.file.as_deref().unwrap_or_default().to_owned(),
                landmarks_px: points,
                crop: Crop {
                    face_id: 1,
                    side_px: CROP_SIDE_PX,
                    channels: color.channels(),
                    pixels,
                },
                target,
            });
        }
    }
    if faces.is_empty() {
        return Err(FacesError::Empty(folder.to_owned()));
    }
    Ok(faces)
}

/// The targets of a split by its pictures' names; `None` where there is no such file.
fn targets(path: &Path) -> Result<Option<HashMap<String, Target>>, FacesError> {
    let target = |(name, votes)| Some((name, Target::of_votes(votes).ok()?));
    Ok(votes(path)?.map(|votes| votes.into_iter().filter_map(target).collect()))
}

/// A picture's name and its ten votes, in FER+'s order.
pub type Voted = (String, [u32; 10]);

/// The pictures of a split with their ten votes, in the file's order; `None` where there is no such file.
///
/// # Errors
/// When a line is none.
pub fn votes(path: &Path) -> Result<Option<Vec<Voted>>, FacesError> {
    if !path.is_file() {
        return Ok(None);
    }
    let wrong = |line: u64, reason: String| FacesError::Votes {
        path: path.to_owned(),
        line,
        reason,
    };
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(path)
        .map_err(|e| wrong(1, e.to_string()))?;
    let mut votes = Vec::new();
    for row in rows.records() {
        let row =
            row.map_err(|e| wrong(e.position().map_or(0, csv::Position::line), e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let fields: Vec<&str> = row.iter().collect();
        let [name, _, ten @ ..] = &*fields else {
            return Err(wrong(line, "there are no votes".to_owned()));
        };
        let mut counts = [0; 10];
        if ten.len() != counts.len() {
            return Err(wrong(line, format!("there are {} votes", ten.len())));
        }
        for (count, text) in counts.iter_mut().zip(ten) {
            *count = text
                .trim()
                .parse()
                .map_err(|_| wrong(line, format!("\"{text}\" is no number of votes")))?;
        }
        votes.push(((*name).to_owned(), counts));
    }
    Ok(Some(votes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_votes_do_not_count_and_every_face_does() {
        // Neutral 4, happiness 5, a stray for anger: valence by 4 and 5 alone.
        let target = Target::of_votes([4, 5, 0, 0, 1, 0, 0, 0, 0, 0]).expect("a majority");
        assert_eq!(target.expression, Expression::Happiness);
        assert!((target.valence - 0.81 * 5.0 / 9.0).abs() < 1e-6);
        assert!((target.arousal - 0.51 * 5.0 / 9.0).abs() < 1e-6);
        let mut shares = [0.0; 7];
        shares[Expression::Neutral.index()] = 4.0 / 9.0;
        shares[Expression::Happiness.index()] = 5.0 / 9.0;
        assert_eq!(target.votes, shares);
        let none = |votes| Target::of_votes(votes).expect_err("no majority");
        let expression = |votes| Target::of_votes(votes).map(|t| t.expression);
        // In the order of FER+ happiness comes before anger; in ours behind it.
        assert_eq!(
            expression([0, 5, 0, 0, 5, 0, 0, 0, 0, 0]),
            Ok(Expression::Happiness)
        );
        assert_eq!(
            expression([5, 5, 0, 0, 0, 0, 0, 0, 0, 0]),
            Ok(Expression::Neutral)
        );
        assert_eq!(
            expression([5, 0, 0, 0, 0, 0, 0, 0, 5, 0]),
            Ok(Expression::Neutral)
        );
        assert_eq!(
            none([5, 0, 0, 0, 0, 0, 0, 5, 0, 0]),
            NoTarget::Other("contempt")
        );
        assert_eq!(
            none([2, 0, 0, 0, 0, 0, 0, 0, 8, 0]),
            NoTarget::Other("unknown")
        );
        assert_eq!(
            none([2, 0, 0, 0, 0, 0, 0, 8, 0, 0]),
            NoTarget::Other("contempt")
        );
        assert_eq!(none([1; 10]), NoTarget::Strays);
    }
}
