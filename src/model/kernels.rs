//! How the CPU is asked to run the network.

use super::conv::isa::InstructionSet;

/// In which arithmetic the CPU runs backbone and heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Precision {
    /// 32-bit floating point: as trained.
    #[default]
    F32,
    /// 8-bit integers in the blocks: about half the time; for weights that were calibrated for it.
    Int8,
}

/// How the CPU runs the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// With which instructions.
    pub set: InstructionSet,
    /// Threads that share the work on a face; 0: as many as its size is worth (see [`BackboneConfig::threads`]).
    pub threads: usize,
    /// In which arithmetic.
    pub precision: Precision,
}

impl Default for Kernels {
    /// The machine's best instructions, one thread, f32.
    fn default() -> Self {
        Self {
            set: InstructionSet::chosen(),
            threads: 1,
            precision: Precision::F32,
        }
    }
}
