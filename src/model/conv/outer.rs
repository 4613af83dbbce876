//! The microkernels of a weight's slope: a tile of `X^T dY`, held in registers while pixels go by.

#![allow(unsafe_code)]

use super::isa::InstructionSet;

/// What a tile is computed from. Everything is counted in values.
pub(super) struct OuterTile {
    /// Where offsets are counted from, the tile's first row of the depth included.
    pub from: *const f32,
    /// One for each pixel.
    pub offsets: *const u32,
    /// The first pixel's slopes, from the tile's first column on.
    pub slopes: *const f32,
    /// Between two pixels' slopes.
    pub slope_stride: usize,
    /// Pixels that are summed.
    pub pixels: usize,
    /// Rows of the tile, 1 to [`OuterKernel::rows`].
    pub rows: usize,
    /// The tile, added to.
    pub sum: *mut f32,
    /// Between two rows of it.
    pub sum_stride: usize,
}

/// A microkernel and the shape of its tiles.
#[derive(Clone, Copy)]
pub(super) struct OuterKernel {
    /// The most rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
    /// Adds to a tile.
    ///
    /// # Safety
    /// The machine has the instructions; `rows` values lie at every offset, `columns` at every pixel's slopes and every
    /// row of the sum; nobody else touches the sum meanwhile.
    pub tile: unsafe fn(&OuterTile),
}

/// The kernel for an instruction set; one that this machine lacks must not be run.
pub(super) fn outer_kernel(set: InstructionSet) -> OuterKernel {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => OuterKernel {
            rows: 14,
            columns: 32,
            tile: avx512::tile,
        },
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => OuterKernel {
            rows: 6,
            columns: 16,
            tile: avx2::tile,
        },
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => OuterKernel {
            rows: 6,
            columns: 16,
            tile: neon::tile,
        },
        _ => OuterKernel {
            rows: 4,
            columns: 8,
            tile: portable::tile,
        },
    }
}

/// The body of a microkernel of `$vectors` vectors of `$lanes` values, for each number of rows given. A macro for the
/// reason given in `kernel.rs`.
macro_rules! outer {
    (
        $(#[$feature:meta])?
        lanes $lanes:literal, vectors $vectors:literal, rows [$($rows:literal)*],
        load $load:ident, store $store:ident, splat $splat:ident, fma $fma:ident
    ) => {
        /// Adds to a tile.
        ///
        /// # Safety
        /// See [`super::OuterKernel::tile`].
        $(#[$feature])?
        pub(super) unsafe fn tile(tile: &OuterTile) {
            // SAFETY: handed on.
            unsafe {
                match tile.rows {
                    $($rows => run::<$rows>(tile),)*
                    rows => debug_assert_eq!(rows, 0, "a tile of too many rows"),
                }
            }
        }

        $(#[$feature])?
        unsafe fn run<const R: usize>(tile: &OuterTile) {
            // SAFETY: all offsets, lengths and strides are as `OuterKernel::tile` wants them.
            unsafe {
                let place = |r: usize, v: usize| tile.sum.add(r * tile.sum_stride + v * $lanes);
                let mut sums = [[$splat(0.0); $vectors]; R];
                for (r, row) in sums.iter_mut().enumerate() {
                    for (v, sum) in row.iter_mut().enumerate() {
                        *sum = $load(place(r, v));
                    }
                }
                let mut slopes = tile.slopes;
                for pixel in 0..tile.pixels {
                    let from = tile.from.add(*tile.offsets.add(pixel) as usize);
                    let s: [_; $vectors] = std::array::from_fn(|v| $load(slopes.add(v * $lanes)));
                    for (r, row) in sums.iter_mut().enumerate() {
                        let a = $splat(*from.add(r));
                        for (sum, s) in row.iter_mut().zip(s) {
                            *sum = $fma(a, s, *sum);
                        }
                    }
                    slopes = slopes.add(tile.slope_stride);
                }
                for (r, row) in sums.iter().enumerate() {
                    for (v, &sum) in row.iter().enumerate() {
                        $store(place(r, v), sum);
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::OuterTile;
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps};
    outer! {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        lanes 16, vectors 2, rows [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
        load _mm512_loadu_ps, store _mm512_storeu_ps, splat _mm512_set1_ps, fma _mm512_fmadd_ps
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::OuterTile;
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps};
    outer! {
        #[target_feature(enable = "avx2,fma")]
        lanes 8, vectors 2, rows [1 2 3 4 5 6],
        load _mm256_loadu_ps, store _mm256_storeu_ps, splat _mm256_set1_ps, fma _mm256_fmadd_ps
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::super::kernel::neon::fma;
    use super::OuterTile;
    use std::arch::aarch64::{vdupq_n_f32, vld1q_f32, vst1q_f32};
    outer! {
        #[target_feature(enable = "neon")]
        lanes 4, vectors 4, rows [1 2 3 4 5 6],
        load vld1q_f32, store vst1q_f32, splat vdupq_n_f32, fma fma
    }
}

mod portable {
    use super::super::kernel::portable::{fma, load, splat, store};
    use super::OuterTile;
    outer! {
        lanes 8, vectors 1, rows [1 2 3 4],
        load load, store store, splat splat, fma fma
    }
}
