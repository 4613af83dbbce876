//! A program with its threads, ready to run.

#![allow(unsafe_code)]

use std::sync::{Arc, Mutex, PoisonError};

use super::area::Area;
use super::program::Program;
use super::team::Team;

/// A program ready to run: one run at a time, whoever asks.
pub struct Network {
    program: Arc<Program>,
    team: Mutex<Team>,
    input: Area,
    outputs: Vec<Area>,
    points: Vec<(usize, Area)>,
    group: usize,
}

/// What the network made of one picture.
pub struct Outputs<'a> {
    program: &'a Program,
    areas: &'a [Area],
    picture: usize,
}

impl Outputs<'_> {
    /// The values of an output, in the order in which the outputs were declared.
    pub fn get(&self, output: usize) -> &[f32] {
        let area = &self.areas[output];
        // SAFETY: the area lies in the arena; the run is over, and the next one waits for the lock that is held while
        // this lives.
        unsafe {
            self.program
                .values(area.at + self.picture * area.each, area.channels)
        }
    }
}

impl Network {
    pub(super) fn new(
        program: Program,
        input: Area,
        outputs: Vec<Area>,
        points: Vec<(usize, Area)>,
        group: usize,
    ) -> Self {
        let threads = program.threads;
        let program = Arc::new(program);
        let theirs = program.clone();
        let work: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(move |run| {
            theirs.run(run, |_| {});
        });
        Self {
            team: Mutex::new(Team::new(threads, &work)),
            program,
            input,
            outputs,
            points,
            group,
        }
    }

    /// Threads that share a run, the caller's included.
    pub fn threads(&self) -> usize {
        self.program.threads
    }

    /// Reads `count` pictures: `fill(picture, row, values)` writes each row of each, `values: [width * channels]`;
    /// `take(picture, outputs)` is given what came out, in order. Allocates nothing.
    pub fn run(
        &self,
        count: usize,
        fill: impl FnMut(usize, usize, &mut [f32]),
        take: impl FnMut(usize, &Outputs<'_>),
    ) {
        self.run_watched(count, fill, take, |_| {});
    }

    /// The same; `done` is told each step that is over, `None` when the input of some pictures is written.
    pub(in crate::model) fn run_watched(
        &self,
        count: usize,
        mut fill: impl FnMut(usize, usize, &mut [f32]),
        mut take: impl FnMut(usize, &Outputs<'_>),
        mut done: impl FnMut(Option<usize>),
    ) {
        let (program, areas) = (&*self.program, &*self.outputs);
        // Whatever a panic left in the arena is written anew.
        let team = self.team.lock().unwrap_or_else(PoisonError::into_inner);
        for first in (0..count).step_by(self.group) {
            let pictures = self.group.min(count - first);
            self.fill(pictures, |picture, row, values| {
                fill(first + picture, row, values);
            });
            done(None);
            let run = team.begin(|run| program.prepare(run, pictures));
            let whole = program.run(run, |step| done(Some(step)));
            // Numbers of a half computed face must not be given out.
            assert!(
                whole && !program.is_broken(),
                "a part of the network failed"
            );
            for picture in 0..pictures {
                let outputs = Outputs {
                    program,
                    areas,
                    picture,
                };
                take(first + picture, &outputs);
            }
        }
    }

    /// Reads one picture step by step: `look(point, values)` is given what lies at each point as soon as it is there.
    /// For calibration; on the calling thread alone, in f32.
    pub(in crate::model) fn trace(
        &self,
        mut fill: impl FnMut(usize, &mut [f32]),
        mut look: impl FnMut(usize, &[f32]),
    ) {
        let program = &*self.program;
        let team = self.team.lock().unwrap_or_else(PoisonError::into_inner);
        self.fill(1, |_, row, values| fill(row, values));
        let run = team.begin_alone(|run| program.prepare(run, 1));
        for (i, step) in program.steps.iter().enumerate() {
            program.step(run, step, 0, 0..1);
            let here = self.points.iter().enumerate().filter(|(_, p)| p.0 == i);
            for (point, (_, area)) in here {
                let len = area.height * area.width * area.stride;
                // SAFETY: the area lies in the arena; nothing runs between two steps.
                look(point, unsafe { program.values(area.at, len) });
            }
        }
    }

    /// Writes the input; the caller holds the team's lock.
    fn fill(&self, pictures: usize, mut fill: impl FnMut(usize, usize, &mut [f32])) {
        let input = &self.input;
        for picture in 0..pictures {
            for row in 0..input.height {
                let at = input.at + picture * input.each + input.pixel(row, 0);
                // SAFETY: the row lies in the arena, and no run goes on while the lock is held.
                let values = unsafe { self.program.values_mut(at, input.width * input.channels) };
                fill(picture, row, values);
            }
        }
    }
}
