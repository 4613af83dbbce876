//! The 8-bit microkernels: unsigned activations times signed weights, summed exactly.
//!
//! Every layer's input has passed a ReLU, so that 0..=255 times a scale needs no zero point. Weights lie in -63..=63
//! with a scale for each output channel: a pair of products then fits 16 bits, so that AVX2's instructions for it
//! cannot saturate, and every machine computes the same sums.

#![allow(unsafe_code)]

use super::isa::InstructionSet;
use super::kernel::Segment;

/// The largest weight.
pub(super) const LARGEST_WEIGHT: f32 = 63.0;
/// Depth is summed in steps of so many bytes.
pub(super) const STEP: usize = 4;

/// What a tile is computed from and where it goes; offsets, lengths and strides are in bytes.
pub(super) struct Tile8<'a> {
    /// Where the segments' offsets are counted from.
    pub arena: *const u8,
    /// The layer's offsets.
    pub tables: &'a [u32],
    /// All segments of the sum; their lengths are multiples of [`STEP`].
    pub segments: &'a [Segment],
    /// First row.
    pub row: usize,
    /// Rows in this tile, 1 to [`Kernel8::rows`].
    pub rows: usize,
    /// `[sum of lengths / 4][columns][4]`
    pub weights: *const i8,
    /// What one of the sum is worth in units of the output, `[columns]`.
    pub scale: *const f32,
    /// In units of the output, `[columns]`.
    pub bias: *const f32,
    /// The tile's first output.
    pub out: *mut u8,
    /// Between two rows of the output.
    pub out_stride: usize,
    /// What one of the residual that lies at the output is worth, in units of the output; 0: there is none.
    pub residual: f32,
    /// Cache lines of the weights to ask for at every fourth step, as in [`super::kernel::Tile`].
    pub lines_ahead: usize,
    /// Where they begin.
    pub ahead: *const i8,
}

/// A microkernel and the shape of its tiles.
#[derive(Clone, Copy)]
pub(super) struct Kernel8 {
    /// The most rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
    /// Computes a tile: `max(sum * scale + bias + residual, 0)`, rounded to whole units of the output, 255 at most.
    ///
    /// # Safety
    /// As [`super::kernel::Kernel::tile`].
    pub tile: unsafe fn(&Tile8<'_>),
}

/// The 8-bit kernel for an instruction set; one that this machine lacks must not be run.
pub(super) fn kernel8(set: InstructionSet) -> Kernel8 {
    match set {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 if is_x86_feature_detected!("avx512vnni") => Kernel8 {
            rows: 14,
            columns: 32,
            tile: avx512::tile,
        },
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => Kernel8 {
            rows: 5,
            columns: 32,
            tile: avx2::tile_32,
        },
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => Kernel8 {
            rows: 5,
            columns: 16,
            tile: avx2::tile,
        },
        InstructionSet::Neon => Kernel8 {
            rows: 4,
            columns: 16,
            tile: portable::tile::<16>,
        },
        _ => Kernel8 {
            rows: 4,
            columns: 8,
            tile: portable::tile::<8>,
        },
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::super::kernel::prefetch;
    use super::{STEP, Tile8};
    use std::arch::x86_64::{
        __m512i, _mm_loadu_si128, _mm_storeu_si128, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
        _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
        _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_set1_epi32, _mm512_set1_ps,
        _mm512_setzero_ps, _mm512_setzero_si512,
    };

    /// # Safety
    /// See [`super::Kernel8::tile`].
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    pub unsafe fn tile(tile: &Tile8<'_>) {
        macro_rules! rows {
            ($($rows:literal)*) => {
                // SAFETY: handed on.
                unsafe {
                    match tile.rows {
                        $($rows => run::<$rows>(tile),)*
                        rows => debug_assert_eq!(rows, 0, "a tile of too many rows"),
                    }
                }
            };
        }
        rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn run<const R: usize>(tile: &Tile8<'_>) {
        // SAFETY: all offsets, lengths and strides are as `Kernel8::tile` wants them.
        unsafe {
            let mut sums = [[_mm512_setzero_si512(); 2]; R];
            let mut weights = tile.weights;
            let mut ahead = tile.ahead;
            for segment in tile.segments {
                let offsets = tile.tables.as_ptr().add(segment.table + tile.row);
                let rows: [*const u8; R] =
                    std::array::from_fn(|r| tile.arena.add(*offsets.add(r) as usize + segment.add));
                let mut k = 0;
                while k + 4 * STEP <= segment.len {
                    for _ in 0..tile.lines_ahead {
                        prefetch(ahead.cast());
                        ahead = ahead.wrapping_add(64);
                    }
                    for u in 0..4 {
                        step(&mut sums, &rows, k + u * STEP, weights.add(u * 128));
                    }
                    weights = weights.add(4 * 128);
                    k += 4 * STEP;
                }
                while k < segment.len {
                    step(&mut sums, &rows, k, weights);
                    weights = weights.add(128);
                    k += STEP;
                }
            }
            let residual = _mm512_set1_ps(tile.residual);
            for (v, half) in [0, 16].into_iter().enumerate() {
                let scale = _mm512_loadu_ps(tile.scale.add(half));
                let bias = _mm512_loadu_ps(tile.bias.add(half));
                for (r, row) in sums.iter().enumerate() {
                    let out = tile.out.add(r * tile.out_stride + half);
                    let mut y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(row[v]), scale, bias);
                    if tile.residual != 0.0 {
                        let there = _mm512_cvtepu8_epi32(_mm_loadu_si128(out.cast()));
                        y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(there), residual, y);
                    }
                    y = _mm512_max_ps(y, _mm512_setzero_ps());
                    // Keeps to 255, whatever comes.
                    let bytes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(y));
                    _mm_storeu_si128(out.cast(), bytes);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    #[inline]
    unsafe fn step<const R: usize>(
        sums: &mut [[__m512i; 2]; R],
        rows: &[*const u8; R],
        k: usize,
        weights: *const i8,
    ) {
        // SAFETY: as in `run`.
        unsafe {
            let w = [
                _mm512_loadu_si512(weights.cast()),
                _mm512_loadu_si512(weights.add(64).cast()),
            ];
            for r in 0..R {
                let a = _mm512_set1_epi32(rows[r].add(k).cast::<i32>().read_unaligned());
                for v in 0..2 {
                    sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, w[v]);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{STEP, Tile8};
    use std::arch::x86_64::{
        __m256i, _mm_loadl_epi64, _mm_packus_epi16, _mm_packus_epi32, _mm_storel_epi64,
        _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32,
        _mm256_cvtps_epi32, _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_ps, _mm256_min_ps,
        _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_setzero_si256,
    };

    /// # Safety
    /// See [`super::Kernel8::tile`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn tile(tile: &Tile8<'_>) {
        // SAFETY: handed on.
        unsafe { columns::<16>(tile, 0) }
    }

    /// For panels that are packed for AVX-512 on a machine that has it without VNNI.
    ///
    /// # Safety
    /// See [`super::Kernel8::tile`].
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn tile_32(tile: &Tile8<'_>) {
        // SAFETY: handed on.
        unsafe {
            columns::<32>(tile, 0);
            columns::<32>(tile, 16);
        }
    }

    /// 16 columns from `first` on of a panel of `C`.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn columns<const C: usize>(tile: &Tile8<'_>, first: usize) {
        // SAFETY: handed on.
        unsafe {
            match tile.rows {
                1 => run::<C, 1>(tile, first),
                2 => run::<C, 2>(tile, first),
                3 => run::<C, 3>(tile, first),
                4 => run::<C, 4>(tile, first),
                5 => run::<C, 5>(tile, first),
                rows => debug_assert_eq!(rows, 0, "a tile of too many rows"),
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn run<const C: usize, const R: usize>(tile: &Tile8<'_>, first: usize) {
        // SAFETY: all offsets, lengths and strides are as `Kernel8::tile` wants them.
        unsafe {
            let mut sums = [[_mm256_setzero_si256(); 2]; R];
            let mut weights = tile.weights.add(first * STEP);
            for segment in tile.segments {
                let offsets = tile.tables.as_ptr().add(segment.table + tile.row);
                let rows: [*const u8; R] =
                    std::array::from_fn(|r| tile.arena.add(*offsets.add(r) as usize + segment.add));
                for k in (0..segment.len).step_by(STEP) {
                    step(&mut sums, &rows, k, weights);
                    weights = weights.add(C * STEP);
                }
            }
            let residual = _mm256_set1_ps(tile.residual);
            for v in 0..2 {
                let at = first + v * 8;
                let scale = _mm256_loadu_ps(tile.scale.add(at));
                let bias = _mm256_loadu_ps(tile.bias.add(at));
                for (r, row) in sums.iter().enumerate() {
                    let out = tile.out.add(r * tile.out_stride + at);
                    let mut y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(row[v]), scale, bias);
                    if tile.residual != 0.0 {
                        let there = _mm256_cvtepu8_epi32(_mm_loadl_epi64(out.cast()));
                        y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(there), residual, y);
                    }
                    y = _mm256_max_ps(y, _mm256_setzero_ps());
                    y = _mm256_min_ps(y, _mm256_set1_ps(255.0));
                    let y = _mm256_cvtps_epi32(y);
                    let words = _mm_packus_epi32(
                        _mm256_castsi256_si128(y),
                        _mm256_extracti128_si256::<1>(y),
                    );
                    _mm_storel_epi64(out.cast(), _mm_packus_epi16(words, words));
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    #[inline]
    unsafe fn step<const R: usize>(
        sums: &mut [[__m256i; 2]; R],
        rows: &[*const u8; R],
        k: usize,
        weights: *const i8,
    ) {
        // SAFETY: as in `run`.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let w = [
                _mm256_loadu_si256(weights.cast()),
                _mm256_loadu_si256(weights.add(32).cast()),
            ];
            for r in 0..R {
                let a = _mm256_set1_epi32(rows[r].add(k).cast::<i32>().read_unaligned());
                for v in 0..2 {
                    let pairs = _mm256_maddubs_epi16(a, w[v]);
                    sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
    }
}

mod portable {
    use super::{STEP, Tile8};

    /// # Safety
    /// See [`super::Kernel8::tile`].
    pub unsafe fn tile<const C: usize>(tile: &Tile8<'_>) {
        for r in 0..tile.rows {
            let mut sums = [0i32; C];
            let mut weights = tile.weights;
            for segment in tile.segments {
                // SAFETY: all offsets, lengths and strides are as `Kernel8::tile` wants them.
                let (values, packed) = unsafe {
                    let offset = tile.tables[segment.table + tile.row + r] as usize + segment.add;
                    let packed = std::slice::from_raw_parts(weights, segment.len * C);
                    weights = weights.add(segment.len * C);
                    (
                        std::slice::from_raw_parts(tile.arena.add(offset), segment.len),
                        packed,
                    )
                };
                for (a, w) in values.chunks_exact(STEP).zip(packed.chunks_exact(C * STEP)) {
                    for (sum, w) in sums.iter_mut().zip(w.chunks_exact(STEP)) {
                        for (&a, &w) in a.iter().zip(w) {
                            *sum += i32::from(a) * i32::from(w);
                        }
                    }
                }
            }
            for (c, &sum) in sums.iter().enumerate() {
                // SAFETY: as above.
                unsafe {
                    let out = tile.out.add(r * tile.out_stride + c);
                    // Fused, as on the other machines: bytes are rounded from it.
                    let mut y = (sum as f32).mul_add(*tile.scale.add(c), *tile.bias.add(c));
                    y = f32::from(*out).mul_add(tile.residual, y);
                    *out = y.max(0.0).round_ties_even() as u8;
                }
            }
        }
    }
}
