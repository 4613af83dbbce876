//! What the network's kernels say of themselves.

/// The instruction set in use.
pub(super) fn instruction_set() -> &'static str {
    "portable (gemm)"
}

/// Threads that the network really uses, when `wanted` were asked for (`None`: its own choice).
pub(super) fn threads(_wanted: Option<usize>) -> usize {
    1
}
