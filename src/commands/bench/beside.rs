//! What is told of a peer, whatever it ran.

use std::fmt::Write as _;

use serde::Serialize;

use super::contest::Quartiles;
use super::peer::{Peer, Runtime};
use super::table::Table;
use crate::evaluate::bootstrap::quantile;

/// A peer beside us. `W` says in which way each of its sessions ran.
#[derive(Debug, Serialize)]
pub(super) struct PeerReport<W> {
    name: &'static str,
    version: String,
    threads: usize,
    /// Our median over its best session's.
    ratio: f64,
    sessions: Vec<PeerTime<W>>,
    /// The largest difference of any output, and the largest output.
    largest_difference: f64,
    largest_output: f64,
    /// Part of a core that it used between its turns: 0 when it leaves us alone.
    idle_core_part: f64,
}

/// One way to run it.
#[derive(Debug, Serialize)]
struct PeerTime<W> {
    #[serde(flatten)]
    way: W,
    #[serde(flatten)]
    time: Quartiles,
    /// Our median over its median.
    ratio: f64,
    /// Quartiles of our time over its time in the same round.
    ratio_quartile1: f64,
    ratio_quartile3: f64,
}

/// A way in which a peer's session runs.
pub(super) trait Way {
    /// For a terminal, with a comma before it; empty where there is but one way.
    fn text(&self, threads: usize) -> &'static str;
}

impl<W: Way> PeerReport<W> {
    /// Of what was measured: our milliseconds in each round beside those of its sessions, whose ways these are.
    pub fn new(
        runtime: Runtime,
        peer: &Peer,
        threads: usize,
        outputs: &[f32],
        (ours_ms, ours): (&[f64], Quartiles),
        (ways, theirs_ms, theirs): (Vec<W>, &[Vec<f64>], &[Quartiles]),
    ) -> Self {
        let sessions: Vec<PeerTime<W>> = ways
            .into_iter()
            .zip(theirs_ms.iter().zip(theirs))
            .map(|(way, (samples_ms, &time))| {
                let mut ratios: Vec<f64> =
                    ours_ms.iter().zip(samples_ms).map(|(a, b)| a / b).collect();
                ratios.sort_by(f64::total_cmp);
                PeerTime {
                    way,
                    time,
                    ratio: ours.median_ms / time.median_ms,
                    ratio_quartile1: quantile(&ratios, 0.25),
                    ratio_quartile3: quantile(&ratios, 0.75),
                }
            })
            .collect();
        let (largest_difference, largest_output) = peer.difference(outputs);
        Self {
            name: runtime.name,
            version: peer.version.clone(),
            threads,
            ratio: sessions.iter().map(|s| s.ratio).fold(0.0, f64::max),
            sessions,
            largest_difference,
            largest_output,
            idle_core_part: peer.idle_core_part(),
        }
    }

    /// A row for each session.
    pub fn rows(&self, table: &mut Table) {
        for session in &self.sessions {
            let how = session.way.text(self.threads);
            table.row(
                &format!("{} {}{how}", self.name, self.version),
                &session.time,
            );
        }
    }

    /// The ratios, and how far the two are from each other in `what` they compute.
    pub fn lines(&self, what: &str) -> String {
        let mut text = String::new();
        for session in &self.sessions {
            let _ = writeln!(
                text,
                "  ours over {}{}: {:.3} ({:.3} to {:.3})",
                self.name,
                session.way.text(self.threads),
                session.ratio,
                session.ratio_quartile1,
                session.ratio_quartile3
            );
        }
        let _ = writeln!(
            text,
            "  largest difference {:.2e} of {what} up to {:.1}; between its turns it used {:.1} % of a core",
            self.largest_difference,
            self.largest_output,
            self.idle_core_part * 100.0
        );
        text
    }
}
