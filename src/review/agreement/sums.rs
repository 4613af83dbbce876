//! What is gathered of frames, and what is reported of it.

use std::ops::Range;

use super::{Agreements, BLOCK, Group, Pair, Voice, Who};
use crate::labels::Expression;
use crate::metrics::Agreement;
use crate::review::project::Project;
use crate::review::track::Track;

/// Who rates valence, who arousal, anywhere in the video: among the people, and with the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) valence: Vec<usize>,
    pub(super) arousal: Vec<usize>,
    pub(super) all: Option<Box<Members>>,
}

/// Those who are compared, with what they say.
pub(super) struct Cast<'a> {
    voices: Vec<(String, Option<usize>)>,
    pub(super) tracks: Vec<&'a Track>,
    people: usize,
}

/// What was gathered of some frames.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) said: Vec<[u64; 3]>,
    people: Group,
    all: Option<Group>,
    /// Of every two people.
    pairs: Vec<Pair>,
}

impl<'a> Cast<'a> {
    pub(super) fn new(project: &'a Project, who: &Who) -> Self {
        let there = who.raters.iter().copied();
        let there: Vec<usize> = there.filter(|&i| i < project.raters().len()).collect();
        let people = there.iter().map(|&i| &project.raters()[i]);
        let mut tracks: Vec<&Track> = people.clone().map(|r| r.track()).collect();
        let names = people.map(|r| r.name.clone());
        let mut voices: Vec<_> = names.zip(there.iter().copied().map(Some)).collect();
        if let (true, Some(model)) = (who.model, project.model()) {
            tracks.push(model.track());
            voices.push(("model".to_owned(), None));
        }
        Self {
            voices,
            tracks,
            people: there.len(),
        }
    }

    fn has_model(&self) -> bool {
        self.tracks.len() > self.people
    }

    /// `said` tells whether a voice rates something of a kind anywhere.
    pub(super) fn members(&self, said: impl Fn(usize, usize) -> bool) -> Members {
        let among = |voices: usize, kind: usize| (0..voices).filter(|&v| said(v, kind)).collect();
        let of = |voices| Members {
            valence: among(voices, 1),
            arousal: among(voices, 2),
            all: None,
        };
        Members {
            all: self.has_model().then(|| Box::new(of(self.tracks.len()))),
            ..of(self.people)
        }
    }

    pub(super) fn empty(&self, members: &Members) -> Sums {
        let pairs = (0..self.people).flat_map(|a| (a + 1..self.people).map(move |b| (a, b)));
        Sums {
            said: vec![[0; 3]; self.tracks.len()],
            people: Group::new(members),
            all: members.all.as_deref().map(Group::new),
            pairs: pairs
                .map(|(a, b)| Pair {
                    a,
                    b,
                    ..Pair::default()
                })
                .collect(),
        }
    }

    pub(super) fn block(&self, members: &Members, block: usize, frames: usize) -> Sums {
        let mut sums = self.empty(members);
        let frames = block * BLOCK..((block + 1) * BLOCK).min(frames);
        sums.add_frames(self, members, frames);
        sums
    }

    pub(super) fn report(
        &self,
        project: &Project,
        frames: Range<usize>,
        mut sums: Sums,
    ) -> Agreements {
        if self.has_model() {
            for (a, (_, rater)) in self.voices[..self.people].iter().enumerate() {
                let scores = project.scores(rater.unwrap_or(usize::MAX), frames.clone());
                sums.pairs.push(Pair {
                    a,
                    b: self.people,
                    valence: scores.valence,
                    arousal: scores.arousal,
                    expression: scores.expression,
                });
            }
        }
        sums.pairs.sort_by_key(|p| (p.a, p.b));
        let voices = self.voices.iter().zip(&sums.said);
        Agreements {
            voices: voices
                .map(|((name, rater), said)| Voice {
                    name: name.clone(),
                    rater: *rater,
                    frames: *said,
                })
                .collect(),
            frames,
            people: sums.people,
            with_model: sums.all,
            pairs: sums.pairs,
        }
    }
}

/// What a voice says of a short run of frames, one place a frame.
struct Piece {
    expression: Vec<Option<Expression>>,
    valence: Vec<f64>,
    arousal: Vec<f64>,
}

impl Piece {
    fn of(track: &Track, frames: Range<usize>) -> Self {
        let numbers = |column: &[f64]| {
            let end = frames.end.min(column.len());
            let mut part = column[frames.start.min(end)..end].to_vec();
            part.resize(frames.len(), f64::NAN);
            part
        };
        Self {
            expression: frames.clone().map(|f| track.expression(f)).collect(),
            valence: numbers(track.valence()),
            arousal: numbers(track.arousal()),
        }
    }
}

impl Sums {
    pub(super) fn merge(&mut self, other: &Self) {
        for (said, more) in self.said.iter_mut().zip(&other.said) {
            for (said, more) in said.iter_mut().zip(more) {
                *said += more;
            }
        }
        self.people.merge(&other.people);
        if let (Some(all), Some(more)) = (&mut self.all, &other.all) {
            all.merge(more);
        }
        for (pair, more) in self.pairs.iter_mut().zip(&other.pairs) {
            pair.valence.merge(&more.valence);
            pair.arousal.merge(&more.arousal);
            pair.expression.merge(&more.expression);
        }
    }

    pub(super) fn add_frames(&mut self, cast: &Cast<'_>, members: &Members, frames: Range<usize>) {
        for start in frames.clone().step_by(BLOCK) {
            let part = start..(start + BLOCK).min(frames.end);
            let pieces: Vec<Piece> = cast
                .tracks
                .iter()
                .map(|track| Piece::of(track, part.clone()))
                .collect();
            for (said, piece) in self.said.iter_mut().zip(&pieces) {
                let numbers = |v: &[f64]| v.iter().filter(|v| !v.is_nan()).count() as u64;
                said[0] += piece.expression.iter().flatten().count() as u64;
                said[1] += numbers(&piece.valence);
                said[2] += numbers(&piece.arousal);
            }
            for pair in &mut self.pairs {
                let (a, b) = (&pieces[pair.a], &pieces[pair.b]);
                pair.valence.merge(&Agreement::of(&a.valence, &b.valence));
                pair.arousal.merge(&Agreement::of(&a.arousal, &b.arousal));
                for (a, b) in a.expression.iter().zip(&b.expression) {
                    if let (Some(a), Some(b)) = (*a, *b) {
                        pair.expression.push(b, a);
                    }
                }
            }
            gather(&mut self.people, members, &pieces[..cast.people]);
            if let (Some(all), Some(members)) = (&mut self.all, &members.all) {
                gather(all, members, &pieces);
            }
        }
    }
}

fn gather(group: &mut Group, members: &Members, pieces: &[Piece]) {
    for frame in 0..pieces.first().map_or(0, |p| p.expression.len()) {
        let mut said = [0; Expression::COUNT];
        for expression in pieces.iter().filter_map(|p| p.expression[frame]) {
            said[expression.index()] += 1;
        }
        group.expression.push(&said);
    }
    let of = |voices: &[usize], column: fn(&Piece) -> &[f64]| -> Vec<&[f64]> {
        voices.iter().map(|&v| column(&pieces[v])).collect()
    };
    let valence = of(&members.valence, |p| &p.valence);
    let arousal = of(&members.arousal, |p| &p.arousal);
    for (numbers, columns) in [(&mut group.valence, valence), (&mut group.arousal, arousal)] {
        let mut ratings = vec![f64::NAN; columns.len()];
        for frame in 0..columns.first().map_or(0, |c| c.len()) {
            for (rating, column) in ratings.iter_mut().zip(&columns) {
                *rating = column[frame];
            }
            numbers.icc.push(&ratings);
            numbers.alpha.push(&ratings);
        }
    }
}
