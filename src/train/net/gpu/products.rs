//! Matrix products by cuBLAS, which counts by columns: what lies by rows is the transposed, and products change sides.

// cuBLAS takes bare pointers and sides; which they are is decided here alone, by the asserts before each product.
#![allow(unsafe_code)]

use std::ops::Range;

use cudarc::cublas::{Gemm, GemmConfig, sys};
use cudarc::driver::CudaView;

use super::device::{Gpu, GpuError, Values, failed};

impl Gpu {
    /// `out [rows, to] = x [rows, depth] W [depth, to]`, with `W` somewhere in `values`.
    pub fn product(
        &self,
        (x, rows, depth): (&Values, usize, usize),
        (values, weight, to): (&Values, Range<usize>, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * depth && weight.len() == depth * to && out.len() >= rows * to);
        // cuBLAS counts by columns: what lies by rows is the transposed, and products change sides.
        let by = config((false, false), [to, rows, depth], [to, depth, to], 0.0);
        self.gemm(by, &values.slice(weight), &x.as_view(), out, 0..rows * to)
    }

    /// `dW [depth, to] = x' [depth, rows] dy [rows, to]`, somewhere in `grads`.
    pub fn product_weight(
        &self,
        (x, rows, depth): (&Values, usize, usize),
        (slopes, to): (&Values, usize),
        (grads, weight): (&mut Values, Range<usize>),
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * depth && slopes.len() >= rows * to && weight.len() == depth * to);
        let by = config((false, true), [to, depth, rows], [to, depth, to], 0.0);
        self.gemm(by, &slopes.as_view(), &x.as_view(), grads, weight)
    }

    /// `dx [rows, depth] = dy [rows, to] W' [to, depth]`, or added to what is there (`onto`).
    pub fn product_back(
        &self,
        (slopes, rows, to): (&Values, usize, usize),
        (values, weight, depth): (&Values, Range<usize>, usize),
        (out, onto): (&mut Values, bool),
    ) -> Result<(), GpuError> {
        assert!(
            slopes.len() >= rows * to && weight.len() == depth * to && out.len() >= rows * depth
        );
        let beta = if onto { 1.0 } else { 0.0 };
        let by = config((true, false), [depth, rows, to], [to, to, depth], beta);
        self.gemm(
            by,
            &values.slice(weight),
            &slopes.as_view(),
            out,
            0..rows * depth,
        )
    }

    fn gemm(
        &self,
        by: GemmConfig<f32>,
        a: &CudaView<'_, f32>,
        b: &CudaView<'_, f32>,
        out: &mut Values,
        range: Range<usize>,
    ) -> Result<(), GpuError> {
        // SAFETY: both factors and the product are as large as the three callers checked.
        unsafe { self.blas.gemm(by, a, b, &mut out.slice_mut(range)) }
            .map_err(|e| failed("a product")(&e))
    }

    /// A full layer, `out [rows, to] = x [rows, from] W' + b` with `W [to, from]`, and the ReLU after it (`relu`).
    pub fn layer(
        &self,
        (x, rows, from): (&Values, usize, usize),
        (values, [weight, bias], to): (&Values, &[Range<usize>; 2], usize),
        relu: bool,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * from && weight.len() == from * to && out.len() >= rows * to);
        assert!(bias.len() == to && bias.end <= values.len());
        let by = config((true, false), [to, rows, from], [from, from, to], 0.0);
        self.gemm(
            by,
            &values.slice(weight.clone()),
            &x.as_view(),
            out,
            0..rows * to,
        )?;
        self.add_bias((values, bias), rows, relu, out)
    }

    /// Slopes of a layer's weight and bias, from those of what came out: written to `grads`.
    pub fn layer_weights_back(
        &self,
        (x, rows, from): (&Values, usize, usize),
        (slopes, to): (&Values, usize),
        (grads, [weight, bias]): (&mut Values, &[Range<usize>; 2]),
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * from && slopes.len() >= rows * to && weight.len() == from * to);
        assert!(bias.len() == to && bias.end <= grads.len());
        let by = config((false, true), [from, to, rows], [from, to, from], 0.0);
        self.gemm(by, &x.as_view(), &slopes.as_view(), grads, weight.clone())?;
        self.bias_back((slopes, rows), (grads, bias))
    }

    /// Slopes of what a layer reads, from those of what came out.
    pub fn layer_back(
        &self,
        (slopes, rows, to): (&Values, usize, usize),
        (values, weight, from): (&Values, &Range<usize>, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(slopes.len() >= rows * to && weight.len() == from * to && out.len() >= rows * from);
        let by = config((false, false), [from, rows, to], [from, to, from], 0.0);
        self.gemm(
            by,
            &values.slice(weight.clone()),
            &slopes.as_view(),
            out,
            0..rows * from,
        )
    }
}

/// A product for cuBLAS: what is transposed, `m, n, k`, and the leading sides.
fn config(
    transposed: (bool, bool),
    [m, n, k]: [usize; 3],
    ld: [usize; 3],
    beta: f32,
) -> GemmConfig<f32> {
    let op = |transposed| {
        if transposed {
            sys::cublasOperation_t::CUBLAS_OP_T
        } else {
            sys::cublasOperation_t::CUBLAS_OP_N
        }
    };
    let [m, n, k] = [m, n, k].map(|n| n as i32);
    let [lda, ldb, ldc] = ld.map(|n| n as i32);
    GemmConfig {
        transa: op(transposed.0),
        transb: op(transposed.1),
        m,
        n,
        k,
        alpha: 1.0,
        lda,
        ldb,
        beta,
        ldc,
    }
}
