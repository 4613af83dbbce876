//! How far several people agree, among themselves and with the network as one more.
//!
//! [`RangeAgreement`] keeps sums of blocks of frames, so that any range is a few merges and an edit is one block;
//! [`agreement`] goes over the frames once. Both give the same.

use std::ops::Range;

use super::model::{FaceChoice, Model};
use super::project::Project;
use crate::metrics::{Agreement, Confusion, Icc, IntervalAlpha, NominalAlpha};

mod sums;

use self::sums::{Cast, Members, Sums};

/// Frames of a block: those at both ends of a range are gone over frame by frame.
const BLOCK: usize = 2048;

/// Whose word is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// Places in [`Project::raters`].
    pub raters: Vec<usize>,
    /// The network as one more.
    pub model: bool,
}

impl Who {
    /// Everybody who speaks of one person, and the network: where labels of two people are there, those of the chosen
    /// side, else of the side that comes first.
    pub fn of(project: &Project) -> Self {
        let raters = project.raters();
        let side = match project.model().map(Model::choice) {
            Some(FaceChoice::Side(person)) => Some(person),
            _ => raters.iter().find_map(|r| r.person),
        };
        let meant = |i: &usize| raters[*i].person.is_none() || raters[*i].person == side;
        Self {
            raters: (0..raters.len()).filter(meant).collect(),
            model: project.model().is_some(),
        }
    }
}

/// One whose word is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// What to call them; the network is "model".
    pub name: String,
    /// Their place in [`Project::raters`]; `None` for the network.
    pub rater: Option<usize>,
    /// Frames of the range with an expression, with valence, with arousal.
    pub frames: [u64; 3],
}

/// Valence or arousal of a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// Places in [`Agreements::voices`] of those who rate it anywhere in the video: who does not is not waited for.
    pub members: Vec<usize>,
    /// Intraclass correlations of the members, over frames that all of them rated ([`Icc::targets`]).
    pub icc: Icc,
    /// Krippendorff's alpha, over frames that two or more rated ([`IntervalAlpha::units`]).
    pub alpha: IntervalAlpha,
}

/// How far a group agrees.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Krippendorff's alpha of expressions, over frames that two or more labelled.
    pub expression: NominalAlpha,
    /// Valence.
    pub valence: Numbers,
    /// Arousal.
    pub arousal: Numbers,
}

impl Group {
    fn new(people: &Members) -> Self {
        let numbers = |members: &[usize]| Numbers {
            members: members.to_vec(),
            icc: Icc::new(members.len()),
            alpha: IntervalAlpha::default(),
        };
        Self {
            expression: NominalAlpha::default(),
            valence: numbers(&people.valence),
            arousal: numbers(&people.arousal),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.expression.merge(&other.expression);
        for (numbers, more) in [
            (&mut self.valence, &other.valence),
            (&mut self.arousal, &other.arousal),
        ] {
            numbers.icc.merge(&more.icc);
            numbers.alpha.merge(&more.alpha);
        }
    }
}

/// Two who are compared, over the frames that both rated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pair {
    /// Place of the one in [`Agreements::voices`].
    pub a: usize,
    /// Of the other, behind the one: the network is the other of every pair it is in.
    pub b: usize,
    /// Valence.
    pub valence: Agreement,
    /// Arousal.
    pub arousal: Agreement,
    /// Expressions: what `a` says as the label, what `b` says as the prediction.
    pub expression: Confusion,
}

/// How far everybody agrees over a range of frames.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreements {
    /// The range.
    pub frames: Range<usize>,
    /// Whose word was compared: the people in their order, then the network.
    pub voices: Vec<Voice>,
    /// The people among themselves. Without two of them there is nothing to compare, and every score is `None`.
    pub people: Group,
    /// The people and the network as one more; `None` where it takes no part.
    pub with_model: Option<Group>,
    /// Every two. Beside the network a person has the numbers of [`Project::scores`], which are those of
    /// `affectscope evaluate`: ratings by the clock count once each there, and frame by frame elsewhere here.
    pub pairs: Vec<Pair>,
}

/// Scores of every two, in the order of [`Agreements::voices`]; the same above and below the diagonal, on which there is
/// none.
pub type Matrix = Vec<Vec<Option<f64>>>;

impl Agreements {
    /// Concordance of valence between every two.
    pub fn valence_ccc(&self) -> Matrix {
        self.matrix(|pair| pair.valence.ccc())
    }

    /// Concordance of arousal between every two.
    pub fn arousal_ccc(&self) -> Matrix {
        self.matrix(|pair| pair.arousal.ccc())
    }

    /// Cohen's kappa of expressions between every two.
    pub fn kappa(&self) -> Matrix {
        self.matrix(|pair| pair.expression.kappa())
    }

    /// A score of every two.
    pub fn matrix(&self, score: impl Fn(&Pair) -> Option<f64>) -> Matrix {
        let mut matrix = vec![vec![None; self.voices.len()]; self.voices.len()];
        for pair in &self.pairs {
            let score = score(pair);
            matrix[pair.a][pair.b] = score;
            matrix[pair.b][pair.a] = score;
        }
        matrix
    }
}

/// How far these agree over some frames; one pass over them.
pub fn agreement(project: &Project, who: &Who, frames: Range<usize>) -> Agreements {
    let cast = Cast::new(project, who);
    let counts: Vec<[usize; 3]> = cast.tracks.iter().map(|t| t.counts()).collect();
    let members = cast.members(|voice, kind| counts[voice][kind] > 0);
    let mut sums = cast.empty(&members);
    let frames = frames.start..frames.end.min(project.frames());
    sums.add_frames(&cast, &members, frames.clone());
    cast.report(project, frames, sums)
}

/// Sums of blocks of frames, for ranges that change while somebody drags them, and labels that change under an edit.
#[derive(Debug, Clone, Default)]
pub struct RangeAgreement {
    who: Who,
    frames: usize,
    members: Members,
    blocks: Vec<Sums>,
}

impl RangeAgreement {
    /// Of all frames of a project.
    pub fn new(project: &Project, who: &Who) -> Self {
        let cast = Cast::new(project, who);
        let counts: Vec<[usize; 3]> = cast.tracks.iter().map(|t| t.counts()).collect();
        let members = cast.members(|voice, kind| counts[voice][kind] > 0);
        let frames = project.frames();
        let blocks = (0..frames.div_ceil(BLOCK))
            .map(|block| cast.block(&members, block, frames))
            .collect();
        Self {
            who: who.clone(),
            frames,
            members,
            blocks,
        }
    }

    /// Whose word is compared.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Takes up that labels or predictions of these frames have changed. Where the video has become longer, or somebody
    /// rates what they did not rate before anywhere, all is gone over once.
    pub fn update(&mut self, project: &Project, changed: Range<usize>) {
        if project.frames() != self.frames {
            *self = Self::new(project, &self.who);
            return;
        }
        let cast = Cast::new(project, &self.who);
        let changed = changed.start..changed.end.min(self.frames);
        if changed.is_empty() {
            return;
        }
        for block in changed.start / BLOCK..=(changed.end - 1) / BLOCK {
            self.blocks[block] = cast.block(&self.members, block, self.frames);
        }
        let said = |voice: usize, kind: usize| {
            let mut blocks = self.blocks.iter();
            blocks.any(|b| b.said.get(voice).is_some_and(|s| s[kind] > 0))
        };
        if cast.members(said) != self.members {
            *self = Self::new(project, &self.who);
        }
    }

    /// How far they agree over these frames of the project that was last taken up.
    pub fn range(&self, project: &Project, frames: Range<usize>) -> Agreements {
        let cast = Cast::new(project, &self.who);
        let frames = frames.start..frames.end.min(self.frames);
        let (first, last) = (frames.start.div_ceil(BLOCK), frames.end / BLOCK);
        let mut sums = cast.empty(&self.members);
        if first >= last {
            sums.add_frames(&cast, &self.members, frames.clone());
        } else {
            sums.add_frames(&cast, &self.members, frames.start..first * BLOCK);
            for block in &self.blocks[first..last] {
                sums.merge(block);
            }
            sums.add_frames(&cast, &self.members, last * BLOCK..frames.end);
        }
        cast.report(project, frames, sums)
    }
}

#[cfg(test)]
mod tests;
