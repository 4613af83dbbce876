//! The f32 microkernels: a tile of a matrix product whose rows are scattered over an arena.
//!
//! One tile is up to `rows` pixels by `columns` output channels, held in registers while all of its products are
//! summed. A row of the left matrix is not in one piece: it is a list of segments (one for 1x1, nine for 3x3), each at
//! an offset that a table gives for every pixel. The right matrix lies packed, `columns` channels a step.

#![allow(unsafe_code)]

use super::isa::InstructionSet;

/// A piece of a row of the left matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Where its offsets begin in the layer's table: one for each row.
    pub table: usize,
    /// Added to each offset.
    pub add: usize,
    /// Values in it.
    pub len: usize,
}

/// What a tile is computed from and where it goes. Everything is in values of its type, not in bytes.
pub(super) struct Tile<'a, A, W, C> {
    /// Where the segments' offsets are counted from.
    pub arena: *const A,
    /// The layer's offsets.
    pub tables: &'a [u32],
    /// The segments of this block of the sum.
    pub segments: &'a [Segment],
    /// First row.
    pub row: usize,
    /// Rows in this tile, 1 to [`Kernel::rows`].
    pub rows: usize,
    /// The packed weights of this block: `[sum of lengths][columns]`.
    pub weights: *const W,
    /// Cache lines of the weights after this block's to ask for at every fourth step, from [`Tile::ahead`] on: while the
    /// tiles of a block are computed, the next block comes from memory.
    pub lines_ahead: usize,
    /// Where they begin. Only asked for, never read: it may lie beyond the weights' end.
    pub ahead: *const W,
    /// `[columns]`
    pub bias: *const f32,
    /// The tile's first output.
    pub out: *mut C,
    /// Between two rows of the output.
    pub out_stride: usize,
    /// Begin with what is there (a residual, or an earlier block's sum).
    pub onto: bool,
    /// Begin with the bias: the first block.
    pub first: bool,
    /// `max(x, 0)` at the end: the last block of a layer that has it.
    pub relu: bool,
}

/// A microkernel and the shape of its tiles.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    /// The most rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
    /// Computes a tile.
    ///
    /// # Safety
    /// The machine has the instructions; every offset with its segment lies in the arena; weights, bias and output
    /// are as long as the tile says; nobody else touches the tile's output meanwhile.
    pub tile: unsafe fn(&Tile<'_, f32, f32, f32>),
}

/// The kernel for an instruction set; one that this machine lacks must not be run.
pub(super) fn kernel(set: InstructionSet) -> Kernel {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => Kernel {
            rows: 14,
            columns: 32,
            tile: avx512::tile,
        },
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => Kernel {
            rows: 6,
            columns: 16,
            tile: avx2::tile,
        },
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => Kernel {
            rows: 6,
            columns: 16,
            tile: neon::tile,
        },
        _ => Kernel {
            rows: 4,
            columns: 8,
            tile: portable::tile,
        },
    }
}

/// The body of a microkernel of `$vectors` vectors of `$lanes` values, for each number of rows given.
///
/// A macro and not a generic function: the intrinsics must be inlined into functions of their own target features.
macro_rules! microkernel {
    (
        $(#[$feature:meta])?
        lanes $lanes:literal, vectors $vectors:literal, rows [$($rows:literal)*],
        load $load:ident, store $store:ident, splat $splat:ident, fma $fma:ident, add $add:ident, max $max:ident, prefetch $prefetch:ident
    ) => {
        /// Computes a tile.
        ///
        /// # Safety
        /// See [`Kernel::tile`].
        $(#[$feature])?
        pub(super) unsafe fn tile(tile: &Tile<'_, f32, f32, f32>) {
            // SAFETY: handed on.
            unsafe {
                match tile.rows {
                    $($rows => run::<$rows>(tile),)*
                    rows => debug_assert_eq!(rows, 0, "a tile of too many rows"),
                }
            }
        }

        $(#[$feature])?
        unsafe fn run<const R: usize>(tile: &Tile<'_, f32, f32, f32>) {
            // SAFETY: all offsets, lengths and strides are as `Kernel::tile` wants them.
            unsafe {
                let mut sums = [[$splat(0.0); $vectors]; R];
                if tile.first {
                    for (v, bias) in std::array::from_fn::<_, $vectors, _>(|v| $load(tile.bias.add(v * $lanes))).into_iter().enumerate() {
                        for row in &mut sums {
                            row[v] = bias;
                        }
                    }
                }
                if tile.onto {
                    for (r, row) in sums.iter_mut().enumerate() {
                        for (v, sum) in row.iter_mut().enumerate() {
                            *sum = $add(*sum, $load(tile.out.add(r * tile.out_stride + v * $lanes)));
                        }
                    }
                }
                let mut weights = tile.weights;
                let mut ahead = tile.ahead;
                for segment in tile.segments {
                    let offsets = tile.tables.as_ptr().add(segment.table + tile.row);
                    let rows: [*const f32; R] =
                        std::array::from_fn(|r| tile.arena.add(*offsets.add(r) as usize + segment.add));
                    let mut k = 0;
                    while k + UNROLL <= segment.len {
                        for _ in 0..tile.lines_ahead {
                            $prefetch(ahead);
                            ahead = ahead.wrapping_add(16);
                        }
                        for u in 0..UNROLL {
                            step(&mut sums, &rows, k + u, weights.add(u * $vectors * $lanes));
                        }
                        weights = weights.add(UNROLL * $vectors * $lanes);
                        k += UNROLL;
                    }
                    while k < segment.len {
                        step(&mut sums, &rows, k, weights);
                        weights = weights.add($vectors * $lanes);
                        k += 1;
                    }
                }
                for (r, row) in sums.iter().enumerate() {
                    for (v, &sum) in row.iter().enumerate() {
                        let sum = if tile.relu { $max(sum, $splat(0.0)) } else { sum };
                        $store(tile.out.add(r * tile.out_stride + v * $lanes), sum);
                    }
                }
            }
        }

        $(#[$feature])?
        #[inline]
        unsafe fn step<const R: usize>(
            sums: &mut [[Vector; $vectors]; R],
            rows: &[*const f32; R],
            k: usize,
            weights: *const f32,
        ) {
            // SAFETY: as in `run`.
            unsafe {
                let w: [Vector; $vectors] = std::array::from_fn(|v| $load(weights.add(v * $lanes)));
                for r in 0..R {
                    let a = $splat(*rows[r].add(k));
                    for v in 0..$vectors {
                        sums[r][v] = $fma(a, w[v], sums[r][v]);
                    }
                }
            }
        }
    };
}

/// Asks for a cache line, into the second level.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn prefetch(line: *const f32) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: a prefetch reads nothing and cannot fault, wherever it points.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(line.cast()) }
}

/// No such instruction in stable Rust.
#[inline]
fn nothing(_line: *const f32) {}

/// Steps of the sum between two looks at the row pointers: there are more of them than registers.
const UNROLL: usize = 4;

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{Tile, UNROLL, prefetch};
    use std::arch::x86_64::{
        __m512 as Vector, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
        _mm512_set1_ps, _mm512_storeu_ps,
    };
    microkernel! {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        lanes 16, vectors 2, rows [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
        load _mm512_loadu_ps, store _mm512_storeu_ps, splat _mm512_set1_ps, fma _mm512_fmadd_ps,
        add _mm512_add_ps, max _mm512_max_ps, prefetch prefetch
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Tile, UNROLL, prefetch};
    use std::arch::x86_64::{
        __m256 as Vector, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps,
        _mm256_set1_ps, _mm256_storeu_ps,
    };
    microkernel! {
        #[target_feature(enable = "avx2,fma")]
        lanes 8, vectors 2, rows [1 2 3 4 5 6],
        load _mm256_loadu_ps, store _mm256_storeu_ps, splat _mm256_set1_ps, fma _mm256_fmadd_ps,
        add _mm256_add_ps, max _mm256_max_ps, prefetch prefetch
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) mod neon {
    use super::{Tile, UNROLL, nothing};
    use std::arch::aarch64::{
        float32x4_t as Vector, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmaxq_f32, vst1q_f32,
    };
    /// `a * w + sum`, in the order of the other kernels.
    #[target_feature(enable = "neon")]
    #[inline]
    pub fn fma(a: Vector, w: Vector, sum: Vector) -> Vector {
        vfmaq_f32(sum, a, w)
    }
    microkernel! {
        #[target_feature(enable = "neon")]
        lanes 4, vectors 4, rows [1 2 3 4 5 6],
        load vld1q_f32, store vst1q_f32, splat vdupq_n_f32, fma fma,
        add vaddq_f32, max vmaxq_f32, prefetch nothing
    }
}

pub(super) mod portable {
    use super::{Tile, UNROLL, nothing};
    pub type Vector = [f32; 8];
    pub unsafe fn load(from: *const f32) -> Vector {
        // SAFETY: eight values lie there, as the tile's lengths say.
        unsafe { from.cast::<Vector>().read_unaligned() }
    }
    pub unsafe fn store(to: *mut f32, values: Vector) {
        // SAFETY: as in `load`.
        unsafe { to.cast::<Vector>().write_unaligned(values) }
    }
    pub fn splat(value: f32) -> Vector {
        [value; 8]
    }
    pub fn fma(a: Vector, w: Vector, sum: Vector) -> Vector {
        std::array::from_fn(|i| a[i] * w[i] + sum[i])
    }
    fn add(a: Vector, b: Vector) -> Vector {
        std::array::from_fn(|i| a[i] + b[i])
    }
    fn max(a: Vector, b: Vector) -> Vector {
        std::array::from_fn(|i| a[i].max(b[i]))
    }
    microkernel! {
        lanes 8, vectors 1, rows [1 2 3 4],
        load load, store store, splat splat, fma fma, add add, max max, prefetch nothing
    }
}
