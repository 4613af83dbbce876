//! One row times a matrix: what a recurrent step is made of. Too small for tiles, too often for plain loops.

#![allow(unsafe_code)]

use super::isa::InstructionSet;

/// Outputs that are summed side by side in registers.
const BLOCK: usize = 64;

/// `out += x * matrix`, `matrix [x.len(), out.len()]`, on an instruction set that this machine has.
pub(in crate::model) fn add_row_product(
    set: InstructionSet,
    x: &[f32],
    matrix: &[f32],
    out: &mut [f32],
) {
    assert!(matrix.len() == x.len() * out.len() && set.is_here());
    match set {
        // SAFETY: the machine has the instructions, as was just made sure of.
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => unsafe { on_avx512(x, matrix, out) },
        // SAFETY: likewise.
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => unsafe { on_avx2(x, matrix, out) },
        // Every 64-bit Arm fuses products and sums.
        InstructionSet::Neon => product::<true>(x, matrix, out),
        _ => product::<false>(x, matrix, out),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
fn on_avx512(x: &[f32], matrix: &[f32], out: &mut [f32]) {
    product::<true>(x, matrix, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn on_avx2(x: &[f32], matrix: &[f32], out: &mut [f32]) {
    product::<true>(x, matrix, out);
}

/// Inlined into functions of more target features than the program's, whose registers the compiler then uses.
#[inline(always)]
fn product<const FUSED: bool>(x: &[f32], matrix: &[f32], out: &mut [f32]) {
    let columns = out.len();
    let whole = columns / BLOCK * BLOCK;
    let (blocks, rest) = out.split_at_mut(whole);
    let add = |sum: f32, value: f32, weight: f32| {
        if FUSED {
            value.mul_add(weight, sum)
        } else {
            sum + value * weight
        }
    };
    for (i, block) in blocks.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let mut sums = *block;
        for (&value, row) in x.iter().zip(matrix.chunks_exact(columns)) {
            let row = &row[i * BLOCK..(i + 1) * BLOCK];
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum = add(*sum, value, weight);
            }
        }
        *block = sums;
    }
    if !rest.is_empty() {
        for (&value, row) in x.iter().zip(matrix.chunks_exact(columns)) {
            for (sum, &weight) in rest.iter_mut().zip(&row[whole..]) {
                *sum = add(*sum, value, weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_agrees_with_the_definition() {
        for columns in [1, 7, 40, 64, 192, 200] {
            let x: Vec<f32> = (0..50).map(|i| (i % 7) as f32 - 3.0).collect();
            let matrix: Vec<f32> = (0..50 * columns)
                .map(|i| ((i * 31 % 17) as f32 - 8.0) / 8.0)
                .collect();
            for set in InstructionSet::here() {
                let mut out = vec![0.25; columns];
                add_row_product(set, &x, &matrix, &mut out);
                for (c, got) in out.iter().enumerate() {
                    let sum: f32 = (0..50).map(|k| x[k] * matrix[k * columns + c]).sum();
                    assert!((got - 0.25 - sum).abs() < 1e-3, "{set:?} {columns}");
                }
            }
        }
    }
}
